package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// A flowchart is the result of Mermaid's parser: see testdata/mermaid.mjs.
type flowchart struct {
	Error string
	Nodes []struct {
		ID, Text, Type string
		Classes        []string
	}
	Edges []struct {
		From, To, Text, Stroke string
		Style                  []string
	}
	Lines int // edges in the laid out image
	Boxes []struct {
		Text  string
		Nodes []string
	}
}

// parseMermaid runs Mermaid's own parser. The environment variable TEMPOGRAPH_MERMAID is
// the directory of the installed parser:
//
//	npm install --prefix DIR mermaid@11.17.2 jsdom@26.1.0
func parseMermaid(t *testing.T, texts ...string) []flowchart {
	t.Helper()
	return runMermaid(t, "parse", texts...)
}

// runMermaid lets Mermaid parse or lay out flowcharts.
func runMermaid(t *testing.T, task string, texts ...string) []flowchart {
	t.Helper()
	dir := os.Getenv("TEMPOGRAPH_MERMAID")
	if dir == "" {
		t.Skip("TEMPOGRAPH_MERMAID is not set to the directory of Mermaid's parser")
	}
	in, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "mermaid.mjs"), dir, task)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var charts []flowchart
	if err := json.Unmarshal(out, &charts); err != nil {
		t.Fatal(err)
	}
	for i, c := range charts {
		if c.Error != "" {
			t.Fatalf("chart %d: %s\n%s", i, c.Error, texts[i])
		}
	}
	return charts
}

func TestMermaidParserAcceptsGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.mmd")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	var texts []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	parseMermaid(t, texts...)
}

// Mermaid's parser finds every node and every edge, with the right text, in small graphs with
// boxes around namespaces and in larger ones.
func TestMermaidParserReadsHostileNames(t *testing.T) {
	style := Style{Title: strings.Join(rendertest.Hostile, " ")}
	var graphs []*servicegraph.Graph
	var texts []string
	boxed := 0
	for _, size := range []int{3, 15} {
		for names := range slices.Chunk(rendertest.Hostile, size) {
			g := callsOf(names).Graph(t)
			graphs, texts = append(graphs, g), append(texts, renderString(t, Mermaid{style}, g))
			if g.NumNodes() <= boxedNodes {
				boxed++
			}
		}
	}
	if boxed == 0 || boxed == len(graphs) {
		t.Fatalf("%d of %d graphs have boxes", boxed, len(graphs))
	}
	for i, chart := range parseMermaid(t, texts...) {
		checkHostileChart(t, graphs[i], chart)
	}
}

func checkHostileChart(t *testing.T, g *servicegraph.Graph, chart flowchart) {
	t.Helper()
	names := newIdents()
	boxes := map[string]string{} // by node
	for _, b := range chart.Boxes {
		for _, n := range b.Nodes {
			boxes[n] = b.Text
		}
	}
	texts := map[string]string{}
	for _, n := range chart.Nodes {
		texts[n.ID] = n.Text
	}
	if len(texts) != g.NumNodes() {
		t.Errorf("%d nodes, want %d", len(texts), g.NumNodes())
	}
	namespace, boxed := "", g.NumNodes() <= boxedNodes
	for n := range g.Nodes() {
		if boxed && n.ID.Namespace != namespace {
			namespace = n.ID.Namespace
			names.unique("namespace", namespace)
		}
		id := names.node(n.ID)
		want := ""
		if !boxed && n.ID.Namespace != "" {
			want = shorten(visible(n.ID.Namespace), 40) + "/<br>"
		}
		want += shorten(visible(n.ID.Name), 40) + "<br>" + strings.Join(mermaidNumbers(n, Style{}.Captions(g).Node(n)), "<br>")
		if texts[id] != want {
			t.Errorf("node %s has the text %q, want %q", id, texts[id], want)
		}
		if namespace != "" && boxes[id] != shorten(visible(namespace), 40) {
			t.Errorf("node %s is in the box %q, want %q", id, boxes[id], shorten(visible(namespace), 40))
		}
	}
	if len(chart.Edges) != g.NumEdges() {
		t.Fatalf("%d edges, want %d", len(chart.Edges), g.NumEdges())
	}
	i := 0
	for e := range g.Edges() {
		got := chart.Edges[i]
		i++
		stroke := "normal"
		if e.ID.Kind == servicegraph.EdgeMessage {
			stroke = "dotted"
		}
		if got.From != names.node(e.ID.From) || got.To != names.node(e.ID.To) || got.Stroke != stroke {
			t.Errorf("edge from %s to %s is %s, want %v", got.From, got.To, got.Stroke, e.ID)
		}
		if !strings.HasPrefix(got.Text, Style{}.Captions(g).Edge(e).Volume+" · ● 50% err<br>") || !slices.Contains(got.Style, "stroke:#c62b36") {
			t.Errorf("edge from %s to %s has text %q and style %q", got.From, got.To, got.Text, got.Style)
		}
	}
}

