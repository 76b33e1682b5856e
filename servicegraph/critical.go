package servicegraph

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
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
// V3). Nobody waits for consumers of messages, nor for work in the same service that goes on
// after its parent for more than a tenth of its own duration (M14). Any other child that ends
// later than its parent counts with the time that the two have in common.
func CriticalPath(spans []Span) []Segment {
	b := NewBuilder(Config{})
	compact := make([]trace.Span, 0, len(spans))
	for i := range spans {
		if s := &spans[i]; !s.SpanID.IsZero() {
			compact = append(compact, trace.Span{})
			b.compact(&compact[len(compact)-1], s)
		}
	}
	var t trace.Tree
	t.Clear(&b.names)
	t.Append(compact)
	t.Build()
	p := pathFinder{Tree: &t, names: &b.names}
	root := int32(-1)
	for i := range t.Spans {
		took, ok := t.Spans[i].Duration()
		if ok && t.Parent[i] == trace.NoParent && (root < 0 || took > t.Spans[root].End-t.Spans[root].Start) {
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
	*trace.Tree
	names *symbols
	path  []Segment // latest first
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
	r := &p.Spans[root]
	stack := []stackFrame{{span: root, start: r.Start, at: r.End, children: p.candidates(root, r.Start, r.End)}}
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
		span := &p.Spans[i]
		p.path = append(p.path, Segment{SpanID: span.ID, Node: p.names.nodeID(span.Node), Start: start, End: end})
	}
}

// candidates returns the children that span i may have waited for between two times, the
// one that ended last first.
func (p *pathFinder) candidates(i int32, from, to int64) (list []candidate) {
	span := &p.Spans[i]
	for c := p.Child[i]; c >= 0; c = p.Sibling[c] {
		child := &p.Spans[c]
		_, ok := child.Duration()
		detaches := child.Node == span.Node && trace.Detaches(child.Start, child.End, span.End)
		if p.Parent[c] != i || !ok || child.Kind == trace.Consumer || detaches {
			continue
		}
		if w := (candidate{c, max(child.Start, from), min(child.End, to)}); w.start < w.end {
			list = append(list, w)
		}
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(b.end, a.end),
			cmp.Compare(a.start, b.start), // of two that end together, the longer one first
			slices.Compare(p.Spans[a.span].ID[:], p.Spans[b.span].ID[:]),
		)
	})
	return list
}
