package graphdiff

import (
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// renamed returns pairs of a gone node and a new node. The two nodes of a pair have the same type,
// the same callers and the same callees, and at least one caller or callee. No other pair is
// possible for either. A pair is not found if one of its neighbors was renamed as well.
func renamed(d Diff) (pairs []Renaming) {
	gone, added := make(map[string][]servicegraph.NodeID), make(map[string][]servicegraph.NodeID)
	for _, n := range d.Nodes {
		switch n.Verdict() {
		case Gone:
			key := neighborhood(d, n.ID, func(e EdgeDiff) bool { return e.Base != nil })
			gone[key] = append(gone[key], n.ID)
		case New:
			key := neighborhood(d, n.ID, func(e EdgeDiff) bool { return e.Head != nil })
			added[key] = append(added[key], n.ID)
		}
	}
	for key, from := range gone {
		if to := added[key]; strings.Contains(key, "\n") && len(from) == 1 && len(to) == 1 {
			pairs = append(pairs, Renaming{from[0], to[0]})
		}
	}
	slices.SortFunc(pairs, func(a, b Renaming) int { return a.From.Compare(b.From) })
	return pairs
}

// neighborhood returns a text that is equal for nodes of the same type with the same callers
// and callees, among the edges of one graph. It has a line for each edge.
func neighborhood(d Diff, id servicegraph.NodeID, has func(EdgeDiff) bool) string {
	var lines []string
	for _, e := range d.Edges {
		if !has(e) {
			continue
		}
		from, to := e.ID.From, e.ID.To
		if from != id && to != id {
			continue
		}
		line := string(e.ID.Kind)
		for _, end := range []servicegraph.NodeID{from, to} {
			if end == id {
				line += "\x00self"
			} else {
				line += "\x00" + end.Namespace + "\x00" + end.Name + "\x00" + string(end.Type)
			}
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(append([]string{string(id.Type)}, lines...), "\n")
}
