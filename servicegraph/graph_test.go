package servicegraph_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

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

// TestEdgeLatency checks that Edge.Latency is the caller's latency or, if no caller measured any,
// the callee's.
func TestEdgeLatency(t *testing.T) {
	g := build(mustParse(t, `
		C A both1 0+10
		S B s1<both1 1+5
		C A caller1 0+10 peer.service=C
		S D root 0+40
		S E callee1<root 5+30
		C A u unfinished peer.service=F`))
	for _, c := range []struct {
		from, to sg.NodeID
		latency  time.Duration
		by       sg.Side
	}{
		{service("A"), service("B"), 10 * time.Millisecond, sg.CallerSide},
		{service("A"), sg.NodeID{Name: "C", Type: sg.TypeExternal}, 10 * time.Millisecond, sg.CallerSide},
		{service("D"), service("E"), 30 * time.Millisecond, sg.CalleeSide},
		{service("A"), sg.NodeID{Name: "F", Type: sg.TypeExternal}, 0, 0},
	} {
		e, there := g.Edge(sg.EdgeID{From: c.from, To: c.to, Kind: sg.EdgeRequest})
		if !there {
			t.Fatalf("no edge from %v to %v in\n%s", c.from, c.to, sketch(g))
		}
		latency, by, ok := e.Latency()
		if latency.Max() != c.latency || by != c.by || ok != (c.by != 0) {
			t.Errorf("%v: latency %v by %v, %v, want %v by %v", e.ID, latency.Max(), by, ok, c.latency, c.by)
		}
	}
}

// TestErrorRate also tries numbers that cannot come from spans, but can come from a JSON file.
func TestErrorRate(t *testing.T) {
	for _, c := range []struct{ calls, errors, want float64 }{
		{8, 2, 0.25}, {8, 8, 1}, {8, 0, 0},
		{0, 0, 0}, {0, 3, 0}, {-5, 3, 0}, {5, -3, 0}, {3, 5, 1}, {5e-324, 1e308, 1},
		{math.NaN(), 1, 0}, {1, math.NaN(), 0}, {math.Inf(1), math.Inf(1), 1}, {math.Inf(1), 1, 0},
	} {
		if got := (sg.Stats{Calls: c.calls, Errors: c.errors}).ErrorRate(); got != c.want {
			t.Errorf("rate of %v errors in %v calls of one side: %v, want %v", c.errors, c.calls, got, c.want)
		}
		if got := (sg.Edge{Calls: c.calls, Errors: c.errors}).ErrorRate(); got != c.want {
			t.Errorf("rate of %v errors in %v calls of an edge: %v, want %v", c.errors, c.calls, got, c.want)
		}
	}
}

