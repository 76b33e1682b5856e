package graphtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/internal/suggest"
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

// An asserter tells the nodes and edges that a rule wants to be there. It differs from
// the pattern where a peer without spans has the name of a service that has some, and the
// pattern has no type: the service is meant. Otherwise a call that lost its trace
// context would pass for one that did not, as an address is often a service's name.
type asserter struct {
	g        *servicegraph.Graph
	services map[string]bool // by name
}

func newAsserter(g *servicegraph.Graph) asserter {
	services := make(map[string]bool)
	for n := range g.Nodes() {
		if n.ID.Type == servicegraph.TypeService {
			services[n.ID.Name] = true
		}
	}
	return asserter{g, services}
}

func (a asserter) matches(p pattern, id servicegraph.NodeID) bool {
	isShadow := p.typ == "" && id.Type != servicegraph.TypeService && a.services[id.Name]
	return p.matches(id) && !isShadow
}

func (a asserter) matchesEdge(want arrow, e servicegraph.Edge) bool {
	return a.matches(want.from, e.ID.From) && a.matches(want.to, e.ID.To)
}

// matching returns the nodes that match.
func (a asserter) matching(p pattern) (ids []servicegraph.NodeID) {
	for _, id := range matching(a.g, p) {
		if a.matches(p, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// unknown says that no node matches, and which one may have been meant.
func unknown(g *servicegraph.Graph, p pattern) string {
	return "no node matches " + p.String() + suggestion(g, p)
}

// suggestion returns ": did you mean ...?" if a node has a similar name, or has the name
// and another namespace or type.
func suggestion(g *servicegraph.Graph, p pattern) string {
	nearest := g.Nearest(p.name.text)
	switch {
	case len(nearest) == 0:
		return ""
	case nearest[0].Name == p.name.text:
		return suggest.Question(nodeText(nearest[0]))
	}
	return suggest.Question(nearest[0].Name)
}

// missing says that an edge is not there.
func missing(g *servicegraph.Graph, a arrow, consequence string) Violation {
	v := Violation{Message: a.String() + " is not there"}
	if consequence != "" {
		v.Message += ", " + consequence
	}
	from, misspelt1 := v.endOf(g, a.from)
	to, misspelt2 := v.endOf(g, a.to)
	if misspelt1 || misspelt2 {
		return v // nothing more is to be said of a name that is none
	}
	for _, f := range from {
		for _, t := range to {
			v.Missing = append(v.Missing, servicegraph.EdgeID{From: f, To: t})
		}
	}
	return v
}

// endOf returns the nodes at one end of a missing edge: some of those that match, else
// the one that is named. It is misspelt if no node matches, and one has a similar name.
func (v *Violation) endOf(g *servicegraph.Graph, p pattern) (ids []servicegraph.NodeID, misspelt bool) {
	if ids = newAsserter(g).matching(p); len(ids) > 0 {
		return ids[:min(len(ids), maxPairs)], false
	}
	v.Message += "\n" + unknown(g, p)
	if id, ok := p.node(); ok {
		ids = append(ids, id)
	}
	nearest := g.Nearest(p.name.text)
	return ids, len(nearest) > 0 && nearest[0].Name != p.name.text
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
		is := newAsserter(g)
		for _, a := range arrowsOf(chains) {
			if !slices.ContainsFunc(edges, func(e servicegraph.Edge) bool { return is.matchesEdge(a, e) }) {
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
		is := newAsserter(g)
		for e := range g.Edges() {
			if !slices.ContainsFunc(arrowsOf(chains), func(a arrow) bool { return is.matchesEdge(a, e) }) {
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
		is := newAsserter(g)
		at := is.matching(chain[0])
		for i, next := range chain[1:] {
			var reached []servicegraph.NodeID
			for _, id := range at {
				for e := range g.Out(id) {
					if is.matches(next, e.ID.To) && !slices.Contains(reached, e.ID.To) {
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
	if e.ID.Kind == servicegraph.EdgeMessage {
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
