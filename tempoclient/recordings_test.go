package tempoclient

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestGraphOfRecording stores recordings of real programs in a real Tempo. The graph of spans from
// searches must be the graph of fetched spans, byte for byte.
func TestGraphOfRecording(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		linked int // how many traces with links to store; such traces are always fetched
	}{
		"hotrod":   {"../examples/traces/hotrod.jsonl.gz", 0},
		"mythical": {"../../shared/datasets/mythical/mythical.pb.gz", 50},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(test.path); errors.Is(err, fs.ErrNotExist) {
				t.Skip(err)
			}
			tempo := tempotest.Start(t, tempotest.Config{})
			compareGraphs(t, tempo, test.path, test.linked)
		})
	}
}

func compareGraphs(t *testing.T, tempo *tempotest.Tempo, path string, linked int) {
	spans := collect(t, tracefile.ReadFile(path, tracefile.Config{}))
	withLinks := make(map[servicegraph.TraceID]bool) // whether to store the trace
	for _, s := range spans {
		if _, known := withLinks[s.TraceID]; !known && len(s.Links) > 0 {
			withLinks[s.TraceID] = len(withLinks) < linked
		}
	}
	spans = slices.DeleteFunc(spans, func(s servicegraph.Span) bool {
		store, links := withLinks[s.TraceID]
		return links && !store
	})
	traces := make(map[servicegraph.TraceID]bool)
	last := int64(0)
	for _, s := range spans {
		last = max(last, s.End)
	}
	move := time.Now().Add(-2*arrived).UnixNano() - last
	first := time.Now()
	for i := range spans {
		spans[i].Start += move
		spans[i].End += move
		traces[spans[i].TraceID] = true
		if at := time.Unix(0, spans[i].Start); at.Before(first) {
			first = at
		}
	}
	for chunk := range slices.Chunk(spans, 2000) {
		pushSpans(t, tempo, "", chunk)
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
	t.Logf("%d traces, %+v, %v; fetched in %v", len(traces), cost, selected, time.Since(began)-selected)
	if !bytes.Equal(got, want) {
		t.Errorf("the graphs differ:\n%s\n%s", want, got)
	}
	if cost.Selected < (len(traces)-linked)*4/5 || cost.Linked != linked {
		t.Errorf("most of %d traces from searches, and %d with links: %+v", len(traces), linked, cost)
	}
}
