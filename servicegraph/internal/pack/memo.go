package pack

import (
	"encoding/binary"
	"math/bits"
)

// A Memo finds a value by bytes that a decoder meets again and again, such as the encoding of a
// resource, in two thirds of the time of a map. The bytes have one place, and the first bytes with
// this place stay there. The zero value is empty.
type Memo[V any] struct {
	known [1 << memoBits]known[V]

	Off bool // finds nothing; set by benchmarks
}

type known[V any] struct {
	bytes string
	value V
}

const memoBits = 9

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

// hash returns a hash whose highest bits are the best.
func hash(b []byte) uint64 {
	const multiplier = 0x9E3779B97F4A7C15
	n := len(b)
	even, odd := uint64(n), uint64(0)
	for ; len(b) >= 16; b = b[16:] {
		even = bits.RotateLeft64(even, 7) + binary.LittleEndian.Uint64(b)
		odd = bits.RotateLeft64(odd, 9) + binary.LittleEndian.Uint64(b[8:])
	}
	if len(b) >= 8 {
		even = bits.RotateLeft64(even, 7) + binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	for _, c := range b {
		odd = bits.RotateLeft64(odd, 9) + uint64(c)
	}
	return (even ^ odd*multiplier) * multiplier
}
