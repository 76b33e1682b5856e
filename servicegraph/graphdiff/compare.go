package graphdiff

import (
	"math"
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
)

// correlation is the assumed correlation of the errors, and of the latencies, of two calls of one
// edge in one trace, if no trace has more than twice the average number of calls.
const correlation = 0.1

// minShiftSamples is the number of samples of a side below which latencies are not compared:
// with fewer, the normal approximation of the test does not hold.
const minShiftSamples = 8

// Compare returns the diff from base to head. It returns an error that says why if a comparison
// would mislead: a graph is empty, the graphs have no node in common, or they were made with
// different options. Compare(head, base) is the reverse of Compare(base, head).
//
// The result depends on the nodes and edges of both graphs alone. Compare does not change the
// graphs and may be called concurrently.
func Compare(base, head *servicegraph.Graph, cfg Config) (Diff, error) {
	if err := refuse(base, head); err != nil {
		return Diff{}, err
	}
	c := &comparison{Config: cfg.withDefaults(), base: sideOf(base), head: sideOf(head)}
	c.reach = newReach(base, head)
	d := Diff{Base: c.base.Side, Head: c.head.Side, Config: c.Config, Notes: notes(base, head)}
	for _, id := range union(base.Nodes(), head.Nodes(), func(n servicegraph.Node) servicegraph.NodeID { return n.ID }, servicegraph.NodeID.Compare) {
		d.Nodes = append(d.Nodes, NodeDiff{ID: id, Base: pointer(base.Node(id)), Head: pointer(head.Node(id))})
	}
	for _, id := range union(base.Edges(), head.Edges(), func(e servicegraph.Edge) servicegraph.EdgeID { return e.ID }, servicegraph.EdgeID.Compare) {
		d.Edges = append(d.Edges, EdgeDiff{ID: id, Base: pointer(base.Edge(id)), Head: pointer(head.Edge(id))})
	}
	for i := range d.Nodes {
		c.node(&d.Nodes[i])
	}
	for i := range d.Edges {
		c.edge(&d.Edges[i])
	}
	tests := make([]*test, len(c.pending))
	for i := range c.pending {
		tests[i] = &c.pending[i].test
	}
	d.Tests = holm(tests, c.FalseAlarms)
	for i := range c.pending {
		p := &c.pending[i]
		p.change.P, p.change.Verdict = p.test.p, c.verdict(p)
		*p.to = append(*p.to, p.change)
	}
	for i := range d.Nodes {
		withoutRepetition(d.Nodes[i].Changes)
	}
	for i := range d.Edges {
		withoutRepetition(d.Edges[i].Changes)
	}
	d.Renamed = renamed(d)
	return d, nil
}

// pointer returns a pointer to a value, or nil if ok is false.
func pointer[T any](v T, ok bool) *T {
	if !ok {
		return nil
	}
	return &v
}

// union returns the ids in either of two sorted sequences, sorted and without repetitions.
func union[T any, ID comparable](a, b func(func(T) bool), id func(T) ID, compare func(ID, ID) int) (ids []ID) {
	for _, list := range []func(func(T) bool){a, b} {
		for v := range list {
			ids = append(ids, id(v))
		}
	}
	slices.SortFunc(ids, compare)
	return slices.Compact(ids)
}

// A comparison is one call of Compare.
type comparison struct {
	Config
	base, head measured
	reach      reach
	pending    []pendingChange // in the order of nodes, edges and metrics
}

// A measured is one of the graphs.
type measured struct {
	Side
	graph *servicegraph.Graph
	heads map[servicegraph.NodeID]uint64 // the most calls of an edge into the node in one trace
}

func sideOf(g *servicegraph.Graph) measured {
	r := g.Report()
	m := measured{graph: g, heads: make(map[servicegraph.NodeID]uint64)}
	m.Side = Side{
		Nodes: g.NumNodes(), Edges: g.NumEdges(),
		Traces: r.Traces, LeftOutTraces: r.LeftOutTraces, Spans: r.Spans, Sampled: r.Sampled,
	}
	m.First, m.Last = g.TimeRange()
	for n := range g.Nodes() {
		m.Entries += n.Entries
	}
	for e := range g.Edges() {
		m.heads[e.ID.To] = max(m.heads[e.ID.To], e.MaxPerTrace)
	}
	return m
}

