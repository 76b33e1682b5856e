package draw

import (
	"cmp"
	"math"
	"slices"
)

// A long chain of calls makes an image long across the ranks. Wrapping cuts such an image between
// ranks into bands, which are below each other like the lines of a text. An edge that is cut leads
// around the ends of the bands. If callers are above their callees, the bands are next to each
// other; the code exchanges the coordinates and otherwise treats the calls as if they led from left
// to right.

const (
	maxLanes   = 10   // edges that one cut may divide
	laneGap    = 9.0  // between edges that lead around the ends of bands
	bandGap    = 30.0 // between bands, without the edges between them
	laneCorner = 8.0  // radius of the corners of such edges

	// wrapWorth is the factor by which everything must appear larger on the screen to make bands
	// worthwhile, because bands are harder to follow than one line. laneWorth adds to the factor
	// for each edge through a cut.
	wrapWorth = 1.25
	laneWorth = 0.12
)

// A cut is a place between two ranks where the image can be cut.
type cut struct {
	at    float64
	lanes int // edges that it divides
}

// wrapped returns a copy of the plan in bands, if everything then appears much larger on a screen.
// The bands may take the fraction share of the room along the ranks. The cards and edges of the
// plan must have their places.
func (p *plan) wrapped(share float64) (*plan, bool) {
	if len(p.boxes) > 0 || p.scale() >= 1 {
		return nil, false
	}
	possible := p.cuts()
	w := &wrapping{plan: p.clone(), length: p.across(point{p.width, p.height}).x, share: share}
	best := 0.0
	var cuts []cut
	for limit := 0.6 * w.length; limit > w.length/100; limit *= 0.85 {
		list, ok := choose(possible, w.length, limit)
		if !ok {
			break
		}
		if gain := w.estimate(list) / p.scale() / worthOf(list); gain > max(best, 1) {
			best, cuts = gain, list
		}
	}
	if cuts == nil || !w.apply(cuts) {
		return nil, false
	}
	return w.plan, w.scale() > worthOf(cuts)*p.scale()
}

// wrappedApart returns a copy of the plan whose components are wrapped one by one, and then packed.
// It returns false if no component is wrapped.
func (p *plan) wrappedApart() (*plan, bool) {
	list := p.components()
	if len(list) < 2 || len(p.boxes) > 0 {
		return nil, false
	}
	whole, any := p.clone(), false
	across := func(c component) float64 { return p.across(c.size()).x }
	total := 0.0
	for _, c := range list {
		total += across(c)
	}
	for _, c := range list {
		alone := p.only(c)
		alone.moveComponent(c, -c.min.x, -c.min.y)
		alone.width, alone.height = c.width(), c.height()
		w, ok := alone.wrapped(across(c) / total)
		if !ok {
			continue
		}
		any = true
		for _, i := range c.cards {
			whole.cards[i] = w.cards[i]
		}
		for _, i := range c.edges {
			whole.edges[i] = w.edges[i]
		}
	}
	if !any {
		return nil, false
	}
	whole.width, whole.height = math.Inf(1), math.Inf(1) // the size is unknown while the components lie over each other
	return whole, whole.pack()
}

// only returns a copy of the plan in which only the cards and edges of one component have places.
// The others have none, just like rows and edges to rows.
func (p *plan) only(c component) *plan {
	alone := p.clone()
	for i := range alone.cards {
		alone.cards[i].host = 0
	}
	for i := range alone.edges {
		alone.edges[i].folded = true
	}
	for _, i := range c.cards {
		alone.cards[i].host = p.cards[i].host
	}
	for _, i := range c.edges {
		alone.edges[i].folded = p.edges[i].folded
	}
	return alone
}

// worthOf returns the factor by which everything must appear larger to make bands between the cuts
// worthwhile.
func worthOf(cuts []cut) float64 {
	lanes := 0
	for _, c := range cuts {
		lanes += c.lanes
	}
	return wrapWorth + laneWorth*float64(lanes)/float64(len(cuts))
}

