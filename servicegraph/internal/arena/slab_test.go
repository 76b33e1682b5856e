package arena

import (
	"math/rand/v2"
	"testing"
)

// TestSlab allocates runs of random lengths and writes to all of them. Each element must be
// zero at first and keep its value afterwards.
func TestSlab(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	type run struct {
		at Index
		n  uint32
	}
	var s Slab[int]
	var runs []run
	for range 2000 {
		r := run{n: uint32(1 + rng.IntN(64))}
		r.at = s.Alloc(int(r.n))
		for k, v := range s.Run(r.at, r.n) {
			if v != 0 {
				t.Fatalf("element %d of a new run at %d is %d, want 0", k, r.at, v)
			}
			*s.At(r.at + Index(k)) = len(runs) + 1
		}
		runs = append(runs, r)
	}
	for i, r := range runs {
		for k, v := range s.Run(r.at, r.n) {
			if v != i+1 {
				t.Fatalf("element %d of run %d is %d, want %d", k, i, v, i+1)
			}
		}
	}
}

// TestSlabGrowTo grows to indices in rising and falling order, across a chunk boundary.
func TestSlabGrowTo(t *testing.T) {
	var s Slab[int]
	for _, i := range []Index{0, 5, 5, 3, chunkSize - 1, chunkSize, 3*chunkSize + 7, 2} {
		s.GrowTo(i)
		*s.At(i) = int(i)
	}
	if got, want := s.Alloc(1), Index(3*chunkSize+8); got != want {
		t.Errorf("the next element is at %d, want %d", got, want)
	}
	if got := *s.At(chunkSize); got != chunkSize {
		t.Errorf("the element at %d is %d", chunkSize, got)
	}
}

// TestSlabEnd allocates the element with the last index. Allocating another element must panic,
// and not return an index that is in use.
func TestSlabEnd(t *testing.T) {
	full := make([]struct{}, chunkSize)
	s := Slab[struct{}]{chunks: make([][]struct{}, maxChunks)}
	for i := range s.chunks {
		s.chunks[i] = full
	}
	s.chunks[maxChunks-1] = full[:chunkSize-1]
	if got := s.Alloc(1); got != 1<<32-1 {
		t.Fatalf("the last index is %d, want %d", got, uint32(1<<32-1))
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic after the last index")
		}
	}()
	t.Errorf("index %d after the last", s.Alloc(1))
}
