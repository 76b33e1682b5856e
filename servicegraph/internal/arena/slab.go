// Package arena has containers for millions of small elements: arrays that grow without
// moving their elements, lists, hash tables, and lists in the order of last use. Elements refer
// to each other by numbers instead of pointers. The element types must not contain pointers
// either, so that the garbage collector never scans a container, however large it is.
package arena

// An Index is the number of an element. The numbers of blocks, table entries and elements of an
// LRU start at 1, and 0 means none.
type Index uint32

// A Slab is an array that grows in chunks and never moves a full chunk. An element takes no
// more memory than its own size. The zero value is empty.
type Slab[T any] struct{ chunks [][]T } // of chunkSize elements at most

const (
	chunkBits  = 12
	chunkSize  = 1 << chunkBits
	maxChunks  = 1 << (32 - chunkBits) // more chunks would need longer indices
	firstChunk = 16                    // initial capacity of the first chunk, so that a slab of few elements stays small
)

// At returns the element at an index. The pointer is valid until the next call of Alloc
// or GrowTo: the first chunk moves as it grows.
func (s *Slab[T]) At(i Index) *T {
	return &s.chunks[i>>chunkBits][i&(chunkSize-1)]
}

// Run returns n adjacent elements that one call of Alloc returned.
func (s *Slab[T]) Run(i Index, n uint32) []T {
	return s.chunks[i>>chunkBits][i&(chunkSize-1):][:n]
}

// Alloc adds n adjacent zero elements, at most chunkSize, and returns the index of the first
// one. If they do not fit into the last chunk, a new chunk begins and the rest of the last
// chunk stays unused. Alloc panics if an index would be above 2³²-1.
func (s *Slab[T]) Alloc(n int) Index {
	last := len(s.chunks) - 1
	switch {
	case last < 0:
		s.chunks = append(s.chunks, make([]T, 0, max(n, firstChunk)))
		last = 0
	case len(s.chunks[last])+n > chunkSize:
		if len(s.chunks) == maxChunks {
			panic("servicegraph: a builder cannot hold more than 2³² spans: set Window.Spans")
		}
		s.chunks = append(s.chunks, make([]T, 0, chunkSize))
		last++
	case len(s.chunks[last])+n > cap(s.chunks[last]):
		more := make([]T, len(s.chunks[last]), min(max(2*cap(s.chunks[last]), len(s.chunks[last])+n), chunkSize))
		copy(more, s.chunks[last])
		s.chunks[last] = more
	}
	chunk := &s.chunks[last]
	i := len(*chunk)
	*chunk = (*chunk)[:i+n]
	return Index(last<<chunkBits + i)
}

// GrowTo adds zero elements one by one until an element has index i.
func (s *Slab[T]) GrowTo(i Index) {
	for i>>chunkBits >= Index(len(s.chunks)) || i&(chunkSize-1) >= Index(len(s.chunks[i>>chunkBits])) {
		s.Alloc(1)
	}
}
