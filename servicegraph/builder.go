package servicegraph

import (
	"errors"
	"iter"
	"math"
	"strings"
)

// Config says how spans become a graph. The zero value is the specified default.
type Config struct{}

// A Builder collects spans in any order and turns them into a [Graph]. It is not
// safe for concurrent use.
//
// It holds about 60 bytes a span until it is dropped: a span may arrive after
// its children, so no trace is finished before the last span has been added.
type Builder struct {
	nodes  nodeTable
	traces map[TraceID]*spanSet
	order  []*spanSet // in order of first arrival
	report Report     // what is known when a span arrives
}

// NewBuilder returns an empty builder.
func NewBuilder(Config) *Builder {
	return &Builder{traces: make(map[TraceID]*spanSet)}
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
	set.spans = append(set.spans, b.record(s))
}

// Graph returns the graph of the spans added so far. It can be called at any
// time, and adding can go on after it.
func (b *Builder) Graph() *Graph {
	f := folder{nodes: &b.nodes, sum: newTotals(&b.nodes)}
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
}

// A record is what the graph needs of a span, without pointers: 56 bytes.
type record struct {
	id, parent SpanID
	start, end int64
	weight     float64
	node       nodeIndex // the span's service
	peer       nodeIndex // the other side that the span names; 0 if none
	kind       Kind
	status     Status
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
	r.node = b.nodes.index(NodeID{Namespace: s.Namespace, Name: firstOf(s.Service, unknownService), Type: TypeService})
	if !s.Kind.calls() && !s.Kind.serves() {
		return r
	}
	facts := factsOf(s.Attrs)
	name := facts.callee
	if s.Kind.serves() {
		name = facts.caller
	}
	if id, ok := name(s.Kind); ok {
		r.peer = b.nodes.index(id)
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

// A nodeIndex stands for a NodeID within one builder. 0 is no node.
type nodeIndex uint32

// A nodeTable numbers node identities, so that spans carry four bytes for each.
type nodeTable struct {
	ids     []NodeID // ids[i-1] has index i
	indices map[NodeID]nodeIndex
}

func (t *nodeTable) index(id NodeID) nodeIndex {
	if i, ok := t.indices[id]; ok {
		return i
	}
	if t.indices == nil {
		t.indices = make(map[NodeID]nodeIndex)
	}
	// Names become valid UTF-8 here, once for each: every output form needs it.
	valid := NodeID{strings.ToValidUTF8(id.Namespace, "\uFFFD"), strings.ToValidUTF8(id.Name, "\uFFFD"), id.Type}
	i, ok := t.indices[valid]
	if !ok {
		t.ids = append(t.ids, valid)
		i = nodeIndex(len(t.ids))
		t.indices[valid] = i
	}
	t.indices[id] = i
	return i
}

func (t *nodeTable) id(i nodeIndex) NodeID { return t.ids[i-1] }
