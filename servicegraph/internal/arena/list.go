package arena

import "iter"

// Lists holds the elements of many lists. The first element of each lies at the index of
// the list: many lists have no other. The rest are in a chain of small blocks, which get
// larger as the list grows. Lists grow in turns, and to move a list each time that it
// outgrows its memory would cost more than everything else.
type Lists[T any] struct {
	firsts Slab[T] // by index of the list
	rest   Slab[T]
	blocks Slab[block]
	free   [len(blockSizes)]Index // blocks that were released, by size
}

// blockSizes are the sizes of the blocks of a list in their order, in elements; further
// blocks have the last size. Lists of 25 elements use nine tenths of their memory.
var blockSizes = [...]uint8{1, 2, 4, 4, 8, 8, 16, 16, 32, 32, 64}

const lastSize = len(blockSizes) - 1

// blockAt tells where blocks begin: for a list of n elements, blockAt[n] is the size of
// the block that the next element begins, as an index into blockSizes, or insideBlock. From
// there on all blocks have the last size.
var blockAt = func() (at [189]uint8) {
	for n := range at {
		at[n] = insideBlock
	}
	n := 1
	for size, elements := range blockSizes {
		at[n] = uint8(size)
		n += int(elements)
	}
	at[n] = uint8(lastSize)
	return at
}()

const insideBlock = 0xFF

// sizeAt returns the size of the block that begins after n elements, as an index into
// blockSizes, or insideBlock.
func sizeAt(n uint32) uint8 {
	switch {
	case n < uint32(len(blockAt)):
		return blockAt[n]
	case (n-uint32(len(blockAt)-1))%uint32(blockSizes[lastSize]) == 0:
		return uint8(lastSize)
	}
	return insideBlock
}

// A block is a number of adjacent elements. The number follows from the position of the
// block in its list.
type block struct {
	start Index // of the first element
	next  Index // block of the list, the first one after the last; or released block
}

// A List is one list of a [Lists]: 12 bytes. The zero value is empty.
type List struct {
	n    uint32
	last Index // block
	next Index // where the next element goes, unless a block begins there
}

// Len returns the number of elements.
func (l *List) Len() int { return int(l.n) }

// Append adds an element to the list with an index and returns it. Its old contents are
// not cleared: the caller writes all of it.
func (s *Lists[T]) Append(list Index, l *List) *T {
	if l.n == 0 {
		l.n = 1
		s.firsts.GrowTo(list)
		return s.firsts.At(list)
	}
	if size := sizeAt(l.n); size != insideBlock {
		s.addBlock(l, size)
	}
	e := s.rest.At(l.next)
	l.n++
	l.next++
	return e
}

// addBlock appends a block to a list.
func (s *Lists[T]) addBlock(l *List, size uint8) {
	number := s.allocBlock(size)
	b := s.blocks.At(number)
	l.next = b.start
	if l.last == 0 {
		b.next = number
	} else {
		last := s.blocks.At(l.last)
		b.next, last.next = last.next, number
	}
	l.last = number
}

// allocBlock returns a block that is not in use.
func (s *Lists[T]) allocBlock(size uint8) Index {
	if number := s.free[size]; number != 0 {
		s.free[size] = s.blocks.At(number).next
		return number
	}
	number := s.blocks.Alloc(1)
	if number == 0 { // 0 means none
		number = s.blocks.Alloc(1)
	}
	s.blocks.At(number).start = s.rest.Alloc(int(blockSizes[size]))
	return number
}

// Release empties a list and makes its blocks available to other lists.
func (s *Lists[T]) Release(l *List) {
	if l.last != 0 {
		number := s.blocks.At(l.last).next
		for size := 0; ; size = min(size+1, lastSize) {
			b := s.blocks.At(number)
			next := b.next
			b.next = s.free[size]
			s.free[size] = number
			if number == l.last {
				break
			}
			number = next
		}
	}
	*l = List{}
}

// All returns the elements of the list with an index in their order, some at a time.
func (s *Lists[T]) All(list Index, l *List) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		if l.n == 0 || !yield(s.firsts.Run(list, 1)) || l.last == 0 {
			return
		}
		rest, size := l.n-1, 0
		for number := s.blocks.At(l.last).next; ; {
			b := s.blocks.At(number)
			n := min(rest, uint32(blockSizes[size]))
			if !yield(s.rest.Run(b.start, n)) || n == rest {
				return
			}
			rest -= n
			number, size = b.next, min(size+1, lastSize)
		}
	}
}
