package servicegraph

// openEnds are what one set of spans cannot settle and another may: calls to a
// name or an address that may turn out to be a service's, and the two halves of
// messages tied by span links. They are part of a graph and resolved each time
// one is made, so that merging graphs gives what building from all the spans at
// once would have given.
type openEnds struct {
	calls    map[callKey]*tally
	owners   map[addressIndex]nodeIndex // who answers at an address, or manyOwners
	sends    map[sendKey]sending
	receives map[receiveKey]receiving
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

// A receiveKey is one link of one consumer span.
type receiveKey struct {
	span   Link
	node   nodeIndex
	target Link
}

// A receiving is the consumer's half of a message.
type receiving struct {
	span      record
	fate      fate // of the span if none of its links is found; fateUnknown if it is accounted for
	queueNode bool // show the queue as a node
}

func newOpenEnds() openEnds {
	return openEnds{
		calls:    make(map[callKey]*tally),
		owners:   make(map[addressIndex]nodeIndex),
		sends:    make(map[sendKey]sending),
		receives: make(map[receiveKey]receiving),
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

// sent notes a span that may be linked to.
func (o *openEnds) sent(id Link, s sending) { o.sends[sendKey{id, s.span.node}] = s }

// received notes the consumer's half of a message.
func (o *openEnds) received(key receiveKey, r receiving) { o.receives[key] = r }

// callKey returns the key of the call that a caller span makes to the peer it names.
func (r *record) callKey() callKey {
	key := callKey{edgeKey: edgeKey{r.node, r.peer, EdgeRequest}, address: r.address, toName: r.is(peerIsName)}
	if r.kind == KindProducer {
		key.kind = EdgeMessage
	}
	return key
}
