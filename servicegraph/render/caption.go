package render

import (
	"math"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Caption is the text about a node or an edge that fits on an image, and the text of
// its tooltip.
type Caption struct {
	Name    string // node: at most 40 columns wide; edge: empty
	Tag     string // node: the type, "entry" for a service with requests from outside, or empty; edge: empty
	Level   Level
	Volume  string  // calls, as a rate if the graph has rates: "96/s", "702 calls"; all rates of a graph have one unit
	Errors  string  // failed calls in percent: "5.8%"; empty without calls
	Latency string  // node: p95, "590 ms"; edge: see EdgeText, "160 · 590 · 1150 ms"; "–" if nobody measured the latency
	Tooltip string  // all measurements, in lines
	Width   float64 // edge: of its line; node: 0
}

// Captions makes the captions of one graph. It is safe for concurrent use.
type Captions struct {
	style  Style
	graph  *servicegraph.Graph
	rates  bool
	period period // of all rates, so that a reader can compare them
}

// Captions returns the captions of g in the style.
func (s Style) Captions(g *servicegraph.Graph) Captions {
	c := Captions{style: s, graph: g, rates: hasRates(g)}
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

// hasRates reports whether an image of g shows rates. Fewer than ten traces have no
// meaningful rate.
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
		caption.Level = c.style.Level(r.Errors, r.Calls)
		caption.Volume = c.volume(r.Calls)
		caption.Errors = percent(r.Errors, r.Calls)
		caption.Latency = quantile(r.Latency, 0.95)
	}
	if c.style.Marks == nil {
		return caption
	}
	if m, ok := c.style.Marks.Nodes[n.ID]; ok {
		return m.marked(caption)
	}
	caption.Level = Healthy
	return caption
}

// tag returns the Tag of a node's caption.
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
	caption := Caption{
		Level:   c.style.Level(e.Errors, e.Calls),
		Volume:  c.volume(e.Calls),
		Errors:  percent(e.Errors, e.Calls),
		Latency: c.style.EdgeText.latency(latency),
		Tooltip: c.edgeTooltip(e),
		Width:   LineWidth(e.Calls),
	}
	if c.style.Marks == nil {
		return caption
	}
	if m, ok := c.style.Marks.Edges[e.ID]; ok {
		return m.marked(caption)
	}
	caption.Level = Healthy
	return caption
}

// latency formats the latencies on an edge, all in one unit.
func (t EdgeText) latency(l servicegraph.Latency) string {
	switch t {
	case EdgeP95:
		return quantile(l, 0.95)
	case EdgeFull:
		p50, p95, p99, unit := quantiles(l)
		return strings.TrimSpace(p50 + " · " + p95 + " · " + p99 + " " + unit)
	default:
		return ""
	}
}

// LineWidth returns the width of the line of an edge: 1 for a single call, and 0.75
// more for each power of ten, up to a million calls.
func LineWidth(calls float64) float64 {
	return 1 + 0.75*math.Log10(min(max(calls, 1), 1e6))
}
