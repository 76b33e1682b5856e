// Package histogram counts durations in log-linear buckets. Each value below 128 ns has a
// bucket of its own. Above, each power of two is divided into 64 equal buckets, so the width
// of a bucket is at most 1/64 of the values in it. All boundaries are fixed, so histograms
// merge without loss and in any order. A bucket is computed from the bits of a value and not
// from a logarithm, which would be slower and could differ between machines.
package histogram

import (
	"iter"
	"math"
	"slices"
)

// A Histogram has the weight of each bucket. To save memory, it stores weights only for the
// range of buckets in use (three or four powers of two for most edges), in the smallest type
// of number that can hold all of them: weights are nearly always small whole numbers. The
// zero value is empty.
type Histogram struct {
	first int // bucket of the first stored weight, a multiple of step

	// At most one of these slices is not empty.
	narrow  []uint16
	wide    []uint32
	weights []float64
}

// step is the number of buckets by which the range grows.
const step = 16

// Add adds a weight to bucket b.
func (h *Histogram) Add(b int, weight float64) {
	if i := uint(b - h.first); i < uint(len(h.narrow)) && weight == 1 && h.narrow[i] < math.MaxUint16 {
		h.narrow[i]++
		return
	}
	h.cover(b, b)
	h.set(b-h.first, Sum(h.at(b-h.first), weight))
}

// Merge adds the weights of another histogram.
func (h *Histogram) Merge(o *Histogram) {
	switch {
	case o.len() == 0:
		return
	case h.len() == 0:
		*h = Histogram{o.first, slices.Clone(o.narrow), slices.Clone(o.wide), slices.Clone(o.weights)}
		return
	}
	h.cover(o.first, o.first+o.len()-1)
	if o.narrow != nil {
		i := o.first - h.first
		switch {
		case h.narrow != nil && addAll(h.narrow[i:], o.narrow), h.wide != nil && addAll(h.wide[i:], o.narrow):
			return
		}
	}
	for b, weight := range o.All() {
		h.set(b-h.first, Sum(h.at(b-h.first), weight))
	}
}

// addAll adds weights to the first weights of another slice, and returns true. If a sum does not
// fit, addAll changes nothing and returns false.
func addAll[T uint16 | uint32](to []T, from []uint16) bool {
	to = to[:len(from)]
	var sums uint64 // the bits of all sums
	for i, weight := range from {
		sum := uint64(to[i]) + uint64(weight)
		to[i] = T(sum)
		sums |= sum
	}
	if sums <= uint64(^T(0)) {
		return true
	}
	for i, weight := range from {
		to[i] -= T(weight)
	}
	return false
}

// All returns the buckets with a weight, and their weights, in rising order.
func (h *Histogram) All() iter.Seq2[int, float64] {
	return func(yield func(int, float64) bool) {
		for i := range h.len() {
			if weight := h.at(i); weight > 0 && !yield(h.first+i, weight) {
				return
			}
		}
	}
}

// len returns how many buckets the range has.
func (h *Histogram) len() int { return len(h.narrow) + len(h.wide) + len(h.weights) }

func (h *Histogram) at(i int) float64 {
	switch {
	case h.narrow != nil:
		return float64(h.narrow[i])
	case h.wide != nil:
		return float64(h.wide[i])
	}
	return h.weights[i]
}

// set sets a weight. If the weight does not fit, set first changes all weights to a wider type.
func (h *Histogram) set(i int, weight float64) {
	whole := weight == math.Trunc(weight)
	switch {
	case h.narrow != nil && whole && weight <= math.MaxUint16:
		h.narrow[i] = uint16(weight)
	case h.narrow != nil && whole && weight <= math.MaxUint32:
		h.wide = converted[uint32](h.narrow)
		h.narrow = nil
		h.wide[i] = uint32(weight)
	case h.wide != nil && whole && weight <= math.MaxUint32:
		h.wide[i] = uint32(weight)
	case h.narrow != nil:
		h.weights = converted[float64](h.narrow)
		h.narrow = nil
		h.weights[i] = weight
	case h.wide != nil:
		h.weights = converted[float64](h.wide)
		h.wide = nil
		h.weights[i] = weight
	default:
		h.weights[i] = weight
	}
}

type number interface{ uint16 | uint32 | float64 }

func converted[To, From number](from []From) []To {
	to := make([]To, len(from))
	for i, n := range from {
		to[i] = To(n)
	}
	return to
}

// cover extends the range to the buckets lo to hi.
func (h *Histogram) cover(lo, hi int) {
	n := h.len()
	if n > 0 && lo >= h.first && hi < h.first+n {
		return
	}
	lo, end := lo&^(step-1), hi&^(step-1)+step
	if n == 0 {
		h.first, h.narrow = lo, make([]uint16, end-lo)
		return
	}
	lo, end = min(lo, h.first), max(end, h.first+n)
	before := h.first - lo
	h.first = lo
	switch {
	case h.narrow != nil:
		h.narrow = moved(h.narrow, before, end-lo)
	case h.wide != nil:
		h.wide = moved(h.wide, before, end-lo)
	default:
		h.weights = moved(h.weights, before, end-lo)
	}
}

// moved returns a slice of length n that holds the numbers after the given number of zeros.
func moved[T number](numbers []T, zeros, n int) []T {
	to := make([]T, n)
	copy(to[zeros:], numbers)
	return to
}
