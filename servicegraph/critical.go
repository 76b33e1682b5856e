package servicegraph

import (
	"cmp"
	"slices"
)

// A Segment is a part of a critical path: an interval in which the trace waited for one
// span itself, not for a child of the span.
type Segment struct {
	SpanID     SpanID
	Node       NodeID
	Start, End int64 // Unix nanoseconds; Start is before End
}

// CriticalPath returns the path that decides how long a trace takes: for every moment
// from the start of its root to the end, the span that the trace was waiting for. If one
// of these spans had been faster, the trace would have been faster. Segments are ordered
// by time and leave no gap.
//
// The spans must be those of one trace. Of several roots, the one that takes longest
// counts; the result is empty if no root has a known duration.
//
// The path is found backwards: from the end of a span to the child that ended last before
// it, from the start of that child to the child that ended last before it, and so on. A
// child that ends exactly when the next one starts is on the path (docs/semantics.md,
// V3). Nobody waits for consumers of messages, nor for work in the same service that ends
// after its parent (M14). Where clocks disagree, a child counts with the time that it has
// in common with its parent.
func CriticalPath(spans []Span) []Segment {
	b := NewBuilder(Config{})
	t := tree{names: &b.names}
	t.clear(len(spans))
	for _, s := range spans {
		if !s.SpanID.IsZero() {
			r := b.record(&s)
			t.insert(&r)
		}
	}
	t.plant()
	p := pathFinder{tree: &t}
	root := int32(-1)
	for i := range t.spans {
		took, ok := t.spans[i].duration()
		if ok && t.parent[i] == noParent && (root < 0 || took > t.spans[root].end-t.spans[root].start) {
			root = int32(i)
		}
	}
	if root < 0 {
		return nil
	}
	p.walk(root)
	slices.Reverse(p.path)
	return p.path
}

// A pathFinder walks a trace from its end to its start.
type pathFinder struct {
	*tree
	path []Segment // latest first
}

// A stackFrame is a span that the walk has entered and not left yet.
type stackFrame struct {
	span     int32
	start    int64       // of the time that the span has in common with its parent
	at       int64       // the time to which the walk has come
	children []candidate // not visited yet, the one that ends last first
}

// A candidate is a child that its parent may have waited for, with the time that the two
// have in common.
type candidate struct {
	span       int32
	start, end int64
}

// walk finds the path of the trace below a root, with a stack in place of recursion:
// traces may be as deep as they have spans.
func (p *pathFinder) walk(root int32) {
	r := &p.spans[root]
	stack := []stackFrame{{span: root, start: r.start, at: r.end, children: p.candidates(root, r.start, r.end)}}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		for len(f.children) > 0 && f.children[0].end > f.at {
			f.children = f.children[1:] // it overlaps a child that ended later
		}
		if len(f.children) == 0 {
			p.add(f.span, f.start, f.at)
			stack = stack[:len(stack)-1]
			continue
		}
		c := f.children[0]
		f.children = f.children[1:]
		p.add(f.span, c.end, f.at)
		f.at = c.start
		stack = append(stack, stackFrame{span: c.span, start: c.start, at: c.end, children: p.candidates(c.span, c.start, c.end)})
	}
}

// add adds a segment of span i, unless it is empty.
func (p *pathFinder) add(i int32, start, end int64) {
	if start < end {
		span := &p.spans[i]
		p.path = append(p.path, Segment{SpanID: span.id, Node: p.names.nodeID(span.node), Start: start, End: end})
	}
}

// candidates returns the children that span i may have waited for between two times, the
// one that ended last first.
func (p *pathFinder) candidates(i int32, from, to int64) (list []candidate) {
	span := &p.spans[i]
	for c := p.child[i]; c >= 0; c = p.sibling[c] {
		child := &p.spans[c]
		_, ok := child.duration()
		outlives := child.node == span.node && child.end > span.end
		if p.parent[c] != i || !ok || child.kind == KindConsumer || outlives {
			continue
		}
		if w := (candidate{c, max(child.start, from), min(child.end, to)}); w.start < w.end {
			list = append(list, w)
		}
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(b.end, a.end),
			cmp.Compare(a.start, b.start), // of two that end together, the longer one first
			slices.Compare(p.spans[a.span].id[:], p.spans[b.span].id[:]),
		)
	})
	return list
}
