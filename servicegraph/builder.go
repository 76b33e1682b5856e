package servicegraph

import (
	"errors"
	"iter"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
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

	// IgnoreInternalDatabases takes no notice of databases inside the process, such as
	// SQLite, whose spans are not CLIENT spans. By default they are nodes, too
	// (semantics.md D10).
	IgnoreInternalDatabases bool

	// SplitBy are keys of resource attributes that are part of who a service is, such
	// as service.version for telling a canary from the rest (semantics.md N5), or
	// deployment.environment.name (N2): their values follow the name, "web@1.4.2", and
	// a service that has none of them keeps its name. Who names a peer "web" does not say
	// which: a call that no span of web@1.4.2 answered is one to a peer named web.
	SplitBy []string

	// InferCalls makes calls of what a service without spans has torn apart: a client
	// span that met nobody, and the one server span in its time whose parent never
	// arrived (semantics.md P9). It is a guess, and Evidence.Inferred counts it.
	InferCalls bool

	// UserNode makes a call of each request from outside the traced world: from a node
	// named "user", seen by the callee alone (semantics.md P5). By default the node
	// that is entered counts it, and no caller is made up.
	UserNode bool

	// QueueNodes makes a node of the queue between a producer and a consumer:
	// two edges, producer to queue and queue to consumer, in place of one.
	QueueNodes bool

	// NodeAttrs are keys of resource attributes to note on the nodes, such as
	// service.version: see Node.Attrs.
	NodeAttrs []string

	// Window bounds what a builder holds. The zero value holds everything.
	Window Window
}

// Reads reports whether the graph reads the attribute with this key, of a span or
// of a resource. A source can leave out all others.
func (c Config) Reads(key string) bool {
	return semconv.Reads(key, c.semconv()) || isEnvironment(key) ||
		slices.Contains(c.NodeAttrs, key) || slices.Contains(c.SplitBy, key)
}

// A Builder collects spans in any order and turns them into a [Graph]. It is not
// safe for concurrent use, and made by [NewBuilder].
//
// A span may arrive after its children, and a trace in any number of pieces, so
// the builder holds the spans of a trace until it is forgotten: by default for
// ever, otherwise as the [Window] says. That takes about 70 bytes a span, and less
// than 100 where a trace is a single one; a Window adds 16 bytes a trace, or 32. What it
// has counted of a trace it never forgets. It panics where it would have to hold more
// than 2³² spans.
type Builder struct {
	cfg        Config
	names      symbols
	user       nodeIndex // the caller of requests from outside; 0 unless Config.UserNode is set
	aggregator *aggregator
	linked     map[trace.Link]int // spans that consumers point to, by how many of the held ones do
	report     Report             // what is known when a span arrives
	attrs      map[nodeIndex]attrSet
	cut        map[nodeIndex]bool // nodes with values left out of attrs

	window
}

// NewBuilder returns an empty builder.
func NewBuilder(cfg Config) *Builder {
	b := &Builder{cfg: cfg, linked: make(map[trace.Link]int), attrs: make(map[nodeIndex]attrSet), cut: make(map[nodeIndex]bool)}
	if cfg.UserNode {
		b.user = b.names.node(NodeID{Name: "user", Type: TypeExternal}) // now: pairing, in parallel, must not
	}
	b.aggregator = newAggregator(b)
	b.window.init(&b.names, cfg.Window)
	return b
}

// Config returns the configuration that the builder was made with.
func (b *Builder) Config() Config { return b.cfg }

// Build reads a source to its end. A [*SkipError] is counted in the report and
// reading goes on; any other error ends it, and Build returns the graph of what
// was read before together with that error.
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

// Add takes one span. The order of spans does not matter, and a span delivered
// twice counts once.
func (b *Builder) Add(s Span) {
	if set := b.admit(&s.TraceID, &s.SpanID); set != nil {
		r := b.store.Append(b.last, &set.spans)
		*r = b.compact(&s)
		b.kept(r, s.Links)
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
		if set := b.admit((*TraceID)(&s.TraceID), (*SpanID)(&s.ID)); set != nil {
			r := b.store.Append(b.last, &set.spans)
			b.unpack(r, d, s)
			r.Weight32 = weight
			b.kept(r, links)
		}
	}
	batch.Recycle()
}

// admit returns the set that a span goes to, whose number is b.last; nil for a span that
// is counted and left out: it has no identity, or its trace is forgotten.
func (b *Builder) admit(trace *TraceID, span *SpanID) *heldTrace {
	if trace.IsZero() || span.IsZero() {
		b.report.Spans++
		b.report.Invalid++
		return nil
	}
	set := b.hold(trace)
	if set == nil {
		b.report.Spans++
		b.report.Late++
	}
	return set
}

// kept counts a span that was added to its trace, the last that admit returned.
func (b *Builder) kept(r *trace.Span, links []Link) {
	b.spans++
	if r.Kind == trace.Consumer {
		b.noteLinks(r, links)
	}
	if b.bounds.Spans > 0 || b.bounds.Traces > 0 {
		b.limit()
	}
}

// Graph returns the graph of all spans so far, those of traces that are not
// complete included. It can be called at any time, and adding can go on after it.
// Its cost grows with the spans held and with the edges; where there are many spans,
// several processors share it ([runtime.GOMAXPROCS]).
func (b *Builder) Graph() *Graph {
	sum := newTotals(&b.names)
	sum.merge(b.counted)
	sum.report.merge(b.report)
	b.addHeld(sum)
	sum.report.Open = uint64(b.traces.Len() - b.closed.Len())
	b.describe(sum)
	return sum.graph()
}

// Delta returns the graph of the traces that were forgotten since the last call
// of Delta, all of them the first time: those that will not change any more. All
// deltas merged are the graph of everything forgotten. From the first call on,
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
	b.describe(delta)
	return delta.graph()
}
