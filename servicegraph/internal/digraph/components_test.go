package digraph

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// randomAdjacency returns a random graph of n nodes, each of which has about the given number of
// edges.
func randomAdjacency(rng *rand.Rand, n int, edgesPerNode float64) *Adjacency {
	var from, to, byTo []int
	for v := range n {
		for w := range n {
			if rng.Float64() < edgesPerNode/float64(n) {
				from, to, byTo = append(from, v), append(to, w), append(byTo, len(byTo))
			}
		}
	}
	slices.SortStableFunc(byTo, func(e, f int) int { return to[e] - to[f] })
	return New(n, from, to, byTo)
}

// TestComponents compares with the definition: two nodes are in one component if and only
// if each reaches the other over marked nodes.
func TestComponents(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		n := rng.IntN(9)
		a := randomAdjacency(rng, n, rng.Float64()*3)
		marked := make([]bool, n)
		for v := range marked {
			marked[v] = rng.IntN(5) > 0
		}
		componentOf, components := a.Components(marked)
		markedCallees := func(v int) (callees []int) {
			for _, w := range a.CalleesOf(v) {
				if marked[w] {
					callees = append(callees, w)
				}
			}
			return callees
		}
		reached := make([][]bool, n)
		seen := make(map[int]bool)
		for v := range n {
			start := make([]bool, n)
			start[v] = marked[v]
			reached[v] = Within(start, n, markedCallees)
			if marked[v] != (componentOf[v] >= 0) || componentOf[v] >= components {
				t.Fatalf("node %d is in component %d of %d, marked: %v", v, componentOf[v], components, marked[v])
			}
			seen[componentOf[v]] = true
		}
		delete(seen, -1)
		if len(seen) != components {
			t.Fatalf("nodes are in %d components, want %d", len(seen), components)
		}
		for v := range n {
			for w := range n {
				if !marked[v] || !marked[w] {
					continue
				}
				if cycle := reached[v][w] && reached[w][v]; cycle != (componentOf[v] == componentOf[w]) {
					t.Fatalf("nodes %d and %d are in components %d and %d; on a cycle: %v", v, w, componentOf[v], componentOf[w], cycle)
				}
				if reached[v][w] && componentOf[w] > componentOf[v] {
					t.Fatalf("component %d calls component %d, whose number is larger", componentOf[v], componentOf[w])
				}
			}
		}
	}
}
