package otlpreceiver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// most is how many requests of up to 1 MiB are taken at a time.
const most = 8

// A gate holds requests in Take until it opens.
type gate struct {
	open  chan struct{}
	taken atomic.Int32
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) take(Request) (Rejected, error) {
	g.taken.Add(1)
	<-g.open
	return Rejected{}, nil
}

// request returns a request with a JSON body.
func request(ctx context.Context, body io.Reader) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, Path, body)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// TestTurns: while 8 requests are being handled, other requests wait for a second and are then told
// to try again later. A request whose sender gives up is not handled.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		handler := New(g.take).Handler(nil)
		var senders sync.WaitGroup
		send := func(ctx context.Context) *httptest.ResponseRecorder {
			answer := httptest.NewRecorder()
			senders.Go(func() { handler.ServeHTTP(answer, request(ctx, strings.NewReader("{}"))) })
			return answer
		}
		for range most {
			send(t.Context())
		}
		synctest.Wait()
		impatient, giveUp := context.WithCancel(t.Context())
		send(impatient)
		late := send(t.Context())
		synctest.Wait()
		giveUp()
		time.Sleep(patience + 1)
		synctest.Wait()
		if late.Code != http.StatusServiceUnavailable || late.Header().Get("Retry-After") != "1" {
			t.Errorf("after a second: %d, Retry-After %q", late.Code, late.Header().Get("Retry-After"))
		}
		if n := g.taken.Load(); n != most {
			t.Errorf("%d requests are handled at a time, want %d", n, most)
		}
		soon := send(t.Context())
		synctest.Wait()
		close(g.open)
		senders.Wait()
		if n := g.taken.Load(); n != most+1 || soon.Code != http.StatusOK {
			t.Errorf("%d requests were handled, the last with status %d; want %d with %d", n, soon.Code, most+1, http.StatusOK)
		}
	})
}

// TestLargeRequests: while large requests are being handled, compressed or not, other large
// requests wait, and small requests do not.
func TestLargeRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken [2]atomic.Int32 // small and large
		open := make(chan struct{})
		handler := New(func(r Request) (Rejected, error) {
			if len(r.Body) <= 1<<20 {
				taken[0].Add(1)
				return Rejected{}, nil
			}
			taken[1].Add(1)
			<-open
			return Rejected{}, nil
		}).Handler(nil)
		var senders sync.WaitGroup
		send := func(size int, zipped bool) {
			senders.Go(func() {
				body := make([]byte, size)
				if zipped {
					body = zip(t, body)
				}
				r := request(t.Context(), bytes.NewReader(body))
				if zipped {
					r.Header.Set("Content-Encoding", "gzip")
				}
				handler.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
		for range 8 {
			send(1<<20+1, true)
			send(1<<20+1, false)
			send(1<<20, true)
			send(1<<20, false)
		}
		synctest.Wait()
		if small, large := taken[0].Load(), taken[1].Load(); small != 16 || large != int32(min(max(runtime.GOMAXPROCS(0)/2, 1), 4)) {
			t.Errorf("%d small and %d large requests were handled", small, large)
		}
		close(open)
		senders.Wait()
		if large := taken[1].Load(); large != 16 {
			t.Errorf("%d large requests were handled in the end", large)
		}
	})
}

// TestDenseRequests: requests that are compressed a thousand times wait for each other, however
// small they are, and usual requests do not wait for them.
func TestDenseRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var usual, dense atomic.Int32
		open := make(chan struct{})
		r := New(func(r Request) (Rejected, error) {
			if r.Body[len(r.Body)-1] != 0 {
				usual.Add(1)
				return Rejected{}, nil
			}
			dense.Add(1)
			<-open
			return Rejected{}, nil
		})
		var senders sync.WaitGroup
		send := func(body []byte) {
			senders.Go(func() {
				req := request(t.Context(), bytes.NewReader(zip(t, body)))
				req.Header.Set("Content-Encoding", "gzip")
				r.Handler(nil).ServeHTTP(httptest.NewRecorder(), req)
			})
		}
		for range 2 * most {
			send(make([]byte, 1<<20))
		}
		synctest.Wait()
		var text bytes.Buffer // compressed some ten times
		for i := range 20_000 {
			fmt.Fprintf(&text, "span %d of a service with a long name, which is the same in all;", i)
		}
		text.Truncate(1 << 20)
		for range 2 * most {
			send(text.Bytes())
			send([]byte("{}"))
		}
		synctest.Wait()
		if u, d := usual.Load(), dense.Load(); u != 4*most || d != int32(cap(r.large)) {
			t.Errorf("%d usual and %d dense requests were handled, want %d and %d", u, d, 4*most, cap(r.large))
		}
		close(open)
		senders.Wait()
		if d := dense.Load(); d != 2*most {
			t.Errorf("%d dense requests were handled in the end, want %d", d, 2*most)
		}
	})
}

