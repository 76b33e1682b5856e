package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// data is what the script of the page knows. Texts are for people as they are: the
// script formats nothing. Positions are those of the graph's own order.
type data struct {
	Title    string   `json:"title"`
	Facts    string   `json:"facts"`           // where the graph comes from
	Remarks  []string `json:"remarks"`         // what makes it less than the truth
	Undrawn  string   `json:"undrawn"`         // what the picture leaves out; empty: nothing
	TraceURL string   `json:"traceURL"`        // with {traceID} in it; empty: none
	Mermaid  string   `json:"mermaid"`         // the graph as a flowchart
	Nodes    []node   `json:"nodes"`           //
	Edges    []edge   `json:"edges"`           //
	Drawn    *drawn   `json:"drawn,omitempty"` // what is in the picture; nil: everything
}

// drawn has the positions of what is in the picture, in the picture's order.
type drawn struct {
	Nodes []int `json:"nodes"`
	Edges []int `json:"edges"`
}

// A measure is a value to sort by, and its text; nil where nobody measured.
type measure []any

// side is what one end of a call, or the node itself, has seen.
type side struct {
	Calls  measure `json:"calls"`
	Errors measure `json:"errors"` // sorted by their share
	P50    measure `json:"p50"`    // sorted by nanoseconds
	P95    measure `json:"p95"`
	P99    measure `json:"p99"`
}

type node struct {
	ID        string  `json:"id"`             // of render.NodeID
	Name      string  `json:"name"`           //
	Namespace string  `json:"ns,omitempty"`   //
	Full      string  `json:"full,omitempty"` // namespace and name, if they are not all of it
	Type      string  `json:"type"`           //
	State     string  `json:"state"`          // ok, warn or error
	Rate      measure `json:"rate"`           //
	side
	Facts [][2]string `json:"facts,omitempty"` // what else there is to say
}

type edge struct {
	From    int         `json:"from"`
	To      int         `json:"to"`
	Kind    string      `json:"kind"`
	State   string      `json:"state"`
	Calls   measure     `json:"calls"`
	Rate    measure     `json:"rate"`
	Errors  measure     `json:"errors"`
	Caller  *side       `json:"caller,omitempty"`
	Callee  *side       `json:"callee,omitempty"`
	Gap     *side       `json:"gap,omitempty"` // between them; latency only
	Facts   [][2]string `json:"facts,omitempty"`
	Slowest []exemplar  `json:"slowest,omitempty"`
	Failed  []exemplar  `json:"failed,omitempty"`
}

type exemplar struct {
	Trace string `json:"trace"`
	Took  string `json:"took"`
}

const (
	nameWidth = 60   // columns of a name on the page
	fullWidth = 2000 // of one in a tooltip, and in what is searched
)

// data returns what the page has to know of g, of which part is drawn; nil: nothing.
func (h HTML) data(g, part *servicegraph.Graph) (data, error) {
	var mermaid strings.Builder
	if err := (render.Mermaid{Style: h.Style}).Render(&mermaid, g); err != nil {
		return data{}, err
	}
	d := data{
		Title:    render.NameText(cmp.Or(h.Style.Title, "Service graph"), 200),
		Facts:    h.Style.Heading(g)[0],
		Remarks:  append(h.notes(), render.Remarks(g)...),
		TraceURL: h.TraceURL,
		Mermaid:  mermaid.String(),
		Nodes:    make([]node, 0, g.NumNodes()),
		Edges:    make([]edge, 0, g.NumEdges()),
	}
	nodeAt := make(map[servicegraph.NodeID]int, g.NumNodes())
	for n := range g.Nodes() {
		nodeAt[n.ID] = len(d.Nodes)
		d.Nodes = append(d.Nodes, h.node(g, n))
	}
	edgeAt := make(map[servicegraph.EdgeID]int, g.NumEdges())
	for e := range g.Edges() {
		edgeAt[e.ID] = len(d.Edges)
		d.Edges = append(d.Edges, h.edge(g, e, nodeAt))
	}
	if part != nil && (part.NumNodes() < g.NumNodes() || part.NumEdges() < g.NumEdges()) {
		d.Undrawn = undrawn(g, part)
		d.Drawn = &drawn{Nodes: []int{}, Edges: []int{}}
		for n := range part.Nodes() {
			d.Drawn.Nodes = append(d.Drawn.Nodes, nodeAt[n.ID])
		}
		for e := range part.Edges() {
			d.Drawn.Edges = append(d.Drawn.Edges, edgeAt[e.ID])
		}
	}
	return d, nil
}

// notes returns what else there is to say of the graph, in a list that is not nil.
func (h HTML) notes() []string {
	list := []string{}
	for _, note := range h.Style.Notes {
		list = append(list, render.NameText(note, fullWidth))
	}
	return list
}

// undrawn says how much of g the picture shows.
func undrawn(g, part *servicegraph.Graph) string {
	calls := func(g *servicegraph.Graph) (sum float64) {
		for e := range g.Edges() {
			sum += e.Calls
		}
		return sum
	}
	return fmt.Sprintf("Drawn are the busiest %s of %s nodes and %s of %s edges, with %s of the calls. The tables have all.",
		render.CountText(float64(part.NumNodes())), render.CountText(float64(g.NumNodes())),
		render.CountText(float64(part.NumEdges())), render.CountText(float64(g.NumEdges())),
		render.PercentText(calls(part), calls(g)))
}

