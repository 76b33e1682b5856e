package servicegraph

import "iter"

// Some tracers cut 128-bit trace ids to 64 bits, and others pad them again. A trace
// whose id has a zero high half is narrow; it is a part of the wide trace with the
// same low half, if it is held and the only one (semantics.md I6). Traces are
// joined when they are read, not when spans arrive, because a second wide trace
// with that low half may still come.

// lowHalf returns the id with its high half zero.
func lowHalf(id TraceID) TraceID {
	clear(id[:8])
	return id
}

// isNarrow reports whether the high half of the id is zero.
func (id TraceID) isNarrow() bool { return [8]byte(id[:8]) == [8]byte{} }

// fullIDs are those that are held with one low half: how many, and the sum of their
// numbers, which is the number of an only one.
type fullIDs struct{ n, sum traceIndex }

// noteWide counts a trace that is held from now on among those with its low half, if
// it is wide. Nothing is kept until there is a narrow trace.
func (w *window) noteWide(n traceIndex) {
	switch id := w.traces.ID(n); {
	case w.wides == nil && !id.isNarrow():
	case w.wides == nil:
		w.wides = make(map[TraceID]fullIDs)
		for held := range w.traces.All() {
			w.noteWide(held)
		}
	case !id.isNarrow():
		its := w.wides[lowHalf(id)]
		w.wides[lowHalf(id)] = fullIDs{its.n + 1, its.sum + n}
	}
}

// dropWide undoes noteWide for a trace that is not held any more.
func (w *window) dropWide(n traceIndex) {
	id := w.traces.ID(n)
	if w.wides == nil || id.isNarrow() {
		return
	}
	its := w.wides[lowHalf(id)]
	if its.n == 1 {
		delete(w.wides, lowHalf(id))
	} else {
		w.wides[lowHalf(id)] = fullIDs{its.n - 1, its.sum - n}
	}
}

// otherHalf returns the wide trace of a narrow one, or the narrow one of a wide
// one; 0 if there is none, or if the narrow one could be part of several.
func (w *window) otherHalf(n traceIndex) traceIndex {
	if w.wides == nil {
		return 0
	}
	id := w.traces.ID(n)
	its := w.wides[lowHalf(id)]
	switch {
	case its.n != 1:
		return 0
	case id.isNarrow():
		return its.sum
	}
	half := lowHalf(id)
	return w.traces.Find(&half)
}

// whole returns what is held of a trace, the other half of it included.
func (w *window) whole(n traceIndex) wholeTrace {
	half := w.otherHalf(n)
	if half != 0 && w.traces.ID(n).isNarrow() {
		n, half = half, n
	}
	all := wholeTrace{w.traces.ID(n), [...]traceIndex{n, half}, w, w.linksFor(n)}
	if half != 0 {
		all.traceLinks = all.traceLinks.with(w.linksFor(half))
	}
	return all
}

// held returns the traces that are held, each whole and once.
func (w *window) held() iter.Seq[wholeTrace] { return w.heldShard(0, 1) }

// tracesPerTurn is how many traces of a part come one after the other, so that parts
// that are read at the same time do not share what processors cache.
const tracesPerTurn = 64

// heldShard returns one of several equal parts of what held does.
func (w *window) heldShard(part, parts int) iter.Seq[wholeTrace] {
	return func(yield func(wholeTrace) bool) {
		for n := range w.traces.All() {
			if int(n)/tracesPerTurn%parts != part {
				continue
			}
			if half := w.otherHalf(n); (half == 0 || w.traces.ID(n).isNarrow()) && !yield(w.whole(n)) {
				return
			}
		}
	}
}
