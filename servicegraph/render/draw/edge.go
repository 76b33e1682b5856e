package draw

import (
	"math"
	"slices"
	"strconv"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// An edge shows an edge of the graph: a curve with an arrowhead, and a label on the
// curve.
type edge struct {
	index    int // of the edge in the graph
	from, to int // indexes of the nodes
	kind     servicegraph.EdgeKind
	level    render.Level
	width    float64
	tooltip  string
	folded   bool // the callee is a row in the card of the caller, or an end waits for its place in a grid
	path     path
	head     [3]point // arrowhead, the tip first
	variants []variant
	anchor   point  // where the label should be; zero: in the middle of the curve
	texts    []text // of the label; empty if the numbers are only in the tooltip or in the list
	label    rect   // the plate under the texts
}

// A variant is a possible label of an edge. The upper left corner of the plate is at 0, 0.
type variant struct {
	size  point
	texts []text
}

const (
	labelGap     = 8.0  // between texts in a row of a label
	labelLeading = 12.0 // between the baselines of two rows
	labelHeight  = 12.5 // of one row
	labelAscent  = 9.5  // from the top of a row to its baseline
	platePad     = 3.0  // left and right of the texts
)

// newEdge returns an edge with the variants of its label, the largest first.
func newEdge(index int, e servicegraph.Edge, c render.Caption, labels render.EdgeText) edge {
	k := edge{index: index, kind: e.ID.Kind, level: c.Level, width: c.Width, tooltip: c.Tooltip}
	if labels == render.EdgeNone {
		return k
	}
	rows := labelRows(e, c, labels)
	k.variants = append(k.variants, newVariant(rows...))
	if len(rows) > 1 {
		k.variants = append(k.variants, newVariant(rows[0]))
	}
	return k
}

// newVariant returns a label with the given rows, each in the middle.
func newVariant(rows ...[]text) variant {
	var v variant
	for _, row := range rows {
		v.size.x = max(v.size.x, rowWidth(row, labelGap)+2*platePad)
	}
	v.size.y = labelHeight * float64(len(rows))
	for i, row := range rows {
		placed := slices.Clone(row)
		placeRow(placed, point{(v.size.x - rowWidth(row, labelGap)) / 2, labelAscent + labelLeading*float64(i)}, labelGap)
		v.texts = append(v.texts, placed...)
	}
	return v
}

// numberVariant returns a label with a number that refers to the list below the graph.
func numberVariant(n int) variant {
	t := text{textStyle: markStyle, s: strconv.Itoa(n)}
	size := point{max(t.width(t.s)+8, 14), 13}
	t.at = point{(size.x - t.width(t.s)) / 2, 9.7}
	return variant{size, []text{t}}
}

// inOneRow returns the texts of a variant with their upper left corner at 0, 0, and
// without rows.
func (v variant) inOneRow() []text {
	texts := slices.Clone(v.texts)
	placeRow(texts, point{}, labelGap)
	return texts
}

// labelRows returns the texts of a label by rows: calls and errors, and below them the
// latency, which in the style EdgeP95 is in the same row.
func labelRows(e servicegraph.Edge, c render.Caption, labels render.EdgeText) [][]text {
	first := []text{{textStyle: volumeStyle, s: c.Volume}}
	if e.Errors > 0 && c.Errors != "" {
		first = append(first, text{textStyle: volumeStyle, s: c.Mark + c.Errors})
	}
	latency := text{textStyle: latencyStyle, s: c.Latency}
	if c.Slow {
		latency.textStyle = slowStyle
	}
	switch {
	case c.Latency == "":
		return [][]text{first}
	case labels == render.EdgeP95:
		return [][]text{append(first, latency)}
	}
	return [][]text{first, {latency}}
}

// setLabel makes a variant the label of the edge, with its center at p.
func (e *edge) setLabel(v variant, p point) {
	e.label = around(p, v.size)
	e.texts = slices.Clone(v.texts)
	moveTexts(e.texts, e.label.min.x, e.label.min.y)
}

// numbered reports whether the label is a number that refers to the list.
func (e *edge) numbered() bool { return len(e.texts) == 1 && e.texts[0].textStyle == markStyle }

func (e *edge) move(dx, dy float64) {
	if e.anchor != (point{}) {
		e.anchor = e.anchor.moved(dx, dy)
	}
	for i := range e.path {
		e.path[i] = e.path[i].moved(dx, dy)
	}
	for i := range e.head {
		e.head[i] = e.head[i].moved(dx, dy)
	}
	e.label = e.label.moved(dx, dy)
	moveTexts(e.texts, dx, dy)
}

// setPath sets the curve, and the arrowhead between the end of the curve and the tip.
func (e *edge) setPath(path path, tip point) {
	e.path = path
	base := path[len(path)-1]
	dx, dy := tip.x-base.x, tip.y-base.y
	if length := math.Hypot(dx, dy); length > 0 {
		dx, dy = dx/length, dy/length
	}
	half := 3.2 + e.width/2
	e.head = [3]point{tip, base.moved(-dy*half, dx*half), base.moved(dy*half, -dx*half)}
}
