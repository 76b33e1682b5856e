package tracefile

import (
	"bytes"
	"encoding/binary"

	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
)

// A writer of JSON writes the same bytes again and again: the same keys in the same order, with the
// same blanks. The memos in this file remember such bytes and their meaning, so that most of a
// request is compared instead of parsed.

// A prefixMemo remembers texts that elements of a request begin with, and what each means. A new
// text may replace another text in the same place.
//
// [fastDecoder] has two: one for attributes up to their value, as in
//
//	{"key":"server.port","value":{"intValue":
//
// and one for elements of resourceSpans up to their first span, as in
//
//	{"resource":{…},"scopeSpans":[{"scope":{…},"spans":[
//
// In BenchmarkMemos, decoding without the first takes 4.2 to 4.5 times the instructions. Decoding
// without the second takes 1.8 times the instructions if a request is one trace, and 1.03 times if
// a request is 100 spans of one service.
type prefixMemo[T any] struct {
	cfg prefixConfig

	table []*prefix[T] // places for several texts each; the text used last comes first
	last  *prefix[T]   // the text that was found or learned last

	off bool // learns nothing; set by benchmarks
}

// A prefixConfig says which texts a prefixMemo learns, and how many.
type prefixConfig struct {
	texts int // in all places together
	ways  int // texts in one place

	// The bytes of a text that are hashed to find its place, a multiple of eight. A text of
	// fewer than hashTo bytes is not learned.
	hashFrom, hashTo int

	maxText int // bytes of the longest text that is learned
}

// A prefix is a text that elements begin with.
type prefix[T any] struct {
	text []byte
	next *prefix[T] // the text that followed this one last time
	is   T          // the meaning of the text
}

func newPrefixMemo[T any](c prefixConfig) prefixMemo[T] {
	return prefixMemo[T]{cfg: c, table: make([]*prefix[T], c.texts)}
}

// find returns the text that b begins with, nil if none is known.
func (m *prefixMemo[T]) find(b []byte) *prefix[T] {
	if m.last != nil {
		if p := m.last.next; p != nil && bytes.HasPrefix(b, p.text) {
			m.last = p
			return p
		}
	}
	return m.search(b)
}

// search is find without the guess that texts come in the same order as last time.
func (m *prefixMemo[T]) search(b []byte) *prefix[T] {
	if len(b) < m.cfg.hashTo {
		return nil
	}
	place := m.place(b)
	for i, p := range place {
		if p == nil {
			break
		}
		if bytes.HasPrefix(b, p.text) {
			copy(place[1:i+1], place[:i])
			place[0] = p
			m.follow(p)
			return p
		}
	}
	return nil
}

// follow makes p the text that is expected when the one before it comes again.
func (m *prefixMemo[T]) follow(p *prefix[T]) {
	if m.last != nil {
		m.last.next = p
	}
	m.last = p
}

// place returns the texts that b may begin with.
func (m *prefixMemo[T]) place(b []byte) []*prefix[T] {
	const odd = 0x9e3779b97f4a7c15
	var hash uint64
	for b = b[m.cfg.hashFrom:m.cfg.hashTo]; len(b) >= 8; b = b[8:] {
		hash = (hash ^ hash>>32 ^ binary.LittleEndian.Uint64(b)) * odd
	}
	places := uint64(len(m.table) / m.cfg.ways)
	at := int(hash>>40%places) * m.cfg.ways
	return m.table[at : at+m.cfg.ways]
}

// learn remembers a copy of a text, and returns it; nil if the text is too short or too long.
func (m *prefixMemo[T]) learn(text []byte, is T) *prefix[T] {
	if m.off || len(text) < m.cfg.hashTo || len(text) > m.cfg.maxText {
		return nil
	}
	p := &prefix[T]{text: bytes.Clone(text), is: is}
	place := m.place(text)
	copy(place[1:], place)
	place[0] = p
	m.follow(p)
	return p
}

// A traceIDMemo remembers the trace id of the previous span: spans of one trace often come in
// succession. In BenchmarkMemos, decoding without it takes 1.04 to 1.05 times the instructions.
type traceIDMemo struct {
	text [34]byte // in quotes; empty before the first span
	id   [16]byte
	off  bool // learns nothing; set by benchmarks
}

// read reads a trace id.
func (m *traceIDMemo) read(in *jsontext.Cursor, to []byte) {
	in.Peek()
	if m.text[0] == '"' && bytes.HasPrefix(in.Rest(), m.text[:]) {
		copy(to, m.id[:])
		in.Pos += len(m.text)
		return
	}
	start := in.Pos
	if in.Hex(to); !in.Failed && !m.off {
		copy(m.text[:], in.Text[start:in.Pos])
		copy(m.id[:], to)
	}
}

// A fieldOrder predicts the next field of a span from the one before it. Exporters write fields in
// a fixed order, so comparing the next bytes with one or two known keys usually tells the field. It
// is indexed by the field before. In BenchmarkMemos, decoding without a fieldOrder takes 1.32 to
// 1.35 times the instructions.
type fieldOrder struct {
	after [fieldNone + 1][2]nextField
	off   bool // learns nothing; set by benchmarks
}

// A nextField is a field and the bytes between the value before it and its own value.
type nextField struct {
	bytes []byte
	field int
}

// next returns the field that b begins with and the number of bytes before its value; 0 if
// the field is not known.
func (o *fieldOrder) next(before int, b []byte) (field, n int) {
	for i := range o.after[before] {
		next := &o.after[before][i]
		if len(next.bytes) > 0 && bytes.HasPrefix(b, next.bytes) {
			return next.field, len(next.bytes)
		}
	}
	return 0, 0
}

// learn remembers a field that follows another.
func (o *fieldOrder) learn(before int, text []byte, field int) {
	if o.off {
		return
	}
	next := &o.after[before][0]
	if len(next.bytes) > 0 {
		next = &o.after[before][1]
	}
	next.bytes, next.field = append(next.bytes[:0], text...), field
}
