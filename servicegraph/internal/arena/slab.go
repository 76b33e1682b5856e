// Package arena has containers for millions of small elements: arrays that grow without
// being moved, lists and hash tables inside them, and orders of use. Elements have numbers
// instead of pointers to each other. The element types must not contain pointers either:
// then the garbage collector never looks into a container, however large it is.
package arena

// An Index is the number of an element. Those of lists, tables and orders start at 1, and
// 0 means none.
type Index uint32

// A Slab is an array that grows in chunks and never moves a full one. An element costs no
// more than its own size. The zero value is empty.
type Slab[T any] struct{ chunks [][]T } // of chunkSize elements at most

const (
	chunkBits  = 12
	chunkSize  = 1 << chunkBits
	maxChunks  = 1 << (32 - chunkBits) // more chunks would need longer indices
	firstChunk = 16                    // elements of the first chunk at first, so that a slab of few stays small
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

// Alloc adds n zero elements side by side, at most as many as a chunk has, and returns the
// index of the first. They follow the last element, unless they do not fit into its chunk:
// then a chunk begins, and the rest of the last one stays unused. Alloc panics where a Slab
// would need an index above 2³²-1.
func (s *Slab[T]) Alloc(n int) Index {
	last := len(s.chunks) - 1
	switch {
	case last < 0:
		s.chunks = append(s.chunks, make([]T, 0, max(n, firstChunk)))
		last = 0
	case len(s.chunks[last])+n > chunkSize:
		if len(s.chunks) == maxChunks {
			panic("servicegraph: no more than 2³² spans can be held")
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

// GrowTo adds zero elements one by one until there is one at index i.
func (s *Slab[T]) GrowTo(i Index) {
	for i>>chunkBits >= Index(len(s.chunks)) || i&(chunkSize-1) >= Index(len(s.chunks[i>>chunkBits])) {
		s.Alloc(1)
	}
}
