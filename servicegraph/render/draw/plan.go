package draw

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A plan is a scene whose parts have sizes, but no places yet.
type plan struct {
	scene
	topDown bool
	boxOf   []int   // index of the box of each card, -1 for none; empty: no boxes
	minLen  []int   // ranks from the start to the end of each edge; empty: Graphviz ranks the cards
	rankGap float64 // smallest distance between ranks, in pixels
	moreGap float64 // additional distance between cards and edges of a rank
	grids   []grid  // until they have their places

	onlyMarked bool // edges without a warning or an error have no text
}

const (
	// maxSmall is the largest number of nodes in an image with boxes around namespaces, where
	// boxes cost few crossings, and with a card for each node, if that fits a screen. In a
	// larger image, a card names its namespace, and dependencies with one caller are rows in
	// its card.
	maxSmall = 20

	edgeGap   = 10.0 // between edges that pass through a rank, and between them and cards
	cardGap   = 22.0 // between cards of a rank
	rankGap   = 45.0 // between ranks without labels
	labelRoom = 30.0 // between ranks in addition to the width of a label; twice as much with few nodes
	fewNodes  = 8
	mostRows  = 12 // in a card

	// maxLabelGap is the widest label for which there is room between all ranks. A wider label lies
	// on a slanted or a longer edge.
	maxLabelGap = 84.0
)

// A form is a choice between images of one graph: with boxes around namespaces, and with
// dependencies with one caller as rows in the card of the caller.
type form struct {
	boxed, folded bool
	gridRatio     float64 // of width to height of grids; 0 means the constant gridRatio
}

// newPlan measures the parts of an image of g.
func newPlan(g *servicegraph.Graph, style render.Style, f form) *plan {
	p := &plan{topDown: style.TopDown, rankGap: rankGap}
	captions := style.Captions(g)
	var hosts map[servicegraph.NodeID]servicegraph.NodeID
	if f.folded {
		hosts = foldable(g)
	}
	index := p.addCards(g, captions, f.boxed, hosts)
	i := 0
	for e := range g.Edges() {
		if style.SelfEdges || e.ID.From != e.ID.To {
			k := newEdge(i, e, captions.Edge(e), style.EdgeText)
			k.from, k.to = index[e.ID.From], index[e.ID.To]
			if p.cards[k.to].host == k.from {
				k.folded, k.variants = true, nil // the row has the numbers
			}
			p.edges = append(p.edges, k)
		}
		i++
	}
	if !f.boxed {
		p.gather(cmp.Or(f.gridRatio, gridRatio))
	}
	p.makeRoom(style.EdgeText)
	return p
}

// makeRoom widens the gaps between ranks for the labels. In an image with many edges, it removes
// the labels of healthy edges and makes their lines thinner instead, so that the other edges stand
// out.
func (p *plan) makeRoom(labels render.EdgeText) {
	lines, widest := 0, 0.0
	for i := range p.edges {
		e := &p.edges[i]
		if !e.folded {
			lines++
		}
		for _, v := range e.variants {
			across := v.size.x
			if p.topDown {
				across = v.size.y
			}
			widest = max(widest, across)
		}
	}
	if lines <= maxEdgeTexts {
		room := labelRoom
		if len(p.cards) <= fewNodes {
			room *= 2
		}
		if widest > 0 {
			p.rankGap = max(p.rankGap, min(widest, maxLabelGap)+room)
		}
		return
	}
	p.onlyMarked = labels != render.EdgeNone
	for i := range p.edges {
		if e := &p.edges[i]; e.level == render.Healthy {
			e.variants = nil
			e.width = 1 + (e.width-1)/2
		}
	}
}

// foldable returns the uninstrumented dependencies with a single edge, each with its caller. It
// leaves out callers with so many such dependencies that their cards would be too long.
func foldable(g *servicegraph.Graph) map[servicegraph.NodeID]servicegraph.NodeID {
	edges := make(map[servicegraph.NodeID]int, g.NumNodes())
	hosts := make(map[servicegraph.NodeID]servicegraph.NodeID)
	for e := range g.Edges() {
		edges[e.ID.From]++
		edges[e.ID.To]++
		hosts[e.ID.To] = e.ID.From
	}
	rows := make(map[servicegraph.NodeID]int)
	for to, from := range hosts {
		peer := to.Type != servicegraph.TypeService && to.Type != servicegraph.TypeGroup
		if !peer || edges[to] != 1 || from == to {
			delete(hosts, to)
		} else {
			rows[from]++
		}
	}
	maps.DeleteFunc(hosts, func(_, from servicegraph.NodeID) bool { return rows[from] > mostRows })
	return hosts
}

// hasRows reports whether a dependency is a row in a card.
func (p *plan) hasRows() bool {
	return slices.ContainsFunc(p.cards, func(c card) bool { return c.host >= 0 })
}

// addCards adds the cards of the nodes and, if boxed is set, the boxes of their
// namespaces. It returns the index of each node.
func (p *plan) addCards(g *servicegraph.Graph, captions render.Captions, boxed bool, hosts map[servicegraph.NodeID]servicegraph.NodeID) map[servicegraph.NodeID]int {
	index := make(map[servicegraph.NodeID]int, g.NumNodes())
	for n := range g.Nodes() { // sorted by namespace, nodes without a namespace first
		index[n.ID] = len(index)
	}
	namespace := ""
	for n := range g.Nodes() {
		i := len(p.cards)
		if host, folded := hosts[n.ID]; folded {
			p.cards = append(p.cards, newRow(i, n, captions.Node(n), index[host]))
			if boxed {
				p.boxOf = append(p.boxOf, -1)
			}
			continue
		}
		in, shown := -1, ""
		if n.ID.Namespace != "" {
			shown = render.NameText(n.ID.Namespace, 40)
		}
		if n.ID.Namespace != "" && boxed {
			if n.ID.Namespace != namespace {
				namespace = n.ID.Namespace
				p.boxes = append(p.boxes, box{
					name:    text{textStyle: boxStyle, s: shown},
					tooltip: "namespace " + render.NameText(namespace, 2000),
				})
			}
			in, shown = len(p.boxes)-1, ""
		}
		if boxed {
			p.boxOf = append(p.boxOf, in)
		}
		p.cards = append(p.cards, newCard(i, n, captions.Node(n), shown))
	}
	for i := range p.cards {
		if host := p.cards[i].host; host >= 0 {
			p.cards[host].addRow(&p.cards[i], i)
		}
	}
	return index
}

