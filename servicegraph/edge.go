package servicegraph

import (
	"math"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// saturate adds durations up to the largest.
func saturate(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxInt64
}

// add counts one span.
func (s *Stats) add(r *trace.Span) {
	s.Calls = plus(s.Calls, r.Weight())
	s.Observed++
	if r.Failed() {
		s.Errors = plus(s.Errors, r.Weight())
	}
	if ns, ok := r.Duration(); ok {
		s.Latency.record(ns, r.Weight())
	}
}

func (s *Stats) merge(o Stats) {
	s.Calls = plus(s.Calls, o.Calls)
	s.Errors = plus(s.Errors, o.Errors)
	s.Observed += o.Observed
	s.Latency.merge(o.Latency)
}

func (n *Node) merge(o *Node) {
	n.Entries = plus(n.Entries, o.Entries)
	n.Requests.merge(o.Requests)
	n.SelfTime = saturate(n.SelfTime, o.SelfTime)
	n.mergeAttrs(o.Attrs, o.AttrsTruncated)
}

func (e *Edge) merge(o *Edge) {
	e.Calls = plus(e.Calls, o.Calls)
	e.Errors = plus(e.Errors, o.Errors)
	e.Recovered = plus(e.Recovered, o.Recovered)
	e.Retries = plus(e.Retries, o.Retries)
	e.MaxPerTrace = max(e.MaxPerTrace, o.MaxPerTrace)
	e.Caller.merge(o.Caller)
	e.Callee.merge(o.Callee)
	e.Gap.merge(o.Gap)
	e.Evidence.Both = plus(e.Evidence.Both, o.Evidence.Both)
	e.Evidence.Caller = plus(e.Evidence.Caller, o.Evidence.Caller)
	e.Evidence.Callee = plus(e.Evidence.Callee, o.Evidence.Callee)
	e.Evidence.Address = plus(e.Evidence.Address, o.Evidence.Address)
	e.Evidence.Inferred = plus(e.Evidence.Inferred, o.Evidence.Inferred)
	for _, q := range o.Queues {
		e.addQueue(q)
	}
	e.QueuesTruncated = e.QueuesTruncated || o.QueuesTruncated
	for _, a := range o.Attrs {
		set, cut := attrSet(e.Attrs).with(a)
		e.Attrs, e.AttrsTruncated = set, e.AttrsTruncated || cut
	}
	e.AttrsTruncated = e.AttrsTruncated || o.AttrsTruncated
	for _, x := range o.Slowest {
		e.Slowest = keepSlowest(e.Slowest, x)
	}
	for _, x := range o.Failed {
		e.Failed = keepSlowest(e.Failed, x)
	}
	e.First, e.Last = earliest(e.First, o.First), max(e.Last, o.Last)
}

// mergeOpen adds calls with one known side, whose other end was found by name or
// by address.
func (e *Edge) mergeOpen(o *Edge, byAddress bool) {
	if byAddress {
		found := *o
		found.Evidence.Address, found.Evidence.Caller = o.Evidence.Caller, 0
		o = &found
	}
	e.merge(o)
}

// addCall counts a call that stands for some calls, and what shows it.
func (e *Edge) addCall(weight float64, failed bool, by pairing.Evidence) {
	e.Calls = plus(e.Calls, weight)
	if failed {
		e.Errors = plus(e.Errors, weight)
	}
	evidence := [...]*float64{
		pairing.Both: &e.Evidence.Both, pairing.ByCaller: &e.Evidence.Caller,
		pairing.ByCallee: &e.Evidence.Callee, pairing.Inferred: &e.Evidence.Inferred,
	}[by]
	*evidence = plus(*evidence, weight)
}

// addCaller adds a call that only a caller span shows.
func (e *Edge) addCaller(id Link, client *trace.Span) {
	e.addCall(client.Weight(), client.Failed(), pairing.ByCaller)
	e.Caller.add(client)
	e.widen(client)
	e.addExample(id, client, client.Failed())
}

// addCallee adds a call that only a callee span shows.
func (e *Edge) addCallee(id Link, server *trace.Span) {
	e.addCall(server.Weight(), server.Failed(), pairing.ByCallee)
	e.Callee.add(server)
	e.widen(server)
	e.addExample(id, server, server.Failed())
}

// addInTrace counts a call among those of a trace. The calls of one trace are added one after
// the other, before those of the next.
func (e *edgeSum) addInTrace(trace TraceID) {
	if e.trace != trace {
		e.trace, e.inTrace = trace, 0
	}
	e.inTrace++
	e.MaxPerTrace = max(e.MaxPerTrace, e.inTrace)
}

// addGap records the time between the two sides of a call: the way there and
// back of a request, the time in the queue of a message. Where clocks disagree
// so much that it would be negative, there is none.
func (e *Edge) addGap(client, server *trace.Span) {
	took, ok1 := client.Duration()
	served, ok2 := server.Duration()
	if !ok1 || !ok2 {
		return
	}
	between := took - served
	if e.ID.Kind == EdgeMessage {
		between = server.Start - client.End
	}
	if between >= 0 {
		e.Gap.record(between, max(client.Weight(), server.Weight()))
	}
}

// addQueue notes a destination of the messages.
func (e *Edge) addQueue(q NodeID) {
	set, cut := withCapped(e.Queues, q, NodeID.Compare)
	e.Queues, e.QueuesTruncated = set, e.QueuesTruncated || cut
}

// widen extends the time in which the edge was seen.
func (e *Edge) widen(r *trace.Span) {
	if r.Start > 0 {
		e.First = earliest(e.First, r.Start)
		e.Last = max(e.Last, r.Start, r.End)
	}
}

// addExample offers a call, shown by the span r, as an exemplar.
func (e *Edge) addExample(id Link, r *trace.Span, failed bool) {
	ns, ok := r.Duration()
	if !ok {
		ns = 0
	}
	if !failed && len(e.Slowest) == maxExemplars && time.Duration(ns) < e.Slowest[maxExemplars-1].Duration {
		return // most calls are not among the slowest
	}
	x := Exemplar{TraceID: id.TraceID, SpanID: id.SpanID, Duration: time.Duration(ns)}
	e.Slowest = keepSlowest(e.Slowest, x)
	if failed {
		e.Failed = keepSlowest(e.Failed, x)
	}
}
