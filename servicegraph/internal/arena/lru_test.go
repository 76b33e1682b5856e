package arena

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLRU moves elements at random between two LRUs that share their links, and checks that both
// LRUs have the order and the times of the moves.
func TestLRU(t *testing.T) {
	const elements = 20
	rng := rand.New(rand.NewPCG(1, 3))
	var links Slab[Link]
	lrus := [2]LRU{NewLRU(&links), NewLRU(&links)}
	var wants [2][]Index
	since := make(map[Index]int64)
	for now := range int64(20_000) {
		e, to := Index(1+rng.IntN(elements)), rng.IntN(3)
		from := slices.IndexFunc(wants[:], func(l []Index) bool { return slices.Contains(l, e) })
		switch {
		case from >= 0 && from == to:
			lrus[to].Touch(e, now)
		case from >= 0:
			lrus[from].Remove(e)
		}
		if from >= 0 {
			wants[from] = slices.DeleteFunc(wants[from], func(o Index) bool { return o == e })
		}
		if to < len(lrus) {
			if from != to {
				lrus[to].Push(e, now)
			}
			wants[to] = append(wants[to], e)
			since[e] = now
		}
		for i := range lrus {
			l := &lrus[i]
			var got []Index
			for e := l.Oldest(); e != 0; e = links.At(e).after {
				got = append(got, e)
				if s := links.At(e).since; s != since[e] {
					t.Fatalf("step %d: %d is in LRU %d since %d, want %d", now, e, i, s, since[e])
				}
			}
			if !slices.Equal(got, wants[i]) || l.Len() != len(got) {
				t.Fatalf("step %d: LRU %d has %d elements, %v, want %v", now, i, l.Len(), got, wants[i])
			}
			if len(got) == 0 {
				if l.Expired(now) != 0 {
					t.Fatalf("step %d: an element of an empty LRU has expired", now)
				}
				continue
			}
			if s := since[got[0]]; l.Expired(s) != got[0] || l.Expired(s-1) != 0 {
				t.Fatalf("step %d: %d, used at %d, must have expired at that time and not at %d", now, got[0], s, s-1)
			}
		}
	}
}
