package graphtest

import (
	"fmt"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
)

// Unchanged holds if a graph shows no change of the given kinds against a base, such as the graph
// of the last release, which [servicegraph.ReadJSON] reads. Without kinds, every kind counts. The
// zero Config of package graphdiff reports changes that chance does not explain. Set SameRequests
// if both graphs are of the same requests. A comparison that package graphdiff refuses is a
// violation. The rule has no text that [Parse] reads.
func Unchanged(base *servicegraph.Graph, cfg graphdiff.Config, kinds ...graphdiff.Gate) Rule {
	if len(kinds) == 0 {
		kinds = graphdiff.Gates()
	}
	var names []string
	for _, kind := range kinds {
		names = append(names, string(kind))
	}
	return rule{text: "unchanged " + strings.Join(names, ", "), check: func(g *servicegraph.Graph) (violations []Violation) {
		d, err := graphdiff.Compare(base, g, cfg)
		if err != nil {
			return []Violation{{Message: fmt.Sprintf("cannot be compared with the base: %v", err)}}
		}
		for _, kind := range kinds {
			for _, f := range d.At(kind) {
				v := Violation{Message: f.String(), Explanation: d.ExplainFinding(f)}
				if f.Edge.Head != nil {
					v.Edges = []servicegraph.Edge{*f.Edge.Head}
				} else if f.Edge.Base != nil {
					v.Missing = []servicegraph.EdgeID{f.Edge.ID}
				}
				violations = append(violations, v)
			}
		}
		return violations
	}}
}
