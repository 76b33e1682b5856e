package arena

import (
	"math/rand/v2"
	"testing"
)

// TestLists grows and releases lists at random, and checks that each list holds the elements
// that were appended to it.
func TestLists(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var s Lists[int64]
	lists, wants := make([]List, 40), make([][]int64, 40)
	for step := range 200_000 {
		i := rng.IntN(len(lists))
		if rng.IntN(300) == 0 {
			var got []int64
			for elements := range s.All(Index(i+1), &lists[i]) {
				got = append(got, elements...)
			}
			if len(got) != len(wants[i]) || lists[i].Len() != len(got) {
				t.Fatalf("step %d: %d elements, want %d", step, len(got), len(wants[i]))
			}
			for k := range got {
				if got[k] != wants[i][k] {
					t.Fatalf("step %d: element %d is %d, want %d", step, k, got[k], wants[i][k])
				}
			}
			s.Release(&lists[i])
			wants[i] = nil
			continue
		}
		*s.Append(Index(i+1), &lists[i]) = int64(step)
		wants[i] = append(wants[i], int64(step))
	}
	if n := len(s.rest.chunks) * chunkSize; n > 8*40*300 {
		t.Errorf("%d elements allocated, although at most about %d are in use: released blocks are not used again", n, 40*300)
	}
}

// TestListsUseBlocksAgain fills and releases lists of all lengths three times, and checks that
// only the first time allocates memory.
func TestListsUseBlocksAgain(t *testing.T) {
	var s Lists[int64]
	lists := make([]List, 300)
	var elements, blocks Index
	for round := range 3 {
		for i := range lists {
			for range i {
				*s.Append(Index(i+1), &lists[i]) = 1
			}
		}
		if round == 0 {
			elements, blocks = s.rest.Alloc(1), s.blocks.Alloc(1)
		}
		for i := range lists {
			s.Release(&lists[i])
		}
	}
	if elements, blocks := s.rest.Alloc(1)-elements-1, s.blocks.Alloc(1)-blocks-1; elements > 0 || blocks > 0 {
		t.Errorf("filling the same lists again allocated %d elements and %d blocks", elements, blocks)
	}
}
