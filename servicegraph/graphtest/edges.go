package graphtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// matching returns the nodes that match.
func matching(g *servicegraph.Graph, p pattern) (ids []servicegraph.NodeID) {
	for n := range g.Nodes() {
		if p.matches(n.ID) {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// unknown says that no node matches, and which one may have been meant.
func unknown(g *servicegraph.Graph, p pattern) string {
	var names []string
	for n := range g.Nodes() {
		names = append(names, n.ID.Name)
	}
	return "no node matches " + p.String() + didYouMean(p.name.text, names)
}

// missing says that an edge is not there.
func missing(g *servicegraph.Graph, a arrow, consequence string) Violation {
	v := Violation{Message: a.String() + " is not there"}
	if consequence != "" {
		v.Message += ", " + consequence
	}
	from, to := matching(g, a.from), matching(g, a.to)
	for _, end := range []struct {
		ids []servicegraph.NodeID
		p   pattern
	}{{from, a.from}, {to, a.to}} {
		if len(end.ids) == 0 {
			v.Message += "\n" + unknown(g, end.p)
		}
	}
	if id, ok := a.from.node(); ok && len(from) == 0 {
		from = []servicegraph.NodeID{id}
	}
	if id, ok := a.to.node(); ok && len(to) == 0 {
		to = []servicegraph.NodeID{id}
	}
	for _, f := range from[:min(len(from), maxPairs)] {
		for _, t := range to[:min(len(to), maxPairs)] {
			v.Missing = append(v.Missing, servicegraph.EdgeID{From: f, To: t})
		}
	}
	return v
}

// maxPairs is how many nodes on each side of a missing edge are explained.
const maxPairs = 2

// arrowsOf returns the edges of chains.
func arrowsOf(chains [][]pattern) (list []arrow) {
	for _, c := range chains {
		for i := range c[1:] {
			list = append(list, arrow{c[i], c[i+1]})
		}
	}
	return list
}

func chainText(chain []pattern) string { return join(chain, " -> ") }

func chainsText(chains [][]pattern) string {
	var texts []string
	for _, c := range chains {
		texts = append(texts, chainText(c))
	}
	return strings.Join(texts, ", ")
}

func join(patterns []pattern, separator string) string {
	var texts []string
	for _, p := range patterns {
		texts = append(texts, p.String())
	}
	return strings.Join(texts, separator)
}

func containsRule(chains [][]pattern) rule {
	return rule{text: "contains " + chainsText(chains), check: func(g *servicegraph.Graph) (violations []Violation) {
		edges := slices.Collect(g.Edges())
		for _, a := range arrowsOf(chains) {
			if !slices.ContainsFunc(edges, a.matches) {
				violations = append(violations, missing(g, a, ""))
			}
		}
		return violations
	}}
}

func exactlyRule(chains [][]pattern) rule {
	contains := containsRule(chains)
	return rule{text: "exactly " + chainsText(chains), check: func(g *servicegraph.Graph) []Violation {
		violations := contains.check(g)
		for e := range g.Edges() {
			if !slices.ContainsFunc(arrowsOf(chains), func(a arrow) bool { return a.matches(e) }) {
				violations = append(violations, Violation{
					Message: edgeText(e.ID) + " is unexpected",
					Edges:   []servicegraph.Edge{e},
				})
			}
		}
		return violations
	}}
}

// pathRule walks with all nodes that match at once.
func pathRule(chain []pattern) rule {
	return rule{text: "path " + chainText(chain), check: func(g *servicegraph.Graph) []Violation {
		at := matching(g, chain[0])
		for i, next := range chain[1:] {
			var reached []servicegraph.NodeID
			for _, id := range at {
				for e := range g.Out(id) {
					if next.matches(e.ID.To) && !slices.Contains(reached, e.ID.To) {
						reached = append(reached, e.ID.To)
					}
				}
			}
			if len(reached) == 0 {
				v := missing(g, arrow{chain[i], next}, "")
				if i > 0 && len(at) > 0 {
					v = missing(g, arrow{exact(at[0]), next}, "")
					v.Message += "\nthe path leads as far as " + nodesText(at)
				}
				return []Violation{v}
			}
			at = reached
		}
		return nil
	}}
}

// exact returns the pattern of one node.
func exact(id servicegraph.NodeID) pattern {
	return pattern{namespace: part{text: id.Namespace}, anyNamespace: id.Namespace == "", name: part{text: id.Name}, typ: typeOf(id)}
}

func typeOf(id servicegraph.NodeID) servicegraph.NodeType {
	if id.Type == servicegraph.TypeService {
		return ""
	}
	return id.Type
}

func nodesText(ids []servicegraph.NodeID) string {
	var texts []string
	for _, id := range ids {
		texts = append(texts, nodeText(id))
	}
	return strings.Join(texts, ", ")
}

func neverRule(a arrow) rule {
	return rule{text: "never " + a.String(), check: func(g *servicegraph.Graph) (violations []Violation) {
		if len(matching(g, a.from)) == 0 {
			return []Violation{{Message: unknown(g, a.from) + "\nso the rule says nothing: correct the name, or remove the rule"}}
		}
		for e := range g.Edges() {
			if a.matches(e) {
				violations = append(violations, forbidden(e))
			}
		}
		return violations
	}}
}

// forbidden says that an edge must not be.
func forbidden(e servicegraph.Edge) Violation {
	verb := "called"
	if e.ID.Kind == servicegraph.KindMessage {
		verb = "sent a message to"
	}
	return Violation{
		Message: fmt.Sprintf("%s %s %s, %s", nodeText(e.ID.From), verb, nodeText(e.ID.To), times(e.Calls)),
		Edges:   []servicegraph.Edge{e},
	}
}

func onlyRule(from pattern, to []pattern) rule {
	allowed := nothing
	if len(to) > 0 {
		allowed = join(to, ", ")
	}
	return rule{text: "only " + from.String() + " -> " + allowed, check: func(g *servicegraph.Graph) (violations []Violation) {
		if len(matching(g, from)) == 0 {
			return []Violation{{Message: unknown(g, from) + "\nso the rule says nothing: correct the name, or remove the rule"}}
		}
		for e := range g.Edges() {
			ok := !from.matches(e.ID.From) || e.ID.From == e.ID.To ||
				slices.ContainsFunc(to, func(p pattern) bool { return p.matches(e.ID.To) })
			if !ok {
				v := forbidden(e)
				v.Message += ", and may call only " + allowed
				violations = append(violations, v)
			}
		}
		return violations
	}}
}
