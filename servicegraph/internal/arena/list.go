package arena

import "iter"

// Lists holds the elements of many lists. The first element of a list is stored at the index of the
// list, because many lists have only one element. The other elements are in a chain of blocks, and
// later blocks are larger. Many lists grow at the same time: moving a list each time it outgrows
// its memory would cost more than all other work.
type Lists[T any] struct {
	firsts Slab[T] // by index of the list
	rest   Slab[T]
	blocks Slab[block]
	free   [len(blockSizes)]Index // the first released block of each size
}

// blockSizes are the sizes in elements of the first, second, … block of a list. All further
// blocks have the last size. A list of 25 elements uses nine tenths of its memory.
var blockSizes = [...]uint8{1, 2, 4, 4, 8, 8, 16, 16, 32, 32, 64}

const lastSize = len(blockSizes) - 1

// blockAt holds, for a list of n elements, the size of the block that begins with the next
// element, as an index into blockSizes, or insideBlock if that element does not begin a block.
// Blocks that begin after the end of blockAt have the last size.
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
	next  Index // number of the next block of the list; after the last block comes the first; in a released block, the next released one
}

// A List is one list of a [Lists]: 12 bytes. The zero value is empty.
type List struct {
	n    uint32
	last Index // number of the last block
	next Index // index of the next element in rest, unless that element begins a block
}

// Len returns the number of elements.
func (l *List) Len() int { return int(l.n) }

// Append adds an element to the list with the given index and returns the element. The element
// can have old contents: the caller must set every field.
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

// All returns the elements of the list with the given index in order, several at a time.
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
