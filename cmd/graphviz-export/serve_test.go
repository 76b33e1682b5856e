package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/otelsetup"
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

// TestServeExporters: the receiver accepts spans from the SDK's exporters over both protocols, and
// the event stream announces a graph with these spans.
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

// TestServeEnds: SIGINT and SIGTERM end the server with status 0 within a second, even while
// clients are connected.
func TestServeEnds(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		s := startReceiver(t)
		openEvents(t, s).next(t)
		sdk, err := otelsetup.Start(t.Context(), otelsetup.Service("web", "1"), otelsetup.Endpoint(s.grpc)) // keeps a connection open
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

// TestServeSilentClients: silent connections and unfinished bodies delay neither other requests nor
// the end of the server.
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

// TestServeCountsClosed: a warning says how many connections the receiver has closed.
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

// TestServeWarnsIfOpen: if other machines can reach a port, a warning says what they can do.
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
