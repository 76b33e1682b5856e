package servicegraph

// A lookaside stands before a map of tallies, and finds those that come again and again
// in a fraction of the map's time: nearly all calls are on few edges. Of two keys with
// the same place the last one has it. The zero value is empty.
type lookaside[K comparable] struct {
	places []lookasidePlace[K] // made when first needed: most totals only merge
}

type lookasidePlace[K comparable] struct {
	key     K
	edgeSum *edgeSum
}

const lookasideBits = 8

// find returns the edgeSum of a key, from the map if need be; nil if it has none. The hash
// is of the key.
func (l *lookaside[K]) find(key K, hash uint32, in map[K]*edgeSum) *edgeSum {
	if l.places == nil {
		l.places = make([]lookasidePlace[K], 1<<lookasideBits)
	}
	place := &l.places[hash>>(32-lookasideBits)]
	if place.edgeSum != nil && place.key == key {
		return place.edgeSum
	}
	e := in[key]
	if e != nil {
		*place = lookasidePlace[K]{key, e}
	}
	return e
}

// clear forgets what was found: to be called when tallies leave the map.
func (l *lookaside[K]) clear() { clear(l.places) }

// hash returns a number that differs for most keys in its high bits.
func (k edgeKey) hash() uint32 {
	return (uint32(k.from)*31+uint32(k.to))*0x9E3779B1 ^ uint32(len(k.kind))<<26
}

func (k callKey) hash() uint32 { return k.edgeKey.hash() ^ uint32(k.address)*0x85EBCA6B }
