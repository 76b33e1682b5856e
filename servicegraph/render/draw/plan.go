package draw

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// Graphviz is told how large everything is, and tells where to put it. It gets to see
// no name and no text: nodes are n0, n1 and so on, boxes cluster_0, edges e0.

// A plan is a scene whose things have sizes and no places yet.
type plan struct {
	scene
	topDown bool
	boxOf   []int // the box of each card, -1 for none
}

// newPlan measures what a picture of g shows.
func newPlan(g *servicegraph.Graph, look render.Style) *plan {
	p := &plan{topDown: look.TopDown}
	captions := look.Captions(g)
	index := make(map[servicegraph.NodeID]int, g.NumNodes())
	namespace := ""
	for n := range g.Nodes() { // sorted by namespace, those without one first
		c := captions.Node(n)
		in := -1
		if n.ID.Namespace != "" {
			if n.ID.Namespace != namespace {
				namespace = n.ID.Namespace
				p.boxes = append(p.boxes, box{
					name:    text{style: boxStyle, s: render.NameText(namespace, 40)},
					tooltip: "namespace " + render.NameText(namespace, 2000),
				})
			}
			in = len(p.boxes) - 1
		}
		index[n.ID] = len(p.cards)
		p.boxOf = append(p.boxOf, in)
		p.cards = append(p.cards, newCard(len(p.cards), n, c))
	}
	i := 0
	for e := range g.Edges() {
		if look.SelfEdges || e.ID.From != e.ID.To {
			k := newEdge(i, e, captions.Edge(e), look.EdgeText)
			k.from, k.to = index[e.ID.From], index[e.ID.To]
			p.edges = append(p.edges, k)
		}
		i++
	}
	return p
}

// points is how many points an inch has for Graphviz. One is a pixel here.
const points = 72

// dot returns the graph as Graphviz has to lay it out.
func (p *plan) dot() []byte {
	var b strings.Builder
	direction := "LR"
	if p.topDown {
		direction = "TB"
	}
	fmt.Fprintf(&b, "digraph g {\ngraph [rankdir=%s nodesep=0.38 ranksep=0.62%s];\nnode [shape=box fixedsize=true label=\"\"];\nedge [arrowsize=0.8];\n", direction, p.effort())
	in := -1
	for i := range p.cards {
		c := &p.cards[i]
		if box := p.boxOf[i]; box != in {
			if in >= 0 {
				b.WriteString("}\n")
			}
			in = box
			fmt.Fprintf(&b, "subgraph cluster_%d {\nmargin=14 labeljust=l label=%s;\n", box, space(p.boxes[box].name.width(p.boxes[box].name.s)+8, 13))
		}
		fmt.Fprintf(&b, "n%d [width=%s height=%s];\n", i, number(c.width()/points), number(c.height()/points))
	}
	if in >= 0 {
		b.WriteString("}\n")
	}
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

// effort bounds how long Graphviz goes on improving the layout of a large graph: in
// a tangle, the last improvements take most of the time, and nobody sees them.
func (p *plan) effort() string {
	if len(p.cards) <= 100 && len(p.edges) <= 200 {
		return ""
	}
	return " nslimit=2 nslimit1=2 mclimit=0.3"
}

// space returns a label that takes a certain space, and shows nothing. Without the
// padding that cells have by default, Graphviz fails: the cell would be empty.
func space(width, height float64) string {
	return fmt.Sprintf(`<<TABLE BORDER="0" CELLBORDER="0" FIXEDSIZE="TRUE" WIDTH="%.0f" HEIGHT="%.0f"><TR><TD></TD></TR></TABLE>>`, math.Ceil(width), math.Ceil(height))
}

// number writes a number without an exponent, to a hundredth.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimRight(s, "0")
	return strings.TrimRight(s, ".")
}

// placed is Graphviz's answer, in its format json0.
type placed struct {
	BB      string `json:"bb"`
	Objects []struct {
		Name, Pos, BB, LP string
	}
	Edges []struct {
		ID, Pos, LP string
	}
}

