package main

import (
	"fmt"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// reach returns which entry requests use which nodes of a graph, counted in the traces that were
// read. It returns nil if not all traces of the graph are held, or if a filter has changed its nodes.
func (e *export) reach(src source, g *servicegraph.Graph, steps []step) *topology.Reach {
	r := g.Report()
	if e.builder == nil || src.graphs != nil && len(src.graphs()) > 0 || r.EvictedSpans > 0 || r.Late > 0 || r.NodesFolded > 0 || r.FoldedCalls > 0 {
		return nil
	}
	for _, s := range steps {
		if !s.hides { // the builder hides services itself
			return nil
		}
	}
	exact := new(topology.Reach)
	for t := range e.builder.Traces() {
		exact.Add(t)
	}
	return exact
}

// exactly says what the numbers of a reach rest on: "exact, from 55 traces".
func exactly(r *topology.Reach) string {
	text := "exact, from " + quantity.Of(r.Traces, "trace")
	if r.Linked > 0 {
		text += fmt.Sprintf("; what consumers did for %s from other traces is not counted", quantity.Of(r.Linked, "message"))
	}
	return text
}

// Of larger graphs, reports do not say what failures reach: nodes times edges.
const maxReachTexts = 1 << 21

// reachTexts says for each node of a graph what its failure reaches, for reports: exactly if the
// function returns a reach, and otherwise at most.
func reachTexts(g *servicegraph.Graph, exact func() *topology.Reach) map[servicegraph.NodeID]string {
	if g.NumNodes()*g.NumEdges() > maxReachTexts {
		return nil
	}
	texts := make(map[servicegraph.NodeID]string)
	bound, reach := topology.New(g, topology.Calls), exact()
	for n := range g.Nodes() {
		most := ""
		impact, _ := bound.BlastRadius(n.ID)
		if reach != nil {
			impact = reach.BlastRadius(n.ID)
		} else {
			most = "at most "
		}
		if impact.Of > 0 {
			texts[n.ID] = fmt.Sprintf("%s%d of %s, %s of requests", most, len(impact.Entries), entries(impact.Of), render.PercentText(impact.Requests, impact.Total))
		}
	}
	return texts
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return quantity.Number(n) + " entries"
}
