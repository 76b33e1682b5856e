package draw

import (
	"cmp"
	"math"
	"slices"
)

// A layering lays out a graph without Graphviz: plainer, but for every graph and in a time that
// grows with the number of edges and the ranks that they span. Nodes are in ranks. Edges lead to
// later ranks, except where a cycle makes that impossible. An edge that spans several ranks has a
// point in each rank between its ends. The order within a rank follows the neighbors, as in the
// method of Sugiyama.
type layering struct {
	slots []slot
	ranks [][]int // slots by rank, in order
	edges []laidEdge
}

// A slot is a card, or a point of an edge.
type slot struct {
	card          int // -1 for a point
	rank          int
	length, depth float64 // size along the rank and across the ranks
	at            float64 // center along the rank
	before, after []int   // neighbors in the previous and the next rank
}

// A laidEdge is an edge with its slots, from the caller to the callee.
type laidEdge struct {
	edge  int
	slots []int
}

const (
	sweeps    = 12   // passes over all ranks to order and to straighten
	pointSize = 10.0 // room for an edge between cards

	// maxPoints limits the points of edges, and so the time and the size of the image. The
	// edges of a graph with more of them lead straight over the cards between their ends.
	maxPoints = 20_000
	layerGap  = 16.0 // between neighbors of a rank
)

// placeByLayers places the cards and the edges.
func (p *plan) placeByLayers() {
	l := p.newLayering()
	for i := range sweeps {
		l.order(i%2 == 0)
	}
	for i := range sweeps {
		l.straighten(i%2 == 0)
	}
	p.apply(l)
}

func (p *plan) newLayering() *layering {
	l := new(layering)
	slotOf := make([]int, len(p.cards))
	rank := p.rankCards()
	points := 0
	for i := range p.edges {
		points += max(rank[p.edges[i].to]-rank[p.edges[i].from], rank[p.edges[i].from]-rank[p.edges[i].to], 1) - 1
	}
	for i := range p.cards {
		c := &p.cards[i]
		slotOf[i] = -1
		if c.host < 0 {
			s := slot{card: i, rank: rank[i], length: c.height(), depth: c.width()}
			if p.topDown {
				s.length, s.depth = s.depth, s.length
			}
			slotOf[i] = l.add(s)
		}
	}
	for i := range p.edges {
		e := &p.edges[i]
		if e.folded {
			continue
		}
		laid := laidEdge{edge: i, slots: []int{slotOf[e.from]}}
		step := cmp.Compare(rank[e.to], rank[e.from])
		if step != 0 && points <= maxPoints {
			for r := rank[e.from] + step; r != rank[e.to]; r += step {
				laid.slots = append(laid.slots, l.add(slot{card: -1, rank: r, length: pointSize}))
			}
		}
		laid.slots = append(laid.slots, slotOf[e.to])
		for k := 1; k < len(laid.slots) && step != 0 && points <= maxPoints; k++ {
			a, b := laid.slots[k-1], laid.slots[k]
			if step < 0 {
				a, b = b, a
			}
			l.slots[a].after = append(l.slots[a].after, b)
			l.slots[b].before = append(l.slots[b].before, a)
		}
		l.edges = append(l.edges, laid)
	}
	return l
}

func (l *layering) add(s slot) int {
	for len(l.ranks) <= s.rank {
		l.ranks = append(l.ranks, nil)
	}
	i := len(l.slots)
	l.slots = append(l.slots, s)
	l.ranks[s.rank] = append(l.ranks[s.rank], i)
	return i
}

