package servicegraph

import (
	"iter"
	"maps"
	"slices"
)

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

func (s *spanSet) isNarrow() bool { return lowHalf(s.id) == s.id }

// noteLow enters a trace that is held from now on among those with its low half.
// Nothing is kept until there is a narrow trace.
func (w *window) noteLow(set *spanSet) {
	if w.byLow == nil {
		if !set.isNarrow() {
			return
		}
		w.byLow = make(map[TraceID][]*spanSet)
		for held := range w.traces.all() {
			if held != set {
				w.byLow[lowHalf(held.id)] = append(w.byLow[lowHalf(held.id)], held)
			}
		}
	}
	low := lowHalf(set.id)
	w.byLow[low] = append(w.byLow[low], set)
}

// dropLow removes a trace that is not held any more.
func (w *window) dropLow(set *spanSet) {
	low := lowHalf(set.id)
	if rest := slices.DeleteFunc(w.byLow[low], func(s *spanSet) bool { return s == set }); len(rest) > 0 {
		w.byLow[low] = rest
	} else {
		delete(w.byLow, low)
	}
}

// otherHalf returns the wide trace of a narrow one, or the narrow one of a wide
// one; nil if there is none, or if the narrow one could be part of several.
func (w *window) otherHalf(set *spanSet) (other *spanSet) {
	group := w.byLow[lowHalf(set.id)]
	if len(group) != 2 || group[0].isNarrow() == group[1].isNarrow() {
		return nil
	}
	if group[0] == set {
		return group[1]
	}
	return group[0]
}

// whole returns what is held of a trace, the other half of it included.
func (w *window) whole(set *spanSet) trace {
	half := w.otherHalf(set)
	if half == nil {
		return trace{set.id, [2]*spanList{&set.spans}, &w.store, set.links, set.linked}
	}
	if set.isNarrow() {
		set, half = half, set
	}
	linked := maps.Clone(set.linked)
	if linked == nil {
		linked = make(map[SpanID]bool)
	}
	maps.Copy(linked, half.linked)
	return trace{set.id, [2]*spanList{&set.spans, &half.spans}, &w.store, slices.Concat(set.links, half.links), linked}
}

// held returns the traces that are held, each whole and once.
func (w *window) held() iter.Seq[trace] {
	return func(yield func(trace) bool) {
		for set := range w.traces.all() {
			if half := w.otherHalf(set); (half == nil || set.isNarrow()) && !yield(w.whole(set)) {
				return
			}
		}
	}
}
