package pairing

import (
	"cmp"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// unpairedCallers adds the calls of caller spans without a callee span to the peers that they name.
// Nested caller spans without a callee are one call: the call of the outermost span that names a
// peer (docs/semantics.md F9, D9). Caller spans nested in a span with a callee add no call: the
// call of that span is counted already.
func (p *Pairer) unpairedCallers() {
	for _, i := range p.callers {
		state := &p.state[i]
		around := p.state[i].within
		if around >= 0 && state.callee < 0 && state.met == -1 {
			state.met = p.state[around].met // the attempts in the span around are attempts of the same call
		}
		switch {
		case state.callee >= 0:
			state.accounted = true
		case p.isTwinOfSibling(i):
			state.accounted = true
			p.setOutcome(i, Nested)
		case state.reached: // the spans inside make the calls
			if p.failedHidden(i) {
				p.concealed = append(p.concealed, i)
			}
			if state.outcome == None {
				state.outcome = Nested
			}
		case around >= 0 && p.state[around].accounted && !p.isSeparateCall(around, i):
			state.accounted = true
			p.setOutcome(i, Nested)
		case around >= 0 && p.endsHidden(around) && p.endsHidden(i): // the call of the span around
			p.setOutcome(i, Nested)
		case p.endsHidden(i):
			p.setOutcome(i, Concealed)
			p.endedCall(i)
		case p.isTransport(i):
			p.setOutcome(i, Nested)
		case p.isHousekeeping(i), p.isConnecting(i):
			state.accounted = true
			p.setOutcome(i, Nested)
		case p.NamesPeer(i):
			state.accounted = true
			p.virtualCall(i)
		case state.named: // a span inside makes the call
			p.setOutcome(i, Nested)
		default:
			state.accounted = true
			client := p.spans[state.outer]
			client.Peer, client.Address, client.PeerType = 0, 0, trace.Unspecific // the span names no peer, or itself: see NamesPeer
			switch {
			case p.endsHidden(state.outer): // that call is counted already
				p.setOutcome(i, Nested)
			case p.sendAny(i, &client):
			case p.metBeside(i) != 0 && p.isPreparation(i):
				p.setOutcome(i, Nested)
			case p.metBeside(i) == 0 && p.metAgain(i) == 0:
				p.setOutcome(i, Unresolved)
			default:
				p.callPeer(i, &client)
			}
		}
	}
}

// endsHidden reports whether the call of caller span i reached a hidden service and went no
// further (docs/semantics.md F20).
func (p *Pairer) endsHidden(i int32) bool {
	return p.passage(i).Ends() && !p.state[i].reached
}

// endedCall adds the call of caller span i, which reached a hidden service and went no further. The
// call goes to the service that answered elsewhere at the address that i names. If there is none,
// it is on no edge (docs/semantics.md F20).
func (p *Pairer) endedCall(i int32) {
	source, inside := p.addresses(i)
	to := cmp.Or(p.spans[i].Peer, p.spans[source].Peer)
	if to == 0 || p.spans[i].Kind != trace.Client || p.CallsOwnHost(i) {
		p.concealed = append(p.concealed, i)
		return
	}
	call := Call{
		From: p.spans[i].Node, To: to, Caller: i, Callee: -1, Source: source,
		Evidence: ByCaller, Flags: PerTrace | Pending | Ended | HasInside.when(inside != source) | ToName.when(p.spans[i].Is(trace.PeerIsName)),
	}
	if p.spans[i].Failed() && p.recovered(i) {
		call.Flags |= Recovered
	}
	p.calls = append(p.calls, call)
}

// ownCallInside reports whether caller span i, inside caller span o, is a call that a hidden
// service made for itself: a call to a database or the like, while the call of o went no further.
func (p *Pairer) ownCallInside(o, i int32) bool {
	return p.passage(o).Ends() && p.state[i].callee < 0 && p.spans[i].PeerType != trace.Unspecific
}

// failedHidden reports whether caller span i failed although none of the calls that hidden services
// made for it failed. It returns false if hidden services made only one call for the call of span
// i: the edge of that one call then has the failure.
func (p *Pairer) failedHidden(i int32) bool {
	state := &p.state[i]
	return state.relayed && !state.failed && state.nested > 1 && p.spans[i].Failed() && p.passage(i) != trace.Through
}

// isSeparateCall reports whether the call of caller span i, which has no callee, is separate from
// the calls of the caller span around it. It is separate if the span around has a callee and no
// specific peer, and i has a specific peer: a database, a queue or the like, not just a host. For
// example, a client can use a cache while a long stream of requests is open.
func (p *Pairer) isSeparateCall(around, i int32) bool {
	if p.state[around].callee < 0 || !p.NamesPeer(i) {
		return false
	}
	return p.spans[i].PeerType != trace.Unspecific && p.spans[around].PeerType == trace.Unspecific
}

// isTransport reports whether caller span i, which has no callee, only transports the message of
// another span. It does if its peer is not a queue, and a span inside names a queue. It also does if
// its peer is just a host, and a span around i polls a queue, settles messages or sends a batch of
// them.
func (p *Pairer) isTransport(i int32) bool {
	switch s := &p.spans[i]; {
	case s.Peer == 0 || s.PeerType == trace.Queue:
		return false
	case p.state[i].publishes:
		return true
	case s.PeerType != trace.Unspecific:
		return false
	}
	receiver := p.receiver(i)
	return receiver >= 0 && p.spans[receiver].Is(trace.Polls) || p.settles(i)
}

// settles reports whether caller span i is inside an INTERNAL span of its service that settles
// messages or sends a batch of them.
func (p *Pairer) settles(i int32) bool {
	if !p.settled {
		p.settled = true
		p.findSettling()
	}
	return len(p.settling) > 0 && p.settling[i]
}

// findSettling finds the spans inside spans that settle messages or send a batch of them. Most
// traces have none.
func (p *Pairer) findSettling() {
	isSettling := func(i int32) bool { return p.spans[i].Is(trace.Settles) && p.spans[i].Kind == trace.Internal }
	any := false
	for i := range p.spans {
		any = any || isSettling(int32(i))
	}
	if !any {
		return
	}
	p.settling = trace.Resize(p.settling, len(p.spans))
	for _, i := range p.order {
		parent := p.parent[i]
		p.settling[i] = isSettling(i) || parent >= 0 && p.settling[parent] && p.spans[parent].Node == p.spans[i].Node && !p.spans[i].Kind.Serves()
	}
}

// virtualCall adds the call of caller span i to the peer that the span names, unless it is a
// message that may find its consumer in another trace.
func (p *Pairer) virtualCall(i int32) {
	inner := &p.spans[i]
	outer := p.state[i].outer
	client := p.spans[outer]
	client.NamePeer(inner)
	if _, inside := p.addresses(i); inside != i && !inner.Is(trace.NamesHost) {
		client.Address = p.spans[inside].Address
		if inner.PeerType == trace.Specific && p.cfg.IsOtherServer(inner.Peer, p.spans[inside].Peer) {
			client.NamePeer(&p.spans[inside])
		}
	}
	client.Kind = max(client.Kind, inner.Kind) // a message if either span is a PRODUCER
	if !(p.cfg.QueueNodes && p.queue(i) != 0) && p.sendAny(i, &client) {
		return
	}
	p.callPeer(i, &client)
}

// callPeer adds the call of caller span i to the peer of client, the span that stands for the
// call, or to the service that answered other attempts of the call.
func (p *Pairer) callPeer(i int32, client *trace.Span) {
	outer := p.attribute(i, Virtual)
	call := Call{
		From: client.Node, To: client.Peer, Caller: outer, Callee: -1, Source: i,
		Kind: KindOf(client), Evidence: ByCaller, Flags: PerTrace,
	}
	met := p.metBeside(i)
	if met == 0 && client.Peer == 0 {
		met = p.metAgain(i)
	}
	if met != 0 {
		call.To = met
	} else {
		var inside int32
		call.Source, inside = p.addresses(i)
		call.Flags |= Pending | HasInside.when(inside != call.Source) | ToName.when(client.Is(trace.PeerIsName))
	}
	if call.Kind == Request && client.Failed() && p.recovered(outer) {
		call.Flags |= Recovered
	}
	p.calls = append(p.calls, call)
}

// KindOf returns the kind of the call that a caller span makes to the peer it names.
func KindOf(client *trace.Span) Kind {
	if client.Kind == trace.Producer {
		return Message
	}
	return Request
}

// when returns the flags if a condition holds, and otherwise none.
func (f Flags) when(is bool) Flags {
	if is {
		return f
	}
	return 0
}

// sendAny adds the call of caller span i, with the fields of client, to the sends. It adds one send
// for each span that stands for the call and to which a link can point. It returns false if there
// is no such span.
func (p *Pairer) sendAny(i int32, client *trace.Span) (added bool) {
	client.ID = p.callID(p.state[i].outer)
	for s := p.state[i].outer; s >= 0; s = p.state[s].inner {
		if !p.canBeLinked(s) {
			continue
		}
		if added {
			also := *client
			also.Kind = p.spans[s].Kind
			p.send(s, also, true, true)
			continue
		}
		added = true
		p.send(s, *client, p.state[p.attribute(i, PendingCall)].outcome != PendingCall, false)
	}
	return added
}

// callID returns the id of the call that caller span outer stands for. It is the id of the span, unless
// a later attempt has the same id. Then it is the id of the first span of the call to which a link can
// point (docs/semantics.md I11).
func (p *Pairer) callID(outer int32) [8]byte {
	if p.tree.IsRetried(outer) {
		for s := p.state[outer].inner; s >= 0; s = p.state[s].inner {
			if p.canBeLinked(s) {
				return p.spans[s].ID
			}
		}
	}
	return p.spans[outer].ID
}

// canBeLinked reports whether the link of a consumer may point to caller span i. A link in a
// later trace can point to any PRODUCER span, and to any CLIENT span that names a queue. Other
// CLIENT spans are too many to keep: canBeLinked returns true for them only if a link is known.
func (p *Pairer) canBeLinked(i int32) bool {
	switch p.spans[i].Kind {
	case trace.Producer:
		return !p.tree.IsRetried(i)
	case trace.Client:
		known := p.queue(i) != 0 ||
			len(p.links.Linked) > 0 && p.links.Linked[p.link(i)] > 0 ||
			len(p.links.LinkedHere) > 0 && p.links.LinkedHere[p.spans[i].ID]
		return known && !p.tree.IsRetried(i)
	}
	return false
}

// send adds span i, with the fields of client, to the sends.
func (p *Pairer) send(i int32, client trace.Span, counted, called bool) {
	p.state[i].sent = true
	client.Detail = 0 // edges made of two halves have no details
	counted = counted || p.passage(p.state[i].outer) == trace.Through
	p.sends = append(p.sends, Send{Span: i, Client: client, Called: called, Counted: counted})
}
