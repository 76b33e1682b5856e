package servicegraph

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestQueue moves traces at random between two queues that share their turns, and wants
// both in the order of moving, with the time of it.
func TestQueue(t *testing.T) {
	const traces = 20
	rng := rand.New(rand.NewPCG(1, 3))
	var turns chunks[turn]
	queues := [2]queue{{turns: &turns}, {turns: &turns}}
	var wants [2][]traceNumber
	since := make(map[traceNumber]int64)
	for now := range int64(20_000) {
		n, to := traceNumber(1+rng.IntN(traces)), rng.IntN(3)
		from := slices.IndexFunc(wants[:], func(q []traceNumber) bool { return slices.Contains(q, n) })
		switch {
		case from >= 0 && from == to:
			queues[to].again(n, now)
		case from >= 0:
			queues[from].remove(n)
		}
		if from >= 0 {
			wants[from] = slices.DeleteFunc(wants[from], func(m traceNumber) bool { return m == n })
		}
		if to < len(queues) {
			if from != to {
				queues[to].push(n, now)
			}
			wants[to] = append(wants[to], n)
			since[n] = now
		}
		for i := range queues {
			q := &queues[i]
			var got []traceNumber
			for n := q.first; n != 0; n = turns.at(uint32(n)).behind {
				got = append(got, n)
				if s := turns.at(uint32(n)).since; s != since[n] {
					t.Fatalf("step %d: %d is in queue %d since %d, want %d", now, n, i, s, since[n])
				}
			}
			if !slices.Equal(got, wants[i]) || q.n != len(got) {
				t.Fatalf("step %d: queue %d is %d of %v, want %v", now, i, q.n, got, wants[i])
			}
			if len(got) == 0 {
				if q.due(now) != 0 {
					t.Fatalf("step %d: something is due in an empty queue", now)
				}
				continue
			}
			if s := since[got[0]]; q.due(s) != got[0] || q.due(s-1) != 0 {
				t.Fatalf("step %d: %d, in since %d, is due at %d or not at %d", now, got[0], s, s-1, s)
			}
		}
	}
}
