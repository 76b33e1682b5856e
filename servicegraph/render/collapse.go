package render

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
)

// Collapse returns g with one card, a node of type group with the sums, for each namespace. An
// uninstrumented dependency without a namespace whose callers are all in one namespace belongs to
// that namespace. Nodes of the namespaces in [Style].Expand, failing nodes, and the nodes on the
// paths from entries to failing nodes stay as they are.
//
// Collapse returns g itself if g has fewer than two namespaces, or if no namespace has two
// nodes to collapse.
func (s Style) Collapse(g *servicegraph.Graph) *servicegraph.Graph {
	home := homes(g)
	keep := s.onFailingPaths(g)
	members := make(map[string]int)
	namespaces := make(map[string]bool)
	for n := range g.Nodes() {
		if n.ID.Namespace != "" {
			namespaces[n.ID.Namespace] = true
		}
		if !keep[n.ID] {
			members[home[n.ID]]++
		}
	}
	delete(members, "")
	for _, namespace := range s.Expand {
		delete(members, namespace)
	}
	for namespace, n := range members {
		if n < 2 {
			delete(members, namespace)
		}
	}
	if len(namespaces) < 2 || len(members) == 0 {
		return g
	}
	return g.Group(func(n servicegraph.Node) servicegraph.NodeID {
		namespace := home[n.ID]
		if members[namespace] == 0 || keep[n.ID] {
			return n.ID
		}
		return servicegraph.NodeID{Name: namespace, Type: servicegraph.TypeGroup}
	})
}

// Overview is for an image of a graph that is too large. It returns g with collapsed namespaces, as
// [Style.Collapse] makes it, and the most important part of that graph, as [Style.Part] picks it.
// Most namespaces call many others. If namespaces are collapsed, the part therefore has about two
// edges for each node, and at most about 100 edges or the given number, so that each edge has room
// for its numbers.
func (s Style) Overview(g *servicegraph.Graph, nodes, edges int) (collapsed, part *servicegraph.Graph) {
	collapsed = s.Collapse(g)
	if collapsed != g {
		edges = min(edges, 2*collapsed.NumNodes(), overviewEdges)
	}
	return collapsed, s.Part(collapsed, nodes, edges)
}

// overviewEdges is the largest number of edges in an image with collapsed namespaces. Such an image
// shows the numbers of every edge.
const overviewEdges = 100

// homes returns the namespace of each node. An uninstrumented dependency without a namespace has
// the namespace of its callers, or an empty one if the callers have none or several.
func homes(g *servicegraph.Graph) map[servicegraph.NodeID]string {
	home := make(map[servicegraph.NodeID]string, g.NumNodes())
	for n := range g.Nodes() {
		home[n.ID] = n.ID.Namespace
	}
	for n := range g.Nodes() {
		if n.ID.Namespace != "" || n.ID.Type == servicegraph.TypeService || n.ID.Type == servicegraph.TypeGroup {
			continue
		}
		var callers []string
		for e := range g.In(n.ID) {
			callers = append(callers, e.ID.From.Namespace)
		}
		for e := range g.Out(n.ID) { // a queue belongs to a namespace only if both sides do
			callers = append(callers, e.ID.To.Namespace)
		}
		slices.Sort(callers)
		if callers = slices.Compact(callers); len(callers) == 1 {
			home[n.ID] = callers[0]
		}
	}
	return home
}

// onFailingPaths returns the failing nodes and the nodes on the paths from entries to them.
func (s Style) onFailingPaths(g *servicegraph.Graph) map[servicegraph.NodeID]bool {
	keep := make(map[servicegraph.NodeID]bool)
	p := newPicker(s, g)
	p.pick(0, g.NumNodes())
	for _, id := range p.order {
		keep[id] = true
	}
	return keep
}

// Collapsed returns a sentence about the namespaces that [Style.Collapse] collapsed, or an
// empty string if there are none.
func (s Style) Collapsed(g, collapsed *servicegraph.Graph) string {
	if g == collapsed {
		return ""
	}
	groups, nodes := 0, g.NumNodes()
	for n := range collapsed.Nodes() {
		if _, known := g.Node(n.ID); !known {
			groups++
		} else {
			nodes--
		}
	}
	return plural(float64(groups), "namespace") + " collapsed, with " + plural(float64(nodes), "node")
}
