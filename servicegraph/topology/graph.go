package topology

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Graph is a service graph as a weighted directed graph of package gonum.
//
// Between two nodes there is at most one edge in each direction. It stands for all kinds of
// calls, requests and messages alike, and its weight is that of all of them together. Calls of
// a node to itself are left out: gonum's simple graphs have none, and no question here depends
// on them. The id of a node is its place in the order of [servicegraph.NodeID.Compare],
// counted from 0, so that the same nodes always have the same ids.
//
// A Graph does not change and is safe for concurrent use. All iterators return nodes and edges
// by ascending id, so that an algorithm that follows their order gives the same result every
// time.
type Graph struct {
	source *servicegraph.Graph
	nodes  []graph.Node // of type Node
	ids    map[servicegraph.NodeID]int64
	edges  map[[2]int64]Edge
	to     [][]graph.Node // the callees of each node
	from   [][]graph.Node // the callers of each node
}

var (
	_ graph.WeightedDirected = (*Graph)(nil)
	_ graph.Node             = Node{}
	_ graph.WeightedEdge     = Edge{}
)

// A Node is a node of a service graph.
type Node struct {
	id   int64
	Node servicegraph.NodeID
}

// ID returns the id of the node in its [Graph].
func (n Node) ID() int64 { return n.id }

// DOTID returns the name of the node, for gonum's writer of DOT.
func (n Node) DOTID() string { return n.Node.String() }

// An Edge stands for all calls from one node to another.
type Edge struct {
	from, to Node
	weight   float64
}

// From returns the caller.
func (e Edge) From() graph.Node { return e.from }

// To returns the callee.
func (e Edge) To() graph.Node { return e.to }

// ReversedEdge returns the edge itself: a call has a direction.
func (e Edge) ReversedEdge() graph.Edge { return e }

// Weight returns the weight of the edge.
func (e Edge) Weight() float64 { return e.weight }

// A Weight computes the weight of the edges between two nodes in one direction, one edge for
// each kind of call. The edges are those of one service graph, in its order, and at least one.
// A weight must not be NaN.
type Weight func(kinds []servicegraph.Edge) float64

// Calls weighs an edge by its calls.
func Calls(kinds []servicegraph.Edge) (calls float64) {
	for _, e := range kinds {
		calls += e.Calls
	}
	return calls
}

// Errors weighs an edge by its failed calls.
func Errors(kinds []servicegraph.Edge) (errors float64) {
	for _, e := range kinds {
		errors += e.Errors
	}
	return errors
}

// Latency weighs an edge by the mean latency of its calls in seconds, as
// [servicegraph.Edge.Latency] gives it, over all kinds. The weight of an edge without a measured
// latency is +Inf, so that a shortest path by latency avoids the edge.
func Latency(kinds []servicegraph.Edge) float64 {
	var seconds, count float64
	for _, e := range kinds {
		if latency, _, ok := e.Latency(); ok {
			seconds += latency.Sum().Seconds()
			count += latency.Count()
		}
	}
	if count == 0 {
		return math.Inf(1)
	}
	return seconds / count
}

// New returns the graph of the nodes and edges of a service graph. Bridged edges of a view
// count like others. A nil weight stands for [Calls].
func New(g *servicegraph.Graph, weight Weight) *Graph {
	if weight == nil {
		weight = Calls
	}
	t := &Graph{source: g, ids: make(map[servicegraph.NodeID]int64), edges: make(map[[2]int64]Edge)}
	for n := range g.Nodes() {
		id := int64(len(t.nodes))
		t.nodes = append(t.nodes, Node{id, n.ID})
		t.ids[n.ID] = id
	}
	t.to, t.from = make([][]graph.Node, len(t.nodes)), make([][]graph.Node, len(t.nodes))
	var kinds []servicegraph.Edge
	flush := func() {
		if len(kinds) > 0 {
			t.add(kinds[0].ID.From, kinds[0].ID.To, weight(kinds))
			kinds = kinds[:0]
		}
	}
	for e := range g.Edges() { // the edges of one pair of nodes follow each other, one for each kind
		if len(kinds) > 0 && (kinds[0].ID.From != e.ID.From || kinds[0].ID.To != e.ID.To) {
			flush()
		}
		kinds = append(kinds, e)
	}
	flush()
	for _, callers := range t.from {
		slices.SortFunc(callers, func(a, b graph.Node) int { return int(a.ID() - b.ID()) })
	}
	return t
}

