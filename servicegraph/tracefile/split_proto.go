package tracefile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/internal/quantity"
)

// A protoSplitter splits an input into protobuf messages. It reads the input in blocks, and
// messages are parts of a block: only a message across two blocks is copied.
//
// If the input is in memory, nothing is copied: a block is the rest of the input, and its messages are
// one large message or those in the next 64 KiB.
type protoSplitter struct {
	in     *bufio.Reader
	limit  int  // bytes of a message
	tagged bool // the tag of ResourceSpans precedes each length

	// If ahead is set, every block is filled, and the splitter reads lookahead bytes of the input
	// after every message. Otherwise a message is available as soon as it is complete.
	ahead bool

	// If inPlace is set, the whole input is in memory: rest has all of it at first, and in is not read.
	inPlace bool
	touched int  // how many of the first bytes of rest touch has read
	line    byte // the sum of what touch has read, so that the compiler does not remove the reads

	offset int64  // of the next message in the input
	rest   []byte // read after the last message: the end of a block
	excess uint64 // how many bytes to skip of a message that is too large
	err    error  // how the input ended
}

// newProtoSplitter returns a splitter for one goroutine.
func newProtoSplitter(in *input) *protoSplitter {
	p := &protoSplitter{in: in.Reader, limit: in.limit}
	if in.memory != nil {
		p.inPlace, p.rest, p.err = true, in.memory, io.EOF
	}
	return p
}

// A block is a part of the input, and the messages in it.
type block struct {
	buf      []byte
	messages []protoMessage
}

// blocks are blocks to use again: making one takes longer than reading a small file.
var blocks = sync.Pool{New: func() any { return &block{buf: make([]byte, 0, 2*headSize)} }}

// release makes the block available to the next reader, unless a large message has made it large.
func (b *block) release() {
	if cap(b.buf) <= 4*headSize {
		clear(b.messages)
		blocks.Put(b)
	}
}

// A protoMessage is the place of a message in a block.
type protoMessage struct {
	offset int64 // in the input, of the message's tag or length
	next   int64 // in the input, of the first byte after the message
	size   uint64
	bytes  []byte // nil if the size is over the limit
	end    int    // in the block
}

// lookahead is how many bytes after a message tell whether another message follows.
const lookahead = 64

// errMore says that a block ends within a message.
var errMore = errors.New("tracefile: the block ends")

// readDelimited reads requests that each follow their length.
func readDelimited(s *sink, in *input) error {
	return readMessages(s, newProtoSplitter(in))
}

func splitDelimited(in *input) splitter {
	return &protoSplitter{in: in.Reader, limit: in.limit, ahead: true}
}

// readMessage reads one request, which need not fit into memory: it is a sequence of
// ResourceSpans that each follow their tag and length.
func readMessage(s *sink, in *input) error {
	p := newProtoSplitter(in)
	p.tagged = true
	return readMessages(s, p)
}

func splitMessage(in *input) splitter {
	return &protoSplitter{in: in.Reader, limit: in.limit, tagged: true, ahead: true}
}

// readMessages decodes the messages of an input one after another.
func readMessages(s *sink, p *protoSplitter) error {
	d := newWireDecoder(s)
	b := new(block)
	if !p.inPlace {
		b = blocks.Get().(*block)
		defer b.release()
	}
	for {
		end := p.next(b)
		for i := range b.messages {
			if err := p.decode(d, b, &b.messages[i]); err != nil {
				return err
			}
			s.flush(batchSize)
		}
		if end != nil {
			return unlessEOF(end)
		}
	}
}

