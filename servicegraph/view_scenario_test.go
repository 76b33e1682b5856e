package servicegraph_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestViewScenarios runs every file of testdata/views: spans in the notation of
// testdata/scenarios/README.md, the views to take, each of the result of the view before, and the
// resulting graph. A view is a line:
//
//	filter NODE...    ignore NODE...    focus NODE...    near UP DOWN NODE...
//	hide NODE...      through NODE...   top N            top-edges N
//	calls N           errors            entries          group namespace|KEY
//	errors-of caller|callee
//
// where calls keeps the edges with at least N calls, UP and DOWN may be "all", and KEY is
// a resource attribute. GRAPHTEST_UPDATE=1 writes the actual results into the files.
func TestViewScenarios(t *testing.T) {
	runScenarios(t, "views", func(t *testing.T, given []txtar.File, _ string) string {
		g := buildTeams(mustParse(t, section(t, given, 0, "spans")))
		for line := range strings.Lines(section(t, given, 1, "view")) {
			view, err := parseView(strings.Fields(line))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			g = checkView(t, g, view, viewLaws...)
		}
		return sketch(g)
	})
}

// buildTeams builds a graph whose nodes have the attribute team. The notation gives it
// like an attribute of the span.
func buildTeams(spans []sg.Span) *sg.Graph {
	b := sg.NewBuilder(sg.Config{NodeAttrs: []string{"team"}})
	for _, s := range spans {
		s.Resource = s.Attrs
		b.Add(s)
	}
	return b.Graph()
}

// A view is a view of a graph, together with its arguments. The field name includes the arguments.
type view struct {
	name string
	take func(*sg.Graph) *sg.Graph
}

func parseView(words []string) (view, error) {
	if len(words) == 0 {
		return view{}, fmt.Errorf("want a view")
	}
	v := view{name: strings.Join(words, " ")}
	args := words[1:]
	numbers := map[string]int{"near": 2, "top": 1, "top-edges": 1, "calls": 1}[words[0]]
	if len(args) < numbers {
		return v, fmt.Errorf("want %d numbers", numbers)
	}
	var n []int
	for _, w := range args[:numbers] {
		i, err := strconv.Atoi(w)
		if w == "all" {
			i, err = math.MaxInt, nil
		}
		if err != nil {
			return v, err
		}
		n = append(n, i)
	}
	names := args[numbers:]
	named := func(n sg.Node) bool { return slices.Contains(names, n.ID.String()) }
	switch words[0] {
	case "filter":
		v.take = func(g *sg.Graph) *sg.Graph { return g.Filter(named) }
	case "ignore":
		v.take = func(g *sg.Graph) *sg.Graph { return g.Filter(func(n sg.Node) bool { return !named(n) }) }
	case "focus":
		v.take = func(g *sg.Graph) *sg.Graph { return g.Focus(named) }
	case "near":
		v.take = func(g *sg.Graph) *sg.Graph { return g.Near(named, n[0], n[1]) }
	case "hide":
		v.take = func(g *sg.Graph) *sg.Graph { return g.Hide(named) }
	case "through":
		v.take = func(g *sg.Graph) *sg.Graph { return g.HideGateways(named) }
	case "top":
		v.take = func(g *sg.Graph) *sg.Graph { return g.Top(n[0]) }
	case "top-edges":
		v.take = func(g *sg.Graph) *sg.Graph { return g.TopEdges(n[0]) }
	case "calls":
		v.take = func(g *sg.Graph) *sg.Graph {
			return g.FilterEdges(func(e sg.Edge) bool { return e.Calls >= float64(n[0]) })
		}
	case "errors":
		v.take = func(g *sg.Graph) *sg.Graph { return g.ErrorsOnly(0) }
	case "entries":
		v.take = (*sg.Graph).EntriesOnly
	case "errors-of":
		side, ok := map[string]sg.Side{"caller": sg.CallerSide, "callee": sg.CalleeSide}[strings.Join(names, " ")]
		if !ok {
			return v, fmt.Errorf("want caller or callee")
		}
		v.take = func(g *sg.Graph) *sg.Graph { return g.WithErrorsOf(side) }
	case "group":
		if len(names) != 1 {
			return v, fmt.Errorf("want namespace or a key")
		}
		by := sg.ByAttr(names[0])
		if names[0] == "namespace" {
			by = sg.ByNamespace
		}
		v.take = func(g *sg.Graph) *sg.Graph { return g.Group(by) }
	default:
		return v, fmt.Errorf("no view %q", words[0])
	}
	return v, nil
}

// sketch returns a graph in the notation of the scenarios of views.
func sketch(g *sg.Graph) string {
	var b strings.Builder
	for n := range g.Nodes() {
		fmt.Fprintf(&b, "node %s", n.ID)
		if n.ID.Type != sg.TypeService {
			fmt.Fprintf(&b, " (%s)", n.ID.Type)
		}
		if n.Requests.Calls > 0 {
			fmt.Fprintf(&b, " %s", countsOf(n.Requests.Calls, n.Requests.Errors))
		}
		if n.Entries > 0 {
			fmt.Fprintf(&b, " entries %v", n.Entries)
		}
		b.WriteByte('\n')
	}
	for e := range g.Edges() {
		fmt.Fprintf(&b, "%s -> %s %s %s\n", e.ID.From, e.ID.To, e.ID.Kind, countsOf(e.Calls, e.Errors))
		if e.ID.Kind == sg.EdgeBridged {
			sketchSide(&b, "caller", e.Caller)
			sketchSide(&b, "callee", e.Callee)
			if len(e.Slowest) > 0 {
				fmt.Fprintf(&b, "  slowest %v\n", e.Slowest[0].Duration)
			}
		}
	}
	r := g.Report()
	if r.LeftOutNodes > 0 || r.LeftOutEdges > 0 || r.LeftOutCalls > 0 {
		fmt.Fprintf(&b, "left out: nodes %d, edges %d, calls %v\n", r.LeftOutNodes, r.LeftOutEdges, r.LeftOutCalls)
	}
	return b.String()
}

