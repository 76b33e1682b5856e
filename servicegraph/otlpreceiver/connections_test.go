package otlpreceiver

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

// A limited is a receiver that serves both protocols, on listeners whose connections count against
// the limits.
type limited struct {
	*Receiver
	http, grpc string // addresses
}

func serveLimited(t *testing.T, take Take, max, maxArriving int) limited {
	t.Helper()
	r := New(take)
	r.connections.max, r.connections.maxArriving = max, maxArriving
	serve := func(server *http.Server) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			server.Serve(r.Listener(l))
			close(done)
		}()
		t.Cleanup(func() {
			server.Close()
			<-done
		})
		return l.Addr().String()
	}
	return limited{r, serve(r.HTTPServer(nil)), serve(r.GRPCServer())}
}

func (l limited) dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// newClient returns a client with connections of its own.
func newClient(t *testing.T, http2 bool) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// send posts a body and reports whether the client sent it on a connection that it already had.
func send(t *testing.T, client *http.Client, addr, contentType string, body io.Reader) (status int, reused bool) {
	t.Helper()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused },
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+Path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Long", strings.Repeat("x", 8<<10))
	answer, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", contentType, err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, reused
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// wantClosed reads until the other side has closed the connection.
func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	io.Copy(io.Discard, c) // returns an error if data that the other side has not read is lost
}

// TestConnectionLimit: at the limit, a new connection takes the place of the one that has been
// silent longest, over both protocols, and connections that deliver requests stay.
func TestConnectionLimit(t *testing.T) {
	const max = 5
	r := serveLimited(t, (&sink{}).take, max, max)
	steady := newClient(t, false)
	if status, _ := send(t, steady, r.http, "application/json", strings.NewReader("{}")); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	steadyGRPC := coltracepb.NewTraceServiceClient(dial(t, r.grpc))
	if _, err := steadyGRPC.Export(t.Context(), aSpan); err != nil {
		t.Fatal(err)
	}
	var silent []net.Conn
	for i := range 4 * max {
		addr, text := r.grpc, ""
		switch i % 3 {
		case 0:
			addr = r.http
		case 1:
			addr, text = r.http, slowHead
		}
		c := r.dial(t, addr)
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		silent = append(silent, c)
		waitFor(t, func() bool { // so that connections are accepted in the order of the dials
			r.connections.mu.Lock()
			defer r.connections.mu.Unlock()
			return r.connections.unproven.Len()+r.connections.proven.Len()+int(r.Closed()) == len(silent)+2
		})
		if i >= max-2 {
			wantClosed(t, silent[i-(max-2)])
		}
	}
	if closed := r.Closed(); closed != 4*max-(max-2) {
		t.Errorf("%d connections were closed, want %d", closed, 4*max-(max-2))
	}
	if status, reused := send(t, steady, r.http, "application/json", strings.NewReader("{}")); status != http.StatusOK || !reused {
		t.Errorf("a client that has delivered a request: status %d, on the same connection: %v", status, reused)
	}
	if _, err := steadyGRPC.Export(t.Context(), aSpan); err != nil {
		t.Errorf("a client over gRPC that has delivered a request: %v", err)
	}
	if status, _ := send(t, newClient(t, false), r.http, "application/json", strings.NewReader("{}")); status != http.StatusOK {
		t.Errorf("a new client: status %d", status)
	}
	r.connections.mu.Lock()
	defer r.connections.mu.Unlock()
	if proven := r.connections.proven.Len(); proven != 3 {
		t.Errorf("%d connections that have delivered a request are open, want 3", proven)
	}
}

// TestHandledStay: connections with a request that is being handled are not closed for a new one.
func TestHandledStay(t *testing.T) {
	const max = 2
	g := newGate()
	r := serveLimited(t, g.take, max, max)
	answers := make(chan int, max)
	for range max {
		client := newClient(t, false)
		go func() {
			answer, err := client.Post("http://"+r.http+Path, "application/json", strings.NewReader("{}"))
			if err != nil {
				answers <- 0
				return
			}
			answer.Body.Close()
			answers <- answer.StatusCode
		}()
	}
	waitFor(t, func() bool { return g.taken.Load() == max })
	wantClosed(t, r.dial(t, r.http))
	wantClosed(t, r.dial(t, r.grpc))
	close(g.open)
	for range max {
		if status := <-answers; status != http.StatusOK {
			t.Errorf("a request that was being handled: status %d", status)
		}
	}
	if closed := r.Closed(); closed != 2 {
		t.Errorf("%d connections were closed, want 2", closed)
	}
}