// next fills a block with at least one message, unless it returns an error: the reason why
// no more messages follow those in the block, io.EOF at the end of the input. The block may
// be one that was filled before.
func (p *protoSplitter) next(b *block) error {
	b.messages = b.messages[:0]
	if err := p.skipOversized(); err != nil {
		return err
	}
	if p.inPlace {
		b.buf = p.rest
	} else {
		b.buf = append(b.buf[:0], p.rest...)
	}
	at := 0
	for {
		n, err := p.appendMessages(b, at)
		at = n
		p.rest = b.buf[at:]
		switch {
		case err != errMore:
			return err
		case len(b.messages) > 0 && (!p.ahead || cap(b.buf)-len(b.buf) < headSize):
			return nil // the block is full enough: a smaller read would go through the buffer of in
		}
		p.fill(b)
	}
}

// fill reads more of the input. The buffer grows with the bytes that were read, and not with the
// message size that a damaged file may claim.
func (p *protoSplitter) fill(b *block) {
	if len(b.buf) == cap(b.buf) {
		b.buf = slices.Grow(b.buf, max(len(b.buf), headSize))
	}
	n, err := p.in.Read(b.buf[len(b.buf):cap(b.buf)])
	b.buf = b.buf[:len(b.buf)+n]
	p.err = err
}

// appendMessages finds the messages in b.buf[at:], and returns the index after the last one
// and why no more follow; nil after a message that is too large.
func (p *protoSplitter) appendMessages(b *block, at int) (int, error) {
	for {
		n := len(b.messages)
		b.messages = append(b.messages, protoMessage{})
		m := &b.messages[n]
		if err := p.first(m, b.buf[at:]); err != nil {
			b.messages = b.messages[:n]
			return at, err
		}
		m.end += at
		if p.inPlace && m.end > p.touched {
			if at > 0 { // the message begins the next block
				p.touched, p.excess = p.touched-at, 0
				b.messages = b.messages[:n]
				return at, nil
			}
			p.touch(b.buf, m.end)
		}
		at = m.end
		p.offset = m.next
		if m.bytes == nil {
			p.touched = 0
			return at, nil
		}
	}
}

// touch brings the next 64 KiB of b into the processor's caches: it reads a byte of each cache line. b
// begins with a message up to end. If that message is large, touch reads nothing.
//
// The processor prefetches memory that is read in order. But the decoder reads a resource before the
// spans, and the Collector writes the resource after them. Without touch, a file of the Collector with
// messages of 18 KB takes a quarter longer. With touch for large messages, a file of SDKs with messages
// of 70 KB takes 4 % longer.
func (p *protoSplitter) touch(b []byte, end int) {
	const large = 32 << 10
	if end > large {
		p.touched = end
		return
	}
	next := b[p.touched:min(p.touched+headSize, len(b))]
	for i := 0; i < len(next); i += 64 {
		p.line += next[i]
	}
	p.touched += len(next)
}

// first finds the message that b begins with. The error is errMore, or the error of the input, or
// describes the fault.
func (p *protoSplitter) first(m *protoMessage, b []byte) error {
	size, n, err := p.size(b)
	if err != nil {
		return err
	}
	m.offset, m.size, m.next, m.end = p.offset, size, p.offset+int64(n)+int64(size), n
	if size > uint64(p.limit) {
		p.excess = size
		return nil
	}
	b = b[n:]
	switch wants := int(size); {
	case len(b) < wants && p.err != nil:
		return endsEarly(m.next-int64(size), p.err)
	case len(b) < wants, p.ahead && p.err == nil && len(b) < wants+lookahead:
		return errMore
	default:
		m.bytes, m.end = b[:wants:wants], n+wants
		return nil
	}
}

