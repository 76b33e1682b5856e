package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/otelsetup"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otlpreceiver"
)

// A server is a process that runs graphviz-export serve.
type server struct {
	cmd              *exec.Cmd
	page, grpc, otlp string // URLs of the viewer and of the OTLP receivers
	warnings         chan string
}

var anyURL = regexp.MustCompile(`(http|grpc)://[0-9.:]+`)

// startServer runs graphviz-export serve with arguments, on free ports.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{warnings: make(chan string, 10), cmd: exec.Command("graphviz-export", append([]string{"serve", "--listen", "127.0.0.1:0", "--every", "20ms"}, args...)...)}
	s.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // the race detector would wait a second at exit
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill() })
	lines := bufio.NewScanner(stderr)
	for s.page == "" && lines.Scan() {
		urls := anyURL.FindAllString(lines.Text(), -1)
		switch {
		case strings.HasPrefix(lines.Text(), "receiving OTLP"):
			s.grpc, s.otlp = urls[0], urls[1]
		case strings.HasPrefix(lines.Text(), "serving the graph at"):
			s.page = urls[0]
		}
	}
	if s.page == "" {
		t.Fatal("serve does not print the URL of the viewer")
	}
	go func() { // a full pipe would block the server
		for lines.Scan() {
			t.Log(lines.Text())
			select {
			case s.warnings <- lines.Text():
			default:
			}
		}
	}()
	return s
}

func startReceiver(t *testing.T) *server {
	return startServer(t, "--otlp", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0")
}

// The exporters of the SDK work with the receiver over both protocols, and the event stream
// announces a graph with their spans.
func TestServeExporters(t *testing.T) {
	s := startReceiver(t)
	events := openEvents(t, s)
	for _, endpoint := range []string{s.grpc, s.otlp} {
		service := "caller-" + endpoint[:4]
		sdk, err := otelsetup.Start(t.Context(), otelsetup.Service(service, "1"), otelsetup.Endpoint(endpoint))
		if err != nil {
			t.Fatal(err)
		}
		if err := sdk.Check(t.Context()); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
		_, span := sdk.TracerProvider().Tracer("test").Start(t.Context(), "work", trace.WithSpanKind(trace.SpanKindServer))
		span.End()
		if err := sdk.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
		for found := false; !found; {
			events.next(t) // fails after a timeout
			var g struct{ Nodes []struct{ Name string } }
			if err := json.Unmarshal([]byte(get(t.Context(), s.page+"/graph.json", "")[len("200 OK\n"):]), &g); err != nil {
				t.Fatal(err)
			}
			for _, n := range g.Nodes {
				found = found || n.Name == service
			}
		}
	}
}

// SIGINT and SIGTERM end the server with status 0 within a second, while clients are
// connected.
func TestServeEnds(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		s := startReceiver(t)
		openEvents(t, s).next(t)
		sdk, err := otelsetup.Start(t.Context(), otelsetup.Service("web", "1"), otelsetup.Endpoint(s.grpc)) // holds a connection
		if err != nil {
			t.Fatal(err)
		}
		if err := sdk.Check(t.Context()); err != nil {
			t.Error(err)
		}
		began := time.Now()
		if err := s.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("%v: %v", signal, err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%v took %v", signal, took)
		}
	}
}

