package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

func svgString(t *testing.T, s SVG, g *servicegraph.Graph) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Render(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// An item is a node, an edge or a box of an image.
type item struct{ class, title, text string }

// parse reads an image with an XML parser and returns the items: nodes and edges by id, boxes by
// number, and the image itself under "". It fails if the image is not self-contained.
func parse(t *testing.T, svg string) map[string]*item {
	t.Helper()
	items := map[string]*item{"": {}}
	var stack []*item // the item that each open element belongs to
	current, in := items[""], ""
	label := false // the title of a label repeats the title of the edge
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return items
		}
		if err != nil {
			t.Fatalf("%v in:\n%.2000s", err, svg)
		}
		switch e := token.(type) {
		case xml.StartElement:
			stack = append(stack, current)
			in = e.Name.Local
			switch in {
			case "svg", "g", "title", "desc", "style", "text", "path", "rect":
			default:
				t.Errorf("element %s", in)
			}
			if in == "g" {
				class, _, _ := strings.Cut(attr(e, "class"), " ")
				label = class == "label"
				switch class {
				case "node", "edge":
					id := attr(e, "id")
					if items[id] != nil {
						t.Errorf("id %s occurs twice", id)
					}
					current = &item{class: class}
					items[id] = current
				case "label":
					current = items["e"+attr(e, "data-edge")]
				case "box":
					current = &item{class: class}
					items["box "+strconv.Itoa(len(items))] = current
				}
			}
			for _, a := range e.Attr {
				if a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" {
					t.Errorf("attribute %s=%q", a.Name.Local, a.Value)
				}
			}
		case xml.EndElement:
			current, stack = stack[len(stack)-1], stack[:len(stack)-1]
			in = ""
		case xml.CharData:
			switch in {
			case "title":
				if !label {
					current.title += string(e)
				}
			case "text":
				current.text += string(e) + "\n"
			}
		case xml.Directive, xml.Comment:
			t.Errorf("%T in the image", e)
		}
	}
}

// attr returns the value of an attribute, whatever its namespace.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func TestSVGShowsEverything(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	svg := svgString(t, SVG{Options{Style: render.Style{Title: "shop & <friends>"}}}, g)
	items := parse(t, svg)
	if got := items[""].title; got != "shop & <friends>" {
		t.Errorf("title %q", got)
	}
	index := 0
	for n := range g.Nodes() {
		switch i := items["n"+strconv.Itoa(index)]; {
		case i == nil:
			t.Errorf("no node %v", n.ID)
		case !strings.Contains(i.text, n.ID.Name+"\n"):
			t.Errorf("node %v shows %q", n.ID, i.text)
		case !strings.HasPrefix(i.title, n.ID.String()+" ("):
			t.Errorf("node %v has tooltip %q", n.ID, i.title)
		}
		index++
	}
	index = 0
	for e := range g.Edges() {
		i := items["e"+strconv.Itoa(index)]
		index++
		if e.ID.From == e.ID.To {
			if i != nil {
				t.Errorf("self edge %v is drawn", e.ID)
			}
			continue
		}
		name := e.ID.From.String() + " → " + e.ID.To.String() + " (" + string(e.ID.Kind) + ")"
		switch {
		case i == nil:
			t.Errorf("no edge %v", e.ID)
		case !strings.HasPrefix(i.title, name+"\n"):
			t.Errorf("edge %v has tooltip %q", e.ID, i.title)
		case !strings.Contains(i.text, "/min\n") && !strings.Contains(svg, `class="mark"`): // or a number of the list
			t.Errorf("edge %s shows %q", name, i.text)
		}
	}
	for _, want := range []string{`role="img"`, "<title>shop &amp; &lt;friends&gt;</title><desc>A graph of calls between services: 13 nodes, 18 edges.", " Failing: api.stripe.com 5.2%, "} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in the image", want)
		}
	}
}

// A small graph has boxes around its namespaces if they cost few crossings. Otherwise each
// card names its namespace.
func TestNamespaces(t *testing.T) {
	traffic := &rendertest.Traffic{Window: time.Minute}
	load := rendertest.Load{Calls: 5, Typical: time.Second}
	traffic.Call("front/web", "back/api", load)
	traffic.Call("back/api", "back/store", load)
	boxes := map[string]bool{}
	for _, i := range parse(t, svgString(t, SVG{}, traffic.Graph(t))) {
		if i.class == "box" {
			boxes[i.title] = true
		}
	}
	if !boxes["namespace front"] || !boxes["namespace back"] {
		t.Errorf("boxes %v", boxes)
	}
	for i := range maxSmall {
		traffic.Call("front/web", "back/"+service(i), load)
	}
	for id, i := range parse(t, svgString(t, SVG{}, traffic.Graph(t))) {
		if i.class == "box" {
			t.Error("a box in a large image")
		}
		if i.class == "node" && !strings.HasPrefix(i.text, "back\n") && !strings.HasPrefix(i.text, "front\n") {
			t.Errorf("node %s shows %q", id, i.text)
		}
	}
}

