package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/diffreport"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/rulereport"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/views"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

// A diff is one run of graphviz-export diff.
type diff struct {
	*export
	baseTime     timerange.Flags
	failOn       []string
	explain      string
	falseAlarms  fraction
	minErrors    fraction
	minLatency   fraction
	minCalls     fraction
	sameRequests bool
}

func newDiffCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	d := &diff{export: newExport(stdin, stdout, stderr), falseAlarms: 0.01, minErrors: 0.01, minLatency: 0.1, minCalls: 0.2}
	cmd := &cobra.Command{
		Use:               "diff [flags] BASE HEAD",
		Short:             "Compare two graphs: what is new, gone, slower, failing",
		Long:              section("Diff"),
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			d.begin(cmd, args)
			return d.run(cmd.Context())
		},
	}
	group(cmd, "Diff", func(f *pflag.FlagSet) {
		f.StringSliceVar(&d.failOn, "fail-on", nil, "exit with 1 if there is a `CHANGE` of this kind: "+alternatives(gateNames())+"; repeatable")
		f.StringVar(&d.explain, "explain", "", "explain the comparisons of nodes and edges whose name, NODE or FROM → TO, matches `RE`")
		f.BoolVar(&d.sameRequests, "same-requests", false, "both graphs come from the same requests: every new or gone edge is a change, however rare")
		f.Var(&d.falseAlarms, "false-alarms", "limit the probability of a false alarm, a change reported for unchanged traffic, to `FRACTION`")
		f.Var(&d.minErrors, "min-errors", "report only changes of the fraction of failed calls by at least `FRACTION`")
		f.Var(&d.minLatency, "min-latency", "report only relative changes of latencies by at least `FRACTION`")
		f.Var(&d.minCalls, "min-calls", "report only relative changes of calls per request by at least `FRACTION`")
	})
	d.tempo.addTo(cmd)
	group(cmd, "Time", func(f *pflag.FlagSet) {
		f.StringVar(&d.baseTime.Since, "base-since", "", "base: look back `DURATION` before --base-to (default: as long as the head)")
		f.StringVar(&d.baseTime.From, "base-from", "", "base: start at `TIME`")
		f.StringVar(&d.baseTime.To, "base-to", "", "base: end at `TIME` (default: the start of the head)")
	})
	d.filter.addTo(cmd)
	d.graph.addTo(cmd)
	d.style.addTo(cmd)
	d.completeNodes(cmd)
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.StringArrayVarP(&d.outputs, "output", "o", nil, "write to `FILE` in the format of its extension, or to standard output (-); repeatable")
		f.StringVarP(&d.format, "format", "f", "", "output `FORMAT`: "+alternatives(namesOf(d.formats(context.Background(), nil))))
		f.DurationVar(&d.timeout, "timeout", 0, "stop after `DURATION`: 90s, 5m (default: no limit)")
		f.BoolVarP(&d.stderr.Verbose, "verbose", "v", false, "verbose output")
		f.BoolVar(&d.stderr.Quiet, "quiet", false, "print neither a summary nor progress")
	})
	complete(cmd, "fail-on", gateNames)
	return cmd
}

func gateNames() (names []string) {
	for _, g := range graphdiff.Gates() {
		names = append(names, string(g))
	}
	return names
}

// A diffed is a diff with its two graphs and its gates, which the output formats also show.
type diffed struct {
	graphdiff.Diff
	base, head *servicegraph.Graph
	gates      []graphdiff.Gate // the gates of --fail-on, or all gates
}