// Only a part of a graph that exceeds a limit is written, and the title has the numbers of nodes
// and edges left out.
func TestMermaidStaysWithinItsLimits(t *testing.T) {
	wide, alone, long := &rendertest.Traffic{Window: time.Minute}, &rendertest.Traffic{Window: time.Minute}, &rendertest.Traffic{Window: time.Minute}
	for i := range 900 {
		wide.Call(fmt.Sprint("a", i%30), fmt.Sprint("b", i/30), rendertest.Load{Calls: 1 + i%7, Typical: time.Second})
		alone.Entry(fmt.Sprint("service", i), rendertest.Load{Calls: 1 + i%7, Typical: time.Second})
		long.Call("a", strings.Repeat("<", 40)+fmt.Sprint(i), rendertest.Load{Calls: 1 + i%7, Typical: time.Second})
	}
	for name, g := range map[string]*servicegraph.Graph{"edges": wide.Graph(t), "nodes": alone.Graph(t), "names": long.Graph(t)} {
		t.Run(name, func(t *testing.T) {
			text := renderString(t, Mermaid{}, g)
			edges, nodes := strings.Count(text, "-->"), strings.Count(text, `["`)
			if len(text) > 50_000 || edges > 200 || nodes > 100 {
				t.Errorf("%d nodes and %d edges in %d bytes", nodes, edges, len(text))
			}
			if len(text) < 30_000 && edges < 150 && nodes < 75 {
				t.Errorf("only %d nodes and %d edges in %d bytes: more would fit", nodes, edges, len(text))
			}
			want := fmt.Sprintf("not shown: %s, %s", plural(float64(g.NumNodes()-nodes), "node"), plural(float64(g.NumEdges()-edges), "edge"))
			if title, _, _ := strings.Cut(text, "\nflowchart"); !strings.Contains(title, want) {
				t.Errorf("title %q does not contain %q", title, want)
			}
			if strings.Contains(text, `"1 call<br/>`) && name == "edges" {
				t.Error("an edge with one call is shown, busier ones are not")
			}
		})
	}
}

// Mermaid lays out, and does not only parse, the flowcharts of systems of every size, and
// draws every edge of each.
func TestMermaidLaysOut(t *testing.T) {
	var texts []string
	for _, services := range []int{12, 30, 70, 200} {
		g, err := systems.New(systems.Config{Services: services, Failing: true, Seed: 1, Requests: 300}).Graph()
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, renderString(t, Mermaid{}, g))
	}
	if testing.Short() {
		texts = texts[:2]
	}
	for i, c := range runMermaid(t, "layout", texts...) {
		if want := strings.Count(texts[i], `|"`); c.Lines != want {
			t.Errorf("chart %d: %d of %d edges are drawn", i, c.Lines, want)
		}
	}
}

func TestIdentsAreUniqueAndStable(t *testing.T) {
	names := newIdents()
	ids := []servicegraph.NodeID{
		{Namespace: "shop", Name: "cart", Type: servicegraph.TypeService},
		{Name: "shop/cart", Type: servicegraph.TypeService},
		{Name: "shop cart 2", Type: servicegraph.TypeService},
		{Name: "shop.cart", Type: servicegraph.TypeService},
		{Name: "注文", Type: servicegraph.TypeQueue},
		{Name: "サービス", Type: servicegraph.TypeQueue},
		{Name: "end", Type: "no; type"},
		{Name: strings.Repeat("é", 100), Type: servicegraph.TypeIP},
	}
	want := []string{"service_shop_cart", "service_shop_cart_2", "service_shop_cart_2_2", "service_shop_cart_3", "queue", "queue_2", "node_end", "ip"}
	var got, again []string
	for _, id := range ids {
		got = append(got, names.node(id))
	}
	for _, id := range ids {
		again = append(again, names.node(id))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("second call (-first +second):\n%s", diff)
	}
}
