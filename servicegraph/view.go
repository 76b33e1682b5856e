package servicegraph

import "slices"

// An adjacency is a graph in compressed sparse row format, for walks: nodes and edges are
// numbers, which are their positions in Graph.nodes and Graph.edges.
type adjacency struct {
	from, to []int // the nodes of an edge, by edge
	callers  []int // the calling node of an edge, by position of the edge in Graph.in
	out      []int // by node: its first edge in Graph.edges; one more element ends the last node's
	in       []int // by node: its first edge in Graph.in; one more element ends the last node's
}

// adjacency needs no lookups, because nodes and edges have the same order.
func (g *Graph) adjacency() *adjacency {
	a := &adjacency{
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
		a.from[e] = n
		a.out[n+1]++
	}
	n = 0
	for i, e := range g.in {
		for g.nodes[n].ID != g.edges[e].ID.To {
			n++
		}
		a.to[e] = n
		a.callers[i] = a.from[e]
		a.in[n+1]++
	}
	for n := range g.nodes {
		a.out[n+1] += a.out[n]
		a.in[n+1] += a.in[n]
	}
	return a
}

// calleesOf returns the nodes that node n calls, once for each edge.
func (a *adjacency) calleesOf(n int) []int { return a.to[a.out[n]:a.out[n+1]] }

// callersOf returns the nodes that call node n, once for each edge.
func (a *adjacency) callersOf(n int) []int { return a.callers[a.in[n]:a.in[n+1]] }

// within marks the nodes that are at most the given number of steps from a marked node,
// marked nodes included. next returns the nodes that are one step from node n.
func within(marked []bool, steps int, next func(n int) []int) []bool {
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

// inducedEdges marks the edges with both ends among the marked nodes.
func (a *adjacency) inducedEdges(nodes []bool) []bool {
	edges := make([]bool, len(a.from))
	for e := range edges {
		edges[e] = nodes[a.from[e]] && nodes[a.to[e]]
	}
	return edges
}

// endpoints marks the nodes at the ends of the marked edges.
func (a *adjacency) endpoints(edges []bool) []bool {
	nodes := make([]bool, len(a.out)-1)
	for e, is := range edges {
		if is {
			nodes[a.from[e]], nodes[a.to[e]] = true, true
		}
	}
	return nodes
}

// mark calls match once for each node, in order, and returns the results.
func (g *Graph) mark(match func(Node) bool) []bool {
	marked := make([]bool, len(g.nodes))
	for i, n := range g.nodes {
		marked[i] = match(n)
	}
	return marked
}

// marks returns n marks, all set.
func marks(n int) []bool {
	marked := make([]bool, n)
	for i := range marked {
		marked[i] = true
	}
	return marked
}

// subset returns copies of the marked nodes and edges, and the report with the others
// counted as left out. Bridged edges are not counted: they stand for edges that were
// counted when a view left them out.
func (g *Graph) subset(nodes, edges []bool) ([]Node, []Edge, Report) {
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
func (g *Graph) induced(a *adjacency, nodes []bool) *Graph {
	return newGraph(g.subset(nodes, a.inducedEdges(nodes)))
}
