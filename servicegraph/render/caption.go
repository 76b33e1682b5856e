package render

import (
	"fmt"
	"math"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Caption is what a picture says about a node or an edge, in words that fit on it.
type Caption struct {
	Name    string // of a node, at most 40 columns wide; empty for an edge
	Tag     string // of a node what it is: its type, "entry" for a service that requests from outside enter, or nothing
	Level   Level
	Volume  string // calls, as a rate if the graph has rates: "96/s", "702 calls"; rates of one graph have one unit
	Errors  string // share of failed calls: "5.8%"; empty without calls
	Latency string // of a node p95, "590 ms"; of an edge as its EdgeText says, "160 · 590 · 1150 ms"; "–" if nobody measured it
	Tooltip string // everything that was measured, in lines
}

// Captions words the captions of one graph.
type Captions struct {
	look   Style
	graph  *servicegraph.Graph
	rates  bool
	period period // of all rates, so that they can be compared
}

// Captions returns the words for the nodes and edges of g.
func (l Style) Captions(g *servicegraph.Graph) Captions {
	c := Captions{look: l, graph: g, rates: hasRates(g)}
	if c.rates {
		most := 0.0
		for n := range g.Nodes() {
			most = max(most, n.Requests.Calls)
		}
		for e := range g.Edges() {
			most = max(most, e.Calls)
		}
		perSecond, _ := g.Rate(most)
		c.period = periodOf(perSecond)
	}
	return c
}

// hasRates reports whether calls per second mean something: a handful of traces has
// no rate.
func hasRates(g *servicegraph.Graph) bool {
	_, known := g.Rate(0)
	return known && g.Report().Traces >= 10
}

func (c Captions) volume(calls float64) string {
	if c.rates {
		perSecond, _ := c.graph.Rate(calls)
		return c.period.rate(perSecond)
	}
	return plural(calls, "call")
}

// Node returns the caption of a node of the graph.
func (c Captions) Node(n servicegraph.Node) Caption {
	caption := Caption{
		Name:    shorten(visible(n.ID.Name), 40),
		Tag:     tag(n),
		Volume:  "no incoming calls",
		Tooltip: c.nodeTooltip(n),
	}
	if r := n.Requests; r.Calls > 0 {
		caption.Level = c.look.Level(r.Errors, r.Calls)
		caption.Volume = c.volume(r.Calls)
		caption.Errors = percent(r.Errors, r.Calls)
		caption.Latency = quantile(r.Latency, 0.95)
	}
	return caption
}

// tag says in a word what a node is.
func tag(n servicegraph.Node) string {
	switch {
	case n.ID.Type != servicegraph.TypeService:
		return shorten(visible(string(n.ID.Type)), 40)
	case n.Entries > 0:
		return "entry"
	}
	return ""
}

// Edge returns the caption of an edge of the graph.
func (c Captions) Edge(e servicegraph.Edge) Caption {
	latency, _, _ := e.Latency()
	return Caption{
		Level:   c.look.Level(e.Errors, e.Calls),
		Volume:  c.volume(e.Calls),
		Errors:  percent(e.Errors, e.Calls),
		Latency: c.look.latencies(latency),
		Tooltip: c.edgeTooltip(e),
	}
}

// latencies words the latencies on an edge, with one unit for all of them.
func (l Style) latencies(of servicegraph.Latency) string {
	switch l.EdgeText {
	case EdgeP95:
		return quantile(of, 0.95)
	case EdgeFull:
		p50, p95, p99, unit := quantiles(of)
		return strings.TrimSpace(p50 + " · " + p95 + " · " + p99 + " " + unit)
	default:
		return ""
	}
}

// LineWidth returns how wide to draw an edge: one for a single call, and three
// quarters more with every power of ten, up to a million.
func LineWidth(calls float64) float64 {
	return 1 + 0.75*math.Log10(min(max(calls, 1), 1e6))
}

func (c Captions) nodeTooltip(n servicegraph.Node) string {
	lines := []string{longName(n.ID) + " (" + visible(string(n.ID.Type)) + ")"}
	if n.Requests.Calls > 0 {
		lines = append(lines, c.callsLine(n.Requests.Calls, n.Requests.Errors), latencyLine("latency", n.Requests.Latency))
	}
	if n.Entries > 0 {
		lines = append(lines, plural(n.Entries, "call")+" from outside")
	}
	return strings.Join(lines, "\n")
}

func (c Captions) edgeTooltip(e servicegraph.Edge) string {
	between := "network"
	if e.ID.Kind == servicegraph.EdgeMessage {
		between = "queue"
	}
	return strings.Join([]string{
		fmt.Sprintf("%s → %s (%s)", shorten(visible(e.ID.From.String()), 200), shorten(visible(e.ID.To.String()), 200), visible(string(e.ID.Kind))),
		c.callsLine(e.Calls, e.Errors),
		latencyLine("caller", e.Caller.Latency),
		latencyLine("callee", e.Callee.Latency),
		latencyLine(between, e.Gap),
	}, "\n")
}

// longestString is less than the 16 KiB that many versions of Graphviz take in a
// string, with room for the other lines of a tooltip.
const longestString = 15_000

// longName returns a name for a tooltip, whole unless it is longer than any reader
// would scroll, and Graphviz would take.
func longName(id servicegraph.NodeID) string {
	name := visible(id.String())
	if len(quote(name)) > longestString {
		name = shorten(name, 2000)
	}
	return name
}

// callsLine says how many calls there were, how often, and how many failed.
func (c Captions) callsLine(calls, errors float64) string {
	line := plural(calls, "call")
	if r := rate(c.graph, calls); r != unknown {
		line += " (" + r + ")"
	}
	line += ", " + plural(errors, "error")
	if errors > 0 {
		line += " (" + percent(errors, calls) + ")"
	}
	return line
}

func latencyLine(name string, l servicegraph.Latency) string {
	if l.Count() == 0 {
		return name + ": unknown"
	}
	p50, p95, p99, unit := quantiles(l)
	return fmt.Sprintf("%s: p50 %s · p95 %s · p99 %s %s, slowest %s", name, p50, p95, p99, unit, duration(l.Max()))
}
