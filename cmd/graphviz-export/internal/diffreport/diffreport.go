// Package diffreport explains the comparisons of a diff.
package diffreport

import (
	"fmt"

	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
)

// Explain explains the comparisons of the nodes and edges whose names are wanted. For each, it
// returns a line with the name and the verdict, followed by indented lines.
func Explain(result graphdiff.Diff, wanted func(name string) bool) (lines []string) {
	explain := func(f graphdiff.Finding, verdict graphdiff.Verdict) {
		if name := f.Name(); wanted(name) {
			lines = append(lines, fmt.Sprintf("%s: %s", name, verdict))
			for _, line := range result.ExplainFinding(f) {
				lines = append(lines, "  "+line)
			}
		}
	}
	for _, n := range result.Nodes {
		explain(graphdiff.Finding{Node: n}, n.Verdict())
	}
	for _, e := range result.Edges {
		explain(graphdiff.Finding{Edge: e}, e.Verdict())
	}
	return lines
}

// DidYouMean returns the end of an error message about a text that is in no name of a node or an edge:
// the name that the text probably was meant to be.
func DidYouMean(result graphdiff.Diff, text string) string {
	var names []string
	for _, n := range result.Nodes {
		names = append(names, graphdiff.Finding{Node: n}.Name())
	}
	for _, e := range result.Edges {
		names = append(names, graphdiff.Finding{Edge: e}.Name())
	}
	return suggest.DidYouMean(text, names)
}