func (d *diff) run(ctx context.Context) error {
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	gates, err := d.gates()
	if err != nil {
		return err
	}
	explain, err := regexp.Compile(d.explain)
	if err != nil {
		return exit.Usagef("--explain %q: %w", d.explain, err)
	}
	if d.falseAlarms == 0 {
		return exit.Usagef("--false-alarms 0: want a fraction above 0: no test of samples is certain")
	}
	steps, err := d.steps()
	if err != nil {
		return err
	}
	if err := d.style.check(); err != nil {
		return err
	}
	sides, err := d.sides()
	if err != nil {
		return err
	}
	if d.format == "" && len(d.outputs) == 0 {
		d.format = "text"
	}
	if _, err := d.targets(d.formats(ctx, nil)); err != nil {
		return err
	}
	var graphs [2]*servicegraph.Graph
	skipped := ""
	for i, side := range sides {
		g, err := side.readSide(ctx, steps)
		if err != nil {
			return fmt.Errorf("%s: %w", []string{"base", "head"}[i], err)
		}
		if n := g.Report().Skipped; n > 0 {
			skipped = fmt.Sprintf("%s: %s skipped", []string{"base", "head"}[i], quantity.Of(n, "record"))
		}
		graphs[i] = g
	}
	result, err := graphdiff.Compare(graphs[0], graphs[1], graphdiff.Config{
		FalseAlarms: float64(d.falseAlarms), MinErrors: atLeast(d.minErrors), MinLatency: atLeast(d.minLatency), MinCalls: atLeast(d.minCalls),
		SameRequests: d.sameRequests,
	})
	if err != nil {
		return fmt.Errorf("not compared: %w", err)
	}
	shown := &diffed{result, graphs[0], graphs[1], gates}
	if d.explain != "" {
		return d.writeExplanations(result, explain)
	}
	if err := d.writeDiff(ctx, shown); err != nil {
		return err
	}
	var closed []string
	for _, gate := range gates {
		if n := len(result.At(gate)); n > 0 {
			closed = append(closed, fmt.Sprintf("%s (%d)", gate, n))
		}
	}
	if len(d.failOn) > 0 && len(closed) > 0 {
		return fmt.Errorf("changes that --fail-on names: %s", strings.Join(closed, ", "))
	}
	if skipped != "" {
		return exit.With(exit.Partial, fmt.Errorf("the diff is incomplete: %s, see above", skipped))
	}
	return nil
}

// atLeast returns the fraction. For 0 it returns a tiny fraction, because package graphdiff takes 0
// for the default.
func atLeast(f fraction) float64 { return max(float64(f), 1e-12) }

// gates returns the gates that --fail-on names, or all gates without --fail-on.
func (d *diff) gates() ([]graphdiff.Gate, error) {
	if len(d.failOn) == 0 {
		return graphdiff.Gates(), nil
	}
	var gates []graphdiff.Gate
	for _, name := range d.failOn {
		if !slices.Contains(gateNames(), name) {
			return nil, exit.Usagef("--fail-on %s: want %s", name, alternatives(gateNames()))
		}
		gates = append(gates, graphdiff.Gate(name))
	}
	return gates, nil
}

// sides returns the inputs of the base and of the head. With two arguments, the arguments are base
// and head. With one argument, it is the base, and the head is in Tempo. Without arguments, both
// are time ranges in Tempo.
func (d *diff) sides() (sides [2]*export, err error) {
	base, head := *d.export, *d.export
	ranged := d.given("base-since") || d.given("base-from") || d.given("base-to")
	if len(d.files) > 0 && ranged {
		return sides, exit.Usagef("--base-since, --base-from and --base-to apply to Tempo and cannot be combined with the file %s as base", d.files[0])
	}
	if len(d.files) > 2 {
		return sides, exit.Usagef("diff compares two graphs, but %d files are named: name one file or directory for BASE and one for HEAD", len(d.files))
	}
	switch len(d.files) {
	case 2:
		base.files, head.files = d.files[:1], d.files[1:]
	case 1:
		head.files = nil
	default:
		if base.tempo.time, err = d.baseRange(time.Now()); err != nil {
			return sides, err
		}
	}
	if len(d.files) == 2 && d.files[0] == "-" && d.files[1] == "-" {
		return sides, exit.Usagef("- is given twice, but standard input can be read only once")
	}
	if len(d.files) < 2 && !d.given("tempo") && !hasTempo() {
		return sides, exit.Usagef("diff compares two graphs: name files for BASE and HEAD, or set --tempo URL and a time range of the base")
	}
	if len(d.files) == 1 { // the flags for Tempo apply to the head
		base.tempo.time = timerange.Flags{}
		base.given = func(flag string) bool { return flag != "tempo" && !slices.Contains(queryFlags, flag) && d.given(flag) }
	}
	return [2]*export{&base, &head}, nil
}

// baseRange returns the time range of the base in Tempo. By default, it ends where the range of the
// head starts, and has the same length.
func (d *diff) baseRange(now time.Time) (timerange.Flags, error) {
	head, err := d.tempo.time.Period(now)
	if err != nil {
		return timerange.Flags{}, err
	}
	r := d.baseTime
	r.UTC = d.tempo.time.UTC
	if r.To == "" {
		r.To = head.From.Format(time.RFC3339)
	}
	if r.From == "" {
		r.Since = cmp.Or(r.Since, head.To.Sub(head.From).Round(time.Second).String())
	}
	if _, err := r.Period(now); err != nil {
		return r, exit.Usagef("time range of the base: %w", err)
	}
	return r, nil
}

