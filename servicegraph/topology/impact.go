package topology

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/graph"

	"github.com/tempograph/tempograph/servicegraph"
)

// An Impact is what the failure of a node or a call can reach: its blast radius.
type Impact struct {
	// Entries are the entries from which calls lead to what fails, in the order of
	// [servicegraph.NodeID.Compare].
	Entries []servicegraph.NodeID
	Of      int // the number of all entries

	// Requests is at most how many of the entry requests of the graph need what fails,
	// weighted: no more than those of Entries, and no more than there were calls. Total counts
	// all entry requests.
	Requests, Total float64
}

// Share returns at most which fraction of the entry requests needs what fails, from 0 to 1; 0
// without entry requests.
func (i Impact) Share() float64 {
	if !(i.Total > 0) {
		return 0
	}
	return min(i.Requests/i.Total, 1)
}

// BlastRadius returns what the failure of a node can reach. It returns false if the graph has
// no such node.
func (t *Graph) BlastRadius(id servicegraph.NodeID) (Impact, bool) {
	n, ok := t.Of(id)
	if !ok {
		return Impact{}, false
	}
	calls := t.entered(n.Node)
	for _, caller := range t.from[n.id] {
		calls += t.calls(nodeID(caller), n.Node)
	}
	return t.impact(n, calls), true
}

// BlastRadiusOfCall returns what the failure of all calls between two nodes can reach. It
// returns false if the first node does not call the second.
func (t *Graph) BlastRadiusOfCall(call Call) (Impact, bool) {
	from, ok := t.Of(call.From)
	to, known := t.Of(call.To)
	if !ok || !known || !t.HasEdgeFromTo(from.id, to.id) {
		return Impact{}, false
	}
	return t.impact(from, t.calls(call.From, call.To)), true
}

// impact returns the impact of something that the entries above a node, or the node itself,
// use in a number of calls.
func (t *Graph) impact(n Node, calls float64) Impact {
	reaches := t.above(n)
	var i Impact
	for _, entry := range t.entries() {
		id := nodeID(entry)
		requests := t.entered(id)
		i.Of++
		i.Total += requests
		if reaches[entry.ID()] {
			i.Entries = append(i.Entries, id)
			i.Requests += requests
		}
	}
	i.Requests = math.Min(i.Requests, calls)
	return i
}

// entered returns the entry requests of a node.
func (t *Graph) entered(id servicegraph.NodeID) float64 {
	n, _ := t.source.Node(id)
	return n.Entries
}

// calls returns the calls from one node to another, of all kinds.
func (t *Graph) calls(from, to servicegraph.NodeID) (calls float64) {
	for _, kind := range []servicegraph.EdgeKind{servicegraph.EdgeRequest, servicegraph.EdgeMessage, servicegraph.EdgeBridged} {
		if e, ok := t.source.Edge(servicegraph.EdgeID{From: from, To: to, Kind: kind}); ok {
			calls += e.Calls
		}
	}
	return calls
}

// above returns the nodes from which calls lead to a node, by id, the node itself included.
func (t *Graph) above(n Node) []bool {
	reaches := make([]bool, len(t.nodes))
	reaches[n.id] = true
	queue := []graph.Node{n}
	for len(queue) > 0 {
		callers := t.from[queue[0].ID()]
		queue = queue[1:]
		for _, caller := range callers {
			if !reaches[caller.ID()] {
				reaches[caller.ID()] = true
				queue = append(queue, caller)
			}
		}
	}
	return reaches
}

// A Position describes the place of one node in the graph.
type Position struct {
	Node        servicegraph.NodeID
	Depth       int // how many calls lead at least from an entry to the node; -1 if none do
	Layer       int // see [Graph.Layers]
	FanIn       int // the number of its callers
	FanOut      int // the number of its callees
	Betweenness float64
	Impact      Impact // of its failure
}

// Positions returns the positions of all nodes: those whose failure reaches most requests come
// first, then those whose failure reaches most entries, then the order of [servicegraph.NodeID.Compare].
func (t *Graph) Positions() []Position {
	depth, between := t.depths(), t.Betweenness()
	layer := make(map[servicegraph.NodeID]int)
	for l, nodes := range t.Layers() {
		for _, id := range nodes {
			layer[id] = l
		}
	}
	positions := make([]Position, len(t.nodes))
	for i, n := range t.nodes {
		id := nodeID(n)
		impact, _ := t.BlastRadius(id)
		positions[i] = Position{id, depth[i], layer[id], len(t.from[i]), len(t.to[i]), between[id], impact}
	}
	slices.SortStableFunc(positions, func(a, b Position) int {
		return cmp.Or(cmp.Compare(b.Impact.Requests, a.Impact.Requests), cmp.Compare(len(b.Impact.Entries), len(a.Impact.Entries)))
	})
	return positions
}
