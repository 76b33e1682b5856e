package render

import (
	"cmp"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Style is the presentation of a graph: the text of the heading, the ratio of failed
// calls from which a node or an edge is marked, the text on the edges, and the layout
// direction. The zero value is the default style.
type Style struct {
	Title  string   // first line of the heading; empty: no title
	Source string   // where the spans come from, such as a file or a Tempo URL; empty: not shown
	Query  string   // the query that selected the spans; empty: not shown
	Notes  []string // more lines for the heading, such as what a filter left out

	// Warn and Error are ratios of failed calls, from 0 to 1. A node or an edge whose
	// ratio reaches Warn is marked as a warning, and one whose ratio reaches Error as
	// failing. Zero means the default, 0.01 and 0.05. A node or an edge without failed
	// calls is never marked, whatever the thresholds.
	Warn, Error float64

	// Slow is the 95th percentile of latency from which a node or an edge is marked with
	// the color of a warning; 0 marks none. The durations of messages are never marked.
	Slow time.Duration

	Sort    SortKey  // the order of the rows of a table
	Columns []Column // the columns of a table; empty: calls, rate, errors, p50, p95, p99, and time if it is needed

	EdgeText  EdgeText // the text on the edges
	TopDown   bool     // draw callers above their callees; false: to the left of them
	SelfEdges bool     // draw the calls of a node to itself

	// Expand are the namespaces whose nodes have cards of their own in an image that is too
	// large for a card for each node: see Style.Collapse.
	Expand []string

	// Marks, if not nil, replace the numbers and the levels in images.
	Marks *Marks
}

// An EdgeText selects the text on the edges of an image. Numbers that are not on an
// edge are in its tooltip.
type EdgeText string

// The choices of text on an edge.
const (
	EdgeFull EdgeText = ""     // calls and errors, and below them the durations: p50 · p95 · p99
	EdgeRate EdgeText = "rate" // calls and errors
	EdgeP95  EdgeText = "p95"  // calls, errors and the 95th percentile, in one line
	EdgeNone EdgeText = "none" // no text
)

// A Level says how serious a ratio of failed calls or a latency is. Calls that failed and whose
// caller did not fail, because it tried again or did without, have recovered: they count as a
// warning at most.
type Level int

// The levels. The thresholds in a [Style] separate them.
const (
	Healthy Level = iota
	Warning
	Failing

	// Only marks have these levels.
	Good // new, or better: green
	Past // no longer there: gray and dashed
)

// String returns "ok", "warn", "error", "good" or "past".
func (l Level) String() string { return [...]string{"ok", "warn", "error", "good", "past"}[l] }

// Glyph returns a symbol for the level, for readers who do not see its color: the
// empty string, a triangle, a disc, a plus sign or a cross.
func (l Level) Glyph() string { return [...]string{"", "▲", "●", "+", "×"}[l] }

// mark returns the glyph of the level and a space, or the empty string for Healthy.
func (l Level) mark() string {
	if l == Healthy {
		return ""
	}
	return l.Glyph() + " "
}

// recoveredMark is the mark of a ratio of failed calls that is no more than a warning because
// the callers recovered.
const recoveredMark = "○ "

// EdgeLevel returns the level of an edge.
func (s Style) EdgeLevel(e servicegraph.Edge) Level {
	_, level := s.edgeErrors(e)
	if s.slowEdge(e) {
		level = max(level, Warning)
	}
	return level
}

// NodeLevel returns the level of a node. Errors of the node count as recovered if the callers did
// not fail. Callers that a view left out are included.
func (s Style) NodeLevel(n servicegraph.Node) Level {
	_, level := s.nodeErrors(n)
	if s.slowNode(n) {
		level = max(level, Warning)
	}
	return level
}

// EdgeMark returns the mark that stands before the errors of an edge: "▲ ", "● ", "○ " if the
// callers recovered, or the empty string.
func (s Style) EdgeMark(e servicegraph.Edge) string {
	mark, _ := s.edgeErrors(e)
	return mark
}

// NodeMark is [Style.EdgeMark] for the errors of a node.
func (s Style) NodeMark(n servicegraph.Node) string {
	mark, _ := s.nodeErrors(n)
	return mark
}

func (s Style) edgeErrors(e servicegraph.Edge) (mark string, level Level) {
	return s.errorLevel(e.Errors, e.Recovered, e.Calls)
}

func (s Style) nodeErrors(n servicegraph.Node) (mark string, level Level) {
	return s.errorLevel(n.Requests.Errors, n.Recovered, n.Requests.Calls)
}

// errorLevel returns the level for errors, and the mark with a space that stands before their
// percentage, or the empty string.
func (s Style) errorLevel(errors, recovered, calls float64) (mark string, level Level) {
	all, harmful := s.Level(errors, calls), s.Level(max(errors-recovered, 0), calls)
	if all > Healthy && harmful == Healthy {
		return recoveredMark, Warning
	}
	return harmful.mark(), harmful
}

func (s Style) slowEdge(e servicegraph.Edge) bool {
	t := timingOf(e)
	return s.Slow > 0 && !t.isMessage() && t.Count() > 0 && t.Quantile(0.95) >= s.Slow
}

func (s Style) slowNode(n servicegraph.Node) bool {
	l := n.Requests.Latency
	return s.Slow > 0 && l.Count() > 0 && l.Quantile(0.95) >= s.Slow
}

// Level returns the level of weighted counts of failed calls, none of which recovered, and of
// all calls.
func (s Style) Level(errors, calls float64) Level {
	warn, err := s.thresholds()
	switch ratio := errors / calls; {
	case errors == 0 || calls == 0:
		return Healthy
	case ratio >= err:
		return Failing
	case ratio >= warn:
		return Warning
	default:
		return Healthy
	}
}

// thresholds returns the ratios of failed calls from which a node or an edge is marked.
func (s Style) thresholds() (warn, err float64) {
	return cmp.Or(s.Warn, 0.01), cmp.Or(s.Error, 0.05)
}

// direction returns the layout direction in the notation of Graphviz and Mermaid.
func (s Style) direction() string {
	if s.TopDown {
		return "TB"
	}
	return "LR"
}

// The colors of all text formats. A healthy graph is gray, so that problems stand out. Text has a
// contrast to its background of at least 4.5, a line of at least 3 (WCAG 1.4.3, 1.4.11).
const (
	colorInk   = "#1c2430"
	colorMuted = "#616b7f"
	colorLine  = "#7c899b" // edges and the borders of cards

	colorWarnLine = "#b86e00"
	colorWarnText = "#8a5200"
	colorWarnFill = "#fdf3e1"

	colorFailLine = "#c62b36"
	colorFailText = "#9d1f2a"
	colorFailFill = "#fdecec"

	// The colors of marks.
	colorGoodLine = "#1a7f37"
	colorGoodText = "#116329"
	colorGoodFill = "#eaf8ee"
	colorPastFill = "#f3f4f6"
)

// Marks replace the numbers and levels of the nodes and edges in an image. They are for images of
// something other than failed calls, such as the difference from another graph. Without a mark, a
// node or an edge has its usual numbers and is healthy. Only images have marks; the formats of
// tables and of data ignore them.
type Marks struct {
	Nodes map[servicegraph.NodeID]Mark
	Edges map[servicegraph.EdgeID]Mark

	// Meaning has the texts of the legend for the levels and the width of a line. The legend leaves
	// out a mark without a text.
	Meaning map[LegendKind]string
}

// A Mark is what an image shows of a node or an edge.
type Mark struct {
	Level Level
	Text  string // in place of all numbers
	// Tooltip is put before the measurements in the tooltip; it may have several lines.
	Tooltip string
	Width   float64 // width of the line of an edge; 0 means the width for the number of calls
}

// marked returns a caption with the level, the text, the tooltip and the width of the mark.
func (m Mark) marked(c Caption) Caption {
	c.Level, c.Volume, c.Mark, c.Errors, c.Latency, c.Slow = m.Level, visible(m.Text), "", "", "", false
	if m.Tooltip != "" {
		c.Tooltip = m.Tooltip + "\n" + c.Tooltip
	}
	if m.Width > 0 {
		c.Width = m.Width
	}
	return c
}

// levelOfNode returns the level of a node: the level of its mark, or else of its errors.
func (s Style) levelOfNode(n servicegraph.Node) Level {
	if s.Marks != nil {
		return s.Marks.Nodes[n.ID].Level
	}
	return s.NodeLevel(n)
}

// levelOfEdge returns the level of an edge: the level of its mark, or else of its errors.
func (s Style) levelOfEdge(e servicegraph.Edge) Level {
	if s.Marks != nil {
		return s.Marks.Edges[e.ID].Level
	}
	return s.EdgeLevel(e)
}
