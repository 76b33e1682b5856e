package pairing

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// findBatches looks at the spans that may send a batch of messages. A span that sends a batch links to
// the spans that created the messages, in its own service and trace (docs/semantics.md M10). If only the
// links tell whether a span sends or receives a batch, findBatches makes a span that sends one an
// INTERNAL span. If the span that sends a batch failed, the messages of the batch failed.
func (p *Pairer) findBatches() {
	var batches []int32
	for i := range p.links.Consumers {
		l := &p.links.Consumers[i]
		if l.Target.Trace != p.id || l.Kind != trace.Consumer && l.Kind != trace.Internal {
			continue
		}
		s := p.tree.Find(l.Span, l.Node, l.Kind)
		if s < 0 || !p.spans[s].Is(trace.Settles) || p.spans[s].Is(trace.Takes) {
			continue
		}
		created := p.tree.FindProducer(l.Target.Span, l.Node)
		if created < 0 {
			continue
		}
		if p.spans[s].Is(trace.Polls) {
			batches = append(batches, s)
		}
		if p.spans[s].Failed() {
			p.spans[created].Status = trace.StatusError
		}
	}
	for _, s := range batches { // after the loop, because the tree finds spans by their kinds
		span := &p.spans[s]
		span.Kind, span.Peer, span.PeerType = trace.Internal, 0, trace.Unspecific
		span.Flags &^= trace.Polls
	}
}

// findLinks collects the links of the trace's spans that may be messages. It leaves out links to
// the caller of the consumer span (docs/semantics.md M4), and links to messages that another
// consumer span around the consumer span has received (M10).
//
// It walks the consumer spans from the outside in and counts the messages that the spans around
// the current span have received, so that the cost is linear in the spans and their links,
// however deeply they are nested.
func (p *Pairer) findLinks() {
	clear(p.targets)
	if len(p.links.Consumers) == 0 {
		return
	}
	if p.targets == nil {
		p.targets = make(map[int32][]trace.Link)
	}
	all := p.linksBySpan()
	inside := p.consumersInside(all)
	received := make(map[trace.Link]int) // how many of the consumer spans around the current span received a message
	handled := make(map[trace.Link]int)  // how many of them did not only take the message from the queue
	receive := func(i int32, delivered []trace.Link, times int) {
		for _, target := range all[i] {
			received[target] += times
			if !p.takes(i) {
				handled[target] += times
			}
		}
		for _, target := range delivered {
			received[target] += times
			handled[target] += times
		}
	}
	for stack := slices.Clone(inside[-1]); len(stack) > 0; {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i < 0 { // ^i is a span whose inner spans are all visited
			receive(^i, p.delivered(^i), -1)
			continue
		}
		delivered := p.delivered(i)
		around := received
		if p.spans[i].Kind == trace.Consumer && !p.takes(i) {
			around = handled // a span around i that took the message gives way to i
		}
		for _, target := range all[i] {
			if around[target] == 0 && !slices.Contains(delivered, target) {
				p.targets[i] = append(p.targets[i], target)
			}
		}
		if len(inside[i]) > 0 { // most consumer spans have none inside
			receive(i, delivered, 1)
			stack = append(append(stack, ^i), inside[i]...)
		}
	}
	for i := range p.targets {
		p.markDelegating(p.receiver(i))
	}
}

// linksBySpan returns the links that may be messages, by the span that has them.
func (p *Pairer) linksBySpan() map[int32][]trace.Link {
	all := make(map[int32][]trace.Link)
	for _, l := range p.links.Consumers {
		if i := p.tree.Find(l.Span, l.Node, l.Kind); i >= 0 && p.canReceive(i) {
			all[i] = append(all[i], l.Target)
		}
	}
	p.addReceivers(all)
	return all
}

