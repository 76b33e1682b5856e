package tempoclient

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/grafana/tempo/pkg/tempopb"
	commonpb "github.com/grafana/tempo/pkg/tempopb/common/v1"
	tracepb "github.com/grafana/tempo/pkg/tempopb/trace/v1"

	"github.com/tempograph/tempograph/servicegraph"
)

// spansOf returns the spans of a trace, ordered by start, then by id. What it
// keeps of each is what package tracefile keeps of the same span in a file.
func spansOf(trace *tempopb.Trace, keep func(key string) bool) []servicegraph.Span {
	if trace == nil {
		return nil
	}
	n := 0
	for _, rs := range trace.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			n += len(ss.Spans)
		}
	}
	spans := make([]servicegraph.Span, 0, n)
	for _, rs := range trace.ResourceSpans {
		var res resource
		if rs.Resource != nil {
			res = resourceOf(rs.Resource.Attributes, keep)
		}
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				spans = append(spans, spanOf(s, &res, keep))
			}
		}
	}
	slices.SortStableFunc(spans, byStart)
	return spans
}

// byStart is the order of the spans of a trace.
func byStart(a, b servicegraph.Span) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), bytes.Compare(a.SpanID[:], b.SpanID[:]))
}

// A resource is what the spans of one ResourceSpans have in common.
type resource struct {
	service, namespace string
	attrs              []servicegraph.Attr
}

func resourceOf(attrs []*commonpb.KeyValue, keep func(key string) bool) resource {
	var r resource
	var named, spaced bool // the first of repeated keys counts
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

// valid makes a string valid UTF-8: Tempo cuts long ones at any byte.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// unixNano returns a time of OTLP, or 0, unknown, for one beyond the year 2262.
func unixNano(t uint64) int64 {
	if t > math.MaxInt64 {
		return 0
	}
	return int64(t)
}

// traceID reads an id on the wire. One shorter than 16 bytes is the low end of
// it; one that is longer is none.
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
