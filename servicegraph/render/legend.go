package render

import (
	"math"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// A LegendItem is a mark in an image, and its meaning. A mark is anything that is neither a number
// nor a name.
type LegendItem struct {
	Kind LegendKind
	Text string // "5% or more of the calls fail"
}

// A LegendKind is a kind of mark.
type LegendKind int

// The kinds of marks.
const (
	LegendWarning   LegendKind = iota // ▲ and the color of a warning
	LegendFailing                     // ● and the color of a failure
	LegendRecovered                   // ○ and the color of a warning
	LegendSlow                        // ▲ before a latency
	LegendEntry                       // a service with requests from outside
	LegendDatabase                    // a node of this type
	LegendQueue                       // a node of this type
	LegendExternal                    // a node of this type
	LegendGroup                       // a node of this type
	LegendNoSpans                     // a node without spans
	LegendMessage                     // an edge of this kind
	LegendBridged                     // an edge of this kind
	LegendWidth                       // the width of a line
)

// Legend returns the marks that an image of g has, in a fixed order.
func (s Style) Legend(g *servicegraph.Graph) []LegendItem {
	has := make(map[LegendKind]bool)
	errors := func(mark string, level Level) {
		switch {
		case s.Marks != nil: // the levels come from Style.Marks
		case mark == recoveredMark:
			has[LegendRecovered] = true
		case level == Warning:
			has[LegendWarning] = true
		case level == Failing:
			has[LegendFailing] = true
		}
	}
	for n := range g.Nodes() {
		errors(s.nodeErrors(n))
		has[LegendSlow] = has[LegendSlow] || s.Marks == nil && s.slowNode(n)
		switch n.ID.Type {
		case servicegraph.TypeService:
			has[LegendEntry] = has[LegendEntry] || n.Entries > 0
			continue
		case servicegraph.TypeGroup:
			has[LegendGroup] = true
			has[LegendEntry] = has[LegendEntry] || n.Entries > 0
			continue
		case servicegraph.TypeDatabase:
			has[LegendDatabase] = true
		case servicegraph.TypeQueue:
			has[LegendQueue] = true
		case servicegraph.TypeExternal:
			has[LegendExternal] = true
		}
		has[LegendNoSpans] = true
	}
	least, most := math.Inf(1), 0.0
	for e := range g.Edges() {
		if e.ID.From == e.ID.To && !s.SelfEdges {
			continue
		}
		errors(s.edgeErrors(e))
		has[LegendSlow] = has[LegendSlow] || s.Marks == nil && s.slowEdge(e)
		has[LegendMessage] = has[LegendMessage] || e.ID.Kind == servicegraph.EdgeMessage
		has[LegendBridged] = has[LegendBridged] || e.ID.Kind == servicegraph.EdgeBridged
		least, most = min(least, lineWidth(e.Calls)), max(most, lineWidth(e.Calls))
	}
	has[LegendWidth] = most > least && s.Marks == nil
	warn, fail := s.thresholds()
	var marks []LegendItem
	for kind, text := range []string{
		percent(warn, 1) + " or more of the calls fail",
		percent(fail, 1) + " or more of the calls fail",
		"calls fail, but their callers recover",
		"p95 of " + duration(s.Slow) + " or more",
		"entry: requests from outside", "database", "queue", "external", "group of nodes",
		"dashed border: no spans of its own", "messages", "through hidden nodes", "wider: more calls",
	} {
		if s.Marks != nil && s.Marks.Meaning[LegendKind(kind)] != "" {
			text = s.Marks.Meaning[LegendKind(kind)]
			has[LegendKind(kind)] = true
		}
		if has[LegendKind(kind)] {
			marks = append(marks, LegendItem{LegendKind(kind), text})
		}
	}
	return marks
}

// Glyph returns the symbol of a mark: "▲". It is empty for a mark that is not a character.
func (k LegendKind) Glyph() string {
	switch k {
	case LegendWarning, LegendSlow:
		return Warning.Glyph()
	case LegendFailing:
		return Failing.Glyph()
	case LegendRecovered:
		return strings.TrimSpace(recoveredMark)
	}
	return ""
}

// marksLine returns the marks in an image by Graphviz. It leaves out the types of nodes, because
// cards name them in words.
func (s Style) marksLine(g *servicegraph.Graph) string {
	var parts []string
	for _, m := range s.Legend(g) {
		switch m.Kind {
		case LegendMessage:
			m.Text = "dashed line: " + m.Text
		case LegendBridged:
			m.Text = "dotted line: " + m.Text
		case LegendWidth:
			m.Text = "wider line: more calls"
		case LegendWarning, LegendFailing, LegendRecovered, LegendSlow:
			m.Text = m.Kind.Glyph() + " " + m.Text
		default:
			continue
		}
		parts = append(parts, m.Text)
	}
	return strings.Join(parts, " · ")
}
