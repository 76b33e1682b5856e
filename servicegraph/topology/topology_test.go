package topology_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/testgraph"
	"gonum.org/v1/gonum/graph/topo"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/topology"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// system builds the graph of calls, each in a trace of its own: "a b c" is a request that
// enters a, which calls b, which calls c.
func system(t testing.TB, traces ...string) *servicegraph.Graph {
	return builderOf(t, traces...).Graph()
}

// builderOf returns a builder with the same spans.
func builderOf(t testing.TB, traces ...string) *servicegraph.Builder {
	t.Helper()
	b := servicegraph.NewBuilder(servicegraph.Config{})
	for i, trace := range traces {
		var id servicegraph.TraceID
		id[0], id[1], id[15] = byte(i), byte(i>>8), 1
		var parent, span servicegraph.SpanID
		next := func(kind servicegraph.Kind, service string) {
			span[7]++
			b.Add(servicegraph.Span{TraceID: id, SpanID: span, ParentID: parent, Kind: kind, Service: service, Start: 1e9, End: 2e9})
			parent = span
		}
		for j, service := range strings.Fields(trace) {
			next(servicegraph.KindServer, service)
			if j < len(strings.Fields(trace))-1 {
				next(servicegraph.KindClient, service)
			}
		}
	}
	return b
}

func names(ids []servicegraph.NodeID) string {
	var all []string
	for _, id := range ids {
		all = append(all, id.Name)
	}
	return strings.Join(all, " ")
}

func service(name string) servicegraph.NodeID {
	return servicegraph.NodeID{Name: name, Type: servicegraph.TypeService}
}

// TestGonum runs gonum's tests for implementations of its graph interfaces.
func TestGonum(t *testing.T) {
	build := func(nodes []graph.Node, edges []testgraph.WeightedLine, _, _ float64) (graph.Graph, []graph.Node, []testgraph.Edge, float64, float64, bool) {
		var traces []string
		name := func(n graph.Node) string { return fmt.Sprintf("n%d", n.ID()) }
		calls := make(map[[2]string]float64)
		for _, n := range nodes {
			traces = append(traces, name(n))
		}
		for _, e := range edges {
			if e.From().ID() == e.To().ID() {
				return nil, nil, nil, 0, 0, false // no self edges
			}
			for _, end := range []graph.Node{e.From(), e.To()} { // an edge adds the nodes at its ends
				if !slices.ContainsFunc(nodes, func(n graph.Node) bool { return n.ID() == end.ID() }) {
					nodes = append(nodes, end)
				}
			}
			traces = append(traces, name(e.From())+" "+name(e.To()))
			calls[[2]string{name(e.From()), name(e.To())}]++
		}
		g := topology.New(system(t, traces...), nil)
		var ns []graph.Node
		for _, n := range nodes {
			of, ok := g.Of(service(name(n)))
			if !ok {
				t.Fatalf("node %s is missing", name(n))
			}
			ns = append(ns, of)
		}
		var es []testgraph.Edge
		for pair, n := range calls {
			from, _ := g.Of(service(pair[0]))
			to, _ := g.Of(service(pair[1]))
			e := g.WeightedEdge(from.ID(), to.ID())
			if e == nil || e.Weight() != n {
				t.Fatalf("the edge %v is %v, want %v calls", pair, e, n)
			}
			es = append(es, e)
		}
		return g, ns, es, 0, math.Inf(1), true
	}
	t.Run("EdgeExistence", func(t *testing.T) { testgraph.EdgeExistence(t, build, true) })
	t.Run("NodeExistence", func(t *testing.T) { testgraph.NodeExistence(t, build) })
	t.Run("ReturnAdjacentNodes", func(t *testing.T) { testgraph.ReturnAdjacentNodes(t, build, true, true) })
	t.Run("ReturnAllEdges", func(t *testing.T) { testgraph.ReturnAllEdges(t, build, true) })
	t.Run("ReturnAllNodes", func(t *testing.T) { testgraph.ReturnAllNodes(t, build, true) })
	t.Run("ReturnAllWeightedEdges", func(t *testing.T) { testgraph.ReturnAllWeightedEdges(t, build, true) })
	t.Run("ReturnEdgeSlice", func(t *testing.T) { testgraph.ReturnEdgeSlice(t, build, true) })
	t.Run("ReturnNodeSlice", func(t *testing.T) { testgraph.ReturnNodeSlice(t, build, true) })
	t.Run("ReturnWeightedEdgeSlice", func(t *testing.T) { testgraph.ReturnWeightedEdgeSlice(t, build, true) })
	t.Run("Weight", func(t *testing.T) { testgraph.Weight(t, build) })
}

