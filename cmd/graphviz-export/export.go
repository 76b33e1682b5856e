package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/views"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	"github.com/tempograph/tempograph/servicegraph/render/sequence"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// An export is one run of the command: it reads spans from a source and writes their graph.
type export struct {
	stdin  io.Reader
	stdout io.Writer
	stderr *console.Console

	files   []string
	outputs []string
	format  string
	tempo   tempoFlags

	prometheus prometheusFlags
	estimate   bool

	filter filterFlags
	graph  graphFlags
	style  styleFlags
	given  func(flag string) bool // reports whether the user set the flag

	held int // limit on the spans held in memory: maxHeld, except in tests

	builder *servicegraph.Builder // the builder of the graph that was read; nil if the input is not traces

	color   choice            // what the colors of images show
	diagram *sequence.Diagram // the diagram of the one trace, for formats that show a single trace
	paths   critpath.Report   // with --color critical

	allowEmpty bool
	force      bool
	open       bool
	timeout    time.Duration
	commands   []string // names of subcommands, for suggestions
}

// run reads spans, builds the graph, filters it, and writes it. Mistakes that do not depend
// on the traces are reported before reading, which may take minutes.
func (e *export) run(ctx context.Context) error {
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	steps, err := e.steps()
	if err != nil {
		return err
	}
	if err := e.style.check(); err != nil {
		return err
	}
	src, err := e.source()
	if err != nil {
		return err
	}
	defer src.Close()
	targets, err := e.targets(e.formats(draw.Options{}))
	if err != nil {
		return err
	}
	var report target
	if e.open {
		if report, err = toOpen(targets); err != nil {
			return err
		}
	}
	sequences, err := e.startSequence(src, targets, steps)
	if err != nil {
		return err
	}
	paths, err := e.startColoring(src, targets)
	if err != nil {
		return err
	}
	g, err := e.read(ctx, src, e.building(sequences, paths))
	if err != nil {
		return err
	}
	if sequences != nil && src.HoldsGraphs() {
		return errors.New("a graph has no sequence of calls: it holds sums and no traces; name files of traces")
	}
	if paths != nil && src.HoldsGraphs() {
		return errors.New("--color critical: a graph has no critical path: it holds sums and no traces; name files of traces")
	}
	skipped := g.Report().Skipped
	if g.NumNodes() == 0 && skipped > 0 {
		return &exit.NothingToDraw{Reason: quantity.Of(skipped, "record") + " skipped, see above, and nothing else in the input"}
	}
	if g.NumNodes() == 0 && g.Report().Hidden > 0 && !e.allowEmpty {
		return exit.NothingToDrawf("--hide and --gateway hide every service of the input")
	}
	if g.NumNodes() == 0 && !e.allowEmpty {
		return src.Empty()
	}
	g, notes, err := views.Apply(g, steps, e.allowEmpty, e.stderr.Warnf)
	if err != nil {
		return err
	}
	if g.NumNodes() == 0 && !e.allowEmpty {
		return exit.NothingToDrawf("no node is left: %s", strings.Join(notes, "; "))
	}
	notes = src.WithNotes(notes)
	if slices.ContainsFunc(targets, func(t target) bool { return t.format.Name == "html" }) {
		e.style.reach, e.style.edgeReach = topology.Describe(g, e.reach(src, g, steps), true)
	}
	if e.estimate {
		err = writeEstimate(e.stdout, g)
	} else {
		err = e.write(ctx, g, src, notes, targets)
	}
	if err != nil {
		return err
	}
	if e.open {
		e.openFile(ctx, report)
	}
	e.warnLimit(src, g)
	if skipped > 0 {
		return exit.With(exit.Partial, fmt.Errorf("the graph is incomplete: %s, see above", missing(src, g)))
	}
	return nil
}

