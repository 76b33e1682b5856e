package servicegraph

import (
	"math"
	"math/bits"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
)

// A Latency is a distribution of durations: a log-linear histogram over integer
// nanoseconds. Below 128 ns every value has its own bucket; above, each power of
// two is cut into 64 equal buckets, so that a quantile is off by at most 1/128
// (0.8 %) of its value. Count, sum, minimum and maximum are exact; the sum stops
// at 584 years. Two distributions merge without loss and in any order, because
// every bucket boundary is fixed. The zero value is empty.
//
// The boundaries come from the value's bits, not from a logarithm: that is
// faster, and the same on every machine.
type Latency struct {
	count    float64 // weighted samples
	sum      uint64  // weighted nanoseconds
	min, max int64   // of the samples, whatever their weight

	counts histogram.Histogram
}

// Count returns the number of samples, each counted with its weight.
func (l Latency) Count() float64 { return l.count }

// Sum returns the total of the samples, each multiplied by its weight.
// It saturates at the largest Duration (292 years).
func (l Latency) Sum() time.Duration {
	return time.Duration(min(l.sum, math.MaxInt64))
}

// Min returns the smallest sample, 0 if there is none.
func (l Latency) Min() time.Duration { return time.Duration(l.min) }

// Max returns the largest sample, 0 if there is none.
func (l Latency) Max() time.Duration { return time.Duration(l.max) }

// Mean returns the weighted average, 0 if there is no sample.
func (l Latency) Mean() time.Duration {
	if l.count == 0 {
		return 0
	}
	return time.Duration(float64(l.sum) / l.count)
}

// Quantile returns the smallest duration that at least the fraction q of the
// samples does not exceed, within 0.8 % of the exact value; 0 if there is no
// sample. A q of 0 or less gives the minimum, of 1 or more the maximum.
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

// record adds one sample of at least zero nanoseconds.
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

// weighted returns ns times weight to the nearest nanosecond. Rounding each
// sample, not the total, keeps the sum independent of the order.
func weighted(ns int64, weight float64) uint64 {
	if weight == 1 {
		return uint64(ns)
	}
	if p := float64(ns) * weight; p < math.MaxUint64 {
		return uint64(math.Round(p))
	}
	return math.MaxUint64
}

func saturatingAdd(a, b uint64) uint64 {
	if sum, carry := bits.Add64(a, b, 0); carry == 0 {
		return sum
	}
	return math.MaxUint64
}
