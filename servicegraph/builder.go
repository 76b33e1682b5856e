package servicegraph

import (
	"errors"
	"iter"

	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Builder collects spans in any order and turns them into a [Graph]. [NewBuilder] makes
// one. A Builder is not safe for concurrent use.
//
// A span may arrive after its children, and a trace in any number of pieces, so the builder
// holds the spans of a trace until it forgets the trace, which only a [Window] makes it do. A
// held span takes about 70 bytes, and less than 100 if it is the only one of its trace; a
// Window adds 16 or 32 bytes for each trace. The totals of forgotten traces are kept. The
// builder panics if it would have to hold more than 2³² spans.
type Builder struct {
	cfg        Config
	options    semconv.Options // of cfg
	names      symbols
	quotas     quotas
	renamer    renamer
	visibility []trace.Visibility // of the nodes, if the configuration hides any
	user       nodeIndex          // the node "user", which makes the requests from outside; 0 unless Config.UserNode is set
	aggregator *aggregator
	linked     map[trace.Link]int // the number of held consumers that link to a span
	report     Report             // the counts that are known when a span arrives

	attrs     map[nodeIndex]attrSet // of nodes
	truncated map[nodeIndex]bool    // nodes with values left out of attrs

	kubernetes map[nodeIndex][]string // the Kubernetes namespaces of services, sorted

	held
}

// NewBuilder returns an empty builder.
func NewBuilder(cfg Config) *Builder {
	b := &Builder{cfg: cfg, options: cfg.semconv(), quotas: newQuotas(cfg.Limits.withDefaults()), renamer: renamer{rules: cfg.Rename}, linked: make(map[trace.Link]int), attrs: make(map[nodeIndex]attrSet), truncated: make(map[nodeIndex]bool), kubernetes: make(map[nodeIndex][]string)}
	if cfg.UserNode {
		b.user = b.names.node(NodeID{Name: "user", Type: TypeExternal}) // here, because goroutines that add traces must not add names
	}
	b.aggregator = newAggregator(b)
	b.held.init(b.newTotals(), cfg.Window)
	return b
}

// Config returns the configuration that the builder was made with.
func (b *Builder) Config() Config { return b.cfg }

// Build reads a source to its end and returns the graph of its spans. It counts a
// [*SkipError] in the report and goes on. Any other error ends the reading: Build then
// returns the graph of the spans before it together with the error.
func Build(spans iter.Seq2[Span, error], cfg Config) (*Graph, error) {
	b := NewBuilder(cfg)
	for s, err := range spans {
		var skip *SkipError
		switch {
		case errors.As(err, &skip):
			b.CountSkip(skip)
		case err != nil:
			return b.Graph(), err
		default:
			b.Add(s)
		}
	}
	return b.Graph(), nil
}

// CountSkipped counts n records, or parts of records, that a source could not read.
func (b *Builder) CountSkipped(n int) { b.report.Skipped += uint64(n) }

// CountSkip counts what a source left out: the traces beyond a limit, or a record or parts of it.
func (b *Builder) CountSkip(e *SkipError) {
	if e.Traces > 0 {
		b.report.LeftOutTraces += e.Traces
		b.report.merge(Report{Limited: e.Limited})
	} else {
		b.CountSkipped(e.Count())
	}
}

// Add adds one span. The order of spans does not matter, and a span that is delivered twice
// counts once.
func (b *Builder) Add(s Span) {
	if slot := b.place(&s.TraceID, &s.SpanID); slot != nil {
		b.compact(slot, &s)
		b.placed(slot, s.Links)
	}
}

// NewPacker returns a packer for [Builder.AddBatch]. It is for the packages of this module
// that read encoded traces: a packer interprets attributes once per distinct set instead of once
// per span. Other callers use [Builder.Add].
func (b *Builder) NewPacker() *pack.Packer { return pack.NewPacker(b.options) }

// AddBatch adds the spans of a batch, each as [Builder.Add] would. The caller must not use the
// batch afterwards. AddBatch is for the packages of this module: see [Builder.NewPacker].
func (b *Builder) AddBatch(batch *pack.Batch) {
	d := dictionaryOf(batch)
	packedLinks, weights := batch.Links, batch.Weights
	var links []Link
	for i := range batch.Spans {
		s := &batch.Spans[i]
		links = links[:0]
		for _, l := range packedLinks[:s.Links] {
			links = append(links, Link{l.TraceID, l.SpanID})
		}
		packedLinks = packedLinks[s.Links:]
		weight := float32(1)
		if s.Weighted {
			weight, weights = roundWeight(weights[0]), weights[1:]
		}
		if slot := b.place((*TraceID)(&s.TraceID), (*SpanID)(&s.ID)); slot != nil {
			b.unpack(slot, d, s)
			slot.Weight32 = weight
			b.placed(slot, links)
		}
	}
	batch.Recycle()
}

// place returns the slot for a new span in its trace. The caller writes the span to the slot and
// then calls placed. If the span has no identity or its trace is forgotten, place counts the span
// and returns nil.
func (b *Builder) place(traceID *TraceID, spanID *SpanID) *trace.Span {
	if traceID.IsZero() || spanID.IsZero() {
		b.report.Spans++
		b.report.Invalid++
		return nil
	}
	t := b.find(traceID)
	if t == nil {
		b.report.Spans++
		b.report.Late++
		return nil
	}
	return b.store.Append(b.last, &t.spans)
}

// placed counts the span in the slot that place returned last, adds the links of the span, and
// forgets traces beyond the limits of the window.
func (b *Builder) placed(s *trace.Span, links []Link) {
	b.spans++
	if len(links) > 0 && mayReceive(s) {
		b.addLinks(s, links)
	}
	if b.limits.Spans > 0 || b.limits.Traces > 0 {
		b.evict()
	}
}
