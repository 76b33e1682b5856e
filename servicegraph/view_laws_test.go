package servicegraph_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestViewLaws takes sequences of random views, each of the result of the view before, of random
// graphs: graphs of irregular traces, and graphs of plain calls with long paths and cycles.
func TestViewLaws(t *testing.T) {
	for seed := range seeds(t, 200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		spans := randomTraces(rng, 1+rng.IntN(6))
		if rng.IntN(2) == 0 {
			spans = randomCalls(rng, 1+rng.IntN(12), rng.IntN(30))
		}
		checkRandomViews(t, rng, build(spans), 5, viewLaws...)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzViews searches for a small graph and views that break a law. The input takes the place of
// random numbers. It checks one law for each view, because all laws together take six times as
// long.
func FuzzViews(f *testing.F) {
	for seed := range uint64(8) {
		data := make([]byte, 60)
		rng := rand.New(rand.NewPCG(seed, 7))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 500 {
			return
		}
		rng := rand.New(&bytesSource{data, rand.NewPCG(1, 2)})
		law := viewLaws[rng.IntN(len(viewLaws))]
		var spans []sg.Span
		if rng.IntN(2) == 0 {
			spans = randomTraces(rng, 1)
		} else {
			spans = randomCalls(rng, 1+rng.IntN(6), rng.IntN(8))
		}
		checkRandomViews(t, rng, build(spans), 1+rng.IntN(4)/3, law)
	})
}

// A bytesSource is a source of random numbers that takes the highest and the lowest byte of each
// number from data, as long as there is data. So each byte of data has an effect.
type bytesSource struct {
	data []byte
	rest *rand.PCG
}

func (s *bytesSource) Uint64() uint64 {
	n := s.rest.Uint64()
	if len(s.data) > 0 {
		b := uint64(s.data[0])
		n, s.data = n&0x00ffffff_ffffff00|b<<56|b, s.data[1:]
	}
	return n
}

// checkRandomViews takes random views, each of the result of the view before.
func checkRandomViews(t *testing.T, rng *rand.Rand, original *sg.Graph, views int, laws ...viewLaw) {
	g := original
	grouped := false
	for range views {
		v, check := randomView(rng, g)
		got := checkView(t, g, v, laws...)
		check(t, g, got)
		grouped = grouped || v.name == "group"
		g = got
	}
	if !grouped { // grouping reduces the numbers of nodes and edges without leaving any out
		checkLeftOut(t, original, g)
	}
}

// randomCalls returns n calls between random services, each a trace of its own.
func randomCalls(rng *rand.Rand, services, n int) []sg.Span {
	name := func() string { return fmt.Sprintf("s%02d", rng.IntN(services)) }
	var spans []sg.Span
	for i := range n {
		var s sg.Span
		binary.BigEndian.PutUint64(s.TraceID[:], uint64(i+1))
		s.SpanID = sg.SpanID{1}
		s.Start = epoch + rng.Int64N(1e9)
		s.End = s.Start + rng.Int64N(1e9)
		s.Weight = []float64{1, 2, 7, 0.3}[rng.IntN(4)]
		s.Status = []sg.Status{sg.StatusUnset, sg.StatusUnset, sg.StatusError}[rng.IntN(3)]
		s.Service, s.Kind = name(), sg.KindServer
		if rng.IntN(5) > 0 {
			s.Kind = sg.KindClient
			callee := s
			callee.SpanID, callee.ParentID = sg.SpanID{2}, s.SpanID
			callee.Service, callee.Kind = name(), sg.KindServer
			if rng.IntN(6) == 0 {
				s.Kind, callee.Kind = sg.KindProducer, sg.KindConsumer
			}
			spans = append(spans, callee)
		}
		spans = append(spans, s)
	}
	return spans
}

// randomView returns a view with random arguments, and a function that checks the laws
// that relate a graph to the result of the view.
func randomView(rng *rand.Rand, g *sg.Graph) (view, func(t *testing.T, g, got *sg.Graph)) {
	marked := make(map[sg.NodeID]bool)
	often := 1 + rng.IntN(4)
	for n := range g.Nodes() {
		marked[n.ID] = rng.IntN(often) == 0
	}
	match := func(n sg.Node) bool { return marked[n.ID] }
	n, m := rng.IntN(6)-1, rng.IntN(4)-1
	induced := func(name string, take func(*sg.Graph) *sg.Graph) (view, func(t *testing.T, g, got *sg.Graph)) {
		v := view{name, take}
		return v, func(t *testing.T, g, got *sg.Graph) {
			checkInduced(t, name, g, got)
			checkIdempotent(t, v, got)
		}
	}
	switch rng.IntN(11) {
	case 0:
		return induced("filter", func(g *sg.Graph) *sg.Graph { return g.Filter(match) })
	case 1:
		return induced("focus", func(g *sg.Graph) *sg.Graph { return g.Focus(match) })
	case 2:
		return induced("near", func(g *sg.Graph) *sg.Graph { return g.Near(match, n, m) })
	case 3:
		return induced("top", func(g *sg.Graph) *sg.Graph { return g.Top(n) })
	case 4:
		return induced("entries", (*sg.Graph).EntriesOnly)
	case 5:
		v := view{"errors", func(g *sg.Graph) *sg.Graph { return g.ErrorsOnly(0) }}
		return v, func(t *testing.T, g, got *sg.Graph) {
			checkEdges(t, v.name, g, got, func(e sg.Edge) bool { return e.Errors > 0 })
			checkIdempotent(t, v, got)
		}
	case 6:
		keep := func(e sg.Edge) bool { return e.Calls > float64(n) }
		v := view{"edges", func(g *sg.Graph) *sg.Graph { return g.FilterEdges(keep) }}
		return v, func(t *testing.T, g, got *sg.Graph) {
			checkEdges(t, v.name, g, got, keep)
			checkIdempotent(t, v, got)
		}
	case 7:
		v := view{"top edges", func(g *sg.Graph) *sg.Graph { return g.TopEdges(n) }}
		return v, func(t *testing.T, g, got *sg.Graph) {
			if want := min(max(n, 0), g.NumEdges()); got.NumEdges() != want {
				t.Errorf("%d edges, want %d", got.NumEdges(), want)
			}
			checkIdempotent(t, v, got)
		}
	case 8:
		v := view{"hide", func(g *sg.Graph) *sg.Graph { return g.Hide(match) }}
		return v, func(t *testing.T, g, got *sg.Graph) {
			checkBridges(t, v.name, g, got, marked)
			checkHideInSteps(t, g, got, marked)
			checkIdempotent(t, v, got)
		}
	case 9:
		v := view{"through", func(g *sg.Graph) *sg.Graph { return g.HideGateways(match) }}
		return v, func(t *testing.T, g, got *sg.Graph) {
			checkBridges(t, v.name, g, got, marked)
			checkEntries(t, g, got)
			checkIdempotent(t, v, got)
		}
	default:
		names := rng.Perm(3)
		by := func(n sg.Node) sg.NodeID {
			if n.ID.Type != sg.TypeService && n.ID.Type != sg.TypeGroup {
				return n.ID
			}
			return sg.NodeID{Name: fmt.Sprint("group ", names[len(n.ID.Name)%3]), Type: sg.TypeGroup}
		}
		v := view{"group", func(g *sg.Graph) *sg.Graph { return g.Group(by) }}
		return v, checkGroups
	}
}

// edgeText returns all fields of an edge.
func edgeText(e sg.Edge) string { return fmt.Sprintf("%+v", e) }

func edgeTexts(g *sg.Graph) map[sg.EdgeID]string {
	texts := make(map[sg.EdgeID]string)
	for e := range g.Edges() {
		texts[e.ID] = edgeText(e)
	}
	return texts
}

// checkEdges checks that the result has exactly the edges for which keep is true,
// unchanged.
func checkEdges(t *testing.T, name string, g, got *sg.Graph, keep func(sg.Edge) bool) {
	t.Helper()
	want := make(map[sg.EdgeID]string)
	for e := range g.Edges() {
		if keep(e) {
			want[e.ID] = edgeText(e)
		}
	}
	if diff := cmp.Diff(want, edgeTexts(got)); diff != "" {
		t.Errorf("%s: edges (-want +got):\n%s", name, diff)
	}
	for n := range got.Nodes() {
		if was, ok := g.Node(n.ID); !ok || n.Entries != was.Entries || n.SelfTime != was.SelfTime {
			t.Errorf("%s: node %+v, was %+v", name, n, was)
		}
	}
}

// checkInduced checks that the result is a subgraph with all edges between its nodes
// (law 9).
func checkInduced(t *testing.T, name string, g, got *sg.Graph) {
	t.Helper()
	checkEdges(t, name, g, got, func(e sg.Edge) bool {
		_, from := got.Node(e.ID.From)
		_, to := got.Node(e.ID.To)
		return from && to
	})
}

// checkIdempotent checks that taking the view again changes nothing.
func checkIdempotent(t *testing.T, v view, got *sg.Graph) {
	t.Helper()
	if v.name == "edges" || v.name == "errors" || v.name == "entries" {
		// The nodes from which these views start may have no edges in the result.
		if diff := cmp.Diff(edgeTexts(got), edgeTexts(v.take(got))); diff != "" {
			t.Errorf("%s: twice (-once +twice):\n%s", v.name, diff)
		}
		return
	}
	once, twice := string(marshal(t, got)), string(marshal(t, v.take(got)))
	if diff := cmp.Diff(once, twice); diff != "" {
		t.Errorf("%s: twice (-once +twice):\n%s", v.name, diff)
	}
}

// checkGroups checks that groups have all calls, errors, entries and requests (law 9).
func checkGroups(t *testing.T, g, got *sg.Graph) {
	t.Helper()
	type sums struct{ Calls, Errors, Entries, Requests, Failed, Caller, Callee float64 }
	total := func(g *sg.Graph) (s sums) {
		for n := range g.Nodes() {
			s.Entries += n.Entries
			s.Requests += n.Requests.Calls
			s.Failed += n.Requests.Errors
		}
		for e := range g.Edges() {
			s.Calls += e.Calls
			s.Errors += e.Errors
			s.Caller += e.Caller.Latency.Count()
			s.Callee += e.Callee.Latency.Count()
		}
		return s
	}
	if diff := cmp.Diff(total(g), total(got)); diff != "" {
		t.Errorf("groups change the totals (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(g.Report(), got.Report()); diff != "" {
		t.Errorf("groups change the report (-before +after):\n%s", diff)
	}
}

// paths returns the pairs of visible nodes of which the first reaches the second over at
// least one edge.
func paths(g *sg.Graph, hidden map[sg.NodeID]bool) map[[2]sg.NodeID]bool {
	pairs := make(map[[2]sg.NodeID]bool)
	for n := range g.Nodes() {
		if hidden[n.ID] {
			continue
		}
		met := make(map[sg.NodeID]bool)
		for todo := []sg.NodeID{n.ID}; len(todo) > 0; todo = todo[1:] {
			for e := range g.Out(todo[0]) {
				if to := e.ID.To; !met[to] {
					met[to] = true
					todo = append(todo, to)
					if !hidden[to] {
						pairs[[2]sg.NodeID{n.ID, to}] = true
					}
				}
			}
		}
	}
	return pairs
}

// checkBridges checks that visible nodes reach the same visible nodes as before, that
// edges between them are unchanged, and that a node has at most as many bridged calls as
// hidden nodes made to it.
func checkBridges(t *testing.T, name string, g, got *sg.Graph, hidden map[sg.NodeID]bool) {
	t.Helper()
	for n := range g.Nodes() {
		if _, ok := got.Node(n.ID); ok == hidden[n.ID] {
			t.Errorf("%s: node %v in the result: %v, hidden: %v", name, n.ID, ok, hidden[n.ID])
		}
	}
	if diff := cmp.Diff(paths(g, hidden), paths(got, nil)); diff != "" {
		t.Errorf("%s: pairs of nodes with a path (-before +after):\n%s", name, diff)
	}
	texts := edgeTexts(got)
	from, into := make(map[sg.NodeID]float64), make(map[sg.NodeID]float64)
	for e := range g.Edges() {
		measured := e.ID.Kind != sg.EdgeBridged
		switch {
		case hidden[e.ID.To]:
		case hidden[e.ID.From] || !measured:
			into[e.ID.To] += e.Calls
		case texts[e.ID] != edgeText(e):
			t.Errorf("%s: edge %s\nbecame %s", name, edgeText(e), texts[e.ID])
		}
	}
	for e := range got.Edges() {
		if e.ID.Kind == sg.EdgeBridged {
			into[e.ID.To] -= e.Calls
			from[e.ID.To]++
		} else if _, ok := g.Edge(e.ID); !ok {
			t.Errorf("%s: edge %v is new", name, e.ID)
		}
	}
	for id, rest := range into {
		if least := from[id] / 4096; rest < -least {
			t.Errorf("%s: %v more bridged calls into %v than hidden nodes made", name, -rest, id)
		}
	}
}

// checkHideInSteps checks that hiding the nodes one by one gives the same edges.
func checkHideInSteps(t *testing.T, g, got *sg.Graph, hidden map[sg.NodeID]bool) {
	t.Helper()
	steps := g
	for n := range g.Nodes() {
		if hidden[n.ID] {
			steps = steps.Hide(func(m sg.Node) bool { return m.ID == n.ID })
		}
	}
	edges := func(g *sg.Graph) (ids []sg.EdgeID) {
		for e := range g.Edges() {
			ids = append(ids, e.ID)
		}
		return ids
	}
	if diff := cmp.Diff(edges(got), edges(steps)); diff != "" {
		t.Errorf("hiding nodes one by one gives other edges (-at once +one by one):\n%s", diff)
	}
}

// checkEntries checks that no node loses entries, and that the result has at most as many
// entries as the graph.
func checkEntries(t *testing.T, g, got *sg.Graph) {
	t.Helper()
	for n := range got.Nodes() {
		if was, _ := g.Node(n.ID); n.Entries < was.Entries {
			t.Errorf("through: %v has %v entries, had %v", n.ID, n.Entries, was.Entries)
		}
	}
	if diff := cmp.Diff(edgeTexts(g.Hide(missingIn(got))), edgeTexts(got)); diff != "" {
		t.Errorf("through is not hide (-hide +through):\n%s", diff)
	}
}

func missingIn(g *sg.Graph) func(sg.Node) bool {
	return func(n sg.Node) bool {
		_, ok := g.Node(n.ID)
		return !ok
	}
}

// checkLeftOut checks that every node, edge and call of the original is in the view or
// counted as left out.
func checkLeftOut(t *testing.T, original, got *sg.Graph) {
	t.Helper()
	type sums struct {
		Nodes, Edges uint64
		Calls        float64
	}
	total := func(g *sg.Graph) sums {
		r := g.Report()
		s := sums{r.LeftOutNodes + uint64(g.NumNodes()), r.LeftOutEdges, r.LeftOutCalls}
		for e := range g.Edges() {
			if e.ID.Kind != sg.EdgeBridged {
				s.Edges++
				s.Calls += e.Calls
			}
		}
		return s
	}
	if diff := cmp.Diff(total(original), total(got)); diff != "" {
		t.Errorf("kept and left out (-before +after):\n%s", diff)
	}
}

// TestHideIsExactForOneCaller compares the result of Hide with the graph of the same traces in
// which the hidden service is part of its only caller.
func TestHideIsExactForOneCaller(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var hidden, joined []sg.Span
	for i := range 200 {
		var out sg.Span // of the hidden service, below a call of A
		binary.BigEndian.PutUint64(out.TraceID[:], uint64(i+1))
		out.Service, out.Kind = "H", sg.KindClient
		out.Start = epoch
		out.End = epoch + 2e6 + rng.Int64N(1e9)
		a, h, b := out, out, out
		a.Service, a.SpanID = "A", sg.SpanID{1}
		h.SpanID, h.ParentID, h.Kind = sg.SpanID{2}, a.SpanID, sg.KindServer
		out.SpanID, out.ParentID = sg.SpanID{3}, h.SpanID
		b.SpanID, b.ParentID, b.Kind = sg.SpanID{4}, out.SpanID, sg.KindServer
		b.Service = string(rune('B' + rng.IntN(3)))
		b.Status = sg.Status(rng.IntN(3))
		hidden = append(hidden, a, h, out, b)
		out.Service, out.ParentID = "A", sg.SpanID{}
		joined = append(joined, out, b)
	}
	want := make(map[sg.NodeID]sg.Edge)
	for e := range build(joined).Edges() {
		e.ID.Kind, e.Evidence, e.Gap = sg.EdgeBridged, sg.Evidence{}, sg.Latency{}
		want[e.ID.To] = e
	}
	got := build(hidden).Hide(func(n sg.Node) bool { return n.ID.Name == "H" })
	if got.NumEdges() != len(want) || len(want) != 3 {
		t.Fatalf("%d edges, want %d", got.NumEdges(), len(want))
	}
	for e := range got.Edges() {
		w := want[e.ID.To]
		if e.ID != w.ID || e.Calls != w.Calls || e.Errors != w.Errors || e.MaxPerTrace != w.MaxPerTrace ||
			fmt.Sprint(e.Caller, e.Callee, e.Gap, e.Evidence) != fmt.Sprint(w.Caller, w.Callee, w.Gap, w.Evidence) ||
			!slices.Equal(e.Slowest, w.Slowest) || !slices.Equal(e.Failed, w.Failed) {
			t.Errorf("got  %+v\nwant %+v", e, w)
		}
	}
}

// TestGroupOfPeers gives a group of services the type of a peer. The group must then have only the
// statistics of its callers, even after a round trip through JSON and after other views.
func TestGroupOfPeers(t *testing.T) {
	spans := mustParse(t, `
		S gw r
		C gw c<r
		S B s<c
		S B t2:r`)
	cloud := func(n sg.Node) sg.NodeID {
		if n.ID.Name == "B" {
			return sg.NodeID{Name: "cloud", Type: sg.TypeExternal}
		}
		return n.ID
	}
	g := checkView(t, build(spans), view{"group", func(g *sg.Graph) *sg.Graph { return g.Group(cloud) }}, viewLaws...)
	gateway := func(n sg.Node) bool { return n.ID.Name == "gw" }
	g = checkView(t, g, view{"through", func(g *sg.Graph) *sg.Graph { return g.HideGateways(gateway) }}, viewLaws...)
	if want := "node cloud (external)\nleft out: nodes 1, edges 1, calls 1\n"; sketch(g) != want {
		t.Errorf("got\n%swant\n%s", sketch(g), want)
	}
}

// TestGroupMakesNamesValid gives groups names that are not valid UTF-8.
func TestGroupMakesNamesValid(t *testing.T) {
	g := build(mustParse(t, "C A c\nS B s<c\nC B t2:c\nS C t2:s<c"))
	names := map[string]string{"A": "x\xff", "B": "x\xfe", "C": ""}
	by := func(n sg.Node) sg.NodeID { return sg.NodeID{Name: names[n.ID.Name], Type: sg.TypeGroup} }
	g = checkView(t, g, view{"group", func(g *sg.Graph) *sg.Graph { return g.Group(by) }}, viewLaws...)
	if g.NumNodes() != 2 || g.NumEdges() != 2 {
		t.Errorf("got\n%s", sketch(g))
	}
}

// TestViewsOfHostileNumbers takes views of a graph that was read from JSON and whose
// numbers contradict each other: no view may panic or hang.
func TestViewsOfHostileNumbers(t *testing.T) {
	for _, numbers := range [][2]string{{"-5", "3"}, {"0", "0"}, {"1e308", "1e308"}, {"1e-300", "7"}, {"3", "1e300"}} {
		text := fmt.Sprintf(`{"schema":1,"nodes":[
			{"id":"a","name":"a","type":"service"},
			{"id":"h","name":"h","type":"service","entries":%[1]s,"requests":{"calls":%[2]s,"errors":%[1]s,"observed":1}},
			{"id":"b","name":"b","type":"service"}],"edges":[
			{"from":"a","to":"h","kind":"request","source":0,"target":1,"calls":%[1]s,"errors":%[2]s},
			{"from":"h","to":"h","kind":"request","source":1,"target":1,"calls":%[2]s},
			{"from":"h","to":"b","kind":"request","source":1,"target":2,"calls":%[2]s,"errors":%[1]s}]}`, numbers[0], numbers[1])
		g, err := sg.ReadJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		hidden := func(n sg.Node) bool { return n.ID.Name == "h" }
		for _, take := range []func() *sg.Graph{
			func() *sg.Graph { return g.Hide(hidden) },
			func() *sg.Graph { return g.HideGateways(hidden) },
			func() *sg.Graph { return g.Top(2) },
			func() *sg.Graph { return g.Group(sg.ByNamespace) },
			func() *sg.Graph { return g.ErrorsOnly(0) },
			g.EntriesOnly,
		} {
			take()
		}
		if got := g.Hide(hidden); got.NumNodes() != 2 || got.NumEdges() != 1 {
			t.Errorf("calls %s and %s: %d nodes, %d edges", numbers[0], numbers[1], got.NumNodes(), got.NumEdges())
		}
	}
}
