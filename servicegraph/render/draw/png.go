package draw

import (
	"bytes"
	"fmt"
	"image/png"

	"github.com/fogleman/gg"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A brush paints a scene into a bitmap with the package gg. That package is old and complete, and
// go-graphviz depends on it anyway. Two alternatives were rejected: tdewolff/canvas could also
// write PDF, but adds the fonts of LaTeX under a license of their own, X11 bindings and 5 MB;
// golang.org/x/image fills outlines but draws no lines.
type brush struct {
	*gg.Context
	palette
	scale float64
	faces map[sized]font.Face
}

// maxPixels is the largest size of a bitmap: 100 million pixels take 400 MB.
const maxPixels = 100_000_000

// png paints a scene. A pixel of the scene is scale pixels wide and high.
func (s *scene) png(theme Theme, scale float64) ([]byte, error) {
	if pixels := s.width * s.height * scale * scale; pixels > maxPixels {
		return nil, fmt.Errorf("a PNG of %.0f × %.0f pixels is too large: the limit is %d million pixels; lower the scale, draw less of the graph, or write SVG",
			s.width*scale, s.height*scale, maxPixels/1_000_000)
	}
	b := &brush{gg.NewContext(int(s.width*scale+0.5), int(s.height*scale+0.5)), theme.palette().withMarks(), scale, make(map[sized]font.Face)}
	b.Scale(scale, scale)
	b.SetColor(b.rgb("bg"))
	b.Clear()
	if err := b.paint(s); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, b.Image()); err != nil {
		return nil, fmt.Errorf("encoding PNG: %w", err)
	}
	return out.Bytes(), nil
}

func (b *brush) paint(s *scene) error {
	if err := b.texts(s.heading, "ok"); err != nil {
		return err
	}
	for i := range s.boxes {
		box := &s.boxes[i]
		b.card(box.rect, 12, "box", "box-line", 1)
		if err := b.texts([]text{box.name}, "ok"); err != nil {
			return err
		}
	}
	for i := range s.edges {
		if !s.edges[i].folded {
			b.edge(&s.edges[i])
		}
	}
	for i := range s.edges {
		if err := b.label(&s.edges[i]); err != nil {
			return err
		}
	}
	if err := b.nodes(s); err != nil {
		return err
	}
	for i := range s.legend {
		if err := b.legendEntry(&s.legend[i]); err != nil {
			return err
		}
	}
	for _, t := range s.footer {
		if err := b.texts([]text{t.text}, t.level.String()); err != nil {
			return err
		}
	}
	return nil
}

