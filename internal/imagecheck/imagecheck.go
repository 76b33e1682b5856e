// Package imagecheck measures the SVG images of package draw: what they show, whether each
// label belongs to its edge, and how many edges cross.
package imagecheck

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Result counts the parts of an image and its faults.
type Result struct {
	Width, Height float64 // pixels
	Nodes, Edges  int
	Labels        int // labels on edges, including numbers that refer to the list
	Numbered      int // labels that are such numbers
	Listed        int // entries of the list

	Hit       int // labels with the line of a foreign edge through them
	Misplaced int // labels that are nearer to a foreign edge than to their own
	OverNode  int // labels that overlap a node
	OverLabel int // pairs of labels that overlap
	Through   int // pairs of an edge and a foreign node that the edge crosses
	Crossings int // pairs of edges that cross; edges with a common node do not count
}

// String returns the faults of the labels.
func (r Result) String() string {
	return fmt.Sprintf("of %d labels, %d with a foreign edge through them, %d nearer to a foreign edge, %d over a node, %d over a label",
		r.Labels, r.Hit, r.Misplaced, r.OverNode, r.OverLabel)
}

// Faults returns the number of faults of the labels.
func (r Result) Faults() int { return r.Hit + r.Misplaced + r.OverNode + r.OverLabel }

type point struct{ x, y float64 }

type rect struct{ min, max point }

type edge struct {
	id, from, to string
	line
}

type label struct {
	edge  string
	rect  rect
	plate bool // the label has a plate, and rect is the plate
}

type node struct {
	id    string
	rect  rect
	small bool // a row in another node
}

// An image is the content of an SVG.
type image struct {
	result Result
	edges  []edge
	labels []label
	nodes  []node
}

// Measure reads an image.
func Measure(svg io.Reader) (Result, error) {
	var m image
	if err := m.read(svg); err != nil {
		return Result{}, fmt.Errorf("reading SVG: %w", err)
	}
	r := &m.result
	r.Nodes, r.Edges, r.Labels = len(m.nodes), len(m.edges), len(m.labels)
	m.measureLabels()
	m.measureEdges()
	return *r, nil
}

// read parses the elements of an SVG. It recognizes the classes that package draw documents.
func (m *image) read(svg io.Reader) error {
	r := reader{image: m}
	dec := xml.NewDecoder(svg)
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := r.start(t); err != nil {
				return err
			}
		case xml.CharData:
			if r.inText && r.group().class == "label" {
				m.addText(r.at, r.size, string(t))
			}
		case xml.EndElement:
			if t.Name.Local == "g" {
				r.groups = r.groups[:len(r.groups)-1]
			}
			r.inText = false
		}
	}
}

// A reader adds the elements of an SVG to an image.
type reader struct {
	*image
	groups []group // the open groups, the innermost last
	inText bool
	at     point   // of the text
	size   float64 // of its font
}

// A group is a g element.
type group struct {
	class string // the first one
	attrs []xml.Attr
}

// group returns the innermost open group, and an empty group outside all groups.
func (r *reader) group() group {
	if len(r.groups) == 0 {
		return group{}
	}
	return r.groups[len(r.groups)-1]
}

// start reads the start of an element.
func (r *reader) start(t xml.StartElement) error {
	class, within := attr(t.Attr, "class"), r.group()
	switch t.Name.Local {
	case "svg":
		r.result.Width, r.result.Height = number(t, "width"), number(t, "height")
	case "g":
		r.open(class, t.Attr)
	case "rect":
		switch {
		case within.class == "label":
			l := &r.labels[len(r.labels)-1]
			l.rect, l.plate = area(t), true
		case within.class == "node" && class == "card":
			r.addNode(t, attr(within.attrs, "data-node"))
		}
	case "path":
		if within.class == "edge" && class == "line" {
			return r.addEdge(attr(t.Attr, "d"), within.attrs)
		}
	case "text":
		r.at, r.size, r.inText = point{number(t, "x"), number(t, "y")}, number(t, "font-size"), true
		if class == "listed" {
			r.result.Listed++
		}
	}
	return nil
}

// open opens a group.
func (r *reader) open(class string, attrs []xml.Attr) {
	first, _, _ := strings.Cut(class, " ")
	r.groups = append(r.groups, group{first, attrs})
	if first != "label" {
		return
	}
	r.labels = append(r.labels, label{edge: attr(attrs, "data-edge")})
	if slices.Contains(strings.Fields(class), "numbered") {
		r.result.Numbered++
	}
}

// addEdge adds an edge with the path of its line and the attributes of its group.
func (m *image) addEdge(d string, of []xml.Attr) error {
	points, err := flatten(d)
	if err != nil {
		return err
	}
	m.edges = append(m.edges, edge{id: attr(of, "data-edge"), from: attr(of, "data-from"), to: attr(of, "data-to"), line: newLine(points)})
	return nil
}

