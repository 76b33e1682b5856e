package arena

import (
	"encoding/binary"
	"iter"

	"github.com/tempograph/tempograph/servicegraph/internal/idhash"
)

// A Table maps ids of 16 bytes to values. Each entry also has an index, by which the caller refers
// to the entry while it is in the table. Indices are small: the indices of removed entries are used
// again, the one freed last first. The zero id cannot be in a table. The zero value is empty.
type Table[K ~[16]byte, V any] struct {
	n       int
	seed    idhash.Seed
	heads   []Index           // by the hash of an id, the first entry of a chain
	entries Slab[entry[K, V]] // by index
	free    Index             // the first entry of the chain of unused entries
}

// An entry that is not in use has the zero id.
type entry[K ~[16]byte, V any] struct {
	value V
	id    K
	next  Index // in its chain
}

// head returns the head of the chain that an id belongs to.
func (t *Table[K, V]) head(id *K) *Index {
	hash := t.seed.Hash(binary.LittleEndian.Uint64((*id)[:8]), binary.LittleEndian.Uint64((*id)[8:]))
	return &t.heads[hash&uint64(len(t.heads)-1)]
}

// Len returns the number of entries.
func (t *Table[K, V]) Len() int { return t.n }

// Find returns the index of an id, or 0 if the id is not in the table.
func (t *Table[K, V]) Find(id *K) Index {
	if t.n == 0 {
		return 0
	}
	i := *t.head(id)
	for i != 0 {
		e := t.entries.At(i)
		if e.id == *id {
			break
		}
		i = e.next
	}
	return i
}

// ID returns the id of an entry.
func (t *Table[K, V]) ID(i Index) K { return t.entries.At(i).id }

// At returns the value of an entry. The pointer is valid until the next call of Add.
func (t *Table[K, V]) At(i Index) *V { return &t.entries.At(i).value }

// Add adds an id that is not in the table, with the zero value, and returns its index.
func (t *Table[K, V]) Add(id K) Index {
	if t.n == len(t.heads) {
		t.grow()
	}
	i := t.free
	if i != 0 {
		t.free = t.entries.At(i).next
	} else {
		i = t.entries.Alloc(1)
	}
	t.n++
	e := t.entries.At(i)
	e.id = id
	t.chain(i, e)
	return i
}

// chain makes an entry the first of its chain.
func (t *Table[K, V]) chain(i Index, e *entry[K, V]) {
	head := t.head(&e.id)
	e.next, *head = *head, i
}

// grow doubles the number of chains.
func (t *Table[K, V]) grow() {
	if len(t.heads) == 0 {
		t.seed = idhash.NewSeed()
		t.entries.Alloc(1) // index 0, which means none
	}
	t.heads = make([]Index, max(8, 2*len(t.heads)))
	for i := range t.All() {
		t.chain(i, t.entries.At(i))
	}
}

// Remove removes an entry.
func (t *Table[K, V]) Remove(i Index) {
	e := t.entries.At(i)
	link := t.head(&e.id)
	for *link != i {
		link = &t.entries.At(*link).next
	}
	*link = e.next
	*e = entry[K, V]{next: t.free}
	t.free = i
	t.n--
}

// All returns the indices of all entries in rising order.
func (t *Table[K, V]) All() iter.Seq[Index] {
	return func(yield func(Index) bool) {
		for c, entries := range t.entries.chunks {
			for k := range entries {
				if entries[k].id != (K{}) && !yield(Index(c<<chunkBits+k)) {
					return
				}
			}
		}
	}
}
