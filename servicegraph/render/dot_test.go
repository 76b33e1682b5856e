package render

import (
	"encoding/xml"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// quoted matches a quoted string of DOT.
const quoted = `"((?:[^"\\]|\\.)*)"`

// nodeLine and edgeLine match the statements of nodes and edges, one per line.
var (
	nodeLine = regexp.MustCompile(`(?m)^` + quoted + ` \[id=` + quoted + ` (.*) label=<(.*)> tooltip=` + quoted + `\];$`)
	edgeLine = regexp.MustCompile(`(?m)^` + quoted + ` -> ` + quoted + ` \[(penwidth=.*?)(?: label=<(.*)>)? tooltip=` + quoted + `\];$`)
)

// unquote returns the text that Graphviz shows for a quoted tooltip.
func unquote(s string) string {
	return strings.NewReplacer(`\\\\`, `\`, `\"`, `"`, `\n`, "\n", "&amp;", "&").Replace(s)
}

// htmlTexts returns the texts in an HTML label, and fails if the label is not
// well-formed.
func htmlTexts(t *testing.T, label string) []string {
	t.Helper()
	var texts []string
	dec := xml.NewDecoder(strings.NewReader(label))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Fatalf("label %q: %v", label, err)
		}
		if text, ok := token.(xml.CharData); ok {
			texts = append(texts, strings.ReplaceAll(strings.TrimRight(string(text), "\u00a0"), `\\`, `\`))
		}
	}
}

// hostile returns traffic with hostile names in two namespaces and in several types of
// nodes.
func hostile() *rendertest.Traffic { return callsOf(rendertest.Hostile) }

// callsOf returns traffic between nodes with the given names.
func callsOf(names []string) *rendertest.Traffic {
	load := rendertest.Load{Calls: 2, Errors: 1, Typical: time.Second}
	traffic := &rendertest.Traffic{Window: time.Minute}
	for _, name := range names {
		traffic.Entry("entry", load)
		traffic.Call("entry", name, load)
		traffic.Call(name, name, load)
		traffic.Call("entry", strings.ReplaceAll(name, "/", "")+"/"+name, load)
		traffic.Peer(name, "server.address", name, load)
		traffic.Peer(name, "db.namespace", name, load)
		traffic.Send(name, name, load)
	}
	return traffic
}

func TestDOTEscapesHostileNames(t *testing.T) {
	g := hostile().Graph(t)
	dot := renderString(t, DOT{Style{Title: strings.Join(rendertest.Hostile, " "), SelfEdges: true}}, g)

	lines := nodeLine.FindAllStringSubmatch(dot, -1)
	if len(lines) != g.NumNodes() {
		t.Fatalf("%d lines of nodes, want %d", len(lines), g.NumNodes())
	}
	i := 0
	for n := range g.Nodes() {
		line := lines[i]
		i++
		if id := NodeID(n.ID); line[1] != id || line[2] != id {
			t.Errorf("node %.100q has name %q and id %q, want %q", n.ID, line[1], line[2], id)
		}
		if want := shorten(visible(n.ID.Name), 40); !slices.Contains(htmlTexts(t, line[4]), want) {
			t.Errorf("node %.100q: label %q does not show %q", n.ID, line[4], want)
		}
		want := visible(n.ID.String()) // 10 kB in full
		if len(want) > 15_000 {
			want = shorten(want, 2000)
		}
		if got := unquote(line[5]); !strings.HasPrefix(got, want+" (") {
			t.Errorf("node %.100q: tooltip %.100q, want prefix %.100q", n.ID, got, want)
		}
	}
	edges := edgeLine.FindAllStringSubmatch(dot, -1)
	if len(edges) != g.NumEdges() {
		t.Fatalf("%d lines of edges, want %d", len(edges), g.NumEdges())
	}
	i = 0
	for e := range g.Edges() {
		line := edges[i]
		i++
		if line[1] != NodeID(e.ID.From) || line[2] != NodeID(e.ID.To) {
			t.Errorf("edge %v goes from %q to %q", e.ID, line[1], line[2])
		}
		htmlTexts(t, line[4])
	}
	for _, r := range dot {
		if r < ' ' && r != '\n' || r == '\u202e' {
			t.Fatalf("DOT contains %q", r)
		}
	}
	if open, closed := strings.Count(dot, "{\n"), strings.Count(dot, "\n}"); open != closed {
		t.Errorf("%d opening braces, %d closing", open, closed)
	}
}

// Graphviz reads the DOT without a warning and finds the same nodes and edges.
func TestGraphvizReadsDOT(t *testing.T) {
	program, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("dot is not installed")
	}
	for name, g := range map[string]*servicegraph.Graph{
		"shop":    rendertest.Shop().Graph(t),
		"hostile": hostile().Graph(t),
		"empty":   new(servicegraph.Graph),
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(program, "-Tplain")
			cmd.Stdin = strings.NewReader(renderString(t, DOT{Style{Title: `a "title" & <more>\`, SelfEdges: true}}, g))
			var warnings strings.Builder
			cmd.Stderr = &warnings
			plain, err := cmd.Output()
			if err != nil || warnings.Len() > 0 {
				t.Fatalf("dot: %v\n%s", err, warnings.String())
			}
			var want, got []string
			for n := range g.Nodes() {
				want = append(want, NodeID(n.ID))
			}
			// A name is in quotes unless it is a plain word.
			for _, m := range regexp.MustCompile(`(?m)^node ("[^"]*"|\S+) `).FindAllStringSubmatch(strings.ReplaceAll(string(plain), "\\\n", ""), -1) {
				got = append(got, strings.Trim(m[1], `"`))
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("nodes (-want +got):\n%s", diff)
			}
			if got := strings.Count(string(plain), "\nedge "); got != g.NumEdges() {
				t.Errorf("dot has %d edges, want %d", got, g.NumEdges())
			}
		})
	}
}

