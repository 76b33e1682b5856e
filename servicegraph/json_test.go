package servicegraph_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestUnmarshalJSON checks that encoding/json writes and reads a graph inside another value
// without changing it, and that a graph that cannot be read leaves the previous one unchanged.
func TestUnmarshalJSON(t *testing.T) {
	type file struct {
		Name   string
		Graph  *sg.Graph
		ByName map[string]sg.Graph
		Value  sg.Graph
	}
	g := build(mustParse(t, "C A one:c\nS B one:s<c\nP A two:p\nN B three:n link=two:p"))
	data, err := json.Marshal(file{"x", g, map[string]sg.Graph{"y": *g}, *g})
	if err != nil {
		t.Fatal(err)
	}
	var read file
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	want := string(marshal(t, g))
	if got := string(marshal(t, read.Graph)); read.Name != "x" || got != want {
		t.Errorf("a JSON round trip changes\n%s\nto\n%s", want, got)
	}
	byName := read.ByName["y"]
	for _, value := range []*sg.Graph{&byName, &read.Value} {
		if got := string(marshal(t, value)); got != want {
			t.Errorf("a JSON round trip of a value changes\n%s\nto\n%s", want, got)
		}
	}
	for in, text := range map[string]string{
		`null`:                   "",
		`{"schema":9}`:           "reading a graph: schema version 9, want 1",
		`[]`:                     "reading a graph: want an object, got [",
		`{"schema":1,"edges":7}`: "reading a graph: want a list, got 7",
		`{"schema":1`:            "unexpected end of JSON input",
		`{"schema":1} {}`:        "invalid character '{' after top-level value",
	} {
		err := json.Unmarshal([]byte(in), read.Graph)
		if (err == nil) != (text == "") || err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("%s: error %v, want %q", in, err, text)
		}
		if got := string(marshal(t, read.Graph)); got != want {
			t.Errorf("%s changes the graph to\n%s", in, got)
		}
	}
	if err := json.Unmarshal([]byte(`{"schema":1}`), read.Graph); err != nil || read.Graph.NumNodes() != 0 {
		t.Errorf("reading the empty graph gives %d nodes, error %v", read.Graph.NumNodes(), err)
	}
}

// TestJSONIDs: the ids of nodes are unique, and edges refer to their ends by them.
func TestJSONIDs(t *testing.T) {
	data := marshal(t, build(mustParse(t, `
C A one:c db.system=redis
C A one:d server.address=redis.example.com peer.service=redis
C A one:f faas.invoked_name=redis
S redis two:s`)))
	var g struct {
		Nodes []struct{ ID, Name, Type string }
		Edges []struct {
			To     string
			Target int
		}
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, n := range g.Nodes {
		if seen[n.ID] {
			t.Errorf("two nodes have the id %q", n.ID)
		}
		seen[n.ID] = true
		if want := n.Name; n.Type == string(sg.TypeService) && n.ID != want {
			t.Errorf("the service %q has the id %q", want, n.ID)
		}
	}
	if !seen["redis"] || !seen["redis (database)"] || len(g.Nodes) < 3 {
		t.Errorf("ids %v, want redis and redis (database) among them", seen)
	}
	for _, e := range g.Edges {
		if want := g.Nodes[e.Target].ID; e.To != want {
			t.Errorf("an edge leads to %q, want %q", e.To, want)
		}
	}
}

// TestReadEarlyJSON: graphs are read that have the names that some fields had at first.
func TestReadEarlyJSON(t *testing.T) {
	g := build(mustParse(t, `
C A one:c peer.service=B
C A two:c
S B two:s<c
P A three:p messaging.destination.name=orders
N B four:n link=five:q`))
	want := strings.Replace(string(marshal(t, g)), `"skipped":`, `"linksResolvedEarly":3,"addressesResolvedEarly":2,"namesTruncated":4,"environmentsTruncated":true,"detachedServicesTruncated":true,"skipped":`, 1)
	want = regexp.MustCompile(`"selfTime":\d+`).ReplaceAllString(want, `$0,"attrs":[{"key":"zone","value":"a"}],"attrsTruncated":true`)                              // of nodes
	want = regexp.MustCompile(`"evidence":\{[^}]*\}`).ReplaceAllString(want, `$0,"attrs":[{"key":"zone","value":"b"}],"attrsTruncated":true,"queuesTruncated":true`) // of edges, also of pending ones
	early := want
	for now, then := range map[string]string{
		`"pending":{`: `"open":{`, `"pending":true`: `"open":true`, `"resolved":`: `"settled":`, `"outcome":`: `"fate":`,
		`"linksResolvedEarly":`: `"linksSettled":`, `"addressesResolvedEarly":`: `"addressesSettled":`,
		`"attrsTruncated":`: `"attrsCut":`, `"queuesTruncated":`: `"queuesCut":`, `"namesTruncated":`: `"namesCut":`,
		`"environmentsTruncated":`: `"environmentsCut":`, `"detachedServicesTruncated":`: `"detachedServicesCut":`,
	} {
		if !strings.Contains(early, now) {
			t.Errorf("the graph has no field %s", now)
		}
		early = strings.ReplaceAll(early, now, then)
	}
	var texts []string
	for _, text := range []string{want, early} {
		read, err := sg.ReadJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if n := read.Report(); n.LinksResolvedEarly != 3 || n.AddressesResolvedEarly != 2 {
			t.Errorf("%d links and %d addresses were resolved early, want 3 and 2", n.LinksResolvedEarly, n.AddressesResolvedEarly)
		}
		merged := sg.Merge(read, build(mustParse(t, "P A five:q 0+10 messaging.destination.name=orders"))) // resolves the link
		texts = append(texts, string(marshal(t, merged)))
		for n := range read.Nodes() {
			if n.ID.Type == sg.TypeService && !n.AttrsTruncated {
				t.Errorf("the attributes of %s are not truncated", n.ID)
			}
		}
		for e := range read.Edges() {
			if e.ID.Kind == sg.EdgeRequest && (!e.AttrsTruncated || !e.QueuesTruncated) {
				t.Errorf("edge %s: attributes truncated: %v, queues: %v; want both", e.ID, e.AttrsTruncated, e.QueuesTruncated)
			}
		}
		if r := merged.Report(); r.NamesTruncated != 4 || !r.EnvironmentsTruncated || !r.DetachedServicesTruncated {
			t.Errorf("%d names truncated, environments: %v, services: %v; want 4 names and both", r.NamesTruncated, r.EnvironmentsTruncated, r.DetachedServicesTruncated)
		}
	}
	if texts[0] != texts[1] {
		t.Errorf("the names of fields change the graph:\n%s", cmp.Diff(texts[0], texts[1]))
	}
}
