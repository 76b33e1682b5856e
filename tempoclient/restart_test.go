package tempoclient

import (
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// A restarter is a Tempo server behind a gateway that answers 502 while Tempo is down.
type restarter struct {
	t      *testing.T
	dir    string
	tempo  *tempotest.Tempo
	target atomic.Pointer[url.URL]
	URL    string

	refused atomic.Int64  // number of requests while Tempo was down
	first   chan struct{} // has a value after the first of these requests
}

func startRestarter(t *testing.T) *restarter {
	tempotest.Start(t, tempotest.Config{}) // skips or fails if Tempo cannot run
	r := &restarter{t: t, dir: t.TempDir(), first: make(chan struct{}, 1)}
	if err := r.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.tempo.Close() })
	gateway := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(r.target.Load()) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			if r.refused.Add(1) == 1 {
				r.first <- struct{}{}
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	r.URL = serve(t, gateway.ServeHTTP)
	return r
}

func (r *restarter) start() error {
	tempo, err := tempotest.Run(r.t.Context(), tempotest.Config{Dir: r.dir})
	if err != nil {
		return err
	}
	u, err := url.Parse(tempo.URL)
	if err != nil {
		return err
	}
	r.tempo = tempo
	r.target.Store(u)
	return nil
}

// restart kills Tempo and returns. After the first failed request, it starts Tempo again with the
// same data. done is closed when Tempo is ready again.
func (r *restarter) restart() (done <-chan struct{}) {
	if err := r.tempo.Close(); err != nil {
		r.t.Error(err)
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		<-r.first
		if err := r.start(); err != nil {
			r.t.Error(err)
		}
	}()
	return back
}

// outcome checks that either everything arrived or there was an error.
func (r *restarter) outcome(got, want int, failure error) {
	t := r.t
	t.Helper()
	_, isError := errors.AsType[*Error](failure)
	_, isWarning := errors.AsType[*Warning](failure)
	if failure != nil && !isError && !isWarning {
		t.Errorf("error of an unexpected kind: %v", failure)
	}
	if got != want && failure == nil {
		t.Errorf("%d of %d, and no error", got, want)
	}
	t.Logf("%d of %d, error %v; %d requests while Tempo was away", got, want, failure, r.refused.Load())
}

func TestSpansOfATempoThatRestartsHalfway(t *testing.T) {
	r := startRestarter(t)
	c := newClient(t, r.URL, Config{})
	const traces = 300
	start := time.Now().Add(-5 * time.Second).UnixNano()
	var spans []servicegraph.Span
	for n := range traces {
		spans = append(spans, shop(traceNumber(n), start)...)
	}
	pushSpans(t, r.tempo, "", spans)
	awaitFound(t, c, Query{}, traces)
	flush(t, r.tempo) // data that Tempo has not yet written to disk would be lost

	got := 0
	var failure error
	var back <-chan struct{}
	query := Query{Progress: func(p Progress) {
		if back == nil && p.Fetched == traces/3 {
			back = r.restart()
		}
	}}
	for _, err := range c.Spans(t.Context(), query) {
		if err != nil {
			failure = err
			continue
		}
		got++
	}
	if back == nil {
		t.Fatal("Tempo was not restarted")
	}
	<-back
	r.outcome(got, len(spans), failure)
}

func TestSearchOfATempoThatRestartsHalfway(t *testing.T) {
	r := startRestarter(t)
	c := newClient(t, r.URL, Config{})
	const traces = 10_000
	end := time.Now().Truncate(time.Second)
	var spans []servicegraph.Span
	for n := range traces {
		start := end.Add(-time.Duration(n+1) * 6 * time.Millisecond) // all traces are within a minute
		spans = append(spans, servicegraph.Span{
			TraceID: traceNumber(n), SpanID: sid(1), Service: "api", Kind: servicegraph.KindServer,
			Start: start.UnixNano(), End: start.UnixNano() + 1,
		})
	}
	for chunk := range slices.Chunk(spans, 2000) {
		pushSpans(t, r.tempo, "", chunk)
	}
	query := Query{Start: end.Add(-2 * time.Minute), End: end}
	awaitFound(t, c, query, traces)
	flush(t, r.tempo)

	// Tempo is killed while the client reads the answer.
	var back <-chan struct{}
	c = newClient(t, r.URL, Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil && req.URL.Path == pathSearch && back == nil {
			resp.Body = &interrupted{ReadCloser: resp.Body, interrupt: func() { back = r.restart() }}
		}
		return resp, err
	})})
	got := make(map[servicegraph.TraceID]bool)
	var failure error
	for s, err := range c.Search(t.Context(), query) {
		if err != nil {
			failure = err
			continue
		}
		if got[s.ID] {
			t.Errorf("trace %v was found twice", s.ID)
		}
		got[s.ID] = true
	}
	if back == nil {
		t.Fatal("Tempo was not restarted")
	}
	if r.refused.Load() == 0 { // the answer was complete before Tempo was killed
		c.Ready(t.Context())
	}
	<-back
	r.outcome(len(got), traces, failure)
}

// An interrupted body is a body that calls a function after its first read.
type interrupted struct {
	io.ReadCloser
	interrupt func()
	once      sync.Once
}

func (i *interrupted) Read(p []byte) (int, error) {
	n, err := i.ReadCloser.Read(p)
	i.once.Do(i.interrupt)
	return n, err
}
