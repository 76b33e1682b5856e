package servicegraph_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestLimitsNodes (docs/semantics.md, S5) names more peers than Limits.Nodes allows. The node
// "other" must replace the peers beyond the limit, and the report must count them. The addresses
// and details beyond the bytes that the limit allows are left out.
func TestLimitsNodes(t *testing.T) {
	b := sg.NewBuilder(sg.Config{Limits: sg.Limits{Nodes: 3}})
	const calls = 60 // an address or a detail counts for 64 bytes and the texts: 3 KiB hold fewer than 40
	for i := range calls {
		b.Add(mustParse(t, fmt.Sprintf("C A t%d:c server.address=host%d.example server.port=80", i, i))[0])
	}
	g := b.Graph()
	other, ok := g.Node(sg.NodeID{Name: "other", Type: sg.TypeExternal})
	if r := g.Report(); !ok || other.Requests.Calls != calls-2 || g.NumNodes() != 4 || r.NodesFolded != calls-2 ||
		r.NamesTruncated < 2*20 || r.NamesTruncated > 2*calls || r.Accounted() != r.Spans {
		t.Errorf("node other: %+v, %v, report %+v", other, ok, r)
	}
}

// crossCalls returns spans of calls from every caller to every callee. Each pair has a trace of its
// own, in which the span of the callee is the child of the caller's span.
func crossCalls(callers, callees int) []sg.Span {
	var spans []sg.Span
	for i := range callers * callees {
		var trace sg.TraceID
		binary.BigEndian.PutUint64(trace[:], uint64(i)+1)
		from, to := i/callees, i%callees
		start := epoch + int64(i)
		spans = append(spans,
			sg.Span{TraceID: trace, SpanID: sg.SpanID{1}, Service: fmt.Sprint("from", from), Kind: sg.KindClient, Start: start, End: start + 5},
			sg.Span{TraceID: trace, SpanID: sg.SpanID{2}, ParentID: sg.SpanID{1}, Service: fmt.Sprint("to", to), Kind: sg.KindServer, Start: start + 1, End: start + 4})
	}
	return spans
}

