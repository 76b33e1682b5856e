package pack

import "github.com/tempograph/tempograph/servicegraph/internal/semconv"

// A Batch has spans that a [Packer] passes to a builder. It also has the dictionary entries
// that these spans refer to and that were in no earlier batch.
type Batch struct {
	// Reset means that the dictionary starts anew: the entries of earlier batches are no longer
	// used, and the first entry of this batch has number 0.
	Reset           bool
	Resources       []Resource
	Interpretations []semconv.Interpretation

	// Scopes are the names of the scopes that were in no earlier batch: the first scope of all has
	// number 1. A reset keeps them.
	Scopes []string

	Spans   []PackedSpan
	Links   []Link    // links of all spans, in the order of the spans
	Weights []float64 // weights of the weighted spans, in the order of the spans

	shared *shared
}

// A Resource is a dictionary entry for what the spans of one process have in common.
type Resource struct {
	Service, Namespace string
	Attrs              []Attr
}

// A PackedSpan is a span with numbers in place of names. It takes 64 bytes, a line of the
// processor's caches.
type PackedSpan struct {
	TraceID        [16]byte
	ID, Parent     [8]byte
	Start, End     int64
	Resource       ResourceNumber
	Interpretation uint32
	Links          uint32 // how many of the batch's links belong to the span
	Scope          Scope
	Status         uint8
	Weighted       bool // one of the batch's weights belongs to the span; otherwise the weight is 1
}

// shared is what all batches of one packer share.
type shared struct {
	dictionary any
	used       chan *Batch // empty batches to fill again
}

func (s *shared) newBatch() *Batch {
	select {
	case b := <-s.used:
		return b
	default:
		return &Batch{shared: s}
	}
}

// Len returns the number of spans.
func (b *Batch) Len() int { return len(b.Spans) }

// Dictionary returns the value that the consumer of the packer's batches set with
// SetDictionary, or nil before that. The consumer stores its dictionary there, so that the
// dictionary lives as long as the packer and its batches.
func (b *Batch) Dictionary() any { return b.shared.dictionary }

// SetDictionary sets the value that Dictionary returns for all batches of the same packer.
func (b *Batch) SetDictionary(d any) { b.shared.dictionary = d }

// Recycle empties the batch and returns it to its packer. The caller must not use the batch
// afterwards.
func (b *Batch) Recycle() {
	b.Reset = false
	clear(b.Resources)
	clear(b.Interpretations)
	clear(b.Scopes)
	b.Resources, b.Interpretations, b.Scopes = b.Resources[:0], b.Interpretations[:0], b.Scopes[:0]
	b.Spans, b.Links, b.Weights = b.Spans[:0], b.Links[:0], b.Weights[:0]
	select {
	case b.shared.used <- b:
	default:
	}
}

// clearAhead is how many slots for spans a batch clears at a time. They take 16 KiB.
const clearAhead = 256

// next returns the next slot of the batch. The slot can have old contents: the caller must set
// every field.
//
// Slots are cleared in advance only because of the processor's caches. The builder has read the old
// contents, perhaps on another core. A store to memory that is in the cache of another core waits,
// and all later stores wait for it. Adjacent stores wait together. When the decoder made these
// stores one by one instead, reading took half as long again on two cores.
func (b *Batch) next() *PackedSpan {
	n := len(b.Spans)
	if n == cap(b.Spans) {
		b.Spans = append(b.Spans, PackedSpan{})
		return &b.Spans[n]
	}
	if n%clearAhead == 0 {
		clear(b.Spans[n:min(n+clearAhead, cap(b.Spans))])
	}
	b.Spans = b.Spans[:n+1]
	return &b.Spans[n]
}
