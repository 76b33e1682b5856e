package servicegraph

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// pending are the calls that the spans of one graph cannot resolve, but the spans of another graph
// may: calls to a name or an address that may turn out to belong to a service, and the two halves
// of messages that span links connect. They are part of a graph and are resolved each time a graph
// is made, so that merging graphs gives the same graph as building one from all spans.
type pending struct {
	calls      map[callKey]*edgeSum
	met        map[meeting]*directory.Interval
	kubernetes map[nodeIndex][]string // the Kubernetes namespaces of services, sorted
	statements directory.Statements
	sends      map[sendKey]pendingSend
	receivers  map[receiver]pendingReceive
	receives   map[receiveKey]bool // the links of the receivers

	learned map[meeting]*directory.Interval // by meetings at whole addresses: the results of learn
}

// A meeting is a service that answered at an address: see [directory.Meeting].
type meeting struct {
	caller nodeIndex
	at     addressIndex
	owner  nodeIndex
}

// A callKey is the key under which pending calls are added up.
type callKey struct {
	edgeKey
	address          addressIndex     // of the callee; 0 if unknown
	inside           addressIndex     // of the callee, as a span inside the span of the call names it; 0 if there is none, or it is the same
	minute           directory.Minute // of the call if an address ages, else 0
	fromName, toName bool             // the name of From or To can be the name of a service
	ended            bool             // the call reached a hidden service and went no further: see [pairing.Ended]
	taken            bool             // a message that To took from the queue From for other spans to process
}

// isSettled reports whether no other spans can tell more about the calls with a key. A call without
// an address to a database or the like goes to the host of the caller's other calls
// (docs/semantics.md A6).
func (s *symbols) isSettled(k *callKey) bool {
	return k.address == 0 && k.inside == 0 && !k.fromName && !k.toName && !k.taken && !k.ended && !hasServers(s.typeOf(k.to))
}

// hasServers reports whether one peer of a type can be several servers, which their hosts
// distinguish.
func hasServers(t NodeType) bool { return t == TypeDatabase || t == TypeQueue || t == TypeModel }

// callKeyOf returns the key of the call that a caller span makes to the peer it names.
func (s *symbols) callKeyOf(client *trace.Span) callKey {
	return callKey{
		edgeKey: edgeKey{client.Node, client.Peer, edgeKinds[pairing.KindOf(client)]},
		address: client.Address, minute: s.minuteOf(client.Address, client), toName: client.Is(trace.PeerIsName),
	}
}

// pendingKey returns the key of a pending call between spans of a trace. It leaves the field taken
// unset.
func (s *symbols) pendingKey(ends edgeKey, c *pairing.Call, p *pairing.Pairer, spans []trace.Span) callKey {
	key := callKey{edgeKey: ends, fromName: c.Is(pairing.FromName), toName: c.Is(pairing.ToName), ended: c.Is(pairing.Ended)}
	if c.Source < 0 {
		return key
	}
	source, inside := &spans[c.Source], &spans[p.Inside(c)]
	switch key.address = source.Address; {
	case inside == source:
	case !source.Is(trace.NamesHost):
		key.address = inside.Address
	case inside.Address != source.Address && key.kind == EdgeRequest:
		key.inside = inside.Address
	}
	key.minute = cmp.Or(s.minuteOf(key.address, &spans[c.Caller]), s.minuteOf(key.inside, &spans[c.Caller]))
	return key
}

// minuteOf returns the minute of a call to an address that ages, and 0 for other addresses.
func (s *symbols) minuteOf(at addressIndex, client *trace.Span) directory.Minute {
	if at == 0 || !s.AddressOf(at).Ages() {
		return 0
	}
	return directory.MinuteOf(client.Start)
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
	given     bool   // in the counted totals: an earlier delta has shown the call as a call to the queue
	shown     bool   // an earlier live graph shows the call as a call to the queue
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
	shown     bool            // an earlier live graph shows the messages as calls from the queue
}

func newPending() pending {
	return pending{
		calls:      make(map[callKey]*edgeSum),
		met:        make(map[meeting]*directory.Interval),
		kubernetes: make(map[nodeIndex][]string),
		statements: make(directory.Statements),
		sends:      make(map[sendKey]pendingSend),
		receivers:  make(map[receiver]pendingReceive),
		receives:   make(map[receiveKey]bool),
	}
}

