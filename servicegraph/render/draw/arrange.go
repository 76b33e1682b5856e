package draw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// The layout of an image is a sequence of attempts. Graphviz lays out almost every graph, but fails
// on some graphs with boxes and takes very long on some others. After an attempt that fails, the
// image is simpler, but there is always an image.

// The screen that images should fit, in pixels, without the heading, the legend and the
// margins.
const (
	screenWidth  = 1440 - 2*margin
	screenHeight = 900 - 180
	screenRatio  = 1440.0 / 900 // of a whole image
)

// worth is the factor by which everything must appear larger on the screen for another layout to be
// better.
const worth = 1.08

// arrange returns a plan of g whose parts have their places, and a note for the heading
// about what failed, or an empty string. It fails only if the context is done.
func (o Options) arrange(g *servicegraph.Graph, style render.Style) (p *plan, note string, err error) {
	ctx := o.Context
	if ctx == nil {
		ctx = context.Background()
	}
	large := g.NumNodes() > maxSmall
	f := form{folded: large}
	p = newPlan(g, style, f)
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
	if err == nil && !large {
		return o.alternative(ctx, g, style, p), "", nil
	}
	if err == nil && len(p.grids) > 0 {
		p = o.reshapeGrids(ctx, g, style, f, p)
	}
	p.finish()
	return p, note, nil
}

// reshapeGrids returns a plan with wider or narrower grids if that plan fits the screen better than
// p. For example, two grids beside each other must be narrower than a single grid.
func (o Options) reshapeGrids(ctx context.Context, g *servicegraph.Graph, style render.Style, f form, p *plan) *plan {
	f.gridRatio = gridRatio
	for range maxReshapes {
		width, height := p.whole()
		f.gridRatio *= screenRatio * height / width
		again := newPlan(g, style, f)
		if o.layOut(ctx, again) != nil {
			break
		}
		if o.shape(ctx, again); again.scale() <= p.scale() {
			break
		}
		p = again
	}
	return p
}

const maxReshapes = 2 // layouts with other grids

// alternative returns the best plan of a small graph: p, or, if it fits the screen better, a plan
// in which dependencies are rows in the cards of their callers. The plan has boxes around
// namespaces if they add little clutter.
func (o Options) alternative(ctx context.Context, g *servicegraph.Graph, style render.Style, p *plan) *plan {
	f := form{boxed: true}
	if p.scale() < 1 {
		folded := newPlan(g, style, form{folded: true})
		if folded.hasRows() && o.layOut(ctx, folded) == nil {
			o.shape(ctx, folded)
			if folded.scale() > worth*p.scale() {
				p, f.folded = folded, true
			}
		}
	}
	p.finish()
	boxed := newPlan(g, style, f)
	if len(boxed.boxes) == 0 || o.layOut(ctx, boxed) != nil {
		return p
	}
	o.shape(ctx, boxed)
	boxed.finish()
	if boxed.scale()*worth < p.scale() || boxed.clutter() > p.clutter()+boxWorth {
		return p
	}
	return boxed
}

// boxWorth is how much more clutter an image with boxes around namespaces may have.
const boxWorth = 3

// clutter returns the number of pairs of edges that cross, plus twice the number of labels that are
// in the list.
func (p *plan) clutter() int {
	n := 2 * len(p.listed)
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

// shape changes a plan that has its places towards the shape of a screen. First, parts of the graph
// without a connection are packed, or a long chain is wrapped into bands. If the image is still too
// long along the ranks, tall ranks are split, as long as that makes everything larger on a screen.
// Then the gaps between the ranks grow, which costs nothing on a screen and makes room for labels.
// In an image that is too long across the ranks, the gaps within the ranks grow in the same way. If
// a further layout fails, the last one stays. In a plan with boxes, only the gaps change.
func (o Options) shape(ctx context.Context, p *plan) {
	loose := p.clone() // not packed
	p.pack()
	w, ok := loose.wrapped(1)
	if apart, found := loose.wrappedApart(); found && (!ok || apart.scale()*worth > w.scale()) {
		w, ok = apart, apart.scale() > wrapWorth*p.scale()
	}
	if ok && w.scale() > worth*p.scale() {
		*p = *w
		return
	}
	if len(p.cards) > maxNodes {
		return // a large layout takes long
	}
	for range maxSplits {
		if p.spareAcross() <= 0 || len(p.boxes) > 0 {
			break
		}
		s, ok := loose.staggered()
		if !ok || o.layOut(ctx, s) != nil {
			break
		}
		next := s.clone()
		if s.pack(); s.scale() < worth*p.scale() {
			break
		}
		*p, loose = *s, next
	}
	columns := loose.columns(nil)
	longest := 1
	for _, c := range columns {
		longest = max(longest, len(c.cards))
	}
	gaps := float64(max(len(columns)-1, 1))
	across, along := p.spareAcross(), p.spareAlong()
	part, grown := 1.0, (*plan).tallness
	if across > 0 != p.topDown {
		grown = (*plan).wideness
	}
	for range maxGrowths {
		again := loose.clone()
		if across > 0 {
			again.rankGap += part * min(across/gaps, max(p.rankGap, 150, crowdGap*p.numLines()/gaps))
		} else {
			again.moreGap = part * min(along/float64(longest), maxMoreGap)
		}
		if o.layOut(ctx, again) != nil {
			return
		}
		if again.pack(); again.scale() > keep*p.scale() {
			*p = *again
			return
		}
		// edges between cards need gaps as well, so the image may have grown too much
		spare, used := 1/(keep*p.scale())-grown(p), grown(again)-grown(p)
		part *= 0.9 * min(max(spare/used, 0), 1)
	}
}

const maxGrowths = 3 // layouts with larger gaps

// keep is the fraction of the scale that must remain when gaps grow.
const keep = 0.97

// crowdGap is the width of a gap between ranks for each edge that crosses the gap. In a smaller
// gap, the labels of many edges would have no room.
const crowdGap = 8.0

// numLines returns the number of edges with a line between cards.
func (p *plan) numLines() (n float64) {
	for i := range p.edges {
		if !p.edges[i].folded {
			n++
		}
	}
	return n
}

const (
	maxSplits = 3 // layouts with split ranks

	// maxMoreGap is the most that the gaps within ranks grow. It makes room for labels of two
	// rows on edges next to each other.
	maxMoreGap = 40.0
)

// spareAcross returns how many pixels an image can grow across the ranks until it has the
// shape of a screen. It is negative in an image that is long across the ranks.
func (p *plan) spareAcross() float64 {
	width, height := p.whole()
	if p.topDown {
		return width/screenRatio - height
	}
	return height*screenRatio - width
}

// spareAlong is like spareAcross, along the ranks.
func (p *plan) spareAlong() float64 {
	width, height := p.whole()
	if p.topDown {
		return height*screenRatio - width
	}
	return width/screenRatio - height
}

// whole returns the size of the image with the heading and the legend.
func (p *plan) whole() (width, height float64) {
	return p.width + 1440 - screenWidth, p.height + 900 - screenHeight
}

// wideness returns the width as a fraction of the width of a screen.
func (p *plan) wideness() float64 { return p.width / screenWidth }

// tallness returns the height as a fraction of the height of a screen.
func (p *plan) tallness() float64 { return p.height / screenHeight }

// scale returns the factor by which the image fits on the screen, at most 1.
func (p *plan) scale() float64 {
	return 1 / max(p.wideness(), p.tallness(), 1)
}

// finish places the parts whose places depend on those of cards and edges: the grids, the rows and
// the labels.
func (p *plan) finish() {
	p.placeGrids()
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