// take puts everything where Graphviz says. It fails if something has no place, for
// Graphviz, where it fails, mostly keeps that to itself and leaves something out.
func (p *plan) take(json0 []byte) error {
	var answer placed
	if err := json.Unmarshal(json0, &answer); err != nil {
		return fmt.Errorf("reading graphviz's answer: %w", err)
	}
	bounds, err := floats(answer.BB, 4)
	if err != nil {
		return errors.New("graphviz laid out nothing")
	}
	p.width, p.height = bounds[2]-bounds[0], bounds[3]-bounds[1]
	at := func(x, y float64) point { return point{x - bounds[0], bounds[3] - y} }

	done := make(map[string]bool)
	for _, o := range answer.Objects {
		if i, ok := indexOf(o.Name, "cluster_", len(p.boxes)); ok {
			bb, err1 := floats(o.BB, 4)
			lp, err2 := floats(o.LP, 2)
			if errors.Join(err1, err2) != nil {
				continue
			}
			b := &p.boxes[i]
			b.rect = rect{at(bb[0], bb[3]), at(bb[2], bb[1])}
			b.name.at = point{b.min.x + 12, at(lp[0], lp[1]).y + 4}
			done[o.Name] = true
		}
		if i, ok := indexOf(o.Name, "n", len(p.cards)); ok {
			if pos, err := floats(o.Pos, 2); err == nil {
				p.cards[i].place(at(pos[0], pos[1]))
				done[o.Name] = true
			}
		}
	}
	for _, a := range answer.Edges {
		i, ok := indexOf(a.ID, "e", len(p.edges))
		if !ok {
			continue
		}
		e := &p.edges[i]
		path, tip, ok := spline(a.Pos, at)
		if !ok {
			continue
		}
		e.setPath(path, tip)
		if len(e.texts) > 0 {
			lp, err := floats(a.LP, 2)
			if err != nil {
				continue
			}
			e.placeLabel(at(lp[0], lp[1]))
		}
		done[a.ID] = true
	}
	return p.complete(done)
}

// complete reports what has no place.
func (p *plan) complete(done map[string]bool) error {
	for i := range p.boxes {
		if !done["cluster_"+strconv.Itoa(i)] {
			return fmt.Errorf("graphviz left out namespace %s", p.boxes[i].name.s)
		}
	}
	for i := range p.cards {
		if !done["n"+strconv.Itoa(i)] {
			return fmt.Errorf("graphviz left out node %s", p.cards[i].id)
		}
	}
	left := 0
	for i := range p.edges {
		if !done["e"+strconv.Itoa(i)] {
			left++
		}
	}
	if left > 0 {
		return fmt.Errorf("graphviz left out %d of %d edges", left, len(p.edges))
	}
	return nil
}

// indexOf returns the number behind a prefix, if it is one below n.
func indexOf(name, prefix string, n int) (int, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	i, err := strconv.Atoi(digits)
	return i, ok && err == nil && i >= 0 && i < n
}

// spline reads a curve: "e,X,Y" for the tip of the arrow, a point, and three for each
// Bézier curve from there.
func spline(pos string, at func(x, y float64) point) (path []point, tip point, ok bool) {
	for field := range strings.FieldsSeq(pos) {
		end, isTip := strings.CutPrefix(field, "e,")
		xy, err := floats(end, 2)
		if err != nil {
			return nil, tip, false
		}
		if isTip {
			tip, ok = at(xy[0], xy[1]), true
		} else {
			path = append(path, at(xy[0], xy[1]))
		}
	}
	return path, tip, ok && len(path) >= 4 && len(path)%3 == 1
}

// floats reads n numbers between commas.
func floats(s string, n int) ([]float64, error) {
	parts := strings.Split(s, ",")
	if len(parts) != n {
		return nil, fmt.Errorf("%q: want %d numbers", s, n)
	}
	list := make([]float64, n)
	for i, part := range parts {
		v, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}
