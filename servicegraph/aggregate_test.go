package servicegraph_test

import (
	"bytes"
	"slices"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestCountsStop adds weights beyond the largest count. Every sum must stop at that count. The
// order of the spans must not matter, although sums of that size lose small weights.
func TestCountsStop(t *testing.T) {
	const most = 1 << 41
	var spans []sg.Span
	for i := range 2 * 600 {
		s := sg.Span{TraceID: sg.TraceID{1, byte(i >> 8), byte(i)}, SpanID: sg.SpanID{1}, Service: "A", Kind: sg.KindClient, Status: sg.StatusError,
			Start: epoch, End: epoch + 1, Weight: 1 << 32, Attrs: []sg.Attr{{Key: "peer.service", Value: "B"}}}
		if i%2 == 0 {
			s.Weight = 1.0 / 4096
		}
		spans = append(spans, s)
	}
	g := build(spans)
	for e := range g.Edges() {
		if e.Calls != most || e.Errors != most || e.Evidence.Caller != most || e.Caller.Calls != most || e.Caller.Latency.Count() != most {
			t.Errorf("%v calls, %v errors, %v of them with a caller span alone, %v caller spans and %v caller latencies, want %v of each",
				e.Calls, e.Errors, e.Evidence.Caller, e.Caller.Calls, e.Caller.Latency.Count(), float64(most))
		}
	}
	if g.NumEdges() != 1 {
		t.Errorf("%d edges, want 1", g.NumEdges())
	}
	heaviestFirst := slices.Clone(spans)
	slices.SortFunc(heaviestFirst, func(a, b sg.Span) int { return int(min(max(b.Weight-a.Weight, -1), 1)) })
	if !bytes.Equal(marshal(t, build(heaviestFirst)), marshal(t, g)) {
		t.Error("the order of the spans changes the graph")
	}
}

// TestEdgeTimes checks First and Last of an edge: the earliest start and the latest end of its
// spans. The start of a span without an end counts as its end.
func TestEdgeTimes(t *testing.T) {
	for _, c := range []struct {
		name        string
		spans       string
		first, last int64 // milliseconds after epoch
	}{
		{"caller around callee", "C A c 10+50\nS B s<c 20+30", 10, 60},
		{"callee that ends late", "C A c 10+50\nS B s<c 20+70", 10, 90},
		{"unfinished callee that starts last", "C A c 10+50\nS B s<c 80+0 unfinished", 10, 80},
		{"unfinished caller alone", "C A c 10+0 unfinished peer.service=B", 10, 10},
		{"callee without a start", "C A c 10+50\nS B s<c 0+90 unstarted", 10, 60},
		{"two calls", "C A one:c 30+50 peer.service=B\nC A two:c 10+20 peer.service=B", 10, 80},
	} {
		g := build(mustParse(t, c.spans))
		if g.NumEdges() != 1 {
			t.Errorf("%s: %d edges, want 1", c.name, g.NumEdges())
		}
		for e := range g.Edges() {
			if first, last := (e.First-epoch)/1e6, (e.Last-epoch)/1e6; first != c.first || last != c.last {
				t.Errorf("%s: seen from %d to %d ms, want %d to %d", c.name, first, last, c.first, c.last)
			}
		}
	}
}