// TestCompressedWait: large requests that wait for their turn hold only their compressed bytes.
func TestCompressedWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		r := New(g.take)
		handler := r.Handler(nil)
		body := zip(t, make([]byte, MaxRequest/2))
		var senders sync.WaitGroup
		const sent = 100
		for range sent {
			senders.Go(func() {
				req := request(t.Context(), bytes.NewReader(body))
				req.Header.Set("Content-Encoding", "gzip")
				handler.ServeHTTP(httptest.NewRecorder(), req)
			})
		}
		synctest.Wait()
		r.budget.mu.Lock()
		held := maxBytes - r.budget.free
		r.budget.mu.Unlock()
		most := cap(r.large)*MaxRequest + sent*(requestBytes+2*len(body)+2*firstBytes)
		if held > most || g.taken.Load() != int32(cap(r.large)) {
			t.Errorf("%d requests that wait, and %d that are handled, hold %d bytes; want %d at most", sent-cap(r.large), g.taken.Load(), held, most)
		}
		close(g.open)
		senders.Wait()
	})
}

// TestBudget: both protocols take the sizes of their requests from one budget, after decompression.
// A request without room is refused with an answer that tells the sender to send it again. The room
// is free after the other requests are answered.
func TestBudget(t *testing.T) {
	g := newGate()
	r := New(g.take)
	r.budget = newBudget(3<<20, 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	overGRPC := r.GRPCServer()
	go overGRPC.Serve(l)
	defer overGRPC.Close()
	client := coltracepb.NewTraceServiceClient(dial(t, l.Addr().String()))
	overHTTP := httptest.NewServer(r.Handler(nil))
	defer overHTTP.Close()
	post := func(body []byte, coding string) (*http.Response, error) {
		req, err := http.NewRequest(http.MethodPost, overHTTP.URL+Path, strings.NewReader(string(body)))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Content-Encoding", coding)
		answer, err := http.DefaultClient.Do(req)
		if err == nil {
			answer.Body.Close()
		}
		return answer, err
	}
	large := make([]byte, 3<<20/2) // takes 2 MiB: the buffer doubles
	var first sync.WaitGroup
	first.Go(func() {
		if answer, err := post(zip(t, large), "gzip"); err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("the first request: %v, %v", answer, err)
		}
	})
	for g.taken.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	answer, err := post(large, "")
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" {
		t.Errorf("HTTP without room: %v, %v", answer, err)
	}
	message := &coltracepb.ExportTraceServiceRequest{ResourceSpans: aSpan.ResourceSpans}
	message.ResourceSpans[0].SchemaUrl = strings.Repeat("x", len(large))
	defer func() { message.ResourceSpans[0].SchemaUrl = "" }()
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor("gzip")}} {
		_, err = client.Export(t.Context(), message, opts...)
		s := status.Convert(err)
		if s.Code() != codes.Unavailable || len(s.Details()) != 1 {
			t.Fatalf("gRPC without room: %v, %v", err, s.Details())
		}
		if info, ok := s.Details()[0].(*errdetails.RetryInfo); !ok || info.RetryDelay.AsDuration() != retryAfter {
			t.Errorf("gRPC without room: details %v", s.Details())
		}
	}
	close(g.open)
	first.Wait()
	if _, err := client.Export(t.Context(), message); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if r.budget.free != 3<<20 || len(r.budget.arriving) != 0 {
		t.Errorf("%d of %d bytes are free, %d requests arrive", r.budget.free, 3<<20, len(r.budget.arriving))
	}
}

