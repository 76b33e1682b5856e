package servicegraph

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestLatencyQuantiles compares quantiles with exact ones, on heavy-tailed data from
// nanoseconds to a day.
func TestLatencyQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	shapes := map[string]func() float64{
		"log-uniform 1ns to 24h": func() float64 { return math.Exp(rng.Float64() * math.Log(24*3600e9)) },
		"pareto 1.1 from 1ms":    func() float64 { return 1e6 / math.Pow(1-rng.Float64(), 1/1.1) },
		"exponential 20ms":       func() float64 { return rng.ExpFloat64() * 20e6 },
		"small integers":         func() float64 { return float64(rng.IntN(300)) },
	}
	for name, draw := range shapes {
		var l Latency
		var exact []int64
		for range 50_000 {
			ns := int64(min(draw(), 24*3600e9))
			exact = append(exact, ns)
			l.record(ns, 1)
		}
		slices.Sort(exact)
		for _, q := range []float64{0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1} {
			want := exact[max(int(math.Ceil(q*float64(len(exact))))-1, 0)]
			got := int64(l.Quantile(q))
			if math.Abs(float64(got-want)) > 0.01*float64(want) {
				t.Errorf("%s: quantile %v = %d, exact %d", name, q, got, want)
			}
		}
		var sum int64
		for _, ns := range exact {
			sum += ns
		}
		if l.Count() != 50_000 || int64(l.Sum()) != sum || int64(l.Min()) != exact[0] || int64(l.Max()) != exact[len(exact)-1] {
			t.Errorf("%s: count %v sum %v min %v max %v are not exact", name, l.Count(), l.Sum(), l.Min(), l.Max())
		}
	}
}

func TestLatencyMergesInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	parts := make([]Latency, 6)
	var whole Latency
	for range 1000 {
		ns, weight := rng.Int64N(1<<rng.IntN(45)+1), []float64{1, 2, 1.5}[rng.IntN(3)]
		whole.record(ns, weight)
		parts[rng.IntN(len(parts))].record(ns, weight)
	}
	for range 20 {
		rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		var sum Latency
		for _, p := range parts {
			sum.merge(p)
		}
		if sum.count != whole.count || sum.sum != whole.sum || sum.min != whole.min || sum.max != whole.max ||
			!maps.Equal(maps.Collect(sum.counts.All()), maps.Collect(whole.counts.All())) {
			t.Fatal("the merged distribution differs from the one recorded at once")
		}
	}
}

func TestLatencyEdges(t *testing.T) {
	var empty Latency
	if empty.Quantile(0.5) != 0 || empty.Mean() != 0 || empty.Count() != 0 {
		t.Error("the zero Latency is not empty")
	}
	var l Latency
	l.record(math.MaxInt64, 4)
	l.record(0, 1)
	if l.Sum() != time.Duration(math.MaxInt64) || l.sum != math.MaxUint64 {
		t.Errorf("sum %d does not saturate", l.sum)
	}
	if l.Quantile(0.1) != 0 || l.Quantile(-1) != 0 || l.Quantile(2) != l.Max() {
		t.Errorf("quantiles %v %v %v", l.Quantile(0.1), l.Quantile(-1), l.Quantile(2))
	}
}

func TestLatencyCumulative(t *testing.T) {
	var l Latency
	for _, ms := range []int64{1, 5, 50, 99, 101, 500, 5000} {
		l.record(ms*1e6, 1)
	}
	bounds := []time.Duration{0, 1.05e6, 10e6, 100e6, 1e9, 10e9}
	if got, want := l.Cumulative(bounds), []float64{0, 1, 2, 4, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestLatencyExponential compares quantiles of the exponential histogram with exact ones,
// within the error that the documentation states.
func TestLatencyExponential(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var l Latency
	var exact []int64
	for range 20_000 {
		ns := int64(math.Exp(rng.Float64() * math.Log(24*3600e9)))
		exact = append(exact, ns)
		l.record(ns, 1)
	}
	slices.Sort(exact)
	for scale, allowed := range map[int]float64{0: 0.51, 3: 0.053, 6: 0.0135, 8: 0.0095} {
		x := l.Exponential(scale)
		base := math.Pow(2, math.Pow(2, -float64(scale)))
		total := x.ZeroCount
		at := 0
		for _, q := range []float64{0.01, 0.25, 0.5, 0.9, 0.99, 0.999} {
			rank := q * float64(len(exact))
			for at < len(x.Counts) && total+x.Counts[at] < rank {
				total += x.Counts[at]
				at++
			}
			low := math.Pow(base, float64(x.Offset+at))
			got, want := (low+low*base)/2, float64(exact[int(math.Ceil(rank))-1])/1e9
			if math.Abs(got-want) > allowed*want {
				t.Errorf("scale %d: quantile %v is %v s, exact %v s", scale, q, got, want)
			}
		}
		sum := x.ZeroCount
		for _, c := range x.Counts {
			sum += c
		}
		if sum != l.Count() {
			t.Errorf("scale %d holds %v samples of %v", scale, sum, l.Count())
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
