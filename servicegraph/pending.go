package servicegraph

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// pending are the calls that the spans of one graph cannot resolve and those of another may:
// calls to a name or an address that can turn out to be a service's, and the two halves of
// messages that span links connect. They are part of a graph and are resolved each time one
// is made, so that merging graphs gives what building from all spans at once gives.
type pending struct {
	calls     map[callKey]*edgeSum
	owners    map[addressIndex]nodeIndex // who answered at an address, or ambiguous
	sends     map[sendKey]pendingSend
	receivers map[receiver]pendingReceive
	receives  map[receiveKey]bool // the links of the receivers
}

// ambiguous marks an address where several services answered, such as the address of a load
// balancer or one that was reassigned. Such an address does not identify the callee.
const ambiguous = ^nodeIndex(0)

// A callKey is the key under which pending calls are added up.
type callKey struct {
	edgeKey
	address          addressIndex // of the callee; 0 if unknown
	fromName, toName bool         // the name of From or To can be the name of a service
}

// callKeyOf returns the key of the call that a caller span makes to the peer it names.
func callKeyOf(client *trace.Span) callKey {
	return callKey{
		edgeKey: edgeKey{client.Node, client.Peer, edgeKinds[pairing.KindOf(client)]},
		address: client.Address, toName: client.Is(trace.PeerIsName),
	}
}

// A sendKey is a caller span. Spans of several services can share an id.
type sendKey struct {
	span Link
	node nodeIndex
}

// A pendingSend is a caller span that the link of a consumer can point to.
type pendingSend struct {
	span      trace.Span
	of        SpanID // the span that stands for the call, which can be the same
	called    bool   // the call is in the graph already
	counted   bool   // the report has the outcome of the span already
	queueNode bool   // Config.QueueNodes
	isOpen    bool   // of an open trace in a live graph: see withholdHalves
	given     bool   // among the counted totals: a delta shows the call as one to the queue
}

// call returns the key that all spans of one call share.
func (s *pendingSend) call(key sendKey) sendKey {
	return sendKey{Link{key.span.TraceID, s.of}, key.node}
}

// A receiver is a consumer span with links. Spans of several services can share an id.
type receiver struct {
	span Link
	node nodeIndex
}

// A receiveKey is one link of a receiver.
type receiveKey struct {
	receiver
	target Link
}

// A pendingReceive is the half of messages that a consumer span shows.
type pendingReceive struct {
	span      trace.Span
	outcome   pairing.Outcome // of the span if no link is found; None if the report has it already
	queueNode bool            // Config.QueueNodes
	isOpen    bool            // of an open trace in a live graph: see withholdHalves
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

// halves returns the number of halves of messages.
func (p *pending) halves() int { return len(p.sends) + len(p.receives) }

// learnAddress notes that a service answered at an address.
func (p *pending) learnAddress(at addressIndex, by nodeIndex) {
	switch owner := p.owners[at]; owner {
	case by, ambiguous:
	case 0:
		p.owners[at] = by
	default:
		p.owners[at] = ambiguous
	}
}

// addSend adds a span that a link can point to. If the totals have the span already, it was delivered
// to two graphs: it stays one span, and the report counts a duplicate in place of the second
// outcome.
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

// with merges another delivery of the span. The order of the two does not matter.
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

// addReceiver adds a consumer span, without its links. If the totals have the span already, it was
// delivered to two graphs: see addSend.
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

// with merges another delivery of the span. The order of the two does not matter.
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
