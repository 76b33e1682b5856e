package graphtext

import (
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
)

// The summary has nouns in the singular and in the plural. It mentions uninstrumented dependencies
// only if there are any.
func TestSummary(t *testing.T) {
	graph := func(service string, dependencies ...string) *servicegraph.Graph {
		b := servicegraph.NewBuilder(servicegraph.Config{NodeAttrs: []string{"team"}})
		for i, name := range dependencies {
			b.Add(servicegraph.Span{
				TraceID: servicegraph.TraceID{byte(i + 1)}, SpanID: servicegraph.SpanID{1},
				Service: service, Kind: servicegraph.KindClient, Start: 1, End: 2,
				Resource: []servicegraph.Attr{{Key: "team", Value: "red"}},
				Attrs:    []servicegraph.Attr{{Key: "peer.service", Value: name}},
			})
		}
		return b.Graph()
	}
	called := servicegraph.NewBuilder(servicegraph.Config{UserNode: true})
	called.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1}, Service: "web", Kind: servicegraph.KindServer, Start: 1, End: 2})
	for _, c := range []struct {
		g    *servicegraph.Graph
		want string
	}{
		{called.Graph(), "1 service, 1 uninstrumented caller, 1 edge, 1 trace"},
		{graph("web"), "0 services, 0 edges, 0 traces"},
		{graph("web", "bank"), "1 service, 1 uninstrumented dependency, 1 edge, 1 trace"},
		{graph("web", "bank", "mail"), "1 service, 2 uninstrumented dependencies, 2 edges, 2 traces"},
		{graph("web", "bank").Group(servicegraph.ByAttr("team")), "1 group, 1 uninstrumented dependency, 1 edge, 1 trace"},
	} {
		if got := Summary(c.g); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
