package servicegraph

import (
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// Graph returns the graph of all spans so far, including those of incomplete traces. It can be
// called at any time, and spans can be added after it. The cost grows with the number of held
// spans and of edges; if there are many spans, up to [runtime.GOMAXPROCS] goroutines share the
// work.
//
// The graph is exact: it is the graph of these spans and no others. While spans arrive, it can
// have nodes and edges that the next graph does not have, because the callee of a call is missing
// until its span arrives. [Builder.Live] leaves these out.
func (b *Builder) Graph() *Graph { return b.sum(false).graph() }

// Live returns the graph to show while spans arrive: the graph of all spans so far without what
// a later span of an open trace can contradict (docs/semantics.md, L1). A call of an open trace
// counts once there are spans of both sides; until then its spans are [Report.Pending]. When the
// trace closes, a call without a callee is drawn as in Graph.
//
// So a call to a peer without spans, such as a database, appears when its trace closes:
// [Window].Quiet after the last span of the trace, or [Window].Age after its first. In a window
// with neither, no trace closes. Two things can still change a call that is in a graph: a late
// span that opens the closed trace again, and an address that is learned later.
//
// Live costs as much as Graph. The result can be merged and written like any other graph.
func (b *Builder) Live() *Graph {
	sum := b.sum(true)
	sum.withholdHalves()
	return sum.graph()
}

// sum returns the totals of all spans so far.
func (b *Builder) sum(live bool) *totals {
	sum := b.newTotals()
	sum.merge(b.counted)
	sum.report.merge(b.report)
	b.addHeld(sum, live)
	sum.report.Open = uint64(b.traces.Len() - b.closed.Len())
	b.applyNodeAttrs(sum)
	return sum
}

// withholdHalves drops the halves of messages of open traces whose other half has not arrived,
// and counts their spans as pending.
func (t *totals) withholdHalves() {
	senders := t.senders()
	linked, joined := make(map[sendKey]bool), make(map[receiver]bool)
	for key := range t.receives {
		if sender, ok := senderOf(senders, key.target); ok {
			out := t.sends[sender]
			linked[out.call(sender)] = true
			joined[key.receiver] = true
		} else if t.receivers[key.receiver].isOpen {
			delete(t.receives, key)
		}
	}
	for key, in := range t.receivers {
		if !in.isOpen || joined[key] {
			continue
		}
		if in.outcome != pairing.None {
			t.report.Pending++
		}
		delete(t.receivers, key)
	}
	withheld := make(map[sendKey]bool) // calls
	for key, out := range t.sends {
		if out.isOpen && !out.called && !linked[out.call(key)] {
			withheld[out.call(key)] = true
		}
	}
	for key, out := range t.sends {
		if !withheld[out.call(key)] {
			continue
		}
		if !out.counted {
			t.report.Pending++
		}
		delete(t.sends, key)
	}
}

// Delta returns the graph of the traces forgotten since the previous call of Delta; the first
// call returns the graph of all forgotten traces. After the first call, forgetting a trace costs
// twice as much.
//
// A delta is final (docs/semantics.md, L2): it has no pending calls, so the sum of all deltas,
// as [Merge] makes it, only grows, and no call moves from one edge to another. That suits
// counters. The price is that a delta knows only the traces forgotten so far, where Graph knows
// all spans:
//
//   - A call to an address goes to the service that has answered there in a trace forgotten by
//     then. An earlier call stays a call to the peer that its caller names. The name of a
//     peer that depends on other callers, such as that of a database on one of several hosts
//     (A6), is the one that the traces forgotten by then give.
//   - A half of a message waits for a later delta while the trace with the other half is held.
//     If the consumer arrives after the trace of the producer was forgotten, the message is a
//     call to the queue, and later a call from the queue. If the producer names no queue, the
//     message is counted when the consumer arrives, and the producer stays [Report.Unresolved].
//   - If consumers of one message are in several deltas, the statistics of the producer's side
//     count the producer in each.
//
// Report.AddressConflicts of a delta is the number of addresses in conflict that no earlier delta
// has counted.
func (b *Builder) Delta() *Graph {
	delta := b.recent
	if delta == nil {
		delta = b.newTotals()
		delta.merge(b.counted)
		b.conflicts = make(map[addressIndex]bool)
	}
	b.recent = b.newTotals()
	b.splitHalves(delta)
	b.applyNodeAttrs(b.counted)
	delta.finish(b.counted, b.conflicts)
	delta.report.merge(b.report.since(b.reported))
	b.reported = b.report
	b.applyNodeAttrs(delta)
	clear(delta.kubernetes)
	return delta.graph()
}

// splitHalves decides which halves of messages are part of a delta. It moves those whose other
// half is held to the next delta, and adds the senders in earlier deltas to which consumers in
// this one link. A sender with consumers in this delta and in a later one is in both.
func (b *Builder) splitHalves(delta *totals) {
	senders := delta.senders()
	var earlier map[Link]sendKey // the senders of all traces forgotten so far; made when needed
	waiting := make(map[receiver]bool)
	for key := range delta.receives {
		if _, ok := senderOf(senders, key.target); ok {
			continue
		}
		if b.traces.Find(&key.target.TraceID) != 0 {
			waiting[key.receiver] = true
			continue
		}
		if earlier == nil {
			earlier = b.counted.senders()
		}
		if sender, ok := senderOf(earlier, key.target); ok {
			out := b.counted.sends[sender]
			out.called, out.counted = true, true
			out.queueNode = out.queueNode || out.given
			delta.sends[sender] = out
		}
	}
	senders = delta.senders()
	now, later := make(map[sendKey]bool), make(map[sendKey]bool) // the calls with consumers in this delta, and in a later one
	for key := range delta.receives {
		if sender, ok := senderOf(senders, key.target); ok {
			out := delta.sends[sender]
			if waiting[key.receiver] {
				later[out.call(sender)] = true
			} else {
				now[out.call(sender)] = true
			}
		}
		if waiting[key.receiver] {
			b.recent.receives[key] = true
			delete(delta.receives, key)
		}
	}
	moveSpan := func() { // a span is counted in the delta that has its outcome
		delta.report.Spans--
		b.recent.report.Spans++
	}
	for key := range waiting {
		in := delta.receivers[key]
		b.recent.receivers[key] = in
		delete(delta.receivers, key)
		if in.outcome != pairing.None {
			moveSpan()
		}
	}
	for key, out := range delta.sends {
		if b.linked[trace.Link{Trace: key.span.TraceID, Span: key.span.SpanID}] > 0 {
			later[out.call(key)] = true
		}
	}
	for key, out := range delta.sends {
		call := out.call(key)
		switch {
		case later[call] && now[call]:
			out.called, out.counted = true, true
			b.recent.sends[key] = out
		case later[call]:
			b.recent.sends[key] = out
			delete(delta.sends, key)
			if !out.counted {
				moveSpan()
			}
		case !now[call] && out.span.PeerType == trace.Queue:
			if counted, known := b.counted.sends[key]; known {
				counted.given = true
				b.counted.sends[key] = counted
			}
		}
	}
}

// finish resolves all pending calls for good, with the names and addresses that other totals
// know. Conflicts of addresses that are in the map already are not counted again.
func (t *totals) finish(known *totals, conflicts map[addressIndex]bool) {
	r := t.resolverKnowing(known)
	r.conflicts = conflicts
	r.resolveCalls()
	r.resolveMessages()
	t.adopt(r)
	t.pending = newPending()
	t.recentCalls.clear()
}
