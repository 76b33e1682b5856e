package tracefile

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tempograph/tempograph/servicegraph"
)

// A RequestLoader adds OTLP export requests to a builder, one by one as they come over a
// network, with the work of [Load]: protobuf goes from its bytes to the builder. Where
// [Load] makes the best of a damaged file, a loader takes a request whole or not at all,
// because there is a sender to tell, but for single spans that are none.
//
// A loader is made by [NewRequestLoader], and for use by one goroutine at a time, which
// then uses the builder as well.
type RequestLoader struct {
	builder *servicegraph.Builder
	source  *source
	wire    *wireDecoder
	fast    *jsonIntake
	spans   []servicegraph.Span // of the request being read, those that did not go to the intake
}

// Loaded says what became of the spans of a request.
type Loaded struct {
	// Rejected is how many spans were left out because of their ids, which are missing
	// or of another length, or of values of another type than theirs. The graph counts
	// them in its report.
	Rejected int
	Reason   error // of the first of them; nil if there is none
}

// errNoIdentity is what is wrong with a span that the builder counts as invalid.
var errNoIdentity = errors.New("an id of a span is all zero")

// NewRequestLoader returns a loader for a builder.
func NewRequestLoader(b *servicegraph.Builder) *RequestLoader {
	l := &RequestLoader{builder: b}
	l.reset()
	return l
}

// reset starts anew, without what was read of the request at hand.
func (l *RequestLoader) reset() {
	l.source = newSource("request", Config{Keep: l.builder.Config().Reads}, l.yield)
	l.source.intake = servicegraph.NewIntake(l.builder.Config())
	l.wire = newWireDecoder(l.source)
	l.fast = newJSONIntake(l.source)
}

// yield takes what comes of the request at hand beside the spans for the intake.
func (l *RequestLoader) yield(s servicegraph.Span, err error) bool {
	if err == nil { // the source counts what is left out
		l.spans = append(l.spans, s)
	}
	return true
}

// Protobuf adds the spans of an ExportTraceServiceRequest. An empty request is none of
// damage. The error says what is damaged; nothing of the request is in the builder then.
func (l *RequestLoader) Protobuf(request []byte) (Loaded, error) {
	return l.load(func() error {
		l.wire.request(request) // the error is of a consumer that stops
		return l.wire.damaged
	})
}

// JSON adds the spans of the JSON form of an ExportTraceServiceRequest, one object.
func (l *RequestLoader) JSON(request []byte) (Loaded, error) {
	return l.load(func() error {
		if l.fast.takeRequest(request) {
			return nil
		}
		var r jsonRequest
		if err := json.Unmarshal(request, &r); err != nil {
			return jsonError("request", err)
		}
		return jsonDecoder{l.source}.lists(&r)
	})
}

// load adds what decode finds to the builder, unless it returns an error.
func (l *RequestLoader) load(decode func() error) (Loaded, error) {
	s := l.source
	s.rejected, s.rejection, s.unidentified = 0, nil, 0
	l.spans = l.spans[:0]
	defer func() { clear(l.spans) }()
	if err := decode(); err != nil {
		l.reset()
		l.builder.CountSkipped()
		return Loaded{}, fmt.Errorf("not a request of OTLP: %w", err)
	}
	if s.intake.Len() > 0 {
		l.builder.Take(s.intake.Batch())
	}
	for _, span := range l.spans {
		l.builder.Add(span)
	}
	for range s.rejected {
		l.builder.CountSkipped()
	}
	loaded := Loaded{Rejected: s.rejected + s.unidentified, Reason: s.rejection}
	if s.unidentified > 0 && s.rejected == 0 {
		loaded.Reason = errNoIdentity
	}
	return loaded, nil
}
