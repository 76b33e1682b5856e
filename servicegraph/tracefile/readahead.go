package tracefile

import "io"

// A readAhead reads from another goroutine, some blocks ahead of who reads from it:
// inflating a stream takes longer than most of what is done with it.
type readAhead struct {
	full, free chan []byte
	stop       chan struct{}
	err        error // how the stream ended, once full is closed

	block, rest []byte // rest is the part of block that is not read yet
}

const (
	aheadBlocks = 4
	aheadSize   = 128 << 10
)

// newReadAhead returns a reader of what fill reads, until stop is closed. Somebody has
// to call fill in a goroutine.
func newReadAhead(stop chan struct{}) *readAhead {
	a := &readAhead{full: make(chan []byte, aheadBlocks), free: make(chan []byte, aheadBlocks), stop: stop}
	for range aheadBlocks {
		a.free <- make([]byte, aheadSize)
	}
	return a
}

// fill reads a stream to its end.
func (a *readAhead) fill(r io.Reader) {
	defer close(a.full)
	for a.err == nil {
		select {
		case b := <-a.free:
			var n int
			n, a.err = r.Read(b[:aheadSize])
			a.full <- b[:n] // perhaps of nothing, which a bufio.Reader knows to read
		case <-a.stop:
			a.err = errStopped
		}
	}
}

func (a *readAhead) Read(p []byte) (int, error) {
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
