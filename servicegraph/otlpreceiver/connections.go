package otlpreceiver

import (
	"container/list"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

const (
	// MaxConnections is the largest number of open connections of a [Receiver], over both
	// protocols.
	MaxConnections = 1000

	maxArriving = 2000 // requests that are arriving at a time, over all connections

	// maxOverhead is how many bytes a connection may send that no request reads as its body, until
	// the next request arrives or is answered. These are heads, frames without data, and the unread
	// parts of the bodies of the last two requests: the first of the two may have been answered
	// early.
	maxOverhead = 2*maxUnread + 32<<10
)

// Listener returns a listener whose connections count against the limits of the receiver.
// The servers of GRPCServer and HTTPServer serve on such listeners.
//
// Beyond [MaxConnections], the receiver closes the connection that has gone longest without
// delivering a request: first the connections that have not delivered any request, the oldest
// first. Beyond 2,000 arriving requests, it closes the connection with most of them. It does not
// close a connection with a request that has arrived and is being handled. If no other connection
// can be closed, it closes the new one. A connection is also closed if it sends 160 KiB that belong
// to the body of no request, such as frames without data, before its next request arrives or is
// answered.
//
// Accepting no connection beyond the limit was rejected, because silent connections would then keep
// others out.
func (r *Receiver) Listener(l net.Listener) net.Listener { return &listener{l, r.connections} }

// Closed returns how many connections the receiver has closed because of the limits on connections.
func (r *Receiver) Closed() uint64 { return r.connections.closed.Load() }

type listener struct {
	net.Listener
	connections *connections
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.connections.add(accepted); c != nil {
			return c, nil
		}
	}
}

// connections are the open connections of a receiver.
type connections struct {
	max, maxArriving int
	closed           atomic.Uint64

	mu       sync.Mutex
	unproven list.List // of *conn: those that have delivered no request, in the order of their opening
	proven   list.List // of *conn: the others, in the order of their last delivery
	arriving int       // requests
}

// A conn is a connection of a receiver. The methods of a nil *conn do nothing. It stands for the
// connection of a request that came from a listener of another kind.
type conn struct {
	net.Conn
	of       *connections
	overhead atomic.Int64 // see maxOverhead

	// of.mu guards the other fields.
	in       *list.List // nil when closed
	place    *list.Element
	arriving int // requests
	handled  int // requests that have arrived and are being handled
}

// add counts a new connection and returns it, or returns nil if the connection had to be closed.
func (cs *connections) add(accepted net.Conn) *conn {
	c := &conn{Conn: accepted, of: cs}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.unproven.Len()+cs.proven.Len() >= cs.max && !cs.closeSlowest() {
		cs.closed.Add(1)
		accepted.Close()
		return nil
	}
	c.in, c.place = &cs.unproven, cs.unproven.PushBack(c)
	return c
}

// closeSlowest closes the connection that has gone longest without delivering a request. It
// returns false if there is none that can be closed.
func (cs *connections) closeSlowest() bool {
	for c := range cs.all {
		if c.handled == 0 {
			c.refuse()
			return true
		}
	}
	return false
}

// closeFullest closes the connection with the most arriving requests. If there is no other, it
// closes needs.
func (cs *connections) closeFullest(needs *conn) {
	fullest := needs
	for c := range cs.all {
		if c.handled == 0 && c.arriving > fullest.arriving {
			fullest = c
		}
	}
	fullest.refuse()
}

// all yields the connections, those that have gone longest without delivering a request first.
func (cs *connections) all(yield func(*conn) bool) {
	for _, l := range []*list.List{&cs.unproven, &cs.proven} {
		for e := l.Front(); e != nil; e = e.Next() {
			if !yield(e.Value.(*conn)) {
				return
			}
		}
	}
}

// refuse closes the connection because of a limit. The caller holds of.mu.
func (c *conn) refuse() {
	c.of.closed.Add(1)
	c.remove()
	c.Conn.Close()
}

// remove stops counting the connection. The caller holds of.mu.
func (c *conn) remove() {
	if c.in != nil {
		c.in.Remove(c.place)
		c.in = nil
		c.of.arriving -= c.arriving
	}
}

func (c *conn) Close() error {
	c.of.mu.Lock()
	c.remove()
	c.of.mu.Unlock()
	return c.Conn.Close()
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.overhead.Add(int64(n)) > maxOverhead && err == nil {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		if c.in != nil {
			c.refuse()
		}
		return 0, net.ErrClosed
	}
	return n, err
}

// begin notes that a request begins to arrive. The caller must call end afterwards.
func (c *conn) begin() {
	if c == nil {
		return
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.arriving++
	if c.in == nil {
		return
	}
	c.of.arriving++
	if c.of.arriving > c.of.maxArriving {
		c.of.closeFullest(c)
	}
}

// end notes that a request is no longer arriving, because it has arrived or failed.
func (c *conn) end() {
	if c == nil {
		return
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.arriving--
	if c.in != nil {
		c.of.arriving--
	}
}

// handle calls a function that handles a request that has arrived.
func (c *conn) handle(f func() error) error {
	if c == nil {
		return f()
	}
	c.forgive()
	c.of.mu.Lock()
	c.handled++
	c.of.mu.Unlock()
	defer func() {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.handled--
		if c.in != nil {
			c.in.Remove(c.place)
			c.in, c.place = &c.of.proven, c.of.proven.PushBack(c)
		}
	}()
	return f()
}

// forgive resets the overhead.
func (c *conn) forgive() {
	if c != nil {
		c.overhead.Store(0)
	}
}

// answered notes that a request has been answered, whatever the answer is: the sender may have sent
// more of the body than was read. A request that its sender has canceled does not count.
func answered(r *http.Request) {
	if r.Context().Err() == nil {
		connOf(r).forgive()
	}
}

type connKey struct{}

// connContext is the function for http.Server.ConnContext.
func connContext(ctx context.Context, accepted net.Conn) context.Context {
	if c, ok := accepted.(*conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// connOf returns the connection of a request, nil if it does not count.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// countBody returns a copy of the request. Bytes that are read from the body of the copy do not
// count as overhead of the connection. The original request keeps its body, because the server
// examines the type of that body.
func countBody(r *http.Request) *http.Request {
	c := connOf(r)
	if c == nil {
		return r
	}
	counted := *r
	counted.Body = &countedBody{r.Body, c}
	return &counted
}

type countedBody struct {
	io.ReadCloser
	conn *conn
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), 16<<10)]) // a reader of chunks reads many of them into a large p
	if b.conn.overhead.Add(-int64(n)) < 0 {              // bytes that were counted before forgive
		b.conn.forgive()
	}
	return n, err
}
