package tempoclient

import (
	"bytes"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestGraphOfRecording stores the recording of a real program in a real Tempo. The graph of
// spans from searches is the graph of fetched spans, byte for byte.
func TestGraphOfRecording(t *testing.T) {
	for _, path := range []string{"../examples/traces/hotrod.jsonl.gz"} {
		tempo := tempotest.Start(t, tempotest.Config{})
		spans := collect(t, tracefile.ReadFile(path, tracefile.Config{}))
		traces := make(map[servicegraph.TraceID]bool)
		last := int64(0)
		for _, s := range spans {
			last = max(last, s.End)
		}
		move := time.Now().Add(-time.Second).UnixNano() - last
		first := time.Now()
		for i := range spans {
			spans[i].Start += move
			spans[i].End += move
			traces[spans[i].TraceID] = true
			if at := time.Unix(0, spans[i].Start); at.Before(first) {
				first = at
			}
		}
		for len(spans) > 0 {
			n := min(len(spans), 2000)
			pushSpans(t, tempo, "", spans[:n])
			spans = spans[n:]
		}
		c := newClient(t, tempo.URL, Config{Keep: servicegraph.Config{}.Reads})
		query := Query{Start: first.Add(-time.Minute), End: time.Now().Add(time.Minute)}
		awaitFound(t, c, query, len(traces))
		graph := func(exact bool) ([]byte, Cost) {
			q := query
			q.Exact = exact
			var cost Cost
			q.Progress = func(p Progress) { cost = p.Cost }
			g, err := servicegraph.Build(c.Spans(t.Context(), q), servicegraph.Config{})
			if err != nil {
				t.Fatal(err)
			}
			b, err := g.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			return b, cost
		}
		began := time.Now()
		got, cost := graph(false)
		selected := time.Since(began)
		want, _ := graph(true)
		t.Logf("%s: %d traces, %+v, %v; fetched in %v", path, len(traces), cost, selected, time.Since(began)-selected)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: the graphs differ:\n%s\n%s", path, want, got)
		}
		if cost.Selected == 0 {
			t.Errorf("%s: no trace was read from a search: %+v", path, cost)
		}
	}
}
