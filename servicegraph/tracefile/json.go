package tracefile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// The objects of OTLP JSON, as far as they are read. Their ids are hexadecimal. Tempo's answers
// have the same objects below other keys. Their ids are in base64, which is how protobuf's JSON
// encoding writes bytes.
//
// Lists are decoded one element at a time, because a list of elements takes up to a hundred
// times the memory of its text.
type (
	jsonRequest struct {
		resourceSpans jsonList
		batches       jsonList // Tempo's /api/traces
		trace         jsonList // resourceSpans below the key trace: Tempo's /api/v2/traces
		result        jsonList // resourceSpans below the key result: Jaeger's /api/v3/traces

		otherSignal bool // it has metrics, logs or profiles, which a collector may write into the same file
	}
	jsonResourceSpans struct {
		attributes   jsonList
		scopeSpans   jsonList
		librarySpans jsonList // under the name before OTLP 0.15
	}
	jsonSpan struct {
		TraceID    string     `json:"traceId"`
		SpanID     string     `json:"spanId"`
		ParentID   string     `json:"parentSpanId"`
		TraceState string     `json:"traceState"`
		Name       string     `json:"name"`
		Kind       jsonNumber `json:"kind"`
		Start      jsonNumber `json:"startTimeUnixNano"`
		End        jsonNumber `json:"endTimeUnixNano"`
		Status     struct {
			Code jsonNumber `json:"code"`
		} `json:"status"`

		attributes, links jsonList
	}
	jsonLink struct {
		TraceID string `json:"traceId"`
		SpanID  string `json:"spanId"`
	}
	jsonAttribute struct {
		Key   string `json:"key"`
		Value struct {
			String *string     `json:"stringValue"`
			Bool   *bool       `json:"boolValue"`
			Int    *jsonNumber `json:"intValue"`
			Double *jsonNumber `json:"doubleValue"`
		} `json:"value"`
	}
)

// statusPrefix is the prefix of the names of OTLP's status numbers.
const statusPrefix = "STATUS_CODE_"

// The names of OTLP's enum numbers from 0 on.
var (
	kindNames   = append([]string{"SPAN_KIND_UNSPECIFIED"}, enumNames("SPAN_KIND_", servicegraph.KindInternal, servicegraph.KindConsumer)...)
	statusNames = enumNames(statusPrefix, servicegraph.StatusUnset, servicegraph.StatusError)
)

// enumNames returns the names of the values from first to last.
func enumNames[E interface {
	~uint8
	String() string
}](prefix string, first, last E) (names []string) {
	for e := first; e <= last; e++ {
		names = append(names, prefix+strings.ToUpper(e.String()))
	}
	return names
}

// readJSON reads OTLP JSON: requests one after another.
func readJSON(s *sink, in *input) error {
	r := newJSONReader(s)
	r.stream = jsontext.NewStream(in.Reader, in.limit)
	return unlessEOF(r.readTo(math.MaxInt64))
}

// A jsonReader decodes the requests of a stream into a sink.
type jsonReader struct {
	stream jsontext.Stream
	slow   jsonDecoder
	fast   *fastDecoder // nil if the sink has no packer
}

func newJSONReader(s *sink) jsonReader {
	r := jsonReader{slow: jsonDecoder{sink: s}}
	if s.packer != nil {
		r.fast = newFastDecoder(s)
	}
	return r
}

// readTo reads the requests that begin before an offset in the input. If the input ends before
// that, readTo returns the error of the input, which may be io.EOF.
func (r *jsonReader) readTo(end int64) error {
	for !r.slow.sink.stopped {
		switch {
		case !r.stream.SkipBlanks():
			return r.stream.Err()
		case r.stream.Offset() >= end:
			return nil
		case r.fast != nil && r.fast.decodeLine(&r.stream):
			continue
		}
		if err := r.readNext(); err != nil {
			return err
		}
	}
	return errStopped
}

// readNext reads the next request, which may have several lines.
func (r *jsonReader) readNext() error {
	s := r.slow.sink
	object, err := r.stream.Next()
	s.record++
	s.offset = r.stream.Start()
	return s.decodeObject(object, err, r.decode)
}