// cuts returns the places where the image can be cut, the first one first.
func (p *plan) cuts() []cut {
	var list []cut
	end := math.Inf(-1)
	for _, column := range p.columns(nil) {
		from, to := math.Inf(1), math.Inf(-1)
		for _, i := range column.cards {
			from, to = min(from, p.across(p.cards[i].min).x), max(to, p.across(p.cards[i].max).x)
		}
		if from > end+2*laneCorner && !math.IsInf(end, -1) {
			list = append(list, cut{at: (from + end) / 2})
		}
		end = max(end, to)
	}
	for i := range p.edges {
		if p.edges[i].folded {
			continue
		}
		from, to := math.Inf(1), math.Inf(-1)
		for _, q := range p.edges[i].path.flatten(20) {
			from, to = min(from, p.across(q).x), max(to, p.across(q).x)
		}
		for k := range list {
			if from < list[k].at && list[k].at < to {
				list[k].lanes++
			}
		}
	}
	return slices.DeleteFunc(list, func(c cut) bool { return c.lanes > maxLanes })
}

// choose returns cuts that make bands no longer than a limit. It prefers few cuts, and cuts through
// few edges. It returns false if no cuts do that.
func choose(possible []cut, end, limit float64) ([]cut, bool) {
	stops := slices.Concat([]cut{{}}, possible, []cut{{at: end}})
	const (
		edge   = 0.2 // the cost of an edge, as a fraction of the cost of a band
		length = 0.1 // the cost of the longest band; the cost is lowest if bands are about equally long
	)
	cost, from := make([]float64, len(stops)), make([]int, len(stops))
	for i := 1; i < len(stops); i++ {
		cost[i] = math.Inf(1)
		for j := i - 1; j >= 0 && stops[i].at-stops[j].at <= limit; j-- {
			part := (stops[i].at - stops[j].at) / limit
			if c := cost[j] + 1 + edge*float64(stops[i].lanes) + length*part*part; c < cost[i] {
				cost[i], from[i] = c, j
			}
		}
	}
	last := len(stops) - 1
	if math.IsInf(cost[last], 1) {
		return nil, false
	}
	var list []cut
	for i := from[last]; i > 0; i = from[i] {
		list = append(list, stops[i])
	}
	slices.Reverse(list)
	return list, true
}

// A wrapping moves the parts of a plan into bands.
type wrapping struct {
	*plan
	length float64 // across the ranks
	share  float64 // of the room along the ranks
	bands  []band
}

// A band is the part of an image between two cuts.
type band struct {
	from, to    float64 // across the ranks, before the band is moved
	top, bottom float64 // along the ranks
	dx, dy      float64 // the vector to the place of the band
	lanes       []lane  // to the next band
}

// A lane is the path of an edge from the end of a band to the start of the next band.
type lane struct {
	along float64 // of the cut, before the bands are moved
	edge  int
	piece int // of the edge, before the lane
}

// A piece is a part of a curve in one band.
type piece struct {
	band  int
	curve path
}

// split sets the bands, with the extent of their cards.
func (w *wrapping) split(cuts []cut) {
	w.bands = make([]band, len(cuts)+1)
	for i := range w.bands {
		w.bands[i] = band{to: w.length, top: math.Inf(1), bottom: math.Inf(-1)}
		if i > 0 {
			w.bands[i].from = cuts[i-1].at
			w.bands[i-1].to = cuts[i-1].at
		}
	}
	for i := range w.cards {
		if c := &w.cards[i]; c.host < 0 {
			w.bands[w.bandAt(w.across(c.center()).x)].include(w.across(c.min), w.across(c.max))
		}
	}
}

// bandAt returns the band of a place across the ranks.
func (w *wrapping) bandAt(x float64) int {
	i, _ := slices.BinarySearchFunc(w.bands, x, func(b band, x float64) int { return cmp.Compare(b.to, x) })
	return min(i, len(w.bands)-1)
}

func (b *band) include(points ...point) {
	for _, q := range points {
		b.top, b.bottom = min(b.top, q.y), max(b.bottom, q.y)
	}
}

