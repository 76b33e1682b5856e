package servicegraph

import (
	"math/rand/v2"
	"testing"
)

// TestTraceTable lets traces come and go at random, several to a chain, and wants the
// table to find each under its number.
func TestTraceTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var table traceTable[int]
	held := make(map[TraceID]traceNumber)
	for step := range 100_000 {
		id := TraceID{1, 14: byte(rng.IntN(4)), 15: byte(rng.IntN(256))}
		n := table.find(&id)
		if n != held[id] {
			t.Fatalf("step %d: found %d, want %d", step, n, held[id])
		}
		switch {
		case n == 0:
			held[id] = table.add(id)
			*table.at(held[id]) = int(id[14])<<8 + int(id[15])
		case table.id(n) != id || *table.at(n) != int(id[14])<<8+int(id[15]):
			t.Fatalf("step %d: %d is %s, %d, want %s", step, n, table.id(n), *table.at(n), id)
		case rng.IntN(2) == 0:
			table.remove(n)
			delete(held, id)
		}
		if table.n != len(held) {
			t.Fatalf("step %d: %d traces, want %d", step, table.n, len(held))
		}
	}
	for n := range table.all() {
		if held[table.id(n)] != n {
			t.Errorf("%s is not held", table.id(n))
		}
		delete(held, table.id(n))
	}
	if len(held) > 0 {
		t.Errorf("%d traces are missing", len(held))
	}
}
