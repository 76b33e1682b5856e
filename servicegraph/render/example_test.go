package render_test

import (
	"fmt"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// Two ways to show a large graph: one card for each namespace, and the nodes that matter most.
// Overview combines both.
func ExampleStyle_Collapse() {
	service := func(namespace, name string) servicegraph.NodeID {
		return servicegraph.NodeID{Namespace: namespace, Name: name, Type: servicegraph.TypeService}
	}
	var edges []servicegraph.Edge
	for _, c := range []struct {
		from, to      servicegraph.NodeID
		calls, failed float64
	}{
		{service("edge", "web"), service("shop", "cart"), 100, 0},
		{service("shop", "cart"), service("shop", "stock"), 80, 0},
		{service("shop", "cart"), service("shop", "prices"), 90, 0},
		{service("shop", "prices"), service("billing", "currencies"), 30, 0},
		{service("shop", "stock"), service("billing", "suppliers"), 10, 9},
	} {
		edges = append(edges, servicegraph.Edge{
			ID:    servicegraph.EdgeID{From: c.from, To: c.to, Kind: servicegraph.EdgeRequest},
			Calls: c.calls, Errors: c.failed,
		})
	}
	graph, err := servicegraph.NewGraph(nil, edges, servicegraph.Report{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := range (render.Style{}).Collapse(graph).Nodes() {
		fmt.Println(n.ID)
	}
	part := render.Style{}.Part(graph, 3, 3)
	fmt.Println(render.Style{}.Drawn(graph, part))
	// Output:
	// shop
	// billing/currencies
	// billing/suppliers
	// edge/web
	// shop/stock
	// drawn: 3 of 6 nodes, 2 of 5 edges
}

// A program that draws on its own uses the thresholds of a style to mark what fails.
func ExampleStyle_Level() {
	style := render.Style{Warn: 0.01, Error: 0.1}
	for _, failed := range []float64{0, 2, 25} {
		level := style.Level(failed, 100)
		fmt.Printf("%v of 100 calls failed: %s\n", failed, level)
	}
	// Output:
	// 0 of 100 calls failed: ok
	// 2 of 100 calls failed: warn
	// 25 of 100 calls failed: error
}
