// Package draw makes pictures of service graphs: it hands the DOT of package
// render to Graphviz, which comes along as WebAssembly, and finishes the SVG that
// comes back. No program named dot has to be installed.
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
//     long or is no longer wanted: see [SVG] and [RunWorker]. A service that draws
//     graphs for others, and a command that wants to heed Ctrl-C, should do that.
package draw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// ErrTooLarge is wrapped by the error about a graph that has more nodes or edges
// than a layout in bounded time, or a reader, can cope with: more than 150 nodes
// or 400 edges.
var ErrTooLarge = errors.New("too large for a picture, which takes up to 150 nodes and 400 edges")

const (
	maxNodes = 150
	maxEdges = 400

	// maxEdgeTexts is the number of edges up to which they carry their numbers.
	// The texts take part in the layout, and make it several times slower.
	maxEdgeTexts = 120

	defaultTimeout = 30 * time.Second
)

// SVG draws a graph as a picture for browsers and documents. It stands alone:
// no scripts, no links, no fonts to fetch. What was measured but has no room is in
// tooltips. From 121 edges on, the numbers of the edges are there, too, and the
// heading says so.
//
// An SVG is safe for concurrent use.
type SVG struct {
	DOT render.DOT // what to show

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

// Formats returns the formats of this package, drawn as svg says.
func Formats(svg SVG) []render.Format {
	return []render.Format{
		{Name: "svg", Extensions: []string{".svg"}, Description: "picture, laid out by Graphviz", Renderer: svg},
	}
}

// Render writes the picture of g to w, all of it or, on an error, nothing unless
// the error is that of w.
func (s SVG) Render(w io.Writer, g *servicegraph.Graph) error {
	size := fmt.Sprintf("%d nodes and %d edges", g.NumNodes(), g.NumEdges())
	if !s.Force && (g.NumNodes() > maxNodes || g.NumEdges() > maxEdges) {
		return fmt.Errorf("drawing %s: %w", size, ErrTooLarge)
	}
	dot := s.DOT
	if g.NumEdges() > maxEdgeTexts {
		dot.WithoutEdgeText = true
	}
	var source bytes.Buffer
	if err := dot.Render(&source, g); err != nil {
		return err
	}
	picture, err := s.picture(source.Bytes(), dot, g)
	if err != nil {
		return fmt.Errorf("laying out %s: %w", size, err)
	}
	if _, err := w.Write(picture); err != nil {
		return fmt.Errorf("writing SVG: %w", err)
	}
	return nil
}

// picture returns the finished SVG of source, which is g in DOT.
func (s SVG) picture(source []byte, dot render.DOT, g *servicegraph.Graph) (picture []byte, err error) {
	finish := func(svg []byte) error {
		var drawn contents
		picture, drawn, err = finish(svg, dot.Title, describe(g))
		if err != nil {
			return err
		}
		return drawn.verify(dot, g)
	}
	ctx := s.Context
	if ctx == nil {
		ctx = context.Background()
	}
	if len(s.Worker) == 0 {
		err = layout(ctx, source, finish)
		return picture, err
	}

	limit := s.Timeout
	if limit == 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("stopped after %v: draw less of the graph, or write DOT and lay it out elsewhere", limit))
	defer cancel()
	svg, err := layoutInWorker(ctx, s.Worker, source)
	if err != nil {
		return nil, err
	}
	err = finish(svg)
	return picture, err
}

// describe says in a sentence what the picture shows.
func describe(g *servicegraph.Graph) string {
	return fmt.Sprintf("A graph of calls between services: %d nodes, %d edges.", g.NumNodes(), g.NumEdges())
}
