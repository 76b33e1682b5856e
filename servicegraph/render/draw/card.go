package draw

import (
	"math"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A card shows a node of the graph. The card of a dependency with one caller can be a row
// in the card of the caller.
type card struct {
	rect
	index   int // of the node in the graph
	id      string
	name    string
	kind    servicegraph.NodeType
	level   render.Level
	entry   bool
	tooltip string
	glyph   point // center of the glyph, if the card has one
	texts   []text
	host    int   // index of the card of which this card is a row; -1 for none
	rows    []int // indexes of the cards in this card
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

	spaceHeight   = 11.0 // of the namespace above the name
	spaceBaseline = 15.0

	rowHeight  = 32.0
	rowGap     = 4.0  // below each row
	rowIndent  = 24.0 // left of the rows, for the lines to them
	rowPad     = 8.0  // left and right of the content of a row
	rowName    = 13.0 // baseline of the name in a row
	rowNumbers = 26.0 // baseline of the numbers
)

// newCard returns the card of a node with its upper left corner at 0, 0. The namespace is
// written above the name; empty: nothing.
func newCard(index int, n servicegraph.Node, c render.Caption, namespace string) card {
	k := card{
		index: index, id: render.NodeID(n.ID), name: c.Name, kind: n.ID.Type, level: c.Level,
		entry: (n.ID.Type == servicegraph.TypeService || n.ID.Type == servicegraph.TypeGroup) && n.Entries > 0, tooltip: c.Tooltip, host: -1,
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
	content := max(title, rowWidth(stats, statGap), minContent, tagStyle.width(namespace))
	k.rect = rect{max: point{math.Ceil(content + 2*cardPad), cardHeight}}
	down := 0.0
	if namespace != "" {
		k.texts = append(k.texts, text{tagStyle, point{cardPad, spaceBaseline}, namespace})
		down = spaceHeight
		k.max.y += down
	}
	k.texts = append(k.texts, text{nameStyle, point{cardPad, nameBaseline + down}, c.Name})
	if k.hasGlyph() {
		k.glyph = point{k.width() - cardPad - glyphSize/2, 16.5 + down}
	} else if tag > 0 {
		k.texts = append(k.texts, text{tagStyle, point{k.width() - cardPad - tag, nameBaseline + down}, c.Tag})
	}
	gap := statGap
	if len(stats) > 1 {
		gap = min((k.width()-2*cardPad-rowWidth(stats, 0))/float64(len(stats)-1), maxStatGap)
	}
	placeRow(stats, point{cardPad, statBaseline + down}, gap)
	k.texts = append(k.texts, stats...)
	return k
}

// newRow returns the card of a node as a row of another card.
func newRow(index int, n servicegraph.Node, c render.Caption, host int) card {
	k := newCard(index, n, c, "")
	k.host = host
	name := []text{{textStyle: rowStyle, s: c.Name}}
	x := rowPad
	if k.hasGlyph() {
		k.glyph = point{rowPad + 5, rowHeight / 2}
		x += 17
	} else if c.Tag != "" {
		name = append([]text{{textStyle: tagStyle, s: c.Tag}}, name...)
	}
	stats := cardStats(c)
	placeRow(name, point{x, rowName}, 10)
	placeRow(stats, point{x, rowNumbers}, 10)
	k.texts = append(name, stats...)
	k.rect = rect{max: point{math.Ceil(x + max(rowWidth(name, 10), rowWidth(stats, 10)) + rowPad), rowHeight}}
	return k
}

// addRow makes room in the card for a row.
func (c *card) addRow(row *card, index int) {
	if len(c.rows) == 0 {
		c.max.y += rowGap
	}
	c.rows = append(c.rows, index)
	c.max.y += rowHeight + rowGap
	if wide := rowIndent + row.width() + rowPad; wide > c.width() {
		c.max.x = c.min.x + wide
	}
}

// placeRows places the rows of a card that has its place. They are at the bottom of the
// card, and as wide as the card allows.
func (p *plan) placeRows(c *card) {
	y := c.max.y - float64(len(c.rows))*(rowHeight+rowGap) - rowGap/2
	for _, i := range c.rows {
		r := &p.cards[i]
		r.move(c.min.x+rowIndent-r.min.x, y-r.min.y)
		r.max.x = c.max.x - rowPad
		y += rowHeight + rowGap
	}
}

// cardStats returns the numbers on a card.
func cardStats(c render.Caption) []text {
	stats := []text{{textStyle: statStyle, s: c.Volume}}
	if c.Errors != "" {
		errors := text{textStyle: statStyle, s: c.Errors}
		if c.Mark != "" {
			errors = text{textStyle: alarmStyle, s: c.Mark + c.Errors}
		}
		stats = append(stats, errors)
	}
	if c.Latency != "" {
		latency := text{textStyle: statStyle, s: c.Latency}
		if c.Slow {
			latency.textStyle = alarmStyle
		}
		stats = append(stats, latency)
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

// radius returns the radius of the corners.
func (c *card) radius() float64 {
	switch {
	case c.height() <= sampleHeight:
		return 3
	case c.host >= 0:
		return 6
	}
	return 9
}

// behind returns the rectangle of the second card, which marks a group and is partly hidden by the
// first.
func (c *card) behind() rect {
	d := min(4, c.height()/4)
	return c.moved(d, -d)
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
