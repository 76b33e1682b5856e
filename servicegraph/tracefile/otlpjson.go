package tracefile

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/tempograph/tempograph/servicegraph"
)

// The objects of OTLP JSON, as far as they are read. Their ids are hexadecimal;
// in Tempo's answers, which have the same objects below other keys, they are in
// base64 as bytes are in the JSON form of every other protobuf message.
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
		LibrarySpans []jsonScopeSpans `json:"instrumentationLibrarySpans"` // their name before OTLP 0.15
	}
	jsonScopeSpans struct {
		Spans []jsonSpan `json:"spans"`
	}
	jsonSpan struct {
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

		err error // why this is not a span
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

// The names of enum numbers from 0 on.
var (
	kindNames   = []string{"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"}
	statusNames = []string{"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"}
)

// UnmarshalJSON keeps what is wrong with a span in the span, so that its
// neighbours are read.
func (s *jsonSpan) UnmarshalJSON(b []byte) error {
	type plain jsonSpan
	s.err = json.Unmarshal(b, (*plain)(s))
	return nil
}

// readJSON reads OTLP JSON: any sequence of requests.
func readJSON(s *source, in *bufio.Reader, limit int) error {
	if s.pipeline != nil {
		return s.pipeline.readStretches((&jsonStretches{in: in, limit: limit}).reader)
	}
	r := newJSONReader(s)
	r.values = values{in: in, limit: limit}
	return unlessEOF(r.readTo(math.MaxInt64))
}

// A jsonReader passes the spans of a stream of requests on.
type jsonReader struct {
	values  values
	decoder jsonDecoder
	fast    *jsonIntake // nil without an intake
}

func newJSONReader(s *source) jsonReader {
	return jsonReader{decoder: jsonDecoder{s}, fast: newJSONIntake(s)}
}

// readTo reads the requests that begin before an offset in the stream. The error is that
// of the stream if it ends first, perhaps io.EOF.
func (r *jsonReader) readTo(end int64) error {
	for !r.decoder.stopped {
		switch {
		case !r.values.begin():
			return r.values.err
		case r.values.offset() >= end:
			return nil
		case r.fast.takeLine(&r.values):
			continue
		}
		if err := r.readNext(); err != nil {
			return err
		}
	}
	return errStopped
}

// readNext reads the next request.
func (r *jsonReader) readNext() error {
	s := r.decoder.source
	object, err := r.values.next()
	s.record++
	s.offset = r.values.start
	if _, broken := errors.AsType[*brokenValue](err); broken {
		return s.skip(err)
	}
	if err != nil || r.fast.takeObject(object) {
		return err
	}
	s.passOn(1) // they came before
	return r.decoder.request(object)
}

// readJSONList reads OTLP JSON in a list, as tools make it of lines.
func readJSONList(s *source, in *bufio.Reader, limit int) error {
	d := jsonDecoder{s}
	fast := newJSONIntake(s)
	return readObjects(s, newObjects(in, limit, ""), func(object []byte) error {
		if fast.takeObject(object) {
			return nil
		}
		s.passOn(1) // they came before
		return d.request(object)
	})
}

// A jsonDecoder turns OTLP JSON into the spans of a source.
type jsonDecoder struct{ *source }

// request passes the spans of one request on.
func (d jsonDecoder) request(object []byte) error {
	var r jsonRequest
	if err := json.Unmarshal(object, &r); err != nil {
		return d.skip(jsonError("request", err))
	}
	switch {
	case r.ResourceSpans != nil || r.Batches != nil || r.Trace.ResourceSpans != nil || r.Result.ResourceSpans != nil:
	case r.Metrics != nil || r.Logs != nil || r.Profiles != nil:
		return nil
	default:
		return d.skip(errors.New("no resourceSpans in it: " + excerpt(object)))
	}
	return d.lists(&r)
}

// lists passes the spans of all lists of a request on.
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

func (d jsonDecoder) resourceSpans(rs *jsonResourceSpans) error {
	var res resource
	for i := range rs.Resource.Attributes {
		a := &rs.Resource.Attributes[i]
		if !res.needs(a.Key, d.keep(a.Key)) {
			continue
		}
		text, ok, err := a.text()
		if err != nil {
			spans := 0
			for _, scope := range rs.scopes() {
				spans += len(scope.Spans)
			}
			return d.reject(spans, fmt.Errorf("all spans of a resource: %w", err))
		}
		if ok {
			res.add(a.Key, text)
		}
	}
	for _, scope := range rs.scopes() {
		for i := range scope.Spans {
			if err := d.pass(&scope.Spans[i], &res); err != nil {
				return err
			}
		}
	}
	return nil
}

// scopes returns the spans by scope. Under both names they are the same, written twice
// for those who knew one of them.
func (rs *jsonResourceSpans) scopes() []jsonScopeSpans {
	if len(rs.ScopeSpans) > 0 {
		return rs.ScopeSpans
	}
	return rs.LibrarySpans
}

// pass passes one span on, or says why it is none. Links that are none are left
// out of it.
func (d jsonDecoder) pass(j *jsonSpan, res *resource) error {
	s, err := d.decode(j, res)
	if err != nil {
		return d.reject(1, fmt.Errorf("%s: %w", describe(j.Name, res.service), err))
	}
	for _, l := range j.Links {
		if l == (jsonLink{}) {
			continue
		}
		link, err := l.decode()
		if err != nil {
			if err := d.skip(fmt.Errorf("a link of %s: %w", describe(j.Name, res.service), err)); err != nil {
				return err
			}
			continue
		}
		s.Links = append(s.Links, link)
	}
	return d.span(s)
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
	s.Kind, s.Status, s.Start, s.End = kindOf(kind), statusOf(status), timeOf(start), timeOf(end)
	for i := range j.Attributes {
		a := &j.Attributes[i]
		if !d.keep(a.Key) {
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

// text returns the value as text, and false if there is none or it is no scalar.
func (a *jsonAttribute) text() (string, bool, error) {
	switch v := &a.Value; {
	case v.String != nil:
		return *v.String, true, nil
	case v.Bool != nil:
		return strconv.FormatBool(*v.Bool), true, nil
	case v.Int != nil:
		i, err := v.Int.int()
		if err != nil {
			return "", false, fmt.Errorf("%q: %w", shorten(a.Key, 80), err)
		}
		return strconv.FormatInt(i, 10), true, nil
	case v.Double != nil:
		f, err := v.Double.float()
		if err != nil {
			return "", false, fmt.Errorf("%q: %w", shorten(a.Key, 80), err)
		}
		return string(appendFloat(nil, f)), true, nil
	}
	return "", false, nil
}

// parseID reads an id of len(id) bytes in hexadecimal or base64, whose lengths
// differ for both kinds of id.
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
		return fmt.Errorf("%q: %w", shorten(s, 40), err)
	}
	return nil
}

// A jsonNumber is the text of a JSON number, or of a JSON string in its place:
// 64-bit integers are strings in the JSON form of protobuf, and values of an enum
// may be names. It is empty if absent.
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
	// 1e9 is an integer as well, and so is 1.0.
	if f, err := n.float(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f), nil
	}
	return 0, fmt.Errorf("%q is not an integer", shorten(string(n), 40))
}

func (n jsonNumber) uint() (uint64, error) {
	if i, err := strconv.ParseUint(string(n), 10, 64); err == nil || n == "" {
		return i, nil
	}
	if f, err := n.float(); err == nil && f == math.Trunc(f) && f >= 0 && f < 1<<64 {
		return uint64(f), nil
	}
	return 0, fmt.Errorf("%q is not a positive integer", shorten(string(n), 40))
}

func (n jsonNumber) float() (float64, error) {
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil && n != "" {
		return 0, fmt.Errorf("%q is not a number", shorten(string(n), 40))
	}
	return f, nil
}

// enum returns the number that n is or that stands for the name n, if names are
// those of the numbers from 0.
func (n jsonNumber) enum(names []string) (int64, error) {
	if i := slices.Index(names, string(n)); i >= 0 {
		return int64(i), nil
	}
	return n.int()
}

// jsonError says in JSON's terms what the decoder of an object says in Go's.
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
