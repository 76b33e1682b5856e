// Package draw makes pictures of service graphs: it measures what a picture shows, has
// Graphviz, which comes along as WebAssembly, find a place for everything, and paints
// it. No program named dot has to be installed.
//
// Graphviz in this form is a guest to keep at arm's length. Linking this package
// costs every start of the program about 25 ms, and half a second where its cache
// of native code is empty; each picture leaves about 0.25 MB behind for good; and
// a layout that has begun cannot be stopped: a tangle of 400 nodes has been seen
// to take many minutes. So:
//
//   - Only programs that draw should import this package.
//   - Layouts in one process happen one after the other.
//   - Graphs that are too large are refused, see [ErrTooLarge].
//   - A layout can run in a process of its own, which is killed when it takes too
//     long or is no longer wanted: see [Options] and [RunWorker]. A service that draws
//     graphs for others, and a command that wants to heed Ctrl-C, should do that.
package draw

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// ErrTooLarge is wrapped by the error about a graph that has more nodes or edges
// than a layout in bounded time, or a reader, can cope with: more than 250 nodes
// or 500 edges.
var ErrTooLarge = errors.New("too large for a picture, which takes up to 250 nodes and 500 edges")

const (
	maxNodes = 250
	maxEdges = 500

	// maxEdgeTexts is the number of edges up to which they carry their numbers.
	// The texts take part in the layout, and make it several times slower.
	maxEdgeTexts = 120

	defaultTimeout = 30 * time.Second
)

// A Options says what to draw, and how it gets laid out. It is what pictures in all
// formats have in common, and safe for concurrent use.
type Options struct {
	Style render.Style // what to show
	Theme Theme        // its colours

	// Force draws graphs that are too large, too. Without a Worker, that can
	// take hours and cannot be stopped.
	Force bool

	// Worker are arguments with which this program, started again, does nothing
	// but call [RunWorker]. The layout then runs in that process. Empty: it runs
	// in this one.
	Worker []string

	// Timeout is how long a layout may take in a Worker; 0 means 30 s.
	Timeout time.Duration

	// Context ends a layout in a Worker at once when it is done. In this process
	// it ends only the wait for other layouts. Nil means context.Background(). It
	// is here because render.Renderer, which writes text in every other case, has
	// no place for it.
	Context context.Context
}

// SVG draws a graph as a picture for browsers and documents. It stands alone:
// no scripts, no links, no fonts to fetch. In a light and a dark theme it is the same
// file. What was measured but has no room is in tooltips. From 121 edges on, the
// numbers of the edges are there, too, and the heading says so.
//
// Nodes are elements g of class node, with what they are (service, database, …) and
// their state (ok, warn, error) as further classes, and their position in
// [servicegraph.Graph.Nodes] as data-node; edges are of class edge, with data-edge,
// data-from and data-to; what is written on them is of class label, with data-edge.
// An attribute data-theme, of the picture or of what is around it, sets the theme.
type SVG struct{ Options }

// PNG draws a graph as [SVG] does, as a bitmap, in the Go fonts, which come along.
// Characters that they lack, such as those of East Asia, are in a font of this system
// if one is found, and boxes otherwise. Emoji come without colours, or not at all.
type PNG struct {
	Options
	Scale float64 // pixels of the bitmap per pixel of the SVG; 0 means 2: sharp on screens of today
}

// Formats returns the formats of this package.
func Formats(d Options, scale float64) []render.Format {
	return []render.Format{
		{Name: "svg", Extensions: []string{".svg"}, Description: "picture, laid out by Graphviz", Renderer: SVG{d}},
		{Name: "png", Extensions: []string{".png"}, Description: "the same as a bitmap", Binary: true, Renderer: PNG{d, scale}},
	}
}

// Render writes the picture of g to w, all of it or, on an error, nothing unless
// the error is that of w.
func (s SVG) Render(w io.Writer, g *servicegraph.Graph) error {
	scene, err := s.scene(g)
	if err != nil {
		return err
	}
	if _, err := w.Write(scene.svg(s.Theme)); err != nil {
		return fmt.Errorf("writing SVG: %w", err)
	}
	return nil
}

// Render writes the picture of g to w, all of it or, on an error, nothing unless
// the error is that of w.
func (p PNG) Render(w io.Writer, g *servicegraph.Graph) error {
	scene, err := p.scene(g)
	if err != nil {
		return err
	}
	scale := p.Scale
	if scale == 0 {
		scale = 2
	}
	bitmap, err := scene.png(p.Theme, scale)
	if err != nil {
		return err
	}
	if _, err := w.Write(bitmap); err != nil {
		return fmt.Errorf("writing PNG: %w", err)
	}
	return nil
}

// scene lays the picture of g out.
func (d Options) scene(g *servicegraph.Graph) (*scene, error) {
	size := quantity.Of(g.NumNodes(), "node") + " and " + quantity.Of(g.NumEdges(), "edge")
	if !d.Force && (g.NumNodes() > maxNodes || g.NumEdges() > maxEdges) {
		return nil, fmt.Errorf("drawing %s: %w", size, ErrTooLarge)
	}
	look := d.Style
	if g.NumEdges() > maxEdgeTexts {
		look.EdgeText = render.EdgeNone
	}
	p := newPlan(g, look)
	if len(p.cards) > 0 {
		if err := d.layOut(p); err != nil {
			return nil, fmt.Errorf("laying out %s: %w", size, err)
		}
	}
	p.title, p.description = look.Title, describe(g, look)
	if p.title == "" {
		p.title = "Service graph"
	}
	headline := ""
	if look.Title != "" {
		headline = render.NameText(look.Title, 100)
	}
	p.setHeading(headline, look.Heading(g))
	return &p.scene, nil
}

// layOut has Graphviz place what is in the plan.
func (d Options) layOut(p *plan) error {
	ctx := d.Context
	if ctx == nil {
		ctx = context.Background()
	}
	if len(d.Worker) == 0 {
		return layout(ctx, p.dot(), p.take)
	}
	limit := d.Timeout
	if limit == 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("stopped after %v: draw less of the graph, or write DOT and lay it out elsewhere", limit))
	defer cancel()
	answer, err := layoutInWorker(ctx, d.Worker, p.dot())
	if err != nil {
		return err
	}
	return p.take(answer)
}

// describe says in sentences what the picture shows, for those who do not see it.
func describe(g *servicegraph.Graph, look render.Style) string {
	s := fmt.Sprintf("A graph of calls between services: %s, %s.", quantity.Of(g.NumNodes(), "node"), quantity.Of(g.NumEdges(), "edge"))
	for _, level := range []struct {
		level render.Level
		what  string
	}{{render.Failing, "Failing"}, {render.Warning, "With a warning"}} {
		var names []string
		captions := look.Captions(g)
		for n := range g.Nodes() {
			if c := captions.Node(n); c.Level == level.level {
				names = append(names, c.Name+" "+c.Errors)
			}
		}
		if more := len(names) - 10; more > 0 {
			names = append(names[:10], fmt.Sprintf("and %d more", more))
		}
		if len(names) > 0 {
			s += " " + level.what + ": " + strings.Join(names, ", ") + "."
		}
	}
	return s
}