// rankCards returns the rank of each card: one more than the largest rank of its callers. Edges
// that close a cycle do not count.
func (p *plan) rankCards() []int {
	out := make([][]int, len(p.cards))
	called := make([]bool, len(p.cards))
	for i := range p.edges {
		e := &p.edges[i]
		if !e.folded && e.from != e.to {
			out[e.from] = append(out[e.from], e.to)
			called[e.to] = true
		}
	}
	// A depth-first search, without recursion because a chain may be long, puts callees
	// before their callers.
	const (
		unseen = iota
		open
		done
	)
	state, next := make([]int, len(p.cards)), make([]int, len(p.cards))
	var finished []int
	forward := make([][]int, len(p.cards))
	visit := func(root int) {
		stack := []int{root}
		state[root] = open
		for len(stack) > 0 {
			n := stack[len(stack)-1]
			if next[n] == len(out[n]) {
				state[n] = done
				finished = append(finished, n)
				stack = stack[:len(stack)-1]
				continue
			}
			m := out[n][next[n]]
			next[n]++
			if state[m] == open {
				continue // closes a cycle
			}
			forward[n] = append(forward[n], m)
			if state[m] == unseen {
				state[m] = open
				stack = append(stack, m)
			}
		}
	}
	for _, first := range []bool{true, false} {
		for n := range p.cards {
			if state[n] == unseen && !(first && called[n]) {
				visit(n)
			}
		}
	}
	rank := make([]int, len(p.cards))
	for _, n := range slices.Backward(finished) {
		for _, m := range forward[n] {
			rank[m] = max(rank[m], rank[n]+1)
		}
	}
	return rank
}

