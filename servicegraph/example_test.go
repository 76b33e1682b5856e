package servicegraph_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// shop returns the graph of a small shop, in which one of ten calls to payments fails.
func shop() *servicegraph.Graph {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	var traces uint64
	calls := func(n int, from, to string) {
		for i := range n {
			var s servicegraph.Span
			traces++
			binary.BigEndian.PutUint64(s.TraceID[:], traces)
			s.Start = time.Date(2026, 8, 1, 14, 0, i, 0, time.UTC).UnixNano()
			s.End = s.Start + int64(20*time.Millisecond)
			if from != "" {
				s.SpanID, s.Kind = servicegraph.SpanID{1}, servicegraph.KindClient
				s.Namespace, s.Service, _ = strings.Cut(from, "/")
				b.Add(s)
				s.ParentID = s.SpanID
			}
			s.SpanID, s.Kind = servicegraph.SpanID{2}, servicegraph.KindServer
			s.Namespace, s.Service, _ = strings.Cut(to, "/")
			if to == "billing/payments" && i%10 == 9 {
				s.Status = servicegraph.StatusError
			}
			b.Add(s)
		}
	}
	calls(60, "", "edge/gateway")
	calls(40, "edge/gateway", "shop/cart")
	calls(20, "edge/gateway", "shop/checkout")
	calls(30, "shop/checkout", "shop/cart")
	calls(20, "shop/checkout", "billing/payments")
	calls(5, "ops/prober", "shop/cart")
	return b.Graph()
}

func printEdges(g *servicegraph.Graph) {
	for e := range g.Edges() {
		fmt.Printf("%v -> %v: %v calls, %v errors\n", e.ID.From, e.ID.To, e.Calls, e.Errors)
	}
}

func named(name string) func(servicegraph.Node) bool {
	return func(n servicegraph.Node) bool { return n.ID.Name == name }
}

// The report of a view counts what the view left out.
func ExampleGraph_Filter() {
	g := shop().Filter(func(n servicegraph.Node) bool { return n.ID.Namespace != "ops" })
	printEdges(g)
	r := g.Report()
	fmt.Printf("left out: %d node, %d edge with %v calls\n", r.LeftOutNodes, r.LeftOutEdges, r.LeftOutCalls)
	// Output:
	// edge/gateway -> shop/cart: 40 calls, 0 errors
	// edge/gateway -> shop/checkout: 20 calls, 0 errors
	// shop/checkout -> billing/payments: 20 calls, 2 errors
	// shop/checkout -> shop/cart: 30 calls, 0 errors
	// left out: 1 node, 1 edge with 5 calls
}

// Edges with at least one call in two seconds.
func ExampleGraph_FilterEdges() {
	g := shop()
	first, last := g.TimeRange()
	window := last.Sub(first).Seconds()
	printEdges(g.FilterEdges(func(e servicegraph.Edge) bool { return e.Calls/window >= 0.5 }))
	// Output:
	// edge/gateway -> shop/cart: 40 calls, 0 errors
	// shop/checkout -> shop/cart: 30 calls, 0 errors
}

// The callers of payments, and their callers.
func ExampleGraph_Near() {
	printEdges(shop().Near(named("payments"), 2, 0))
	// Output:
	// edge/gateway -> shop/checkout: 20 calls, 0 errors
	// shop/checkout -> billing/payments: 20 calls, 2 errors
}

// Everything upstream and downstream of payments.
func ExampleGraph_Focus() {
	printEdges(shop().Focus(named("payments")))
	// Output:
	// edge/gateway -> shop/checkout: 20 calls, 0 errors
	// shop/checkout -> billing/payments: 20 calls, 2 errors
}

func ExampleGraph_Hide() {
	g := shop().Hide(named("checkout"))
	for e := range g.Edges() {
		fmt.Printf("%v -> %v: %v, %v calls\n", e.ID.From, e.ID.To, e.ID.Kind, e.Calls)
	}
	// Output:
	// edge/gateway -> billing/payments: bridged, 20 calls
	// edge/gateway -> shop/cart: bridged, 30 calls
	// edge/gateway -> shop/cart: request, 40 calls
	// ops/prober -> shop/cart: request, 5 calls
}

// Without the gateway, requests enter the services that it calls.
func ExampleGraph_HideGateways() {
	for n := range shop().HideGateways(named("gateway")).Nodes() {
		fmt.Printf("%v: %v requests, %v from outside\n", n.ID, n.Requests.Calls, n.Entries)
	}
	// Output:
	// billing/payments: 20 requests, 0 from outside
	// ops/prober: 0 requests, 0 from outside
	// shop/cart: 75 requests, 40 from outside
	// shop/checkout: 20 requests, 20 from outside
}

func ExampleGraph_Group() {
	printEdges(shop().Group(servicegraph.ByNamespace))
	// Output:
	// edge -> shop: 60 calls, 0 errors
	// ops -> shop: 5 calls, 0 errors
	// shop -> billing: 20 calls, 2 errors
	// shop -> shop: 30 calls, 0 errors
}

func ExampleGraph_ErrorsOnly() {
	printEdges(shop().ErrorsOnly())
	// Output:
	// shop/checkout -> billing/payments: 20 calls, 2 errors
}

// The three busiest nodes. The report counts the others.
func ExampleGraph_Top() {
	g := shop().Top(3)
	printEdges(g)
	fmt.Println("left out:", g.Report().LeftOutNodes, "nodes")
	// Output:
	// edge/gateway -> shop/cart: 40 calls, 0 errors
	// edge/gateway -> shop/checkout: 20 calls, 0 errors
	// shop/checkout -> shop/cart: 30 calls, 0 errors
	// left out: 2 nodes
}

func ExampleEdge_Latency() {
	for e := range shop().ErrorsOnly().Edges() {
		if latency, by, ok := e.Latency(); ok {
			fmt.Printf("%v: p95 %v as the %v saw it, %.0f%% errors\n", e.ID, latency.Quantile(0.95), by, 100*e.ErrorRate())
		}
	}
	// Output:
	// shop/checkout -> billing/payments (request): p95 20ms as the caller saw it, 10% errors
}

// A filter that finds nothing is often a typing mistake.
func ExampleGraph_Nearest() {
	g := shop()
	if g.Filter(named("payment")).NumNodes() == 0 {
		fmt.Println("no node payment; did you mean one of", g.Nearest("payment"))
	}
	// Output:
	// no node payment; did you mean one of [billing/payments]
}
