package servicegraph

import (
	"cmp"
	"slices"
)

// A Segment is a stretch of a critical path: the time that one span spent on it.
type Segment struct {
	SpanID     SpanID
	Node       NodeID
	Start, End int64 // Unix nanoseconds
}

// CriticalPath returns the path that decides how long a trace takes, from its start
// to its end: at every moment the span that the trace was waiting for. Had one of
// them been faster, the trace would have been. The spans are those of one trace;
// of several roots the one that takes longest counts, and there is no path without a
// root whose duration is known.
//
// It goes back from the end of a span to the child that ended last by then, from the
// start of that one to the child that ended last before, and so on; a child that ends
// exactly when the next one starts is on the path (semantics.md V3). Nobody waits for
// consumers of messages, nor for work of the same service that outlives its parent
// (M14). Where clocks disagree, a child counts with the time it has in common with its
// parent.
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
	path []Segment // the last one first
}

// A stop is a span on the way, with the children it may have waited for.
type stop struct {
	span     int32
	from     int64 // when the span began, as far as its parent was there
	at       int64 // how far back the walk has come
	children []wait
}

// A wait is a child and the time it has in common with its parent.
type wait struct {
	span       int32
	start, end int64
}

func (p *pathFinder) walk(root int32) {
	r := &p.spans[root]
	way := []stop{{span: root, from: r.start, at: r.end, children: p.waits(root, r.start, r.end)}}
	for len(way) > 0 {
		s := &way[len(way)-1]
		for len(s.children) > 0 && s.children[0].end > s.at {
			s.children = s.children[1:] // it ran beside one that ended later
		}
		if len(s.children) == 0 {
			p.add(s.span, s.from, s.at)
			way = way[:len(way)-1]
			continue
		}
		c := s.children[0]
		s.children = s.children[1:]
		p.add(s.span, c.end, s.at)
		s.at = c.start
		way = append(way, stop{span: c.span, from: c.start, at: c.end, children: p.waits(c.span, c.start, c.end)})
	}
}

func (p *pathFinder) add(i int32, start, end int64) {
	if start < end {
		span := &p.spans[i]
		p.path = append(p.path, Segment{SpanID: span.id, Node: p.names.nodeID(span.node), Start: start, End: end})
	}
}

// waits returns the children that span i may have waited for between two times, the
// one that ended last first.
func (p *pathFinder) waits(i int32, from, to int64) (waits []wait) {
	span := &p.spans[i]
	for c := p.child[i]; c >= 0; c = p.sibling[c] {
		child := &p.spans[c]
		_, ok := child.duration()
		outlives := child.node == span.node && child.end > span.end
		if p.parent[c] != i || !ok || child.kind == KindConsumer || outlives {
			continue
		}
		if w := (wait{c, max(child.start, from), min(child.end, to)}); w.start < w.end {
			waits = append(waits, w)
		}
	}
	slices.SortFunc(waits, func(a, b wait) int {
		return cmp.Or(
			cmp.Compare(b.end, a.end),
			cmp.Compare(a.start, b.start), // of two that end together the longer one
			slices.Compare(p.spans[a.span].id[:], p.spans[b.span].id[:]),
		)
	})
	return waits
}
