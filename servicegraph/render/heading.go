package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// Heading returns the lines above an image of part, without the title: the origin of the graph, a
// legend, and what the image does not show. The part is g itself, or the part of g that
// [Style.Part] or [Style.Overview] picked. The lines do not tell what these left out: see
// [Style.Drawn].
func (s Style) Heading(g, part *servicegraph.Graph) []string {
	lines := []string{s.provenance(g)}
	if legend := s.legend(part); legend != "" {
		lines = append(lines, legend)
	}
	return append(lines, s.caveats(g, part)...)
}

// provenance returns a line about the origin of the graph: source, query, time range
// and size.
func (s Style) provenance(g *servicegraph.Graph) string {
	var parts []string
	for _, text := range []string{s.Source, s.Query} {
		if text != "" {
			parts = append(parts, shorten(visible(text), 100))
		}
	}
	counts := spanCounts(g)
	if len(counts) > 0 && (counts[0] == s.Title || counts[0] == s.Query) {
		counts[0] = plural(float64(g.Report().Traces), "trace")
	}
	parts = append(append(parts, timeRange(g)), counts...)
	return strings.Join(parts, " · ")
}

// legend explains the numbers of an image of g.
func (s Style) legend(g *servicegraph.Graph) string {
	if g.NumNodes() == 0 {
		return "nothing to draw: the spans contain no service"
	}
	volume := "calls"
	if hasRates(g) {
		volume = "rate"
	}
	if s.Marks != nil {
		return ""
	}
	scale := s.Scale(g)
	numbers, edges := volume, s.EdgeText
	if scale.judged {
		numbers += ", errors"
	}
	onNodes := numbers
	if scale.timed {
		onNodes += ", p95"
	} else if edges != EdgeNone {
		edges = EdgeRate
	}
	parts := []string{"nodes: " + onNodes}
	if g.NumEdges() > 0 {
		parts = append(parts, "edges: "+edges.legend(numbers))
	}
	if s.EdgeText == EdgeFull || s.EdgeText == EdgeP95 {
		for _, t := range timedOf(g) {
			parts = append(parts, t.explain())
		}
	}
	return strings.Join(parts, " · ")
}

// timedOf returns the kinds of durations on the edges of g, except the latency that the caller
// measured.
func timedOf(g *servicegraph.Graph) (list []timed) {
	seen := make(map[timed]bool)
	for e := range g.Edges() {
		seen[timingOf(e).of] = true
	}
	for t := ofCallee; t <= ofProcessing; t++ {
		if seen[t] {
			list = append(list, t)
		}
	}
	return list
}

// legend names the numbers on an edge. The first ones are "calls, errors" or "rate, errors".
func (t EdgeText) legend(first string) string {
	switch t {
	case EdgeNone:
		return "numbers in the tooltips"
	case EdgeRate:
		return first
	case EdgeP95:
		return first + ", p95 measured by the caller"
	default:
		return first + ", p50 · p95 · p99 measured by the caller"
	}
}

// caveats returns lines about the nodes and edges that an image of a part of g does not show, and
// lines about the reasons why g is incomplete or uncertain.
func (s Style) caveats(g, part *servicegraph.Graph) []string {
	var lines []string
	hider := "" // the only filter that hid nodes or edges
	for _, note := range s.Notes {
		if by, ok := strings.CutSuffix(note, ": "+hiddenText(g.Report())); ok && strings.HasPrefix(note, "hidden by ") {
			hider = visible(strings.TrimPrefix(by, "hidden by "))
		} else {
			lines = append(lines, visible(note))
		}
	}
	if selfEdges, calls := countSelfEdges(part); selfEdges > 0 && !s.SelfEdges {
		lines = append(lines, "not drawn: "+plural(selfEdges, "self edge")+" with "+plural(calls, "call"))
	}
	if r := g.Report(); len(r.Environments) > 1 {
		names := strings.Join(r.Environments, ", ")
		if r.EnvironmentsTruncated {
			names += ", …"
		}
		lines = append(lines, "several environments in one graph: "+shorten(visible(names), 200))
	}
	var notes []string
	found := remarks(g.Report())
	for i, r := range found {
		text := r.brief()
		isLast := i+1 == len(found) || found[i+1].noun != hiddenEdge
		if hider != "" && isLast && (r.noun == hiddenNode || r.noun == hiddenEdge) {
			text += " (" + hider + ")"
		}
		notes = append(notes, text)
	}
	if len(notes) > 0 {
		lines = append(lines, "note: "+strings.Join(notes, ", "))
	}
	return lines
}

// hiddenText returns the numbers of hidden nodes and edges in the words of the notes of filters: "3
// nodes, 2 edges".
func hiddenText(r servicegraph.Report) string {
	var parts []string
	if r.LeftOutNodes > 0 {
		parts = append(parts, plural(float64(r.LeftOutNodes), "node"))
	}
	if r.LeftOutEdges > 0 {
		parts = append(parts, plural(float64(r.LeftOutEdges), "edge"))
	}
	return strings.Join(parts, ", ")
}

// numLines returns the number of edges that an image of g shows.
func (s Style) numLines(g *servicegraph.Graph) int {
	n := g.NumEdges()
	if !s.SelfEdges {
		selfEdges, _ := countSelfEdges(g)
		n -= int(selfEdges)
	}
	return n
}

func countSelfEdges(g *servicegraph.Graph) (edges, calls float64) {
	for e := range g.Edges() {
		if e.ID.From == e.ID.To {
			edges++
			calls += e.Calls
		}
	}
	return edges, calls
}

// summary returns the size and the time range of a graph in one line.
func summary(g *servicegraph.Graph) string {
	parts := append([]string{plural(float64(g.NumNodes()), "node"), plural(float64(g.NumEdges()), "edge")}, spanCounts(g)...)
	return strings.Join(append(parts, timeRange(g)), ", ")
}

// spanCounts returns the numbers of traces and spans, or nothing for a graph of metrics, which
// has edges without spans.
func spanCounts(g *servicegraph.Graph) []string {
	r := g.Report()
	if r.Spans == 0 && g.NumEdges() > 0 {
		return nil
	}
	return []string{tracesText(r), plural(float64(r.Spans), "span")}
}

// tracesText returns the number of traces of a graph, or the text on which traces a limit let
// through.
func tracesText(r servicegraph.Report) string {
	return shorten(visible(quantity.Traces(r.Traces, r.LeftOutTraces, r.Limited)), 200)
}

// timeRange returns the time range of a graph's spans, and its length. The date of the end is left
// out if it is the date of the start.
func timeRange(g *servicegraph.Graph) string {
	first, last := g.TimeRange()
	if first.IsZero() || last.IsZero() {
		return "time unknown"
	}
	const day, clock = "2006-01-02 ", "15:04:05"
	to := day + clock
	if first.Format(day) == last.Format(day) {
		to = clock
	}
	length := duration(last.Sub(first))
	if last.Sub(first) >= time.Minute {
		length = last.Sub(first).Round(time.Second).String()
	}
	return fmt.Sprintf("%s–%s UTC (%s)", first.Format(day+clock), last.Format(to), length)
}
