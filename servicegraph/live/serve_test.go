package live

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// graph returns a graph of one service.
func graph(name string) *servicegraph.Graph {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	b.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1}, Service: name, Kind: servicegraph.KindServer, Start: 1, End: 2})
	return b.Graph()
}

// A pen is a renderer that counts how often it draws.
type pen struct {
	err   error
	drawn int
}

func (p *pen) Render(w io.Writer, g *servicegraph.Graph) error {
	p.drawn++
	for n := range g.Nodes() {
		fmt.Fprintf(w, `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><text>drawn %s</text></svg>`, n.ID.Name)
	}
	return p.err
}

func view(g *servicegraph.Graph, p *pen) View {
	page := report.HTML{SVG: p}
	svg := render.Format{Name: "svg", Extensions: []string{".svg"}, MediaType: "image/svg+xml", Renderer: p}
	return View{Graph: g, Page: page, Formats: append(append(render.Formats(render.Style{}), report.Formats(page)...), svg)}
}

// get returns the response to a request, and its body.
func get(t *testing.T, h http.Handler, target string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Result(), w.Body.String()
}

// A stuckClient does not read its answer until it is released.
type stuckClient struct {
	http.ResponseWriter
	begin             *sync.Once
	writing, released chan struct{}
}

func (c stuckClient) Write(doc []byte) (int, error) {
	c.begin.Do(func() { close(c.writing) })
	<-c.released
	return len(doc), nil
}

// TestStuckClient: a client that does not read a document delays neither the next graph nor other
// clients.
func TestStuckClient(t *testing.T) {
	v := New()
	if err := v.Show(view(graph("cart"), &pen{})); err != nil {
		t.Fatal(err)
	}
	h := v.Handler()
	for _, target := range []string{"/", "/fragment", "/graph.svg", "/graph.json", "/events"} {
		stuck := stuckClient{httptest.NewRecorder(), new(sync.Once), make(chan struct{}), make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		var served sync.WaitGroup
		served.Go(func() {
			h.ServeHTTP(stuck, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+target, nil))
		})
		<-stuck.writing
		name := "beside " + target
		if err := v.Show(view(graph(name), &pen{})); err != nil { // would block forever if the client held the lock
			t.Fatal(err)
		}
		if _, body := get(t, h, "http://localhost/graph.json"); !strings.Contains(body, name) {
			t.Errorf("beside a client that does not read %s: %s", target, body)
		}
		cancel()
		close(stuck.released)
		served.Wait()
	}
}

func TestDocuments(t *testing.T) {
	v, p := New(), &pen{}
	if err := v.Show(view(graph("cart"), p)); err != nil {
		t.Fatal(err)
	}
	h := v.Handler()
	for target, want := range map[string]struct {
		status            int
		contentType, text string
	}{
		"/":              {200, "text/html; charset=utf-8", "data-live"},
		"/fragment":      {200, "application/json", "drawn cart"},
		"/graph.svg":     {200, "image/svg+xml", "drawn cart"},
		"/graph.html":    {200, "text/html; charset=utf-8", "drawn cart"},
		"/graph.json":    {200, "application/json", `"cart"`},
		"/graph.md":      {200, "text/plain; charset=utf-8", "cart"},
		"/graph.csv":     {200, "text/plain; charset=utf-8", "from"},
		"/graph.grafana": {200, "application/json", "nodeGraph"},
		"/graph.nothing": {404, "text/plain; charset=utf-8", "unknown"},
		"/nothing":       {404, "text/plain; charset=utf-8", ""},
	} {
		r, body := get(t, h, "http://localhost:4316"+target)
		if got := r.Header.Get("Content-Type"); r.StatusCode != want.status || got != want.contentType || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d %s %.300s", target, r.StatusCode, got, body)
		}
		if r.StatusCode == 200 && !strings.Contains(r.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: can be framed", target)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: headers %v", target, r.Header)
		}
	}
	if _, body := get(t, h, "http://localhost/graph.html"); strings.Contains(body, "data-live>") {
		t.Error("the downloaded report connects to a server")
	}
	if p.drawn != 1 {
		t.Errorf("one view was drawn %d times, want once", p.drawn)
	}

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://localhost/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// Requests with a foreign Host header are refused: they may come from another site.
func TestHosts(t *testing.T) {
	v := New()
	if err := v.Show(view(graph("cart"), &pen{})); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:4316": 200, "127.0.0.1:4316": 200, "[::1]:4316": 200, "192.168.1.2": 200, "devbox:80": 200,
		"evil.example": 421, "localhost.evil.example:4316": 421, "127.0.0.1.evil.example": 421, "": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/fragment", nil)
		r.Host = host
		w := httptest.NewRecorder()
		v.Handler("devbox").ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
}

