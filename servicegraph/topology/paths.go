package topology

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/flow"
	"gonum.org/v1/gonum/graph/network"
	"gonum.org/v1/gonum/graph/topo"

	"github.com/tempograph/tempograph/servicegraph"
)

// Entries returns the nodes that requests enter from outside, in the order of
// [servicegraph.NodeID.Compare]. If no node counts entry requests, they are the nodes that no
// other node calls.
func (t *Graph) Entries() []servicegraph.NodeID {
	var ids []servicegraph.NodeID
	for _, n := range t.entries() {
		ids = append(ids, nodeID(n))
	}
	return ids
}

func (t *Graph) entries() (entries []graph.Node) {
	for n := range t.source.Nodes() {
		if n.Entries > 0 {
			entries = append(entries, t.nodes[t.ids[n.ID]])
		}
	}
	if len(entries) > 0 {
		return entries
	}
	for i, callers := range t.from {
		if len(callers) == 0 {
			entries = append(entries, t.nodes[i])
		}
	}
	return entries
}

// Layers returns the nodes in layers: a node is one layer below the lowest of its callers. The
// nodes of a cycle are in one layer. Nodes within a layer have the order of
// [servicegraph.NodeID.Compare].
func (t *Graph) Layers() [][]servicegraph.NodeID {
	components := topo.TarjanSCC(t) // a component comes after the components that it calls
	of := make([]int, len(t.nodes))
	for c, component := range components {
		for _, n := range component {
			of[n.ID()] = c
		}
	}
	layerOf := make([]int, len(components))
	var layers [][]servicegraph.NodeID
	for c, component := range slices.Backward(components) {
		for _, n := range component {
			for _, caller := range t.from[n.ID()] {
				if of[caller.ID()] != c {
					layerOf[c] = max(layerOf[c], layerOf[of[caller.ID()]]+1)
				}
			}
		}
	}
	for i, n := range t.nodes {
		l := layerOf[of[i]]
		for len(layers) <= l {
			layers = append(layers, nil)
		}
		layers[l] = append(layers[l], nodeID(n))
	}
	return layers
}

// A Cycle is a set of nodes that all reach each other.
type Cycle struct {
	Nodes []servicegraph.NodeID // in the order of [servicegraph.NodeID.Compare]

	// Closing are calls that close the cycle: without these calls, no path leads from a node back
	// to itself. They lead back to a node on the path from the node where requests enter the cycle.
	// They are ordered by caller and callee. There is at least one, and rarely many.
	Closing []Call
}

// A Call is a pair of nodes of which one calls the other.
type Call struct{ From, To servicegraph.NodeID }

// Cycles returns the cycles, ordered by their first node. A node that only calls itself is not a
// cycle.
func (t *Graph) Cycles() []Cycle {
	var cycles []Cycle
	depth := t.depths()
	for _, component := range topo.TarjanSCC(t) {
		if len(component) > 1 {
			cycles = append(cycles, t.cycle(component, depth))
		}
	}
	slices.SortFunc(cycles, func(a, b Cycle) int { return a.Nodes[0].Compare(b.Nodes[0]) })
	return cycles
}