func TestWeights(t *testing.T) {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	trace := servicegraph.TraceID{1}
	add := func(id, parent byte, kind servicegraph.Kind, service string, start, end int64, failed bool) {
		s := servicegraph.Span{TraceID: trace, SpanID: servicegraph.SpanID{id}, Kind: kind, Service: service, Start: start * 1e9, End: end * 1e9}
		if parent > 0 {
			s.ParentID = servicegraph.SpanID{parent}
		}
		if failed {
			s.Status = servicegraph.StatusError
		}
		b.Add(s)
	}
	add(1, 0, servicegraph.KindServer, "a", 10, 20, false)
	add(2, 1, servicegraph.KindClient, "a", 10, 12, true) // a request of two seconds
	add(3, 2, servicegraph.KindServer, "b", 10, 11, true)
	add(4, 1, servicegraph.KindProducer, "a", 12, 16, false) // a message of four seconds
	add(5, 4, servicegraph.KindConsumer, "b", 17, 18, false)
	add(6, 1, servicegraph.KindInternal, "a", 16, 17, false)
	add(7, 6, servicegraph.KindServer, "b", 16, 0, false) // seen by the callee alone, without an end
	g := b.Graph()
	from, to := service("a"), service("b")
	for _, test := range []struct {
		name   string
		weight topology.Weight
		want   float64
	}{{"calls", topology.Calls, 3}, {"errors", topology.Errors, 1}, {"latency", topology.Latency, 3}, {"default", nil, 3}} {
		top := topology.New(g, test.weight)
		u, _ := top.Of(from)
		v, _ := top.Of(to)
		if w, ok := top.Weight(u.ID(), v.ID()); !ok || math.Abs(w-test.want) > 1e-9 {
			t.Errorf("by %s the weight is %v, %v, want %v", test.name, w, ok, test.want)
		}
	}
}

func TestLatencyOfNobody(t *testing.T) {
	if w := topology.Latency([]servicegraph.Edge{{Calls: 3}}); !math.IsInf(w, 1) {
		t.Errorf("the weight of an unknown latency is %v", w)
	}
}

