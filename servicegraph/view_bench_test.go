package servicegraph_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// serviceName returns the name of service i in one of ten namespaces.
func serviceName(i int) (namespace, name string) {
	return fmt.Sprintf("team-%d", i%10), fmt.Sprintf("service-%05d", i)
}

// graphOf returns a graph with one call for each pair of services.
func graphOf(pairs [][2]int) *sg.Graph {
	b := sg.NewBuilder(sg.Config{Limits: sg.Limits{Nodes: -1, Edges: -1}})
	for i, pair := range pairs {
		var s sg.Span
		binary.BigEndian.PutUint64(s.TraceID[:], uint64(i+1))
		s.SpanID, s.Kind = sg.SpanID{1}, sg.KindClient
		s.Start = epoch
		s.End = epoch + int64(1+i%1000)*1e6
		s.Namespace, s.Service = serviceName(pair[0])
		b.Add(s)
		s.SpanID, s.ParentID, s.Kind = sg.SpanID{2}, s.SpanID, sg.KindServer
		s.Namespace, s.Service = serviceName(pair[1])
		if i%50 == 0 {
			s.Status = sg.StatusError
		}
		b.Add(s)
	}
	return b.Graph()
}

// randomPairs returns distinct random pairs of n services.
func randomPairs(rng *rand.Rand, n, pairs int) [][2]int {
	seen := make(map[[2]int]bool)
	var out [][2]int
	for len(out) < pairs {
		pair := [2]int{rng.IntN(n), rng.IntN(n)}
		if !seen[pair] {
			seen[pair] = true
			out = append(out, pair)
		}
	}
	return out
}

// BenchmarkViews measures each view on graphs with 10 edges per node: a graph that is ten
// times as large should take about ten times as long. Hide hides one node of fifty, which
// makes about four bridged edges for each edge that it removes.
func BenchmarkViews(b *testing.B) {
	one := func(n sg.Node) bool { return n.ID.Name == "service-00007" }
	most := func(n sg.Node) bool { return n.ID.Name[len(n.ID.Name)-1] != '3' }
	few := func(n sg.Node) bool {
		return n.ID.Name[len(n.ID.Name)-2:] == "03" || n.ID.Name[len(n.ID.Name)-2:] == "53"
	}
	for _, nodes := range []int{100, 1_000, 10_000} {
		g := graphOf(randomPairs(rand.New(rand.NewPCG(1, 2)), nodes, 10*nodes))
		for _, v := range []view{
			{"Filter", func(g *sg.Graph) *sg.Graph { return g.Filter(most) }},
			{"FilterEdges", func(g *sg.Graph) *sg.Graph {
				return g.FilterEdges(func(e sg.Edge) bool { return e.Errors == 0 })
			}},
			{"ErrorsOnly", func(g *sg.Graph) *sg.Graph { return g.ErrorsOnly(0) }},
			{"EntriesOnly", (*sg.Graph).EntriesOnly},
			{"Focus", func(g *sg.Graph) *sg.Graph { return g.Focus(one) }},
			{"Near", func(g *sg.Graph) *sg.Graph { return g.Near(one, 2, 2) }},
			{"Top", func(g *sg.Graph) *sg.Graph { return g.Top(nodes / 2) }},
			{"TopEdges", func(g *sg.Graph) *sg.Graph { return g.TopEdges(5 * nodes) }},
			{"Group", func(g *sg.Graph) *sg.Graph { return g.Group(sg.ByNamespace) }},
			{"Hide", func(g *sg.Graph) *sg.Graph { return g.Hide(few) }},
			{"HideGateways", func(g *sg.Graph) *sg.Graph { return g.HideGateways(few) }},
		} {
			b.Run(fmt.Sprintf("%s/nodes=%d", v.name, nodes), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					v.take(g)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*g.NumEdges()), "ns/edge")
			})
		}
	}
}

// TestViewsOfAChain takes views of a chain of 30,000 services with a stack of 1 MB: no
// view may follow the chain by recursion, or visit all of it for each node.
func TestViewsOfAChain(t *testing.T) {
	const n = 30_000
	var pairs [][2]int
	for i := range n - 1 {
		pairs = append(pairs, [2]int{i, i + 1})
	}
	g := graphOf(pairs)
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	at := func(i int) func(sg.Node) bool {
		_, name := serviceName(i)
		return func(n sg.Node) bool { return n.ID.Name == name }
	}
	first, last := at(0), at(n-1)
	for _, c := range []struct {
		view
		nodes, edges int
	}{
		{view{"focus", func(g *sg.Graph) *sg.Graph { return g.Focus(at(n / 2)) }}, n, n - 1},
		{view{"near", func(g *sg.Graph) *sg.Graph { return g.Near(last, math.MaxInt, 0) }}, n, n - 1},
		{view{"entries", (*sg.Graph).EntriesOnly}, 0, 0},
		{view{"group", func(g *sg.Graph) *sg.Graph { return g.Group(sg.ByNamespace) }}, 10, 10},
		{view{"hide all but the ends", func(g *sg.Graph) *sg.Graph {
			return g.Hide(func(n sg.Node) bool { return !first(n) && !last(n) })
		}}, 2, 1},
		{view{"hide every other", func(g *sg.Graph) *sg.Graph {
			return g.Hide(func(n sg.Node) bool { return n.ID.Name[len(n.ID.Name)-1]%2 == 1 })
		}}, n / 2, n/2 - 1},
	} {
		if got := c.take(g); got.NumNodes() != c.nodes || got.NumEdges() != c.edges {
			t.Errorf("%s: %d nodes and %d edges, want %d and %d", c.name, got.NumNodes(), got.NumEdges(), c.nodes, c.edges)
		}
	}
}