// cycle finds the closing calls of a strongly connected component: the edges back to the path
// of a depth-first search that begins nearest to the entries.
func (t *Graph) cycle(component []graph.Node, depth []int) Cycle {
	slices.SortFunc(component, byID)
	inside := make(map[int64]bool)
	start := component[0]
	for _, n := range component {
		inside[n.ID()] = true
		if d := depth[n.ID()]; d >= 0 && (depth[start.ID()] < 0 || d < depth[start.ID()]) {
			start = n
		}
	}
	var c Cycle
	for _, n := range component {
		c.Nodes = append(c.Nodes, nodeID(n))
	}
	type visit struct{ node, next int64 }
	const open, closed = 1, 2
	state := make(map[int64]int)
	path := []visit{{node: start.ID()}}
	state[start.ID()] = open
	for len(path) > 0 {
		at := &path[len(path)-1]
		callees := t.to[at.node]
		if at.next == int64(len(callees)) {
			state[at.node] = closed
			path = path[:len(path)-1]
			continue
		}
		callee := callees[at.next].ID()
		at.next++
		switch {
		case !inside[callee]:
		case state[callee] == open:
			c.Closing = append(c.Closing, Call{nodeID(t.nodes[at.node]), nodeID(t.nodes[callee])})
		case state[callee] == 0:
			state[callee] = open
			path = append(path, visit{node: callee})
		}
	}
	slices.SortFunc(c.Closing, func(a, b Call) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	return c
}

func byID(a, b graph.Node) int { return cmp.Compare(a.ID(), b.ID()) }

// depths returns, by id, the fewest calls that lead from an entry to each node; -1 if none do.
func (t *Graph) depths() []int {
	depth := make([]int, len(t.nodes))
	for i := range depth {
		depth[i] = -1
	}
	queue := t.entries()
	for _, n := range queue {
		depth[n.ID()] = 0
	}
	for len(queue) > 0 {
		n := queue[0].ID()
		queue = queue[1:]
		for _, callee := range t.to[n] {
			if depth[callee.ID()] < 0 {
				depth[callee.ID()] = depth[n] + 1
				queue = append(queue, callee)
			}
		}
	}
	return depth
}

// A SinglePoint is a node that an entry cannot do without: every path from the entry to some
// other nodes leads through it.
type SinglePoint struct {
	Entry, Node servicegraph.NodeID
	CutsOff     []servicegraph.NodeID // the nodes that Entry reaches only through Node, in the order of [servicegraph.NodeID.Compare]; at least one
}

// SinglePoints returns the single points of failure of each entry, by entry, then by the number
// of nodes that they cut off, most first. They are the nodes that dominate others in the tree
// of [flow.Dominators]. The entry itself is not among them.
func (t *Graph) SinglePoints() []SinglePoint {
	var points []SinglePoint
	for _, entry := range t.entries() {
		tree := flow.Dominators(entry, t)
		first := len(points)
		for _, n := range t.nodes {
			if n.ID() == entry.ID() || len(tree.DominatedBy(n.ID())) == 0 {
				continue
			}
			points = append(points, SinglePoint{nodeID(entry), nodeID(n), dominated(tree, n)})
		}
		slices.SortStableFunc(points[first:], func(a, b SinglePoint) int { return cmp.Compare(len(b.CutsOff), len(a.CutsOff)) })
	}
	return points
}

// dominated returns the nodes below a node of a tree of dominators.
func dominated(tree flow.DominatorTree, n graph.Node) (ids []servicegraph.NodeID) {
	below := slices.Clone(tree.DominatedBy(n.ID()))
	for len(below) > 0 {
		last := below[len(below)-1]
		below = append(below[:len(below)-1], tree.DominatedBy(last.ID())...)
		ids = append(ids, nodeID(last))
	}
	slices.SortFunc(ids, servicegraph.NodeID.Compare)
	return ids
}

// Betweenness returns, for each node, how many of the shortest paths between two other nodes lead
// through it: the betweenness centrality of [network.Betweenness], which counts a pair of nodes
// with several shortest paths in fractions. Each call counts as one step, whatever its weight. A
// node that is on no such path is not in the map. The time is proportional to the product of the
// numbers of nodes and edges.
func (t *Graph) Betweenness() map[servicegraph.NodeID]float64 {
	of := make(map[servicegraph.NodeID]float64)
	for id, b := range network.Betweenness(t) {
		if b > 0 {
			of[nodeID(t.nodes[id])] = b
		}
	}
	return of
}

// ArticulationPoints returns the nodes without which the graph falls into more parts, whatever
// the direction of calls, in the order of [servicegraph.NodeID.Compare]. The algorithm is that
// of Hopcroft and Tarjan.
func (t *Graph) ArticulationPoints() []servicegraph.NodeID {
	type visit struct {
		node, parent int64
		next         int
	}
	order := make([]int, len(t.nodes)) // when a node was visited, from 1; 0 if not yet
	lowest := make([]int, len(t.nodes))
	isPoint := make([]bool, len(t.nodes))
	neighbors := make([][]graph.Node, len(t.nodes))
	for i := range t.nodes {
		neighbors[i] = append(slices.Clone(t.to[i]), t.from[i]...)
	}
	count := 0
	for root := range t.nodes {
		if order[root] > 0 {
			continue
		}
		children := 0
		path := []visit{{node: int64(root), parent: -1}}
		count++
		order[root], lowest[root] = count, count
		for len(path) > 0 {
			at := &path[len(path)-1]
			if at.next < len(neighbors[at.node]) {
				w := neighbors[at.node][at.next].ID()
				at.next++
				switch {
				case w == at.parent:
				case order[w] > 0:
					lowest[at.node] = min(lowest[at.node], order[w])
				default:
					count++
					order[w], lowest[w] = count, count
					path = append(path, visit{node: w, parent: at.node})
				}
				continue
			}
			v, parent := at.node, at.parent
			path = path[:len(path)-1]
			switch {
			case parent < 0:
			case parent == int64(root):
				children++
			default:
				lowest[parent] = min(lowest[parent], lowest[v])
				if lowest[v] >= order[parent] {
					isPoint[parent] = true
				}
			}
		}
		isPoint[root] = children > 1
	}
	var points []servicegraph.NodeID
	for i, is := range isPoint {
		if is {
			points = append(points, nodeID(t.nodes[i]))
		}
	}
	return points
}
