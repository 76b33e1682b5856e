package critpath

import (
	"cmp"
	"slices"
)

// A replayed change is a change with the index of its node.
type replayedChange struct {
	node int32
	less int64
}

func (c *Collector) change(i int) replayedChange {
	return replayedChange{c.changed[i], int64(c.cfg.Changes[i].Less)}
}

// replay returns how long the trace takes after a change, in nanoseconds. A span starts a child, or
// ends, some time after the last child that ended before; that time is the same with and without
// the change. A request into the changed node saves self time from the beginning of the request on.
func (t *tree) replay(change replayedChange) int64 {
	root := &t.spans[t.root]
	took := root.end - root.start
	if change.node < 0 {
		return took
	}
	budget := make(map[int32]int64) // by the span with which a request enters the node: the time that is left to save
	return t.duration(t.root, root.start, root.end, 0, -1, change, budget)
}

// maxReplayed is the depth below which a span takes as long as without the change, so that the
// recursion is bounded.
const maxReplayed = 100_000

// duration returns how long span i takes after a change. From start to end is the time that the
// span has in common with its parent. entered is the span with which the last request entered the
// changed node, or -1.
func (t *tree) duration(i int32, start, end int64, depth int, entered int32, change replayedChange, budget map[int32]int64) int64 {
	if depth > maxReplayed {
		return end - start
	}
	if t.nodeOf(i) == change.node {
		if entered < 0 {
			entered = i
			budget[i] = change.less
		}
	} else {
		entered = -1
	}
	own := func(took int64) int64 {
		if entered < 0 || took <= 0 {
			return took
		}
		saved := min(took, budget[entered])
		budget[entered] -= saved
		return took - saved
	}
	type child struct {
		index              int32
		start, end, newEnd int64 // relative to the start of the span
	}
	byEnd := make([]child, 0, len(t.children[i]))
	for _, c := range slices.Backward(t.children[i]) {
		s := &t.spans[c]
		if from, to := max(s.start, start), min(s.end, end); from < to {
			byEnd = append(byEnd, child{index: c, start: from - start, end: to - start})
		}
	}
	byStart := make([]*child, len(byEnd))
	for k := range byEnd {
		byStart[k] = &byEnd[k]
	}
	slices.SortStableFunc(byStart, func(a, b *child) int { return cmp.Compare(a.start, b.start) })

	// at is the last point in time that is known both without the change (old) and with the change
	// (new).
	var at struct{ old, new int64 }
	ended := 0 // the number of elements of byEnd that have ended
	advance := func(to int64) {
		for ended < len(byEnd) && byEnd[ended].end <= to { // it started before, so its new end is known
			at.old, at.new = byEnd[ended].end, max(at.new, byEnd[ended].newEnd)
			ended++
		}
	}
	running := int64(0) // the latest end of the children so far
	for _, c := range byStart {
		advance(c.start)
		begins := at.new + c.start - at.old // while another child runs
		if running <= c.start {
			begins = at.new + own(c.start-at.old)
			at.old, at.new = c.start, begins
		}
		c.newEnd = begins + t.duration(c.index, start+c.start, start+c.end, depth+1, entered, change, budget)
		running = max(running, c.end)
	}
	advance(end - start)
	return at.new + own(end-start-at.old)
}
