package pairing

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// Attempts of one call are CLIENT spans inside the CLIENT span of the call, such as those of a
// library that tries again. An attempt that met no server is a call to the service that the
// other attempts met (docs/semantics.md F13).

// several is the value of spanState.met if several services answered.
const several = -2

// metAt returns the first caller span at or inside caller span i whose request was answered; -1
// if there is none, several if several services answered.
func (p *Pairer) metAt(i int32) int32 {
	state := &p.state[i]
	if state.callee < 0 {
		return state.met
	}
	node := p.spans[state.callee].Node
	for c := state.callee; c >= 0; c = p.state[c].also {
		if p.spans[c].Node != node || p.kind(i, c) != Request {
			return several
		}
	}
	return i
}

// firstMet returns the earlier of two caller spans that metAt returned, with ids to break ties;
// several if different services answered.
func (p *Pairer) firstMet(i, j int32) int32 {
	switch {
	case i == -1 || j == several:
		return j
	case j == -1 || i == several:
		return i
	case p.spans[p.state[i].callee].Node != p.spans[p.state[j].callee].Node:
		return several
	case p.compareTimes(i, j) <= 0:
		return i
	}
	return j
}

// compareTimes orders spans by start, then by id.
func (p *Pairer) compareTimes(i, j int32) int {
	a, b := &p.spans[i], &p.spans[j]
	return cmp.Or(cmp.Compare(a.Start, b.Start), slices.Compare(a.ID[:], b.ID[:]))
}

// metBeside returns the service that answered the other attempts of the call of which caller
// span i, without a callee, is an attempt; 0 if i is no attempt. An attempt names no host, or
// the host of the answered attempt, or both name IP addresses: a client that balances the load
// tries another address. A span that names another host is a call of its own, such as the
// request for a token that a library makes before the call.
func (p *Pairer) metBeside(i int32) trace.Node {
	outer := p.state[i].outer
	around := p.state[outer].within
	if around < 0 || p.state[around].met < 0 {
		return 0
	}
	for _, s := range [...]int32{i, outer, around} {
		if p.spans[s].Kind != trace.Client {
			return 0
		}
	}
	met := p.state[around].met
	if mine, other := p.spans[i].Peer, p.spans[met].Peer; p.NamesPeer(i) && mine != other && !p.cfg.CanBeSame(mine, other) {
		return 0
	}
	return p.spans[p.state[met].callee].Node
}

// isPreparation reports whether caller span i, of a call of which another attempt was answered, prepared the
// call, such as by looking up the host or opening a connection, and was no attempt: it names nothing, and
// it succeeded before the answered attempt began.
func (p *Pairer) isPreparation(i int32) bool {
	outer := p.state[i].outer
	span := &p.spans[outer]
	_, timed := span.Duration()
	met := &p.spans[p.state[p.state[outer].within].met]
	return timed && p.spans[i].Peer == 0 && span.Peer == 0 && !span.Failed() && span.End <= met.Start && p.passage(i) == trace.Outside
}

// Around returns the caller span around caller span i whose call went to the service that answered i, as
// did all calls inside; -1 if there is none. The address that it names is one of that service
// (docs/semantics.md D13).
func (p *Pairer) Around(i int32) int32 {
	o := p.state[i].within
	if o < 0 || p.spans[o].Kind != trace.Client {
		return -1
	}
	if state := &p.state[o]; state.callee >= 0 || state.met < 0 || state.strays {
		return -1
	}
	return o
}

// addresses returns the spans that tell where the call of caller span i, which has no callee, went: the span
// that tells most, and the span inside that names a host; both are i if no span inside does. The first
// is i if i names a host, a database or the like, and otherwise the span inside. A name that a person chose
// needs no span inside.
func (p *Pairer) addresses(i int32) (source, inside int32) {
	span := &p.spans[i]
	if p.state[i].nested == 0 || span.PeerType == trace.Queue {
		return i, i
	}
	inside = p.lastInside(i)
	switch {
	case inside < 0, span.Is(trace.PeerIsName):
		return i, i
	case span.Is(trace.NamesHost), span.PeerType == trace.Specific:
		return i, inside
	}
	return inside, inside
}

// Inside returns the caller span inside the source of a pending call that names a host; the source if there
// is none.
func (p *Pairer) Inside(c *Call) int32 {
	if c.Is(HasInside) {
		return p.lastInside(c.Source)
	}
	return c.Source
}

// lastInside returns the last attempt inside caller span i that names a host; -1 if there is none. What is
// inside the client of a database or a model can also be other work, so that the hosts inside such a span
// must be one.
func (p *Pairer) lastInside(i int32) int32 {
	span := &p.spans[i]
	last := int32(-1)
	p.stack = append(p.stack[:0], p.tree.Child[i])
	for len(p.stack) > 0 {
		c := p.stack[len(p.stack)-1]
		p.stack = p.stack[:len(p.stack)-1]
		if c < 0 {
			continue
		}
		p.stack = append(p.stack, p.tree.Sibling[c])
		inner := &p.spans[c]
		if p.parent[c] < 0 || inner.Node != span.Node || inner.Kind.Serves() { // the root of a broken cycle is still listed as a child
			continue
		}
		p.stack = append(p.stack, p.tree.Child[c])
		if !inner.Is(trace.IsCaller) || !inner.Is(trace.NamesHost) || inner.PeerType != trace.Unspecific {
			continue
		}
		if last >= 0 && span.PeerType == trace.Specific && inner.Peer != p.spans[last].Peer {
			return -1
		}
		if last < 0 || p.compareTimes(c, last) > 0 {
			last = c
		}
	}
	return last
}
