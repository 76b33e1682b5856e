package servicegraph

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// TestBuckets adds weights that make the numbers wider, and ranges that grow on both
// ends, and compares with a map.
func TestBuckets(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		weights := []float64{1, 1, 1, 3, 65_535, 1 << 32, 0.5}[:1+rng.IntN(7)]
		want, parts := make(map[int]float64), [2]buckets{}
		for range rng.IntN(400) {
			b, weight := rng.IntN(1<<(1+rng.IntN(11))), weights[rng.IntN(len(weights))]
			want[b] += weight
			parts[rng.IntN(2)].add(b, weight)
		}
		whole, copied := parts[0].clone(), parts[0].clone()
		whole.merge(&parts[1])
		if got := maps.Collect(whole.all()); !maps.Equal(got, want) {
			t.Fatalf("seed %d: got %v, want %v", seed, got, want)
		}
		if got := maps.Collect(parts[0].all()); !maps.Equal(got, maps.Collect(copied.all())) {
			t.Fatalf("seed %d: merging changed the other", seed)
		}
		last := -1
		for b := range whole.all() {
			if b <= last {
				t.Fatalf("seed %d: bucket %d behind %d", seed, b, last)
			}
			last = b
		}
	}
}

func BenchmarkLatency(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	samples := make([]int64, 1<<12)
	for i := range samples {
		samples[i] = int64(1e6 * (1 + 31*rng.Float64()))
	}
	var full Latency
	for _, ns := range samples {
		full.record(ns, 1)
	}
	b.Run("insert", func(b *testing.B) {
		b.ReportAllocs()
		var l Latency
		for i := range b.N {
			l.record(samples[i%len(samples)], 1)
		}
	})
	b.Run("merge", func(b *testing.B) {
		b.ReportAllocs()
		var l Latency
		for b.Loop() {
			l.merge(full)
		}
	})
	b.Run("quantile", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			full.Quantile(0.99)
		}
	})
}
