package servicegraph

import (
	"encoding/binary"

	"github.com/tempograph/tempograph/servicegraph/internal/arena"
)

// A spanIndex finds the spans of one trace by id.
type spanIndex struct {
	seed  arena.Seed
	table []int32 // open addressing: index of the first span with an id, plus one; 0 is free

	// Ids that several spans share, which is rare: one entry for each id, and
	// one for each of its spans.
	shared  map[SpanID]sides
	members map[identity]int32
}

// sides are the spans that share an id, by side and each plus one; 0 is none.
// Zipkin's B3 propagation gives both sides of a call the same id. Where several
// services are on one side, the first in the order of NodeID stands for it.
type sides struct{ caller, callee, other int32 }

// An identity tells the spans of one id apart. Spans of the same identity are
// deliveries of one span.
type identity struct {
	id   SpanID
	node nodeIndex
	side identitySide
}

type identitySide uint8

const (
	otherSide identitySide = iota
	callerSide
	calleeSide
)

func identityOf(r *record) identity {
	key := identity{id: r.id, node: r.node}
	switch {
	case r.is(isCaller):
		key.side = callerSide
	case r.kind.serves():
		key.side = calleeSide
	}
	return key
}

// reset empties the index and makes room for n spans.
func (x *spanIndex) reset(n int) {
	size := 8
	for size < 4*n {
		size *= 2
	}
	if cap(x.table) < size {
		x.table = make([]int32, size)
		x.seed = arena.NewSeed()
	}
	x.table = x.table[:size]
	clear(x.table)
	if len(x.shared) > 0 {
		clear(x.shared)
		clear(x.members)
	}
}

// slot returns the place of an id: that of its first span, or a free one. The
// hash is seeded: ids are random unless somebody made them up to collide.
func (x *spanIndex) slot(id *SpanID, spans []record) *int32 {
	mask := uint64(len(x.table) - 1)
	h := x.seed.Hash(binary.LittleEndian.Uint64(id[:]), 0) & mask
	for x.table[h] != 0 && spans[x.table[h]-1].id != *id {
		h = (h + 1) & mask
	}
	return &x.table[h]
}

// find returns the index of the first span with an id, -1 if there is none.
func (x *spanIndex) find(id SpanID, spans []record) int32 {
	return *x.slot(&id, spans) - 1
}

// member returns the index of the span with an identity, -1 if there is none.
func (x *spanIndex) member(key identity, spans []record) int32 {
	first := x.find(key.id, spans)
	if first < 0 || identityOf(&spans[first]) == key {
		return first
	}
	if i, ok := x.members[key]; ok {
		return i
	}
	return -1
}

// whole returns the index of the span with a kind that r is a piece of, -1 if there
// is none. Of both sides of a call to itself it is the callee.
func (x *spanIndex) whole(r *record) int32 {
	if _, ok := x.shared[r.id]; ok {
		for _, s := range [...]identitySide{calleeSide, callerSide} {
			if i, ok := x.members[identity{r.id, r.node, s}]; ok {
				return i
			}
		}
	}
	return -1
}

// add enters the span that is about to be appended to spans, or returns the
// index of the one it is a duplicate of.
func (x *spanIndex) add(r *record, spans []record, names *symbols) (i int32, duplicate bool) {
	i = int32(len(spans))
	slot := x.slot(&r.id, spans)
	if *slot == 0 {
		*slot = i + 1
		return i, false
	}
	first, key := *slot-1, identityOf(r)
	if identityOf(&spans[first]) == key {
		return first, true
	}
	if earlier, ok := x.members[key]; ok {
		return earlier, true
	}
	x.share(first, i, key, r, spans, names)
	return i, false
}

// share notes that span i, with the record r, has the id of another.
func (x *spanIndex) share(first, i int32, key identity, r *record, spans []record, names *symbols) {
	if x.shared == nil {
		x.shared = make(map[SpanID]sides)
		x.members = make(map[identity]int32)
	}
	both := x.shared[r.id]
	if both == (sides{}) {
		x.members[identityOf(&spans[first])] = first
		both.offer(first, &spans[first], spans, names)
	}
	x.members[key] = i
	both.offer(i, r, spans, names)
	x.shared[r.id] = both
}

// offer makes span i, with the record r, stand for its side if its service
// comes first.
func (s *sides) offer(i int32, r *record, spans []record, names *symbols) {
	place := &s.other
	switch {
	case r.is(isCaller):
		place = &s.caller
	case r.kind.serves():
		place = &s.callee
	}
	if *place == 0 || names.nodeID(r.node).Compare(names.nodeID(spans[*place-1].node)) < 0 {
		*place = i + 1
	}
}

// choose returns the parent of the span r among spans that share its parent's
// id: the one of its own service, from the inside out; otherwise the caller's
// span for a callee and the callee's span for everything else.
func (x *spanIndex) choose(both sides, r *record) int32 {
	for _, s := range [...]identitySide{calleeSide, callerSide, otherSide} {
		if i, ok := x.members[identity{r.parent, r.node, s}]; ok {
			return i
		}
	}
	preferred := [...]int32{both.callee, both.caller, both.other}
	if r.kind.serves() {
		preferred = [...]int32{both.caller, both.callee, both.other}
	}
	for _, i := range preferred {
		if i != 0 {
			return i - 1
		}
	}
	panic("servicegraph: a shared id without spans")
}
