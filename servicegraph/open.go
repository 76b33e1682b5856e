package servicegraph

import "slices"

// openEnds are what one set of spans cannot settle and another may: calls to a
// name or an address that may turn out to be a service's, and the two halves of
// messages tied by span links. They are part of a graph and resolved each time
// one is made, so that merging graphs gives what building from all the spans at
// once would have given.
type openEnds struct {
	calls     map[callKey]*tally
	owners    map[addressIndex]nodeIndex // who answers at an address, or manyOwners
	sends     map[sendKey]sending
	receivers map[receiver]receiving
	receives  map[receiveKey]bool // the links of the receivers
}

// manyOwners marks an address where several services answered: a load balancer's,
// or one that was used again. It says nothing about who was called.
const manyOwners = ^nodeIndex(0)

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

// A sending is a span that the link of a consumer can point to.
type sending struct {
	span      record
	of        SpanID // the span that stands for the call, perhaps itself
	called    bool   // its call is in the graph already
	counted   bool   // the span is in a bucket of the report already
	queueNode bool   // show the queue as a node
}

// call returns what all spans that stand for one call have in common.
func (s *sending) call(key sendKey) sendKey {
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

// A receiving is the consumer's half of its messages.
type receiving struct {
	span      record
	fate      fate // of the span if none of its links is found; fateUnknown if it is accounted for
	queueNode bool // show the queue as a node
}

func newOpenEnds() openEnds {
	return openEnds{
		calls:     make(map[callKey]*tally),
		owners:    make(map[addressIndex]nodeIndex),
		sends:     make(map[sendKey]sending),
		receivers: make(map[receiver]receiving),
		receives:  make(map[receiveKey]bool),
	}
}

// answered notes that a service answered at an address.
func (o *openEnds) answered(at addressIndex, by nodeIndex) {
	switch owner := o.owners[at]; owner {
	case by, manyOwners:
	case 0:
		o.owners[at] = by
	default:
		o.owners[at] = manyOwners
	}
}

// halves returns how many halves of messages are open.
func (o *openEnds) halves() int { return len(o.sends) + len(o.receives) }

// sent notes a span that may be linked to. One that is noted already was delivered to
// two graphs: it stays one span, and the report counts the other as a duplicate.
func (t *totals) sent(id Link, s sending) {
	key := sendKey{id, s.span.node}
	if o, known := t.sends[key]; known {
		if !s.counted || !o.counted {
			t.report.Duplicate++
		}
		s = s.with(&o, t.names)
	}
	t.sends[key] = s
}

// with returns what two deliveries of a span say together, whichever came first.
func (s sending) with(o *sending, names *symbols) sending {
	s.span.absorb(&o.span, names)
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
func (t *totals) received(id Link, r receiving) {
	key := receiver{id, r.span.node}
	if o, known := t.receivers[key]; known {
		if r.fate != fateUnknown || o.fate != fateUnknown {
			t.report.Duplicate++
		}
		r = r.with(&o, t.names)
	}
	t.receivers[key] = r
}

// with returns what two deliveries of a span say together, whichever came first.
func (r receiving) with(o *receiving, names *symbols) receiving {
	r.span.absorb(&o.span, names)
	if r.fate == fateUnknown || o.fate == fateUnknown {
		r.fate = fateUnknown
	} else {
		r.fate = max(r.fate, o.fate)
	}
	r.queueNode = r.queueNode || o.queueNode
	return r
}

// callKey returns the key of the call that a caller span makes to the peer it names.
func (r *record) callKey() callKey {
	key := callKey{edgeKey: edgeKey{r.node, r.peer, EdgeRequest}, address: r.address, toName: r.is(peerIsName)}
	if r.kind == KindProducer {
		key.kind = EdgeMessage
	}
	return key
}
