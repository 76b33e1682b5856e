package servicegraph

import (
	"math/rand/v2"
	"testing"
)

// TestOtherHalf holds and drops narrow and wide traces at random, several with one low
// half, and wants the pairs that a look at all of them finds.
func TestOtherHalf(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	b := NewBuilder(Config{Window: Window{Traces: 1000}})
	pairs := 0
	for step := range 20_000 {
		id := TraceID{0: byte(rng.IntN(3)), 15: byte(1 + rng.IntN(4))}
		if step < 100 {
			id[0] = 1 // narrow ones come later
		}
		n := b.traces.Find(&id)
		switch {
		case n == 0:
			n = b.traces.Add(id)
			b.addFullID(n)
		case rng.IntN(2) == 0:
			b.dropFullID(n)
			b.traces.Remove(n)
		}
		for n := range b.traces.All() {
			var wide, narrow []traceIndex
			for m := range b.traces.All() {
				switch id := b.traces.ID(m); {
				case lowHalf(id) != lowHalf(b.traces.ID(n)):
				case id.is64Bit():
					narrow = append(narrow, m)
				default:
					wide = append(wide, m)
				}
			}
			want := traceIndex(0)
			if len(wide) == 1 && len(narrow) == 1 {
				want = wide[0] + narrow[0] - n
				pairs++
			}
			if got := b.counterpart(n); got != want {
				t.Fatalf("step %d: the other half of %s is %d, want %d", step, b.traces.ID(n), got, want)
			}
		}
	}
	if pairs == 0 {
		t.Error("there was no trace of two halves")
	}
}
