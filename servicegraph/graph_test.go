package servicegraph_test

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

func service(name string) sg.NodeID { return sg.NodeID{Name: name, Type: sg.TypeService} }

func mustParse(t *testing.T, text string) []sg.Span {
	t.Helper()
	spans, err := parseSpans(text)
	if err != nil {
		t.Fatal(err)
	}
	return spans
}

// randomTraces returns traces of random shape over a few services: every kind,
// shared ids, missing parents, circles, duplicates, failures and weights.
func randomTraces(rng *rand.Rand, traces int) []sg.Span {
	var spans []sg.Span
	ids := make([]sg.TraceID, traces)
	for i := range ids {
		ids[i] = sg.TraceID{byte(1 + rng.IntN(255)), byte(i), 1}
	}
	for _, trace := range ids {
		n := 1 + rng.IntN(12)
		for i := range n {
			s := sg.Span{
				TraceID:   trace,
				SpanID:    sg.SpanID{1, byte(i + 1)},
				Service:   string(rune('A' + rng.IntN(4))),
				Namespace: []string{"", "", "", "ns"}[rng.IntN(4)],
				Kind:      sg.Kind(rng.IntN(6)),
				Status:    sg.Status(rng.IntN(3)),
				Start:     epoch + rng.Int64N(1e9),
				Weight:    []float64{0, 1, 2, 1.5}[rng.IntN(4)],
			}
			s.End = s.Start + rng.Int64N(1e9) - 1e6
			if rng.IntN(4) > 0 {
				s.ParentID = sg.SpanID{1, byte(1 + rng.IntN(n+1))}
			}
			if rng.IntN(8) == 0 {
				s.SpanID = sg.SpanID{1, byte(1 + rng.IntN(n))}
			}
			if rng.IntN(2) == 0 {
				key := []string{"peer.service", "db.system", "messaging.system", "server.address"}[rng.IntN(4)]
				s.Attrs = []sg.Attr{{Key: key, Value: string(rune('A' + rng.IntN(6)))}}
				if rng.IntN(2) == 0 {
					s.Attrs = append(s.Attrs, sg.Attr{Key: "server.address", Value: "host" + string(rune('A'+rng.IntN(6)))})
				}
			}
			for s.Kind == sg.KindConsumer && rng.IntN(2) == 0 {
				s.Links = append(s.Links, sg.Link{TraceID: ids[rng.IntN(traces)], SpanID: sg.SpanID{1, byte(1 + rng.IntN(12))}})
			}
			spans = append(spans, s)
			if rng.IntN(10) == 0 {
				spans = append(spans, s)
			}
		}
	}
	// A plain client span is remembered for links only where the link is seen too:
	// the one thing that a merge can miss.
	client := make(map[sg.Link]bool)
	for _, s := range spans {
		client[sg.Link{TraceID: s.TraceID, SpanID: s.SpanID}] = client[sg.Link{TraceID: s.TraceID, SpanID: s.SpanID}] || s.Kind == sg.KindClient
	}
	for i := range spans {
		spans[i].Links = slices.DeleteFunc(spans[i].Links, func(l sg.Link) bool {
			return client[l] && l.TraceID != spans[i].TraceID
		})
	}
	return spans
}

// TestLaws checks what semantics.md promises of every graph, on random traces.
func TestLaws(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		spans := randomTraces(rng, 1+rng.IntN(6))
		g := build(spans)
		want := string(marshal(t, g))
		fail := func(law, got string) {
			t.Fatalf("seed %d: %s:\n%s", seed, law, cmp.Diff(want, got))
		}

		shuffled := slices.Clone(spans)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := string(marshal(t, build(shuffled))); got != want {
			fail("another order gives another graph", got)
		}

		var left, right []sg.Span
		for _, s := range spans {
			if s.TraceID[0]%2 == 0 {
				left = append(left, s)
			} else {
				right = append(right, s)
			}
		}
		a, b := build(left), build(right)
		if got := string(marshal(t, sg.Merge(a, b))); got != want {
			fail("merging two halves is not building the whole", got)
		}
		if got := string(marshal(t, sg.Merge(b, &sg.Graph{}, a))); got != want {
			fail("merge does not commute, or the empty graph is not neutral", got)
		}

		again, err := sg.ReadJSON(strings.NewReader(want))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if got := string(marshal(t, again)); got != want {
			fail("JSON does not survive a round trip", got)
		}

		if r := g.Report(); r.Accounted() != r.Spans || r.Spans != uint64(len(spans)) {
			t.Fatalf("seed %d: %d spans, %d of them accounted for: %+v", seed, len(spans), r.Accounted(), r)
		}
		twice := build(slices.Concat(spans, spans))
		if diff := cmp.Diff(edgeLines(g), edgeLines(twice)); diff != "" {
			t.Fatalf("seed %d: a second delivery changes the edges:\n%s", seed, diff)
		}
		for e := range g.Edges() {
			if e.Errors > e.Calls || e.Caller.Errors > e.Caller.Calls || e.Callee.Errors > e.Callee.Calls ||
				e.Caller.Calls > e.Calls || e.Callee.Calls > e.Calls ||
				e.Evidence.Both+e.Evidence.Caller+e.Evidence.Callee+e.Evidence.Address != e.Calls ||
				e.Caller.Latency.Count() > e.Caller.Calls || e.Callee.Latency.Count() > e.Callee.Calls {
				t.Fatalf("seed %d: numbers that cannot be: %+v", seed, e)
			}
		}
	}
}

