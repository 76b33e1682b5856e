package servicegraph

import (
	"iter"
	"math"
	"slices"
)

// buckets are weights by the number of a bucket. They are kept for the range in use
// alone (most edges live within three or four powers of two), and in the narrowest
// numbers that hold them: nearly always they are whole and small. The zero value is
// empty.
type buckets struct {
	first int // bucket of the weight at 0, a multiple of step

	// Exactly one of these has a length.
	narrow  []uint16
	wide    []uint32
	weights []float64
}

// step is by how many buckets the range grows.
const step = 16

// add adds weight to bucket b.
func (s *buckets) add(b int, weight float64) {
	if i := uint(b - s.first); i < uint(len(s.narrow)) && weight == 1 && s.narrow[i] < math.MaxUint16 {
		s.narrow[i]++
		return
	}
	s.cover(b, b)
	s.set(b-s.first, plus(s.at(b-s.first), weight))
}

// merge adds the weights of others.
func (s *buckets) merge(o *buckets) {
	if o.len() == 0 {
		return
	}
	s.cover(o.first, o.first+o.len()-1)
	if s.narrow != nil && o.narrow != nil && s.mergeNarrow(o) {
		return
	}
	for b, weight := range o.all() {
		s.set(b-s.first, plus(s.at(b-s.first), weight))
	}
}

// mergeNarrow is merge where both sides have small weights; it does nothing, and
// reports false, if a sum is too large for that.
func (s *buckets) mergeNarrow(o *buckets) bool {
	to := s.narrow[o.first-s.first:][:len(o.narrow)]
	for i, weight := range o.narrow {
		if int(to[i])+int(weight) > math.MaxUint16 {
			return false
		}
	}
	for i, weight := range o.narrow {
		to[i] += weight
	}
	return true
}

// all returns the buckets with a weight in rising order.
func (s *buckets) all() iter.Seq2[int, float64] {
	return func(yield func(int, float64) bool) {
		for i := range s.len() {
			if weight := s.at(i); weight > 0 && !yield(s.first+i, weight) {
				return
			}
		}
	}
}

// len returns how many buckets there is room for.
func (s *buckets) len() int { return len(s.narrow) + len(s.wide) + len(s.weights) }

func (s *buckets) at(i int) float64 {
	switch {
	case s.narrow != nil:
		return float64(s.narrow[i])
	case s.wide != nil:
		return float64(s.wide[i])
	}
	return s.weights[i]
}

// set puts a weight into a bucket, in wider numbers than before if need be.
func (s *buckets) set(i int, weight float64) {
	whole := weight == math.Trunc(weight)
	switch {
	case s.narrow != nil && whole && weight <= math.MaxUint16:
		s.narrow[i] = uint16(weight)
	case s.narrow != nil && whole && weight <= math.MaxUint32:
		s.wide = converted[uint32](s.narrow)
		s.narrow = nil
		s.wide[i] = uint32(weight)
	case s.wide != nil && whole && weight <= math.MaxUint32:
		s.wide[i] = uint32(weight)
	case s.narrow != nil:
		s.weights = converted[float64](s.narrow)
		s.narrow = nil
		s.weights[i] = weight
	case s.wide != nil:
		s.weights = converted[float64](s.wide)
		s.wide = nil
		s.weights[i] = weight
	default:
		s.weights[i] = weight
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

// cover makes room for the buckets lo to hi.
func (s *buckets) cover(lo, hi int) {
	n := s.len()
	if n > 0 && lo >= s.first && hi < s.first+n {
		return
	}
	lo, end := lo&^(step-1), hi&^(step-1)+step
	if n == 0 {
		s.first, s.narrow = lo, make([]uint16, end-lo)
		return
	}
	lo, end = min(lo, s.first), max(end, s.first+n)
	before := s.first - lo
	s.first = lo
	switch {
	case s.narrow != nil:
		s.narrow = moved(s.narrow, before, end-lo)
	case s.wide != nil:
		s.wide = moved(s.wide, before, end-lo)
	default:
		s.weights = moved(s.weights, before, end-lo)
	}
}

// moved returns the numbers behind as many zeros, in n of them.
func moved[T number](numbers []T, zeros, n int) []T {
	to := make([]T, n)
	copy(to[zeros:], numbers)
	return to
}

// clone returns a copy that shares nothing.
func (s buckets) clone() buckets {
	s.narrow, s.wide, s.weights = slices.Clone(s.narrow), slices.Clone(s.wide), slices.Clone(s.weights)
	return s
}
