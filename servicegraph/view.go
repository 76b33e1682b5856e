package servicegraph

import "slices"

// A shape is a graph by positions, for walks: nodes by theirs in Graph.nodes,
// edges by theirs in Graph.edges.
type shape struct {
	from, to []int // by edge
	callers  []int // by position in Graph.in
	out, in  []int // by node: where its edges begin, in Graph.edges and in Graph.in; one more at the end
}

// shape needs no lookups, because nodes and edges have the same order.
func (g *Graph) shape() *shape {
	s := &shape{
		from:    make([]int, len(g.edges)),
		to:      make([]int, len(g.edges)),
		callers: make([]int, len(g.edges)),
		out:     make([]int, len(g.nodes)+1),
		in:      make([]int, len(g.nodes)+1),
	}
	n := 0
	for e := range g.edges {
		for g.nodes[n].ID != g.edges[e].ID.From {
			n++
		}
		s.from[e] = n
		s.out[n+1]++
	}
	n = 0
	for i, e := range g.in {
		for g.nodes[n].ID != g.edges[e].ID.To {
			n++
		}
		s.to[e] = n
		s.callers[i] = s.from[e]
		s.in[n+1]++
	}
	for n := range g.nodes {
		s.out[n+1] += s.out[n]
		s.in[n+1] += s.in[n]
	}
	return s
}

// calleesOf returns the nodes that node n calls, once for each edge.
func (s *shape) calleesOf(n int) []int { return s.to[s.out[n]:s.out[n+1]] }

// callersOf returns the nodes that call node n, once for each edge.
func (s *shape) callersOf(n int) []int { return s.callers[s.in[n]:s.in[n+1]] }

// reach marks the nodes that are at most so many steps from the marked ones.
func reach(marked []bool, steps int, next func(n int) []int) []bool {
	reached := slices.Clone(marked)
	var border []int
	for n, is := range marked {
		if is {
			border = append(border, n)
		}
	}
	for ; steps > 0 && len(border) > 0; steps-- {
		var beyond []int
		for _, n := range border {
			for _, m := range next(n) {
				if !reached[m] {
					reached[m] = true
					beyond = append(beyond, m)
				}
			}
		}
		border = beyond
	}
	return reached
}

// between marks the edges with both ends among the marked nodes.
func (s *shape) between(nodes []bool) []bool {
	edges := make([]bool, len(s.from))
	for e := range edges {
		edges[e] = nodes[s.from[e]] && nodes[s.to[e]]
	}
	return edges
}

// touched marks the nodes at the ends of the marked edges.
func (s *shape) touched(edges []bool) []bool {
	nodes := make([]bool, len(s.out)-1)
	for e, is := range edges {
		if is {
			nodes[s.from[e]], nodes[s.to[e]] = true, true
		}
	}
	return nodes
}

// mark calls match once for each node, in order, and returns its answers.
func (g *Graph) mark(match func(Node) bool) []bool {
	marked := make([]bool, len(g.nodes))
	for i, n := range g.nodes {
		marked[i] = match(n)
	}
	return marked
}

// take returns copies of the marked nodes and edges, and the report with the
// others counted as left out. A bridged edge is not counted: it stands for edges
// that were, when a view left them out.
func (g *Graph) take(nodes, edges []bool) ([]Node, []Edge, Report) {
	report := g.report
	keptNodes := make([]Node, 0, count(nodes))
	for i := range g.nodes {
		if nodes[i] {
			keptNodes = append(keptNodes, g.nodes[i])
		} else {
			report.LeftOutNodes++
		}
	}
	keptEdges := make([]Edge, 0, count(edges))
	for i := range g.edges {
		e := &g.edges[i]
		switch {
		case edges[i]:
			keptEdges = append(keptEdges, *e)
		case e.ID.Kind != EdgeBridged:
			report.LeftOutEdges++
			report.LeftOutCalls = plus(report.LeftOutCalls, e.Calls)
		}
	}
	return keptNodes, keptEdges, report
}

func count(marked []bool) int {
	n := 0
	for _, is := range marked {
		if is {
			n++
		}
	}
	return n
}

// induced returns the graph of the marked nodes and all edges between them.
func (g *Graph) induced(s *shape, nodes []bool) *Graph {
	return newGraph(g.take(nodes, s.between(nodes)))
}
