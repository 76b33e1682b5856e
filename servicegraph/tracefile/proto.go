package tracefile

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A wireDecoder decodes the spans of OTLP protobuf into a sink, without building the messages in
// between. If some bytes are not protobuf, it skips the smallest message that contains them.
//
// If the sink has a packer, spans are packed with the attributes that a graph reads.
// Otherwise they go out as values, with the attributes that the sink keeps.
type wireDecoder struct {
	sink    *sink
	damaged error // why a message was skipped first; the caller clears it

	wire   wireSpan // the current span
	keys   keyMemo
	texts  interner
	scopes pack.Memo[pack.Scope] // by their encoding; without it, decoding spans with a scope each takes 1.05 to 1.08 times the time
	packed attrMemo
	attrs  arena[servicegraph.Attr]
	links  arena[servicegraph.Link]
	number []byte // scratch

	resourceAttrs []servicegraph.Attr // of the current resource
	spanAttrs     []servicegraph.Attr // of the current span
	scopeName     []byte              // of the current scope, without a packer; a part of the message
	unscoped      int                 // the index in the batch of the first span whose scope is not set yet; -1 if the scope is known
	linkValues    []servicegraph.Link // scratch

	raw     pack.Span       // the current span, for the packer
	filter  attributeFilter // of the packer; empty without one
	weights weightMemo
}

func newWireDecoder(s *sink) *wireDecoder {
	d := &wireDecoder{sink: s}
	if s.packer != nil {
		d.filter = *newAttributeFilter(s.packer)
	}
	return d
}

// damage reports and skips a message that is not protobuf.
func (d *wireDecoder) damage(what func() string, err error) error {
	reason := func() error { return fmt.Errorf("%s: damaged protobuf: %w", what(), err) }
	if d.damaged == nil {
		d.damaged = reason()
	}
	return d.sink.skipFor(reason)
}

// The parts of a request, other than a span, that can be damaged.
func restOfRequest() string { return "the rest of a request" }
func allOfResource() string { return "all spans of a resource" }
func restOfScope() string   { return "the rest of the spans of a scope" }

// request decodes the spans of an ExportTraceServiceRequest.
func (d *wireDecoder) request(b []byte) error {
	r := wireReader{rest: b}
	for len(r.rest) > 0 && r.next() {
		if r.tag == requestResourceSpans {
			if err := d.resourceSpans(r.bytes); err != nil {
				return err
			}
		}
	}
	if r.err != nil {
		return d.damage(restOfRequest, r.err)
	}
	return nil
}

// resourceSpans decodes the spans of one resource. Some writers put the spans before the
// resource, so the resource is read first. Most messages have one ScopeSpans, which is then known
// without a second loop.
func (d *wireDecoder) resourceSpans(b []byte) error {
	if err := d.sink.spend(); err != nil {
		return err
	}
	var encoded, scopeSpans []byte
	n := 0 // of ScopeSpans
	r := wireReader{rest: b}
	for len(r.rest) > 0 && r.next() {
		switch r.tag {
		case spansResource:
			encoded = concat(encoded, r.bytes)
		case spansScopeSpans:
			scopeSpans, n = r.bytes, n+1
		}
	}
	res := resource{encoded: encoded}
	err := r.err
	if err == nil {
		err = d.identify(&res)
	}
	if err != nil {
		return d.damage(allOfResource, err)
	}

	if n == 1 {
		return d.scopeSpans(scopeSpans, &res)
	}
	r = wireReader{rest: b}
	for len(r.rest) > 0 && r.next() {
		if r.tag == spansScopeSpans {
			if err := d.scopeSpans(r.bytes, &res); err != nil {
				return err
			}
		}
	}
	return nil
}

// identify reads a resource, unless the packer knows it.
func (d *wireDecoder) identify(res *resource) error {
	packer := d.sink.packer
	if packer != nil {
		var known bool
		if res.number, known = packer.KnownResource(res.encoded); known {
			return nil
		}
	}
	res.attrs = d.resourceAttrs[:0]
	err := d.resource(res.encoded, res)
	d.resourceAttrs, res.attrs = res.attrs, d.attrs.clone(res.attrs)
	if err == nil && packer != nil {
		res.number = packer.AddResource(res.encoded, res.service, res.namespace, res.packedAttrs())
	}
	return err
}

