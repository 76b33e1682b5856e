package servicegraph

import "math"

// Near returns the matching nodes with their surroundings: the nodes that call
// them over at most up edges, those that they call over at most down edges, and
// all edges between any of these. An edge between two neighbours is therefore
// there (semantics.md V1). A distance of [math.MaxInt] has no limit; one of zero
// leaves that side out.
//
// Other callees of a caller are not near: the way to them goes up and down.
func (g *Graph) Near(match func(Node) bool, up, down int) *Graph {
	s := g.shape()
	matching := g.mark(match)
	near := reach(matching, up, s.callersOf)
	for n, is := range reach(matching, down, s.calleesOf) {
		near[n] = near[n] || is
	}
	return g.induced(s, near)
}

// Focus returns the graph of all paths through the matching nodes: everything
// that calls them or that they call, over any number of edges, and all edges
// between these nodes. It is [Graph.Near] without limits.
//
// An edge that leads past the matching nodes, from a caller of theirs to a
// callee, stays: a graph does not know in which traces the calls were made, and a
// picture without the edge would deny them.
func (g *Graph) Focus(match func(Node) bool) *Graph {
	return g.Near(match, math.MaxInt, math.MaxInt)
}

// EntriesOnly returns the part of the graph that requests from outside can reach:
// the nodes with entries, the peers that call and are not called, everything
// behind them, and all edges between these nodes. It leaves out what only
// background work reaches. As of all paths, a graph knows that one is there, not
// that a request has taken it from end to end.
func (g *Graph) EntriesOnly() *Graph {
	s := g.shape()
	entries := make([]bool, len(g.nodes))
	for i, n := range g.nodes {
		source := len(s.callersOf(i)) == 0 && len(s.calleesOf(i)) > 0
		entries[i] = n.Entries > 0 || n.ID.Type.isPeer() && source
	}
	return g.induced(s, reach(entries, math.MaxInt, s.calleesOf))
}
