package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// graphWithoutSpans returns a graph like one from Prometheus: it has counts and latencies, and no
// spans or traces.
func graphWithoutSpans(t *testing.T) *servicegraph.Graph {
	t.Helper()
	id := func(name string, typ servicegraph.NodeType) servicegraph.NodeID {
		return servicegraph.NodeID{Name: name, Type: typ}
	}
	web, cart, orders, mail := id("web", servicegraph.TypeService), id("cart", servicegraph.TypeService), id("orders", servicegraph.TypeDatabase), id("mail", servicegraph.TypeService)
	stats := func(calls, errors float64) servicegraph.Stats {
		return servicegraph.Stats{Calls: calls, Errors: errors, Latency: servicegraph.NewLatency([]servicegraph.LatencyBucket{{UpTo: 50 * time.Millisecond, Count: calls}}, 0)}
	}
	g, err := servicegraph.NewGraph(
		[]servicegraph.Node{{ID: web, Requests: stats(100, 2), Entries: 100}},
		[]servicegraph.Edge{
			{ID: servicegraph.EdgeID{From: web, To: cart, Kind: servicegraph.EdgeRequest}, Calls: 200, Errors: 20, Caller: stats(200, 20), Callee: stats(200, 20)},
			{ID: servicegraph.EdgeID{From: cart, To: orders, Kind: servicegraph.EdgeRequest}, Calls: 300, Caller: stats(300, 0)},
			{ID: servicegraph.EdgeID{From: cart, To: mail, Kind: servicegraph.EdgeMessage}, Calls: 50, Callee: stats(50, 0)},
		}, servicegraph.Report{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestViewsAndFormatsWithoutSpans writes every view of a graph without spans in every format that needs
// no traces. Every document names a node of the view.
func TestViewsAndFormatsWithoutSpans(t *testing.T) {
	g := graphWithoutSpans(t)
	named := func(name string) func(servicegraph.Node) bool {
		return func(n servicegraph.Node) bool { return n.ID.Name == name }
	}
	for name, view := range map[string]struct {
		g     *servicegraph.Graph
		edges int
	}{
		"whole":     {g, 3},
		"filter":    {g.Filter(func(n servicegraph.Node) bool { return n.ID.Name != "mail" }), 2},
		"edges":     {g.FilterEdges(func(e servicegraph.Edge) bool { return e.Calls > 100 }), 2},
		"errors":    {g.ErrorsOnly(0.05), 1},
		"errors of": {g.WithErrorsOf(servicegraph.CallerSide), 3},
		"top":       {g.Top(2), 1},
		"top edges": {g.TopEdges(1), 1},
		"near":      {g.Near(named("cart"), 1, 1), 3},
		"focus":     {g.Focus(named("cart")), 3},
		"entries":   {g.EntriesOnly(), 3},
		"hide":      {g.Hide(named("cart")), 2},
		"gateways":  {g.HideGateways(named("web")), 2},
		"group": {g.Group(func(n servicegraph.Node) servicegraph.NodeID {
			return servicegraph.NodeID{Name: "cart", Type: servicegraph.TypeGroup}
		}), 2},
		"merged": {servicegraph.Merge(g, g), 3},
	} {
		if name == "group" {
			view.edges = view.g.NumEdges()
		}
		if view.g.NumEdges() != view.edges || view.g.NumNodes() == 0 {
			t.Errorf("%s: %d nodes, %d edges, want %d", name, view.g.NumNodes(), view.g.NumEdges(), view.edges)
		}
		for _, f := range newExport(nil, nil, nil).style.formats(draw.Options{}) {
			if f.Name == "png" && name != "whole" { // a PNG has the same layout as an SVG
				continue
			}
			var doc bytes.Buffer
			if err := f.Renderer.Render(&doc, view.g); err != nil {
				t.Errorf("%s as %s: %v", name, f.Name, err)
			}
			if !f.Binary && !strings.Contains(doc.String(), "cart") && !strings.Contains(doc.String(), "orders") {
				t.Errorf("%s as %s names no node:\n%.500s", name, f.Name, doc.String())
			}
			if strings.Contains(doc.String(), "NaN") {
				t.Errorf("%s as %s contains NaN", name, f.Name)
			}
		}
	}
}

// TestQuestionsWithoutSpans checks rules on a graph without spans, its topology, its diff and the
// number of its series.
func TestQuestionsWithoutSpans(t *testing.T) {
	g := graphWithoutSpans(t)
	rules, err := graphtest.Parse("rules", `
		never web -> orders
		only web -> cart
		layers web > cart > orders, mail
		errors web -> cart at most 5%
		latency caller p95 web -> cart at most 10ms
		latency callee p95 web -> cart at most 100ms`)
	if err != nil {
		t.Fatal(err)
	}
	var broken []string
	for _, v := range graphtest.Violations(g, rules...) {
		broken = append(broken, v.Rule)
	}
	if got, want := strings.Join(broken, "; "), "errors web -> cart at most 5%; latency caller p95 web -> cart at most 10ms"; got != want {
		t.Errorf("broken: %s, want %s", got, want)
	}
	impact, ok := topology.New(g, topology.Calls).BlastRadius(servicegraph.NodeID{Name: "orders", Type: servicegraph.TypeDatabase})
	if !ok || impact.Requests != 100 || len(impact.Entries) != 1 {
		t.Errorf("blast radius %+v", impact)
	}
	if d, err := graphdiff.Compare(g, g, graphdiff.Config{}); err != nil || d.Changed() {
		t.Errorf("the diff of the graph with itself: %v, %v", d.Findings(), err)
	}
	if e := promgraph.EstimateSeries(g, promgraph.Config{}); e.Edges != 3 || e.Failing != 1 || e.Default == 0 {
		t.Errorf("estimate %+v", e)
	}
}