// A pendingChange is a change whose test has been made, but whose verdict is open.
type pendingChange struct {
	change  Change
	to      *[]Change
	test    test
	matters bool // the change is large enough to report
	worse   bool // the head is larger: more calls, more errors, slower
}

func (c *comparison) add(to *[]Change, p pendingChange) {
	p.to = to
	c.pending = append(c.pending, p)
}

// verdict returns the verdict on a change, given whether its test has passed Holm's method.
func (c *comparison) verdict(p *pendingChange) Verdict {
	pick := func(larger, smaller Verdict) Verdict {
		if p.worse {
			return larger
		}
		return smaller
	}
	few := min(p.change.BaseSamples, p.change.HeadSamples) < c.MinSamples
	switch {
	case p.change.Metric == Presence && (p.test.passed || c.SameRequests):
		return pick(New, Gone)
	case p.change.Metric == Presence:
		return Unsure
	case p.test.passed && p.matters && p.change.Metric == Calls:
		return pick(More, Fewer)
	case p.test.passed && p.matters:
		return pick(Worse, Better)
	case few && !p.test.passed:
		return Unsure
	}
	return Same
}

// node compares a node. The requests of a node are compared only if some come from outside, because
// all other requests are calls of an edge.
func (c *comparison) node(n *NodeDiff) {
	if n.Base == nil || n.Head == nil {
		present, side := n.Base, c.base
		if present == nil {
			present, side = n.Head, c.head
		}
		calls, weight, m := present.Requests.Calls, weightOf(present.Requests.Calls, present.Requests.Observed), float64(side.heads[n.ID])
		if calls == 0 { // a node that only calls others
			for e := range side.graph.Out(n.ID) {
				if k := e.Calls / max(float64(e.MaxPerTrace), 1); k > calls {
					calls, weight, m = k, weightOf(e.Calls, observed(e)), 1
				}
			}
		}
		c.presence(&n.Changes, calls, weight, max(m, 1), n.Head != nil, n.ID)
		return
	}
	if n.Base.Entries == 0 || n.Head.Entries == 0 {
		return
	}
	b, h := n.Base.Requests, n.Head.Requests
	rb, rh := c.base.repetition(b, c.base.heads[n.ID]), c.head.repetition(h, c.head.heads[n.ID])
	c.errors(&n.Changes,
		failures{b.Errors, b.Calls, rb.independent(float64(b.Observed))},
		failures{h.Errors, h.Calls, rh.independent(float64(h.Observed))})
	c.latency(&n.Changes, b, h, rb, rh)
}

// edge compares an edge.
func (c *comparison) edge(e *EdgeDiff) {
	if e.Base == nil || e.Head == nil {
		present := e.Base
		if present == nil {
			present = e.Head
		}
		c.presence(&e.Changes, present.Calls, weightOf(present.Calls, observed(*present)), float64(max(present.MaxPerTrace, 1)), e.Head != nil, e.ID.From)
		return
	}
	c.calls(e)
	c.errors(&e.Changes, c.base.failures(*e.Base), c.head.failures(*e.Head))
	var b, h servicegraph.Stats
	switch {
	case e.Base.Caller.Latency.Count() > 0 && e.Head.Caller.Latency.Count() > 0:
		b, h, e.Side = e.Base.Caller, e.Head.Caller, servicegraph.CallerSide
	case e.Base.Callee.Latency.Count() > 0 && e.Head.Callee.Latency.Count() > 0:
		b, h, e.Side = e.Base.Callee, e.Head.Callee, servicegraph.CalleeSide
	default:
		return
	}
	c.latency(&e.Changes, b, h, c.base.repetitionOf(*e.Base, e.Base.Slowest), c.head.repetitionOf(*e.Head, e.Head.Slowest))
}

// observed returns the unweighted number of calls of an edge, as far as spans show it.
func observed(e servicegraph.Edge) uint64 { return max(e.Caller.Observed, e.Callee.Observed) }

