package draw

import (
	"cmp"
	"slices"
)

// Graphviz puts the components of a graph, which are parts without a connection, one below the
// other, and aligns their ranks. An image of many small components would be mostly empty. Packing
// puts them in several columns instead, or in several rows if callers are above their callees.

// componentGap is the gap between components in pixels.
const componentGap = 36.0

// A component is a part of a graph without a connection to the rest.
type component struct {
	cards, edges []int
	rect
}

// components returns the components of a plan whose cards and edges have their places, the
// one with the most cards first.
func (p *plan) components() []component {
	root := make([]int, len(p.cards))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for i := range p.edges {
		root[find(p.edges[i].to)] = find(p.edges[i].from)
	}
	var list []component
	at := make(map[int]int)
	of := func(card int) *component {
		r := find(card)
		if _, known := at[r]; !known {
			at[r] = len(list)
			list = append(list, component{})
		}
		return &list[at[r]]
	}
	for i := range p.cards {
		c := of(i)
		if p.cards[i].host < 0 {
			c.include(p.cards[i].min, p.cards[i].max)
		}
		c.cards = append(c.cards, i)
	}
	for i := range p.edges {
		c := of(p.edges[i].from)
		c.edges = append(c.edges, i)
		if !p.edges[i].folded {
			c.include(p.edges[i].path...)
		}
	}
	slices.SortStableFunc(list, func(a, b component) int { return cmp.Compare(len(b.cards), len(a.cards)) })
	return list
}

// include enlarges the rectangle of the component to contain the points. A zero rectangle becomes
// their bounds.
func (c *component) include(points ...point) {
	if c.rect != (rect{}) {
		points = append(points[:len(points):len(points)], c.min, c.max)
	}
	c.rect = bounds(points...)
}

// pack packs the components of a plan whose cards and edges have their places, and reports whether
// everything then appears larger on a screen. A plan with boxes stays as it is, because a box may
// have cards of several components.
func (p *plan) pack() bool {
	if len(p.boxes) > 0 {
		return false
	}
	list := p.components()
	if len(list) < 2 {
		return false
	}
	across := func(c component) float64 {
		if p.topDown {
			return c.height()
		}
		return c.width()
	}
	slices.SortStableFunc(list, func(a, b component) int { return cmp.Compare(across(b), across(a)) })
	sizes := make([]point, len(list))
	total := 0.0
	for i, c := range list {
		sizes[i] = c.size()
		if p.topDown {
			sizes[i] = point{c.height(), c.width()}
		}
		total += sizes[i].y + componentGap
	}
	scale := func(size point) float64 {
		if p.topDown {
			size = point{size.y, size.x}
		}
		return min(screenWidth/size.x, screenHeight/size.y)
	}
	places, best := []point(nil), scale(p.across(point{p.width, p.height}))
	for limit := total; limit > total/50; limit *= 0.9 {
		at, size := inColumns(sizes, limit)
		if s := scale(size); s > worth*best || places != nil && s > best {
			places, best = at, s
			p.width, p.height = p.across(size).x, p.across(size).y
		}
	}
	if places == nil {
		return false
	}
	for i, c := range list {
		to := p.across(places[i])
		p.moveComponent(c, to.x-c.min.x, to.y-c.min.y)
	}
	return true
}

// across exchanges the coordinates of a point if callers are above their callees.
func (p *plan) across(q point) point {
	if p.topDown {
		return point{q.y, q.x}
	}
	return q
}

// inColumns returns the upper left corners of rectangles in columns of about the given height
// at most, and the size of all of them.
func inColumns(sizes []point, limit float64) (corners []point, size point) {
	x, y, width := 0.0, 0.0, 0.0
	for _, s := range sizes {
		if y > 0 && y+s.y > limit {
			x, y, width = x+width+2*componentGap, 0, 0
		}
		corners = append(corners, point{x, y})
		width = max(width, s.x)
		y += s.y + componentGap
		size = point{max(size.x, x+s.x), max(size.y, y-componentGap)}
	}
	return corners, size
}

// moveComponent moves the cards and the edges of a component.
func (p *plan) moveComponent(c component, dx, dy float64) {
	for _, i := range c.cards {
		p.cards[i].move(dx, dy)
	}
	for _, i := range c.edges {
		p.edges[i].move(dx, dy)
	}
}
