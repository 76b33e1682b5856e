package servicegraph_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestLiveNeverFalls streams traces in random order, with so much time between the spans that traces
// close before their last span arrives, and are forgotten before or after. Whatever a late span tells
// about earlier ones, no number of calls, errors, requests or entries of the live graph may fall.
func TestLiveNeverFalls(t *testing.T) {
	fallen := 0
	for seed := range seeds(t, 240) {
		rng := rand.New(rand.NewPCG(seed, 22))
		spans := wholeTraces(rng)
		switch seed % 3 {
		case 1:
			spans = damagedTraces(rng)
		case 2:
			spans = randomTraces(rng, 1+rng.IntN(6))
		}
		cfg := lawConfigs[seed%uint64(len(lawConfigs))]
		cfg.Window = sg.Window{Quiet: 3 * time.Second, Remember: []time.Duration{time.Second, 10 * time.Second, time.Hour}[rng.IntN(3)]}
		if rng.IntN(4) == 0 {
			cfg.Window.Age = 5 * time.Second
		}
		b, now, before := sg.NewBuilder(cfg), clock, sg.Merge()
		b.Advance(now)
		look := func() {
			live, exact := b.Live(), b.Graph()
			checkNamedGrowth(t, before, live)
			checkNodeGrowth(t, before, live)
			checkEdgeNumbers(t, live)
			if r := live.Report(); r.Accounted() != r.Spans {
				t.Errorf("%d spans, but %d outcomes", r.Spans, r.Accounted())
			}
			if t.Failed() {
				t.Fatalf("seed %d:\nbefore:\n%s\nafter:\n%s\nexact:\n%s", seed, describe(before), describe(live), describe(exact))
			}
			for e := range before.Edges() {
				if now, _ := exact.Edge(e.ID); now.Calls < e.Calls {
					fallen++
				}
			}
			before = live
		}
		for _, s := range shuffled(rng, spans) {
			now = now.Add(time.Duration(rng.IntN(1500)) * time.Millisecond)
			b.Advance(now)
			b.Add(s)
			if rng.IntN(2) == 0 {
				look()
			}
		}
		for range 3 { // close all traces, and forget them
			now = now.Add(time.Hour)
			b.Advance(now)
			look()
		}
		again, err := sg.ReadJSON(bytes.NewReader(marshal(t, before)))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(string(marshal(t, sg.Merge(before))), string(marshal(t, again))); diff != "" {
			t.Fatalf("seed %d: a live graph, written and read, differs from the merged one:\n%s", seed, diff)
		}
		if diff := cmp.Diff(edgesOnly(b.Graph()), edgesOnly(sg.Merge(before))); diff != "" {
			t.Fatalf("seed %d: the merged live graph of closed traces differs from the exact graph:\n%s", seed, diff)
		}
	}
	if fallen == 0 {
		t.Error("no exact graph has fewer calls than an earlier live graph: the streams test nothing")
	}
}

// checkNodeGrowth checks that no service has fewer requests or entries than in an earlier graph.
func checkNodeGrowth(t *testing.T, before, after *sg.Graph) {
	t.Helper()
	for n := range before.Nodes() {
		now, known := after.Node(n.ID)
		if n.ID.Type != sg.TypeService {
			continue
		}
		if !known || now.Entries < n.Entries || now.Requests.Calls < n.Requests.Calls || now.Requests.Errors < n.Requests.Errors {
			t.Errorf("%v fell from %v entries, %v requests and %v errors to %v, %v and %v", n.ID, n.Entries, n.Requests.Calls, n.Requests.Errors,
				now.Entries, now.Requests.Calls, now.Requests.Errors)
		}
	}
}

// checkEdgeNumbers checks that the numbers of each edge do not contradict each other.
func checkEdgeNumbers(t *testing.T, g *sg.Graph) {
	t.Helper()
	for e := range g.Edges() {
		evidence := e.Evidence.Both + e.Evidence.Caller + e.Evidence.Callee + e.Evidence.Address + e.Evidence.Name + e.Evidence.Inferred
		if e.Errors > e.Calls || e.Recovered > e.Errors || e.Caller.Errors > e.Caller.Calls || e.Callee.Errors > e.Callee.Calls ||
			e.Caller.Calls > e.Calls || e.Callee.Calls > e.Calls || evidence != e.Calls ||
			e.Caller.Latency.Count() > e.Caller.Calls || e.Callee.Latency.Count() > e.Callee.Calls || e.Gap.Count() > e.Calls {
			t.Errorf("the numbers of an edge contradict each other: %+v", e)
		}
	}
}

// edgesOnly describes a graph without its nodes and its report.
func edgesOnly(g *sg.Graph) string {
	var edges []sg.Edge
	for e := range g.Edges() {
		e.MaxPerTrace = 0
		edges = append(edges, e)
	}
	only, err := sg.NewGraph(nil, edges, sg.Report{})
	if err != nil {
		return err.Error()
	}
	return describe(only)
}
