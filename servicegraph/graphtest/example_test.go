package graphtest_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
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