// weightOf returns the mean weight of calls, at least 1.
func weightOf(calls float64, observed uint64) float64 {
	if observed == 0 {
		return 1
	}
	return max(calls/float64(observed), 1)
}

// A repetition is how many calls of an edge are in one trace: a lower bound for the mean over the
// traces that have any, and the most. Both are at least 1, except that a mean of 0 stands for calls
// whose results depend on the trace.
type repetition struct{ mean, most float64 }

// repetition returns the repetition of the requests that entered a node.
func (m measured) repetition(s servicegraph.Stats, most uint64) repetition {
	r := repetition{1, max(1, float64(most))}
	if m.Traces > 0 {
		r.mean = max(1, float64(s.Observed)/float64(m.Traces))
	}
	return r
}

// repetitionOf returns the repetition of the calls of an edge. If two exemplars are of one trace,
// their errors or latencies probably depend on the trace.
func (m measured) repetitionOf(e servicegraph.Edge, exemplars []servicegraph.Exemplar) repetition {
	r := m.repetition(servicegraph.Stats{Observed: observed(e)}, e.MaxPerTrace)
	r.mean = max(r.mean, m.graph.FanOut(e))
	if clustered(exemplars) {
		r.mean = 0
	}
	return r
}

// independent returns the number of independent samples among n calls. The calls of one trace are
// assumed to correlate weakly if no trace has more than twice the average number of calls, as in a
// loop over a list. The correlation is near 1 if few traces have many more calls than the others,
// as with retries.
func (r repetition) independent(n float64) float64 {
	rho := 1 - (1-correlation)*min(1, 2*r.mean/r.most)
	return n / (1 + rho*(r.most-1))
}

// presence compares a node or an edge that only one graph has.
func (c *comparison) presence(to *[]Change, calls, weight, m float64, inHead bool, from servicegraph.NodeID) {
	b, h := c.exposure(from)
	p := pendingChange{change: Change{Metric: Presence}, matters: true, worse: inHead}
	samples := math.Floor(calls / weight / m)
	if inHead {
		p.change.Head, p.change.HeadSamples = calls/h, samples
		p.test.p, p.test.least = poissonTest(0, samples, b, h)
	} else {
		p.change.Base, p.change.BaseSamples = calls/b, samples
		p.test.p, p.test.least = poissonTest(samples, 0, b, h)
	}
	c.add(to, p)
}

// exposure returns the numbers by which calls from a node are divided: the entry requests that can
// reach the node. If either graph has no such entry requests, the numbers are all entry requests.
// If either graph has no entry requests at all, they are the traces.
func (c *comparison) exposure(from servicegraph.NodeID) (base, head float64) {
	b, h := c.reach.entries(from)
	if b > 0 && h > 0 {
		return b, h
	}
	if c.base.Entries > 0 && c.head.Entries > 0 {
		return c.base.Entries, c.head.Entries
	}
	return float64(max(c.base.Traces, 1)), float64(max(c.head.Traces, 1))
}

// calls compares how often an edge is called.
func (c *comparison) calls(e *EdgeDiff) {
	eb, eh := c.exposure(e.ID.From)
	p := pendingChange{change: Change{Metric: Calls, Base: e.Base.Calls / eb, Head: e.Head.Calls / eh}}
	kb := e.Base.Calls / weightOf(e.Base.Calls, observed(*e.Base))
	kh := e.Head.Calls / weightOf(e.Head.Calls, observed(*e.Head))
	m := float64(max(e.Base.MaxPerTrace, e.Head.MaxPerTrace, 1))
	kb, kh = kb/m, kh/m
	// Entry requests are weighted: one observed call stands for as many of them as of calls.
	eb, eh = eb*kb/e.Base.Calls, eh*kh/e.Head.Calls
	p.change.BaseSamples, p.change.HeadSamples = kb, kh
	p.change.Size = p.change.Head / p.change.Base
	low, high := wilson(kh, kb+kh)
	p.change.Low, p.change.High = low/(1-low)*eb/eh, high/(1-high)*eb/eh
	p.test.p, p.test.least = poissonTest(kb, kh, eb, eh)
	p.worse = p.change.Size > 1
	p.matters = max(p.change.Size, 1/p.change.Size) >= 1+c.MinCalls
	c.add(&e.Changes, p)
}

