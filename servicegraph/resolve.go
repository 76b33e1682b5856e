package servicegraph

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A resolver turns totals into the edges of a graph: it settles the open ends
// with what the totals know. The totals stay as they are.
type resolver struct {
	*totals
	services map[NodeID]nodeIndex // see servicesByName
	view     map[edgeKey]*Edge    // the edges of the graph: settled ones, and copies with more calls
	copied   map[edgeKey]bool     // the edge in view is a copy
	found    Report               // what the open ends add to the report of the totals

	conflicts map[addressIndex]bool
	seen      map[sideKey]bool
}

// A sideKey is a span on one side of an edge: on each it counts once, however
// many calls it is part of.
type sideKey struct {
	edge     edgeKey
	span     Link
	receiver bool
}

func (t *totals) resolve() *resolver {
	r := t.resolver()
	r.resolveCalls()
	r.resolveLinks()
	return r
}

func (t *totals) resolver() *resolver {
	view := make(map[edgeKey]*Edge, len(t.edges))
	for key, e := range t.edges {
		view[key] = &e.Edge
	}
	return &resolver{
		totals:    t,
		services:  t.servicesByName(),
		view:      view,
		copied:    make(map[edgeKey]bool),
		conflicts: make(map[addressIndex]bool),
		seen:      make(map[sideKey]bool),
	}
}

// resolveCalls finds the ends of calls with one known side.
func (r *resolver) resolveCalls() {
	for key, calls := range r.calls {
		end, byAddress := r.resolveCall(key)
		r.edge(end).mergeOpen(&calls.Edge, byAddress)
	}
}

// servicesByName finds services by identity and by name. Their ids carry the type
// service; an id without a type stands for the name alone, where only one service
// has it.
func (t *totals) servicesByName() map[NodeID]nodeIndex {
	services := make(map[NodeID]nodeIndex)
	for i, n := range t.nodes {
		if n == nil || n.ID.Type != TypeService {
			continue
		}
		services[n.ID] = nodeIndex(i + 1)
		name := NodeID{Name: n.ID.Name}
		if services[name] == 0 {
			services[name] = nodeIndex(i + 1)
		} else {
			services[name] = ambiguous
		}
	}
	return services
}

// edge returns an edge of the view that may be written to.
func (r *resolver) edge(key edgeKey) *Edge {
	if r.copied[key] {
		return r.view[key]
	}
	e := &Edge{ID: EdgeID{r.names.nodeID(key.from), r.names.nodeID(key.to), key.kind}}
	if settled := r.view[key]; settled != nil {
		e.merge(settled)
	}
	r.view[key], r.copied[key] = e, true
	return e
}

// resolveCall finds the ends of calls with one known side: the service that answers
// at the address (semantics.md D13), else the service that has the name, else
// the peer as it was named.
func (r *resolver) resolveCall(key callKey) (end edgeKey, byAddress bool) {
	end = key.edgeKey
	if key.fromName {
		end.from = r.named(end.from)
	}
	if key.toName {
		if end.to = r.named(end.to); end.to != key.to {
			return end, false
		}
	}
	switch owner := r.owners[key.address]; {
	case key.kind != EdgeRequest:
	case r.names.addressOf(key.address).port == "" && peerType(r.names.typeOf(key.to)) != trace.Unspecific: // another port of the same host
	case owner == ambiguous:
		if !r.conflicts[key.address] {
			r.conflicts[key.address] = true
			r.found.AddressConflicts++
		}
	case owner != 0:
		end.to = owner
		return end, true
	}
	return end, false
}

// named returns the service that the name of a peer means, or the peer: the
// service with exactly that namespace and name, else the only one with the name
// if no namespace was given.
func (r *resolver) named(peer nodeIndex) nodeIndex {
	id := r.names.nodeID(peer)
	if exact := r.services[NodeID{id.Namespace, id.Name, TypeService}]; exact != 0 {
		return exact
	}
	if only := r.services[NodeID{Name: id.Name}]; id.Namespace == "" && only != 0 && only != ambiguous {
		return only
	}
	return peer
}

// How many open ends a graph carries on for others to settle: halves of messages,
// some 25 MB of them, and calls to different addresses and names, each with its
// latencies, some 60 MB.
const (
	maxHalves    = 1 << 17
	maxOpenCalls = 1 << 14
)

// settleExcess settles all open ends of a sort for good, with what is known, if
// there are more than a graph carries on, and counts them.
func (t *totals) settleExcess() {
	if n := t.halves(); n > maxHalves {
		t.report.LinksSettled += uint64(n)
		r := t.resolver()
		r.resolveLinks()
		t.take(r)
		clear(t.sends)
		clear(t.receivers)
		clear(t.receives)
	}
	if n := len(t.calls) + len(t.owners); n > maxOpenCalls {
		t.report.AddressesSettled += uint64(n)
		r := t.resolver()
		r.resolveCalls()
		t.take(r)
		clear(t.calls)
		t.lastCalls.clear()
		clear(t.owners)
		for _, e := range t.edges {
			e.address = 0
		}
	}
}

// take makes what a resolver found part of the totals.
func (t *totals) take(r *resolver) {
	for key := range r.copied {
		t.edges[key] = &edgeSum{Edge: *r.view[key]}
	}
	t.lastEdges.clear()
	t.report.merge(r.found)
}

