package draw

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// fonts is the list of fonts for the text. They are about as wide as the Go fonts, in
// which the text was measured, or narrower.
const fonts = "Go, Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif"

// rules are the rules of the style sheet. Selectors apply below svg.tempograph, and $name
// in a declaration stands for a color of the palette.
var rules = []string{
	".bg{fill:$bg}",
	"text{fill:$mute;font-variant-numeric:tabular-nums}",
	".box rect{fill:$box;stroke:$box-line}",
	".card{fill:$card;stroke:$card-line}",
	".peer .card{stroke:$peer-line;stroke-dasharray:4 3}",
	".node.warn .card{fill:$warn-card;stroke:$warn;stroke-width:1.5}",
	".node.error .card{fill:$error-card;stroke:$error;stroke-width:1.5}",
	".glyph{fill:none;stroke:$mute;stroke-width:1.2;stroke-linecap:round;stroke-linejoin:round}",
	".line{fill:none;stroke:$edge}",
	".head{fill:$edge}",
	".warn .line{stroke:$warn}",
	".warn .head{fill:$warn}",
	".error .line{stroke:$error}",
	".error .head{fill:$error}",
	".message .line{stroke-dasharray:6 4}",
	".bridged .line{stroke-dasharray:1.5 4}",
	".plate{fill:$bg}",
	".numbered .plate{fill:$bg;stroke:$edge}",
	".title,.name,.volume,.mark{fill:$ink}",
	".warn .volume,.warn .alarm{fill:$warn-ink}",
	".error .volume,.error .alarm{fill:$error-ink}",
}

// markRules are the rules for marks. Only images with marks have them.
var markRules = []string{
	".node.good .card{fill:$good-card;stroke:$good;stroke-width:1.5}",
	".node.past .card{fill:$past-card;stroke:$past;stroke-width:1.5;stroke-dasharray:4 3}",
	".good .line{stroke:$good}",
	".good .head{fill:$good}",
	".past .line{stroke:$past;stroke-dasharray:3 3}",
	".past .head{fill:$past}",
	".good .volume,.good .alarm{fill:$good-ink}",
	".past .volume,.past .alarm{fill:$past-ink}",
}

// styleSheet returns the style sheet. Colors are custom properties, so that one image
// suits light and dark pages, and a page can change them. Before each use of a property
// is a declaration with the color of the given palette, for viewers that do not support
// custom properties.
func styleSheet(plain palette, marks bool) string {
	var b strings.Builder
	light, dark, rules := light, dark, rules
	if marks {
		plain, light, dark = plain.withMarks(), light.withMarks(), dark.withMarks()
		rules = slices.Concat(rules, markRules)
	}
	properties := func(selector string, p palette) {
		b.WriteString(selector + "{")
		for _, name := range slices.Sorted(maps.Keys(p)) {
			b.WriteString("--tg-" + name + ":" + p[name] + ";")
		}
		b.WriteString("}\n")
	}
	properties("svg.tempograph", light)
	b.WriteString("@media (prefers-color-scheme:dark){")
	properties("svg.tempograph", dark)
	b.WriteString("}\n")
	properties("[data-theme=light] svg.tempograph,svg.tempograph[data-theme=light]", light)
	properties("[data-theme=dark] svg.tempograph,svg.tempograph[data-theme=dark]", dark)
	for _, rule := range rules {
		writeRule(&b, rule, plain)
	}
	return b.String()
}

// writeRule writes a rule of the style sheet, for elements below svg.tempograph.
func writeRule(b *strings.Builder, rule string, plain palette) {
	selectors, declarations, _ := strings.Cut(strings.TrimSuffix(rule, "}"), "{")
	b.WriteString("svg.tempograph " + strings.ReplaceAll(selectors, ",", ",svg.tempograph ") + "{")
	for d := range strings.SplitSeq(declarations, ";") {
		if property, name, ok := strings.Cut(d, ":$"); ok {
			d = property + ":" + plain[name] + ";" + property + ":var(--tg-" + name + ")"
		}
		b.WriteString(d + ";")
	}
	b.WriteString("}\n")
}

