package topology_test

import (
	"fmt"

	"gonum.org/v1/gonum/graph/path"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

func Example() {
	span := func(trace, id, parent byte, kind servicegraph.Kind, service string) servicegraph.Span {
		s := servicegraph.Span{TraceID: servicegraph.TraceID{trace}, SpanID: servicegraph.SpanID{id}, Kind: kind, Service: service}
		if parent > 0 {
			s.ParentID = servicegraph.SpanID{parent}
		}
		return s
	}
	b := servicegraph.NewBuilder(servicegraph.Config{})
	for _, s := range []servicegraph.Span{
		span(1, 1, 0, servicegraph.KindServer, "web"),
		span(1, 2, 1, servicegraph.KindClient, "web"),
		span(1, 3, 2, servicegraph.KindServer, "cart"),
		span(2, 1, 0, servicegraph.KindServer, "web"),
	} {
		b.Add(s)
	}
	g := topology.New(b.Graph(), topology.Calls)
	cart := servicegraph.NodeID{Name: "cart", Type: servicegraph.TypeService}
	if impact, ok := g.BlastRadius(cart); ok {
		fmt.Printf("a failure of cart reaches %d of %d entries, and at most %.0f %% of the requests\n", len(impact.Entries), impact.Of, 100*impact.Share())
	}
	// Output: a failure of cart reaches 1 of 1 entries, and at most 50 % of the requests
}

// All paths from web to stock pass through cart. A Graph also works with the algorithms of package
// gonum, such as the shortest path.
func ExampleGraph_Betweenness() {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	for i, call := range [][2]string{{"web", "cart"}, {"cart", "stock"}} {
		s := servicegraph.Span{TraceID: servicegraph.TraceID{byte(i + 1)}, SpanID: servicegraph.SpanID{1}, Kind: servicegraph.KindClient, Service: call[0]}
		b.Add(s)
		s.SpanID, s.ParentID, s.Kind, s.Service = servicegraph.SpanID{2}, s.SpanID, servicegraph.KindServer, call[1]
		b.Add(s)
	}
	g := topology.New(b.Graph(), topology.Calls)
	service := func(name string) servicegraph.NodeID {
		return servicegraph.NodeID{Name: name, Type: servicegraph.TypeService}
	}
	for _, name := range []string{"web", "cart", "stock"} {
		fmt.Println(name, g.Betweenness()[service(name)])
	}
	web, _ := g.Of(service("web"))
	stock, _ := g.Of(service("stock"))
	between, _ := path.DijkstraFrom(web, g).To(stock.ID())
	for _, n := range between {
		fmt.Println(n.(topology.Node).Node)
	}
	// Output:
	// web 0
	// cart 1
	// stock 0
	// web
	// cart
	// stock
}
