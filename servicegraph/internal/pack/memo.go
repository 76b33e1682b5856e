package pack

import (
	"encoding/binary"
	"math/bits"
)

// A Memo finds a value by bytes that a decoder meets again and again, such as the encoding of a
// resource, in less time than a map: it hashes a part of the bytes. The bytes have one place, and the
// first bytes with this place stay there. The zero value is empty.
type Memo[V any] struct {
	known [1 << memoBits]known[V]

	Off bool // finds nothing; set by benchmarks
}

type known[V any] struct {
	bytes string
	value V
}

const memoBits = 8

// Find returns the value of the bytes, and whether the memo has it.
func (m *Memo[V]) Find(b []byte) (value V, ok bool) {
	k := &m.known[hash(b)>>(64-memoBits)]
	if len(k.bytes) == 0 || k.bytes != string(b) || m.Off {
		return value, false
	}
	return k.value, true
}

// Add adds the value of the bytes, unless other bytes have their place.
func (m *Memo[V]) Add(b string, value V) {
	if k := &m.known[hash([]byte(b))>>(64-memoBits)]; k.bytes == "" {
		*k = known[V]{b, value}
	}
}

// hash returns a hash of at most 80 of the bytes and of their number. Its highest bits are the best.
func hash(b []byte) uint64 {
	const samples, multiplier = 8, 0x9E3779B97F4A7C15
	n := len(b)
	h := uint64(n)
	if n >= 8 {
		for i, step := 0, max(n/samples, 8); i <= n-8; i += step {
			h = bits.RotateLeft64(h, 7) + binary.LittleEndian.Uint64(b[i:])
		}
		h = bits.RotateLeft64(h, 7) + binary.LittleEndian.Uint64(b[n-8:])
	}
	return h * multiplier
}
