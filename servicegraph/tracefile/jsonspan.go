package tracefile

import (
	"github.com/tempograph/tempograph/servicegraph"
)

// How a jsonIntake reads one span: its fields, attributes, events, status and links.

// The fields of a span that must not come twice, and what else may come in it.
const (
	jsonTraceID = iota
	jsonSpanID
	jsonParentID
	jsonTraceState
	jsonName
	jsonKind
	jsonStart
	jsonEnd
	jsonAttributes
	jsonLinks
	jsonStatus
	jsonEvents
	jsonOther
	jsonEndOfSpan
)

// spanFields are the names of the fields that are read, and of events, which are gone
// over faster by someone who knows what they are.
var spanFields = []string{
	jsonTraceID:    "traceId",
	jsonSpanID:     "spanId",
	jsonParentID:   "parentSpanId",
	jsonTraceState: "traceState",
	jsonName:       "name",
	jsonKind:       "kind",
	jsonStart:      "startTimeUnixNano",
	jsonEnd:        "endTimeUnixNano",
	jsonAttributes: "attributes",
	jsonLinks:      "links",
	jsonStatus:     "status",
	jsonEvents:     "events",
}

func (d *jsonIntake) span() {
	s := d.nextSpan()
	d.attrs, d.notes.on = d.attrs[:0], false
	d.take('{')
	var seen jsonFields
	for field := d.spanField(jsonEndOfSpan); field != jsonEndOfSpan; field = d.spanField(field) {
		if field == jsonOther {
			d.skipNoted()
			continue
		}
		d.once(&seen, field)
		d.readField(field, s)
		if field == jsonName {
			if fields, ok := d.takeShape(seen, s); ok {
				seen |= fields
				break
			}
		}
	}
	if d.notes.on {
		d.learnShape(seen, s)
	}
	if !seen.has(jsonTraceID) || !seen.has(jsonSpanID) {
		d.fail()
	}
	filter := d.filter.byKind[s.Kind]
	for _, a := range d.attrs {
		if filter.Has(a.number) {
			s.AddAttr(a.number, a.value)
		}
	}
}

// spanField goes to the value of the next field of a span, behind the value of another,
// or jsonEndOfSpan at its beginning.
func (d *jsonIntake) spanField(before int) int {
	if field, n := d.order.next(before, d.b[d.pos:]); n > 0 {
		d.pos += n
		return field
	}
	start := d.pos
	field := d.readSpanField()
	if !d.failed {
		d.order.learn(before, d.b[start:d.pos], field)
	}
	return field
}

func (d *jsonIntake) readSpanField() int {
	if !d.more('}') {
		return jsonEndOfSpan
	}
	key := d.key()
	for field, name := range spanFields {
		if string(key) == name {
			return field
		}
	}
	d.refuse(key, spanFields...)
	return jsonOther
}

// readField reads the value of a field of a span.
func (d *jsonIntake) readField(field int, s *servicegraph.RawSpan) {
	switch field {
	case jsonTraceID:
		d.hex(s.TraceID[:])
	case jsonSpanID:
		d.hex(s.SpanID[:])
	case jsonParentID:
		if d.peek(); !d.takes(`""`) {
			d.hex(s.ParentID[:])
		}
	case jsonTraceState:
		s.Weight = d.weights.of(d.plain())
	case jsonName:
		d.text()
	case jsonKind:
		s.Kind = kindOf(d.enum(kindNames))
	case jsonStart:
		s.Start = d.time(shapeStart)
	case jsonEnd:
		s.End = d.time(shapeEnd)
	case jsonAttributes:
		d.attributes()
	case jsonLinks:
		for d.take('['); d.more(']'); {
			d.link(s)
		}
	case jsonStatus:
		s.Status = d.status()
	case jsonEvents:
		for d.take('['); d.more(']'); {
			d.skipEvent()
		}
	}
}

func (d *jsonIntake) time(role shapeRole) int64 {
	start := d.pos
	ns := timeOf(d.uint())
	d.notes.value(shapeValue{start: start, end: d.pos, role: role})
	return ns
}

// skipNoted is skip of a value that may be another in spans of the same shape.
func (d *jsonIntake) skipNoted() {
	start := d.pos
	d.skip()
	d.notes.value(shapeValue{start: start, end: d.pos})
}

