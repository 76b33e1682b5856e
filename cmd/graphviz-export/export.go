package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

// An export is one run of the command: from a source of spans to one picture,
// table or document.
type export struct {
	stdin  io.Reader
	stdout io.Writer
	stderr *console

	files  []string
	output string
	format string
	tempo  tempoFlags
	given  func(flag string) bool // whether the user typed the flag

	commands []string // what the first argument could have been
}

// run reads, builds, renders and writes, and says how it went. What can be known
// to fail before traces are read fails before: reading may take minutes.
func (e *export) run(ctx context.Context) error {
	src, err := e.source()
	if err != nil {
		return err
	}
	defer src.close()
	out, err := e.target(formats(draw.SVG{
		DOT:     render.DOT{Title: src.title},
		Worker:  []string{workerArg},
		Context: ctx,
	}))
	if err != nil {
		return err
	}
	g, err := e.read(ctx, src, func(spans iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error) {
		return servicegraph.Build(spans, servicegraph.Config{})
	})
	if err != nil {
		return err
	}
	skipped := g.Report().Skipped
	if g.NumNodes() == 0 && skipped > 0 {
		return fmt.Errorf("nothing to draw: all there was are the %s above", count(skipped, "broken record"))
	}
	if g.NumNodes() == 0 {
		return &statusError{statusNothing, errors.New(src.nothing)}
	}
	doc, err := e.render(out.format, g)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := out.write(doc); err != nil {
		return err
	}
	if !out.totals {
		e.stderr.infof("%s%s → %s", summary(g), src.about, out.name())
	}
	if limit := src.limit; limit > 0 && g.Report().Traces >= uint64(limit) {
		e.stderr.warnf("--limit %d was reached, there may be more traces: raise it, or shorten the time range", limit)
	}
	if skipped > 0 {
		return &statusError{statusPartial, fmt.Errorf("the graph is incomplete: %s left out, see above", count(skipped, "record"))}
	}
	return nil
}

// shownSkips is how many of the records that were left out are described before
// the rest is only counted.
const shownSkips = 5

// read builds the graph of a source. It shows on the way how far it has come,
// and says in the end what it had to leave out, unless all was in vain.
func (e *export) read(ctx context.Context, src source, build func(iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error)) (*servicegraph.Graph, error) {
	var spans atomic.Int64
	var skips []*servicegraph.SkipError // the first of them
	started := time.Now()
	stop := e.stderr.working(func() string {
		progress := count(spans.Load(), "span")
		if src.progress != nil {
			progress = src.progress()
		}
		return fmt.Sprintf("reading: %s, %v, from %s", progress, time.Since(started).Truncate(time.Second), src.name)
	})
	defer stop()

	watched := func(yield func(servicegraph.Span, error) bool) {
		for span, err := range src.spans(ctx) {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err == nil {
				spans.Add(1)
			} else if skip, ok := errors.AsType[*servicegraph.SkipError](err); ok && len(skips) < shownSkips {
				skips = append(skips, skip)
			}
			if !yield(span, err) {
				return
			}
		}
	}
	g, err := build(watched)
	if err != nil {
		return nil, err
	}
	for _, skip := range skips {
		e.stderr.warnf("left out: %v", skip)
	}
	if more := g.Report().Skipped - uint64(len(skips)); more > 0 {
		e.stderr.warnf("left out: %s more", count(more, "record"))
	}
	return g, nil
}

// render returns the whole document, so that nothing is written when a part of
// it cannot be made.
func (e *export) render(f render.Format, g *servicegraph.Graph) ([]byte, error) {
	stop := e.stderr.working(func() string { return "drawing " + summary(g) })
	defer stop()
	var doc bytes.Buffer
	if err := f.Renderer.Render(&doc, g); err != nil {
		if errors.Is(err, draw.ErrTooLarge) {
			return nil, fmt.Errorf("%w: write it as .dot or .json, or take fewer traces", err)
		}
		return nil, err
	}
	return doc.Bytes(), nil
}

// summary says what a graph holds: "6 services, 5 edges, 55 traces".
func summary(g *servicegraph.Graph) string {
	services := 0
	for n := range g.Nodes() {
		if n.ID.Type == servicegraph.TypeService {
			services++
		}
	}
	s := count(services, "service")
	if others := g.NumNodes() - services; others > 0 {
		s += ", " + count(others, "uninstrumented peer")
	}
	return s + ", " + count(g.NumEdges(), "edge") + ", " + count(g.Report().Traces, "trace")
}

// count returns a number with separators and its noun: "1,234 traces".
func count[N int | int64 | uint64](n N, noun string) string {
	digits := strconv.FormatUint(uint64(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n == 1 {
		return digits + " " + noun
	}
	return digits + " " + noun + "s"
}

// concat joins sequences of spans.
func concat(list []iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for _, spans := range list {
			for span, err := range spans {
				if !yield(span, err) {
					return
				}
			}
		}
	}
}
