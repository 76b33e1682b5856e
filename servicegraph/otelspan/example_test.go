package otelspan_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otelspan"
)

// Explain tells what each call was derived from: here the span of the caller alone.
func ExampleRecorder_Explain() {
	recorder := otelspan.NewRecorder(servicegraph.Config{})
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	tracer := provider.Tracer("shop")
	ctx, request := tracer.Start(context.Background(), "GET /", trace.WithSpanKind(trace.SpanKindServer))
	for _, system := range []string{"postgresql", "redis"} {
		_, query := tracer.Start(ctx, "query", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.system.name", system)))
		query.End()
	}
	request.End()

	for e := range recorder.Graph().Edges() {
		for _, found := range recorder.Explain(e.ID.From, e.ID.To).Edges {
			fmt.Printf("%v: %v calls for each request, %v of %v seen by the caller alone\n", found.ID.To, found.FanOut, found.Evidence.Caller, found.Calls)
		}
	}
	// Output:
	// postgresql: 1 calls for each request, 1 of 1 seen by the caller alone
	// redis: 1 calls for each request, 1 of 1 seen by the caller alone
}

// From gives the spans that a test has in memory to a graph.
func ExampleFrom() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	_, span := provider.Tracer("shop").Start(context.Background(), "send",
		trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attribute.String("messaging.destination.name", "orders")))
	span.End()

	b := servicegraph.NewBuilder(servicegraph.Config{})
	for _, s := range spans.GetSpans().Snapshots() {
		b.Add(otelspan.From(s))
	}
	for e := range b.Graph().Edges() {
		fmt.Println(e.ID.To, e.ID.To.Type)
	}
	// Output: orders queue
}
