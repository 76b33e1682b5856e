package topology_test

import (
	"fmt"

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
