package servicegraph

import "iter"

// A spanStore holds the records of all traces. The first of a trace has the place of its
// trace: many traces have no other. The rest are a chain of small blocks, each as large as the
// trace grows: spans of many traces come interleaved, and moving a trace each time that
// it outgrows its place would cost more than the rest of holding it.
type spanStore struct {
	firsts  chunks[record] // by number of the trace
	records chunks[record]
	blocks  chunks[block] // by number
	free    [len(blockSizes)]blockNumber
}

// blockSizes are the sizes of the blocks of a trace in their order, in records; the
// last one goes on. Of traces of 25 spans nine tenths of the places are in use.
var blockSizes = [...]uint8{1, 2, 4, 4, 8, 8, 16, 16, 32, 32, 64}

const lastSize = len(blockSizes) - 1

// blockAt says where blocks begin: by the number of records that a trace has, the size
// of the block that its next one begins, as an index into blockSizes, or insideBlock.
// Behind these it goes on with the last size.
var blockAt = func() (at [189]uint8) {
	for n := range at {
		at[n] = insideBlock
	}
	n := 1
	for class, size := range blockSizes {
		at[n] = uint8(class)
		n += int(size)
	}
	at[n] = uint8(lastSize)
	return at
}()

const insideBlock = 0xFF

// classAt returns the size of the block that begins behind n records, or insideBlock.
func classAt(n uint32) uint8 {
	switch {
	case n < uint32(len(blockAt)):
		return blockAt[n]
	case (n-uint32(len(blockAt)-1))%uint32(blockSizes[lastSize]) == 0:
		return uint8(lastSize)
	}
	return insideBlock
}

// A block is some records side by side: as many as its turn in the chain says.
type block struct {
	start uint32      // place of the first
	next  blockNumber // of the trace, the first behind the last; or of those that were given back
}

// A blockNumber is an index into blocks; 0 is none.
type blockNumber uint32

// A spanList is the records of one trace: 12 bytes. The zero value is empty.
type spanList struct {
	n    uint32
	last blockNumber // of those behind the first record
	next uint32      // place of the next record, unless a block begins there
}

// add appends a record to the list of a trace, which the caller writes.
func (s *spanStore) add(trace traceNumber, l *spanList) *record {
	if l.n == 0 {
		l.n = 1
		s.firsts.reach(uint32(trace))
		return s.firsts.at(uint32(trace))
	}
	if class := classAt(l.n); class != insideBlock {
		s.grow(l, class)
	}
	r := s.records.at(l.next)
	l.n++
	l.next++
	return r
}

// grow appends a block to a list.
func (s *spanStore) grow(l *spanList, class uint8) {
	number := s.take(class)
	b := s.blocks.at(uint32(number))
	l.next = b.start
	if l.last == 0 {
		b.next = number
	} else {
		last := s.blocks.at(uint32(l.last))
		b.next, last.next = last.next, number
	}
	l.last = number
}

// take returns a block that is not in use.
func (s *spanStore) take(class uint8) blockNumber {
	if number := s.free[class]; number != 0 {
		s.free[class] = s.blocks.at(uint32(number)).next
		return number
	}
	number := s.blocks.take(1)
	if number == 0 { // which is none
		number = s.blocks.take(1)
	}
	s.blocks.at(number).start = s.records.take(int(blockSizes[class]))
	return blockNumber(number)
}

// release gives the records of a list back.
func (s *spanStore) release(l *spanList) {
	if l.last != 0 {
		number := s.blocks.at(uint32(l.last)).next
		for class := 0; ; class = min(class+1, lastSize) {
			b := s.blocks.at(uint32(number))
			next := b.next
			b.next = s.free[class]
			s.free[class] = number
			if number == l.last {
				break
			}
			number = next
		}
	}
	*l = spanList{}
}

// all returns the records of a trace with a list, some at a time.
func (s *spanStore) all(trace traceNumber, l *spanList) iter.Seq[[]record] {
	return func(yield func([]record) bool) {
		if l.n == 0 || !yield(s.firsts.run(uint32(trace), 1)) || l.last == 0 {
			return
		}
		rest, class := l.n-1, 0
		for number := s.blocks.at(uint32(l.last)).next; ; {
			b := s.blocks.at(uint32(number))
			n := min(rest, uint32(blockSizes[class]))
			if !yield(s.records.run(b.start, n)) || n == rest {
				return
			}
			rest -= n
			number, class = b.next, min(class+1, lastSize)
		}
	}
}