// TestSlowBodies: bodies that stop arriving do not delay other requests, however much room they
// hold.
func TestSlowBodies(t *testing.T) {
	for _, sent := range []int{0, 1 << 20} {
		r := New((&sink{}).take)
		r.budget = newBudget(8<<20, 1<<20) // less than the slow bodies have sent
		server := httptest.NewServer(r.Handler(nil))
		for range 20 {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, slowHead+strings.Repeat(" ", sent)); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		if status, _, _ := postTo(t, server.URL, strings.NewReader("{}")); status != http.StatusOK {
			t.Errorf("with %d bytes of each slow body: status %d after %v", sent, status, time.Since(began))
		}
		server.CloseClientConnections()
		server.Close()
	}
}

func postTo(t *testing.T, url string, body io.Reader) (int, string, string) {
	t.Helper()
	answer, err := http.Post(url+Path, "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Content-Type"), string(text)
}

// slowHead is the head of a request whose body never ends.
const slowHead = "POST " + Path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"

// A pipeListener accepts the connections that dial makes, in the memory of the process.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener { return &pipeListener{make(chan net.Conn), make(chan struct{})} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// TestSlowBodiesDelayNobody: many bodies arrive slowly and hold all the room. A request of any size
// is answered within 100 ms, and the senders of the slow requests are told to try again later. The
// time is not real, so the test does not depend on the speed of the machine.
func TestSlowBodiesDelayNobody(t *testing.T) {
	tests := []struct {
		bodies, sent int // the slow requests
		size         int // of the request
		zipped       bool
	}{
		{90, 1 << 20, 2, false},
		{90, 1 << 20, 200 << 10, true},
		{90, 1 << 20, MaxRequest, false},
		{6000, 0, 2, false}, // each has a goroutine, buffers and a head
		{1000, 90 << 10, 2, false},
		{1000, 90 << 10, MaxRequest, true},
		{40, 3 << 20, 2 << 20, false},
	}
	if testing.Short() {
		tests = tests[:1]
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			testBesideSlowBodies(t, test.bodies, test.sent, test.size, test.zipped)
		})
	}
}

func testBesideSlowBodies(t *testing.T, bodies, sent, size int, zipped bool) {
	r := New((&sink{}).take)
	l := newPipeListener()
	server := &http.Server{Handler: r.Handler(nil)}
	var all sync.WaitGroup
	all.Go(func() { server.Serve(l) })
	var refused, others atomic.Int32
	first := slowHead + strings.Repeat(" ", sent)
	for range bodies {
		conn := l.dial()
		all.Go(func() {
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			switch {
			case err != nil: // the server has ended
			case answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "1":
				refused.Add(1)
			default:
				others.Add(1)
			}
			conn.Close()
		})
		all.Go(func() {
			for text := first; ; text = " " {
				if _, err := io.WriteString(conn, text); err != nil {
					return
				}
				time.Sleep(200 * time.Millisecond)
			}
		})
	}
	synctest.Wait() // all requests that have room have arrived

	body := make([]byte, size)
	if zipped {
		body = zip(t, body)
	}
	req := request(t.Context(), bytes.NewReader(body))
	if zipped {
		req.Header.Set("Content-Encoding", "gzip")
	}
	answer := httptest.NewRecorder()
	began := time.Now()
	r.Handler(nil).ServeHTTP(answer, req)
	if waited := time.Since(began); answer.Code != http.StatusOK || waited > 100*time.Millisecond {
		t.Errorf("beside %d bodies of %d bytes, a request of %d bytes, zipped %v: status %d after %v", bodies, sent, size, zipped, answer.Code, waited)
	}
	time.Sleep(2 * patience) // the rest of a refused body is read for up to a second
	if refused.Load() == 0 || others.Load() > 0 {
		t.Errorf("%d slow bodies were told to come later, %d got another answer", refused.Load(), others.Load())
	}
	server.Close()
	all.Wait()
	time.Sleep(time.Second) // the server closes connections with unread bytes only then
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	if r.budget.free != maxBytes || r.budget.leaving != 0 || len(r.budget.arriving) != 0 {
		t.Errorf("in the end %d of %d bytes are free, %d are leaving, %d requests arrive", r.budget.free, maxBytes, r.budget.leaving, len(r.budget.arriving))
	}
}

