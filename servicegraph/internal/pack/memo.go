package pack

import (
	"encoding/binary"
	"math/bits"
)

// A Memo finds a value by a few bytes that a decoder meets again and again, such as the encoding of a
// scope. In BenchmarkMemo, it finds 40 bytes in 0.76 times the time of a map, and 300 bytes in the same
// time. The bytes have one place, and the first bytes with this place stay there. The zero value is
// empty.
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
	if n < 8 {
		h := uint64(n)
		for _, c := range b {
			h = h<<8 + uint64(c)
		}
		return h * multiplier
	}
	h0, h1, h2, h3 := uint64(n), binary.LittleEndian.Uint64(b[n-8:]), uint64(0), uint64(0) // four at a time: the processor need not wait for one to add the next
	for ; len(b) >= 32; b = b[32:] {
		h0 = bits.RotateLeft64(h0, 7) + binary.LittleEndian.Uint64(b)
		h1 = bits.RotateLeft64(h1, 9) + binary.LittleEndian.Uint64(b[8:])
		h2 = bits.RotateLeft64(h2, 11) + binary.LittleEndian.Uint64(b[16:])
		h3 = bits.RotateLeft64(h3, 13) + binary.LittleEndian.Uint64(b[24:])
	}
	for ; len(b) >= 8; b = b[8:] {
		h0 = bits.RotateLeft64(h0, 7) + binary.LittleEndian.Uint64(b)
	}
	return ((h0 ^ h1*multiplier) + (h2^h3*multiplier)*multiplier) * multiplier
}
