package tracefile

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/inflate"
)

// collect reads a sequence to its end, and returns the spans, the skipped records and the
// final error, which must be the last element.
func collect(tb testing.TB, seq iter.Seq2[servicegraph.Span, error]) (spans []servicegraph.Span, skips []*servicegraph.SkipError, final error) {
	tb.Helper()
	for s, err := range seq {
		if final != nil {
			tb.Fatalf("after the final error %q: %v, %v", final, s, err)
		}
		skip, ok := errors.AsType[*servicegraph.SkipError](err)
		switch {
		case ok:
			skips = append(skips, skip)
		case err != nil:
			final = err
		default:
			spans = append(spans, s)
		}
	}
	return spans, skips, final
}

// read returns the spans of bytes, which must be read without an error.
func read(tb testing.TB, input []byte) []servicegraph.Span {
	tb.Helper()
	spans, skips, err := collect(tb, Read(bytes.NewReader(input), "input", Config{}))
	for _, skip := range skips {
		tb.Errorf("skipped: %v", skip)
	}
	if err != nil {
		tb.Error(err)
	}
	return spans
}

// gathered is an output that keeps what it takes, and leaves packed spans in the packer.
type gathered struct {
	spans []servicegraph.Span
	skips []*servicegraph.SkipError
}

func (g *gathered) add(span servicegraph.Span) bool {
	g.spans = append(g.spans, span)
	return true
}

func (g *gathered) skip(skip *servicegraph.SkipError) bool {
	g.skips = append(g.skips, skip)
	return true
}

func (g *gathered) flush() bool { return true }

// inputOf returns an input of bytes that arrive in pieces of the given size.
func inputOf(b []byte, size, limit int) *input {
	return &input{Stream: inflate.Stream{Reader: bufio.NewReaderSize(bytes.NewReader(b), size)}, limit: limit}
}

// request returns a request of one service.
func request(service string, spans ...*tracev1.Span) *tracev1.TracesData {
	return &tracev1.TracesData{ResourceSpans: []*tracev1.ResourceSpans{{
		Resource:   &resourcev1.Resource{Attributes: []*commonv1.KeyValue{attribute("service.name", service)}},
		ScopeSpans: []*tracev1.ScopeSpans{{Spans: spans}},
	}}}
}

// span returns a span whose ids follow from n, which is not zero.
func span(n byte, name string) *tracev1.Span {
	return &tracev1.Span{
		TraceId:           bytes.Repeat([]byte{n}, 16),
		SpanId:            bytes.Repeat([]byte{n}, 8),
		Name:              name,
		Kind:              tracev1.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano: 1_700_000_000_000_000_000 + uint64(n),
		EndTimeUnixNano:   1_700_000_000_500_000_000,
	}
}

func attribute(key string, value any) *commonv1.KeyValue {
	v := &commonv1.AnyValue{}
	switch x := value.(type) {
	case string:
		v.Value = &commonv1.AnyValue_StringValue{StringValue: x}
	case bool:
		v.Value = &commonv1.AnyValue_BoolValue{BoolValue: x}
	case int:
		v.Value = &commonv1.AnyValue_IntValue{IntValue: int64(x)}
	case float64:
		v.Value = &commonv1.AnyValue_DoubleValue{DoubleValue: x}
	case []byte:
		v.Value = &commonv1.AnyValue_BytesValue{BytesValue: x}
	case []*commonv1.AnyValue:
		v.Value = &commonv1.AnyValue_ArrayValue{ArrayValue: &commonv1.ArrayValue{Values: x}}
	case []*commonv1.KeyValue:
		v.Value = &commonv1.AnyValue_KvlistValue{KvlistValue: &commonv1.KeyValueList{Values: x}}
	}
	return &commonv1.KeyValue{Key: key, Value: v}
}

