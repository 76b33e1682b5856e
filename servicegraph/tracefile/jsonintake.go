package tracefile

import (
	"github.com/tempograph/tempograph/servicegraph"
)

// A jsonIntake is the fast way of OTLP JSON: it turns requests into packed spans in the
// intake of its source, without making values of anything in between. What it takes, it
// takes as [jsonDecoder] does, which remains the measure of what OTLP JSON means. It
// refuses whatever is unusual and would need care: keys with escapes, other case or
// that come twice, ids in base64, numbers with exponents. And it refuses all that is
// wrong, which jsonDecoder then explains. It takes a request as a whole or not at all.
//
// No library is as fast: to extract the same fields and no more, simdjson-go, fastjson
// and go-json take more than twice the time of this with the graph. What was tried and
// did not help: to remember whole attributes that repeat instead of their heads, one by
// one (a jsonShape compares many at once, and helps); to go over strings that nobody
// reads without making slices of them; to read around the buffer of bufio, whose copy
// costs 1 %.
type jsonIntake struct {
	source *source
	filter *attributeFilter
	jsonCursor

	openings jsonOpenings
	order    fieldOrder
	heads    jsonHeads
	shapes   jsonShapes
	weights  weights
	refused  int // bytes of the line at hand
	batches  int // of the intake, the present one included

	// The request at hand.
	groups []spanGroup
	spans  []servicegraph.RawSpan
	attrs  []rawAttr  // of the span at hand
	notes  shapeNotes // of the span at hand
	opened []int      // scratch
}

// A spanGroup is an element of resourceSpans: a number of spans of one resource, as
// that is encoded.
type spanGroup struct {
	opening  *jsonOpening // nil if it was not known, and then is resource
	resource []byte
	spans    int

	start int // where it begins, -1 behind its first list of spans
	seen  jsonFields
}

// A rawAttr is an attribute with its value as text.
type rawAttr struct {
	number servicegraph.AttrKey
	value  []byte
}

// newJSONIntake returns nil if the source has no intake.
func newJSONIntake(s *source) *jsonIntake {
	if s.intake == nil {
		return nil
	}
	return &jsonIntake{source: s, filter: newAttributeFilter(s.intake)}
}

// takeLine passes the spans of the next object of a stream on, if it is a request that
// ends in the line that it begins in. Otherwise it reports false, and leaves it there.
func (d *jsonIntake) takeLine(v *values) bool {
	if d == nil {
		return false
	}
	line := v.line()
	if !d.read(line) {
		d.refused = len(line)
		return false
	}
	v.pos += d.pos
	d.source.record++
	d.pass()
	return true
}

// takeObject passes the spans of an object on, if it is a request that takeLine did not
// refuse already.
func (d *jsonIntake) takeObject(object []byte) bool {
	if d == nil || len(object) <= d.refused || !d.read(object) {
		return false
	}
	d.pass()
	return true
}

// takeRequest passes the spans of a request on, if it is one and nothing else.
func (d *jsonIntake) takeRequest(b []byte) bool {
	if d == nil || !d.read(b) || d.peek() != 0 || d.pos < len(b) {
		return false
	}
	d.pass()
	return true
}

// read reads the request that b begins with, and reports whether it is one.
func (d *jsonIntake) read(b []byte) bool {
	d.jsonCursor = jsonCursor{b: b}
	d.groups, d.spans = d.groups[:0], d.spans[:0]
	lists := 0
	for d.take('{'); d.more('}'); {
		switch key := d.key(); string(key) {
		case "resourceSpans", "batches":
			lists++
			d.listOfResourceSpans()
		case "trace":
			lists++
			d.trace()
		default:
			d.skipUnknown(key, "resourceSpans", "batches", "trace", "result")
		}
	}
	return !d.failed && lists == 1
}

// pass passes the spans of the request that was read on.
func (d *jsonIntake) pass() {
	rest := d.spans
	for _, group := range d.groups {
		spans := rest[:group.spans]
		rest = rest[group.spans:]
		if len(spans) == 0 {
			continue
		}
		number := d.enter(&group)
		for i := range spans {
			d.source.note(spans[i].TraceID, spans[i].SpanID)
			d.source.intake.Add(number, &spans[i])
		}
		d.source.passOn(batchSize)
	}
}

// enter returns the number of the resource of a group. The intake need be asked for it
// only once in a batch.
func (d *jsonIntake) enter(group *spanGroup) servicegraph.Resource {
	if d.source.intake.Len() == 0 {
		d.batches++
	}
	o := group.opening
	if o == nil {
		return d.enterEncoded(group.resource)
	}
	if o.batch != d.batches {
		o.number, o.batch = d.enterEncoded(o.resource), d.batches
	}
	return o.number
}