// nodes draws the cards, and then the rows in them with the lines to the rows.
func (b *brush) nodes(s *scene) error {
	for _, rows := range []bool{false, true} {
		for i := range s.edges {
			if rows && s.edges[i].folded {
				b.edge(&s.edges[i])
			}
		}
		for i := range s.cards {
			if c := &s.cards[i]; c.host >= 0 == rows {
				if err := b.node(c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// card draws a rectangle with rounded corners.
func (b *brush) card(r rect, radius float64, fill, line string, width float64) {
	b.DrawRoundedRectangle(r.min.x, r.min.y, r.width(), r.height(), radius)
	b.SetColor(b.rgb(fill))
	b.FillPreserve()
	b.pen(line, width)
	b.Stroke()
}

// pen sets the color and the width of lines. The width is scaled here, because gg scales everything
// except widths.
func (b *brush) pen(line string, width float64) {
	b.SetColor(b.rgb(line))
	b.SetLineWidth(width * b.scale)
}

// dashes sets the lengths of dashes and gaps; none means a solid line.
func (b *brush) dashes(lengths ...float64) {
	for i := range lengths {
		lengths[i] *= b.scale
	}
	b.SetDash(lengths...)
}

func (b *brush) edge(e *edge) {
	name := "edge"
	if e.level != render.Healthy {
		name = e.level.String()
	}
	switch e.kind {
	case servicegraph.EdgeMessage:
		b.dashes(6, 4)
	case servicegraph.EdgeBridged:
		b.dashes(1.5, 4)
	}
	if e.level == render.Past {
		b.dashes(3, 3)
	}
	b.MoveTo(e.path[0].x, e.path[0].y)
	b.curves(e.path)
	b.SetLineCap(gg.LineCapButt)
	b.pen(name, e.width)
	b.Stroke()
	b.dashes()
	for _, p := range e.head {
		b.LineTo(p.x, p.y)
	}
	b.ClosePath()
	b.Fill()
}

// label draws the texts of an edge on their plate.
func (b *brush) label(e *edge) error {
	if len(e.texts) == 0 {
		return nil
	}
	line := "bg"
	if e.numbered() {
		line = "edge"
	}
	b.card(e.label, 4, "bg", line, 1)
	return b.texts(e.texts, e.level.String())
}

func (b *brush) node(c *card) error {
	fill, line, width := "card", "card-line", 1.0
	if c.dashed() {
		line = "peer-line"
	}
	if c.level != render.Healthy {
		fill, line, width = leveled(c.level.String(), "card"), c.level.String(), 1.5
	}
	if c.dashed() || c.level == render.Past {
		b.dashes(4, 3)
	}
	if c.kind == servicegraph.TypeGroup {
		b.card(c.behind(), c.radius(), fill, line, width)
	}
	if c.width() > 0 { // a glyph in the legend has no card
		b.card(c.rect, c.radius(), fill, line, width)
	}
	b.dashes()

	for _, s := range c.glyphStrokes() {
		b.stroke(s)
	}
	b.SetLineCap(gg.LineCapRound)
	b.pen("mute", 1.2)
	b.Stroke()
	return b.texts(c.texts, c.level.String())
}

// stroke adds a stroke to the path.
func (b *brush) stroke(s stroke) {
	b.MoveTo(s.points[0].x, s.points[0].y)
	if s.straight {
		for _, p := range s.points[1:] {
			b.LineTo(p.x, p.y)
		}
		return
	}
	b.curves(s.points)
}

// curves adds cubic Bézier curves to the path, after the first point.
func (b *brush) curves(points []point) {
	for i := 1; i+2 < len(points); i += 3 {
		b.CubicTo(points[i].x, points[i].y, points[i+1].x, points[i+1].y, points[i+2].x, points[i+2].y)
	}
}

// texts draws texts in the colors of a level.
func (b *brush) texts(texts []text, level string) error {
	for _, t := range texts {
		name := "mute"
		switch t.textStyle {
		case titleStyle, nameStyle, rowStyle, markStyle:
			name = "ink"
		case volumeStyle, alarmStyle, slowStyle:
			name = leveled(level, "ink")
		}
		b.SetColor(b.rgb(name))
		if err := b.text(t); err != nil {
			return err
		}
	}
	return nil
}

// text draws a text in the current color. The font has the size of the text
// in the bitmap: scaled text would not be sharp.
func (b *brush) text(t text) error {
	b.Push()
	defer b.Pop()
	b.Identity()
	for _, r := range t.runs() {
		face, err := b.face(r.face, t.size)
		if err != nil {
			return err
		}
		b.SetFontFace(face)
		x := t.at.x + r.x
		for has, part := range r.parts() {
			if has {
				b.DrawString(part, x*b.scale, t.at.y*b.scale)
			} else {
				b.missing(t, part, x)
			}
			x += t.width(part)
		}
	}
	return nil
}

// missing draws a box in place of each character of a part of a text. The fonts would show nothing
// for a character that they lack.
func (b *brush) missing(t text, part string, x float64) {
	for _, r := range part {
		w := t.width(string(r))
		if w > 0 {
			b.DrawRectangle((x+0.12*w)*b.scale, (t.at.y-0.7*t.size)*b.scale, 0.76*w*b.scale, 0.7*t.size*b.scale)
		}
		x += w
	}
	b.SetLineWidth(0.08 * t.size * b.scale)
	b.Stroke()
}

// face returns the font of a typeface and a size.
func (b *brush) face(t *typeface, size float64) (font.Face, error) {
	key := sized{t, size}
	if face, ok := b.faces[key]; ok {
		return face, nil
	}
	face, err := opentype.NewFace(t.font, &opentype.FaceOptions{Size: size * b.scale, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("setting text: %w", err)
	}
	b.faces[key] = face
	return face, nil
}

// A sized is a typeface with a font size.
type sized struct {
	*typeface
	size float64
}