// TestStopsTheSlowest: when a request needs room, as many requests as necessary are stopped. The
// requests that have been arriving longest are stopped first, and none that has only begun to
// arrive.
func TestStopsTheSlowest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100, 0)
		var stopped []string // budget.mu guards it
		enter := func(name string) *room { return b.enter(func() { stopped = append(stopped, name) }) }
		wantStopped := func(names ...string) {
			t.Helper()
			b.mu.Lock()
			defer b.mu.Unlock()
			if !slices.Equal(stopped, names) {
				t.Errorf("stopped %q, want %q", stopped, names)
			}
		}
		take := func(r *room, bytes int) <-chan error {
			done := make(chan error, 1)
			go func() { done <- r.grow(t.Context(), bytes) }()
			synctest.Wait()
			return done
		}
		oldest, older, old := enter("oldest"), enter("older"), enter("old")
		for _, r := range []*room{oldest, older, old} {
			if err := <-take(r, 30); err != nil {
				t.Fatal(err)
			}
		}
		arrived := enter("arrived")
		if err := <-take(arrived, 5); err != nil {
			t.Fatal(err)
		}
		arrived.arrived()
		time.Sleep(youth - 1)
		next := enter("next")
		done := take(next, 50)
		wantStopped() // all have only begun to arrive
		time.Sleep(1)
		synctest.Wait()
		wantStopped("oldest", "older")
		if err := older.grow(t.Context(), 1); !errors.Is(err, errBusy) {
			t.Errorf("a stopped request gets %v for more room", err)
		}
		oldest.leave()
		older.leave()
		if err := <-done; err != nil {
			t.Errorf("after the oldest have left: %v", err)
		}
		// The room of the old requests would not be enough, so they are not stopped in vain.
		if err := <-take(next, 60); !errors.Is(err, errBusy) {
			t.Errorf("without room: %v", err)
		}
		wantStopped("oldest", "older")
	})
}

// TestReserve: a request that holds more than a small request may hold leaves the reserve free.
func TestReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(3*smallRoom, smallRoom)
		large, small := b.enter(func() {}), b.enter(func() {})
		large.arrived() // so that it is not stopped
		if err := large.grow(t.Context(), 2*smallRoom); err != nil {
			t.Fatal(err)
		}
		if err := large.grow(t.Context(), 1); !errors.Is(err, errBusy) {
			t.Errorf("a large request gets %v for the reserve", err)
		}
		began := time.Now()
		if err := small.grow(t.Context(), smallRoom); err != nil || time.Since(began) != 0 {
			t.Errorf("a small request gets %v after %v", err, time.Since(began))
		}
	})
}

// TestForeignHosts: requests from web pages are refused, and so are requests for a foreign host.
func TestForeignHosts(t *testing.T) {
	handler := New((&sink{}).take).Handler(func(host string) bool { return host == "localhost:4318" })
	for _, test := range []struct {
		host, header string
		want         int
	}{
		{"localhost:4318", "", http.StatusOK},
		{"evil.example:4318", "", http.StatusMisdirectedRequest},
		{"localhost:4318", "Origin", http.StatusForbidden},
		{"localhost:4318", "Sec-Fetch-Site", http.StatusForbidden},
	} {
		r := request(t.Context(), strings.NewReader("{}"))
		r.Host = test.host
		if test.header != "" {
			r.Header.Set(test.header, "same-origin")
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("host %s, header %q: %d %s, want %d", test.host, test.header, w.Code, w.Body, test.want)
		}
	}
}