// Graphviz gets the size of everything and returns the places. Graphviz never sees a
// name or a text: the nodes are n0, n1 and so on, the boxes cluster_0, the edges e0. Nor
// does Graphviz place the labels of edges: see placeLabels.

// pointsPerInch is a unit of Graphviz. A point of Graphviz is a pixel of the scene.
const pointsPerInch = 72

// dot returns the graph for Graphviz to lay out.
func (p *plan) dot() []byte {
	var b strings.Builder
	direction := "LR"
	if p.topDown {
		direction = "TB"
	}
	fmt.Fprintf(&b, "digraph g {\ngraph [rankdir=%s nodesep=%s ranksep=%s%s];\nnode [shape=box fixedsize=true label=\"\"];\nedge [arrowsize=0.8];\n",
		direction, number((edgeGap+p.moreGap)/pointsPerInch), number(p.rankGap/pointsPerInch), p.effort())
	p.writeNodes(&b)
	for i := range p.edges {
		e := &p.edges[i]
		if e.folded {
			continue
		}
		fmt.Fprintf(&b, "n%d -> n%d [id=e%d penwidth=%s%s", e.from, e.to, i, number(e.width), p.port(i))
		switch {
		case len(p.minLen) == 0:
		case p.minLen[i] > 0:
			fmt.Fprintf(&b, " minlen=%d", p.minLen[i])
		default: // an edge of a cycle
			b.WriteString(" constraint=false")
		}
		b.WriteString("];\n")
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

// writeNodes writes the nodes. The nodes of a box are in a cluster.
func (p *plan) writeNodes(b *strings.Builder) {
	in := -1
	for i := range p.cards {
		c := &p.cards[i]
		if c.host >= 0 {
			continue
		}
		if box := p.box(i); box != in {
			if in >= 0 {
				b.WriteString("}\n")
			}
			in = box
			name := p.boxes[box].name
			fmt.Fprintf(b, "subgraph cluster_%d {\nmargin=14 labeljust=l label=%s;\n", box, space(name.width(name.s)+8, 13))
		}
		size := c.size().moved(p.padding().x*2, p.padding().y*2)
		fmt.Fprintf(b, "n%d [width=%s height=%s];\n", i, number(size.x/pointsPerInch), number(size.y/pointsPerInch))
	}
	if in >= 0 {
		b.WriteString("}\n")
	}
}

// padding returns the part of the gap between cards that Graphviz treats as a part of the cards, on
// each side. Without padding, edges would need as much room as cards.
func (p *plan) padding() point {
	if p.topDown {
		return point{(cardGap - edgeGap) / 2, 0}
	}
	return point{0, (cardGap - edgeGap) / 2}
}

// attach moves the ends of an edge from the padding of the cards to the cards.
func (p *plan) attach(e *edge, tip point) {
	last := len(e.path) - 1
	d := p.cards[e.from].wayTo(e.path[0], e.path[1])
	e.path[0] = e.path[0].moved(d.x, d.y)
	d = p.cards[e.to].wayTo(tip, e.path[last-1])
	e.path[last] = e.path[last].moved(d.x, d.y)
	e.setPath(e.path, tip.moved(d.x, d.y))
}

// wayTo returns the vector from the end of a curve outside of the card to the card. It follows the
// direction from the control point, if that direction leads to the card.
func (c *card) wayTo(end, control point) point {
	d := c.missing(end)
	dx, dy := end.x-control.x, end.y-control.y
	if d.y != 0 && d.y/dy > 0 {
		if x := dx * d.y / dy; c.missing(end.moved(x, d.y)) == (point{}) {
			return point{x, d.y}
		}
	}
	if d.x != 0 && d.x/dx > 0 {
		if y := dy * d.x / dx; c.missing(end.moved(d.x, y)) == (point{}) {
			return point{d.x, y}
		}
	}
	return d
}

// box returns the index of the box of a card, or -1.
func (p *plan) box(card int) int {
	if len(p.boxOf) == 0 {
		return -1
	}
	return p.boxOf[card]
}

// effort limits how long Graphviz improves the layout of a large graph. In a dense
// graph, the last improvements take most of the time and are hardly visible.
func (p *plan) effort() string {
	if len(p.cards) <= 100 && len(p.edges) <= 200 {
		return ""
	}
	return " nslimit=2 nslimit1=2 mclimit=0.3"
}

// space returns an invisible label of the given size. The cell keeps the default
// padding: without it, the cell would be empty and Graphviz would fail.
func space(width, height float64) string {
	return fmt.Sprintf(`<<TABLE BORDER="0" CELLBORDER="0" FIXEDSIZE="TRUE" WIDTH="%.0f" HEIGHT="%.0f"><TR><TD></TD></TR></TABLE>>`, math.Ceil(width), math.Ceil(height))
}

// number formats a number without an exponent, with at most two decimals.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimRight(s, "0")
	return strings.TrimRight(s, ".")
}
