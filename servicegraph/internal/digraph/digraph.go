// Package digraph walks directed graphs whose nodes and edges are numbers.
package digraph

import "slices"

// An Adjacency is a graph in compressed sparse row format. Its nodes are the numbers from 0, and
// its edges are numbered in the order of the nodes from which they lead. The fields are read-only.
type Adjacency struct {
	From, To []int // by edge: the nodes at its ends
	Callers  []int // by position in the list of edges ordered by To: the node From of the edge
	Out      []int // by node: its first edge; one more element marks the end of the last node's edges
	In       []int // by node: the position of the first edge to it in the list ordered by To; one more element marks the end for the last node
}

// New returns the graph of n nodes whose edge e leads from node from[e] to node to[e]. The edges
// must be ordered by from, and byTo must list them ordered by to. New keeps from and to.
func New(n int, from, to, byTo []int) *Adjacency {
	a := &Adjacency{From: from, To: to, Callers: make([]int, len(byTo)), Out: make([]int, n+1), In: make([]int, n+1)}
	for e := range from {
		a.Out[from[e]+1]++
		a.In[to[e]+1]++
	}
	for i, e := range byTo {
		a.Callers[i] = from[e]
	}
	for i := range n {
		a.Out[i+1] += a.Out[i]
		a.In[i+1] += a.In[i]
	}
	return a
}

// CalleesOf returns the nodes to which edges lead from node n, once for each edge.
func (a *Adjacency) CalleesOf(n int) []int { return a.To[a.Out[n]:a.Out[n+1]] }

// CallersOf returns the nodes from which edges lead to node n, once for each edge.
func (a *Adjacency) CallersOf(n int) []int { return a.Callers[a.In[n]:a.In[n+1]] }

// Within marks the nodes that are at most the given number of steps from a marked node,
// marked nodes included. next returns the nodes that are one step from node n.
func Within(marked []bool, steps int, next func(n int) []int) []bool {
	reached := slices.Clone(marked)
	var border []int
	for n, is := range marked {
		if is {
			border = append(border, n)
		}
	}
	for ; steps > 0 && len(border) > 0; steps-- {
		var beyond []int
		for _, n := range border {
			for _, m := range next(n) {
				if !reached[m] {
					reached[m] = true
					beyond = append(beyond, m)
				}
			}
		}
		border = beyond
	}
	return reached
}
