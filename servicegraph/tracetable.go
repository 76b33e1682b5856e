package servicegraph

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"math/rand/v2"
)

// A traceTable is a set of traces, each with a number and a value.
type traceTable[T any] struct {
	n       int // traces
	seed    idSeed
	heads   []traceNumber         // by the hash of an id, the first trace of a chain
	entries chunks[traceEntry[T]] // by number
	free    traceNumber           // the first in a chain of those not in use
}

// A traceNumber is what a traceTable knows a trace by while it is in it; 0 is none.
// Numbers are small: those of traces that are removed are used again, the last
// removed first.
type traceNumber uint32

// A traceEntry is one trace of a traceTable. One that is not in use has no id.
type traceEntry[T any] struct {
	value T
	id    TraceID
	next  traceNumber // in its chain
}

// An idSeed makes hashes of ids that nobody can foresee: ids are random unless
// somebody made them up to collide.
type idSeed struct{ a, b uint64 }

func newIDSeed() idSeed { return idSeed{rand.Uint64(), rand.Uint64()} }

// of returns a hash of 16 bytes of identity.
func (s idSeed) of(high, low uint64) uint64 {
	high, low = bits.Mul64(high^s.a, low^s.b)
	return high ^ low
}

// head returns where the chain begins that a trace is in if it is in the table.
func (t *traceTable[T]) head(id *TraceID) *traceNumber {
	hash := t.seed.of(binary.LittleEndian.Uint64(id[:8]), binary.LittleEndian.Uint64(id[8:]))
	return &t.heads[hash&uint64(len(t.heads)-1)]
}

// find returns the number of a trace, 0 if it is not in the table.
func (t *traceTable[T]) find(id *TraceID) traceNumber {
	if t.n == 0 {
		return 0
	}
	n := *t.head(id)
	for n != 0 {
		e := t.entries.at(uint32(n))
		if e.id == *id {
			break
		}
		n = e.next
	}
	return n
}

// id returns the id of a trace in the table.
func (t *traceTable[T]) id(n traceNumber) TraceID { return t.entries.at(uint32(n)).id }

// at returns the value of a trace in the table. It is valid until one is added.
func (t *traceTable[T]) at(n traceNumber) *T { return &t.entries.at(uint32(n)).value }

// add puts a trace that is not in the table into it, with the zero value.
func (t *traceTable[T]) add(id TraceID) traceNumber {
	if t.n == len(t.heads) {
		t.grow()
	}
	n := t.free
	if n != 0 {
		t.free = t.entries.at(uint32(n)).next
	} else {
		n = traceNumber(t.entries.take(1))
	}
	t.n++
	e := t.entries.at(uint32(n))
	e.id = id
	t.chain(n, e)
	return n
}

// chain makes an entry the first of its chain.
func (t *traceTable[T]) chain(n traceNumber, e *traceEntry[T]) {
	head := t.head(&e.id)
	e.next, *head = *head, n
}

// grow makes room for as many chains again.
func (t *traceTable[T]) grow() {
	if len(t.heads) == 0 {
		t.seed = newIDSeed()
		t.entries.take(1) // number 0, which is none
	}
	t.heads = make([]traceNumber, max(8, 2*len(t.heads)))
	for n := range t.all() {
		t.chain(n, t.entries.at(uint32(n)))
	}
}

// remove takes a trace out of the table.
func (t *traceTable[T]) remove(n traceNumber) {
	e := t.entries.at(uint32(n))
	before := t.head(&e.id)
	for *before != n {
		before = &t.entries.at(uint32(*before)).next
	}
	*before = e.next
	*e = traceEntry[T]{next: t.free}
	t.free = n
	t.n--
}

// all returns the numbers of all traces, in no order that means anything.
func (t *traceTable[T]) all() iter.Seq[traceNumber] {
	return func(yield func(traceNumber) bool) {
		for i, entries := range t.entries.all {
			for j := range entries {
				if !entries[j].id.IsZero() && !yield(traceNumber(i<<chunkBits+j)) {
					return
				}
			}
		}
	}
}