func TestNodesWithOneNameHaveDistinctIDs(t *testing.T) {
	ids := []servicegraph.NodeID{
		{Name: "orders", Type: servicegraph.TypeService},
		{Name: "orders", Type: servicegraph.TypeDatabase},
		{Name: "orders", Type: servicegraph.TypeQueue},
		{Namespace: "shop", Name: "orders", Type: servicegraph.TypeService},
		{Name: "shop/orders", Type: servicegraph.TypeService},
		{Name: "shop%2Forders", Type: servicegraph.TypeService},
		{Namespace: "shop/orders", Name: "", Type: servicegraph.TypeService},
		{Namespace: "a/b", Name: "c", Type: servicegraph.TypeService},
		{Namespace: "a", Name: "b/c", Type: servicegraph.TypeService},
		{Name: "x\xff", Type: servicegraph.TypeService},
		{Name: "x\xfe", Type: servicegraph.TypeService},
		{Name: "x\ufffd", Type: servicegraph.TypeService},
	}
	seen := map[string]servicegraph.NodeID{}
	for _, id := range ids {
		name := NodeID(id)
		if other, ok := seen[name]; ok {
			t.Errorf("%#v and %#v are both %q", id, other, name)
		}
		seen[name] = id
	}
}

func TestDOTNotesSelfEdgesThatAreNotDrawn(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	const selfEdge = `"service:shop/cart" -> "service:shop/cart"`
	for _, test := range []struct {
		dot           DOT
		note          string
		selfEdge      bool
		edgesHaveText bool
	}{
		{DOT{}, "not drawn: 1 self edge with 12 calls", false, true},
		{DOT{Style{SelfEdges: true}}, "", true, true},
		{DOT{Style{EdgeText: EdgeNone, SelfEdges: true}}, "edges: numbers in the tooltips", true, false},
	} {
		out := renderString(t, test.dot, g)
		if got := strings.Contains(out, selfEdge); got != test.selfEdge {
			t.Errorf("%+v: self edge drawn: %v, want %v", test.dot, got, test.selfEdge)
		}
		if !strings.Contains(out, test.note) {
			t.Errorf("%+v: no note %q", test.dot, test.note)
		}
		if got := strings.Contains(out, "not drawn"); got == test.selfEdge {
			t.Errorf("%+v: notes the self edge: %v", test.dot, got)
		}
		for _, m := range edgeLine.FindAllStringSubmatch(out, -1) {
			if (m[4] != "") != test.edgesHaveText {
				t.Errorf("%+v: edge has the text %q", test.dot, m[4])
			}
			if !strings.Contains(m[5], "call") {
				t.Errorf("%+v: tooltip %q has no numbers", test.dot, m[5])
			}
		}
	}
}

func TestSeverityShowsWithoutColor(t *testing.T) {
	for _, test := range []struct {
		errors, calls float64
		want          string
	}{
		{9, 1000, "0.9% err"},
		{10, 1000, "▲ 1% err"},
		{49, 1000, "▲ 4.9% err"},
		{50, 1000, "● 5% err"},
		{1000, 1000, "● 100% err"},
	} {
		html := percentageOf(test.errors, test.calls)
		if got := strings.Join(htmlTexts(t, html), ""); got != test.want {
			t.Errorf("%v errors in %v calls: %q, want %q", test.errors, test.calls, got, test.want)
		}
	}
}

func percentageOf(errors, calls float64) string {
	mark, level := Style{}.errorLevel(errors, 0, calls)
	return severityOf(level).percentage(Caption{Mark: mark, Errors: percent(errors, calls)})
}
