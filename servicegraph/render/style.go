package render

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

	EdgeText  EdgeText // the text on the edges
	TopDown   bool     // draw callers above their callees; false: to the left of them
	SelfEdges bool     // draw the calls of a node to itself

	// Marks, if not nil, replace the numbers and the levels in images.
	Marks *Marks
}

// An EdgeText selects the text on the edges of an image. Numbers that are not on an
// edge are in its tooltip.
type EdgeText string

// The choices of text on an edge.
const (
	EdgeFull EdgeText = ""     // calls and errors, and below them the latencies: p50 · p95 · p99
	EdgeRate EdgeText = "rate" // calls and errors
	EdgeP95  EdgeText = "p95"  // calls, errors and the 95th percentile, in one line
	EdgeNone EdgeText = "none" // no text
)

// A Level says how serious a ratio of failed calls is.
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

// Level returns the level of a node or an edge with the given weighted counts.
func (s Style) Level(errors, calls float64) Level {
	warn, err := s.Warn, s.Error
	if warn == 0 {
		warn = 0.01
	}
	if err == 0 {
		err = 0.05
	}
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

// direction returns the layout direction in the notation of Graphviz and Mermaid.
func (s Style) direction() string {
	if s.TopDown {
		return "TB"
	}
	return "LR"
}
