package tempoclient

import (
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestTempoRestartsHalfway kills a Tempo while its traces are being fetched and
// starts it anew on the same data, behind a gateway that answers 502 in between.
// Either all spans come, or an error says that they do not.
func TestTempoRestartsHalfway(t *testing.T) {
	if testing.Short() {
		t.Skip("tests with servers do not run with -short")
	}
	dir := t.TempDir()
	tempo, err := tempotest.Run(t.Context(), tempotest.Config{Dir: dir})
	if err != nil {
		tempotest.Start(t, tempotest.Config{}) // skips or fails, as it must
		t.Fatal(err)
	}
	defer func() { tempo.Close() }()

	var target atomic.Pointer[url.URL]
	direct := func(raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			t.Error(err)
		}
		target.Store(u)
	}
	direct(tempo.URL)
	gateway := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target.Load()) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	c := newClient(t, serve(t, gateway.ServeHTTP), Config{})

	const traces = 300
	start := time.Now().Add(-5 * time.Second).UnixNano()
	var spans []servicegraph.Span
	for n := range traces {
		spans = append(spans, shop(traceNumber(n), start)...)
	}
	pushSpans(t, tempo, "", spans)
	awaitFound(t, c, Query{}, traces)
	flush(t, tempo) // what is not written yet does not survive

	got, restarted := 0, false
	var failure error
	query := Query{Progress: func(p Progress) {
		if restarted || p.Fetched < traces/3 {
			return
		}
		restarted = true
		if err := tempo.Close(); err != nil {
			t.Error(err)
		}
		again, err := tempotest.Run(t.Context(), tempotest.Config{Dir: dir})
		if err != nil {
			t.Error(err)
			return
		}
		tempo = again
		direct(tempo.URL)
	}}
	for _, err := range c.Spans(t.Context(), query) {
		if err != nil {
			failure = err
			t.Logf("error: %v", err)
			continue
		}
		got++
	}
	if !restarted {
		t.Error("Tempo was not restarted")
	}
	_, isError := errors.AsType[*Error](failure)
	_, isWarning := errors.AsType[*Warning](failure)
	if failure != nil && !isError && !isWarning {
		t.Errorf("error of an unexpected kind: %v", failure)
	}
	if got != len(spans) && failure == nil {
		t.Errorf("%d spans of %d, and no error", got, len(spans))
	}
	t.Logf("%d spans of %d", got, len(spans))
}
