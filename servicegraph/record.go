package servicegraph

import "math"

// A record is what the graph needs of a span, without pointers: 56 bytes.
type record struct {
	id, parent SpanID
	start, end int64
	node       nodeIndex    // the span's service
	peer       nodeIndex    // the other side that the span names; 0 if none
	address    addressIndex // the address of the other side; 0 if none
	detail     detailIndex  // what else the span says of its call; 0 if nothing
	weight32   float32      // the weight: see roundWeight
	kind       Kind
	status     Status
	traits     traits
}

// traits are what is so or not of a record.
type traits uint8

const (
	peerIsName traits = 1 << iota // the peer is a name somebody gave it, perhaps that of a service
	isCaller                      // the caller side of a call: CLIENT, PRODUCER, or a database span inside the service
	isResent                      // a client that says it is trying again
	polls                         // a CLIENT span that asks a queue for messages, and is the receiving side of them
)

// when returns the traits if a condition holds, and otherwise none.
func (t traits) when(is bool) traits {
	if is {
		return t
	}
	return 0
}

// is reports whether the record has a trait.
func (r *record) is(t traits) bool { return r.traits&t != 0 }

// namePeer gives the record the peer that another names.
func (r *record) namePeer(o *record) {
	r.peer, r.address = o.peer, o.address
	r.traits = r.traits&^peerIsName | o.traits&peerIsName
}

// weight returns how many spans this one stands for.
func (r *record) weight() float64 { return float64(r.weight32) }

// duration returns the latency of the span in nanoseconds, and false where the
// clock or the end is missing or broken.
func (r *record) duration() (int64, bool) {
	return r.end - r.start, r.start > 0 && r.end >= r.start
}

func (r *record) failed() bool { return r.status == StatusError }

// roundWeight makes a weight a positive multiple of 1/4096, see maxWeight, that has at
// most 24 significant bits.
func roundWeight(w float64) float32 {
	if w == 0 || math.IsNaN(w) || w < 0 {
		return 1
	}
	return float32(max(math.Round(min(w, 1<<32)*4096), 1) / 4096)
}
