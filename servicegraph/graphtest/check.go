package graphtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// T is what this package needs of a test. *testing.T and *testing.B have it, and so
// have the stand-ins of most test frameworks. Where a T has more of the methods of
// testing.TB, some of them are used: Cleanup, Context, ArtifactDir.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// Check reports all rules that do not hold as one error of the test, with what was
// observed, examples, and where it can with the reasons. It returns whether all hold. No
// rules at all is an error. A graph that fails is left as text, DOT and Mermaid in the
// test's directory for artefacts: go test -artifacts keeps it.
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

// Violations returns what breaks the rules, rule by rule, explained.
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

// Message returns the text that [Check] reports: the violations, of so many rules, and
// the graph.
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
	fmt.Fprintf(&b, "service graph: %d of %s broken\n", broken, quantity.Of(rules, "rule"))
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
	fmt.Fprintf(&b, "\n  observed in %s, %s:\n", quantity.Of(g.Report().Traces, "trace"), quantity.Of(g.Report().Spans, "span"))
	b.WriteString(graphText(g))
	return b.String()
}

// maxLines is how many edges a message shows.
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
		lines = append(lines[:maxLines], fmt.Sprintf("and %d more", more))
	}
	return "    " + strings.Join(lines, "\n    ") + "\n"
}

// edgeLine describes an edge in a line.
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
