package tracefile

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tempograph/tempograph/servicegraph"
)

// A RequestLoader adds OTLP export requests to a builder, one by one as they arrive over a
// network. It decodes them as [Load] does, and as fast. Where Load reads on after damage, a
// loader takes a request as a whole or not at all, because the sender can be told; it leaves
// out only single spans that are invalid.
//
// [NewRequestLoader] makes a loader. One goroutine at a time may use a loader and its
// builder.
type RequestLoader struct {
	builder *servicegraph.Builder
	sink    *sink
	proto   *wireDecoder
	fast    *fastDecoder
	spans   []servicegraph.Span // of the current request, if they are not packed
}

// RequestResult is the outcome of a request.
type RequestResult struct {
	// Rejected is how many spans were left out because an id is missing or has the wrong
	// length, or a value has the wrong type. The graph's report counts them.
	Rejected int
	Reason   error // why the first of them was left out; nil if there is none
}

// errZeroID is the reason for a span that the builder counts as invalid.
var errZeroID = errors.New("an id of a span is all zero")

// NewRequestLoader returns a loader for a builder.
func NewRequestLoader(b *servicegraph.Builder) *RequestLoader {
	l := &RequestLoader{builder: b}
	l.reset()
	return l
}

// reset drops the spans that were read of the current request.
func (l *RequestLoader) reset() {
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

// flush leaves the spans in the packer.
func (o requestOutput) flush() bool { return true }

// Protobuf adds the spans of an ExportTraceServiceRequest. An empty request is valid. The
// error says what is damaged; the builder then has no span of the request.
func (l *RequestLoader) Protobuf(request []byte) (RequestResult, error) {
	return l.load(func() error {
		l.proto.request(request) // returns an error only for an output that stops
		return l.proto.damaged
	})
}

// JSON adds the spans of an ExportTraceServiceRequest in JSON, which is one object.
func (l *RequestLoader) JSON(request []byte) (RequestResult, error) {
	return l.load(func() error {
		if l.fast.decodeRequest(request) {
			return nil
		}
		var r jsonRequest
		if err := json.Unmarshal(request, &r); err != nil {
			return jsonError("request", err)
		}
		return jsonDecoder{l.sink}.lists(&r)
	})
}

// load adds the spans that decode finds to the builder, unless decode returns an error.
func (l *RequestLoader) load(decode func() error) (RequestResult, error) {
	s := l.sink
	s.rejected, s.rejection, s.unidentified = 0, nil, 0
	l.spans = l.spans[:0]
	defer func() { clear(l.spans) }()
	if err := decode(); err != nil {
		l.reset()
		l.builder.CountSkipped()
		return RequestResult{}, fmt.Errorf("not a request of OTLP: %w", err)
	}
	if s.packer.Len() > 0 {
		l.builder.AddBatch(s.packer.Batch())
	}
	for _, span := range l.spans {
		l.builder.Add(span)
	}
	for range s.rejected {
		l.builder.CountSkipped()
	}
	result := RequestResult{Rejected: s.rejected + s.unidentified, Reason: s.rejection}
	if s.unidentified > 0 && s.rejected == 0 {
		result.Reason = errZeroID
	}
	return result, nil
}