func TestLayers(t *testing.T) {
	g := topology.New(system(t, "web cart db", "web db", "web cart stock cart", "job"), nil)
	var got []string
	for _, layer := range g.Layers() {
		got = append(got, names(layer))
	}
	want := []string{"job web", "cart stock", "db"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCycles(t *testing.T) {
	g := topology.New(system(t, "web b a b", "web b a c b", "x y x", "self self"), nil)
	var got []string
	for _, c := range g.Cycles() {
		text := names(c.Nodes) + ":"
		for _, call := range c.Closing {
			text += " " + call.From.Name + ">" + call.To.Name
		}
		got = append(got, text)
	}
	want := []string{"a b c: a>b c>b", "x y: y>x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestClosingCallsBreakCycles checks on random graphs that no cycle is left without the closing
// calls. If a cycle has only one closing call, that call must be necessary.
func TestClosingCallsBreakCycles(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var traces []string
		for range 25 {
			traces = append(traces, fmt.Sprintf("n%d n%d", rng.IntN(9), rng.IntN(9)))
		}
		source := system(t, traces...)
		closing := make(map[topology.Call]bool)
		for _, c := range topology.New(source, nil).Cycles() {
			for _, call := range c.Closing {
				closing[call] = true
			}
		}
		rest := topology.New(source.FilterEdges(func(e servicegraph.Edge) bool {
			return !closing[topology.Call{From: e.ID.From, To: e.ID.To}]
		}), nil)
		if _, err := topo.Sort(rest); err != nil {
			t.Fatalf("seed %d: a cycle is left: %v", seed, err)
		}
	}
}

func TestSinglePoints(t *testing.T) {
	g := topology.New(system(t, "web auth db", "web auth log", "web cart log", "web cart stock", "job stock"), nil)
	var got []string
	for _, p := range g.SinglePoints() {
		got = append(got, p.Entry.Name+" "+p.Node.Name+": "+names(p.CutsOff))
	}
	want := []string{"web auth: db", "web cart: stock"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSinglePointsByRemoval removes each node of random graphs in turn, and compares the nodes that
// can no longer be reached with the single points of failure.
func TestSinglePointsByRemoval(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var traces []string
		for range 14 {
			from := rng.IntN(8)
			traces = append(traces, fmt.Sprintf("n0 n%d n%d", 1+from, 1+rng.IntN(10)))
		}
		source := system(t, traces...)
		got := make(map[string]string)
		for _, p := range topology.New(source, nil).SinglePoints() {
			got[p.Node.Name] = names(p.CutsOff)
		}
		all := reachable(source, "n0", "")
		want := make(map[string]string)
		for n := range all {
			left := reachable(source, "n0", n)
			var cut []servicegraph.NodeID
			for m := range all {
				if m != n && !left[m] {
					cut = append(cut, service(m))
				}
			}
			if n != "n0" && len(cut) > 0 {
				slices.SortFunc(cut, servicegraph.NodeID.Compare)
				want[n] = names(cut)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

// reachable returns the names of the nodes that calls reach from one node if another node is
// removed.
func reachable(g *servicegraph.Graph, from, without string) map[string]bool {
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] || name == without {
			return
		}
		seen[name] = true
		for e := range g.Out(service(name)) {
			visit(e.ID.To.Name)
		}
	}
	visit(from)
	return seen
}

func TestArticulationPoints(t *testing.T) {
	for _, test := range []struct {
		traces []string
		want   string
	}{
		{[]string{"a b c"}, "b"},
		{[]string{"a b", "b c", "c a"}, ""},
		{[]string{"a b", "b a"}, ""},
		{[]string{"hub x", "hub y", "hub z"}, "hub"},
		{[]string{"a b c a", "c d e c", "f"}, "c"},
		{[]string{"a b", "x b", "b y", "y z"}, "b y"},
	} {
		if got := names(topology.New(system(t, test.traces...), nil).ArticulationPoints()); got != test.want {
			t.Errorf("of %q the points are %q, want %q", test.traces, got, test.want)
		}
	}
}

func TestBlastRadius(t *testing.T) {
	g := topology.New(system(t, "web cart db", "web cart", "web", "job db", "mail"), nil)
	for _, test := range []struct {
		node, entries string
		requests      float64
	}{{"db", "job web", 2}, {"cart", "web", 2}, {"web", "web", 3}, {"mail", "mail", 1}} {
		i, ok := g.BlastRadius(service(test.node))
		if !ok || names(i.Entries) != test.entries || i.Requests != test.requests || i.Of != 3 || i.Total != 5 || i.Share() != test.requests/5 {
			t.Errorf("%s: %+v, %v, want %s %v", test.node, i, ok, test.entries, test.requests)
		}
	}
	i, ok := g.BlastRadiusOfCall(topology.Call{From: service("cart"), To: service("db")})
	if !ok || names(i.Entries) != "web" || i.Requests != 1 {
		t.Errorf("cart to db: %+v, %v", i, ok)
	}
	if _, ok := g.BlastRadiusOfCall(topology.Call{From: service("db"), To: service("cart")}); ok {
		t.Error("a call that does not exist has a blast radius")
	}
	if _, ok := g.BlastRadius(service("none")); ok {
		t.Error("a node that does not exist has a blast radius")
	}
}

func TestPositions(t *testing.T) {
	g := topology.New(system(t, "web cart db", "web cart", "web db"), nil)
	var got []string
	for _, p := range g.Positions() {
		got = append(got, fmt.Sprintf("%s depth %d layer %d in %d out %d between %v share %.2f", p.Node.Name, p.Depth, p.Layer, p.FanIn, p.FanOut, p.Betweenness, p.Impact.Share()))
	}
	want := []string{
		"web depth 0 layer 0 in 0 out 2 between 0 share 1.00",
		"cart depth 1 layer 1 in 1 out 1 between 0 share 0.67",
		"db depth 1 layer 2 in 2 out 0 between 0 share 0.67",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for p := range slices.Values(topology.New(&servicegraph.Graph{}, nil).Positions()) {
		t.Errorf("the empty graph has %v", p)
	}
}

// TestHotROD checks the answers for a real recording.
func TestHotROD(t *testing.T) {
	f, err := os.Open("../../examples/traces/hotrod.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	source, err := servicegraph.Build(tracefile.Read(f, f.Name(), tracefile.Config{}), servicegraph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	g := topology.New(source, nil)
	if got := names(g.Entries()); got != "frontend" {
		t.Errorf("the entries are %s", got)
	}
	var points []string
	for _, p := range g.SinglePoints() {
		points = append(points, p.Node.Name+": "+names(p.CutsOff))
	}
	if diff := cmp.Diff([]string{"customer: mysql", "driver: redis-manual"}, points); diff != "" {
		t.Error(diff)
	}
	i, _ := g.BlastRadius(service("route"))
	if i.Requests != 55 || i.Total != 55 {
		t.Errorf("the blast radius of route is %v of %v requests, want at most 55 of 55", i.Requests, i.Total)
	}
	if len(g.Cycles()) != 0 {
		t.Errorf("there are cycles: %v", g.Cycles())
	}
}
