package draw

import (
	"cmp"
	"math"
	"slices"
)

// A node with many callees that call nothing, or with many callers that nothing calls, would make a
// long rank. If the rank were split, long lines would run side by side. A grid has the cards of
// these leaves in rows instead, and their lines share a trunk. Graphviz sees one card, the grid,
// and one line to it.

const (
	fewestLeaves = 16   // in a grid
	gridLane     = 22.0 // before each row, for the lines
	gridLabel    = 38.0 // before each row without the labels, if the lines have labels
	gridGap      = 16.0 // between the cards of a row
	gridTrunk    = 18.0 // between the side of the grid and its cards
	gridCorner   = 6.0  // radius of the corners of the lines
	gridRatio    = 1.4  // of width to height, which leaves room for the node beside the grid
)

// A grid is a card that stands for several leaves, and an edge, the trunk, that stands for the
// edges of the leaves.
type grid struct {
	card, trunk int   // positions
	edges       []int // of the leaves, by row
	isOut       bool  // the leaves are callees
	columns     int
	cell        point // size of a leaf with the gaps, across the ranks and along them
	lane        float64
}

// gather puts the leaves of nodes that have many leaves into grids of about the given ratio of
// width to height.
func (p *plan) gather(ratio float64) {
	degree := make([]int, len(p.cards))
	for i := range p.edges {
		degree[p.edges[i].from]++
		degree[p.edges[i].to]++
	}
	type hub struct {
		card  int
		isOut bool
	}
	leaves := make(map[hub][]int)
	var hubs []hub
	for i := range p.edges {
		e := &p.edges[i]
		h := hub{e.from, true}
		switch {
		case e.folded || e.from == e.to:
			continue
		case degree[e.to] == 1:
		case degree[e.from] == 1:
			h = hub{e.to, false}
		default:
			continue
		}
		if leaves[h] == nil {
			hubs = append(hubs, h)
		}
		leaves[h] = append(leaves[h], i)
	}
	for _, h := range hubs {
		if len(leaves[h]) >= fewestLeaves {
			p.addGrid(leaves[h], h.isOut, ratio)
		}
	}
}

// leaf returns the position of the card at the end of an edge of the grid.
func (p *plan) leaf(g *grid, edge int) int {
	if g.isOut {
		return p.edges[edge].to
	}
	return p.edges[edge].from
}

// addGrid adds a grid with one end of each of the given edges. Failing edges come first. The
// callees in a grid have the numbers of the calls on their cards, unless requests come from
// outside.
func (p *plan) addGrid(edges []int, isOut bool, ratio float64) {
	g := grid{card: len(p.cards), trunk: len(p.edges), edges: edges, isOut: isOut, lane: gridLane}
	slices.SortStableFunc(g.edges, func(i, j int) int { return cmp.Compare(p.edges[j].level, p.edges[i].level) })
	for _, i := range edges {
		leaf := &p.cards[p.leaf(&g, i)]
		size := p.across(leaf.size())
		g.cell = point{max(g.cell.x, size.x), max(g.cell.y, size.y)}
		leaf.host = g.card
		e := &p.edges[i]
		e.folded = true
		e.width = 1 + (e.width-1)/2
		if isOut && !leaf.entry {
			e.variants = nil
		} else if n := len(e.variants); n > 0 {
			e.variants = e.variants[n-1:] // in one row
			g.lane = max(g.lane, gridLabel+p.across(e.variants[0].size).y)
		}
	}
	g.cell = g.cell.moved(gridGap, g.lane)
	if p.topDown {
		ratio = 1 / ratio
	}
	n := float64(len(edges))
	g.columns = max(int(math.Round(math.Sqrt(n*g.cell.y*ratio/g.cell.x))), 1)
	size := point{float64(g.columns)*g.cell.x + gridTrunk, math.Ceil(n/float64(g.columns)) * g.cell.y}
	p.cards = append(p.cards, card{rect: rect{max: p.across(size)}, host: -1})
	trunk := edge{from: p.edges[edges[0]].from, to: g.card, width: 1}
	if !isOut {
		trunk.from, trunk.to = g.card, p.edges[edges[0]].to
	}
	for _, i := range edges {
		trunk.width = max(trunk.width, p.edges[i].width)
	}
	p.edges = append(p.edges, trunk)
	p.grids = append(p.grids, g)
}

// port returns attributes for Graphviz with which a trunk meets the side of a grid.
func (p *plan) port(edge int) string {
	for i := range p.grids {
		switch g := &p.grids[i]; {
		case g.trunk != edge:
		case g.isOut && p.topDown:
			return " headport=n"
		case g.isOut:
			return " headport=w"
		case p.topDown:
			return " tailport=s"
		default:
			return " tailport=e"
		}
	}
	return ""
}

// placeGrids places the leaves of grids that have their places, and removes the grids.
func (p *plan) placeGrids() {
	for i := range p.grids {
		p.placeGrid(&p.grids[i])
		p.paintLast(&p.grids[i])
	}
	if len(p.grids) > 0 {
		p.cards, p.edges = p.cards[:p.grids[0].card], p.edges[:p.grids[0].trunk]
		p.grids = nil
	}
}

// paintLast sorts the edges of a grid so that edges with failures are painted last. The line that
// all edges share then has their color.
func (p *plan) paintLast(g *grid) {
	slots := slices.Sorted(slices.Values(g.edges))
	list := make([]edge, 0, len(slots))
	for _, i := range slots {
		list = append(list, p.edges[i])
	}
	slices.SortStableFunc(list, func(a, b edge) int { return cmp.Compare(a.level, b.level) })
	for k, i := range slots {
		p.edges[i] = list[k]
	}
}

func (p *plan) placeGrid(g *grid) {
	area, trunk := &p.cards[g.card], &p.edges[g.trunk]
	origin := p.across(area.min)
	left, side, end := origin.x+gridTrunk, origin.x+gridTrunk/2, p.across(trunk.head[0])
	if !g.isOut {
		left, side, end = origin.x, origin.x+float64(g.columns)*g.cell.x+gridTrunk/2, p.across(trunk.path[0])
	}
	for k, i := range g.edges {
		leaf, e := &p.cards[p.leaf(g, i)], &p.edges[i]
		cell := point{left + float64(k%g.columns)*g.cell.x, origin.y + float64(k/g.columns)*g.cell.y}
		size := p.across(leaf.size())
		at := p.across(cell.moved(gridGap/2, g.lane))
		leaf.move(at.x-leaf.min.x, at.y-leaf.min.y)
		leaf.host, e.folded = -1, false
		middle, lane, top := cell.x+gridGap/2+size.x/2, cell.y+gridLane/2, cell.y+g.lane
		e.anchor = p.across(point{middle, (lane + top) / 2})
		if g.isOut {
			way := []point{end, {side, end.y}, {side, lane}, {middle, lane}, {middle, top - headLength}}
			rest := append(straight(p.across(trunk.path[len(trunk.path)-1]), end), cornered(way, gridCorner)...)
			e.setPath(append(slices.Clone(trunk.path), p.allAcross(rest[1:])...), p.across(point{middle, top}))
			continue
		}
		way := []point{{middle, top}, {middle, lane}, {side, lane}, {side, end.y}, end}
		whole := append(p.allAcross(append(path{way[0]}, cornered(way, gridCorner)...)), trunk.path[1:]...)
		e.setPath(whole, trunk.head[0])
	}
}

// allAcross returns a path with the coordinates of its points exchanged if callers are above
// their callees.
func (p *plan) allAcross(points path) path {
	list := make(path, len(points))
	for i, q := range points {
		list[i] = p.across(q)
	}
	return list
}