func TestSelfEdgesAreDrawnIfSelected(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	edges := 0
	for _, i := range parse(t, svgString(t, SVG{Options{Style: render.Style{SelfEdges: true}}}, g)) {
		if i.class == "edge" {
			edges++
		}
	}
	if edges != g.NumEdges() {
		t.Errorf("%d of %d edges", edges, g.NumEdges())
	}
}

func TestSVGEscapesHostileNames(t *testing.T) {
	load := rendertest.Load{Calls: 1, Errors: 1, Typical: time.Second}
	traffic := &rendertest.Traffic{Window: time.Minute}
	for _, name := range rendertest.Hostile {
		traffic.Call("entry", name, load)
		traffic.Peer("entry", "server.address", name, load)
		traffic.Send("entry", name, load)
	}
	g := traffic.Graph(t)
	title := strings.Join(rendertest.Hostile, " ")
	items := parse(t, svgString(t, SVG{Options{Style: render.Style{Title: title}}}, g))
	index := -1
	for n := range g.Nodes() {
		index++
		i := items["n"+strconv.Itoa(index)]
		if i == nil {
			t.Errorf("no node %.100q", n.ID)
			continue
		}
		if strings.ContainsFunc(n.ID.String(), func(r rune) bool { return r < ' ' || r > '~' }) {
			continue // shown with escapes: see package render
		}
		if len(n.ID.Name) < 10_000 && !strings.HasPrefix(i.title, n.ID.String()+" (") {
			t.Errorf("node %.100q has tooltip %.100q", n.ID, i.title)
		}
		if len(n.ID.Name) <= 40 && !strings.Contains(i.text, n.ID.Name) {
			t.Errorf("node %q shows %q", n.ID, i.text)
		}
	}
}

func TestSVGOfEmptyGraph(t *testing.T) {
	if items := parse(t, svgString(t, SVG{}, new(servicegraph.Graph))); !strings.Contains(items[""].text, "nothing to draw") {
		t.Errorf("the text of the image is %q", items[""].text)
	}
}

// Cards and labels do not overlap, and are within the image.
func TestNothingOverlaps(t *testing.T) {
	s, err := Options{Style: render.Style{SelfEdges: true}}.scene(rendertest.Shop().Graph(t))
	if err != nil {
		t.Fatal(err)
	}
	apart := func(a, b rect) bool {
		return a.max.x < b.min.x || b.max.x < a.min.x || a.max.y < b.min.y || b.max.y < a.min.y
	}
	inside := func(r rect) bool {
		return r.min.x >= 0 && r.min.y >= 0 && r.max.x <= s.width && r.max.y <= s.height
	}
	for i, c := range s.cards {
		if !inside(c.rect) {
			t.Errorf("card %s is at %v", c.id, c.rect)
		}
		for _, d := range s.cards[i+1:] {
			if !apart(c.rect, d.rect) {
				t.Errorf("cards %s and %s overlap", c.id, d.id)
			}
		}
		for _, e := range s.edges {
			if !apart(c.rect, e.label) {
				t.Errorf("the label of edge %d overlaps card %s", e.index, c.id)
			}
		}
		for _, x := range c.texts {
			if end := x.at.x + x.width(x.s); x.at.x < c.min.x+cardPad-0.01 || end > c.max.x-cardPad+0.01 {
				t.Errorf("card %s: text %q overflows", c.id, x.s)
			}
		}
	}
	for i, e := range s.edges {
		if !inside(e.label) {
			t.Errorf("the label of edge %d is at %v", e.index, e.label)
		}
		for _, f := range s.edges[i+1:] {
			if !apart(e.label, f.label) {
				t.Errorf("the labels of edges %d and %d overlap", e.index, f.index)
			}
		}
	}
}

func TestSVGIsTheSameEveryTime(t *testing.T) {
	traffic := rendertest.Shop()
	want := svgString(t, SVG{}, traffic.Graph(t))
	for i, j := 0, len(traffic.Spans)-1; i < j; i, j = i+1, j-1 {
		traffic.Spans[i], traffic.Spans[j] = traffic.Spans[j], traffic.Spans[i]
	}
	if got := svgString(t, SVG{}, traffic.Graph(t)); got != want {
		t.Error("the spans in reverse order give a different image")
	}
}

