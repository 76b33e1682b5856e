package tracefile

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// blanks are the bytes that may stand between two JSON values: white space, and
// those of a byte order mark.
const blanks = " \t\r\n" + byteOrderMark

const byteOrderMark = "\xef\xbb\xbf"

// values splits a stream into its JSON objects, whether each has a line, many
// lines, or a part of one. After an object that is broken or cut off it goes on
// at the next line that begins with an opening brace, and so finds the next
// object of a file of lines as of one of indented documents.
type values struct {
	in    *bufio.Reader
	limit int // bytes of one object

	deepest int // how deep an object may nest; 0 for maxDepth

	buf  []byte
	pos  int   // buf[pos:] is read and not consumed
	base int64 // offset of buf[0] in the stream
	err  error // why in has no more

	start int64 // offset of the last value

	searched int64 // up to which offset no line ends behind buf[pos]
}

// A brokenValue says why bytes are not a JSON object. Others may follow.
type brokenValue struct{ reason string }

// cutOff is the reason of an object that the end of the stream is in.
const cutOff = "the JSON object is cut off"

func (e *brokenValue) Error() string { return e.reason }

// offset returns that of the next byte in the stream.
func (v *values) offset() int64 { return v.base + int64(v.pos) }

// begin goes to the next byte that is not blank, and reports whether there is one.
func (v *values) begin() bool {
	for {
		if v.pos = blanksEnd(v.buf, v.pos); v.pos < len(v.buf) && v.buf[v.pos] < utf8.RuneSelf {
			return true
		}
		rest := bytes.TrimLeft(v.buf[v.pos:], blanks)
		v.pos = len(v.buf) - len(rest)
		cutOff := bytes.HasPrefix([]byte(byteOrderMark), rest) // what is blank, perhaps
		if !cutOff || !v.more() {
			return len(rest) > 0
		}
	}
}

// longLine is how much of a line is buffered to find its end. Behind that it may hold
// any number of objects.
const longLine = 16 << 20

// line returns what there is from the next byte on that is not blank to the end of its
// line, and consumes nothing of it: usually an object, found without looking at every
// byte. It is nil at the end, and where a line is too long.
func (v *values) line() []byte {
	if !v.begin() {
		return nil
	}
	n := max(0, int(v.searched-v.offset())) // bytes of it
	for {
		rest := v.buf[v.pos:]
		end := bytes.IndexByte(rest[n:], '\n')
		if end >= 0 {
			n += end
		} else {
			n = len(rest)
		}
		v.searched = v.offset() + int64(n)
		switch {
		case n > min(longLine, v.limit):
			return nil
		case end >= 0 || !v.more():
			return v.buf[v.pos : v.pos+n]
		}
	}
}

// next returns the next object, valid until the next call, and sets start. Its
// syntax is checked as far as it takes to find the end. The error is io.EOF, a
// *brokenValue, or one of the underlying reader.
func (v *values) next() ([]byte, error) {
	if !v.begin() {
		return nil, v.err
	}
	v.start = v.offset()
	if v.buf[v.pos] != '{' {
		reason := "not a JSON object: " + v.excerpt(0)
		v.skipLine()
		return nil, &brokenValue{reason}
	}

	scan := jsonScanner{deepest: v.deepest}
	n := 0 // bytes of the object so far
	for {
		more := v.buf[v.pos+n:]
		used, state := scan.scan(more[:min(len(more), v.limit+1-n)])
		n += used
		switch {
		case n > v.limit:
			v.resume(n, len(scan.open))
			return nil, &brokenValue{fmt.Sprintf("longer than %d bytes", v.limit)}
		case state == jsonComplete:
			v.pos += n
			return v.buf[v.pos-n : v.pos], nil
		case state == jsonBroken:
			what := "the line ends within a string"
			if wrong := v.buf[v.pos+n]; wrong != '\r' && wrong != '\n' {
				what = v.excerpt(n)
			}
			v.resume(n, len(scan.open))
			return nil, &brokenValue{fmt.Sprintf("not JSON from byte %d on: %s", v.start+int64(n), what)}
		case state == jsonTooDeep:
			v.resume(n, len(scan.open))
			return nil, &brokenValue{fmt.Sprintf("nested more than %d deep", cmp.Or(v.deepest, maxDepth))}
		case !v.more():
			if v.err != io.EOF {
				return nil, v.err
			}
			v.resume(n, len(scan.open))
			return nil, &brokenValue{cutOff}
		}
	}
}

// excerptLen is how many bytes an excerpt of a stream is made from, at most.
const excerptLen = 512

// excerpt quotes the beginning of what is n bytes behind the next one. It says the same
// in whatever pieces the stream arrives.
func (v *values) excerpt(n int) string {
	for len(v.buf)-v.pos-n < excerptLen && !hasLine(v.buf[v.pos+n:]) && v.more() {
	}
	b := v.buf[v.pos+n:]
	return excerpt(b[:min(len(b), excerptLen)])
}

// hasLine reports whether b has all that its excerpt depends on: a line that ends, and
// is more than a bracket.
func hasLine(b []byte) bool {
	line, _, ended := bytes.Cut(bytes.TrimLeft(b, blanks), []byte("\n"))
	return ended && len(bytes.TrimRight(line, blanks)) > 1
}

// more reads on behind what is buffered. It may move buf[pos:].
func (v *values) more() bool {
	if v.err != nil {
		return false
	}
	if _, v.err = v.in.Peek(1); v.err != nil {
		return false
	}
	if v.pos > len(v.buf)/2 { // moves no more bytes than it makes room for
		v.base += int64(v.pos)
		v.buf = v.buf[:copy(v.buf, v.buf[v.pos:])]
		v.pos = 0
	}
	v.buf = slices.Grow(v.buf, v.in.Buffered())
	n, _ := v.in.Read(v.buf[len(v.buf):cap(v.buf)]) // what is buffered: no error
	v.buf = v.buf[:len(v.buf)+n]
	return true
}

// skipLine goes to the beginning of the next line, or to the end.
func (v *values) skipLine() {
	for {
		if i := bytes.IndexByte(v.buf[v.pos:], '\n'); i >= 0 {
			v.pos += i + 1
			return
		}
		v.pos = len(v.buf)
		if !v.more() {
			return
		}
	}
}

// resume goes on behind an object that broke after n bytes, inside so many brackets.
// Where they may be very many, the lines inside are not tried one by one.
func (v *values) resume(n, depth int) {
	if v.deepest > 0 && depth > maxDepth {
		v.pos += n
	}
	v.skipObject()
}

// skipObject goes to the next line that begins with an opening brace, or to the
// end.
func (v *values) skipObject() {
	for {
		v.skipLine()
		if v.pos == len(v.buf) && !v.more() || v.buf[v.pos] == '{' {
			return
		}
	}
}
