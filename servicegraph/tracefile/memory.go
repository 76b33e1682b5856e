package tracefile

import "unicode/utf8"

// Most strings of a trace are few and come again and again: names, methods,
// hosts. Those up to maxInternedLen bytes are kept for reuse, maxInterned at a
// time.
const (
	maxInterned    = 1 << 14
	maxInternedLen = 128
)

// An interner returns the same string for the same bytes while it remembers
// them.
type interner map[string]string

func (t interner) intern(b []byte) string {
	if len(b) > maxInternedLen {
		return validText(b)
	}
	if s, ok := t[string(b)]; ok {
		return s
	}
	if len(t) == maxInterned {
		clear(t)
	}
	s := validText(b)
	t[s] = s
	return s
}

// validText returns b as a string in which every byte that is not UTF-8 is
// U+FFFD, as encoding/json does it.
func validText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string([]rune(string(b)))
}

// An arena cuts small slices out of large ones, which are never used again: one
// allocation serves many spans. A slice that is kept keeps its neighbours.
type arena[T any] struct{ free []T }

const arenaSize = 256

// clone returns a copy of list without spare capacity; nil if it is empty.
func (a *arena[T]) clone(list []T) []T {
	n := len(list)
	if n == 0 {
		return nil
	}
	if len(a.free) < n {
		a.free = make([]T, max(n, arenaSize))
	}
	c := a.free[:n:n]
	a.free = a.free[n:]
	copy(c, list)
	return c
}