// Silent connections and bodies that stop on the way delay neither the requests of others nor the end
// of the server.
func TestServeSilentClients(t *testing.T) {
	s := startReceiver(t)
	overHTTP, overGRPC := strings.TrimPrefix(s.otlp, "http://"), strings.TrimPrefix(s.grpc, "grpc://")
	for range 20 {
		for addr, text := range map[string]string{
			overGRPC: "", overHTTP: "",
			overHTTP + " ": "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{",
		} {
			conn, err := net.Dial("tcp", strings.TrimSpace(addr))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct{ host, want string }{{overHTTP, "200 OK"}, {"evil.example:4318", "421 Misdirected Request"}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.otlp+"/v1/traces", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = test.host
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.Status != test.want {
			t.Errorf("host %s: %s, want %s", test.host, answer.Status, test.want)
		}
	}
	began := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the end took %v", took)
	}
}

// A warning counts the connections that the receiver closes.
func TestServeCountsClosed(t *testing.T) {
	s := startReceiver(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.grpc, "grpc://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.Copy(io.Discard, conn)
	_, err = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	for ping := strings.Repeat("\x00\x00\x08\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 100); err == nil; {
		_, err = io.WriteString(conn, ping)
	}
	select {
	case got := <-s.warnings:
		if want := "graphviz-export: closed 1 silent or slow OTLP connection to protect the others: look for clients that open many connections and send no spans"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	case <-time.After(30 * time.Second):
		t.Error("no warning")
	}
}

// A listenerAt is a listener with an address.
type listenerAt struct {
	net.Listener
	addr net.TCPAddr
}

func (l *listenerAt) Addr() net.Addr { return &l.addr }

// A warning says what other machines can do, if they can reach a port.
func TestServeWarnsIfOpen(t *testing.T) {
	for ip, want := range map[string]string{
		"127.0.0.1": "", "::1": "",
		"0.0.0.0":   "graphviz-export: --listen 0.0.0.0:4316: everybody who can reach this port of this machine can see the graph, without a password\n",
		"192.0.2.1": "graphviz-export: --listen 192.0.2.1:4316: everybody who can reach this port of this machine can see the graph, without a password\n",
	} {
		var stderr bytes.Buffer
		s := &serve{export: newExport(strings.NewReader(""), io.Discard, &stderr)}
		s.warnIfOpen("listen", &listenerAt{addr: net.TCPAddr{IP: net.ParseIP(ip), Port: 4316}}, "see the graph")
		if stderr.String() != want {
			t.Errorf("%s: %q, want %q", ip, stderr.String(), want)
		}
	}
}

// dialable returns an address that a browser can open.
func TestDialable(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:4316": "127.0.0.1:4316", "[::1]:4316": "[::1]:4316", "192.168.1.2:80": "192.168.1.2:80",
		"0.0.0.0:4316": "localhost:4316", "[::]:4316": "localhost:4316",
	} {
		if got := dialable(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(listen))); got != want {
			t.Errorf("%s: got %s, want %s", listen, got, want)
		}
	}
}

