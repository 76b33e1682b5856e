package servicegraph

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"math/rand/v2"
)

// A traceTable finds the held traces by id. Its sets do not move.
type traceTable struct {
	seed  idSeed
	slots []*spanSet // open addressing; nil is free
	n     int        // sets in use

	sets [][]spanSet // in arrays of many; those not in use have no id
	free []*spanSet  // not in use
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

// slot returns the index of the slot of a trace, which is free if it is not held.
func (t *traceTable) slot(id TraceID) int {
	mask := len(t.slots) - 1
	i := t.home(id)
	for t.slots[i] != nil && t.slots[i].id != id {
		i = (i + 1) & mask
	}
	return i
}

// home returns the index of the slot where the search for a trace begins.
func (t *traceTable) home(id TraceID) int {
	return int(t.seed.of(binary.LittleEndian.Uint64(id[:8]), binary.LittleEndian.Uint64(id[8:]))) & (len(t.slots) - 1)
}

// find returns the set of a trace, nil if it is not held.
func (t *traceTable) find(id TraceID) *spanSet {
	if t.n == 0 {
		return nil
	}
	return t.slots[t.slot(id)]
}

// add returns a new set for a trace that is not held.
func (t *traceTable) add(id TraceID) *spanSet {
	if 2*(t.n+1) > len(t.slots) {
		t.grow()
	}
	t.n++
	set := t.take()
	set.id = id
	t.slots[t.slot(id)] = set
	return set
}

// take returns a set that is not in use.
func (t *traceTable) take() *spanSet {
	if n := len(t.free); n > 0 {
		set := t.free[n-1]
		t.free = t.free[:n-1]
		return set
	}
	last := len(t.sets) - 1
	if last < 0 || len(t.sets[last]) == cap(t.sets[last]) {
		size := 256
		if last < 0 {
			size = 8 // most builders of tests hold less
		}
		t.sets = append(t.sets, make([]spanSet, 0, size))
		last++
	}
	sets := t.sets[last][:len(t.sets[last])+1]
	t.sets[last] = sets
	return &sets[len(sets)-1]
}

func (t *traceTable) grow() {
	if len(t.slots) == 0 {
		t.seed = newIDSeed()
	}
	t.slots = make([]*spanSet, max(16, 2*len(t.slots)))
	for set := range t.all() {
		t.slots[t.slot(set.id)] = set
	}
}

// remove lets go of a set, which becomes another trace's.
func (t *traceTable) remove(set *spanSet) {
	t.n--
	mask := len(t.slots) - 1
	hole := t.slot(set.id)
	for i := (hole + 1) & mask; t.slots[i] != nil; i = (i + 1) & mask {
		// What lies behind its home because the hole was taken moves into it.
		if (i-t.home(t.slots[i].id))&mask >= (i-hole)&mask {
			t.slots[hole], hole = t.slots[i], i
		}
	}
	t.slots[hole] = nil
	*set = spanSet{}
	t.free = append(t.free, set)
}

// all returns the sets of all held traces, in no order that means anything.
func (t *traceTable) all() iter.Seq[*spanSet] {
	return func(yield func(*spanSet) bool) {
		for _, sets := range t.sets {
			for i := range sets {
				if !sets[i].id.IsZero() && !yield(&sets[i]) {
					return
				}
			}
		}
	}
}
