package graphdiff_test

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/tempograph/tempograph/internal/systems"
	sg "github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// tracesOf returns the spans of a file by trace.
func tracesOf(t testing.TB, file string) [][]sg.Span {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var spans []sg.Span
	for s, err := range tracefile.Read(f, file, tracefile.Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		spans = append(spans, s)
	}
	return byTrace(spans)
}

func byTrace(spans []sg.Span) (traces [][]sg.Span) {
	index := make(map[sg.TraceID]int)
	for _, s := range spans {
		i, ok := index[s.TraceID]
		if !ok {
			i = len(traces)
			index[s.TraceID] = i
			traces = append(traces, nil)
		}
		traces[i] = append(traces[i], s)
	}
	return traces
}

func graphOf(traces [][]sg.Span) *sg.Graph {
	b := sg.NewBuilder(sg.Config{})
	for _, t := range traces {
		for _, s := range t {
			b.Add(s)
		}
	}
	return b.Graph()
}

func TestCalibrate(t *testing.T) {
	sets := map[string][][]sg.Span{
		"hotrod":   tracesOf(t, "../../examples/traces/hotrod.jsonl.gz"),
		"mythical": tracesOf(t, "/work/shared/datasets/mythical/mythical.pb.gz"),
	}
	for _, seed := range []uint64{1, 2} {
		var spans []sg.Span
		for s := range systems.New(systems.Config{Services: 40, Failing: true, Seed: seed, Requests: 1500}).Spans() {
			spans = append(spans, s)
		}
		sets["system"+string(rune('0'+seed))] = byTrace(spans)
	}
	for name, traces := range sets {
		rng := rand.New(rand.NewPCG(1, 2))
		alarms, n, tests := 0, 300, 0
		// one graph for each of 64 parts would be faster
		parts := make([]*sg.Graph, 0)
		k := min(64, len(traces))
		for i := range k {
			var part [][]sg.Span
			for j := i; j < len(traces); j += k {
				part = append(part, traces[j])
			}
			parts = append(parts, graphOf(part))
		}
		for range n {
			rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			d, err := graphdiff.Compare(sg.Merge(parts[:k/2]...), sg.Merge(parts[k/2:]...), graphdiff.Config{})
			if err != nil {
				t.Fatal(err)
			}
			tests = d.Tests
			if d.Changed() {
				alarms++
				for _, e := range d.Edges {
					for _, c := range e.Changes {
						if c.Verdict.Changed() && alarms < 6 {
							t.Log(name, e.ID, c)
						}
					}
				}
				for _, e := range d.Nodes {
					for _, c := range e.Changes {
						if c.Verdict.Changed() && alarms < 6 {
							t.Log(name, e.ID, c)
						}
					}
				}
			}
		}
		t.Log(name, len(traces), "traces", alarms, "of", n, "tests", tests)
	}
}
