package servicegraph

import "math"

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
	near := within(matching, up, a.callersOf)
	for n, is := range within(matching, down, a.calleesOf) {
		near[n] = near[n] || is
	}
	return g.induced(a, near)
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
	for i, n := range g.nodes {
		onlyCalls := len(a.callersOf(i)) == 0 && len(a.calleesOf(i)) > 0
		entries[i] = n.Entries > 0 || n.ID.Type.isPeer() && onlyCalls
	}
	return g.induced(a, within(entries, math.MaxInt, a.calleesOf))
}
