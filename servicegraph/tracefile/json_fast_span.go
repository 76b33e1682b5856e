package tracefile

import (
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
)

// This file has the part of fastDecoder that reads one span: its fields, attributes, events,
// status and links.

// The fields of a span that must not be repeated, and then other parts of a span.
const (
	fieldTraceID = iota
	fieldSpanID
	fieldParentID
	fieldTraceState
	fieldName
	fieldKind
	fieldStart
	fieldEnd
	fieldAttributes
	fieldLinks
	fieldStatus
	fieldEvents
	fieldOther
	fieldNone // before the first field, and after the last
)

// spanFields are the names of the fields that are read, and of the events, which are skipped
// faster by a reader that knows what they are.
var spanFields = []string{
	fieldTraceID:    "traceId",
	fieldSpanID:     "spanId",
	fieldParentID:   "parentSpanId",
	fieldTraceState: "traceState",
	fieldName:       "name",
	fieldKind:       "kind",
	fieldStart:      "startTimeUnixNano",
	fieldEnd:        "endTimeUnixNano",
	fieldAttributes: "attributes",
	fieldLinks:      "links",
	fieldStatus:     "status",
	fieldEvents:     "events",
}

// span reads a span.
func (d *fastDecoder) span() {
	s := d.nextSpan()
	d.attrs, d.recorder.on = d.attrs[:0], false
	d.in.Expect('{')
	var seen jsontext.Fields
	for field := d.nextField(fieldNone); field != fieldNone; field = d.nextField(field) {
		if field == fieldOther {
			d.skipValue()
			continue
		}
		d.in.FailIfRepeated(&seen, field)
		d.readField(field, s)
		if field == fieldName {
			if fields, ok := d.matchTemplate(seen, s); ok {
				seen |= fields
				break
			}
		}
	}
	if d.recorder.on {
		d.learnTemplate(seen, s)
	}
	if !seen.Has(fieldTraceID) || !seen.Has(fieldSpanID) {
		d.in.Fail()
	}
	filter := d.filter.byKind[s.Kind]
	for _, a := range d.attrs {
		if filter.Has(a.number) {
			s.AddAttr(filter, a.number, a.value)
		}
	}
}

// nextSpan appends an empty span to those of the request.
func (d *fastDecoder) nextSpan() *pack.Span {
	if len(d.spans) == cap(d.spans) {
		d.spans = append(d.spans, pack.Span{})
	} else {
		d.spans = d.spans[:len(d.spans)+1]
	}
	s := &d.spans[len(d.spans)-1]
	s.ParentID, s.Kind, s.Status = [8]byte{}, semconv.Unset, 0
	s.Start, s.End, s.Weight = 0, 0, 0
	s.Links = s.Links[:0]
	s.ClearAttrs()
	return s
}

// nextField moves to the value of the next field of a span, given the field before it, which
// is fieldNone at the span's beginning. At the end of the span it returns fieldNone.
func (d *fastDecoder) nextField(before int) int {
	if field, n := d.order.next(before, d.in.Rest()); n > 0 {
		d.in.Pos += n
		return field
	}
	start := d.in.Pos
	field := d.readKey()
	if !d.in.Failed {
		d.order.learn(before, d.in.Text[start:d.in.Pos], field)
	}
	return field
}

// readKey is nextField for a field that was not predicted.
func (d *fastDecoder) readKey() int {
	if !d.in.Next('}') {
		return fieldNone
	}
	key := d.in.Key()
	for field, name := range spanFields {
		if string(key) == name {
			return field
		}
	}
	d.in.FailIfCaseFolds(key, spanFields...)
	return fieldOther
}

// readField reads the value of a field of a span.
func (d *fastDecoder) readField(field int, s *pack.Span) {
	switch field {
	case fieldTraceID:
		d.traceIDs.read(&d.in, s.TraceID[:])
	case fieldSpanID:
		d.in.Hex(s.SpanID[:])
	case fieldParentID:
		if d.in.Peek(); !d.in.Accept(`""`) {
			d.in.Hex(s.ParentID[:])
		}
	case fieldTraceState:
		s.Weight = d.weights.of(d.in.PlainString())
	case fieldName:
		d.in.String()
	case fieldKind:
		s.Kind = semconv.Kind(servicegraph.KindOf(d.in.Enum(kindNames)))
	case fieldStart:
		s.Start = d.time(slotStart)
	case fieldEnd:
		s.End = d.time(slotEnd)
	case fieldAttributes:
		d.attributes()
	case fieldLinks:
		for d.in.Expect('['); d.in.Next(']'); {
			d.link(s)
		}
	case fieldStatus:
		s.Status = uint8(d.status())
	case fieldEvents:
		for d.in.Expect('['); d.in.Next(']'); {
			d.skipEvent()
		}
	}
}

// time reads the start or end of a span.
func (d *fastDecoder) time(kind slotKind) int64 {
	start := d.in.Pos
	ns := timeOf(d.in.Uint())
	d.recorder.add(slot{start: start, end: d.in.Pos, kind: kind})
	return ns
}

