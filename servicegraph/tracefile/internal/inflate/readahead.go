package inflate

import (
	"errors"
	"io"
)

// A ReadAhead reads a stream in a goroutine of its own, up to aheadBlocks blocks ahead of its
// consumer, because decompressing a stream takes longer than most work on its bytes.
type ReadAhead struct {
	full, free chan []byte
	stop       <-chan struct{}
	err        error // how the stream ended; set before full is closed

	block, rest []byte // rest is the part of block that is not read yet
}

const (
	aheadBlocks = 4
	aheadSize   = 128 << 10 // bytes of a block
)

var errStopped = errors.New("inflate: reading ahead was stopped")

// NewReadAhead returns a reader of the stream that Fill reads, until stop is closed. The caller
// must call Fill in another goroutine.
func NewReadAhead(stop <-chan struct{}) *ReadAhead {
	a := &ReadAhead{full: make(chan []byte, aheadBlocks), free: make(chan []byte, aheadBlocks), stop: stop}
	for range aheadBlocks {
		a.free <- make([]byte, aheadSize)
	}
	return a
}

// Fill reads a stream to its end.
func (a *ReadAhead) Fill(r io.Reader) {
	defer close(a.full)
	for a.err == nil {
		select {
		case b := <-a.free:
			var n int
			n, a.err = r.Read(b[:aheadSize])
			a.full <- b[:n] // b may be empty: a bufio.Reader accepts an empty read
		case <-a.stop:
			a.err = errStopped
		}
	}
}

func (a *ReadAhead) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		if a.block != nil {
			a.free <- a.block[:aheadSize]
			a.block = nil
		}
		b, ok := <-a.full
		if !ok {
			return 0, a.err
		}
		a.block, a.rest = b, b
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}
