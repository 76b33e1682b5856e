package graphtest_test

import (
	"strings"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

func TestUnchanged(t *testing.T) {
	graph := func(callees ...string) *servicegraph.Graph {
		b := servicegraph.NewBuilder(servicegraph.Config{})
		id := servicegraph.TraceID{1}
		b.Add(servicegraph.Span{TraceID: id, SpanID: servicegraph.SpanID{1}, Kind: servicegraph.KindServer, Service: "web", Start: 1, End: 2})
		for i, callee := range callees {
			b.Add(servicegraph.Span{TraceID: id, SpanID: servicegraph.SpanID{2, byte(i)}, ParentID: servicegraph.SpanID{1}, Kind: servicegraph.KindServer, Service: callee, Start: 1, End: 2})
		}
		return b.Graph()
	}
	base, same := graph("cart", "stock"), graphdiff.Config{SameRequests: true}
	for _, c := range []struct {
		name string
		rule graphtest.Rule
		head *servicegraph.Graph
		want string
	}{
		{"the same graph", graphtest.Unchanged(base, same), base, ""},
		{"a new edge", graphtest.Unchanged(base, same, graphdiff.NewEdge), graph("cart", "stock", "mail"), "new edge: web → mail"},
		{"an edge that is gone", graphtest.Unchanged(base, same, graphdiff.GoneEdge), graph("cart"), "gone edge: web → stock"},
		{"another kind of change", graphtest.Unchanged(base, same, graphdiff.Slower), graph("cart"), ""},
		{"one trace is too few", graphtest.Unchanged(base, graphdiff.Config{}), graph("cart"), ""},
		{"an empty base", graphtest.Unchanged(new(servicegraph.Graph), same), base, "cannot be compared"},
		{"an empty graph", graphtest.Unchanged(base, same), new(servicegraph.Graph), "the graph is empty"},
	} {
		violations := c.rule.Check(c.head)
		if c.want == "" && len(violations) > 0 || c.want != "" && (len(violations) != 1 || !strings.Contains(violations[0].Message, c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, violations, c.want)
		}
	}
}
