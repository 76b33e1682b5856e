package tracefile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// readDelimited reads requests that each have their length before them.
func readDelimited(s *source, in *bufio.Reader, limit int) error {
	return readFrames(s, &frames{in: in, limit: limit})
}

// readMessage reads one request, which need not fit into memory: it is a
// sequence of ResourceSpans that each have their tag and length before them.
func readMessage(s *source, in *bufio.Reader, limit int) error {
	return readFrames(s, &frames{in: in, limit: limit, tagged: true})
}

// readFrames decodes message after message, or has it done beside this goroutine.
func readFrames(s *source, f *frames) error {
	if s.pipeline != nil {
		f.ahead = true
		return s.pipeline.readStretches(f.reader)
	}
	d := newWireDecoder(s)
	b := block{buf: make([]byte, 0, 2*headSize)}
	for {
		end := f.next(&b)
		for i := range b.messages {
			if err := f.decode(d, &b, &b.messages[i]); err != nil {
				return err
			}
			s.passOn(batchSize)
		}
		if end != nil {
			return unlessEOF(end)
		}
	}
}

func unlessEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// frames splits a stream into protobuf messages. It reads the stream in blocks, of
// which the messages are parts: nothing is copied but what lies across two of them.
//
// That a block is read at all, where the stream is in memory, is not worth saving: cut
// where it lay, the input of a bytes.Reader took a fifth longer, because copying brings
// it into the processor's cache in the order that suits that best.
type frames struct {
	in     *bufio.Reader
	limit  int  // on the size of a message
	tagged bool // before the length stands the tag of ResourceSpans

	// ahead says to fill every block, and to have behind every message as much of the
	// stream as decode wants to see. Without it, messages are there as soon as they
	// are whole.
	ahead bool

	offset int64  // of the next message in the stream
	rest   []byte // what was read behind the last message: the end of a block
	excess uint64 // how many bytes of a message to leave out
	err    error  // how the stream ended
}

// A block is a stretch of the stream, and the messages in it.
type block struct {
	buf      []byte
	messages []frame
}

// A frame is where a message is in a block.
type frame struct {
	offset int64 // in the stream, of its tag or length
	next   int64 // of what follows it
	size   uint64
	bytes  []byte // nil if they are more than the limit
	end    int    // in the block
}

// lookahead is how much of what follows a message tells whether it is one.
const lookahead = 64

// errMore says that a block ends within a message.
var errMore = errors.New("tracefile: the block ends")

// next fills a block, with one message at least, unless it returns an error: what is
// behind the messages in the block, and io.EOF if that is the end of the stream. The
// block may be the one that it filled before.
func (f *frames) next(b *block) error {
	b.messages = b.messages[:0]
	if err := f.leaveOut(); err != nil {
		return err
	}
	b.buf = append(b.buf[:0], f.rest...)
	at := 0
	for {
		n, err := f.cut(b, at)
		at = n
		f.rest = b.buf[at:]
		switch {
		case err != errMore:
			return err
		case len(b.messages) > 0 && (!f.ahead || cap(b.buf)-len(b.buf) < headSize):
			return nil // full enough: reading less at a time goes through in's own buffer
		}
		f.more(b)
	}
}

// more reads on. The buffer grows with the bytes that are there, whatever size of a
// message a damaged file claims.
func (f *frames) more(b *block) {
	if len(b.buf) == cap(b.buf) {
		b.buf = slices.Grow(b.buf, max(len(b.buf), headSize))
	}
	n, err := f.in.Read(b.buf[len(b.buf):cap(b.buf)])
	b.buf = b.buf[:len(b.buf)+n]
	f.err = err
}

// cut finds the messages in a block from a place on, and returns the place behind
// the last one, and why there are no more: nil if one was too large.
func (f *frames) cut(b *block, at int) (int, error) {
	for {
		m, err := f.first(b.buf[at:])
		if err != nil {
			return at, err
		}
		m.end += at
		at = m.end
		f.offset = m.next
		b.messages = append(b.messages, m)
		if m.bytes == nil {
			return at, nil
		}
	}
}

