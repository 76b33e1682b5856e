package graphdiff

import (
	"math"

	"github.com/tempograph/tempograph/servicegraph"
)

// A distribution is a latency with the number of independent samples that it has.
type distribution struct {
	latency servicegraph.Latency
	samples float64

	scale   int
	first   int       // index of the first bucket
	weights []float64 // ratios of all samples, which add up to 1, by bucket
}

// newDistribution returns a distribution in buckets of the scale: 0.5 to 2 % wide, or wider if the
// latencies span many powers of two.
func newDistribution(l servicegraph.Latency, samples float64, scale int) distribution {
	x := l.Exponential(scale)
	d := distribution{latency: l, samples: samples, scale: scale, first: x.Offset, weights: x.Counts}
	total := x.ZeroCount
	for _, w := range x.Counts {
		total += w
	}
	if x.ZeroCount > 0 { // zero is one bucket below all others
		d.first--
		d.weights = append([]float64{x.ZeroCount}, x.Counts...)
	}
	for i := range d.weights {
		d.weights[i] /= total
	}
	return d
}

// scaleFor returns the scale of the buckets of both distributions. The product of the two numbers
// of buckets must stay small, because shiftOf compares all pairs.
func scaleFor(a, b servicegraph.Latency) int {
	octaves := func(l servicegraph.Latency) float64 {
		return math.Log2(float64(l.Max())+1) - math.Log2(float64(l.Min())+1) + 1
	}
	scale := 7
	for scale > 2 && octaves(a)*octaves(b)*math.Exp2(2*float64(scale)) > 1<<20 {
		scale--
	}
	return scale
}

// A shift is how much slower a call of the head is than a call of the base.
type shift struct {
	size, low, high float64 // median ratio of a call of the head to one of the base, with its interval
	test            test
}

// shiftOf compares two distributions by the test of Wilcoxon, Mann and Whitney. The size of the
// shift is the estimator of Hodges and Lehmann on the logarithms of the latencies, and the
// interval that of Moses.
func shiftOf(base, head distribution) shift {
	// pairs[d] is the ratio of pairs in which the head is d+lowest buckets above the base.
	lowest := head.first - (base.first + len(base.weights) - 1)
	pairs := make([]float64, len(base.weights)+len(head.weights)-1)
	for i, b := range base.weights {
		if b == 0 {
			continue
		}
		offset := head.first - base.first - i - lowest
		for j, h := range head.weights {
			pairs[offset+j] += b * h
		}
	}
	greater := 0.0 // ratio of pairs in which the head is slower, and half of those with no difference
	for d, ratio := range pairs {
		switch {
		case d+lowest > 0:
			greater += ratio
		case d+lowest == 0:
			greater += ratio / 2
		}
	}
	sigma := math.Sqrt((base.samples + head.samples + 1) / (12 * base.samples * head.samples))
	at := func(q float64) float64 {
		return math.Exp2(quantileOf(pairs, lowest, q) / math.Exp2(float64(base.scale)))
	}
	return shift{
		size: at(0.5), low: at(0.5 - normal95*sigma), high: at(0.5 + normal95*sigma),
		test: test{p: twoSided((greater - 0.5) / sigma), least: twoSided(0.5 / sigma)},
	}
}

// quantileOf returns a quantile of whole numbers. ratios has the ratio of each number from lowest
// on. Each number stands for the interval of length 1 around it.
func quantileOf(ratios []float64, lowest int, q float64) float64 {
	seen := 0.0
	for i, ratio := range ratios {
		if ratio > 0 && seen+ratio >= q {
			return float64(lowest+i) - 0.5 + max(0, q-seen)/ratio
		}
		seen += ratio
	}
	return float64(lowest+len(ratios)) - 0.5
}

// above returns the ratios of both distributions above their common 95th percentile. Both
// distributions have the same weight in that percentile.
func above(base, head distribution) (b, h float64) {
	first := min(base.first, head.first)
	end := max(base.first+len(base.weights), head.first+len(head.weights))
	at := func(d distribution, bucket int) float64 {
		if i := bucket - d.first; i >= 0 && i < len(d.weights) {
			return d.weights[i]
		}
		return 0
	}
	for bucket := end - 1; bucket >= first; bucket-- {
		moreB, moreH := at(base, bucket), at(head, bucket)
		if b+moreB+h+moreH > 2*0.05+1e-12 {
			break
		}
		b, h = b+moreB, h+moreH
	}
	return b, h
}

// quantileInterval returns the bounds of a quantile, from the binomial interval of the number of
// samples below it.
func quantileInterval(d distribution, q float64) (low, high float64) {
	half := normal95 * math.Sqrt(q*(1-q)/d.samples)
	return d.latency.Quantile(q - half).Seconds(), d.latency.Quantile(q + half).Seconds()
}
