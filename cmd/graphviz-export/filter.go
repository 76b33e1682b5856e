package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc/codes"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/views"
	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// filterFlags select a part of a graph, and merge nodes.
type filterFlags struct {
	ignore, hide, gateway             []string // regular expressions
	focus, near, upstream, downstream []string // regular expressions
	depth                             int      // 0: the default of each flag
	entries, orphans, errorsOnly      bool
	minRate                           float64
	edgeFraction                      fraction
	nodeCount                         int
	groupBy                           string
	types                             []string
}

// graphFlags decide how spans become a graph.
type graphFlags struct {
	splitBy              []string
	queueNodes, userNode bool
	httpErrors           bool
	errorsOf             choice
	infer                bool
	noAddressLearning    bool
	noEmbeddedDatabases  bool
	rename, renameFiles  []string // rules, and files of rules
	notErrors            []string // lists, separated by commas

	renames []servicegraph.Rename // set by check
	excused []string

	limits    servicegraph.Limits
	maxRecord int // MiB
}

// addTo adds the flags to a command.
func (s *filterFlags) addTo(cmd *cobra.Command) {
	group(cmd, "Filters", func(f *pflag.FlagSet) {
		f.StringArrayVar(&s.focus, "focus", nil, "keep nodes that match `RE`, and everything upstream and downstream of them")
		f.StringArrayVar(&s.near, "near", nil, "keep nodes that match `RE` and their neighbors, up to --depth calls away")
		f.StringArrayVar(&s.upstream, "upstream", nil, "keep nodes that match `RE` and everything upstream of them")
		f.StringArrayVar(&s.downstream, "downstream", nil, "keep nodes that match `RE` and everything downstream of them")
		f.IntVar(&s.depth, "depth", 0, "follow calls for at most `N` steps (default: 1 for --near, no limit for the others)")
		f.BoolVar(&s.entries, "entries", false, "keep nodes that requests from outside can reach")
		f.StringArrayVar(&s.ignore, "ignore", nil, "drop nodes that match `RE`, with all calls from and to them")
		f.StringArrayVar(&s.hide, "hide", nil, "hide nodes that match `RE`; a call through a hidden node becomes a call between the nodes on both sides")
		f.StringArrayVar(&s.gateway, "gateway", nil, "like --hide; also, entry requests of nodes that match `RE` become entry requests of the nodes that they call")
		f.StringSliceVar(&s.types, "type", nil, "keep nodes of these types, any of `LIST`: "+alternatives(nodeTypes))
		f.BoolVar(&s.errorsOnly, "errors-only", false, "keep edges and nodes where at least the fraction --warn of the calls fails")
		f.BoolVar(&s.orphans, "orphans", false, "keep only services without any edge, where trace context may be lost")
		f.Float64Var(&s.minRate, "min-rate", 0, "drop edges with fewer than `N` calls per second")
		f.Var(&s.edgeFraction, "edgefraction", "drop edges with less than fraction `F` of all calls: .001, 0.1%")
		f.IntVar(&s.nodeCount, "nodecount", 0, "keep the `N` busiest nodes")
		f.StringVar(&s.groupBy, "group-by", "", "merge nodes that have the same `KEY`: namespace, or a resource attribute")
	})
	complete(cmd, "group-by", func() []string { return append([]string{byNamespace}, splitKeys...) })
}

// addTo adds the flags to a command.
func (s *graphFlags) addTo(cmd *cobra.Command) {
	group(cmd, "Graph", func(f *pflag.FlagSet) {
		f.StringArrayVar(&s.splitBy, "split-by", nil, "split services by the value of their resource attribute `KEY`")
		f.StringArrayVar(&s.rename, "rename", nil, "rename nodes that match RE to NAME: `RE=NAME`, or @FILE; repeatable")
		f.StringArrayVar(&s.renameFiles, "rename-file", nil, "read --rename rules from `FILE`, one on each line; repeatable")
		f.BoolVar(&s.queueNodes, "queue-nodes", false, "show queues and topics as nodes")
		f.BoolVar(&s.userNode, "user-node", false, "show requests from outside as calls from a node named user")
		f.BoolVar(&s.httpErrors, "http-errors", false, "count HTTP status 500 and above as an error")
		f.StringArrayVar(&s.notErrors, "not-error", nil, "do not count `OUTCOME` as an error: canceled, 404, 4xx, a status code or an error.type; repeatable")
		addChoice(f, &s.errorsOf, "errors-of", "SIDE", "count only errors that this side of a call saw: caller or callee", "", "caller", "callee")
		f.BoolVar(&s.infer, "infer", false, "guess which calls led to requests whose parent span is missing")
		f.BoolVar(&s.noAddressLearning, "no-address-learning", false, "do not learn from other calls which service answers at an address")
		f.BoolVar(&s.noEmbeddedDatabases, "no-embedded-databases", false, "leave out databases inside a process, such as SQLite")
	})
	complete(cmd, "split-by", func() []string { return splitKeys })
	completeChoice(cmd, "errors-of", &s.errorsOf)
	group(cmd, "Graph", func(f *pflag.FlagSet) {
		f.IntVar(&s.limits.Nodes, "max-nodes", defaultLimits.Nodes, "distinguish at most `N` nodes: a node named other stands for the rest")
		f.IntVar(&s.limits.Edges, "max-edges", defaultLimits.Edges, "distinguish at most `N` edges: edges to nodes named other stand for the rest")
	})
	s.addLimitTo(cmd)
}

