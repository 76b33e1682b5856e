package graphdiff

import (
	"math"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// Marks returns the marks for an image of both graphs, for example of their [servicegraph.Merge].
// New and better nodes and edges are green, worse ones red, and gone ones dashed. The width of a
// line shows the size of the change.
func (d Diff) Marks() *render.Marks {
	m := &render.Marks{Nodes: make(map[servicegraph.NodeID]render.Mark), Edges: make(map[servicegraph.EdgeID]render.Mark)}
	for _, n := range d.Nodes {
		m.Nodes[n.ID] = markOf(n.Verdict(), n.Changes)
	}
	for _, e := range d.Edges {
		m.Edges[e.ID] = markOf(e.Verdict(), e.Changes)
	}
	return m
}

// markOf returns the mark of a node or an edge.
func markOf(v Verdict, changes []Change) render.Mark {
	m := render.Mark{Width: 1}
	var lines []string
	for _, c := range changes {
		lines = append(lines, c.String())
		if c.Verdict == v && m.Text == "" {
			m.Text = c.short()
			m.Width = c.width()
		}
	}
	m.Tooltip = strings.Join(lines, "\n")
	switch v {
	case New, Better:
		m.Level = render.Good
	case Gone:
		m.Level = render.Past
	case Worse:
		m.Level = render.Failing
	case More, Fewer:
		m.Level = render.Warning
	case Unsure:
		m.Text, m.Width = "too few calls", 1
	default:
		m.Text, m.Width = "no change", 1
	}
	if glyph := m.Level.Glyph(); glyph != "" && v != Better { // a plus sign before "-13 points err" misleads
		m.Text = glyph + " " + m.Text
	}
	return m
}

// short returns the change for the label of an edge.
func (c Change) short() string {
	switch {
	case c.Metric == Presence:
		return string(c.Verdict)
	case c.Metric == Errors:
		return signed(100*c.Size) + " points err"
	case c.Metric == Calls:
		return relative(c.Size) + " calls"
	case c.Metric == Tail:
		return relative(c.Size) + " p95"
	}
	return relative(c.Size) + " p50"
}

// width returns the width of a line: 1 without a change, and 5.5 for an edge that is new or gone,
// or for a value that is ten times as large or as small.
func (c Change) width() float64 {
	size := 1.0
	switch c.Metric {
	case Presence:
	case Errors:
		size = min(1, math.Abs(c.Size)*2)
	default:
		size = min(1, math.Abs(math.Log10(c.Size)))
	}
	return 1.5 + 4*size
}
