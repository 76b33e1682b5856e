package tracefile

import (
	"bytes"
	"encoding/binary"

	"github.com/tempograph/tempograph/servicegraph"
)

// jsonShapes finds the shapes that spans may have by what is around the ends of their
// names: most spans of one name and one kind look alike. By what is before alone, the
// right one of generated traces was the third most often, and nothing was won.
type jsonShapes [1 << 9]shapeSet

// A shapeSet is the shapes behind some names.
type shapeSet struct {
	shapes  [4]*jsonShape // the last found first, those that are none last
	balance int           // of spans that had one of them and spans that had not
	rest    int           // how many spans are read without
}

// Where no span looks like another, looking for shapes and learning them costs more than
// it saves: after a number of misses it is left off for a while.
const (
	maxBalance = 32
	longRest   = 1 << 10
)

// maxShapeLen is how many bytes a shape has at most. All shapes together have some
// megabytes then.
const maxShapeLen = 4 << 10

// at returns the set for spans whose names end, with their quotes, before b[i].
func (t *jsonShapes) at(b []byte, i int) *shapeSet {
	const odd1, odd2, odd3, odd4 = 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0xd6e8feb86659fd93
	if i < 16 || len(b)-i < 16 {
		return &t[0]
	}
	b = b[i-16 : i+16]
	hash := binary.LittleEndian.Uint64(b)*odd1 + binary.LittleEndian.Uint64(b[8:])*odd2 +
		binary.LittleEndian.Uint64(b[16:])*odd3 + binary.LittleEndian.Uint64(b[24:])*odd4
	return &t[hash>>40%uint64(len(t))]
}

// isResting reports whether the next span is to be read without the set.
func (s *shapeSet) isResting() bool {
	if s.rest == 0 {
		return false
	}
	s.rest--
	return true
}

// found takes note that a span had a shape, or none of those in the set, which is -1.
func (s *shapeSet) found(i int) {
	if i < 0 {
		if s.balance--; s.balance < -maxBalance {
			s.balance, s.rest = 0, longRest
		}
		return
	}
	s.balance = min(s.balance+2, maxBalance)
	shape := s.shapes[i]
	copy(s.shapes[1:i+1], s.shapes[:i])
	s.shapes[0] = shape
}

// add returns a shape to learn, in place of the one found longest ago if there is no
// other place.
func (s *shapeSet) add() *jsonShape {
	last := len(s.shapes) - 1
	shape := s.shapes[last]
	if shape == nil {
		shape = new(jsonShape)
	}
	copy(s.shapes[1:], s.shapes[:last])
	s.shapes[0] = shape
	return shape
}

// shapeNotes are what is to be known of a span, while it is read, to learn its shape.
type shapeNotes struct {
	on     bool // as long as it can be learned
	set    *shapeSet
	start  int        // where the shape begins
	seen   jsonFields // that were read before
	attrs  int        // how many were read before
	values []shapeValue
}

// value takes note of a value that was read, if it is in a shape to learn.
func (n *shapeNotes) value(v shapeValue) {
	if n.on {
		n.values = append(n.values, v)
	}
}

// attribute is value for one of an attribute with a known head, behind which there are
// so many attributes that the graph reads.
func (n *shapeNotes) attribute(h *jsonHead, start, end, attrs int) {
	if !n.on {
		return
	}
	v := shapeValue{start: start, end: end, role: shapeAttr, form: h.form, keep: h.isRead(), attr: -1}
	if v.keep && h.number != 0 {
		v.attr = attrs - 1 - n.attrs
	}
	n.values = append(n.values, v)
}

// notRead says that of the values from one on none is read.
func (n *shapeNotes) notRead(from int) {
	if !n.on {
		return
	}
	for i := range n.values[from:] {
		n.values[from+i].keep, n.values[from+i].attr = false, -1
	}
}

// takeShape reads the rest of a span behind its name if it has a known shape, which it
// reports. If not, notes are taken to learn it, unless the set rests.
func (d *jsonIntake) takeShape(seen jsonFields, s *servicegraph.RawSpan) (fields jsonFields, ok bool) {
	set := d.shapes.at(d.b, d.pos)
	if d.failed || set.isResting() {
		return 0, false
	}
	for i, shape := range set.shapes {
		if shape == nil {
			break
		}
		if shape.fields&seen != 0 {
			continue
		}
		if times, ok := d.readAs(shape); ok {
			set.found(i)
			shape.set(s, times)
			return shape.fields, true
		}
	}
	set.found(-1)
	d.notes = shapeNotes{on: true, set: set, start: d.pos, seen: seen, attrs: len(d.attrs), values: d.notes.values[:0]}
	return 0, false
}

// unshaped are the fields that a shape does not have: those with values of their own
// that usually come before the name, and those of which there may be any number.
const unshaped jsonFields = 1<<jsonTraceID | 1<<jsonSpanID | 1<<jsonParentID | 1<<jsonTraceState | 1<<jsonName | 1<<jsonLinks

// learnShape learns the shape of the span that was read, if that can be.
func (d *jsonIntake) learnShape(seen jsonFields, s *servicegraph.RawSpan) {
	n := &d.notes
	text := d.b[n.start:d.pos]
	fields := seen &^ n.seen
	if d.failed || len(text) > maxShapeLen || fields&unshaped != 0 {
		return
	}
	shape := n.set.add()
	*shape = jsonShape{
		text:   append(shape.text[:0], text...),
		fields: fields, kind: s.Kind, status: s.Status,
		attrs:  shape.attrs[:0],
		values: append(shape.values[:0], n.values...),
		open:   shape.open[:0],
	}
	for _, a := range d.attrs[n.attrs:] {
		shape.attrs = append(shape.attrs, rawAttr{a.number, bytes.Clone(a.value)})
	}
	for i := range shape.values {
		v := &shape.values[i]
		v.start -= n.start
		v.end -= n.start
		if v.role == shapeStart || v.role == shapeEnd {
			shape.open = append(shape.open, *v)
		}
	}
	shape.open = append(shape.open, shapeValue{start: len(text), end: len(text), role: shapeIsOver})
}
