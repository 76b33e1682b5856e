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
type wireDecoder struct {
	*source
	damaged bool // something was skipped for that; cleared by whoever asks

	keys   map[string]knownKey
	texts  interner
	attrs  arena[servicegraph.Attr]
	links  arena[servicegraph.Link]
	number []byte // scratch

	spanAttrs []servicegraph.Attr // of the span or resource being read
	spanLinks []servicegraph.Link
}

// A knownKey is the key of an attribute, and whether it is kept.
type knownKey struct {
	text string
	keep bool
}

func newWireDecoder(s *source) *wireDecoder {
	return &wireDecoder{source: s, keys: make(map[string]knownKey), texts: make(interner)}
}

// damage reports and skips what turned out not to be protobuf.
func (d *wireDecoder) damage(what string, err error) error {
	d.damaged = true
	return d.skip(fmt.Errorf("%s: damaged protobuf: %w", what, err))
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
	res := resource{attrs: d.spanAttrs[:0]}
	err := r.err
	if err == nil {
		err = d.resource(encoded, &res)
	}
	if err != nil {
		return d.damage("all spans of a resource", err)
	}
	d.spanAttrs, res.attrs = res.attrs, d.attrs.clone(res.attrs)

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

func (d *wireDecoder) resource(b []byte, res *resource) error {
	r := wireReader{rest: b}
	for r.next() {
		if r.tag != resourceAttributes {
			continue
		}
		key, value, err := d.attribute(r.bytes)
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
	s := servicegraph.Span{Service: res.service, Namespace: res.namespace, Resource: res.attrs}
	d.spanAttrs, d.spanLinks = d.spanAttrs[:0], d.spanLinks[:0]
	var traceID, spanID, parentID, state, status []byte
	var linkErr error

	r := wireReader{rest: b}
	for r.next() {
		switch r.tag {
		case spanTraceID:
			traceID = r.bytes
		case spanSpanID:
			spanID = r.bytes
		case spanParentID:
			parentID = r.bytes
		case spanTraceState:
			state = r.bytes
		case spanName:
			s.Name = d.texts.intern(r.bytes)
		case spanKind:
			s.Kind = kindOf(int64(int32(r.bits)))
		case spanStart:
			s.Start = timeOf(r.bits)
		case spanEnd:
			s.End = timeOf(r.bits)
		case spanStatus:
			status = joined(status, r.bytes)
		case spanAttributes:
			r.err = d.spanAttribute(r.bytes)
		case spanLinks:
			r.err = d.spanLink(r.bytes, &linkErr)
		}
	}
	if r.err == nil {
		s.Status, r.err = d.status(status)
	}
	if r.err != nil {
		return d.damage(describe(s.Name, s.Service), r.err)
	}

	if err := d.ids(&s, traceID, spanID, parentID); err != nil {
		return d.skip(fmt.Errorf("%s: %w", describe(s.Name, s.Service), err))
	}
	if linkErr != nil {
		if err := d.skip(fmt.Errorf("a link of %s: %w", describe(s.Name, s.Service), linkErr)); err != nil {
			return err
		}
	}
	if len(state) > 0 {
		s.Weight = servicegraph.TraceStateWeight(string(state))
	}
	s.Attrs = d.attrs.clone(d.spanAttrs)
	s.Links = d.links.clone(d.spanLinks)
	return d.span(s)
}

// ids sets the ids of a span. Only that of the parent may be missing.
func (d *wireDecoder) ids(s *servicegraph.Span, traceID, spanID, parentID []byte) error {
	if err := copyID(s.TraceID[:], traceID); err != nil {
		return fmt.Errorf("trace id: %w", err)
	}
	if err := copyID(s.SpanID[:], spanID); err != nil {
		return fmt.Errorf("span id: %w", err)
	}
	if len(parentID) == 0 {
		return nil
	}
	if err := copyID(s.ParentID[:], parentID); err != nil {
		return fmt.Errorf("parent span id: %w", err)
	}
	return nil
}

func copyID(id, b []byte) error {
	if len(b) != len(id) {
		return fmt.Errorf("want %d bytes, got %d", len(id), len(b))
	}
	copy(id, b)
	return nil
}

func (d *wireDecoder) status(b []byte) (servicegraph.Status, error) {
	status := servicegraph.StatusUnset
	r := wireReader{rest: b}
	for r.next() {
		if r.tag == statusCode {
			status = statusOf(int64(int32(r.bits)))
		}
	}
	return status, r.err
}

// spanLink adds a link to the span being read. An id of the wrong length goes to
// linkErr; the error is of the encoding.
func (d *wireDecoder) spanLink(b []byte, linkErr *error) error {
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

// spanAttribute adds an attribute to the span being read, if it is kept.
func (d *wireDecoder) spanAttribute(b []byte) error {
	key, value, err := d.attribute(b)
	if err != nil {
		return err
	}
	k := d.known(key)
	if !k.keep {
		return nil
	}
	text, ok, err := d.text(value)
	if ok {
		d.spanAttrs = append(d.spanAttrs, servicegraph.Attr{Key: k.text, Value: text})
	}
	return err
}

// attribute returns the key of a KeyValue, and its value as it is encoded.
func (d *wireDecoder) attribute(b []byte) (key, value []byte, err error) {
	r := wireReader{rest: b}
	for r.next() {
		switch r.tag {
		case attributeKey:
			key = r.bytes
		case attributeValue:
			value = joined(value, r.bytes)
		}
	}
	return key, value, r.err
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
	r := wireReader{rest: b}
	for r.next() {
		switch r.tag {
		case valueString:
			text, ok = d.texts.intern(r.bytes), true
		case valueBool:
			text, ok = strconv.FormatBool(r.bits != 0), true
		case valueInt:
			d.number = strconv.AppendInt(d.number[:0], int64(r.bits), 10)
			text, ok = d.texts.intern(d.number), true
		case valueDouble:
			d.number = appendFloat(d.number[:0], math.Float64frombits(r.bits))
			text, ok = d.texts.intern(d.number), true
		case valueArray, valueMap, valueBytes:
			ok = false
		}
	}
	return text, ok && r.err == nil, r.err
}
