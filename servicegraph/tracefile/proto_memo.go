package tracefile

import (
	"encoding/binary"

	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A keyMemo remembers the keys of attributes, and whether a sink keeps them. In BenchmarkMemos,
// decoding spans as values takes 1.25 to 1.27 times the instructions without it, and 6 to 8
// times the allocations.
type keyMemo struct {
	keys map[string]knownKey
	off  bool // learns nothing; set by benchmarks
}

// A knownKey is the key of an attribute, and whether a sink keeps the attribute.
type knownKey struct {
	text string
	keep bool
}

// look returns the knownKey of a key, and asks keep about a new key.
func (m *keyMemo) look(key []byte, keep func(string) bool) knownKey {
	if k, ok := m.keys[string(key)]; ok {
		return k
	}
	k := knownKey{text: semconv.ValidText(string(key))}
	k.keep = keep(k.text)
	if len(key) <= maxInternedLen && !m.off {
		if m.keys == nil {
			m.keys = make(map[string]knownKey)
		}
		if len(m.keys) == maxInterned {
			clear(m.keys)
		}
		m.keys[string(key)] = k
	}
	return k
}

// An attrMemo remembers attributes in the form in which the packer keeps them, by their encoding. An
// attribute has one place. The place gets another attribute only if it was not used for a while, so
// that values which differ from span to span do not replace those that repeat. Without the memo,
// loading takes 1.09 times the instructions for requests of SDKs, and 1.07 times for a recording with
// one span a request.
type attrMemo struct {
	known [1 << attrBits]rememberedAttr
	other rememberedAttr // the last attribute that is not remembered
	off   bool           // remembers nothing; set by benchmarks
}

type rememberedAttr struct {
	encoded []byte // a KeyValue; empty if there is none
	attr    pack.PackedAttr
	misses  int // how often another attribute had this place since this one was last read
}

const (
	attrBits     = 8
	maxKnownAttr = 128 // bytes
	maxMisses    = 16
)

// at returns where an attribute is if it is remembered.
func (m *attrMemo) at(encoded []byte) *rememberedAttr {
	if n := len(encoded); n < 8 || n > maxKnownAttr || m.off {
		return &m.other
	}
	return &m.known[hashOf(encoded)>>(64-attrBits)]
}

// is reports whether k is this attribute.
func (k *rememberedAttr) is(encoded []byte) bool {
	if len(k.encoded) == 0 || string(k.encoded) != string(encoded) {
		return false
	}
	k.misses = 0
	return true
}

// place returns k if another attribute may take its place, and a place that is used once if not.
func (m *attrMemo) place(k *rememberedAttr) *rememberedAttr {
	if k.misses++; len(k.encoded) > 0 && k.misses < maxMisses {
		return &m.other
	}
	k.encoded = k.encoded[:0]
	return k
}

// learn remembers k, which is packed now, under this encoding.
func (m *attrMemo) learn(k *rememberedAttr, encoded []byte) {
	if k != &m.other {
		k.encoded, k.misses = append(k.encoded[:0], encoded...), 0
	}
}

// hashOf returns a hash of the length and of 24 bytes of an encoding, which has at least eight bytes.
func hashOf(encoded []byte) uint64 {
	n := len(encoded)
	sample := binary.LittleEndian.Uint64(encoded) + 3*binary.LittleEndian.Uint64(encoded[n/2-4:]) + 5*binary.LittleEndian.Uint64(encoded[n-8:])
	return (sample + uint64(n)) * 0x9E3779B97F4A7C15
}
