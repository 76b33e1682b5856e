package critpath

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A tree is the spans of one trace by their parents. The spans of a cycle of parents are below no
// root, and therefore on no path.
type tree struct {
	spans    []span
	children [][]int32 // by span: the children that it waits for, the last to end first
	parent   []int32   // -1: no parent, or a parent that is missing
	root     int32     // the root that takes longest; -1 if there is none
	order    []int32   // the root and the spans below it, parents first
	callees  []bool    // by span: a span of another service is its child
	callee   []int32   // by span: its child of another service that is not a consumer, the last to end if there are several; -1 if there is none
	failing  []bool    // by span: a child of another service that is not a consumer failed
}

// An identity distinguishes the two sides of a call that share one id.
type identity struct {
	id     servicegraph.SpanID
	serves bool
}

func identityOf(s *span) identity {
	return identity{s.id, s.kind == servicegraph.KindServer || s.kind == servicegraph.KindConsumer}
}

// newTree makes a tree of spans. It ignores repeated deliveries of a span.
func newTree(spans []span) *tree {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(
			slices.Compare(a.id[:], b.id[:]), cmp.Compare(a.kind, b.kind), cmp.Compare(a.service, b.service),
			cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), cmp.Compare(a.name, b.name),
		)
	})
	index := make(map[identity]int32, len(spans))
	t := &tree{root: -1}
	for i := range spans {
		key := identityOf(&spans[i])
		if _, ok := index[key]; !ok {
			index[key] = int32(len(t.spans))
			t.spans = append(t.spans, spans[i])
		}
	}
	n := len(t.spans)
	t.children, t.parent, t.callees = make([][]int32, n), make([]int32, n), make([]bool, n)
	for i := range t.spans {
		t.parent[i] = t.find(index, int32(i))
		if p := t.parent[i]; p >= 0 && t.spans[p].service != t.spans[i].service {
			t.callees[p] = true
		}
		s := &t.spans[i]
		if s.parent.IsZero() && s.finished() && t.parent[i] < 0 && (t.root < 0 || s.end-s.start > t.spans[t.root].end-t.spans[t.root].start) {
			t.root = int32(i)
		}
	}
	if t.root < 0 {
		return t
	}
	for i, p := range t.parent {
		if p >= 0 {
			t.children[p] = append(t.children[p], int32(i))
		}
	}
	t.correctClocks()
	t.callee, t.failing = make([]int32, n), make([]bool, n)
	for i := range t.children {
		t.children[i] = t.await(int32(i))
	}
	return t
}

// await notes the callees among the children of a span, and returns the children that the span
// waits for. A callee that took no measurable time is a callee, although it is on no path.
func (t *tree) await(i int32) []int32 {
	isCallee := func(c int32) bool {
		return t.spans[c].service != t.spans[i].service && t.spans[c].kind != servicegraph.KindConsumer
	}
	t.callee[i] = -1
	for _, c := range t.children[i] {
		if isCallee(c) {
			t.failing[i] = t.failing[i] || t.spans[c].failed
			if t.callee[i] < 0 {
				t.callee[i] = c
			}
		}
	}
	list := t.awaited(i)
	if k := slices.IndexFunc(list, isCallee); k >= 0 {
		t.callee[i] = list[k]
	}
	return list
}

// find returns the parent of a span, or -1. The caller side of a call that shares its id with
// the callee side is the parent of the callee side.
func (t *tree) find(index map[identity]int32, i int32) int32 {
	s := &t.spans[i]
	if key := identityOf(s); key.serves {
		if p, ok := index[identity{s.id, false}]; ok {
			return p
		}
	}
	if s.parent.IsZero() || s.parent == s.id {
		return -1
	}
	callee, shared := index[identity{s.parent, true}]
	other, ok := index[identity{s.parent, false}]
	switch {
	case shared && (!ok || t.spans[callee].service == s.service || t.spans[other].service != s.service):
		return callee
	case ok:
		return other
	}
	return -1
}

// correctClocks moves the server spans that are not within their client spans, although they are
// short enough, to the middle of the client spans, with everything below them that the same
// service timed or that follows from it. It also finds the order of the spans.
func (t *tree) correctClocks() {
	type step struct {
		span  int32
		shift int64
	}
	stack := []step{{t.root, 0}}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		t.order = append(t.order, at.span)
		p := &t.spans[at.span]
		for _, i := range t.children[at.span] {
			c := &t.spans[i]
			shift := at.shift
			start, end := c.start+shift, c.end+shift
			if c.finished() && p.finished() && p.caller && c.kind == servicegraph.KindServer && c.service != p.service &&
				(start < p.start || end > p.end) && end-start <= p.end-p.start {
				shift += p.start + (p.end-p.start-(end-start))/2 - start
			}
			if c.finished() {
				c.start, c.end = c.start+shift, c.end+shift
			}
			stack = append(stack, step{i, shift})
		}
	}
}

// awaited returns the children that a span waits for and that have time in common with the span.
// The child that ends last comes first. Of two children that end together, the longer one comes
// first.
func (t *tree) awaited(i int32) []int32 {
	p := &t.spans[i]
	list := slices.DeleteFunc(t.children[i], func(c int32) bool {
		s := &t.spans[c]
		asynchronous := s.kind == servicegraph.KindConsumer || s.service == p.service && trace.Detaches(s.start, s.end, p.end)
		return !s.finished() || asynchronous || min(s.end, p.end) <= max(s.start, p.start)
	})
	slices.SortFunc(list, func(a, b int32) int {
		x, y := &t.spans[a], &t.spans[b]
		return cmp.Or(
			cmp.Compare(min(y.end, p.end), min(x.end, p.end)), cmp.Compare(max(x.start, p.start), max(y.start, p.start)),
			slices.Compare(x.id[:], y.id[:]), cmp.Compare(x.kind, y.kind),
		)
	})
	return list
}
