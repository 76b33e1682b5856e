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

// Group returns the graph with one node for all nodes that the function id maps to the
// same id. Calls between two groups add up to one edge for each kind, and calls inside a
// group to an edge from the group to itself: the result has all calls and errors of the
// graph, and nothing counts as left out. A node that is mapped to its own id stays as it
// is. The function is called once for each node, in order.
//
// The type of the new id decides where the group's requests come from. For [TypeGroup]
// and [TypeService] they are the sum of the members' requests, calls from one member to
// another included. For the other types, which are meant for groups of peers, they are
// what the callers saw, as for every peer, and the group has no entries and no self time.
// MaxPerTrace of an edge is that of the busiest edge in its sum.
func (g *Graph) Group(id func(Node) NodeID) *Graph {
	var groups symbols // numbers the ids, and makes their text valid UTF-8
	var nodes []Node
	index := make([]nodeIndex, len(g.nodes))
	for i, n := range g.nodes {
		index[i] = groups.node(id(n))
		if int(index[i]) > len(nodes) {
			nodes = append(nodes, Node{ID: groups.nodeID(index[i])})
		}
		into := &nodes[index[i]-1]
		if !into.ID.Type.isPeer() {
			into.merge(&n)
		}
	}

	a := g.adjacency()
	var edges []Edge
	position := make(map[edgeKey]int)
	for i := range g.edges {
		e := &g.edges[i]
		key := edgeKey{index[a.from[i]], index[a.to[i]], e.ID.Kind}
		at, ok := position[key]
		if !ok {
			at = len(edges)
			position[key] = at
			edges = append(edges, Edge{ID: EdgeID{groups.nodeID(key.from), groups.nodeID(key.to), key.kind}})
		}
		edges[at].merge(e)
	}
	return newGraph(nodes, edges, g.report)
}

// ByNamespace maps a node to the group of its namespace, for [Graph.Group]. A node
// without a namespace is mapped to its own id.
func ByNamespace(n Node) NodeID {
	if n.ID.Namespace == "" {
		return n.ID
	}
	return NodeID{Name: n.ID.Namespace, Type: TypeGroup}
}

// ByAttr returns a function that maps a node to the group of the value of its attribute
// key, for [Graph.Group]. A node that has no value of the attribute, or several, is
// mapped to its own id. The attribute must be one that [Config.NodeAttrs] lists.
func ByAttr(key string) func(Node) NodeID {
	return func(n Node) NodeID {
		value, values := "", 0
		for _, a := range n.Attrs {
			if a.Key == key {
				value = a.Value
				values++
			}
		}
		if values != 1 {
			return n.ID
		}
		return NodeID{Name: value, Type: TypeGroup}
	}
}
