package tracefile

import (
	"errors"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// The tags, number<<3 | wire type, of the fields that are read. A field with another wire type is
// an unknown field, as in every protobuf decoder.
const (
	varint, fixed64, length = uint64(protowire.VarintType), uint64(protowire.Fixed64Type), uint64(protowire.BytesType)

	requestResourceSpans = 1<<3 | length

	spansResource   = 1<<3 | length // of ResourceSpans
	spansScopeSpans = 2<<3 | length
	spansSchemaURL  = 3<<3 | length

	resourceAttributes = 1<<3 | length

	scopeSpansScope = 1<<3 | length
	scopeSpansSpans = 2<<3 | length
	scopeName       = 1<<3 | length

	spanTraceID    = 1<<3 | length
	spanSpanID     = 2<<3 | length
	spanTraceState = 3<<3 | length
	spanParentID   = 4<<3 | length
	spanName       = 5<<3 | length
	spanKind       = 6<<3 | varint
	spanStart      = 7<<3 | fixed64
	spanEnd        = 8<<3 | fixed64
	spanAttributes = 9<<3 | length
	spanEvents     = 11<<3 | length // not read
	spanLinks      = 13<<3 | length
	spanStatus     = 15<<3 | length

	spanFlags = "\x85\x01" // 16<<3 | fixed32, encoded: not read

	linkTraceID = 1<<3 | length
	linkSpanID  = 2<<3 | length

	statusMessage = 2<<3 | length
	statusCode    = 3<<3 | varint

	attributeKey   = 1<<3 | length
	attributeValue = 2<<3 | length

	valueString = 1<<3 | length
	valueBool   = 2<<3 | varint
	valueInt    = 3<<3 | varint
	valueDouble = 4<<3 | fixed64
	valueArray  = 5<<3 | length
	valueMap    = 6<<3 | length
	valueBytes  = 7<<3 | length
)

// A wireReader reads the fields of one protobuf message:
//
//	r := wireReader{rest: message}
//	for r.next() {
//		switch r.tag { … }
//	}
//	if r.err != nil { … }
type wireReader struct {
	rest []byte

	tag   uint64
	bytes []byte // of a field with a length; a part of the message
	bits  uint64 // of a varint or a fixed64

	err error
}

// next reads the next field, and reports whether there is one.
func (r *wireReader) next() bool {
	b := r.rest
	if len(b) == 0 || r.err != nil {
		return false
	}
	// Nearly all fields have a tag of one byte, and a length of one or two bytes or a number
	// of one byte.
	if len(b) >= 2 && b[0] < 0x80 && b[0] >= 1<<3 {
		switch uint64(b[0]) & 7 {
		case length:
			n, at := int(b[1]), 2
			if n >= 0x80 && len(b) > 2 && b[2] < 0x80 {
				n, at = n&0x7f|int(b[2])<<7, 3
			}
			if (n < 0x80 || at == 3) && n <= len(b)-at {
				r.tag, r.bytes, r.rest = uint64(b[0]), b[at:at+n], b[at+n:]
				return true
			}
		case varint:
			if b[1] < 0x80 {
				r.tag, r.bits, r.rest = uint64(b[0]), uint64(b[1]), b[2:]
				return true
			}
		}
	}
	return r.nextOfAny()
}

// skipTo skips fields until the next field can have the tag. It skips only fields with a length,
// whose tag has one byte and whose length has one or two bytes. The caller must still call next and
// check the tag.
func (r *wireReader) skipTo(tag uint64) {
	b, at := r.rest, 0
	for at+2 < len(b) && uint64(b[at]) != tag && b[at]&0x87 == byte(length) && b[at] >= 1<<3 {
		end := at + 2 + int(b[at+1])
		if b[at+1] >= 0x80 {
			if b[at+2] >= 0x80 {
				break
			}
			end = at + 3 + int(b[at+1]&0x7f) + int(b[at+2])<<7
		}
		if end > len(b) {
			break
		}
		at = end
	}
	r.rest = b[at:]
}

// nextOfAny is next for any field.
func (r *wireReader) nextOfAny() bool {
	num, typ, n := protowire.ConsumeTag(r.rest)
	if n < 0 {
		return r.fail(n)
	}
	r.rest = r.rest[n:]
	switch typ {
	case protowire.BytesType:
		r.bytes, n = protowire.ConsumeBytes(r.rest)
	case protowire.VarintType:
		r.bits, n = protowire.ConsumeVarint(r.rest)
	case protowire.Fixed64Type:
		r.bits, n = protowire.ConsumeFixed64(r.rest)
	default:
		n = protowire.ConsumeFieldValue(num, typ, r.rest)
	}
	if n < 0 {
		return r.fail(n)
	}
	r.tag = uint64(num)<<3 | uint64(typ)
	r.rest = r.rest[n:]
	return true
}

func (r *wireReader) fail(code int) bool {
	r.err = protowire.ParseError(code)
	if r.err == io.ErrUnexpectedEOF {
		r.err = errOverrun
	}
	return false
}

var errOverrun = errors.New("a field runs over the end of its message")

// concat returns a message field that occurs again: protobuf merges both, and the
// concatenation of their encodings is the merged message. The first occurrence is a part of the
// message and has no spare capacity, so the second one makes a copy, which grows as further
// occurrences come: a field that occurs a million times is copied some dozen times.
func concat(a, b []byte) []byte {
	if a == nil {
		return b[:len(b):len(b)]
	}
	return append(a, b...)
}
