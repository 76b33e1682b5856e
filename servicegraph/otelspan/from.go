package otelspan

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
)

// From converts a span of the SDK. The result has all attributes whose values are strings, numbers
// or booleans; lists, maps and bytes are left out, because a graph never depends on them. The name
// of the tracer is the attribute otel.scope.name. End is zero if the span has not ended.
func From(s sdktrace.ReadOnlySpan) servicegraph.Span {
	return from(s, func(key string) bool { return key != statusMessage }, scopeAttrs)
}

// from converts a span like [From], with only those attributes whose keys keep accepts, and with the
// attributes for the name of its scope.
func from(s sdktrace.ReadOnlySpan, keep func(key string) bool, scope func(name string) []servicegraph.Attr) servicegraph.Span {
	context := s.SpanContext()
	span := servicegraph.Span{
		TraceID:  servicegraph.TraceID(context.TraceID()),
		SpanID:   servicegraph.SpanID(context.SpanID()),
		ParentID: servicegraph.SpanID(s.Parent().SpanID()),
		Name:     s.Name(),
		Kind:     kindOf(s.SpanKind()),
		Status:   statusOf(s.Status().Code),
		Start:    unixNano(s.StartTime()),
		End:      unixNano(s.EndTime()),
		Weight:   servicegraph.TraceStateWeight(context.TraceState().String()),
	}
	for _, l := range s.Links() {
		span.Links = append(span.Links, servicegraph.Link{
			TraceID: servicegraph.TraceID(l.SpanContext.TraceID()),
			SpanID:  servicegraph.SpanID(l.SpanContext.SpanID()),
		})
	}
	for attrs := s.Resource().Iter(); attrs.Next(); { // Attributes would copy them
		kv := attrs.Attribute()
		value, ok := text(kv.Value)
		switch key := string(kv.Key); {
		case !ok:
		case key == "service.name":
			span.Service = value
		case key == "service.namespace":
			span.Namespace = value
		case keep(key):
			span.Resource = append(span.Resource, servicegraph.Attr{Key: key, Value: value})
		}
	}
	for _, kv := range s.Attributes() {
		if key := string(kv.Key); keep(key) {
			if value, ok := text(kv.Value); ok {
				span.Attrs = append(span.Attrs, servicegraph.Attr{Key: key, Value: value})
			}
		}
	}
	if name := s.InstrumentationScope().Name; name != "" {
		if attrs := scope(name); span.Attrs == nil {
			span.Attrs = attrs
		} else {
			span.Attrs = append(span.Attrs, attrs...)
		}
	}
	if message := s.Status().Description; message != "" && keep(statusMessage) {
		span.Attrs = append(span.Attrs, servicegraph.Attr{Key: statusMessage, Value: message})
	}
	return span
}

// text returns the text of a value, and false if the value is not a scalar.
func text(v attribute.Value) (string, bool) {
	if v.Type() == attribute.STRING { // most values are strings, and AsInterface would allocate
		return servicegraph.AttrText(v.AsString())
	}
	return servicegraph.AttrText(v.AsInterface())
}

// statusMessage is the attribute for the message of the status, in formats without messages.
const statusMessage = "otel.status_description"

// scopeName is the attribute for the instrumentation scope, in formats without scopes.
const scopeName = "otel.scope.name"

// kindOf translates a span kind. It cannot be converted as a number: the numbers of the
// API differ from those of OTLP, which package servicegraph uses.
func kindOf(k trace.SpanKind) servicegraph.Kind {
	switch k {
	case trace.SpanKindInternal:
		return servicegraph.KindInternal
	case trace.SpanKindServer:
		return servicegraph.KindServer
	case trace.SpanKindClient:
		return servicegraph.KindClient
	case trace.SpanKindProducer:
		return servicegraph.KindProducer
	case trace.SpanKindConsumer:
		return servicegraph.KindConsumer
	}
	return servicegraph.KindUnset
}

// statusOf translates a status code. The numbers of the API and of OTLP differ.
func statusOf(c codes.Code) servicegraph.Status {
	switch c {
	case codes.Ok:
		return servicegraph.StatusOK
	case codes.Error:
		return servicegraph.StatusError
	}
	return servicegraph.StatusUnset
}

// unixNano returns a time in nanoseconds, 0 for the zero time.
func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