func (t *Graph) add(from, to servicegraph.NodeID, weight float64) {
	i, j := t.ids[from], t.ids[to]
	if i == j {
		return
	}
	t.edges[[2]int64{i, j}] = Edge{t.nodes[i].(Node), t.nodes[j].(Node), weight}
	t.to[i] = append(t.to[i], t.nodes[j])
	t.from[j] = append(t.from[j], t.nodes[i])
}

// Of returns the node of a service graph, and reports whether it exists.
func (t *Graph) Of(id servicegraph.NodeID) (Node, bool) {
	i, ok := t.ids[id]
	if !ok {
		return Node{}, false
	}
	return t.nodes[i].(Node), true
}

// Node returns the node with an id, or nil if there is none.
func (t *Graph) Node(id int64) graph.Node {
	if !t.exists(id) {
		return nil
	}
	return t.nodes[id]
}

func (t *Graph) exists(id int64) bool { return id >= 0 && id < int64(len(t.nodes)) }

// Nodes returns all nodes.
func (t *Graph) Nodes() graph.Nodes { return ordered(t.nodes) }

// From returns the nodes that a node calls.
func (t *Graph) From(id int64) graph.Nodes {
	if !t.exists(id) {
		return graph.Empty
	}
	return ordered(t.to[id])
}

// To returns the nodes that call a node.
func (t *Graph) To(id int64) graph.Nodes {
	if !t.exists(id) {
		return graph.Empty
	}
	return ordered(t.from[id])
}

func ordered(nodes []graph.Node) graph.Nodes {
	if len(nodes) == 0 {
		return graph.Empty
	}
	return iterator.NewOrderedNodes(nodes)
}

// HasEdgeBetween reports whether one of two nodes calls the other.
func (t *Graph) HasEdgeBetween(x, y int64) bool {
	return t.HasEdgeFromTo(x, y) || t.HasEdgeFromTo(y, x)
}

// HasEdgeFromTo reports whether node u calls node v.
func (t *Graph) HasEdgeFromTo(u, v int64) bool {
	_, ok := t.edges[[2]int64{u, v}]
	return ok
}

// Edge returns the edge from u to v, or nil if u does not call v.
func (t *Graph) Edge(u, v int64) graph.Edge {
	if e, ok := t.edges[[2]int64{u, v}]; ok {
		return e
	}
	return nil
}

// WeightedEdge returns the edge from u to v, or nil if u does not call v.
func (t *Graph) WeightedEdge(u, v int64) graph.WeightedEdge {
	if e, ok := t.edges[[2]int64{u, v}]; ok {
		return e
	}
	return nil
}

// Weight returns the weight of the edge from x to y, and reports whether there is one. The weight
// from a node to itself is 0, and counts as an edge. The weight of an edge that does not exist is
// +Inf.
func (t *Graph) Weight(x, y int64) (float64, bool) {
	if x == y && t.exists(x) {
		return 0, true
	}
	if e, ok := t.edges[[2]int64{x, y}]; ok {
		return e.weight, true
	}
	return math.Inf(1), false
}

// Edges returns all edges, by the ids of caller and callee.
func (t *Graph) Edges() graph.Edges {
	all := t.sorted()
	if len(all) == 0 {
		return graph.Empty
	}
	edges := make([]graph.Edge, len(all))
	for i, e := range all {
		edges[i] = e
	}
	return iterator.NewOrderedEdges(edges)
}

// WeightedEdges returns all edges, by the ids of caller and callee.
func (t *Graph) WeightedEdges() graph.WeightedEdges {
	all := t.sorted()
	if len(all) == 0 {
		return graph.Empty
	}
	edges := make([]graph.WeightedEdge, len(all))
	for i, e := range all {
		edges[i] = e
	}
	return iterator.NewOrderedWeightedEdges(edges)
}

// sorted returns all edges, by the ids of caller and callee.
func (t *Graph) sorted() []Edge {
	all := make([]Edge, 0, len(t.edges))
	for i := range t.to {
		for _, callee := range t.to[i] {
			all = append(all, t.edges[[2]int64{int64(i), callee.ID()}])
		}
	}
	return all
}

// nodeID returns the identity of a node in the service graph.
func nodeID(n graph.Node) servicegraph.NodeID { return n.(Node).Node }
