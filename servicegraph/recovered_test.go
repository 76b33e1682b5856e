package servicegraph_test

import (
	"bytes"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestRecoveredInViews: a node keeps the number of errors from which its callers recovered, even if
// a view has left the callers out, and even after the view was written and merged with another
// graph.
func TestRecoveredInViews(t *testing.T) {
	span := func(kind sg.Kind, service string, id, parent byte, status sg.Status) sg.Span {
		return sg.Span{TraceID: sg.TraceID{1}, SpanID: sg.SpanID{id}, ParentID: sg.SpanID{parent}, Service: service, Kind: kind, Status: status, Start: epoch, End: epoch + 1}
	}
	g := build([]sg.Span{
		span(sg.KindServer, "web", 1, 0, sg.StatusUnset),
		span(sg.KindClient, "web", 2, 1, sg.StatusError),
		span(sg.KindServer, "cart", 3, 2, sg.StatusError),
		span(sg.KindServer, "job", 4, 0, sg.StatusUnset),
		span(sg.KindClient, "job", 5, 4, sg.StatusError),
		span(sg.KindServer, "cart", 6, 5, sg.StatusError),
	})
	recovered := func(g *sg.Graph) float64 {
		n, _ := g.Node(sg.NodeID{Name: "cart", Type: sg.TypeService})
		return n.Recovered
	}
	without := func(g *sg.Graph, name string) *sg.Graph {
		return g.Filter(func(n sg.Node) bool { return n.ID.Name != name })
	}
	view := without(g, "job")
	text := marshal(t, view)
	read, err := sg.ReadJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		g    *sg.Graph
		want float64
	}{
		{"all", g, 2},
		{"without a caller", view, 2},
		{"without any caller", without(view, "web"), 2},
		{"written and read", read, 2},
		{"merged with the whole", sg.Merge(read, g, without(g, "web")), 6},
	} {
		if got := recovered(test.g); got != test.want {
			t.Errorf("%s: %v recovered errors, want %v", test.name, got, test.want)
		}
	}
	if again := marshal(t, read); !bytes.Equal(text, again) {
		t.Errorf("a JSON round trip changes the view:\n%s\n%s", text, again)
	}
}
