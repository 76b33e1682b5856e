package draw

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
)

// An answer is a layout by Graphviz in the format json0.
type answer struct {
	BB      string // bounds of the image
	Objects []placedObject
	Edges   []placedEdge

	bounds []float64
}

// A placedObject is a node or a cluster.
type placedObject struct{ Name, Pos, BB, LP string }

type placedEdge struct{ ID, Pos string }

// at returns the point of the scene for coordinates of Graphviz, where y is upward.
func (a *answer) at(x, y float64) point { return point{x - a.bounds[0], a.bounds[3] - y} }

// place sets the places of all parts from the answer of Graphviz. It fails if a part has no
// place: when Graphviz fails, it usually leaves a part out and reports no error.
func (p *plan) place(json0 []byte) error {
	var a answer
	if err := json.Unmarshal(json0, &a); err != nil {
		return fmt.Errorf("reading graphviz's answer: %w", err)
	}
	var err error
	if a.bounds, err = floats(a.BB, 4); err != nil {
		return errors.New("graphviz laid out nothing")
	}
	p.width, p.height = a.bounds[2]-a.bounds[0], a.bounds[3]-a.bounds[1]

	placed := make(map[string]bool)
	for _, o := range a.Objects {
		placed[o.Name] = p.placeBox(&a, o) || p.placeCard(&a, o)
	}
	for _, e := range a.Edges {
		placed[e.ID] = p.placeEdge(&a, e)
	}
	if err := p.checkPlaced(placed); err != nil {
		return err
	}
	for i := range p.edges {
		if e := &p.edges[i]; !e.folded {
			p.attach(e, e.head[0])
		}
	}
	return nil
}

// placeBox places a box, and reports whether the object is a box with a place.
func (p *plan) placeBox(a *answer, o placedObject) bool {
	i, ok := indexOf(o.Name, "cluster_", len(p.boxes))
	if !ok {
		return false
	}
	bb, err1 := floats(o.BB, 4)
	lp, err2 := floats(o.LP, 2)
	if err1 != nil || err2 != nil {
		return false
	}
	b := &p.boxes[i]
	b.rect = rect{a.at(bb[0], bb[3]), a.at(bb[2], bb[1])}
	b.name.at = point{b.min.x + 12, a.at(lp[0], lp[1]).y + 4}
	return true
}

// placeCard places a card, and reports whether the object is a card with a place.
func (p *plan) placeCard(a *answer, o placedObject) bool {
	i, ok := indexOf(o.Name, "n", len(p.cards))
	if !ok {
		return false
	}
	pos, err := floats(o.Pos, 2)
	if err != nil {
		return false
	}
	p.cards[i].centerAt(a.at(pos[0], pos[1]))
	return true
}

// placeEdge places an edge, and reports whether it has a place.
func (p *plan) placeEdge(a *answer, o placedEdge) bool {
	i, ok := indexOf(o.ID, "e", len(p.edges))
	if !ok {
		return false
	}
	path, tip, ok := spline(o.Pos, a.at)
	if !ok {
		return false
	}
	p.edges[i].setPath(path, tip) // attached to the cards when all have a place
	return true
}

// checkPlaced returns an error for the first part without a place.
func (p *plan) checkPlaced(placed map[string]bool) error {
	for i := range p.boxes {
		if !placed["cluster_"+strconv.Itoa(i)] {
			return fmt.Errorf("graphviz left out namespace %s", p.boxes[i].name.s)
		}
	}
	for i := range p.cards {
		if p.cards[i].host < 0 && !placed["n"+strconv.Itoa(i)] {
			return fmt.Errorf("graphviz left out node %s", p.cards[i].id)
		}
	}
	missing := 0
	for i := range p.edges {
		if !p.edges[i].folded && !placed["e"+strconv.Itoa(i)] {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("graphviz left out %s of %s", quantity.Number(missing), quantity.Of(len(p.edges), "edge"))
	}
	return nil
}

// indexOf returns the number after a prefix, if the number is less than n.
func indexOf(name, prefix string, n int) (int, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	i, err := strconv.Atoi(digits)
	return i, ok && err == nil && i >= 0 && i < n
}

// spline parses a curve: "e,X,Y" is the tip of the arrow, and the rest is a point and
// three points for each Bézier curve.
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

// floats parses n numbers with commas between them.
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