// defaultLimits are the defaults of --max-nodes and --max-edges, and of [servicegraph.Limits].
var defaultLimits = servicegraph.Limits{Nodes: 10_000, Edges: 100_000}

// addLimitTo adds the flag that limits records.
func (s *graphFlags) addLimitTo(cmd *cobra.Command) {
	group(cmd, "Graph", func(f *pflag.FlagSet) {
		f.IntVar(&s.maxRecord, "max-record", tracefile.DefaultMaxRecord>>20, "skip records of files (requests, traces) larger than `N` MiB")
	})
}

// check parses the lists of --not-error, and the rules of --rename and --rename-file. The rules of
// --rename apply first.
func (s *graphFlags) check() error {
	if s.limits.Nodes <= 0 {
		return exit.Usagef("--max-nodes %d: want a number of nodes of at least 1", s.limits.Nodes)
	}
	if s.limits.Edges <= 0 {
		return exit.Usagef("--max-edges %d: want a number of edges of at least 1", s.limits.Edges)
	}
	s.excused, s.renames = nil, nil
	for _, list := range s.notErrors {
		for outcome := range strings.SplitSeq(list, ",") {
			if !strings.ContainsFunc(outcome, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
				return exit.Usagef("--not-error %q: want outcomes such as canceled, 404 or canceled,404", list)
			}
			outcome = strings.TrimSpace(outcome)
			if unicode.IsDigit(rune(outcome[0])) && !isStatus(outcome) {
				return exit.Usagef("--not-error %s: want a status code of gRPC from 0 to 16 or of HTTP from 100 to 599, or a class of these such as 4xx", outcome)
			}
			s.excused = append(s.excused, outcome)
		}
	}
	files := s.renameFiles
	for _, rule := range s.rename {
		if file, isFile := strings.CutPrefix(rule, "@"); isFile {
			files = append(files[:len(files):len(files)], file)
			continue
		}
		r, err := servicegraph.ParseRename(rule)
		if err != nil {
			return exit.Usagef("--rename %q: %w", rule, err)
		}
		s.renames = append(s.renames, r)
	}
	for _, file := range files {
		text, err := readFile("rename-file", file)
		if err != nil {
			return err
		}
		rules, err := servicegraph.ParseRenames(file, string(text))
		if err != nil {
			return exit.Usagef("--rename-file %w", err)
		}
		s.renames = append(s.renames, rules...)
	}
	return nil
}

// isStatus reports whether the text is a status code of gRPC or HTTP, or a class of HTTP status
// codes such as 4xx.
func isStatus(text string) bool {
	if class, isClass := strings.CutSuffix(strings.ToLower(text), "xx"); isClass {
		return len(class) == 1 && "1" <= class && class <= "5"
	}
	code, err := strconv.Atoi(text)
	return err == nil && (code <= int(codes.Unauthenticated) || 100 <= code && code <= 599)
}

// warnOutcomes warns of outcomes that are probably mistyped names of gRPC's status codes. They are not
// refused, because error.type can have any value.
func (e *export) warnOutcomes() {
	var names []string
	for code := range codes.Unauthenticated + 1 {
		names = append(names, code.String())
	}
	for _, outcome := range e.graph.excused {
		plain := strings.ReplaceAll(strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(outcome)), "cancelled", "canceled")
		if slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, plain) }) {
			continue
		}
		if name := suggest.Nearest(plain, names); name != "" {
			e.stderr.Warnf("--not-error %s: this is no gRPC status code, so it is compared only with error.type%s", outcome, suggest.Question(name))
		}
	}
}

