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
			for spans := range store.all(&lists[i]) {
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
		store.add(&lists[i]).start = int64(step)
		wants[i] = append(wants[i], int64(step))
	}
	if n := len(store.records.all) * chunkSize; n > 8*40*300 {
		t.Errorf("%d places for what were never more than some %d records: blocks are not used again", n, 40*300)
	}
}