// estimate returns the scale at which bands fit the screen.
func (w *wrapping) estimate(cuts []cut) float64 {
	w.split(cuts)
	size := point{}
	for i := range w.bands {
		b := &w.bands[i]
		size.x = max(size.x, b.to-b.from)
		size.y += max(b.bottom-b.top, 0) + bandGap
		if i > 0 {
			size.y += laneGap * float64(cuts[i-1].lanes)
		}
	}
	size = w.across(size.moved(2*laneGap*maxLanes, 0).scaled(1, 1/w.share))
	return min(screenWidth/size.x, screenHeight/size.y, 1)
}

// apply moves everything into bands. It returns false if an edge cannot be cut.
func (w *wrapping) apply(cuts []cut) bool {
	w.split(cuts)
	pieces := make([][]piece, len(w.edges))
	for i := range w.edges {
		e := &w.edges[i]
		if e.folded {
			continue
		}
		pieces[i] = w.piecesOf(e.path)
		for k, part := range pieces[i] {
			w.bands[part.band].include(part.curve.flatten(8)...)
			if k == 0 {
				continue
			}
			before := pieces[i][k-1].band
			if part.band-before != 1 && before-part.band != 1 {
				return false
			}
			b := &w.bands[min(part.band, before)]
			b.lanes = append(b.lanes, lane{part.curve[0].y, i, k - 1})
		}
	}
	w.placeBands()
	for i := range w.cards {
		if c := &w.cards[i]; c.host < 0 {
			b := &w.bands[w.bandAt(w.across(c.center()).x)]
			d := w.across(point{b.dx, b.dy})
			c.move(d.x, d.y)
		}
	}
	for i, list := range pieces {
		if len(list) > 0 {
			w.moveEdge(i, list)
		}
	}
	return true
}

// placeBands sets the vectors of the bands to their places, and the size of the image.
func (w *wrapping) placeBands() {
	most := 0
	for i := range w.bands {
		most = max(most, len(w.bands[i].lanes))
	}
	side := laneGap * float64(most+1)
	size := point{}
	for i := range w.bands {
		b := &w.bands[i]
		slices.SortFunc(b.lanes, func(l, m lane) int { return cmp.Or(cmp.Compare(l.along, m.along), cmp.Compare(l.edge, m.edge)) })
		if i > 0 {
			size.y += bandGap + laneGap*float64(len(w.bands[i-1].lanes))
		}
		b.dx, b.dy = side-b.from, size.y-b.top
		size.x = max(size.x, side+b.to-b.from+laneGap*float64(len(b.lanes)+1))
		size.y += b.bottom - b.top
	}
	size = w.across(size)
	w.width, w.height = size.x, size.y
}

// moveEdge sets the curve of an edge whose pieces are in bands.
func (w *wrapping) moveEdge(i int, list []piece) {
	var whole path
	for k, part := range list {
		b := &w.bands[part.band]
		if k == 0 {
			whole = path{part.curve[0].moved(b.dx, b.dy)}
		} else {
			whole = append(whole, w.turn(i, k-1, list)...)
		}
		for _, q := range part.curve[1:] {
			whole = append(whole, q.moved(b.dx, b.dy))
		}
	}
	for k := range whole {
		whole[k] = w.across(whole[k])
	}
	e := &w.edges[i]
	last := &w.bands[list[len(list)-1].band]
	e.setPath(whole, w.across(w.across(e.head[0]).moved(last.dx, last.dy)))
}

