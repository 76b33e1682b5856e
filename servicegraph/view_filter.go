package servicegraph

import (
	"cmp"
	"math"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/digraph"
)

// Filter returns the graph of the nodes for which keep is true, and of all edges between
// them. Other nodes are left out with all calls from and to them; [Graph.Hide] bridges
// the gaps instead. keep is called once for each node, in order.
//
// Like every view, Filter leaves the graph as it is, and the [Report] of the result counts what was
// left out, in addition to what the graph itself had left out. A service keeps the statistics of
// all requests that entered it, whichever nodes called it. A peer, which has no spans of its own,
// has the statistics that its remaining callers saw. A view is final: calls that were pending in
// the graph are resolved in the view for good, so merge graphs before taking views of them.
func (g *Graph) Filter(keep func(Node) bool) *Graph {
	return g.induced(g.mark(keep))
}

// FilterEdges returns the graph of the edges for which keep is true. A node is left out
// with its last edge, unless requests enter it from outside; nodes that had no edge stay.
// keep is called once for each edge, in order.
func (g *Graph) FilterEdges(keep func(Edge) bool) *Graph {
	edges := make([]bool, len(g.edges))
	for i := range g.edges {
		edges[i] = keep(g.edges[i])
	}
	nodes, before := g.endpoints(edges), g.endpoints(marks(len(g.edges)))
	for i := range g.nodes {
		nodes[i] = nodes[i] || !before[i] || g.nodes[i].Entries > 0
	}
	return g.subset(nodes, edges).finish()
}

// ErrorsOnly returns the graph of the edges of which at least the given fraction of the calls
// failed, the nodes at their ends, and the nodes that failed at least this fraction of their
// requests, because an entry service can fail without a failing edge. A fraction of 0 keeps
// every edge and node with an error.
func (g *Graph) ErrorsOnly(fraction float64) *Graph {
	fails := func(errors, calls float64) bool { return errors > 0 && errorRate(errors, calls) >= fraction }
	edges := make([]bool, len(g.edges))
	for i := range g.edges {
		edges[i] = fails(g.edges[i].Errors, g.edges[i].Calls)
	}
	nodes := g.endpoints(edges)
	for i := range g.nodes {
		nodes[i] = nodes[i] || fails(g.nodes[i].Requests.Errors, g.nodes[i].Requests.Calls)
	}
	return g.subset(nodes, edges).finish()
}

// WithErrorsOf returns the graph with the errors that one side of each edge recorded in place of
// those that either side recorded. The caller's errors include timeouts and rejections that no
// callee knows of (docs/semantics.md, E4). An edge keeps its errors if the side has no spans, and a
// bridged edge always does. Nodes, and the statistics of both sides, stay as they are.
func (g *Graph) WithErrorsOf(side Side) *Graph {
	view := g.subset(marks(len(g.nodes)), marks(len(g.edges)))
	for i := range view.edges {
		e := &view.edges[i]
		stats := e.Caller
		if side == CalleeSide {
			stats = e.Callee
		}
		if stats.Observed > 0 && e.ID.Kind != EdgeBridged {
			e.Errors = min(stats.Errors, e.Calls)
			e.Recovered = min(e.Recovered, e.Errors)
		}
	}
	return view.finish()
}

// Top returns the graph of the n busiest nodes and all edges between them. A node is as
// busy as the calls that it receives or the calls that it makes, whichever are more; of
// equally busy nodes, the first in the order of [NodeID.Compare] wins.
func (g *Graph) Top(n int) *Graph {
	received, made := make([]float64, len(g.nodes)), make([]float64, len(g.nodes))
	for e := range g.edges {
		made[g.from[e]] += g.edges[e].Calls
		received[g.to[e]] += g.edges[e].Calls
	}
	return g.induced(largest(n, len(g.nodes), func(i int) float64 {
		return max(g.nodes[i].Requests.Calls, received[i], made[i])
	}))
}

// TopEdges returns the graph of the n edges with the most calls and of the nodes at their
// ends. Of equal edges, the first in the order of [EdgeID.Compare] wins.
func (g *Graph) TopEdges(n int) *Graph {
	edges := largest(n, len(g.edges), func(i int) float64 { return g.edges[i].Calls })
	return g.subset(g.endpoints(edges), edges).finish()
}

// largest marks the n positions with the largest sizes, and the first of equal ones.
func largest(n, of int, size func(i int) float64) []bool {
	type sized struct {
		size     float64
		position int
	}
	order := make([]sized, of)
	for i := range order {
		order[i] = sized{size(i), i}
	}
	slices.SortFunc(order, func(a, b sized) int {
		if c := cmp.Compare(b.size, a.size); c != 0 {
			return c
		}
		return a.position - b.position
	})
	marked := make([]bool, of)
	for _, s := range order[:min(max(n, 0), of)] {
		marked[s.position] = true
	}
	return marked
}

// Near returns the matching nodes with their neighborhood: the nodes that call them over
// at most up edges, the nodes that they call over at most down edges, and all edges
// between any of these nodes, edges between two neighbors included
// (docs/semantics.md, V1). A distance of [math.MaxInt] has no limit; a distance of 0, or
// less, leaves that direction out.
//
// Other callees of a caller are not near: the way to them goes up and then down.
func (g *Graph) Near(match func(Node) bool, up, down int) *Graph {
	a := g.adjacency()
	matching := g.mark(match)
	near := digraph.Within(matching, up, a.CallersOf)
	for n, is := range digraph.Within(matching, down, a.CalleesOf) {
		near[n] = near[n] || is
	}
	return g.induced(near)
}

// Focus returns the graph of all paths through the matching nodes: all nodes that call
// them or that they call, over any number of edges, and all edges between these nodes.
// It is [Graph.Near] without limits.
//
// An edge from a caller of the matching nodes straight to one of their callees is part of
// the result: a graph does not know in which traces the calls were made, so it cannot
// leave out the calls of that edge that have nothing to do with the matching nodes.
func (g *Graph) Focus(match func(Node) bool) *Graph {
	return g.Near(match, math.MaxInt, math.MaxInt)
}

// EntriesOnly returns the part of the graph that requests from outside can reach: the
// nodes with entries, the peers that call and are not called, all nodes that these call
// over any number of edges, and all edges between any of them. It leaves out nodes that
// only background work reaches. A path in the result means that each edge of the path was
// called, not that one request took the path from end to end.
func (g *Graph) EntriesOnly() *Graph {
	a := g.adjacency()
	entries := make([]bool, len(g.nodes))
	for i := range g.nodes {
		onlyCalls := len(a.CallersOf(i)) == 0 && len(a.CalleesOf(i)) > 0
		entries[i] = g.nodes[i].Entries > 0 || g.nodes[i].ID.Type.isPeer() && onlyCalls
	}
	return g.induced(digraph.Within(entries, math.MaxInt, a.CalleesOf))
}
