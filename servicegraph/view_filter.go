package servicegraph

import (
	"cmp"
	"slices"
)

// Filter returns the graph of the nodes for which keep is true, and of all edges
// between them. What is left out is gone, with the calls from and to it; [Graph.Hide]
// keeps what it joined together.
//
// Like every view, it leaves the graph as it is, and the [Report] of the result
// counts what was left out, on top of what the graph itself had left out. A
// service keeps the statistics of all requests that entered it, from whichever
// caller; a peer without spans of its own has those that its remaining callers
// saw. A view is final: what was open in the graph is settled in it for good, so
// merge graphs before taking views of them.
func (g *Graph) Filter(keep func(Node) bool) *Graph {
	return g.induced(g.shape(), g.mark(keep))
}

// FilterEdges returns the graph of the edges for which keep is true. A node goes
// when its last edge does, unless requests enter it from outside; nodes that had
// no edge stay.
func (g *Graph) FilterEdges(keep func(Edge) bool) *Graph {
	s := g.shape()
	edges := make([]bool, len(g.edges))
	for i, e := range g.edges {
		edges[i] = keep(e)
	}
	nodes := s.touched(edges)
	for i, n := range g.nodes {
		alone := len(s.calleesOf(i))+len(s.callersOf(i)) == 0
		nodes[i] = nodes[i] || alone || n.Entries > 0
	}
	return newGraph(g.take(nodes, edges))
}

// ErrorsOnly returns the graph of the edges with errors, the nodes at their ends,
// and the nodes that failed requests themselves: an entry service may fail
// without that any edge shows it.
func (g *Graph) ErrorsOnly() *Graph {
	edges := make([]bool, len(g.edges))
	for i := range g.edges {
		edges[i] = g.edges[i].Errors > 0
	}
	nodes := g.shape().touched(edges)
	for i := range g.nodes {
		nodes[i] = nodes[i] || g.nodes[i].Requests.Errors > 0
	}
	return newGraph(g.take(nodes, edges))
}

// Top returns the graph of the n busiest nodes and all edges between them. A
// node is as busy as it has requests, or makes calls if those are more; among
// equals, the first in the order of [NodeID.Compare] wins.
func (g *Graph) Top(n int) *Graph {
	s := g.shape()
	received, made := make([]float64, len(g.nodes)), make([]float64, len(g.nodes))
	for e := range g.edges {
		made[s.from[e]] += g.edges[e].Calls
		received[s.to[e]] += g.edges[e].Calls
	}
	return g.induced(s, largest(n, len(g.nodes), func(i int) float64 {
		return max(g.nodes[i].Requests.Calls, received[i], made[i])
	}))
}

// TopEdges returns the graph of the n edges with the most calls and of the nodes
// at their ends. Among equals, the first in the order of [EdgeID.Compare] wins.
func (g *Graph) TopEdges(n int) *Graph {
	edges := largest(n, len(g.edges), func(i int) float64 { return g.edges[i].Calls })
	return newGraph(g.take(g.shape().touched(edges), edges))
}

// largest marks the n positions with the largest sizes, of equal ones the first.
func largest(n, of int, size func(i int) float64) []bool {
	order := make([]int, of)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(size(j), size(i)) })
	marked := make([]bool, of)
	for _, i := range order[:min(max(n, 0), of)] {
		marked[i] = true
	}
	return marked
}
