package render_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// TestMarks checks that a mark replaces the numbers and the level of a failing edge, and that nodes
// and edges without a mark are healthy.
func TestMarks(t *testing.T) {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	for i := range 10 {
		id := servicegraph.TraceID{byte(i + 1)}
		b.Add(servicegraph.Span{TraceID: id, SpanID: servicegraph.SpanID{1}, Kind: servicegraph.KindClient, Service: "web", Start: 1e9, End: 2e9, Status: servicegraph.StatusError})
		b.Add(servicegraph.Span{TraceID: id, SpanID: servicegraph.SpanID{2}, ParentID: servicegraph.SpanID{1}, Kind: servicegraph.KindServer, Service: "cart", Start: 1e9, End: 2e9, Status: servicegraph.StatusError})
	}
	g := b.Graph()
	var edge servicegraph.Edge
	for e := range g.Edges() {
		edge = e
	}
	style := render.Style{Marks: &render.Marks{Edges: map[servicegraph.EdgeID]render.Mark{
		edge.ID: {Level: render.Past, Text: "gone\u202e", Tooltip: "since Monday", Width: 4},
	}}}
	c := style.Captions(g).Edge(edge)
	if c.Level != render.Past || c.Volume != `gone\u202e` || c.Errors != "" || c.Latency != "" || c.Width != 4 || !strings.HasPrefix(c.Tooltip, "since Monday\n") {
		t.Errorf("edge: %+v", c)
	}
	for n := range g.Nodes() {
		if c := style.Captions(g).Node(n); c.Level != render.Healthy {
			t.Errorf("node without a mark: %+v", c)
		}
	}
	if legend := style.Legend(g); slices.ContainsFunc(legend, func(i render.LegendItem) bool { return i.Kind == render.LegendFailing }) {
		t.Errorf("the legend explains failures, of which the image has none: %v", legend)
	}
	style.Marks.Meaning = map[render.LegendKind]string{render.LegendFailing: "bad", render.LegendWidth: "wide"}
	if legend := style.Legend(g); !slices.Contains(legend, render.LegendItem{Kind: render.LegendFailing, Text: "bad"}) || !slices.Contains(legend, render.LegendItem{Kind: render.LegendWidth, Text: "wide"}) {
		t.Errorf("the legend has no meanings of the marks: %v", legend)
	}
	var dot bytes.Buffer
	if err := (render.DOT{Style: style}).Render(&dot, g); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`penwidth="4"`, `style="dashed"`, "<B>gone"} {
		if !strings.Contains(dot.String(), want) {
			t.Errorf("DOT lacks %s:\n%s", want, dot.String())
		}
	}
	if strings.Contains(dot.String(), "nodes: ") {
		t.Error("the heading explains numbers that the image does not have")
	}
}
