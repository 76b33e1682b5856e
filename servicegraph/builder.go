package servicegraph

import (
	"container/list"
	"errors"
	"iter"
	"math"
	"slices"
)

// Config says how spans become a graph. The zero value is the specified default.
type Config struct {
	// IgnoreAddresses turns address learning off. It is on by default: where
	// paired calls show that a server address and port belong to one service,
	// calls to it without a server span, the failed ones of an outage, are calls
	// to that service (semantics.md D13).
	IgnoreAddresses bool

	// HTTPErrors counts client and server spans without a status as failed if their
	// HTTP status code is 500 or more (semantics.md E5). By default the status of
	// the span alone decides.
	HTTPErrors bool

	// QueueNodes makes a node of the queue between a producer and a consumer:
	// two edges, producer to queue and queue to consumer, in place of one.
	QueueNodes bool

	// Peer, if set, names the peer of a client or producer span in place of the
	// package's own rules; false if it has no name. It is called once for each
	// such span, and must answer the same for the same span. The span's Attrs hold
	// what the source kept: see Reads.
	Peer func(Span) (NodeID, bool)

	// NodeAttrs are keys of resource attributes to note on the nodes, such as
	// service.version: see Node.Attrs.
	NodeAttrs []string

	// Window bounds what a builder holds. The zero value holds everything.
	Window Window
}

// Reads reports whether the graph reads the attribute with this key, of a span or
// of a resource. A source can leave out all others, unless Peer wants them.
func (c Config) Reads(key string) bool {
	return new(peerFacts).field(key) != nil || isEnvironment(key) || slices.Contains(c.NodeAttrs, key)
}

// A Builder collects spans in any order and turns them into a [Graph]. It is not
// safe for concurrent use.
//
// A span may arrive after its children, and a trace in any number of pieces, so
// the builder holds the spans of a trace until it is forgotten: by default for
// ever, otherwise as the [Window] says. That takes about 100 bytes a span in traces
// of 25 spans. What it has counted of a trace it never forgets.
type Builder struct {
	cfg    Config
	names  names
	folder folder
	linked map[Link]bool // spans that consumers point to
	report Report        // what is known when a span arrives
	attrs  map[nodeIndex]attrSet
	cut    map[nodeIndex]bool // nodes with values left out of attrs

	has64 bool                // there are trace ids of 64 bits
	wide  map[TraceID]TraceID // 128-bit ids by their low half, if has64

	window
}

// NewBuilder returns an empty builder.
func NewBuilder(cfg Config) *Builder {
	b := &Builder{cfg: cfg, linked: make(map[Link]bool), attrs: make(map[nodeIndex]attrSet), cut: make(map[nodeIndex]bool)}
	b.folder = folder{cfg: cfg, linked: b.linked}
	b.folder.names = &b.names
	b.window.init(&b.names)
	return b
}

// Build reads a source to its end. A [*SkipError] is counted in the report and
// reading goes on; any other error ends it, and Build returns the graph of what
// was read before together with that error.
func Build(spans iter.Seq2[Span, error], cfg Config) (*Graph, error) {
	b := NewBuilder(cfg)
	for s, err := range spans {
		var skip *SkipError
		switch {
		case errors.As(err, &skip):
			b.Skip()
		case err != nil:
			return b.Graph(), err
		default:
			b.Add(s)
		}
	}
	return b.Graph(), nil
}

// Skip counts one record that a source could not read.
func (b *Builder) Skip() { b.report.Skipped++ }

// Add takes one span. The order of spans does not matter, and a span delivered
// twice counts once.
func (b *Builder) Add(s Span) {
	if s.TraceID.IsZero() || s.SpanID.IsZero() {
		b.report.Spans++
		b.report.Invalid++
		return
	}
	set := b.hold(b.canonical(s.TraceID))
	if set == nil {
		b.report.Spans++
		b.report.Late++
		return
	}
	r := b.record(s)
	set.spans = append(set.spans, r)
	b.spans++
	if r.kind == KindConsumer {
		for _, l := range s.Links {
			set.links = append(set.links, spanLink{s.SpanID, r.node, l})
			b.linked[l] = true
		}
	}
	b.limit()
}