// skipValue skips a value. The value may differ in other spans of the same template.
func (d *fastDecoder) skipValue() {
	start := d.in.Pos
	d.in.Skip()
	d.recorder.add(slot{start: start, end: d.in.Pos})
}

// A knownAttr is the meaning of an attribute up to its value.
type knownAttr struct {
	typ    valueType
	keep   bool        // the graph reads the attribute, for a span or a resource
	number semconv.Key // 0 if the graph does not read it of spans
}

// isRead reports whether the value of the attribute is read.
func (a *knownAttr) isRead() bool { return a.keep && a.typ != typeOther }

// attributes reads the attributes of the current span.
func (d *fastDecoder) attributes() {
	for d.in.Expect('['); d.in.Next(']'); {
		d.in.Peek()
		if known := d.attrNames.find(d.in.Rest()); known != nil {
			d.knownAttributes(known)
		} else {
			d.newAttribute()
		}
	}
}

// knownAttributes reads the next attribute, whose prefix is known, and those after it as
// long as their prefixes are known.
func (d *fastDecoder) knownAttributes(known *prefix[knownAttr]) {
	for {
		start := d.in.Pos
		d.in.Pos += len(known.text)
		v := readScalar(&d.in, known.is.typ)
		end := d.in.Pos
		if !d.closeAttribute() {
			if !d.in.Failed {
				d.in.Pos = start
				d.newAttribute()
			}
			return
		}
		d.addAttr(&known.is, v)
		d.recorder.addAttr(&known.is, start+len(known.text), end, len(d.attrs))
		if !d.in.Accept(",") {
			return
		}
		if known = d.attrNames.find(d.in.Rest()); known == nil {
			d.in.Pos-- // before the comma, as attributes expects
			return
		}
	}
}

// skipEvent skips an event. The attributes of events resemble those of spans.
func (d *fastDecoder) skipEvent() {
	attrs, slots := len(d.attrs), len(d.recorder.slots)
	for d.in.Expect('{'); d.in.Next('}'); {
		if string(d.in.Key()) == "attributes" {
			d.attributes()
		} else {
			d.skipValue()
		}
	}
	d.attrs = d.attrs[:attrs]
	d.recorder.dropAttrs(slots)
}

// closeAttribute consumes the brackets that close a value and its attribute, and reports
// whether they come next.
func (d *fastDecoder) closeAttribute() bool {
	if d.in.Accept("}}") {
		return true
	}
	for range 2 {
		if d.in.Peek() != '}' {
			return false
		}
		d.in.Pos++
	}
	return true
}

// newAttribute reads an attribute whose prefix is not known. No template is learned from this span,
// but from the next similar span, because all prefixes of that one are known.
func (d *fastDecoder) newAttribute() {
	d.recorder.on = false
	a := readJSONAttr(&d.in)
	known := knownAttr{typ: a.typ, keep: d.sink.keep(semconv.ValidText(string(a.key))), number: d.filter.any.Key(a.key)}
	if !d.in.Failed {
		d.attrNames.learn(a.prefix, known)
	}
	d.addAttr(&known, a.value)
}

// addAttr adds an attribute to the current span if the graph may read it.
func (d *fastDecoder) addAttr(a *knownAttr, v scalarText) {
	if !a.isRead() {
		return
	}
	value := attrText(&d.in, a.typ, v)
	if a.number != 0 {
		d.attrs = append(d.attrs, packedAttr{a.number, value})
	}
}

func (d *fastDecoder) status() servicegraph.Status {
	status := servicegraph.StatusUnset
	var seen jsontext.Fields
	for d.in.Expect('{'); d.in.Next('}'); {
		switch key := d.in.Key(); string(key) {
		case "code":
			d.in.FailIfRepeated(&seen, 0)
			status = servicegraph.StatusOf(d.in.Enum(statusNames))
		case "message":
			d.in.FailIfRepeated(&seen, 1)
			d.message()
		default:
			d.in.FailIfCaseFolds(key, "code", "message")
			d.skipValue()
		}
	}
	return status
}

// message reads the message of a status. If messages are kept, it becomes an attribute.
func (d *fastDecoder) message() {
	if !d.sink.messages {
		d.skipValue()
		return
	}
	message := attrText(&d.in, typeString, readScalar(&d.in, typeString))
	d.attrs = append(d.attrs, packedAttr{semconv.StatusMessage, []byte(semconv.ErrorIn(string(message)))})
}

// link reads a link, and adds it to the span unless it is empty.
func (d *fastDecoder) link(of *pack.Span) {
	var link pack.Link
	var seen jsontext.Fields
	for d.in.Expect('{'); d.in.Next('}'); {
		switch key := d.in.Key(); string(key) {
		case "traceId":
			d.in.FailIfRepeated(&seen, fieldTraceID)
			d.in.Hex(link.TraceID[:])
		case "spanId":
			d.in.FailIfRepeated(&seen, fieldSpanID)
			d.in.Hex(link.SpanID[:])
		default:
			d.in.SkipUnknown(key, "traceId", "spanId")
		}
	}
	switch {
	case seen.Has(fieldTraceID) && seen.Has(fieldSpanID):
		of.Links = append(of.Links, link)
	case seen != 0:
		d.in.Fail()
	}
}
