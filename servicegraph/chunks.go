package servicegraph

// chunks are an array that grows without being moved, in pieces: an element has a
// place, which is its index, and costs no more than itself. The elements that are kept
// here have no pointers, so that the garbage collector does not look into them,
// however many there are.
type chunks[T any] struct{ all [][]T } // of chunkSize elements at most

const (
	chunkBits  = 12
	chunkSize  = 1 << chunkBits
	maxChunks  = 1 << (32 - chunkBits) // or places would begin again
	firstChunk = 16                    // to begin with: most builders of tests hold less
)

// at returns the element at a place. It may move when the next is taken: the first
// chunk grows, so that a builder of little stays small.
func (c *chunks[T]) at(place uint32) *T {
	return &c.all[place>>chunkBits][place&(chunkSize-1)]
}

// run returns n elements side by side, which were taken together.
func (c *chunks[T]) run(place, n uint32) []T {
	return c.all[place>>chunkBits][place&(chunkSize-1):][:n]
}

// take returns the place of n new elements side by side, which are zero. It is the one
// behind the last, unless these do not fit into its chunk. It panics where there are no more places.
func (c *chunks[T]) take(n int) uint32 {
	last := len(c.all) - 1
	switch {
	case last < 0:
		c.all = append(c.all, make([]T, 0, max(n, firstChunk)))
		last = 0
	case len(c.all[last])+n > chunkSize:
		if len(c.all) == maxChunks {
			panic("servicegraph: no more than 2³² spans can be held")
		}
		c.all = append(c.all, make([]T, 0, chunkSize))
		last++
	case len(c.all[last])+n > cap(c.all[last]):
		more := make([]T, len(c.all[last]), min(max(2*cap(c.all[last]), len(c.all[last])+n), chunkSize))
		copy(more, c.all[last])
		c.all[last] = more
	}
	chunk := &c.all[last]
	place := len(*chunk)
	*chunk = (*chunk)[:place+n]
	return uint32(last<<chunkBits + place)
}

// reach takes elements until there is one at a place, all of them one by one.
func (c *chunks[T]) reach(place uint32) {
	for place>>chunkBits >= uint32(len(c.all)) || place&(chunkSize-1) >= uint32(len(c.all[place>>chunkBits])) {
		c.take(1)
	}
}
