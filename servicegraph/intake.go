package servicegraph

import "github.com/tempograph/tempograph/servicegraph/internal/semconv"

// An AttrKey is the number of an attribute that the graph reads of spans; 0 means none.
type AttrKey = semconv.Key

// An AttrFilter selects the attributes that the graph reads of some spans.
type AttrFilter = semconv.Filter

// An Intake prepares the spans of one reader for a [Builder], in batches. It takes the
// part of the work that needs nothing of the builder: it finds out what the attributes
// of a span mean, once for all spans with the same, and packs spans into what the
// graph needs of them. [Builder.Add] is the simple way, for spans that are values of
// type [Span]; a reader of encoded traces saves most of the work by this one:
//
//	in := servicegraph.NewIntake(cfg)
//	for each resource {
//		res, known := in.KnownResource(encoded)
//		if !known {
//			res = in.Resource(encoded, service, namespace, attrs)
//		}
//		for each span of it {
//			raw.ClearAttrs()
//			… in.Filter(kind).Key(key), raw.AddAttr(…) …
//			in.Add(res, &raw)
//		}
//	}
//	builder.Take(in.Batch())
//
// An intake is not safe for concurrent use, but several of them can prepare batches for
// one builder at the same time: a builder and its intakes share nothing but batches.
// Those of one intake go to one builder, in their order.
type Intake struct {
	cfg        Config
	filters    [KindConsumer + 1]*AttrFilter
	dictionary *dictionary
	batch      *Batch
	used       chan *Batch // to be filled again

	resources map[string]Resource // by their encoding
	nresource int
	sayings   sayingIndex
	nsaying   int
	plain     [256]uint32 // numbers of what spans of a kind say without attributes, plus one
}

// A Resource is what the spans of one process have in common, as an [Intake] knows
// it. It means nothing to another intake, and is valid until the intake is next
// asked for one while it holds no spans.
type Resource uint32

// A Batch is a number of spans on their way from an [Intake] to a [Builder].
type Batch struct {
	dictionary *dictionary
	used       chan *Batch

	// What spans refer to by number, as far as batches before this did not bring it;
	// if reset is set, those do not count any more.
	reset           bool
	resources       []rawResource
	interpretations []semconv.Interpretation

	spans   []packedSpan
	links   []Link    // of the spans that have any, one after the other
	weights []float32 // likewise
}

// Len returns the number of spans.
func (b *Batch) Len() int { return len(b.spans) }

// A rawResource is what the graph needs of a resource.
type rawResource struct {
	id    NodeID
	attrs []Attr
}

// A packedSpan is a span with numbers in place of what names somebody: 64 bytes, a line
// of the processor's caches.
type packedSpan struct {
	trace          TraceID
	id, parent     SpanID
	start, end     int64
	resource       Resource
	interpretation uint32
	links          uint32 // how many of the batch's links are its
	status         Status
	weighted       bool // one of the batch's weights is its, which is 1 otherwise
}

// How many resources, and attributes of spans, an intake recognizes, and of how many
// bytes at most: values that are others in each span would fill any memory.
const (
	maxKnown         = 1 << 13
	maxKnownResource = 8 << 10 // bytes
	maxKnownSaying   = 512
)

// NewIntake returns an intake for builders with this configuration.
func NewIntake(cfg Config) *Intake {
	in := &Intake{cfg: cfg, dictionary: new(dictionary), used: make(chan *Batch, 8)}
	in.batch = in.newBatch()
	for kind := range in.filters {
		in.filters[kind] = semconv.FilterFor(semconv.Kind(kind), cfg.semconv())
	}
	in.forget()
	return in
}

// forget starts anew with what the intake recognizes. What spans of the present batch
// refer to must be nothing.
func (in *Intake) forget() {
	in.resources = make(map[string]Resource)
	in.sayings.forget()
	in.nresource, in.nsaying, in.plain = 0, 0, [256]uint32{}
	in.batch.reset = true
	in.batch.resources, in.batch.interpretations = nil, nil
}

func (in *Intake) newBatch() *Batch {
	select {
	case b := <-in.used:
		return b
	default:
		return &Batch{dictionary: in.dictionary, used: in.used}
	}
}

// Filter returns what to keep of the attributes of spans of a kind.
func (in *Intake) Filter(kind Kind) *AttrFilter {
	if int(kind) < len(in.filters) {
		return in.filters[kind]
	}
	return in.filters[KindUnset]
}