// resource decodes a resource.
func (d *wireDecoder) resource(b []byte, res *resource) error {
	r := wireReader{rest: b}
	for r.next() {
		if r.tag != resourceAttributes {
			continue
		}
		key, value, err := splitAttribute(r.bytes)
		if err != nil {
			return err
		}
		if k := d.keys.look(key, d.sink.keep); res.needs(k.text, k.keep) {
			text, ok, err := d.text(value)
			if err != nil {
				return err
			}
			if ok {
				res.add(k.text, text)
			}
		}
	}
	return r.err
}

// scopeSpans decodes the spans of one scope. From SDKs, the scope comes before the spans. From the
// Collector, it comes after them, and the spans are packed before the scope is known.
func (d *wireDecoder) scopeSpans(b []byte, res *resource) error {
	if err := d.sink.spend(); err != nil {
		return err
	}
	packer := d.sink.packer
	if packer != nil {
		d.raw.Scope, d.unscoped = 0, packer.Len()
	} else {
		d.scopeName = nameIn(scopeIn(b))
	}
	r := wireReader{rest: b}
	for len(r.rest) > 0 && r.next() {
		switch r.tag {
		case scopeSpansScope:
			d.setScope(r.bytes)
		case scopeSpansSpans:
			if err := d.span(r.bytes, res); err != nil {
				return err
			}
			if d.sink.budget > 0 && packer.Len() >= requestBatch {
				d.setScope(scopeIn(r.rest))
				d.sink.flush(requestBatch)
			}
		}
	}
	if r.err != nil {
		return d.damage(restOfScope, r.err)
	}
	return nil
}

// setScope sets the scope of the spans of the current ScopeSpans, if they are packed and it is not
// set yet.
func (d *wireDecoder) setScope(encoded []byte) {
	if d.sink.packer == nil || d.unscoped < 0 {
		return
	}
	d.raw.Scope = d.scopeNumber(encoded)
	d.sink.packer.SetScope(d.unscoped, d.raw.Scope)
	d.unscoped = -1
}

// maxKnownScope is the size in bytes of the largest scope that is remembered.
const maxKnownScope = 256

// scopeNumber returns the packer's number of a scope.
func (d *wireDecoder) scopeNumber(encoded []byte) pack.Scope {
	number, known := d.scopes.Find(encoded)
	if !known {
		number = d.sink.packer.Scope(nameIn(encoded))
		if len(encoded) <= maxKnownScope {
			d.scopes.Add(string(encoded), number)
		}
	}
	return number
}

// scopeIn returns the scope in the fields of a ScopeSpans, encoded. It is empty if there is none.
func scopeIn(fields []byte) []byte {
	r := wireReader{rest: fields}
	for r.skipTo(scopeSpansScope); r.next(); r.skipTo(scopeSpansScope) {
		if r.tag == scopeSpansScope {
			return r.bytes
		}
	}
	return nil
}

// nameIn returns the name of an encoded scope.
func nameIn(scope []byte) (name []byte) {
	r := wireReader{rest: scope}
	for r.next() {
		if r.tag == scopeName {
			name = r.bytes
		}
	}
	return name
}