// splitKeys are resource attributes that shells suggest as a KEY.
var splitKeys = []string{"service.version", "deployment.environment.name"}

// byNamespace is the one value of --group-by that is not an attribute key. The attribute
// service.namespace means the same.
const byNamespace = "namespace"

func (s *filterFlags) byNamespace() bool {
	return s.groupBy == byNamespace || s.groupBy == "service.namespace"
}

// config returns the configuration of the builder.
func (e *export) config() servicegraph.Config {
	cfg := servicegraph.Config{
		QueueNodes:              e.graph.queueNodes,
		HTTPErrors:              e.graph.httpErrors,
		NotErrors:               e.graph.excused,
		SplitBy:                 e.graph.splitBy,
		Rename:                  e.graph.renames,
		UserNode:                e.graph.userNode,
		InferCalls:              e.graph.infer,
		IgnoreAddresses:         e.graph.noAddressLearning,
		IgnoreInternalDatabases: e.graph.noEmbeddedDatabases,
		Limits:                  e.graph.limits,
	}
	if e.filter.groupBy != "" && !e.filter.byNamespace() {
		cfg.NodeAttrs = []string{e.filter.groupBy}
	}
	cfg.Hide, cfg.Gateways = hidden("hide", e.filter.hide), hidden("gateway", e.filter.gateway)
	return cfg
}

// hidden returns a function that reports whether a service is hidden, and nil if there are no
// patterns. It ignores invalid patterns, which the method steps reports.
func hidden(flag string, patterns []string) func(servicegraph.NodeID) bool {
	match, err := views.Matcher(flag, patterns)
	if len(patterns) == 0 || err != nil {
		return nil
	}
	return func(id servicegraph.NodeID) bool { return match(servicegraph.Node{ID: id}) }
}