// decode decodes one request: fast, or slowly if it is unusual.
func (r *jsonReader) decode(object []byte) error {
	if r.fast != nil && r.fast.decodeObject(object) {
		return nil
	}
	r.slow.sink.flush(1) // the packed spans come before those of this request
	return r.slow.request(object)
}

// readJSONList reads OTLP JSON in a list, which some tools make from lines.
func readJSONList(s *sink, in *input) error {
	r := newJSONReader(s)
	return readObjects(s, jsontext.NewListStream(in.Reader, in.limit, deepReferences, ""), r.decode)
}

// readObjects reads a format whose records are JSON objects.
func readObjects(s *sink, objects *jsontext.ListStream, decode func(object []byte) error) error {
	for {
		object, err := objects.Next()
		if err == io.EOF {
			return nil
		}
		s.record++
		s.offset = objects.Start()
		if err := s.decodeObject(object, err, decode); err != nil {
			return err
		}
	}
}

// decodeObject decodes an object that a stream returned, or skips it if the error of the
// stream is about this object alone.
func (s *sink) decodeObject(object []byte, err error, decode func(object []byte) error) error {
	malformed, ok := errors.AsType[*jsontext.MalformedError](err)
	switch {
	case ok && malformed.Limit > 0:
		err = s.skip(fmt.Errorf("a record %w of %s", ErrRecordTooLarge, quantity.Of(malformed.Limit, "byte")))
	case ok:
		err = s.skip(err)
	case err == nil:
		err = decode(object)
	}
	if err != nil {
		return err
	}
	return s.endRecord()
}

// A jsonDecoder decodes OTLP JSON into a sink. It defines what OTLP JSON means here, and
// explains what is wrong with a request. [fastDecoder] does the same for usual requests.
type jsonDecoder struct {
	sink    *sink
	damaged error // why the first part of a request that is larger than a span was left out
}

// request decodes the spans of one request.
func (d *jsonDecoder) request(object []byte) error {
	var r jsonRequest
	if err := r.read(object); err != nil {
		return d.sink.skip(err)
	}
	switch {
	case r.resourceSpans != nil || r.batches != nil || r.trace != nil || r.result != nil:
	case r.otherSignal:
		return nil
	default:
		return d.sink.skip(errors.New("no resourceSpans in it: " + quote.Excerpt(object)))
	}
	return d.lists(&r)
}

