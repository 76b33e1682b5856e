package webserver

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// maxConnections is the largest number of open connections of a server that New returned. A
// browser opens up to six, and one page has one event stream.
const maxConnections = 500

// connections bounds the number of open connections of a server. When a new connection exceeds the
// bound, the server closes the connection that has waited longest without delivering the head of a
// request. If requests are being answered on all other connections, the server closes the new
// connection.
//
// Rejected: to accept no connection beyond the bound. Silent connections would then keep browsers
// out.
type connections struct {
	max int

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // the place in waiting; nil: a request is being answered
	waiting list.List                  // the other connections (net.Conn), the one that has waited longest first
}

// limitConnections bounds the connections of a server.
func limitConnections(server *http.Server, limit int) {
	c := &connections{max: limit, open: make(map[net.Conn]*list.Element)}
	server.ConnState = c.changed
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
	handler := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.answering(r.Context().Value(connKey{}).(net.Conn))
		handler.ServeHTTP(w, r)
	})
}

type connKey struct{}

// changed implements http.Server.ConnState. It ignores StateActive: a connection is active from the
// first byte of a request's head, but still waits until the head is complete.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = c.waiting.PushBack(conn)
		if len(c.open) > c.max {
			slowest := c.waiting.Front().Value.(net.Conn)
			c.remove(slowest)
			slowest.Close()
		}
	case http.StateIdle:
		if place, counts := c.open[conn]; counts && place == nil {
			c.open[conn] = c.waiting.PushBack(conn)
		}
	case http.StateHijacked, http.StateClosed:
		c.remove(conn)
	}
}

// answering records that the head of a request has arrived.
func (c *connections) answering(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place := c.open[conn]; place != nil {
		c.waiting.Remove(place)
		c.open[conn] = nil
	}
}

// remove forgets a connection. The caller holds mu.
func (c *connections) remove(conn net.Conn) {
	if place := c.open[conn]; place != nil {
		c.waiting.Remove(place)
	}
	delete(c.open, conn)
}
