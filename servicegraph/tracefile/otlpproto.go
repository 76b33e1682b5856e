package tracefile

import (
	"fmt"
	"math"
	"strconv"

	"github.com/tempograph/tempograph/servicegraph"
)

// A wireDecoder turns OTLP protobuf into the spans of a source, without building
// the messages in between. Where something is not protobuf, the smallest message
// around it is skipped.
//
// Spans go one of two ways: as values to the consumer of the source, with the
// attributes that it keeps, or packed into the source's intake, with those that a graph
// reads.
type wireDecoder struct {
	*source
	damaged error // why something was skipped, the last; cleared by whoever asks

	wire   wireSpan // the span at hand
	keys   map[string]knownKey
	texts  interner
	attrs  arena[servicegraph.Attr]
	links  arena[servicegraph.Link]
	number []byte // scratch

	resourceAttrs []servicegraph.Attr // of the resource at hand
	spanAttrs     []servicegraph.Attr // of the span at hand
	spanLinks     []servicegraph.Link

	raw     servicegraph.RawSpan // the span at hand, on its way to the intake
	filter  attributeFilter      // of the intake; empty without one
	weights weights
}

// A knownKey is the key of an attribute, and whether it is kept.
type knownKey struct {
	text string
	keep bool
}

func newWireDecoder(s *source) *wireDecoder {
	d := &wireDecoder{source: s, keys: make(map[string]knownKey), texts: make(interner)}
	if s.intake != nil {
		d.filter = *newAttributeFilter(s.intake)
	}
	return d
}

// damage reports and skips what turned out not to be protobuf.
func (d *wireDecoder) damage(what string, err error) error {
	d.damaged = fmt.Errorf("%s: damaged protobuf: %w", what, err)
	return d.skip(d.damaged)
}

// request passes the spans of an ExportTraceServiceRequest on.
func (d *wireDecoder) request(b []byte) error {
	r := wireReader{rest: b}
	for r.next() {
		if r.tag == requestResourceSpans {
			if err := d.resourceSpans(r.bytes); err != nil {
				return err
			}
		}
	}
	if r.err != nil {
		return d.damage("the rest of a request", r.err)
	}
	return nil
}

