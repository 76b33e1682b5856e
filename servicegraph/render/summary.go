package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

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

// tracesText returns the number of traces of a graph, and what a limit let through.
func tracesText(r servicegraph.Report) string {
	return shorten(visible(quantity.Traces(r.Traces, r.LeftOutTraces, r.Limited)), 200)
}

// timeRange returns the time range of a graph's spans, and its length. The date of the
// end is left out where it is the date of the start.
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