// A stream reads the events of a viewer.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
}

func listen(t *testing.T, url string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return &stream{t, bufio.NewScanner(answer.Body)}
}

// next returns the fields of the next event, joined by spaces. It skips comments.
func (s *stream) next() string {
	s.t.Helper()
	var fields []string
	for s.lines.Scan() {
		switch line := s.lines.Text(); {
		case line != "" && line != ":":
			fields = append(fields, line)
		case len(fields) > 0:
			return strings.Join(fields, " ")
		}
	}
	s.t.Fatalf("the stream has ended: %v", s.lines.Err())
	return ""
}

func TestEvents(t *testing.T) {
	v := New()
	show := func(g *servicegraph.Graph) string {
		t.Helper()
		if err := v.Show(view(g, &pen{})); err != nil {
			t.Fatal(err)
		}
		now, _, _ := v.now()
		return "data: " + now.version
	}
	first := show(graph("cart"))
	server := httptest.NewServer(v.Handler())
	t.Cleanup(server.Close)
	s := listen(t, server.URL)
	want := func(events ...string) {
		t.Helper()
		for _, event := range events {
			if got := s.next(); got != event {
				t.Fatalf("got %q, want %q", got, event)
			}
		}
	}
	want("retry: 1000", first)
	v.Notice("tempo:\nrefused")
	want(first, "event: problem data: tempo: refused")
	second := show(graph("redis"))
	if second == first {
		t.Fatal("two graphs have one version")
	}
	want(second, "event: problem data: tempo: refused")
	v.Notice("")
	want(second)

	// Without a change there is no event.
	show(graph("redis"))
	v.Notice("")
	third := show(graph("cart"))
	want(third)
	if third != first {
		t.Error("one graph has two versions")
	}

	// A new connection gets the current state.
	s = listen(t, server.URL)
	want("retry: 1000", first)
}

// If drawing fails, the report shows only tables. The next graph is drawn again.
func TestUndrawn(t *testing.T) {
	v := New()
	tooLong := errors.New("stopped after 30s")
	if err := v.Show(view(graph("cart"), &pen{err: tooLong})); !errors.Is(err, tooLong) {
		t.Errorf("got %v", err)
	}
	_, body := get(t, v.Handler(), "http://localhost/fragment")
	if !strings.Contains(body, `"svg":""`) || !strings.Contains(body, `"cart"`) {
		t.Errorf("got %s", body)
	}
	if r, body := get(t, v.Handler(), "http://localhost/graph.svg"); r.StatusCode != http.StatusInternalServerError || !strings.Contains(body, tooLong.Error()) {
		t.Errorf("the image: %d %s", r.StatusCode, body)
	}
	if err := v.Show(view(graph("redis"), &pen{})); err != nil {
		t.Error(err)
	}
	if _, body := get(t, v.Handler(), "http://localhost/graph.svg"); !strings.Contains(body, "drawn redis") {
		t.Errorf("got %s", body)
	}
}

// Only the report can send commands: pages of other sites cannot set the header.
func TestControl(t *testing.T) {
	v := New()
	var got []Command
	v.Control = func(_ context.Context, c Command) error {
		if c.Window == "bad" {
			return errors.New("no such window")
		}
		got = append(got, c)
		return nil
	}
	post := func(header, body string) (int, string) {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/control", strings.NewReader(body))
		if header != "" {
			r.Header.Set(header, "1")
		}
		w := httptest.NewRecorder()
		v.Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, c := range []struct {
		header, body string
		status       int
	}{
		{"Tempograph-Control", `{"window":"5m"}`, 204},
		{"Tempograph-Control", `{"clear":true}`, 204},
		{"", `{"clear":true}`, 403},
		{"Tempograph-Control", `{"window":"bad"}`, 400},
		{"Tempograph-Control", `{"window":`, 400},
		{"Tempograph-Control", `{"window":"` + strings.Repeat("x", 2000) + `"}`, 400},
	} {
		if status, body := post(c.header, c.body); status != c.status {
			t.Errorf("%s %.50s: %d %s, want %d", c.header, c.body, status, body, c.status)
		}
	}
	if len(got) != 2 || got[0].Window != "5m" || !got[1].Clear {
		t.Errorf("commands %+v", got)
	}
	v.Control = nil
	if status, _ := post("Tempograph-Control", `{"clear":true}`); status != http.StatusForbidden {
		t.Errorf("without commands: %d", status)
	}
}
