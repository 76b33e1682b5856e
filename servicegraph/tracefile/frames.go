package tracefile

import (
	"bufio"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// readDelimited reads requests that each have their length before them.
func readDelimited(s *source, in *bufio.Reader, limit int) error {
	f := frames{in: in}
	d := newWireDecoder(s)
	return f.each(s, limit, func(message []byte) error {
		if err := d.request(message); err != nil {
			return err
		}
		// Where a message is damaged its length may have been, too. Then what
		// follows are not the bytes of a length.
		if d.damaged != nil {
			d.damaged = nil
			if head, _ := in.Peek(64); len(head) > 0 && !isDelimited(head) {
				return fmt.Errorf("no request begins at byte %d, behind a damaged one: the rest is lost", f.offset)
			}
		}
		return nil
	})
}

// readMessage reads one request, which need not fit into memory: it is a
// sequence of ResourceSpans that each have their tag and length before them.
func readMessage(s *source, in *bufio.Reader, limit int) error {
	f := frames{in: in, tagged: true}
	return f.each(s, limit, newWireDecoder(s).resourceSpans)
}

// frames splits a stream into protobuf messages.
type frames struct {
	in     *bufio.Reader
	tagged bool  // before the length stands the tag of ResourceSpans
	offset int64 // of the next byte of in

	buf []byte
}

// each calls decode with every message, valid during the call, to the end of
// the stream. It skips those of more than limit bytes.
func (f *frames) each(s *source, limit int, decode func(message []byte) error) error {
	for {
		s.record++
		s.offset = f.offset
		size, err := f.size()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case size > uint64(limit):
			if err = s.skip(fmt.Errorf("a message of %d bytes, more than the %d that are read at once", size, limit)); err == nil {
				err = f.discard(size)
			}
		default:
			if err = f.fill(int(size)); err == nil {
				err = decode(f.buf)
			}
			s.passOn(batchSize)
		}
		if err != nil {
			return err
		}
	}
}

// size reads the length of the next message; io.EOF if there is none.
func (f *frames) size() (uint64, error) {
	head, err := f.in.Peek(1 + 10) // a tag and the longest varint
	if len(head) == 0 {
		return 0, err
	}
	tag := 0
	if f.tagged {
		if uint64(head[0]) != requestResourceSpans {
			return 0, fmt.Errorf("no ResourceSpans begins at byte %d: the rest is lost", f.offset)
		}
		tag = 1
	}
	size, n := protowire.ConsumeVarint(head[tag:])
	if n < 0 {
		if err == nil || protowire.ParseError(n) != io.ErrUnexpectedEOF {
			return 0, fmt.Errorf("no length of a message at byte %d: the rest is lost", f.offset)
		}
		return 0, f.cut(err)
	}
	f.in.Discard(tag + n)
	f.offset += int64(tag + n)
	return size, nil
}

// fill reads the next size bytes into buf. The buffer grows with the bytes that
// are there, whatever size a damaged file claims.
func (f *frames) fill(size int) error {
	f.buf = f.buf[:0]
	for len(f.buf) < size {
		have := len(f.buf)
		f.buf = slices.Grow(f.buf, min(size-have, max(have, headSize)))
		f.buf = f.buf[:min(size, cap(f.buf))]
		if _, err := io.ReadFull(f.in, f.buf[have:]); err != nil {
			return f.cut(err)
		}
	}
	f.offset += int64(size)
	return nil
}

// discard passes over the next size bytes.
func (f *frames) discard(size uint64) error {
	const step = 1 << 30
	for left := size; left > 0; {
		n, err := f.in.Discard(int(min(left, step)))
		if err != nil {
			return f.cut(err)
		}
		left -= uint64(n)
	}
	f.offset += int64(size)
	return nil
}

// cut says which message the stream ends in, if the error is its end.
func (f *frames) cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the message at byte %d ends early (%w)", f.offset, io.ErrUnexpectedEOF)
	}
	return err
}
