package tempoclient

import (
	"errors"
	"net/http"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestTraceSpans checks that a missing trace is empty, a partial trace has a warning, and a
// failing server is an error.
func TestTraceSpans(t *testing.T) {
	id := servicegraph.TraceID{1}
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		spans   bool
		partial bool
		fails   bool
	}{
		"whole": {answer: func(w http.ResponseWriter, r *http.Request) {
			writeProtobuf(w, answer(t, id, nil))
		}, spans: true},
		"partial": {answer: func(w http.ResponseWriter, r *http.Request) {
			writeProtobuf(w, answer(t, id, func(a *traceByID) { a.partial = true }))
		}, spans: true, partial: true},
		"none": {answer: func(w http.ResponseWriter, r *http.Request) {
			writeProtobuf(w, answer(t, id, func(a *traceByID) { a.trace = nil }))
		}},
		"refused": {answer: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
		}, fails: true},
	} {
		client, err := New(serve(t, c.answer), Config{})
		if err != nil {
			t.Fatal(err)
		}
		var spans, partial, fails bool
		for _, err := range client.TraceSpans(t.Context(), id) {
			_, skipped := errors.AsType[*servicegraph.SkipError](err)
			spans = spans || err == nil
			partial = partial || skipped
			fails = fails || (err != nil && !skipped)
		}
		if spans != c.spans || partial != c.partial || fails != c.fails {
			t.Errorf("%s: spans %v, partial %v, fails %v", name, spans, partial, fails)
		}
	}
}
