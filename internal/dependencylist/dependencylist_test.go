package dependencylist

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
)

func TestRead(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"Jaeger's list", `[{"parent":"web","child":"cart","callCount":54},{"parent":"cart","child":"db","callCount":4064}]`, "cart -> db (request) 4064 0, web -> cart (request) 54 0"},
		{"an answer of Jaeger's", `{"data":[{"parent":"web","child":"cart","callCount":54}],"total":0,"limit":0,"offset":0,"errors":null}`, "web -> cart (request) 54 0"},
		{"the data last", "\n{\"total\": 0, \"errors\": [ ], \"data\": [ {\"callCount\":54, \"child\":\"cart\", \"parent\":\"web\"}]}", "web -> cart (request) 54 0"},
		{"an unknown field first", `[{"source":"spark","child":"cart","parent":"web","callCount":54}]`, "web -> cart (request) 54 0"},
		{"Zipkin's links", `[{"parent":"web","child":"cart","callCount":4,"errorCount":3}]`, "web -> cart (request) 4 3"},
		{"links of one pair", `[{"parent":"web","child":"cart","callCount":4,"source":"a"},{"parent":"web","child":"cart","callCount":1,"errorCount":1,"source":"b"}]`, "web -> cart (request) 5 1"},
		{"a service that calls itself", `[{"parent":"web","child":"web","callCount":4}]`, "web -> web (request) 4 0"},
		{"no calls", `[{"parent":"web","child":"cart","callCount":0}]`, "web -> cart (request) 0 0"},
	} {
		if !Is([]byte(test.text)) {
			t.Errorf("%s: not taken for a list", test.name)
		}
		g, err := Read(strings.NewReader(test.text))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []string
		for e := range g.Edges() {
			got = append(got, fmt.Sprintf("%s %v %v", e.ID, e.Calls, e.Errors))
			if n, _ := g.Node(e.ID.To); n.Requests.Calls != e.Calls || n.Requests.Errors != e.Errors || n.Entries != 0 || e.Evidence.Callee != e.Calls {
				t.Errorf("%s: %+v, %+v", test.name, n, e)
			}
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: %v, want %s", test.name, got, test.want)
		}
		if _, known := g.Rate(1); known {
			t.Errorf("%s: the graph has a rate", test.name)
		}
		merged := servicegraph.Merge(g, g)
		for e := range merged.Edges() {
			if once, ok := g.Edge(e.ID); !ok || e.Calls != 2*once.Calls {
				t.Errorf("%s: merged with itself, %s has %v calls", test.name, e.ID, e.Calls)
			}
		}
	}
}

func TestReadErrors(t *testing.T) {
	for text, want := range map[string]string{
		`[{"parent":"web","callCount":1}]`:                                                            "link 1 has no parent or no child",
		`[{"parent":"web","child":"cart","callCount":1,"errorCount":2}]`:                              "link 1: errorCount 2 is not from 0 to callCount, which is 1",
		`[{"parent":"web","child":"cart","callCount":-1}]`:                                            "link 1: callCount -1 is not from 0 to 2^53",
		`[{"parent":"web","child":"cart","callCount":9007199254740994}]`:                              "is not from 0 to 2^53",
		`[{"parent":"web","child":"cart","callCount":1}`:                                              "unexpected end",
		`[` + strings.Repeat(`{"parent":"a","child":"b"},`, maxLinks) + `{"parent":"a","child":"b"}]`: "it has 262,145 links; the limit is 262,144",
		`[{"parent":"web","child":"` + strings.Repeat("x", 2<<20) + `"}]`:                             "too large: a value at byte",
		`[{"parent":"web","child":"cart","callCount":1}] []`:                                          "after the end",
		`{"data":[{"parent":"web","child":"cart","callCount":1}]`:                                     "unexpected end",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", text, err, want)
		}
	}
}

func TestIs(t *testing.T) {
	for _, text := range []string{
		"", "[]", "{", "{}", `{"data":[]}`, `{"data":null}`, `[{"traceId":"1","parentId":"2"}]`, `{"data":[{"traceID":"1","spans":[]}]}`, `{"resourceSpans":[]}`,
		`{"schema":1,"nodes":[]}`, `[{"name":"parent"}]`, `[{"parent":"folder"}]`, `{"parent":"a","child":"b"}`,
	} {
		if Is([]byte(text)) {
			t.Errorf("%s is taken for a list", text)
		}
	}
	cut := `[{"parent":"web","child":"cart","callC`
	if !Is([]byte(cut)) {
		t.Errorf("the beginning %s is not taken for a list", cut)
	}
}
