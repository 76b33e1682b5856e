package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/plaintable"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
	"github.com/tempograph/tempograph/internal/quantity"
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
		f.StringArrayVar(&c.whatIf, "what-if", nil, "print what requests save if each request into a node takes less time: `NODE=DURATION`; repeatable")
		f.Float64Var(&c.percentile, "percentile", 95, "count as SLOW the requests of an entry from percentile `P` of their durations on: 50, 99.9")
		f.IntVar(&c.top, "top", 20, "list at most `N` nodes, calls and operations each; 0: all")
	})
	c.tempo.addTo(cmd)
	c.graph.addLimitTo(cmd)
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.StringArrayVarP(&c.outputs, "output", "o", nil, "write to `FILE` in the format of its extension, or to standard output (-); repeatable")
		f.StringVarP(&c.format, "format", "f", "", "output `FORMAT`: "+alternatives(namesOf(c.formats(critpath.Report{}))))
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
		cfg.Changes = append(cfg.Changes, critpath.Change{Node: serviceNode(name), Less: d})
	}
	src, err := c.source()
	if err != nil {
		return err
	}
	defer src.Close()
	if c.format == "" && len(c.outputs) == 0 {
		c.format = "text"
	}
	if _, err := c.targets(c.formats(critpath.Report{})); err != nil {
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
	for i, change := range cfg.Changes {
		if _, ok := g.Node(change.Node); !ok {
			return exit.With(exit.Nothing, fmt.Errorf("--what-if %s: no service has this name%s", c.whatIf[i], graphtext.NameHint(g, []string{change.Node.Name})))
		}
	}
	targets, err := c.targets(c.formats(r))
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

// pathsOf reads spans to their end. It returns the report about their paths, and a graph that has
// their nodes and no edges: spans are held once, and not for a graph as well.
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

// collected passes spans on, and adds them somewhere else.
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

// serviceNode returns the service with a name, which may begin with a namespace.
func serviceNode(name string) servicegraph.NodeID {
	namespace, rest, ok := strings.Cut(name, "/")
	if !ok {
		namespace, rest = "", name
	}
	return servicegraph.NodeID{Namespace: namespace, Name: rest, Type: servicegraph.TypeService}
}

// formats returns the formats of the answers.
func (c *critical) formats(r critpath.Report) []render.Format {
	return []render.Format{
		{Name: "text", Extensions: []string{".txt"}, Renderer: writing(func(w io.Writer) error { return writeCritical(w, r, c.percentile, c.top) })},
		{Name: "json", Extensions: []string{".json"}, Renderer: writing(func(w io.Writer) error { return writeCriticalJSON(w, r) })},
		{Name: "folded", Extensions: []string{".folded"}, Renderer: writing(func(w io.Writer) error { return writeFolded(w, r) })},
	}
}

// part returns a time as a part of all: "12.3%".
func part(t, all time.Duration) string { return render.PercentText(float64(t), float64(all)) }

// basis says what a report rests on.
func basis(r critpath.Report) string {
	text := fmt.Sprintf("From the paths of %s, %s long together, of %s", quantity.Of(r.Traces, "trace"), render.DurationText(r.Time), quantity.Of(r.Spans, "span"))
	if r.Rootless > 0 {
		text += fmt.Sprintf("; %s without a finished root: no path", quantity.Of(r.Rootless, "trace"))
	}
	if r.Early > 0 {
		text += fmt.Sprintf("; %s finished early to limit memory, %s came too late", quantity.Of(r.Early, "trace"), quantity.Of(r.Late, "span"))
	}
	if r.Sampled > 0 {
		text += fmt.Sprintf("; %s stand for several each because of sampling, and each trace counts once", quantity.Of(r.Sampled, "span"))
	}
	if r.Folded > 0 {
		text += fmt.Sprintf("; names beyond a limit were counted as \"other\" %s", quantity.Of(r.Folded, "time"))
	}
	if r.Cut > 0 {
		text += fmt.Sprintf("; names longer than 1 KiB were cut %s", quantity.Of(r.Cut, "time"))
	}
	if r.Coarse > 0 {
		text += fmt.Sprintf("; to limit memory, a duration was counted roughly, or a time not as that of slow requests, %s: percentiles and the times of slow requests are approximate", quantity.Of(r.Coarse, "time"))
	}
	return text + "."
}

// writeCritical writes a report for people, the first n of each long list; 0 stands for all. Slow
// requests are those from a percentile on.
func writeCritical(w io.Writer, r critpath.Report, percentile float64, n int) error {
	var b strings.Builder
	slow := time.Duration(0)
	rows := [][]string{{"ENTRY", "REQUESTS", "P50", "P95", "P99"}}
	for _, e := range plaintable.First(r.Entries, n) {
		rows = append(rows, []string{e.Node.String() + " " + e.Operation, quantity.Number(int64(e.Requests)), render.DurationText(e.P50), render.DurationText(e.P95), render.DurationText(e.P99)})
	}
	for _, e := range r.Entries {
		slow += e.Time.Slow
	}
	b.WriteString("Entries\n")
	plaintable.Write(&b, rows, 1)
	plaintable.More(&b, len(r.Entries)-len(rows)+1)

	fmt.Fprintf(&b, "\nWhat requests wait for: SHARE of the time of all requests, SLOW of the slowest %.4g%%\n", 100-percentile)
	rows = [][]string{{"NODE", "SHARE", "SLOW", "PER REQUEST"}}
	for _, x := range plaintable.First(r.Nodes, n) {
		rows = append(rows, []string{graphtext.Label(x.Node), part(x.Time.All, r.Time), part(x.Time.Slow, slow), perRequest(x.Time.All, r)})
	}
	plaintable.Write(&b, rows, 1)
	plaintable.More(&b, len(r.Nodes)-len(rows)+1)

	b.WriteString("\nTime within calls; SLACK is the least by which a call beside another one ended earlier\n")
	rows = [][]string{{"CALL", "SHARE", "SLOW", "PER REQUEST", "NETWORK", "SLACK", "SUPPRESSED ERRORS", "THEIR TIME"}}
	for _, x := range plaintable.First(r.Calls, n) {
		network, slack, suppressed, cost := "–", "–", "–", "–"
		if x.Network > 0 {
			network = part(x.Network, x.Time.All)
		}
		if x.OffPath > 0 {
			slack = render.DurationText(x.MinSlack)
		}
		if x.Suppressed > 0 {
			suppressed, cost = quantity.Number(int64(x.Suppressed)), part(x.SuppressedTime, r.Time)
		}
		rows = append(rows, []string{graphtext.Label(x.From) + " → " + graphtext.Label(x.To), part(x.Time.All, r.Time), part(x.Time.Slow, slow), perRequest(x.Time.All, r), network, slack, suppressed, cost})
	}
	plaintable.Write(&b, rows, 1)
	plaintable.More(&b, len(r.Calls)-len(rows)+1)

	b.WriteString("\nOperations\n")
	rows = [][]string{{"OPERATION", "SHARE", "SLOW", "PER REQUEST"}}
	for _, x := range plaintable.First(r.Operations, n) {
		rows = append(rows, []string{graphtext.Label(x.Node) + " " + x.Name, part(x.Time.All, r.Time), part(x.Time.Slow, slow), perRequest(x.Time.All, r)})
	}
	plaintable.Write(&b, rows, 1)
	plaintable.More(&b, len(r.Operations)-len(rows)+1)

	for _, a := range r.Answers {
		fmt.Fprintf(&b, "\nIf each request into %s took %s less, requests would save\n", console.OneLine(graphtext.Label(a.Node)), render.DurationText(a.Less))
		rows = [][]string{{"ENTRY", "MEAN", "P50", "P95"}}
		for _, s := range plaintable.First(a.Entries, n) {
			rows = append(rows, []string{s.Node.String() + " " + s.Operation, render.DurationText(s.Mean), render.DurationText(s.P50), render.DurationText(s.P95)})
		}
		plaintable.Write(&b, rows, 1)
	}
	fmt.Fprintf(&b, "\n%s\n", basis(r))
	_, err := io.WriteString(w, b.String())
	return err
}

// perRequest returns a time divided by the number of requests.
func perRequest(t time.Duration, r critpath.Report) string {
	if r.Traces == 0 {
		return "–"
	}
	return render.DurationText(t / time.Duration(r.Traces))
}

// writeFolded writes the stacks in the folded format that flame graph tools read: a stack and a
// number of microseconds on each line.
func writeFolded(w io.Writer, r critpath.Report) error {
	var b strings.Builder
	for _, s := range r.Stacks {
		fmt.Fprintf(&b, "%s %d\n", s.Text, s.Time.Microseconds())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// The JSON of a report. Times are in nanoseconds, and names of nodes have their type where it is
// not a service.
type (
	jsonCritical struct {
		Basis      string         `json:"basis"`
		Traces     uint64         `json:"traces"`
		Rootless   uint64         `json:"tracesWithoutRoot"`
		Early      uint64         `json:"tracesFinishedEarly"`
		Spans      uint64         `json:"spans"`
		Late       uint64         `json:"lateSpans"`
		Sampled    uint64         `json:"sampledSpans"`
		Folded     uint64         `json:"countedAsOther"`
		Cut        uint64         `json:"namesCut"`
		Coarse     uint64         `json:"countedRoughly"`
		Time       int64          `json:"timeNs"`
		Entries    []jsonEntry    `json:"entries"`
		Nodes      []jsonTime     `json:"nodes"`
		Calls      []jsonCallTime `json:"calls"`
		Operations []jsonTime     `json:"operations"`
		WhatIf     []jsonAnswer   `json:"whatIf"`
	}
	jsonEntry struct {
		Node      string `json:"node"`
		Operation string `json:"operation"`
		Requests  uint64 `json:"requests"`
		Time      int64  `json:"timeNs"`
		Slow      int64  `json:"slowNs"`
		P50       int64  `json:"p50Ns"`
		P95       int64  `json:"p95Ns"`
		P99       int64  `json:"p99Ns"`
	}
	jsonTime struct {
		Node      string  `json:"node"`
		Operation string  `json:"operation,omitempty"`
		Time      int64   `json:"timeNs"`
		Slow      int64   `json:"slowNs"`
		Share     float64 `json:"share"`
	}
	jsonCallTime struct {
		From           string          `json:"from"`
		To             string          `json:"to"`
		Time           int64           `json:"timeNs"`
		Slow           int64           `json:"slowNs"`
		Share          float64         `json:"share"`
		Traces         uint64          `json:"traces"`
		Network        int64           `json:"networkNs"`
		OffPath        uint64          `json:"offPath"`
		MinSlack       int64           `json:"minSlackNs"`
		MeanSlack      int64           `json:"meanSlackNs"`
		Suppressed     uint64          `json:"suppressedErrors"`
		SuppressedTime int64           `json:"suppressedNs"`
		Slowest        []jsonSlowTrace `json:"slowest"`
	}
	jsonSlowTrace struct {
		Trace string `json:"trace"`
		Time  int64  `json:"timeNs"`
	}
	jsonAnswer struct {
		Node    string       `json:"node"`
		Less    int64        `json:"lessNs"`
		Entries []jsonSaving `json:"entries"`
	}
	jsonSaving struct {
		Node      string `json:"node"`
		Operation string `json:"operation"`
		Mean      int64  `json:"meanNs"`
		P50       int64  `json:"p50Ns"`
		P95       int64  `json:"p95Ns"`
	}
)

func writeCriticalJSON(w io.Writer, r critpath.Report) error {
	share := func(t time.Duration) float64 {
		if r.Time == 0 {
			return 0
		}
		return float64(t) / float64(r.Time)
	}
	doc := jsonCritical{
		Basis: basis(r), Traces: r.Traces, Rootless: r.Rootless, Early: r.Early, Spans: r.Spans, Late: r.Late, Sampled: r.Sampled, Folded: r.Folded, Cut: r.Cut, Coarse: r.Coarse, Time: int64(r.Time),
		Entries: []jsonEntry{}, Nodes: []jsonTime{}, Calls: []jsonCallTime{}, Operations: []jsonTime{}, WhatIf: []jsonAnswer{},
	}
	for _, e := range r.Entries {
		doc.Entries = append(doc.Entries, jsonEntry{graphtext.Label(e.Node), e.Operation, e.Requests, int64(e.Time.All), int64(e.Time.Slow), int64(e.P50), int64(e.P95), int64(e.P99)})
	}
	for _, n := range r.Nodes {
		doc.Nodes = append(doc.Nodes, jsonTime{graphtext.Label(n.Node), "", int64(n.Time.All), int64(n.Time.Slow), share(n.Time.All)})
	}
	for _, o := range r.Operations {
		doc.Operations = append(doc.Operations, jsonTime{graphtext.Label(o.Node), o.Name, int64(o.Time.All), int64(o.Time.Slow), share(o.Time.All)})
	}
	for _, x := range r.Calls {
		j := jsonCallTime{
			graphtext.Label(x.From), graphtext.Label(x.To), int64(x.Time.All), int64(x.Time.Slow), share(x.Time.All), x.Traces, int64(x.Network),
			x.OffPath, int64(x.MinSlack), int64(x.MeanSlack), x.Suppressed, int64(x.SuppressedTime), []jsonSlowTrace{},
		}
		for _, s := range x.Slowest {
			j.Slowest = append(j.Slowest, jsonSlowTrace{s.TraceID.String(), int64(s.Time)})
		}
		doc.Calls = append(doc.Calls, j)
	}
	for _, a := range r.Answers {
		j := jsonAnswer{graphtext.Label(a.Node), int64(a.Less), []jsonSaving{}}
		for _, s := range a.Entries {
			j.Entries = append(j.Entries, jsonSaving{graphtext.Label(s.Node), s.Operation, int64(s.Mean), int64(s.P50), int64(s.P95)})
		}
		doc.WhatIf = append(doc.WhatIf, j)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}
