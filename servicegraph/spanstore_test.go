package servicegraph

import (
	"math/rand/v2"
	"testing"
)

// TestSpanStore lets lists grow and go at random, in turn, and wants each to hold what
// was put into it.
func TestSpanStore(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var store spanStore
	lists, wants := make([]spanList, 40), make([][]int64, 40)
	for step := range 200_000 {
		i := rng.IntN(len(lists))
		if rng.IntN(300) == 0 {
			var got []int64
			for spans := range store.all(traceNumber(i+1), &lists[i]) {
				for _, r := range spans {
					got = append(got, r.start)
				}
			}
			if len(got) != len(wants[i]) || int(lists[i].n) != len(got) {
				t.Fatalf("step %d: %d records, want %d", step, len(got), len(wants[i]))
			}
			for k := range got {
				if got[k] != wants[i][k] {
					t.Fatalf("step %d: record %d is %d, want %d", step, k, got[k], wants[i][k])
				}
			}
			store.release(&lists[i])
			wants[i] = nil
			continue
		}
		store.add(traceNumber(i+1), &lists[i]).start = int64(step)
		wants[i] = append(wants[i], int64(step))
	}
	if n := len(store.records.all) * chunkSize; n > 8*40*300 {
		t.Errorf("%d places for what were never more than some %d records: blocks are not used again", n, 40*300)
	}
}

// TestSpanStoreUsesPlacesAgain fills and empties lists of all lengths time and again, and
// wants no more places taken than the first time.
func TestSpanStoreUsesPlacesAgain(t *testing.T) {
	var store spanStore
	lists := make([]spanList, 300)
	var first, blocks uint32
	for round := range 3 {
		for i := range lists {
			for range i {
				*store.add(traceNumber(i+1), &lists[i]) = record{start: 1}
			}
		}
		if round == 0 {
			first, blocks = store.records.take(1), store.blocks.take(1)
		}
		for i := range lists {
			store.release(&lists[i])
		}
	}
	if records, blocks := store.records.take(1)-first-1, store.blocks.take(1)-blocks-1; records > 0 || blocks > 0 {
		t.Errorf("filling the same lists again took %d places and %d blocks more", records, blocks)
	}
}
