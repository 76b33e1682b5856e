package draw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// The layout of an image is a sequence of attempts. Graphviz lays out almost every graph,
// but fails on some graphs with boxes and takes very long on some others. An attempt that
// fails costs a simpler image, never the image.

// screenRatio is the ratio of width to height that images aim at.
const screenRatio = 1.6

// arrange returns a plan of g whose parts have their places, and a note for the heading
// about what failed, or an empty string. It fails only if the context is done.
func (o Options) arrange(g *servicegraph.Graph, style render.Style) (p *plan, note string, err error) {
	ctx := o.Context
	if ctx == nil {
		ctx = context.Background()
	}
	p = newPlan(g, style, false)
	if len(p.cards) == 0 {
		return p, "", nil
	}
	err = o.layOut(ctx, p)
	switch {
	case err == nil:
		o.shape(ctx, p)
	case ctx.Err() != nil:
		return nil, "", context.Cause(ctx)
	default:
		p.placeByLayers()
		note = "simple layout: Graphviz failed"
		if timeout, ok := errors.AsType[*timeoutError](err); ok {
			note = fmt.Sprintf("simple layout: stopped Graphviz after %v", timeout.after)
		}
	}
	p.finish()
	if boxed, ok := o.boxed(ctx, g, style); err == nil && ok && boxed.clutter() <= p.clutter()+boxWorth {
		p = boxed
	}
	return p, note, nil
}

// boxWorth is how much more clutter an image with boxes around namespaces may have.
const boxWorth = 3

// boxed returns a plan with boxes around namespaces, if the graph is small and Graphviz can
// lay out the boxes.
func (o Options) boxed(ctx context.Context, g *servicegraph.Graph, style render.Style) (*plan, bool) {
	if g.NumNodes() > maxSmall {
		return nil, false
	}
	p := newPlan(g, style, true)
	if len(p.boxes) == 0 || o.layOut(ctx, p) != nil {
		return nil, false
	}
	p.finish()
	return p, true
}

// clutter returns the number of pairs of edges that cross and of labels that are in the
// list.
func (p *plan) clutter() int {
	n := len(p.listed)
	lines := make([][]point, len(p.edges))
	areas := make([]rect, len(p.edges))
	for i := range p.edges {
		lines[i] = p.edges[i].path.flatten(8)
		areas[i] = bounds(lines[i]...)
	}
	for i := range p.edges {
		for j := range i {
			e, f := &p.edges[i], &p.edges[j]
			apart := e.from != f.from && e.from != f.to && e.to != f.from && e.to != f.to
			if apart && areas[i].overlaps(areas[j]) && crossing(lines[i], lines[j]) {
				n++
			}
		}
	}
	return n
}

// crossing reports whether two lines cross.
func crossing(a, b []point) bool {
	for i := 1; i < len(a); i++ {
		for j := 1; j < len(b); j++ {
			if left(a[i-1], a[i], b[j-1]) != left(a[i-1], a[i], b[j]) && left(b[j-1], b[j], a[i-1]) != left(b[j-1], b[j], a[i]) {
				return true
			}
		}
	}
	return false
}

// left reports whether c is to the left of the line from a to b.
func left(a, b, c point) bool { return (b.x-a.x)*(c.y-a.y) < (b.y-a.y)*(c.x-a.x) }

// A timeoutError says that a layout took too long.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("the layout was stopped after %v", e.after)
}

// layOut lets Graphviz place the cards and the edges.
func (o Options) layOut(ctx context.Context, p *plan) error {
	if len(o.Worker) == 0 {
		return layout(ctx, p.dot(), p.place)
	}
	limit := o.Timeout
	if limit == 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &timeoutError{limit})
	defer cancel()
	answer, err := layoutInWorker(ctx, o.Worker, p.dot())
	if err != nil {
		return err
	}
	return p.place(answer)
}

// shape lays the graph out again if its shape is far from that of a screen. In an image
// that is too tall, first tall ranks are split, if that makes everything larger on a screen.
// Then the gaps between the ranks grow, which costs nothing on a screen and makes room for
// labels. In an image that is too wide, the gaps within the ranks grow in the same way. A
// layout stays where a further one fails.
func (o Options) shape(ctx context.Context, p *plan) {
	if p.topDown || len(p.cards) > maxNodes {
		return // a large layout takes long
	}
	if p.width < p.height*screenRatio {
		if s, ok := p.staggered(); ok && o.layOut(ctx, s) == nil && s.scale() > 1.08*p.scale() {
			*p = *s
		}
	}
	again := p.clone()
	columns := p.columns()
	if missing := p.height*screenRatio - p.width; missing > 0 {
		again.rankGap += min(missing/float64(max(len(columns)-1, 1)), max(p.rankGap, 150))
	} else {
		longest := 1
		for _, c := range columns {
			longest = max(longest, len(c.cards))
		}
		again.moreGap = min((p.width/screenRatio-p.height)/float64(longest), maxMoreGap)
	}
	if o.layOut(ctx, again) == nil {
		*p = *again
	}
}

// maxMoreGap is the most that the gaps within ranks grow. It makes room for labels of two
// rows on edges next to each other.
const maxMoreGap = 20.0

// finish places what depends on the places of cards and edges: the rows and the labels.
func (p *plan) finish() {
	for i := range p.cards {
		p.placeRows(&p.cards[i])
	}
	for i := range p.edges {
		if e := &p.edges[i]; e.folded {
			p.drawFolded(e)
		}
	}
	p.placeLabels()
}

// drawFolded draws the line from a card to a row in it.
func (p *plan) drawFolded(e *edge) {
	host, row := &p.cards[e.from], &p.cards[e.to]
	x, y := host.min.x+cardPad, row.center().y
	top := host.max.y - float64(len(host.rows))*(rowHeight+rowGap) - 2*rowGap
	e.width = 1
	e.setPath(straight(point{x, top}, point{x, y}, point{row.min.x - 4, y}), point{row.min.x, y})
}
