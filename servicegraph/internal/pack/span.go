package pack

import (
	"encoding/binary"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A Span is a span as a decoder passes it to a [Packer]: a servicegraph.Span without strings.
// The service is part of the resource. The Span has only the attributes that the graph reads,
// as bytes, by which the packer recognizes attributes that it has interpreted before. The
// packer keeps no reference to the Span, so a decoder can use one Span for many spans.
type Span struct {
	TraceID  [16]byte
	SpanID   [8]byte
	ParentID [8]byte // zero for a root

	Kind       semconv.Kind
	Status     uint8   // with OTLP's numbers
	Start, End int64   // as in servicegraph.Span
	Weight     float64 // as in servicegraph.Span
	Links      []Link
	Scope      Scope

	attrs []byte // headLen bytes, and for each attribute its key, the length of its value as a varint, and the value
	roles semconv.Roles
}

// A Link points from a span to another span, which can belong to another trace.
type Link struct {
	TraceID [16]byte
	SpanID  [8]byte
}

// An Attr is an attribute with its value as text.
type Attr struct{ Key, Value string }

// headLen is the number of bytes before the attributes. They hold the kind and whether the span
// has links: the interpretation depends on these and on the attributes.
const headLen = 2

// cacheKey returns bytes that are equal for spans with the same interpretation. The bytes are
// valid until the attributes change.
func (s *Span) cacheKey() []byte {
	if len(s.attrs) == 0 {
		s.attrs = append(s.attrs, make([]byte, headLen)...)
	}
	s.attrs[0], s.attrs[1] = byte(s.Kind), byte(min(len(s.Links), 1))
	return s.attrs
}

// ClearAttrs removes the attributes.
func (s *Span) ClearAttrs() { s.attrs, s.roles = s.attrs[:0], 0 }

// AddAttr adds an attribute that a filter, the one for the span's kind, selects. The value is the
// attribute's text, of which at most [semconv.MaxValue] bytes count; U+FFFD replaces every byte
// that is not UTF-8. Of attributes with the same key, the last one counts.
func (s *Span) AddAttr(filter *semconv.Filter, key semconv.Key, value []byte) {
	s.beginAttr(key)
	s.attrs = appendAttr(s.attrs, filter, key, value)
}

// AddPacked adds a packed attribute that the filter for the span's kind selects. It equals a call of
// AddAttr with the key and the value of the attribute.
func (s *Span) AddPacked(a *PackedAttr) {
	s.beginAttr(a.Key)
	s.attrs = append(s.attrs, a.packed...)
}

// beginAttr prepares for an attribute with this key.
func (s *Span) beginAttr(key semconv.Key) {
	s.roles |= key.Roles()
	if len(s.attrs) == 0 {
		s.attrs = append(s.attrs, make([]byte, headLen)...)
	}
}

// A PackedAttr is an attribute in the form that a Span keeps. A decoder that meets the same attribute
// in many spans packs it once.
type PackedAttr struct {
	Key    semconv.Key // 0 if there is no attribute
	packed []byte
}

// Set makes a the attribute with a key and a value, as AddAttr takes them. The result is the same for
// the filters of all kinds of spans.
func (a *PackedAttr) Set(filter *semconv.Filter, key semconv.Key, value []byte) {
	a.Key, a.packed = key, appendAttr(a.packed[:0], filter, key, value)
}

// appendAttr appends an attribute in the form that a Span keeps.
func appendAttr(to []byte, filter *semconv.Filter, key semconv.Key, value []byte) []byte {
	if key.IsURL() {
		value = filter.CutURL(value)
	}
	if key.IsQuery() {
		value = value[:min(len(value), 1)]
	}
	if len(value) < 0x80 {
		to = append(to, byte(key), byte(len(value)))
	} else {
		value = semconv.CutBytes(value)
		to = binary.AppendUvarint(append(to, byte(key)), uint64(len(value)))
	}
	return append(to, value...)
}

// isIrrelevant reports whether the attributes do not matter: by its kind, the span is neither
// side of a call, and no attribute makes it one.
func (s *Span) isIrrelevant() bool {
	if s.Kind.Calls() || s.Kind.Serves() {
		return len(s.attrs) == 0
	}
	return len(s.attrs) == 0 || !s.roles.OfAny()
}

// interpret interprets the kind, the attributes and the links.
func (s *Span) interpret(o semconv.Options) semconv.Interpretation {
	var attrs semconv.Attrs
	for b := s.attrs[min(headLen, len(s.attrs)):]; len(b) > 0; {
		size, n := binary.Uvarint(b[1:])
		attrs.Set(semconv.Key(b[0]), string(b[1+n:][:size]))
		b = b[1+n+int(size):]
	}
	return semconv.Interpret(s.Kind, &attrs, len(s.Links) > 0, o)
}
