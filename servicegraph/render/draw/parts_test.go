package draw

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

func partsOf(t *testing.T, style render.Style, g *servicegraph.Graph) partList {
	t.Helper()
	var b bytes.Buffer
	if err := (Parts{Options{Style: style}}).Render(&b, g); err != nil {
		t.Fatal(err)
	}
	var list partList
	if err := json.Unmarshal(b.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// The parts have the sizes of the cards and labels in an image, and every text fits its part.
func TestPartsAreThoseOfTheImage(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	list := partsOf(t, render.Style{}, g)
	p := newPlan(g, render.Style{}, form{})
	if len(list.Nodes) != g.NumNodes() || len(list.Edges) != g.NumEdges() {
		t.Fatalf("%d nodes and %d edges, want %d and %d", len(list.Nodes), len(list.Edges), g.NumNodes(), g.NumEdges())
	}
	for i, part := range list.Nodes {
		c := p.cards[i]
		if part.Width != rounded(c.width()) || part.Height != rounded(c.height()) || part.Tip != c.tooltip {
			t.Errorf("card %s is %v × %v, want %v × %v", c.id, part.Width, part.Height, c.width(), c.height())
		}
		if len(part.Texts) != 4*len(c.texts) {
			t.Fatalf("card %s has %d values for %d texts", c.id, len(part.Texts), len(c.texts))
		}
		for k, text := range c.texts {
			font := list.Fonts[int(part.Texts[4*k].(float64))]
			if font != (fontPart{text.class, text.size, text.bold}) || part.Texts[4*k+3] != text.s {
				t.Errorf("card %s: text %v in %v, want %q in %v", c.id, part.Texts[4*k+3], font, text.s, text.textStyle)
			}
		}
		if (part.Row != nil) != c.dashed() {
			t.Errorf("card %s: row %v", c.id, part.Row)
		}
	}
	for _, e := range p.edges {
		part := list.Edges[e.index]
		if part == nil || len(part.Labels) != len(e.variants) || part.Labels[0].Width != rounded(e.variants[0].size.x) {
			t.Errorf("edge %d has the part %+v", e.index, part)
		}
	}
}

func TestPartsOfSelfEdges(t *testing.T) {
	traffic := &rendertest.Traffic{Window: time.Minute}
	traffic.Call("a", "a", rendertest.Load{Calls: 1, Typical: time.Second})
	g := traffic.Graph(t)
	if list := partsOf(t, render.Style{}, g); list.Edges[0] != nil {
		t.Errorf("a self edge has the part %+v", list.Edges[0])
	}
	if list := partsOf(t, render.Style{SelfEdges: true}, g); list.Edges[0] == nil {
		t.Error("a self edge that is drawn has no part")
	}
}

// The legend of the parts has the marks of the image, each with something to show.
func TestPartsHaveALegend(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	legend := partsOf(t, render.Style{}, g).Legend
	marks := render.Style{}.Legend(g)
	if len(legend) != len(marks) || len(legend) < 5 {
		t.Fatalf("%d entries for %d marks", len(legend), len(marks))
	}
	for i, part := range legend {
		if part.Text != marks[i].Text || !strings.HasPrefix(part.Class, "sample ") {
			t.Errorf("entry %d is %+v, want the text %q", i, part, marks[i].Text)
		}
		shown := 0
		for _, has := range []bool{part.Mark != "", len(part.Rects) > 0, part.Glyph != "", part.Line != ""} {
			if has {
				shown++
			}
		}
		if shown != 1 {
			t.Errorf("%q has %d kinds of samples: %+v", part.Text, shown, part)
		}
	}
}

func TestPartsOfAnEmptyGraph(t *testing.T) {
	if list := partsOf(t, render.Style{}, new(servicegraph.Graph)); list.Nodes == nil || list.Edges == nil || list.Legend == nil {
		t.Error("null in place of an empty list")
	}
}