// edgeLines returns what describe says, without the report.
func edgeLines(g *sg.Graph) string {
	lines, _, _ := strings.Cut(describe(g), " spans: ")
	return lines[:strings.LastIndexByte(lines, '\n')+1]
}

func TestGraphLookups(t *testing.T) {
	g := build(mustParse(t, `
		C A c1 0+10
		S B s1<c1 1+5
		C A c2 0+10
		S D s2<c2 1+5
		C B c3<s1 2+2 peer.service=D
		C A c4 0+10
		S A s4<c4 1+5`))
	if n, ok := g.Node(service("B")); !ok || n.Requests.Calls != 1 {
		t.Errorf("node B: %+v, %v", n, ok)
	}
	if _, ok := g.Node(service("nobody")); ok {
		t.Error("there is a node nobody")
	}
	if e, ok := g.Edge(sg.EdgeID{From: service("A"), To: service("D"), Kind: sg.KindRequest}); !ok || e.Calls != 1 {
		t.Errorf("edge A to D: %+v, %v", e, ok)
	}
	if _, ok := g.Edge(sg.EdgeID{From: service("D"), To: service("A"), Kind: sg.KindRequest}); ok {
		t.Error("there is an edge D to A")
	}
	if diff := cmp.Diff([]string{"A", "B", "D"}, ends(g.Out(service("A")), func(e sg.Edge) string { return e.ID.To.Name })); diff != "" {
		t.Errorf("out of A (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"A"}, ends(g.In(service("B")), func(e sg.Edge) string { return e.ID.From.Name })); diff != "" {
		t.Errorf("into B (-want +got):\n%s", diff)
	}
	first, last := g.Window()
	if first.UnixNano() != epoch || last.UnixNano() != epoch+10e6 {
		t.Errorf("window %v to %v", first, last)
	}
	var empty sg.Graph
	if first, last := empty.Window(); !first.IsZero() || !last.IsZero() || empty.NumNodes() != 0 || len(ends(empty.Out(service("A")), nil)) != 0 {
		t.Error("the zero Graph is not the empty graph")
	}
}

func ends(edges iter.Seq[sg.Edge], name func(sg.Edge) string) []string {
	var out []string
	for e := range edges {
		out = append(out, name(e))
	}
	return out
}

func TestExemplars(t *testing.T) {
	var text strings.Builder
	for i := range 5 {
		fmt.Fprintf(&text, "C A t%d:c 0+%d %s\nS B t%d:s<c 0+1\n", i, 10*(i+1), []string{"!", ""}[i%2], i)
	}
	g := build(mustParse(t, text.String()))
	e, _ := g.Edge(sg.EdgeID{From: service("A"), To: service("B"), Kind: sg.KindRequest})
	got := func(list []sg.Exemplar) (out []string) {
		for _, x := range list {
			out = append(out, fmt.Sprintf("%s %v", x.TraceID[:2], x.Duration))
		}
		return out
	}
	if diff := cmp.Diff([]string{"t4 50ms", "t3 40ms", "t2 30ms"}, got(e.Slowest)); diff != "" {
		t.Errorf("slowest (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"t4 50ms", "t2 30ms", "t0 10ms"}, got(e.Failed)); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
}

func TestBuildCountsSkippedAndEndsOnErrors(t *testing.T) {
	spans := mustParse(t, "C A c\nS B s<c")
	lost := errors.New("connection reset")
	g, err := sg.Build(func(yield func(sg.Span, error) bool) {
		_ = yield(spans[0], nil) &&
			yield(sg.Span{}, &sg.SkipError{Source: "f", Record: 2, Offset: 17, Err: errors.New("bad")}) &&
			yield(spans[1], nil) &&
			yield(sg.Span{}, lost) &&
			yield(spans[0], nil)
	}, sg.Config{})
	if !errors.Is(err, lost) {
		t.Errorf("error %v", err)
	}
	if r := g.Report(); r.Spans != 2 || r.Skipped != 1 || g.NumEdges() != 1 {
		t.Errorf("report %+v with %d edges", r, g.NumEdges())
	}
}

func TestSnapshotThenMore(t *testing.T) {
	b := sg.NewBuilder(sg.Config{})
	spans := mustParse(t, "C A c 0+10 peer.service=x\nS B s<c 1+5")
	b.Add(spans[0])
	before := string(marshal(t, b.Graph()))
	b.Add(spans[1])
	if got, want := string(marshal(t, b.Graph())), string(marshal(t, build(spans))); got != want {
		t.Errorf("after a snapshot:\n%s", cmp.Diff(want, got))
	}
	if want := string(marshal(t, build(spans[:1]))); before != want {
		t.Errorf("the snapshot:\n%s", cmp.Diff(want, before))
	}
}

func TestReadJSONRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", ``, "reading a graph: EOF"},
		{"other schema", `{"schema":9}`, "schema version 9, want 1"},
		{"no schema", `{"nodes":[]}`, "schema version 0, want 1"},
		{"node twice", `{"schema":1,"nodes":[{"id":"a","name":"a"},{"id":"a","name":"a"}]}`, `node "a" is there twice`},
		{"edge to nowhere", `{"schema":1,"nodes":[{"id":"a","name":"a"}],"edges":[{"from":"a","to":"b","target":1}]}`, "target 1 is not a node"},
		{"edge twice", `{"schema":1,"nodes":[{"id":"a","name":"a"}],"edges":[{"from":"a","to":"a"},{"from":"a","to":"a"}]}`, "is there twice"},
		{"bucket out of range", `{"schema":1,"nodes":[{"id":"a","requests":{"latency":{"count":1,"min":5,"max":5,"buckets":[[9,1]]}}}]}`, "latency bucket [9,1]"},
		{"bucket of a billion", `{"schema":1,"nodes":[{"id":"a","requests":{"latency":{"count":1,"min":5,"max":5,"buckets":[[1e9,1]]}}}]}`, "latency bucket"},
		{"samples missing", `{"schema":1,"nodes":[{"id":"a","requests":{"latency":{"count":2,"min":5,"max":5,"buckets":[[5,1]]}}}]}`, "hold 1 samples of 2"},
		{"bad id", `{"schema":1,"nodes":[{"id":"a"}],"edges":[{"slowest":[{"traceId":"xyz","spanId":"1"}]}]}`, `trace id "xyz"`},
	} {
		_, err := sg.ReadJSON(strings.NewReader(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestHostileNames(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	spans := mustParse(t, "C A c\nS B s<c")
	spans[0].Service, spans[1].Service = long+"\n\"<&|\x00", "\xff\xfe"
	g := build(spans)
	if _, ok := g.Node(service("\uFFFD")); !ok {
		t.Error("a name that is not UTF-8 has not become U+FFFD")
	}
	again, err := sg.ReadJSON(strings.NewReader(string(marshal(t, g))))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(marshal(t, again)), string(marshal(t, g)); got != want {
		t.Error("hostile names do not survive JSON")
	}
}

func TestConfigPeer(t *testing.T) {
	cfg := sg.Config{Peer: func(s sg.Span) (sg.NodeID, bool) {
		for _, a := range s.Attrs {
			if a.Key == "our.peer" {
				return sg.NodeID{Namespace: "ours", Name: a.Value, Type: sg.TypeExternal}, true
			}
		}
		return sg.NodeID{}, false
	}}
	g := buildWith(cfg, mustParse(t, "C A c our.peer=x peer.service=y\nC A d peer.service=y"))
	if got, want := edgeLines(g), "node A\nnode ours/x (external) requests 1\nA -> ours/x request n1\n  caller n1 1ms\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNodeAttrsAreCutInAnyOrder(t *testing.T) {
	var spans []sg.Span
	for i := range 100 {
		spans = append(spans, mustParse(t, fmt.Sprintf("S A t%d:s @v=%03d", i, i))...)
	}
	cfg := sg.Config{NodeAttrs: []string{"v"}}
	want := marshal(t, buildWith(cfg, spans))
	n, _ := buildWith(cfg, spans).Node(service("A"))
	if len(n.Attrs) != 64 || n.Attrs[63].Value != "063" || !n.AttrsCut {
		t.Errorf("attributes %v, cut %v", n.Attrs, n.AttrsCut)
	}
	slices.Reverse(spans)
	if got := marshal(t, buildWith(cfg, spans)); string(got) != string(want) {
		t.Error("another order keeps other values")
	}
	halves := sg.Merge(buildWith(cfg, spans[:50]), buildWith(cfg, spans[50:]))
	if got := marshal(t, halves); string(got) != string(want) {
		t.Errorf("merging keeps other values:\n%s", cmp.Diff(string(want), string(got)))
	}
}
