package tempogrpc

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/grafana/tempo/pkg/tempopb"
	commonpb "github.com/grafana/tempo/pkg/tempopb/common/v1"
	resourcepb "github.com/grafana/tempo/pkg/tempopb/resource/v1"
	tracepb "github.com/grafana/tempo/pkg/tempopb/trace/v1"

	"github.com/tempograph/tempograph/servicegraph"
)

// Spans returns the spans of a trace, ordered by start, then by id, as
// [tempoclient.Client.Trace] returns them. keep reports whether spans and resources keep
// an attribute; nil keeps all.
func Spans(trace *tempopb.Trace, keep func(key string) bool) []servicegraph.Span {
	messages := keep != nil && keep(messageKey)
	if keep == nil {
		keep = func(string) bool { return true }
	}
	var spans []servicegraph.Span
	for _, rs := range trace.GetResourceSpans() {
		var res resource
		if rs.Resource != nil {
			res = resourceOf(rs.Resource.Attributes, keep)
		}
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				span := spanOf(s, &res, keep)
				if message := s.GetStatus().GetMessage(); message != "" && messages {
					span.Attrs = append(span.Attrs, servicegraph.Attr{Key: messageKey, Value: valid(message)})
				}
				if name := ss.GetScope().GetName(); name != "" && keep(scopeKey) && !hasAttr(&span, scopeKey) {
					span.Attrs = append(span.Attrs, servicegraph.Attr{Key: scopeKey, Value: valid(name)})
				}
				spans = append(spans, span)
			}
		}
	}
	slices.SortStableFunc(spans, func(a, b servicegraph.Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), bytes.Compare(a.SpanID[:], b.SpanID[:]))
	})
	return spans
}

// The attributes with the instrumentation scope and the message of the status, which OTLP has in
// fields.
const (
	scopeKey   = "otel.scope.name"
	messageKey = "otel.status_description"
)

func hasAttr(s *servicegraph.Span, key string) bool {
	return slices.ContainsFunc(s.Attrs, func(a servicegraph.Attr) bool { return a.Key == key })
}

// Trace returns spans as a trace, with a ResourceSpans for each span. All attribute values
// are strings. The weight of a span is lost.
func Trace(spans []servicegraph.Span) *tempopb.Trace {
	t := &tempopb.Trace{}
	for _, s := range spans {
		span := &tracepb.Span{
			TraceId: slices.Clone(s.TraceID[:]), SpanId: slices.Clone(s.SpanID[:]),
			Name: s.Name, Kind: tracepb.Span_SpanKind(s.Kind),
			StartTimeUnixNano: uint64(max(s.Start, 0)), EndTimeUnixNano: uint64(max(s.End, 0)),
			Attributes: keyValues(s.Attrs),
			Status:     &tracepb.Status{Code: tracepb.Status_StatusCode(s.Status)},
		}
		if !s.ParentID.IsZero() {
			span.ParentSpanId = slices.Clone(s.ParentID[:])
		}
		for _, l := range s.Links {
			span.Links = append(span.Links, &tracepb.Span_Link{TraceId: slices.Clone(l.TraceID[:]), SpanId: slices.Clone(l.SpanID[:])})
		}
		var attrs []servicegraph.Attr
		if s.Service != "" {
			attrs = append(attrs, servicegraph.Attr{Key: "service.name", Value: s.Service})
		}
		if s.Namespace != "" {
			attrs = append(attrs, servicegraph.Attr{Key: "service.namespace", Value: s.Namespace})
		}
		t.ResourceSpans = append(t.ResourceSpans, &tracepb.ResourceSpans{
			Resource:   &resourcepb.Resource{Attributes: keyValues(append(attrs, s.Resource...))},
			ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{span}}},
		})
	}
	return t
}

func keyValues(attrs []servicegraph.Attr) []*commonpb.KeyValue {
	var kvs []*commonpb.KeyValue
	for _, a := range attrs {
		kvs = append(kvs, tempopb.MakeKeyValueStringPtr(a.Key, a.Value))
	}
	return kvs
}

// A resource holds what the spans of one ResourceSpans share.
type resource struct {
	service, namespace string
	attrs              []servicegraph.Attr
}

func resourceOf(attrs []*commonpb.KeyValue, keep func(key string) bool) resource {
	var r resource
	var named, spaced bool // the first of several attributes with the same key counts
	for _, kv := range attrs {
		value, ok := text(kv.Value)
		switch {
		case !ok:
		case kv.Key == "service.name":
			if !named {
				r.service, named = value, true
			}
		case kv.Key == "service.namespace":
			if !spaced {
				r.namespace, spaced = value, true
			}
		case keep(kv.Key):
			r.attrs = append(r.attrs, servicegraph.Attr{Key: valid(kv.Key), Value: value})
		}
	}
	return r
}

func spanOf(s *tracepb.Span, res *resource, keep func(key string) bool) servicegraph.Span {
	span := servicegraph.Span{
		TraceID:   traceID(s.TraceId),
		SpanID:    spanID(s.SpanId),
		ParentID:  spanID(s.ParentSpanId),
		Service:   res.service,
		Namespace: res.namespace,
		Resource:  res.attrs,
		Name:      valid(s.Name),
		Start:     unixNano(s.StartTimeUnixNano),
		End:       unixNano(s.EndTimeUnixNano),
		Weight:    servicegraph.TraceStateWeight(s.TraceState),
		Kind:      servicegraph.KindOf(int64(s.Kind)),
		Status:    servicegraph.StatusOf(int64(s.GetStatus().GetCode())),
	}
	for _, l := range s.Links {
		link := servicegraph.Link{TraceID: traceID(l.TraceId), SpanID: spanID(l.SpanId)}
		if !link.TraceID.IsZero() && !link.SpanID.IsZero() {
			span.Links = append(span.Links, link)
		}
	}
	for _, kv := range s.Attributes {
		if !keep(kv.Key) {
			continue
		}
		if value, ok := text(kv.Value); ok {
			span.Attrs = append(span.Attrs, servicegraph.Attr{Key: valid(kv.Key), Value: value})
		}
	}
	return span
}

// text returns the text of a value, and false for a list, a map or bytes.
func text(v *commonpb.AnyValue) (string, bool) {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return servicegraph.AttrText(v.StringValue)
	case *commonpb.AnyValue_BoolValue:
		return servicegraph.AttrText(v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return servicegraph.AttrText(v.IntValue)
	case *commonpb.AnyValue_DoubleValue:
		return servicegraph.AttrText(v.DoubleValue)
	}
	return "", false
}

// valid makes a string valid UTF-8, as AttrText does: Tempo cuts long strings at any byte.
func valid(s string) string {
	s, _ = servicegraph.AttrText(s)
	return s
}

// unixNano returns a time of OTLP, or 0 for a time after the year 2262.
func unixNano(t uint64) int64 {
	if t > math.MaxInt64 {
		return 0
	}
	return int64(t)
}

// traceID returns an id, padded with zeros on the left if it is short, and the zero id
// if it is too long.
func traceID(b []byte) (id servicegraph.TraceID) {
	if len(b) <= len(id) {
		copy(id[len(id)-len(b):], b)
	}
	return id
}

func spanID(b []byte) (id servicegraph.SpanID) {
	if len(b) <= len(id) {
		copy(id[len(id)-len(b):], b)
	}
	return id
}
