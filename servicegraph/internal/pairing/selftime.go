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
// (docs/semantics.md M14).
func (p *Pairer) SelfTime(i int32) int64 {
	took, ok := p.spans[i].Duration()
	if !ok || p.state[i].caller >= 0 || p.state[i].isTwin { // the work of a twin is that of the span beside it
		return 0
	}
	var children union
	for c := p.tree.Child[i]; c >= 0; c = p.tree.Sibling[c] {
		if in := p.timeWithin(i, c); in.start < in.end && !children.add(in) {
			return took - p.coveredInAnyOrder(i)
		}
	}
	return took - children.length
}

// timeWithin returns the part of the duration of span i that its child c covers. If the child
// covers nothing, the end of the interval is not after its start.
func (p *Pairer) timeWithin(i, c int32) interval {
	span, child := &p.spans[i], &p.spans[c]
	if child.Start <= 0 || p.parent[c] != i || child.Kind == trace.Consumer && child.Node != span.Node {
		return interval{}
	}
	return interval{max(child.Start, span.Start), min(child.End, span.End)}
}

// coveredInAnyOrder returns how much of the duration of span i its children cover, whatever the
// order of the children. Few spans need it. If it served all spans, BenchmarkStages/pair would
// take 2 % more instructions.
func (p *Pairer) coveredInAnyOrder(i int32) int64 {
	p.intervals = p.intervals[:0]
	for c := p.tree.Child[i]; c >= 0; c = p.tree.Sibling[c] {
		if in := p.timeWithin(i, c); in.start < in.end {
			p.intervals = append(p.intervals, in)
		}
	}
	slices.SortFunc(p.intervals, func(a, b interval) int { return cmp.Compare(a.start, b.start) })
	var children union
	for _, in := range p.intervals {
		children.add(in)
	}
	return children.length
}

// A union is the union of intervals that are added in the order of their starts.
type union struct {
	last   int64 // the start of the last interval
	end    int64 // of the union
	length int64
}

// add adds an interval. If the interval starts before the previous one, add changes nothing and
// returns false.
func (u *union) add(in interval) bool {
	if in.start < u.last {
		return false
	}
	u.last = in.start
	if in.end > u.end {
		u.length += in.end - max(in.start, u.end)
		u.end = in.end
	}
	return true
}
