package render

import (
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Scale holds the units of the numbers of a graph: one for all rates, one for the latencies
// of requests, and one for the durations of messages. Each is the unit that keeps the largest
// number below 1,000, so that a reader can compare numbers without looking at units. A Scale
// is safe for concurrent use.
type Scale struct {
	graph             *servicegraph.Graph
	known             bool // whether the graph has rates
	period            period
	latency, messages unit

	// timed is false for a graph that was read from a list of dependencies. Such a list has no
	// spans and no durations.
	timed bool
	// judged is false for such a graph without errors, because Jaeger's lists never have errors.
	judged bool
}

// Scale returns the units for the numbers of g: for the rates of nodes and edges, and for the
// durations in the texts on the edges.
func (s Style) Scale(g *servicegraph.Graph) Scale {
	c := edgeRates(g)
	c.timed = g.Report().Spans > 0 || g.NumEdges() == 0
	most := 0.0
	var latency, messages time.Duration
	for n := range g.Nodes() {
		c.timed = c.timed || n.Requests.Latency.Count() > 0
		c.judged = c.judged || n.Requests.Errors > 0
		most = max(most, n.Requests.Calls)
		latency = max(latency, n.Requests.Latency.Quantile(0.95))
	}
	highest := 0.95
	if s.EdgeText == EdgeFull {
		highest = 0.99
	}
	for e := range g.Edges() {
		most = max(most, e.Calls)
		t := timingOf(e)
		c.timed = c.timed || t.Count() > 0
		c.judged = c.judged || e.Errors > 0
		if t.isMessage() {
			messages = max(messages, t.Quantile(highest))
		} else {
			latency = max(latency, t.Quantile(highest))
		}
	}
	c.judged = c.judged || c.timed
	perSecond, _ := g.Rate(most)
	c.period, c.latency, c.messages = periodOf(perSecond), unitOf(latency), unitOf(messages)
	return c
}

// edgeRates returns the unit for the rates of the edges of g.
func edgeRates(g *servicegraph.Graph) Scale {
	most := 0.0
	for e := range g.Edges() {
		most = max(most, e.Calls)
	}
	perSecond, known := g.Rate(most)
	return Scale{graph: g, known: known, period: periodOf(perSecond)}
}

// Rate formats a weighted number of calls as calls per second, minute or hour: "4.4/min".
// The result is "–" if the rate is unknown.
func (c Scale) Rate(calls float64) string {
	if !c.known {
		return unknown
	}
	perSecond, _ := c.graph.Rate(calls)
	return c.period.rate(perSecond)
}

// Latency formats the latency of a request: "627 µs".
func (c Scale) Latency(d time.Duration) string { return c.latency.number(d) + " " + c.latency.name }

// unitFor returns the unit for a timing.
func (c Scale) unitFor(t timing) unit {
	if t.isMessage() {
		return c.messages
	}
	return c.latency
}

// edge formats the durations on an edge with the given text: "160 · 590 · 1150 ms". A word before
// the durations tells what they are, unless they are the latency that the caller measured.
func (c Scale) edge(text EdgeText, t timing) string {
	if text != EdgeFull && text != EdgeP95 || !c.timed {
		return ""
	}
	if t.Count() == 0 {
		return unknown
	}
	u := c.unitFor(t)
	s := u.number(t.Quantile(0.95))
	if text == EdgeFull {
		s = u.number(t.Quantile(0.50)) + " · " + s + " · " + u.number(t.Quantile(0.99))
	}
	if note := t.note(); note != "" {
		s = note + " " + s
	}
	return s + " " + u.name
}
