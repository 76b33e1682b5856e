// Package entryreach counts in traces which entry requests use which nodes, for commands that hold
// the traces of a graph.
package entryreach

import (
	"fmt"
	"iter"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// IsCountable reports whether the calls of all traces add up to the edges of their graph, as far
// as its report tells.
func IsCountable(r servicegraph.Report) bool {
	return r.EvictedSpans == 0 && r.EvictedTraces == 0 && r.Late == 0 && r.NodesFolded == 0 && r.FoldedCalls == 0
}

// Count counts which entry requests use which nodes, in traces such as those that a builder holds.
func Count(traces iter.Seq[servicegraph.Trace]) *topology.Reach {
	r := new(topology.Reach)
	for t := range traces {
		r.Add(t)
	}
	return r
}

// A Held is a reach that is counted in the traces which are held: all traces of the graph, or the
// last ones.
type Held struct {
	*topology.Reach
	All bool
}

// Basis says what the numbers of a reach rest on: "exact, from 55 traces".
func Basis(r *topology.Reach) string {
	text := "exact, from " + quantity.Of(r.Traces, "trace")
	if r.Begun() {
		text += "; no request enters from outside, so the traces that services begin by themselves count as requests"
	}
	if r.Linked > 0 {
		text += fmt.Sprintf("; the work of consumers for %s from other traces is not counted", quantity.Of(r.Linked, "message"))
	}
	return text
}