func TestStrings(t *testing.T) {
	id := sg.EdgeID{From: sg.NodeID{Namespace: "shop", Name: "cart", Type: sg.TypeService}, To: sg.NodeID{Name: "orders", Type: sg.TypeQueue}, Kind: sg.EdgeMessage}
	for _, c := range []struct {
		value fmt.Stringer
		want  string
	}{
		{id, "shop/cart -> orders (message)"},
		{sg.CallerSide, "caller"}, {sg.CalleeSide, "callee"}, {sg.Side(0), "side(0)"},
		{sg.MissNoPeer, "client span without a callee and without a peer attribute"}, {sg.MissReason("other"), "other"},
	} {
		if got := c.value.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	service := func(namespace, name string) sg.NodeID {
		return sg.NodeID{Namespace: namespace, Name: name, Type: sg.TypeService}
	}
	var spans []sg.Span
	for i, id := range []sg.NodeID{service("", "gateway"), service("billing", "payments"), service("shop", "cart"), service("staging", "cart")} {
		spans = append(spans, sg.Span{TraceID: sg.TraceID{byte(i + 1)}, SpanID: sg.SpanID{1}, Kind: sg.KindServer, Namespace: id.Namespace, Service: id.Name, Start: 1, End: 2})
	}
	g := build(spans)
	for _, c := range []struct {
		name   string
		want   []sg.NodeID
		reason string
	}{
		{"cart", []sg.NodeID{service("shop", "cart"), service("staging", "cart")}, "exact, in all namespaces"},
		{"shop/cart", []sg.NodeID{service("shop", "cart")}, "exact, with its namespace"},
		{"crat", []sg.NodeID{service("shop", "cart"), service("staging", "cart")}, "two swapped letters"},
		{"shpo/cart", []sg.NodeID{service("shop", "cart")}, "a mistake in the namespace"},
		{"PAYMENT", []sg.NodeID{service("billing", "payments")}, "another case, and a missing letter"},
		{"inventory", nil, "no name is near"},
		{"", nil, "no name"},
	} {
		if diff := cmp.Diff(c.want, g.Nearest(c.name)); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", c.name, c.reason, diff)
		}
	}
	if got := new(sg.Graph).Nearest("cart"); got != nil {
		t.Errorf("the nearest nodes in the empty graph are %v, want none", got)
	}
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
		t.Error("the graph has a node nobody")
	}
	if e, ok := g.Edge(sg.EdgeID{From: service("A"), To: service("D"), Kind: sg.EdgeRequest}); !ok || e.Calls != 1 {
		t.Errorf("edge A to D: %+v, %v", e, ok)
	}
	if _, ok := g.Edge(sg.EdgeID{From: service("D"), To: service("A"), Kind: sg.EdgeRequest}); ok {
		t.Error("the graph has an edge D to A")
	}
	if diff := cmp.Diff([]string{"A", "B", "D"}, ends(g.Out(service("A")), func(e sg.Edge) string { return e.ID.To.Name })); diff != "" {
		t.Errorf("out of A (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"A"}, ends(g.In(service("B")), func(e sg.Edge) string { return e.ID.From.Name })); diff != "" {
		t.Errorf("into B (-want +got):\n%s", diff)
	}
	first, last := g.TimeRange()
	if first.UnixNano() != epoch || last.UnixNano() != epoch+10e6 {
		t.Errorf("time range %v to %v", first, last)
	}
	var empty sg.Graph
	if first, last := empty.TimeRange(); !first.IsZero() || !last.IsZero() || empty.NumNodes() != 0 || len(ends(empty.Out(service("A")), nil)) != 0 {
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
	e, _ := g.Edge(sg.EdgeID{From: service("A"), To: service("B"), Kind: sg.EdgeRequest})
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
			yield(sg.Span{}, &sg.SkipError{Source: "f", Traces: 7}) &&
			yield(spans[1], nil) &&
			yield(sg.Span{}, lost) &&
			yield(spans[0], nil)
	}, sg.Config{})
	if !errors.Is(err, lost) {
		t.Errorf("error %v, want %v", err, lost)
	}
	if r := g.Report(); r.Spans != 2 || r.Skipped != 1 || r.LeftOutTraces != 7 || g.NumEdges() != 1 {
		t.Errorf("report %+v with %d edges, want 2 spans, 1 skipped record, 7 traces left out and 1 edge", r, g.NumEdges())
	}
}

func TestAddAfterGraph(t *testing.T) {
	b := sg.NewBuilder(sg.Config{})
	spans := mustParse(t, "C A c 0+10 peer.service=x\nS B s<c 1+5")
	b.Add(spans[0])
	before := string(marshal(t, b.Graph()))
	b.Add(spans[1])
	if got, want := string(marshal(t, b.Graph())), string(marshal(t, build(spans))); got != want {
		t.Errorf("a graph made after another differs from the graph of all spans:\n%s", cmp.Diff(want, got))
	}
	if want := string(marshal(t, build(spans[:1]))); before != want {
		t.Errorf("adding a span changes a graph made before:\n%s", cmp.Diff(want, before))
	}
}

func TestReadJSONRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty input", ``, "reading a graph: EOF"},
		{"other schema", `{"schema":9}`, "schema version 9, want 1"},
		{"no schema", `{"nodes":[]}`, "schema version 0, want 1"},
		{"node twice", `{"schema":1,"nodes":[{"id":"a","name":"a"},{"id":"a","name":"a"}]}`, `node "a" is listed twice`},
		{"edge to nowhere", `{"schema":1,"nodes":[{"id":"a","name":"a"}],"edges":[{"from":"a","to":"b","source":0,"target":1}]}`, "target 1 is not the position of a node"},
		{"span of no node", `{"schema":1,"pending":{"nodes":[{"name":"a","type":"service"}],"sends":[{"traceId":"1","spanId":"2","node":0}]}}`, `span 2 belongs to "a", which is not a service of the graph`},
		{"pending call of no service", `{"schema":1,"pending":{"nodes":[{"name":"a","type":"service"},{"name":"b","type":"external"}],"calls":[{"source":0,"target":1,"kind":"request","toName":true}]}}`, `"a" is not a service of the graph`},
		{"calls of no span", `{"schema":1,"nodes":[{"id":"a","name":"a","type":"service","requests":{"calls":2,"errors":1,"observed":0}}]}`, `node "a": 2 calls, 1 of which failed, and 0 latency samples, but no spans`},
		{"span of a peer", `{"schema":1,"nodes":[{"id":"a","name":"a","type":"external"}],"pending":{"nodes":[{"name":"a","type":"external"}],"sends":[{"traceId":"1","spanId":"2","node":0}]}}`, `span 2 belongs to "a", which is not a service of the graph`},
		{"outcome that does not exist", `{"schema":1,"nodes":[{"id":"a","name":"a","type":"service"}],"pending":{"nodes":[{"name":"a","type":"service"}],"receives":[{"traceId":"1","spanId":"2","node":0,"target":{"traceId":"1","spanId":"3"},"outcome":99}]}}`, "the outcome of the span, in the field outcome, is 99, want 0 to "},
		{"edge twice", `{"schema":1,"nodes":[{"id":"a","name":"a"}],"edges":[{"from":"a","to":"a","source":0,"target":0},{"from":"a","to":"a","source":0,"target":0}]}`, "is listed twice"},
		{"edge without source", `{"schema":1,"nodes":[{"id":"a","name":"a"}],"edges":[{"from":"a","to":"a","target":0}]}`, `edge "a" to "a": want the position of a node in the field source, which is missing or -1`},
		{"edge without target", `{"schema":1,"nodes":[{"id":"a","name":"a"}],"edges":[{"from":"a","to":"a","source":0}]}`, `edge "a" to "a": want the position of a node in the field target, which is missing or -1`},
		{"pending call without target", `{"schema":1,"pending":{"nodes":[{"name":"a","type":"service"}],"calls":[{"from":"a","to":"b","source":0,"kind":"request"}]}}`, `pending calls: edge "a" to "b": want the position of a node in the field target`},
		{"resolved calls without source", `{"schema":1,"pending":{"nodes":[{"name":"a","type":"service"}],"resolved":[{"from":"a","to":"b","target":0,"kind":"request"}]}}`, `pending calls: edge "a" to "b": want the position of a node in the field source`},
		{"bucket out of range", `{"schema":1,"nodes":[{"id":"a","requests":{"latency":{"count":1,"min":5,"max":5,"buckets":[[9,1]]}}}]}`, "latency bucket [9,1]"},
		{"bucket of a billion", `{"schema":1,"nodes":[{"id":"a","requests":{"latency":{"count":1,"min":5,"max":5,"buckets":[[1e9,1]]}}}]}`, "latency bucket"},
		{"samples missing", `{"schema":1,"nodes":[{"id":"a","requests":{"latency":{"count":2,"min":5,"max":5,"buckets":[[5,1]]}}}]}`, "hold 1 samples, want 2"},
		{"negative count", `{"schema":1,"report":{"spans":-1}}`, "reading a graph: spans: want a whole number from 0, got number -1"},
		{"text as position", `{"schema":1,"edges":[{"source":"a"}]}`, "reading a graph: source: want a whole number, got string"},
		{"text as number in pending calls", `{"schema":1,"pending":{"calls":[{"caller":{"calls":"2"}}]}}`, "reading a graph: caller.calls: want a number, got string"},
		{"text as number", `{"schema":1,"nodes":[{"id":"a","requests":{"calls":"2"}}]}`, "reading a graph: requests.calls: want a number, got string"},
		{"bad id", `{"schema":1,"nodes":[{"id":"a"}],"edges":[{"slowest":[{"traceId":"xyz","spanId":"1"}]}]}`, `trace id "xyz"`},
	} {
		_, err := sg.ReadJSON(strings.NewReader(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		about := strings.Contains(c.want, "EOF") || strings.Contains(c.want, "schema version")
		if next := strings.HasSuffix(err.Error(), ": the graph was edited or damaged after it was written: write the graph again"); next == about {
			t.Errorf("%s: error %v: says to write the graph again: %v", c.name, err, next)
		}
	}
}

// TestReadJSONLosesItsSource: an error of the source of a text does not blame the text.
func TestReadJSONLosesItsSource(t *testing.T) {
	lost := errors.New("connection reset")
	for _, text := range []string{``, `{"schema":1`, `{"schema":1,"nodes":[{"id":"a"`} {
		_, err := sg.ReadJSON(io.MultiReader(strings.NewReader(text), iotest.ErrReader(lost)))
		if !errors.Is(err, lost) || err.Error() != "reading a graph: connection reset" {
			t.Errorf("after %q: error %v, want only %v", text, err, lost)
		}
	}
}

func TestHostileNames(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	spans := mustParse(t, "C A c\nS B s<c")
	spans[0].Service, spans[1].Service = long+"\n\"<&|\x00", "\xff\xfe"
	g := build(spans)
	if _, ok := g.Node(service("\uFFFD\uFFFD")); !ok {
		t.Error("U+FFFD has not replaced each byte of a name that is not UTF-8")
	}
	again, err := sg.ReadJSON(strings.NewReader(string(marshal(t, g))))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(marshal(t, again)), string(marshal(t, g)); got != want {
		t.Error("a JSON round trip changes hostile names")
	}
}

// TestInvalidUTF8 puts bytes that are not UTF-8 into every text that a graph keeps. Each byte
// becomes one U+FFFD, as it does when a file is read.
func TestInvalidUTF8(t *testing.T) {
	const invalid, valid = "a\xff\xfeb", "a\uFFFD\uFFFDb"
	spans := mustParse(t, "C A c\nC A d")
	for i := range spans {
		spans[i].Service, spans[i].Namespace = invalid, invalid
		spans[i].Resource = []sg.Attr{{Key: "v", Value: invalid}, {Key: "deployment.environment.name", Value: invalid}}
	}
	spans[0].Attrs = []sg.Attr{{Key: "service.peer.name", Value: "x" + invalid}, {Key: "service.peer.namespace", Value: invalid}, {Key: "rpc.method", Value: invalid}}
	spans[1].Attrs = []sg.Attr{{Key: "db.system.name", Value: "redis"}, {Key: "db.namespace", Value: invalid}, {Key: "server.address", Value: "x"}}
	g := buildWith(sg.Config{NodeAttrs: []string{"v"}}, spans)
	want := []sg.NodeID{
		{Namespace: valid, Name: "x" + valid, Type: sg.TypeExternal},
		{Namespace: valid, Name: valid, Type: sg.TypeService},
		{Name: valid, Type: sg.TypeDatabase},
	}
	for _, id := range want {
		if _, ok := g.Node(id); !ok {
			t.Errorf("no node %q", id)
		}
	}
	var texts []string
	for e := range g.Edges() {
		for _, a := range e.Attrs {
			texts = append(texts, a.Value)
		}
	}
	for n := range g.Nodes() {
		for _, a := range n.Attrs {
			texts = append(texts, a.Value)
		}
	}
	texts = append(texts, g.Report().Environments...)
	n := 0
	for _, text := range texts {
		switch text {
		case valid:
			n++
		case "redis", "x":
		default:
			t.Errorf("%q in the graph", text)
		}
	}
	if n != 3 {
		t.Errorf("%d texts %q in %q, want 3: of rpc.method, of the resource, of the environment", n, valid, texts)
	}
}

func TestNodeAttrsAreTruncatedInAnyOrder(t *testing.T) {
	var spans []sg.Span
	for i := range 100 {
		spans = append(spans, mustParse(t, fmt.Sprintf("S A t%d:s @v=%03d", i, i))...)
	}
	cfg := sg.Config{NodeAttrs: []string{"v"}}
	want := marshal(t, buildWith(cfg, spans))
	n, _ := buildWith(cfg, spans).Node(service("A"))
	if len(n.Attrs) != 64 || n.Attrs[63].Value != "063" || !n.AttrsTruncated {
		t.Errorf("attributes %v, truncated: %v, want the first 64 values, truncated", n.Attrs, n.AttrsTruncated)
	}
	slices.Reverse(spans)
	if got := marshal(t, buildWith(cfg, spans)); string(got) != string(want) {
		t.Error("the order of the spans changes which values are kept")
	}
	halves := sg.Merge(buildWith(cfg, spans[:50]), buildWith(cfg, spans[50:]))
	if got := marshal(t, halves); string(got) != string(want) {
		t.Errorf("merging two halves keeps other values:\n%s", cmp.Diff(string(want), string(got)))
	}
}

// TestWeightsStop adds weights beyond the largest exact sum. The sum must stop there, in any order
// of the spans.
func TestWeightsStop(t *testing.T) {
	var spans []sg.Span
	for i := range 600 {
		s := mustParse(t, fmt.Sprintf("S A t%d:s", i))[0]
		s.Weight = []float64{1 << 32, 1 + 1.0/4096}[i%2]
		spans = append(spans, s, s)
	}
	for i := range 300 {
		s := mustParse(t, fmt.Sprintf("C A u%d:c peer.service=x", i))[0]
		s.Weight = 1e12
		spans = append(spans, s)
	}
	want := marshal(t, build(spans))
	slices.Reverse(spans)
	if got := marshal(t, build(spans)); string(got) != string(want) {
		t.Errorf("the spans in reverse order give another graph:\n%s", cmp.Diff(string(want), string(got)))
	}
	again, err := sg.ReadJSON(strings.NewReader(string(want)))
	if err != nil {
		t.Fatal(err)
	}
	if got := marshal(t, again); string(got) != string(want) {
		t.Error("a JSON round trip changes the graph")
	}
}

func TestMergeOfNothing(t *testing.T) {
	if g := sg.Merge(nil, &sg.Graph{}, sg.Merge()); g.NumNodes() != 0 || g.Report().Spans != 0 {
		t.Errorf("%d nodes, report %+v, want the empty graph", g.NumNodes(), g.Report())
	}
}

// TestRate checks that the rate refers to the time range of all spans, not only to that of the
// calls.
func TestRate(t *testing.T) {
	g := build(mustParse(t, `
C A one:c 0+100
S B one:s<c 10+50
I A two:i 3900+100
`))
	if got, ok := g.Rate(8); got != 2 || !ok {
		t.Errorf("the rate of 8 calls in 4 s is %v, %v, want 2, true", got, ok)
	}
	if _, ok := build(mustParse(t, "S A one:s 0+999")).Rate(1); ok {
		t.Error("a graph of less than a second has a rate")
	}
	if _, ok := new(sg.Graph).Rate(1); ok {
		t.Error("the empty graph has a rate")
	}
}
