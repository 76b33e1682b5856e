package jsontext

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// A Stream splits an input into its JSON objects. An object may have one line, many lines or a part
// of a line. After an object that is malformed or cut off, a stream goes on at the next line that
// begins with an opening brace. Such a line begins an object in a file of one-line objects as well
// as in a file of indented documents.
type Stream struct {
	in    *bufio.Reader
	limit int // bytes of one object

	deepest int // how deep the brackets of an object may nest; 0 stands for maxDepth

	buf  []byte
	pos  int   // buf[pos:] is read and not consumed
	base int64 // offset of buf[0] in the input
	err  error // why in has no more

	start int64 // offset of the last object

	searched int64 // no line ends between buf[pos] and this offset
}

// NewStream returns a stream of the objects in an input. An object of more than limit bytes
// is malformed.
func NewStream(in *bufio.Reader, limit int) Stream {
	return Stream{in: in, limit: limit}
}

// A MalformedError says why bytes of an input are not a JSON object. Objects may follow.
type MalformedError struct {
	reason string

	// Limit is the limit in bytes that the object exceeds; 0 if that is not the reason.
	Limit int
}

// cutOff is the reason for an object that is not complete at the end of the input.
const cutOff = "the JSON object is cut off"

func (e *MalformedError) Error() string { return e.reason }

// Offset returns the offset in the input of the next byte that is not consumed.
func (s *Stream) Offset() int64 { return s.base + int64(s.pos) }

// Start returns the offset in the input of the object that Next returned last.
func (s *Stream) Start() int64 { return s.start }

// Err returns the error of the input, nil if its end was not reached yet.
func (s *Stream) Err() error { return s.err }

// Advance consumes n bytes of those that Line returned.
func (s *Stream) Advance(n int) { s.pos += n }

// SkipBlanks moves to the next byte that is not blank, and reports whether there is one.
func (s *Stream) SkipBlanks() bool {
	for {
		if s.pos = blanksEnd(s.buf, s.pos); s.pos < len(s.buf) && s.buf[s.pos] < utf8.RuneSelf {
			return true
		}
		rest := bytes.TrimLeft(s.buf[s.pos:], Blanks)
		s.pos = len(s.buf) - len(rest)
		mayBeMark := bytes.HasPrefix([]byte(byteOrderMark), rest) // the rest of the mark is not read yet
		if !mayBeMark || !s.fill() {
			return len(rest) > 0
		}
	}
}

// maxLine is how many bytes of a line are buffered to find its end. A longer line may hold
// any number of objects.
const maxLine = 16 << 20

// Line returns the bytes from the next one that is not blank to the end of its line, and consumes
// none of them. In most files a line is an object, and bytes.IndexByte finds its end faster than a
// scanner. Line returns nil at the end of the input, and for a line that is too long.
func (s *Stream) Line() []byte {
	if !s.SkipBlanks() {
		return nil
	}
	n := max(0, int(s.searched-s.Offset())) // bytes of the line so far
	for {
		rest := s.buf[s.pos:]
		end := bytes.IndexByte(rest[n:], '\n')
		if end >= 0 {
			n += end
		} else {
			n = len(rest)
		}
		s.searched = s.Offset() + int64(n)
		switch {
		case n > min(maxLine, s.limit):
			return nil
		case end >= 0 || !s.fill():
			return s.buf[s.pos : s.pos+n]
		}
	}
}

// Next returns the next object, which is valid until the next call. Next checks the syntax of the
// object only as far as necessary to find its end. The error is io.EOF, a *MalformedError, or an
// error of the input.
func (s *Stream) Next() ([]byte, error) {
	if !s.SkipBlanks() {
		return nil, s.err
	}
	s.start = s.Offset()
	if s.buf[s.pos] != '{' {
		reason := "not a JSON object: " + s.excerpt(0)
		s.skipLine()
		return nil, &MalformedError{reason: reason}
	}

	scan := scanner{deepest: s.deepest}
	n := 0 // bytes of the object so far
	for {
		piece := s.buf[s.pos+n:]
		used, state := scan.scan(piece[:min(len(piece), s.limit+1-n)])
		n += used
		switch {
		case n > s.limit:
			s.resync(n, len(scan.brackets))
			return nil, &MalformedError{"longer than " + quantity.Of(s.limit, "byte"), s.limit}
		case state == scanComplete:
			s.pos += n
			return s.buf[s.pos-n : s.pos], nil
		case state == scanMalformed:
			what := "the line ends within a string"
			if wrong := s.buf[s.pos+n]; wrong != '\r' && wrong != '\n' {
				what = s.excerpt(n)
			}
			s.resync(n, len(scan.brackets))
			return nil, &MalformedError{reason: fmt.Sprintf("not JSON from byte %d on: %s", s.start+int64(n), what)}
		case state == scanTooDeep:
			s.resync(n, len(scan.brackets))
			return nil, &MalformedError{reason: fmt.Sprintf("nested more than %d deep", cmp.Or(s.deepest, maxDepth))}
		case !s.fill():
			if s.err != io.EOF {
				return nil, s.err
			}
			s.resync(n, len(scan.brackets))
			return nil, &MalformedError{reason: cutOff}
		}
	}
}

// excerpt quotes the input from the byte n bytes after the next byte. It first reads all bytes
// that the text depends on, so that the text does not depend on the pieces in which the input
// arrives.
func (s *Stream) excerpt(n int) string {
	for len(s.buf)-s.pos-n < quote.ExcerptLen && !quote.HasExcerpt(s.buf[s.pos+n:]) && s.fill() {
	}
	b := s.buf[s.pos+n:]
	return quote.Excerpt(b[:min(len(b), quote.ExcerptLen)])
}

// fill reads more of the input, and reports whether there was more. It may move buf[pos:].
func (s *Stream) fill() bool {
	if s.err != nil {
		return false
	}
	if _, s.err = s.in.Peek(1); s.err != nil {
		return false
	}
	if s.pos > len(s.buf)/2 { // moves no more bytes than it makes room for
		s.base += int64(s.pos)
		s.buf = s.buf[:copy(s.buf, s.buf[s.pos:])]
		s.pos = 0
	}
	s.buf = slices.Grow(s.buf, s.in.Buffered())
	n, _ := s.in.Read(s.buf[len(s.buf):cap(s.buf)]) // buffered bytes come without an error
	s.buf = s.buf[:len(s.buf)+n]
	return true
}

// skipLine moves to the beginning of the next line, or to the end.
func (s *Stream) skipLine() {
	for {
		if i := bytes.IndexByte(s.buf[s.pos:], '\n'); i >= 0 {
			s.pos += i + 1
			return
		}
		s.pos = len(s.buf)
		if !s.fill() {
			return
		}
	}
}

// resync moves to the next line that begins with an opening brace. The current object is
// malformed after n bytes, at a nesting of depth brackets. If objects may nest deeper than
// usual and this one does, resync skips these n bytes instead of trying each of their lines.
func (s *Stream) resync(n, depth int) {
	if s.deepest > 0 && depth > maxDepth {
		s.pos += n
	}
	for {
		s.skipLine()
		if s.pos == len(s.buf) && !s.fill() || s.buf[s.pos] == '{' {
			return
		}
	}
}
