package draw

import (
	"math"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/render"
)

// A scene is an image before it is painted. It has the places of all parts in pixels, with y
// downward. A painter adds only the colors.
type scene struct {
	title, description string
	width, height      float64
	heading            []text
	boxes              []box
	edges              []edge
	cards              []card
	listed             []listedLabel
	footer             []footerText
	legend             []legendEntry
	marks              bool // the image may have the levels that only marks have
}

type point struct{ x, y float64 }

func (p point) moved(dx, dy float64) point { return point{p.x + dx, p.y + dy} }

func (p point) scaled(x, y float64) point { return point{p.x * x, p.y * y} }

// A rect is a rectangle with its upper left and lower right corners.
type rect struct{ min, max point }

func (r rect) width() float64  { return r.max.x - r.min.x }
func (r rect) height() float64 { return r.max.y - r.min.y }
func (r rect) size() point     { return point{r.width(), r.height()} }
func (r rect) center() point   { return point{(r.min.x + r.max.x) / 2, (r.min.y + r.max.y) / 2} }

func (r rect) moved(dx, dy float64) rect { return rect{r.min.moved(dx, dy), r.max.moved(dx, dy)} }

// A textStyle is the size and weight of a text.
type textStyle struct {
	class string // in SVG
	size  float64
	bold  bool
}

// The text styles of an image.
var (
	titleStyle   = textStyle{"title", 17, true}
	headingStyle = textStyle{"about", 11, false}
	boxStyle     = textStyle{"boxname", 10, true}
	nameStyle    = textStyle{"name", 13, true}
	statStyle    = textStyle{"stat", 10.5, false}
	alarmStyle   = textStyle{"alarm", 10.5, true} // a number that stands out
	tagStyle     = textStyle{"tag", 9, false}
	volumeStyle  = textStyle{"volume", 10.5, true}
	latencyStyle = textStyle{"latency", 9.5, false}
	slowStyle    = textStyle{"alarm", 9.5, true} // a latency that stands out
	markStyle    = textStyle{"mark", 9, true}    // a number that refers to the list
	listStyle    = textStyle{"listed", 10, false}
	rowStyle     = textStyle{"name", 10.5, true} // the name in a row of a card
)

func (s textStyle) face() *typeface {
	if s.bold {
		return bold()
	}
	return regular()
}

func (s textStyle) width(t string) float64 { return s.face().width(t, s.size) }

// A text is a line of text with the left end of its baseline.
type text struct {
	textStyle
	at point
	s  string
}

// rowWidth returns the width of texts next to each other with gaps between them.
func rowWidth(texts []text, gap float64) float64 {
	width := gap * float64(len(texts)-1)
	for _, t := range texts {
		width += t.width(t.s)
	}
	return width
}

// placeRow places texts next to each other from p on, with gaps between them.
func placeRow(texts []text, p point, gap float64) {
	for i := range texts {
		texts[i].at = p
		p.x += texts[i].width(texts[i].s) + gap
	}
}

func moveTexts(texts []text, dx, dy float64) {
	for i := range texts {
		texts[i].at = texts[i].at.moved(dx, dy)
	}
}

// A box is the frame of a namespace.
type box struct {
	rect
	name    text
	tooltip string
}

// nameRect returns the area of the name.
func (b *box) nameRect() rect {
	return rect{point{b.name.at.x, b.name.at.y - b.name.size}, point{b.name.at.x + b.name.width(b.name.s), b.name.at.y + 2}}
}

const (
	margin   = 36.0  // around the image
	minWidth = 560.0 // of the heading, in an image that is narrower
)

// setHeading puts the title and lines at the top of the image, moves everything else down,
// and puts the list and the legend below the graph. Lines wider than the image are wrapped.
func (s *scene) setHeading(title string, lines []string, marks []render.LegendItem) {
	room := max(s.width, minWidth)
	y := margin - 6
	add := func(style textStyle, line string, leading float64) {
		y += leading
		s.heading = append(s.heading, text{style, point{margin, y}, line})
		s.width = max(s.width, style.width(line))
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
	s.moveGraph(margin, y)
	s.width = math.Ceil(s.width + 2*margin)
	s.height = s.addLegend(marks, s.addList(s.height+y))
	s.height = math.Ceil(s.height + margin)
}

// moveGraph moves everything but the heading.
func (s *scene) moveGraph(dx, dy float64) {
	for i := range s.boxes {
		b := &s.boxes[i]
		b.rect = b.moved(dx, dy)
		b.name.at = b.name.at.moved(dx, dy)
	}
	for i := range s.cards {
		s.cards[i].move(dx, dy)
	}
	for i := range s.edges {
		s.edges[i].move(dx, dy)
	}
}

// wrap breaks a line between words into lines of at most the given width. A word that
// is wider is not broken.
func wrap(style textStyle, line string, width float64) []string {
	var lines []string
	current := ""
	for word := range strings.FieldsSeq(line) {
		longer := strings.TrimPrefix(current+" "+word, " ")
		if current != "" && style.width(longer) > width {
			lines = append(lines, current)
			longer = word
		}
		current = longer
	}
	return append(lines, current)
}