// missing returns a text that counts what a graph lacks: files that were left out, skipped records
// and truncated traces, such as "2 records skipped". The report of the graph counts all of them as
// skipped records.
func missing(src source.Source, g *servicegraph.Graph) string {
	skipped := g.Report().Skipped
	var parts []string
	if src.LeftOut != nil && src.LeftOut() > 0 {
		files := min(uint64(src.LeftOut()), skipped)
		skipped -= files
		parts = append(parts, quantity.Of(files, "file")+" left out")
	}
	truncated := min(uint64(src.Truncated.Load()), skipped)
	if skipped > truncated {
		parts = append(parts, quantity.Of(skipped-truncated, "record")+" skipped")
	}
	if truncated > 0 {
		parts = append(parts, quantity.Of(truncated, "trace")+" truncated")
	}
	return strings.Join(parts, " and ")
}

// bounded returns a context that ends after --timeout, if that is set.
func (e *export) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, e.timeout, fmt.Errorf("stopped after %v: raise --timeout, or select fewer traces", e.timeout))
}

// write renders all outputs before it writes the first one, and writes all of them or none.
func (e *export) write(ctx context.Context, g *servicegraph.Graph, src source.Source, notes []string, targets []target) error {
	if err := e.style.checkExpand(g); err != nil {
		return err
	}
	options := e.options(ctx, src, g, notes)
	options.Force = e.force
	if e.force {
		options.Timeout = math.MaxInt64 // --timeout and Ctrl-C still end it
	}
	list := e.formats(options)
	docs := make([][]byte, len(targets))
	for i, t := range targets {
		f, err := render.ByName(list, t.format.Name)
		if t.totals {
			f = colored(f)
		}
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
	if err := writeAll(targets, docs); err != nil {
		return err
	}
	var names []string
	for _, t := range targets {
		if !t.totals {
			names = append(names, t.Name())
		}
	}
	about := src.About
	if g.Report().Limited != "" {
		about = "" // the summary has the time range
	}
	if n := src.Truncated.Load(); n > 0 {
		about = strings.TrimPrefix(fmt.Sprintf("%s, %s truncated", about, quantity.Number(n)), ", ")
	}
	if about != "" {
		about = " (" + about + ")"
	}
	for _, note := range notes {
		about += "; " + note
	}
	if len(names) > 0 {
		e.stderr.Infof("%s%s → %s", graphtext.Summary(g), about, strings.Join(names, ", "))
	}
	return nil
}

// options returns the options for drawing the graph of a source. The notes say what filters left out.
func (e *export) options(ctx context.Context, src source.Source, g *servicegraph.Graph, notes []string) draw.Options {
	style := e.style.style()
	title := src.Title
	if limited := g.Report().Limited; limited != "" && src.Limit > 0 {
		title = cmp.Or(e.tempo.query, limited)
	}
	if style.Title == "" {
		style.Title = title
	} else {
		style.Query = title
	}
	style.Source, style.Notes = src.Origin, notes
	if e.color.value == colorCritical {
		e.colorCritical(&style, g)
	}
	return draw.Options{
		Style:   style,
		Theme:   e.style.colors(),
		Worker:  []string{workerArg},
		Context: ctx,
	}
}

// warnLimit warns if Tempo has more traces than --limit allows.
func (e *export) warnLimit(src source.Source, g *servicegraph.Graph) {
	if n := g.Report().LeftOutTraces; src.Limit > 0 && n > 0 {
		e.stderr.Warnf("--limit %d left out at least %s, the oldest: raise --limit, or shorten the time range", src.Limit, quantity.Of(n, "trace"))
	}
}

// render renders a document in memory: an error while rendering must not leave half a file.
func (e *export) render(f render.Format, g *servicegraph.Graph) ([]byte, error) {
	stop := e.stderr.Working(func() string { return "drawing " + graphtext.Summary(g) })
	defer stop()
	var doc bytes.Buffer
	began := time.Now()
	if err := f.Renderer.Render(&doc, g); err != nil {
		return nil, err
	}
	e.stderr.Detailf("rendered %s of %s in %v", quantity.Of(doc.Len(), "byte"), f.Name, time.Since(began).Round(time.Millisecond))
	return doc.Bytes(), nil
}
