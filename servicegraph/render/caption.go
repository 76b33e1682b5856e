package render

import (
	"math"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Caption is the text about a node or an edge that fits on an image, and the text of
// its tooltip.
type Caption struct {
	Name    string // node: at most 40 columns wide; edge: empty
	Tag     string // node: the type, "entry" for a service with requests from outside, or empty; edge: empty
	Level   Level
	Volume  string  // calls, as a rate if the graph has rates: "96/s", "702 calls"; all rates of a graph have one unit
	Mark    string  // text before Errors: "▲ ", "● ", "○ " if the callers recovered, or empty
	Errors  string  // failed calls in percent: "5.8%"; empty without calls, and for a list of calls without errors
	Latency string  // node: p95, "590 ms"; edge: see EdgeText, "0.16 · 0.59 · 1.15 s" or "queue 3 ms"; "–" if it was not measured; empty for a list of calls
	Slow    bool    // whether Latency has the mark of a warning: see Style.Slow
	Tooltip string  // all measurements, in lines
	Width   float64 // edge: the width of its line; node: 0
}

// Captions makes the captions of one graph. It is safe for concurrent use.
type Captions struct {
	style Style
	rates bool
	scale Scale
}

// Captions returns the captions of g in the style.
func (s Style) Captions(g *servicegraph.Graph) Captions {
	return Captions{style: s, rates: hasRates(g), scale: s.Scale(g)}
}

// hasRates reports whether an image of g shows rates. Fewer than ten traces have no
// meaningful rate.
func hasRates(g *servicegraph.Graph) bool {
	_, known := g.Rate(0)
	return known && g.Report().Traces >= 10
}

func (c Captions) volume(calls float64) string {
	if c.rates {
		return c.scale.Rate(calls)
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
		caption.Level = c.style.NodeLevel(n)
		caption.Volume = c.volume(r.Calls)
		caption.Mark, _ = c.style.nodeErrors(n)
		if c.scale.judged {
			caption.Errors = percent(r.Errors, r.Calls)
		}
		if r.Latency.Count() > 0 {
			caption.Latency = c.scale.Latency(r.Latency.Quantile(0.95))
		} else if c.scale.timed {
			caption.Latency = unknown
		}
		caption.Slow = c.style.slowNode(n)
		if caption.Slow {
			caption.Latency = Warning.mark() + caption.Latency
		}
	}
	if c.style.Marks == nil {
		return caption
	}
	if m, ok := c.style.Marks.Nodes[n.ID]; ok {
		return m.marked(caption)
	}
	caption.Level, caption.Mark, caption.Slow = Healthy, "", false
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
	caption := Caption{
		Level:   c.style.EdgeLevel(e),
		Volume:  c.volume(e.Calls),
		Latency: c.scale.edge(c.style.EdgeText, timingOf(e)),
		Tooltip: c.edgeTooltip(e),
		Width:   lineWidth(e.Calls),
	}
	if c.scale.judged {
		caption.Errors = percent(e.Errors, e.Calls)
	}
	caption.Mark, _ = c.style.edgeErrors(e)
	if caption.Latency != "" && c.style.slowEdge(e) {
		caption.Slow, caption.Latency = true, Warning.mark()+caption.Latency
	}
	if c.style.Marks == nil {
		return caption
	}
	if m, ok := c.style.Marks.Edges[e.ID]; ok {
		return m.marked(caption)
	}
	caption.Level, caption.Mark, caption.Slow = Healthy, "", false
	return caption
}

// lineWidth returns the width of the line of an edge: 1 for a single call, and 0.75
// more for each power of ten, up to a million calls.
func lineWidth(calls float64) float64 {
	return 1 + 0.75*math.Log10(min(max(calls, 1), 1e6))
}