// reserve makes room for the halves of the messages that held consumers link to, given the numbers of
// the senders, the receivers and the links. Growing the maps would take 5 % of the time of a graph of
// messages.
func (p *pending) reserve(senders, receivers, links int) {
	p.sends, p.receivers = make(map[sendKey]pendingSend, senders), make(map[receiver]pendingReceive, receivers)
	p.receives = make(map[receiveKey]bool, links)
}

// halves returns the number of halves of messages.
func (p *pending) halves() int { return len(p.sends) + len(p.receives) }

// learn notes that a service answered the call of a caller at an address. It returns the interval
// of such calls if the address ages, else nil: then further calls tell nothing new.
func (t *totals) learn(caller nodeIndex, at addressIndex, owner nodeIndex, start int64) *directory.Interval {
	whole := meeting{caller, at, owner}
	during := directory.At(start)
	if known, ok := t.learned[whole]; ok {
		if known != nil {
			known.Widen(during)
		}
		return known
	}
	if t.learned == nil {
		t.learned = make(map[meeting]*directory.Interval)
	}
	var ages *directory.Interval
	for _, part := range t.names.AddressOf(at).Parts() {
		if part == (directory.Address{}) {
			continue
		}
		m := t.meet(part, caller, owner, during)
		if part.Ages() {
			ages = t.met[m]
		}
	}
	t.learned[whole] = ages
	return ages
}

// meet adds a meeting at a part of an address.
func (t *totals) meet(part directory.Address, caller, owner nodeIndex, during directory.Interval) meeting {
	m := meeting{at: t.names.address(part), owner: owner}
	if part.NeedsCaller() {
		m.caller = caller
	}
	if !part.Ages() {
		during = directory.Interval{}
	}
	if known := t.met[m]; known != nil {
		known.Widen(during)
	} else {
		met := during
		t.met[m] = &met
	}
	return m
}

// forgetMeetings removes all meetings.
func (t *totals) forgetMeetings() {
	clear(t.met)
	t.learned = nil
	for _, e := range t.edges {
		e.address, e.ages, e.around, e.aroundAges = 0, nil, 0, nil
	}
}

// recentStatements is a cache of statements, in which repeated statements are found without a
// lookup in the map. It is direct-mapped and has 256 entries. In BenchmarkStatements, noting a
// statement takes 4 ns with the cache and 250 ns without.
type recentStatements []recentStatement // made when first needed

type recentStatement struct {
	service nodeIndex
	address addressIndex
	ages    *directory.Interval // the interval of spans that state the host; nil if the host does not age
}

// slot returns the slot of a statement.
func (r *recentStatements) slot(service nodeIndex, at addressIndex) *recentStatement {
	if *r == nil {
		*r = make(recentStatements, 256)
	}
	return &(*r)[(uint32(service)*0x85EBCA6B+uint32(at))*0x9E3779B1>>24]
}

// state notes the address that a SERVER span states. recent is the cache's slot for the statement:
// state does nothing more if the slot has the statement already, and else stores it there.
func (b *Builder) state(s *trace.Span, recent *recentStatement) {
	if recent.service == s.Node && recent.address == s.Address {
		if recent.ages != nil {
			recent.ages.Widen(directory.At(s.Start))
		}
		return
	}
	*recent = recentStatement{service: s.Node, address: s.Address}
	for _, part := range b.names.AddressOf(s.Address).Parts() {
		if during := b.stateAt(s.Node, part, s.Start); during != nil {
			recent.ages = during
		}
	}
}

// stateAt notes that a service states an address, a host or an RPC service, if the address is not
// empty and means the same for all callers. It returns the interval of such spans if the address
// ages, else nil.
func (b *Builder) stateAt(service nodeIndex, at address, start int64) *directory.Interval {
	if at == (address{}) || semconv.IsLocal(at.Host) {
		return nil
	}
	i := b.address(at)
	if i == 0 {
		return nil
	}
	b.statements.Add(&b.names, service, i, directory.At(start))
	return b.statements.Find(service, i)
}

// addKubernetes adds Kubernetes namespaces of a service. If there are too many, the first in order
// stay.
func (t *totals) addKubernetes(service nodeIndex, namespaces []string) {
	of := t.kubernetes[service]
	for _, n := range namespaces {
		of, _ = withCapped(of, n, strings.Compare)
	}
	if len(of) > 0 {
		t.kubernetes[service] = of
	}
}

// addSend adds a span that a link can point to. If the totals have the span already, it was
// delivered to two graphs: it stays one span, and the report counts a duplicate in place of the
// second outcome.
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
