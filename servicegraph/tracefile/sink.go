package tracefile

import (
	"errors"
	"fmt"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A sink takes what the decoders find in one input: spans, and records that are left out.
// It counts them and hands them to an output.
//
// A span reaches the output in one of two ways. It is passed on as a value, or, if it comes from
// OTLP and there is a packer, it is packed into the packer's batch, which the output takes when it
// is flushed.
type sink struct {
	name   string                // of the input, for errors
	keep   func(key string) bool // reports whether spans keep an attribute
	output output
	packer *pack.Packer // nil if all spans go out as values

	stopped bool // the output wants no more; readers look between records

	record int   // number of the record being read, from 1
	offset int64 // where the record begins in the decompressed input

	spans   int
	skipped int
	first   *servicegraph.SkipError // the first record that was skipped

	messages bool // spans have the messages of their statuses, as attributes

	budget int // how many objects of a request are still accepted; 0 if their number is not limited

	described int // parts of the current record that were left out and reported one by one
	more      int // parts of the current record that were left out after those

	rejected     int   // spans left out for their content, although their encoding is valid
	rejection    error // why the first of these was left out
	unidentified int   // spans with an id that is zero: passed on, and left out by the builder
}

// An output takes what a sink passes on, in the order of the input. Its methods are not called for
// packed spans one by one. They report whether to go on reading.
type output interface {
	// add takes a span that is a value.
	add(servicegraph.Span) bool

	// skip takes the reason why a record, or a part of one, is left out.
	skip(*servicegraph.SkipError) bool

	// flush may take the batch of the sink's packer. The spans of the batch precede everything
	// that is passed on later.
	flush() bool
}

// errStopped says that the output wants no more. It never reaches a caller.
var errStopped = errors.New("tracefile: the consumer stopped")

func newSink(name string, cfg Config, out output) *sink {
	keep := cfg.Keep
	if keep == nil {
		keep = func(string) bool { return true }
	}
	return &sink{name: name, keep: keep, output: out, messages: cfg.Keep != nil && cfg.Keep(messageKey)}
}

// addSpan passes a span on as a value.
func (s *sink) addSpan(span servicegraph.Span) error {
	s.countSpan(span.TraceID, span.SpanID)
	if !s.output.add(span) {
		return errStopped
	}
	return nil
}

// addScope gives a span the name of the instrumentation scope that recorded it, as the attribute
// that formats without scopes have for it.
func (s *sink) addScope(span *servicegraph.Span, name string) {
	if name != "" && !hasAttr(span, scopeKey) {
		s.addAttr(span, scopeKey, name)
	}
}

// messageKey is the attribute with the message of the status of a span.
const messageKey = "otel.status_description"

// addMessage gives a span the message of its status, if messages are kept, as the attribute that formats
// without a field for the message have for it.
func (s *sink) addMessage(span *servicegraph.Span, message string) {
	if message != "" && s.messages {
		span.Attrs = append(span.Attrs, servicegraph.Attr{Key: messageKey, Value: semconv.ValidText(message)})
	}
}

// countSpan counts a span that is passed on.
func (s *sink) countSpan(trace servicegraph.TraceID, span servicegraph.SpanID) {
	s.spans++
	if trace.IsZero() || span.IsZero() {
		s.unidentified++
	}
}

// batchSize is the least number of packed spans to flush between records. It is so large that the
// builder finds the data that the spans share in the processor's caches, and so small that the
// spans fit into the caches.
const batchSize = 512

// flush flushes the output if the packer holds at least that many spans.
func (s *sink) flush(atLeast int) {
	if s.packer != nil && s.packer.Len() >= atLeast && !s.output.flush() {
		s.stopped = true
	}
}

// maxObjects is how many resources, scopes and spans a request over a network may have
// together. A request of 16 MiB with spans of 64 bytes has no more, and an empty object takes
// two or three bytes.
const maxObjects = 1 << 18

// errTooManyObjects refuses a request. It never reaches a caller.
var errTooManyObjects = errors.New("tracefile: too many objects in a request")

// requestBatch is about how many spans of a request are added to the builder at a time.
const requestBatch = 4096

// spend counts a resource, scope or span against the budget of a request.
func (s *sink) spend() error {
	if s.budget == 0 {
		return nil
	}
	if s.budget--; s.budget == 0 {
		return errTooManyObjects
	}
	return nil
}

// maxDescribed is how many parts of one record are reported one by one when they are left
// out. The rest is counted, because a record of some megabytes can have millions of invalid
// spans.
const maxDescribed = 10

// skip reports that the current record, or a part of it, is left out.
func (s *sink) skip(reason error) error {
	return s.skipFor(func() error { return reason })
}

// skipFor is skip with a function for the reason, which it calls only if the reason is reported.
func (s *sink) skipFor(reason func() error) error {
	s.skipped++
	if s.described == maxDescribed {
		s.more++
		return nil
	}
	s.described++
	return s.report(&servicegraph.SkipError{Source: s.name, Record: s.record, Offset: s.offset, Err: reason()})
}

// endRecord reports how many parts of the current record were left out without being
// reported. It is called after each record in which something may be invalid.
func (s *sink) endRecord() error {
	more := s.more
	s.described, s.more = 0, 0
	if more == 0 {
		return nil
	}
	return s.report(&servicegraph.SkipError{
		Source: s.name, Record: s.record, Offset: s.offset, More: more - 1,
		Err: fmt.Errorf("%s left out besides those reported", quantity.Of(more, "more part")),
	})
}

// report passes on that something is left out.
func (s *sink) report(e *servicegraph.SkipError) error {
	if s.first == nil {
		s.first = e
	}
	if !s.output.skip(e) {
		return errStopped
	}
	return nil
}

// reject is skipFor for n spans that are left out because of their content, or because of the
// content of their resource.
func (s *sink) reject(n int, reason func() error) error {
	if s.rejected == 0 {
		s.rejection = reason()
	}
	s.rejected += n
	return s.skipFor(reason)
}
