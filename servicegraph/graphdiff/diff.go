package graphdiff

import (
	"cmp"
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Config chooses what counts as a change. The zero value has the defaults.
type Config struct {
	// FalseAlarms is the largest probability, from 0 to 1, with which the diff of two graphs
	// of the same traffic reports any change; 0 means 0.01.
	FalseAlarms float64

	// The smallest changes to report. A smaller change is not reported, even if it is certain.
	MinCalls   float64 // relative change of the calls for each entry request; 0 means 0.2
	MinErrors  float64 // change of the ratio of failed calls, from 0 to 1; 0 means 0.01
	MinLatency float64 // relative change of latency; 0 means 0.1

	// MinSamples is the number of independent samples of each side below which a comparison
	// that found no change is [Unsure] instead of [Same]; 0 means 20.
	MinSamples float64

	// SameRequests says that both graphs are of the same requests, such as those of an integration
	// test: every node or edge that only one graph has is then new or gone, however rare it is. By
	// default, such a node or edge is new or gone only if chance does not explain its absence from
	// the other graph.
	SameRequests bool
}

func (c Config) withDefaults() Config {
	c.FalseAlarms = cmp.Or(c.FalseAlarms, 0.01)
	c.MinCalls = cmp.Or(c.MinCalls, 0.2)
	c.MinErrors = cmp.Or(c.MinErrors, 0.01)
	c.MinLatency = cmp.Or(c.MinLatency, 0.1)
	c.MinSamples = cmp.Or(c.MinSamples, 20)
	return c
}

// A Verdict is the result of a comparison.
type Verdict string

const (
	Same   Verdict = "same"   // no change that matters
	New    Verdict = "new"    // only the head graph has the node or edge
	Gone   Verdict = "gone"   // only the base graph has the node or edge
	More   Verdict = "more"   // more calls for each entry request
	Fewer  Verdict = "fewer"  // fewer calls for each entry request
	Worse  Verdict = "worse"  // a larger ratio of failed calls, or slower
	Better Verdict = "better" // a smaller ratio of failed calls, or faster
	Unsure Verdict = "unsure" // not enough samples to tell
)

// Changed reports whether the verdict is a change, and neither Same nor Unsure.
func (v Verdict) Changed() bool { return v != Same && v != Unsure && v != "" }

// A Metric is what a comparison compares.
type Metric string

const (
	Presence Metric = "presence" // whether a node or an edge exists
	Calls    Metric = "calls"    // calls for each entry request
	Errors   Metric = "errors"   // the ratio of failed calls
	Latency  Metric = "latency"  // the median latency
	Tail     Metric = "tail"     // the 95th percentile of the latency; Same if Latency has the same verdict
)

// A Change is one comparison of a node or an edge. Changes can be compared with ==.
type Change struct {
	Metric  Metric
	Verdict Verdict

	// Base and Head are the values of both graphs: calls for each entry request (Presence and
	// Calls), a ratio of failed calls from 0 to 1 (Errors), or seconds (Latency and Tail).
	Base, Head float64

	// Size is the size of the change: Head/Base for Calls, Latency and Tail, where 1 is no
	// change; Head-Base for Errors; 0 for Presence. For Latency it is the median ratio of a
	// call of the head to a call of the base, which is less noisy than the ratio of the medians.
	// Low and High are the bounds of its 95 % confidence interval; High may be +Inf.
	Size, Low, High float64

	// BaseSamples and HeadSamples are the numbers of independent samples.
	BaseSamples, HeadSamples float64

	// P is the probability of a difference at least as large without a change. A change is
	// reported if P passes Holm's method over all tests of the diff. It is 1 if no test was
	// possible.
	P float64
}

// A NodeDiff is a node of either graph with its comparisons.
type NodeDiff struct {
	ID         servicegraph.NodeID
	Base, Head *servicegraph.Node // nil if the graph lacks the node
	Changes    []Change
}

// An EdgeDiff is an edge of either graph with its comparisons.
type EdgeDiff struct {
	ID         servicegraph.EdgeID
	Base, Head *servicegraph.Edge // nil if the graph lacks the edge
	Changes    []Change

	// Side is the side that measured the latencies that are compared; 0 if none are.
	Side servicegraph.Side
}

// Verdict returns the most important verdict of the edge: New or Gone, then Worse, Better,
// More, Fewer, Unsure, and Same.
func (e EdgeDiff) Verdict() Verdict { return summarize(e.Changes) }

// Verdict returns the most important verdict of the node, as [EdgeDiff.Verdict] does.
func (n NodeDiff) Verdict() Verdict { return summarize(n.Changes) }

var importance = []Verdict{New, Gone, Worse, Better, More, Fewer, Unsure}

func summarize(changes []Change) Verdict {
	for _, v := range importance {
		if slices.ContainsFunc(changes, func(c Change) bool { return c.Verdict == v }) {
			return v
		}
	}
	return Same
}

// A Side describes the data behind one of the graphs.
type Side struct {
	Nodes, Edges  int
	Traces        uint64
	LeftOutTraces uint64 // traces that a source left out because of a limit
	Spans         uint64
	Sampled       uint64  // spans with a sampling weight other than 1
	Entries       float64 // requests from outside, weighted
	First, Last   time.Time
}

// A Renaming is a node that is gone and a new node that has the same neighbors: probably one
// node under two names.
type Renaming struct{ From, To servicegraph.NodeID }

// A Diff is the comparison of two graphs. A Diff and its slices are safe for concurrent use as long
// as they are only read.
type Diff struct {
	Base, Head Side
	Nodes      []NodeDiff // all nodes of both graphs, in the order of [servicegraph.NodeID.Compare]
	Edges      []EdgeDiff // all edges of both graphs, in the order of [servicegraph.EdgeID.Compare]
	Renamed    []Renaming // in the order of From

	// Notes are sentences about what makes the comparison less exact, such as a graph from
	// which a view has left out nodes.
	Notes []string

	Tests  int    // how many tests were made
	Config Config // with the defaults filled in
}

// Changed reports whether any node or edge has changed.
func (d Diff) Changed() bool {
	return slices.ContainsFunc(d.Nodes, func(n NodeDiff) bool { return n.Verdict().Changed() }) ||
		slices.ContainsFunc(d.Edges, func(e EdgeDiff) bool { return e.Verdict().Changed() })
}

// Edge returns the comparisons of an edge, and reports whether either graph has the edge.
func (d Diff) Edge(id servicegraph.EdgeID) (EdgeDiff, bool) {
	i, ok := slices.BinarySearchFunc(d.Edges, id, func(e EdgeDiff, id servicegraph.EdgeID) int { return e.ID.Compare(id) })
	if !ok {
		return EdgeDiff{}, false
	}
	return d.Edges[i], true
}

// Node returns the comparisons of a node, and reports whether either graph has the node.
func (d Diff) Node(id servicegraph.NodeID) (NodeDiff, bool) {
	i, ok := slices.BinarySearchFunc(d.Nodes, id, func(n NodeDiff, id servicegraph.NodeID) int { return n.ID.Compare(id) })
	if !ok {
		return NodeDiff{}, false
	}
	return d.Nodes[i], true
}
