package trace

import "slices"

// A Tree is one trace in the format from which calls are read: every span once, with its
// parent, and an order in which parents come before their children. One Tree holds many traces
// one after another, so that its memory is allocated once: call [Tree.Clear], [Tree.Append] and
// [Tree.Build] for each trace.
//
// All steps are loops over arrays, never recursion: traces of 10⁵ spans in a single chain
// exist.
type Tree struct {
	Spans   []Span  // without duplicates
	Parent  []int32 // by span: the index of its parent, or NoParent, or MissingParent
	Order   []int32 // all spans, parents first
	Child   []int32 // by span: its first child, -1 if it has none
	Sibling []int32 // by span: the next child of the same parent, -1 after the last

	Passages []Passage // by span, after Hide; nil if no span was hidden

	// HiddenRoots are the roots that Hide dropped, by start. Roots without a known end are left
	// out.
	HiddenRoots []Span

	Duplicates uint64 // spans that were merged into another
	Cycles     uint64 // cycles of parents that were broken

	names   Order
	index   index
	placed  []bool  // by span: it is in Order
	visited []int32 // by span: the number of the walk that last visited it, to find cycles
	cycle   []int32 // the spans of one cycle

	aside    []Span               // spans with the identity of another span and another start
	attempts map[identity][]int32 // the spans that share an identity, by start
}

// Values of Parent for a span whose parent is not in the tree.
const (
	NoParent      = -1 // the span is a root
	MissingParent = -2 // the parent never arrived
)

// Clear empties the tree for another trace. names compares the names of its nodes.
func (t *Tree) Clear(names Order) {
	t.Spans = t.Spans[:0]
	t.Passages, t.HiddenRoots = nil, nil
	t.names = names
}

// Append adds copies of some spans of the trace.
//
// All spans are copied before [Tree.Build] indexes any. Held spans are scattered in memory. Copying
// waits for many of them at the same time, while indexing would wait for one after the other.
func (t *Tree) Append(spans []Span) { t.Spans = append(t.Spans, spans...) }

// Build makes the tree of the spans that were appended.
func (t *Tree) Build() {
	t.merge()
	if len(t.aside) > 0 {
		t.splitAttempts()
	}
	if len(t.index.shared) > 0 {
		t.mergeUnsetKinds()
	}
	t.findParents()
	t.sort()
}

// merge indexes the spans, and merges those that repeat another.
func (t *Tree) merge() {
	all, kept := t.Spans, 0
	t.Duplicates, t.Cycles = 0, 0
	t.aside, t.attempts = t.aside[:0], nil
	t.index.reset(len(all))
	for i := range all {
		s := &all[i]
		first, duplicate := t.index.add(s, all[:kept], t.names)
		switch {
		case !duplicate:
			if kept < i {
				all[kept] = *s
			}
			kept++
		case s.repeats(&all[first]):
			all[first].Absorb(s, t.names)
			t.Duplicates++
		default:
			t.aside = append(t.aside, *s)
		}
	}
	t.Spans = all[:kept]
}

// mergeUnsetKinds merges spans whose kind is not set into the span of their service that has the
// same id and a kind: a tracer that sends a span in pieces, as Zipkin's tracers do, may set the
// kind in only one piece.
func (t *Tree) mergeUnsetKinds() {
	pieces := 0
	for i := range t.Spans {
		s := &t.Spans[i]
		if s.Kind != KindUnset || s.Is(IsCaller) {
			continue
		}
		if whole := t.index.whole(s); whole >= 0 {
			t.Spans[t.attemptFor(whole, s)].Absorb(s, t.names)
			s.ID = [8]byte{} // an id that no span has
			pieces++
		}
	}
	if pieces == 0 {
		return
	}
	t.Duplicates += uint64(pieces)
	t.Spans = slices.DeleteFunc(t.Spans, func(s Span) bool { return s.ID == [8]byte{} })
	t.index.reset(len(t.Spans))
	clear(t.attempts)
	for i := range t.Spans {
		s := &t.Spans[i]
		first, repeated := t.index.add(s, t.Spans[:i], t.names)
		if repeated { // attempts follow each other in the order of their starts
			key := identityOf(s)
			if t.attempts[key] == nil {
				t.attempts[key] = []int32{first}
			}
			t.attempts[key] = append(t.attempts[key], int32(i))
		}
	}
}

