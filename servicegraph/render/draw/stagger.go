package draw

import (
	"cmp"
	"math"
	"slices"
)

// A rank with many cards makes an image tall. Staggering splits such a rank into several
// ranks, between which the cards alternate. The image becomes wider and less tall: between
// two cards of a rank is only room for the edges to the cards of the next ones.

// A column is a rank of cards, from top to bottom.
type column struct {
	cards         []int
	width, height float64 // pixels, with the gaps between the cards
}

// columns returns the ranks of a plan whose cards have their places, from the first one.
func (p *plan) columns() []column {
	byCenter := make(map[int][]int)
	for i := range p.cards {
		if p.cards[i].host < 0 {
			x := int(math.Round(p.cards[i].center().x))
			byCenter[x] = append(byCenter[x], i)
		}
	}
	centers := make([]int, 0, len(byCenter))
	for x := range byCenter {
		centers = append(centers, x)
	}
	slices.Sort(centers)
	var list []column
	for _, x := range centers {
		c := column{cards: byCenter[x]}
		slices.SortFunc(c.cards, func(i, j int) int { return cmp.Compare(p.cards[i].min.y, p.cards[j].min.y) })
		for _, i := range c.cards {
			c.width = max(c.width, p.cards[i].width())
			c.height += p.cards[i].height() + cardGap
		}
		list = append(list, c)
	}
	return list
}

// staggered returns a copy of the plan, which needs another layout, with tall ranks split
// so that the image has about the shape of a screen. It returns false if no rank is to be
// split.
func (p *plan) staggered() (*plan, bool) {
	columns := p.columns()
	parts := split(columns, p.height, p.rankGap)
	rank := make([]int, len(p.cards))
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
		s.minLen[i] = rank[p.edges[i].to] - rank[p.edges[i].from]
	}
	return s, true
}

// split returns the number of ranks for each column. The height is that of the whole
// image, which is more than that of any column because edges need room as well.
func split(columns []column, height, gap float64) []int {
	tallest := 1.0
	for _, c := range columns {
		tallest = max(tallest, c.height)
	}
	parts := make([]int, len(columns))
	// An image of n times as many ranks is less than n times less tall, because of the
	// edges that pass by.
	for limit := tallest; ; limit *= 0.92 {
		width := 0.0
		for c, column := range columns {
			parts[c] = int(math.Ceil(column.height / limit))
			width += float64(parts[c]) * (column.width + gap)
		}
		estimate := height * (0.3 + 0.7*limit/tallest)
		if width >= estimate*screenRatio || limit < 300 {
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
	return &c
}

// scale returns the factor by which the image fits on a screen of 1,600 by 1,000 pixels.
func (p *plan) scale() float64 { return min(1600/p.width, 1000/p.height) }
