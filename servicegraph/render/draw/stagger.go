package draw

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// A rank with many cards makes an image long. Staggering splits such a rank into several ranks,
// between which the cards alternate. The image becomes longer across the ranks and shorter along
// them, because two cards of a rank then need only room for the edges to the next ranks between
// them.

// A column is a rank of cards, in order.
type column struct {
	cards         []int
	depth, length float64 // pixels across and along the rank, with the gaps between the cards
}

// columns returns the ranks of a plan whose cards have their places, from the first one. If
// only is not nil, the ranks have only the cards for which it is true.
func (p *plan) columns(only []bool) []column {
	along := func(q point) (along, across float64) {
		if p.topDown {
			return q.x, q.y
		}
		return q.y, q.x
	}
	byCenter := make(map[int][]int)
	for i := range p.cards {
		if p.cards[i].host < 0 {
			_, across := along(p.cards[i].center())
			at := int(math.Round(across))
			byCenter[at] = append(byCenter[at], i)
		}
	}
	var list []column
	for _, at := range slices.Sorted(maps.Keys(byCenter)) {
		c := column{}
		for _, i := range byCenter[at] {
			if only == nil || only[i] {
				length, depth := along(p.cards[i].size())
				c.cards = append(c.cards, i)
				c.depth = max(c.depth, depth)
				c.length += length + cardGap
			}
		}
		slices.SortFunc(c.cards, func(i, j int) int {
			a, _ := along(p.cards[i].min)
			b, _ := along(p.cards[j].min)
			return cmp.Compare(a, b)
		})
		list = append(list, c)
	}
	return list
}

// staggered returns a copy of the plan, which needs another layout, with long ranks split so that
// the image has about the shape of a screen. If the graph has several components, only the largest
// and those at least half as long are split. It returns false if no rank needs to be split.
func (p *plan) staggered() (*plan, bool) {
	var only []bool
	along := func(r rect) float64 { return p.across(r.size()).y }
	length := p.across(point{p.width, p.height}).y
	rank := make([]int, len(p.cards))
	if parts := p.components(); len(parts) > 1 {
		only = make([]bool, len(p.cards))
		length = 0
		for _, part := range parts {
			if along(part.rect) < along(parts[0].rect)/2 {
				continue
			}
			length += along(part.rect)
			for _, i := range part.cards {
				only[i] = true
			}
		}
	}
	columns := p.columns(only)
	parts := split(columns, length, p.rankGap, p.topDown)
	next := 0
	for c, n := range parts {
		for k, i := range columns[c].cards {
			rank[i] = next + k%n
		}
		next += n
	}
	if next == len(columns) {
		return nil, false
	}
	s := p.clone()
	s.minLen = make([]int, len(p.edges))
	for i := range p.edges {
		s.minLen[i] = 1
		if only == nil || only[p.edges[i].from] {
			s.minLen[i] = rank[p.edges[i].to] - rank[p.edges[i].from]
		}
	}
	return s, true
}

// split returns the number of ranks for each column. length is the length of the whole image, which
// is longer than any column because edges need room as well.
func split(columns []column, length, gap float64, topDown bool) []int {
	ratio := screenRatio
	if topDown {
		ratio = 1 / screenRatio
	}
	longest := 1.0
	for _, c := range columns {
		longest = max(longest, c.length)
	}
	parts := make([]int, len(columns))
	// With n times as many ranks, the length of the image is more than a fraction 1/n of the former
	// length, because edges that pass by need room.
	for limit := longest; ; limit *= 0.92 {
		depth := 0.0
		for c, column := range columns {
			parts[c] = max(int(math.Ceil(column.length/limit)), 1)
			depth += float64(parts[c]) * (column.depth + gap)
		}
		estimate := length * (0.3 + 0.7*limit/longest)
		if depth >= estimate*ratio || limit < 300 {
			return parts
		}
	}
}

// clone returns a copy of the plan whose cards and edges can be moved.
func (p *plan) clone() *plan {
	c := *p
	c.cards, c.edges, c.boxes = slices.Clone(p.cards), slices.Clone(p.edges), slices.Clone(p.boxes)
	for i := range c.cards {
		c.cards[i].texts = slices.Clone(c.cards[i].texts)
	}
	for i := range c.edges {
		c.edges[i].path = slices.Clone(c.edges[i].path)
	}
	return &c
}
