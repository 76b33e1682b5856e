package servicegraph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

func mustRename(t *testing.T, rules ...string) (list []sg.Rename) {
	t.Helper()
	for _, rule := range rules {
		r, err := sg.ParseRename(rule)
		if err != nil {
			t.Fatal(err)
		}
		if r.String() != rule {
			t.Errorf("%q is printed as %q", rule, r)
		}
		list = append(list, r)
	}
	return list
}

func TestParseRename(t *testing.T) {
	for rule, want := range map[string]string{
		"cart":            "want RE=NAME",
		"=cart":           "no expression before the equal sign",
		"cart=":           "no name after the equal sign",
		"(cart=x":         "missing closing )",
		"^(.*)-v1$=$2":    "refers to $2",
		"^(.*)-v1$=$1x":   "refers to $1x, and the expression has no such group: write ${1}",
		"^(?P<n>.*)$=$m":  "refers to $m",
		"^(.*)-v1$=$1":    "",
		"^(?P<n>.*)$=$n":  "",
		"^(.*)$=${1}x$0":  "",
		"^a=b=c$=d":       "",
		"cart=$$1":        "",
		"^(.*)$=a$$-${1}": "",
	} {
		switch _, err := sg.ParseRename(rule); {
		case want == "" && err != nil:
			t.Errorf("%s: %v", rule, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: the error is %v, want one with %q", rule, err, want)
		}
	}
}

func TestParseRenames(t *testing.T) {
	rules, err := sg.ParseRenames("names", "# pods\n\n  ^(.*)-v1$=$1  \r\ncart=basket\n")
	if err != nil || fmt.Sprint(rules) != "[^(.*)-v1$=$1 cart=basket]" {
		t.Errorf("got %v, %v", rules, err)
	}
	if _, err := sg.ParseRenames("names", "# pods\ncart\n"); err == nil || !strings.HasPrefix(err.Error(), `names:2: "cart": want RE=NAME`) {
		t.Errorf("the error is %v, want one for names:2", err)
	}
}

// TestRenameRules applies rules to the names of services.
func TestRenameRules(t *testing.T) {
	for _, c := range []struct {
		rules          []string
		namespace, was string
		want           string
	}{
		{[]string{"cart=basket"}, "", "cart", "basket"},
		{[]string{"cart=basket"}, "", "shopping-cart-2", "basket"}, // an expression matches anywhere
		{[]string{"^cart$=basket"}, "", "shopping-cart", "shopping-cart"},
		{[]string{"^(.*)-v[0-9]+$=$1"}, "", "cart-v12", "cart"},
		{[]string{"^cart=first", "cart=second"}, "", "cart", "first"},
		{[]string{"^cart=$0-2", "^cart-2=third"}, "", "cart", "cart-2"}, // a name is renamed only once
		{[]string{"^shop/cart$=basket"}, "shop", "cart", "shop/basket"},
		{[]string{"^shop/(.*)$=$1-of-shop"}, "other", "cart", "other/cart"},
		{[]string{"^(x*)cart$=$1"}, "", "cart", "cart"}, // a rule that gives an empty name changes nothing
	} {
		cfg := sg.Config{Rename: mustRename(t, c.rules...)}
		b := sg.NewBuilder(cfg)
		b.Add(sg.Span{TraceID: sg.TraceID{1}, SpanID: sg.SpanID{1}, Kind: sg.KindServer, Service: c.was, Namespace: c.namespace})
		for n := range b.Graph().Nodes() {
			if n.ID.String() != c.want {
				t.Errorf("%v: %s/%s became %s, want %s", c.rules, c.namespace, c.was, n.ID, c.want)
			}
		}
	}
}

// TestRenameLaw renames every node, so that no two get the same name. Renaming while building,
// renaming the graph, and renaming the graphs of parts before merging them must all give the same
// graph.
func TestRenameLaw(t *testing.T) {
	rules := mustRename(t, "^B$=Z", "^([A-Z])$=$1-service", "^([a-z])$=$1-host", "^(host|balancer|kafka)(.*)$=$2-$1")
	configs := []sg.Config{ // InferCalls compares names, which rules change
		{}, {QueueNodes: true}, {UserNode: true, HTTPErrors: true}, {IgnoreAddresses: true, NotErrors: []string{"500"}},
	}
	for seed := range seeds(t, 200) {
		rng := rand.New(rand.NewPCG(seed, 19))
		spans := withoutSharedSides(damagedTraces(rng))
		cfg := configs[seed%uint64(len(configs))]
		renaming := cfg
		renaming.Rename = rules
		build := func(spans []sg.Span) *sg.Graph { return buildWith(cfg, spans) }
		want := withoutHosts(buildWith(renaming, spans))
		if got := withoutHosts(build(spans).Rename(rules...)); got != want {
			t.Fatalf("seed %d: the renamed graph differs from the graph with renamed spans:\n%s", seed, cmp.Diff(want, got))
		}
		parts := make([][]sg.Span, 2)
		for _, s := range spans {
			part := &parts[s.TraceID[0]%2]
			*part = append(*part, s)
		}
		merged := sg.Merge(build(parts[0]).Rename(rules...), buildWith(renaming, parts[1]))
		if got := withoutHosts(merged); got != want {
			t.Fatalf("seed %d: the merged graph of renamed parts differs:\n%s", seed, cmp.Diff(want, got))
		}
	}
}

// withoutSharedSides returns the spans without those that share an id and a side of a call with an
// earlier span of another service. Which of these services calls the children of the id depends on
// the order of their names, and a rule may change this order (docs/semantics.md I12).
func withoutSharedSides(spans []sg.Span) []sg.Span {
	type side struct {
		trace          sg.TraceID
		id             sg.SpanID
		caller, callee bool
	}
	services := make(map[side]string)
	return slices.DeleteFunc(spans, func(s sg.Span) bool {
		at := side{s.TraceID, s.SpanID, s.Kind == sg.KindClient || s.Kind == sg.KindProducer, s.Kind == sg.KindServer || s.Kind == sg.KindConsumer}
		service := s.Namespace + "/" + s.Service
		if first, ok := services[at]; ok {
			return first != service
		}
		services[at] = service
		return false
	})
}

// withoutHosts describes a graph without the hosts of edges, because an edge lists the host of its
// callee only if the callee has another name when the call is added.
func withoutHosts(g *sg.Graph) string {
	var b strings.Builder
	for line := range strings.Lines(describe(g)) {
		if !strings.HasPrefix(line, "  server.address=") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestRenameAView renames the nodes of a view, which has no pending calls: a database that gets the
// name of a service becomes that service.
func TestRenameAView(t *testing.T) {
	g := build(mustParse(t, "C A one:c 0+9 db.system=redis\nS cache two:s 0+9")).Filter(func(sg.Node) bool { return true })
	got := g.Rename(mustRename(t, "^redis$=cache")...)
	if e, ok := got.Edge(sg.EdgeID{From: service("A"), To: service("cache"), Kind: sg.EdgeRequest}); !ok || e.Calls != 1 || got.NumNodes() != 2 {
		t.Errorf("got\n%s", describe(got))
	}
}

// TestRenameOuterHost: a name that a rule gives is a choice, so it takes precedence over the address that
// a span inside the call names (docs/semantics.md F13).
func TestRenameOuterHost(t *testing.T) {
	rules := mustRename(t, "^lb$=front")
	spans := mustParse(t, "C A one:o 0+9 ! server.address=lb server.port=80\nC A one:i<o 1+7 ! server.address=stock server.port=80\n"+
		"C D two:c 0+9 server.address=stock server.port=80\nS B two:s<c 1+5")
	const found, chosen = "A -> B request n1 e1 address 1\nD -> B request n1\n", "A -> front request n1 e1\nD -> B request n1\n"
	for name, c := range map[string]struct {
		g    *sg.Graph
		want string
	}{
		"without a rule":        {build(spans), found},
		"with a rule":           {buildWith(sg.Config{Rename: rules}, spans), chosen},
		"a finished graph":      {build(spans).Rename(rules...), chosen},
		"another finished node": {build(spans).Rename(mustRename(t, "^else$=front")...), found},
	} {
		if diff := cmp.Diff(c.want, streamEdges(c.g)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRenameAlias: a name that a person chose is an address [A9]. A rule renames such addresses in
// finished graphs just as it does while building.
func TestRenameAlias(t *testing.T) {
	rules := mustRename(t, "^basket$=trolley")
	span := func(trace, id, parent byte, kind sg.Kind, service string, attrs ...sg.Attr) sg.Span {
		return sg.Span{TraceID: sg.TraceID{trace}, SpanID: sg.SpanID{id}, ParentID: sg.SpanID{parent}, Kind: kind, Service: service, Attrs: attrs, Start: epoch, End: epoch + 1}
	}
	alias := sg.Attr{Key: "peer.service", Value: "basket"}
	met := []sg.Span{span(1, 1, 0, sg.KindClient, "A", alias), span(1, 2, 1, sg.KindServer, "B")}
	failed := []sg.Span{span(2, 1, 0, sg.KindClient, "A", alias)}
	for name, g := range map[string]*sg.Graph{
		"met first":    sg.Merge(build(met).Rename(rules...), buildWith(sg.Config{Rename: rules}, failed)),
		"failed first": sg.Merge(buildWith(sg.Config{Rename: rules}, met), build(failed).Rename(rules...)),
	} {
		e, ok := g.Edge(sg.EdgeID{From: sg.NodeID{Name: "A", Type: sg.TypeService}, To: sg.NodeID{Name: "B", Type: sg.TypeService}, Kind: sg.EdgeRequest})
		if !ok || e.Calls != 2 || e.Evidence.Address != 1 {
			t.Errorf("%s: the edge is %+v, want 2 calls, 1 of them by address", name, e)
		}
	}
}
