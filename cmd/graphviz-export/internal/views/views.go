// Package views applies the views that flags select to a graph, one after the other, and reports
// what each view left out.
package views

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// A Step is one flag with the change that it makes to a graph.
type Step struct {
	Flag     string // as the user typed it: "--hide proxy"
	Apply    func(*servicegraph.Graph) *servicegraph.Graph
	Patterns []string                     // the values of a flag that names nodes
	Match    func(servicegraph.Node) bool // reports whether a pattern matches; nil: no patterns
	Needs    bool                         // the step leaves nothing if no node matches
	Joins    bool                         // the step merges nodes
	Hides    bool                         // the step hides nodes, and the builder has already hidden services
	Note     string                       // shown with the graph even if the step leaves nothing out
}

// Matcher returns a function that reports whether one of the regular expressions matches
// the name of a node, with its namespace: shop/cart.
func Matcher(flag string, patterns []string) (func(servicegraph.Node) bool, error) {
	var list []*regexp.Regexp
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, exit.Usagef("--%s %q: %w", flag, p, err)
		}
		list = append(list, re)
	}
	return func(n servicegraph.Node) bool {
		return slices.ContainsFunc(list, func(re *regexp.Regexp) bool { return re.MatchString(n.ID.String()) })
	}, nil
}

// Apply applies the steps to a graph, each to the result of the previous step. The notes say what
// the steps left out or changed. A step that needs a node and finds none is an error, unless an
// empty graph is allowed.
func Apply(g *servicegraph.Graph, steps []Step, allowEmpty bool, warnf func(string, ...any)) (_ *servicegraph.Graph, notes []string, err error) {
	walkedThrough := g.Report().Hidden
	var hiders []string
	for _, step := range steps {
		if step.Hides {
			hiders = append(hiders, step.Flag)
		}
	}
	if walkedThrough > 0 {
		notes = append(notes, fmt.Sprintf("hidden by %s: %s", strings.Join(hiders, " and "), quantity.Of(walkedThrough, "span")))
	}
	for _, step := range steps {
		if step.Match != nil && !(step.Hides && walkedThrough > 0) && !anyNode(g, step.Match) {
			problem := fmt.Sprintf("%s matches none of %s%s", step.Flag, quantity.Of(g.NumNodes(), "node"), graphtext.NameHint(g, step.Patterns))
			if step.Needs && !allowEmpty {
				return nil, nil, exit.NothingToDrawf("%s", problem)
			}
			warnf("%s", problem)
		}
		next := step.Apply(g)
		if step.Joins && !anyNode(next, func(n servicegraph.Node) bool { return n.ID.Type == servicegraph.TypeGroup }) {
			warnf("%s changes nothing: no node has this attribute", step.Flag)
		}
		notes = append(notes, step.notes(g, next)...)
		g = next
	}
	return g, notes, nil
}

// notes returns texts that say what the step left out of the graph before, or changed in it.
func (s *Step) notes(before, after *servicegraph.Graph) (notes []string) {
	if s.Note != "" {
		notes = append(notes, s.Note)
	}
	var hidden []string
	if less := before.NumNodes() - after.NumNodes(); less > 0 && s.Joins {
		notes = append(notes, fmt.Sprintf("%s merges %s into %d", s.Flag, quantity.Of(before.NumNodes(), "node"), after.NumNodes()))
	} else if less > 0 {
		hidden = append(hidden, quantity.Of(less, "node"))
	}
	if less := after.Report().LeftOutEdges - before.Report().LeftOutEdges; less > 0 {
		hidden = append(hidden, quantity.Of(less, "edge"))
	}
	if len(hidden) > 0 {
		notes = append(notes, fmt.Sprintf("hidden by %s: %s", s.Flag, strings.Join(hidden, ", ")))
	}
	if s.Hides && bridged(after) > bridged(before) {
		notes = append(notes, fmt.Sprintf("%s: dotted edges are estimates, because the sums of a graph do not tell which call led to which", s.Flag))
	}
	return notes
}

// bridged returns the number of edges that bridge hidden nodes.
func bridged(g *servicegraph.Graph) (n int) {
	for e := range g.Edges() {
		if e.ID.Kind == servicegraph.EdgeBridged {
			n++
		}
	}
	return n
}

func anyNode(g *servicegraph.Graph, match func(servicegraph.Node) bool) bool {
	for n := range g.Nodes() {
		if match(n) {
			return true
		}
	}
	return false
}