// FilterAny returns a filter for spans whose kind is not known yet. It lets everything
// through that the filter of some kind does.
func (in *Intake) FilterAny() *AttrFilter { return semconv.FilterForAny(in.cfg.semconv()) }

// Len returns the number of spans added since the last call of Batch.
func (in *Intake) Len() int { return in.batch.Len() }

// KnownResource returns the resource that was entered with the same encoding, and
// false if it has to be read and entered.
func (in *Intake) KnownResource(encoded []byte) (Resource, bool) {
	if in.isFull() {
		in.forget()
	}
	r, ok := in.resources[string(encoded)]
	return r, ok
}

// isFull reports whether it is time to forget, and safe.
func (in *Intake) isFull() bool {
	return (in.nresource > maxKnown || in.nsaying > maxKnown) && len(in.batch.spans) == 0
}

// Resource enters a resource: its service and namespace, empty if missing, and those
// other attributes for which [Config.Reads] is true. It is found again by its
// encoding, whatever that is.
func (in *Intake) Resource(encoded []byte, service, namespace string, attrs []Attr) Resource {
	r := Resource(in.nresource)
	in.nresource++
	in.batch.resources = append(in.batch.resources, rawResource{
		NodeID{Namespace: namespace, Name: in.cfg.serviceName(service, attrs), Type: TypeService}, attrs,
	})
	if len(encoded) <= maxKnownResource && len(in.resources) < maxKnown {
		in.resources[string(encoded)] = r
	}
	return r
}

// Add takes one span of a resource.
func (in *Intake) Add(of Resource, s *RawSpan) {
	var number uint32
	if s.meansNothing() {
		number = in.plainSaying(s.Kind)
	} else {
		number = in.saying(s)
	}
	p := in.next()
	p.trace, p.id, p.parent = s.TraceID, s.SpanID, s.ParentID
	p.start, p.end = s.Start, s.End
	p.resource, p.interpretation, p.status = of, number, s.Status
	p.links = uint32(len(s.Links))
	if len(s.Links) > 0 {
		in.batch.links = append(in.batch.links, s.Links...)
	}
	if p.weighted = s.Weight != 0; p.weighted {
		in.batch.weights = append(in.batch.weights, roundWeight(s.Weight))
	}
}

// claimed is how many places for spans a batch clears at a time: 16 KiB.
const claimed = 256

// next returns the place of the next span in the batch. What is there is of another.
//
// Places are cleared before they are filled, which nothing needs but the processor. The
// builder has read them last, perhaps on another core, and each store to what that has in
// its cache waits, and all stores behind it: in the middle of decoding, that made
// reading half as slow again on two cores. Stores side by side wait together.
func (in *Intake) next() *packedSpan {
	b := in.batch
	n := len(b.spans)
	if n == cap(b.spans) {
		b.spans = append(b.spans, packedSpan{})
		return &b.spans[n]
	}
	if n%claimed == 0 {
		clear(b.spans[n:min(n+claimed, cap(b.spans))])
	}
	b.spans = b.spans[:n+1]
	return &b.spans[n]
}

// plainSaying returns the number of what a span without attributes says.
func (in *Intake) plainSaying(kind Kind) uint32 {
	if n := in.plain[kind]; n != 0 {
		return n - 1
	}
	number := in.enter(&Span{Kind: kind})
	in.plain[kind] = number + 1
	return number
}

// saying returns the number of what a span says.
func (in *Intake) saying(s *RawSpan) uint32 {
	words := s.words()
	if number, ok := in.sayings.find(words); ok {
		return number
	}
	number := in.enter(&Span{Kind: s.Kind, Links: s.Links, Attrs: s.decodeAttrs()})
	if len(words) <= maxKnownSaying && len(in.sayings.all) < maxKnown {
		in.sayings.add(words, number)
	}
	return number
}

// enter gives what a span says a number.
func (in *Intake) enter(s *Span) uint32 {
	in.batch.interpretations = append(in.batch.interpretations, in.cfg.interpret(s))
	in.nsaying++
	return uint32(in.nsaying - 1)
}

// Batch returns the spans added since the last call.
func (in *Intake) Batch() *Batch {
	full := in.batch
	in.batch = in.newBatch()
	return full
}