// span decodes one span into the sink, or rejects it. Links without valid ids are left out.
func (d *wireDecoder) span(b []byte, res *resource) error {
	if err := d.sink.spend(); err != nil {
		return err
	}
	w, raw := &d.wire, &d.raw
	err := w.read(b, d.filter.any)
	if err == nil {
		err = d.readRest(w)
	}
	if err != nil {
		return d.damage(func() string { return d.describe(res) }, err)
	}
	if err := readIDs(raw, w); err != nil {
		return d.sink.reject(1, func() error { return fmt.Errorf("%s: %w", d.describe(res), err) })
	}
	if w.linkErr != nil {
		skipped := d.sink.skipFor(func() error { return fmt.Errorf("a link of %s: %w", d.describe(res), w.linkErr) })
		if skipped != nil {
			return skipped
		}
	}
	raw.Start, raw.End = timeOf(w.start), timeOf(w.end)
	raw.Weight = 0
	if len(w.state) > 0 {
		raw.Weight = d.weights.of(w.state)
	}
	if d.sink.packer != nil {
		raw.Links = w.links
		d.sink.countSpan(raw.TraceID, raw.SpanID)
		d.sink.packer.Add(res.number, raw)
		return nil
	}
	d.linkValues = d.linkValues[:0]
	for _, l := range w.links {
		d.linkValues = append(d.linkValues, servicegraph.Link{TraceID: l.TraceID, SpanID: l.SpanID})
	}
	s := servicegraph.Span{
		TraceID: raw.TraceID, SpanID: raw.SpanID, ParentID: raw.ParentID,
		Service: res.service, Namespace: res.namespace, Resource: res.attrs,
		Name: d.texts.intern(w.name), Kind: servicegraph.Kind(raw.Kind), Status: servicegraph.Status(raw.Status),
		Start: raw.Start, End: raw.End, Weight: raw.Weight,
		Links: d.links.clone(d.linkValues),
	}
	if len(d.scopeName) > 0 && d.sink.keep(scopeKey) && !slices.ContainsFunc(d.spanAttrs, func(a servicegraph.Attr) bool { return a.Key == scopeKey }) {
		d.spanAttrs = append(d.spanAttrs, servicegraph.Attr{Key: scopeKey, Value: d.texts.intern(d.scopeName)})
	}
	s.Attrs = d.attrs.clone(d.spanAttrs)
	return d.sink.addSpan(s)
}

// readRest decodes the status and the attributes of a span, which can be damaged.
func (d *wireDecoder) readRest(w *wireSpan) (err error) {
	d.raw.Kind = semconv.Kind(servicegraph.KindOf(int64(int32(w.kind))))
	d.raw.Status = 0
	if d.sink.packer != nil {
		err = d.packAttributes(w)
	} else {
		err = d.keepAttributes(w)
	}
	if err == nil && len(w.status) > 0 {
		err = d.readStatus(w.status)
	}
	return err
}

// describe names the current span in an error message.
func (d *wireDecoder) describe(res *resource) string {
	if d.sink.packer != nil && res.service == "" { // the packer knew the resource by its encoding, so it was not decoded
		var again resource
		if d.resource(res.encoded, &again) == nil {
			res.service = again.service
		}
	}
	return describe(semconv.ValidText(string(d.wire.name)), res.service)
}

// readIDs reads the ids of a span. Only the parent's id may be missing.
func readIDs(to *pack.Span, w *wireSpan) error {
	if len(w.traceID) != len(to.TraceID) {
		return &lengthError{"trace id", len(to.TraceID), len(w.traceID)}
	}
	if len(w.spanID) != len(to.SpanID) {
		return &lengthError{"span id", len(to.SpanID), len(w.spanID)}
	}
	to.TraceID, to.SpanID = servicegraph.TraceID(w.traceID), servicegraph.SpanID(w.spanID)
	switch len(w.parentID) {
	case len(to.ParentID):
		to.ParentID = servicegraph.SpanID(w.parentID)
	case 0:
		to.ParentID = servicegraph.SpanID{}
	default:
		return &lengthError{"parent span id", len(to.ParentID), len(w.parentID)}
	}
	return nil
}

// readStatus reads the status of the current span, after the attributes, because the message of the
// status becomes an attribute if messages are kept.
func (d *wireDecoder) readStatus(b []byte) error {
	r := wireReader{rest: b}
	var message []byte
	for len(r.rest) > 0 && r.next() {
		switch r.tag {
		case statusCode:
			d.raw.Status = uint8(servicegraph.StatusOf(int64(int32(r.bits))))
		case statusMessage:
			message = r.bytes
		}
	}
	if len(message) > 0 && d.sink.messages && r.err == nil {
		d.addMessage(message)
	}
	return r.err
}

