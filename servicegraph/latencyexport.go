package servicegraph

import (
	"math"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
)

// Cumulative returns how many samples, weighted, do not exceed each of the given
// bounds, which must rise: the buckets of a classic Prometheus histogram, whose
// last bucket, +Inf, is [Latency.Count]. A bucket of the distribution that a
// bound cuts goes whole to the side its middle is on, so that a sample within
// 0.8 % of a bound may be counted on the wrong side of it. The minimum and the
// maximum are exact: a bound outside of them counts exactly.
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

// middle returns the value that stands for a bucket with samples.
func (l *Latency) middle(b int) int64 {
	return min(max(histogram.Middle(b), l.min), l.max)
}

// An Exponential is a base-2 exponential histogram of seconds, as in OTLP.
// Counts[i] is the weight of the samples above base^(Offset+i) and up to
// base^(Offset+i+1), where base is 2^(2^-Scale).
//
// Prometheus native histograms of schema Scale have the same buckets and call
// each by its upper bound: index Offset+i+1.
type Exponential struct {
	Scale     int
	ZeroCount float64 // samples of 0
	Offset    int
	Counts    []float64
}

// Exponential returns the distribution as an exponential histogram of the given
// scale, from -4 to 8 as in Prometheus; what is beyond becomes the nearest of these. A sample is taken for the
// middle of its bucket, which moves it by at most 0.8 % and may put it into a
// neighbouring bucket; reading a quantile off the middle of an exponential bucket
// adds up to half its width, which is 0.5 % at scale 6 and 4.4 % at scale 3. Count,
// sum, minimum and maximum are those of the Latency, exact.
func (l Latency) Exponential(scale int) Exponential {
	scale = min(max(scale, -4), 8)
	x := Exponential{Scale: scale}
	for b, weight := range l.counts.All() {
		if ns := l.middle(b); ns == 0 {
			x.ZeroCount += weight
		} else {
			x.add(exponentialIndex(float64(ns)/1e9, scale), weight)
		}
	}
	return x
}

// add adds weight to the bucket with an index that is not below earlier ones.
func (x *Exponential) add(index int, weight float64) {
	if len(x.Counts) == 0 {
		x.Offset = index
	}
	for len(x.Counts) <= index-x.Offset {
		x.Counts = append(x.Counts, 0)
	}
	x.Counts[index-x.Offset] += weight
}

// exponentialIndex returns the index of the bucket that holds v.
func exponentialIndex(v float64, scale int) int {
	fraction, exponent := math.Frexp(v) // v = fraction × 2^exponent, fraction in [0.5, 1)
	if fraction == 0.5 {                // a power of two is the upper bound of its bucket
		return scaled(exponent-1, scale) - 1
	}
	index := math.Ceil(math.Ldexp(math.Log2(fraction)+float64(exponent), scale)) - 1
	return int(index)
}

// scaled returns ceil(n × 2^scale).
func scaled(n, scale int) int { return int(math.Ceil(math.Ldexp(float64(n), scale))) }
