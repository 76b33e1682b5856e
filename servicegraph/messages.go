package servicegraph

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// resolveMessages pairs the halves of messages: one call for each link of a consumer to a span
// that sent something (docs/semantics.md, M2 to M6). A half without the other is a call to or
// from the queue (M8, M9).
func (r *resolver) resolveMessages() {
	joined := r.pairLinks()
	r.unlinkedSends()
	r.countReceivers(joined)
	r.resolveTaken(joined)
}

// A reception is a service that received messages of a queue.
type reception struct{ queue, by nodeIndex }

// resolveTaken adds the messages that services only took from a queue and whose senders are
// unknown. If other spans of the service show that it received messages of this queue, those spans
// are the deliveries, and the spans that took the messages add no calls (docs/semantics.md, M10).
func (r *resolver) resolveTaken(joined map[receiver]bool) {
	alone := make(map[receiver]pendingReceive)
	for key, in := range r.totals.receivers {
		if in.isAlone(joined[key]) && isTaken(&in.span) {
			alone[key] = in
		}
	}
	anyTaken := len(alone) > 0
	for key := range r.totals.calls {
		anyTaken = anyTaken || key.taken
	}
	if !anyTaken {
		return
	}
	r.findReceptions()
	for key, calls := range r.totals.calls {
		if !key.taken {
			continue
		}
		isKnown := r.receptions[reception{key.from, key.to}]
		switch {
		case r.shown != nil:
			r.addKept(key, key.edgeKey, directory.Unknown, !isKnown, &calls.Edge)
		case !isKnown:
			r.edge(key.edgeKey).merge(&calls.Edge)
		}
	}
	for key, in := range alone {
		if in.shown || !r.receptions[reception{in.span.Peer, key.node}] {
			r.fromQueue(key, &in)
		}
	}
}

// findReceptions finds the services that received messages of a queue, as the edges so far show.
func (r *resolver) findReceptions() {
	r.receptions = make(map[reception]bool)
	note := func(key edgeKey, e *Edge) {
		if key.kind != EdgeMessage || e.Callee.Observed == 0 {
			return
		}
		r.receptions[reception{key.from, key.to}] = true
		for _, q := range e.Queues {
			r.receptions[reception{r.names.named(q), key.to}] = true
		}
	}
	for key, e := range r.edges {
		note(key, e)
	}
	for key, e := range r.known.edges {
		note(key, &e.Edge)
	}
}

// isAlone reports whether a receiver is a call from the queue that it names, because no sender is
// known and no span beside the receiver shows the delivery.
func (in *pendingReceive) isAlone(joined bool) bool {
	return in.outcome != pairing.None && in.outcome != pairing.Nested && !joined && in.span.PeerType == trace.Queue
}

// pairLinks adds the messages whose two halves are known, and returns the receivers of these
// messages.
func (r *resolver) pairLinks() (joined map[receiver]bool) {
	joined = make(map[receiver]bool, len(r.totals.receivers))
	processed := r.processed()
	type found struct {
		key    receiveKey
		sender sendKey
	}
	var messages []found
	isShared := false // several senders can show one call
	for key := range r.totals.receives {
		sender, ok := senderOf(r.senders, key.target)
		out, in := r.totals.sends[sender], r.totals.receivers[key.receiver]
		if !ok && in.span.Kind == trace.Consumer {
			r.found.LinkMissing++
		}
		if !ok {
			continue
		}
		joined[key.receiver] = true
		if !in.shown && r.isPartOfDelivery(processed, key, &out, &in.span) {
			continue // the span that handles the message counts as the delivery, not the poll
		}
		messages = append(messages, found{key, sender})
		isShared = isShared || out.of != sender.span.SpanID
	}
	var timed map[sendKey]sendKey // by call: the first of its linked senders
	if isShared {
		timed = make(map[sendKey]sendKey)
		for _, m := range messages {
			out := r.totals.sends[m.sender]
			call := out.call(m.sender)
			if first, known := timed[call]; !known || slices.Compare(m.sender.span.SpanID[:], first.span.SpanID[:]) < 0 {
				timed[call] = m.sender
			}
		}
	}
	for _, m := range messages {
		out, in := r.totals.sends[m.sender], r.totals.receivers[m.key.receiver]
		call, times := out.call(m.sender), &out
		if first, known := timed[call]; known {
			s := r.totals.sends[first]
			times = &s
		}
		r.message(m.key, call.span, &out, &in, &times.span)
	}
	return joined
}