// TestLimitsEdges (docs/semantics.md, S6): the same edges are beyond the limit in every order of
// the spans, in a window that forgets traces, and when several goroutines add the traces. Their
// calls go to the node "other" and are counted.
func TestLimitsEdges(t *testing.T) {
	const callers, callees, most = 40, 250, 300
	spans := crossCalls(callers, callees)
	cfg := sg.Config{Limits: sg.Limits{Edges: most}}
	want := buildWith(cfg, spans)
	if got := want.NumEdges(); got != most+callers-1 {
		t.Errorf("%d edges, want %d and one to other for each of %d callers except the first, all of whose edges are kept", got, most, callers)
	}
	r := want.Report()
	if r.FoldedCalls != callers*callees-most || r.Accounted() != r.Spans {
		t.Errorf("%v folded calls, want %d; %d of %d spans have an outcome", r.FoldedCalls, callers*callees-most, r.Accounted(), r.Spans)
	}
	var calls float64
	var inOrder []sg.EdgeID // without limits
	for e := range want.Edges() {
		calls += e.Calls
	}
	if calls != callers*callees {
		t.Errorf("the edges have %v calls, want %d", calls, callers*callees)
	}
	for e := range build(spans).Edges() {
		inOrder = append(inOrder, e.ID)
	}
	for _, id := range inOrder[:most] {
		if _, ok := want.Edge(id); !ok {
			t.Errorf("the edge %v is not among the first %d", id, most)
		}
	}
	text := string(marshal(t, want))
	for seed := range uint64(3) {
		shuffled := slices.Clone(spans)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := cmp.Diff(text, string(marshal(t, buildWith(cfg, shuffled)))); diff != "" {
			t.Fatalf("seed %d:\n%s", seed, diff)
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	if got := string(marshal(t, buildWith(cfg, append(spans, spans...)))); !strings.Contains(got, fmt.Sprint(`"foldedCalls":`, callers*callees-most)) {
		t.Error("several goroutines fold other edges than one")
	}
	windowed := cfg
	windowed.Window.Traces = 10
	b := sg.NewBuilder(windowed)
	for _, s := range spans {
		b.Add(s)
	}
	if diff := cmp.Diff(edgeLines(want), edgeLines(b.Graph())); diff != "" {
		t.Errorf("with a window:\n%s", diff)
	}
}

// TestLimitsPending: if callers call ever new addresses, the pending calls are limited like edges.
func TestLimitsPending(t *testing.T) {
	const calls, most = 2000, 50
	b := sg.NewBuilder(sg.Config{Limits: sg.Limits{Edges: most}})
	for i := range calls {
		b.Add(mustParse(t, fmt.Sprintf("C A%d t%d:c server.address=host%d.example server.port=80", i%3, i, i))[0])
	}
	g := b.Graph()
	var sum float64
	for e := range g.Edges() {
		sum += e.Calls
	}
	r := g.Report()
	if sum != calls || g.NumEdges() > 3*most || r.AddressesResolvedEarly < calls-2*most || r.Accounted() != r.Spans {
		t.Errorf("%d edges with %v calls, report %+v", g.NumEdges(), sum, r)
	}
}

// TestLongNames (docs/semantics.md, S7): a graph keeps no text of more than 1 KiB from any
// attribute, and counts the texts that were cut. No text is cut inside a character.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("ä", 1<<20)
	b := sg.NewBuilder(sg.Config{NodeAttrs: []string{"host.name"}, SplitBy: []string{"service.version"}})
	for i, attrs := range [][]sg.Attr{
		{{Key: "peer.service", Value: long}},
		{{Key: "server.address", Value: "x" + long}},
		{{Key: "url.full", Value: "http://" + long + "/"}},
		{{Key: "db.system", Value: "mysql"}, {Key: "db.namespace", Value: long}},
		{{Key: "rpc.system", Value: "grpc"}, {Key: "rpc.service", Value: long}, {Key: "rpc.method", Value: long}},
		{{Key: "messaging.system", Value: long}, {Key: "messaging.destination.name", Value: long}},
	} {
		b.Add(sg.Span{
			TraceID: sg.TraceID{1}, SpanID: sg.SpanID{byte(i + 1)}, Service: fmt.Sprint("s", i%2, long), Namespace: long, Kind: sg.KindClient, Start: epoch, End: epoch + 1,
			Resource: []sg.Attr{{Key: "host.name", Value: long}, {Key: "service.version", Value: long}, {Key: "deployment.environment", Value: long}, {Key: "k8s.namespace.name", Value: long}},
			Attrs:    attrs,
		})
	}
	g := b.Graph()
	if r := g.Report(); r.LongNames < 6*3 || r.Accounted() != r.Spans {
		t.Errorf("report %+v", r)
	}
	text := string(marshal(t, g))
	if most := 200 << 10; len(text) > most {
		t.Errorf("the graph has %d bytes, want at most %d", len(text), most)
	}
	if !strings.Contains(text, "ä…") || strings.Contains(text, "\uFFFD") {
		t.Errorf("the names are not cut at the end of a character")
	}
	for n := range g.Nodes() {
		if len(n.ID.Name) > 1<<10 || len(n.ID.Namespace) > 1<<10 {
			t.Errorf("a name of %d bytes in a namespace of %d bytes", len(n.ID.Name), len(n.ID.Namespace))
		}
	}
}

// TestFlatMemory: an endless stream of new names, nodes and edges takes no more memory than the
// limits allow.
func TestFlatMemory(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 30_000
	}
	for _, c := range []struct {
		name string
		span func(i int) []sg.Span
		most float64 // bytes of heap
	}{
		{"services", func(i int) []sg.Span {
			return []sg.Span{{Service: fmt.Sprint("service", i), Kind: sg.KindServer}}
		}, 5 << 20},
		{"edges", func(i int) []sg.Span {
			return []sg.Span{{Service: fmt.Sprint("from", i/700), Kind: sg.KindClient}, {Service: fmt.Sprint("to", i%700), Kind: sg.KindServer, ParentID: sg.SpanID{1}}}
		}, 25 << 20},
		{"peers at addresses", func(i int) []sg.Span {
			return []sg.Span{{Service: "web", Kind: sg.KindClient, Attrs: []sg.Attr{{Key: "server.address", Value: fmt.Sprint("host", i)}, {Key: "server.port", Value: "80"}}}}
		}, 40 << 20},
		{"databases on hosts", func(i int) []sg.Span {
			return []sg.Span{{Service: "web", Kind: sg.KindClient, Attrs: []sg.Attr{
				{Key: "db.system", Value: "redis"}, {Key: "server.address", Value: fmt.Sprint("host", i)}, {Key: "server.port", Value: "80"}}}}
		}, 40 << 20},
		{"invalid names", func(i int) []sg.Span {
			var name [8]byte
			binary.BigEndian.PutUint64(name[:], uint64(i)|0x8080808080808080)
			return []sg.Span{{Service: string(name[:]), Kind: sg.KindServer}}
		}, 5 << 20},
		{"long names", func(i int) []sg.Span {
			return []sg.Span{{Service: fmt.Sprint(i%2_000, strings.Repeat("x", 12<<10)), Kind: sg.KindServer}}
		}, 8 << 20},
	} {
		held, b := heapOf(func() *sg.Builder {
			b := sg.NewBuilder(sg.Config{Limits: sg.Limits{Nodes: 1000, Edges: 10_000}, Window: sg.Window{Spans: 1000}})
			for i := range n {
				for k, s := range c.span(i) {
					binary.BigEndian.PutUint64(s.TraceID[:], uint64(i)+1)
					s.SpanID, s.Start, s.End = sg.SpanID{byte(k + 1)}, epoch, epoch+1000*int64(5-k)
					b.Add(s)
				}
			}
			return b
		})
		t.Logf("%s: %.1f MB", c.name, held/1e6)
		if held > c.most {
			t.Errorf("%s: %.0f bytes of heap, want at most %.0f", c.name, held, c.most)
		}
		runtime.KeepAlive(b)
	}
}
