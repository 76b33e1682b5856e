package tempograph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otelspan"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
	"github.com/tempograph/tempograph/tempoclient"
)

// attrValues are attribute values with the text of each. A source leaves out a value whose text is
// empty here.
var attrValues = []struct {
	value attribute.Value
	text  string
	ok    bool
}{
	{attribute.StringValue("orders"), "orders", true},
	{attribute.StringValue(""), "", true},
	{attribute.Float64Value(1000000), "1000000", true},
	{attribute.Float64Value(1e20), "100000000000000000000", true},
	{attribute.Float64Value(1e21), "1e+21", true},
	{attribute.Float64Value(0.1), "0.1", true},
	{attribute.Float64Value(1e-7), "1e-07", true},
	{attribute.Float64Value(math.Copysign(0, -1)), "-0", true},
	{attribute.Float64Value(math.NaN()), "NaN", true},
	{attribute.Float64Value(math.Inf(1)), "+Inf", true},
	{attribute.Float64Value(math.Inf(-1)), "-Inf", true},
	{attribute.Int64Value(0), "0", true},
	{attribute.Int64Value(1000000), "1000000", true},
	{attribute.Int64Value(math.MaxInt64), "9223372036854775807", true},
	{attribute.Int64Value(math.MinInt64), "-9223372036854775808", true},
	{attribute.BoolValue(true), "true", true},
	{attribute.BoolValue(false), "false", true},
	{attribute.StringSliceValue([]string{"a"}), "", false},
	{attribute.Float64SliceValue([]float64{1e6}), "", false},
	{attribute.BoolSliceValue(nil), "", false},
}

// bytesKey is the key of an attribute of type bytes, a type that the SDK does not have.
const bytesKey = "bytes"

func attrKey(i int) string { return fmt.Sprintf("value.%02d", i) }

// TestAttrText: an attribute has the same text from every source.
func TestAttrText(t *testing.T) {
	for source, span := range map[string]func(t *testing.T) servicegraph.Span{
		"SDK":                 sdkSpan,
		"OTLP protobuf":       func(t *testing.T) servicegraph.Span { return readSpan(t, message(t, wireRequest())) },
		"OTLP JSON":           func(t *testing.T) servicegraph.Span { return readSpan(t, otlpJSON(t)) },
		"OTLP JSON, numbers":  func(t *testing.T) servicegraph.Span { return readSpan(t, plainNumbers(otlpJSON(t))) },
		"Tempo":               tempoSpan,
		"Jaeger":              func(t *testing.T) servicegraph.Span { return readSpan(t, jaegerJSON(t, false)) },
		"Zipkin":              zipkinSpan,
		"Jaeger, all strings": func(t *testing.T) servicegraph.Span { return readSpan(t, jaegerJSON(t, true)) },
	} {
		t.Run(source, func(t *testing.T) {
			s := span(t)
			checkTexts(t, s.Attrs)
			checkTexts(t, s.Resource)
		})
	}
}

// checkTexts compares the attributes with the texts of attrValues.
func checkTexts(t *testing.T, attrs []servicegraph.Attr) {
	got := make(map[string]string)
	for _, a := range attrs {
		if strings.HasPrefix(a.Key, "value.") || a.Key == bytesKey {
			got[a.Key] = a.Value
		}
	}
	for i, v := range attrValues {
		key := attrKey(i)
		if text, ok := got[key]; ok != v.ok || text != v.text {
			t.Errorf("%v is %q, %v; want %q, %v", v.value.AsInterface(), text, ok, v.text, v.ok)
		}
		delete(got, key)
	}
	if len(got) > 0 {
		t.Errorf("attributes too many: %v", got)
	}
}

// TestAttrTextOfLoad checks tracefile.Load, which has its own way of reading attribute values.
func TestAttrTextOfLoad(t *testing.T) {
	node := func(name string, data []byte) map[string]bool {
		b := servicegraph.NewBuilder(servicegraph.Config{NodeAttrs: []string{"value.02"}})
		if err := tracefile.Load(b, bytes.NewReader(data), name, tracefile.LoadConfig{}); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]bool)
		for n := range b.Graph().Nodes() {
			for _, a := range n.Attrs {
				got[a.Value] = true
			}
			if n.ID.Type == servicegraph.TypeDatabase {
				got[n.ID.Name] = true
			}
		}
		return got
	}
	for name, data := range map[string][]byte{
		"protobuf":      message(t, wireRequest()),
		"JSON":          otlpJSON(t),
		"JSON, numbers": plainNumbers(otlpJSON(t)),
	} {
		if got := node(name, data); len(got) != 1 || !got["1000000"] {
			t.Errorf("%s: the graph has %v, want 1000000 as attribute and as database", name, got)
		}
	}
}

// sdkSpan returns the test's span, converted from a span of the SDK.
func sdkSpan(*testing.T) servicegraph.Span {
	var attrs []attribute.KeyValue
	for i, v := range attrValues {
		attrs = append(attrs, attribute.KeyValue{Key: attribute.Key(attrKey(i)), Value: v.value})
	}
	s := otelspan.From(tracetest.SpanStub{Attributes: attrs}.Snapshot())
	s.Resource = s.Attrs // a stub has no resource of its own
	return s
}