// svg paints a scene.
func (s *scene) svg(theme Theme) []byte {
	var b bytes.Buffer
	attrs := ""
	if theme != ThemeAuto {
		attrs = ` data-theme="` + string(theme) + `"`
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="tempograph"%s viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" font-family="%s">`+"\n",
		attrs, s.width, s.height, s.width, s.height, fonts)
	b.WriteString(element("title", s.title) + element("desc", s.description) + "\n")
	b.WriteString("<style>\n" + styleSheet(theme.palette(), s.marks) + "</style>\n")
	b.WriteString(`<rect class="bg" width="100%" height="100%"/>` + "\n")

	b.WriteString(`<g class="heading">`)
	writeTexts(&b, s.heading)
	b.WriteString("</g>\n")
	for i := range s.boxes {
		s.boxes[i].writeSVG(&b)
	}
	for i := range s.edges {
		if !s.edges[i].folded {
			s.edges[i].writeSVG(&b)
		}
	}
	for i := range s.edges { // after all lines, so that no line covers a label
		s.edges[i].writeLabelSVG(&b)
	}
	for i := range s.cards { // the cards before their rows
		if s.cards[i].host < 0 {
			s.cards[i].writeSVG(&b)
		}
	}
	for i := range s.edges {
		if s.edges[i].folded {
			s.edges[i].writeSVG(&b)
		}
	}
	for i := range s.cards {
		if s.cards[i].host >= 0 {
			s.cards[i].writeSVG(&b)
		}
	}
	s.writeFooterSVG(&b)
	s.writeLegendSVG(&b)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (x *box) writeSVG(b *bytes.Buffer) {
	b.WriteString(`<g class="box">` + element("title", x.tooltip))
	writeRect(b, x.rect, "", 12)
	writeTexts(b, []text{x.name})
	b.WriteString("</g>\n")
}

func (e *edge) writeLabelSVG(b *bytes.Buffer) {
	if len(e.texts) == 0 {
		return
	}
	numbered := ""
	if e.numbered() {
		numbered = " numbered"
	}
	fmt.Fprintf(b, `<g class="label %s%s" data-edge="%d">%s`, e.level, numbered, e.index, element("title", e.tooltip))
	writeRect(b, e.label, "plate", 4)
	writeTexts(b, e.texts)
	b.WriteString("</g>\n")
}

// writeRect writes a rectangle with rounded corners; the class may be empty.
func writeRect(b *bytes.Buffer, r rect, class string, radius float64) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	fmt.Fprintf(b, `<rect%s x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, class, number(r.min.x), number(r.min.y), number(r.width()), number(r.height()), number(radius))
}

func (e *edge) writeSVG(b *bytes.Buffer) {
	fmt.Fprintf(b, `<g class="edge %s %s" id="e%d" data-edge="%d" data-from="%d" data-to="%d">%s`,
		class(string(e.kind)), e.level, e.index, e.index, e.from, e.to, element("title", e.tooltip))
	e.writeLineSVG(b)
	fmt.Fprintf(b, `<path class="head" d="M%sL%sL%sZ"/></g>`+"\n", xy(e.head[0]), xy(e.head[1]), xy(e.head[2]))
}

func (e *edge) writeLineSVG(b *bytes.Buffer) {
	fmt.Fprintf(b, `<path class="line" stroke-width="%s" d="M%s`, number(e.width), xy(e.path[0]))
	for i, p := range e.path[1:] {
		if i%3 == 0 {
			b.WriteString("C")
		} else {
			b.WriteString(" ")
		}
		b.WriteString(xy(p))
	}
	b.WriteString(`"/>`)
}

func (c *card) writeSVG(b *bytes.Buffer) {
	peer := ""
	if c.dashed() {
		peer = " peer"
	}
	fmt.Fprintf(b, `<g class="node %s %s%s" id="n%d" data-node="%d">%s`, class(string(c.kind)), c.level, peer, c.index, c.index, element("title", c.tooltip))
	c.writeShapeSVG(b)
	writeTexts(b, c.texts)
	b.WriteString("</g>\n")
}

// writeShapeSVG writes the card without its texts. A glyph in the legend has no card.
func (c *card) writeShapeSVG(b *bytes.Buffer) {
	if c.kind == servicegraph.TypeGroup {
		writeRect(b, c.behind(), "card", c.radius())
	}
	if c.width() > 0 {
		writeRect(b, c.rect, "card", c.radius())
	}
	if strokes := c.glyphStrokes(); len(strokes) > 0 {
		b.WriteString(`<path class="glyph" d="`)
		for _, s := range strokes {
			b.WriteString(s.svg())
		}
		b.WriteString(`"/>`)
	}
}

// writeFooterSVG writes the list below the graph. The texts of an entry have its level.
func (s *scene) writeFooterSVG(b *bytes.Buffer) {
	if len(s.footer) == 0 {
		return
	}
	b.WriteString(`<g class="list">`)
	for _, t := range s.footer {
		b.WriteString(`<g class="` + t.level.String() + `">`)
		writeTexts(b, []text{t.text})
		b.WriteString("</g>")
	}
	b.WriteString("</g>\n")
}

func writeTexts(b *bytes.Buffer, texts []text) {
	for _, t := range texts {
		weight := ""
		if t.bold {
			weight = ` font-weight="700"`
		}
		fmt.Fprintf(b, `<text class="%s" x="%s" y="%s" font-size="%s"%s>%s</text>`, t.class, number(t.at.x), number(t.at.y), number(t.size), weight, escape(t.s))
	}
}

// class returns a class name for a type or kind, which may be any string.
func class(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
}

func xy(p point) string { return number(p.x) + " " + number(p.y) }

// element returns an XML element with a text.
func element(name, text string) string { return "<" + name + ">" + escape(text) + "</" + name + ">" }

// escape returns a text for XML. Characters that XML does not allow become U+FFFD.
func escape(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s)) // a write to a Buffer does not fail
	return b.String()
}
