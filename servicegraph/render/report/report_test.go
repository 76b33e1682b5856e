package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// sketch writes the minimal SVG that a report accepts, after an XML declaration.
type sketch struct{}

func (sketch) Render(w io.Writer, g *servicegraph.Graph) error {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><svg class="tempograph" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><style>svg.tempograph &gt; g { opacity: 1 }</style>`)
	for i := range g.NumNodes() {
		fmt.Fprintf(&b, `<g class="node" data-node="%d"><rect width="9" height="9"/></g>`, i)
	}
	for i := range g.NumEdges() {
		fmt.Fprintf(&b, `<g class="edge" data-edge="%d"><path d="M0 0L9 9"/></g>`, i)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func rendered(t *testing.T, h HTML, g *servicegraph.Graph) string {
	t.Helper()
	var b bytes.Buffer
	if err := h.Render(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// dataOf returns the data of a report.
func dataOf(t *testing.T, page string) data {
	t.Helper()
	_, rest, _ := strings.Cut(page, `<script type="application/json" id="page-data">`)
	text, _, found := strings.Cut(rest, "</script>")
	if !found {
		t.Fatal("the report has no data")
	}
	var d data
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// between returns every text between begin and end.
func between(s, begin, end string) (found []string) {
	for {
		_, rest, ok := strings.Cut(s, begin)
		if !ok {
			return found
		}
		inside, after, _ := strings.Cut(rest, end)
		found, s = append(found, inside), after
	}
}

func TestPolicyAllowsOnlyTheReport(t *testing.T) {
	page := rendered(t, HTML{SVG: sketch{}}, rendertest.Shop().Graph(t))
	policies := between(page, `<meta http-equiv="Content-Security-Policy" content="`, `"`)
	if len(policies) != 1 {
		t.Fatalf("%d policies", len(policies))
	}
	policy := strings.ReplaceAll(policies[0], "&#39;", "'")
	policy = strings.ReplaceAll(policy, "&#43;", "+")
	for _, word := range []string{"unsafe", "http", "*", "connect-src"} {
		if strings.Contains(policy, word) {
			t.Errorf("the policy has %q: %s", word, policy)
		}
	}
	scripts, styles := between(page, "<script>", "</script>"), between(page, "<style>", "</style>")
	if len(scripts) != 1 || len(styles) != 2 {
		t.Fatalf("%d scripts and %d style sheets, want the script of the report, and the style sheets of the report and the diagram", len(scripts), len(styles))
	}
	styles[1] = strings.ReplaceAll(styles[1], "&gt;", ">")
	for _, text := range append(scripts, styles...) {
		if !strings.Contains(policy, source(text)) {
			t.Errorf("the policy does not allow %.60s…", text)
		}
	}
	if handler := regexp.MustCompile(`<[^>]* (on[a-z]+|style)=`).FindString(strings.Replace(page, scripts[0], "", 1)); handler != "" {
		t.Errorf("the policy forbids %s", handler)
	}
	live := rendered(t, HTML{SVG: sketch{}, Live: true}, rendertest.Shop().Graph(t))
	if !strings.Contains(live, "connect-src &#39;self&#39;") || !strings.Contains(live, "data-live") {
		t.Error("a live report cannot listen to events")
	}
}

// pieces writes parts of a diagram, which a report does not interpret.
type pieces struct{}

func (pieces) Render(w io.Writer, g *servicegraph.Graph) error {
	_, err := io.WriteString(w, `{"text":"</script>"}`)
	return err
}

// A report with parts has them and a layout library, compressed, and its policy allows
// WebAssembly in a worker, but no other script.
func TestReportWithParts(t *testing.T) {
	page := rendered(t, HTML{SVG: sketch{}, Parts: pieces{}}, rendertest.Shop().Graph(t))
	policy := strings.ReplaceAll(between(page, `content="default-src`, `"`)[0], "&#39;", "'")
	if !strings.Contains(policy, "'wasm-unsafe-eval'; worker-src blob:;") || strings.Contains(policy, "'unsafe-eval'") || strings.Contains(policy, "unsafe-inline") {
		t.Errorf("the policy is %s", policy)
	}
	for id, want := range map[string]string{"page-parts": `{"text":"</script>"}`, "page-graphviz": "/*\nViz.js "} {
		encoded := between(page, `<script type="application/gzip" id="`+id+`">`, "</script>")
		if len(encoded) != 1 {
			t.Fatalf("%d elements %s", len(encoded), id)
		}
		r, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(encoded[0])))
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if text, err := io.ReadAll(r); err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s is %.100q (%v)", id, text, err)
		}
	}
	var fragment bytes.Buffer
	if err := (HTML{SVG: sketch{}, Parts: pieces{}}).Fragment(&fragment, rendertest.Shop().Graph(t)); err != nil || !strings.Contains(fragment.String(), `"parts":{"text":`) {
		t.Errorf("the fragment has no parts (%v)", err)
	}
	if page := rendered(t, HTML{Parts: pieces{}}, rendertest.Shop().Graph(t)); strings.Contains(page, "page-graphviz") {
		t.Error("a report without a diagram has a layout library")
	}
}

// The ranks of nodes and edges are an order of all nodes and of all edges, with failing ones first.
func TestRanks(t *testing.T) {
	d := dataOf(t, rendered(t, HTML{SVG: sketch{}}, rendertest.Shop().Graph(t)))
	states := make([]string, len(d.Nodes))
	for _, n := range d.Nodes {
		if states[n.Rank] != "" {
			t.Errorf("two nodes have rank %d", n.Rank)
		}
		states[n.Rank] = n.State
	}
	failing := 0
	for _, n := range d.Nodes {
		if n.State == "error" {
			failing++
		}
	}
	for rank, state := range states {
		if (state == "error") != (rank < failing) {
			t.Errorf("rank %d of %d has the state %s", rank, len(states), state)
		}
	}
	seen := make(map[int]bool)
	for _, e := range d.Edges {
		seen[e.Rank] = true
	}
	if len(seen) != len(d.Edges) {
		t.Errorf("%d edges have %d ranks", len(d.Edges), len(seen))
	}
}

func TestHostileNamesAreText(t *testing.T) {
	names := append(slices.Clone(rendertest.Hostile),
		"</script><script>alert(1)</script>", "<!--<script>", "</title><b>", "]]>", "\u2028\u2029", "__proto__")
	var traffic rendertest.Traffic
	traffic.Window = time.Hour
	for _, name := range names {
		traffic.Call("hub", name, rendertest.Load{Calls: 1, Typical: time.Millisecond})
		traffic.Peer("hub", "db.namespace", name, rendertest.Load{Calls: 1, Typical: time.Millisecond})
	}
	g := traffic.Graph(t)
	count := func(page, tag string) int { return strings.Count(strings.ReplaceAll(page, "</g>", ""), tag) }
	plain := rendered(t, HTML{SVG: sketch{}}, rendertest.Shop().Graph(t))
	for _, name := range names {
		page := rendered(t, HTML{Style: render.Style{Title: name, Source: name, Notes: []string{name}}, SVG: sketch{}}, g)
		for _, tag := range []string{"<script", "<style", "</", "<!--"} {
			if got, want := count(page, tag), count(plain, tag); got != want {
				t.Errorf("title %.40q: %d of %q, want %d", name, got, tag, want)
			}
		}
	}
	d := dataOf(t, rendered(t, HTML{SVG: sketch{}}, g))
	if len(d.Nodes) != g.NumNodes() || len(d.Edges) != g.NumEdges() {
		t.Fatalf("%d nodes and %d edges, want %d and %d", len(d.Nodes), len(d.Edges), g.NumNodes(), g.NumEdges())
	}
	ids := make(map[string]bool)
	for _, n := range d.Nodes {
		ids[n.ID] = true
		for _, text := range []string{n.Name, n.Full} {
			if strings.ContainsAny(text, "\n\x00\u202e\u2028") || len(text) > 4*fullWidth {
				t.Errorf("a misleading name: %.80q", text)
			}
		}
	}
	if len(ids) != len(d.Nodes) {
		t.Errorf("%d ids for %d nodes", len(ids), len(d.Nodes))
	}
}

func TestTraceURL(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	for tmpl, want := range map[string]string{
		"":                                 "",
		"https://grafana.test/x/{traceID}": "",
		"http://[::1]:3000/?a={traceID}#b": "",
		"https://grafana.test/":            "want {traceID}",
		"javascript:alert('{traceID}')":    "want http",
		"JavaScript://x/{traceID}":         "want http",
		"data:text/html,{traceID}":         "want http",
		"//grafana.test/{traceID}":         "want http",
		"{traceID}":                        "want http",
		"https:///{traceID}":               "want http",
		" javascript:alert('{traceID}')":   "want http",
	} {
		err := HTML{SVG: sketch{}, TraceURL: tmpl}.Render(io.Discard, g)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", tmpl, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: error %v, want %s", tmpl, err, want)
		}
	}
}

func TestDataHasWhatWasMeasured(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	d := dataOf(t, rendered(t, HTML{}, g))
	i := 0
	for e := range g.Edges() {
		got := d.Edges[i]
		if d.Nodes[got.From].ID != render.NodeID(e.ID.From) || d.Nodes[got.To].ID != render.NodeID(e.ID.To) {
			t.Errorf("edge %d does not have the ends of %v", i, e.ID)
		}
		if got.Calls[0] != e.Calls {
			t.Errorf("%v: %v calls, want %v", e.ID, got.Calls[0], e.Calls)
		}
		if (got.Caller != nil) != (e.Caller.Observed > 0) || (got.Callee != nil) != (e.Callee.Observed > 0) {
			t.Errorf("%v: a side without spans, or a side is missing", e.ID)
		}
		if got.Caller != nil && got.Caller.P95[0] != float64(e.Caller.Latency.Quantile(0.95)) {
			t.Errorf("%v: p95 %v, want %v", e.ID, got.Caller.P95, e.Caller.Latency.Quantile(0.95))
		}
		side := map[string]*side{"caller": got.Caller, "callee": got.Callee}[got.LatencySide]
		if latency, _, ok := e.Latency(); ok != (side != nil) || ok && side.P95[0] != float64(latency.Quantile(0.95)) {
			t.Errorf("%v: the latency is that of the side %q", e.ID, got.LatencySide)
		}
		if len(got.Slowest) != len(e.Slowest) || got.Slowest[0].Trace != e.Slowest[0].TraceID.String() {
			t.Errorf("%v: different exemplars", e.ID)
		}
		i++
	}
	if d.Drawn != nil || d.Undrawn != "" {
		t.Errorf("a report without a diagram describes a part: %q", d.Undrawn)
	}
	if !strings.HasPrefix(d.Mermaid, "---\n") {
		t.Errorf("no Mermaid: %.40q", d.Mermaid)
	}
}

// TestRecoveredErrorsHaveTheirMark: errors after which the request succeeded have another mark than
// errors that reached the caller.
func TestRecoveredErrorsHaveTheirMark(t *testing.T) {
	for want, status := range map[string]servicegraph.Status{"○ ": servicegraph.StatusUnset, "● ": servicegraph.StatusError} {
		b := servicegraph.NewBuilder(servicegraph.Config{})
		for _, span := range []servicegraph.Span{
			{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1}, Service: "web", Kind: servicegraph.KindServer, Status: status, Start: 1, End: 9},
			{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{2}, ParentID: servicegraph.SpanID{1}, Service: "web", Kind: servicegraph.KindClient, Status: servicegraph.StatusError, Start: 2, End: 3},
			{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{3}, ParentID: servicegraph.SpanID{2}, Service: "cache", Kind: servicegraph.KindServer, Status: servicegraph.StatusError, Start: 2, End: 3},
		} {
			b.Add(span)
		}
		d := dataOf(t, rendered(t, HTML{}, b.Graph()))
		if edge, node := d.Edges[0].Mark, d.Nodes[0].Mark; edge != want || node != want {
			t.Errorf("the edge has the mark %q and the node %s %q, want %q", edge, d.Nodes[0].Name, node, want)
		}
	}
}

// The diagram of a large graph shows the most important part, with the positions in the whole
// graph.
func TestLargeGraphs(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	page := rendered(t, HTML{SVG: sketch{}, MaxNodes: 7, MaxEdges: 4}, g)
	d := dataOf(t, page)
	if len(d.Nodes) != g.NumNodes() || len(d.Edges) != g.NumEdges() {
		t.Errorf("the tables lack nodes or edges: %d, %d", len(d.Nodes), len(d.Edges))
	}
	if d.Drawn == nil {
		t.Fatal("the data does not list what is drawn")
	}
	overview, part := HTML{MaxNodes: 7, MaxEdges: 4}.drawn(g)
	if overview == g {
		t.Error("no namespace is collapsed")
	}
	if nodes, edges := strings.Count(page, "data-node="), strings.Count(page, "data-edge="); nodes != part.NumNodes() || edges != part.NumEdges() || lines(part) != 4 || nodes != len(d.Drawn.Nodes) || edges != len(d.Drawn.Edges) {
		t.Errorf("%d nodes and %d edges are drawn, the data lists %d and %d", nodes, edges, len(d.Drawn.Nodes), len(d.Drawn.Edges))
	}
	i := 0
	for n := range part.Nodes() {
		at := d.Drawn.Nodes[i]
		switch {
		case at < 0 && d.Drawn.Groups[-1-at].Name != n.ID.Name:
			t.Errorf("node %d of the diagram is %v, in the data %s", i, n.ID, d.Drawn.Groups[-1-at].Name)
		case at >= 0 && d.Nodes[at].ID != render.NodeID(n.ID):
			t.Errorf("node %d of the diagram is %v, in the data %s", i, n.ID, d.Nodes[at].ID)
		}
		i++
	}
	if want := fmt.Sprintf("of %d nodes, 4 of %d edges", overview.NumNodes(), lines(overview)); !strings.Contains(d.Undrawn, want) {
		t.Errorf("the note is %q, want … %s …", d.Undrawn, want)
	}
}

// lines returns the number of edges that a diagram shows: the edges between two different nodes.
func lines(g *servicegraph.Graph) int {
	n := 0
	for e := range g.Edges() {
		if e.ID.From != e.ID.To {
			n++
		}
	}
	return n
}

func TestFragmentHasTheContentOfTheReport(t *testing.T) {
	h := HTML{Style: render.Style{Title: "shop"}, SVG: sketch{}, Live: true}
	g := rendertest.Shop().Graph(t)
	var b bytes.Buffer
	if err := h.Fragment(&b, g); err != nil {
		t.Fatal(err)
	}
	var got content
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	page := rendered(t, h, g)
	if !strings.Contains(page, got.SVG) || !strings.HasPrefix(got.SVG, "<svg") {
		t.Error("a different diagram")
	}
	a, _ := json.Marshal(got.Data)
	if b, _ := json.Marshal(dataOf(t, page)); !bytes.Equal(a, b) {
		t.Error("different data")
	}
	if rendered(t, h, g) != page {
		t.Error("two reports of one graph differ")
	}
}

func TestEmptyGraph(t *testing.T) {
	d := dataOf(t, rendered(t, HTML{SVG: sketch{}}, new(servicegraph.Graph)))
	if d.Nodes == nil || d.Edges == nil || d.Title != "Service graph" {
		t.Errorf("%+v", d)
	}
}

type failing struct{}

var errDisk = errors.New("disk full")

func (failing) Write([]byte) (int, error) { return 0, errDisk }

func (failing) Render(io.Writer, *servicegraph.Graph) error { return errDisk }

func TestErrors(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	for name, err := range map[string]error{
		"report":              HTML{SVG: sketch{}}.Render(failing{}, g),
		"fragment":            HTML{SVG: sketch{}}.Fragment(failing{}, g),
		"diagram":             HTML{SVG: failing{}}.Render(io.Discard, g),
		"diagram of fragment": HTML{SVG: failing{}}.Fragment(io.Discard, g),
	} {
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: error %v, want %v", name, err, errDisk)
		}
	}
	if err := (HTML{SVG: render.JSON{}}).Render(io.Discard, g); err == nil || !strings.Contains(err.Error(), "not SVG") {
		t.Errorf("a diagram that is not SVG: error %v", err)
	}
}
