package main

import (
	"fmt"
	"slices"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// reach returns which entry requests use which nodes of a graph, counted in the traces that were
// read. It returns nil if not all traces of the graph are held, or if a filter has changed its nodes.
func (e *export) reach(src source.Source, g *servicegraph.Graph, steps []step) *topology.Reach {
	if e.builder == nil || src.HoldsGraphs() || !isCountable(g.Report()) || changesNodes(steps) {
		return nil
	}
	r := counted(e.builder)
	if r.BlastRadius(servicegraph.NodeID{}).Of == 0 {
		return nil // no trace shows where its request entered
	}
	return r
}

// isCountable reports whether the calls of all traces add up to the edges of their graph, as far
// as its report tells.
func isCountable(r servicegraph.Report) bool {
	return r.EvictedSpans == 0 && r.EvictedTraces == 0 && r.Late == 0 && r.NodesFolded == 0 && r.FoldedCalls == 0
}

// changesNodes reports whether filters change the nodes that calls lead to. The builder itself
// hides services.
func changesNodes(steps []step) bool {
	return slices.ContainsFunc(steps, func(s step) bool { return !s.hides })
}

// counted counts which entry requests use which nodes, in the traces that a builder holds.
func counted(b *servicegraph.Builder) *topology.Reach {
	r := new(topology.Reach)
	for t := range b.Traces() {
		r.Add(t)
	}
	return r
}

// exactly says what the numbers of a reach rest on: "exact, from 55 traces".
func exactly(r *topology.Reach) string {
	text := "exact, from " + quantity.Of(r.Traces, "trace")
	if r.Begun() {
		text += "; nothing enters from outside, so that requests are what services begin by themselves"
	}
	if r.Linked > 0 {
		text += fmt.Sprintf("; what consumers did for %s from other traces is not counted", quantity.Of(r.Linked, "message"))
	}
	return text
}
