package servicegraph_test

import (
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestHideLaw puts proxies into the calls of random traces, and gateways before the traces. With
// the proxies and gateways hidden, the graph must be that of the original traces.
func TestHideLaw(t *testing.T) {
	matches := func(expression string) func(sg.NodeID) bool {
		re := regexp.MustCompile(expression)
		return func(id sg.NodeID) bool { return re.MatchString(id.String()) }
	}
	hide := sg.Config{Hide: matches("^proxy$"), Gateways: matches("^gateway$")}
	inserted := 0
	for seed := range seeds(t, 200) {
		rng := rand.New(rand.NewPCG(seed, 20))
		spans := wholeTraces(rng)
		if sharesIDs(spans) {
			continue
		}
		with := withProxies(rng, spans)
		inserted += len(with) - len(spans)
		want, got := build(spans), buildWith(hide, with)
		if diff := cmp.Diff(edgeLines(want), edgeLines(got)); diff != "" {
			t.Fatalf("seed %d: the graph without the hidden services (-) and with them (+):\n%s", seed, diff)
		}
		r := got.Report()
		if r.Accounted() != uint64(len(with)) || r.Hidden != uint64(len(with)-len(spans)) || r.HiddenCalls != 0 {
			t.Fatalf("seed %d: of %d spans, %d have an outcome; %d are hidden, want %d; %v hidden calls", seed,
				len(with), r.Accounted(), r.Hidden, len(with)-len(spans), r.HiddenCalls)
		}
		if diff := cmp.Diff(string(marshal(t, got)), string(marshal(t, buildWith(hide, shuffled(rng, with))))); diff != "" {
			t.Fatalf("seed %d: the order of the spans changes the graph:\n%s", seed, diff)
		}
	}
	if inserted == 0 {
		t.Error("no proxy was inserted")
	}
}

func shuffled(rng *rand.Rand, spans []sg.Span) []sg.Span {
	spans = append([]sg.Span(nil), spans...)
	rng.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
	return spans
}

// withProxies returns the spans with one or two hops through a proxy in some of the calls that have
// a span of each side, and with a gateway before some of the roots.
func withProxies(rng *rand.Rand, spans []sg.Span) []sg.Span {
	out := append([]sg.Span(nil), spans...)
	children := make(map[sg.Link]int)
	byID := make(map[sg.Link]sg.Span)
	for _, s := range spans {
		children[sg.Link{TraceID: s.TraceID, SpanID: s.ParentID}]++
		byID[sg.Link{TraceID: s.TraceID, SpanID: s.SpanID}] = s
	}
	hop := func(service string, like sg.Span, parent sg.SpanID) sg.SpanID {
		for _, kind := range []sg.Kind{sg.KindServer, sg.KindClient} {
			s := sg.Span{
				TraceID: like.TraceID, SpanID: sg.SpanID{9, byte(len(out) >> 8), byte(len(out))}, ParentID: parent,
				Service: service, Kind: kind, Start: like.Start, End: like.End, Status: like.Status, Weight: like.Weight,
			}
			out = append(out, s)
			parent = s.SpanID
		}
		return parent
	}
	for i, s := range spans {
		parent := sg.Link{TraceID: s.TraceID, SpanID: s.ParentID}
		client, known := byID[parent]
		switch {
		case s.Kind != sg.KindServer || rng.IntN(2) == 0:
		case s.ParentID == sg.SpanID{}:
			out[i].ParentID = hop("gateway", s, sg.SpanID{})
		case known && client.Kind == sg.KindClient && client.Service != s.Service && children[parent] == 1:
			out[i].ParentID = hop("proxy", client, s.ParentID)
			if rng.IntN(3) == 0 {
				out[i].ParentID = hop("proxy", client, out[i].ParentID)
			}
		}
	}
	return out
}
