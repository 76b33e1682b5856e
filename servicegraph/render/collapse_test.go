package render

import (
	"math"
	"testing"

	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
)

func generated(t *testing.T, services int, failing bool) *servicegraph.Graph {
	t.Helper()
	g, err := systems.New(systems.Config{Services: services, Failing: failing, Seed: 1, Requests: 600}).Graph()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Namespaces become cards with the sums. Failing nodes and the nodes of expanded namespaces keep
// cards of their own.
func TestCollapse(t *testing.T) {
	for _, failing := range []bool{false, true} {
		g := generated(t, 60, failing)
		s := Style{Expand: []string{"payments"}}
		c := s.Collapse(g)
		groups, calls := 0, 0.0
		for n := range c.Nodes() {
			if n.ID.Type == servicegraph.TypeGroup {
				groups++
				if n.ID.Name == "payments" {
					t.Error("an expanded namespace is collapsed")
				}
			}
			calls += n.Requests.Calls
		}
		if groups < 5 || c.NumNodes() >= g.NumNodes() {
			t.Errorf("%d groups, %d of %d nodes", groups, c.NumNodes(), g.NumNodes())
		}
		want := 0.0
		for n := range g.Nodes() {
			want += n.Requests.Calls
			_, alone := c.Node(n.ID)
			if n.ID.Namespace == "payments" && !alone {
				t.Errorf("%v is not expanded", n.ID)
			}
			if s.NodeLevel(n) == Failing && !alone {
				t.Errorf("%v fails and is in a group", n.ID)
			}
		}
		if math.Abs(calls-want) > 0.1*want { // callers and peers count calls differently
			t.Errorf("failing %v: %v requests in all cards, want about %v", failing, calls, want)
		}
		if text := s.Collapsed(g, c); text == "" || s.Collapsed(g, g) != "" {
			t.Errorf("the sentence is %q", text)
		}
	}
}

// A graph with one namespace, with none, or with one node in each has nothing to collapse.
func TestCollapseNothing(t *testing.T) {
	g := generated(t, 60, false)
	one := g.Filter(func(n servicegraph.Node) bool { return n.ID.Namespace == "payments" })
	seen := make(map[string]bool)
	alone := g.Filter(func(n servicegraph.Node) bool {
		first := n.ID.Namespace != "" && !seen[n.ID.Namespace]
		seen[n.ID.Namespace] = true
		return first
	})
	none := g.Filter(func(n servicegraph.Node) bool { return n.ID.Namespace == "" })
	for name, g := range map[string]*servicegraph.Graph{"one": one, "none": none, "one node in each": alone, "empty": new(servicegraph.Graph)} {
		if (Style{}).Collapse(g) != g {
			t.Errorf("%s: the graph of %d nodes changes", name, g.NumNodes())
		}
	}
}