// TestArrivingLimit: beyond the limit on requests that are arriving, the connection with most of
// them is closed, and their room is free again.
func TestArrivingLimit(t *testing.T) {
	const max = 10
	r := serveLimited(t, (&sink{}).take, MaxConnections, max)
	silent := r.dial(t, r.http) // closing it would not help, so it stays
	client := newClient(t, true)
	send(t, client, r.grpc, "application/grpc", strings.NewReader("")) // so that all streams are on one connection
	failed := make(chan error, max+1)
	for range max + 1 {
		body, slow := io.Pipe()
		t.Cleanup(func() { slow.Close() })
		go slow.Write([]byte{0, 0, 1, 0, 0, 'x'})
		go func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.grpc+exportPath, body)
			if err != nil {
				failed <- err
				return
			}
			r.Header.Set("Content-Type", "application/grpc")
			answer, err := client.Do(r) //
			if err == nil {
				answer.Body.Close()
			}
			failed <- err
		}()
	}
	waitFor(t, func() bool { return r.Closed() > 0 })
	if err := <-failed; err == nil {
		t.Error("a slow request got an answer")
	}
	if _, err := coltracepb.NewTraceServiceClient(dial(t, r.grpc)).Export(t.Context(), aSpan); err != nil {
		t.Errorf("a request beside them: %v", err)
	}
	if _, err := io.WriteString(silent, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Error(err)
	}
	if n, err := silent.Read(make([]byte, 1)); n != 1 {
		t.Errorf("the silent connection was closed: %v", err)
	}
}

// TestOverhead: a connection that sends much beside the bodies of requests is closed, but not one
// that sends large bodies, many heads, or bodies that are refused.
func TestOverhead(t *testing.T) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for _, attack := range []struct {
		name, first, rest string
		grpc              bool
	}{
		{"chunks of a byte", strings.Replace(slowHead, "Content-Length: 9000000", "Transfer-Encoding: chunked", 1), "1\r\n \r\n", false},
		{"pings", preface, "\x00\x00\x08\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", true},
		{"settings", preface, "\x00\x00\x00\x04\x00\x00\x00\x00\x00", true},
	} {
		r := serveLimited(t, (&sink{}).take, 10, 10)
		c := r.dial(t, r.http)
		if attack.grpc {
			c = r.dial(t, r.grpc)
		}
		go io.Copy(io.Discard, c)
		if _, err := io.WriteString(c, attack.first); err != nil {
			t.Fatal(err)
		}
		for err := error(nil); err == nil; {
			_, err = io.WriteString(c, strings.Repeat(attack.rest, 1000))
		}
		if closed := r.Closed(); closed != 1 {
			t.Errorf("%s: %d connections were closed, want 1", attack.name, closed)
		}
	}
	r := serveLimited(t, (&sink{}).take, 10, 10)
	client := newClient(t, false)
	send(t, client, r.http, "application/json", strings.NewReader("{}"))
	for range 50 { // more bytes of heads than maxOverhead
		if status, reused := send(t, client, r.http, "application/json", strings.NewReader("{}")); status != http.StatusOK || !reused {
			t.Fatalf("a small body: status %d, on the same connection: %v", status, reused)
		}
	}
	large := make([]byte, MaxRequest)
	for _, test := range []struct {
		contentType string
		body        []byte
		want        int
	}{
		{"text/plain", large[:200<<10], http.StatusUnsupportedMediaType},
		{"text/plain", large[:200<<10], http.StatusUnsupportedMediaType},
		{"application/json", large, http.StatusOK},
		{"application/json", large, http.StatusOK},
	} {
		body := io.MultiReader(bytes.NewReader(test.body)) // of unknown length, so it is sent in chunks
		if status, reused := send(t, client, r.http, test.contentType, body); status != test.want || !reused {
			t.Errorf("%d bytes of %s: status %d, on the same connection: %v", len(test.body), test.contentType, status, reused)
		}
	}
	for range 20 {
		if status, reused := send(t, client, r.http+"/other", "application/json", strings.NewReader("{}")); status != http.StatusNotFound || !reused {
			t.Fatalf("a request for another URL: status %d, on the same connection: %v", status, reused)
		}
	}
	over2 := newClient(t, true)
	send(t, over2, r.grpc, "application/json", bytes.NewReader(nil))
	for range 20 { // bodies that are not read
		if status, reused := send(t, over2, r.grpc, "application/json", bytes.NewReader(large[:60<<10])); status != http.StatusUnsupportedMediaType || !reused {
			t.Fatalf("a request that is not gRPC: status %d, on the same connection: %v", status, reused)
		}
	}
	overGRPC := coltracepb.NewTraceServiceClient(dial(t, r.grpc))
	message := &coltracepb.ExportTraceServiceRequest{ResourceSpans: aSpan.ResourceSpans}
	message.ResourceSpans[0].SchemaUrl = strings.Repeat("x", MaxRequest/2)
	defer func() { message.ResourceSpans[0].SchemaUrl = "" }()
	for range 4 {
		if _, err := overGRPC.Export(t.Context(), message); err != nil {
			t.Errorf("a large message: %v", err)
		}
	}
	if closed := r.Closed(); closed != 0 {
		t.Errorf("%d good connections were closed", closed)
	}
}
