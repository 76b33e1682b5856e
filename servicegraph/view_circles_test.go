package servicegraph

import (
	"math/rand/v2"
	"testing"
)

// randomShape returns a graph of n nodes with about so many calls each.
func randomShape(rng *rand.Rand, n int, calls float64) *shape {
	var edges []Edge
	id := func(i int) NodeID { return NodeID{Name: string(rune('a' + i)), Type: TypeService} }
	nodes := make([]Node, n)
	for from := range n {
		nodes[from].ID = id(from)
		for to := range n {
			if rng.Float64() < calls/float64(n) {
				edges = append(edges, Edge{ID: EdgeID{id(from), id(to), EdgeRequest}})
			}
		}
	}
	return newGraph(nodes, edges, Report{}).shape()
}

// TestCircles compares with what circles are: nodes that reach each other.
func TestCircles(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		n := rng.IntN(9)
		s := randomShape(rng, n, rng.Float64()*3)
		marked := make([]bool, n)
		for v := range marked {
			marked[v] = rng.IntN(5) > 0
		}
		setOf, sets := s.circles(marked)
		inside := func(v int) (callees []int) {
			for _, w := range s.calleesOf(v) {
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
			reached[v] = reach(start, n, inside)
			if marked[v] != (setOf[v] >= 0) || setOf[v] >= sets {
				t.Fatalf("node %d of set %d of %d, marked: %v", v, setOf[v], sets, marked[v])
			}
			seen[setOf[v]] = true
		}
		delete(seen, -1)
		if len(seen) != sets {
			t.Fatalf("%d sets, not %d", len(seen), sets)
		}
		for v := range n {
			for w := range n {
				if !marked[v] || !marked[w] {
					continue
				}
				if circle := reached[v][w] && reached[w][v]; circle != (setOf[v] == setOf[w]) {
					t.Fatalf("nodes %d and %d of sets %d and %d: in a circle: %v", v, w, setOf[v], setOf[w], circle)
				}
				if reached[v][w] && setOf[w] > setOf[v] {
					t.Fatalf("set %d calls set %d", setOf[v], setOf[w])
				}
			}
		}
	}
}
