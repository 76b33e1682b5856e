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

	// Requests is an upper bound for the entry requests of the graph that need what fails,
	// weighted: at most the requests of Entries, and at most the number of calls. Total counts
	// all entry requests. If Total is 0, the graph has no numbers of requests: nothing entered
	// from outside, or the graph has no traces.
	Requests, Total float64
}

// Share returns an upper bound for the fraction of the entry requests that need what fails, from
// 0 to 1; 0 without entry requests.
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
	return t.leading(n).within(t.arriving(n)), true
}

// BlastRadiusOfCall returns what the failure of all calls from one node to another can reach. It
// returns false if the first node does not call the second. Both may be the same node.
func (t *Graph) BlastRadiusOfCall(call Call) (Impact, bool) {
	from, ok := t.Of(call.From)
	calls, known := t.calls(call.From, call.To)
	if !ok || !known {
		return Impact{}, false
	}
	return t.leading(from).within(calls), true
}

// arriving returns the requests from outside and the calls that arrive at a node.
func (t *Graph) arriving(n Node) float64 {
	calls := t.entered(n.Node)
	for _, caller := range t.from[n.id] {
		from, _ := t.calls(nodeID(caller), n.Node)
		calls += from
	}
	return calls
}

// leading returns the impact of a node: the entries from which calls lead to the node, with all
// requests of these entries.
func (t *Graph) leading(n Node) Impact {
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
	return i
}

// within returns the impact with at most as many requests as there are calls.
func (i Impact) within(calls float64) Impact {
	i.Requests = math.Min(i.Requests, calls)
	return i
}

// entered returns the entry requests of a node.
func (t *Graph) entered(id servicegraph.NodeID) float64 {
	n, _ := t.source.Node(id)
	return n.Entries
}

// calls returns the calls from one node to another, of all kinds, and reports whether there is
// an edge.
func (t *Graph) calls(from, to servicegraph.NodeID) (calls float64, known bool) {
	for _, kind := range []servicegraph.EdgeKind{servicegraph.EdgeRequest, servicegraph.EdgeMessage, servicegraph.EdgeBridged} {
		if e, ok := t.source.Edge(servicegraph.EdgeID{From: from, To: to, Kind: kind}); ok {
			calls += e.Calls
			known = true
		}
	}
	return calls, known
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
	Depth       int // the fewest calls that lead from an entry to the node; -1 if none do
	Layer       int // see [Graph.Layers]
	FanIn       int // the number of its callers
	FanOut      int // the number of its callees
	Betweenness float64
	Impact      Impact // of its failure
}

// Positions returns the positions of all nodes. Nodes whose failure reaches the most requests come
// first, then nodes whose failure reaches the most entries, and then the order is that of
// [servicegraph.NodeID.Compare].
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
	slices.SortStableFunc(positions, func(a, b Position) int { return compareImpacts(a.Impact, b.Impact) })
	return positions
}

// A CallImpact is what the failure of all calls between two nodes can reach.
type CallImpact struct {
	Call
	Impact Impact
}

// CallImpacts returns the blast radii of all calls, including calls of a node to itself. Calls
// whose failure reaches the most requests come first, then calls whose failure reaches the most
// entries, and then the order is that of caller and callee.
func (t *Graph) CallImpacts() []CallImpact {
	var impacts []CallImpact
	for _, n := range t.nodes {
		n := n.(Node)
		above := t.leading(n)
		for e := range t.source.Out(n.Node) {
			call := Call{e.ID.From, e.ID.To}
			if k := len(impacts); k > 0 && impacts[k-1].Call == call { // an edge of another kind between the same nodes
				continue
			}
			calls, _ := t.calls(call.From, call.To)
			impacts = append(impacts, CallImpact{call, above.within(calls)})
		}
	}
	slices.SortStableFunc(impacts, func(a, b CallImpact) int { return compareImpacts(a.Impact, b.Impact) })
	return impacts
}

// compareImpacts orders impacts: the most requests first, then the most entries.
func compareImpacts(a, b Impact) int {
	return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(len(b.Entries), len(a.Entries)))
}
