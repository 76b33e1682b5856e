package pairing

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// An interval is the time from start to end, in Unix nanoseconds.
type interval struct{ start, end int64 }

// SelfTime returns the self time of span i in nanoseconds: the part of its duration that no
// child covers; 0 if the duration is unknown. Time in and below a caller span is waiting, not
// work. A consumer span takes time from the receiver, not from the sender of the message
// (semantics.md M14).
func (p *Pairer) SelfTime(i int32) int64 {
	span := &p.spans[i]
	took, ok := span.Duration()
	if !ok || p.state[i].caller >= 0 {
		return 0
	}
	c := p.tree.Child[i]
	if c < 0 {
		return took
	}
	p.intervals = p.intervals[:0]
	for ; c >= 0; c = p.tree.Sibling[c] {
		child := &p.spans[c]
		if p.parent[c] != i || child.Kind == trace.Consumer && child.Node != span.Node {
			continue
		}
		if in := (interval{max(child.Start, span.Start), min(child.End, span.End)}); child.Start > 0 && in.start < in.end {
			p.intervals = append(p.intervals, in)
		}
	}
	return took - covered(p.intervals)
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
