package tracefile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// The objects of Jaeger's JSON, as far as they are read: an answer of its API, the traces in the
// answer, and the spans in the traces. Traces and spans also occur alone. In a download from the
// user interface, each span also holds its process, and each reference holds the span to which it
// points, with the references of that span. A span alone, as Jaeger's storage and anonymizer write
// it, also holds its process.
//
// As in OTLP JSON, lists are decoded one element at a time.
type (
	jaegerAnswer struct {
		TraceID string      `json:"traceID"` // of a trace or span alone
		SpanID  string      `json:"spanID"`  // of a span alone
		Total   *jsonNumber `json:"total"`   // also in an answer without traces

		data, errors jsonList
		jaegerLists  // of a trace alone
	}
	jaegerTrace struct {
		TraceID string `json:"traceID"`
		jaegerLists
	}
	jaegerLists struct {
		spans     jsonList
		processes jaegerProcesses
	}
	jaegerSpan struct {
		TraceID   string     `json:"traceID"`
		SpanID    string     `json:"spanID"`
		ParentID  string     `json:"parentSpanID"` // the parent in files from before there were references
		Name      string     `json:"operationName"`
		Start     jsonNumber `json:"startTime"`
		Duration  jsonNumber `json:"duration"`
		ProcessID string     `json:"processID"`

		references, tags jsonList
		process          []byte // nil if absent
	}
	jaegerReference struct {
		Type    string `json:"refType"`
		TraceID string `json:"traceID"`
		SpanID  string `json:"spanID"`
	}
	jaegerTag struct {
		Key   string   `json:"key"`
		Type  string   `json:"type"`
		Value jsonText `json:"value"`
	}
)

// deepReferences limits how deep the brackets of an object may nest if its spans hold their
// parents. Each parent takes three brackets.
const deepReferences = 3000

// readJaeger reads Jaeger's JSON: answers, traces and spans one after another. One trace must
// fit into memory, because its services are named after its spans.
func readJaeger(s *sink, in *input) error {
	return readObjects(s, jsontext.NewListStream(in.Reader, in.limit, deepReferences, "data"), jaegerDecoder{s}.answer)
}

// A jaegerDecoder decodes Jaeger's JSON into a sink.
type jaegerDecoder struct{ sink *sink }

// answer decodes the spans of an answer, of a trace, or a span alone.
func (d jaegerDecoder) answer(object []byte) error {
	var a jaegerAnswer
	if err := json.Unmarshal(object, &a); err != nil {
		return d.sink.skip(jsonError("trace", err))
	}
	if a.SpanID != "" {
		return d.span(object, "", &jaegerProcesses{})
	}
	if err := a.readLists(object); err != nil {
		return d.sink.skip(err)
	}
	if a.data == nil && a.spans == nil && a.errors == nil && a.Total == nil {
		return d.sink.skip(errors.New("no spans in it: " + quote.Excerpt(object)))
	}
	for element := range a.errors.elements() {
		var e struct {
			Message string `json:"msg"`
		}
		if err := json.Unmarshal(element, &e); err != nil {
			return d.sink.skip(jsonErrorIn("errors", err))
		}
		skipped := d.sink.skipFor(func() error { return fmt.Errorf("an answer with the error %q", quote.Shorten(e.Message, 200)) })
		if skipped != nil {
			return skipped
		}
	}
	for element := range a.data.elements() {
		if err := d.trace(element); err != nil {
			return err
		}
	}
	return d.spans(a.TraceID, &a.jaegerLists)
}

