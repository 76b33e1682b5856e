package servicegraph

import (
	"errors"
	"iter"
	"math"
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
}

// A Builder collects spans in any order and turns them into a [Graph]. It is not
// safe for concurrent use.
//
// It holds about 60 bytes a span until it is dropped: a span may arrive after
// its children, so no trace is finished before the last span has been added.
type Builder struct {
	cfg    Config
	names  names
	traces map[TraceID]*spanSet
	order  []*spanSet    // in order of first arrival
	linked map[Link]bool // spans that consumers point to
	report Report        // what is known when a span arrives
}

// NewBuilder returns an empty builder.
func NewBuilder(cfg Config) *Builder {
	return &Builder{cfg: cfg, traces: make(map[TraceID]*spanSet), linked: make(map[Link]bool)}
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
	b.report.Spans++
	if s.TraceID.IsZero() || s.SpanID.IsZero() {
		b.report.Invalid++
		return
	}
	if s.Start > 0 {
		b.report.First = earliest(b.report.First, s.Start)
		b.report.Last = max(b.report.Last, s.Start, s.End)
	}
	set := b.traces[s.TraceID]
	if set == nil {
		set = &spanSet{id: s.TraceID}
		b.traces[s.TraceID] = set
		b.order = append(b.order, set)
		b.report.Traces++
	}
	r := b.record(s)
	set.spans = append(set.spans, r)
	if s.Kind == KindConsumer {
		for _, l := range s.Links {
			set.links = append(set.links, spanLink{s.SpanID, r.node, l})
			b.linked[l] = true
		}
	}
}

// Graph returns the graph of the spans added so far. It can be called at any
// time, and adding can go on after it.
func (b *Builder) Graph() *Graph {
	f := folder{cfg: b.cfg, linked: b.linked, sum: newTotals(&b.names)}
	f.names = &b.names
	f.sum.report = b.report
	for _, set := range b.order {
		f.fold(set)
	}
	return f.sum.graph()
}

// A spanSet holds the spans of one trace as they arrived.
type spanSet struct {
	id    TraceID
	spans []record
	links []spanLink
}

// A spanLink is a link of a consumer span.
type spanLink struct {
	span   SpanID
	node   nodeIndex
	target Link
}

// A record is what the graph needs of a span, without pointers: 56 bytes.
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
	r.caller = s.Kind.calls()
	if !r.caller && !s.Kind.serves() && len(s.Attrs) == 0 {
		return r
	}
	facts := factsOf(s.Attrs)
	if b.cfg.HTTPErrors && s.Status == StatusUnset && facts.serverError() {
		r.status = StatusError
	}
	switch {
	case s.Kind.serves():
		if p, ok := facts.caller(s.Kind); ok {
			r.peer, r.peerIsName = b.names.node(p.id), p.isName
		}
	case r.caller || facts.hasDatabase():
		r.caller = true // a database inside the process has no client span (D10)
		r.resent = facts.resendCount != "" && facts.resendCount != "0"
		if p, ok := facts.callee(s.Kind); ok {
			r.peer, r.peerIsName = b.names.node(p.id), p.isName
		}
		if a := facts.address(); !b.cfg.IgnoreAddresses && a.host != "" {
			r.address = b.names.address(a)
		}
	}
	return r
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