func sketchSide(b *strings.Builder, side string, s sg.Stats) {
	if s.Observed > 0 {
		l := s.Latency
		fmt.Fprintf(b, "  %s %s, %v to %v, mean %v\n", side, countsOf(s.Calls, s.Errors), l.Min(), l.Max(), l.Mean().Round(time.Microsecond))
	}
}

func countsOf(calls, errors float64) string {
	if errors == 0 {
		return fmt.Sprintf("n%v", calls)
	}
	return fmt.Sprintf("n%v e%v", calls, errors)
}

// checkView takes a view of a graph, checks it against laws of views, and returns its result.
func checkView(t *testing.T, g *sg.Graph, v view, laws ...viewLaw) *sg.Graph {
	t.Helper()
	x := taken{view: v, graph: g, before: marshal(t, g)}
	x.got = v.take(g)
	x.data = marshal(t, x.got)
	for _, law := range laws {
		law(t, x)
	}
	checkNumbers(t, v.name, x.got)
	return x.got
}

// A taken is a graph, a view of it, and the result of the view.
type taken struct {
	view         view
	graph, got   *sg.Graph
	before, data []byte // the JSON of graph before the view was taken, and that of got
}

// A viewLaw holds for every graph and every view of it.
type viewLaw func(t *testing.T, x taken)

var viewLaws = []viewLaw{
	func(t *testing.T, x taken) {
		if again := marshal(t, x.view.take(x.graph)); !bytes.Equal(again, x.data) {
			t.Errorf("%s: taking the view again gives another graph:\n%s", x.view.name, cmp.Diff(string(x.data), string(again)))
		}
	},
	func(t *testing.T, x taken) {
		read, err := sg.ReadJSON(bytes.NewReader(x.data))
		if err != nil {
			t.Fatalf("%s: %v", x.view.name, err)
		}
		if again := marshal(t, read); !bytes.Equal(again, x.data) {
			t.Errorf("%s: a JSON round trip changes the view:\n%s", x.view.name, cmp.Diff(string(x.data), string(again)))
		}
	},
	func(t *testing.T, x taken) {
		if again := marshal(t, sg.Merge(x.got, &sg.Graph{})); !bytes.Equal(again, x.data) {
			t.Errorf("%s: merging with the empty graph changes the view:\n%s", x.view.name, cmp.Diff(string(x.data), string(again)))
		}
	},
	func(t *testing.T, x taken) {
		sg.Merge(x.got, x.got, x.graph) // Merge must not write to memory that the graphs share
		if after := marshal(t, x.graph); !bytes.Equal(after, x.before) {
			t.Errorf("%s: taking the view changes the graph:\n%s", x.view.name, cmp.Diff(string(x.before), string(after)))
		}
		if after := marshal(t, x.got); !bytes.Equal(after, x.data) {
			t.Errorf("%s: merging changes the view:\n%s", x.view.name, cmp.Diff(string(x.data), string(after)))
		}
	},
}

// checkNumbers checks the bounds of the numbers of a graph (docs/semantics.md, law 5; V2: no ratio
// of errors is above 1).
func checkNumbers(t *testing.T, name string, g *sg.Graph) {
	t.Helper()
	side := func(s sg.Stats) bool {
		l := s.Latency
		return s.Errors <= s.Calls && (s.Observed > 0 || s.Calls == 0) &&
			l.Count() <= s.Calls && l.Min() <= l.Max() && (l.Count() > 0 || l.Max() == 0)
	}
	for n := range g.Nodes() {
		if !side(n.Requests) || n.Entries > n.Requests.Calls {
			t.Errorf("%s: node %v has impossible numbers: %+v", name, n.ID, n)
		}
	}
	for e := range g.Edges() {
		evidence := e.Evidence.Both + e.Evidence.Caller + e.Evidence.Callee + e.Evidence.Address + e.Evidence.Name
		if e.ID.Kind == sg.EdgeBridged && evidence != 0 || e.ID.Kind != sg.EdgeBridged && evidence != e.Calls {
			t.Errorf("%s: evidence of edge %v: %+v of %v calls", name, e.ID, e.Evidence, e.Calls)
		}
		if e.Calls <= 0 || e.Errors > e.Calls || e.Caller.Calls > e.Calls || e.Callee.Calls > e.Calls || !side(e.Caller) || !side(e.Callee) {
			t.Errorf("%s: edge %v has impossible numbers: %+v", name, e.ID, e)
		}
		for _, end := range []sg.NodeID{e.ID.From, e.ID.To} {
			if _, ok := g.Node(end); !ok {
				t.Errorf("%s: edge %v, but no node %v", name, e.ID, end)
			}
		}
	}
}
