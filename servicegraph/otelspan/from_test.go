package otelspan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otelspan"
)

// TestFrom converts a span with everything that the graph reads.
func TestFrom(t *testing.T) {
	state, err := trace.ParseTraceState("ot=th:c") // one in four
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1_700_000_000, 1)
	stub := tracetest.SpanStub{
		Name:        "GET /cart",
		SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceState: state}),
		Parent:      trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{3}}),
		SpanKind:    trace.SpanKindClient,
		StartTime:   start,
		EndTime:     start.Add(time.Second),
		Status:      sdktrace.Status{Code: codes.Error},
		Links:       []sdktrace.Link{{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{4}, SpanID: trace.SpanID{5}})}},
		Resource: resource.NewSchemaless(
			attribute.String("service.name", "web"), attribute.String("service.namespace", "shop"), attribute.String("service.version", "1.2")),
		Attributes: []attribute.KeyValue{
			attribute.String("server.address", "cart"), attribute.Int("server.port", 80),
			attribute.Bool("b", true), attribute.Float64("f", 0.5), attribute.StringSlice("list", []string{"x"}),
		},
	}
	want := servicegraph.Span{
		TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{2}, ParentID: servicegraph.SpanID{3},
		Service: "web", Namespace: "shop",
		Name: "GET /cart", Kind: servicegraph.KindClient, Status: servicegraph.StatusError,
		Start: start.UnixNano(), End: start.UnixNano() + 1e9,
		Links:    []servicegraph.Link{{TraceID: servicegraph.TraceID{4}, SpanID: servicegraph.SpanID{5}}},
		Resource: []servicegraph.Attr{{Key: "service.version", Value: "1.2"}},
		Attrs: []servicegraph.Attr{
			{Key: "server.address", Value: "cart"}, {Key: "server.port", Value: "80"}, {Key: "b", Value: "true"}, {Key: "f", Value: "0.5"}},
		Weight: 4,
	}
	if diff := cmp.Diff(want, otelspan.From(stub.Snapshot())); diff != "" {
		t.Errorf("span (-want +got):\n%s", diff)
	}
}

// TestFromNumbers: kinds and status codes, whose numbers differ in the API and in OTLP, are
// translated.
func TestFromNumbers(t *testing.T) {
	kinds := map[trace.SpanKind]servicegraph.Kind{
		trace.SpanKindUnspecified: servicegraph.KindUnset,
		trace.SpanKindInternal:    servicegraph.KindInternal,
		trace.SpanKindServer:      servicegraph.KindServer,
		trace.SpanKindClient:      servicegraph.KindClient,
		trace.SpanKindProducer:    servicegraph.KindProducer,
		trace.SpanKindConsumer:    servicegraph.KindConsumer,
	}
	for from, want := range kinds {
		if got := otelspan.From(tracetest.SpanStub{SpanKind: from}.Snapshot()).Kind; got != want {
			t.Errorf("kind %v is %v, want %v", from, got, want)
		}
	}
	outcomes := map[codes.Code]servicegraph.Status{
		codes.Unset: servicegraph.StatusUnset, codes.Ok: servicegraph.StatusOK, codes.Error: servicegraph.StatusError,
	}
	for from, want := range outcomes {
		got := otelspan.From(tracetest.SpanStub{Status: sdktrace.Status{Code: from}}.Snapshot())
		if got.Status != want {
			t.Errorf("status %v is %v, want %v", from, got.Status, want)
		}
		if got.Start != 0 || got.End != 0 {
			t.Errorf("a span without times has %d and %d", got.Start, got.End)
		}
	}
}
