package servicegraph

import (
	"errors"
	"iter"

	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Builder collects spans in any order and turns them into a [Graph]. [NewBuilder] makes
// one. A Builder is not safe for concurrent use.
//
// A span may arrive after its children, and a trace in any number of pieces, so the builder
// holds the spans of a trace until it forgets the trace: never by default, otherwise as the
// [Window] says. A held span takes about 70 bytes, and less than 100 in a trace of its own;
// a Window adds 16 or 32 bytes for each trace. The totals of forgotten traces are kept. The
// builder panics if it would have to hold more than 2³² spans.
type Builder struct {
	cfg        Config
	names      symbols
	user       nodeIndex // the caller of requests from outside; 0 unless Config.UserNode is set
	aggregator *aggregator
	linked     map[trace.Link]int // the spans that consumers link to, by the number of held consumers
	report     Report             // the counts that are known when a span arrives

	attrs     map[nodeIndex]attrSet // of nodes
	truncated map[nodeIndex]bool    // nodes with values left out of attrs

	held
}

// NewBuilder returns an empty builder.
func NewBuilder(cfg Config) *Builder {
	b := &Builder{cfg: cfg, linked: make(map[trace.Link]int), attrs: make(map[nodeIndex]attrSet), truncated: make(map[nodeIndex]bool)}
	if cfg.UserNode {
		b.user = b.names.node(NodeID{Name: "user", Type: TypeExternal}) // goroutines that add traces only read names
	}
	b.aggregator = newAggregator(b)
	b.held.init(&b.names, cfg.Window)
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
			b.CountSkipped()
		case err != nil:
			return b.Graph(), err
		default:
			b.Add(s)
		}
	}
	return b.Graph(), nil
}

// CountSkipped counts one record that a source could not read.
func (b *Builder) CountSkipped() { b.report.Skipped++ }

// Add adds one span. The order of spans does not matter, and a span that is delivered twice
// counts once.
func (b *Builder) Add(s Span) {
	if slot := b.place(&s.TraceID, &s.SpanID); slot != nil {
		*slot = b.compact(&s)
		b.placed(slot, s.Links)
	}
}

// NewPacker returns a packer for [Builder.AddBatch]. It is for the packages of this module
// that read encoded traces, which save most of their work by it: attributes are interpreted
// once per distinct set, and not once per span. Everybody else uses [Builder.Add].
func (b *Builder) NewPacker() *pack.Packer { return pack.NewPacker(b.cfg.semconv()) }

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

// place returns the place of a new span in its trace, for the caller to write and to report
// to placed. It returns nil for a span that is counted and left out: the span has no
// identity, or its trace is forgotten.
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

// placed counts the span in the place that place returned last.
func (b *Builder) placed(s *trace.Span, links []Link) {
	b.spans++
	if s.Kind == trace.Consumer {
		b.addLinks(s, links)
	}
	if b.limits.Spans > 0 || b.limits.Traces > 0 {
		b.evict()
	}
}

// Graph returns the graph of all spans so far, including those of traces that are not
// complete. It can be called at any time, and adding can go on after it. The cost grows with
// the number of held spans and of edges; several processors share the work where there are
// many spans ([runtime.GOMAXPROCS]).
func (b *Builder) Graph() *Graph {
	sum := newTotals(&b.names)
	sum.merge(b.counted)
	sum.report.merge(b.report)
	b.addHeld(sum)
	sum.report.Open = uint64(b.traces.Len() - b.closed.Len())
	b.applyNodeAttrs(sum)
	return sum.graph()
}

// Delta returns the graph of the traces that were forgotten since the last call of Delta,
// and of all forgotten traces at the first call: of those that will not change any more. The
// deltas merged are the graph of everything that is forgotten. After the first call,
// forgetting a trace costs twice as much.
func (b *Builder) Delta() *Graph {
	delta := b.recent
	if delta == nil {
		delta = newTotals(&b.names)
		delta.merge(b.counted)
	}
	b.recent = newTotals(&b.names)
	delta.report.merge(b.report.since(b.reported))
	b.reported = b.report
	b.applyNodeAttrs(delta)
	return delta.graph()
}