// resourceSpans passes the spans of one resource on. Some writers put them
// before the resource, so it is looked for first.
func (d *wireDecoder) resourceSpans(b []byte) error {
	var encoded []byte
	r := wireReader{rest: b}
	for r.next() {
		if r.tag == spansResource {
			encoded = joined(encoded, r.bytes)
		}
	}
	res := resource{encoded: encoded}
	err := r.err
	if err == nil {
		err = d.enter(&res)
	}
	if err != nil {
		return d.damage("all spans of a resource", err)
	}

	r = wireReader{rest: b}
	for r.next() {
		if r.tag == spansScopeSpans {
			if err := d.scopeSpans(r.bytes, &res); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter reads a resource, unless the intake has seen it before.
func (d *wireDecoder) enter(res *resource) error {
	if d.intake != nil {
		var known bool
		if res.number, known = d.intake.KnownResource(res.encoded); known {
			return nil
		}
	}
	res.attrs = d.resourceAttrs[:0]
	err := d.resource(res.encoded, res)
	d.resourceAttrs, res.attrs = res.attrs, d.attrs.clone(res.attrs)
	if err == nil && d.intake != nil {
		res.number = d.intake.Resource(res.encoded, res.service, res.namespace, res.attrs)
	}
	return err
}

func (d *wireDecoder) resource(b []byte, res *resource) error {
	r := wireReader{rest: b}
	for r.next() {
		if r.tag != resourceAttributes {
			continue
		}
		key, value, err := cutAttribute(r.bytes)
		if err != nil {
			return err
		}
		if k := d.known(key); res.needs(k.text, k.keep) {
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

func (d *wireDecoder) scopeSpans(b []byte, res *resource) error {
	r := wireReader{rest: b}
	for r.next() {
		if r.tag == scopeSpansSpans {
			if err := d.pass(r.bytes, res); err != nil {
				return err
			}
		}
	}
	if r.err != nil {
		return d.damage("the rest of the spans of a scope", r.err)
	}
	return nil
}

// pass passes one span on, or says why it is none. Links that are none are
// left out of it.
func (d *wireDecoder) pass(b []byte, res *resource) error {
	w, raw := &d.wire, &d.raw
	err := w.read(b, d.filter.any)
	var linkErr error
	if err == nil {
		err = d.readRest(w, &linkErr)
	}
	if err != nil {
		return d.damage(d.describe(res), err)
	}
	if err := readIDs(raw, w); err != nil {
		return d.reject(1, fmt.Errorf("%s: %w", d.describe(res), err))
	}
	if linkErr != nil {
		if err := d.skip(fmt.Errorf("a link of %s: %w", d.describe(res), linkErr)); err != nil {
			return err
		}
	}
	raw.Start, raw.End = timeOf(w.start), timeOf(w.end)
	raw.Weight = 0
	if len(w.state) > 0 {
		raw.Weight = d.weights.of(w.state)
	}
	if d.intake != nil {
		raw.Links = d.spanLinks
		d.note(raw.TraceID, raw.SpanID)
		d.intake.Add(res.number, raw)
		return nil
	}
	return d.span(servicegraph.Span{
		TraceID: raw.TraceID, SpanID: raw.SpanID, ParentID: raw.ParentID,
		Service: res.service, Namespace: res.namespace, Resource: res.attrs,
		Name: d.texts.intern(w.name), Kind: raw.Kind, Status: raw.Status,
		Start: raw.Start, End: raw.End, Weight: raw.Weight,
		Attrs: d.attrs.clone(d.spanAttrs), Links: d.links.clone(d.spanLinks),
	})
}

// readRest makes sense of those fields that can still be damaged.
func (d *wireDecoder) readRest(w *wireSpan, linkErr *error) (err error) {
	d.raw.Kind = kindOf(int64(int32(w.kind)))
	d.raw.Status = servicegraph.StatusUnset
	if len(w.status) > 0 {
		d.raw.Status, err = readStatus(w.status)
	}
	if err == nil && d.intake != nil {
		err = d.readRawAttributes(w)
	} else if err == nil {
		err = d.readAttributes(w)
	}
	d.spanLinks = d.spanLinks[:0]
	for _, link := range w.links {
		if err == nil {
			err = d.readLink(link, linkErr)
		}
	}
	return err
}

// describe names the span at hand in a message.
func (d *wireDecoder) describe(res *resource) string {
	if d.intake != nil && res.service == "" { // it was recognized by its encoding
		var again resource
		if d.resource(res.encoded, &again) == nil {
			res.service = again.service
		}
	}
	return describe(validText(d.wire.name), res.service)
}

// readIDs reads the ids of a span. Only that of the parent may be missing.
func readIDs(to *servicegraph.RawSpan, w *wireSpan) error {
	if len(w.traceID) != len(to.TraceID) {
		return fmt.Errorf("trace id: %w", wrongLength(to.TraceID[:], w.traceID))
	}
	if len(w.spanID) != len(to.SpanID) {
		return fmt.Errorf("span id: %w", wrongLength(to.SpanID[:], w.spanID))
	}
	to.TraceID, to.SpanID = servicegraph.TraceID(w.traceID), servicegraph.SpanID(w.spanID)
	switch len(w.parentID) {
	case len(to.ParentID):
		to.ParentID = servicegraph.SpanID(w.parentID)
	case 0:
		to.ParentID = servicegraph.SpanID{}
	default:
		return fmt.Errorf("parent span id: %w", wrongLength(to.ParentID[:], w.parentID))
	}
	return nil
}

func wrongLength(id, b []byte) error {
	return fmt.Errorf("want %d bytes, got %d", len(id), len(b))
}

func copyID(id, b []byte) error {
	if len(b) != len(id) {
		return wrongLength(id, b)
	}
	copy(id, b)
	return nil
}

func readStatus(b []byte) (servicegraph.Status, error) {
	status := servicegraph.StatusUnset
	r := wireReader{rest: b}
	for r.next() {
		if r.tag == statusCode {
			status = statusOf(int64(int32(r.bits)))
		}
	}
	return status, r.err
}

// readLink adds a link to the span being read. An id of the wrong length goes to
// linkErr; the error is of the encoding.
func (d *wireDecoder) readLink(b []byte, linkErr *error) error {
	var traceID, spanID []byte
	r := wireReader{rest: b}
	for r.next() {
		switch r.tag {
		case linkTraceID:
			traceID = r.bytes
		case linkSpanID:
			spanID = r.bytes
		}
	}
	if r.err != nil || len(traceID) == 0 && len(spanID) == 0 {
		return r.err
	}
	var link servicegraph.Link
	if err := copyID(link.TraceID[:], traceID); err != nil {
		*linkErr = fmt.Errorf("trace id: %w", err)
	} else if err := copyID(link.SpanID[:], spanID); err != nil {
		*linkErr = fmt.Errorf("span id: %w", err)
	} else {
		d.spanLinks = append(d.spanLinks, link)
	}
	return nil
}

// readAttributes reads those attributes of the span at hand that are kept.
func (d *wireDecoder) readAttributes(w *wireSpan) error {
	d.spanAttrs = d.spanAttrs[:0]
	for _, a := range w.attributes {
		key, value, err := cutAttribute(a)
		if err != nil {
			return err
		}
		k := d.known(key)
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

// readRawAttributes hands over those attributes of the span at hand that a graph reads
// of spans of its kind. Of what it reads of other kinds only the encoding matters here:
// damage is damage to every reader.
func (d *wireDecoder) readRawAttributes(w *wireSpan) error {
	d.raw.ClearAttrs()
	filter := d.filter.byKind[d.raw.Kind]
	for _, a := range w.attributes {
		key, value, err := cutAttribute(a)
		if err != nil {
			return err
		}
		number := d.filter.any.Key(key)
		if number == 0 {
			continue
		}
		text, ok, err := d.scalar(value)
		if err != nil {
			return err
		}
		if ok && filter.Has(number) {
			d.raw.AddAttr(number, text)
		}
	}
	return nil
}

// known looks a key up, and asks about it when it is new.
func (d *wireDecoder) known(key []byte) knownKey {
	if k, ok := d.keys[string(key)]; ok {
		return k
	}
	k := knownKey{text: validText(key)}
	k.keep = d.keep(k.text)
	if len(key) <= maxInternedLen {
		if len(d.keys) == maxInterned {
			clear(d.keys)
		}
		d.keys[string(key)] = k
	}
	return k
}

// text returns an AnyValue as text, and false if there is none or it is no
// scalar.
func (d *wireDecoder) text(b []byte) (text string, ok bool, err error) {
	raw, ok, err := d.scalar(b)
	if !ok {
		return "", false, err
	}
	return d.texts.intern(raw), true, nil
}

// scalar is text as bytes: part of the message, and perhaps not UTF-8, or what the
// next call writes over.
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
			d.number = appendFloat(d.number[:0], math.Float64frombits(r.bits))
			text, ok = d.number, true
		case valueArray, valueMap, valueBytes:
			ok = false
		}
	}
	return text, ok && r.err == nil, r.err
}

// shortInt returns an AnyValue that is a number of at most 14 bits, such as a port below
// 16384 or a status, and false for any other.
func shortInt(b []byte) (n uint64, ok bool) {
	switch {
	case len(b) == 3 && b[0] == byte(valueInt) && b[1] >= 0x80 && b[2] < 0x80:
		return uint64(b[1]&0x7f) | uint64(b[2])<<7, true
	case len(b) == 2 && b[0] == byte(valueInt) && b[1] < 0x80:
		return uint64(b[1]), true
	}
	return 0, false
}
