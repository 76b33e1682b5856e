// Guarded is a shop of three services whose tests guard its architecture.
//
//	gateway ──HTTP──► checkout ──gRPC──► inventory ──► stock (database)
//	                      └──► orders (database)
//
// The services are instrumented as in production, with otelhttp and otelgrpc. The
// tests run them in one process with a recorder and check the recorded graph against
// shop.rules and testdata/shop.graph. Other tests add a mistake to the shop and show
// which rules detect it: a forbidden dependency, a query in a loop, a client that loses
// the trace context, a retry storm, a cycle.
//
// The program sells some items, and prints the graph that a recorder has built from the spans of
// the sales. A server could show such a graph on a debug page:
//
//	go run ./examples/guarded
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otelspan"
	"github.com/tempograph/tempograph/servicegraph/render"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "guarded:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	live := otelspan.NewRecorder(servicegraph.Config{})
	s, err := open(newShop(func(service string) trace.TracerProvider {
		return sdktrace.NewTracerProvider(
			sdktrace.WithSpanProcessor(live), // in production, in addition to an exporter
			sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))),
		)
	}, propagation.TraceContext{}))
	if err != nil {
		return err
	}
	defer s.close()
	for range 5 {
		if err := s.visit(ctx, "book", "pen"); err != nil {
			return err
		}
	}
	if err := live.Wait(ctx); err != nil {
		return err
	}
	return render.Table{}.Render(out, live.Graph())
}
