package render

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// graphmlRules are rules of the GraphML schema (graphml-structure.xsd and
// graphml-attributes.xsd of http://graphml.graphdrawing.org/xmlns/1.0/) for the elements
// that this package writes: the order of their children, and their attributes.
var graphmlRules = map[string]struct {
	children string            // pattern for the names of the children, each with a space
	required map[string]string // patterns by attribute
	optional map[string]string
}{
	"graphml": {`^(desc )?(key )*((graph|data) )*$`, nil, map[string]string{"schemaLocation": `^\S+ \S+$`}},
	"key":     {`^(desc )?(default )?$`, map[string]string{"id": nmtoken}, map[string]string{"for": `^(all|graphml|graph|node|edge|hyperedge|port|endpoint)$`, "attr.name": nmtoken, "attr.type": `^(boolean|int|long|float|double|string)$`}},
	"graph":   {`^(desc )?((data|node|edge|hyperedge) )*$`, map[string]string{"edgedefault": `^(directed|undirected)$`}, map[string]string{"id": nmtoken}},
	"node":    {`^(desc )?((data|port) )*(graph )?$`, map[string]string{"id": nmtoken}, nil},
	"edge":    {`^(desc )?(data )*(graph )?$`, map[string]string{"source": nmtoken, "target": nmtoken}, map[string]string{"id": nmtoken, "directed": `^(true|false)$`}},
	"data":    {`^$`, map[string]string{"key": nmtoken}, map[string]string{"id": nmtoken}},
}

const nmtoken = `^[\w.:-]+$`

// An element is an XML element.
type element struct {
	name     string
	attrs    map[string]string
	text     string
	children []*element
}

func (e *element) of(name string) (found []*element) {
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// parseGraphML returns the root of a document, and fails if the document breaks a rule
// of the schema.
func parseGraphML(t *testing.T, doc string) *element {
	t.Helper()
	root := &element{}
	open := []*element{root}
	dec := xml.NewDecoder(strings.NewReader(doc))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		parent := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Space != "http://graphml.graphdrawing.org/xmlns" {
				t.Errorf("element %v is not GraphML", token.Name)
			}
			e := &element{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				if a.Name.Local != "xmlns" && a.Name.Space != "xmlns" {
					e.attrs[a.Name.Local] = a.Value
				}
			}
			parent.children = append(parent.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			parent.text += string(token)
		}
	}
	if len(root.children) != 1 || root.children[0].name != "graphml" {
		t.Fatal("not a GraphML document")
	}
	checkElement(t, root.children[0])
	checkReferences(t, root.children[0])
	return root.children[0]
}

func checkElement(t *testing.T, e *element) {
	t.Helper()
	rules, ok := graphmlRules[e.name]
	if !ok {
		t.Errorf("element %s", e.name)
		return
	}
	var children string
	for _, c := range e.children {
		children += c.name + " "
		checkElement(t, c)
	}
	if !regexp.MustCompile(rules.children).MatchString(children) {
		t.Errorf("%s contains %.200s", e.name, children)
	}
	if e.name != "data" && strings.TrimSpace(e.text) != "" {
		t.Errorf("%s contains the text %q", e.name, e.text)
	}
	for name := range rules.required {
		if _, ok := e.attrs[name]; !ok {
			t.Errorf("%s has no %s", e.name, name)
		}
	}
	for name, value := range e.attrs {
		pattern, ok := rules.required[name]
		if !ok {
			pattern, ok = rules.optional[name]
		}
		if !ok || !regexp.MustCompile(pattern).MatchString(value) {
			t.Errorf("%s has %s=%q", e.name, name, value)
		}
	}
}

// checkReferences checks that ids are unique, that every reference has a target, and
// that each data element has the type and the owner of its key.
func checkReferences(t *testing.T, root *element) {
	t.Helper()
	keys := map[string]*element{}
	for _, k := range root.of("key") {
		if keys[k.attrs["id"]] != nil {
			t.Errorf("key %s occurs twice", k.attrs["id"])
		}
		keys[k.attrs["id"]] = k
	}
	checkData := func(owner *element) {
		seen := map[string]bool{}
		for _, d := range owner.of("data") {
			id := d.attrs["key"]
			k := keys[id]
			if k == nil || seen[id] || k.attrs["for"] != owner.name {
				t.Errorf("data %s of a %s: no such key, a key for %v, or a duplicate", id, owner.name, k)
				continue
			}
			seen[id] = true
			var err error
			switch k.attrs["attr.type"] {
			case "double":
				_, err = strconv.ParseFloat(d.text, 64)
			case "long":
				_, err = strconv.ParseInt(d.text, 10, 64)
			}
			if err != nil {
				t.Errorf("data %s: %v", id, err)
			}
		}
	}
	for _, g := range root.of("graph") {
		checkData(g)
		nodes, edges := map[string]bool{}, map[string]bool{}
		for _, n := range g.of("node") {
			if nodes[n.attrs["id"]] {
				t.Errorf("node %s occurs twice", n.attrs["id"])
			}
			nodes[n.attrs["id"]] = true
			checkData(n)
		}
		for _, e := range g.of("edge") {
			if edges[e.attrs["id"]] || !nodes[e.attrs["source"]] || !nodes[e.attrs["target"]] {
				t.Errorf("edge %v: it occurs twice, or an end is not", e.attrs)
			}
			edges[e.attrs["id"]] = true
			checkData(e)
		}
	}
}

