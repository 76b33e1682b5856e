// Guarded is a shop of three services whose tests guard its architecture.
//
//	gateway ──HTTP──► checkout ──gRPC──► inventory ──► stock (database)
//	                      └──► orders (database)
//
// The services are instrumented as in production, with otelhttp and otelgrpc. The
// tests run them in one process with a recorder, and check who called whom against
// shop.rules and testdata/shop.graph. Further tests put mistakes into the shop, and
// show which rule notices each: a dependency that must not be, a query in a loop, a
// client that loses the trace, a storm of retries, a cycle.
//
// The program itself sells a few things and prints the graph that a recorder has
// drawn meanwhile, as a server could show it on a debug page:
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
			sdktrace.WithSpanProcessor(live), // beside an exporter
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
