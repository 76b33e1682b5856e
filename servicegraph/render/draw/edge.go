package draw

import (
	"math"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// An edge shows an edge of the graph: a curve with an arrowhead, and a label next to
// the curve.
type edge struct {
	index    int // of the edge in the graph
	from, to int // indexes of the nodes
	kind     servicegraph.EdgeKind
	level    render.Level
	width    float64
	tooltip  string
	path     []point  // cubic Bézier curves: a start point, and three points for each curve
	head     [3]point // arrowhead, the tip first
	texts    []text   // empty if the numbers are only in the tooltip
	label    rect     // around the texts
}

const (
	labelGap     = 10.0 // between texts in a row of a label
	labelLeading = 12.0 // between the baselines of two rows
	labelHeight  = 12.5 // of one row
	labelAscent  = 9.5  // from the top of a label to the first baseline
)

// newEdge returns an edge with the texts of its label. The upper left corner of the
// label is at 0, 0.
func newEdge(index int, e servicegraph.Edge, c render.Caption, labels render.EdgeText) edge {
	k := edge{index: index, kind: e.ID.Kind, level: c.Level, width: render.LineWidth(e.Calls), tooltip: c.Tooltip}
	if labels == render.EdgeNone {
		return k
	}
	rows := labelRows(e, c, labels)
	for _, row := range rows {
		k.label.max.x = max(k.label.max.x, rowWidth(row, labelGap))
	}
	k.label.max.y = labelHeight * float64(len(rows))
	for i, row := range rows {
		placeRow(row, point{(k.label.max.x - rowWidth(row, labelGap)) / 2, labelAscent + labelLeading*float64(i)}, labelGap)
		k.texts = append(k.texts, row...)
	}
	return k
}

// labelRows returns the texts of a label by rows: calls and errors, and below them the
// latency, which in the style EdgeP95 is in the same row.
func labelRows(e servicegraph.Edge, c render.Caption, labels render.EdgeText) [][]text {
	first := []text{{textStyle: volumeStyle, s: c.Volume}}
	if e.Errors > 0 {
		s := c.Errors + " err"
		if c.Level != render.Healthy {
			s = c.Level.Glyph() + " " + s
		}
		first = append(first, text{textStyle: volumeStyle, s: s})
	}
	latency := text{textStyle: latencyStyle, s: c.Latency}
	switch {
	case c.Latency == "":
		return [][]text{first}
	case labels == render.EdgeP95:
		return [][]text{append(first, latency)}
	}
	return [][]text{first, {latency}}
}

// centerLabelAt moves the label so that its center is at p.
func (e *edge) centerLabelAt(p point) {
	e.moveLabel(p.x-e.label.center().x, p.y-e.label.center().y)
}

func (e *edge) moveLabel(dx, dy float64) {
	e.label = e.label.moved(dx, dy)
	moveTexts(e.texts, dx, dy)
}

func (e *edge) move(dx, dy float64) {
	for i := range e.path {
		e.path[i] = e.path[i].moved(dx, dy)
	}
	for i := range e.head {
		e.head[i] = e.head[i].moved(dx, dy)
	}
	e.moveLabel(dx, dy)
}

// setPath sets the curve, and the arrowhead between the end of the curve and the tip.
func (e *edge) setPath(path []point, tip point) {
	e.path = path
	base := path[len(path)-1]
	dx, dy := tip.x-base.x, tip.y-base.y
	if length := math.Hypot(dx, dy); length > 0 {
		dx, dy = dx/length, dy/length
	}
	half := 3.2 + e.width/2
	e.head = [3]point{tip, base.moved(-dy*half, dx*half), base.moved(dy*half, -dx*half)}
}
