package servicegraph

import (
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// Merge returns the graph of all calls in the given graphs. It is associative
// and commutative, and the empty graph, like nil, changes nothing. Merging the graphs of
// two sets of spans is the same as building one graph of both as long as no
// trace is split between them; of a trace in both, each half is judged alone.
// One thing only a common build can see: a plain CLIENT span that a consumer in
// the other set links to.
func Merge(graphs ...*Graph) *Graph {
	sum := newTotals(&symbols{})
	for _, g := range graphs {
		if g != nil && g.totals != nil {
			sum.merge(g.totals)
		}
	}
	return sum.graph()
}

// merge adds other totals, whose names have other numbers.
func (t *totals) merge(o *totals) {
	node := func(i nodeIndex) nodeIndex {
		if i == 0 || i == ambiguous || t.names == o.names {
			return i
		}
		return t.names.node(o.names.nodeID(i))
	}
	address := func(i addressIndex) addressIndex {
		if i == 0 || t.names == o.names {
			return i
		}
		return t.names.address(o.names.addressOf(i))
	}
	edge := func(k edgeKey) edgeKey { return edgeKey{node(k.from), node(k.to), k.kind} }
	span := func(s trace.Span) trace.Span {
		s.Node, s.Peer, s.Address = node(s.Node), node(s.Peer), address(s.Address)
		return s
	}
	for _, n := range o.nodes {
		if n != nil {
			t.node(t.names.node(n.ID)).merge(n)
		}
	}
	for k, e := range o.edges {
		t.edge(edge(k)).merge(&e.Edge)
	}
	for k, e := range o.calls {
		t.callsTo(callKey{edge(k.edgeKey), address(k.address), k.fromName, k.toName}).merge(&e.Edge)
	}
	for at, owner := range o.owners {
		t.learnAddress(address(at), node(owner))
	}
	for key, s := range o.sends {
		s.span = span(s.span)
		t.addSend(key.span, s)
	}
	for key, r := range o.receivers {
		r.span = span(r.span)
		t.addReceiver(key.span, r)
	}
	for k := range o.receives {
		t.receives[receiveKey{receiver{k.span, node(k.node)}, k.target}] = true
	}
	t.report.merge(o.report)
}
