package render

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// nodeGraphFields are the fields in the documentation of Grafana's node graph panel,
// with the types that the panel accepts. The prefixes arc__ and detail__ stand for all
// fields with such a name.
var nodeGraphFields = map[string]map[string]string{
	"nodes": {
		"id": "string", "title": "string", "subtitle": "string", "mainstat": "string number", "secondarystat": "string number",
		"color": "string number", "icon": "string", "nodeRadius": "number", "highlighted": "boolean", "arc__": "number", "detail__": "string number",
	},
	"edges": {
		"id": "string", "source": "string", "target": "string", "mainstat": "string number", "secondarystat": "string number",
		"thickness": "number", "color": "string", "strokeDasharray": "string", "highlighted": "boolean", "detail__": "string number",
	},
}

// A table holds the columns of a frame by their names.
type table map[string][]any

// readFrames renders a graph and returns the two frames.
func readFrames(t *testing.T, g *servicegraph.Graph) (nodes, edges table) {
	t.Helper()
	var frames []struct {
		Schema struct {
			Name   string
			Meta   struct{ PreferredVisualisationType string }
			Fields []struct{ Name, Type string }
		}
		Data struct{ Values [][]any }
	}
	if err := json.Unmarshal([]byte(renderString(t, Grafana{}, g)), &frames); err != nil {
		t.Fatal(err)
	}
	if len(frames) != 2 || frames[0].Schema.Name != "nodes" || frames[1].Schema.Name != "edges" {
		t.Fatalf("frames %+v", frames)
	}
	tables := []table{{}, {}}
	for i, f := range frames {
		name := f.Schema.Name
		if f.Schema.Meta.PreferredVisualisationType != "nodeGraph" || len(f.Data.Values) != len(f.Schema.Fields) {
			t.Errorf("%s: meta %v, %d columns for %d fields", name, f.Schema.Meta, len(f.Data.Values), len(f.Schema.Fields))
		}
		for j, field := range f.Schema.Fields {
			key := field.Name
			if prefix, _, found := strings.Cut(key, "__"); found {
				key = prefix + "__"
			}
			if !slices.Contains(strings.Fields(nodeGraphFields[name][key]), field.Type) {
				t.Errorf("%s: field %s of type %s", name, field.Name, field.Type)
			}
			column := f.Data.Values[j]
			if len(column) != len(f.Data.Values[0]) {
				t.Errorf("%s: %d values of %s, %d of the first field", name, len(column), field.Name, len(f.Data.Values[0]))
			}
			for _, v := range column {
				_, isText := v.(string)
				_, isNumber := v.(float64)
				if v != nil && (isText && field.Type != "string" || isNumber && field.Type != "number" || !isText && !isNumber) {
					t.Errorf("%s: %v in field %s of type %s", name, v, field.Name, field.Type)
				}
			}
			tables[i][field.Name] = column
		}
	}
	return tables[0], tables[1]
}

func TestGrafanaFramesWithHostileNames(t *testing.T) {
	g := hostile().Graph(t)
	nodes, edges := readFrames(t, g)
	if len(nodes["id"]) != g.NumNodes() || len(edges["id"]) != g.NumEdges() {
		t.Fatalf("%d nodes and %d edges, want %d and %d", len(nodes["id"]), len(edges["id"]), g.NumNodes(), g.NumEdges())
	}
	i := 0
	seen := map[any]bool{}
	for n := range g.Nodes() {
		if seen[nodes["id"][i]] {
			t.Errorf("node %v occurs twice", nodes["id"][i])
		}
		seen[nodes["id"][i]] = true
		if got, want := nodes["title"][i], shorten(visible(n.ID.Name), 200); got != want {
			t.Errorf("title %q, want %q", got, want)
		}
		for _, text := range []any{nodes["title"][i], nodes["subtitle"][i]} {
			if strings.ContainsFunc(text.(string), unicode.IsControl) {
				t.Errorf("node shows %q", text)
			}
		}
		i++
	}
	ids := map[any]bool{}
	i = 0
	for e := range g.Edges() {
		if ids[edges["id"][i]] {
			t.Errorf("edge %v occurs twice", edges["id"][i])
		}
		ids[edges["id"][i]] = true
		if edges["source"][i] != NodeID(e.ID.From) || edges["target"][i] != NodeID(e.ID.To) || !seen[edges["source"][i]] || !seen[edges["target"][i]] {
			t.Errorf("edge from %v to %v, want %v", edges["source"][i], edges["target"][i], e.ID)
		}
		i++
	}
}

func TestGrafanaMarksFailures(t *testing.T) {
	nodes, edges := readFrames(t, rendertest.Shop().Graph(t))
	for i, id := range nodes["id"] {
		errors, ok, idle := nodes["arc__errors"][i].(float64), nodes["arc__ok"][i].(float64), nodes["arc__idle"][i].(float64)
		if math.Abs(errors+ok+idle-1) > 1e-9 {
			t.Errorf("arcs of %v are %v, %v and %v", id, errors, ok, idle)
		}
		if id == "service:shop/checkout" && math.Abs(errors-7.0/96) > 1e-9 {
			t.Errorf("arc of errors of %v is %v", id, errors)
		}
	}
	line := map[any][]any{}
	for i, id := range edges["id"] {
		line[id] = []any{edges["color"][i], edges["strokeDasharray"][i]}
		if (edges["detail__failed_trace"][i] != nil) != (edges["detail__errors"][i] != 0.0) {
			t.Errorf("edge %v with %v errors has the failed trace %v", id, edges["detail__errors"][i], edges["detail__failed_trace"][i])
		}
	}
	for id, want := range map[string][]any{
		"service:edge/mobile-bff > service:shop/catalog request":     {nil, nil},
		"service:edge/mobile-bff > service:shop/recommend request":   {"#b86e00", nil},
		"service:billing/payments > external:api.stripe.com request": {"#c62b36", nil},
		"service:billing/ledger > service:billing/mailer message":    {nil, "6 4"},
		"queue:kafka%2Forders > service:billing/ledger message":      {nil, "6 4"},
	} {
		if got := line[id]; !slices.Equal(got, want) {
			t.Errorf("edge %q has color and dashes %v, want %v", id, got, want)
		}
	}
}

// A value that was not measured is null, and a service without requests is idle, not healthy.
func TestGrafanaHasNullForUnknownValues(t *testing.T) {
	nodes, edges := readFrames(t, unfinished().Graph(t))
	if got := edges["mainstat"][0]; got != nil {
		t.Errorf("p95 of calls without an end is %v", got)
	}
	if got := []any{nodes["arc__errors"][0], nodes["arc__ok"][0], nodes["arc__idle"][0]}; !slices.Equal(got, []any{0.0, 0.0, 1.0}) {
		t.Errorf("arcs of a service without requests are %v", got)
	}
	nodes, edges = readFrames(t, new(servicegraph.Graph))
	for name, column := range nodes {
		if column == nil || len(column) != 0 {
			t.Errorf("%s of no nodes is %v", name, column)
		}
	}
	if len(edges["id"]) != 0 {
		t.Errorf("edges %v", edges["id"])
	}
}