// findParents finds the parent of every span. It tries the parent found last first,
// because siblings often come one after the other.
func (t *Tree) findParents() {
	t.Parent = Resize(t.Parent, len(t.Spans))
	last := int32(0)
	distinct := len(t.index.shared) == 0 && len(t.attempts) == 0
	for i := range t.Spans {
		s := &t.Spans[i]
		if s.Parent == t.Spans[last].ID && s.Parent != s.ID && distinct {
			t.Parent[i] = last
			continue
		}
		t.Parent[i] = t.parentOf(int32(i))
		last = max(t.Parent[i], 0)
	}
}

// parentOf returns the index of the parent of span i.
func (t *Tree) parentOf(i int32) int32 {
	s := &t.Spans[i]
	if len(t.index.shared) > 0 && s.Kind.Serves() {
		// Both sides of the call share an id: the caller is the parent of the
		// callee, whatever the parent id of the callee is (I4, I5).
		if caller := t.index.shared[s.ID].caller; caller != 0 {
			return t.attemptFor(caller-1, s)
		}
	}
	if s.Parent == [8]byte{} || s.Parent == s.ID {
		return NoParent // a span whose parent id is its own id is a root (I8)
	}
	parent := t.index.find(s.Parent, t.Spans)
	if parent < 0 {
		return MissingParent
	}
	if len(t.index.shared) > 0 {
		if both, ok := t.index.shared[s.Parent]; ok {
			parent = t.index.choose(both, s)
		}
	}
	if len(t.attempts) > 0 {
		parent = t.attemptFor(parent, s)
	}
	return parent
}

// sort fills Order, and breaks cycles of spans that are each other's ancestors.
func (t *Tree) sort() {
	n := len(t.Spans)
	t.Order = Resize(t.Order, n)
	if t.linkChildren() {
		for i := range t.Order {
			t.Order[i] = int32(i)
		}
		return
	}
	t.Order = t.Order[:0]
	for i, p := range t.Parent {
		if p < 0 {
			t.Order = append(t.Order, int32(i))
		}
	}
	for from := 0; from < len(t.Order); from++ {
		for c := t.Child[t.Order[from]]; c >= 0; c = t.Sibling[c] {
			t.Order = append(t.Order, c)
		}
	}
	if len(t.Order) < n {
		t.breakCycles()
	}
}

// linkChildren fills Child and Sibling, and reports whether every parent has a smaller
// index than its children.
func (t *Tree) linkChildren() (inOrder bool) {
	n := len(t.Spans)
	t.Child = Resize(t.Child, n)
	t.Sibling = Resize(t.Sibling, n)
	for i := range t.Child {
		t.Child[i] = -1
	}
	inOrder = true
	for i := n - 1; i >= 0; i-- {
		if p := t.Parent[i]; p >= 0 {
			t.Sibling[i], t.Child[p] = t.Child[p], int32(i)
			inOrder = inOrder && int(p) < i
		}
	}
	return inOrder
}

// Find returns the index of the span with an id, a service and a side, -1 if the tree has none. If
// kind is SERVER or CONSUMER, the span is a callee span; for any other kind, it is a span that is
// neither side of a call. Of several attempts, Find returns the first.
func (t *Tree) Find(id [8]byte, node Node, kind Kind) int32 {
	side := otherSide
	if kind.Serves() {
		side = calleeSide
	}
	return t.index.member(identity{id, node, side}, t.Spans)
}

// FindProducer returns the index of the PRODUCER span with an id and a service, -1 if the tree has
// none. Of several attempts, it returns the first.
func (t *Tree) FindProducer(id [8]byte, node Node) int32 {
	i := t.index.member(identity{id, node, callerSide}, t.Spans)
	if i >= 0 && t.Spans[i].Kind != Producer {
		return -1
	}
	return i
}

// Resize returns a slice of length n, in the memory of the given slice if that is large enough.
// The contents are undefined.
func Resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
