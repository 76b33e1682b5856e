package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/pathreport"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A critical is one run of graphviz-export critical.
type critical struct {
	*export
	whatIf     []string
	percentile float64
	top        int
}

func newCriticalCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	c := &critical{export: newExport(stdin, stdout, stderr)}
	cmd := &cobra.Command{
		Use:               "critical [flags] [FILE|-]...",
		Short:             "Print what requests wait for: the critical path of all traces",
		Long:              section("Critical path"),
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.begin(cmd, args)
			return c.run(cmd.Context())
		},
	}
	group(cmd, "Critical path", func(f *pflag.FlagSet) {
		f.StringArrayVar(&c.whatIf, "what-if", nil, "print how much time requests save if each request to a node takes less time: `NODE=DURATION`; repeatable")
		f.Float64Var(&c.percentile, "percentile", 95, "requests of an entry count as slow if they take longer than percentile `P`: 50, 99.9")
		f.IntVar(&c.top, "top", 20, "list at most `N` nodes, calls and operations each; 0: all")
	})
	c.tempo.addTo(cmd)
	c.graph.addLimitTo(cmd)
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.StringArrayVarP(&c.outputs, "output", "o", nil, "write to `FILE` in the format of its extension, or to standard output (-); repeatable")
		f.StringVarP(&c.format, "format", "f", "", "output `FORMAT`: "+alternatives(namesOf(c.formats(critpath.Report{}, servicegraph.Report{}))))
		f.DurationVar(&c.timeout, "timeout", 0, "stop after `DURATION`: 90s, 5m (default: no limit)")
		f.BoolVarP(&c.stderr.Verbose, "verbose", "v", false, "verbose output")
		f.BoolVar(&c.stderr.Quiet, "quiet", false, "print no progress")
	})
	return cmd
}

func (c *critical) run(ctx context.Context) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	if c.top < 0 {
		return exit.Usagef("--top %d: want a number of rows, or 0 for all", c.top)
	}
	if !(c.percentile > 0 && c.percentile < 100) {
		return exit.Usagef("--percentile %v: want a number above 0 and below 100", c.percentile)
	}
	cfg := critpath.Config{Spans: c.held, Percentile: c.percentile}
	for _, question := range c.whatIf {
		name, less, _ := strings.Cut(question, "=")
		d, err := timerange.ParseDuration(less)
		if err != nil || d <= 0 || name == "" {
			return exit.Usagef("--what-if %q: want a node and a duration above zero, such as payments=10ms", question)
		}
		cfg.Changes = append(cfg.Changes, critpath.Change{Node: namedNode(name), Less: d})
	}
	src, err := c.source()
	if err != nil {
		return err
	}
	defer src.Close()
	if c.format == "" && len(c.outputs) == 0 {
		c.format = "text"
	}
	if _, err := c.targets(c.formats(critpath.Report{}, servicegraph.Report{})); err != nil {
		return err
	}
	var r critpath.Report
	g, err := c.read(ctx, src, func(spans iter.Seq2[servicegraph.Span, error]) (g *servicegraph.Graph, err error) {
		r, g, err = pathsOf(spans, cfg)
		return g, err
	})
	if err != nil {
		return err
	}
	if src.HoldsGraphs() {
		return errors.New("a graph has no critical path: it holds sums and no traces; name files of traces")
	}
	if g.NumNodes() == 0 {
		return exit.Reason(src.Empty())
	}
	for i, answer := range r.Answers {
		if _, ok := g.Node(answer.Node); !ok {
			return exit.With(exit.Nothing, fmt.Errorf("--what-if %s: no node has this name%s", c.whatIf[i], graphtext.NameHint(g, []string{answer.Node.Name})))
		}
	}
	targets, err := c.targets(c.formats(r, g.Report()))
	if err != nil {
		return err
	}
	docs := make([][]byte, len(targets))
	for i, t := range targets {
		if docs[i], err = c.render(t.format, g); err != nil {
			return err
		}
	}
	if err := writeAll(targets, docs); err != nil {
		return err
	}
	c.warnLimit(src, g)
	if g.Report().Skipped > 0 {
		return exit.With(exit.Partial, fmt.Errorf("the paths are incomplete: %s, see above", missing(src, g)))
	}
	return nil
}

// heldPaths returns the limit on the spans held for critical paths when a builder holds spans for a
// graph as well.
func heldPaths(held int) int { return held / 2 }

// pathsOf reads all spans. It returns the report about their critical paths, and a graph with their
// nodes and without edges: building the edges would hold the spans a second time.
func pathsOf(spans iter.Seq2[servicegraph.Span, error], cfg critpath.Config) (critpath.Report, *servicegraph.Graph, error) {
	c := critpath.NewCollector(cfg)
	var report servicegraph.Report
	for s, err := range spans {
		skip, skipped := errors.AsType[*servicegraph.SkipError](err)
		switch {
		case skipped && skip.Traces > 0:
			report.LeftOutTraces += skip.Traces
			report.Limited = skip.Limited
		case skipped:
			report.Skipped += uint64(skip.Count())
		case err != nil:
			return critpath.Report{}, nil, err
		default:
			c.Add(s)
		}
	}
	r := c.Report()
	report.Spans, report.Traces, report.EvictedSpans, report.Late = r.Spans, r.Traces+r.Rootless, r.Early, r.Late
	var nodes []servicegraph.Node
	for _, id := range c.Nodes() {
		nodes = append(nodes, servicegraph.Node{ID: id})
	}
	g, err := servicegraph.NewGraph(nodes, nil, report)
	return r, g, err
}

// collected returns the same spans. It also passes each span to add.
func collected(spans iter.Seq2[servicegraph.Span, error], add func(servicegraph.Span)) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for s, err := range spans {
			if err == nil {
				add(s)
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// namedNode parses the displayed name of a node: namespace/name, followed by the type in brackets
// for nodes other than services.
func namedNode(name string) (id servicegraph.NodeID) {
	if begin, typ, ok := strings.Cut(strings.TrimSuffix(name, "]"), "["); ok {
		name, id.Type = strings.TrimSpace(begin), servicegraph.NodeType(typ)
	}
	namespace, rest, ok := strings.Cut(name, "/")
	if !ok {
		namespace, rest = "", name
	}
	id.Namespace, id.Name = namespace, rest
	return id
}

// formats returns the formats of the answers.
func (c *critical) formats(r critpath.Report, read servicegraph.Report) []render.Format {
	return []render.Format{
		{Name: "text", Extensions: []string{".txt"}, Renderer: writing(func(w io.Writer) error { return pathreport.WriteText(w, r, read, c.percentile, c.top) })},
		{Name: "json", Extensions: []string{".json"}, Renderer: writing(func(w io.Writer) error { return pathreport.WriteJSON(w, r, read) })},
		{Name: "folded", Extensions: []string{".folded"}, Renderer: writing(func(w io.Writer) error { return pathreport.WriteFolded(w, r) })},
	}
}
