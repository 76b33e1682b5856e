package tracefile

import "bytes"

// A fieldOrder knows which fields follow which in the spans of a writer, and how their
// keys are written: as most spans have the same, to compare the next bytes with one or
// two keys tells the field. It is by the number of the field before.
type fieldOrder [jsonEndOfSpan + 1][2]nextField

// A nextField is a field with all that stands between the value before and its own.
type nextField struct {
	bytes []byte
	field int
}

// next returns the field that b begins with, and the length of what stands before its
// value; 0 if that is not known.
func (o *fieldOrder) next(before int, b []byte) (field, n int) {
	for i := range o[before] {
		next := &o[before][i]
		if len(next.bytes) > 0 && bytes.HasPrefix(b, next.bytes) {
			return next.field, len(next.bytes)
		}
	}
	return 0, 0
}

// learn remembers what follows a field.
func (o *fieldOrder) learn(before int, text []byte, field int) {
	next := &o[before][0]
	if len(next.bytes) > 0 {
		next = &o[before][1]
	}
	next.bytes, next.field = append(next.bytes[:0], text...), field
}