// readLists finds the lists of an answer.
func (a *jaegerAnswer) readLists(object []byte) error {
	for key, value := range jsontext.Members(object) {
		var err error
		switch {
		case isKey(key, "data"):
			err = a.data.set("data", value)
		case isKey(key, "errors"):
			err = a.errors.set("errors", value)
		default:
			err = a.read(key, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads a member of a trace if it is a list of one.
func (l *jaegerLists) read(key, value []byte) error {
	switch {
	case isKey(key, "spans"):
		return l.spans.set("spans", value)
	case isKey(key, "processes"):
		l.processes = jaegerProcesses{text: value}
		return wantObject("processes", value)
	}
	return nil
}

// trace decodes the spans of a trace in an answer.
func (d jaegerDecoder) trace(element []byte) error {
	var t jaegerTrace
	if err := json.Unmarshal(element, &t); err != nil {
		return d.sink.skip(jsonErrorIn("data", err))
	}
	for key, value := range jsontext.Members(element) {
		if err := t.read(key, value); err != nil {
			return d.sink.skip(err)
		}
	}
	return d.spans(t.TraceID, &t.jaegerLists)
}

// spans decodes the spans of a trace. The spans that do not name a trace have its id.
func (d jaegerDecoder) spans(traceID string, lists *jaegerLists) error {
	for element := range lists.spans.elements() {
		if err := d.span(element, traceID, &lists.processes); err != nil {
			return err
		}
	}
	return nil
}

// span decodes one span into the sink, or skips it.
func (d jaegerDecoder) span(element []byte, traceID string, processes *jaegerProcesses) error {
	var j jaegerSpan
	err := j.read(element)
	res := new(resource) // a service without a name
	if err == nil {
		res, err = d.resourceOf(&j, processes)
	}
	var s servicegraph.Span
	if err == nil {
		s, err = d.decode(cmp.Or(j.TraceID, traceID), &j, res)
	}
	switch {
	case err == errStopped:
		return err
	case err != nil:
		return d.sink.skipFor(func() error { return fmt.Errorf("%s: %w", describe(j.Name, res.service), err) })
	}
	return d.sink.addSpan(s)
}

// read reads the fields of a span, without the elements of its lists.
func (j *jaegerSpan) read(element []byte) error {
	if err := json.Unmarshal(element, j); err != nil {
		return jsonError("span", err)
	}
	for key, value := range jsontext.Members(element) {
		var err error
		switch {
		case isKey(key, "references"):
			err = j.references.set("references", value)
		case isKey(key, "tags"):
			err = j.tags.set("tags", value)
		case isKey(key, "process"):
			err = wantObject("process", value)
			j.process = presentObject(value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decode returns a span of a trace.
func (d jaegerDecoder) decode(traceID string, j *jaegerSpan, res *resource) (servicegraph.Span, error) {
	s := servicegraph.Span{
		Service:   res.service,
		Namespace: res.namespace,
		Name:      j.Name,
		Resource:  res.attrs,
	}
	var err error
	if s.TraceID, err = parseTraceID(traceID); err != nil {
		return s, err
	}
	if s.SpanID, err = jaegerSpanID(j.SpanID); err != nil {
		return s, err
	}
	if err = d.refer(&s, j); err != nil {
		return s, err
	}
	start, err := j.Start.micros()
	if err != nil {
		return s, fmt.Errorf("startTime: %w", err)
	}
	duration, err := j.Duration.micros()
	if err != nil {
		return s, fmt.Errorf("duration: %w", err)
	}
	s.Start = nanos(start)
	if s.Start != 0 && j.Duration != "" {
		s.End = nanos(start + duration)
	}
	return s, d.addTags(&s, j.tags)
}

// addTags sets the fields and attributes of a span that are tags.
func (d jaegerDecoder) addTags(s *servicegraph.Span, tags jsonList) error {
	failed := false
	for element := range tags.elements() {
		key, text, ok, err := readTag(element, d.sink.readsTag)
		switch {
		case err != nil:
			return jsonErrorIn("tags", err)
		case !ok:
		case key == "span.kind":
			s.Kind = kindNamed(text)
		case key == "error" && (text == "true" || text == "false"):
			failed = failed || text == "true"
		default:
			d.sink.addTag(s, key, text)
		}
	}
	if failed {
		s.Status = servicegraph.StatusError
	}
	return nil
}

// refer finds the parent and the links among the references of a span. The parent is the
// first CHILD_OF reference to the same trace, or, if there is none, the first other reference
// to the same trace. References without valid ids are left out.
func (d jaegerDecoder) refer(s *servicegraph.Span, j *jaegerSpan) error {
	parent, isChild, hasAny := -1, false, false // parent is an index in s.Links
	for element := range j.references.elements() {
		hasAny = true
		var r jaegerReference
		if err := json.Unmarshal(element, &r); err != nil {
			return jsonErrorIn("references", err)
		}
		link, err := r.decode()
		switch {
		case err != nil && r.Type == "CHILD_OF":
			return fmt.Errorf("references: %w", err)
		case err != nil:
			skipped := d.sink.skipFor(func() error { return fmt.Errorf("a reference of %s: %w", describe(j.Name, s.Service), err) })
			if skipped != nil {
				return skipped
			}
			continue
		case link.TraceID != s.TraceID || isChild:
		case r.Type == "CHILD_OF":
			parent, isChild = len(s.Links), true
		case parent < 0:
			parent = len(s.Links)
		}
		s.Links = append(s.Links, link)
	}
	switch {
	case parent >= 0:
		s.ParentID = s.Links[parent].SpanID
		if s.Links = slices.Delete(s.Links, parent, parent+1); len(s.Links) == 0 {
			s.Links = nil
		}
	case !hasAny && j.ParentID != "":
		var err error
		if s.ParentID, err = jaegerSpanID(j.ParentID); err != nil {
			return fmt.Errorf("parentSpanID: %w", err)
		}
	}
	return nil
}

func (r *jaegerReference) decode() (link servicegraph.Link, err error) {
	if link.TraceID, err = parseTraceID(r.TraceID); err != nil {
		return link, err
	}
	link.SpanID, err = jaegerSpanID(r.SpanID)
	return link, err
}

// jaegerSpanID reads the id of a span. If spans share an id, Jaeger's user interface adds an
// underscore and a number to all these ids except the first.
func jaegerSpanID(s string) (servicegraph.SpanID, error) {
	id, number, numbered := strings.Cut(s, "_")
	if numbered && strings.Trim(number, "0123456789") != "" {
		id = s
	}
	return parseSpanID(id)
}