// nextSpan adds a span to those of the request.
func (d *jsonIntake) nextSpan() *servicegraph.RawSpan {
	if len(d.spans) == cap(d.spans) {
		d.spans = append(d.spans, servicegraph.RawSpan{})
	} else {
		d.spans = d.spans[:len(d.spans)+1]
	}
	s := &d.spans[len(d.spans)-1]
	s.ParentID, s.Kind, s.Status = servicegraph.SpanID{}, servicegraph.KindUnset, servicegraph.StatusUnset
	s.Start, s.End, s.Weight = 0, 0, 0
	s.Links = s.Links[:0]
	s.ClearAttrs()
	return s
}

// attributes reads the attributes of the span at hand.
func (d *jsonIntake) attributes() {
	for d.take('['); d.more(']'); {
		d.peek()
		if h := d.heads.find(d.b[d.pos:]); h != nil {
			d.knownAttributes(h)
		} else {
			d.newAttribute()
		}
	}
}

// knownAttributes reads the next attribute, which has a known head, and those behind it
// as long as they have, too.
func (d *jsonIntake) knownAttributes(h *jsonHead) {
	for {
		start := d.pos
		d.pos += len(h.bytes)
		v := d.scalar(h.form)
		end := d.pos
		if !d.closes() {
			if !d.failed {
				d.pos = start
				d.newAttribute()
			}
			return
		}
		d.addAttr(h, v)
		d.notes.attribute(h, start+len(h.bytes), end, len(d.attrs))
		if !d.takes(",") {
			return
		}
		if h = d.heads.findBehind(h, d.b[d.pos:]); h == nil {
			d.pos-- // as it was
			return
		}
	}
}

// skipEvent goes behind an event. Its attributes are like those of spans.
func (d *jsonIntake) skipEvent() {
	attrs, noted := len(d.attrs), len(d.notes.values)
	for d.take('{'); d.more('}'); {
		if string(d.key()) == "attributes" {
			d.attributes()
		} else {
			d.skipNoted()
		}
	}
	d.attrs = d.attrs[:attrs]
	d.notes.notRead(noted)
}

// closes goes behind the brackets that end a value and its attribute, and reports
// whether they come next.
func (d *jsonIntake) closes() bool {
	if d.takes("}}") {
		return true
	}
	for range 2 {
		if d.peek() != '}' {
			return false
		}
		d.pos++
	}
	return true
}

// newAttribute reads an attribute whose head is not known. The shape of its span is left
// for the next one, which finds the head known.
func (d *jsonIntake) newAttribute() {
	d.notes.on = false
	p := d.pair()
	h := jsonHead{bytes: p.head, form: p.form, keep: d.source.keep(validText(p.key)), number: d.filter.any.Key(p.key)}
	if !d.failed {
		d.heads.learn(h)
	}
	d.addAttr(&h, p.value)
}

// addAttr adds an attribute to the span at hand if the graph may read it.
func (d *jsonIntake) addAttr(h *jsonHead, v jsonScalar) {
	if !h.isRead() {
		return
	}
	value := d.say(h.form, v)
	if h.number != 0 {
		d.attrs = append(d.attrs, rawAttr{h.number, value})
	}
}

func (d *jsonIntake) status() servicegraph.Status {
	status := servicegraph.StatusUnset
	var seen jsonFields
	for d.take('{'); d.more('}'); {
		switch key := d.key(); string(key) {
		case "code":
			d.once(&seen, 0)
			status = statusOf(d.enum(statusNames))
		default:
			d.refuse(key, "code")
			d.skipNoted()
		}
	}
	return status
}

// enum goes behind a value of an enum, a digit or the name of one, and returns the
// number.
func (c *jsonCursor) enum(names []string) int64 {
	if c.peek() == '"' {
		name := c.plain()
		for number, n := range names {
			if string(name) == n {
				return int64(number)
			}
		}
		c.fail()
		return 0
	}
	digit := c.number()
	if len(digit) != 1 {
		c.fail()
		return 0
	}
	return int64(digit[0] - '0')
}

// link reads a link, and adds it to the span if it points anywhere.
func (d *jsonIntake) link(of *servicegraph.RawSpan) {
	var link servicegraph.Link
	var seen jsonFields
	for d.take('{'); d.more('}'); {
		switch key := d.key(); string(key) {
		case "traceId":
			d.once(&seen, jsonTraceID)
			d.hex(link.TraceID[:])
		case "spanId":
			d.once(&seen, jsonSpanID)
			d.hex(link.SpanID[:])
		default:
			d.skipUnknown(key, "traceId", "spanId")
		}
	}
	switch {
	case seen.has(jsonTraceID) && seen.has(jsonSpanID):
		of.Links = append(of.Links, link)
	case seen != 0:
		d.fail()
	}
}