// failures are the numbers of failed calls and of all calls, both weighted, and of independent
// samples.
type failures struct{ failed, calls, samples float64 }

func (f failures) ratio() float64 {
	if f.calls == 0 {
		return 0
	}
	return min(f.failed/f.calls, 1)
}

func (m measured) failures(e servicegraph.Edge) failures {
	n := e.Calls / weightOf(e.Calls, observed(e))
	return failures{e.Errors, e.Calls, m.repetitionOf(e, e.Failed).independent(n)}
}

// clustered reports whether two of the exemplars are of one trace.
func clustered(list []servicegraph.Exemplar) bool {
	for i := range list {
		for j := range i {
			if list[i].TraceID == list[j].TraceID {
				return true
			}
		}
	}
	return false
}

// errors compares the ratio of failed calls.
func (c *comparison) errors(to *[]Change, b, h failures) {
	p := pendingChange{change: Change{Metric: Errors, Base: b.ratio(), Head: h.ratio(), BaseSamples: b.samples, HeadSamples: h.samples}}
	p.change.Size = p.change.Head - p.change.Base
	p.change.Low, p.change.High = newcombe(b.ratio(), b.samples, h.ratio(), h.samples)
	p.test.p, p.test.least = fisherTest(b.ratio()*b.samples, b.samples, h.ratio()*h.samples, h.samples)
	p.worse = p.change.Size > 0
	p.matters = math.Abs(p.change.Size) >= c.MinErrors
	c.add(to, p)
}

// latency compares the latencies that one side measured: the middle, and then the tail.
func (c *comparison) latency(to *[]Change, b, h servicegraph.Stats, rb, rh repetition) {
	if b.Latency.Count() == 0 || h.Latency.Count() == 0 {
		return
	}
	samples := func(s servicegraph.Stats, r repetition) float64 {
		timed := s.Latency.Count() / weightOf(s.Calls, s.Observed)
		return r.independent(min(timed, float64(s.Observed)))
	}
	nb, nh := samples(b, rb), samples(h, rh)
	middle := pendingChange{change: Change{Metric: Latency, BaseSamples: nb, HeadSamples: nh, Size: 1, Low: 0, High: math.Inf(1)}, test: test{p: 1, least: 1}}
	middle.change.Base, middle.change.Head = b.Latency.Quantile(0.5).Seconds(), h.Latency.Quantile(0.5).Seconds()
	tail := middle
	tail.change.Metric = Tail
	tail.change.Base, tail.change.Head = b.Latency.Quantile(0.95).Seconds(), h.Latency.Quantile(0.95).Seconds()
	if nb >= minShiftSamples && nh >= minShiftSamples {
		scale := scaleFor(b.Latency, h.Latency)
		base, head := newDistribution(b.Latency, nb, scale), newDistribution(h.Latency, nh, scale)
		s := shiftOf(base, head)
		middle.change.Size, middle.change.Low, middle.change.High, middle.test = s.size, s.low, s.high, s.test
		middle.worse = s.size > 1
		middle.matters = max(s.size, 1/s.size) >= 1+c.MinLatency

		slowB, slowH := above(base, head)
		tail.test.p, tail.test.least = fisherTest(slowB*nb, nb, slowH*nh, nh)
		lb, hb := quantileInterval(base, 0.95)
		lh, hh := quantileInterval(head, 0.95)
		tail.change.Size = tail.change.Head / tail.change.Base
		tail.change.Low, tail.change.High = lh/hb, hh/lb
		tail.worse = tail.change.Size > 1
		tail.matters = max(tail.change.Size, 1/tail.change.Size) >= 1+c.MinLatency
	}
	c.add(to, middle)
	c.add(to, tail)
}

// withoutRepetition makes the change of a tail Same if the whole distribution has moved in the same
// direction, because the tail then moves with it.
func withoutRepetition(changes []Change) {
	for i := range changes {
		if i > 0 && changes[i].Metric == Tail && changes[i-1].Metric == Latency && changes[i-1].Verdict.Changed() && changes[i].Verdict == changes[i-1].Verdict {
			changes[i].Verdict = Same
		}
	}
}
