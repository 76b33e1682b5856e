package servicegraph

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/digraph"
)

// adjacency returns the nodes and edges as numbers, for walks: their positions in g.nodes and
// g.edges. It needs no lookups, because nodes and edges have the same order.
func (g *Graph) adjacency() *digraph.Adjacency {
	from, to := make([]int, len(g.edges)), make([]int, len(g.edges))
	n := 0
	for e := range g.edges {
		for g.nodes[n].ID != g.edges[e].ID.From {
			n++
		}
		from[e] = n
	}
	n = 0
	for _, e := range g.in {
		for g.nodes[n].ID != g.edges[e].ID.To {
			n++
		}
		to[e] = n
	}
	return digraph.New(len(g.nodes), from, to, g.in)
}

// Cycles returns the sets of nodes that call each other, directly or through other nodes:
// the strongly connected components of more than one node. A node that calls itself is
// in no set for that reason alone. Sets are ordered by their first node, and nodes within
// a set by [NodeID.Compare].
func (g *Graph) Cycles() [][]NodeID {
	componentOf, n := g.adjacency().Components(marks(len(g.nodes)))
	sets := make([][]NodeID, n)
	for i, c := range componentOf {
		sets[c] = append(sets[c], g.nodes[i].ID)
	}
	sets = slices.DeleteFunc(sets, func(s []NodeID) bool { return len(s) < 2 })
	slices.SortFunc(sets, func(a, b []NodeID) int { return a[0].Compare(b[0]) })
	return sets
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
func (g *Graph) induced(a *digraph.Adjacency, nodes []bool) *Graph {
	return newGraph(g.subset(nodes, a.InducedEdges(nodes)))
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
		key := edgeKey{index[a.From[i]], index[a.To[i]], e.ID.Kind}
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
