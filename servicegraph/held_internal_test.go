package servicegraph

import (
	"math/rand/v2"
	"testing"
)

// TestCounterpart holds and drops traces at random, with full and with 64-bit ids, of which
// several have the same low half. It compares counterpart with a search through all traces.
func TestCounterpart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	b := NewBuilder(Config{Window: Window{Traces: 1000}})
	pairs := 0
	for step := range 20_000 {
		id := TraceID{0: byte(rng.IntN(3)), 15: byte(1 + rng.IntN(4))}
		if step < 100 {
			id[0] = 1 // 64-bit ids come later
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
			var full, short []traceIndex
			for m := range b.traces.All() {
				switch id := b.traces.ID(m); {
				case lowHalf(id) != lowHalf(b.traces.ID(n)):
				case id.is64Bit():
					short = append(short, m)
				default:
					full = append(full, m)
				}
			}
			want := traceIndex(0)
			if len(full) == 1 && len(short) == 1 {
				want = full[0] + short[0] - n
				pairs++
			}
			if got := b.counterpart(n); got != want {
				t.Fatalf("step %d: the counterpart of %s is %d, want %d", step, b.traces.ID(n), got, want)
			}
		}
	}
	if pairs == 0 {
		t.Error("no trace had a counterpart")
	}
}