// TestGRPCRefusals: other methods, compressions and protocols get an answer that says why.
func TestGRPCRefusals(t *testing.T) {
	var got sink
	addr := serveGRPC(t, got.take)
	conn := dial(t, addr)
	var answer coltracepb.ExportTraceServiceResponse
	if err := conn.Invoke(t.Context(), "/grpc.health.v1.Health/Check", aSpan, &answer); status.Code(err) != codes.Unimplemented {
		t.Errorf("another method: %v", err)
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	huge, err := http.NewRequest(http.MethodPost, "http://"+addr+exportPath, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	huge.Header.Set("X-Long", strings.Repeat("x", 2*maxHeader))
	if answer, err := transport.RoundTrip(huge); err == nil {
		answer.Body.Close()
		if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a huge head: %s", answer.Status)
		}
	}
	send := func(contentType, encoding, body string) (int, string) {
		r, err := http.NewRequest(http.MethodPost, "http://"+addr+exportPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Grpc-Encoding", encoding)
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Trailer.Get("Grpc-Status")
	}
	for _, test := range []struct {
		name, contentType, encoding, body string
		code                              int
		status                            string
	}{
		{"a message", "application/grpc", "", "\x00\x00\x00\x00\x05hello", 200, "0"}, // passed on undecoded
		{"another compression", "application/grpc+proto", "br", "\x01\x00\x00\x00\x01x", 200, "12"},
		{"no gzip", "application/grpc", "gzip", "\x01\x00\x00\x00\x01x", 200, "3"},
		{"cut off", "application/grpc", "", "\x00\x00\x00\x00\x09x", 200, "3"},
		{"too large", "application/grpc", "", "\x00\x01\x00\x00\x01x", 200, "8"},
		{"JSON", "application/json", "", "{}", 415, ""},
	} {
		if code, status := send(test.contentType, test.encoding, test.body); code != test.code || status != test.status {
			t.Errorf("%s: %d, grpc-status %q; want %d, %q", test.name, code, status, test.code, test.status)
		}
	}
	if len(got.requests) != 1 || string(got.requests[0].Body) != "hello" {
		t.Errorf("passed on: %+v", got.requests)
	}
}

// TestSilentConnections: connections that send nothing do not delay the shutdown of the servers.
func TestSilentConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := New((&sink{}).take).GRPCServer()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	for range 3 {
		silent, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	if _, err := coltracepb.NewTraceServiceClient(dial(t, l.Addr().String())).Export(t.Context(), aSpan); err != nil { // so that the server has taken the others
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if server.Shutdown(short) != nil {
		server.Close()
	}
	select {
	case <-served:
	case <-time.After(30 * time.Second):
		t.Error("the server has not ended 30 s after Close")
	}
}

// TestLengthIsRefused: a request whose header says that it is too large takes no room, and is
// refused before its body arrives.
func TestLengthIsRefused(t *testing.T) {
	r := New(func(Request) (Rejected, error) { return Rejected{}, nil })
	holds := 0
	body := readerFunc(func([]byte) (int, error) { // read when the request is refused
		r.budget.mu.Lock()
		defer r.budget.mu.Unlock()
		holds = max(holds, maxBytes-r.budget.free)
		return 0, io.EOF
	})
	req := request(t.Context(), body)
	req.ContentLength = MaxRequest + 1
	w := httptest.NewRecorder()
	r.Handler(nil).ServeHTTP(w, req)
	if w.Code != http.StatusRequestEntityTooLarge || holds > 0 {
		t.Errorf("status %d while the request held %d bytes, want 413 and none", w.Code, holds)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestUnknownLength: a body whose header does not tell its length is refused when it has more
// than MaxRequest bytes.
func TestUnknownLength(t *testing.T) {
	taken := false
	r := New(func(Request) (Rejected, error) { taken = true; return Rejected{}, nil })
	w := httptest.NewRecorder()
	r.Handler(nil).ServeHTTP(w, request(t.Context(), io.MultiReader(bytes.NewReader(make([]byte, MaxRequest+1)))))
	if w.Code != http.StatusRequestEntityTooLarge || taken {
		t.Errorf("status %d, taken: %v, want 413", w.Code, taken)
	}
}