// order sorts each rank by the mean position of the neighbors in the rank before, or, if
// down is false, in the rank after.
func (l *layering) order(down bool) {
	position, mean := make([]float64, len(l.slots)), make([]float64, len(l.slots))
	for _, rank := range l.ranks {
		for k, s := range rank {
			position[s] = float64(k)
		}
	}
	l.sweep(down, func(rank []int) {
		for k, s := range rank {
			mean[s] = meanOf(l.neighbors(s, down), position, float64(k))
		}
		slices.SortStableFunc(rank, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
		for k, s := range rank {
			position[s] = float64(k)
		}
	})
}

// straighten moves the slots of each rank towards the mean of their neighbors, as far as
// the order and the gaps allow.
func (l *layering) straighten(down bool) {
	at := make([]float64, len(l.slots))
	for i := range l.slots {
		at[i] = l.slots[i].at
	}
	l.sweep(down, func(rank []int) {
		wish := make([]float64, len(rank))
		for k, s := range rank {
			wish[k] = meanOf(l.neighbors(s, down), at, at[s])
		}
		// The mean of the least and the greatest allowed places keeps a rank centered.
		low, high := make([]float64, len(rank)), make([]float64, len(rank))
		for k := range rank {
			low[k] = wish[k]
			if k > 0 {
				low[k] = max(low[k], low[k-1]+l.gap(rank[k-1], rank[k]))
			}
		}
		for k := len(rank) - 1; k >= 0; k-- {
			high[k] = wish[k]
			if k < len(rank)-1 {
				high[k] = min(high[k], high[k+1]-l.gap(rank[k], rank[k+1]))
			}
		}
		for k, s := range rank {
			at[s] = (low[k] + high[k]) / 2
		}
	})
	for i := range l.slots {
		l.slots[i].at = at[i]
	}
}

// gap returns the smallest distance between the centers of two neighbors.
func (l *layering) gap(a, b int) float64 {
	return (l.slots[a].length+l.slots[b].length)/2 + layerGap
}

func (l *layering) sweep(down bool, visit func(rank []int)) {
	if down {
		for _, rank := range l.ranks {
			visit(rank)
		}
		return
	}
	for _, rank := range slices.Backward(l.ranks) {
		visit(rank)
	}
}

func (l *layering) neighbors(s int, down bool) []int {
	if down {
		return l.slots[s].before
	}
	return l.slots[s].after
}

func meanOf(slots []int, values []float64, none float64) float64 {
	if len(slots) == 0 {
		return none
	}
	sum := 0.0
	for _, s := range slots {
		sum += values[s]
	}
	return sum / float64(len(slots))
}

// apply sets the places of the cards and the curves of the edges.
func (p *plan) apply(l *layering) {
	start, depth := l.depths(p.rankGap)
	low := math.Inf(1)
	for i := range l.slots {
		low = min(low, l.slots[i].at-l.slots[i].length/2)
	}
	low -= 2 * loopSize
	place := func(across, along float64) point {
		if p.topDown {
			return point{along - low, across}
		}
		return point{across, along - low}
	}
	for i := range l.slots {
		if s := &l.slots[i]; s.card >= 0 {
			p.cards[s.card].centerAt(place(start[s.rank]+depth[s.rank]/2, s.at))
		}
	}
	for _, laid := range l.edges {
		e := &p.edges[laid.edge]
		if len(laid.slots) == 2 && l.slots[laid.slots[0]].rank == l.slots[laid.slots[1]].rank {
			p.loop(e)
			continue
		}
		p.bend(e, l, laid, start, depth, place)
	}
	r := rect{}
	for i := range p.cards {
		if c := &p.cards[i]; c.host < 0 {
			r = bounds(r.min, r.max, c.min, c.max)
		}
	}
	for i := range p.edges {
		for _, q := range p.edges[i].path {
			r = bounds(r.min, r.max, q)
		}
	}
	p.moveGraph(-r.min.x, -r.min.y)
	p.width, p.height = r.width(), r.height()
}

// depths returns the start of each rank and its size across the ranks.
func (l *layering) depths(gap float64) (start, depth []float64) {
	start, depth = make([]float64, len(l.ranks)), make([]float64, len(l.ranks))
	x := 0.0
	for r, rank := range l.ranks {
		for _, s := range rank {
			depth[r] = max(depth[r], l.slots[s].depth)
		}
		start[r] = x
		x += depth[r] + gap
	}
	return start, depth
}

const (
	headLength = 9.0
	loopSize   = 30.0
)

// bend sets the curve of an edge through its slots. The curve bends only between ranks, so
// that it leads through no card.
func (p *plan) bend(e *edge, l *layering, laid laidEdge, start, depth []float64, place func(across, along float64) point) {
	first, last := &l.slots[laid.slots[0]], &l.slots[laid.slots[len(laid.slots)-1]]
	way := 1.0
	if last.rank < first.rank {
		way = -1
	}
	// The sides of a rank, or of a card in its middle, where edges enter and leave.
	enter := func(rank int, depthOf float64) float64 { return start[rank] + depth[rank]/2 - way*depthOf/2 }
	leave := func(rank int, depthOf float64) float64 { return start[rank] + depth[rank]/2 + way*depthOf/2 }

	points := path{place(leave(first.rank, first.depth), first.at)}
	lineTo := func(q point) { points = append(points, points[len(points)-1], q, q) }
	lineTo(place(leave(first.rank, depth[first.rank]), first.at))
	for _, i := range laid.slots[1:] {
		s := &l.slots[i]
		points = append(points, between(points[len(points)-1], place(enter(s.rank, depth[s.rank])-way*headLength, s.at), p.topDown)...)
		if s.card < 0 {
			lineTo(place(leave(s.rank, depth[s.rank]), s.at))
		}
	}
	tip := enter(last.rank, last.depth)
	lineTo(place(tip-way*headLength, last.at))
	e.setPath(points, place(tip, last.at))
}

// between returns the rest of a curve from a point to another, which leaves and arrives
// across the ranks.
func between(from, to point, topDown bool) path {
	if topDown {
		middle := (from.y + to.y) / 2
		return path{{from.x, middle}, {to.x, middle}, to}
	}
	middle := (from.x + to.x) / 2
	return path{{middle, from.y}, {middle, to.y}, to}
}

// loop sets the curve of an edge between cards of one rank, or from a card to itself. The
// curve leaves and arrives at the top of the card.
func (p *plan) loop(e *edge) {
	from, to := &p.cards[e.from], &p.cards[e.to]
	a, b := point{from.center().x - 12, from.min.y}, point{to.center().x + 12, to.min.y}
	e.setPath(path{a, a.moved(-12, -loopSize), b.moved(12, -loopSize), b.moved(3, -headLength)}, b)
}
