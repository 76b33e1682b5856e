package otlpreceiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A budget is the number of bytes that all requests may hold together.
type budget struct {
	mu       sync.Mutex
	free     int
	arriving []*room       // the requests that are being read, the oldest first
	changed  chan struct{} // closed when bytes become free
}

// A room is the part of a budget that one request holds.
type room struct {
	budget  *budget
	stop    func() // makes reading the request fail
	began   time.Time
	held    int
	stopped bool // another request needs the room
}

func newBudget(bytes int) *budget { return &budget{free: bytes, changed: make(chan struct{})} }

// enter returns an empty room for a request that begins to arrive.
func (b *budget) enter(stop func()) *room {
	r := &room{budget: b, stop: stop, began: time.Now()}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.arriving = append(b.arriving, r)
	return r
}

// arrived notes that the request has arrived, so that it is not stopped any more.
func (r *room) arrived() {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	r.budget.remove(r)
}

func (b *budget) remove(r *room) {
	if i := slices.Index(b.arriving, r); i >= 0 {
		b.arriving = slices.Delete(b.arriving, i, i+1)
	}
}

// leave gives all bytes back.
func (r *room) leave() {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(r)
	b.free += r.held
	r.held = 0
	close(b.changed)
	b.changed = make(chan struct{})
}

// wasStopped reports whether another request needed the room.
func (r *room) wasStopped() bool {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	return r.stopped
}

// grow takes more bytes. It waits until they are free, and stops the requests that have been
// arriving longest. It returns errBusy if that takes too long.
func (r *room) grow(ctx context.Context, bytes int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		changed, ok := r.tryGrow(bytes)
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errBusy
		}
	}
}

// tryGrow takes more bytes if they are free. If not, it stops another request, and returns
// a channel that is closed when bytes become free.
func (r *room) tryGrow(bytes int) (changed <-chan struct{}, ok bool) {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free >= bytes {
		b.free -= bytes
		r.held += bytes
		return nil, true
	}
	for _, slow := range b.arriving {
		if time.Since(slow.began) < patience {
			break
		}
		if slow != r && !slow.stopped {
			slow.stopped = true
			slow.stop()
			break
		}
	}
	return b.changed, false
}

const (
	firstBytes      = 512      // what a request takes before anything of it has arrived
	decompressBytes = 48 << 10 // what decompressing takes
)

// readAll reads a request to its end, at most MaxRequest bytes. It takes as many bytes from the
// budget as it needs for what has arrived.
func (r *room) readAll(ctx context.Context, body io.Reader, decompress func(io.Reader) (io.Reader, error)) ([]byte, error) {
	failed := func(err error) ([]byte, error) {
		if r.wasStopped() {
			return nil, errBusy
		}
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, errTooManyBytes()
		}
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	if decompress != nil {
		if err := r.grow(ctx, decompressBytes); err != nil {
			return nil, err
		}
		var err error
		if body, err = decompress(body); err != nil {
			return failed(err)
		}
	}
	if err := r.grow(ctx, firstBytes); err != nil {
		return nil, err
	}
	data := make([]byte, 0, firstBytes)
	for {
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case len(data) > MaxRequest:
			return nil, errTooManyBytes()
		case err == io.EOF:
			r.arrived()
			return data, nil
		case err != nil:
			return failed(err)
		}
		if len(data) == cap(data) {
			more := min(cap(data), MaxRequest+1-cap(data))
			if err := r.grow(ctx, more); err != nil {
				return nil, err
			}
			data = append(make([]byte, 0, cap(data)+more), data...)
		}
	}
}
