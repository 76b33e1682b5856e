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

// An asserter matches the nodes and edges that a rule requires. It is stricter than the
// patterns: a pattern without a type does not match a peer that has the name of a service
// with spans. Otherwise a call that lost its trace context would satisfy the rule, because
// the address of a service is often its name.
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

// unknown returns the message that no node matches, with the pattern that was probably meant.
func unknown(g *servicegraph.Graph, p pattern) string {
	text := "no node matches " + p.String()
	if meant := nearest(g, p); meant != "" {
		text += suggest.Question(meant)
	}
	return text
}

// nearest returns a pattern that matches some node and is like p, which matches none: with
// another namespace or type, else with a name or a namespace that is spelled similarly. It
// returns "" if there is none.
func nearest(g *servicegraph.Graph, p pattern) string {
	ids := g.Nearest(p.name.text)
	for _, id := range ids {
		q := p
		q.name = part{text: id.Name}
		if q.matches(id) {
			return q.String()
		}
	}
	if len(ids) > 0 { // all have another namespace or type
		return nodeText(ids[0])
	}
	var namespaces []string
	for n := range g.Nodes() {
		namespaces = append(namespaces, n.ID.Namespace)
	}
	q := p
	q.namespace = part{text: suggest.Nearest(p.namespace.text, namespaces)}
	if q.namespace.text == "" || len(matching(g, q)) == 0 {
		return ""
	}
	return q.String()
}

// missing returns the violation that an edge does not exist.
func missing(g *servicegraph.Graph, a arrow, consequence string) Violation {
	v := Violation{Message: a.String() + " was not observed"}
	if consequence != "" {
		v.Message += ", " + consequence
	}
	from, misspelledFrom := v.endOf(g, a.from)
	to, misspelledTo := v.endOf(g, a.to)
	if misspelledFrom || misspelledTo {
		return v // the misspelled name explains it
	}
	for _, f := range from {
		for _, t := range to {
			v.Missing = append(v.Missing, servicegraph.EdgeID{From: f, To: t})
		}
	}
	return v
}

// endOf returns the nodes at one end of a missing edge: up to maxPairs nodes that match,
// else the node that the pattern names. The pattern is misspelled if no node matches and
// one has a similar name.
func (v *Violation) endOf(g *servicegraph.Graph, p pattern) (ids []servicegraph.NodeID, misspelled bool) {
	if ids = newAsserter(g).matching(p); len(ids) > 0 {
		return ids[:min(len(ids), maxPairs)], false
	}
	v.Message += "\n" + unknown(g, p)
	if id, ok := p.node(); ok {
		ids = append(ids, id)
	}
	similar := g.Nearest(p.name.text)
	return ids, len(similar) > 0 && similar[0].Name != p.name.text
}

// maxPairs is how many nodes at each end of a missing edge are explained.
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

// pathRule follows the chain from all nodes that match its beginning at the same time.
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
					v.Message += "\nthe path ends at " + nodesText(at)
				}
				return []Violation{v}
			}
			at = reached
		}
		return nil
	}}
}

// exact returns the pattern that matches only one node.
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
			return []Violation{{Message: unknown(g, a.from) + "\nso the rule tests nothing: correct the name or remove the rule"}}
		}
		for e := range g.Edges() {
			if a.matches(e) {
				violations = append(violations, forbidden(e))
			}
		}
		return violations
	}}
}

// forbidden returns the violation that an edge exists.
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
	allowed, may := nothing, "may call "
	if len(to) > 0 {
		allowed, may = join(to, ", "), "may call only "
	}
	return rule{text: "only " + from.String() + " -> " + allowed, check: func(g *servicegraph.Graph) (violations []Violation) {
		if len(matching(g, from)) == 0 {
			return []Violation{{Message: unknown(g, from) + "\nso the rule tests nothing: correct the name or remove the rule"}}
		}
		for e := range g.Edges() {
			ok := !from.matches(e.ID.From) || e.ID.From == e.ID.To ||
				slices.ContainsFunc(to, func(p pattern) bool { return p.matches(e.ID.To) })
			if !ok {
				v := forbidden(e)
				v.Message += ", and " + may + allowed
				violations = append(violations, v)
			}
		}
		return violations
	}}
}
