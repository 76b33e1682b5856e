package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	"github.com/tempograph/tempograph/tempoclient"
)

// An export is one run of the command: from a source of spans to one picture,
// table or document.
type export struct {
	stdin  io.Reader
	stdout io.Writer
	stderr *console

	files   []string
	outputs []string
	format  string
	tempo   tempoFlags
	shape   shape
	look    look
	given   func(flag string) bool // whether the user typed the flag

	held int // spans at a time: maxHeld, but in tests

	allowEmpty bool
	force      bool
	timeout    time.Duration
	commands   []string // what the first argument could have been
}

// run reads, builds, shapes, renders and writes, and says how it went. What can be
// known to fail before traces are read fails before: reading may take minutes.
func (e *export) run(ctx context.Context) error {
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	steps, err := e.shape.steps()
	if err != nil {
		return err
	}
	if err := e.look.check(); err != nil {
		return err
	}
	src, err := e.source()
	if err != nil {
		return err
	}
	defer src.close()
	targets, err := e.targets(e.look.formats(draw.Options{}))
	if err != nil {
		return err
	}
	g, err := e.read(ctx, src, nil)
	if err != nil {
		return err
	}
	skipped := g.Report().Skipped
	if g.NumNodes() == 0 && skipped > 0 {
		return fmt.Errorf("nothing to draw: all there was are the %s above", quantity.Of(skipped, "broken record"))
	}
	if g.NumNodes() == 0 && !e.allowEmpty {
		return &statusError{statusNothing, errors.New(src.nothing)}
	}
	g, notes, err := shaped(g, steps, e.allowEmpty, e.stderr.warnf)
	if err != nil {
		return err
	}
	if g.NumNodes() == 0 && !e.allowEmpty {
		return &statusError{statusNothing, fmt.Errorf("nothing to draw: nothing is left after %s", strings.Join(notes, "; "))}
	}
	if err := e.write(ctx, g, src, notes, targets); err != nil {
		return err
	}
	if limit := src.limit; limit > 0 && g.Report().Traces >= uint64(limit) {
		e.stderr.warnf("%s", limitReached(limit))
	}
	if skipped > 0 {
		return &statusError{statusPartial, fmt.Errorf("the graph is incomplete: %s left out, see above", quantity.Of(skipped, "record"))}
	}
	return nil
}

// bounded returns a context that is done after the --timeout, if there is one.
func (e *export) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, e.timeout, fmt.Errorf("not done after %v: raise --timeout, or take fewer traces", e.timeout))
}