func (d *jsonIntake) enterEncoded(encoded []byte) servicegraph.Resource {
	if number, known := d.source.intake.KnownResource(encoded); known {
		return number
	}
	var res resource
	if len(encoded) > 0 {
		d.jsonCursor = jsonCursor{b: encoded}
		d.resource(&res)
	}
	return d.source.intake.Resource(encoded, res.service, res.namespace, res.attrs)
}

// trace goes into what Tempo wraps its answers in.
func (d *jsonIntake) trace() {
	lists := 0
	for d.take('{'); d.more('}'); {
		switch key := d.key(); string(key) {
		case "resourceSpans":
			lists++
			d.listOfResourceSpans()
		default:
			d.skipUnknown(key, "resourceSpans")
		}
	}
	if lists != 1 {
		d.fail()
	}
}

func (d *jsonIntake) listOfResourceSpans() {
	for d.take('['); d.more(']'); {
		d.resourceSpans()
	}
}

func (d *jsonIntake) resourceSpans() {
	d.peek()
	before := len(d.spans)
	d.groups = append(d.groups, spanGroup{start: d.pos})
	group := &d.groups[len(d.groups)-1]
	if o := d.openings.find(d.b[d.pos:]); o != nil {
		d.pos += len(o.text)
		*group = spanGroup{opening: o, seen: o.seen, start: -1}
		d.restOfSpans()
		d.restOfScope(1<<jsonSpans, group)
		d.restOfScopes(group)
	} else {
		d.take('{')
	}
	d.restOfResourceSpans(group)
	group.spans = len(d.spans) - before
}

// The fields of an element of resourceSpans that must not come twice, and the one of an
// element of scopeSpans.
const (
	jsonResource = iota
	jsonScopes

	jsonSpans = 0
)

// A function rest… goes on behind the opening bracket, or behind a value inside, of what
// it reads the rest of.

func (d *jsonIntake) restOfResourceSpans(group *spanGroup) {
	for d.more('}') {
		switch key := d.key(); string(key) {
		case "resource":
			d.once(&group.seen, jsonResource)
			d.readResource(group)
		case "scopeSpans":
			d.once(&group.seen, jsonScopes)
			d.take('[')
			d.restOfScopes(group)
		default:
			d.skipUnknown(key, "resource", "scopeSpans", "instrumentationLibrarySpans")
		}
	}
}

func (d *jsonIntake) restOfScopes(group *spanGroup) {
	for d.more(']') {
		d.scopeSpans(group)
	}
}

func (d *jsonIntake) scopeSpans(group *spanGroup) {
	d.take('{')
	d.restOfScope(0, group)
}

func (d *jsonIntake) restOfScope(seen jsonFields, group *spanGroup) {
	for d.more('}') {
		switch key := d.key(); string(key) {
		case "spans":
			d.once(&seen, jsonSpans)
			d.take('[')
			d.learnOpening(group)
			d.restOfSpans()
		default:
			d.skipUnknown(key, "spans")
		}
	}
}

func (d *jsonIntake) restOfSpans() {
	for d.more(']') {
		d.span()
	}
}

// learnOpening remembers what stands before the first list of spans of a group.
func (d *jsonIntake) learnOpening(group *spanGroup) {
	if group.start < 0 || d.failed {
		return
	}
	d.openings.learn(d.b[group.start:d.pos], group.resource, group.seen)
	group.start = -1
}

// readResource goes behind the resource of a group.
func (d *jsonIntake) readResource(group *spanGroup) {
	d.peek()
	start := d.pos
	d.resource(&resource{})
	group.resource, group.opening = d.b[start:d.pos], nil
}

// resource reads a resource.
func (d *jsonIntake) resource(to *resource) {
	var seen jsonFields
	for d.take('{'); d.more('}'); {
		switch key := d.key(); string(key) {
		case "attributes":
			d.once(&seen, 0)
			for d.take('['); d.more(']'); {
				d.resourceAttribute(to)
			}
		default:
			d.skipUnknown(key, "attributes")
		}
	}
}

func (d *jsonIntake) resourceAttribute(to *resource) {
	p := d.pair()
	key := validText(p.key)
	if p.form != noScalar && to.needs(key, d.source.keep(key)) {
		to.add(key, validText(d.say(p.form, p.value)))
	}
}

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
