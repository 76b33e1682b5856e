package trace

import (
	"encoding/binary"

	"github.com/tempograph/tempograph/servicegraph/internal/idhash"
)

// An index finds the spans of one trace by id.
type index struct {
	seed  idhash.Seed
	table []int32 // a hash table with open addressing: the index of the first span with an id, plus one; 0 means free

	// Only few ids are shared by several spans. shared has an entry for each such id, and members
	// an entry for each of its spans.
	shared  map[[8]byte]sides
	members map[identity]int32
}

// sides are the indices, plus one, of the spans that share an id, by side; 0 means none. Zipkin's
// B3 propagation gives both sides of a call the same id. If one side has spans of several services,
// the span of the first service in the order of nodes stands for the side.
type sides struct{ caller, callee, other int32 }

// An identity distinguishes spans with the same id. Spans with the same identity are deliveries
// of one span, or attempts of one call.
type identity struct {
	id   [8]byte
	node Node
	side identitySide
}

type identitySide uint8

const (
	otherSide identitySide = iota
	callerSide
	calleeSide
)

func identityOf(r *Span) identity {
	key := identity{id: r.ID, node: r.Node}
	switch {
	case r.Is(IsCaller):
		key.side = callerSide
	case r.Kind.Serves():
		key.side = calleeSide
	}
	return key
}

// reset empties the index and makes room for n spans.
func (x *index) reset(n int) {
	size := 8
	for size < 4*n {
		size *= 2
	}
	if cap(x.table) < size {
		x.table = make([]int32, size)
		x.seed = idhash.NewSeed()
	}
	x.table = x.table[:size]
	clear(x.table)
	if len(x.shared) > 0 {
		clear(x.shared)
		clear(x.members)
	}
}

// slot returns the slot of the first span with an id, or the free slot where that span
// belongs.
func (x *index) slot(id *[8]byte, spans []Span) *int32 {
	mask := uint64(len(x.table) - 1)
	h := x.seed.Hash(binary.LittleEndian.Uint64(id[:]), 0) & mask
	for x.table[h] != 0 && spans[x.table[h]-1].ID != *id {
		h = (h + 1) & mask
	}
	return &x.table[h]
}

// find returns the index of the first span with an id, -1 if there is none.
func (x *index) find(id [8]byte, spans []Span) int32 {
	return *x.slot(&id, spans) - 1
}

// member returns the index of the span with an identity, -1 if there is none.
func (x *index) member(key identity, spans []Span) int32 {
	first := x.find(key.id, spans)
	if first < 0 || identityOf(&spans[first]) == key {
		return first
	}
	if i, ok := x.members[key]; ok {
		return i
	}
	return -1
}

// whole returns the index of the span of which r, a span without a kind, is a piece; -1 if there is
// none. If a service calls itself and both sides have the id, whole returns the callee span.
func (x *index) whole(r *Span) int32 {
	if _, ok := x.shared[r.ID]; ok {
		for _, s := range [...]identitySide{calleeSide, callerSide} {
			if i, ok := x.members[identity{r.ID, r.Node, s}]; ok {
				return i
			}
		}
	}
	return -1
}

// add indexes the span r, which the caller appends to spans next. If r is a duplicate, add
// returns the index of the span that r repeats.
func (x *index) add(r *Span, spans []Span, names Order) (i int32, duplicate bool) {
	i = int32(len(spans))
	slot := x.slot(&r.ID, spans)
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

// share notes that the span r, with index i, has the id of the span with index first.
func (x *index) share(first, i int32, key identity, r *Span, spans []Span, names Order) {
	if x.shared == nil {
		x.shared = make(map[[8]byte]sides)
		x.members = make(map[identity]int32)
	}
	both := x.shared[r.ID]
	if both == (sides{}) {
		x.members[identityOf(&spans[first])] = first
		both.offer(first, &spans[first], spans, names)
	}
	x.members[key] = i
	both.offer(i, r, spans, names)
	x.shared[r.ID] = both
}

// offer makes the span r, with index i, stand for its side, unless another span of the side has a
// service that comes first in the order of nodes.
func (s *sides) offer(i int32, r *Span, spans []Span, names Order) {
	place := &s.other
	switch {
	case r.Is(IsCaller):
		place = &s.caller
	case r.Kind.Serves():
		place = &s.callee
	}
	if *place == 0 || names.CompareNodes(r.Node, spans[*place-1].Node) < 0 {
		*place = i + 1
	}
}

// choose returns the index of the parent of the span r among the spans that share the parent id. A
// span of r's own service is preferred: the callee span, then the caller span, then any other. If
// r's service has none, a caller span is preferred if r is a SERVER or CONSUMER span, and otherwise
// a callee span.
func (x *index) choose(both sides, r *Span) int32 {
	for _, s := range [...]identitySide{calleeSide, callerSide, otherSide} {
		if i, ok := x.members[identity{r.Parent, r.Node, s}]; ok {
			return i
		}
	}
	preferred := [...]int32{both.callee, both.caller, both.other}
	if r.Kind.Serves() {
		preferred = [...]int32{both.caller, both.callee, both.other}
	}
	for _, i := range preferred {
		if i != 0 {
			return i - 1
		}
	}
	panic("servicegraph: an id is marked as shared, but no span has it")
}
