package draw

import (
	"math"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A scene is a picture before it is painted: what is to be seen where, in pixels, y
// downwards. Painters add colours to it, and nothing else.
type scene struct {
	title, description string
	width, height      float64
	heading            []text
	boxes              []box
	edges              []edge
	cards              []card
}

type point struct{ x, y float64 }

// A rect is a rectangle by its upper left and lower right corner.
type rect struct{ min, max point }

func (r rect) width() float64  { return r.max.x - r.min.x }
func (r rect) height() float64 { return r.max.y - r.min.y }
func (r rect) center() point   { return point{(r.min.x + r.max.x) / 2, (r.min.y + r.max.y) / 2} }

func (r rect) moved(dx, dy float64) rect {
	return rect{point{r.min.x + dx, r.min.y + dy}, point{r.max.x + dx, r.max.y + dy}}
}

// A style is what a text looks like.
type style struct {
	class string // in SVG
	size  float64
	bold  bool
}

// The styles of a picture.
var (
	titleStyle   = style{"title", 17, true}
	headingStyle = style{"about", 11, false}
	boxStyle     = style{"boxname", 10, true}
	nameStyle    = style{"name", 13, true}
	statStyle    = style{"stat", 10.5, false}
	alarmStyle   = style{"alarm", 10.5, true} // a number that stands out
	tagStyle     = style{"tag", 9, false}
	volumeStyle  = style{"volume", 10.5, true}
	latencyStyle = style{"latency", 9.5, false}
)

func (s style) face() *typeface {
	if s.bold {
		return bold()
	}
	return regular()
}

func (s style) width(t string) float64 { return s.face().width(t, s.size) }

// A text is a piece of text and the left end of its baseline.
type text struct {
	style
	at point
	s  string
}

// A box is a namespace, around its cards.
type box struct {
	rect
	name    text
	tooltip string
}

// A card is a node of the graph.
type card struct {
	rect
	index   int // among the nodes of the graph
	id      string
	kind    servicegraph.NodeType
	level   render.Level
	entry   bool
	tooltip string
	glyph   point // centre of the glyph of its kind, if it has one
	texts   []text
}

// dashed reports whether a card is of a peer that is not instrumented.
func (c *card) dashed() bool {
	switch c.kind {
	case servicegraph.TypeService, servicegraph.TypeGroup:
		return false
	}
	return true
}

// An edge is an edge of the graph: a curve with an arrow, and a label beside it.
type edge struct {
	index    int // among the edges of the graph
	from, to int // nodes
	kind     servicegraph.EdgeKind
	level    render.Level
	width    float64
	tooltip  string
	path     []point  // of cubic Bézier curves: a point, and three for each curve
	head     [3]point // of the arrow, the tip first
	texts    []text   // empty if the numbers are in the tooltip
	label    rect     // of the texts
}

const (
	margin     = 36.0 // around the picture
	cardPad    = 13.0 // left and right of what is on a card
	cardHeight = 50.0
	statGap    = 16.0 // between numbers on a card, at least
	glyphSize  = 11.0
	labelGap   = 10.0 // between calls and errors on an edge
	minWidth   = 560.0
)

// newCard returns the card of a node with its upper left corner at 0, 0.
func newCard(index int, n servicegraph.Node, c render.Caption) card {
	k := card{
		index: index, id: render.NodeID(n.ID), kind: n.ID.Type, level: c.Level,
		entry: n.ID.Type == servicegraph.TypeService && n.Entries > 0, tooltip: c.Tooltip,
	}
	name := nameStyle.width(c.Name)
	mark := 0.0 // width of what is right of the name
	if k.hasGlyph() {
		mark = glyphSize
	} else if c.Tag != "" {
		mark = tagStyle.width(c.Tag)
	}
	stats := []text{{style: statStyle, s: c.Volume}}
	if c.Errors != "" {
		errors := text{style: statStyle, s: c.Errors}
		if c.Level != render.Healthy {
			errors = text{style: alarmStyle, s: c.Level.Glyph() + " " + c.Errors}
		}
		stats = append(stats, errors)
	}
	if c.Latency != "" {
		stats = append(stats, text{style: statStyle, s: c.Latency})
	}
	used := 0.0
	for _, s := range stats {
		used += s.width(s.s)
	}
	first := name
	if mark > 0 {
		first += 12 + mark
	}
	inner := max(first, used+statGap*float64(len(stats)-1), 84)
	k.rect = rect{max: point{math.Ceil(inner + 2*cardPad), cardHeight}}
	inner = k.width() - 2*cardPad

	k.texts = append(k.texts, text{nameStyle, point{cardPad, 21}, c.Name})
	if k.hasGlyph() {
		k.glyph = point{k.width() - cardPad - glyphSize/2, 16.5}
	} else if mark > 0 {
		k.texts = append(k.texts, text{tagStyle, point{k.width() - cardPad - mark, 21}, c.Tag})
	}
	gap := statGap
	if len(stats) > 1 {
		gap = min((inner-used)/float64(len(stats)-1), 26)
	}
	x := cardPad
	for _, s := range stats {
		s.at = point{x, 39}
		k.texts = append(k.texts, s)
		x += s.width(s.s) + gap
	}
	return k
}

// hasGlyph reports whether the kind of the node is shown by a glyph. Others have
// their kind in a word.
func (c *card) hasGlyph() bool {
	switch c.kind {
	case servicegraph.TypeDatabase, servicegraph.TypeQueue, servicegraph.TypeExternal, servicegraph.TypeGroup:
		return true
	}
	return c.entry
}

// newEdge returns an edge with the texts of its label, the upper left corner of which
// is at 0, 0.
func newEdge(index int, e servicegraph.Edge, c render.Caption, look render.EdgeText) edge {
	k := edge{index: index, kind: e.ID.Kind, level: c.Level, width: render.LineWidth(e.Calls), tooltip: c.Tooltip}
	if look == render.EdgeNone {
		return k
	}
	first := []text{{style: volumeStyle, s: c.Volume}}
	if e.Errors > 0 {
		s := c.Errors + " err"
		if c.Level != render.Healthy {
			s = c.Level.Glyph() + " " + s
		}
		first = append(first, text{style: volumeStyle, s: s})
	}
	var second []text
	if c.Latency != "" {
		l := text{style: latencyStyle, s: c.Latency}
		if look == render.EdgeP95 {
			first = append(first, l)
		} else {
			second = []text{l}
		}
	}
	rows := [][]text{first}
	if second != nil {
		rows = append(rows, second)
	}
	widths := make([]float64, len(rows))
	for i, row := range rows {
		widths[i] = labelGap * float64(len(row)-1)
		for _, t := range row {
			widths[i] += t.width(t.s)
		}
		k.label.max.x = max(k.label.max.x, widths[i])
	}
	k.label.max.y = 12.5 * float64(len(rows))
	for i, row := range rows {
		x := (k.label.max.x - widths[i]) / 2
		for _, t := range row {
			t.at = point{x, 9.5 + 12*float64(i)}
			x += t.width(t.s) + labelGap
			k.texts = append(k.texts, t)
		}
	}
	return k
}

// place moves a card so that its centre is at p.
func (c *card) place(p point) {
	c.move(p.x-c.center().x, p.y-c.center().y)
}

func (c *card) move(dx, dy float64) {
	c.rect = c.moved(dx, dy)
	c.glyph = point{c.glyph.x + dx, c.glyph.y + dy}
	moveTexts(c.texts, dx, dy)
}

// placeLabel does the same for the label of an edge.
func (e *edge) placeLabel(p point) {
	dx, dy := p.x-e.label.center().x, p.y-e.label.center().y
	e.label = e.label.moved(dx, dy)
	moveTexts(e.texts, dx, dy)
}

func moveTexts(texts []text, dx, dy float64) {
	for i := range texts {
		texts[i].at.x += dx
		texts[i].at.y += dy
	}
}

// setPath sets the curve, and the head of the arrow between its end and the tip.
func (e *edge) setPath(path []point, tip point) {
	e.path = path
	base := path[len(path)-1]
	dx, dy := tip.x-base.x, tip.y-base.y
	if length := math.Hypot(dx, dy); length > 0 {
		dx, dy = dx/length, dy/length
	}
	half := 3.2 + e.width/2
	e.head = [3]point{tip, {base.x - dy*half, base.y + dx*half}, {base.x + dy*half, base.y - dx*half}}
}

// setHeading puts title and lines above everything else, which it moves down. Lines
// are broken where they are wider than the picture.
func (s *scene) setHeading(title string, lines []string) {
	room := max(s.width, minWidth)
	y := margin - 6
	add := func(st style, line string, leading float64) {
		y += leading
		s.heading = append(s.heading, text{st, point{margin, y}, line})
		s.width = max(s.width, st.width(line))
	}
	if title != "" {
		add(titleStyle, title, 10)
		y += 2
	}
	for _, line := range lines {
		for _, l := range wrap(headingStyle, line, room) {
			add(headingStyle, l, 16)
		}
	}
	if len(s.cards) > 0 {
		y += 20
	} else {
		y += 4
	}
	dx, dy := margin, y
	for i := range s.boxes {
		s.boxes[i].rect = s.boxes[i].moved(dx, dy)
		s.boxes[i].name.at.x += dx
		s.boxes[i].name.at.y += dy
	}
	for i := range s.cards {
		s.cards[i].move(dx, dy)
	}
	for i := range s.edges {
		e := &s.edges[i]
		for j := range e.path {
			e.path[j].x += dx
			e.path[j].y += dy
		}
		for j := range e.head {
			e.head[j].x += dx
			e.head[j].y += dy
		}
		e.label = e.label.moved(dx, dy)
		moveTexts(e.texts, dx, dy)
	}
	s.width = math.Ceil(s.width + 2*margin)
	s.height = math.Ceil(s.height + y + margin)
}

// wrap breaks a line between words so that its parts are no wider than room. A word
// that is wider stays whole.
func wrap(st style, line string, room float64) []string {
	var lines []string
	current := ""
	for word := range strings.FieldsSeq(line) {
		longer := strings.TrimPrefix(current+" "+word, " ")
		if current != "" && st.width(longer) > room {
			lines = append(lines, current)
			longer = word
		}
		current = longer
	}
	return append(lines, current)
}
