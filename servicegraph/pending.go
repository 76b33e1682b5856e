package servicegraph

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// pending are what one set of spans cannot settle and another may: calls to a
// name or an address that may turn out to be a service's, and the two halves of
// messages tied by span links. They are part of a graph and resolved each time
// one is made, so that merging graphs gives what building from all the spans at
// once would have given.
type pending struct {
	calls     map[callKey]*edgeSum
	owners    map[addressIndex]nodeIndex // who answers at an address, or ambiguous
	sends     map[sendKey]pendingSend
	receivers map[receiver]pendingReceive
	receives  map[receiveKey]bool // the links of the receivers
}

// ambiguous marks an address where several services answered: a load balancer's,
// or one that was used again. It says nothing about who was called.
const ambiguous = ^nodeIndex(0)

// A callKey is what calls with one known side have in common.
type callKey struct {
	edgeKey
	address          addressIndex // where the callee listens; 0 if unknown
	fromName, toName bool         // that end is a name that may be a service's
}

// A sendKey is a caller span. Spans of several services can share an id.
type sendKey struct {
	span Link
	node nodeIndex
}

// A pendingSend is a span that the link of a consumer can point to.
type pendingSend struct {
	span      trace.Span
	of        SpanID // the span that stands for the call, perhaps itself
	called    bool   // its call is in the graph already
	counted   bool   // the span is in a bucket of the report already
	queueNode bool   // show the queue as a node
}

// call returns what all spans that stand for one call have in common.
func (s *pendingSend) call(key sendKey) sendKey {
	return sendKey{Link{key.span.TraceID, s.of}, key.node}
}

// A receiver is a consumer span with links. Spans of several services can share an id.
type receiver struct {
	span Link
	node nodeIndex
}

// A receiveKey is one link of one consumer span.
type receiveKey struct {
	receiver
	target Link
}

// A pendingReceive is the consumer's half of its messages.
type pendingReceive struct {
	span      trace.Span
	outcome   pairing.Outcome // of the span if none of its links is found; pairing.None if it is accounted for
	queueNode bool            // show the queue as a node
}

func newPending() pending {
	return pending{
		calls:     make(map[callKey]*edgeSum),
		owners:    make(map[addressIndex]nodeIndex),
		sends:     make(map[sendKey]pendingSend),
		receivers: make(map[receiver]pendingReceive),
		receives:  make(map[receiveKey]bool),
	}
}

// answered notes that a service answered at an address.
func (o *pending) learnAddress(at addressIndex, by nodeIndex) {
	switch owner := o.owners[at]; owner {
	case by, ambiguous:
	case 0:
		o.owners[at] = by
	default:
		o.owners[at] = ambiguous
	}
}

// halves returns how many halves of messages are open.
func (o *pending) halves() int { return len(o.sends) + len(o.receives) }

// sent notes a span that may be linked to. One that is noted already was delivered to
// two graphs: it stays one span, and the report counts the other as a duplicate.
func (t *totals) addSend(id Link, s pendingSend) {
	key := sendKey{id, s.span.Node}
	if o, known := t.sends[key]; known {
		if !s.counted || !o.counted {
			t.report.Duplicate++
		}
		s = s.with(&o, t.names)
	}
	t.sends[key] = s
}

// with returns what two deliveries of a span say together, whichever came first.
func (s pendingSend) with(o *pendingSend, names *symbols) pendingSend {
	s.span.Absorb(&o.span, names)
	if slices.Compare(o.of[:], s.of[:]) > 0 {
		s.of = o.of
	}
	s.called = s.called || o.called
	s.counted = s.counted || o.counted
	s.queueNode = s.queueNode || o.queueNode
	return s
}

// received notes a consumer span, whose links are noted apart. One that is noted already
// was delivered to two graphs, as in sent.
func (t *totals) addReceiver(id Link, r pendingReceive) {
	key := receiver{id, r.span.Node}
	if o, known := t.receivers[key]; known {
		if r.outcome != pairing.None || o.outcome != pairing.None {
			t.report.Duplicate++
		}
		r = r.with(&o, t.names)
	}
	t.receivers[key] = r
}

// with returns what two deliveries of a span say together, whichever came first.
func (r pendingReceive) with(o *pendingReceive, names *symbols) pendingReceive {
	r.span.Absorb(&o.span, names)
	if r.outcome == pairing.None || o.outcome == pairing.None {
		r.outcome = pairing.None
	} else {
		r.outcome = max(r.outcome, o.outcome)
	}
	r.queueNode = r.queueNode || o.queueNode
	return r
}

// callKeyOf returns the key of the call that a caller span makes to the peer it names.
func callKeyOf(client *trace.Span) callKey {
	return callKey{
		edgeKey: edgeKey{client.Node, client.Peer, edgeKinds[pairing.KindOf(client)]},
		address: client.Address, toName: client.Is(trace.PeerIsName),
	}
}