// write makes all documents before it writes the first one.
func (e *export) write(ctx context.Context, g *servicegraph.Graph, src source, notes []string, targets []target) error {
	drawing := e.drawing(ctx, src, notes)
	drawing.Force = e.force
	if e.force {
		drawing.Timeout = math.MaxInt64 // --timeout, or the user, ends it
	}
	list := e.look.formats(drawing)
	docs := make([][]byte, len(targets))
	for i, t := range targets {
		f, err := render.ByName(list, t.format.Name)
		if err == nil {
			docs[i], err = e.render(f, g)
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var names []string
	for i, t := range targets {
		if err := t.write(docs[i]); err != nil {
			return err
		}
		if !t.totals {
			names = append(names, t.name())
		}
	}
	about := src.about
	if n := src.truncated.Load(); n > 0 {
		about = strings.TrimPrefix(fmt.Sprintf("%s, %d truncated", about, n), ", ")
	}
	if about != "" {
		about = " (" + about + ")"
	}
	for _, note := range notes {
		about += "; " + note
	}
	if len(names) > 0 {
		e.stderr.infof("%s%s → %s", summary(g), about, strings.Join(names, ", "))
	}
	return nil
}

// drawing returns how pictures of what comes from a source are drawn. The notes say what
// they leave out of it.
func (e *export) drawing(ctx context.Context, src source, notes []string) draw.Options {
	look := e.look.look()
	if look.Title == "" {
		look.Title = src.title
	} else {
		look.Query = src.title
	}
	look.Source, look.Notes = src.origin, notes
	return draw.Options{
		Style:   look,
		Theme:   e.look.colours(),
		Worker:  []string{workerArg},
		Context: ctx,
	}
}

// shownSkips is how many of the records that were left out are described before
// the rest is only counted.
const shownSkips = 5

// maxHeld is how many spans the command holds at a time, in about half a GB. A file
// of more than these is read all the same; see [servicegraph.Window] for what that
// means for traces that are spread over it.
const maxHeld = 4 << 20

// read builds the graph of a source, or lets build do it, if that is not nil. It shows
// on the way how far it has come, and says in the end what it had to leave out, unless
// all was in vain.
func (e *export) read(ctx context.Context, src source, build func(iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error)) (*servicegraph.Graph, error) {
	var spans atomic.Int64
	var skips []*servicegraph.SkipError // the first of them
	skipped := func(skip *servicegraph.SkipError) error {
		if len(skips) < shownSkips {
			skips = append(skips, skip)
		}
		return nil
	}
	started := time.Now()
	stop := e.stderr.working(func() string {
		progress := ""
		if src.progress != nil {
			progress = src.progress() + ", "
		} else if n := spans.Load(); n > 0 {
			progress = quantity.Of(n, "span") + ", "
		}
		return fmt.Sprintf("reading: %s%v, from %s", progress, time.Since(started).Truncate(time.Second), src.name)
	})
	defer stop()

	watched := func(yield func(servicegraph.Span, error) bool) {
		for span, err := range src.spans(ctx) {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if w, ok := errors.AsType[*tempoclient.Warning](err); ok && (w.Kind == tempoclient.WarnPartial || w.Kind == tempoclient.WarnTruncated) && !w.TraceID.IsZero() {
				src.truncated.Add(1)
			}
			if err == nil {
				spans.Add(1)
			} else if skip, ok := errors.AsType[*servicegraph.SkipError](err); ok {
				skipped(skip)
			}
			if !yield(span, err) {
				return
			}
		}
	}
	cfg := e.shape.config()
	cfg.Window.Spans = e.held
	var g *servicegraph.Graph
	var err error
	switch {
	case build != nil:
		g, err = build(watched)
	case src.load != nil:
		b := servicegraph.NewBuilder(cfg)
		if err = src.load(ctx, b, skipped); err == nil {
			g = b.Graph()
		} else if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	default:
		g, err = servicegraph.Build(watched, cfg)
	}
	if err != nil {
		return nil, err
	}
	if src.graphs != nil && len(src.graphs()) > 0 {
		g = servicegraph.Merge(append(src.graphs(), g)...)
	}
	r := g.Report()
	e.stderr.detailf("read %s of %s from %s in %v: %s of a call between two nodes, %s without a callee, %s whose parent never arrived, %s delivered twice",
		quantity.Of(r.Spans, "span"), quantity.Of(r.Traces, "trace"), src.name, time.Since(started).Round(time.Millisecond),
		quantity.Of(r.Paired+r.Virtual, "side"), quantity.Of(r.Unresolved, "call"), quantity.Of(r.MissingParent, "span"), quantity.Of(r.Duplicate, "span"))
	if n := r.EvictedSpans; n > 0 {
		e.stderr.infof("more than %s in one go: %s counted before the end, to make room", quantity.Of(e.held, "span"), quantity.Of(n, "trace"))
	}
	if r.Late > 0 {
		e.stderr.warnf("left out: %s of traces that were counted before", quantity.Of(r.Late, "span"))
	}
	for _, skip := range skips {
		e.stderr.warnf("left out: %v", skip)
	}
	if more := g.Report().Skipped - uint64(len(skips)); more > 0 {
		e.stderr.warnf("left out: %s more", quantity.Of(more, "record"))
	}
	return g, nil
}

// render returns the whole document, so that nothing is written when a part of
// it cannot be made.
func (e *export) render(f render.Format, g *servicegraph.Graph) ([]byte, error) {
	stop := e.stderr.working(func() string { return "drawing " + summary(g) })
	defer stop()
	var doc bytes.Buffer
	began := time.Now()
	if err := f.Renderer.Render(&doc, g); err != nil {
		if errors.Is(err, draw.ErrTooLarge) {
			return nil, fmt.Errorf("%w: take a part with --nodecount 80 or --focus NAME, draw all of it with --force, or write .dot or .json", err)
		}
		return nil, err
	}
	e.stderr.detailf("made %d bytes of %s in %v", doc.Len(), f.Name, time.Since(began).Round(time.Millisecond))
	return doc.Bytes(), nil
}

// summary says what a graph holds: "6 services, 5 edges, 55 traces".
func summary(g *servicegraph.Graph) string {
	services, groups := 0, 0
	for n := range g.Nodes() {
		switch n.ID.Type {
		case servicegraph.TypeService:
			services++
		case servicegraph.TypeGroup:
			groups++
		}
	}
	var parts []string
	if services > 0 || groups == 0 {
		parts = append(parts, quantity.Of(services, "service"))
	}
	if groups > 0 {
		parts = append(parts, quantity.Of(groups, "group"))
	}
	if others := g.NumNodes() - services - groups; others > 0 {
		parts = append(parts, quantity.Of(others, "uninstrumented peer"))
	}
	parts = append(parts, quantity.Of(g.NumEdges(), "edge"), quantity.Of(g.Report().Traces, "trace"))
	return strings.Join(parts, ", ")
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
