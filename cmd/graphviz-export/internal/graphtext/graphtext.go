// Package graphtext has texts about graphs that several commands print.
package graphtext

import (
	"iter"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
)

// Summary returns the size of a graph as a text: "6 services, 5 edges, 55 traces".
func Summary(g *servicegraph.Graph) string {
	services, groups, callers, dependencies := 0, 0, 0, 0
	for n := range g.Nodes() {
		switch n.ID.Type {
		case servicegraph.TypeService:
			services++
		case servicegraph.TypeGroup:
			groups++
		case servicegraph.TypeQueue: // a dependency of its consumers, although edges lead from the queue to them
			dependencies++
		default:
			if hasAny(g.In(n.ID)) || !hasAny(g.Out(n.ID)) {
				dependencies++
			} else { // for example the node of --user-node
				callers++
			}
		}
	}
	var parts []string
	if services > 0 || groups == 0 {
		parts = append(parts, quantity.Of(services, "service"))
	}
	if groups > 0 {
		parts = append(parts, quantity.Of(groups, "group"))
	}
	if dependencies > 0 {
		parts = append(parts, quantity.Of(dependencies, "uninstrumented dependency"))
	}
	if callers > 0 {
		parts = append(parts, quantity.Of(callers, "uninstrumented caller"))
	}
	parts = append(parts, quantity.Of(g.NumEdges(), "edge"))
	if r := g.Report(); r.Spans > 0 || g.NumEdges() == 0 { // a graph of series has no traces
		parts = append(parts, quantity.Traces(r.Traces, r.LeftOutTraces, r.Limited))
	}
	return strings.Join(parts, ", ")
}

// hasAny reports whether a sequence has elements.
func hasAny[T any](of iter.Seq[T]) bool {
	for range of {
		return true
	}
	return false
}

// Label returns the name of a node, with the type of a node that is not a service.
func Label(id servicegraph.NodeID) string {
	if id.Type == servicegraph.TypeService {
		return id.String()
	}
	return id.String() + " [" + string(id.Type) + "]"
}

// Labels returns the labels of nodes; the list is never nil.
func Labels(ids []servicegraph.NodeID) []string {
	names := []string{}
	for _, id := range ids {
		names = append(names, Label(id))
	}
	return names
}

// NameHint returns the name that one of the patterns probably meant, or some of the names
// in the graph.
func NameHint(g *servicegraph.Graph, patterns []string) string {
	if g.NumNodes() == 0 {
		return ""
	}
	for _, p := range patterns {
		if nearest := g.Nearest(p); len(nearest) > 0 {
			return suggest.Question(nearest[0].String())
		}
	}
	var names []string
	for n := range g.Nodes() {
		names = append(names, n.ID.Name)
	}
	more := ""
	if len(names) > 5 {
		names, more = names[:5], ", …"
	}
	return "; the graph has " + strings.Join(names, ", ") + more
}
