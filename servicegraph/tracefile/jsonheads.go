package tracefile

import (
	"bytes"
	"encoding/binary"

	"github.com/tempograph/tempograph/servicegraph"
)

// A jsonHead is an attribute up to its value, such as
//
//	{"key":"server.port","value":{"intValue":
//
// and what that means. A writer has few of them, and repeats them byte by byte, so most
// need not be read again.
type jsonHead struct {
	bytes  []byte
	form   jsonForm
	keep   bool                 // for the graph, whatever the span is
	number servicegraph.AttrKey // 0 if the graph does not read it of spans

	next *jsonHead // that came last behind this one
}

// isRead reports whether the value of the attribute is read.
func (h *jsonHead) isRead() bool { return h.keep && h.form != noScalar }

// jsonHeads finds heads that came before. It learns as many as fit, and then forgets
// others.
type jsonHeads [1 << 10]jsonHead

// How long the heads are that are learned. Their first bytes decide where they are
// found.
const (
	minHead = 32 // {"key":"x","value":{"boolValue":
	maxHead = 160
)

// find returns the head that b begins with, nil if it is not known.
func (t *jsonHeads) find(b []byte) *jsonHead {
	if len(b) < minHead {
		return nil
	}
	place := t.place(b)
	if h := &t[place]; len(h.bytes) > 0 && bytes.HasPrefix(b, h.bytes) {
		return h
	}
	if h := &t[place^1]; len(h.bytes) > 0 && bytes.HasPrefix(b, h.bytes) {
		return h
	}
	return nil
}

// findBehind is find behind an attribute with a known head.
func (t *jsonHeads) findBehind(h *jsonHead, b []byte) *jsonHead {
	if next := h.next; next != nil && bytes.HasPrefix(b, next.bytes) {
		return next
	}
	next := t.find(b)
	if next != nil {
		h.next = next
	}
	return next
}

// place returns where a head belongs, or beside it. The first eight bytes are the same
// in all of them.
func (t *jsonHeads) place(b []byte) int {
	const odd1, odd2, odd3 = 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9
	b = b[8:minHead]
	hash := binary.LittleEndian.Uint64(b)*odd1 + binary.LittleEndian.Uint64(b[8:])*odd2 + binary.LittleEndian.Uint64(b[16:])*odd3
	return int(hash >> 40 % uint64(len(t)))
}

// learn adds a head, perhaps in place of another.
func (t *jsonHeads) learn(h jsonHead) {
	if len(h.bytes) < minHead || len(h.bytes) > maxHead {
		return
	}
	place := t.place(h.bytes)
	if len(t[place].bytes) > 0 {
		place ^= 1
	}
	h.bytes = bytes.Clone(h.bytes)
	t[place] = h
}
