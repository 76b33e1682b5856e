package servicegraph

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A RawSpan is a span as a reader of encoded traces hands it to an [Intake]: a [Span]
// without strings. What names its service is a [Resource], and of its attributes it
// has those that the graph reads, as bytes, so that what was seen before need not be
// made sense of again. The intake keeps nothing of it, and one RawSpan serves for
// many spans.
type RawSpan struct {
	TraceID  TraceID
	SpanID   SpanID
	ParentID SpanID // zero for a root

	Kind       Kind
	Status     Status
	Start, End int64   // as in Span
	Weight     float64 // as in Span
	Links      []Link

	attrs []byte // wordsHead bytes, and of each attribute its key, the length of its value as a varint, and the value
	roles semconv.Roles
}

// wordsHead is how many bytes, before the attributes, tell what else they mean.
const wordsHead = 2

// words returns the attributes with what else their meaning depends on, for comparing. It
// is valid until they change.
func (s *RawSpan) words() []byte {
	s.attrs[0], s.attrs[1] = byte(s.Kind), byte(min(len(s.Links), 1))
	return s.attrs
}

// ClearAttrs removes the attributes.
func (s *RawSpan) ClearAttrs() { s.attrs, s.roles = s.attrs[:0], 0 }

// AddAttr adds an attribute that an [AttrFilter] of the span's kind has let through.
// The value is its text, as in an [Attr]; every byte of it that is not UTF-8 becomes
// U+FFFD. Of attributes with one key the last counts.
func (s *RawSpan) AddAttr(key AttrKey, value []byte) {
	if key.IsURL() {
		value = value[:semconv.OriginLen(value)]
	}
	s.roles |= key.Roles()
	if len(s.attrs) == 0 {
		s.attrs = append(s.attrs, make([]byte, wordsHead)...)
	}
	if len(value) < 0x80 {
		s.attrs = append(s.attrs, byte(key), byte(len(value)))
	} else {
		s.attrs = binary.AppendUvarint(append(s.attrs, byte(key)), uint64(len(value)))
	}
	s.attrs = append(s.attrs, value...)
}

// meansNothing reports whether the attributes say nothing because the span is no side
// of a call and they do not make it one.
func (s *RawSpan) meansNothing() bool {
	return len(s.attrs) == 0 || !s.roles.OfAny() && !s.Kind.calls() && !s.Kind.serves()
}

// decodeAttrs returns the attributes.
func (s *RawSpan) decodeAttrs() (attrs []Attr) {
	for b := s.attrs[min(wordsHead, len(s.attrs)):]; len(b) > 0; {
		size, n := binary.Uvarint(b[1:])
		value := string(b[1+n:][:size])
		if !utf8.ValidString(value) {
			value = string([]rune(value))
		}
		attrs = append(attrs, Attr{AttrKey(b[0]).Name(), value})
		b = b[1+n+int(size):]
	}
	return attrs
}
