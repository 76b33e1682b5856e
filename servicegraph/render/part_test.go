package render_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

func failingNodes(g *servicegraph.Graph) map[servicegraph.NodeID]bool {
	ids := make(map[servicegraph.NodeID]bool)
	for n := range g.Nodes() {
		if (render.Style{}).Level(n.Requests.Errors, n.Requests.Calls) == render.Failing {
			ids[n.ID] = true
		}
	}
	return ids
}

// The part of a large graph has all failing nodes, and an entry above each of them.
func TestPartHasWhatFails(t *testing.T) {
	for seed := range uint64(4) {
		g, err := systems.New(systems.Config{Services: 150, Failing: true, Seed: seed}).Graph()
		if err != nil {
			t.Fatal(err)
		}
		part := render.Style{}.Part(g, 60, 100)
		if n, e := part.NumNodes(), part.NumEdges(); n < 30 || n > 120 || e < 30 || e > 200 {
			t.Errorf("seed %d: %d nodes and %d edges", seed, n, e)
		}
		failing := failingNodes(g)
		if len(failing) < 5 {
			t.Fatalf("seed %d: only %d nodes fail", seed, len(failing))
		}
		for id := range failing {
			if _, ok := part.Node(id); !ok {
				t.Errorf("seed %d: failing %v is left out", seed, id)
				continue
			}
			entries := 0
			for n := range part.Near(func(n servicegraph.Node) bool { return n.ID == id }, 1000, 0).Nodes() {
				if n.Entries > 0 {
					entries++
				}
			}
			if entries == 0 {
				t.Errorf("seed %d: no path leads to failing %v", seed, id)
			}
		}
		for e := range g.Edges() {
			if _, ok := part.Edge(e.ID); !ok && (render.Style{}).Level(e.Errors, e.Calls) == render.Failing {
				t.Errorf("seed %d: failing %v is left out", seed, e.ID)
			}
		}
		if text := (render.Style{}).Drawn(g, part); !strings.HasPrefix(text, "drawn: ") || !strings.Contains(text, " failing, ") {
			t.Errorf("%q", text)
		}
	}
}

// If nothing fails, the part is connected to the entries, and is as large as allowed.
func TestPartOfAHealthyGraph(t *testing.T) {
	g, err := systems.New(systems.Config{Services: 120, Seed: 1}).Graph()
	if err != nil {
		t.Fatal(err)
	}
	part := render.Style{}.Part(g, 40, 60)
	if n, e := part.NumNodes(), part.NumEdges(); n != 40 || e < 30 || e > 60 {
		t.Errorf("%d nodes and %d edges", n, e)
	}
	if reached := part.EntriesOnly(); reached.NumNodes() != part.NumNodes() {
		t.Errorf("entries reach %d of %d nodes", reached.NumNodes(), part.NumNodes())
	}
	if whole := (render.Style{}).Part(g, g.NumNodes(), g.NumEdges()); whole != g {
		t.Error("a graph within the limits is not drawn as it is")
	}
	if text := (render.Style{}).Drawn(g, g); text != "" {
		t.Errorf("a whole graph: %q", text)
	}
}

func TestPartIsTheSameEveryTime(t *testing.T) {
	g, err := systems.New(systems.Config{Services: 60, Failing: true, Seed: 2, Requests: 200}).Graph()
	if err != nil {
		t.Fatal(err)
	}
	first, err := render.Style{}.Part(g, 20, 25).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := render.Style{}.Part(g, 20, 25).MarshalJSON()
		if err != nil || string(again) != string(first) {
			t.Fatalf("another part (%v)", err)
		}
	}
}

// The order of all nodes and edges begins with the part that Part picks.
func TestOrderBeginsWithThePart(t *testing.T) {
	g, err := systems.New(systems.Config{Services: 60, Failing: true, Seed: 2, Requests: 200}).Graph()
	if err != nil {
		t.Fatal(err)
	}
	nodes, edges := (render.Style{}).Order(g)
	if len(nodes) != g.NumNodes() || len(edges) != g.NumEdges() {
		t.Fatalf("%d nodes and %d edges, want %d and %d", len(nodes), len(edges), g.NumNodes(), g.NumEdges())
	}
	part := render.Style{}.Part(g, 20, 25)
	for _, id := range nodes[:part.NumNodes()] {
		if _, ok := part.Node(id); !ok {
			t.Errorf("%v is among the first %d nodes and not in the part", id, part.NumNodes())
		}
	}
	seen := make(map[servicegraph.NodeID]bool)
	for _, id := range nodes {
		if seen[id] {
			t.Errorf("%v occurs twice", id)
		}
		seen[id] = true
	}
}

// Self edges, which images do not show, take no room from edges that they show, and connect
// no card.
func TestPartCountsLines(t *testing.T) {
	g, err := systems.New(systems.Config{Services: 1000, Seed: 1}).Graph()
	if err != nil {
		t.Fatal(err)
	}
	lines := func(g *servicegraph.Graph) (n int) {
		for e := range g.Edges() {
			if e.ID.From != e.ID.To {
				n++
			}
		}
		return n
	}
	overview, part := render.Style{}.Overview(g, 80, 160)
	if n := lines(part); n != 100 || part.NumEdges() == n {
		t.Errorf("%d of %d edges connect two nodes, want 100 and self edges", n, part.NumEdges())
	}
	want := fmt.Sprintf("drawn: 80 of %d nodes, 100 of %d edges", overview.NumNodes(), lines(overview))
	if got := strings.ReplaceAll(render.Style{}.Drawn(overview, part), ",", ""); got != strings.ReplaceAll(want, ",", "") {
		t.Errorf("%q, want %q", got, want)
	}
	for n := range part.Nodes() {
		others := 0
		for _, edges := range []func(servicegraph.NodeID) iter.Seq[servicegraph.Edge]{overview.In, overview.Out} {
			for e := range edges(n.ID) {
				if _, ok := part.Edge(e.ID); ok && e.ID.From != e.ID.To {
					others++
				}
			}
		}
		if others == 0 {
			t.Errorf("%v has no edge", n.ID)
		}
	}
	for _, line := range (render.Style{}).Heading(g, part) {
		if strings.Contains(line, "hidden") {
			t.Errorf("%q repeats what Drawn says", line)
		}
	}
}
