package graphtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// MemTransport carries HTTP requests to handlers in the same process, without a network. The
// keys of the map are hosts. MemTransport is for tests with testing/synctest, in which a call
// over a socket stops the clock. Over MemTransport, a handler that sleeps for 1.5 s takes
// exactly 1.5 s on that clock and no time in reality.
//
//	synctest.Test(t, func(t *testing.T) {
//		rec := graphtest.NewRecorder(t, servicegraph.Config{})
//		network := graphtest.MemTransport{}
//		network["cart"] = otelhttp.NewHandler(cart, "", // which sleeps for 1.5 s
//			otelhttp.WithTracerProvider(rec.Service("cart")), otelhttp.WithPropagators(rec.Propagator()))
//		client := &http.Client{Transport: otelhttp.NewTransport(network,
//			otelhttp.WithTracerProvider(rec.Service("web")), otelhttp.WithPropagators(rec.Propagator()))}
//		... // client.Get("http://cart/"), and close the body of the answer
//		graphtest.Check(t, rec.Graph(t), graphtest.Latency("web -> cart", servicegraph.CallerSide, 1, 1500*time.Millisecond))
//	})
//
// A handler runs in a goroutine of its own and may stream its answer. The context of its request
// ends when the client's context ends, but has no values of the client's context: services
// communicate only by headers and bodies. If a handler panics, the client gets an error. The client
// also gets an error for a host that is not in the map.
type MemTransport map[string]http.Handler

// RoundTrip passes the request to the handler of its host.
func (m MemTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	handler := m[r.URL.Host]
	if handler == nil {
		closeBody(r)
		return nil, fmt.Errorf("dial mem %s: there is no such host", r.URL.Host)
	}
	// The values of the client's context do not cross a network, least of all the client's
	// span. Its cancellation does.
	ctx, cancel := context.WithCancelCause(context.Background())
	in := r.Clone(ctx)
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "mem:0"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	body, w := io.Pipe()
	answer := &memAnswer{header: make(http.Header), body: w, ready: make(chan struct{})}
	stop := context.AfterFunc(r.Context(), func() {
		answer.fail(r.Context().Err()) // before cancel, or the handler may still answer
		cancel(context.Cause(r.Context()))
	})
	go func() {
		defer cancel(nil)
		defer stop()
		defer closeBody(r)
		defer func() {
			// net/http also recovers, and logs the panic. Here only the client learns of it.
			if p := recover(); p != nil {
				answer.fail(fmt.Errorf("mem %s: the handler panicked: %v", r.URL.Host, p))
			}
		}()
		handler.ServeHTTP(answer, in)
		answer.WriteHeader(http.StatusOK)
		w.Close()
	}()
	<-answer.ready
	if answer.err != nil {
		return nil, answer.err
	}
	length, err := strconv.ParseInt(answer.sent.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", answer.status, http.StatusText(answer.status)),
		StatusCode: answer.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        answer.sent,
		Body:          body,
		ContentLength: length,
		Request:       r,
	}, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// A memAnswer is the http.ResponseWriter of a handler.
type memAnswer struct {
	header http.Header // the handler can change it
	body   *io.PipeWriter

	once   sync.Once
	ready  chan struct{} // closed when the following are set
	status int
	sent   http.Header
	err    error
}

func (a *memAnswer) Header() http.Header { return a.header }

func (a *memAnswer) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		return // an informational answer, which precedes the real one
	}
	a.once.Do(func() {
		a.status, a.sent = status, a.header.Clone()
		close(a.ready)
	})
}

func (a *memAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// Flush sends the header. The body needs no flush: the client reads it as it is written.
func (a *memAnswer) Flush() { a.WriteHeader(http.StatusOK) }

// fail ends the answer with an error for the client.
func (a *memAnswer) fail(err error) {
	a.once.Do(func() {
		a.err = err
		close(a.ready)
	})
	a.body.CloseWithError(err)
}