// addNode adds the card of a node. A node with two cards is a group; the first card counts.
func (m *image) addNode(t xml.StartElement, id string) {
	r := area(t)
	if len(m.nodes) > 0 && m.nodes[len(m.nodes)-1].id == id {
		return
	}
	m.nodes = append(m.nodes, node{id, r, r.max.y-r.min.y < 40})
}

// addText adds a text to the last label, unless the label has a plate. A character is about 0.55 times as wide as the
// font is high.
func (m *image) addText(at point, size float64, s string) {
	r := rect{point{at.x, at.y - 0.75*size}, point{at.x + 0.55*size*float64(utf8.RuneCountInString(s)), at.y + 0.15*size}}
	l := &m.labels[len(m.labels)-1]
	if l.plate {
		return
	}
	if l.rect == (rect{}) {
		l.rect = r
		return
	}
	l.rect = rect{point{min(l.rect.min.x, r.min.x), min(l.rect.min.y, r.min.y)}, point{max(l.rect.max.x, r.max.x), max(l.rect.max.y, r.max.y)}}
}

func (m *image) measureLabels() {
	for i, l := range m.labels {
		own, foreign := math.Inf(1), math.Inf(1)
		for _, e := range m.edges {
			if e.id == l.edge {
				own = e.distance(l.rect, own)
				continue
			}
			foreign = e.distance(l.rect, foreign)
		}
		if foreign == 0 {
			m.result.Hit++
		}
		if foreign < own {
			m.result.Misplaced++
		}
		for _, n := range m.nodes {
			if n.rect.overlaps(l.rect) {
				m.result.OverNode++
				break
			}
		}
		for _, o := range m.labels[:i] {
			if o.rect.overlaps(l.rect) {
				m.result.OverLabel++
			}
		}
	}
}

func (m *image) measureEdges() {
	for i, e := range m.edges {
		for _, n := range m.nodes {
			if n.id != e.from && n.id != e.to && !n.small && !m.inside(e, n) && e.distance(n.rect, math.Inf(1)) == 0 {
				m.result.Through++
			}
		}
		for _, f := range m.edges[:i] {
			if e.from != f.from && e.from != f.to && e.to != f.from && e.to != f.to && e.crosses(&f.line) {
				m.result.Crossings++
			}
		}
	}
}

// inside reports whether an edge lies inside a node, like the edge from a node to a row of the same
// node.
func (m *image) inside(e edge, n node) bool {
	a, b := e.points[0], e.points[len(e.points)-1]
	return n.rect.contains(a) && n.rect.contains(b)
}

func (r rect) contains(p point) bool {
	return r.min.x <= p.x && p.x <= r.max.x && r.min.y <= p.y && p.y <= r.max.y
}

func (r rect) overlaps(o rect) bool {
	return r.min.x < o.max.x && o.min.x < r.max.x && r.min.y < o.max.y && o.min.y < r.max.y
}

// flatten returns points along a path of cubic curves, at most about three pixels apart.
func flatten(d string) ([]point, error) {
	fields := strings.FieldsFunc(d, func(r rune) bool { return strings.ContainsRune("MC ,", r) })
	var p []point
	for i := 0; i+1 < len(fields); i += 2 {
		x, err1 := strconv.ParseFloat(fields[i], 64)
		y, err2 := strconv.ParseFloat(fields[i+1], 64)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("path %.60q", d)
		}
		p = append(p, point{x, y})
	}
	if len(p) < 4 || len(p)%3 != 1 {
		return nil, fmt.Errorf("path %.60q: want cubic curves", d)
	}
	points := p[:1:1]
	for i := 1; i+2 < len(p); i += 3 {
		a, b, c, d := p[i-1], p[i], p[i+1], p[i+2]
		length := math.Hypot(b.x-a.x, b.y-a.y) + math.Hypot(c.x-b.x, c.y-b.y) + math.Hypot(d.x-c.x, d.y-c.y)
		n := max(int(length/3), 2)
		for k := 1; k <= n; k++ {
			t := float64(k) / float64(n)
			u := 1 - t
			w0, w1, w2, w3 := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
			points = append(points, point{w0*a.x + w1*b.x + w2*c.x + w3*d.x, w0*a.y + w1*b.y + w2*c.y + w3*d.y})
		}
	}
	return points, nil
}

// area returns the area of a rect element.
func area(t xml.StartElement) rect {
	x, y := number(t, "x"), number(t, "y")
	return rect{point{x, y}, point{x + number(t, "width"), y + number(t, "height")}}
}

func attr(attrs []xml.Attr, name string) string {
	for _, a := range attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// number returns the value of an attribute; 0 if it is missing or no number.
func number(t xml.StartElement, name string) float64 {
	v, _ := strconv.ParseFloat(attr(t.Attr, name), 64)
	return v
}
