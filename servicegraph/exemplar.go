package servicegraph

import (
	"cmp"
	"slices"
)

// maxExemplars is how many exemplars of each sort an edge keeps.
const maxExemplars = 3

// keepSlowest returns the slowest of the exemplars and x, slowest first. Ties
// go by id, so that the order of arrival does not show.
func keepSlowest(kept []Exemplar, x Exemplar) []Exemplar {
	if len(kept) == maxExemplars {
		last := &kept[maxExemplars-1]
		if last.Duration > x.Duration || last.Duration == x.Duration && compareExemplars(*last, x) <= 0 {
			return kept
		}
	}
	i, found := slices.BinarySearchFunc(kept, x, compareExemplars)
	if found {
		return kept
	}
	kept = slices.Insert(kept, i, x)
	return kept[:min(len(kept), maxExemplars)]
}

func compareExemplars(a, b Exemplar) int {
	return cmp.Or(
		cmp.Compare(b.Duration, a.Duration),
		slices.Compare(a.TraceID[:], b.TraceID[:]),
		slices.Compare(a.SpanID[:], b.SpanID[:]),
	)
}
