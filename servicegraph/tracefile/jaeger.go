package tracefile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// The objects of Jaeger's JSON, as far as they are read: an answer of its API, the traces in
// the answer, and the spans in the traces. Traces and spans also occur alone. A download from
// the user interface is an answer in which each reference holds the span it points to, with
// that span's references, and each span holds its process. A span alone, as Jaeger's storage
// and anonymizer write it, also holds its process.
type (
	jaegerAnswer struct {
		Data   []jaegerTrace `json:"data"`
		Total  *jsonNumber   `json:"total"` // also in an answer without traces
		Errors []struct {
			Message string `json:"msg"`
		} `json:"errors"`

		// Of a trace alone.
		TraceID   string                    `json:"traceID"`
		Spans     []jaegerSpan              `json:"spans"`
		Processes map[string]*jaegerProcess `json:"processes"`

		SpanID string `json:"spanID"` // of a span alone
	}
	jaegerTrace struct {
		TraceID   string                    `json:"traceID"`
		Spans     []jaegerSpan              `json:"spans"`
		Processes map[string]*jaegerProcess `json:"processes"`
	}
	jaegerSpan struct {
		TraceID    string            `json:"traceID"`
		SpanID     string            `json:"spanID"`
		ParentID   string            `json:"parentSpanID"` // before there were references
		Name       string            `json:"operationName"`
		References []jaegerReference `json:"references"`
		Start      jsonNumber        `json:"startTime"`
		Duration   jsonNumber        `json:"duration"`
		Tags       []jaegerTag       `json:"tags"`
		ProcessID  string            `json:"processID"`
		Process    *jaegerProcess    `json:"process"`

		err error // why the object is not a span
	}
	jaegerReference struct {
		Type    string `json:"refType"`
		TraceID string `json:"traceID"`
		SpanID  string `json:"spanID"`
	}
	jaegerProcess struct {
		Service string      `json:"serviceName"`
		Tags    []jaegerTag `json:"tags"`

		resource *resource // made when it is first needed
	}
	jaegerTag struct {
		Key   string   `json:"key"`
		Type  string   `json:"type"`
		Value jsonText `json:"value"`
	}
)

// deepReferences limits how deep the brackets of an object may nest in which spans hold their
// parents: three brackets for each.
const deepReferences = 3000

// UnmarshalJSON keeps the error of a span in the span, so that the spans around it are read.
func (j *jaegerSpan) UnmarshalJSON(b []byte) error {
	type plain jaegerSpan
	j.err = json.Unmarshal(b, (*plain)(j))
	return nil
}

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
		alone := jaegerTrace{Spans: make([]jaegerSpan, 1)}
		if err := json.Unmarshal(object, &alone.Spans[0]); err != nil {
			return d.sink.skip(jsonError("span", err))
		}
		return d.trace(&alone)
	}
	if a.Data == nil && a.Spans == nil && a.Errors == nil && a.Total == nil {
		return d.sink.skip(errors.New("no spans in it: " + quote.Excerpt(object)))
	}
	for _, e := range a.Errors {
		if err := d.sink.skip(fmt.Errorf("an answer with the error %q", quote.Shorten(e.Message, 200))); err != nil {
			return err
		}
	}
	for i := range a.Data {
		if err := d.trace(&a.Data[i]); err != nil {
			return err
		}
	}
	return d.trace(&jaegerTrace{a.TraceID, a.Spans, a.Processes})
}

