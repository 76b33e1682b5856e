package tracefile

import (
	"bytes"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
)

// A fastDecoder decodes requests of OTLP JSON into the packer of a sink, without intermediate
// values. It takes a request as a whole or refuses it. For a request that it takes, the result is
// that of [jsonDecoder], which defines the meaning of OTLP JSON. It refuses invalid requests, whose
// faults jsonDecoder then explains, and unusual ones: with keys that have escapes, are in another
// case or are repeated, with ids in base64, or with numbers that have exponents.
//
// No library is as fast: simdjson-go, fastjson and go-json need more than twice the time of this
// decoder and the graph together, only to extract the same fields. Three ideas did not help. The
// first was to remember whole attributes, one by one, instead of their prefixes; a spanTemplate,
// which compares many at once, helps. The second was to skip strings without making slices of them.
// The third was to avoid the copy in the buffer of bufio, which costs 1 %.
type fastDecoder struct {
	sink   *sink
	filter *attributeFilter
	in     jsontext.Cursor // over the current request

	resources prefixMemo[knownResource]
	attrNames prefixMemo[knownAttr]
	order     fieldOrder
	templates templateCache
	weights   weightMemo
	traceIDs  traceIDMemo
	refused   int // bytes of the current line, if it was refused

	// The current request:
	groups   []spanGroup
	spans    []pack.Span
	attrs    []packedAttr     // of the current span
	recorder templateRecorder // of the current span
	widened  []int            // scratch
}

// A spanGroup is an element of resourceSpans: spans of one resource.
type spanGroup struct {
	known    *prefix[knownResource] // nil if the resource is not known
	resource []byte                 // encoded, if it is not known
	spans    int                    // number of spans

	start int // index in the request; -1 after the group's first list of spans
	seen  jsontext.Fields
}

// A knownResource is the meaning of an element of resourceSpans up to its first span. If a request
// has only one span, as some stores and collectors write them, this prefix is a quarter of its
// bytes.
type knownResource struct {
	resource []byte          // encoded; empty if there is none
	seen     jsontext.Fields // of the element
	scope    pack.Scope      // the packer's number of the first scope
	ofScope  jsontext.Fields // the fields of the first element of scopeSpans, with the list of spans
}

// A packedAttr is an attribute that a graph may read, with its value as text.
type packedAttr struct {
	number semconv.Key
	value  []byte
}

func newFastDecoder(s *sink) *fastDecoder {
	return &fastDecoder{
		sink:      s,
		filter:    newAttributeFilter(s.packer),
		resources: newPrefixMemo[knownResource](prefixConfig{texts: 1 << 12, ways: 16, hashTo: minResourcePrefix, maxText: 8 << 10}),
		attrNames: newPrefixMemo[knownAttr](prefixConfig{texts: 1 << 10, ways: 2, hashFrom: 8, hashTo: minAttrPrefix, maxText: 160}),
	}
}

// The shortest prefixes that are learned, in bytes. These first bytes are hashed. In most resources
// they contain the name of the service. The first eight bytes of all attributes are the same.
const (
	minResourcePrefix = 128
	minAttrPrefix     = 32 // {"key":"x","value":{"boolValue":
)

// decodeLine decodes the next request of a stream if it ends in the line that it begins in.
// Otherwise it returns false and consumes nothing.
func (d *fastDecoder) decodeLine(stream *jsontext.Stream) bool {
	line := stream.Line()
	if !d.read(line) {
		d.refused = len(line)
		return false
	}
	stream.Advance(d.in.Pos)
	d.sink.record++
	d.emit()
	return true
}

// decodeObject decodes a request, unless decodeLine refused it already.
func (d *fastDecoder) decodeObject(object []byte) bool {
	if len(object) <= d.refused || !d.read(object) {
		return false
	}
	d.emit()
	return true
}

// decodeRequest decodes a request that nothing follows.
func (d *fastDecoder) decodeRequest(b []byte) bool {
	if !d.read(b) || d.in.Peek() != 0 || d.in.Pos < len(b) {
		return false
	}
	d.emit()
	return true
}

