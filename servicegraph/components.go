package servicegraph

import "slices"

// Cycles returns the sets of nodes that call each other, directly or through other nodes:
// the strongly connected components of more than one node. A node that calls itself is
// in no set for that reason alone. Sets are ordered by their first node, and nodes within
// a set by [NodeID.Compare].
func (g *Graph) Cycles() [][]NodeID {
	componentOf, n := g.adjacency().components(marks(len(g.nodes)))
	sets := make([][]NodeID, n)
	for i, c := range componentOf {
		sets[c] = append(sets[c], g.nodes[i].ID)
	}
	sets = slices.DeleteFunc(sets, func(s []NodeID) bool { return len(s) < 2 })
	slices.SortFunc(sets, func(a, b []NodeID) int { return a[0].Compare(b[0]) })
	return sets
}

// components numbers the strongly connected components of the subgraph of the marked
// nodes: the largest sets of nodes that reach each other. A node on no cycle is a
// component of its own. components returns the number of each node's component, -1 for
// unmarked nodes, and how many components there are. A component has a larger number
// than the components it calls.
//
// The algorithm is Tarjan's, with a stack of its own in place of recursion: a chain of
// calls may be as long as there are services.
func (a *adjacency) components(marked []bool) (componentOf []int, n int) {
	const open = -2 // visited, but not in a component yet
	componentOf = make([]int, len(marked))
	for v := range componentOf {
		componentOf[v] = -1
	}
	type visit struct{ node, next int } // next is the edge to follow next
	var (
		order  = make([]int, len(marked)) // when a node was visited, from 1; 0 if not yet
		lowest = make([]int, len(marked)) // the lowest order of the open nodes that a node is known to reach
		opened []int                      // open nodes, by their order
		path   []visit                    // from the root to the node that is visited
		count  int
	)
	enter := func(v int) {
		count++
		order[v], lowest[v], componentOf[v] = count, count, open
		opened = append(opened, v)
		path = append(path, visit{v, a.out[v]})
	}
	for root := range marked {
		if !marked[root] || order[root] > 0 {
			continue
		}
		enter(root)
		for len(path) > 0 {
			at := &path[len(path)-1]
			v := at.node
			if at.next < a.out[v+1] {
				w := a.to[at.next]
				at.next++
				switch {
				case !marked[w]:
				case order[w] == 0:
					enter(w)
				case componentOf[w] == open:
					lowest[v] = min(lowest[v], order[w])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				caller := path[len(path)-1].node
				lowest[caller] = min(lowest[caller], lowest[v])
			}
			if lowest[v] < order[v] {
				continue
			}
			for componentOf[v] == open { // v and all nodes opened after it are a component
				last := opened[len(opened)-1]
				opened = opened[:len(opened)-1]
				componentOf[last] = n
			}
			n++
		}
	}
	return componentOf, n
}