// readSide reads one side, applies the filters, and warns of a limit.
func (e *export) readSide(ctx context.Context, steps []views.Step) (*servicegraph.Graph, error) {
	src, err := e.source()
	if err != nil {
		return nil, err
	}
	defer src.Close()
	g, err := e.read(ctx, src, nil)
	if err != nil {
		return nil, err
	}
	if g.NumNodes() == 0 {
		return nil, exit.Reason(src.Empty())
	}
	g, notes, err := views.Apply(g, steps, false, e.stderr.Warnf)
	if err != nil {
		return nil, err
	}
	if g.NumNodes() == 0 {
		return nil, exit.With(exit.Nothing, fmt.Errorf("no node is left: %s", strings.Join(notes, "; ")))
	}
	for _, note := range src.WithNotes(nil) {
		e.stderr.Infof("%s", note)
	}
	e.warnLimit(src, g)
	return g, nil
}

// writeDiff renders the diff for all targets, and then writes all of them or none.
func (d *diff) writeDiff(ctx context.Context, shown *diffed) error {
	targets, err := d.targets(d.formats(ctx, shown))
	if err != nil {
		return err
	}
	docs := make([][]byte, len(targets))
	var names []string
	for i, t := range targets {
		if docs[i], err = d.render(t.format, shown.head); err != nil {
			return err
		}
	}
	if err := writeAll(targets, docs); err != nil {
		return err
	}
	for _, t := range targets {
		if t.Path != "" {
			names = append(names, t.Name())
		}
	}
	if len(names) > 0 {
		d.stderr.Infof("%s → %s", quantity.Of(len(shown.Findings()), "change"), strings.Join(names, ", "))
	}
	return nil
}

// writeExplanations explains the comparisons of the nodes and edges whose name matches.
func (d *diff) writeExplanations(result graphdiff.Diff, match *regexp.Regexp) error {
	lines := diffreport.Explain(result, match.MatchString)
	if len(lines) == 0 {
		return exit.With(exit.Nothing, fmt.Errorf("--explain %s matches none of %s and %s%s", d.explain,
			quantity.Of(len(result.Nodes), "node"), quantity.Of(len(result.Edges), "edge"), diffreport.DidYouMean(result, d.explain)))
	}
	_, err := io.WriteString(d.stdout, strings.Join(lines, "\n")+"\n")
	return err
}

// A writing writes a document other than a graph. It is a format for the targets of an export.
type writing func(io.Writer) error

func (r writing) Render(w io.Writer, _ *servicegraph.Graph) error { return r(w) }

// formats returns the formats of a diff. shown may be nil if only the names of the formats are
// needed.
func (d *diff) formats(ctx context.Context, shown *diffed) []render.Format {
	checked := func(write func(io.Writer, rulereport.Report) error) writing {
		return func(w io.Writer) error { return write(w, shown.report()) }
	}
	image := draw.Options{}
	if shown != nil {
		image = d.image(ctx, shown)
	}
	return []render.Format{
		{Name: "text", Extensions: []string{".txt"}, Renderer: writing(func(w io.Writer) error { return shown.WriteText(w) })},
		{Name: "markdown", Extensions: []string{".md"}, Renderer: writing(func(w io.Writer) error { return shown.WriteMarkdown(w) })},
		{Name: "json", Extensions: []string{".json"}, Renderer: writing(shown.writeJSON)},
		{Name: "junit", Extensions: []string{".xml"}, Renderer: checked(rulereport.WriteJUnit)},
		{Name: "github", Renderer: checked(rulereport.WriteGitHub)},
		{Name: "svg", Extensions: []string{".svg"}, Renderer: writing(func(w io.Writer) error { return draw.SVG{Options: image}.Render(w, shown.both()) })},
		{Name: "png", Extensions: []string{".png"}, Binary: true, Renderer: writing(func(w io.Writer) error {
			return draw.PNG{Options: image, Scale: d.style.scale}.Render(w, shown.both())
		})},
		{Name: "html", Extensions: []string{".html"}, Renderer: writing(func(w io.Writer) error { return shown.writePage(w, image) })},
	}
}

func (s *diffed) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(s.Diff)
}

// report returns the gates as rules in the formats of check.
func (s *diffed) report() rulereport.Report {
	r := rulereport.Report{Graph: s.head}
	for _, gate := range s.gates {
		rule := rulereport.Result{Text: "no " + string(gate) + " against the base"}
		for _, f := range s.At(gate) {
			rule.Violations = append(rule.Violations, graphtest.Violation{Rule: rule.Text, Message: f.String(), Explanation: s.ExplainFinding(f)})
		}
		r.Rules = append(r.Rules, rule)
	}
	return r
}
