package servicegraph

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/digraph"
)

// adjacency returns the nodes and edges as numbers, for walks: their positions in g.nodes and
// g.edges.
func (g *Graph) adjacency() *digraph.Adjacency {
	return digraph.New(len(g.nodes), g.from, g.to, g.in)
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

// subset returns a graph of copies of the marked nodes and edges, for finish. The ends of a marked
// edge must be marked. The report counts the other nodes and edges as left out.
func (g *Graph) subset(nodes, edges []bool) *Graph {
	n := count(edges)
	view := &Graph{report: g.leavingOut(nodes, edges), edges: make([]Edge, 0, n), from: make([]int, 0, n), to: make([]int, 0, n)}
	var place []int
	view.nodes, place = g.copyNodes(nodes)
	for i, is := range edges {
		if is {
			view.edges = append(view.edges, g.edges[i])
			view.from, view.to = append(view.from, place[g.from[i]]), append(view.to, place[g.to[i]])
		}
	}
	view.indexIncoming()
	return view
}

// copyNodes returns the marked nodes and, for each node of the graph, its position among them.
func (g *Graph) copyNodes(marked []bool) (nodes []Node, place []int) {
	nodes, place = make([]Node, 0, count(marked)), make([]int, len(g.nodes))
	for i, is := range marked {
		place[i] = len(nodes)
		if is {
			nodes = append(nodes, g.nodes[i])
		}
	}
	return nodes, place
}

// leavingOut returns the report with the unmarked nodes and edges counted as left out. Bridged edges
// are not counted: they stand for edges that were counted when a view left them out.
func (g *Graph) leavingOut(nodes, edges []bool) Report {
	report := g.report
	for _, is := range nodes {
		if !is {
			report.LeftOutNodes++
		}
	}
	for i, is := range edges {
		if e := &g.edges[i]; !is && e.ID.Kind != EdgeBridged {
			report.LeftOutEdges++
			report.LeftOutCalls = plus(report.LeftOutCalls, e.Calls)
		}
	}
	return report
}

// newView returns the graph of nodes and edges in any order, and uses their memory. A view has no
// pending calls.
func newView(nodes []Node, edges []placedEdge, report Report) *Graph {
	view := &Graph{report: report}
	view.arrange(nodes, edges)
	return view.finish()
}

// finish computes the requests of peers from what their callers saw, and notes the recovered errors
// that are on no edge of the view. It returns the view.
func (g *Graph) finish() *Graph {
	g.rest = make([]float64, len(g.nodes))
	for i, n := range g.to {
		g.rest[n] = plus(g.rest[n], g.edges[i].Recovered)
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.ID.Type.isPeer() {
			n.Requests, n.Recovered = Stats{}, 0
		}
		n.Recovered = max(n.Recovered-g.rest[i], 0)
		g.rest[i] = n.Recovered
	}
	g.credit()
	return g
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
func (g *Graph) induced(nodes []bool) *Graph {
	return g.subset(nodes, g.inducedEdges(nodes)).finish()
}

// inducedEdges marks the edges with both ends among the marked nodes.
func (g *Graph) inducedEdges(nodes []bool) []bool {
	edges := make([]bool, len(g.edges))
	for e := range edges {
		edges[e] = nodes[g.from[e]] && nodes[g.to[e]]
	}
	return edges
}

// endpoints marks the nodes at the ends of the marked edges.
func (g *Graph) endpoints(edges []bool) []bool {
	nodes := make([]bool, len(g.nodes))
	for e, is := range edges {
		if is {
			nodes[g.from[e]], nodes[g.to[e]] = true, true
		}
	}
	return nodes
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

	var edges []placedEdge
	sums := make(map[edgeKey]*Edge)
	for i := range g.edges {
		e := &g.edges[i]
		key := edgeKey{index[g.from[i]], index[g.to[i]], e.ID.Kind}
		sum := sums[key]
		if sum == nil {
			sum = &Edge{ID: EdgeID{groups.nodeID(key.from), groups.nodeID(key.to), key.kind}}
			sums[key] = sum
			edges = append(edges, placedEdge{int(key.from) - 1, int(key.to) - 1, sum})
		}
		sum.merge(e)
	}
	return newView(nodes, edges, g.report)
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