// wireRequest returns a request with one span. The span and its resource have the values as
// attributes.
func wireRequest() *tracepb.TracesData {
	var attrs []*commonpb.KeyValue
	for i, v := range attrValues {
		attrs = append(attrs, &commonpb.KeyValue{Key: attrKey(i), Value: wireValue(v.value)})
	}
	attrs = append(attrs, &commonpb.KeyValue{Key: bytesKey, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte("a")}}})
	database := &commonpb.KeyValue{Key: "db.namespace", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 1e6}}}
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: attrs},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), Kind: tracepb.Span_SPAN_KIND_CLIENT, Attributes: append(attrs[:len(attrs):len(attrs)], database),
		}}}},
	}}}
}

func wireValue(v attribute.Value) *commonpb.AnyValue {
	switch v.Type() {
	case attribute.STRING:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v.AsString()}}
	case attribute.BOOL:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v.AsBool()}}
	case attribute.INT64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v.AsInt64()}}
	case attribute.FLOAT64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v.AsFloat64()}}
	}
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{
		Values: []*commonpb.AnyValue{{Value: &commonpb.AnyValue_StringValue{StringValue: "a"}}},
	}}}
}

func message(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// otlpJSON returns the request in the JSON encoding of OTLP, whose ids are hexadecimal.
func otlpJSON(t *testing.T) []byte {
	t.Helper()
	request := wireRequest()
	span := request.ResourceSpans[0].ScopeSpans[0].Spans[0]
	trace, id := fmt.Sprintf("%x", span.TraceId), fmt.Sprintf("%x", span.SpanId)
	span.TraceId, span.SpanId = nil, nil
	data, err := protojson.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		t.Fatal(err)
	}
	return []byte(strings.Replace(out.String(), `"kind":`, fmt.Sprintf(`"traceId":%q,"spanId":%q,"kind":`, trace, id), 1) + "\n")
}

// plainNumbers replaces the notation of the number 1000000 by another valid notation.
func plainNumbers(request []byte) []byte {
	return []byte(strings.NewReplacer(`"doubleValue":1000000}`, `"doubleValue":1e6}`, `"intValue":"1000000"}`, `"intValue":1000000}`).Replace(string(request)))
}

// readSpan returns the only span of a file.
func readSpan(t *testing.T, data []byte) (span servicegraph.Span) {
	t.Helper()
	n := 0
	for s, err := range tracefile.Read(bytes.NewReader(data), "input", tracefile.Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		span = s
		n++
	}
	if n != 1 {
		t.Fatalf("%d spans", n)
	}
	return span
}

// tempoSpan returns the span from a server that answers as Tempo does.
func tempoSpan(t *testing.T) servicegraph.Span {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/v2/traces/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/protobuf")
		w.Write(protowire.AppendBytes([]byte{1<<3 | byte(protowire.BytesType)}, message(t, wireRequest()))) // TraceByIDResponse.trace
	}))
	t.Cleanup(server.Close)
	client, err := tempoclient.New(server.URL, tempoclient.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	trace, err := client.Trace(t.Context(), servicegraph.TraceID([]byte("0123456789abcdef")))
	if err != nil {
		t.Fatal(err)
	}
	if len(trace.Spans) != 1 {
		t.Fatalf("%d spans", len(trace.Spans))
	}
	return trace.Spans[0]
}

// jsonValue returns a value for encoding/json. A number that JSON does not have becomes a string.
func jsonValue(v attribute.Value) any {
	if f, ok := v.AsInterface().(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return fmt.Sprint(f)
	}
	return v.AsInterface()
}

// zipkinSpan returns the span from Zipkin's JSON.
func zipkinSpan(t *testing.T) servicegraph.Span {
	t.Helper()
	tags := make(map[string]any)
	for i, v := range attrValues {
		if v.ok {
			tags[attrKey(i)] = jsonValue(v.value)
		}
	}
	data, err := json.Marshal([]any{map[string]any{"traceId": "1", "id": "2", "tags": tags}})
	if err != nil {
		t.Fatal(err)
	}
	s := readSpan(t, data)
	s.Resource = s.Attrs // Zipkin's format has no resources
	return s
}

// jaegerJSON returns the span in Jaeger's JSON. With asStrings, values are strings, as in some
// of Jaeger's stores.
func jaegerJSON(t *testing.T, asStrings bool) []byte {
	t.Helper()
	var tags []map[string]any
	for i, v := range attrValues {
		typ := map[attribute.Type]string{attribute.STRING: "string", attribute.BOOL: "bool", attribute.INT64: "int64", attribute.FLOAT64: "float64"}[v.value.Type()]
		if typ == "" {
			continue
		}
		value := jsonValue(v.value)
		if asStrings {
			value = fmt.Sprint(value)
		}
		tags = append(tags, map[string]any{"key": attrKey(i), "type": typ, "value": value})
	}
	tags = append(tags, map[string]any{"key": bytesKey, "type": "binary", "value": "YQ=="})
	data, err := json.Marshal(map[string]any{"data": []any{map[string]any{
		"traceID": "1",
		"spans": []any{map[string]any{
			"traceID": "1", "spanID": "2", "operationName": "o", "startTime": 1, "duration": 1, "processID": "p", "tags": tags,
		}},
		"processes": map[string]any{"p": map[string]any{"serviceName": "s", "tags": tags}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
