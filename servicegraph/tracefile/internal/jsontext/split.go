package jsontext

import (
	"bufio"
	"bytes"
	"io"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// A Splitter cuts an input of JSON objects into segments that several streams can read in
// parallel. Together the streams find the objects that one [Stream] would find, in the same
// order.
//
// A segment ends where a line begins with an opening brace, after a line that ends with a
// closing brace, blanks aside. Such a line always starts an object, whatever precedes it:
// inside a list or object the two braces would be separated by a comma, and a string cannot
// contain a line end. If an earlier object is still open, it is malformed, and one stream
// would resync at the same line.
//
// If no such line is within maxSearch, because objects are very long or many are in one line,
// the segment ends within an object. The objects of such a segment cannot be read in parallel
// with the next segment.
//
// The objects of a [ListStream] cannot be split: such a line can be inside a list, which
// the stream of the next segment would not know.
type Splitter struct {
	in    *bufio.Reader
	limit int // bytes of one object

	rest   []byte // read after the end of the last segment; the tail of a stream's buffer
	offset int64  // of rest in the input
	err    error  // how the input ended, after rest
}

// maxSearch is how many bytes are searched for a place to cut, in multiples of the segment size.
// maxKeptBuffer is the largest buffer that a stream keeps between segments, in bytes.
const (
	maxSearch     = 32
	maxKeptBuffer = 4 * maxLine
)

// NewSplitter returns a splitter of an input. An object of more than limit bytes is
// malformed.
func NewSplitter(in *bufio.Reader, limit int) *Splitter {
	return &Splitter{in: in, limit: limit}
}

// Next makes a stream of the next segment, in the buffer that the stream had before. It
// returns the offset in the input at which the segment ends. If nothing follows the segment,
// err says how the input ended, perhaps with io.EOF. The size is the desired number of bytes of
// the segment.
//
// If no place to cut at was found, inTurn is true: the caller has to read the objects that
// begin before end, and then call Resume, before anybody calls Next again.
func (p *Splitter) Next(s *Stream, size int) (end int64, inTurn bool, err error) {
	b, n := p.read(s.buf, size)
	*s = Stream{in: p.in, limit: p.limit, buf: b, base: p.offset, err: p.err}
	if n == 0 {
		return p.offset + int64(len(b)), true, nil
	}
	if p.err == nil {
		s.err = io.EOF // the segment ends at the cut
	}
	p.rest, p.offset = b[n:], p.offset+int64(n)
	if len(p.rest) == 0 {
		err = p.err
	}
	return p.offset, false, err
}

// Resume continues after the objects that a stream has read when inTurn was true.
func (p *Splitter) Resume(s *Stream) {
	p.rest, p.offset, p.err = s.buf[s.pos:], s.Offset(), s.err
}

// Shrink drops the buffer of a stream if it is very large, as after one large object. It
// is called when the stream has read its segment.
func (p *Splitter) Shrink(s *Stream) {
	if cap(s.buf) > maxKeptBuffer {
		s.buf = nil
	}
}

// read reads into a buffer until it finds the end of the next segment. It returns the
// bytes read and the length of the segment: 0 if no place to cut at is within reach, all
// bytes at the end of the input.
func (p *Splitter) read(b []byte, size int) ([]byte, int) {
	b = append(b[:0], p.rest...)
	searched := 0
	for want := size; want <= maxSearch*size; want += size {
		if b = p.fill(b, want); p.err != nil {
			return b, len(b)
		}
		// The excerpt of a malformed object may extend past the cut.
		if n := len(b) - quote.ExcerptLen; n > searched {
			if cut := lastCut(b[:n], searched); cut > 0 {
				return b, cut
			}
			searched = n
		}
	}
	return b, 0
}

// fill reads until a buffer holds that many bytes, or the input ends.
func (p *Splitter) fill(b []byte, want int) []byte {
	if want > cap(b) {
		b = slices.Grow(b, max(want-len(b), len(b)))
	}
	for len(b) < want && p.err == nil {
		var n int
		n, p.err = p.in.Read(b[len(b):want])
		b = b[:len(b)+n]
	}
	return b
}

// lastCut returns the last place in b[from:] to cut b at; 0 if there is none.
func lastCut(b []byte, from int) int {
	from = max(from, 1)
	for end := len(b); end > from; {
		end = lastLineEnd(b[:end], from-1)
		if 0 < end && end+1 < len(b) && b[end+1] == '{' && bytes.HasSuffix(bytes.TrimRight(b[:end], " \t\r\n"), []byte("}")) {
			return end + 1
		}
	}
	return 0
}

// lastLineEnd returns the index of the last '\n' in b[from:], as an index in b; -1 if there
// is none. For long lines, bytes.LastIndexByte alone takes ten times as long.
func lastLineEnd(b []byte, from int) int {
	for end := len(b); end > from; {
		start := max(from, end-4<<10)
		if bytes.IndexByte(b[start:end], '\n') >= 0 {
			return start + bytes.LastIndexByte(b[start:end], '\n')
		}
		end = start
	}
	return -1
}