// consumersInside returns, by consumer span, the consumer spans directly inside it, and at -1, the
// consumer spans inside no other. Spans with links count as consumer spans.
func (p *Pairer) consumersInside(links map[int32][]trace.Link) map[int32][]int32 {
	inside := make(map[int32][]int32)
	for _, i := range p.order {
		if p.state[i].consumer == i || len(links[i]) > 0 {
			r := p.receiver(i)
			inside[r] = append(inside[r], i)
		}
	}
	return inside
}

// canReceive reports whether the links of span i may be messages. The links of a SERVER or INTERNAL
// span may be messages if it has no parent of another service (docs/semantics.md M15). Two kinds of
// such spans are excluded: a SERVER span that names its caller, and an INTERNAL span that shares
// its id with a SERVER or CONSUMER span of the service, because links are stored by span id.
func (p *Pairer) canReceive(i int32) bool {
	switch span := &p.spans[i]; span.Kind {
	case trace.Consumer:
		return true
	case trace.Server:
		return !p.state[i].isCallee && p.parent[i] != trace.MissingParent && span.Peer == 0
	case trace.Internal:
		return !span.Is(trace.Settles) && !p.state[i].isCallee && p.parent[i] != trace.MissingParent && p.tree.Find(span.ID, span.Node, trace.Server) < 0
	}
	return false
}

// addReceivers makes receivers of the SERVER and INTERNAL spans with links that begin a trace of
// their own. Consumer spans inside them process the messages that they received.
func (p *Pairer) addReceivers(links map[int32][]trace.Link) {
	found := false
	for i := range links {
		if p.state[i].consumer != i && p.parent[i] == trace.NoParent {
			p.state[i].consumer = i
			found = true
		}
	}
	if !found {
		return
	}
	for _, i := range p.order {
		if p.state[i].consumer != i {
			p.state[i].consumer = p.receiver(i)
		}
	}
}

// markDelegating marks the consumer spans from i outwards as spans that delegate: they poll a
// batch, and spans inside process the messages one by one. Only the spans inside are deliveries.
func (p *Pairer) markDelegating(i int32) {
	for ; i >= 0 && !p.state[i].delegates; i = p.receiver(i) {
		p.state[i].delegates = true
	}
}

// receiver returns the consumer span around span i in its own service, -1 if there is none.
func (p *Pairer) receiver(i int32) int32 {
	if parent := p.parent[i]; parent >= 0 && p.spans[parent].Node == p.spans[i].Node {
		return p.state[parent].consumer
	}
	return -1
}

// delivered returns the links of callee span i that are redundant, because the parent of i shows
// the same call: links to the caller span, and to the span that stands for the call. If i is not
// a callee span, there are none.
func (p *Pairer) delivered(i int32) []trace.Link {
	if !p.state[i].isCallee {
		return nil
	}
	caller := p.callerOf(i)
	if caller < 0 {
		return nil
	}
	return []trace.Link{p.link(caller), p.link(p.state[caller].outer)}
}

// findPending collects the halves of messages in the trace. They are paired when a graph is
// made, because the other half is often in another trace.
func (p *Pairer) findPending() {
	for i, targets := range p.targets {
		r := Receive{Span: i, Targets: targets}
		if o := p.Outcome(i); o != Paired {
			r.Outcome = o
			p.state[i].outcome = PendingCall
		}
		if p.spans[i].Kind == trace.Internal && p.parent[i] == trace.NoParent {
			p.state[i].isRequest = true
		}
		p.receives = append(p.receives, r)
	}
	noneLinked := len(p.links.Linked)+len(p.links.LinkedHere) == 0
	for _, i := range p.callers {
		span, state := &p.spans[i], &p.state[i]
		if noneLinked && span.Kind == trace.Client && span.PeerType != trace.Queue {
			continue // as most spans
		}
		if p.canBeLinked(i) && !state.sent {
			client := p.spans[state.outer] // the span that stands for the call
			client.ID = p.callID(state.outer)
			client.NamePeer(span)
			client.Kind = span.Kind
			if p.CallsOwnHost(i) {
				client.Address = 0
			}
			p.send(i, client, state.outcome != PendingCall, true)
		}
	}
}
