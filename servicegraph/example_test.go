package servicegraph_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// start is when all traces of the examples start.
var start = time.Date(2026, 8, 1, 14, 0, 0, 0, time.UTC)

// shop returns the graph of a small shop, in which one of ten calls to payments fails.
func shop() *servicegraph.Graph {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	var traces uint64
	calls := func(n int, from, to string) {
		for i := range n {
			var s servicegraph.Span
			traces++
			binary.BigEndian.PutUint64(s.TraceID[:], traces)
			s.Start = start.Add(time.Duration(i) * time.Second).UnixNano()
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

// span returns a span of one trace. Times are milliseconds after start.
func span(id, parent byte, service string, kind servicegraph.Kind, from, to int) servicegraph.Span {
	s := servicegraph.Span{
		TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{7: id}, Service: service, Kind: kind,
		Start: start.Add(time.Duration(from) * time.Millisecond).UnixNano(),
		End:   start.Add(time.Duration(to) * time.Millisecond).UnixNano(),
	}
	if parent != 0 {
		s.ParentID = servicegraph.SpanID{7: parent}
	}
	return s
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

// Without the gateway, requests enter the services that the gateway calls.
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
	printEdges(shop().ErrorsOnly(0))
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

func ExampleGraph_TopEdges() {
	g := shop().TopEdges(2)
	printEdges(g)
	fmt.Println("left out:", g.Report().LeftOutEdges, "edges")
	// Output:
	// edge/gateway -> shop/cart: 40 calls, 0 errors
	// shop/checkout -> shop/cart: 30 calls, 0 errors
	// left out: 3 edges
}

func ExampleEdge_Latency() {
	for e := range shop().ErrorsOnly(0).Edges() {
		if latency, by, ok := e.Latency(); ok {
			fmt.Printf("%v: p95 %v as the %v saw it, %.0f%% errors\n", e.ID, latency.Quantile(0.95), by, 100*e.ErrorRate())
		}
	}
	// Output:
	// shop/checkout -> billing/payments (request): p95 20ms as the caller saw it, 10% errors
}

// A name that matches no node is often a typing mistake.
func ExampleGraph_Nearest() {
	g := shop()
	if g.Filter(named("payment")).NumNodes() == 0 {
		fmt.Println("no node payment; did you mean one of", g.Nearest("payment"))
	}
	// Output:
	// no node payment; did you mean one of [billing/payments]
}

// Edges without a call in the last 20 seconds, which may be unused.
func ExampleEdge() {
	g := shop()
	_, end := g.TimeRange()
	for e := range g.Edges() {
		if quiet := end.Sub(time.Unix(0, e.Last)); quiet > 20*time.Second {
			used := time.Duration(e.Last - e.First).Round(time.Second)
			fmt.Printf("%v: called over %v, then not for %v\n", e.ID, used, quiet)
		}
	}
	// Output:
	// edge/gateway -> shop/checkout (request): called over 19s, then not for 40s
	// ops/prober -> shop/cart (request): called over 4s, then not for 55s
	// shop/checkout -> billing/payments (request): called over 19s, then not for 40s
	// shop/checkout -> shop/cart (request): called over 29s, then not for 30s
}

func ExampleLatency() {
	cart, _ := shop().Node(servicegraph.NodeID{Namespace: "shop", Name: "cart", Type: servicegraph.TypeService})
	l := cart.Requests.Latency
	fmt.Printf("%v requests took %v to %v, %v on average, %v in all\n", l.Count(), l.Min(), l.Max(), l.Mean(), l.Sum())
	// Output:
	// 75 requests took 20ms to 20ms, 20ms on average, 1.5s in all
}

// The buckets of a classic Prometheus histogram, whose last bucket counts all samples.
func ExampleLatency_Cumulative() {
	cart, _ := shop().Node(servicegraph.NodeID{Namespace: "shop", Name: "cart", Type: servicegraph.TypeService})
	l := cart.Requests.Latency
	bounds := []time.Duration{10 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond}
	for i, n := range l.Cumulative(bounds) {
		fmt.Printf("le=%v: %v\n", bounds[i].Seconds(), n)
	}
	fmt.Printf("le=+Inf: %v\n", l.Count())
	// Output:
	// le=0.01: 0
	// le=0.025: 75
	// le=0.1: 75
	// le=+Inf: 75
}

func ExampleLatency_Exponential() {
	cart, _ := shop().Node(servicegraph.NodeID{Namespace: "shop", Name: "cart", Type: servicegraph.TypeService})
	x := cart.Requests.Latency.Exponential(3)
	base := math.Pow(2, math.Pow(2, -float64(x.Scale)))
	for i, n := range x.Counts {
		low := math.Pow(base, float64(x.Offset+i))
		fmt.Printf("%.4f s to %.4f s: %v\n", low, low*base, n)
	}
	fmt.Println("0 s:", x.ZeroCount)
	// Output:
	// 0.0186 s to 0.0203 s: 75
	// 0 s: 0
}

// Two services that call each other fail together.
func ExampleGraph_Cycles() {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	b.Add(span(1, 0, "gateway", servicegraph.KindServer, 0, 100))
	b.Add(span(2, 1, "orders", servicegraph.KindServer, 10, 90))
	b.Add(span(3, 2, "stock", servicegraph.KindServer, 20, 80))
	b.Add(span(4, 3, "orders", servicegraph.KindServer, 30, 70))
	fmt.Println(b.Graph().Cycles())
	// Output:
	// [[orders stock]]
}

// The gateway asks for prices and stock at the same time, and waits for stock longer.
func ExampleCriticalPath() {
	path := servicegraph.CriticalPath([]servicegraph.Span{
		span(1, 0, "gateway", servicegraph.KindServer, 0, 100),
		span(2, 1, "prices", servicegraph.KindServer, 10, 40),
		span(3, 1, "stock", servicegraph.KindServer, 10, 85),
	})
	for _, s := range path {
		fmt.Printf("%v ms in %v, span %v\n", (s.End-s.Start)/1e6, s.Node, s.SpanID)
	}
	// Output:
	// 10 ms in gateway, span 0000000000000001
	// 75 ms in stock, span 0000000000000003
	// 15 ms in gateway, span 0000000000000001
}

// Why is there an edge from the gateway to stock, and none to prices?
func ExampleBuilder_Explain() {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	b.Add(span(1, 0, "gateway", servicegraph.KindServer, 0, 100))
	b.Add(span(2, 1, "stock", servicegraph.KindServer, 10, 90))
	b.Add(span(3, 2, "prices", servicegraph.KindServer, 20, 80))
	service := func(name string) servicegraph.NodeID {
		return servicegraph.NodeID{Name: name, Type: servicegraph.TypeService}
	}
	for _, e := range b.Explain(service("gateway"), service("stock")).Edges {
		fmt.Printf("%v: %v calls for each request, %v of %v seen by the callee alone\n", e.ID, e.FanOut, e.Evidence.Callee, e.Calls)
	}
	x := b.Explain(service("gateway"), service("prices"))
	for _, m := range x.Misses {
		fmt.Printf("%v to %v: %v %v\n", x.From, x.To, m.Reason, m.Node)
	}
	fmt.Print(x)
	// Output:
	// gateway -> stock (request): 1 calls for each request, 1 of 1 seen by the callee alone
	// gateway to prices: called through stock
	// no call from gateway to prices
	// 1 span: called through stock
	//   for example trace 01000000000000000000000000000000 span 0000000000000003
}

// A builder that holds one trace at most. Each delta has the traces that were forgotten
// since the delta before. All deltas together, and the traces held, are everything.
func ExampleBuilder_Delta() {
	b := servicegraph.NewBuilder(servicegraph.Config{Window: servicegraph.Window{Traces: 1}})
	final := new(servicegraph.Graph)
	for trace := range byte(3) {
		s := span(1, 0, "gateway", servicegraph.KindServer, 0, 100)
		s.TraceID = servicegraph.TraceID{trace + 1}
		b.Add(s)
		delta := b.Delta()
		fmt.Println("traces forgotten:", delta.Report().EvictedTraces)
		final = servicegraph.Merge(final, delta)
	}
	fmt.Println("spans counted for good:", final.Report().Spans, "of", b.Graph().Report().Spans)
	// Output:
	// traces forgotten: 0
	// traces forgotten: 1
	// traces forgotten: 1
	// spans counted for good: 2 of 3
}

// A trace is closed when no span arrived for ten seconds, and a late span opens it again.
func ExampleWindow() {
	b := servicegraph.NewBuilder(servicegraph.Config{Window: servicegraph.Window{Quiet: 10 * time.Second, Age: time.Minute, Remember: time.Hour}})
	report := func(event string) {
		r := b.Graph().Report()
		fmt.Printf("%s: open %d, closed quiet %d, closed by age %d, reopened %d\n", event, r.Open, r.ClosedQuiet, r.ClosedAge, r.Reopened)
	}
	b.Advance(start)
	b.Add(span(1, 0, "gateway", servicegraph.KindServer, 0, 100))
	report("a span")
	b.Advance(start.Add(15 * time.Second))
	report("15 s later")
	b.Add(span(2, 1, "stock", servicegraph.KindServer, 10, 90))
	report("a late span")
	// Output:
	// a span: open 1, closed quiet 0, closed by age 0, reopened 0
	// 15 s later: open 0, closed quiet 1, closed by age 0, reopened 0
	// a late span: open 1, closed quiet 1, closed by age 0, reopened 1
}

// Every span has one outcome, and the outcomes add up.
func ExampleReport() {
	r := shop().Report()
	fmt.Println("paired:", r.Paired)
	fmt.Println("not part of a call between two nodes:", r.Virtual+r.Nested+r.Root+r.Internal+r.Orphan+r.Unresolved)
	fmt.Println("ignored:", r.Duplicate+r.Invalid+r.Late)
	fmt.Println("all spans accounted for:", r.Accounted() == r.Spans)
	// Output:
	// paired: 230
	// not part of a call between two nodes: 60
	// ignored: 0
	// all spans accounted for: true
}

// Graphs of several files or hosts are exchanged as JSON and merged.
func ExampleReadJSON() {
	data, err := json.Marshal(shop())
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := servicegraph.ReadJSON(bytes.NewReader(data))
	if err != nil {
		fmt.Println(err)
		return
	}
	both := servicegraph.Merge(g, shop())
	fmt.Printf("schema %d: %d edges, then %d spans\n", servicegraph.SchemaVersion, g.NumEdges(), both.Report().Spans)
	// Output:
	// schema 1: 5 edges, then 580 spans
}

// A graph may be a part of a larger JSON document.
func ExampleGraph_UnmarshalJSON() {
	type snapshot struct {
		Host  string
		Graph *servicegraph.Graph
	}
	data, err := json.Marshal(snapshot{"web-1", shop()})
	if err != nil {
		fmt.Println(err)
		return
	}
	var read snapshot
	if err := json.Unmarshal(data, &read); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %d nodes, %d edges\n", read.Host, read.Graph.NumNodes(), read.Graph.NumEdges())
	// Output:
	// web-1: 5 nodes, 5 edges
}

func ExampleGraph_WithErrorsOf() {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	call := span(1, 0, "gateway", servicegraph.KindClient, 0, 100)
	call.Status = servicegraph.StatusError // a timeout that the callee does not know about
	b.Add(call)
	b.Add(span(2, 1, "stock", servicegraph.KindServer, 10, 200))
	g := b.Graph()
	printEdges(g)
	printEdges(g.WithErrorsOf(servicegraph.CalleeSide))
	// Output:
	// gateway -> stock: 1 calls, 1 errors
	// gateway -> stock: 1 calls, 0 errors
}

func ExampleGraph_EntriesOnly() {
	printEdges(shop().EntriesOnly()) // without the prober, which no request from outside reaches
	// Output:
	// edge/gateway -> shop/cart: 40 calls, 0 errors
	// edge/gateway -> shop/checkout: 20 calls, 0 errors
	// shop/checkout -> billing/payments: 20 calls, 2 errors
	// shop/checkout -> shop/cart: 30 calls, 0 errors
}