// Graph returns the graph of all spans so far, those of traces that are not
// complete included. It can be called at any time, and adding can go on after it.
// Its cost grows with the spans held and the edges, not with the time it all took.
func (b *Builder) Graph() *Graph {
	sum := newTotals(&b.names)
	sum.merge(b.counted)
	sum.merge(b.recent)
	sum.report.merge(b.report)
	for _, traces := range []*list.List{&b.open, &b.closed} {
		for e := traces.Front(); e != nil; e = e.Next() {
			b.folder.fold(e.Value.(*spanSet), sum)
		}
	}
	sum.report.Open = uint64(b.open.Len())
	b.describe(sum)
	return sum.graph()
}

// Delta returns the graph of the traces that were forgotten since the last call
// of Delta: those that will not change any more. Merged, all deltas and the graph
// of the traces still held are the graph of everything.
func (b *Builder) Delta() *Graph {
	delta := b.recent
	delta.report.merge(b.report.since(b.reported))
	b.reported = b.report
	b.recent = newTotals(&b.names)
	b.counted.merge(delta)
	b.counted.settleBeyond(maxOpenEnds)
	b.describe(delta)
	return delta.graph()
}

// A record is what the graph needs of a span, without pointers: 64 bytes.
type record struct {
	id, parent SpanID
	start, end int64
	weight     float64
	node       nodeIndex    // the span's service
	peer       nodeIndex    // the other side that the span names; 0 if none
	address    addressIndex // the address of the other side; 0 if none
	kind       Kind
	status     Status
	peerIsName bool // the peer is a name somebody gave it, perhaps that of a service
	caller     bool // the caller side of a call: CLIENT, PRODUCER, or a database span inside the service
	resent     bool // a client that says it is trying again
}

// unknownService is the name of a service that did not say its name. SDKs send
// it themselves, followed by a colon and the name of the program.
const unknownService = "unknown_service"

func (b *Builder) record(s Span) record {
	r := record{
		id: s.SpanID, parent: s.ParentID,
		start: s.Start, end: s.End,
		weight: roundWeight(s.Weight),
		kind:   s.Kind,
		status: s.Status,
	}
	r.node = b.names.node(NodeID{Namespace: s.Namespace, Name: firstOf(s.Service, unknownService), Type: TypeService})
	b.note(r.node, s.Resource)
	r.caller = s.Kind.calls()
	if !r.caller && !s.Kind.serves() && len(s.Attrs) == 0 {
		return r
	}
	facts := factsOf(s.Attrs)
	if b.cfg.HTTPErrors && s.Status == StatusUnset && facts.serverError() {
		r.status = StatusError
	}
	if s.Kind == KindClient && facts.receives() {
		r.kind, r.caller = KindConsumer, false
	}
	switch {
	case r.kind.serves():
		if p, ok := facts.caller(r.kind); ok {
			r.peer, r.peerIsName = b.names.node(p.id), p.isName
		}
	case r.caller || facts.hasDatabase():
		r.caller = true // a database inside the process has no client span (D10)
		r.resent = facts.resendCount != "" && facts.resendCount != "0"
		if p, ok := b.callee(s, &facts); ok {
			r.peer, r.peerIsName = b.names.node(p.id), p.isName
		}
		if a := facts.address(); !b.cfg.IgnoreAddresses && a.host != "" {
			r.address = b.names.address(a)
		}
	}
	return r
}

func (b *Builder) callee(s Span, facts *peerFacts) (peer, bool) {
	if b.cfg.Peer == nil {
		return facts.callee(s.Kind)
	}
	id, ok := b.cfg.Peer(s)
	return peer{id: id}, ok
}

// duration returns the latency of the span in nanoseconds, and false where the
// clock or the end is missing or broken.
func (r *record) duration() (int64, bool) {
	return r.end - r.start, r.start > 0 && r.end >= r.start
}

func (r *record) failed() bool { return r.status == StatusError }

// roundWeight makes a weight a positive multiple of 1/65536. Sums of those are
// exact in a float64 up to 10¹¹ spans, so they do not depend on the order.
func roundWeight(w float64) float64 {
	if w == 0 || math.IsNaN(w) || w < 0 {
		return 1
	}
	return max(math.Round(min(w, 1<<32)*65536), 1) / 65536
}
