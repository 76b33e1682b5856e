package histogram

import (
	"maps"
	"math"
	"math/rand/v2"
	"testing"
)

// TestHistogram adds weights at random and compares the histogram with a map. The ranges grow
// at both ends, and some weights need wider numbers.
func TestHistogram(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		weights := []float64{1, 1, 1, 3, 65_535, 1 << 32, 0.5}[:1+rng.IntN(7)]
		want, parts := make(map[int]float64), [2]Histogram{}
		for range rng.IntN(400) {
			b, weight := rng.IntN(1<<(1+rng.IntN(11))), weights[rng.IntN(len(weights))]
			want[b] += weight
			parts[rng.IntN(2)].Add(b, weight)
		}
		var whole Histogram
		for i := range parts {
			before := maps.Collect(parts[i].All())
			whole.Merge(&parts[i])
			if after := maps.Collect(parts[i].All()); !maps.Equal(before, after) {
				t.Fatalf("seed %d: merging a histogram into another changed it", seed)
			}
		}
		parts[0].Add(0, 1) // whole must not share memory with it
		if got := maps.Collect(whole.All()); !maps.Equal(got, want) {
			t.Fatalf("seed %d: got %v, want %v", seed, got, want)
		}
		last := -1
		for b := range whole.All() {
			if b <= last {
				t.Fatalf("seed %d: bucket %d after %d", seed, b, last)
			}
			last = b
		}
	}
}

func TestBucketsCoverEveryValueOnce(t *testing.T) {
	values := []int64{0, 1, 127, 128, 129, 255, 256, 257, 1e6, 1e9, 24 * 3600e9, math.MaxInt64}
	for shift := range 62 {
		values = append(values, 1<<shift-1, 1<<shift, 1<<shift+1)
	}
	for _, v := range values {
		b := Bucket(v)
		low, width := Bounds(b)
		if v < low || v-low >= width {
			t.Errorf("%d is in bucket %d, which spans %d values from %d", v, b, width, low)
		}
		if next, _ := Bounds(b + 1); b < Bucket(math.MaxInt64) && next != low+width {
			t.Errorf("bucket %d ends at %d, bucket %d begins at %d", b, low+width, b+1, next)
		}
		if middle := Middle(b); math.Abs(float64(middle-v)) > float64(v)/128 {
			t.Errorf("%d reads as %d", v, middle)
		}
	}
}

func TestSumStopsAtMaxWeight(t *testing.T) {
	for _, c := range []struct{ a, b, want float64 }{
		{1, 2, 3},
		{MaxWeight - 2, 1, MaxWeight - 1},
		{MaxWeight - 1, 1, MaxWeight},
		{MaxWeight - 1, 5, MaxWeight},
		{MaxWeight, MaxWeight, MaxWeight},
		{MaxWeight - 1.0/4096, 1.0 / 4096, MaxWeight},
	} {
		if got := Sum(c.a, c.b); got != c.want {
			t.Errorf("%v and %v are %v, want %v", c.a, c.b, got, c.want)
		}
	}
	var h Histogram
	h.Add(7, MaxWeight-1)
	h.Add(7, 2)
	h.Merge(&h)
	if got := maps.Collect(h.All()); got[7] != MaxWeight {
		t.Errorf("the bucket has weight %v, want %v", got[7], float64(MaxWeight))
	}
}
