package tracefile

import (
	"reflect"
	"strings"
	"testing"
)

// A format is told by the outermost keys, whatever else occurs in a file.
func TestFormsByKeys(t *testing.T) {
	for _, test := range []struct {
		head string
		want any // what reads it; nil for no format
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
		{`{"traces":[{"traceID":"1","rootServiceName":"a","spanSets":[{"spans":[{"spanID":"b"}]}]}]}`, nil}, // what Tempo answers to a search
		{`{"data":[{"parent":"a","child":"b","callCount":1}],"total":0}`, nil},                              // Jaeger's dependencies
		{`[{"parent":"a","child":"b","callCount":1}]`, nil},                                                 // Zipkin's
		{`["traceId","id"]`, nil},
		{`{"spans`, nil},
		{"spans\n", nil},
		{`[{"traceID":"1","spanID":"a","parentSpanID":"b","spanName":"x","serviceName":"s"}]`, nil}, // of some product
		{`["resourceSpans"]`, nil},
	} {
		form, ok := formOf([]byte(test.head))
		if ok != (test.want != nil) {
			t.Errorf("%s: recognized: %t", excerpt([]byte(test.head)), ok)
		} else if ok && reflect.ValueOf(form.read).Pointer() != reflect.ValueOf(test.want).Pointer() {
			t.Errorf("%s: another format", excerpt([]byte(test.head)))
		}
	}
}

// A head of nothing but beginnings is looked at a few times, not once a line.
func TestFormOfManyBeginnings(t *testing.T) {
	for _, line := range []string{"{\n", "[\n", "{\"a\":\n", "[{\"a\":1}]\n"} {
		if _, ok := formOf([]byte(strings.Repeat(line, headSize/len(line)))); ok {
			t.Errorf("%q was taken for a trace file", line)
		}
	}
}