// read reads the request that b begins with, and reports whether it is usual.
func (d *fastDecoder) read(b []byte) bool {
	d.in = jsontext.Cursor{Text: b}
	d.groups, d.spans = d.groups[:0], d.spans[:0]
	lists := 0
	for d.in.Expect('{'); d.in.Next('}'); {
		switch key := d.in.Key(); string(key) {
		case "resourceSpans", "batches":
			lists++
			d.listOfResourceSpans()
		case "trace":
			lists++
			d.trace()
		default:
			d.in.SkipUnknown(key, "resourceSpans", "batches", "trace", "result")
		}
	}
	return !d.in.Failed && lists == 1
}

// emit packs the spans of the request that was read.
func (d *fastDecoder) emit() {
	rest := d.spans
	for i := range d.groups {
		group := &d.groups[i]
		spans := rest[:group.spans]
		rest = rest[group.spans:]
		if len(spans) == 0 {
			continue
		}
		number := d.resourceNumber(group)
		for part := range slices.Chunk(spans, requestBatch) {
			for i := range part {
				d.sink.countSpan(part[i].TraceID, part[i].SpanID)
				d.sink.packer.Add(number, &part[i])
			}
			d.sink.flush(batchSize)
		}
	}
	if cap(d.spans) > maxKeptSpans {
		d.spans = nil
	}
}

// maxKeptSpans is for how many spans a decoder keeps memory between requests. Without the limit,
// the memory for one large request would remain.
const maxKeptSpans = 1 << 15

// resourceNumber returns the packer's number of a group's resource. Remembering the number of a
// known resource for the rest of a batch saved less than 2 %.
func (d *fastDecoder) resourceNumber(group *spanGroup) pack.ResourceNumber {
	encoded := group.resource
	if group.known != nil {
		encoded = group.known.is.resource
	}
	if number, known := d.sink.packer.KnownResource(encoded); known {
		return number
	}
	var res resource
	if len(encoded) > 0 {
		d.in = jsontext.Cursor{Text: encoded}
		d.resource(&res)
	}
	return d.sink.packer.AddResource(encoded, res.service, res.namespace, res.packedAttrs())
}

// trace reads the object around Tempo's answers.
func (d *fastDecoder) trace() {
	lists := 0
	for d.in.Expect('{'); d.in.Next('}'); {
		switch key := d.in.Key(); string(key) {
		case "resourceSpans":
			lists++
			d.listOfResourceSpans()
		default:
			d.in.SkipUnknown(key, "resourceSpans")
		}
	}
	if lists != 1 {
		d.in.Fail()
	}
}

func (d *fastDecoder) listOfResourceSpans() {
	for d.in.Expect('['); d.in.Next(']'); {
		d.resourceSpans()
	}
}

func (d *fastDecoder) resourceSpans() {
	d.in.Peek()
	before := len(d.spans)
	d.groups = append(d.groups, spanGroup{start: d.in.Pos})
	group := &d.groups[len(d.groups)-1]
	if known := d.resources.find(d.in.Rest()); known != nil {
		d.in.Pos += len(known.text)
		*group = spanGroup{known: known, seen: known.is.seen, start: -1}
		d.restOfSpans()
		d.restOfScope(group, scopeSpans{known.is.ofScope, known.is.scope, before})
		d.restOfScopes(group)
	} else {
		d.in.Expect('{')
	}
	d.restOfResourceSpans(group)
	if group.spans = len(d.spans) - before; group.spans == 0 {
		d.groups = d.groups[:len(d.groups)-1] // many empty objects must not take memory: an empty object takes two bytes, and a group dozens
	}
}

// The fields that must not be repeated: of an element of resourceSpans, and of an element of
// scopeSpans.
const (
	groupFieldResource = iota
	groupFieldScopes

	scopeFieldSpans = iota - 2
	scopeFieldScope
)

