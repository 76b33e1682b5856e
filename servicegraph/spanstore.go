package servicegraph

import "iter"

// A spanStore holds the records of all traces in large arrays without pointers, which
// the garbage collector does not look into. A trace has a chain of small blocks in
// them, each as large as the trace grows: spans of many traces come interleaved, and
// moving a trace each time that it outgrows its place would cost more than the rest of
// holding it.
type spanStore struct {
	chunks [][]record // of chunkSize records, the first one smaller
	next   uint32     // place of the next block
	end    uint32     // and of the end of its chunk
	blocks []block
	free   [len(blockSizes)]blockNumber // blocks that were given back, by size
}

const (
	chunkBits  = 12
	chunkSize  = 1 << chunkBits
	firstChunk = 128 // most builders of tests hold less
)

// blockSizes are the sizes of the blocks of a trace in their order, in records; the
// last one goes on. Of traces of 25 spans nine tenths of the places are in use.
var blockSizes = [...]uint8{1, 1, 2, 4, 4, 8, 8, 16, 16, 32, 32, 64}

// A block is a stretch of a chunk.
type block struct {
	start uint32 // place in its chunk, and the number of the chunk above that
	next  blockNumber
	class uint8 // index into blockSizes
}

// A blockNumber is an index into blocks, plus one; 0 is none.
type blockNumber uint32

// A spanList is the chain of the blocks of one trace. The zero value is empty.
type spanList struct {
	first, last blockNumber
	place       uint32 // of the next record, in last
	left        uint8  // how many fit there
	class       uint8  // of the next block
	n           uint32 // records in all
}

// add appends a record to a list.
func (s *spanStore) add(l *spanList) *record {
	if l.left == 0 {
		s.grow(l)
	}
	r := &s.chunks[l.place>>chunkBits][l.place&(chunkSize-1)]
	l.place++
	l.left--
	l.n++
	return r
}

// grow appends a block to a list.
func (s *spanStore) grow(l *spanList) {
	b := s.take(l.class)
	if l.last == 0 {
		l.first = b
	} else {
		s.blocks[l.last-1].next = b
	}
	l.last, l.place, l.left = b, s.blocks[b-1].start, blockSizes[l.class]
	l.class = min(l.class+1, uint8(len(blockSizes)-1))
}

// take returns a block that is not in use.
func (s *spanStore) take(class uint8) blockNumber {
	if b := s.free[class]; b != 0 {
		s.free[class] = s.blocks[b-1].next
		s.blocks[b-1].next = 0
		return b
	}
	size := uint32(blockSizes[class])
	if s.end-s.next < size {
		n := chunkSize
		if len(s.chunks) == 0 {
			n = firstChunk
		}
		s.next = uint32(len(s.chunks)) << chunkBits
		s.end = s.next + uint32(n)
		s.chunks = append(s.chunks, make([]record, n))
	}
	s.blocks = append(s.blocks, block{start: s.next, class: class})
	s.next += size
	return blockNumber(len(s.blocks))
}

// release gives the blocks of a list back.
func (s *spanStore) release(l *spanList) {
	for b := l.first; b != 0; {
		its := &s.blocks[b-1]
		next := its.next
		its.next = s.free[its.class]
		s.free[its.class] = b
		b = next
	}
	*l = spanList{}
}

// all returns the records of a list, a block at a time.
func (s *spanStore) all(l *spanList) iter.Seq[[]record] {
	return func(yield func([]record) bool) {
		for b := l.first; b != 0; b = s.blocks[b-1].next {
			its := &s.blocks[b-1]
			n := uint32(blockSizes[its.class])
			if b == l.last {
				n -= uint32(l.left)
			}
			start := its.start & (chunkSize - 1)
			if !yield(s.chunks[its.start>>chunkBits][start : start+n]) {
				return
			}
		}
	}
}