// trace decodes the spans of a trace.
func (d jaegerDecoder) trace(t *jaegerTrace) error {
	for i := range t.Spans {
		j := &t.Spans[i]
		process := t.Processes[j.ProcessID]
		if process == nil {
			process = j.Process
		}
		var res *resource
		if process != nil {
			res = d.resource(process)
		} else {
			res = new(resource) // a service without a name
		}
		s, err := d.decode(t, j, res)
		switch {
		case err == nil:
			err = d.sink.addSpan(s)
		case err != errStopped:
			err = d.sink.skip(fmt.Errorf("%s: %w", describe(j.Name, res.service), err))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// resource returns what the spans of a process share.
func (d jaegerDecoder) resource(p *jaegerProcess) *resource {
	if p.resource == nil {
		p.resource = &resource{service: serviceNamed(p.Service)}
		for i := range p.Tags {
			tag := &p.Tags[i]
			if text, ok := tag.text(); ok && p.resource.needs(tag.Key, d.sink.keep(tag.Key)) {
				p.resource.add(tag.Key, text)
			}
		}
	}
	return p.resource
}

// text returns the value of a tag, and false if it is missing or bytes.
func (t *jaegerTag) text() (string, bool) {
	if f, err := strconv.ParseFloat(t.Value.text, 64); t.Type == "float64" && err == nil {
		return floatText(f), t.Value.ok
	}
	return t.Value.text, t.Value.ok && t.Type != "binary"
}

// decode returns the span of a trace.
func (d jaegerDecoder) decode(t *jaegerTrace, j *jaegerSpan, res *resource) (servicegraph.Span, error) {
	s := servicegraph.Span{
		Service:   res.service,
		Namespace: res.namespace,
		Name:      j.Name,
		Resource:  res.attrs,
	}
	if j.err != nil {
		return s, jsonError("span", j.err)
	}
	var err error
	if s.TraceID, err = parseTraceID(cmp.Or(j.TraceID, t.TraceID)); err != nil {
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
	failed := false
	for i := range j.Tags {
		tag := &j.Tags[i]
		text, ok := tag.text()
		switch {
		case !ok:
		case tag.Key == "span.kind":
			s.Kind = kindNamed(text)
		case tag.Key == "error" && (text == "true" || text == "false"):
			failed = failed || text == "true"
		default:
			d.sink.addTag(&s, tag.Key, text)
		}
	}
	if failed {
		s.Status = servicegraph.StatusError
	}
	return s, nil
}

// refer finds the parent and the links among the references of a span. The parent is the
// first CHILD_OF reference to the same trace, or, if there is none, the first other reference
// to the same trace. References without valid ids are left out.
func (d jaegerDecoder) refer(s *servicegraph.Span, j *jaegerSpan) error {
	if len(j.References) == 0 && j.ParentID != "" {
		var err error
		if s.ParentID, err = jaegerSpanID(j.ParentID); err != nil {
			return fmt.Errorf("parentSpanID: %w", err)
		}
		return nil
	}
	parent := j.parent(s.TraceID)
	for i := range j.References {
		r := &j.References[i]
		link, err := r.decode()
		switch {
		case err != nil && r.Type == "CHILD_OF":
			return fmt.Errorf("references: %w", err)
		case err != nil:
			if err := d.sink.skip(fmt.Errorf("a reference of %s: %w", describe(j.Name, s.Service), err)); err != nil {
				return err
			}
		case i == parent:
			s.ParentID = link.SpanID
		default:
			s.Links = append(s.Links, link)
		}
	}
	return nil
}

// parent returns the index of the reference to the parent; -1 if there is none.
func (j *jaegerSpan) parent(trace servicegraph.TraceID) int {
	other := -1
	for i := range j.References {
		link, err := j.References[i].decode()
		switch {
		case err != nil || link.TraceID != trace:
		case j.References[i].Type == "CHILD_OF":
			return i
		case other < 0:
			other = i
		}
	}
	return other
}

func (r *jaegerReference) decode() (link servicegraph.Link, err error) {
	if link.TraceID, err = parseTraceID(r.TraceID); err != nil {
		return link, err
	}
	link.SpanID, err = jaegerSpanID(r.SpanID)
	return link, err
}

// jaegerSpanID reads the id of a span. Where spans share an id, Jaeger's user interface adds
// an underscore and a number to the ids of all but the first.
func jaegerSpanID(s string) (servicegraph.SpanID, error) {
	id, number, numbered := strings.Cut(s, "_")
	if numbered && strings.Trim(number, "0123456789") != "" {
		id = s
	}
	return parseSpanID(id)
}
