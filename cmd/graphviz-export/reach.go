package main

import (
	"slices"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/entryreach"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/views"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// reach returns which entry requests use which nodes of a graph, counted in the traces that were
// read. It returns nil if not all traces of the graph are held, or if a filter has changed its nodes.
func (e *export) reach(src source.Source, g *servicegraph.Graph, steps []views.Step) *topology.Reach {
	if e.builder == nil || src.HoldsGraphs() || !entryreach.IsCountable(g.Report()) || changesNodes(steps) {
		return nil
	}
	r := entryreach.Count(e.builder.Traces())
	if r.BlastRadius(servicegraph.NodeID{}).Of == 0 {
		return nil // no entry request was counted: no trace shows where a request entered
	}
	return r
}

// changesNodes reports whether filters change the nodes that calls lead to. The builder itself
// hides services.
func changesNodes(steps []views.Step) bool {
	return slices.ContainsFunc(steps, func(s views.Step) bool { return !s.Hides })
}
