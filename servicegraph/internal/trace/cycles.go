package trace

import (
	"cmp"
	"slices"
)

// breakCycles places the spans that no root reaches: those on or below a cycle of parents.
func (t *Tree) breakCycles() {
	n := len(t.Spans)
	t.placed = Resize(t.placed, n)
	clear(t.placed)
	for _, i := range t.Order {
		t.placed[i] = true
	}
	t.visited = Resize(t.visited, n)
	clear(t.visited)
	for i := range n {
		if !t.placed[i] {
			t.Cycles++
			root := t.rootOfCycle(int32(i), int32(i)+1)
			t.Parent[root] = NoParent
			from := len(t.Order)
			t.place(root)
			t.descend(from)
		}
	}
}

func (t *Tree) place(i int32) {
	t.placed[i] = true
	t.Order = append(t.Order, i)
}

// descend places all descendants of the spans in Order[from:].
func (t *Tree) descend(from int) {
	for ; from < len(t.Order); from++ {
		for c := t.Child[t.Order[from]]; c >= 0; c = t.Sibling[c] {
			if !t.placed[c] {
				t.place(c)
			}
		}
	}
}

// rootOfCycle follows the parents of a span that no root reaches until they form a cycle. It
// returns the span of the cycle to make a root: the earliest span that is not the callee of its
// parent (docs/semantics.md I9), or, if there is none, the earliest span. Each call must pass a new
// number as walk.
func (t *Tree) rootOfCycle(i, walk int32) int32 {
	for t.visited[i] != walk {
		t.visited[i] = walk
		i = t.Parent[i]
	}
	t.cycle = append(t.cycle[:0], i)
	for j := t.Parent[i]; j != i; j = t.Parent[j] {
		t.cycle = append(t.cycle, j)
	}
	return slices.MinFunc(t.cycle, func(i, j int32) int {
		a, b := &t.Spans[i], &t.Spans[j]
		return cmp.Or(
			cmp.Compare(t.pairs(i), t.pairs(j)),
			cmp.Compare(a.Start, b.Start),
			slices.Compare(a.ID[:], b.ID[:]),
			t.names.CompareNodes(a.Node, b.Node),
		)
	})
}

// pairs returns 1 if the kinds of span i and its parent are those of the two sides of a call, and
// otherwise 0.
func (t *Tree) pairs(i int32) int {
	if t.Spans[i].Kind.Serves() && t.Spans[t.Parent[i]].Is(IsCaller) {
		return 1
	}
	return 0
}
