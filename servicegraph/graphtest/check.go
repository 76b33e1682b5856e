package graphtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// T has the methods of a test that this package needs. *testing.T and *testing.B are Ts,
// as are the equivalents of most test frameworks. This package also uses the methods
// Cleanup, Context and ArtifactDir of testing.TB if a T has them.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// Check reports whether all rules hold. It reports those that do not as one error of the
// test, with what was observed, examples, and the causes as far as they can be found. A
// call without rules is an error. If a rule does not hold, Check writes the graph as text, DOT and
// Mermaid to the test's artifact directory: go test -artifacts keeps it.
func Check[G Graph](t T, g G, rules ...Rule) bool {
	t.Helper()
	if len(rules) == 0 {
		t.Errorf("service graph: no rules were given, so nothing was tested")
		return false
	}
	violations := Violations(g, rules...)
	if len(violations) == 0 {
		return true
	}
	graph, _ := split(g)
	t.Errorf("%s", Message(graph, violations, len(rules)))
	leave(t, graph)
	return false
}

// Violations returns the violations of the rules, in the order of the rules, each with its
// explanation.
func Violations[G Graph](g G, rules ...Rule) []Violation {
	graph, observed := split(g)
	var all []Violation
	for _, r := range rules {
		for _, v := range r.Check(graph) {
			v.explain(graph, observed)
			all = append(all, v)
		}
	}
	return all
}

// Message returns the text that [Check] reports: the violations and the graph. The last
// argument is the number of rules that were checked.
func Message(g *servicegraph.Graph, violations []Violation, rules int) string {
	var b strings.Builder
	broken := 0
	last := ""
	for i, v := range violations {
		if i == 0 || v.Rule != last {
			broken++
		}
		last = v.Rule
	}
	fmt.Fprintf(&b, "service graph: %s of %s broken\n", quantity.Number(broken), quantity.Of(rules, "rule"))
	last = ""
	for i, v := range violations {
		if i == 0 || v.Rule != last {
			fmt.Fprintf(&b, "\n  ✗ %s\n", v.Rule)
		}
		last = v.Rule
		for line := range strings.Lines(v.Message) {
			fmt.Fprintf(&b, "      %s\n", strings.TrimSuffix(line, "\n"))
		}
		for _, line := range v.Explanation {
			fmt.Fprintf(&b, "        %s\n", line)
		}
	}
	fmt.Fprintf(&b, "\n  observed in %s, %s:\n", quantity.Traces(g.Report().Traces, g.Report().LeftOutTraces, g.Report().Limited), quantity.Of(g.Report().Spans, "span"))
	b.WriteString(graphText(g))
	return b.String()
}

// maxLines is how many lines of the graph a message shows.
const maxLines = 50

// graphText returns a line for each edge, and for each node without one.
func graphText(g *servicegraph.Graph) string {
	var lines []string
	linked := make(map[servicegraph.NodeID]bool)
	for e := range g.Edges() {
		linked[e.ID.From], linked[e.ID.To] = true, true
		lines = append(lines, edgeLine(e))
	}
	for n := range g.Nodes() {
		if !linked[n.ID] {
			lines = append(lines, nodeText(n.ID)+": no calls")
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "nothing")
	}
	if more := len(lines) - maxLines; more > 0 {
		lines = append(lines[:maxLines], "and "+quantity.Number(more)+" more")
	}
	return "    " + strings.Join(lines, "\n    ") + "\n"
}

// edgeLine describes an edge in one line.
func edgeLine(e servicegraph.Edge) string {
	line := edgeText(e.ID) + ": "
	if e.ID.Kind == servicegraph.EdgeMessage {
		line += quantity.Of(e.Calls, "message")
	} else {
		line += quantity.Of(e.Calls, "call")
	}
	if e.Errors > 0 {
		line += ", " + quantity.Number(e.Errors) + " failed"
	}
	if e.Retries > 0 {
		line += ", " + quantity.Number(e.Retries) + " of them repeated"
	}
	if latency, _, ok := e.Latency(); ok {
		line += ", at most " + latency.Max().Round(time.Microsecond).String()
	}
	return line
}
