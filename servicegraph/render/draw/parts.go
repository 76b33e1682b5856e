package draw

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// Parts writes the parts of an image as JSON, without their places, for a program that
// computes the layout itself. The HTML report does so when the reader filters the graph.
//
// All texts are measured, and each part has its upper left corner at 0, 0. The object has
// these fields:
//
//   - topDown: the direction of the layout
//   - gaps: distances in pixels, by name
//   - fonts: a list of fonts, each with the class, the size and whether the text is bold
//   - legend: the marks in the image, each with its class, its text, and either the mark as
//     a text or rectangles, a glyph and a line, in a box from 0, -9 to 16, 2
//   - sample: a text, its size and its width w, with which a program can see how wide its own
//     fonts are
//   - nodes: a card for each node, in the order of [servicegraph.Graph.Nodes]
//   - edges: a line for each edge, in the order of [servicegraph.Graph.Edges]; null for a
//     self edge that is not drawn
//
// A card has a class, as in [SVG], a width w, a height h, the radius r of its corners, the
// path of its glyph, its texts, and its tooltip as tip. A card of a group is a stack of two
// cards. The card of an uninstrumented dependency also has a row, for the card of its only
// caller. A line has a class, a width w, a tip, and its possible labels, the largest first.
// Texts are a flat list with four values for each text: the index of its font, the left
// end x and the baseline y, and the text.
//
// Only the Style of the options is used.
type Parts struct{ Options }

// Render writes the parts of an image of g to w.
func (p Parts) Render(w io.Writer, g *servicegraph.Graph) error {
	doc := newPartsWriter(p.Style.TopDown)
	for _, m := range p.Style.Legend(g) {
		doc.Legend = append(doc.Legend, newLegendPart(m))
	}
	captions := p.Style.Captions(g)
	for n := range g.Nodes() {
		namespace := ""
		if n.ID.Namespace != "" {
			namespace = render.NameText(n.ID.Namespace, 40)
		}
		c := newCard(0, n, captions.Node(n), namespace)
		part := doc.card(&c)
		part.Tip = c.tooltip
		if c.dashed() {
			r := newRow(0, n, captions.Node(n), 0)
			row := doc.card(&r)
			part.Row = &row
		}
		doc.Nodes = append(doc.Nodes, part)
	}
	for e := range g.Edges() {
		if e.ID.From == e.ID.To && !p.Style.SelfEdges {
			doc.Edges = append(doc.Edges, nil)
			continue
		}
		k := newEdge(0, e, captions.Edge(e), p.Style.EdgeText)
		doc.Edges = append(doc.Edges, doc.line(&k))
	}
	if err := json.NewEncoder(w).Encode(&doc.partList); err != nil {
		return fmt.Errorf("writing the parts of an image: %w", err)
	}
	return nil
}

// sample is a text whose width shows how much wider or narrower other fonts are than the font in
// which all texts were measured.
const sample = "abcdefghijklmnopqrstuvwxyz-0123456789"

// A partList has the fields that the documentation of [Parts] describes.
type partList struct {
	TopDown bool               `json:"topDown"`
	Gaps    map[string]float64 `json:"gaps"`
	Fonts   []fontPart         `json:"fonts"`
	Legend  []legendPart       `json:"legend"`
	Sample  samplePart         `json:"sample"`
	Nodes   []cardPart         `json:"nodes"`
	Edges   []*linePart        `json:"edges"`
}

type fontPart struct {
	Class string  `json:"class"`
	Size  float64 `json:"size"`
	Bold  bool    `json:"bold,omitempty"`
}

type samplePart struct {
	Text  string  `json:"text"`
	Size  float64 `json:"size"`
	Width float64 `json:"w"`
}

type legendPart struct {
	Class string       `json:"class"`
	Text  string       `json:"text"`
	Mark  string       `json:"mark,omitempty"`
	Rects [][5]float64 `json:"rects,omitempty"` // x, y, width, height and the radius of the corners
	Glyph string       `json:"glyph,omitempty"`
	Line  string       `json:"line,omitempty"`
	Width float64      `json:"w,omitempty"` // of the line
}

