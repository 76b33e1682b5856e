package tracefile

import (
	"bufio"
	"bytes"
	"io"
	"slices"
)

// jsonStretches are a stream of JSON objects, cut so that several readers can decode it
// side by side. Together they find what one [jsonReader] would, in the same order.
//
// A stretch ends where a line begins with an opening brace, behind a line that ends with
// a closing one, blanks aside. Whatever came before, [values] finds that an object begins
// there. One that it is still in would go on with a comma between these braces, and a
// string with no line end: either is broken here, or was before. And on the way from what
// is left out, because it is broken, too long or no object, to the next one, no line is
// passed over that begins with an opening brace.
//
// Where objects are so long, or so many in one line, that no such place is in sight,
// readers decode in their turn, one after the other. Forms that [objects] reads are not
// cut: there, a line like that can be in a list, of which the next reader would not know.
type jsonStretches struct {
	in    *bufio.Reader
	limit int // bytes of one object

	rest   []byte // what was read behind the last stretch: the end of a buffer
	offset int64  // of rest in the stream
	err    error  // how the stream ended, behind rest
}

// inSight is how far to look for a place to cut at, in sizes of a stretch: 16 MiB.
const inSight = longLine / blockSize

// maxKept is how large a buffer a reader keeps.
const maxKept = 4 * longLine

// next reads on, into a buffer, until it can tell where the next stretch ends, which it
// returns with what is read: a number of bytes, 0 if no place to cut at is in sight. At
// the end of the stream, the stretch is all there is.
func (s *jsonStretches) next(b []byte, size int) ([]byte, int) {
	b = append(b[:0], s.rest...)
	searched := 0
	for want := size; want <= inSight*size; want += size {
		if b = s.fill(b, want); s.err != nil {
			return b, len(b)
		}
		// What is quoted of a broken object may be behind the cut.
		if n := len(b) - excerptLen; n > searched {
			if cut := lastCut(b[:n], searched); cut > 0 {
				return b, cut
			}
			searched = n
		}
	}
	return b, 0
}

// fill reads until there are so many bytes in a buffer, or the stream ends.
func (s *jsonStretches) fill(b []byte, want int) []byte {
	if want > cap(b) {
		b = slices.Grow(b, max(want-len(b), len(b)))
	}
	for len(b) < want && s.err == nil {
		var n int
		n, s.err = s.in.Read(b[len(b):want])
		b = b[:len(b)+n]
	}
	return b
}

// lastCut returns the last place in b to cut at, from a place on; 0 if there is none.
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

// lastLineEnd returns the index of the last '\n' in b from a place on, -1 if there is
// none. Where lines are long, bytes.LastIndexByte takes ten times as long.
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

// A jsonStretchReader reads stretches in turn with others.
type jsonStretchReader struct {
	stretches *jsonStretches
	size      int // of a stretch, if no object is larger
	jsonReader

	end     int64 // of the stretch, as an offset in the stream
	decoded bool  // when it was read
}

func (s *jsonStretches) reader(of *source, size int) stretchReader {
	return &jsonStretchReader{stretches: s, size: size, jsonReader: newJSONReader(of)}
}

func (r *jsonStretchReader) read() error {
	s, v := r.stretches, &r.values
	b, n := s.next(v.buf, r.size)
	*v = values{in: s.in, limit: s.limit, buf: b, base: s.offset, err: s.err}
	r.decoded = n == 0
	if r.decoded {
		return r.readInTurn()
	}
	if s.err == nil {
		v.err = io.EOF // nothing of the stretch is behind the cut
	}
	s.rest, s.offset = b[n:], s.offset+int64(n)
	r.end = s.offset
	if len(s.rest) == 0 {
		return s.err
	}
	return nil
}

// readInTurn decodes what is read, and the rest of the object that it ends in, from the
// stream.
func (r *jsonStretchReader) readInTurn() error {
	s, v := r.stretches, &r.values
	err := r.readTo(v.base + int64(len(v.buf)))
	s.rest, s.offset, s.err = v.buf[v.pos:], v.offset(), v.err
	return err
}

func (r *jsonStretchReader) decode() (err error) {
	if !r.decoded {
		err = unlessEOF(r.readTo(r.end))
	}
	if cap(r.values.buf) > maxKept { // one large object, and perhaps no second one
		r.values.buf = nil
	}
	return err
}
