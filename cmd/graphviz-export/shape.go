package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
)

// A shape says how much of a graph to show, and how coarsely, as the flags state it.
type shape struct {
	ignore, hide, gateway             []string // regular expressions
	focus, near, upstream, downstream []string
	depth                             int
	orphans, errorsOnly               bool
	minRate                           float64
	edgeFraction                      share
	nodeCount                         int
	groupBy                           string

	queueNodes, httpErrors bool
	splitBy                []string
}

// addTo adds the flags of a shape to a command.
func (s *shape) addTo(cmd *cobra.Command) {
	group(cmd, "Shape", func(f *pflag.FlagSet) {
		f.StringArrayVar(&s.focus, "focus", nil, "only nodes that match `RE`, all that call them and all they call")
		f.StringArrayVar(&s.near, "near", nil, "only nodes that match `RE` and their neighbours, --depth calls away")
		f.StringArrayVar(&s.upstream, "upstream", nil, "only nodes that match `RE` and who calls them")
		f.StringArrayVar(&s.downstream, "downstream", nil, "only nodes that match `RE` and whom they call")
		f.IntVar(&s.depth, "depth", 0, "go `N` calls far (default 1 for --near, no limit for the others)")
		f.StringArrayVar(&s.ignore, "ignore", nil, "drop nodes that match `RE`, and all calls from and to them")
		f.StringArrayVar(&s.hide, "hide", nil, "hide nodes that match `RE`, but bridge the calls through them: dotted")
		f.StringArrayVar(&s.gateway, "gateway", nil, "as --hide, and what enters nodes that match `RE` enters those behind")
		f.BoolVar(&s.errorsOnly, "errors-only", false, "only what fails")
		f.BoolVar(&s.orphans, "orphans", false, "only services without an edge: is trace context lost?")
		f.Float64Var(&s.minRate, "min-rate", 0, "drop edges with fewer than `N` calls per second")
		f.Var(&s.edgeFraction, "edgefraction", "drop edges with less than the part `F` of all calls: .001, 0.1%")
		f.IntVar(&s.nodeCount, "nodecount", 0, "only the `N` busiest nodes")
		f.StringVar(&s.groupBy, "group-by", "", "one node for each namespace, or value of a resource attribute: `KEY`")
		f.StringArrayVar(&s.splitBy, "split-by", nil, "one node for each value of a service's resource attribute `KEY`")
		f.BoolVar(&s.queueNodes, "queue-nodes", false, "show queues and topics as nodes")
		f.BoolVar(&s.httpErrors, "http-errors", false, "count HTTP status 500 and above as an error")
	})
	complete(cmd, "group-by", func() []string { return []string{byNamespace, "service.version", "deployment.environment.name"} })
	complete(cmd, "split-by", func() []string { return []string{"service.version", "deployment.environment.name"} })
}

// byNamespace is the value of --group-by that is no attribute. The attribute that the
// namespace comes from says the same.
const byNamespace = "namespace"

func (s *shape) byNamespace() bool {
	return s.groupBy == byNamespace || s.groupBy == "service.namespace"
}

// config returns how spans become the graph that the shape is taken of.
func (s *shape) config() servicegraph.Config {
	cfg := servicegraph.Config{
		QueueNodes: s.queueNodes,
		HTTPErrors: s.httpErrors,
		SplitBy:    s.splitBy,
	}
	if s.groupBy != "" && !s.byNamespace() {
		cfg.NodeAttrs = []string{s.groupBy}
	}
	return cfg
}

// A viewStep is one view: what the user typed for it, and what it does.
type viewStep struct {
	flag  string // "--hide proxy"
	take  func(*servicegraph.Graph) *servicegraph.Graph
	match func(servicegraph.Node) bool // nodes that the view is about; nil: no certain ones
	needs bool                         // without a match there is nothing to show
	joins bool                         // makes one node of several
}

