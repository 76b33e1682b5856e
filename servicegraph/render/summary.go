package render

import (
	"fmt"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// timeRange says in words what time the spans of g cover.
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

// totals says in one line how much there is.
func totals(g *servicegraph.Graph) string {
	r := g.Report()
	return fmt.Sprintf("%s, %s, %s, %s, %s",
		plural(float64(g.NumNodes()), "node"), plural(float64(g.NumEdges()), "edge"),
		plural(float64(r.Traces), "trace"), plural(float64(r.Spans), "span"), timeRange(g))
}

// A remark is something in the report that makes the graph less than the truth.
type remark struct {
	n    uint64
	what string // the noun, in the singular
	why  string // what it means to who reads the graph
}

// remarks returns what a reader of the graph should know, the gravest first.
func remarks(r servicegraph.Report) []remark {
	var found []remark
	for _, m := range []remark{
		{r.LeftOutNodes, "hidden node", "left out of this view"},
		{r.LeftOutEdges, "hidden edge", "left out of this view, with " + plural(r.LeftOutCalls, "call")},
		{r.Skipped, "unreadable record", "left out by the source"},
		{r.Invalid, "invalid span", "no trace id or no span id, so left out"},
		{r.Late, "late span", "came after its trace was forgotten, so left out"},
		{r.Orphan, "orphan span", "the parent never arrived, so a call may be missing"},
		{r.Unresolved, "unresolved call", "the callee has neither a span nor a name, so there is no edge"},
		{r.LinkMissing, "broken link", "the span it points to never arrived, or sends nothing"},
		{r.AddressConflicts, "ambiguous address", "several services answer there, so calls to it stay unassigned"},
		{r.Cycles, "parent loop", "cut open at one span"},
		{r.EvictedSpans, "early span", "settled because too many were held, so what belongs to them and came later may be missing"},
		{r.NodesFolded, "folded name", "beyond the limit of nodes, so counted for the node other"},
		{r.NamesTruncated, "cut name", "an address or a detail beyond the limit, so not looked at"},
		{r.UnknownService, "nameless span", "no service.name, so counted for unknown_service"},
		{r.InvalidDuration, "backward span", "ends before it starts, so there is no latency"},
		{r.Unfinished, "unfinished span", "no start or no end, so there is no latency"},
		{r.Sampled, "sampled span", "stands for more or less than itself, so calls are estimates"},
		{r.Skewed, "skewed span", "began before the caller's span, or ended after it"},
	} {
		if m.n > 0 {
			found = append(found, m)
		}
	}
	return found
}