func (h HTML) node(g *servicegraph.Graph, n servicegraph.Node) node {
	d := node{
		ID:    render.NodeID(n.ID),
		Name:  render.NameText(n.ID.Name, nameWidth),
		Type:  render.NameText(string(n.ID.Type), nameWidth),
		State: h.Style.Level(n.Requests.Errors, n.Requests.Calls).String(),
		Rate:  rateMeasure(g, n.Requests.Calls),
		side:  *sideData(n.Requests),
	}
	shown := d.Name
	if n.ID.Namespace != "" {
		d.Namespace = render.NameText(n.ID.Namespace, nameWidth)
		shown = d.Namespace + "/" + d.Name
	}
	if full := render.NameText(n.ID.String(), fullWidth); full != shown {
		d.Full = full
	}
	if n.Entries > 0 {
		d.Facts = append(d.Facts, [2]string{"Requests from outside", render.CountText(n.Entries)})
	}
	if n.SelfTime > 0 && n.Requests.Calls > 0 {
		perCall := time.Duration(float64(n.SelfTime) / n.Requests.Calls)
		d.Facts = append(d.Facts, [2]string{"Own time per request", render.DurationText(perCall)})
	}
	d.Facts = append(d.Facts, attrs(n.Attrs, n.AttrsTruncated)...)
	return d
}

func (h HTML) edge(g *servicegraph.Graph, e servicegraph.Edge, nodeAt map[servicegraph.NodeID]int) edge {
	d := edge{
		From:    nodeAt[e.ID.From],
		To:      nodeAt[e.ID.To],
		Kind:    render.NameText(string(e.ID.Kind), nameWidth),
		State:   h.Style.Level(e.Errors, e.Calls).String(),
		Calls:   measure{e.Calls, render.CountText(e.Calls)},
		Rate:    rateMeasure(g, e.Calls),
		Errors:  errorMeasure(e.Errors, e.Calls),
		Slowest: exemplars(e.Slowest),
		Failed:  exemplars(e.Failed),
	}
	if e.Caller.Observed > 0 {
		d.Caller = sideData(e.Caller)
	}
	if e.Callee.Observed > 0 {
		d.Callee = sideData(e.Callee)
	}
	if e.Gap.Count() > 0 {
		d.Gap = sideData(servicegraph.Stats{Latency: e.Gap})
		d.Gap.Calls = nil // it has no calls of its own
	}
	fact := func(name, value string) { d.Facts = append(d.Facts, [2]string{name, value}) }
	if perRequest := g.FanOut(e); perRequest > 0 {
		fact("Calls per request", fmt.Sprintf("%.3g", perRequest))
	}
	if e.MaxPerTrace > 1 {
		fact("Most in one trace", render.CountText(float64(e.MaxPerTrace)))
	}
	if e.Retries > 0 {
		fact("Retries", render.CountText(e.Retries))
	}
	if e.Recovered > 0 {
		fact("Errors that did no harm", render.CountText(e.Recovered))
	}
	for _, seen := range []struct {
		name  string
		calls float64
	}{
		{"Seen from both sides", e.Evidence.Both},
		{"Seen by the caller alone", e.Evidence.Caller},
		{"Seen by the callee alone", e.Evidence.Callee},
		{"Known by its address", e.Evidence.Address},
		{"Inferred from time", e.Evidence.Inferred},
	} {
		if seen.calls > 0 {
			fact(seen.name, render.CountText(seen.calls))
		}
	}
	for _, q := range e.Queues {
		fact("Queue", render.NameText(q.String(), fullWidth))
	}
	if e.QueuesTruncated {
		fact("Queue", "…")
	}
	d.Facts = append(d.Facts, attrs(e.Attrs, e.AttrsTruncated)...)
	return d
}

func sideData(s servicegraph.Stats) *side {
	d := &side{
		Calls:  measure{s.Calls, render.CountText(s.Calls)},
		Errors: errorMeasure(s.Errors, s.Calls),
	}
	if s.Latency.Count() > 0 {
		quantile := func(q float64) measure {
			v := s.Latency.Quantile(q)
			return measure{int64(v), render.DurationText(v)}
		}
		d.P50, d.P95, d.P99 = quantile(0.50), quantile(0.95), quantile(0.99)
	}
	return d
}

func rateMeasure(g *servicegraph.Graph, calls float64) measure {
	perSecond, known := g.Rate(calls)
	if !known {
		return nil
	}
	return measure{perSecond, render.RateText(g, calls)}
}

func errorMeasure(errors, calls float64) measure {
	if calls == 0 {
		return nil
	}
	return measure{errors / calls, render.PercentText(errors, calls), render.CountText(errors)}
}

func attrs(list []servicegraph.Attr, cut bool) (facts [][2]string) {
	for _, a := range list {
		facts = append(facts, [2]string{render.NameText(a.Key, nameWidth), render.NameText(a.Value, fullWidth)})
	}
	if cut {
		facts = append(facts, [2]string{"…", "there are more values"})
	}
	return facts
}

func exemplars(list []servicegraph.Exemplar) (out []exemplar) {
	for _, x := range list {
		out = append(out, exemplar{Trace: x.TraceID.String(), Took: render.DurationText(x.Duration)})
	}
	return out
}
