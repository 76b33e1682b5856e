package draw

import (
	"math"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A card shows a node of the graph.
type card struct {
	rect
	index   int // of the node in the graph
	id      string
	kind    servicegraph.NodeType
	level   render.Level
	entry   bool
	tooltip string
	glyph   point // center of the glyph, if the card has one
	texts   []text
}

const (
	cardPad      = 13.0 // left and right of the content
	cardHeight   = 50.0
	minContent   = 84.0 // width of the content
	nameBaseline = 21.0
	statBaseline = 39.0
	statGap      = 16.0 // smallest gap between numbers
	maxStatGap   = 26.0
	tagGap       = 12.0 // smallest gap between the name and the tag or glyph
	glyphSize    = 11.0
)

// newCard returns the card of a node with its upper left corner at 0, 0.
func newCard(index int, n servicegraph.Node, c render.Caption) card {
	k := card{
		index: index, id: render.NodeID(n.ID), kind: n.ID.Type, level: c.Level,
		entry: n.ID.Type == servicegraph.TypeService && n.Entries > 0, tooltip: c.Tooltip,
	}
	title := nameStyle.width(c.Name)
	tag := 0.0 // width of the tag or glyph
	if k.hasGlyph() {
		tag = glyphSize
	} else if c.Tag != "" {
		tag = tagStyle.width(c.Tag)
	}
	if tag > 0 {
		title += tagGap + tag
	}
	stats := cardStats(c)
	content := max(title, rowWidth(stats, statGap), minContent)
	k.rect = rect{max: point{math.Ceil(content + 2*cardPad), cardHeight}}

	k.texts = append(k.texts, text{nameStyle, point{cardPad, nameBaseline}, c.Name})
	if k.hasGlyph() {
		k.glyph = point{k.width() - cardPad - glyphSize/2, 16.5}
	} else if tag > 0 {
		k.texts = append(k.texts, text{tagStyle, point{k.width() - cardPad - tag, nameBaseline}, c.Tag})
	}
	gap := statGap
	if len(stats) > 1 {
		gap = min((k.width()-2*cardPad-rowWidth(stats, 0))/float64(len(stats)-1), maxStatGap)
	}
	placeRow(stats, point{cardPad, statBaseline}, gap)
	k.texts = append(k.texts, stats...)
	return k
}

// cardStats returns the numbers on a card.
func cardStats(c render.Caption) []text {
	stats := []text{{textStyle: statStyle, s: c.Volume}}
	if c.Errors != "" {
		errors := text{textStyle: statStyle, s: c.Errors}
		if c.Level != render.Healthy {
			errors = text{textStyle: alarmStyle, s: c.Level.Glyph() + " " + c.Errors}
		}
		stats = append(stats, errors)
	}
	if c.Latency != "" {
		stats = append(stats, text{textStyle: statStyle, s: c.Latency})
	}
	return stats
}

// dashed reports whether the border is dashed, which marks an uninstrumented dependency.
func (c *card) dashed() bool {
	switch c.kind {
	case servicegraph.TypeService, servicegraph.TypeGroup:
		return false
	}
	return true
}

// hasGlyph reports whether a glyph shows the type of the node. Other types are written
// as a word.
func (c *card) hasGlyph() bool {
	switch c.kind {
	case servicegraph.TypeDatabase, servicegraph.TypeQueue, servicegraph.TypeExternal, servicegraph.TypeGroup:
		return true
	}
	return c.entry
}

// centerAt moves the card so that its center is at p.
func (c *card) centerAt(p point) {
	c.move(p.x-c.center().x, p.y-c.center().y)
}

func (c *card) move(dx, dy float64) {
	c.rect = c.moved(dx, dy)
	c.glyph = c.glyph.moved(dx, dy)
	moveTexts(c.texts, dx, dy)
}
