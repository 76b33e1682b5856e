package tracefile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
)

func TestReadMessage(t *testing.T) {
	text := func(s string) *commonpb.AnyValue {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
	}
	message, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{Key: "service.name", Value: text("api")}}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), Name: "op", StartTimeUnixNano: 1, EndTimeUnixNano: 2,
			Attributes: []*commonpb.KeyValue{{Key: "kept", Value: text("x")}, {Key: "dropped", Value: text("y")}},
		}}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	keep := Config{Keep: func(key string) bool { return key == "kept" }}
	var got []servicegraph.Span
	for s, err := range ReadMessage(message, "answer", keep) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	want := []servicegraph.Span{{
		TraceID: servicegraph.TraceID([]byte("0123456789abcdef")), SpanID: servicegraph.SpanID([]byte("01234567")),
		Service: "api", Name: "op", Start: 1, End: 2, Attrs: []servicegraph.Attr{{Key: "kept", Value: "x"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	for _, damaged := range [][]byte{message[:len(message)-1], append([]byte{0xff}, message...)} {
		n := 0
		for _, err := range ReadMessage(damaged, "answer", keep) {
			if err != nil && strings.HasPrefix(err.Error(), "answer") && strings.Contains(err.Error(), "damaged protobuf") {
				n++
			}
		}
		if n == 0 {
			t.Errorf("no error for %d damaged bytes", len(damaged))
		}
	}
	for range ReadMessage(nil, "answer", keep) {
		t.Error("an empty message has an element")
	}
}