// turn returns the curve from the end of a piece of an edge to the start of the next piece, without
// its first point. Curves in the lanes of a cut do not cross: the upper curve is the outer one at
// the end of the band, and the inner one at the start of the next band.
func (w *wrapping) turn(edge, k int, list []piece) path {
	first := min(list[k].band, list[k+1].band)
	b, next := &w.bands[first], &w.bands[first+1]
	n := slices.IndexFunc(b.lanes, func(l lane) bool { return l.edge == edge && l.piece == k })
	outer := laneGap * float64(len(b.lanes)-n)
	inner := laneGap * float64(n+1)
	along := b.lanes[n].along
	right, left := b.to+b.dx, next.from+next.dx
	between := b.bottom + b.dy + bandGap/2 + outer - laneGap
	points := []point{
		{right, along + b.dy}, {right + outer, along + b.dy}, {right + outer, between},
		{left - inner, between}, {left - inner, along + next.dy}, {left, along + next.dy},
	}
	if list[k].band > first {
		slices.Reverse(points)
	}
	return cornered(points, laneCorner)
}

// cornered returns the path of a line through points, without the first one. Its corners are
// round.
func cornered(points []point, radius float64) path {
	var p path
	at := points[0]
	lineTo := func(q point) {
		p = append(p, at, q, q)
		at = q
	}
	for i := 1; i+1 < len(points); i++ {
		corner, next := points[i], points[i+1]
		before, after := distance(points[i-1], corner), distance(corner, next)
		if before == 0 || after == 0 {
			continue
		}
		r := min(radius, before/2, after/2)
		lineTo(pointAt(corner, points[i-1], r/before))
		end := pointAt(corner, next, r/after)
		p = append(p, corner, corner, end)
		at = end
	}
	lineTo(points[len(points)-1])
	return p
}

// piecesOf cuts a curve where it leads from one band to another.
func (w *wrapping) piecesOf(curve path) []piece {
	var list []piece
	for i := 1; i+2 < len(curve); i += 3 {
		c := bezier{w.across(curve[i-1]), w.across(curve[i]), w.across(curve[i+1]), w.across(curve[i+2])}
		from := 0.0
		for _, to := range append(w.cutsOf(c), 1) {
			part := c.part(from, to)
			from = to
			at := w.bandAt(part.at(0.5).x)
			if n := len(list); n == 0 || list[n-1].band != at {
				list = append(list, piece{at, path{part[0]}})
			}
			last := &list[len(list)-1]
			last.curve = append(last.curve, part[1:]...)
		}
	}
	return list
}

// cutsOf returns the positions at which a curve leads from one band to another, as values from 0 to
// 1.
func (w *wrapping) cutsOf(c bezier) []float64 {
	const steps = 16
	var list []float64
	for i := range w.bands[:len(w.bands)-1] {
		isBefore := func(t float64) bool { return c.at(t).x < w.bands[i].to }
		for k := range steps {
			low, high := float64(k)/steps, float64(k+1)/steps
			before := isBefore(low)
			if isBefore(high) == before {
				continue
			}
			for range 30 {
				if middle := (low + high) / 2; isBefore(middle) == before {
					low = middle
				} else {
					high = middle
				}
			}
			list = append(list, high)
		}
	}
	slices.Sort(list)
	return list
}

// A bezier is a cubic Bézier curve.
type bezier [4]point

func (c bezier) at(t float64) point { return cubic(c[0], c[1], c[2], c[3], t) }

// part returns the part of the curve from a value to a larger one, both from 0 to 1.
func (c bezier) part(from, to float64) bezier {
	if to == 0 {
		return bezier{c[0], c[0], c[0], c[0]}
	}
	return c.start(to).reversed().start(1 - from/to).reversed()
}

// start returns the part of the curve from 0 to a value (de Casteljau).
func (c bezier) start(t float64) bezier {
	ab, bc, cd := pointAt(c[0], c[1], t), pointAt(c[1], c[2], t), pointAt(c[2], c[3], t)
	abc, bcd := pointAt(ab, bc, t), pointAt(bc, cd, t)
	return bezier{c[0], ab, abc, pointAt(abc, bcd, t)}
}

func (c bezier) reversed() bezier { return bezier{c[3], c[2], c[1], c[0]} }

// pointAt returns the point on the line from a to b at a fraction of its length.
func pointAt(a, b point, part float64) point {
	return point{a.x + (b.x-a.x)*part, a.y + (b.y-a.y)*part}
}
