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

// A budget is the number of bytes that all requests may hold together. A part of the budget is
// reserved for small requests, so that large requests cannot delay them.
//
// A request takes bytes as it arrives, so the size that its header claims costs nothing. When bytes
// run short, the requests that have been arriving longest are stopped and give back their bytes. A
// request that arrives at a usual speed is younger than the slow requests, so it does not wait for
// them. Two other designs were rejected: waiting until slow requests end, because they may take
// half a minute, and requiring a minimum speed, because a slow network is no reason to refuse a
// request while there is room.
type budget struct {
	reserve int // bytes that only small requests get

	mu       sync.Mutex
	free     int
	leaving  int           // bytes that stopped requests have not given back yet
	arriving []*room       // the requests that are being read, the oldest first
	changed  chan struct{} // closed when bytes become free
}

// A room is the part of a budget that one request holds.
type room struct {
	budget  *budget
	conn    *conn  // of the request
	stop    func() // makes reading the request fail
	began   time.Time
	held    int
	stopped chan struct{} // closed when other requests need the room
}

func newBudget(bytes, reserve int) *budget {
	return &budget{reserve: reserve, free: bytes, changed: make(chan struct{})}
}

// enter returns an empty room for a request that begins to arrive.
func (b *budget) enter(stop func()) *room {
	r := &room{budget: b, stop: stop, began: time.Now(), stopped: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.arriving = append(b.arriving, r)
	return r
}

// requestBytes is how many bytes a request takes before its body arrives: for goroutines, buffers
// and a usual head.
const requestBytes = 16 << 10

// enter returns the room of a request that begins to arrive. The caller calls its leave.
func (r *Receiver) enter(w http.ResponseWriter, req *http.Request) (*room, error) {
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(readTime)) // fails if w has no connection, as in a test
	room := r.budget.enter(func() { control.SetReadDeadline(time.Now()) })
	room.conn = connOf(req)
	room.conn.begin()
	if err := room.grow(req.Context(), requestBytes); err != nil {
		room.leave()
		return nil, err
	}
	return room, nil
}

// arrived notes that the request has arrived completely. From now on it is not stopped.
func (r *room) arrived() {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	r.budget.remove(r)
}

// remove notes that a request is no longer arriving.
func (b *budget) remove(r *room) {
	if i := slices.Index(b.arriving, r); i >= 0 {
		b.arriving = slices.Delete(b.arriving, i, i+1)
		r.conn.end()
	}
}

// leave gives all bytes back.
func (r *room) leave() {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(r)
	b.free += r.held
	if r.wasStopped() {
		b.leaving -= r.held
	}
	r.held = 0
	close(b.changed)
	b.changed = make(chan struct{})
}

// wasStopped reports whether other requests needed the room.
func (r *room) wasStopped() bool {
	select {
	case <-r.stopped:
		return true
	default:
		return false
	}
}

// grow takes more bytes. If they are not free, it stops slow requests and waits. It returns errBusy
// if the wait takes too long, or if the request itself was stopped.
func (r *room) grow(ctx context.Context, bytes int) error {
	changed, next, ok := r.tryGrow(bytes)
	if ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !ok {
		select {
		case <-changed:
		case <-time.After(next):
		case <-r.stopped:
			return errBusy
		case <-ctx.Done():
			return errBusy
		}
		changed, next, ok = r.tryGrow(bytes)
	}
	return nil
}

// tryGrow takes more bytes if they are free. If not, it returns a channel that is closed when
// bytes become free, and the time after which more requests may be stopped.
func (r *room) tryGrow(bytes int) (changed <-chan struct{}, next time.Duration, ok bool) {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.wasStopped() {
		return b.changed, patience, false
	}
	least := b.reserve // the bytes that must stay free
	if r.held+bytes <= smallRoom {
		least = 0
	}
	if b.free-bytes >= least {
		b.free -= bytes
		r.held += bytes
		b.stopSlow(r, b.reserve)
		return nil, 0, true
	}
	next = b.stopSlow(r, least+bytes)
	return b.changed, next, false
}

// stopSlow stops the requests that have been arriving longest, if that frees the given number of
// bytes. It never stops the request that needs the bytes, nor a request that has only begun to
// arrive. It returns the time after which more requests may be stopped.
func (b *budget) stopSlow(needs *room, bytes int) (next time.Duration) {
	missing := bytes - b.free - b.leaving
	if missing <= 0 {
		return patience
	}
	var slow []*room
	for _, r := range b.arriving {
		if r == needs || r.held == 0 || r.wasStopped() {
			continue
		}
		if age := time.Since(r.began); age < youth {
			return youth - age
		}
		slow = append(slow, r)
		if missing -= r.held; missing <= 0 {
			break
		}
	}
	if missing > 0 {
		return patience
	}
	for _, r := range slow {
		close(r.stopped)
		b.leaving += r.held
		r.stop()
	}
	return patience
}

// firstBytes is how many bytes of buffer a request takes before its first byte has arrived.
const firstBytes = 512

// readAll reads a body to its end, at most MaxRequest bytes. From the budget it takes only the
// bytes that it needs for what has arrived.
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

// read appends to data until the end of the input, or until data has more than limit bytes. It
// reports whether it has reached the end. Before it makes the buffer larger, it calls grow with the
// number of additional bytes.
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
			return nil, false, errReading(err)
		}
	}
	return data, false, nil
}

func errReading(err error) error { return fmt.Errorf("reading the request: %w", err) }