type cardPart struct {
	Class  string    `json:"class"`
	Width  float64   `json:"w"`
	Height float64   `json:"h"`
	Radius float64   `json:"r"`
	Glyph  string    `json:"glyph,omitempty"`
	Stack  bool      `json:"stack,omitempty"`
	Entry  bool      `json:"entry,omitempty"` // requests also come from outside, so the numbers are not those of one edge
	Tip    string    `json:"tip,omitempty"`
	Texts  []any     `json:"texts"`
	Row    *cardPart `json:"row,omitempty"`
}

type linePart struct {
	Class  string      `json:"class"`
	Width  float64     `json:"w"`
	Tip    string      `json:"tip"`
	Labels []labelPart `json:"labels,omitempty"`
}

type labelPart struct {
	Width  float64 `json:"w"`
	Height float64 `json:"h"`
	Texts  []any   `json:"texts"`
}

// A partsWriter collects parts and numbers their fonts.
type partsWriter struct {
	partList
	fontOf map[textStyle]int
}

func newPartsWriter(topDown bool) *partsWriter {
	return &partsWriter{
		partList: partList{
			TopDown: topDown,
			Gaps: map[string]float64{
				"edge": edgeGap, "card": cardGap, "rank": rankGap, "labelRoom": labelRoom, "maxLabel": maxLabelGap,
				"label": labelMargin, "step": labelStep, "shown": lineShown,
				"rowHeight": rowHeight, "row": rowGap, "rowIndent": rowIndent, "rowPad": rowPad, "cardPad": cardPad,
				"mostTexts": maxEdgeTexts, "unfolded": maxSmall, "fewNodes": fewNodes, "mostRows": mostRows,
			},
			Legend: []legendPart{},
			Sample: samplePart{sample, statStyle.size, rounded(statStyle.width(sample))},
			Nodes:  []cardPart{}, Edges: []*linePart{},
		},
		fontOf: make(map[textStyle]int),
	}
}

func newLegendPart(m render.LegendItem) legendPart {
	entry := newLegendEntry(m)
	part := legendPart{Class: "sample " + entry.level.String(), Text: m.Text, Mark: m.Kind.Glyph()}
	if c := entry.card; c != nil {
		if c.dashed() {
			part.Class += " peer"
		}
		var cards []rect
		if c.width() > 0 {
			if cards = append(cards, c.rect); c.kind == servicegraph.TypeGroup {
				cards = []rect{c.behind(), c.rect}
			}
		}
		for _, r := range cards {
			part.Rects = append(part.Rects, [5]float64{rounded(r.min.x), rounded(r.min.y), rounded(r.width()), rounded(r.height()), c.radius()})
		}
		for _, s := range c.glyphStrokes() {
			part.Glyph += s.svg()
		}
	}
	if e := entry.line; e != nil {
		part.Class += " " + class(string(e.kind))
		part.Line, part.Width = "M"+xy(e.path[0])+"L"+xy(e.path[len(e.path)-1]), e.width
	}
	return part
}

func (w *partsWriter) card(c *card) cardPart {
	peer := ""
	if c.dashed() {
		peer = " peer"
	}
	part := cardPart{
		Class: "node " + class(string(c.kind)) + " " + c.level.String() + peer,
		Width: rounded(c.width()), Height: rounded(c.height()), Radius: c.radius(),
		Stack: c.kind == servicegraph.TypeGroup, Entry: c.entry, Texts: w.texts(c.texts),
	}
	for _, s := range c.glyphStrokes() {
		part.Glyph += s.svg()
	}
	return part
}

func (w *partsWriter) line(e *edge) *linePart {
	part := &linePart{Class: "edge " + class(string(e.kind)) + " " + e.level.String(), Width: rounded(e.width), Tip: e.tooltip}
	for _, v := range e.variants {
		part.Labels = append(part.Labels, labelPart{rounded(v.size.x), rounded(v.size.y), w.texts(v.texts)})
	}
	return part
}

// texts returns the texts as the fields index, x, y and text, one after the other.
func (w *partsWriter) texts(texts []text) []any {
	list := make([]any, 0, 4*len(texts))
	for _, t := range texts {
		font, known := w.fontOf[t.textStyle]
		if !known {
			font = len(w.Fonts)
			w.fontOf[t.textStyle] = font
			w.Fonts = append(w.Fonts, fontPart{t.class, t.size, t.bold})
		}
		list = append(list, font, rounded(t.at.x), rounded(t.at.y), t.s)
	}
	return list
}

// rounded returns v with at most two decimals.
func rounded(v float64) float64 { return math.Round(100*v) / 100 }