func TestRejectedText(t *testing.T) {
	for n, want := range map[int]string{1: "1 span or request", 2: "2 spans or requests", 1234: "1,234 spans or requests"} {
		if got := rejectedText(n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// An eventStream is the event stream of the viewer.
type eventStream struct{ lines *bufio.Scanner }

func openEvents(t *testing.T, s *server) eventStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.page+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return eventStream{bufio.NewScanner(answer.Body)}
}

// next returns the version of the next graph.
func (e eventStream) next(t *testing.T) string {
	t.Helper()
	for event := ""; e.lines.Scan(); {
		field, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch {
		case field == "event":
			event = value
		case field == "data" && event == "":
			return value
		case field == "":
			event = ""
		}
	}
	t.Fatalf("no more events: %v", e.lines.Err())
	return ""
}

// An endless stream of spans uses bounded memory, and all spans are counted.
func TestLiveIsBounded(t *testing.T) {
	window := liveWindow
	window.Spans = 1000
	l := newLive(servicegraph.Config{Window: window})
	const requests, each = 200, 50
	for i := range requests {
		var spans []string
		for j := range each {
			spans = append(spans, fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","name":"s","kind":2,"startTimeUnixNano":"1000","endTimeUnixNano":"2000"}`, i+1, j+1))
		}
		body := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[{"spans":[` + strings.Join(spans, ",") + `]}]}]}`
		if _, err := l.take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
			t.Fatal(err)
		}
	}
	g, _, _, _ := l.graph()
	r := g.Report()
	if r.Spans != requests*each || r.Traces != requests {
		t.Errorf("got %d spans of %d traces", r.Spans, r.Traces)
	}
	if held := r.Open; held > 1000/each {
		t.Errorf("%d traces are held in memory", held)
	}
	if r.EvictedSpans == 0 {
		t.Error("no trace was forgotten")
	}
	if g, _, _, _ := l.graph(); g != nil {
		t.Error("a graph without new spans")
	}
}

// Instrumented services send the spans of their calls in batches of their own, up to five seconds
// apart, while graphs are taken. No node may be in one graph and missing in the next. A database,
// which has no spans, appears once its trace is closed, although nothing arrives any more.
func TestLiveInventsNothing(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLive(servicegraph.Config{Window: liveWindow})
	l.now = func() time.Time { return now }
	rng := rand.New(rand.NewPCG(1, 1))
	services := []string{"web", "cart", "orders"}
	batches := make([][]string, len(services)) // the spans that each service has not sent yet
	send := func(service int) {
		body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[%s]}]}]}`,
			services[service], strings.Join(batches[service], ","))
		if _, err := l.take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
			t.Fatal(err)
		}
		batches[service] = nil
	}
	span := func(service, trace, id, parent, kind int, peer string) {
		batches[service] = append(batches[service], fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","parentSpanId":"%016x","name":"s","kind":%d,`+
			`"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[{"key":"server.address","value":{"stringValue":%q}}]}`,
			trace, id, parent, kind, now.UnixNano(), now.UnixNano()+1000, peer))
	}
	names := func(g *servicegraph.Graph) map[string]bool {
		found := make(map[string]bool)
		for n := range g.Nodes() {
			found[n.ID.Name] = true
		}
		return found
	}
	before, graphs := make(map[string]bool), 0
	look := func() {
		g, _, _, _ := l.graph()
		if g == nil {
			return
		}
		graphs++
		after := names(g)
		for name := range before {
			if !after[name] {
				t.Fatalf("graph %d: the node %s disappeared: %v", graphs, name, after)
			}
		}
		before = after
	}
	for trace := 1; trace <= 200; trace++ {
		const server, client = 2, 3
		span(0, trace, 1, 0, server, "")
		span(0, trace, 2, 1, client, "cart.shop")
		span(1, trace, 3, 2, server, "")
		span(1, trace, 4, 3, client, "orders.shop")
		span(2, trace, 5, 4, server, "")
		span(2, trace, 6, 5, client, "ledger.example") // has no spans
		now = now.Add(250 * time.Millisecond)
		for service := range services {
			if len(batches[service]) >= 20 || rng.IntN(40) == 0 { // at most 5 seconds old
				send(service)
			}
		}
		look()
	}
	if before["cart.shop"] || before["orders.shop"] || !before["ledger.example"] {
		t.Errorf("the nodes under load: %v, want ledger.example and no service by its address", before)
	}
	for service := range services {
		send(service)
	}
	look()
	if g, _, _, _ := l.graph(); g != nil {
		t.Error("a graph, although nothing has changed")
	}
	now = now.Add(liveWindow.Quiet)
	g, _, _, _ := l.graph()
	if g == nil {
		t.Fatal("no graph after the traces have closed")
	}
	if r := g.Report(); r.Pending != 0 || r.Virtual != 200 || g.NumNodes() != 4 {
		t.Errorf("after the traces have closed: %d spans are pending, %d calls have no callee, %d nodes", r.Pending, r.Virtual, g.NumNodes())
	}
}

// Many senders at the same time get an error for each malformed request, and their other
// requests are accepted.
func TestLiveConcurrentSafe(t *testing.T) {
	l := newLive(servicegraph.Config{Window: liveWindow})
	done := make(chan error)
	const senders = 8
	for i := range senders {
		go func() {
			body := fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x"}]}]}]}`, i+1, 1)
			for range 50 {
				if _, err := l.take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
					done <- err
					return
				}
				if _, err := l.take(otlpreceiver.Request{Body: []byte(body)}); err == nil {
					done <- fmt.Errorf("JSON is accepted as protobuf")
					return
				}
				l.graph()
			}
			done <- nil
		}()
	}
	for range senders {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	l.fresh = true
	g, _, _, _ := l.graph()
	if r := g.Report(); r.Traces != senders || r.Skipped != senders*50 {
		t.Errorf("got %d traces, %d skipped", r.Traces, r.Skipped)
	}
}

// TestHugeHeads: the server reads no more of the head of a request than the head may have, and says
// so. Without a bound, a thousand connections fill a gigabyte.
func TestHugeHeads(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(http.NotFoundHandler())
	go server.Serve(l)
	defer server.Close()
	for length, want := range map[int]int{32 << 10: http.StatusNotFound, 100 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Long", strings.Repeat("x", length))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("a head of %d bytes: status %d, want %d", length, answer.StatusCode, want)
		}
	}
}