// resolveLinks joins the halves of messages: one call for each link of a
// consumer to a span that sent something (semantics.md M2 to M6). Halves without
// the other show the queue (M8, M9).
func (r *resolver) resolveLinks() {
	senders := r.senders()
	linked := make(map[sendKey]bool)
	joined := make(map[receiver]bool)
	processed := r.processed()
	for key := range r.receives {
		sender, ok := senders[key.target]
		if low := lowHalf(key.target.TraceID); !ok { // one of the two cut the trace id to 64 bits (I6)
			sender, ok = senders[Link{low, key.target.SpanID}]
			ok = ok && (low == key.target.TraceID || sender.span.TraceID == low)
		}
		if !ok {
			r.found.LinkMissing++
			continue
		}
		out := r.sends[sender]
		call := out.call(sender)
		linked[call] = true
		joined[key.receiver] = true
		in := r.receivers[key.receiver]
		if in.span.Is(trace.Polls) && (processed[delivery{key.node, key.target}] || out.called && r.hasReceived(&out, key.node)) {
			continue // the span that handles the message is its delivery
		}
		r.message(key, call.span, &out, &in)
	}
	for key, out := range r.sends {
		outcome := pairing.Virtual
		switch {
		case linked[out.call(key)]:
			outcome = pairing.Paired
		case out.span.Peer == 0:
			outcome = pairing.Unresolved
		}
		if !out.counted {
			r.found.count(outcome, 1)
		}
		if outcome == pairing.Virtual && !out.called {
			end, byAddress := r.resolveCall(callKeyOf(&out.span))
			var alone Edge
			alone.addCaller(key.span, &out.span)
			r.edge(end).mergeOpen(&alone, byAddress)
		}
	}
	for key, in := range r.receivers {
		switch {
		case in.outcome == pairing.None:
		case joined[key]:
			r.found.count(pairing.Paired, 1)
		case r.isQueue(in.span.Peer):
			r.found.count(pairing.Virtual, 1)
			r.edge(edgeKey{in.span.Peer, key.node, EdgeMessage}).addCallee(key.span, &in.span)
		default:
			r.found.count(in.outcome, 1)
		}
	}
}

// A delivery is a message that a service received.
type delivery struct {
	to      nodeIndex
	message Link
}

// processed returns the messages that consumers handled, and not just polled: a batch
// that is polled in one span is often handled in others beside it (semantics.md M10).
func (r *resolver) processed() map[delivery]bool {
	handled := make(map[delivery]bool)
	for key := range r.receives {
		if in := r.receivers[key.receiver]; !in.span.Is(trace.Polls) {
			handled[delivery{key.node, key.target}] = true
		}
	}
	return handled
}

// hasReceived reports whether a service is known to handle messages like that of out
// in spans below those that send them.
func (r *resolver) hasReceived(out *pendingSend, to nodeIndex) bool {
	from := out.span.Node
	if out.queueNode && r.isQueue(out.span.Peer) {
		from = out.span.Peer
	}
	e := r.edges[edgeKey{from, to, EdgeMessage}]
	return e != nil && e.Callee.Observed > 0
}

// senders finds the span that a link means. Where spans of several services
// share the id, a PRODUCER goes before others, and then the order of NodeID.
func (r *resolver) senders() map[Link]sendKey {
	senders := make(map[Link]sendKey, len(r.sends))
	for key, s := range r.sends {
		for _, id := range [...]Link{key.span, {lowHalf(key.span.TraceID), key.span.SpanID}} {
			other, taken := senders[id]
			if !taken || cmp.Or(
				-slices.Compare(key.span.TraceID[:], other.span.TraceID[:]),
				cmp.Compare(s.span.Kind, r.sends[other].span.Kind),
				-r.names.nodeID(key.node).Compare(r.names.nodeID(other.node)),
			) > 0 {
				senders[id] = key
			}
		}
	}
	return senders
}

// message adds one message whose both halves are known; call is the span that stands
// for the sender's.
func (r *resolver) message(key receiveKey, call Link, out *pendingSend, in *pendingReceive) {
	queue := in.span.Peer
	if !r.isQueue(queue) {
		queue = out.span.Peer
	}
	if (out.queueNode || in.queueNode) && r.isQueue(queue) {
		to, from := edgeKey{out.span.Node, queue, EdgeMessage}, edgeKey{queue, key.node, EdgeMessage}
		if !r.isQueue(out.span.Peer) && r.first(to, call, false) { // otherwise it is there already
			r.edge(to).addCaller(call, &out.span)
		}
		if r.first(from, key.span, true) {
			r.edge(from).addCallee(key.span, &in.span)
		}
		return
	}
	end := edgeKey{out.span.Node, key.node, EdgeMessage}
	e := r.edge(end)
	if r.first(end, call, false) {
		e.Caller.add(&out.span)
		e.widen(&out.span)
	}
	if r.first(end, key.span, true) {
		e.Callee.add(&in.span)
		e.widen(&in.span)
	}
	if r.isQueue(queue) {
		e.addQueue(r.names.nodeID(queue))
	}
	failed := out.span.Failed() || in.span.Failed()
	e.addCall(max(out.span.Weight(), in.span.Weight()), failed, pairing.Both)
	e.addGap(&out.span, &in.span)
	e.addExample(call, &out.span, failed)
}

// first reports whether a span has not been on this side of the edge yet.
func (r *resolver) first(edge edgeKey, span Link, receiver bool) bool {
	key := sideKey{edge, span, receiver}
	before := r.seen[key]
	r.seen[key] = true
	return !before
}

func (r *resolver) isQueue(i nodeIndex) bool {
	return r.names.typeOf(i) == TypeQueue
}