// senders returns the sender to which each link refers. If spans of several services share the id,
// a PRODUCER takes precedence, and otherwise the order of nodes decides.
func (t *totals) senders() map[Link]sendKey {
	senders := make(map[Link]sendKey, len(t.sends))
	for key, s := range t.sends {
		for _, id := range [...]Link{key.span, {lowHalf(key.span.TraceID), key.span.SpanID}} {
			other, taken := senders[id]
			if !taken || cmp.Or(
				-slices.Compare(key.span.TraceID[:], other.span.TraceID[:]),
				cmp.Compare(s.span.Kind, t.sends[other].span.Kind),
				-t.names.CompareNodes(key.node, other.node),
			) > 0 {
				senders[id] = key
			}
		}
	}
	return senders
}

// linkedCalls returns the calls of the senders to which consumers link.
func (t *totals) linkedCalls(senders map[Link]sendKey) map[sendKey]bool {
	linked := make(map[sendKey]bool, min(len(t.sends), len(t.receives)))
	for key := range t.receives {
		if sender, ok := senderOf(senders, key.target); ok {
			out := t.sends[sender]
			linked[out.call(sender)] = true
		}
	}
	return linked
}

// linkedRequests visits the requests that only links show, with the service that answered, if the
// caller named an address [D13, M15].
func (t *totals) linkedRequests(senders map[Link]sendKey, visit func(out *pendingSend, owner nodeIndex)) {
	for key := range t.receives {
		sender, ok := senderOf(senders, key.target)
		if !ok {
			continue
		}
		out, in := t.sends[sender], t.receivers[key.receiver]
		if out.span.Address != 0 && isSeparateRequest(&out.span, &in.span) {
			found := out // a copy, so that only the senders found are on the heap
			visit(&found, key.node)
		}
	}
}

// senderOf returns the sender to which a link refers, also if the trace id of the sender or of
// the link was cut to 64 bits (docs/semantics.md, I6).
func senderOf(senders map[Link]sendKey, target Link) (sender sendKey, ok bool) {
	if sender, ok = senders[target]; ok {
		return sender, true
	}
	low := lowHalf(target.TraceID)
	sender, ok = senders[Link{low, target.SpanID}]
	return sender, ok && (low == target.TraceID || sender.span.TraceID == low)
}

// handles reports whether a receiver handles its messages. Other receivers only take messages from
// the queue, or start the work that handles them.
func handles(in *trace.Span) bool {
	return in.Kind == trace.Consumer && !in.Is(trace.Polls|trace.Takes)
}

// isPartOfDelivery reports whether the receiver only takes the message to which its link leads from
// the queue, while another span of the service shows the delivery (docs/semantics.md, M10).
func (r *resolver) isPartOfDelivery(processed map[delivery]bool, key receiveKey, out *pendingSend, in *trace.Span) bool {
	return !handles(in) && processed[delivery{key.node, key.target}] ||
		in.Is(trace.Polls|trace.Takes) && out.called && out.span.Kind == trace.Producer && r.hasReceived(out, key.node)
}

// A delivery is a message that a service received.
type delivery struct {
	to      nodeIndex
	message Link
}

// processed returns the messages that consumers handled and did not only poll: a batch that
// is polled in one span is often handled in sibling spans (docs/semantics.md, M10).
func (r *resolver) processed() map[delivery]bool {
	handled := make(map[delivery]bool, len(r.totals.receives))
	for key := range r.totals.receives {
		if in := r.totals.receivers[key.receiver]; handles(&in.span) {
			handled[delivery{key.node, key.target}] = true
		}
	}
	return handled
}

// hasReceived reports whether the totals have messages from the sender, or from its queue, to
// the service: messages that consumer spans below producer spans show.
func (r *resolver) hasReceived(out *pendingSend, to nodeIndex) bool {
	from := out.span.Node
	if out.queueNode && out.span.PeerType == trace.Queue {
		from = out.span.Peer
	}
	e := r.totals.edges[edgeKey{from, to, EdgeMessage}]
	return e != nil && e.Callee.Observed > 0
}

