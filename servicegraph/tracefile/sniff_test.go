package tracefile

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// The two protobuf formats are distinguished for all lengths in their first bytes. The first bytes
// are ambiguous: the tag of a request's field can be a line feed or a length of ten, and a length
// of 123 is an opening brace.
func TestProtobufFormats(t *testing.T) {
	lengths := make(map[int]bool) // of the requests tried
	for size := range 400 {
		for _, r := range []*tracev1.TracesData{
			{ResourceSpans: []*tracev1.ResourceSpans{{SchemaUrl: strings.Repeat("s", size)}}},
			{ResourceSpans: []*tracev1.ResourceSpans{{Resource: &resourcev1.Resource{Attributes: []*commonv1.KeyValue{attribute(strings.Repeat("k", size), "v")}}}}},
			{ResourceSpans: []*tracev1.ResourceSpans{{ScopeSpans: []*tracev1.ScopeSpans{{SchemaUrl: strings.Repeat("s", size)}}}}},
			{ResourceSpans: []*tracev1.ResourceSpans{{}, {SchemaUrl: strings.Repeat("s", size)}}},
		} {
			r.ResourceSpans = append(r.ResourceSpans, request("svc", span(1, "x")).ResourceSpans...)
			small := &tracev1.TracesData{ResourceSpans: r.ResourceSpans[:1]}
			lengths[len(message(t, small))] = true
			rest := request("svc", span(1, "x"))
			for name, input := range map[string][]byte{
				"message":   message(t, r),
				"delimited": delimited(t, small, rest),
			} {
				if diff := cmp.Diff(spansOf(rest), read(t, input)); diff != "" {
					t.Fatalf("%s, %d, of %d bytes (-want +got):\n%s", name, size, len(message(t, small)), diff)
				}
			}
		}
	}
	for _, n := range []int{10, '{'} {
		if !lengths[n] {
			t.Errorf("no request of %d bytes was tried", n)
		}
	}
}

// JSON is not taken for protobuf, although it may begin with the same bytes.
func TestJSONBeginnings(t *testing.T) {
	object := strings.TrimSpace(string(jsonLines(t, request("svc", span(1, "x")))))
	inner := object[1:]
	for _, blank := range []string{"", "\n", "\r\n", "\t", " ", "\n\n", "\n\t", "\n  ", "\n\n\n", "\n\n\n\n\n", strings.Repeat("\n ", 60), strings.Repeat("\r\n", 12)} {
		for _, input := range []string{blank + object, "{" + blank + inner, blank + "{" + blank + inner} {
			if got := read(t, []byte(input)); len(got) != 1 {
				t.Errorf("%q…: %d spans", input[:min(len(input), 20)], len(got))
			}
		}
	}
}

// A text is not taken for protobuf, although its letters could be tags and lengths.
func TestTextIsNoProtobuf(t *testing.T) {
	for _, text := range []string{
		"9\n7\n5\n3\n1\n",
		"\nz\na\nX\nW\n",
		"{\nx\nv\n",
		"z\nn\nl\nj\n" + strings.Repeat("text ", 30000),
	} {
		if _, ok := formatOf([]byte(text)); ok {
			t.Errorf("%.20q… was taken for a trace file", text)
		}
	}
}

