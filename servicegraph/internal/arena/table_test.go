package arena

import (
	"math/rand/v2"
	"testing"
)

type id [16]byte

// TestTable adds and removes random ids, several of which share a chain, and checks that the table
// finds each id at its index.
func TestTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var table Table[id, int]
	held := make(map[id]Index)
	for step := range 100_000 {
		id := id{1, 14: byte(rng.IntN(4)), 15: byte(rng.IntN(256))}
		i := table.Find(&id)
		if i != held[id] {
			t.Fatalf("step %d: found %d, want %d", step, i, held[id])
		}
		switch {
		case i == 0:
			held[id] = table.Add(id)
			*table.At(held[id]) = int(id[14])<<8 + int(id[15])
		case table.ID(i) != id || *table.At(i) != int(id[14])<<8+int(id[15]):
			t.Fatalf("step %d: entry %d is %x, %d, want %x", step, i, table.ID(i), *table.At(i), id)
		case rng.IntN(2) == 0:
			table.Remove(i)
			delete(held, id)
		}
		if table.Len() != len(held) {
			t.Fatalf("step %d: %d entries, want %d", step, table.Len(), len(held))
		}
	}
	for i := range table.All() {
		if held[table.ID(i)] != i {
			t.Errorf("entry %d is %x, which was removed", i, table.ID(i))
		}
		delete(held, table.ID(i))
	}
	if len(held) > 0 {
		t.Errorf("%d entries are missing", len(held))
	}
}
