package tracefile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Attributes that have the same place in an attrMemo do not get mixed up, however often each is met,
// and whether or not some of them are damaged.
func TestAttributesWithOnePlace(t *testing.T) {
	place := func(a wireField) uint64 { return hashOf(a[2:]) >> (64 - attrBits) }
	peer := func(value wireField) wireField {
		return attributeField(textField(1, "server.address"), bytesField(2, value))
	}
	first := peer(textField(1, "host-0"))
	attributes := []wireField{first}
	for i := 1; len(attributes) < 4; i++ {
		if a := peer(textField(1, fmt.Sprint("host-", i))); place(a) == place(first) {
			attributes = append(attributes, a)
		}
	}
	for i := 1; len(attributes) < 6; i++ {
		damaged := wireField(fmt.Appendf([]byte{0x0a, 0x7f}, "%d", i))
		if a := peer(damaged); place(a) == place(first) {
			attributes = append(attributes, a)
		}
	}
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var spans [][]wireField
		for len(spans) < 250 {
			a := attributes[rng.IntN(len(attributes))]
			for range 1 + rng.IntN(2*maxMisses) {
				id := byte(len(spans) + 1)
				spans = append(spans, slices.Concat(identified(id), []wireField{varintField(6, 3)}, timed, []wireField{a}))
			}
		}
		data := requestOf(spans[:250]...)
		for _, cfg := range loadConfigs {
			checkLoad(t, data, cfg)
		}
	}
}

// An attrMemo forgets an attribute for another with the same place only if the other is met often.
func TestAttrMemoKeepsWhatRepeats(t *testing.T) {
	var m attrMemo
	meet := func(encoded []byte) (known bool) {
		k := m.at(encoded)
		if k.is(encoded) {
			return true
		}
		m.learn(m.place(k), encoded)
		return false
	}
	often := []byte("0123456789")
	others := make([][]byte, 0, maxMisses)
	for i := 0; len(others) < maxMisses; i++ {
		if b := fmt.Appendf(nil, "%010d", i); m.at(b) == m.at(often) && !bytes.Equal(b, often) {
			others = append(others, b)
		}
	}
	meet(often)
	for i, b := range others {
		if meet(b) {
			t.Fatalf("%s is known before it was met", b)
		}
		if i%4 == 3 && !meet(often) {
			t.Fatalf("%s is forgotten after %d others", often, i+1)
		}
	}
	for i := range maxMisses + 1 {
		if meet(others[0]) != (i == maxMisses) {
			t.Errorf("%s, met for the %dth time: known %v", others[0], i+1, i < maxMisses)
		}
	}
	if meet(often) {
		t.Errorf("%s is still known, although it was not met for a long time", often)
	}
}
