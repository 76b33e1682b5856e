package graphtest_test

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// This example makes the two spans of a call by hand. In a real test they come from
// instrumented clients and handlers with the provider and propagator of the recorder.
func Example() {
	var t graphtest.T = &fakeT{} // stands for a *testing.T
	rec := graphtest.NewRecorder(t, servicegraph.Config{})
	web, cart := rec.Service("web").Tracer("example"), rec.Service("cart").Tracer("example")

	ctx, request := web.Start(context.Background(), "GET /", trace.WithSpanKind(trace.SpanKindServer))
	for range 3 {
		ctx, call := web.Start(ctx, "GET", trace.WithSpanKind(trace.SpanKindClient))
		_, serve := cart.Start(ctx, "GET /item", trace.WithSpanKind(trace.SpanKindServer))
		serve.End()
		call.End()
	}
	request.End()

	ok := graphtest.Check(t, rec.Graph(t),
		graphtest.Path("web -> cart"),
		graphtest.Never("cart", "web"),
		graphtest.Acyclic(),
		graphtest.AtMost("web -> cart", 3),
	)
	fmt.Println(ok)
	// Output: true
}

func ExampleParse() {
	rules, err := graphtest.Parse("shop.rules", `
		# Nobody but cart asks its database.
		only web -> cart
		nevr web -> *[database]
	`)
	fmt.Println(rules)
	fmt.Println(err)
	// Output:
	// [only web -> cart]
	// shop.rules:4:3: unknown rule "nevr": did you mean never?
}

// Rules about the shape of a graph and about its numbers. A rule that does not hold says why.
func Example_rules() {
	var t graphtest.T = &fakeT{} // stands for a *testing.T
	rec := graphtest.NewRecorder(t, servicegraph.Config{})
	web, cart := rec.Service("web").Tracer("example"), rec.Service("cart").Tracer("example")
	ctx, call := web.Start(context.Background(), "GET", trace.WithSpanKind(trace.SpanKindClient))
	ctx, serve := cart.Start(ctx, "GET /item", trace.WithSpanKind(trace.SpanKindServer))
	_, query := cart.Start(ctx, "SELECT", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.system.name", "redis")))
	query.End()
	_, send := cart.Start(ctx, "send", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attribute.String("messaging.destination.name", "orders")))
	send.End()
	serve.End()
	call.End()

	observed := rec.Graph(t)
	for _, rule := range []graphtest.Rule{
		graphtest.Exactly("web -> cart -> redis", "cart -> orders"),
		graphtest.Contains("web -> cart"),
		graphtest.Only("web", "cart"),
		graphtest.Layers("web", "cart"),
		graphtest.Connected(),
		graphtest.MaxDepth(1),
		graphtest.MaxFanOut("cart", 1),
		graphtest.Async("cart -> orders"),
		graphtest.Calls("web -> cart", 1, 2),
		graphtest.Retries("web -> cart", 0),
		graphtest.ErrorRate("web -> cart", 0.01),
		graphtest.Latency("web -> cart", servicegraph.CallerSide, 0.95, time.Minute),
		graphtest.Unresolved(0),
		graphtest.NoOrphans(),
		graphtest.Unchanged(observed.Graph, graphdiff.Config{SameRequests: true}),
	} {
		fmt.Println(rule)
		for _, v := range rule.Check(observed.Graph) {
			fmt.Println("  ✗", v.Message)
		}
	}
	// Output:
	// exactly web -> cart -> redis, cart -> orders
	// contains web -> cart
	// only web -> cart
	// layers web > cart
	// connected
	// depth at most 1
	//   ✗ a chain of 2 calls: web -> cart -> orders[queue]
	// fan-out cart at most 1
	//   ✗ cart calls 2 others: orders[queue], redis[database]
	// async cart -> orders
	// calls web -> cart 1..2
	// retries web -> cart at most 0
	// errors web -> cart at most 1%
	// latency caller p95 web -> cart at most 1m0s
	// unresolved at most 0
	// no-orphans
	// unchanged new-node, gone-node, new-edge, gone-edge, error-rate, latency, calls
}

// A test of a program that makes its own tracer provider adds the processor to that provider. No
// span has ended before the first query, so the graph is empty until then.
func ExampleRecorder_Processor() {
	var t graphtest.T = &fakeT{} // stands for a *testing.T
	rec := graphtest.NewRecorder(t, servicegraph.Config{})
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(rec.Processor()),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "cart"))),
	)

	fmt.Println(graphtest.Check(t, rec.Graph(t), graphtest.Empty()))
	_, query := provider.Tracer("example").Start(context.Background(), "SELECT",
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.system.name", "redis")))
	query.End()
	for _, v := range graphtest.Violations(rec.Graph(t), graphtest.Empty()) {
		fmt.Println(v.Message)
	}
	// Output:
	// true
	// the graph has cart, redis[database]
}
