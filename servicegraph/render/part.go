package render

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
)

// Part returns the part of g that matters most, with about the given numbers of nodes and edges:
// failing nodes and the nodes at the ends of failing edges, the paths from entries to failing
// nodes, other entries, nodes and edges with a warning, and then the busiest. Failing nodes and
// edges and the paths to them may exceed the numbers, up to twice as many. Self edges do not count
// if the style does not draw them. Part returns g itself if g is within the numbers. The report of
// the part counts the nodes and edges that were left out, and [Style.Drawn] describes them in a
// sentence.
func (s Style) Part(g *servicegraph.Graph, nodes, edges int) *servicegraph.Graph {
	if g.NumNodes() <= nodes && s.numLines(g) <= edges {
		return g
	}
	return s.part(g, limits{nodes, 2 * nodes, edges, 2 * edges})
}

// limits are the numbers of nodes and edges of a part, and the largest numbers that failing nodes
// and edges may cause.
type limits struct{ nodes, mostNodes, edges, mostEdges int }

func (s Style) part(g *servicegraph.Graph, l limits) *servicegraph.Graph {
	p := newPicker(s, g)
	p.pick(l.nodes, l.mostNodes)
	part := g
	if len(p.picked) < g.NumNodes() {
		part = g.Filter(func(n servicegraph.Node) bool { return p.picked[n.ID] })
	}
	if s.numLines(part) <= l.edges {
		return part
	}
	keep := p.importantEdges(part, l.edges, l.mostEdges)
	return part.FilterEdges(func(e servicegraph.Edge) bool { return keep[e.ID] })
}

// Order returns the nodes and the edges of g by importance, as [Style.Part] picks them, for
// a program that picks a part of a view of g. Beyond the first few hundred nodes, the
// busiest come first.
func (s Style) Order(g *servicegraph.Graph) (nodes []servicegraph.NodeID, edges []servicegraph.EdgeID) {
	p := newPicker(s, g)
	p.pick(min(g.NumNodes(), maxOrdered), g.NumNodes())
	p.room = g.NumNodes()
	rest := slices.SortedStableFunc(g.Nodes(), func(a, b servicegraph.Node) int { return cmp.Compare(b.Requests.Calls, a.Requests.Calls) })
	for _, n := range rest {
		p.add(n.ID)
	}
	for _, e := range p.edgesByImportance(g) {
		edges = append(edges, e.ID)
	}
	return p.order, edges
}

// maxOrdered limits the nodes that Order puts in an order that keeps them connected, which
// takes a pass over all edges for each node.
const maxOrdered = 200

// Drawn returns a sentence about the part of g that an image shows, or an empty string if
// it shows all of g.
func (s Style) Drawn(g, part *servicegraph.Graph) string {
	if part.NumNodes() == g.NumNodes() && part.NumEdges() == g.NumEdges() {
		return ""
	}
	failing, drawn := 0.0, 0.0
	for n := range g.Nodes() {
		if s.levelOfNode(n) == Failing {
			failing++
			if _, ok := part.Node(n.ID); ok {
				drawn++
			}
		}
	}
	text := "drawn: "
	if failing > 0 {
		text += count(drawn) + " of " + count(failing) + " failing, "
	}
	return text + fmt.Sprintf("%s of %s, %s of %s",
		count(float64(part.NumNodes())), plural(float64(g.NumNodes()), "node"),
		count(float64(s.numLines(part))), plural(float64(s.numLines(g)), "edge"))
}

// A picker picks nodes by importance.
type picker struct {
	style  Style
	graph  *servicegraph.Graph
	in     map[servicegraph.NodeID][]servicegraph.Edge // by callee, the most failed calls first, then the most calls
	room   int                                         // nodes that can still be picked
	picked map[servicegraph.NodeID]bool
	order  []servicegraph.NodeID        // the picked nodes
	onPath map[servicegraph.EdgeID]bool // edges from entries to failing nodes
}

func newPicker(s Style, g *servicegraph.Graph) *picker {
	p := &picker{
		style: s, graph: g,
		in:     make(map[servicegraph.NodeID][]servicegraph.Edge),
		picked: make(map[servicegraph.NodeID]bool),
		onPath: make(map[servicegraph.EdgeID]bool),
	}
	for e := range g.Edges() {
		if e.ID.From != e.ID.To {
			p.in[e.ID.To] = append(p.in[e.ID.To], e)
		}
	}
	for _, list := range p.in {
		slices.SortStableFunc(list, func(a, b servicegraph.Edge) int {
			return cmp.Or(cmp.Compare(b.Errors, a.Errors), cmp.Compare(b.Calls, a.Calls))
		})
	}
	return p
}

// add picks a node if there is room.
func (p *picker) add(id servicegraph.NodeID) {
	if p.room > 0 && !p.picked[id] {
		p.room--
		p.picked[id] = true
		p.order = append(p.order, id)
	}
}

