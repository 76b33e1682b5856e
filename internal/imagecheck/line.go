package imagecheck

import "math"

// A line is the curve of an edge as a sequence of points. A tree of bounds makes it fast to find
// the part of a line near something: a large image has millions of pairs of edges.
type line struct {
	points []point
	bounds []rect // a binary tree: at i the bounds of a part, at 2i+1 and 2i+2 those of its halves
}

// shortPart is the number of segments of a part that is not divided.
const shortPart = 8

func newLine(points []point) line {
	l := line{points: points}
	l.addBounds(0, part{0, len(points) - 1})
	return l
}

// A part of a line is a range of its points, including both ends.
type part struct{ from, to int }

func (p part) isShort() bool { return p.to-p.from <= shortPart }

func (p part) halves() (part, part) {
	middle := (p.from + p.to) / 2
	return part{p.from, middle}, part{middle, p.to}
}

func (l *line) addBounds(i int, p part) {
	for len(l.bounds) <= i {
		l.bounds = append(l.bounds, rect{})
	}
	l.bounds[i] = boundsOf(l.points[p.from : p.to+1])
	if !p.isShort() {
		first, second := p.halves()
		l.addBounds(2*i+1, first)
		l.addBounds(2*i+2, second)
	}
}

// crosses reports whether two lines cross.
func (l *line) crosses(m *line) bool {
	return l.partCrosses(0, part{0, len(l.points) - 1}, m, 0, part{0, len(m.points) - 1})
}

func (l *line) partCrosses(i int, p part, m *line, j int, q part) bool {
	if !l.bounds[i].overlaps(m.bounds[j]) {
		return false
	}
	switch {
	case p.isShort() && q.isShort():
		return crossing(l.points[p.from:p.to+1], m.points[q.from:q.to+1])
	case q.isShort() || !p.isShort() && p.to-p.from > q.to-q.from:
		first, second := p.halves()
		return l.partCrosses(2*i+1, first, m, j, q) || l.partCrosses(2*i+2, second, m, j, q)
	default:
		first, second := q.halves()
		return l.partCrosses(i, p, m, 2*j+1, first) || l.partCrosses(i, p, m, 2*j+2, second)
	}
}

// crossing reports whether two short lines cross.
func crossing(a, b []point) bool {
	for i := 1; i < len(a); i++ {
		box := boundsOf(a[i-1 : i+1])
		for j := 1; j < len(b); j++ {
			if box.overlaps(boundsOf(b[j-1:j+1])) && side(a[i-1], a[i], b[j-1]) != side(a[i-1], a[i], b[j]) && side(b[j-1], b[j], a[i-1]) != side(b[j-1], b[j], a[i]) {
				return true
			}
		}
	}
	return false
}

// side reports on which side of the line from a to b the point c is.
func side(a, b, c point) bool { return (b.x-a.x)*(c.y-a.y)-(b.y-a.y)*(c.x-a.x) > 0 }

// distance returns the distance from the line to a rectangle, or limit if that is less. The points
// are close together, so that distance only considers the points.
func (l *line) distance(r rect, limit float64) float64 {
	return l.partDistance(0, part{0, len(l.points) - 1}, r, limit)
}

func (l *line) partDistance(i int, p part, r rect, limit float64) float64 {
	if apart(l.bounds[i], r) >= limit {
		return limit
	}
	if p.isShort() {
		for _, q := range l.points[p.from : p.to+1] {
			limit = min(limit, apart(rect{q, q}, r))
		}
		return limit
	}
	first, second := p.halves()
	limit = l.partDistance(2*i+1, first, r, limit)
	return l.partDistance(2*i+2, second, r, limit)
}

// apart returns the distance between two rectangles.
func apart(a, b rect) float64 {
	return math.Hypot(max(a.min.x-b.max.x, 0, b.min.x-a.max.x), max(a.min.y-b.max.y, 0, b.min.y-a.max.y))
}

func boundsOf(points []point) rect {
	r := rect{points[0], points[0]}
	for _, p := range points[1:] {
		r = rect{point{min(r.min.x, p.x), min(r.min.y, p.y)}, point{max(r.max.x, p.x), max(r.max.y, p.y)}}
	}
	return r
}