// size returns the length of the message that b begins with, and the number of bytes before
// the message itself.
func (p *protoSplitter) size(b []byte) (size uint64, n int, err error) {
	if len(b) == 0 {
		return 0, 0, cmp.Or(p.err, errMore)
	}
	if p.tagged {
		if uint64(b[0]) != requestResourceSpans {
			return 0, 0, fmt.Errorf("no ResourceSpans begins at byte %d: the rest is lost", p.offset)
		}
		n = 1
	}
	if len(b) > n+1 && b[n+1] < 0x80 { // a message of less than 16 KiB
		if b[n] < 0x80 {
			return uint64(b[n]), n + 1, nil
		}
		return uint64(b[n]&0x7f) | uint64(b[n+1])<<7, n + 2, nil
	}
	size, length := protowire.ConsumeVarint(b[n:])
	switch {
	case length >= 0:
		return size, n + length, nil
	case protowire.ParseError(length) != io.ErrUnexpectedEOF:
		return 0, 0, fmt.Errorf("no length of a message at byte %d: the rest is lost", p.offset)
	case p.err == nil:
		return 0, 0, errMore
	}
	return 0, 0, endsEarly(p.offset, p.err)
}

// skipOversized skips the rest of a message that is too large.
func (p *protoSplitter) skipOversized() error {
	start := p.offset - int64(p.excess)
	buffered := min(p.excess, uint64(len(p.rest)))
	p.rest = p.rest[buffered:]
	for p.excess -= buffered; p.excess > 0 && p.err == nil; {
		n, err := p.in.Discard(int(min(p.excess, 1<<30)))
		p.excess -= uint64(n)
		p.err = err
	}
	if p.excess > 0 {
		return endsEarly(start, p.err)
	}
	return nil
}

// endsEarly returns an error that names the message in which the input ends, if err is the end of
// the input.
func endsEarly(offset int64, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the message at byte %d ends early (%w)", offset, io.ErrUnexpectedEOF)
	}
	return err
}

// decode decodes the spans of a message into the decoder's sink. With ahead, several
// goroutines may call it at a time, each with a decoder and a block of its own.
func (p *protoSplitter) decode(d *wireDecoder, b *block, m *protoMessage) error {
	d.sink.record++
	d.sink.offset = m.offset
	var err error
	switch {
	case m.bytes == nil:
		err = d.sink.skip(fmt.Errorf("a message of %s, %w of %s", quantity.Of(m.size, "byte"), ErrRecordTooLarge, quantity.Number(p.limit)))
	case p.tagged:
		err = d.resourceSpans(m.bytes)
	default:
		err = d.request(m.bytes)
	}
	if err == nil {
		err = d.sink.endRecord()
	}
	if err != nil || p.tagged || d.damaged == nil {
		return err
	}
	// If a message is damaged, its length may be damaged as well. In that case the bytes that
	// follow are not a length.
	d.damaged = nil
	if head := p.following(b, m); len(head) > 0 && !isDelimited(head) {
		return fmt.Errorf("no request begins at byte %d, after a damaged one: the rest is lost", m.next)
	}
	return nil
}

// following returns the bytes after a message, up to lookahead.
func (p *protoSplitter) following(b *block, m *protoMessage) []byte {
	for !p.ahead && p.err == nil && len(b.buf) < m.end+lookahead {
		at := len(b.buf) - len(p.rest)
		p.fill(b)
		p.rest = b.buf[at:]
	}
	return b.buf[m.end:min(len(b.buf), m.end+lookahead)]
}

// A blockReader reads blocks of messages in turn with others.
type blockReader struct {
	splitter *protoSplitter
	block    block
	decoder  *wireDecoder
	size     int // bytes of a block, if no message is larger
}

func (p *protoSplitter) reader(s *sink, size int) segmentReader {
	return &blockReader{splitter: p, block: block{buf: make([]byte, 0, size)}, decoder: newWireDecoder(s), size: size}
}

func (r *blockReader) read() error { return r.splitter.next(&r.block) }

func (r *blockReader) decode() error {
	for i := range r.block.messages {
		if err := r.splitter.decode(r.decoder, &r.block, &r.block.messages[i]); err != nil {
			return err
		}
	}
	if cap(r.block.buf) > 2*r.size { // one large message, perhaps the only one
		r.block.buf = make([]byte, 0, r.size)
	}
	return nil
}
