package tracefile

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// This file has the part of jsonDecoder that reads one span: its fields, attributes and links.

// span decodes one span into the sink, or rejects it. Links without valid ids are left out.
func (d *jsonDecoder) span(element []byte, scope string, res *resource) error {
	if err := d.sink.spend(); err != nil {
		return err
	}
	var j jsonSpan
	err := j.read(element)
	s := servicegraph.Span{Service: res.service, Namespace: res.namespace, Name: j.name, Resource: res.attrs}
	if err == nil {
		err = d.decode(&s, &j)
	}
	if err == nil {
		d.sink.addScope(&s, scope)
		err = d.addLinks(&s, j.links)
	}
	switch {
	case err == errStopped:
		return err
	case err != nil:
		return d.sink.reject(1, func() error { return fmt.Errorf("%s: %w", describe(j.name, res.service), err) })
	}
	return d.sink.addSpan(s)
}

// read reads the fields of a span, without the elements of its lists. It returns the first error, and
// reads the other fields nevertheless: the name is part of the text about the error.
//
// encoding/json would read a span in three times the time.
func (j *jsonSpan) read(element []byte) error {
	first := wantObject("span", element)
	for key, value := range jsontext.Members(element) {
		if err := j.set(fieldOfSpan(key), value); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// fieldOfSpan returns the field that a key names, in any case as in encoding/json.
func fieldOfSpan(key []byte) int {
	for field, name := range spanFields {
		if string(key) == name {
			return field
		}
	}
	for field, name := range spanFields {
		if isKey(key, name) {
			return field
		}
	}
	return fieldOther
}

// set sets a field. As in encoding/json, null changes nothing.
func (j *jsonSpan) set(field int, value []byte) error {
	switch field {
	case fieldTraceID:
		return setText(&j.traceID, spanFields[field], value)
	case fieldSpanID:
		return setText(&j.spanID, spanFields[field], value)
	case fieldParentID:
		return setText(&j.parentID, spanFields[field], value)
	case fieldTraceState:
		return setText(&j.traceState, spanFields[field], value)
	case fieldName:
		return setText(&j.name, spanFields[field], value)
	case fieldKind:
		return j.kind.set(spanFields[field], value)
	case fieldStart:
		return j.start.set(spanFields[field], value)
	case fieldEnd:
		return j.end.set(spanFields[field], value)
	case fieldStatus:
		return j.readStatus(value)
	case fieldAttributes:
		return j.attributes.set(spanFields[field], value)
	case fieldLinks:
		return j.links.set(spanFields[field], value)
	}
	return nil
}

func (j *jsonSpan) readStatus(value []byte) error {
	if err := wantObject("status", value); err != nil {
		return err
	}
	for key, value := range jsontext.Members(value) {
		switch {
		case isKey(key, "code"):
			if err := j.status.set("status.code", value); err != nil {
				return err
			}
		case isKey(key, "message") && value[0] == '"':
			if err := setText(&j.message, "status.message", value); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode sets the fields of a span, except for its links.
func (d *jsonDecoder) decode(s *servicegraph.Span, j *jsonSpan) error {
	if err := parseID(s.TraceID[:], j.traceID); err != nil {
		return fmt.Errorf("traceId: %w", err)
	}
	if err := parseID(s.SpanID[:], j.spanID); err != nil {
		return fmt.Errorf("spanId: %w", err)
	}
	if len(j.parentID) > 0 {
		if err := parseID(s.ParentID[:], j.parentID); err != nil {
			return fmt.Errorf("parentSpanId: %w", err)
		}
	}
	kind, err := j.kind.enum(kindNames)
	if err != nil {
		return fmt.Errorf("kind: %w", err)
	}
	status, err := j.status.enum(statusNames)
	if err != nil {
		return fmt.Errorf("status.code: %w", err)
	}
	start, err := j.start.uint()
	if err != nil {
		return fmt.Errorf("startTimeUnixNano: %w", err)
	}
	end, err := j.end.uint()
	if err != nil {
		return fmt.Errorf("endTimeUnixNano: %w", err)
	}
	s.Kind, s.Status, s.Start, s.End = servicegraph.KindOf(kind), servicegraph.StatusOf(status), timeOf(start), timeOf(end)
	s.Weight = servicegraph.TraceStateWeight(j.traceState)
	d.attrs = d.attrs[:0]
	err = j.attributes.readAttributes(d.sink.keep, func(key, text string) {
		d.attrs = append(d.attrs, servicegraph.Attr{Key: key, Value: text})
	})
	s.Attrs = append(s.Attrs, d.attrs...)
	if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); wrongType {
		return jsonErrorIn("attributes", err)
	}
	if err != nil {
		return fmt.Errorf("attributes: %w", err)
	}
	d.sink.addMessage(s, j.message)
	return nil
}

// addLinks adds links to a span. Links without valid ids are left out.
func (d *jsonDecoder) addLinks(s *servicegraph.Span, links jsonList) error {
	for element := range links.elements() {
		var l jsonLink
		if err := json.Unmarshal(element, &l); err != nil {
			return jsonErrorIn("links", err)
		}
		if l == (jsonLink{}) {
			continue
		}
		link, err := l.decode()
		if err != nil {
			skipped := d.sink.skipFor(func() error { return fmt.Errorf("a link of %s: %w", describe(s.Name, s.Service), err) })
			if skipped != nil {
				return skipped
			}
			continue
		}
		s.Links = append(s.Links, link)
	}
	return nil
}

func (l jsonLink) decode() (servicegraph.Link, error) {
	var link servicegraph.Link
	if err := parseID(link.TraceID[:], l.TraceID); err != nil {
		return link, fmt.Errorf("traceId: %w", err)
	}
	if err := parseID(link.SpanID[:], l.SpanID); err != nil {
		return link, fmt.Errorf("spanId: %w", err)
	}
	return link, nil
}

// readAttributes reads the attributes of a list whose keys are wanted, and calls add with each that
// has a scalar value. It stops at the first error.
func (l jsonList) readAttributes(wanted func(key string) bool, add func(key, text string)) error {
	c := jsontext.Cursor{Text: l}
	for c.Expect('['); c.Next(']'); {
		start := c.Pos
		key, text, ok := readAttribute(&c, wanted)
		if c.Failed { // the attribute is unusual or invalid
			c, ok = jsontext.Cursor{Text: l, Pos: start}, false
			var a jsonAttribute
			if err := json.Unmarshal(c.Element(), &a); err != nil {
				return err
			}
			if key = a.Key; wanted(key) {
				var err error
				if text, ok, err = a.text(); err != nil {
					return err
				}
			}
		}
		if ok {
			add(key, text)
		}
	}
	return nil
}

// readAttribute consumes a KeyValue. It returns the value as text, and false if the value is missing
// or not a scalar, or the key is not wanted.
func readAttribute(c *jsontext.Cursor, wanted func(key string) bool) (key, text string, ok bool) {
	a := readJSONAttr(c)
	if c.Failed || a.typ == typeOther {
		return "", "", false
	}
	if key = semconv.ValidText(string(a.key)); !wanted(key) {
		return key, "", false
	}
	return key, semconv.ValidText(string(attrText(c, a.typ, a.value))), true
}

// text returns the value as text, and false if the value is missing or not a scalar.
func (a *jsonAttribute) text() (text string, ok bool, err error) {
	var value any
	switch v := &a.Value; {
	case v.String != nil:
		value = *v.String
	case v.Bool != nil:
		value = *v.Bool
	case v.Int != nil:
		value, err = v.Int.int()
	case v.Double != nil:
		value, err = v.Double.float()
	}
	if err != nil {
		return "", false, fmt.Errorf("%q: %w", quote.Shorten(a.Key, maxQuoted), err)
	}
	text, ok = servicegraph.AttrText(value)
	return text, ok, nil
}
