package graphdiff

import (
	"fmt"
	"slices"
)

// A Gate names a kind of change that fails a build.
type Gate string

const (
	NewNode   Gate = "new-node"   // a node that only the head has
	GoneNode  Gate = "gone-node"  // a node that only the base has
	NewEdge   Gate = "new-edge"   // an edge that only the head has
	GoneEdge  Gate = "gone-edge"  // an edge that only the base has
	ErrorRate Gate = "error-rate" // a larger ratio of failed calls
	Slower    Gate = "latency"    // a slower middle or tail
	CallsGate Gate = "calls"      // more or fewer calls for each entry request
)

// Gates returns all gates.
func Gates() []Gate {
	return []Gate{NewNode, GoneNode, NewEdge, GoneEdge, ErrorRate, Slower, CallsGate}
}

// closes reports whether a finding fails a build that has the gate.
func (g Gate) closes(f Finding) bool {
	switch g {
	case NewNode:
		return f.Verdict == New && !f.isEdge()
	case GoneNode:
		return f.Verdict == Gone && !f.isEdge()
	case NewEdge:
		return f.Verdict == New && f.isEdge()
	case GoneEdge:
		return f.Verdict == Gone && f.isEdge()
	case ErrorRate:
		return f.Verdict == Worse && f.Metric == Errors
	case Slower:
		return f.Verdict == Worse && f.Metric != Errors
	case CallsGate:
		return f.Verdict == More || f.Verdict == Fewer
	}
	return false
}

// At returns the findings that fail a build with the gate g, in the order of [Diff.Findings].
func (d Diff) At(g Gate) []Finding {
	return slices.DeleteFunc(d.Findings(), func(f Finding) bool { return !g.closes(f) })
}

// String returns the finding in one line: "slower: frontend → route: median latency: …".
func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.What(), f.Name(), f.Change) }
