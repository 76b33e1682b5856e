package graphtest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

func texts(rules []graphtest.Rule) (list []string) {
	for _, r := range rules {
		list = append(list, r.String())
	}
	return list
}

func TestParse(t *testing.T) {
	const file = `# The shop.

exactly web->cart -> redis,   # spaces do not matter,
	web → payments            # nor does the arrow
never "my shop"/* -> *[database]
  # a comment in between
only payments -> "nothing"
latency   callee p99.90 a -> b at most 1500ms
	calls 127.0.0.1:8080 -> b 3..3
layers web >

	cart
errors a -> b at most 0.50%
`
	want := []string{
		"exactly web -> cart -> redis, web -> payments",
		`never "my shop"/* -> *[database]`,
		`only payments -> "nothing"`,
		"latency callee p99.9 a -> b at most 1.5s",
		"calls 127.0.0.1:8080 -> b 3",
		"layers web > cart",
		"errors a -> b at most 0.5%",
	}
	rules, err := graphtest.Parse("rules", file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, texts(rules)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// TestParseErrors: all mistakes in a file are reported with their positions and suggestions,
// and the other rules are parsed.
func TestParseErrors(t *testing.T) {
	const file = `nevr web -> db
acyclic
never web db
path web
acyclic please
only web ->
latency p95 a -> b at most 1s
latency caller 95 a -> b at most 1s
latency caller p101 a -> b at most 1s
latency caller p95 a -> b at most soon
errors a -> b at most 5
errors a -> b at most 101%
calls a -> b many
calls a -> b 5..3
per-trace a -> b at least 1
depth at most -1
layers web
never web -> db[databse]
never "web -> db
fan-out at most 3
	never ä -> -> b
conected
never a"b c" -> d
`
	want := `rules:1:1: unknown rule "nevr": did you mean never?
rules:3:11: want "->" here, not "db"
rules:4:9: want -> here, not the end of the line
rules:5:9: want the end of the rule here, not "please"
rules:6:12: want the name of a service here, not the end of the line
rules:7:9: want caller or callee here, the side that measures the latency, not "p95"
rules:8:16: want a percentile such as p95 or p99.9 here, not "95"
rules:9:16: want a percentile such as p95 or p99.9 here, not "p101"
rules:10:35: want a duration such as 300ms or 1.5s here, not "soon"
rules:11:23: want a percentage such as 0% or 0.5% here, not "5"
rules:12:23: want a percentage such as 0% or 0.5% here, not "101%"
rules:13:14: want a number of calls such as 3, 3..5 or 3.. here, not "many"
rules:14:14: want a number of calls such as 3, 3..5 or 3.. here, not "5..3"
rules:15:21: want "most" here, not "least"
rules:16:15: want a number here, not "-1"
rules:17:11: want > and another layer here, not the end of the line
rules:18:14: db[databse]: unknown type "databse": the types are service, database, queue, external, function, model, rpc, ip, group: did you mean database?
rules:19:7: a quote is not closed
rules:20:12: want "at" here, not "most"
rules:21:13: want the name of a service here, not "->"
rules:22:1: unknown rule "conected": did you mean connected?
rules:23:7: a"b c": write quotes around the whole name, and \" for a quote in it`
	rules, err := graphtest.Parse("rules", file)
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if got := texts(rules); !slices.Equal(got, []string{"acyclic"}) {
		t.Errorf("rules %q", got)
	}
}

// TestPatterns: patterns match the right nodes.
func TestPatterns(t *testing.T) {
	node := func(namespace, name string, typ servicegraph.NodeType) servicegraph.NodeID {
		return servicegraph.NodeID{Namespace: namespace, Name: name, Type: typ}
	}
	web := node("", "web", servicegraph.TypeService)
	shopWeb := node("shop", "web", servicegraph.TypeService)
	db := node("shop", "web", servicegraph.TypeDatabase)
	odd := node("a/b", `c "d" -> [e]*`, servicegraph.TypeService)
	nodes := []servicegraph.NodeID{web, shopWeb, db, odd}
	for text, want := range map[string][]servicegraph.NodeID{
		"web":                     {web, shopWeb, db},
		"/web":                    nil, // replaced below
		`""/web`:                  {web},
		"shop/web":                {shopWeb, db},
		"*[service]":              {web, shopWeb, odd},
		"s?op/w*b[database]":      {db},
		"*":                       nodes,
		"*/*":                     nodes,
		"w?":                      nil,
		"*eb*":                    {web, shopWeb, db},
		`"w*b"`:                   nil,
		`"a/b"/"c \"d\" -> [e]*"`: {odd},
		`"a/b"/c*`:                {odd},
		`a/"b/c \"d\" -> [e]*"`:   nil,
	} {
		if text == "/web" {
			want = []servicegraph.NodeID{web}
		}
		rules, err := graphtest.Parse("", "only "+text+" -> nothing")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []servicegraph.NodeID
		for _, id := range nodes {
			if graphtest.Matches(rules[0].String(), id) {
				got = append(got, id)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s selects %v, want %v", text, got, want)
		}
	}
}

// FuzzParse: for any text the parser returns rules or errors with a position, and parsing
// the text of a rule gives the same rule.
func FuzzParse(f *testing.F) {
	for _, c := range ruleCases {
		f.Add(c.text)
	}
	f.Add("async web -> a\"b/c\fd*")
	f.Add("errors *:-> mail at most 0%")
	f.Add("never \"a\nb\" -> c\n\tacyclic # no")
	f.Add("calls web -> cart 11111111..\nper-trace web -> cart at most 9007199254740991\ncalls web -> cart 9007199254740992")
	f.Add("a -> b: calls 3, latency caller p95 at most 3s # because\n\n# end")
	f.Fuzz(func(t *testing.T, text string) {
		rules, _ := graphtest.Parse("", text)
		for _, r := range rules {
			again, err := graphtest.Parse("", r.String())
			if err != nil || len(again) != 1 || again[0].String() != r.String() {
				t.Fatalf("%q is read as %q, %v", r, texts(again), err)
			}
		}
		top, err := graphtest.ParseTopology("", text)
		if err != nil {
			return
		}
		again, err := graphtest.ParseTopology("", top.String())
		if err != nil || again.String() != top.String() {
			t.Fatalf("%q becomes %q, %v", top.String(), again.String(), err)
		}
	})
}