// steps returns the steps that the flags ask for, in the order in which they are applied. The order
// does not depend on the command line: first the choice of which errors count, then the steps that
// drop, hide and merge nodes, then those that select a part of the graph, and last those that drop
// small nodes and edges.
func (e *export) steps() ([]views.Step, error) {
	s := &e.filter
	if err := e.checkFilter(); err != nil {
		return nil, err
	}
	if err := e.graph.check(); err != nil {
		return nil, err
	}
	e.warnOutcomes()
	var steps []views.Step
	var mistake error
	add := func(name string, patterns []string, needs bool, apply func(g *servicegraph.Graph, match func(servicegraph.Node) bool) *servicegraph.Graph) {
		if len(patterns) == 0 || mistake != nil {
			return
		}
		match, err := views.Matcher(name, patterns)
		mistake = err
		steps = append(steps, views.Step{
			Flag:     "--" + name + " " + strings.Join(patterns, ", "),
			Apply:    func(g *servicegraph.Graph) *servicegraph.Graph { return apply(g, match) },
			Patterns: patterns,
			Match:    match,
			Needs:    needs,
		})
	}
	addIf := func(set bool, flag string, apply func(*servicegraph.Graph) *servicegraph.Graph) {
		if set {
			steps = append(steps, views.Step{Flag: flag, Apply: apply})
		}
	}
	// within returns a view of the nodes that are at most up calls upstream or down calls
	// downstream of the matching nodes. --depth replaces both numbers.
	within := func(up, down int) func(*servicegraph.Graph, func(servicegraph.Node) bool) *servicegraph.Graph {
		if s.depth > 0 {
			up, down = min(up, 1)*s.depth, min(down, 1)*s.depth
		}
		return func(g *servicegraph.Graph, match func(servicegraph.Node) bool) *servicegraph.Graph {
			return g.Near(match, up, down)
		}
	}
	const far = math.MaxInt

	if side := e.graph.errorsOf.value; side != "" {
		of := map[string]servicegraph.Side{"caller": servicegraph.CallerSide, "callee": servicegraph.CalleeSide}[side]
		steps = append(steps, views.Step{
			Flag:  "--errors-of " + side,
			Note:  "errors as the " + side + " saw them",
			Apply: func(g *servicegraph.Graph) *servicegraph.Graph { return g.WithErrorsOf(of) },
		})
	}
	add("ignore", s.ignore, false, func(g *servicegraph.Graph, match func(servicegraph.Node) bool) *servicegraph.Graph {
		return g.Filter(func(n servicegraph.Node) bool { return !match(n) })
	})
	addIf(len(s.types) > 0, "--type "+strings.Join(s.types, ","), func(g *servicegraph.Graph) *servicegraph.Graph {
		return g.Filter(func(n servicegraph.Node) bool { return slices.Contains(s.types, string(n.ID.Type)) })
	})
	// The builder has hidden the services of traces already. These steps hide the nodes of graphs
	// in files, and nodes without spans.
	first := len(steps)
	add("gateway", s.gateway, false, (*servicegraph.Graph).HideGateways)
	add("hide", s.hide, false, (*servicegraph.Graph).Hide)
	for i := range steps[first:] {
		steps[first+i].Hides = true
	}
	if s.groupBy != "" {
		to := servicegraph.ByAttr(s.groupBy)
		if s.byNamespace() {
			to = servicegraph.ByNamespace
		}
		steps = append(steps, views.Step{
			Flag:  "--group-by " + s.groupBy,
			Joins: true,
			Apply: func(g *servicegraph.Graph) *servicegraph.Graph { return g.Group(to) },
		})
	}
	// This step precedes those that drop nodes: a dropped node can be on the way from outside to
	// another node.
	addIf(s.entries, "--entries", (*servicegraph.Graph).EntriesOnly)
	if s.depth > 0 {
		add("focus", s.focus, true, within(far, far))
	} else {
		add("focus", s.focus, true, (*servicegraph.Graph).Focus)
	}
	add("near", s.near, true, within(1, 1))
	if slices.Equal(s.upstream, s.downstream) { // upstream and downstream of the same nodes
		add("upstream and --downstream", s.upstream, true, within(far, far))
	} else {
		add("upstream", s.upstream, true, within(far, 0))
		add("downstream", s.downstream, true, within(0, far))
	}
	addIf(s.errorsOnly, "--errors-only", func(g *servicegraph.Graph) *servicegraph.Graph { return g.ErrorsOnly(float64(e.style.warn)) })
	addIf(s.orphans, "--orphans", func(g *servicegraph.Graph) *servicegraph.Graph {
		return g.Filter(func(n servicegraph.Node) bool { return isOrphan(g, n) })
	})
	addIf(s.minRate > 0, fmt.Sprintf("--min-rate %v", s.minRate), func(g *servicegraph.Graph) *servicegraph.Graph {
		return g.FilterEdges(func(e servicegraph.Edge) bool {
			perSecond, known := g.Rate(e.Calls)
			return !known || perSecond >= s.minRate
		})
	})
	addIf(s.edgeFraction > 0, fmt.Sprintf("--edgefraction %v", float64(s.edgeFraction)), func(g *servicegraph.Graph) *servicegraph.Graph {
		total := 0.0
		for e := range g.Edges() {
			total += e.Calls
		}
		return g.FilterEdges(func(e servicegraph.Edge) bool { return e.Calls >= float64(s.edgeFraction)*total })
	})
	addIf(s.nodeCount > 0, fmt.Sprintf("--nodecount %d", s.nodeCount), func(g *servicegraph.Graph) *servicegraph.Graph { return g.Top(s.nodeCount) })
	return steps, mistake
}

// checkFilter refuses invalid numbers.
func (e *export) checkFilter() error {
	s := &e.filter
	for _, t := range s.types {
		if !slices.Contains(nodeTypes, t) {
			return exit.Usagef("--type %q: want %s%s", t, alternatives(nodeTypes), suggest.DidYouMean(t, nodeTypes))
		}
	}
	switch {
	case s.depth < 0 || s.depth == 0 && e.given("depth"):
		return exit.Usagef("--depth %d: want a number of calls, 1 or more", s.depth)
	case s.depth > 0 && len(s.focus)+len(s.near)+len(s.upstream)+len(s.downstream) == 0:
		return exit.Usagef("--depth needs a node to start from: name one with --near, --upstream, --downstream or --focus")
	case s.nodeCount < 0 || s.nodeCount == 0 && e.given("nodecount"):
		return exit.Usagef("--nodecount %d: want a number of nodes, 1 or more", s.nodeCount)
	case s.minRate < 0 || math.IsNaN(s.minRate):
		return exit.Usagef("--min-rate %v: want a number of calls per second, 0 or more", s.minRate)
	}
	return nil
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
