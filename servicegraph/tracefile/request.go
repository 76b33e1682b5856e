package tracefile

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/pack"
)

// A RequestLoader adds OTLP export requests to a builder, one by one as they arrive over a network.
// It decodes them as [Load] does, and as fast. After damage, Load reads on. A loader instead takes
// a request as a whole or not at all, because the sender can be told about the damage. It leaves
// out only single spans that are invalid.
//
// A request may have up to 262,144 resources, scopes and spans together. Without a limit a small
// request could keep a processor busy for minutes: an empty span takes two bytes before
// compression.
//
// [NewRequestLoader] makes a loader. One goroutine at a time may use a loader. Several loaders
// can fill one builder: see NewRequestLoader.
type RequestLoader struct {
	builder *servicegraph.Builder
	lock    sync.Locker // of the builder
	sink    *sink
	proto   *wireDecoder
	fast    *fastDecoder

	// The current request:
	batches []*pack.Batch
	spans   []servicegraph.Span // which are not packed
}

// ErrRequestTooLarge is the error about a request with more resources, scopes and spans than
// a [RequestLoader] accepts. Errors wrap it.
var ErrRequestTooLarge = errors.New("too many spans in a request")

// RequestResult is the outcome of a request.
type RequestResult struct {
	// Rejected is how many spans were left out because an id is missing or has the wrong
	// length, or a value has the wrong type. The graph's report counts them.
	Rejected int
	Reason   error // why the first of them was left out; nil if there is none
}

// errZeroID is the reason for a span that the builder counts as invalid.
var errZeroID = errors.New("an id of a span is all zero")

// NewRequestLoader returns a loader for a builder. The loader locks the lock while it uses the
// builder: after a request is decoded, and never for more than some thousand spans at a time. So
// several loaders can decode requests at the same time, while other goroutines use the builder
// under the same lock. The lock may be nil if only one goroutine uses the loader and the builder.
func NewRequestLoader(b *servicegraph.Builder, lock sync.Locker) *RequestLoader {
	if lock == nil {
		lock = new(sync.Mutex)
	}
	l := &RequestLoader{builder: b, lock: lock}
	l.reset()
	return l
}

// reset drops what was read of the current request.
func (l *RequestLoader) reset() {
	l.batches, l.spans = nil, nil
	l.sink = newSink("request", Config{Keep: l.builder.Config().Reads}, requestOutput{l})
	l.sink.packer = l.builder.NewPacker()
	l.proto = newWireDecoder(l.sink)
	l.fast = newFastDecoder(l.sink)
}

// requestOutput keeps the spans of a request until all of the request is read.
type requestOutput struct{ loader *RequestLoader }

func (o requestOutput) add(span servicegraph.Span) bool {
	o.loader.spans = append(o.loader.spans, span)
	return true
}

// skip does nothing: the sink counts the records that are left out.
func (o requestOutput) skip(*servicegraph.SkipError) bool { return true }

// flush keeps the packed spans.
func (o requestOutput) flush() bool {
	o.loader.batches = append(o.loader.batches, o.loader.sink.packer.Batch())
	return true
}

// Protobuf adds the spans of an ExportTraceServiceRequest. An empty request is valid. The
// error says what is damaged, or wraps [ErrRequestTooLarge]; the builder then has no span of
// the request.
func (l *RequestLoader) Protobuf(request []byte) (RequestResult, error) {
	return l.load(func() error {
		if err := l.proto.request(request); err != nil {
			return err
		}
		return l.proto.damaged
	})
}

// JSON is [RequestLoader.Protobuf] for an ExportTraceServiceRequest in JSON, which is one
// object.
func (l *RequestLoader) JSON(request []byte) (RequestResult, error) {
	return l.load(func() error {
		if l.fast.decodeRequest(request) {
			return nil
		}
		var r jsonRequest
		if err := r.read(request); err != nil {
			return err
		}
		slow := jsonDecoder{sink: l.sink}
		if err := slow.lists(&r); err != nil {
			return err
		}
		return slow.damaged
	})
}

// load adds the spans that decode finds to the builder, unless decode returns an error.
func (l *RequestLoader) load(decode func() error) (RequestResult, error) {
	s := l.sink
	s.rejected, s.rejection, s.unidentified = 0, nil, 0
	s.described, s.more, s.budget = 0, 0, maxObjects
	if err := decode(); err != nil {
		l.reset()
		l.lock.Lock()
		defer l.lock.Unlock()
		l.builder.CountSkipped(1)
		if err == errTooManyObjects {
			return RequestResult{}, fmt.Errorf("%w: more than %s resources, scopes and spans: send fewer at a time", ErrRequestTooLarge, quantity.Number(maxObjects))
		}
		return RequestResult{}, fmt.Errorf("not a request of OTLP: %w", err)
	}
	s.flush(1)
	l.addSpans()
	result := RequestResult{Rejected: s.rejected + s.unidentified, Reason: s.rejection}
	if s.unidentified > 0 && s.rejected == 0 {
		result.Reason = errZeroID
	}
	return result, nil
}

// addSpans adds the spans of a request to the builder, and counts those that were rejected.
func (l *RequestLoader) addSpans() {
	locked := func(use func()) {
		l.lock.Lock()
		defer l.lock.Unlock()
		use()
	}
	for _, batch := range l.batches {
		locked(func() { l.builder.AddBatch(batch) })
	}
	for spans := range slices.Chunk(l.spans, requestBatch) {
		locked(func() {
			for _, span := range spans {
				l.builder.Add(span)
			}
		})
	}
	if l.sink.rejected > 0 {
		locked(func() { l.builder.CountSkipped(l.sink.rejected) })
	}
	clear(l.batches)
	clear(l.spans)
	l.batches, l.spans = l.batches[:0], l.spans[:0]
	if cap(l.spans) > requestBatch { // one unusual request
		l.spans = nil
	}
}
