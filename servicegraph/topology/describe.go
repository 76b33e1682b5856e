package topology

import (
	"fmt"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// String returns the impact as a text: "7 of 9 entries, 64% of requests".
func (i Impact) String() string {
	text := fmt.Sprintf("%s of %s", quantity.Number(len(i.Entries)), quantity.Of(i.Of, "entry"))
	if i.Total > 0 {
		text += fmt.Sprintf(", %s of requests", render.PercentText(i.Requests, i.Total))
	}
	return text
}

// maxDescribed is the largest product of nodes and edges of a graph that Describe describes.
const maxDescribed = 1 << 21

// Describe returns, for each node and each edge of a graph, a text about what its failure reaches.
// A text begins with "at most" if it comes from the graph alone. If all is true, counted has all
// traces of the graph, and the texts are exact. If counted has only some of the traces, such as
// those that a builder still holds, the exact numbers of these traces follow the upper bound. A nil
// Reach has no traces. The maps are nil if the graph has too many nodes and edges, and empty if no
// request enters the graph.
func Describe(g *servicegraph.Graph, counted *Reach, all bool) (nodes map[servicegraph.NodeID]string, edges map[servicegraph.EdgeID]string) {
	if g.NumNodes()*g.NumEdges() > maxDescribed {
		return nil, nil
	}
	describe := func(most, exact Impact) string {
		switch {
		case exact.Of == 0: // there are no traces, or no trace shows where its request entered
			return "at most " + most.String()
		case all:
			return exact.String()
		}
		return fmt.Sprintf("at most %s; in the last %s: %s", most, quantity.Of(counted.Traces, "trace"), exact)
	}
	if counted == nil {
		counted = new(Reach)
	}
	nodes, edges = make(map[servicegraph.NodeID]string), make(map[servicegraph.EdgeID]string)
	t := New(g, Calls)
	for _, n := range t.nodes {
		n := n.(Node)
		above := t.leading(n)
		if above.Of == 0 {
			return nodes, edges
		}
		nodes[n.Node] = describe(above.within(t.arriving(n)), counted.BlastRadius(n.Node))
		for e := range g.Out(n.Node) {
			call := Call{e.ID.From, e.ID.To}
			calls, _ := t.calls(call.From, call.To)
			edges[e.ID] = describe(above.within(calls), counted.BlastRadiusOfCall(call))
		}
	}
	return nodes, edges
}
