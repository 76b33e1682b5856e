package graphdiff

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// shownUndecided is how many comparisons with too few samples the text lists.
const shownUndecided = 10

func quantityOf(samples float64) string { return quantity.Of(math.Floor(samples), "sample") }

// WriteText writes the diff for a terminal: the data behind both graphs, a table of the changes,
// the undecided comparisons, and how changes were distinguished from noise.
func (d Diff) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "base  %s\nhead  %s\n\n", d.Base, d.Head)
	rows := [][]string{{"CHANGE", "WHERE", "METRIC", "BASE", "HEAD", "SIZE (95% INTERVAL)", "SAMPLES"}}
	for _, f := range d.Findings() {
		base, head := f.Values()
		rows = append(rows, []string{f.What(), f.Name(), metricTexts[f.Metric], base, head, f.SizeText(), f.Samples()})
	}
	if len(rows) > 1 {
		writeAligned(&b, rows)
	} else {
		b.WriteString("no change\n")
	}
	for _, r := range d.Renamed {
		fmt.Fprintf(&b, "\n%s and %s have the same callers and callees: probably one node that was renamed\n", nodeName(r.From), nodeName(r.To))
	}
	if undecided := d.Undecided(); len(undecided) > 0 {
		b.WriteString("\nnot enough samples to tell\n")
		for i, f := range undecided {
			if i == shownUndecided {
				fmt.Fprintf(&b, "  and %s\n", quantity.Of(len(undecided)-i, "more comparison"))
				break
			}
			base, head := f.Values()
			fmt.Fprintf(&b, "  %s: %s %s → %s, %s\n", f.Name(), metricTexts[f.Metric], base, head, f.Samples())
		}
	}
	b.WriteByte('\n')
	for _, note := range d.Notes {
		fmt.Fprintln(&b, note)
	}
	fmt.Fprintln(&b, d.Basis())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the diff: %w", err)
	}
	return nil
}

// Basis returns a sentence about the data behind the diff.
func (d Diff) Basis() string {
	text := fmt.Sprintf("%s and %s compared in %s; the probability of any false alarm is at most %s",
		quantity.Of(len(d.Nodes), "node"), quantity.Of(len(d.Edges), "edge"), quantity.Of(d.Tests, "test"), render.PercentText(d.Config.FalseAlarms, 1))
	if d.Config.SameRequests {
		text += ", except for nodes and edges that only one graph has"
	}
	return text + "."
}

// String describes the data behind a graph: "55 traces, 55 entry requests, …". A graph of metrics
// or of a list of dependencies has edges, but no traces and no spans.
func (s Side) String() string {
	parts := []string{quantity.Of(s.Nodes, "node"), quantity.Of(s.Edges, "edge")}
	hasSpans := s.Spans > 0 || s.Edges == 0
	if hasSpans {
		parts = append(parts, quantity.Traces(s.Traces, s.LeftOutTraces, ""))
	}
	if hasSpans || s.Entries > 0 {
		parts = append(parts, quantity.Of(s.Entries, "entry request"))
	}
	if hasSpans {
		parts = append(parts, quantity.Of(s.Spans, "span"))
	}
	if !s.First.IsZero() {
		parts = append(parts, s.First.Format("2006-01-02 15:04:05")+" UTC for "+render.DurationText(s.Last.Sub(s.First)))
	}
	return strings.Join(parts, ", ")
}

// writeAligned writes rows whose columns are aligned to the left.
func writeAligned(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// WriteMarkdown writes the diff as GitHub Markdown, for a comment on a pull request.
func (d Diff) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	findings := d.Findings()
	if len(findings) == 0 {
		b.WriteString("**Service graph: no change.**\n")
	} else {
		fmt.Fprintf(&b, "**Service graph: %s.**\n\n", quantity.Of(len(findings), "change"))
		b.WriteString("| Change | Where | Metric | Base | Head | Size (95% interval) | Samples |\n| :-- | :-- | :-- | --: | --: | :-- | :-- |\n")
	}
	for _, f := range findings {
		base, head := f.Values()
		mark := ""
		switch f.Verdict {
		case Worse, Gone:
			mark = "🔴 "
		case Better, New:
			mark = "🟢 "
		}
		fmt.Fprintf(&b, "| %s%s | %s | %s | %s | %s | %s | %s |\n", mark, f.What(), render.MarkdownCode(f.Name()), metricTexts[f.Metric], base, head, f.SizeText(), f.Samples())
	}
	for _, r := range d.Renamed {
		fmt.Fprintf(&b, "\n%s and %s have the same callers and callees: probably one node that was renamed.\n", render.MarkdownCode(nodeName(r.From)), render.MarkdownCode(nodeName(r.To)))
	}
	if undecided := d.Undecided(); len(undecided) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>Not enough samples to tell: %s</summary>\n\n", quantity.Of(len(undecided), "comparison"))
		for i, f := range undecided {
			if i == 5*shownUndecided {
				fmt.Fprintf(&b, "- and %s\n", quantity.Of(len(undecided)-i, "more comparison"))
				break
			}
			base, head := f.Values()
			fmt.Fprintf(&b, "- %s: %s %s → %s, %s\n", render.MarkdownCode(f.Name()), metricTexts[f.Metric], base, head, f.Samples())
		}
		b.WriteString("\n</details>\n")
	}
	fmt.Fprintf(&b, "\nBase: %s. Head: %s. %s\n", d.Base, d.Head, d.Basis())
	for _, note := range d.Notes {
		fmt.Fprintf(&b, "\n%s.\n", note)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the diff: %w", err)
	}
	return nil
}

