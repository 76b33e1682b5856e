package critpath

// A store holds the spans of many traces in blocks, and a list of the spans of each trace. It has
// no pointers, and no slice for each trace, because most traces are short.
type store struct {
	blocks [][]heldSpan
	used   int32 // places that were used so far
	free   int32 // the first place of the list of those that are free again, if n < used
	n      int   // spans
	taken  []span
}

// A heldSpan is a span with the place of the previous span of its trace. In a free place, it has
// the next free place.
type heldSpan struct {
	span
	next int32
}

const (
	noSpan    = -1
	blockSize = 1 << 12 // spans
)

func (s *store) at(i int32) *heldSpan { return &s.blocks[i/blockSize][i%blockSize] }

// add stores a span, and returns its place. next is the place of the previous span of the same
// trace, if there is one.
func (s *store) add(x span, next int32) int32 {
	i := s.free
	if s.n == int(s.used) {
		i = s.used
		s.used++
		if i%blockSize == 0 {
			s.blocks = append(s.blocks, make([]heldSpan, blockSize))
		}
	} else {
		s.free = s.at(i).next
	}
	s.n++
	*s.at(i) = heldSpan{x, next}
	return i
}

// take returns the spans of a trace, from the place of its last one, and frees their places. The
// result is valid until the next call.
func (s *store) take(i int32) []span {
	s.taken = s.taken[:0]
	for i != noSpan {
		h := s.at(i)
		s.taken = append(s.taken, h.span)
		i, h.next, s.free = h.next, s.free, i
		s.n--
	}
	return s.taken
}
