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

// metAt returns the first caller span whose request was answered, among caller span i and the spans
// inside it. It returns -1 if there is no such span, and the constant several if several services
// answered.
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

// firstMet returns the earlier of two results of metAt. Ids break ties. It returns the constant
// several if the spans were answered by different services.
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

// metBeside returns the service that answered another attempt of the same call as caller span i,
// which has no callee. It returns 0 if span i is no such attempt. Span i is an attempt if it names
// no host or the host of the answered attempt, or if both name IP addresses, because a client that
// balances the load tries another address. A span that names another host is a separate call, such
// as the request for a token that a library makes before the call.
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

// metAgain returns the service that answered when the request of caller span i, which failed and names
// nothing, was sent again: the next CLIENT span below the same parent repeats the request, as its
// attributes say, or as all CLIENT spans below the parent show: see areAttempts. It returns 0 if there is no
// such service, or if the spans are of a hidden service (docs/semantics.md F4).
func (p *Pairer) metAgain(i int32) trace.Node {
	outer := p.state[i].outer
	span, inner, parent := &p.spans[outer], &p.spans[i], p.parent[outer]
	if parent < 0 || p.state[outer].within >= 0 || !span.Failed() || p.spans[parent].Node != span.Node || p.passage(outer) == trace.Through ||
		span.Kind != trace.Client || inner.Kind != trace.Client || span.Peer != 0 || inner.Peer != 0 || p.tree.Sibling[p.tree.Child[parent]] < 0 {
		return 0
	}
	if !p.state[parent].resent {
		p.state[parent].resent = true
		p.findResends(parent)
	}
	return p.again[outer]
}

// findResends finds, for each CLIENT span below a span, the service that answered the request when it
// was sent again.
func (p *Pairer) findResends(parent int32) {
	p.group = p.group[:0]
	for c := p.tree.Child[parent]; c >= 0; c = p.tree.Sibling[c] {
		if p.parent[c] == parent && p.spans[c].Node == p.spans[parent].Node && p.spans[c].Kind == trace.Client {
			p.group = append(p.group, c)
		}
	}
	slices.SortFunc(p.group, p.compareTimes)
	unmarked := p.areAttempts(p.group)
	next := trace.Node(0) // the service that answered the resends that follow directly
	for _, c := range slices.Backward(p.group) {
		if next != 0 {
			if p.again == nil {
				p.again = make(map[int32]trace.Node)
			}
			p.again[c] = next
		}
		met := p.metAt(c)
		switch {
		case !p.spans[c].Is(trace.IsResent) && !unmarked, met == several, p.passage(c) == trace.Through: // a hidden service repeats a request of its own
			next = 0
		case met >= 0:
			next = p.spans[p.state[met].callee].Node
		}
	}
}

// areAttempts reports whether CLIENT spans, in the order of their starts, are attempts of one call although no
// attribute says so: only the last was answered, and all before it failed, name nothing, and ended before
// the next began. One library recorded all of them.
func (p *Pairer) areAttempts(clients []int32) bool {
	last := len(clients) - 1
	if last < 1 || p.metAt(clients[last]) < 0 || p.passage(clients[last]) == trace.Through {
		return false
	}
	scope := p.scope(clients[last])
	for n, i := range clients[:last] {
		span := &p.spans[i]
		_, timed := span.Duration()
		if !timed || !span.Failed() || span.Peer != 0 || p.state[i].callee >= 0 || p.state[i].nested > 0 || p.passage(i) == trace.Through ||
			span.End > p.spans[clients[n+1]].Start || p.scope(i) != scope {
			return false
		}
	}
	return true
}

// scope returns the name of the library that recorded span i, and an empty text if it is unknown.
func (p *Pairer) scope(i int32) string {
	if d := p.spans[i].Detail; d != 0 {
		return p.cfg.Describe(d).Scope
	}
	return ""
}

// isPreparation reports whether caller span i only prepared an attempt that was answered, for
// example by looking up the host or opening a connection. Such a span names no peer, and succeeded
// before the answered attempt began.
func (p *Pairer) isPreparation(i int32) bool {
	outer := p.state[i].outer
	span := &p.spans[outer]
	_, timed := span.Duration()
	met := &p.spans[p.state[p.state[outer].within].met]
	return timed && p.spans[i].Peer == 0 && span.Peer == 0 && !span.Failed() && span.End <= met.Start && p.passage(i) == trace.Outside
}

// Around returns the caller span around caller span i, if all calls inside that span went to the
// service that answered i, and -1 otherwise. An address that the span around names is then an
// address of that service (docs/semantics.md D13).
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

// addresses returns two spans that tell where the call of caller span i, which has no callee, went.
// inside is the span inside i that names a host. source is i if i itself names a host, a database
// or the like, and otherwise is inside. Both are i if no span inside names a host, or if i has a
// name that a person chose.
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

// Inside returns the caller span that is inside the source of a pending call and names a host. If
// there is none, it returns the source.
func (p *Pairer) Inside(c *Call) int32 {
	if c.Is(HasInside) {
		return p.lastInside(c.Source)
	}
	return c.Source
}

// lastInside returns the last attempt inside caller span i that names a host; -1 if there is none.
// A span that calls a database or a model can also contain other requests. If the spans inside such
// a span name several hosts, lastInside returns -1.
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
