package render

import (
	"fmt"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

func (c Captions) nodeTooltip(n servicegraph.Node) string {
	lines := []string{longName(n.ID) + " (" + visible(string(n.ID.Type)) + ")"}
	if n.Requests.Calls > 0 {
		lines = append(lines, c.callsLine(n.Requests.Calls, n.Requests.Errors, min(n.Recovered, n.Requests.Errors)), latencyLine("latency", n.Requests.Latency))
	}
	if n.Entries > 0 {
		lines = append(lines, plural(n.Entries, "request")+" from outside")
	}
	return strings.Join(lines, "\n")
}

func (c Captions) edgeTooltip(e servicegraph.Edge) string {
	gap := "network time"
	if e.ID.Kind == servicegraph.EdgeMessage {
		gap = "queue time"
	}
	return strings.Join([]string{
		fmt.Sprintf("%s → %s (%s)", shorten(visible(e.ID.From.String()), 200), shorten(visible(e.ID.To.String()), 200), visible(string(e.ID.Kind))),
		c.callsLine(e.Calls, e.Errors, e.Recovered),
		latencyLine("caller", e.Caller.Latency),
		latencyLine("callee", e.Callee.Latency),
		latencyLine(gap, e.Gap),
	}, "\n")
}

// longestString is the longest name in a tooltip, in bytes of DOT. Many versions of
// Graphviz limit a string to 16 KiB; the rest is room for the other lines.
const longestString = 15_000

// longName returns the full name of a node for a tooltip, shortened only if it is too long for
// Graphviz.
func longName(id servicegraph.NodeID) string {
	name := visible(id.String())
	if len(quote(name)) > longestString {
		name = shorten(name, 2000)
	}
	return name
}

// callsLine returns the number of calls, their rate, the number of failed calls, and how many
// of these recovered.
func (c Captions) callsLine(calls, errors, recovered float64) string {
	line := plural(calls, "call")
	if r := c.scale.Rate(calls); r != unknown {
		line += " (" + r + ")"
	}
	line += ", " + plural(errors, "error")
	if errors > 0 {
		line += " (" + percent(errors, calls) + ")"
	}
	switch {
	case recovered == 0:
	case recovered >= errors:
		line += ", all recovered: their callers did not fail"
	default:
		line += ", " + count(recovered) + " recovered: their callers did not fail"
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
