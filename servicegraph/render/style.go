package render

import (
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Style says how documents present a graph: what stands above it, from where on
// failures are marked, and how much is written on the edges. The zero value is the
// usual look.
type Style struct {
	Title  string   // heading; empty: none
	Source string   // where the spans come from, such as a file or the URL of a Tempo; empty: not said
	Query  string   // what they were asked for with; empty: not said
	Notes  []string // what else the heading is to say, such as what was left out

	// Warn and Error are the shares of failed calls, from 0 to 1, from which on a node
	// or an edge is marked as a warning, and as failing. Zero means the usual one,
	// 0.01 and 0.05. What is not above 0 is never marked.
	Warn, Error float64

	EdgeText  EdgeText // what is written on the edges
	TopDown   bool     // callers above callees, and not to their left
	SelfEdges bool     // also draw the calls of a node to itself
}

// An EdgeText says what is written on the edges of a picture. What is not, is in
// their tooltips.
type EdgeText string

// How much there may be on an edge.
const (
	EdgeFull EdgeText = ""     // calls, errors, and the latencies below: p50 · p95 · p99
	EdgeRate EdgeText = "rate" // calls and errors
	EdgeP95  EdgeText = "p95"  // calls, errors and the 95th percentile in one line
	EdgeNone EdgeText = "none" // nothing
)

// A Level says how bad a share of failed calls is.
type Level int

// The levels, as the shares in a [Style] divide them.
const (
	Healthy Level = iota
	Warning
	Failing
)

// String returns "ok", "warn" or "error".
func (l Level) String() string { return [...]string{"ok", "warn", "error"}[l] }

// Glyph returns what shows the level to those who do not see its colour: nothing, a
// triangle or a disc.
func (l Level) Glyph() string { return [...]string{"", "▲", "●"}[l] }

// Level returns the level of a number of calls of which so many have failed.
func (l Style) Level(errors, calls float64) Level {
	warn, err := l.Warn, l.Error
	if warn == 0 {
		warn = 0.01
	}
	if err == 0 {
		err = 0.05
	}
	switch share := errors / calls; {
	case errors == 0 || calls == 0:
		return Healthy
	case share >= err:
		return Failing
	case share >= warn:
		return Warning
	default:
		return Healthy
	}
}

// mark returns the glyph of a level, if it has one, with a space behind it.
func (l Level) mark() string {
	if l == Healthy {
		return ""
	}
	return l.Glyph() + " "
}

// direction returns the direction of the calls, as Graphviz and Mermaid call it.
func (l Style) direction() string {
	if l.TopDown {
		return "TB"
	}
	return "LR"
}

// Heading returns what stands above a picture of g, without the title: where the
// graph comes from, how to read it, and what it does not show.
func (l Style) Heading(g *servicegraph.Graph) []string {
	lines := []string{l.provenance(g)}
	if legend := l.legend(g); legend != "" {
		lines = append(lines, legend)
	}
	return append(lines, l.caveats(g)...)
}

// provenance says in a line where the graph comes from.
func (l Style) provenance(g *servicegraph.Graph) string {
	var parts []string
	for _, s := range []string{l.Source, l.Query} {
		if s != "" {
			parts = append(parts, shorten(visible(s), 100))
		}
	}
	r := g.Report()
	parts = append(parts, timeRange(g), plural(float64(r.Traces), "trace"), plural(float64(r.Spans), "span"))
	return strings.Join(parts, " · ")
}

// legend says how to read the picture.
func (l Style) legend(g *servicegraph.Graph) string {
	if g.NumNodes() == 0 {
		return "nothing to draw: there is no service in these spans"
	}
	volume := "calls"
	if hasRates(g) {
		volume = "rate"
	}
	parts := []string{"nodes: " + volume + ", errors, p95"}
	kinds := map[servicegraph.EdgeKind]bool{}
	for e := range g.Edges() {
		kinds[e.ID.Kind] = true
	}
	switch {
	case len(kinds) == 0:
	case l.EdgeText == EdgeNone:
		parts = append(parts, "edges: numbers in their tooltips")
	case l.EdgeText == EdgeRate:
		parts = append(parts, "edges: "+volume+", errors")
	case l.EdgeText == EdgeP95:
		parts = append(parts, "edges: "+volume+", errors, p95 as the caller saw it")
	default:
		parts = append(parts, "edges: "+volume+", errors, p50 · p95 · p99 as the caller saw it")
	}
	if kinds[servicegraph.EdgeMessage] {
		parts = append(parts, "dashed line: messages")
	}
	if kinds[servicegraph.EdgeBridged] {
		parts = append(parts, "dotted line: through hidden nodes")
	}
	return strings.Join(parts, " · ")
}

// caveats says what the picture does not show, and what to be careful about.
func (l Style) caveats(g *servicegraph.Graph) []string {
	lines := slices.Clone(l.Notes)
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	if selfEdges, calls := countSelfEdges(g); selfEdges > 0 && !l.SelfEdges {
		lines = append(lines, "not drawn: "+plural(selfEdges, "self edge")+" with "+plural(calls, "call"))
	}
	if all := g.Report().Environments; len(all) > 1 {
		lines = append(lines, "several environments in one graph: "+shorten(visible(strings.Join(all, ", ")), 200))
	}
	var notes []string
	for _, m := range remarks(g.Report()) {
		notes = append(notes, plural(float64(m.n), m.what))
	}
	if len(notes) > 0 {
		lines = append(lines, "note: "+strings.Join(notes, ", "))
	}
	return lines
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
