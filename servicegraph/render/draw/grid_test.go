package draw

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/internal/imagecheck"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// A graph of a node with 80 callees, or callers, fits a screen. The cards are in a grid, failing
// ones come first, and no label is lost.
func TestGrids(t *testing.T) {
	for _, topDown := range []bool{false, true} {
		for _, in := range []bool{false, true} {
			t.Run(fmt.Sprintf("top down %v, callers %v", topDown, in), func(t *testing.T) {
				g := hub(t, in, 80)
				o := Options{Style: render.Style{TopDown: topDown}}
				checkGrid(t, measure(t, o, g), g, in)
				s, err := o.scene(g)
				if err != nil {
					t.Fatal(err)
				}
				checkFailingFirst(t, s)
			})
		}
	}
	few := measure(t, Options{}, hub(t, false, fewestLeaves-2))
	if few.Labels == 0 {
		t.Error("a node with few callees has a grid")
	}
}

// hub returns the graph of a node with n callees, or n callers. Calls of service 44 fail.
func hub(t *testing.T, in bool, n int) *servicegraph.Graph {
	traffic := &rendertest.Traffic{Window: time.Minute}
	for i := range n {
		load := rendertest.Load{Calls: 20, Typical: time.Second}
		if i == 44 {
			load.Errors = 10
		}
		if in {
			traffic.Call(service(i), "hub", load)
		} else {
			traffic.Call("hub", service(i), load)
		}
	}
	traffic.Call("web", "front", rendertest.Load{Calls: 20, Typical: time.Second})
	traffic.Call("front", "hub", rendertest.Load{Calls: 20, Typical: time.Second})
	traffic.Call("hub", "store", rendertest.Load{Calls: 20, Typical: time.Second})
	traffic.Call("front", "store", rendertest.Load{Calls: 20, Typical: time.Second})
	return traffic.Graph(t)
}

// checkGrid checks the measures of the image of a hub.
func checkGrid(t *testing.T, r imagecheck.Result, g *servicegraph.Graph, in bool) {
	if r.Nodes != g.NumNodes() || r.Edges != g.NumEdges() || r.Faults() > 0 || r.Through > 0 {
		t.Errorf("%d nodes, %d edges, %d through nodes, %v", r.Nodes, r.Edges, r.Through, r)
	}
	if r.Width > 2400 || r.Height > 1700 || r.Width/r.Height < 0.9 || r.Width/r.Height > 2.2 {
		t.Errorf("%.0f × %.0f pixels", r.Width, r.Height)
	}
	if in && r.Labels-r.Numbered < 80 {
		t.Errorf("%d of %d labels are numbers", r.Numbered, r.Labels)
	}
}

// checkFailingFirst checks that the failing service comes first in the grid, and that its line is on
// top of the others.
func checkFailingFirst(t *testing.T, s *scene) {
	corner := func(c card) float64 { return c.min.x + c.min.y }
	var failing card
	for _, c := range s.cards {
		if c.name == service(44) {
			failing = c
		}
	}
	for _, c := range s.cards {
		if strings.HasPrefix(c.name, "service") && (c.host >= 0 || corner(c) < corner(failing)) {
			t.Errorf("%s is before the failing service", c.name)
		}
	}
	last := ""
	for _, e := range s.edges {
		if name := s.cards[e.from].name + s.cards[e.to].name; strings.Contains(name, "service") {
			last = name
		}
	}
	if !strings.Contains(last, service(44)) {
		t.Errorf("%s has the last line, which hides the failing one in the trunk", last)
	}
}
