package live

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestNewHandler: the page, the formats and the metrics of a process, mounted below a path.
func TestNewHandler(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "some_total 1") })
	mux := http.NewServeMux()
	mux.Handle("/debug/servicegraph/", http.StripPrefix("/debug/servicegraph", NewHandler(func() *servicegraph.Graph { return graph("cart") }, Config{Metrics: metrics})))
	for path, want := range map[string]struct {
		status         int
		mediaType, has string
	}{
		"":              {200, "text/html; charset=utf-8", "data-live"},
		"graph.json":    {200, "application/json", `"name":"cart"`},
		"graph.dot":     {200, "text/plain; charset=utf-8", "digraph"},
		"graph.mermaid": {200, "text/plain; charset=utf-8", "flowchart"},
		"graph.html":    {200, "text/html; charset=utf-8", "<html"},
		"metrics":       {200, "text/plain; charset=utf-8", "some_total 1"},
		"graph.nothing": {404, "text/plain; charset=utf-8", "unknown format"},
		"api/health":    {200, "application/json", "ok"},
	} {
		resp, body := get(t, mux, "http://localhost/debug/servicegraph/"+path)
		if resp.StatusCode != want.status || resp.Header.Get("Content-Type") != want.mediaType || !strings.Contains(body, want.has) {
			t.Errorf("%s: %d %s, want %d %s with %s", path, resp.StatusCode, resp.Header.Get("Content-Type"), want.status, want.mediaType, want.has)
		}
	}
	for _, path := range []string{"", "graph.json", "metrics", "api/graph/data"} {
		if resp, _ := get(t, mux, "http://attacker.example/debug/servicegraph/"+path); resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("a foreign host gets %d for %s", resp.StatusCode, path)
		}
	}
}

// TestReach: the panels show what a failure reaches, and are updated even if nothing else changes.
func TestReach(t *testing.T) {
	text := "1 of 9 entries"
	h := NewHandler(func() *servicegraph.Graph { return graph("cart") }, Config{
		Every: time.Nanosecond,
		Reach: func(g *servicegraph.Graph) (map[servicegraph.NodeID]string, map[servicegraph.EdgeID]string) {
			nodes := make(map[servicegraph.NodeID]string)
			for n := range g.Nodes() {
				nodes[n.ID] = text
			}
			return nodes, nil
		},
	})
	for _, text = range []string{"1 of 9 entries", "2 of 9 entries"} {
		for _, file := range []string{"fragment", "", "graph.html"} {
			if _, body := get(t, h, "http://localhost/"+file); !strings.Contains(body, `["A failure reaches","`+text+`"]`) {
				t.Errorf("/%s does not say that a failure reaches %s", file, text)
			}
		}
	}
}

// TestRefresh: the graph is not made again before the interval is over, and an open page learns of
// a change.
func TestRefresh(t *testing.T) {
	var made atomic.Int64
	slow := NewHandler(func() *servicegraph.Graph {
		return graph(fmt.Sprintf("cart%d", made.Add(1)))
	}, Config{Every: time.Hour})
	for range 3 {
		if _, body := get(t, slow, "http://localhost/graph.json"); !strings.Contains(body, "cart1") {
			t.Errorf("got %s", body)
		}
	}
	if made.Load() != 1 {
		t.Errorf("the graph was made %d times", made.Load())
	}

	fast := httptest.NewServer(NewHandler(func() *servicegraph.Graph {
		return graph(fmt.Sprintf("cart%d", made.Add(1)))
	}, Config{Every: time.Millisecond}))
	defer fast.Close()
	resp, err := http.Get(fast.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	versions := make(map[string]bool)
	lines := bufio.NewScanner(resp.Body)
	for len(versions) < 3 && lines.Scan() {
		if version, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			versions[version] = true
		}
	}
	if len(versions) < 3 {
		t.Errorf("the stream ended after %d versions: %v", len(versions), lines.Err())
	}
}

// TestNodeGraphAPI: each field of a row is described, and edges connect nodes that exist.
func TestNodeGraphAPI(t *testing.T) {
	web, cart := servicegraph.NodeID{Name: "web", Type: servicegraph.TypeService}, servicegraph.NodeID{Name: "cart", Type: servicegraph.TypeService}
	g, err := servicegraph.NewGraph(
		[]servicegraph.Node{{ID: cart, Requests: servicegraph.Stats{Calls: 4, Errors: 1}}},
		[]servicegraph.Edge{{ID: servicegraph.EdgeID{From: web, To: cart, Kind: servicegraph.EdgeRequest}, Calls: 4, Errors: 1}}, servicegraph.Report{})
	if err != nil {
		t.Fatal(err)
	}
	h := NewHandler(func() *servicegraph.Graph { return g }, Config{})
	var fields map[string][]map[string]string
	var data map[string][]map[string]any
	for path, to := range map[string]any{"/api/graph/fields": &fields, "/api/graph/data": &data} {
		_, body := get(t, h, "http://localhost"+path)
		if err := json.Unmarshal([]byte(body), to); err != nil {
			t.Fatalf("%s: %v in %s", path, err, body)
		}
	}
	for rows, described := range map[string]string{"nodes": "nodes_fields", "edges": "edges_fields"} {
		known := make(map[string]bool)
		for _, f := range fields[described] {
			known[f["field_name"]] = true
		}
		for _, row := range data[rows] {
			if len(row) != len(known) {
				t.Errorf("%s have %d fields, %d are described", rows, len(row), len(known))
			}
			for name := range row {
				if !known[name] {
					t.Errorf("field %s of %s is not described", name, rows)
				}
			}
		}
	}
	if len(data["nodes"]) != 2 || len(data["edges"]) != 1 {
		t.Fatalf("%v", data)
	}
	edge, callee := data["edges"][0], data["nodes"][0]
	if edge["target"] != callee["id"] || callee["title"] != "cart" || callee["arc__failed"] != 0.25 || edge["mainStat"] != "4" {
		t.Errorf("edge %v, node %v", edge, callee)
	}
}
