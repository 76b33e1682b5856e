package draw

import (
	"cmp"
	"math"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/render"
)

// Labels are placed after the layout: Graphviz with labels on the edges fails on some
// graphs and needs several times as long. A label lies on the curve of its edge, on an
// opaque plate. It moves along the curve until the plate is clear of the cards, of other
// labels and of the curves of other edges. A label without such a place becomes smaller,
// then a number that refers to a list below the graph.

const (
	labelStep   = 7.0 // between the places that are tried
	labelMargin = 5.0 // between a plate and everything else
	lineShown   = 9.0 // of a curve, at both ends of it, that no label hides
)

// placeLabels places the labels of all edges. The most important ones come first.
func (p *plan) placeLabels() {
	order := make([]int, 0, len(p.edges))
	for i := range p.edges {
		if len(p.edges[i].variants) > 0 {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		return
	}
	f := newField(p)
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &p.edges[i], &p.edges[j]
		return cmp.Or(cmp.Compare(b.level, a.level), cmp.Compare(pathLength(a.path), pathLength(b.path)))
	})
	var listed []int
	for _, i := range order {
		if !p.edges[i].placeLabel(f, i) {
			listed = append(listed, i)
		}
	}
	slices.Sort(listed)
	p.list(f, listed)
}

func pathLength(p path) float64 {
	points := p.flatten(20)
	length := 0.0
	for i := 1; i < len(points); i++ {
		length += distance(points[i-1], points[i])
	}
	return length
}

// placeLabel places the largest variant of the label that has a place, and reports whether one has.
// A label with a warning or an error needs less free room around it.
func (e *edge) placeLabel(f *field, index int) bool {
	for _, room := range []spacing{loose, tight} {
		for _, v := range e.variants {
			if at, ok := e.placeFor(f, index, v.size, room); ok {
				e.setLabel(v, at)
				f.occupy(e.label)
				return true
			}
		}
		if e.level == render.Healthy {
			break
		}
	}
	return false
}

// A spacing is the free room that a plate needs.
type spacing struct {
	margin float64 // distance from everything else
	shown  float64 // of the curve, at both ends of it, that the plate does not hide
}

var (
	loose = spacing{labelMargin, lineShown}
	tight = spacing{labelMargin / 2, lineShown / 2}
)

// placeFor returns a place on the curve of the edge for the center of a plate, as near to
// the anchor or the middle of the curve as possible.
func (e *edge) placeFor(f *field, index int, size point, room spacing) (point, bool) {
	points := e.path.flatten(labelStep)
	middle := (len(points) - 1) / 2
	if e.anchor != (point{}) {
		least := math.Inf(1)
		for i, q := range points {
			if d := distance(q, e.anchor); d < least {
				middle, least = i, d
			}
		}
	}
	start, end := points[0], e.head[0]
	for offset := range 2 * len(points) {
		i := middle + (offset+1)/2
		if offset%2 == 1 {
			i = middle - (offset+1)/2
		}
		if i < 0 || i >= len(points) {
			continue
		}
		plate := around(points[i], size)
		if near(plate, start, room.shown) || near(plate, end, room.shown) || f.taken(plate.grown(room.margin), index) {
			continue
		}
		return points[i], true
	}
	return point{}, false
}

// near reports whether a plate would hide the beginning or the end of a curve.
func near(plate rect, end point, shown float64) bool {
	return plate.grown(shown).overlaps(rect{end, end})
}

func around(center, size point) rect {
	return rect{point{center.x - size.x/2, center.y - size.y/2}, point{center.x + size.x/2, center.y + size.y/2}}
}

// cellSize is the size of the cells of a field in pixels.
const cellSize = 48.0

// A field has the occupied places of an image, by square cells.
type field struct {
	lines map[[2]int][]ownLine
	rects map[[2]int][]rect
}

// An ownLine is a segment of the curve of an edge.
type ownLine struct {
	segment
	edge int
}

// newField returns the field of a plan whose cards and curves have their places.
func newField(p *plan) *field {
	f := &field{make(map[[2]int][]ownLine), make(map[[2]int][]rect)}
	for i := range p.cards {
		f.occupy(p.cards[i].rect)
	}
	for i := range p.boxes {
		f.occupy(p.boxes[i].nameRect())
	}
	for i := range p.edges {
		e := &p.edges[i]
		if e.folded {
			continue
		}
		f.add(e.head[0], e.head[1], i)
		f.add(e.head[0], e.head[2], i)
		points := e.path.flatten(6)
		for k := 1; k < len(points); k++ {
			f.add(points[k-1], points[k], i)
		}
	}
	return f
}

func (f *field) add(a, b point, edge int) {
	for c := range cells(bounds(a, b)) {
		f.lines[c] = append(f.lines[c], ownLine{segment{a, b}, edge})
	}
}

func (f *field) occupy(r rect) {
	for c := range cells(r) {
		f.rects[c] = append(f.rects[c], r)
	}
}

// taken reports whether something other than the curve of the edge is in the rectangle.
func (f *field) taken(r rect, edge int) bool {
	for c := range cells(r) {
		for _, o := range f.rects[c] {
			if r.overlaps(o) {
				return true
			}
		}
		for _, l := range f.lines[c] {
			if l.edge != edge && l.crosses(r) {
				return true
			}
		}
	}
	return false
}

// cells returns the cells that a rectangle touches.
func cells(r rect) func(yield func([2]int) bool) {
	return func(yield func([2]int) bool) {
		for x := int(math.Floor(r.min.x / cellSize)); x <= int(math.Floor(r.max.x/cellSize)); x++ {
			for y := int(math.Floor(r.min.y / cellSize)); y <= int(math.Floor(r.max.y/cellSize)); y++ {
				if !yield([2]int{x, y}) {
					return
				}
			}
		}
	}
}

// list numbers the edges whose labels have no place, and adds their labels to the list below the
// graph. If an edge has no place for the number either, the list names it only by its nodes.
func (p *plan) list(f *field, edges []int) {
	number := 0
	for _, i := range edges {
		e := &p.edges[i]
		v := numberVariant(number + 1)
		mark := ""
		if at, ok := e.placeFor(f, i, v.size, loose); ok {
			number++
			mark = v.texts[0].s
			e.setLabel(v, at)
			f.occupy(e.label)
		}
		p.listed = append(p.listed, listedLabel{
			mark:  mark,
			ends:  p.cards[e.from].name + " → " + p.cards[e.to].name,
			texts: e.variants[0].inOneRow(),
			level: e.level,
		})
	}
}
