package servicegraph

import (
	"math"
	"math/bits"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
)

// A Latency is a distribution of durations: a log-linear histogram over whole
// nanoseconds. Below 128 ns every value has its own bucket; above, each power of two is
// divided into 64 equal buckets, so that a quantile differs from the exact value by at
// most 1/128 (0.8 %). Count, sum, minimum and maximum are exact, but the sum stops at
// 584 years. Distributions merge without loss and in any order, because the bucket
// boundaries are fixed. The zero value is empty.
//
// Bucket boundaries are computed from the bits of a value, not from its logarithm: that
// is faster, and gives the same result on every machine.
type Latency struct {
	count    float64 // weighted samples
	sum      uint64  // weighted nanoseconds
	min, max int64   // nanoseconds, of all samples whatever their weight

	counts histogram.Histogram // weighted samples by bucket
}

// Count returns the number of samples, each counted with its sampling weight.
func (l Latency) Count() float64 { return l.count }

// Sum returns the sum of the samples, each multiplied by its sampling weight, and at most
// the largest Duration (292 years).
func (l Latency) Sum() time.Duration {
	return time.Duration(min(l.sum, math.MaxInt64))
}

// Min returns the smallest sample, 0 if there is none.
func (l Latency) Min() time.Duration { return time.Duration(l.min) }

// Max returns the largest sample, 0 if there is none.
func (l Latency) Max() time.Duration { return time.Duration(l.max) }

// Mean returns the weighted average of the samples, 0 if there is none.
func (l Latency) Mean() time.Duration {
	if l.count == 0 {
		return 0
	}
	return time.Duration(float64(l.sum) / l.count)
}

// Quantile returns the smallest duration that at least the fraction q of the samples
// does not exceed, within 0.8 % of the exact value; 0 if there is no sample. A q of 0 or
// less gives the minimum, a q of 1 or more the maximum.
func (l Latency) Quantile(q float64) time.Duration {
	if l.count == 0 || q <= 0 {
		return l.Min()
	}
	if q >= 1 {
		return l.Max()
	}
	rank := q * l.count
	seen := 0.0
	for b, weight := range l.counts.All() {
		if seen += weight; seen >= rank {
			return time.Duration(l.middle(b))
		}
	}
	return l.Max()
}

// Cumulative returns, for each of the given bounds, the weighted number of samples that
// do not exceed it. The bounds must rise. The results are the buckets of a classic
// Prometheus histogram, whose last bucket, +Inf, is [Latency.Count].
//
// A bucket of the distribution that contains a bound counts whole on one side of it, the
// side of the bucket's middle: samples within 0.8 % of a bound may be counted on the
// wrong side. Bounds below the minimum and above the maximum count exactly.
func (l Latency) Cumulative(bounds []time.Duration) []float64 {
	out := make([]float64, len(bounds))
	seen, i := 0.0, 0
	for b, weight := range l.counts.All() {
		for ; i < len(bounds) && l.middle(b) > int64(bounds[i]); i++ {
			out[i] = seen
		}
		seen += weight
	}
	for ; i < len(bounds); i++ {
		out[i] = seen
	}
	return out
}

// middle returns the value in nanoseconds that stands for a bucket with samples.
func (l *Latency) middle(b int) int64 {
	return min(max(histogram.Middle(b), l.min), l.max)
}

// An Exponential is a base-2 exponential histogram of seconds, as in OTLP: Counts[i] is
// the weight of the samples above base^(Offset+i) and up to base^(Offset+i+1), where
// base is 2^(2^-Scale).
//
// Prometheus native histograms of schema Scale have the same buckets, and number each by
// its upper bound: Counts[i] has the index Offset+i+1.
type Exponential struct {
	Scale     int
	ZeroCount float64 // weight of the samples of 0
	Offset    int
	Counts    []float64
}

// Exponential returns the distribution as an exponential histogram. The scale is from -4
// to 8, as in Prometheus; other values become the nearest of these.
//
// Each sample counts as the middle of its bucket, which differs from the sample by at
// most 0.8 % and may lie in a neighboring bucket of the result. A quantile that is read
// off the middle of an exponential bucket differs by up to half the bucket's width in
// addition: 0.5 % at scale 6 and 4.4 % at scale 3. The exact count, sum, minimum and
// maximum are those of the Latency.
func (l Latency) Exponential(scale int) Exponential {
	scale = min(max(scale, -4), 8)
	x := Exponential{Scale: scale}
	for b, weight := range l.counts.All() {
		if ns := l.middle(b); ns == 0 {
			x.ZeroCount += weight
		} else {
			x.add(histogram.ExponentialIndex(float64(ns)/1e9, scale), weight)
		}
	}
	return x
}

// add adds weight to the bucket with the given index. The indices of successive calls
// must not fall.
func (x *Exponential) add(index int, weight float64) {
	if len(x.Counts) == 0 {
		x.Offset = index
	}
	for len(x.Counts) <= index-x.Offset {
		x.Counts = append(x.Counts, 0)
	}
	x.Counts[index-x.Offset] += weight
}

// record adds one sample, which must not be negative.
func (l *Latency) record(ns int64, weight float64) {
	if l.count == 0 {
		l.min, l.max = ns, ns
	} else {
		l.min, l.max = min(l.min, ns), max(l.max, ns)
	}
	l.count = plus(l.count, weight)
	l.sum = saturatingAdd(l.sum, weighted(ns, weight))
	l.counts.Add(histogram.Bucket(ns), weight)
}

// merge adds the samples of another distribution.
func (l *Latency) merge(other Latency) {
	if other.count == 0 {
		return
	}
	if l.count == 0 {
		l.min, l.max = other.min, other.max
	} else {
		l.min, l.max = min(l.min, other.min), max(l.max, other.max)
	}
	l.count = plus(l.count, other.count)
	l.sum = saturatingAdd(l.sum, other.sum)
	l.counts.Merge(&other.counts)
}

// weighted returns ns times weight, rounded to the nearest nanosecond. Each sample is
// rounded, and not the sum, so that the sum does not depend on the order of the samples.
func weighted(ns int64, weight float64) uint64 {
	if weight == 1 {
		return uint64(ns)
	}
	if p := float64(ns) * weight; p < math.MaxUint64 {
		return uint64(math.Round(p))
	}
	return math.MaxUint64
}

// saturatingAdd returns a + b, or the largest uint64 if the sum is larger.
func saturatingAdd(a, b uint64) uint64 {
	if sum, carry := bits.Add64(a, b, 0); carry == 0 {
		return sum
	}
	return math.MaxUint64
}