// addMessage adds the message of the status of the current span to its attributes.
func (d *wireDecoder) addMessage(message []byte) {
	if d.sink.packer == nil {
		d.spanAttrs = append(d.spanAttrs, servicegraph.Attr{Key: messageKey, Value: semconv.ValidText(string(message))})
		return
	}
	d.raw.AddAttr(d.filter.byKind[d.raw.Kind], semconv.StatusMessage, []byte(semconv.ErrorIn(string(message))))
}

// keepAttributes reads the attributes of the current span that the sink keeps.
func (d *wireDecoder) keepAttributes(w *wireSpan) error {
	d.spanAttrs = d.spanAttrs[:0]
	for _, a := range w.attributes {
		key, value, err := splitAttribute(a)
		if err != nil {
			return err
		}
		k := d.keys.look(key, d.sink.keep)
		if !k.keep {
			continue
		}
		text, ok, err := d.text(value)
		if err != nil {
			return err
		}
		if ok {
			d.spanAttrs = append(d.spanAttrs, servicegraph.Attr{Key: k.text, Value: text})
		}
	}
	return nil
}

// packAttributes reads the attributes of the current span that a graph reads of spans of
// its kind. It also decodes those that a graph reads of other kinds, because damage in them
// counts for every reader.
func (d *wireDecoder) packAttributes(w *wireSpan) error {
	d.raw.ClearAttrs()
	filter := d.filter.byKind[d.raw.Kind]
	for _, encoded := range w.attributes {
		k := d.packed.at(encoded)
		if !k.is(encoded) {
			k = d.packed.place(k)
			if err := d.packAttribute(&k.attr, encoded); err != nil {
				return err
			}
			d.packed.learn(k, encoded)
		}
		if filter.Has(k.attr.Key) {
			d.raw.AddPacked(&k.attr)
		}
	}
	return nil
}

// packAttribute packs an attribute. Its key becomes 0 if a graph does not read the attribute.
func (d *wireDecoder) packAttribute(to *pack.PackedAttr, encoded []byte) error {
	to.Key = 0
	key, value, err := splitAttribute(encoded)
	if err != nil {
		return err
	}
	number := d.filter.any.Key(key)
	if number == 0 {
		return nil
	}
	text, ok, err := d.scalar(value)
	if ok {
		to.Set(d.filter.any, number, text)
	}
	return err
}

// text returns the text of an AnyValue, and false if the value is missing or not a scalar.
func (d *wireDecoder) text(b []byte) (text string, ok bool, err error) {
	raw, ok, err := d.scalar(b)
	if !ok {
		return "", false, err
	}
	return d.texts.intern(raw), true, nil
}

// scalar is text as bytes, which may not be UTF-8. They are a part of the message, or valid
// until the next call.
func (d *wireDecoder) scalar(b []byte) (text []byte, ok bool, err error) {
	if len(b) > 1 && b[0] == byte(valueString) && b[1] < 0x80 && int(b[1]) == len(b)-2 {
		return b[2:], true, nil
	}
	if n, ok := shortInt(b); ok {
		d.number = strconv.AppendUint(d.number[:0], n, 10)
		return d.number, true, nil
	}
	r := wireReader{rest: b}
	for r.next() {
		switch r.tag {
		case valueString:
			text, ok = r.bytes, true
		case valueBool:
			d.number = strconv.AppendBool(d.number[:0], r.bits != 0)
			text, ok = d.number, true
		case valueInt:
			d.number = strconv.AppendInt(d.number[:0], int64(r.bits), 10)
			text, ok = d.number, true
		case valueDouble:
			d.number = append(d.number[:0], floatText(math.Float64frombits(r.bits))...)
			text, ok = d.number, true
		case valueArray, valueMap, valueBytes:
			ok = false
		}
	}
	return text, ok && r.err == nil, r.err
}

// shortInt returns the integer of an AnyValue if it has at most 14 bits, such as a status or
// a port below 16384, and false for any other value.
func shortInt(b []byte) (n uint64, ok bool) {
	switch {
	case len(b) == 3 && b[0] == byte(valueInt) && b[1] >= 0x80 && b[2] < 0x80:
		return uint64(b[1]&0x7f) | uint64(b[2])<<7, true
	case len(b) == 2 && b[0] == byte(valueInt) && b[1] < 0x80:
		return uint64(b[1]), true
	}
	return 0, false
}