// read finds the lists of a request. The error says why the object is not a request.
func (r *jsonRequest) read(object []byte) error {
	if err := json.Unmarshal(object, &struct{}{}); err != nil { // only checks that the object is valid
		return jsonError("request", err)
	}
	for key, value := range jsontext.Members(object) {
		var err error
		switch {
		case isKey(key, "resourceSpans"):
			err = r.resourceSpans.set("resourceSpans", value)
		case isKey(key, "batches"):
			err = r.batches.set("batches", value)
		case isKey(key, "trace"):
			err = r.trace.setWrapped("trace", value)
		case isKey(key, "result"):
			err = r.result.setWrapped("result", value)
		case isKey(key, "resourceMetrics"), isKey(key, "resourceLogs"), isKey(key, "resourceProfiles"):
			r.otherSignal = true
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lists decodes the spans of all lists of a request.
func (d *jsonDecoder) lists(r *jsonRequest) error {
	for _, list := range [...]jsonList{r.resourceSpans, r.batches, r.trace, r.result} {
		for element := range list.elements() {
			if err := d.resourceSpans(element); err != nil {
				return err
			}
		}
	}
	return nil
}

// damage leaves out a part of a request that is larger than a span.
func (d *jsonDecoder) damage(what string, err error) error {
	if d.damaged == nil {
		d.damaged = err
	}
	return d.sink.skipFor(func() error { return fmt.Errorf("%s: %w", what, err) })
}

// resourceSpans decodes the spans of one resource.
func (d *jsonDecoder) resourceSpans(element []byte) error {
	if err := d.sink.spend(); err != nil {
		return err
	}
	var rs jsonResourceSpans
	if err := rs.read(element); err != nil {
		return d.damage("all spans of a resource", err)
	}
	var res resource
	wanted := func(key string) bool { return res.needs(key, d.sink.keep(key)) }
	for a := range rs.attributes.elements() {
		key, text, ok, err := readAttribute(a, wanted)
		if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); wrongType {
			return d.damage("all spans of a resource", jsonErrorIn("resource.attributes", err))
		}
		if err != nil {
			return d.sink.reject(rs.spans(), func() error { return fmt.Errorf("all spans of a resource: %w", err) })
		}
		if ok {
			res.add(key, text)
		}
	}
	for scope := range rs.scopes().elements() {
		if err := d.scopeSpans(scope, &res); err != nil {
			return err
		}
	}
	return nil
}

// read finds the lists of an element of resourceSpans.
func (rs *jsonResourceSpans) read(element []byte) error {
	if err := wantObject("resourceSpans", element); err != nil {
		return err
	}
	for key, value := range jsontext.Members(element) {
		var err error
		switch {
		case isKey(key, "resource"):
			err = rs.readResource(value)
		case isKey(key, "scopeSpans"):
			err = rs.scopeSpans.set("scopeSpans", value)
		case isKey(key, "instrumentationLibrarySpans"):
			err = rs.librarySpans.set("instrumentationLibrarySpans", value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (rs *jsonResourceSpans) readResource(value []byte) error {
	if err := wantObject("resource", value); err != nil {
		return err
	}
	for key, value := range jsontext.Members(value) {
		if isKey(key, "attributes") {
			if err := rs.attributes.set("resource.attributes", value); err != nil {
				return err
			}
		}
	}
	return nil
}

// scopes returns the spans by scope. If an object has both names, both lists hold the same
// spans, written twice for readers that know only one of the names.
func (rs *jsonResourceSpans) scopes() jsonList {
	for range rs.scopeSpans.elements() {
		return rs.scopeSpans
	}
	return rs.librarySpans
}

// spans returns the number of spans.
func (rs *jsonResourceSpans) spans() int {
	n := 0
	for scope := range rs.scopes().elements() {
		if spans, err := spansOfScope(scope); err == nil {
			for range spans.elements() {
				n++
			}
		}
	}
	return n
}

// scopeSpans decodes the spans of one scope.
func (d *jsonDecoder) scopeSpans(scope []byte, res *resource) error {
	if err := d.sink.spend(); err != nil {
		return err
	}
	spans, err := spansOfScope(scope)
	if err != nil {
		return d.damage("all spans of a scope", err)
	}
	name := nameOfScope(scope)
	for span := range spans.elements() {
		if err := d.span(span, name, res); err != nil {
			return err
		}
	}
	return nil
}

// spansOfScope returns the spans of an element of scopeSpans.
func spansOfScope(scope []byte) (spans jsonList, err error) {
	err = wantObject("scopeSpans", scope)
	for key, value := range jsontext.Members(scope) {
		if isKey(key, "spans") && err == nil {
			err = spans.set("spans", value)
		}
	}
	return spans, err
}

// nameOfScope returns the name of the instrumentation scope of an element of scopeSpans. The name
// of a damaged scope is empty, because the spans do not depend on the scope.
func nameOfScope(element []byte) string {
	var names [2]string
	for key, value := range jsontext.Members(element) {
		for i, name := range [...]string{"scope", "instrumentationLibrary"} { // the second is the name before OTLP 0.15
			var scope struct {
				Name string `json:"name"`
			}
			if isKey(key, name) && json.Unmarshal(value, &scope) == nil {
				names[i] = scope.Name
			}
		}
	}
	return cmp.Or(names[:]...)
}

// span decodes one span into the sink, or rejects it. Links without valid ids are left out.
func (d *jsonDecoder) span(element []byte, scope string, res *resource) error {
	if err := d.sink.spend(); err != nil {
		return err
	}
	var j jsonSpan
	err := j.read(element)
	s := servicegraph.Span{Service: res.service, Namespace: res.namespace, Name: j.Name, Resource: res.attrs}
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
		return d.sink.reject(1, func() error { return fmt.Errorf("%s: %w", describe(j.Name, res.service), err) })
	}
	return d.sink.addSpan(s)
}

// read reads the fields of a span, without the elements of its lists.
func (j *jsonSpan) read(element []byte) error {
	if err := json.Unmarshal(element, j); err != nil {
		return jsonError("span", err)
	}
	for key, value := range jsontext.Members(element) {
		var err error
		switch {
		case isKey(key, "attributes"):
			err = j.attributes.set("attributes", value)
		case isKey(key, "links"):
			err = j.links.set("links", value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decode sets the fields of a span, except for its links.
func (d *jsonDecoder) decode(s *servicegraph.Span, j *jsonSpan) error {
	if err := parseID(s.TraceID[:], j.TraceID); err != nil {
		return fmt.Errorf("traceId: %w", err)
	}
	if err := parseID(s.SpanID[:], j.SpanID); err != nil {
		return fmt.Errorf("spanId: %w", err)
	}
	if j.ParentID != "" {
		if err := parseID(s.ParentID[:], j.ParentID); err != nil {
			return fmt.Errorf("parentSpanId: %w", err)
		}
	}
	kind, err := j.Kind.enum(kindNames)
	if err != nil {
		return fmt.Errorf("kind: %w", err)
	}
	status, err := j.Status.Code.enum(statusNames)
	if err != nil {
		return fmt.Errorf("status.code: %w", err)
	}
	start, err := j.Start.uint()
	if err != nil {
		return fmt.Errorf("startTimeUnixNano: %w", err)
	}
	end, err := j.End.uint()
	if err != nil {
		return fmt.Errorf("endTimeUnixNano: %w", err)
	}
	s.Kind, s.Status, s.Start, s.End = servicegraph.KindOf(kind), servicegraph.StatusOf(status), timeOf(start), timeOf(end)
	s.Weight = servicegraph.TraceStateWeight(j.TraceState)
	for a := range j.attributes.elements() {
		key, text, ok, err := readAttribute(a, d.sink.keep)
		if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); wrongType {
			return jsonErrorIn("attributes", err)
		}
		if err != nil {
			return fmt.Errorf("attributes: %w", err)
		}
		if ok {
			s.Attrs = append(s.Attrs, servicegraph.Attr{Key: key, Value: text})
		}
	}
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

// readAttribute reads a KeyValue whose key is wanted. It returns the value as text, and false
// if the value is missing or not a scalar, or the key is not wanted.
func readAttribute(element []byte, wanted func(key string) bool) (key, text string, ok bool, err error) {
	c := jsontext.Cursor{Text: element}
	if a := readJSONAttr(&c); !c.Failed {
		key = semconv.ValidText(string(a.key))
		if a.typ == typeOther || !wanted(key) {
			return key, "", false, nil
		}
		if value := attrText(&c, a.typ, a.value); !c.Failed {
			return key, semconv.ValidText(string(value)), true, nil
		}
	}
	var a jsonAttribute // which is unusual or invalid
	if err := json.Unmarshal(element, &a); err != nil {
		return "", "", false, err
	}
	if !wanted(a.Key) {
		return a.Key, "", false, nil
	}
	text, ok, err = a.text()
	return a.Key, text, ok, err
}

// text returns the value as text, and false if the value is missing or not a scalar.
func (a *jsonAttribute) text() (string, bool, error) {
	switch v := &a.Value; {
	case v.String != nil:
		return *v.String, true, nil
	case v.Bool != nil:
		return strconv.FormatBool(*v.Bool), true, nil
	case v.Int != nil:
		i, err := v.Int.int()
		if err != nil {
			return "", false, fmt.Errorf("%q: %w", quote.Shorten(a.Key, maxQuoted), err)
		}
		return strconv.FormatInt(i, 10), true, nil
	case v.Double != nil:
		f, err := v.Double.float()
		if err != nil {
			return "", false, fmt.Errorf("%q: %w", quote.Shorten(a.Key, maxQuoted), err)
		}
		return floatText(f), true, nil
	}
	return "", false, nil
}
