package draw

import (
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// A stroke is a line of a glyph: a start point, and the points of cubic curves or, if
// straight is set, of straight lines.
type stroke struct {
	points   []point
	straight bool
}

func (s stroke) svg() string {
	var b strings.Builder
	b.WriteString("M" + xy(s.points[0]))
	for i, p := range s.points[1:] {
		switch {
		case s.straight:
			b.WriteString("L")
		case i%3 == 0:
			b.WriteString("C")
		default:
			b.WriteString(" ")
		}
		b.WriteString(xy(p))
	}
	return b.String()
}

// glyphStrokes returns the glyph of a card: a cylinder for a database, four bars for a
// queue, an outgoing arrow for an external dependency, an incoming arrow for an entry
// service or a group with one. Another group has no strokes; a second card shows it.
func (c *card) glyphStrokes() []stroke {
	if !c.hasGlyph() || c.kind == servicegraph.TypeGroup && !c.entry {
		return nil
	}
	at := func(xys ...float64) []point {
		list := make([]point, len(xys)/2)
		for i := range list {
			list[i] = point{c.glyph.x + xys[2*i], c.glyph.y + xys[2*i+1]}
		}
		return list
	}
	line := func(xys ...float64) stroke { return stroke{at(xys...), true} }
	curve := func(xys ...float64) stroke { return stroke{at(xys...), false} }
	switch c.kind {
	case servicegraph.TypeDatabase:
		return []stroke{
			curve(-4, -3.5, -4, -5.7, 4, -5.7, 4, -3.5, 4, -1.3, -4, -1.3, -4, -3.5), // the lid
			line(-4, -3.5, -4, 3.5),
			curve(-4, 3.5, -4, 5.7, 4, 5.7, 4, 3.5), // the bottom
			line(4, 3.5, 4, -3.5),
		}
	case servicegraph.TypeQueue:
		return []stroke{line(-4.5, -4, -4.5, 4), line(-1.5, -4, -1.5, 4), line(1.5, -4, 1.5, 4), line(4.5, -4, 4.5, 4)}
	case servicegraph.TypeExternal:
		return []stroke{line(-4, 4, 4, -4), line(-1.5, -4, 4, -4, 4, 1.5)}
	default:
		return []stroke{line(-5, 0, 2, 0), line(-1, -3, 2, 0, -1, 3), line(5, -4.5, 5, 4.5)}
	}
}
