package servicegraph

import (
	"math"
	"time"
)

// saturate adds durations up to the largest.
func saturate(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxInt64
}

// add counts one span.
func (s *Stats) add(r *record) {
	s.Calls = plus(s.Calls, r.weight())
	s.Observed++
	if r.failed() {
		s.Errors = plus(s.Errors, r.weight())
	}
	if ns, ok := r.duration(); ok {
		s.Latency.record(ns, r.weight())
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

// addCaller adds a call that only a caller span shows.
func (e *Edge) addCaller(id Link, client *record) {
	e.Calls = plus(e.Calls, client.weight())
	if client.failed() {
		e.Errors = plus(e.Errors, client.weight())
	}
	e.Evidence.Caller = plus(e.Evidence.Caller, client.weight())
	e.Caller.add(client)
	e.widen(client)
	e.addExample(id, client, client.failed())
}

// addCallee adds a call that only a callee span shows.
func (e *Edge) addCallee(id Link, server *record) {
	e.Calls = plus(e.Calls, server.weight())
	if server.failed() {
		e.Errors = plus(e.Errors, server.weight())
	}
	e.Evidence.Callee = plus(e.Evidence.Callee, server.weight())
	e.Callee.add(server)
	e.widen(server)
	e.addExample(id, server, server.failed())
}

// addPair counts a call that both sides show. Each side's own statistics are
// added apart, once for each span.
func (e *Edge) addPair(client, server *record) {
	// Under consistent sampling both were kept by one decision, and the less
	// likely of the two probabilities is that of the pair.
	weight := max(client.weight(), server.weight())
	e.Calls = plus(e.Calls, weight)
	if client.failed() || server.failed() {
		e.Errors = plus(e.Errors, weight)
	}
	e.Evidence.Both = plus(e.Evidence.Both, weight)
}

// addInferred adds a call of which nothing but the time of both sides tells.
func (e *Edge) addInferred(id Link, client, server *record) {
	weight := max(client.weight(), server.weight())
	e.Calls = plus(e.Calls, weight)
	if client.failed() || server.failed() {
		e.Errors = plus(e.Errors, weight)
	}
	e.Evidence.Inferred = plus(e.Evidence.Inferred, weight)
	e.Caller.add(client)
	e.Callee.add(server)
	e.widen(client)
	e.widen(server)
	e.addExample(id, client, client.failed() || server.failed())
}

// addRepeat counts the call of a client that says it is trying again.
func (e *Edge) addRepeat(client *record) {
	if client.is(isResent) {
		e.Retries = plus(e.Retries, client.weight())
	}
}

// addInTrace counts calls of one trace. The calls of a trace are counted one
// after the other, before those of the next.
func (e *tally) addInTrace(trace TraceID, calls int) {
	if e.trace != trace {
		e.trace, e.inTrace = trace, 0
	}
	e.inTrace += uint64(calls)
	e.MaxPerTrace = max(e.MaxPerTrace, e.inTrace)
}

// addGap records the time between the two sides of a call: the way there and
// back of a request, the time in the queue of a message. Where clocks disagree
// so much that it would be negative, there is none.
func (e *Edge) addGap(client, server *record) {
	took, ok1 := client.duration()
	served, ok2 := server.duration()
	if !ok1 || !ok2 {
		return
	}
	between := took - served
	if e.ID.Kind == EdgeMessage {
		between = server.start - client.end
	}
	if between >= 0 {
		e.Gap.record(between, max(client.weight(), server.weight()))
	}
}

// addQueue notes a destination of the messages.
func (e *Edge) addQueue(q NodeID) {
	set, cut := withCapped(e.Queues, q, NodeID.Compare)
	e.Queues, e.QueuesTruncated = set, e.QueuesTruncated || cut
}

// widen extends the time in which the edge was seen.
func (e *Edge) widen(r *record) {
	if r.start > 0 {
		e.First = earliest(e.First, r.start)
		e.Last = max(e.Last, r.start, r.end)
	}
}

// addExample offers a call, shown by the span r, as an exemplar.
func (e *Edge) addExample(id Link, r *record, failed bool) {
	ns, ok := r.duration()
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