// Of a graph that is too large, the part that matters most is drawn, and the heading says so.
func TestLargeGraphsAreTrimmed(t *testing.T) {
	count := func(items map[string]*item) (nodes, edges int) {
		for _, i := range items {
			switch i.class {
			case "node":
				nodes++
			case "edge":
				edges++
			}
		}
		return nodes, edges
	}
	many := &rendertest.Traffic{Window: time.Minute}
	for i := range maxEdges + 1 {
		many.Call(service(i%25), service(i/25), rendertest.Load{Calls: 1, Typical: time.Second})
	}
	for _, test := range []struct {
		name         string
		g            *servicegraph.Graph
		force        bool
		nodes, edges int
		heading      string
	}{
		{"as many as are drawn", chain(t, maxNodes), false, maxNodes, maxNodes - 1, ""},
		{"one node more", chain(t, maxNodes+1), false, partNodes, partNodes - 1, "drawn: 80 of 151 nodes, 79 of 150 edges\n"},
		{"one edge more", many.Graph(t), false, 25, partEdges, "drawn: 25 of 25 nodes, 160 of 301 edges\n"},
		{"everything by force", chain(t, maxNodes+1), true, maxNodes + 1, maxNodes, ""},
	} {
		items := parse(t, svgString(t, SVG{Options{Force: test.force, Style: render.Style{SelfEdges: true}}}, test.g))
		if nodes, edges := count(items); nodes != test.nodes || edges != test.edges {
			t.Errorf("%s: %d nodes and %d edges, want %d and %d", test.name, nodes, edges, test.nodes, test.edges)
		}
		if heading := items[""].text; !strings.Contains(heading, test.heading) || test.heading == "" && strings.Contains(heading, "drawn:") {
			t.Errorf("%s: heading %q, want %q", test.name, heading, test.heading)
		}
	}
}

// With many edges, only those with a warning or an error have text.
func TestManyEdges(t *testing.T) {
	traffic := &rendertest.Traffic{Window: time.Minute}
	for i := range maxEdgeTexts {
		traffic.Call(service(i), service(i+1), rendertest.Load{Calls: 1, Errors: i % 2, Typical: time.Second})
	}
	g := traffic.Graph(t)
	for id, i := range parse(t, svgString(t, SVG{}, g)) {
		if i.class == "edge" && i.text == "" {
			t.Errorf("%d edges: %s shows nothing", g.NumEdges(), id)
		}
	}
	traffic.Call(service(0), "one more", rendertest.Load{Calls: 1, Typical: time.Second})
	g = traffic.Graph(t)
	items := parse(t, svgString(t, SVG{}, g))
	index, texts := 0, 0
	for e := range g.Edges() {
		text := items["e"+strconv.Itoa(index)].text
		if text != "" && e.Errors == 0 {
			t.Errorf("edge %v shows %q", e.ID, text)
		}
		if text != "" {
			texts++
		}
		index++
	}
	if texts < maxEdgeTexts/2 {
		t.Errorf("%d of %d failing edges have text", texts, maxEdgeTexts/2)
	}
	if !strings.Contains(items[""].text, "numbers of healthy edges: in the tooltips") {
		t.Errorf("heading %q", items[""].text)
	}
}

func TestErrorOfWriterIsReturned(t *testing.T) {
	r, w := io.Pipe()
	want := errors.New("disk full")
	r.CloseWithError(want)
	if err := (SVG{}).Render(w, chain(t, 2)); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// A layout in which Graphviz left out a part is an error.
func TestIncompleteLayoutIsAnError(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	var whole []byte
	if err := layout(t.Context(), newPlan(g, render.Style{}, form{boxed: true}).dot(), func(b []byte) error {
		whole = b
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := newPlan(g, render.Style{}, form{boxed: true}).place(whole); err != nil {
		t.Fatalf("a complete layout: %v", err)
	}
	for _, test := range []struct{ old, new, want string }{
		{`"name": "n3"`, `"name": "n999"`, "graphviz left out node database:redis"},
		{`"name": "cluster_1"`, `"name": "x"`, "graphviz left out namespace edge"},
		{`"id": "e2"`, `"id": "e99"`, "graphviz left out 1 of 17 edges"},
		{`"lp"`, `"nothing"`, "graphviz left out namespace billing"},
		{`"pos": "e,`, `"pos": "`, "graphviz left out 17 of 17 edges"},
		{`"bb"`, `"nothing"`, "graphviz laid out nothing"},
		{`{`, `[`, "reading graphviz's answer: "},
	} {
		damaged := strings.ReplaceAll(string(whole), test.old, test.new)
		if damaged == string(whole) {
			t.Errorf("no %s in the layout", test.old)
		}
		if err := newPlan(g, render.Style{}, form{boxed: true}).place([]byte(damaged)); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("with %s for %s: error %v, want %s", test.new, test.old, err, test.want)
		}
	}
}

// Requests and messages between the same two nodes are separate lines.
func TestEdgesOfOnePairLieApart(t *testing.T) {
	traffic := &rendertest.Traffic{Window: time.Minute}
	load := rendertest.Load{Calls: 5, Typical: time.Second}
	traffic.Call("a", "b", load)
	traffic.Message("a", "b", load)
	traffic.Call("b", "a", load)
	s, err := Options{}.scene(traffic.Graph(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.edges) != 3 {
		t.Fatalf("%d edges, want 3", len(s.edges))
	}
	for i, e := range s.edges {
		for _, f := range s.edges[i+1:] {
			p, q := e.path[len(e.path)/2], f.path[len(f.path)/2]
			if d := math.Hypot(p.x-q.x, p.y-q.y); d < 10 {
				t.Errorf("edges %d and %d are %.1f pixels apart in the middle", e.index, f.index, d)
			}
		}
	}
}