// message encodes one request as protobuf.
func message(tb testing.TB, r proto.Message) []byte {
	tb.Helper()
	b, err := proto.Marshal(r)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// delimited encodes requests as protobuf, each after its length.
func delimited(tb testing.TB, requests ...*tracev1.TracesData) []byte {
	tb.Helper()
	var b []byte
	for _, r := range requests {
		b = protowire.AppendBytes(b, message(tb, r))
	}
	return b
}

// jsonLines encodes requests as OTLP JSON, one on each line.
func jsonLines(tb testing.TB, requests ...*tracev1.TracesData) []byte {
	tb.Helper()
	var b []byte
	for _, r := range requests {
		b = append(append(b, otlpJSON(tb, r, protojson.MarshalOptions{UseEnumNumbers: true})...), '\n')
	}
	return b
}

// otlpJSON encodes a request as OTLP JSON: protobuf's JSON with ids in
// hexadecimal.
func otlpJSON(tb testing.TB, r *tracev1.TracesData, options protojson.MarshalOptions) []byte {
	tb.Helper()
	b, err := options.Marshal(r)
	if err != nil {
		tb.Fatal(err)
	}
	return rewriteIDs(tb, b, func(id string) (string, error) {
		raw, err := base64.StdEncoding.DecodeString(id)
		return hex.EncodeToString(raw), err
	})
}

// parseOTLPJSON is the inverse of otlpJSON.
func parseOTLPJSON(tb testing.TB, b []byte) *tracev1.TracesData {
	tb.Helper()
	b = rewriteIDs(tb, b, func(id string) (string, error) {
		raw, err := hex.DecodeString(id)
		return base64.StdEncoding.EncodeToString(raw), err
	})
	var r tracev1.TracesData
	if err := protojson.Unmarshal(b, &r); err != nil {
		tb.Fatal(err)
	}
	return &r
}

// rewriteIDs changes every id in a JSON document.
func rewriteIDs(tb testing.TB, document []byte, rewrite func(string) (string, error)) []byte {
	tb.Helper()
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		tb.Fatal(err)
	}
	var walk func(any)
	walk = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			for key, value := range node {
				id, isString := value.(string)
				if !isString || !slices.Contains([]string{"traceId", "spanId", "parentSpanId"}, key) {
					walk(value)
					continue
				}
				s, err := rewrite(id)
				if err != nil {
					tb.Fatal(err)
				}
				node[key] = s
			}
		case []any:
			for _, value := range node {
				walk(value)
			}
		}
	}
	walk(tree)
	b, err := json.Marshal(tree)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func zip(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// spansOf returns the spans that the package should read, by the official types. It leaves out
// spans whose ids have the wrong length.
func spansOf(requests ...*tracev1.TracesData) []servicegraph.Span {
	var spans []servicegraph.Span
	for _, r := range requests {
		for _, rs := range r.GetResourceSpans() {
			var template servicegraph.Span
			for _, a := range scalars(rs.GetResource().GetAttributes()) {
				switch a.Key {
				case "service.name":
					template.Service = cmp.Or(template.Service, a.Value)
				case "service.namespace":
					template.Namespace = cmp.Or(template.Namespace, a.Value)
				default:
					template.Resource = append(template.Resource, a)
				}
			}
			for _, ss := range rs.GetScopeSpans() {
				for _, sp := range ss.GetSpans() {
					if s, ok := spanOf(sp, template); ok {
						if name := ss.GetScope().GetName(); name != "" {
							s.Attrs = append(s.Attrs, servicegraph.Attr{Key: "otel.scope.name", Value: name})
						}
						spans = append(spans, s)
					}
				}
			}
		}
	}
	return spans
}

func spanOf(sp *tracev1.Span, s servicegraph.Span) (servicegraph.Span, bool) {
	if len(sp.GetTraceId()) != 16 || len(sp.GetSpanId()) != 8 || len(sp.GetParentSpanId())%8 != 0 || len(sp.GetParentSpanId()) > 8 {
		return s, false
	}
	copy(s.TraceID[:], sp.GetTraceId())
	copy(s.SpanID[:], sp.GetSpanId())
	copy(s.ParentID[:], sp.GetParentSpanId())
	s.Name = sp.GetName()
	if k := sp.GetKind(); k >= 0 && k <= 5 {
		s.Kind = servicegraph.Kind(k)
	}
	if c := sp.GetStatus().GetCode(); c >= 0 && c <= 2 {
		s.Status = servicegraph.Status(c)
	}
	if t := sp.GetStartTimeUnixNano(); t <= math.MaxInt64 {
		s.Start = int64(t)
	}
	if t := sp.GetEndTimeUnixNano(); t <= math.MaxInt64 {
		s.End = int64(t)
	}
	s.Attrs = scalars(sp.GetAttributes())
	for _, l := range sp.GetLinks() {
		if len(l.GetTraceId()) == 16 && len(l.GetSpanId()) == 8 {
			s.Links = append(s.Links, servicegraph.Link{TraceID: [16]byte(l.GetTraceId()), SpanID: [8]byte(l.GetSpanId())})
		}
	}
	s.Weight = servicegraph.TraceStateWeight(sp.GetTraceState())
	return s, true
}

// oneDigitExponent matches an exponent that encoding/json writes with one digit, and strconv
// with two.
var oneDigitExponent = regexp.MustCompile(`e-([0-9])$`)

func scalars(attrs []*commonv1.KeyValue) []servicegraph.Attr {
	var list []servicegraph.Attr
	for _, a := range attrs {
		var text string
		switch v := a.GetValue().GetValue().(type) {
		case *commonv1.AnyValue_StringValue:
			text = v.StringValue
		case *commonv1.AnyValue_BoolValue:
			text = strconv.FormatBool(v.BoolValue)
		case *commonv1.AnyValue_IntValue:
			text = strconv.FormatInt(v.IntValue, 10)
		case *commonv1.AnyValue_DoubleValue:
			if b, err := json.Marshal(v.DoubleValue); err == nil {
				text = oneDigitExponent.ReplaceAllString(string(b), "e-0$1")
			} else {
				text = strconv.FormatFloat(v.DoubleValue, 'g', -1, 64) // NaN, +Inf
			}
		default:
			continue
		}
		list = append(list, servicegraph.Attr{Key: a.GetKey(), Value: text})
	}
	return list
}

// sorted sorts spans by their ids and names.
func sorted(spans []servicegraph.Span) []servicegraph.Span {
	slices.SortStableFunc(spans, func(a, b servicegraph.Span) int {
		return cmp.Or(bytes.Compare(a.TraceID[:], b.TraceID[:]), bytes.Compare(a.SpanID[:], b.SpanID[:]), strings.Compare(a.Name, b.Name))
	})
	return spans
}

// dataset returns the path of a recording that is kept next to the repository, and skips the
// test if the recording is missing.
func dataset(tb testing.TB, name string) string {
	tb.Helper()
	path := "../../../shared/datasets/" + name
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("a recording of real traces is missing: %v", err)
	}
	return path
}
