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
	r.pairLinks()
	r.countSenders()
	r.countReceivers()
	r.resolveTaken()
}

// A reception is a service that received messages of a queue.
type reception struct{ queue, by nodeIndex }

// resolveTaken adds the messages that services only took from a queue and whose senders are
// unknown. If other spans of the service show that it received messages of this queue, those spans
// are the deliveries, and the spans that took the messages add no calls (docs/semantics.md, M10).
func (r *resolver) resolveTaken() {
	alone := make(map[receiver]pendingReceive)
	for key, in := range r.totals.receivers {
		if in.isAlone(r.links.receivers[key] > 0) && isTaken(&in.span) {
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
			r.addFromQueue(key, &in)
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

// isAlone reports whether a receiver is a call from the queue that the receiver names, because no
// sender is known and no other span of the service shows the delivery.
func (in *pendingReceive) isAlone(hasSender bool) bool {
	return in.outcome != pairing.None && in.outcome != pairing.Nested && !hasSender && in.span.PeerType == trace.Queue
}

// pairLinks adds the messages whose two halves are known.
func (r *resolver) pairLinks() {
	for _, key := range r.links.missing {
		if in := r.totals.receivers[key.receiver]; in.span.Kind == trace.Consumer {
			r.found.LinkMissing++
		}
	}
	handled := r.handledMessages()
	timed := r.timedSenders(handled)
	for i := range r.links.found {
		l := &r.links.found[i]
		out, in := r.totals.sends[l.sender], r.totals.receivers[l.key.receiver]
		if !in.shown && r.isPartOfDelivery(handled, l.key, &out, &in.span) {
			continue // the span that handles the message counts as the delivery, not the poll
		}
		call, times := out.call(l.sender), &out.span
		if first, known := timed[call]; known {
			s := r.totals.sends[first]
			times = &s.span
		}
		r.addMessage(l.key, call, &out, &in, times)
	}
}

// timedSenders returns for each call the sender that times the call: of the senders to which messages
// link, the one with the smallest span id. It returns nil if no two senders can show one call.
func (r *resolver) timedSenders(handled map[delivery]bool) (timed map[sendKey]sendKey) {
	if !r.links.shared {
		return nil
	}
	timed = make(map[sendKey]sendKey)
	for _, l := range r.links.found {
		out, in := r.totals.sends[l.sender], r.totals.receivers[l.key.receiver]
		if !in.shown && r.isPartOfDelivery(handled, l.key, &out, &in.span) {
			continue
		}
		call := out.call(l.sender)
		if first, known := timed[call]; !known || slices.Compare(l.sender.span.SpanID[:], first.span.SpanID[:]) < 0 {
			timed[call] = l.sender
		}
	}
	return timed
}

// A senderIndex finds the sender to which a link refers.
type senderIndex struct {
	byLink map[Link]sendKey
	byLow  map[Link]sendKey // by the link with the low half of the trace id; made when first needed
}

// senders returns the index of the senders of the totals. If spans of several services share the id,
// a PRODUCER takes precedence, and otherwise the order of nodes decides.
func (t *totals) senders() *senderIndex {
	byLink := make(map[Link]sendKey, len(t.sends))
	for key, s := range t.sends {
		other, taken := byLink[key.span]
		if !taken || cmp.Or(cmp.Compare(s.span.Kind, t.sends[other].span.Kind), -t.names.CompareNodes(key.node, other.node)) > 0 {
			byLink[key.span] = key
		}
	}
	return &senderIndex{byLink: byLink}
}

// find returns the sender to which a link refers, also if the trace id of the sender or of the link
// was cut to 64 bits (docs/semantics.md, I6). A nil index has none.
func (s *senderIndex) find(target Link) (sender sendKey, ok bool) {
	if s == nil {
		return sender, false
	}
	if sender, ok = s.byLink[target]; ok {
		return sender, true
	}
	if low := lowHalf(target.TraceID); low != target.TraceID {
		sender, ok = s.byLink[Link{low, target.SpanID}]
		return sender, ok
	}
	if s.byLow == nil {
		s.byLow = make(map[Link]sendKey, len(s.byLink))
		for id, key := range s.byLink {
			id.TraceID = lowHalf(id.TraceID)
			if other, taken := s.byLow[id]; !taken || slices.Compare(key.span.TraceID[:], other.span.TraceID[:]) < 0 {
				s.byLow[id] = key
			}
		}
	}
	sender, ok = s.byLow[target]
	return sender, ok
}

// linkage is the links of all receivers of totals, with the senders to which they refer.
type linkage struct {
	senders *senderIndex
	found   []foundLink  // in no order
	missing []receiveKey // the links to no sender
	shared  bool         // several senders can show one call

	calls     map[sendKey]int  // the number of links to each call
	receivers map[receiver]int // the number of found links of each receiver

	requests []linkedRequest
}

// A foundLink is a link of a receiver, and the sender to which it refers.
type foundLink struct {
	key    receiveKey
	sender sendKey
}

// A linkedRequest is a request that only a link shows, and whose caller named an address. owner is
// the service that answered [D13, M15].
type linkedRequest struct {
	out   pendingSend
	owner nodeIndex
}

// linkage returns the links of the totals with their senders. It looks for the sender of each link
// only once, because the search takes about as long as adding a message.
func (t *totals) linkage() *linkage {
	l := new(linkage)
	if len(t.receives) == 0 {
		return l
	}
	l.senders = t.senders()
	l.found = make([]foundLink, 0, len(t.receives))
	l.calls, l.receivers = make(map[sendKey]int, min(len(t.sends), len(t.receives))), make(map[receiver]int, len(t.receivers))
	for key := range t.receives {
		sender, ok := l.senders.find(key.target)
		if !ok {
			l.missing = append(l.missing, key)
			continue
		}
		l.found = append(l.found, foundLink{key, sender})
		out := t.sends[sender]
		l.calls[out.call(sender)]++
		l.receivers[key.receiver]++
		l.shared = l.shared || out.of != sender.span.SpanID
		if out.span.Address != 0 && out.span.Kind == trace.Client { // the receiver can be a server
			if in := t.receivers[key.receiver]; isSeparateRequest(&out.span, &in.span) {
				l.requests = append(l.requests, linkedRequest{out, key.node})
			}
		}
	}
	return l
}

// handles reports whether a receiver handles its messages. Other receivers only take messages from
// the queue, or start the work that handles them.
func handles(in *trace.Span) bool {
	return in.Kind == trace.Consumer && !in.Is(trace.Polls|trace.Takes)
}

// isPartOfDelivery reports whether the receiver only takes the message to which its link leads from
// the queue, while another span of the service shows the delivery (docs/semantics.md, M10).
func (r *resolver) isPartOfDelivery(handled map[delivery]bool, key receiveKey, out *pendingSend, in *trace.Span) bool {
	return !handles(in) && handled[delivery{key.node, key.target}] ||
		in.Is(trace.Polls|trace.Takes) && out.span.Kind == trace.Producer && r.hasCallee(out, key.target) && r.hasReceived(out, key.node)
}

// hasCallee reports whether a message has a consumer among the children of its producer. The call of
// a sender is also in the graph already if another sender stands for the call.
func (r *resolver) hasCallee(out *pendingSend, target Link) bool {
	if !out.called || !r.links.shared {
		return out.called
	}
	if r.uncalled == nil {
		r.uncalled = make(map[sendKey]bool)
		for key, s := range r.totals.sends {
			if !s.called {
				r.uncalled[s.call(key)] = true
			}
		}
	}
	sender, _ := r.links.senders.find(target)
	return !r.uncalled[out.call(sender)]
}

// A delivery is a message that a service received.
type delivery struct {
	to      nodeIndex
	message Link
}

// handledMessages returns the messages that consumers handled and did not only poll: a batch that
// is polled in one span is often handled in sibling spans (docs/semantics.md, M10). It returns nil if
// all receivers handle their messages.
func (r *resolver) handledMessages() map[delivery]bool {
	if !r.anyTakes() {
		return nil
	}
	handled := make(map[delivery]bool, len(r.totals.receives))
	for key := range r.totals.receives {
		if in := r.totals.receivers[key.receiver]; handles(&in.span) {
			handled[delivery{key.node, key.target}] = true
		}
	}
	return handled
}

// anyTakes reports whether some receiver does not handle its messages.
func (r *resolver) anyTakes() bool {
	for _, in := range r.totals.receivers {
		if !handles(&in.span) {
			return true
		}
	}
	return false
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

// addMessage adds one message whose two halves are known. The span call stands for the call of the
// sender. The statistics of the sender count the span times. It is the same span for all messages
// of one call, so that a merge does not depend on which graph has which delivery.
func (r *resolver) addMessage(key receiveKey, call sendKey, out *pendingSend, in *pendingReceive, times *trace.Span) {
	queue := queueOf(&out.span, &in.span)
	if (out.queueNode || in.queueNode || out.shown || in.shown) && queue != 0 {
		to, from := edgeKey{out.span.Node, queue, EdgeMessage}, edgeKey{queue, key.node, EdgeMessage}
		if out.span.PeerType != trace.Queue && r.isFirstOfCall(to, call) { // if the sender names the queue, the graph has the call already
			r.edge(to).addCall(callerAlone(call.span, times))
		}
		if r.isFirstOfReceiver(from, key.receiver) {
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
		evidence: pairing.Both, client: &out.span, counts: times, server: &in.span, id: call.span, hasGap: true,
		clientCounted: !r.isFirstOfCall(end, call), serverCounted: !r.isFirstOfReceiver(end, key.receiver),
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

// isFirstOfCall is isFirst for the call of a sender.
func (r *resolver) isFirstOfCall(edge edgeKey, call sendKey) bool {
	return r.links.calls[call] == 1 || r.isFirst(edge, call.span, false)
}

// isFirstOfReceiver is isFirst for a receiver.
func (r *resolver) isFirstOfReceiver(edge edgeKey, in receiver) bool {
	return r.links.receivers[in] == 1 || r.isFirst(edge, in.span, true)
}

// countSenders counts the outcomes of the senders, and adds the calls of senders to which no
// consumer links.
func (r *resolver) countSenders() {
	for key, out := range r.totals.sends {
		outcome := pairing.Virtual
		switch {
		case r.links.calls[out.call(key)] > 0:
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

// addFromQueue adds the call from the queue to a receiver without a sender.
func (r *resolver) addFromQueue(key receiver, in *pendingReceive) {
	r.edge(edgeKey{in.span.Peer, key.node, EdgeMessage}).addCall(calleeAlone(key.span, &in.span))
	if r.shown != nil {
		r.shown.receivers[key] = true
	}
}

// countReceivers counts the outcomes of the receivers, and adds the calls from a queue to the
// receivers without a sender.
func (r *resolver) countReceivers() {
	for key, in := range r.totals.receivers {
		switch {
		case in.outcome == pairing.None:
		case r.links.receivers[key] > 0:
			r.found.count(pairing.Paired, 1)
		case in.outcome == pairing.Nested: // another span of the service shows the delivery
			r.found.count(pairing.Nested, 1)
		case in.span.PeerType == trace.Queue:
			r.found.count(pairing.Virtual, 1)
			if !isTaken(&in.span) {
				r.addFromQueue(key, &in)
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
