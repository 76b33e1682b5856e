package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// maxHeld is the largest number of spans held in memory. So many spans take about 0.2 GB, and up to
// 1 GiB while a graph is made, if all spans belong to one trace or are messages of different
// topics. Longer input is also read in full: [servicegraph.Window] says what then happens to traces
// whose spans are far apart in the input.
const maxHeld = 2_500_000

// read returns the graph of a source. If build is not nil, it builds the graph. It shows progress
// while reading. At the end, it reports skipped records, unless reading failed.
func (e *export) read(ctx context.Context, src source.Source, build func(iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error)) (*servicegraph.Graph, error) {
	var spans atomic.Int64
	var skips skippedRecords
	started := time.Now()
	stop := e.stderr.Working(func() string {
		progress := ""
		if src.Progress != nil {
			progress = src.Progress() + ", "
		} else if n := spans.Load(); n > 0 {
			progress = quantity.Of(n, "span") + ", "
		}
		return fmt.Sprintf("reading %s: %s%v", src.Name, progress, time.Since(started).Truncate(time.Second))
	})
	defer stop()

	var g *servicegraph.Graph
	var err error
	switch {
	case src.Graph != nil:
		g, err = e.finishedGraph(ctx, src)
	case build != nil:
		g, err = build(watched(ctx, src, &spans, &skips))
	default:
		g, err = e.build(ctx, src, watched(ctx, src, &spans, &skips), &skips)
	}
	if err != nil {
		return nil, err
	}
	if src.HoldsGraphs() {
		graphs := src.Graphs()
		for i := range graphs {
			graphs[i] = graphs[i].Rename(e.graph.renames...)
		}
		g = servicegraph.Merge(append(graphs, g)...)
	}
	if build != nil {
		for _, note := range src.WithNotes(nil) {
			e.stderr.Infof("%s", note)
		}
	}
	e.tellRead(g, src, time.Since(started))
	skips.tell(e.stderr, g.Report())
	return g, nil
}

// finishedGraph returns the graph of a source that has no spans.
func (e *export) finishedGraph(ctx context.Context, src source.Source) (*servicegraph.Graph, error) {
	g, notes, err := src.Graph(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	for _, note := range notes {
		e.stderr.Infof("%s", note)
	}
	return g.Rename(e.graph.renames...), nil
}

// build returns the graph of the spans of a source, and keeps the builder.
func (e *export) build(ctx context.Context, src source.Source, spans iter.Seq2[servicegraph.Span, error], skips *skippedRecords) (*servicegraph.Graph, error) {
	cfg := e.config()
	cfg.Window.Spans = e.held
	b := servicegraph.NewBuilder(cfg)
	var err error
	if src.Load == nil {
		err = b.AddAll(spans)
	} else if err = src.Load(ctx, b, skips.add); err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	e.builder = b
	return b.Graph(), nil
}

// watched returns the spans of a source. It counts the spans, and stores the errors about skipped
// records in skips.
func watched(ctx context.Context, src source.Source, spans *atomic.Int64, skips *skippedRecords) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range src.Spans(ctx) {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if source.IsTruncated(err) {
				src.Truncated.Add(1)
			}
			if err == nil {
				spans.Add(1)
			} else if skip, ok := errors.AsType[*servicegraph.SkipError](err); ok {
				skips.add(skip)
			}
			if !yield(span, err) {
				return
			}
		}
	}
}

// tellRead reports how much was read, and which effects the bound on spans in memory had.
func (e *export) tellRead(g *servicegraph.Graph, src source.Source, took time.Duration) {
	r := g.Report()
	detail := fmt.Sprintf("read %s in %s from %s in %v", quantity.Of(r.Spans, "span"), quantity.Of(r.Traces, "trace"), src.Name, took.Round(time.Millisecond))
	if r.Accounted() == r.Spans { // false if only critical paths were computed
		detail += fmt.Sprintf(": %s in calls between two nodes, %s to an unknown callee, %s with a missing parent, %s",
			quantity.Of(r.Paired+r.Virtual, "span"), quantity.Of(r.Unresolved, "call"), quantity.Of(r.MissingParent, "span"), quantity.Of(r.Duplicate, "duplicate span"))
	}
	e.stderr.Detailf("%s", detail)
	if n := r.EvictedSpans; n > 0 {
		e.stderr.Infof("the input has more than %s: %s counted early to limit memory", quantity.Of(e.held, "span"), quantity.Of(n, "trace"))
	}
	if r.Late > 0 {
		e.stderr.Warnf("skipped: %s whose trace was already counted: the spans of a trace should be less than %s apart",
			quantity.Of(r.Late, "span"), quantity.Of(e.held, "span"))
	}
}

// shownSkips is the number of skipped records that are described one by one. The others are only
// counted.
const shownSkips = 5

// skippedRecords are the first records that could not be read, at most shownSkips.
type skippedRecords []*servicegraph.SkipError

// add keeps a record if it is one of the first shownSkips. It returns nil, so that reading goes on.
func (s *skippedRecords) add(skip *servicegraph.SkipError) error {
	if skip.Traces == 0 && len(*s) < shownSkips { // warnLimit reports traces beyond a limit
		*s = append(*s, skip)
	}
	return nil
}

// tell describes the first skipped records and counts the others.
func (s skippedRecords) tell(c *console.Console, r servicegraph.Report) {
	shown := uint64(0)
	for _, skip := range s {
		outcome := "skipped"
		if source.IsTruncated(skip) {
			outcome = "truncated"
		}
		shown += uint64(skip.Count())
		c.Warnf("%s: %v%s", outcome, skip, nextStep(skip))
	}
	switch more := r.Skipped - shown; {
	case more == 0:
	case len(s) == 0: // the skipped records are counted in a graph in JSON that was read
		c.Warnf("skipped: %s", quantity.Of(more, "record"))
	default:
		c.Warnf("skipped: %s", quantity.Of(more, "more record"))
	}
}