// In a request, each message must fit into the one around it.
func TestOtherProtobuf(t *testing.T) {
	for _, test := range []struct {
		head, reason string
	}{
		{"\x0a\x04\x08\x01\x10\x02", "a pprof profile: the first field of what should be ResourceSpans is a number"},
		{"\x05\x0a\x04\x0a\x03xy", "ResourceSpans end after their request"},
		{"\x05\x0a\x05\x0a\x01xyz", "ResourceSpans end one byte after their request"},
		{"\x06\x12\x04\x0a\x02xy", "not a field of a request"},
		{"\x0a\x04\x0a\x03xy", "a resource ends after its ResourceSpans"},
		{"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "a varint of 11 bytes"},
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x0a\x01", "lengths that overflow"},
	} {
		if _, ok := formatOf([]byte(test.head)); ok {
			t.Errorf("% x was taken for a trace file: %s", test.head, test.reason)
		}
	}
}

// The format is detected from the first bytes alone, even if the first record is huge.
func TestLargeFirstRecord(t *testing.T) {
	s := span(1, "x")
	s.Attributes = []*commonv1.KeyValue{attribute("v", strings.Repeat("x", 3*headSize))}
	first, second := request("svc", s), request("svc", span(2, "y"))
	large := &tracev1.TracesData{ResourceSpans: append(first.ResourceSpans, second.ResourceSpans...)}
	for name, input := range map[string][]byte{
		"JSON": jsonLines(t, first, second), "delimited": delimited(t, first, second), "message": message(t, large),
	} {
		if got := read(t, input); len(got) != 2 || got[1].Name != "y" {
			t.Errorf("%s: %d spans", name, len(got))
		}
	}
}

// A file whose first document is a request of OTLP is OTLP JSON, whatever follows.
func TestExportComesFirst(t *testing.T) {
	object := strings.TrimSpace(string(jsonLines(t, request("svc", span(1, "x")))))
	const jaeger = `{"data":[{"traceID":"7","spans":[],"processes":{}}],"errors":null}`
	for _, test := range []struct {
		input string
		spans int
	}{
		{object + "\n" + jaeger + "\n" + object, 2},
		{"\xef\xbb\xbf " + object + "\n" + jaeger, 1},
		{jaeger + "\n" + object, 0},
	} {
		spans, _, _ := collect(t, Read(strings.NewReader(test.input), "input", Config{}))
		if len(spans) != test.spans {
			t.Errorf("%d spans, want %d: %.60s", len(spans), test.spans, test.input)
		}
	}
}

// The outermost keys determine the format, whatever else is in the file.
func TestFormatsByKeys(t *testing.T) {
	for _, test := range []struct {
		head string
		want any // the function that reads it; nil for no format
	}{
		{jaegerTraceJSON, readJaeger},
		{`{"data":[` + jaegerTraceJSON, readJaeger},
		{`{"total":0,"data":null,"errors":[{"code":404,"msg":"trace not found"}]}`, readJaeger},
		{`{"traceID":"1","spans":[{"tags":[{"key":"batches"},{"key":"resourceSpans"},{"traceId":1,"id":2}]}]}`, readJaeger},
		{"\n" + `[{"processes":{},"spans":[`, readJaeger},
		{"sult\":1}\n" + `{"traceID":"1","spans":[]}`, readJaeger},
		{zipkinSpanJSON, readZipkin},
		{"[[" + zipkinSpanJSON, readZipkin},
		{`[{"id":"a","tags":{"resourceSpans":"\"batches\"","spans":"1"},"traceId":"1"}]`, readZipkin},
		{`{"traceId":"1","parent` + "\n" + `{"traceId":"1","id":"a"}`, readZipkin},
		{" [ ]", readZipkin},
		{`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1","id":"a","spanID":"b","data":1,"errors":[]}]}]}]}`, readJSON},
		{"{\n  \"resourceSpans\": [\n    {\n      \"scopeSpans\": [\n        {\n          \"spans\": [", readJSON},
		{`{"trace":{"resourceSpans":[`, readJSON},
		{`{"result":{"resourceSpans":[`, readJSON},
		{`{"resourceMetrics":[{"resource":`, readJSON},
		{`[{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1","id":"a"`, readJSONList},
		{"[\n  {\n    \"batches\": [", readJSONList},
		{`[{"spanID":"a","traceID":"1","operationName":"x"}]`, readJaeger},
		{`{"batches":[{"scopeSpans":[{"spans":[`, readJSON},
		{`{"traces":[{"traceID":"1","rootServiceName":"a","spanSets":[{"spans":[{"spanID":"b"}]}]}]}`, nil}, // Tempo's answer to a search
		{`{"data":[{"parent":"a","child":"b","callCount":1}],"total":0}`, nil},                              // Jaeger's dependencies
		{`[{"parent":"a","child":"b","callCount":1}]`, nil},                                                 // Zipkin's dependencies
		{`["traceId","id"]`, nil},
		{`{"spans`, nil},
		{"spans\n", nil},
		{`[{"traceID":"1","spanID":"a","parentSpanID":"b","spanName":"x","serviceName":"s"}]`, nil}, // of another product
		{`["resourceSpans"]`, nil},
	} {
		format, ok := formatOf([]byte(test.head))
		if ok != (test.want != nil) {
			t.Errorf("%s: has a known format: %t", quote.Excerpt([]byte(test.head)), ok)
		} else if ok && reflect.ValueOf(format.read).Pointer() != reflect.ValueOf(test.want).Pointer() {
			t.Errorf("%s: another format", quote.Excerpt([]byte(test.head)))
		}
	}
}

// A head of many lines, each of which begins a document, is searched only a few times, not once for
// each line.
func TestFormatOfManyBeginnings(t *testing.T) {
	for _, line := range []string{"{\n", "[\n", "{\"a\":\n", "[{\"a\":1}]\n"} {
		if _, ok := formatOf([]byte(strings.Repeat(line, headSize/len(line)))); ok {
			t.Errorf("%q was taken for a trace file", line)
		}
	}
}
