package draw

import (
	"bytes"
	"math"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A legendEntry is an entry of the legend: a mark as it looks in the image, and its meaning.
type legendEntry struct {
	card  *card  // a small card or only its glyph; nil: none
	line  *edge  // a short line; nil: none
	glyph []text // a mark that is a character; empty: none
	level render.Level
	text  text
}

const (
	sampleGap    = 18.0 // between entries
	sampleWidth  = 20.0 // of a card or a line, the gap to the text included
	samplePad    = 5.0  // between a glyph and the text
	sampleHeight = 11.0
	legendLine   = 16.0 // between lines of the legend
)

// newLegendEntry returns the entry for a mark with the left end of its baseline at 0, 0.
func newLegendEntry(m render.LegendItem) legendEntry {
	s := legendEntry{text: text{textStyle: listStyle, s: m.Text}}
	box := rect{point{0, -sampleHeight + 2}, point{sampleWidth - 4, 2}}
	glyph := point{glyphSize / 2, -sampleHeight/2 + 2}
	left := sampleWidth
	switch m.Kind {
	case render.LegendWarning, render.LegendSlow, render.LegendFailing, render.LegendRecovered:
		s.level = render.Warning
		if m.Kind == render.LegendFailing {
			s.level = render.Failing
		}
		mark := text{textStyle: alarmStyle, s: m.Kind.Glyph()}
		s.glyph = []text{mark}
		left = mark.width(mark.s) + samplePad
	case render.LegendEntry:
		s.card, left = &card{kind: servicegraph.TypeService, entry: true, glyph: glyph}, glyphSize+samplePad
	case render.LegendDatabase:
		s.card, left = &card{kind: servicegraph.TypeDatabase, glyph: glyph}, glyphSize+samplePad
	case render.LegendQueue:
		s.card, left = &card{kind: servicegraph.TypeQueue, glyph: glyph}, glyphSize+samplePad
	case render.LegendExternal:
		s.card, left = &card{kind: servicegraph.TypeExternal, glyph: glyph}, glyphSize+samplePad
	case render.LegendGroup:
		s.card = &card{kind: servicegraph.TypeGroup, rect: box}
		left += 4
	case render.LegendNoSpans:
		s.card = &card{kind: servicegraph.TypeIP, rect: box}
	default:
		s.line = sampleLine(m.Kind)
	}
	s.text.at.x = left
	return s
}

// sampleLine returns a short horizontal line without an arrowhead.
func sampleLine(kind render.LegendKind) *edge {
	e := &edge{kind: servicegraph.EdgeRequest, width: 1.75}
	switch kind {
	case render.LegendMessage:
		e.kind = servicegraph.EdgeMessage
	case render.LegendBridged:
		e.kind = servicegraph.EdgeBridged
	default:
		e.width = 4
	}
	y, end := -sampleHeight/2+2, sampleWidth-4
	e.path = path{{0, y}, {end / 3, y}, {2 * end / 3, y}, {end, y}}
	for i := range e.head {
		e.head[i] = point{end, y}
	}
	return e
}

func (s *legendEntry) width() float64 { return s.text.at.x + s.text.width(s.text.s) }

func (s *legendEntry) move(dx, dy float64) {
	if s.card != nil {
		s.card.move(dx, dy)
	}
	if s.line != nil {
		s.line.move(dx, dy)
	}
	moveTexts(s.glyph, dx, dy)
	s.text.at = s.text.at.moved(dx, dy)
}

// addLegend sets the legend below the graph and its list, which end at y, in lines as wide as
// the image. It returns the lower end of the legend.
func (s *scene) addLegend(marks []render.LegendItem, y float64) float64 {
	if len(marks) == 0 {
		return y
	}
	room := max(s.width-2*margin, minWidth)
	x := 0.0
	y += 30
	for _, m := range marks {
		entry := newLegendEntry(m)
		if x > 0 && x+entry.width() > room {
			x = 0
			y += legendLine
		}
		x += entry.width()
		entry.move(margin+x-entry.width(), y)
		s.width = max(s.width, math.Ceil(x+2*margin))
		s.legend = append(s.legend, entry)
		x += sampleGap
	}
	return y + 6
}

func (s *scene) writeLegendSVG(b *bytes.Buffer) {
	if len(s.legend) == 0 {
		return
	}
	b.WriteString(`<g class="legend">`)
	for i := range s.legend {
		s.legend[i].writeSVG(b)
	}
	b.WriteString("</g>\n")
}

func (s *legendEntry) writeSVG(b *bytes.Buffer) {
	b.WriteString(`<g class="sample ` + s.level.String())
	switch {
	case s.card != nil:
		if s.card.dashed() {
			b.WriteString(" peer")
		}
		b.WriteString(`">`)
		s.card.writeShapeSVG(b)
	case s.line != nil:
		b.WriteString(" " + class(string(s.line.kind)) + `">`)
		s.line.writeLineSVG(b)
	default:
		b.WriteString(`">`)
	}
	writeTexts(b, append(s.glyph, s.text))
	b.WriteString("</g>")
}

// legendEntry draws an entry of the legend.
func (b *brush) legendEntry(s *legendEntry) error {
	if s.card != nil {
		if err := b.node(s.card); err != nil {
			return err
		}
	}
	if s.line != nil {
		b.edge(s.line)
	}
	return b.texts(append(s.glyph, s.text), s.level.String())
}
