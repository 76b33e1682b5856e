package tracefile

import (
	"bytes"

	"github.com/tempograph/tempograph/servicegraph"
)

// A jsonOpening is how an element of resourceSpans begins, up to its first span:
//
//	{"resource":{…},"scopeSpans":[{"scope":{…},"spans":[
//
// and what that means. A writer has few of them, and where one comes again, byte by
// byte, nothing of it need be read again. Where a request has one span, as a store or a
// collector may write them, it is a quarter of the bytes and was as much of the time.
type jsonOpening struct {
	text     []byte
	resource []byte     // as it is encoded, a part of text; empty if there is none
	seen     jsonFields // of the element

	next *jsonOpening // that came last behind this one

	// The number of the resource is known for the spans of one batch of the intake.
	number servicegraph.Resource
	batch  int // 0 for none
}

// jsonOpenings remembers openings.
type jsonOpenings struct {
	byStart map[openingStart][]*jsonOpening // last found first
	n       int                             // that were learned; some may be forgotten
	last    *jsonOpening                    // that was found, or a stand-in for it
}

// An openingStart is what an opening begins with. Most resources have the name of
// their service in it.
type openingStart [128]byte

// How many openings are learned before all are forgotten, how many with one start are
// remembered, and of how many bytes at most. Those that are shorter than a start have too little in them.
const (
	maxOpenings      = 1 << 12
	maxWithOneStart  = 16
	maxOpeningLength = 8 << 10
)

// find returns the opening that b begins with, nil if it is not known.
func (k *jsonOpenings) find(b []byte) *jsonOpening {
	if k.last != nil {
		if o := k.last.next; o != nil && bytes.HasPrefix(b, o.text) {
			k.last = o
			return o
		}
	}
	if len(b) < len(openingStart{}) {
		return nil
	}
	list := k.byStart[openingStart(b)]
	for i, o := range list {
		if bytes.HasPrefix(b, o.text) {
			copy(list[1:i+1], list[:i])
			list[0] = o
			k.follow(o)
			return o
		}
	}
	return nil
}

// follow makes an opening the one that is expected when the last one comes again.
func (k *jsonOpenings) follow(o *jsonOpening) {
	if k.last != nil {
		k.last.next = o
	}
	k.last = o
}

// learn remembers an opening and the resource in it.
func (k *jsonOpenings) learn(text, resource []byte, seen jsonFields) {
	if len(text) < len(openingStart{}) || len(text) > maxOpeningLength {
		return
	}
	if k.n == maxOpenings || k.byStart == nil {
		*k = jsonOpenings{byStart: make(map[openingStart][]*jsonOpening)}
	}
	o := &jsonOpening{text: bytes.Clone(text), seen: seen}
	o.resource = o.text[bytes.Index(o.text, resource):][:len(resource)]
	start := openingStart(text)
	list := k.byStart[start]
	if len(list) == maxWithOneStart {
		list = list[:maxWithOneStart-1]
	}
	k.n++
	k.byStart[start] = append(list, o)
	k.follow(o)
}
