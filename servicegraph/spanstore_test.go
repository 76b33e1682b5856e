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

// TestTraceTable lets traces come and go at random, many of them side by side in the
// table.
func TestTraceTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var table traceTable
	held := make(map[TraceID]*spanSet)
	for step := range 100_000 {
		id := TraceID{1, 14: byte(rng.IntN(4)), 15: byte(rng.IntN(256))}
		set := table.find(id)
		if set != held[id] {
			t.Fatalf("step %d: found %p, want %p", step, set, held[id])
		}
		switch {
		case set == nil:
			held[id] = table.add(id)
		case rng.IntN(2) == 0:
			table.remove(set)
			delete(held, id)
		}
		if table.n != len(held) {
			t.Fatalf("step %d: %d traces, want %d", step, table.n, len(held))
		}
	}
	for set := range table.all() {
		if held[set.id] != set {
			t.Errorf("%s is not held", set.id)
		}
		delete(held, set.id)
	}
	if len(held) > 0 {
		t.Errorf("%d traces are missing", len(held))
	}
}
