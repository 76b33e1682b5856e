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

// firstBytes is what a request takes before anything of it has arrived.
const firstBytes = 512

// readAll reads a body to its end, at most MaxRequest bytes. It takes as many bytes from the
// budget as it needs for what has arrived.
func (r *room) readAll(ctx context.Context, body io.Reader) ([]byte, error) {
	grow := func(bytes int) error { return r.grow(ctx, bytes) }
	if err := grow(firstBytes); err != nil {
		return nil, err
	}
	data, whole, err := read(make([]byte, 0, firstBytes), body, MaxRequest, grow)
	switch {
	case r.wasStopped():
		return nil, errBusy
	case err != nil:
		return nil, err
	case !whole:
		return nil, errTooManyBytes()
	}
	r.arrived()
	return data, nil
}

// read appends what it reads to data. It reads until the end, or until there are more than limit
// bytes, and reports whether it has read the whole. Before it makes the buffer larger, it calls grow
// with the number of bytes.
func read(data []byte, from io.Reader, limit int, grow func(bytes int) error) (all []byte, whole bool, err error) {
	for len(data) <= limit {
		if len(data) == cap(data) {
			more := min(cap(data), limit+1-cap(data))
			if err := grow(more); err != nil {
				return nil, false, err
			}
			data = append(make([]byte, 0, cap(data)+more), data...)
		}
		n, err := from.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, false, errTooManyBytes()
		}
		switch {
		case err == io.EOF:
			return data, len(data) <= limit, nil
		case err != nil:
			return nil, false, fmt.Errorf("reading the request: %w", err)
		}
	}
	return data, false, nil
}
