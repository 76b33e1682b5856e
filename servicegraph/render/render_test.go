package render

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

func renderString(t *testing.T, r Renderer, g *servicegraph.Graph) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Render(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares got with a file in testdata. GRAPHTEST_UPDATE=1 writes the file
// instead; read the diff before you commit it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("GRAPHTEST_UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got, GRAPHTEST_UPDATE=1 to accept):\n%s", path, diff)
	}
}

// unfinished returns traffic of calls without an end, and of calls to an unknown callee.
func unfinished() *rendertest.Traffic {
	traffic := &rendertest.Traffic{Window: time.Second}
	traffic.Call("a", "b", rendertest.Load{Calls: 3})
	traffic.Peer("a", "nothing.known", "", rendertest.Load{Calls: 2, Typical: time.Millisecond})
	return traffic
}

func TestGolden(t *testing.T) {
	for _, test := range []struct {
		name  string
		graph *servicegraph.Graph
		style Style
	}{
		{"shop-with-most-kinds-of-nodes-and-edges", rendertest.Shop().Graph(t), Style{Title: "shop · production"}},
		{"empty-graph", new(servicegraph.Graph), Style{}},
		{"unknown-latency-is-no-zero-and-unresolved-calls-are-named", unfinished().Graph(t), Style{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, f := range Formats(test.style) {
				ext := ".grafana.json"
				if f.Name != "grafana" {
					ext = f.Extensions[0]
				}
				if f.Name != "json" { // package servicegraph tests the JSON
					golden(t, test.name+ext, renderString(t, f.Renderer, test.graph))
				}
			}
		})
	}
}

func TestJSONIsTheGraphsJSONAndANewline(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	want, err := g.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want)+"\n", renderString(t, JSON{}, g)); diff != "" {
		t.Error(diff)
	}
}

func TestSameBytesForSpansInAnyOrder(t *testing.T) {
	shop := rendertest.Shop()
	for _, name := range rendertest.Hostile {
		shop.Call("edge/web-gateway", name, rendertest.Load{Calls: 2, Typical: time.Second})
	}
	g := shop.Graph(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		random.Shuffle(len(shop.Spans), func(i, j int) { shop.Spans[i], shop.Spans[j] = shop.Spans[j], shop.Spans[i] })
		other := shop.Graph(t)
		for _, f := range Formats(Style{Title: "same"}) {
			if diff := cmp.Diff(renderString(t, f.Renderer, g), renderString(t, f.Renderer, other)); diff != "" {
				t.Errorf("%s differs: %s", f.Name, diff)
			}
		}
	}
}

func TestRenderersConcurrentSafe(t *testing.T) {
	g := hostile().Graph(t)
	for _, f := range Formats(Style{Title: "same"}) {
		want := renderString(t, f.Renderer, g)
		var done sync.WaitGroup
		for range 4 {
			done.Go(func() {
				var b bytes.Buffer
				if err := f.Renderer.Render(&b, g); err != nil || b.String() != want {
					t.Errorf("%s, concurrently: error %v, or different bytes", f.Name, err)
				}
			})
		}
		done.Wait()
	}
}

// A fullDisk accepts as many bytes as room says, and then fails.
type fullDisk struct{ room int }

var errFull = errors.New("disk full")

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestErrorOfWriterIsReturned(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	for _, f := range Formats(Style{}) {
		size := len(renderString(t, f.Renderer, g))
		for _, room := range []int{0, 1, size / 2, size - 1} {
			if err := f.Renderer.Render(&fullDisk{room}, g); !errors.Is(err, errFull) {
				t.Errorf("%s with room for %d of %d bytes: error %v, want %v", f.Name, room, size, err, errFull)
			}
		}
		if err := f.Renderer.Render(&fullDisk{size}, g); err != nil {
			t.Errorf("%s with just enough room: %v", f.Name, err)
		}
	}
}

func TestFormats(t *testing.T) {
	formats := Formats(Style{})
	for _, test := range []struct{ file, want string }{
		{"graph.dot", "dot"}, {"graph.gv", "dot"}, {"a.b/GRAPH.JSON", "json"}, {"graph.svg.txt", "txt"},
		{"graph.mmd", "mermaid"}, {"README.md", "markdown"}, {"graph.csv", "csv"}, {"graph.graphml", "graphml"},
	} {
		f, err := ByFileName(formats, test.file)
		if err != nil || f.Name != test.want {
			t.Errorf("ByFileName(%q) = %q, %v; want %q", test.file, f.Name, err, test.want)
		}
		if g, err := ByName(formats, f.Name); err != nil || g.Name != f.Name {
			t.Errorf("ByName(%q) = %q, %v", f.Name, g.Name, err)
		}
	}
	for name, err := range map[string]error{
		`unknown extension ".png" of "graph.png": want .dot, .gv, .mmd, .mermaid, .md, .markdown, .csv, .graphml, .json or .txt`: second(ByFileName(formats, "graph.png")),
		`file name "graph" has no extension: want .dot, .gv, .mmd, .mermaid, .md, .markdown, .csv, .graphml, .json or .txt`:      second(ByFileName(formats, "graph")),
		`unknown format "svg": want dot, mermaid, markdown, csv, graphml, grafana, json or txt`:                                  second(ByName(formats, "svg")),
	} {
		if fmt.Sprint(err) != name {
			t.Errorf("error %q, want %q", err, name)
		}
	}
}

func second[A any](_ A, err error) error { return err }

func TestFormatsAreComplete(t *testing.T) {
	var seen []string
	for _, f := range Formats(Style{}) {
		if f.Name == "" || f.Description == "" || f.Renderer == nil || len(f.Extensions) == 0 && f.Name != "grafana" { // json has the extension
			t.Errorf("format %+v is incomplete", f)
		}
		for _, name := range append([]string{f.Name}, f.Extensions...) {
			if slices.Contains(seen, name) || name != strings.ToLower(name) {
				t.Errorf("format %s: %q occurs twice or is not lower case", f.Name, name)
			}
			seen = append(seen, name)
		}
	}
}
