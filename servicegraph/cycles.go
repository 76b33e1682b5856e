package servicegraph

import "slices"

// Cycles returns the sets of nodes that call each other in a circle, directly or
// through others: the strongly connected components of more than one node. A node
// that calls itself is in none for that. Sets and their nodes are in the order of
// [NodeID.Compare].
func (g *Graph) Cycles() [][]NodeID {
	all := make([]bool, len(g.nodes))
	for i := range all {
		all[i] = true
	}
	setOf, n := g.shape().circles(all)
	sets := make([][]NodeID, n)
	for i, s := range setOf {
		sets[s] = append(sets[s], g.nodes[i].ID)
	}
	sets = slices.DeleteFunc(sets, func(s []NodeID) bool { return len(s) < 2 })
	slices.SortFunc(sets, func(a, b []NodeID) int { return a[0].Compare(b[0]) })
	return sets
}