// The JSON of a diff. Units are in the names of the fields or in those of the metrics.
type (
	jsonDiff struct {
		Changed     bool         `json:"changed"`
		Basis       string       `json:"basis"`
		Base        jsonSide     `json:"base"`
		Head        jsonSide     `json:"head"`
		FalseAlarms float64      `json:"falseAlarms"`
		Tests       int          `json:"tests"`
		Nodes       []jsonNode   `json:"nodes"`
		Edges       []jsonEdge   `json:"edges"`
		Renamed     []jsonRename `json:"renamed"`
		Notes       []string     `json:"notes"`
	}
	jsonSide struct {
		Nodes         int        `json:"nodes"`
		Edges         int        `json:"edges"`
		Traces        uint64     `json:"traces"`
		LeftOutTraces uint64     `json:"leftOutTraces"`
		Spans         uint64     `json:"spans"`
		SampledSpans  uint64     `json:"sampledSpans"`
		EntryRequests float64    `json:"entryRequests"`
		First         *time.Time `json:"first,omitempty"`
		Last          *time.Time `json:"last,omitempty"`
	}
	jsonNode struct {
		Node        string       `json:"node"`
		Type        string       `json:"type"`
		Verdict     Verdict      `json:"verdict"`
		Comparisons []jsonChange `json:"comparisons"`
	}
	jsonEdge struct {
		From        string       `json:"from"`
		FromType    string       `json:"fromType"`
		To          string       `json:"to"`
		ToType      string       `json:"toType"`
		Kind        string       `json:"kind"`
		Verdict     Verdict      `json:"verdict"`
		LatencySide string       `json:"latencySide,omitempty"`
		Comparisons []jsonChange `json:"comparisons"`
	}
	jsonChange struct {
		Metric      Metric   `json:"metric"`
		Unit        string   `json:"unit"`
		Verdict     Verdict  `json:"verdict"`
		Base        float64  `json:"base"`
		Head        float64  `json:"head"`
		Size        *float64 `json:"size,omitempty"`
		SizeUnit    string   `json:"sizeUnit,omitempty"`
		Low         *float64 `json:"low,omitempty"`
		High        *float64 `json:"high,omitempty"`
		BaseSamples float64  `json:"baseSamples"`
		HeadSamples float64  `json:"headSamples"`
		P           float64  `json:"p"`
	}
	jsonRename struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
)

// MarshalJSON returns the diff as JSON, with every comparison, those without a change included.
// docs/command.md describes the fields.
func (d Diff) MarshalJSON() ([]byte, error) {
	doc := jsonDiff{
		Changed: d.Changed(), Basis: d.Basis(), Base: d.Base.json(), Head: d.Head.json(), FalseAlarms: d.Config.FalseAlarms, Tests: d.Tests,
		Nodes: []jsonNode{}, Edges: []jsonEdge{}, Renamed: []jsonRename{}, Notes: append([]string{}, d.Notes...),
	}
	for _, n := range d.Nodes {
		doc.Nodes = append(doc.Nodes, jsonNode{n.ID.String(), string(n.ID.Type), n.Verdict(), jsonChanges(n.Changes)})
	}
	for _, e := range d.Edges {
		side := ""
		if e.Side != 0 {
			side = e.Side.String()
		}
		doc.Edges = append(doc.Edges, jsonEdge{e.ID.From.String(), string(e.ID.From.Type), e.ID.To.String(), string(e.ID.To.Type), string(e.ID.Kind), e.Verdict(), side, jsonChanges(e.Changes)})
	}
	for _, r := range d.Renamed {
		doc.Renamed = append(doc.Renamed, jsonRename{r.From.String(), r.To.String()})
	}
	return json.Marshal(doc)
}

func (s Side) json() jsonSide {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return jsonSide{s.Nodes, s.Edges, s.Traces, s.LeftOutTraces, s.Spans, s.Sampled, s.Entries, moment(s.First), moment(s.Last)}
}

func jsonChanges(changes []Change) []jsonChange {
	list := []jsonChange{}
	finite := func(v float64) *float64 {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
		return &v
	}
	for _, c := range changes {
		j := jsonChange{Metric: c.Metric, Verdict: c.Verdict, Base: c.Base, Head: c.Head, BaseSamples: math.Floor(c.BaseSamples), HeadSamples: math.Floor(c.HeadSamples), P: c.P}
		j.Unit, j.SizeUnit = "calls per entry request", "head/base"
		switch c.Metric {
		case Errors:
			j.Unit, j.SizeUnit = "ratio of calls", "head-base"
		case Latency, Tail:
			j.Unit = "seconds"
		}
		if c.Metric == Presence {
			j.SizeUnit = ""
		} else {
			j.Size, j.Low, j.High = finite(c.Size), finite(c.Low), finite(c.High)
		}
		list = append(list, j)
	}
	return list
}

var _ json.Marshaler = Diff{}
