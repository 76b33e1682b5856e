package servicegraph

// WithErrorsOf returns the graph with the errors of one side of each edge in place of
// those that either side saw: what callers met, timeouts and rejections included
// (semantics.md E4), or what callees admit to. An edge that the side has no spans
// of, and a bridged one, keeps its errors. Nodes, and the statistics of both sides,
// stay as they are.
func (g *Graph) WithErrorsOf(side Side) *Graph {
	all := func(n int) []bool {
		marked := make([]bool, n)
		for i := range marked {
			marked[i] = true
		}
		return marked
	}
	nodes, edges, report := g.take(all(len(g.nodes)), all(len(g.edges)))
	for i := range edges {
		e := &edges[i]
		seen := e.Caller
		if side == CalleeSide {
			seen = e.Callee
		}
		if seen.Observed > 0 && e.ID.Kind != EdgeBridged {
			e.Errors = min(seen.Errors, e.Calls)
			e.Recovered = min(e.Recovered, e.Errors)
		}
	}
	return newGraph(nodes, edges, report)
}
