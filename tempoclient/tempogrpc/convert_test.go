package tempogrpc

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/tempo/pkg/tempopb"
	commonpb "github.com/grafana/tempo/pkg/tempopb/common/v1"
	resourcepb "github.com/grafana/tempo/pkg/tempopb/resource/v1"
	tracepb "github.com/grafana/tempo/pkg/tempopb/trace/v1"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// TestDecodesAsTracefile compares Spans with the reader of trace files, also for data that violates
// OTLP.
func TestDecodesAsTracefile(t *testing.T) {
	str := tempopb.MakeKeyValueStringPtr
	value := func(key string, v *commonpb.AnyValue) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: v}
	}
	trace := id(7)
	span := func(n byte, change func(*tracepb.Span)) *tracepb.Span {
		s := &tracepb.Span{
			TraceId: trace[:], SpanId: []byte{0, 0, 0, 0, 0, 0, 0, n}, Name: "op",
			StartTimeUnixNano: uint64(n), EndTimeUnixNano: uint64(n) + 5,
		}
		change(s)
		return s
	}
	spans := []*tracepb.Span{
		span(1, func(s *tracepb.Span) {
			s.Attributes = []*commonpb.KeyValue{
				str("text", "x"), str("text", "again"), str("", ""), str("bad\xff", "utf\xc3"),
				value("none", nil), value("empty", &commonpb.AnyValue{}),
				value("int", &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: math.MinInt64}}),
				value("bool", &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: false}}),
				value("double", &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 1e21}}),
				value("nan", &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: math.NaN()}}),
				value("bytes", &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte("b")}}),
				value("list", &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{}}}),
				value("map", &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{}}}),
			}
		}),
		span(2, func(s *tracepb.Span) {
			s.Kind, s.Status = 6, &tracepb.Status{Code: 3, Message: "from the future"}
			s.Name = "bad\xff"
		}),
		span(3, func(s *tracepb.Span) {
			s.Kind, s.Status = tracepb.Span_SPAN_KIND_CONSUMER, &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "bad\xff"}
			s.Attributes = []*commonpb.KeyValue{str("otel.scope.name", "own")}
			s.ParentSpanId, s.TraceState = []byte{0, 0, 0, 0, 0, 0, 0, 1}, "ot=th:8"
			s.Links = []*tracepb.Span_Link{{}, {TraceId: trace[:], SpanId: s.SpanId}}
		}),
		span(4, func(s *tracepb.Span) { s.StartTimeUnixNano, s.EndTimeUnixNano = math.MaxUint64, 0 }),
		span(5, func(s *tracepb.Span) { s.ParentSpanId = make([]byte, 8) }),
	}
	answer := &tempopb.Trace{ResourceSpans: []*tracepb.ResourceSpans{
		{
			Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
				str("host.name", "h"), str("service.name", "first"), str("service.name", "second"), str("service.namespace", "ns\xff"),
			}},
			ScopeSpans: []*tracepb.ScopeSpans{
				{Scope: &commonpb.InstrumentationScope{Name: "library"}, Spans: spans[:2]}, {Scope: &commonpb.InstrumentationScope{}, Spans: spans[2:3]}, {},
			},
		},
		{ScopeSpans: []*tracepb.ScopeSpans{{Spans: spans[3:]}}},
		{Resource: &resourcepb.Resource{}},
	}}
	body, err := answer.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, keep := range map[string]func(string) bool{
		"all":  func(string) bool { return true },
		"some": func(key string) bool { return key == "int" || key == "host.name" },
		"none": func(string) bool { return false },
		"nil":  nil,
	} {
		want := collect(t, tracefile.ReadMessage(body, "answer", tracefile.Config{Keep: keep}))
		slices.SortStableFunc(want, func(a, b servicegraph.Span) int { return int(a.Start - b.Start) })
		if diff := cmp.Diff(want, Spans(answer, keep)); diff != "" || len(want) != len(spans) {
			t.Errorf("%s: (-tracefile +tempogrpc):\n%s", name, diff)
		}
	}
}
