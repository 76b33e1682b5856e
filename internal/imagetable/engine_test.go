package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/tempograph/tempograph/internal/imagecheck"
	"github.com/tempograph/tempograph/internal/systems"
)

// TestSolutionsAreMeasured: the image of an engine's layout has everything that the table measures:
// nodes, edges, labels and their faults.
func TestSolutionsAreMeasured(t *testing.T) {
	p := problem{
		Nodes: []item{{100, 50, ""}, {100, 50, ""}, {100, 50, ""}},
		Edges: []line{{0, 1, &item{40, 12, ""}}, {0, 2, nil}},
	}
	var s solution
	err := json.Unmarshal([]byte(`{"width": 500, "height": 300,
		"nodes": [{"i": 0, "x": 0, "y": 0}, {"i": 1, "x": 300, "y": 0}, {"i": 2, "x": 300, "y": 200}],
		"edges": [{"i": 0, "path": [[100, 25], [100, 25], [300, 25], [300, 25]]}, {"i": 1, "path": [[100, 30], [100, 30], [300, 225], [300, 225]]}],
		"labels": [{"i": 0, "x": 150, "y": 80}]}`), &s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := imagecheck.Measure(bytes.NewReader(p.svg(s)))
	if err != nil {
		t.Fatal(err)
	}
	if r.Nodes != 3 || r.Edges != 2 || r.Labels != 1 || r.Hit != 1 || r.Misplaced != 1 || r.Width != 500 {
		t.Errorf("%+v: want 3 nodes, 2 edges and a label on the foreign edge", r)
	}
}

// TestProblemsAreWhole: the input of an engine has all nodes, and all edges that images show.
func TestProblemsAreWhole(t *testing.T) {
	g, err := systems.New(systems.Config{Services: 12, Seed: 1, Requests: 200}).Graph()
	if err != nil {
		t.Fatal(err)
	}
	p, err := engine{program: "dot", labels: true}.problem(g)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Nodes) != g.NumNodes() || len(p.Edges) != lines(g) {
		t.Errorf("%d nodes and %d edges, want %d and %d", len(p.Nodes), len(p.Edges), g.NumNodes(), lines(g))
	}
	for i, e := range p.Edges {
		if e.Label == nil || e.Label.Width == 0 || p.Nodes[e.From].Width == 0 {
			t.Errorf("edge %d has the label %v", i, e.Label)
		}
	}
}

func TestProblemLine(t *testing.T) {
	stderr := "file:///x.js:1\nvar Error=1;throw new Error(\"x\")\n  ^\n\nTypeError: Cannot read properties of undefined\n    at f\n"
	if got, want := problemLine(stderr), "TypeError: Cannot read properties of undefined"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
