package graphdiff

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A Finding is a change of a node or an edge, for readers.
type Finding struct {
	Node NodeDiff // zero for an edge
	Edge EdgeDiff // zero for a node
	Change
}

// Findings returns the changes, the most important first: new and gone nodes and edges, then worse
// and better ones, then those with more or fewer calls. Findings of one verdict are in the order of
// nodes, edges and metrics.
func (d Diff) Findings() []Finding { return d.findings(Verdict.Changed) }

// Undecided returns the comparisons with too few samples, in the order of nodes, edges and
// metrics.
func (d Diff) Undecided() []Finding { return d.findings(func(v Verdict) bool { return v == Unsure }) }

func (d Diff) findings(want func(Verdict) bool) (list []Finding) {
	for _, n := range d.Nodes {
		for _, c := range n.Changes {
			if want(c.Verdict) {
				list = append(list, Finding{Node: n, Change: c})
			}
		}
	}
	for _, e := range d.Edges {
		for _, c := range e.Changes {
			if want(c.Verdict) {
				list = append(list, Finding{Edge: e, Change: c})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return slices.Index(importance, a.Verdict) - slices.Index(importance, b.Verdict)
	})
	return list
}

// isEdge reports whether the finding is about an edge.
func (f Finding) isEdge() bool { return f.Edge.ID != (servicegraph.EdgeID{}) }

// Name returns the name of the node, or of both ends of the edge: "frontend → cart". The type
// of a node that is not a service follows its name in brackets.
func (f Finding) Name() string {
	if !f.isEdge() {
		return nodeName(f.Node.ID)
	}
	arrow := " → "
	if f.Edge.ID.Kind == servicegraph.EdgeMessage {
		arrow = " ⇢ "
	}
	return nodeName(f.Edge.ID.From) + arrow + nodeName(f.Edge.ID.To)
}

func nodeName(id servicegraph.NodeID) string {
	name := render.NameText(id.String(), 60)
	if id.Type != servicegraph.TypeService {
		name += " [" + string(id.Type) + "]"
	}
	return name
}

// What returns the kind of the change in one or two words: "new edge", "slower".
func (f Finding) What() string {
	kind := "node"
	if f.isEdge() {
		kind = "edge"
	}
	switch f.Verdict {
	case New, Gone:
		return string(f.Verdict) + " " + kind
	case More, Fewer:
		return string(f.Verdict) + " calls"
	case Worse, Better:
		if f.Metric == Errors {
			return map[Verdict]string{Worse: "more errors", Better: "fewer errors"}[f.Verdict]
		}
		return map[Verdict]string{Worse: "slower", Better: "faster"}[f.Verdict]
	}
	return string(f.Verdict)
}

// metricTexts are the names of the metrics.
var metricTexts = map[Metric]string{
	Presence: "calls per request",
	Calls:    "calls per request",
	Errors:   "failed calls",
	Latency:  "median latency",
	Tail:     "p95 latency",
}

// MetricText returns the name of the metric for readers: "median latency".
func (c Change) MetricText() string { return metricTexts[c.Metric] }

// Values returns both values with their unit: "51 ms", "66 ms". The value of a graph without
// the node or edge is "–".
func (c Change) Values() (base, head string) {
	text := func(v float64) string {
		switch c.Metric {
		case Errors:
			return render.PercentText(v, 1)
		case Latency, Tail:
			return render.DurationText(time.Duration(v * 1e9))
		}
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	base, head = text(c.Base), text(c.Head)
	if c.Metric == Presence && c.Base == 0 {
		base = "–"
	}
	if c.Metric == Presence && c.Head == 0 {
		head = "–"
	}
	return base, head
}

// SizeText returns the size of the change with its confidence interval: "+30% (+27% to +34%)",
// or percentage points for errors. It is empty for Presence.
func (c Change) SizeText() string {
	switch c.Metric {
	case Presence:
		return ""
	case Errors:
		return fmt.Sprintf("%s points (%s to %s)", signed(100*c.Size), signed(100*c.Low), signed(100*c.High))
	}
	return fmt.Sprintf("%s (%s to %s)", relative(c.Size), relative(c.Low), relative(c.High))
}

// relative writes a ratio as a change: "+30%", "-25%", "×12".
func relative(ratio float64) string {
	switch {
	case math.IsInf(ratio, 0) || math.IsNaN(ratio):
		return "unknown"
	case ratio >= 10:
		return "×" + strconv.FormatFloat(ratio, 'f', 0, 64)
	}
	return signed(100*(ratio-1)) + "%"
}

// signed formats a number with its sign, with one decimal below 10.
func signed(v float64) string {
	decimals := 0
	if math.Abs(v) < 9.95 {
		decimals = 1
	}
	text := fmt.Sprintf("%+.*f", decimals, v)
	return strings.TrimSuffix(text, ".0")
}

// Samples returns how many independent samples each side has: "52 and 55 samples".
func (c Change) Samples() string {
	if c.Metric == Presence {
		return quantityOf(max(c.BaseSamples, c.HeadSamples))
	}
	return quantity.Number(math.Floor(c.BaseSamples)) + " and " + quantityOf(c.HeadSamples)
}

// String returns the comparison in one line, with the numbers of samples.
func (c Change) String() string {
	base, head := c.Values()
	text := fmt.Sprintf("%s: %s → %s", metricTexts[c.Metric], base, head)
	if size := c.SizeText(); size != "" {
		text += ", " + size
	}
	return fmt.Sprintf("%s; %s, p = %.2g: %s", text, c.Samples(), c.P, c.Verdict)
}

// Explain returns the reasons for what the diff reports on an edge: a line for each comparison,
// with the values, the size of the change and its 95 % interval, the numbers of independent
// samples, and the probability of such a difference without a change; and lines with example
// traces. It returns nil if neither graph has the edge.
func (d Diff) Explain(id servicegraph.EdgeID) (lines []string) {
	e, ok := d.Edge(id)
	if !ok {
		return nil
	}
	lines = explained(e.Changes)
	if e.Side != 0 {
		lines = append(lines, fmt.Sprintf("latencies as the %s measured them", e.Side))
	}
	for _, side := range []struct {
		name string
		edge *servicegraph.Edge
	}{{"base", e.Base}, {"head", e.Head}} {
		if side.edge == nil {
			continue
		}
		for _, list := range []struct {
			what      string
			exemplars []servicegraph.Exemplar
		}{{"failed", side.edge.Failed}, {"slow", side.edge.Slowest}} {
			for i, x := range list.exemplars {
				if i == 0 {
					lines = append(lines, fmt.Sprintf("a %s call of the %s: trace %s span %s, %s", list.what, side.name, x.TraceID, x.SpanID, render.DurationText(x.Duration)))
				}
			}
		}
	}
	return lines
}

// ExplainNode returns the reasons for what the diff reports on a node, as [Diff.Explain] does for
// an edge. The requests of a node are compared only if some come from outside: all other requests
// are calls of edges. It returns nil if neither graph has the node.
func (d Diff) ExplainNode(id servicegraph.NodeID) (lines []string) {
	n, ok := d.Node(id)
	if !ok {
		return nil
	}
	lines = explained(n.Changes)
	if len(n.Changes) == 0 {
		lines = append(lines, "both graphs have the node; its requests are compared on its edges")
	}
	for _, r := range d.Renamed {
		if r.From == id || r.To == id {
			lines = append(lines, fmt.Sprintf("%s and %s have the same callers and callees: probably one node that was renamed", nodeName(r.From), nodeName(r.To)))
		}
	}
	return lines
}

// ExplainFinding returns the reasons for a finding, as [Diff.Explain] or [Diff.ExplainNode] does.
func (d Diff) ExplainFinding(f Finding) []string {
	if f.isEdge() {
		return d.Explain(f.Edge.ID)
	}
	return d.ExplainNode(f.Node.ID)
}

// explained returns a line for each comparison.
func explained(changes []Change) (lines []string) {
	for i, c := range changes {
		line := c.String()
		if c.Metric == Tail && c.Verdict == Same && changes[i-1].Verdict.Changed() {
			line += ", because the whole distribution has changed"
		}
		lines = append(lines, line)
	}
	return lines
}
