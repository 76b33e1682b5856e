package servicegraph

import "iter"

// A spanStore holds the records of all traces. The first of a trace stands alone: many
// traces have no other. The rest are a chain of small blocks, each as large as the
// trace grows: spans of many traces come interleaved, and moving a trace each time that
// it outgrows its place would cost more than the rest of holding it.
type spanStore struct {
	records chunks[record]
	blocks  chunks[block] // by number
	alone   uint32        // the place, plus one, of a record that was given back, whose start is the next such
	free    [len(blockSizes)]blockNumber
}

// blockSizes are the sizes of the blocks of a trace in their order, in records; the
// last one goes on. Of traces of 25 spans nine tenths of the places are in use.
var blockSizes = [...]uint8{1, 2, 4, 4, 8, 8, 16, 16, 32, 32, 64}

// A block is some records side by side.
type block struct {
	start uint32      // place of the first
	next  blockNumber // of the trace, the first behind the last; or of those that were given back
	used  uint8       // records
	class uint8       // index into blockSizes
}

// A blockNumber is an index into blocks; 0 is none.
type blockNumber uint32

// A spanList is the records of one trace: 12 bytes. The zero value is empty.
type spanList struct {
	n     uint32
	first uint32      // place of the first record
	last  blockNumber // of the others
}

// add appends a record to a list, which the caller writes.
func (s *spanStore) add(l *spanList) *record {
	l.n++
	if l.n == 1 {
		l.first = s.takeAlone()
		return s.records.at(l.first)
	}
	b := s.blockFor(l)
	b.used++
	return s.records.at(b.start + uint32(b.used) - 1)
}

// blockFor returns the last block of a list, which has room.
func (s *spanStore) blockFor(l *spanList) *block {
	if l.last == 0 {
		l.last = s.take(0)
		b := s.blocks.at(uint32(l.last))
		b.next = l.last
		return b
	}
	b := s.blocks.at(uint32(l.last))
	if b.used < blockSizes[b.class] {
		return b
	}
	number := s.take(min(b.class+1, uint8(len(blockSizes)-1)))
	more := s.blocks.at(uint32(number))
	b = s.blocks.at(uint32(l.last)) // which taking one may have moved
	more.next, b.next, l.last = b.next, number, number
	return more
}

// take returns an empty block.
func (s *spanStore) take(class uint8) blockNumber {
	if number := s.free[class]; number != 0 {
		s.free[class] = s.blocks.at(uint32(number)).next
		return number
	}
	number := s.blocks.take(1)
	if number == 0 { // which is none
		number = s.blocks.take(1)
	}
	*s.blocks.at(number) = block{start: s.records.take(int(blockSizes[class])), class: class}
	return blockNumber(number)
}

// takeAlone returns the place of a record for the first of a trace.
func (s *spanStore) takeAlone() uint32 {
	if s.alone == 0 {
		return s.records.take(1)
	}
	place := s.alone - 1
	s.alone = uint32(s.records.at(place).start)
	return place
}

// release gives the records of a list back.
func (s *spanStore) release(l *spanList) {
	if l.n > 0 {
		s.records.at(l.first).start = int64(s.alone)
		s.alone = l.first + 1
	}
	for number := l.last; number != 0; {
		b := s.blocks.at(uint32(number))
		next := b.next
		b.next, b.used = s.free[b.class], 0
		s.free[b.class] = number
		if number = next; number == l.last {
			break
		}
	}
	*l = spanList{}
}

// all returns the records of a list, some at a time.
func (s *spanStore) all(l *spanList) iter.Seq[[]record] {
	return func(yield func([]record) bool) {
		if l.n == 0 || !yield(s.records.run(l.first, 1)) || l.last == 0 {
			return
		}
		for number := s.blocks.at(uint32(l.last)).next; ; {
			b := s.blocks.at(uint32(number))
			if !yield(s.records.run(b.start, uint32(b.used))) || number == l.last {
				return
			}
			number = b.next
		}
	}
}