// scopeSpans is what is known of an element of scopeSpans while it is read.
type scopeSpans struct {
	seen  jsontext.Fields
	scope pack.Scope // the packer's number of the scope
	first int        // the index of the first span in fastDecoder.spans
}

// A method restOf… reads the rest of a list or object, from after its opening bracket or
// after a value in it.

func (d *fastDecoder) restOfResourceSpans(group *spanGroup) {
	for d.in.Next('}') {
		switch key := d.in.Key(); string(key) {
		case "resource":
			d.in.FailIfRepeated(&group.seen, groupFieldResource)
			d.groupResource(group)
		case "scopeSpans":
			d.in.FailIfRepeated(&group.seen, groupFieldScopes)
			d.in.Expect('[')
			d.restOfScopes(group)
		default:
			d.in.SkipUnknown(key, "resource", "scopeSpans", "instrumentationLibrarySpans")
		}
	}
}

func (d *fastDecoder) restOfScopes(group *spanGroup) {
	for d.in.Next(']') {
		d.in.Expect('{')
		d.restOfScope(group, scopeSpans{first: len(d.spans)})
	}
}

func (d *fastDecoder) restOfScope(group *spanGroup, of scopeSpans) {
	for d.in.Next('}') {
		switch key := d.in.Key(); string(key) {
		case "scope":
			d.in.FailIfRepeated(&of.seen, scopeFieldScope)
			of.scope = d.scope()
		case "spans":
			d.in.FailIfRepeated(&of.seen, scopeFieldSpans)
			d.in.Expect('[')
			d.learnResource(group, of)
			d.restOfSpans()
		default:
			d.in.SkipUnknown(key, "scope", "spans")
		}
	}
	for i := of.first; i < len(d.spans); i++ {
		d.spans[i].Scope = of.scope
	}
}

// scope reads a scope and returns the packer's number of its name.
func (d *fastDecoder) scope() (number pack.Scope) {
	var seen jsontext.Fields
	for d.in.Expect('{'); d.in.Next('}'); {
		switch key := d.in.Key(); string(key) {
		case "name":
			d.in.FailIfRepeated(&seen, 0)
			number = d.sink.packer.Scope(d.in.PlainString())
		default:
			d.in.SkipUnknown(key, "name")
		}
	}
	return number
}

func (d *fastDecoder) restOfSpans() {
	for d.in.Next(']') {
		d.span()
	}
}

// learnResource learns the bytes before the first list of spans of a group.
func (d *fastDecoder) learnResource(group *spanGroup, of scopeSpans) {
	if group.start < 0 || d.in.Failed {
		return
	}
	p := d.resources.learn(d.in.Text[group.start:d.in.Pos], knownResource{seen: group.seen, scope: of.scope, ofScope: of.seen})
	if p != nil {
		p.is.resource = p.text[bytes.Index(p.text, group.resource):][:len(group.resource)]
	}
	group.start = -1
}

// groupResource consumes the resource of a group.
func (d *fastDecoder) groupResource(group *spanGroup) {
	d.in.Peek()
	start := d.in.Pos
	d.resource(&resource{})
	group.resource, group.known = d.in.Text[start:d.in.Pos], nil
}

// resource reads a resource.
func (d *fastDecoder) resource(to *resource) {
	var seen jsontext.Fields
	for d.in.Expect('{'); d.in.Next('}'); {
		switch key := d.in.Key(); string(key) {
		case "attributes":
			d.in.FailIfRepeated(&seen, 0)
			for d.in.Expect('['); d.in.Next(']'); {
				d.resourceAttribute(to)
			}
		default:
			d.in.SkipUnknown(key, "attributes")
		}
	}
}

func (d *fastDecoder) resourceAttribute(to *resource) {
	a := readJSONAttr(&d.in)
	key := semconv.ValidText(string(a.key))
	if a.typ != typeOther && to.needs(key, d.sink.keep(key)) {
		to.add(key, semconv.ValidText(string(attrText(&d.in, a.typ, a.value))))
	}
}
