package servicegraph

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
)

// maxValues is how many values of one sort a node, an edge or a report keeps: the
// first in their order, so that it does not matter which came first.
const maxValues = 64

// withCapped returns the sorted set with one value more, and whether a value had to
// be left out because there are too many. The set may be shared: it is not
// written to.
func withCapped[T any](set []T, v T, compare func(a, b T) int) (_ []T, cut bool) {
	i, found := slices.BinarySearchFunc(set, v, compare)
	switch {
	case found:
		return set, false
	case len(set) < maxValues:
		return slices.Insert(slices.Clip(set), i, v), false
	case i == len(set):
		return set, true
	}
	return slices.Insert(slices.Clone(set[:len(set)-1]), i, v), true
}

// maxWeight is where weighted counts stop.
const maxWeight = histogram.MaxWeight

// plus adds weighted counts.
func plus(a, b float64) float64 { return histogram.Sum(a, b) }