// pick picks up to n nodes, or up to most nodes if they fail or are on a path to a failing node.
func (p *picker) pick(n, most int) {
	p.room = most
	nodes := slices.Collect(p.graph.Nodes())
	slices.SortStableFunc(nodes, func(a, b servicegraph.Node) int {
		return cmp.Or(cmp.Compare(b.Requests.Errors, a.Requests.Errors), cmp.Compare(b.Requests.Calls, a.Requests.Calls))
	})
	edges := slices.Collect(p.graph.Edges())
	slices.SortStableFunc(edges, func(a, b servicegraph.Edge) int {
		return cmp.Or(cmp.Compare(p.edgeLevel(b), p.edgeLevel(a)), cmp.Compare(b.Calls, a.Calls))
	})
	failing := make([]servicegraph.NodeID, 0, len(nodes))
	for _, n := range nodes {
		if p.level(n) == Failing {
			failing = append(failing, n.ID)
			p.add(n.ID)
		}
	}
	for _, e := range edges {
		if p.edgeLevel(e) == Failing {
			p.add(e.ID.To)
			p.add(e.ID.From)
		}
	}
	for _, id := range failing {
		p.addPath(id)
	}
	p.room = max(n-len(p.picked), 0)
	for _, n := range nodes {
		if n.Entries > 0 {
			p.add(n.ID)
		}
	}
	for _, n := range nodes {
		if p.level(n) == Warning {
			p.add(n.ID)
		}
	}
	for p.addNext(edges) {
	}
	for _, n := range nodes {
		p.add(n.ID)
	}
}

// addNext picks one or two nodes, and reports whether there is room for more: the callee of
// the first edge whose caller is picked; if there is none, the caller of the first edge whose
// callee is picked; and otherwise the ends of the first edge with no end picked.
func (p *picker) addNext(edges []servicegraph.Edge) bool {
	up, apart := -1, -1
	for i := range edges {
		switch from, to := p.picked[edges[i].ID.From], p.picked[edges[i].ID.To]; {
		case from && !to:
			p.add(edges[i].ID.To)
			return p.room > 0
		case to && !from && up < 0:
			up = i
		case !from && !to && apart < 0:
			apart = i
		}
	}
	switch {
	case up >= 0:
		p.add(edges[up].ID.From)
	case apart >= 0 && p.room >= 2:
		p.add(edges[apart].ID.From)
		p.add(edges[apart].ID.To)
	default:
		return false
	}
	return p.room > 0
}

// addPath picks the nodes of the shortest path from an entry to a node. Of several shortest paths,
// it takes the one whose edges have the most failed calls.
func (p *picker) addPath(to servicegraph.NodeID) {
	next := make(map[servicegraph.NodeID]servicegraph.EdgeID) // towards the node
	queue := []servicegraph.NodeID{to}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if n, _ := p.graph.Node(id); n.Entries > 0 {
			for id != to {
				p.add(id)
				p.onPath[next[id]] = true
				id = next[id].To
			}
			return
		}
		for _, e := range p.in[id] {
			if _, seen := next[e.ID.From]; !seen && e.ID.From != to {
				next[e.ID.From] = e.ID
				queue = append(queue, e.ID.From)
			}
		}
	}
}

// level returns the level of a node, with Failing for all levels of marks above it.
func (p *picker) level(n servicegraph.Node) Level {
	return min(p.style.levelOfNode(n), Failing)
}

// edgeLevel returns the level of an edge, with Failing for all levels of marks above it.
func (p *picker) edgeLevel(e servicegraph.Edge) Level { return min(p.style.levelOfEdge(e), Failing) }

// importantEdges returns the n edges of a graph that matter most. Of failing edges and edges
// from entries to failing nodes, there are up to most. Self edges that are not drawn are kept
// and do not count.
func (p *picker) importantEdges(g *servicegraph.Graph, n, most int) map[servicegraph.EdgeID]bool {
	keep := make(map[servicegraph.EdgeID]bool, n)
	lines := 0
	for _, e := range p.edgesByImportance(g) {
		switch {
		case e.ID.From == e.ID.To && !p.style.SelfEdges:
			keep[e.ID] = true
		case lines < n || lines < most && (p.edgeLevel(e) == Failing || p.onPath[e.ID]):
			keep[e.ID] = true
			lines++
		}
	}
	return keep
}

// edgesByImportance returns the edges of a graph: failing edges, edges from entries to
// failing nodes, edges with a warning, for each other node the busiest edge, and then the
// busiest edges.
func (p *picker) edgesByImportance(g *servicegraph.Graph) []servicegraph.Edge {
	edges := slices.Collect(g.Edges())
	slices.SortStableFunc(edges, func(a, b servicegraph.Edge) int { return cmp.Compare(b.Calls, a.Calls) })
	connected := make(map[servicegraph.NodeID]bool)
	class := make(map[servicegraph.EdgeID]int, len(edges))
	for _, e := range edges {
		switch {
		case p.edgeLevel(e) == Failing:
			class[e.ID] = 0
		case p.onPath[e.ID]:
			class[e.ID] = 1
		case p.edgeLevel(e) == Warning:
			class[e.ID] = 2
		case e.ID.From == e.ID.To:
			class[e.ID] = 4
			continue // a self edge connects nothing
		case !connected[e.ID.From] || !connected[e.ID.To]:
			class[e.ID] = 3
		default:
			class[e.ID] = 4
		}
		connected[e.ID.From], connected[e.ID.To] = true, true
	}
	slices.SortStableFunc(edges, func(a, b servicegraph.Edge) int { return cmp.Compare(class[a.ID], class[b.ID]) })
	return edges
}
