package report

import (
	"fmt"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// node returns the data of a node.
func (h HTML) node(g *servicegraph.Graph, n servicegraph.Node, units render.Scale) node {
	d := node{
		ID:    render.NodeID(n.ID),
		Name:  render.NameText(n.ID.Name, nameWidth),
		Type:  render.NameText(string(n.ID.Type), nameWidth),
		State: h.Style.NodeLevel(n).String(),
		Mark:  h.Style.NodeMark(n),
		Rate:  rateMeasure(g, n.Requests.Calls, units),
		side:  *sideData(n.Requests, units),
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
		d.Facts = append(d.Facts, fact{"Requests from outside", render.CountText(n.Entries)})
	}
	d.Facts = append(d.Facts, reachFact(h.Reach[n.ID])...)
	if n.SelfTime > 0 && n.Requests.Calls > 0 {
		perCall := time.Duration(float64(n.SelfTime) / n.Requests.Calls)
		d.Facts = append(d.Facts, fact{"Self time per request", render.DurationText(perCall)})
	}
	d.Facts = append(d.Facts, attrs(n.Attrs, n.AttrsTruncated)...)
	return d
}

// reachFact returns the fact about what a failure reaches, if there is a text for it.
func reachFact(text string) []fact {
	if text == "" {
		return nil
	}
	return []fact{{"A failure reaches", render.NameText(text, fullWidth)}}
}

// edge returns the data of an edge.
func (h HTML) edge(g *servicegraph.Graph, e servicegraph.Edge, nodeAt map[servicegraph.NodeID]int, units render.Scale) edge {
	d := edge{
		From:    nodeAt[e.ID.From],
		To:      nodeAt[e.ID.To],
		Kind:    render.NameText(string(e.ID.Kind), nameWidth),
		State:   h.Style.EdgeLevel(e).String(),
		Mark:    h.Style.EdgeMark(e),
		Calls:   measure{e.Calls, render.CountText(e.Calls)},
		Rate:    rateMeasure(g, e.Calls, units),
		Errors:  errorMeasure(e.Errors, e.Calls),
		Facts:   append(reachFact(h.EdgeReach[e.ID]), edgeFacts(g, e)...),
		Slowest: exemplars(e.Slowest),
		Failed:  exemplars(e.Failed),
	}
	if _, by, ok := e.Latency(); ok {
		d.LatencySide = by.String()
	}
	if e.Caller.Observed > 0 {
		d.Caller = sideData(e.Caller, units)
	}
	if e.Callee.Observed > 0 {
		d.Callee = sideData(e.Callee, units)
	}
	if e.Gap.Count() > 0 {
		d.Gap = sideData(servicegraph.Stats{Latency: e.Gap}, units)
		d.Gap.Calls = nil
	}
	return d
}

// edgeFacts returns the facts about an edge that are in no table.
func edgeFacts(g *servicegraph.Graph, e servicegraph.Edge) (facts []fact) {
	if perRequest := g.FanOut(e); perRequest > 0 {
		facts = append(facts, fact{"Calls per request", fmt.Sprintf("%.3g", perRequest)})
	}
	if e.MaxPerTrace > 1 {
		facts = append(facts, fact{"Most calls in one trace", render.CountText(float64(e.MaxPerTrace))})
	}
	for _, f := range []struct {
		name  string
		calls float64
	}{
		{"Retries", e.Retries},
		{"Recovered errors", e.Recovered},
		{"Calls with spans on both sides", e.Evidence.Both},
		{"Calls with a caller span only", e.Evidence.Caller},
		{"Calls with a callee span only", e.Evidence.Callee},
		{"Calls assigned by address", e.Evidence.Address},
		{"Calls assigned by name", e.Evidence.Name},
		{"Calls inferred from time", e.Evidence.Inferred},
	} {
		if f.calls > 0 {
			facts = append(facts, fact{f.name, render.CountText(f.calls)})
		}
	}
	for _, q := range e.Queues {
		facts = append(facts, fact{"Queue", render.NameText(q.String(), fullWidth)})
	}
	if e.QueuesTruncated {
		facts = append(facts, fact{"Queue", "…"})
	}
	return append(facts, attrs(e.Attrs, e.AttrsTruncated)...)
}

func sideData(s servicegraph.Stats, units render.Scale) *side {
	d := &side{
		Calls:  measure{s.Calls, render.CountText(s.Calls)},
		Errors: errorMeasure(s.Errors, s.Calls),
	}
	if s.Latency.Count() > 0 {
		quantile := func(q float64) measure {
			v := s.Latency.Quantile(q)
			return measure{int64(v), units.Latency(v)}
		}
		d.P50, d.P95, d.P99 = quantile(0.50), quantile(0.95), quantile(0.99)
	}
	return d
}

func rateMeasure(g *servicegraph.Graph, calls float64, units render.Scale) measure {
	perSecond, known := g.Rate(calls)
	if !known {
		return nil
	}
	return measure{perSecond, units.Rate(calls)}
}

func errorMeasure(errors, calls float64) measure {
	if calls == 0 {
		return nil
	}
	return measure{errors / calls, render.PercentText(errors, calls), render.CountText(errors)}
}

func attrs(list []servicegraph.Attr, truncated bool) (facts []fact) {
	for _, a := range list {
		facts = append(facts, fact{render.NameText(a.Key, nameWidth), render.NameText(a.Value, fullWidth)})
	}
	if truncated {
		facts = append(facts, fact{"…", "more values"})
	}
	return facts
}

func exemplars(list []servicegraph.Exemplar) (out []exemplar) {
	for _, x := range list {
		out = append(out, exemplar{Trace: x.TraceID.String(), Took: render.DurationText(x.Duration)})
	}
	return out
}
