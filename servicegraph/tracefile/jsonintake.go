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
