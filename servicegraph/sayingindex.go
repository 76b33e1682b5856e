package servicegraph

import "encoding/binary"

// A sayingIndex finds the numbers of sayings by their words: see [RawSpan]. In front of a
// map stands a small table of those found last, a place for each hash, which is a part of
// the map's work: most spans say what one of the last few hundred has said.
type sayingIndex struct {
	all    map[string]knownSaying
	recent [1 << recentBits]knownSaying
}

type knownSaying struct {
	words  string // empty for none
	number uint32
}

const recentBits = 9

// find returns the number of a saying, and false if it is not known.
func (x *sayingIndex) find(words []byte) (number uint32, ok bool) {
	place := &x.recent[recentPlace(words)]
	if place.words == string(words) {
		return place.number, true
	}
	known, ok := x.all[string(words)]
	if ok {
		*place = known
	}
	return known.number, ok
}

// add enters a saying that is not known.
func (x *sayingIndex) add(words []byte, number uint32) {
	known := knownSaying{string(words), number}
	x.all[known.words] = known
}

// forget forgets all sayings.
func (x *sayingIndex) forget() { *x = sayingIndex{all: make(map[string]knownSaying)} }

// recentPlace returns a place in a table of recent ones. Of the words it looks at the
// beginning, the middle and the end.
func recentPlace(words []byte) uint64 {
	n := len(words)
	if n < 8 {
		return 0
	}
	sample := binary.LittleEndian.Uint64(words) +
		3*binary.LittleEndian.Uint64(words[n/2-4:]) +
		7*binary.LittleEndian.Uint64(words[n-8:])
	return sample * 0x9E3779B97F4A7C15 >> (64 - recentBits)
}
