package tracefile

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// The objects of OTLP JSON, as far as they are read. Their ids are hexadecimal. Tempo's
// answers have the same objects below other keys, with ids in base64, as the JSON encoding of
// every other protobuf message writes bytes.
type (
	jsonRequest struct {
		ResourceSpans []jsonResourceSpans `json:"resourceSpans"`
		Batches       []jsonResourceSpans `json:"batches"` // Tempo's /api/traces
		Trace         jsonWrapped         `json:"trace"`   // Tempo's /api/v2/traces
		Result        jsonWrapped         `json:"result"`  // Jaeger's /api/v3/traces

		// Other signals, which a collector may write into the same file.
		Metrics  json.RawMessage `json:"resourceMetrics"`
		Logs     json.RawMessage `json:"resourceLogs"`
		Profiles json.RawMessage `json:"resourceProfiles"`
	}
	jsonWrapped struct {
		ResourceSpans []jsonResourceSpans `json:"resourceSpans"`
	}
	jsonResourceSpans struct {
		Resource struct {
			Attributes []jsonAttribute `json:"attributes"`
		} `json:"resource"`
		ScopeSpans   []jsonScopeSpans `json:"scopeSpans"`
		LibrarySpans []jsonScopeSpans `json:"instrumentationLibrarySpans"` // the name before OTLP 0.15
	}
	jsonScopeSpans struct {
		Scope   jsonScope  `json:"scope"`
		Library jsonScope  `json:"instrumentationLibrary"` // the name before OTLP 0.15
		Spans   []jsonSpan `json:"spans"`
	}
	jsonScope struct{ name string }
	jsonSpan  struct {
		TraceID    string          `json:"traceId"`
		SpanID     string          `json:"spanId"`
		ParentID   string          `json:"parentSpanId"`
		TraceState string          `json:"traceState"`
		Name       string          `json:"name"`
		Kind       jsonNumber      `json:"kind"`
		Start      jsonNumber      `json:"startTimeUnixNano"`
		End        jsonNumber      `json:"endTimeUnixNano"`
		Attributes []jsonAttribute `json:"attributes"`
		Links      []jsonLink      `json:"links"`
		Status     struct {
			Code jsonNumber `json:"code"`
		} `json:"status"`

		err error // why the object is not a span
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

// statusPrefix begins the names of OTLP's status numbers.
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

// UnmarshalJSON keeps the error of a span in the span, so that the spans around it are read.
func (s *jsonSpan) UnmarshalJSON(b []byte) error {
	type plain jsonSpan
	s.err = json.Unmarshal(b, (*plain)(s))
	return nil
}

// UnmarshalJSON reads the name of a scope. A scope that is damaged has no name: the spans do not
// depend on it.
func (s *jsonScope) UnmarshalJSON(b []byte) error {
	var scope struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(b, &scope) == nil {
		s.name = scope.Name
	}
	return nil
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
	r := jsonReader{slow: jsonDecoder{s}}
	if s.packer != nil {
		r.fast = newFastDecoder(s)
	}
	return r
}

// readTo reads the requests that begin before an offset in the input. If the input ends
// first, the error is the input's, perhaps io.EOF.
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

// readNext reads the next request, which may not end in its line.
func (r *jsonReader) readNext() error {
	s := r.slow.sink
	object, err := r.stream.Next()
	s.record++
	s.offset = r.stream.Start()
	if _, malformed := errors.AsType[*jsontext.MalformedError](err); malformed {
		return s.skip(err)
	}
	if err != nil {
		return err
	}
	return r.decode(object)
}

// decode decodes one request: fast, or slowly if it is unusual.
func (r *jsonReader) decode(object []byte) error {
	if r.fast != nil && r.fast.decodeObject(object) {
		return nil
	}
	r.slow.sink.flush(1) // the packed spans precede this request's
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
		if _, malformed := errors.AsType[*jsontext.MalformedError](err); malformed {
			err = s.skip(err)
		} else if err == nil {
			err = decode(object)
		}
		if err != nil {
			return err
		}
	}
}

// A jsonDecoder decodes OTLP JSON into a sink, by encoding/json. It defines what OTLP JSON
// means here, and explains what is wrong with a request. [fastDecoder] does the same for
// usual requests.
type jsonDecoder struct{ sink *sink }

// request decodes the spans of one request.
func (d jsonDecoder) request(object []byte) error {
	var r jsonRequest
	if err := json.Unmarshal(object, &r); err != nil {
		return d.sink.skip(jsonError("request", err))
	}
	switch {
	case r.ResourceSpans != nil || r.Batches != nil || r.Trace.ResourceSpans != nil || r.Result.ResourceSpans != nil:
	case r.Metrics != nil || r.Logs != nil || r.Profiles != nil:
		return nil
	default:
		return d.sink.skip(errors.New("no resourceSpans in it: " + quote.Excerpt(object)))
	}
	return d.lists(&r)
}

// lists decodes the spans of all lists of a request.
func (d jsonDecoder) lists(r *jsonRequest) error {
	for _, list := range [...][]jsonResourceSpans{r.ResourceSpans, r.Batches, r.Trace.ResourceSpans, r.Result.ResourceSpans} {
		for i := range list {
			if err := d.resourceSpans(&list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// resourceSpans decodes the spans of one resource.
func (d jsonDecoder) resourceSpans(rs *jsonResourceSpans) error {
	var res resource
	for i := range rs.Resource.Attributes {
		a := &rs.Resource.Attributes[i]
		if !res.needs(a.Key, d.sink.keep(a.Key)) {
			continue
		}
		text, ok, err := a.text()
		if err != nil {
			spans := 0
			for _, scope := range rs.scopes() {
				spans += len(scope.Spans)
			}
			return d.sink.reject(spans, fmt.Errorf("all spans of a resource: %w", err))
		}
		if ok {
			res.add(a.Key, text)
		}
	}
	for _, scope := range rs.scopes() {
		for i := range scope.Spans {
			if err := d.span(&scope.Spans[i], cmp.Or(scope.Scope.name, scope.Library.name), &res); err != nil {
				return err
			}
		}
	}
	return nil
}

// scopes returns the spans by scope. If an object has both names, both lists hold the same
// spans, written twice for readers that know only one of the names.
func (rs *jsonResourceSpans) scopes() []jsonScopeSpans {
	if len(rs.ScopeSpans) > 0 {
		return rs.ScopeSpans
	}
	return rs.LibrarySpans
}

// span decodes one span into the sink, or rejects it. Links without valid ids are left out.
func (d jsonDecoder) span(j *jsonSpan, scope string, res *resource) error {
	s, err := d.decode(j, res)
	if err != nil {
		return d.sink.reject(1, fmt.Errorf("%s: %w", describe(j.Name, res.service), err))
	}
	d.sink.addScope(&s, scope)
	for _, l := range j.Links {
		if l == (jsonLink{}) {
			continue
		}
		link, err := l.decode()
		if err != nil {
			if err := d.sink.skip(fmt.Errorf("a link of %s: %w", describe(j.Name, res.service), err)); err != nil {
				return err
			}
			continue
		}
		s.Links = append(s.Links, link)
	}
	return d.sink.addSpan(s)
}

// decode returns the span without its links.
func (d jsonDecoder) decode(j *jsonSpan, res *resource) (servicegraph.Span, error) {
	s := servicegraph.Span{
		Service:   res.service,
		Namespace: res.namespace,
		Name:      j.Name,
		Resource:  res.attrs,
		Weight:    servicegraph.TraceStateWeight(j.TraceState),
	}
	if j.err != nil {
		return s, jsonError("span", j.err)
	}
	var err error
	check := func(field string, e error) {
		if err == nil && e != nil {
			err = fmt.Errorf("%s: %w", field, e)
		}
	}
	check("traceId", parseID(s.TraceID[:], j.TraceID))
	check("spanId", parseID(s.SpanID[:], j.SpanID))
	if j.ParentID != "" {
		check("parentSpanId", parseID(s.ParentID[:], j.ParentID))
	}
	kind, e := j.Kind.enum(kindNames)
	check("kind", e)
	status, e := j.Status.Code.enum(statusNames)
	check("status.code", e)
	start, e := j.Start.uint()
	check("startTimeUnixNano", e)
	end, e := j.End.uint()
	check("endTimeUnixNano", e)
	s.Kind, s.Status, s.Start, s.End = servicegraph.KindOf(kind), servicegraph.StatusOf(status), timeOf(start), timeOf(end)
	for i := range j.Attributes {
		a := &j.Attributes[i]
		if !d.sink.keep(a.Key) {
			continue
		}
		text, ok, e := a.text()
		check("attributes", e)
		if ok {
			s.Attrs = append(s.Attrs, servicegraph.Attr{Key: a.Key, Value: text})
		}
	}
	return s, err
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

// parseID reads an id of len(id) bytes in hexadecimal or base64. The length of the text tells
// which one it is, for trace ids as for span ids.
func parseID(id []byte, s string) error {
	var err error
	switch len(s) {
	case hex.EncodedLen(len(id)):
		_, err = hex.Decode(id, []byte(s))
	case base64.StdEncoding.EncodedLen(len(id)):
		var b []byte
		if b, err = base64.StdEncoding.DecodeString(s); err == nil && len(b) != len(id) {
			err = fmt.Errorf("want %d bytes in base64, got %d", len(id), len(b))
		}
		copy(id, b)
	default:
		err = fmt.Errorf("want %d hexadecimal digits, got %d characters", hex.EncodedLen(len(id)), len(s))
	}
	if err != nil {
		return fmt.Errorf("%q: %w", quote.Shorten(s, 40), err)
	}
	return nil
}

// A jsonNumber is the text of a JSON number, or of a JSON string in its place: the JSON
// encoding of protobuf writes 64-bit integers as strings, and may write the values of an
// enum as names. It is empty if absent.
type jsonNumber string

func (n *jsonNumber) UnmarshalJSON(b []byte) error {
	switch c := b[0]; {
	case c == '"':
		return json.Unmarshal(b, (*string)(n))
	case c == 'n': // null: absent
		return nil
	case c == '-' || '0' <= c && c <= '9':
		*n = jsonNumber(b)
		return nil
	}
	got := string(b) // true or false
	switch b[0] {
	case '{':
		got = "object"
	case '[':
		got = "array"
	}
	return &json.UnmarshalTypeError{Value: got, Type: reflect.TypeFor[int64]()}
}

func (n jsonNumber) int() (int64, error) {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil || n == "" {
		return i, nil
	}
	// 1e9 and 1.0 are also integers.
	if f, err := n.float(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f), nil
	}
	return 0, fmt.Errorf("%q is not an integer", quote.Shorten(string(n), 40))
}

func (n jsonNumber) uint() (uint64, error) {
	if i, err := strconv.ParseUint(string(n), 10, 64); err == nil || n == "" {
		return i, nil
	}
	if f, err := n.float(); err == nil && f == math.Trunc(f) && f >= 0 && f < 1<<64 {
		return uint64(f), nil
	}
	return 0, fmt.Errorf("%q is not a positive integer", quote.Shorten(string(n), 40))
}

func (n jsonNumber) float() (float64, error) {
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil && n != "" {
		return 0, fmt.Errorf("%q is not a number", quote.Shorten(string(n), 40))
	}
	return f, nil
}

// enum returns the number that n is, or that n is the name of: names[i] stands for i.
func (n jsonNumber) enum(names []string) (int64, error) {
	if i := slices.Index(names, string(n)); i >= 0 {
		return int64(i), nil
	}
	return n.int()
}

// jsonError rewords an error of encoding/json about an object: in JSON's terms, not in Go's.
func jsonError(object string, err error) error {
	e, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return fmt.Errorf("not JSON: %w", err)
	}
	want := "an object"
	switch e.Type.Kind() {
	case reflect.String:
		want = "a string"
	case reflect.Bool:
		want = "a boolean"
	case reflect.Int64:
		want = "a number"
	case reflect.Slice:
		want = "an array"
	}
	return fmt.Errorf("%s: want %s, got %s", cmp.Or(e.Field, object), want, e.Value)
}