// message adds one message whose two halves are known. The span call stands for the call of the
// sender. The statistics of the sender count the span times. It is the same span for all messages
// of one call, so that a merge does not depend on which graph has which delivery.
func (r *resolver) message(key receiveKey, call Link, out *pendingSend, in *pendingReceive, times *trace.Span) {
	queue := queueOf(&out.span, &in.span)
	if (out.queueNode || in.queueNode || out.shown || in.shown) && queue != 0 {
		to, from := edgeKey{out.span.Node, queue, EdgeMessage}, edgeKey{queue, key.node, EdgeMessage}
		if out.span.PeerType != trace.Queue && r.isFirst(to, call, false) { // if the sender names the queue, the graph has the call already
			r.edge(to).addCall(callerAlone(call, times))
		}
		if r.isFirst(from, key.span, true) {
			r.edge(from).addCall(calleeAlone(key.span, &in.span))
		}
		if in.shown && r.shown != nil {
			r.shown.receivers[key.receiver] = true
		}
		return
	}
	end := edgeKey{out.span.Node, key.node, EdgeMessage}
	if isSeparateRequest(&out.span, &in.span) {
		end.kind = EdgeRequest
	}
	e := r.edge(end)
	e.addCall(&shownCall{
		evidence: pairing.Both, client: &out.span, counts: times, server: &in.span, id: call, hasGap: true,
		clientCounted: !r.isFirst(end, call, false), serverCounted: !r.isFirst(end, key.span, true),
	})
	if queue != 0 {
		e.addQueue(r.totals.names.nodeID(queue))
	}
}

// queueOf returns the queue that one of the two halves of a message names; 0 if none does.
func queueOf(out, in *trace.Span) nodeIndex {
	switch {
	case in.PeerType == trace.Queue:
		return in.Peer
	case out.PeerType == trace.Queue:
		return out.Peer
	}
	return 0
}

// isSeparateRequest reports whether the two halves of a message are a request whose server began a
// trace of its own [M15].
func isSeparateRequest(out, in *trace.Span) bool {
	return in.Kind == trace.Server && out.Kind == trace.Client && out.PeerType != trace.Queue
}

// A sideKey is a span on one side of an edge. The statistics of the side count the span once,
// even if it is part of several calls.
type sideKey struct {
	edge     edgeKey
	span     Link
	receiver bool
}

// isFirst returns true the first time that it is called for a span on one side of an edge.
func (r *resolver) isFirst(edge edgeKey, span Link, receiver bool) bool {
	key := sideKey{edge, span, receiver}
	before := r.seen[key]
	r.seen[key] = true
	return !before
}

// unlinkedSends counts the outcomes of the senders, and adds the calls of senders to which no
// consumer links.
func (r *resolver) unlinkedSends() {
	for key, out := range r.totals.sends {
		outcome := pairing.Virtual
		switch {
		case r.linked[out.call(key)]:
			outcome = pairing.Paired
		case out.span.Peer == 0:
			outcome = pairing.Unresolved
		}
		if !out.counted {
			r.found.count(outcome, 1)
		}
		toQueue := out.span.PeerType == trace.Queue
		if (outcome == pairing.Virtual || out.shown && toQueue) && !out.called {
			var alone Edge
			alone.addCall(callerAlone(key.span, &out.span))
			r.addResolved(r.totals.names.callKeyOf(&out.span), &alone)
			if r.shown != nil && toQueue {
				r.shown.sends[key] = true
			}
		}
	}
}

// fromQueue adds the call from the queue to a receiver without a sender.
func (r *resolver) fromQueue(key receiver, in *pendingReceive) {
	r.edge(edgeKey{in.span.Peer, key.node, EdgeMessage}).addCall(calleeAlone(key.span, &in.span))
	if r.shown != nil {
		r.shown.receivers[key] = true
	}
}

// countReceivers counts the outcomes of the receivers, and adds the calls from the queue to
// those without a sender.
func (r *resolver) countReceivers(joined map[receiver]bool) {
	for key, in := range r.totals.receivers {
		switch {
		case in.outcome == pairing.None:
		case joined[key]:
			r.found.count(pairing.Paired, 1)
		case in.outcome == pairing.Nested: // a span beside it shows the delivery
			r.found.count(pairing.Nested, 1)
		case in.span.PeerType == trace.Queue:
			r.found.count(pairing.Virtual, 1)
			if !isTaken(&in.span) {
				r.fromQueue(key, &in)
			}
		default:
			r.found.count(in.outcome, 1)
			if in.outcome == pairing.Detached {
				r.found.addDetachedService(r.totals.names.nodeID(key.node).String())
			}
			if in.span.Kind == trace.Server && in.outcome == pairing.Root {
				r.entries[key.node] = plus(r.entries[key.node], in.span.Weight())
			}
		}
	}
}
