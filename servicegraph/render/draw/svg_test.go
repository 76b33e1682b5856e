package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
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

// An item is a node, edge or box of a picture.
type item struct{ class, title, text string }

// parse reads a picture with an ordinary XML parser and returns its items by id,
// those of the picture itself under "". It fails for anything that does not
// belong into a picture that stands alone.
func parse(t *testing.T, svg string) map[string]*item {
	t.Helper()
	items := map[string]*item{"": {}}
	var stack []*item // the item that each open element belongs to
	current, in := items[""], ""
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
			case "svg", "g", "title", "desc", "text", "path", "polygon", "polyline", "ellipse":
			default:
				t.Errorf("element %s", in)
			}
			switch class := attr(e, "class"); class {
			case "node", "edge", "cluster":
				id := attr(e, "id")
				if items[id] != nil {
					t.Errorf("id %s twice", id)
				}
				current = &item{class: class}
				items[id] = current
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
				current.title += string(e)
			case "text":
				current.text += string(e) + "\n"
			}
		case xml.Directive, xml.Comment:
			t.Errorf("%T in the picture", e)
		}
	}
}

func TestSVGShowsEverything(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	svg := svgString(t, SVG{DOT: render.DOT{Title: "shop & <friends>"}}, g)
	items := parse(t, svg)
	if got := items[""].title; got != "shop & <friends>" {
		t.Errorf("title %q", got)
	}
	for n := range g.Nodes() {
		switch i := items[render.NodeID(n.ID)]; {
		case i == nil:
			t.Errorf("no node %v", n.ID)
		case !strings.Contains(i.text, n.ID.Name+"\n"):
			t.Errorf("node %v shows %q", n.ID, i.text)
		case !strings.HasPrefix(i.title, n.ID.String()+" ("):
			t.Errorf("node %v has tooltip %q", n.ID, i.title)
		}
	}
	edges := map[string]bool{}
	boxes := map[string]bool{}
	for _, i := range items {
		name, _, _ := strings.Cut(i.title, "\n")
		switch i.class {
		case "edge":
			edges[name] = true
			if !strings.Contains(i.text, " calls\n") || !strings.Contains(i.text, " ms\n") && !strings.Contains(i.text, " µs\n") {
				t.Errorf("edge %s shows %q", name, i.text)
			}
		case "cluster":
			boxes[name] = true
		}
	}
	for e := range g.Edges() {
		name := e.ID.From.String() + " → " + e.ID.To.String() + " (" + string(e.ID.Kind) + ")"
		if drawn := e.ID.From != e.ID.To; edges[name] != drawn {
			t.Errorf("edge %s is drawn: %v, want %v", name, edges[name], drawn)
		}
	}
	for _, namespace := range []string{"edge", "shop", "billing"} {
		if !boxes["namespace "+namespace] {
			t.Errorf("no box for %s", namespace)
		}
	}
	for _, want := range []string{`<svg role="img" font-family="Helvetica, Arial,`, "<title>shop &amp; &lt;friends&gt;</title>\n<desc>"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in the picture", want)
		}
	}
	if n := strings.Count(svg, "font-family"); n != 1 {
		t.Errorf("%d times font-family, want the one of the whole picture", n)
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
	items := parse(t, svgString(t, SVG{DOT: render.DOT{Title: title}}, g))
	for n := range g.Nodes() {
		i := items[render.NodeID(n.ID)]
		if i == nil {
			t.Errorf("no node %.100q", n.ID)
			continue
		}
		if strings.ContainsFunc(n.ID.String(), func(r rune) bool { return r < ' ' || r > '~' }) {
			continue // shown with escapes, see package render
		}
		if !strings.HasPrefix(oneSpace(i.title), oneSpace(n.ID.String()+" (")) {
			t.Errorf("node %.100q has tooltip %.100q", n.ID, i.title)
		}
		if len(n.ID.Name) <= 40 && !strings.Contains(oneSpace(i.text), oneSpace(n.ID.Name)) {
			t.Errorf("node %q shows %q", n.ID, i.text)
		}
	}
}

// oneSpace makes one of every run of spaces: Graphviz turns the second and every
// other into no-break spaces.
func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestSVGOfEmptyGraph(t *testing.T) {
	if items := parse(t, svgString(t, SVG{}, new(servicegraph.Graph))); !strings.Contains(items[""].text, "nothing to draw") {
		t.Errorf("picture says %q", items[""].text)
	}
}

func TestSVGIsTheSameEveryTime(t *testing.T) {
	traffic := rendertest.Shop()
	want := svgString(t, SVG{}, traffic.Graph(t))
	for i, j := 0, len(traffic.Spans)-1; i < j; i, j = i+1, j-1 {
		traffic.Spans[i], traffic.Spans[j] = traffic.Spans[j], traffic.Spans[i]
	}
	if got := svgString(t, SVG{}, traffic.Graph(t)); got != want {
		t.Error("the spans in reverse give another picture")
	}
}

func TestSizeLimits(t *testing.T) {
	err := SVG{}.Render(io.Discard, chain(t, maxNodes+1))
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "151 nodes and 150 edges") {
		t.Errorf("%d nodes: error %v", maxNodes+1, err)
	}
	traffic := &rendertest.Traffic{Window: time.Minute}
	for i := range maxEdges + 1 {
		traffic.Call(service(i%21), service(i/21), rendertest.Load{Calls: 1, Typical: time.Second})
	}
	if err := (SVG{}).Render(io.Discard, traffic.Graph(t)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d edges: error %v", maxEdges+1, err)
	}
	parse(t, svgString(t, SVG{Force: true}, chain(t, maxNodes+1)))
}

func TestManyEdgesHaveNoText(t *testing.T) {
	for _, test := range []struct {
		edges int
		text  bool
	}{{maxEdgeTexts, true}, {maxEdgeTexts + 1, false}} {
		items := parse(t, svgString(t, SVG{}, chain(t, test.edges+1)))
		for id, i := range items {
			if i.class == "edge" && (i.text != "") != test.text {
				t.Errorf("%d edges: %s shows %q", test.edges, id, i.text)
			}
		}
		if got := strings.Contains(items[""].text, "in their tooltips"); got == test.text {
			t.Errorf("%d edges: the heading says that they have no text: %v", test.edges, got)
		}
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

// What Graphviz leaves out without an error does not pass for a picture.
func TestIncompletePictureIsAnError(t *testing.T) {
	dot := render.DOT{SelfEdges: true}
	traffic := &rendertest.Traffic{Window: time.Minute}
	load := rendertest.Load{Calls: 1, Typical: time.Second}
	traffic.Call("a", "b", load)
	small := traffic.Graph(t)
	traffic.Message("a", "b", load)
	moreEdges := traffic.Graph(t)
	traffic.Entry("c", load)
	moreNodes := traffic.Graph(t)

	_, drawn, err := finish([]byte(svgString(t, SVG{DOT: dot}, small)), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := drawn.verify(dot, small); err != nil {
		t.Errorf("a complete picture: %v", err)
	}
	for want, err := range map[string]error{
		"graphviz drew 1 of 2 edges":            drawn.verify(dot, moreEdges),
		"graphviz left out node service:c":      drawn.verify(dot, moreNodes),
		"graphviz wrote no picture":             contents{}.verify(dot, small),
		"graphviz left out the text of an edge": contents{drawn.texts, []int{0}}.verify(dot, small),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, _, err := finish([]byte("<svg><g"), "", ""); err == nil {
		t.Error("no error for half an SVG")
	}
}
