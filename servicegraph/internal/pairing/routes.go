package pairing

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// findRoutes finds which nested caller spans stand for the same call as the span around them,
// and, for each caller span, whether a caller span inside it has a callee, names a peer or names
// a queue. Most caller spans are inside no other, so it does not find out what they name.
func (p *Pairer) findRoutes() {
	for _, i := range p.callers {
		state := &p.state[i]
		state.outer = i
		if o := p.state[i].within; o >= 0 && p.state[o].callee < 0 && p.state[o].nested == 1 && p.spans[o].Kind.Calls() && !p.ownCallInside(o, i) {
			state.outer = p.state[o].outer
			p.state[o].inner = i
		}
	}
	for _, i := range slices.Backward(p.callers) {
		state := &p.state[i]
		state.reached = state.reached || state.callee >= 0
		if o := p.state[i].within; o >= 0 {
			around := &p.state[o]
			around.reached = around.reached || state.reached
			around.named = around.named || state.named || p.NamesPeer(i)
			around.strays = around.strays || state.strays || !state.reached && p.spans[i].Peer != 0
			around.met = p.firstMet(around.met, p.metAt(i))
			around.relayed = around.relayed || p.passage(i) == trace.Through
			around.failed = around.failed || p.spans[i].Failed()
			around.publishes = around.publishes || state.publishes || p.spans[i].Kind.Calls() && p.queue(i) != 0
		}
	}
}

// CallsOwnHost reports whether caller span i names only the host at which its own service was
// called. The spans of a proxy have the URL of the request that the proxy received, not the URL of
// the service to which the proxy sends the request (docs/semantics.md F6).
func (p *Pairer) CallsOwnHost(i int32) bool {
	span, request := &p.spans[i], &p.spans[p.state[i].request]
	return request.Address != 0 && request.Kind == trace.Server && span.Address != 0 &&
		span.PeerType == trace.Unspecific && p.cfg.IsSameHost(span.Address, request.Address)
}

// NamesItself reports whether caller span i gives its own service as the peer: a CLIENT span that is a
// callee span, as HotROD's mysql is.
func (p *Pairer) NamesItself(i int32) bool {
	span := &p.spans[i]
	return p.state[i].isCallee && span.Is(trace.PeerIsName) && p.cfg.IsNameOf(span.Peer, span.Node)
}

// NamesPeer reports whether caller span i names a peer, which is not its own service.
func (p *Pairer) NamesPeer(i int32) bool {
	span, state := &p.spans[i], &p.state[i]
	switch {
	case span.Peer == 0:
		return false
	case !span.Kind.Calls() && state.nested > 0:
		return false // the span of a library around the spans that call the database
	case p.CallsOwnHost(i):
		return false
	}
	return !p.NamesItself(i)
}

// attribute sets the outcome of the caller span that stands for the call of caller span i, and
// returns that span. The caller spans from i up to that span are nested.
func (p *Pairer) attribute(i int32, outcome Outcome) int32 {
	outer := p.state[i].outer
	for ; i != outer; i = p.state[i].within {
		p.setOutcome(i, Nested)
	}
	p.setOutcome(outer, outcome)
	return outer
}

// setOutcome sets the outcome of a span that is not a callee span. A callee span stays paired, even
// if it is a caller span as well.
func (p *Pairer) setOutcome(i int32, outcome Outcome) {
	p.state[i].made = outcome
	if !p.state[i].isCallee {
		p.state[i].outcome = outcome
	}
}
