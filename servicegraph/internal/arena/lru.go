package arena

// An LRU is a list of elements in the order of their last use; the element used longest ago is
// the first. Elements are indices. Several LRUs can share one Slab of links, so an element can
// be in only one of them.
type LRU struct {
	links       *Slab[Link] // by element
	first, last Index
	n           int
}

// A Link holds the position of an element in an [LRU]. It takes 16 bytes.
type Link struct {
	before, after Index
	since         int64
}

// NewLRU returns an empty LRU that keeps its links in a slab. LRUs with the same slab must
// have no element in common.
func NewLRU(links *Slab[Link]) LRU { return LRU{links: links} }

// Len returns the number of elements.
func (l *LRU) Len() int { return l.n }

// Oldest returns the element used longest ago, 0 if there is none.
func (l *LRU) Oldest() Index { return l.first }

// Push adds an element that is not in the LRU, as the one used last.
func (l *LRU) Push(i Index, now int64) {
	l.links.GrowTo(i)
	*l.links.At(i) = Link{before: l.last, since: now}
	*l.after(l.last) = i
	l.last = i
	l.n++
}

// Remove removes an element.
func (l *LRU) Remove(i Index) {
	k := *l.links.At(i)
	*l.after(k.before) = k.after
	if k.after == 0 {
		l.last = k.before
	} else {
		l.links.At(k.after).before = k.before
	}
	l.n--
}

// after returns a pointer to the successor of element i. The successor of 0 is the first element.
func (l *LRU) after(i Index) *Index {
	if i == 0 {
		return &l.first
	}
	return &l.links.At(i).after
}

// Touch makes an element the one used last.
func (l *LRU) Touch(i Index, now int64) {
	if i == l.last {
		l.links.At(i).since = now
		return
	}
	l.Remove(i)
	l.Push(i, now)
}

// Expired returns the element used longest ago, if the last use was at the given time or
// before; otherwise Expired returns 0.
func (l *LRU) Expired(then int64) Index {
	if l.n == 0 || l.links.At(l.first).since > then {
		return 0
	}
	return l.first
}
