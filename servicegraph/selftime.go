package servicegraph

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// An interval is the time from start to end, in Unix nanoseconds.
type interval struct{ start, end int64 }

// selfTime returns how long span i worked itself, weighted: the part of its time
// that no child covers. Time in and below a client span is waiting, not work.
// Messages are received in their own time, not in the sender's (semantics.md M14).
func (f *folder) selfTime(i int32) time.Duration {
	span := &f.spans[i]
	took, ok := span.duration()
	if !ok || f.facts[i].caller >= 0 {
		return 0
	}
	if f.child[i] < 0 {
		return time.Duration(min(weighted(took, span.weight()), math.MaxInt64))
	}
	f.intervals = f.intervals[:0]
	for c := f.child[i]; c >= 0; c = f.sibling[c] {
		child := &f.spans[c]
		if f.parent[c] != i || child.kind == KindConsumer && child.node != span.node {
			continue
		}
		if in := (interval{max(child.start, span.start), min(child.end, span.end)}); child.start > 0 && in.start < in.end {
			f.intervals = append(f.intervals, in)
		}
	}
	return time.Duration(min(weighted(took-covered(f.intervals), span.weight()), math.MaxInt64))
}

// covered returns the length of the union of intervals, which it sorts.
func covered(intervals []interval) (sum int64) {
	byStart := func(a, b interval) int { return cmp.Compare(a.start, b.start) }
	if len(intervals) > 1 && !slices.IsSortedFunc(intervals, byStart) {
		slices.SortFunc(intervals, byStart)
	}
	var end int64
	for _, in := range intervals {
		if in.end > end {
			sum += in.end - max(in.start, end)
			end = in.end
		}
	}
	return sum
}
