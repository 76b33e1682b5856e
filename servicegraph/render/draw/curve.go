package draw

import "math"

// A path is a sequence of cubic Bézier curves: a start point, and three points for each
// curve.
type path []point

// A segment is a straight line.
type segment struct{ a, b point }

// flatten returns points along the path, about step apart.
func (p path) flatten(step float64) []point {
	points := []point{p[0]}
	for i := 1; i+2 < len(p); i += 3 {
		a, b, c, d := p[i-1], p[i], p[i+1], p[i+2]
		length := distance(a, b) + distance(b, c) + distance(c, d)
		n := max(int(math.Ceil(length/step)), 1)
		for k := 1; k <= n; k++ {
			points = append(points, cubic(a, b, c, d, float64(k)/float64(n)))
		}
	}
	return points
}

// cubic returns the point of a cubic Bézier curve for t from 0 to 1.
func cubic(a, b, c, d point, t float64) point {
	u := 1 - t
	w0, w1, w2, w3 := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
	return point{w0*a.x + w1*b.x + w2*c.x + w3*d.x, w0*a.y + w1*b.y + w2*c.y + w3*d.y}
}

func distance(a, b point) float64 { return math.Hypot(b.x-a.x, b.y-a.y) }

// straight returns the path of a line through the points.
func straight(points ...point) path {
	p := path{points[0]}
	for i := 1; i < len(points); i++ {
		p = append(p, points[i-1], points[i], points[i])
	}
	return p
}

// crosses reports whether a part of the segment lies in the rectangle.
func (s segment) crosses(r rect) bool {
	// Clips the segment at the four sides (Liang and Barsky).
	t0, t1 := 0.0, 1.0
	dx, dy := s.b.x-s.a.x, s.b.y-s.a.y
	for _, side := range [...][2]float64{{-dx, s.a.x - r.min.x}, {dx, r.max.x - s.a.x}, {-dy, s.a.y - r.min.y}, {dy, r.max.y - s.a.y}} {
		p, q := side[0], side[1]
		switch {
		case p == 0:
			if q < 0 {
				return false
			}
		case p < 0:
			t0 = max(t0, q/p)
		default:
			t1 = min(t1, q/p)
		}
		if t0 > t1 {
			return false
		}
	}
	return true
}

// grown returns the rectangle with d more on each side.
func (r rect) grown(d float64) rect {
	return rect{point{r.min.x - d, r.min.y - d}, point{r.max.x + d, r.max.y + d}}
}

// overlaps reports whether the rectangles have a point in common.
func (r rect) overlaps(o rect) bool {
	return r.min.x <= o.max.x && o.min.x <= r.max.x && r.min.y <= o.max.y && o.min.y <= r.max.y
}

// bounds returns the smallest rectangle around the points.
func bounds(points ...point) rect {
	r := rect{points[0], points[0]}
	for _, p := range points[1:] {
		r.min = point{min(r.min.x, p.x), min(r.min.y, p.y)}
		r.max = point{max(r.max.x, p.x), max(r.max.y, p.y)}
	}
	return r
}

// missing returns the vector from p to the nearest point of the rectangle; 0, 0 if p is in it.
func (r rect) missing(p point) point {
	return point{max(r.min.x-p.x, 0) - max(p.x-r.max.x, 0), max(r.min.y-p.y, 0) - max(p.y-r.max.y, 0)}
}
