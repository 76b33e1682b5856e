package topology_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// described returns the texts of Describe, one on each line.
func described(nodes map[servicegraph.NodeID]string, edges map[servicegraph.EdgeID]string) string {
	var lines []string
	for id, text := range nodes {
		lines = append(lines, id.Name+": "+text)
	}
	for id, text := range edges {
		lines = append(lines, id.From.Name+">"+id.To.Name+": "+text)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestDescribe(t *testing.T) {
	b := builderOf(t, "web cart", "web cart db", "web", "web web", "jobs cart", "jobs cart db", "jobs")
	g := b.Graph()
	last := reachOf(builderOf(t, "web cart"))
	for _, c := range []struct {
		name    string
		counted *topology.Reach
		all     bool
		want    string
	}{
		{"all traces", reachOf(b), true, `
cart: 2 of 2 entries, 57% of requests
cart>db: 2 of 2 entries, 29% of requests
db: 2 of 2 entries, 29% of requests
jobs: 1 of 2 entries, 43% of requests
jobs>cart: 1 of 2 entries, 29% of requests
web: 1 of 2 entries, 57% of requests
web>cart: 1 of 2 entries, 29% of requests
web>web: 1 of 2 entries, 14% of requests`},
		{"no traces", nil, true, `
cart: at most 2 of 2 entries, 57% of requests
cart>db: at most 2 of 2 entries, 29% of requests
db: at most 2 of 2 entries, 29% of requests
jobs: at most 1 of 2 entries, 43% of requests
jobs>cart: at most 1 of 2 entries, 29% of requests
web: at most 1 of 2 entries, 57% of requests
web>cart: at most 1 of 2 entries, 29% of requests
web>web: at most 1 of 2 entries, 14% of requests`},
		{"some traces", last, false, `
cart: at most 2 of 2 entries, 57% of requests; in the last 1 trace: 1 of 1 entry, 100% of requests
cart>db: at most 2 of 2 entries, 29% of requests; in the last 1 trace: 0 of 1 entry, 0% of requests
db: at most 2 of 2 entries, 29% of requests; in the last 1 trace: 0 of 1 entry, 0% of requests
jobs: at most 1 of 2 entries, 43% of requests; in the last 1 trace: 0 of 1 entry, 0% of requests
jobs>cart: at most 1 of 2 entries, 29% of requests; in the last 1 trace: 0 of 1 entry, 0% of requests
web: at most 1 of 2 entries, 57% of requests; in the last 1 trace: 1 of 1 entry, 100% of requests
web>cart: at most 1 of 2 entries, 29% of requests; in the last 1 trace: 1 of 1 entry, 100% of requests
web>web: at most 1 of 2 entries, 14% of requests; in the last 1 trace: 0 of 1 entry, 0% of requests`},
	} {
		nodes, edges := topology.Describe(g, c.counted, c.all)
		if diff := cmp.Diff(strings.TrimSpace(c.want), described(nodes, edges)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	nodes, edges := topology.Describe(new(servicegraph.Graph), nil, true)
	if len(nodes)+len(edges) > 0 {
		t.Errorf("an empty graph has %s", described(nodes, edges))
	}
}

// TestDescribeAsked checks, on a system with messages, that each text of Describe has the numbers
// that the methods for a single node or call return.
func TestDescribeAsked(t *testing.T) {
	b := builderOf(t, "a b c d", "a c b", "x c d", "x y x", "d d")
	g, r := b.Graph(), reachOf(b)
	bound := topology.New(g, nil)
	nodes, edges := topology.Describe(g, r, true)
	most, mostOfCalls := topology.Describe(g, nil, true)
	for n := range g.Nodes() {
		impact, _ := bound.BlastRadius(n.ID)
		if nodes[n.ID] != r.BlastRadius(n.ID).String() || most[n.ID] != "at most "+impact.String() {
			t.Errorf("%s: %q, %q", n.ID, nodes[n.ID], most[n.ID])
		}
	}
	var calls []string
	for e := range g.Edges() {
		call := topology.Call{From: e.ID.From, To: e.ID.To}
		impact, _ := bound.BlastRadiusOfCall(call)
		if edges[e.ID] != r.BlastRadiusOfCall(call).String() || mostOfCalls[e.ID] != "at most "+impact.String() {
			t.Errorf("%s: %q, %q", e.ID, edges[e.ID], mostOfCalls[e.ID])
		}
		calls = append(calls, fmt.Sprint(call, impact.Requests))
	}
	var listed []string
	for i, c := range bound.CallImpacts() {
		listed = append(listed, fmt.Sprint(c.Call, c.Impact.Requests))
		if i > 0 && c.Impact.Requests > bound.CallImpacts()[i-1].Impact.Requests {
			t.Errorf("%v comes after a call that fewer requests need", c)
		}
	}
	slices.Sort(calls)
	slices.Sort(listed)
	if diff := cmp.Diff(calls, listed); diff != "" {
		t.Errorf("the calls of the edges, and of the list: %s", diff)
	}
}
