// Package draw makes SVG and PNG images of service graphs. The package measures all
// text, a bundled Graphviz computes the layout, and the package paints the image. The
// program dot need not be installed.
//
// Graphviz is bundled as WebAssembly, which has a cost. A program that links this package starts
// about 25 ms later, or half a second later if the cache of native code is empty. Each image leaks
// about 0.25 MB. A running layout cannot be stopped, and a dense graph of 400 nodes can take many
// minutes. Therefore:
//
//   - Only programs that draw should import this package.
//   - A process computes one layout at a time.
//   - Of a graph that is too large for one image, only the most important part is drawn:
//     see [Options].
//   - A layout can run in a process of its own, which is killed when the layout takes
//     too long or is no longer needed: see [Options] and [RunWorker]. Use it in a service
//     that draws graphs for others, and in a command that reacts to Ctrl-C.
package draw

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

const (
	// The largest graph that is drawn in full. A larger image would be unreadable, and its layout
	// could take very long.
	maxNodes = 150
	maxEdges = 300

	// The part of a larger graph that is drawn.
	partNodes = 80
	partEdges = 160

	// maxEdgeTexts is the largest number of edges in an image with text on each edge.
	// With more edges, only those with a warning or an error have text.
	maxEdgeTexts = 100

	defaultTimeout = 30 * time.Second
)

// Options are the content, the colors and the layout of an image, in any format. They
// are safe for concurrent use. The zero value has the defaults.
//
// A graph with up to 150 nodes and 300 edges is drawn in full. In an image of a larger graph,
// namespaces are collapsed to cards. If that leaves more than 80 nodes or 160 edges, the image
// shows the most important ones: see [render.Style.Overview]. The heading says what is
// collapsed and left out.
//
// An image of up to 150 nodes has about the shape of a screen of 1,440 by 900 pixels. If it
// does not fit the screen, and in any image of more than 20 nodes, an uninstrumented
// dependency with one caller is a row in the card of the caller. If one node has at least 16
// callees, or callers, without other calls, their cards are in a grid, and their lines share a
// trunk. Parts of the graph without a connection are packed.
type Options struct {
	Style render.Style
	Theme Theme // the colors

	// Force draws a graph of any size in full. Without a Worker, the layout can take hours
	// and cannot be stopped.
	Force bool

	// Worker holds the command-line arguments with which this program calls [RunWorker]
	// and does nothing else. The layout then runs in a process started with these
	// arguments. Empty: the layout runs in this process.
	Worker []string

	// Timeout limits a layout in a Worker; 0 means 30 s. When the time is over, the graph
	// gets a simpler layout, and the heading says so.
	Timeout time.Duration

	// Context cancels a layout in a Worker at once. Without a Worker, Context cancels
	// only the wait for other layouts. Nil means context.Background(). Context is a
	// field because the method of render.Renderer, which otherwise only writes text, has
	// no context parameter.
	Context context.Context
}

// SVG draws a graph as an SVG image for browsers and documents. The file is
// self-contained: it has no scripts, links or external fonts, and supports the light and
// the dark theme of the reader. Measurements without room in the image are in tooltips.
// In a graph with more than 120 edges, the numbers of the edges are also only in tooltips,
// and the heading says so.
//
// A node is an element g with the class node, its type (service, database, …) and its
// level (ok, warn, error) as further classes, and its position in
// [servicegraph.Graph.Nodes] as data-node. An edge has the class edge and the attributes
// data-edge, data-from and data-to. The text on an edge has the class label and the
// attribute data-edge. An attribute data-theme, on the image or an element around it,
// sets the theme.
type SVG struct{ Options }

// PNG draws a graph as [SVG] does, as a bitmap in the bundled Go fonts. Characters that
// these fonts lack, such as those of East Asia, are drawn in a font of the system, or as
// boxes if no font has them. Emoji are drawn without colors, or not at all.
type PNG struct {
	Options
	Scale float64 // pixels of the bitmap per pixel of the SVG; 0 means 2, for high-density screens
}

// Formats returns the formats of this package. scale is the field Scale of [PNG].
func Formats(o Options, scale float64) []render.Format {
	return []render.Format{
		{Name: "svg", Extensions: []string{".svg"}, Description: "SVG image, laid out by Graphviz", MediaType: "image/svg+xml", Renderer: SVG{o}},
		{Name: "png", Extensions: []string{".png"}, Description: "PNG image, laid out by Graphviz", Binary: true, MediaType: "image/png", Renderer: PNG{o, scale}},
	}
}

// Render writes the image of g to w. It writes nothing if it returns an error, unless the error
// comes from w.
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

// Render writes the image of g to w. It writes nothing if it returns an error, unless the error
// comes from w.
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

// scene lays out the image of g.
func (o Options) scene(g *servicegraph.Graph) (*scene, error) {
	style := o.Style
	style.Notes = slices.Clone(style.Notes)
	note := func(text string) {
		if text != "" {
			style.Notes = append(style.Notes, text)
		}
	}
	whole := g
	if !o.Force && (g.NumNodes() > maxNodes || g.NumEdges() > maxEdges) {
		collapsed, part := style.Overview(g, partNodes, partEdges)
		g = part
		note(style.Collapsed(whole, collapsed))
		note(style.Drawn(collapsed, g))
	}
	p, text, err := o.arrange(g, style)
	if err != nil {
		return nil, fmt.Errorf("laying out %s and %s: %w", quantity.Of(g.NumNodes(), "node"), quantity.Of(g.NumEdges(), "edge"), err)
	}
	if p.onlyMarked {
		note("numbers of healthy edges: in the tooltips")
	}
	note(text)
	p.marks = style.Marks != nil
	p.title, p.description = style.Title, describe(g, style)
	if p.title == "" {
		p.title = "Service graph"
	}
	headline := ""
	if style.Title != "" {
		headline = render.NameText(style.Title, 100)
	}
	p.setHeading(headline, style.Heading(whole, g), style.Legend(g))
	return &p.scene, nil
}

// describe returns a description of the image for people who do not see it.
func describe(g *servicegraph.Graph, style render.Style) string {
	s := fmt.Sprintf("A graph of calls between services: %s, %s.", quantity.Of(g.NumNodes(), "node"), quantity.Of(g.NumEdges(), "edge"))
	for _, level := range []struct {
		level render.Level
		what  string
	}{{render.Failing, "Failing"}, {render.Warning, "With a warning"}} {
		var names []string
		captions := style.Captions(g)
		for n := range g.Nodes() {
			if c := captions.Node(n); c.Level == level.level {
				names = append(names, c.Name+" "+cmp.Or(c.Errors, c.Volume))
			}
		}
		if more := len(names) - 10; more > 0 {
			names = append(names[:10], "and "+quantity.Number(more)+" more")
		}
		if len(names) > 0 {
			s += " " + level.what + ": " + strings.Join(names, ", ") + "."
		}
	}
	return s
}
