package critpath

import (
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Report is the sum of the critical paths of traces.
type Report struct {
	Traces    uint64 // with a path
	Rootless  uint64 // traces without a finished root: they have no path
	Spans     uint64 // that were added
	Late      uint64 // spans that came after their trace was finished early: they are on no path
	Early     uint64 // traces that were finished early because too many spans were held
	Sampled   uint64 // spans with a sampling weight other than 1; each trace still counts once
	Folded    uint64 // how often a name, a node or a call beyond a limit counted as "other"
	LongNames uint64 // how often a name was cut to 1 KiB
	Coarse    uint64 // how often a sum beyond Config.Sums was not kept apart: then percentiles and Times.Slow are approximate

	Time time.Duration // of all paths: the sum of the durations of all roots

	Entries    []Entry     // the operations of the roots, by time, the longest first
	Nodes      []NodeTime  // the one with the most time first
	Calls      []CallTime  // the one with the most time first
	Operations []Operation // the one with the most time first
	Answers    []Answer    // one for each Config.Changes, in their order
	Stacks     []Stack     // by text
}

// Times are times on the path of all requests, and of the slow requests. A request is slow if its
// duration is at or above Config.Percentile among the requests of its entry. Durations are
// compared by buckets, each up to 1.6 % wide.
type Times struct {
	All, Slow time.Duration
}

// An Entry is an operation with which requests begin.
type Entry struct {
	Node          servicegraph.NodeID
	Operation     string
	Requests      uint64
	Time          Times
	P50, P95, P99 time.Duration // of the duration of a request, within 0.8 %
}

// A NodeTime is the time on the path in which requests waited for a node itself: for the work of
// a service, or for a dependency without spans.
type NodeTime struct {
	Node servicegraph.NodeID
	Time Times
}

// An Operation is the time on the path in which requests waited for the spans of one name.
type Operation struct {
	Node servicegraph.NodeID
	Name string
	Time Times
}

// A CallTime is the time on the path that passed during the calls of one node to another.
type CallTime struct {
	From, To servicegraph.NodeID
	Time     Times
	Traces   uint64        // traces with such a call on their path
	Network  time.Duration // part of Time.All: between both sides, where both have spans

	// MinSlack and MeanSlack are over the calls off the path that ran beside another call. OffPath
	// is the number of these calls.
	OffPath             uint64
	MinSlack, MeanSlack time.Duration

	// Suppressed counts the failed calls whose caller's request succeeded, and SuppressedTime is
	// their time on the path.
	Suppressed     uint64
	SuppressedTime time.Duration

	Slowest []Exemplar // at most 3 traces, those with the most time in these calls first
}

// An Exemplar is a trace with the time on its path in the calls of an edge.
type Exemplar struct {
	TraceID servicegraph.TraceID
	Time    time.Duration
}

// An Answer is the answer to a what-if question, by entry, in the order of Report.Entries. The node
// has a type, unless no span named such a node.
type Answer struct {
	Change
	Entries []Saving
}

// A Saving is by how much a change shortens the requests of an entry. No field is negative.
type Saving struct {
	Node           servicegraph.NodeID
	Operation      string
	Mean, P50, P95 time.Duration
}

// A Stack is a stack of operations from a root to a span, with semicolons between them, for flame
// graphs, and the time on the path in which requests waited for that span.
type Stack struct {
	Text string
	Time time.Duration
}
