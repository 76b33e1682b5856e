package draw

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// Graphviz gets the size of everything and returns the places. Graphviz never sees a
// name or a text: the nodes are n0, n1 and so on, the boxes cluster_0, the edges e0.

// A plan is a scene whose parts have sizes and no places yet.
type plan struct {
	scene
	topDown bool
	boxOf   []int // index of the box of each card, -1 for none
}

// newPlan measures the parts of an image of g.
func newPlan(g *servicegraph.Graph, style render.Style) *plan {
	p := &plan{topDown: style.TopDown}
	captions := style.Captions(g)
	index := p.addCards(g, captions)
	i := 0
	for e := range g.Edges() {
		if style.SelfEdges || e.ID.From != e.ID.To {
			k := newEdge(i, e, captions.Edge(e), style.EdgeText)
			k.from, k.to = index[e.ID.From], index[e.ID.To]
			p.edges = append(p.edges, k)
		}
		i++
	}
	return p
}

// addCards adds the cards of the nodes and the boxes of their namespaces. It returns the
// index of each node.
func (p *plan) addCards(g *servicegraph.Graph, captions render.Captions) map[servicegraph.NodeID]int {
	index := make(map[servicegraph.NodeID]int, g.NumNodes())
	namespace := ""
	for n := range g.Nodes() { // sorted by namespace, nodes without a namespace first
		in := -1
		if n.ID.Namespace != "" {
			if n.ID.Namespace != namespace {
				namespace = n.ID.Namespace
				p.boxes = append(p.boxes, box{
					name:    text{textStyle: boxStyle, s: render.NameText(namespace, 40)},
					tooltip: "namespace " + render.NameText(namespace, 2000),
				})
			}
			in = len(p.boxes) - 1
		}
		index[n.ID] = len(p.cards)
		p.boxOf = append(p.boxOf, in)
		p.cards = append(p.cards, newCard(len(p.cards), n, captions.Node(n)))
	}
	return index
}

// pointsPerInch is a unit of Graphviz. A point of Graphviz is a pixel of the scene.
const pointsPerInch = 72

// dot returns the graph for Graphviz to lay out.
func (p *plan) dot() []byte {
	var b strings.Builder
	direction := "LR"
	if p.topDown {
		direction = "TB"
	}
	fmt.Fprintf(&b, "digraph g {\ngraph [rankdir=%s nodesep=0.38 ranksep=0.62%s];\nnode [shape=box fixedsize=true label=\"\"];\nedge [arrowsize=0.8];\n", direction, p.effort())
	p.writeNodes(&b)
	for i := range p.edges {
		e := &p.edges[i]
		fmt.Fprintf(&b, "n%d -> n%d [id=e%d penwidth=%s", e.from, e.to, i, number(e.width))
		if len(e.texts) > 0 {
			fmt.Fprintf(&b, " label=%s", space(e.label.width()+8, e.label.height()+3))
		}
		b.WriteString("];\n")
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

// writeNodes writes the nodes, those of a box in a cluster.
func (p *plan) writeNodes(b *strings.Builder) {
	in := -1
	for i := range p.cards {
		c := &p.cards[i]
		if box := p.boxOf[i]; box != in {
			if in >= 0 {
				b.WriteString("}\n")
			}
			in = box
			name := p.boxes[box].name
			fmt.Fprintf(b, "subgraph cluster_%d {\nmargin=14 labeljust=l label=%s;\n", box, space(name.width(name.s)+8, 13))
		}
		fmt.Fprintf(b, "n%d [width=%s height=%s];\n", i, number(c.width()/pointsPerInch), number(c.height()/pointsPerInch))
	}
	if in >= 0 {
		b.WriteString("}\n")
	}
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