// datum returns the text of a data element, or the empty string.
func (e *element) datum(key string) string {
	for _, d := range e.of("data") {
		if d.attrs["key"] == e.name+"_"+key {
			return d.text
		}
	}
	return ""
}

func TestGraphMLReadsBackWithHostileNames(t *testing.T) {
	g := hostile().Graph(t)
	graph := parseGraphML(t, renderString(t, GraphML{}, g)).of("graph")[0]
	nodes, edges := graph.of("node"), graph.of("edge")
	if len(nodes) != g.NumNodes() || len(edges) != g.NumEdges() {
		t.Fatalf("%d nodes and %d edges, want %d and %d", len(nodes), len(edges), g.NumNodes(), g.NumEdges())
	}
	ids := map[servicegraph.NodeID]string{}
	i := 0
	for n := range g.Nodes() {
		e := nodes[i]
		i++
		ids[n.ID] = e.attrs["id"]
		if e.datum("name") != visible(n.ID.Name) || e.datum("type") != string(n.ID.Type) || e.datum("calls") != fmt.Sprint(n.Requests.Calls) {
			t.Errorf("node %.100q has name %.100q, type %q, %s calls", n.ID, e.datum("name"), e.datum("type"), e.datum("calls"))
		}
		if want := n.ID.Namespace; want == "" && e.datum("namespace") != "" || want != "" && e.datum("namespace") != visible(want) {
			t.Errorf("node %.100q has namespace %.100q", n.ID, e.datum("namespace"))
		}
	}
	i = 0
	for e := range g.Edges() {
		got := edges[i]
		i++
		if got.attrs["source"] != ids[e.ID.From] || got.attrs["target"] != ids[e.ID.To] || got.datum("kind") != string(e.ID.Kind) || got.datum("errors") != fmt.Sprint(e.Errors) {
			t.Errorf("edge %v: %v, %s, %s errors", e.ID, got.attrs, got.datum("kind"), got.datum("errors"))
		}
	}
}

// A value that was not measured is left out instead of being 0.
func TestGraphMLLeavesOutUnknownValues(t *testing.T) {
	empty := parseGraphML(t, renderString(t, GraphML{}, new(servicegraph.Graph))).of("graph")[0]
	if len(empty.of("node")) != 0 || empty.datum("first") != "" || empty.datum("traces") != "0" {
		t.Errorf("empty graph: %+v", empty)
	}
	graph := parseGraphML(t, renderString(t, GraphML{}, unfinished().Graph(t))).of("graph")[0]
	edge := graph.of("edge")[0]
	for _, key := range []string{"p50_ms", "p95_ms", "p99_ms", "max_ms", "calls_per_second"} {
		if got := edge.datum(key); got != "" {
			t.Errorf("%s is %q", key, got)
		}
	}
	if got := edge.datum("error_rate"); got != "0" {
		t.Errorf("error rate %q", got)
	}
}

// NetworkX has its own reader of GraphML. It finds every node and every edge, with their
// data in the right types.
func TestGraphMLInNetworkX(t *testing.T) {
	if exec.Command("python3", "-c", "import networkx").Run() != nil {
		t.Skip("python3 has no networkx")
	}
	for name, g := range map[string]*servicegraph.Graph{
		"shop":    rendertest.Shop().Graph(t),
		"hostile": hostile().Graph(t),
		"empty":   new(servicegraph.Graph),
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "python3", filepath.Join("testdata", "graphml.py"))
			cmd.Stdin, cmd.Stderr = strings.NewReader(renderString(t, GraphML{}, g)), t.Output()
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			type data struct {
				Name, Namespace, Type, Kind string
				Calls, Errors               float64
			}
			var got struct {
				Directed bool
				Nodes    []struct {
					ID   string
					Data data
				}
				Edges []struct {
					From, To string
					Data     data
				}
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			nodes := map[string]data{} // by id
			for _, n := range got.Nodes {
				nodes[n.ID] = n.Data
			}
			if !got.Directed || len(nodes) != g.NumNodes() || len(got.Edges) != g.NumEdges() {
				t.Fatalf("directed: %v, %d nodes and %d edges, want %d and %d", got.Directed, len(nodes), len(got.Edges), g.NumNodes(), g.NumEdges())
			}
			var want, read []string
			for e := range g.Edges() {
				want = append(want, fmt.Sprintf("%q %q %s → %q %q %s, %s: %v, %v", visibleOrNone(e.ID.From.Namespace), visible(e.ID.From.Name), e.ID.From.Type,
					visibleOrNone(e.ID.To.Namespace), visible(e.ID.To.Name), e.ID.To.Type, e.ID.Kind, e.Calls, e.Errors))
			}
			for _, e := range got.Edges {
				from, to := nodes[e.From], nodes[e.To]
				read = append(read, fmt.Sprintf("%q %q %s → %q %q %s, %s: %v, %v", from.Namespace, from.Name, from.Type, to.Namespace, to.Name, to.Type, e.Data.Kind, e.Data.Calls, e.Data.Errors))
			}
			slices.Sort(want)
			slices.Sort(read)
			if diff := cmp.Diff(want, read); diff != "" {
				t.Errorf("edges (-want +got):\n%.5000s", diff)
			}
		})
	}
}

func visibleOrNone(s string) string {
	if s == "" {
		return ""
	}
	return visible(s)
}
