package tracefile

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
)

// A jsonShape is what spans have in common behind their names: the text of one of them,
// from there to its last bracket, with the values that others have differently left open:
//
//	,"kind":3,"startTimeUnixNano":…,"endTimeUnixNano":…,"attributes":[{"key":"http.method","value":
//	{"stringValue":"GET"}},{"key":"net.peer.port","value":{"intValue":…}}],"status":{}}
//
// A span of a known shape is read by comparing all between those values, a stretch at a
// time, so that what is the same in all costs little. It need not be parsed, because what
// is equal byte by byte was parsed before, and means the same.
type jsonShape struct {
	text   []byte
	fields jsonFields // of a span, that are in it
	kind   servicegraph.Kind
	status servicegraph.Status
	attrs  []rawAttr // that the graph may read

	values []shapeValue // all that may be left open, in their order
	open   []shapeValue // those that are, and the end of the text
}

// A shapeValue is a value in the text of a shape that may be left open. Others, such as
// the kind, are the same in all spans of a shape.
type shapeValue struct {
	start, end int
	role       shapeRole
	form       jsonForm // of an attribute
	keep       bool     // whether it is read of an attribute
	attr       int      // where it belongs among the shape's, -1 for nowhere
}

// A shapeRole is what a value is to a span.
type shapeRole uint8

const (
	shapeSkipped shapeRole = iota
	shapeStart             // always open
	shapeEnd               // always open
	shapeAttr
	shapeIsOver
)

// shapeTimes are the start and the end of a span.
type shapeTimes struct{ start, end int64 }

// readAs reads the rest of a span behind its name as one of a shape, if it is one, which
// it reports, and adds its attributes. Otherwise nothing changes. Where the span has
// another value than those before it, that is open from now on.
func (d *jsonIntake) readAs(shape *jsonShape) (times shapeTimes, ok bool) {
	before, attrs := d.jsonCursor, len(d.attrs)
	d.attrs = append(d.attrs, shape.attrs...)
	d.opened = d.opened[:0]
	at := 0 // in the text of the shape
	for i := 0; !d.failed; i++ {
		v := &shape.open[i]
		if common := shape.text[at:v.start]; bytes.HasPrefix(d.b[d.pos:], common) {
			d.pos += len(common)
		} else if v = shape.openBefore(i, at, at+commonLen(common, d.b[d.pos:])); v != nil {
			d.pos += v.start - at
			d.opened = append(d.opened, i)
		} else {
			break
		}
		if v.role == shapeIsOver {
			return times, true
		}
		d.readValue(v, d.attrs[attrs:], &times)
		at = v.end
	}
	d.jsonCursor, d.attrs = before, d.attrs[:attrs]
	shape.closeAgain(d.opened)
	return times, false
}

// readValue reads a value where a span of a shape has one that differs.
func (d *jsonIntake) readValue(v *shapeValue, attrs []rawAttr, times *shapeTimes) {
	switch v.role {
	case shapeStart:
		times.start = timeOf(d.uint())
	case shapeEnd:
		times.end = timeOf(d.uint())
	case shapeAttr:
		value := d.scalar(v.form)
		if v.keep {
			text := d.say(v.form, value)
			if v.attr >= 0 {
				attrs[v.attr].value = text
			}
		}
	default:
		d.skip()
	}
}

// set sets the fields of a span of the shape.
func (s *jsonShape) set(span *servicegraph.RawSpan, times shapeTimes) {
	if s.fields.has(jsonKind) {
		span.Kind = s.kind
	}
	if s.fields.has(jsonStatus) {
		span.Status = s.status
	}
	if s.fields.has(jsonStart) {
		span.Start = times.start
	}
	if s.fields.has(jsonEnd) {
		span.End = times.end
	}
}

// openBefore opens the value in which the text differs from a span's at an index, and
// returns it; nil if there is none behind what was compared before. It becomes the i'th
// of those that are open.
func (s *jsonShape) openBefore(i, compared, index int) *shapeValue {
	n, _ := slices.BinarySearchFunc(s.values, index, func(v shapeValue, index int) int { return cmp.Compare(v.end, index) })
	if n == len(s.values) || s.values[n].start < compared || s.values[n].start > index {
		return nil
	}
	s.open = slices.Insert(s.open, i, s.values[n])
	return &s.open[i]
}

// closeAgain takes back what openBefore did, the last first.
func (s *jsonShape) closeAgain(opened []int) {
	for _, i := range slices.Backward(opened) {
		s.open = slices.Delete(s.open, i, i+1)
	}
}

// commonLen returns how many bytes two texts have in common at their beginning.
func commonLen(a, b []byte) int {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