// steps returns the views in the order in which they are taken: what does not count
// goes first, then nodes are joined, then a part is chosen, and what is small goes
// last.
func (s *shape) steps() ([]viewStep, error) {
	switch {
	case s.depth < 0:
		return nil, usagef("--depth %d: want a number of calls, from 1 on", s.depth)
	case s.depth > 0 && len(s.focus)+len(s.near)+len(s.upstream)+len(s.downstream) == 0:
		return nil, usagef("--depth says how far to go from where: name a service with --near, --upstream, --downstream or --focus")
	case s.nodeCount < 0:
		return nil, usagef("--nodecount %d: want a number of nodes, from 1 on", s.nodeCount)
	case s.minRate < 0 || math.IsNaN(s.minRate):
		return nil, usagef("--min-rate %v: want a number of calls per second", s.minRate)
	}

	var steps []viewStep
	var mistake error
	add := func(name string, patterns []string, needs bool, take func(g *servicegraph.Graph, match func(servicegraph.Node) bool) *servicegraph.Graph) {
		if len(patterns) == 0 || mistake != nil {
			return
		}
		match, err := matcher(name, patterns)
		mistake = err
		steps = append(steps, viewStep{
			flag:  "--" + name + " " + strings.Join(patterns, ", "),
			take:  func(g *servicegraph.Graph) *servicegraph.Graph { return take(g, match) },
			match: match,
			needs: needs,
		})
	}
	plain := func(set bool, flag string, take func(*servicegraph.Graph) *servicegraph.Graph) {
		if set {
			steps = append(steps, viewStep{flag: flag, take: take})
		}
	}
	far, neighbours := math.MaxInt, 1
	if s.depth > 0 {
		far, neighbours = s.depth, s.depth
	}
	type graph = servicegraph.Graph
	type nodes = func(servicegraph.Node) bool

	add("ignore", s.ignore, false, func(g *graph, match nodes) *graph {
		return g.Filter(func(n servicegraph.Node) bool { return !match(n) })
	})
	add("gateway", s.gateway, false, (*graph).HideGateways)
	add("hide", s.hide, false, (*graph).Hide)
	if s.groupBy != "" {
		to := servicegraph.ByAttr(s.groupBy)
		if s.byNamespace() {
			to = servicegraph.ByNamespace
		}
		steps = append(steps, viewStep{flag: "--group-by " + s.groupBy, joins: true, take: func(g *graph) *graph { return g.Group(to) }})
	}
	add("focus", s.focus, true, func(g *graph, match nodes) *graph { return g.Near(match, far, far) })
	add("near", s.near, true, func(g *graph, match nodes) *graph { return g.Near(match, neighbours, neighbours) })
	if slices.Equal(s.upstream, s.downstream) { // of the same, both sides
		add("upstream and --downstream", s.upstream, true, func(g *graph, match nodes) *graph { return g.Near(match, far, far) })
	} else {
		add("upstream", s.upstream, true, func(g *graph, match nodes) *graph { return g.Near(match, far, 0) })
		add("downstream", s.downstream, true, func(g *graph, match nodes) *graph { return g.Near(match, 0, far) })
	}
	plain(s.errorsOnly, "--errors-only", (*graph).ErrorsOnly)
	plain(s.orphans, "--orphans", func(g *graph) *graph {
		return g.Filter(func(n servicegraph.Node) bool { return isOrphan(g, n) })
	})
	plain(s.minRate > 0, fmt.Sprintf("--min-rate %v", s.minRate), func(g *graph) *graph {
		return g.FilterEdges(func(e servicegraph.Edge) bool {
			perSecond, known := g.Rate(e.Calls)
			return !known || perSecond >= s.minRate
		})
	})
	plain(s.edgeFraction > 0, fmt.Sprintf("--edgefraction %v", float64(s.edgeFraction)), func(g *graph) *graph {
		total := 0.0
		for e := range g.Edges() {
			total += e.Calls
		}
		return g.FilterEdges(func(e servicegraph.Edge) bool { return e.Calls >= float64(s.edgeFraction)*total })
	})
	plain(s.nodeCount > 0, fmt.Sprintf("--nodecount %d", s.nodeCount), func(g *graph) *graph { return g.Top(s.nodeCount) })
	return steps, mistake
}

// isOrphan reports whether a node neither calls nor is called.
func isOrphan(g *servicegraph.Graph, n servicegraph.Node) bool {
	for range g.In(n.ID) {
		return false
	}
	for range g.Out(n.ID) {
		return false
	}
	return true
}

// matcher returns what decides whether one of the regular expressions matches the
// name of a node, with its namespace: shop/cart.
func matcher(flag string, patterns []string) (func(servicegraph.Node) bool, error) {
	var list []*regexp.Regexp
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, usagef("--%s %q: %w", flag, p, err)
		}
		list = append(list, re)
	}
	return func(n servicegraph.Node) bool {
		return slices.ContainsFunc(list, func(re *regexp.Regexp) bool { return re.MatchString(n.ID.String()) })
	}, nil
}

// shaped takes the views of a graph, one of the other. The notes say what each of
// them left out. A view of nodes that there are none of is an error, unless an empty
// graph is allowed.
func shaped(g *servicegraph.Graph, steps []viewStep, allowEmpty bool, warnf func(string, ...any)) (_ *servicegraph.Graph, notes []string, err error) {
	for _, step := range steps {
		if step.match != nil && !anyNode(g, step.match) {
			hint := nameHint(g, step.flag)
			if step.needs && !allowEmpty {
				return nil, nil, &statusError{statusNothing, fmt.Errorf("nothing to draw: %s matches none of %s%s", step.flag, quantity.Of(g.NumNodes(), "node"), hint)}
			}
			warnf("%s matches none of %s%s", step.flag, quantity.Of(g.NumNodes(), "node"), hint)
		}
		next := step.take(g)
		before, after := g.Report(), next.Report()
		var less []string
		if n := g.NumNodes() - next.NumNodes(); n > 0 {
			less = append(less, quantity.Of(n, "node"))
		}
		if n := after.LeftOutEdges - before.LeftOutEdges; n > 0 {
			less = append(less, quantity.Of(n, "edge"))
		}
		if step.joins && !anyNode(next, func(n servicegraph.Node) bool { return n.ID.Type == servicegraph.TypeGroup }) {
			warnf("%s changes nothing: no node has one", step.flag)
		}
		if len(less) > 0 {
			notes = append(notes, step.flag+": "+strings.Join(less, " and ")+" less")
		}
		g = next
	}
	return g, notes, nil
}

func anyNode(g *servicegraph.Graph, match func(servicegraph.Node) bool) bool {
	for n := range g.Nodes() {
		if match(n) {
			return true
		}
	}
	return false
}

// nameHint returns the name that a pattern without a match may have meant, or some
// names that there are.
func nameHint(g *servicegraph.Graph, flag string) string {
	if g.NumNodes() == 0 {
		return ""
	}
	var names []string
	for n := range g.Nodes() {
		names = append(names, n.ID.Name)
	}
	_, pattern, _ := strings.Cut(flag, " ")
	if question := suggest.DidYouMean(pattern, names); question != "" {
		return question
	}
	more := ""
	if len(names) > 5 {
		names, more = names[:5], ", …"
	}
	return ": there are " + strings.Join(names, ", ") + more
}