// first returns the message that b begins with. Its error is errMore, that of the
// stream, or says what is wrong.
func (f *frames) first(b []byte) (m frame, err error) {
	size, n, err := f.size(b)
	if err != nil {
		return m, err
	}
	m = frame{offset: f.offset, size: size, next: f.offset + int64(n) + int64(size), end: n}
	if size > uint64(f.limit) {
		f.excess = size
		return m, nil
	}
	b = b[n:]
	switch wants := int(size); {
	case len(b) < wants && f.err != nil:
		return m, endsEarly(m.next-int64(size), f.err)
	case len(b) < wants, f.ahead && f.err == nil && len(b) < wants+lookahead:
		return m, errMore
	default:
		m.bytes, m.end = b[:wants:wants], n+wants
		return m, nil
	}
}

// size reads the length of a message, and returns how many bytes that takes.
func (f *frames) size(b []byte) (size uint64, n int, err error) {
	if len(b) == 0 {
		return 0, 0, cmp.Or(f.err, errMore)
	}
	if f.tagged {
		if uint64(b[0]) != requestResourceSpans {
			return 0, 0, fmt.Errorf("no ResourceSpans begins at byte %d: the rest is lost", f.offset)
		}
		n = 1
	}
	size, length := protowire.ConsumeVarint(b[n:])
	switch {
	case length >= 0:
		return size, n + length, nil
	case protowire.ParseError(length) != io.ErrUnexpectedEOF:
		return 0, 0, fmt.Errorf("no length of a message at byte %d: the rest is lost", f.offset)
	case f.err == nil:
		return 0, 0, errMore
	}
	return 0, 0, endsEarly(f.offset, f.err)
}

// leaveOut passes over a message that is too large.
func (f *frames) leaveOut() error {
	start := f.offset - int64(f.excess)
	here := min(f.excess, uint64(len(f.rest)))
	f.rest = f.rest[here:]
	for f.excess -= here; f.excess > 0 && f.err == nil; {
		n, err := f.in.Discard(int(min(f.excess, 1<<30)))
		f.excess -= uint64(n)
		f.err = err
	}
	if f.excess > 0 {
		return endsEarly(start, f.err)
	}
	return nil
}

// endsEarly says which message the stream ends in, if the error is its end.
func endsEarly(offset int64, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the message at byte %d ends early (%w)", offset, io.ErrUnexpectedEOF)
	}
	return err
}

// decode passes the spans of a message of a block on. With ahead it can be called
// from several goroutines at a time, each with a decoder and blocks of its own.
func (f *frames) decode(d *wireDecoder, b *block, m *frame) error {
	d.record++
	d.offset = m.offset
	switch {
	case m.bytes == nil:
		return d.skip(fmt.Errorf("a message of %d bytes, more than the %d that are read at once", m.size, f.limit))
	case f.tagged:
		return d.resourceSpans(m.bytes)
	}
	if err := d.request(m.bytes); err != nil || d.damaged == nil {
		return err
	}
	// Where a message is damaged its length may have been, too. Then what follows are
	// not the bytes of a length.
	d.damaged = nil
	if head := f.following(b, m); len(head) > 0 && !isDelimited(head) {
		return fmt.Errorf("no request begins at byte %d, behind a damaged one: the rest is lost", m.next)
	}
	return nil
}

// following returns the bytes behind a message as far as they are read ahead.
func (f *frames) following(b *block, m *frame) []byte {
	for !f.ahead && f.err == nil && len(b.buf) < m.end+lookahead {
		at := len(b.buf) - len(f.rest)
		f.more(b)
		f.rest = b.buf[at:]
	}
	return b.buf[m.end:min(len(b.buf), m.end+lookahead)]
}

// A frameReader reads blocks of frames in turn with others.
type frameReader struct {
	frames *frames
	block  block
	wire   *wireDecoder
	size   int // of a block, if no message is larger
}

func (f *frames) reader(s *source, size int) stretchReader {
	return &frameReader{frames: f, block: block{buf: make([]byte, 0, size)}, wire: newWireDecoder(s), size: size}
}

func (r *frameReader) read() error { return r.frames.next(&r.block) }

func (r *frameReader) decode() error {
	for i := range r.block.messages {
		if err := r.frames.decode(r.wire, &r.block, &r.block.messages[i]); err != nil {
			return err
		}
	}
	if cap(r.block.buf) > 2*r.size { // one large message, and perhaps no second one
		r.block.buf = make([]byte, 0, r.size)
	}
	return nil
}
