package draw

import (
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/internal/imagecheck"
	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// system returns the graph of a generated system.
func system(t *testing.T, c systems.Config) *servicegraph.Graph {
	t.Helper()
	g, err := systems.New(c).Graph()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// measure draws a graph and measures the image.
func measure(t *testing.T, o Options, g *servicegraph.Graph) imagecheck.Result {
	t.Helper()
	r, err := imagecheck.Measure(strings.NewReader(svgString(t, SVG{o}, g)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Graphviz draws every graph, without a fallback to a simpler layout, and no edge is lost. The
// graphs are parts of systems of many sizes, with namespaces.
func TestEveryGraphDraws(t *testing.T) {
	drawn := 0
	for _, services := range []int{8, 14, 30, 60, 120, 240} {
		whole := system(t, systems.Config{Services: services, Failing: services%4 == 0, Seed: uint64(services), Requests: 400})
		for _, g := range parts(whole, !testing.Short()) {
			o := Options{Style: render.Style{TopDown: drawn%10 == 9}, Force: drawn%4 == 3}
			s, err := o.scene(g)
			if err != nil {
				t.Fatalf("%d services, %d nodes and %d edges: %v", services, g.NumNodes(), g.NumEdges(), err)
			}
			drawn++
			for _, line := range s.heading {
				if strings.Contains(line.s, "simple layout") {
					t.Fatalf("%d services, %d nodes and %d edges: %s", services, g.NumNodes(), g.NumEdges(), line.s)
				}
			}
			want := 0
			shown := g
			if !o.Force && (g.NumNodes() > maxNodes || g.NumEdges() > maxEdges) {
				_, shown = o.Style.Overview(g, partNodes, partEdges)
			}
			for e := range shown.Edges() {
				if e.ID.From != e.ID.To {
					want++
				}
			}
			if len(s.cards) != shown.NumNodes() || len(s.edges) != want {
				t.Errorf("%d of %d nodes and %d of %d edges", len(s.cards), shown.NumNodes(), len(s.edges), want)
			}
			for i := range s.edges {
				if len(s.edges[i].path) < 4 {
					t.Errorf("edge %d has no curve", i)
				}
			}
		}
	}
	t.Logf("drew %d graphs", drawn)
}

// parts returns views of a graph as users take them: the busiest nodes, and everything around a
// node. With all, there are many.
func parts(g *servicegraph.Graph, all bool) []*servicegraph.Graph {
	list := []*servicegraph.Graph{g}
	step := 7
	if all {
		step = 1
	}
	for n := 10; n < g.NumNodes(); n += 3 * step {
		list = append(list, g.Top(n))
	}
	i := 0
	for n := range g.Nodes() {
		i++
		if i%(2*step) == 0 {
			list = append(list, g.Focus(func(m servicegraph.Node) bool { return m.ID == n.ID }))
		}
	}
	return list
}

// A label lies on its own edge, clear of other edges, nodes and labels.
func TestLabelsBelongToTheirEdges(t *testing.T) {
	for _, services := range []int{12, 40} {
		for seed := range uint64(4) {
			for _, failing := range []bool{false, true} {
				g := system(t, systems.Config{Services: services, Failing: failing, Seed: seed, Requests: 300})
				r := measure(t, Options{}, g)
				if r.Faults() > 0 {
					t.Errorf("%d services, seed %d: %v", services, seed, r)
				}
				if few := r.Labels / 6; r.Labels < 10 || r.Numbered > few {
					t.Errorf("%d services, seed %d: %d of %d labels are only numbers, want at most %d", services, seed, r.Numbered, r.Labels, few)
				}
				if r.Numbered > r.Listed {
					t.Errorf("%d numbers for %d entries of the list", r.Numbered, r.Listed)
				}
				if r.Through > 0 {
					t.Errorf("%d services, seed %d: %d edges lead through nodes", services, seed, r.Through)
				}
			}
		}
	}
}

// An image of up to 100 nodes has about the shape of a screen.
func TestImagesFitAScreen(t *testing.T) {
	for _, services := range []int{12, 25, 40, 65} {
		for seed := range uint64(3) {
			r := measure(t, Options{}, system(t, systems.Config{Services: services, Seed: seed, Requests: 300}))
			if ratio := r.Width / r.Height; ratio < 1.35 || ratio > 2.3 {
				t.Errorf("%d services, %d nodes, seed %d: %.0f × %.0f pixels, a ratio of %.2f", services, r.Nodes, seed, r.Width, r.Height, ratio)
			}
			if services == 12 && (r.Width > 1480 || r.Height > 960) {
				t.Errorf("12 services, seed %d: %.0f × %.0f pixels are larger than a screen", seed, r.Width, r.Height)
			}
		}
	}
}

// The layout without Graphviz places everything, and no edge leads through a node.
func TestSimpleLayout(t *testing.T) {
	for _, services := range []int{1, 2, 12, 60} {
		for _, topDown := range []bool{false, true} {
			g := system(t, systems.Config{Services: services, Seed: 3, Requests: 300})
			p := newPlan(g, render.Style{TopDown: topDown}, form{})
			p.placeByLayers()
			p.finish()
			p.setHeading("simple", nil, nil)
			r, err := imagecheck.Measure(strings.NewReader(string(p.svg(ThemeLight))))
			if err != nil {
				t.Fatal(err)
			}
			if r.Nodes != g.NumNodes() || r.Edges != len(p.edges) {
				t.Errorf("%d services: %d nodes and %d edges", services, r.Nodes, r.Edges)
			}
			if r.Faults() > 0 || r.Through > 0 {
				t.Errorf("%d services: %v; %d edges lead through nodes", services, r, r.Through)
			}
			for i := range p.cards {
				for j := range i {
					a, b := &p.cards[i], &p.cards[j]
					if a.host < 0 && b.host < 0 && a.overlaps(b.rect) {
						t.Errorf("%d services: cards %s and %s overlap", services, a.id, b.id)
					}
				}
			}
		}
	}
}

// The components of a graph are packed in several columns instead of one, and no two of them
// overlap.
func TestComponentsArePacked(t *testing.T) {
	for _, topDown := range []bool{false, true} {
		traffic := &rendertest.Traffic{Window: time.Minute}
		for i := range 20 {
			for j := range 1 + i%3 {
				traffic.Call(service(100*i+j), service(100*i+j+1), rendertest.Load{Calls: 1, Typical: time.Second})
			}
		}
		r := measure(t, Options{Style: render.Style{TopDown: topDown}}, traffic.Graph(t))
		if ratio := r.Width / r.Height; ratio < 1 || ratio > 2.6 || r.Faults() > 0 || r.Through > 0 || r.Crossings > 0 {
			t.Errorf("top down %v: a ratio of %.2f, %v, %d edges through nodes, %d crossings", topDown, ratio, r, r.Through, r.Crossings)
		}
	}
}

// The card of a collapsed namespace with entries has the mark of an entry.
func TestGroupsWithEntriesAreMarked(t *testing.T) {
	g := system(t, systems.Config{Services: 24, Seed: 1, Requests: 300}).Group(servicegraph.ByNamespace)
	p := newPlan(g, render.Style{}, form{})
	i, marked := 0, 0
	for n := range g.Nodes() {
		c := &p.cards[i]
		i++
		if want := n.Entries > 0; n.ID.Type == servicegraph.TypeGroup && (len(c.glyphStrokes()) > 0) != want {
			t.Errorf("%v: marked as an entry: %v, want %v", n.ID, !want, want)
		} else if want {
			marked++
		}
	}
	if marked == 0 {
		t.Error("no group has entries")
	}
}

// A long chain of calls is wrapped into bands, through which its edges lead without a gap.
func TestLongChainsAreWrapped(t *testing.T) {
	for _, topDown := range []bool{false, true} {
		traffic := &rendertest.Traffic{Window: time.Minute}
		call := func(from, to, failed int) {
			traffic.Call(service(from), service(to), rendertest.Load{Calls: 10, Errors: failed, Typical: time.Second})
		}
		for i := range 59 {
			call(i, i+1, 0)
		}
		call(3, 9, 5) // over cards in one band
		call(20, 44, 0)
		call(59, 0, 0) // back through all bands
		g := traffic.Graph(t)
		o := Options{Style: render.Style{TopDown: topDown}}
		r := measure(t, o, g)
		if r.Nodes != 60 || r.Edges != 62 || r.Faults() > 0 || r.Through > 0 {
			t.Errorf("top down %v: %d nodes, %d edges, %v, %d edges through nodes", topDown, r.Nodes, r.Edges, r, r.Through)
		}
		if ratio := r.Width / r.Height; ratio < 1 || ratio > 2.6 || r.Width > 3000 {
			t.Errorf("top down %v: %.0f × %.0f pixels", topDown, r.Width, r.Height)
		}
		s, err := o.scene(g)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.edges {
			e := &s.edges[i]
			points := e.path.flatten(4)
			for k := 1; k < len(points); k++ {
				if d := distance(points[k-1], points[k]); d > 13 {
					t.Fatalf("edge %d has a gap of %.0f pixels", e.index, d)
				}
			}
			from, to := s.cards[e.from].grown(1), s.cards[e.to].grown(1)
			if from.missing(points[0]) != (point{}) || to.missing(e.head[0]) != (point{}) {
				t.Errorf("edge %d does not lead from its caller to its callee", e.index)
			}
		}
	}
}
