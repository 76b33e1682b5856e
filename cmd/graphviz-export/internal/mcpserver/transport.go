package mcpserver

import (
	"context"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// An unclosed writer ignores Close: the server must not close standard output.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// A patient transport reports the end of its input only after the last call was answered. The
// server cancels open calls when it sees the end of the input, so that otherwise the requests in a
// file would get no answers.
type patient struct{ mcp.Transport }

func (p patient) Connect(ctx context.Context) (mcp.Connection, error) {
	c, err := p.Transport.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &patientConnection{Connection: c, open: make(map[jsonrpc.ID]bool), idle: make(chan struct{}), closed: make(chan struct{})}, nil
}

type patientConnection struct {
	mcp.Connection
	closing sync.Once
	closed  chan struct{} // closed by Close

	mu    sync.Mutex
	open  map[jsonrpc.ID]bool // calls without an answer
	ended bool                // the input has ended, or an answer could not be written
	idle  chan struct{}       // closed when the input has ended and no call is open
}

func (c *patientConnection) Read(ctx context.Context) (jsonrpc.Message, error) {
	msg, err := c.Connection.Read(ctx)
	if err != nil {
		c.update(func() { c.ended = true })
		select {
		case <-c.idle:
		case <-c.closed:
		case <-ctx.Done():
		}
		return nil, err
	}
	if call, ok := msg.(*jsonrpc.Request); ok && call.IsCall() {
		c.update(func() { c.open[call.ID] = true })
	}
	return msg, nil
}

func (c *patientConnection) Write(ctx context.Context, msg jsonrpc.Message) error {
	err := c.Connection.Write(ctx, msg)
	c.update(func() {
		if answer, ok := msg.(*jsonrpc.Response); ok {
			delete(c.open, answer.ID)
		}
		if err != nil { // the other side has closed the stream and reads no answers
			clear(c.open)
			c.ended = true
		}
	})
	return err
}

func (c *patientConnection) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Connection.Close()
}

// update changes the state, and wakes Read when the input has ended and no call is open.
func (c *patientConnection) update(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	if !c.ended || len(c.open) > 0 {
		return
	}
	select {
	case <-c.idle:
	default:
		close(c.idle)
	}
}
