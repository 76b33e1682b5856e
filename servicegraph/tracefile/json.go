package tracefile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
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
		traceID, spanID, parentID []byte
		traceState, name, message string
		kind, start, end, status  jsonNumber
		attributes, links         jsonList
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

	attrs []servicegraph.Attr // of the current span; scratch
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
	var first error
	valid := jsontext.ReadObject(object, func(key, value []byte) {
		if err := r.set(key, value); err != nil && first == nil {
			first = err
		}
	})
	if !valid {
		if err := json.Unmarshal(object, &struct{}{}); err != nil { // says what is wrong
			return jsonError("request", err)
		}
	}
	return first
}

// set sets the list under a key, if the key is read.
func (r *jsonRequest) set(key, value []byte) error {
	switch {
	case isKey(key, "resourceSpans"):
		return r.resourceSpans.set("resourceSpans", value)
	case isKey(key, "batches"):
		return r.batches.set("batches", value)
	case isKey(key, "trace"):
		return r.trace.setWrapped("trace", value)
	case isKey(key, "result"):
		return r.result.setWrapped("result", value)
	case isKey(key, "resourceMetrics"), isKey(key, "resourceLogs"), isKey(key, "resourceProfiles"):
		r.otherSignal = true
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
	err := rs.attributes.readAttributes(func(key string) bool { return res.needs(key, d.sink.keep(key)) }, res.add)
	if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); wrongType {
		return d.damage("all spans of a resource", jsonErrorIn("resource.attributes", err))
	}
	if err != nil {
		return d.sink.reject(rs.spans(), func() error { return fmt.Errorf("all spans of a resource: %w", err) })
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
	if rs.scopeSpans.isEmpty() {
		return rs.librarySpans
	}
	return rs.scopeSpans
}

// spans returns the number of spans.
func (rs *jsonResourceSpans) spans() int {
	n := 0
	for scope := range rs.scopes().elements() {
		if spans, _, err := readScope(scope); err == nil {
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
	spans, name, err := readScope(scope)
	if err != nil {
		return d.damage("all spans of a scope", err)
	}
	for span := range spans.elements() {
		if err := d.span(span, name, res); err != nil {
			return err
		}
	}
	return nil
}

// readScope returns the spans of an element of scopeSpans, and the name of the instrumentation scope.
// The name of a damaged scope is empty, because the spans do not depend on the scope.
func readScope(element []byte) (spans jsonList, name string, err error) {
	if err := wantObject("scopeSpans", element); err != nil {
		return nil, "", err
	}
	var before string // the name under the key before OTLP 0.15
	for key, value := range jsontext.Members(element) {
		switch {
		case isKey(key, "spans"):
			if err := spans.set("spans", value); err != nil {
				return nil, "", err
			}
		case isKey(key, "scope"):
			readScopeName(value, &name)
		case isKey(key, "instrumentationLibrary"):
			readScopeName(value, &before)
		}
	}
	return spans, cmp.Or(name, before), nil
}

// readScopeName sets the name of a scope, unless the scope is damaged.
func readScopeName(value []byte, to *string) {
	var name string
	err := wantObject("scope", value)
	for key, value := range jsontext.Members(value) {
		if isKey(key, "name") && err == nil {
			err = setText(&name, "scope.name", value)
		}
	}
	if err == nil {
		*to = name
	}
}
