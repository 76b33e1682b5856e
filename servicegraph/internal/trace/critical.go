package trace

import (
	"cmp"
	"slices"
)

// A Wait is an interval in which a trace waited for one span itself, not for a child of the span.
type Wait struct {
	Span       int32
	Start, End int64
}

// CriticalPath returns the path that decides how long the trace takes, by time: for every moment
// from the start of its root to the end, the span that the trace was waiting for. Of several roots,
// the one that takes longest counts; the path is empty if no root has a known duration.
//
// The path is found backwards: from the end of a span to the child that ended last before
// it, from the start of that child to the child that ended last before it, and so on.
func (t *Tree) CriticalPath() []Wait {
	root := int32(-1)
	for i := range t.Spans {
		took, ok := t.Spans[i].Duration()
		if ok && t.Parent[i] == NoParent && (root < 0 || took > t.Spans[root].End-t.Spans[root].Start) {
			root = int32(i)
		}
	}
	if root < 0 {
		return nil
	}
	p := pathFinder{Tree: t}
	p.walk(root)
	slices.Reverse(p.path)
	return p.path
}

// A pathFinder walks a trace from its end to its start.
type pathFinder struct {
	*Tree
	path []Wait // latest first
}

// A stackFrame is a span that the walk has entered and not left yet.
type stackFrame struct {
	span     int32
	start    int64       // the start of the time that the span has in common with its parent
	at       int64       // the time that the walk has reached
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
			f.children = f.children[1:] // the child overlaps a child that ended later
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

// add adds an interval of span i, unless it is empty.
func (p *pathFinder) add(i int32, start, end int64) {
	if start < end {
		p.path = append(p.path, Wait{i, start, end})
	}
}

// candidates returns the children that span i may have waited for between two times, the
// one that ended last first.
func (p *pathFinder) candidates(i int32, from, to int64) (list []candidate) {
	span := &p.Spans[i]
	for c := p.Child[i]; c >= 0; c = p.Sibling[c] {
		child := &p.Spans[c]
		_, ok := child.Duration()
		detaches := child.Node == span.Node && Detaches(child.Start, child.End, span.End)
		if p.Parent[c] != i || !ok || child.Kind == Consumer || detaches {
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
