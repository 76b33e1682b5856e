package tracefile

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// jaegerTraceJSON is a trace of two services with every field that is read.
const jaegerTraceJSON = `{
  "traceID": "5aab74dbb904746bb33447baae403ed6",
  "spans": [
    {
      "traceID": "5aab74dbb904746bb33447baae403ed6",
      "spanID": "a1",
      "flags": 1,
      "operationName": "GET /",
      "references": null,
      "startTime": 1700000000000001,
      "duration": 2000,
      "tags": [
        {"key": "span.kind", "type": "string", "value": "server"},
        {"key": "error", "type": "bool", "value": true},
        {"key": "otel.status_code", "type": "string", "value": "ERROR"},
        {"key": "otel.status_description", "type": "string", "value": "no such customer"},
        {"key": "otel.scope.name", "type": "string", "value": "net/http"},
        {"key": "w3c.tracestate", "type": "string", "value": "ot=th:8"},
        {"key": "internal.span.format", "type": "string", "value": "otlp"},
        {"key": "http.response.status_code", "type": "int64", "value": 9007199254740993},
        {"key": "cached", "type": "bool", "value": false},
        {"key": "ratio", "type": "float64", "value": 1.50},
        {"key": "body", "type": "binary", "value": "AAEC"},
        {"key": "nothing", "type": "string", "value": null}
      ],
      "logs": [{"timestamp": 1700000000000002, "fields": [{"key": "event", "type": "string", "value": "error"}]}],
      "processID": "p1",
      "warnings": ["clock skew adjustment disabled"]
    },
    {
      "traceID": "5aab74dbb904746bb33447baae403ed6",
      "spanID": "00000000000000b2",
      "operationName": "consume",
      "references": [
        {"refType": "FOLLOWS_FROM", "traceID": "77", "spanID": "c3"},
        {"refType": "CHILD_OF", "traceID": "5aab74dbb904746bb33447baae403ed6", "spanID": "a1"}
      ],
      "startTime": 1700000000000100,
      "duration": 0,
      "tags": [],
      "logs": [],
      "processID": "p2",
      "warnings": null
    }
  ],
  "processes": {
    "p1": {"serviceName": "web", "tags": [
      {"key": "service.namespace", "type": "string", "value": "shop"},
      {"key": "deployment.environment.name", "type": "string", "value": "prod"}
    ]},
    "p2": {"serviceName": "worker"}
  },
  "warnings": null
}`

func jaegerSpans() []servicegraph.Span {
	trace := servicegraph.TraceID{0x5a, 0xab, 0x74, 0xdb, 0xb9, 0x04, 0x74, 0x6b, 0xb3, 0x34, 0x47, 0xba, 0xae, 0x40, 0x3e, 0xd6}
	return []servicegraph.Span{
		{
			TraceID: trace, SpanID: servicegraph.SpanID{7: 0xa1},
			Service: "web", Namespace: "shop", Name: "GET /",
			Kind: servicegraph.KindServer, Status: servicegraph.StatusError, Weight: 2,
			Start: 1_700_000_000_000_001_000, End: 1_700_000_000_002_001_000,
			Resource: []servicegraph.Attr{{Key: "deployment.environment.name", Value: "prod"}},
			Attrs: []servicegraph.Attr{
				{Key: "otel.scope.name", Value: "net/http"}, {Key: "http.response.status_code", Value: "9007199254740993"}, {Key: "cached", Value: "false"}, {Key: "ratio", Value: "1.5"},
			},
		},
		{
			TraceID: trace, SpanID: servicegraph.SpanID{7: 0xb2}, ParentID: servicegraph.SpanID{7: 0xa1},
			Service: "worker", Name: "consume",
			Start: 1_700_000_000_000_100_000, End: 1_700_000_000_000_100_000,
			Links: []servicegraph.Link{{TraceID: servicegraph.TraceID{15: 0x77}, SpanID: servicegraph.SpanID{7: 0xc3}}},
		},
	}
}

// Jaeger's traces are read from answers and alone, from lists and from lines.
func TestJaegerForms(t *testing.T) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(jaegerTraceJSON)); err != nil {
		t.Fatal(err)
	}
	line := compact.String()
	spans := jaegerSpans()
	twice := slices.Concat(spans, spans)
	alone := []servicegraph.Span{
		{TraceID: servicegraph.TraceID{15: 0x77}, SpanID: servicegraph.SpanID{7: 0xa1}, Service: "web", Name: "GET /"},
		{TraceID: servicegraph.TraceID{15: 0x77}, SpanID: servicegraph.SpanID{7: 0xb2}, ParentID: servicegraph.SpanID{7: 0xa1}, Service: "db"},
	}
	for name, test := range map[string]struct {
		input string
		want  []servicegraph.Span
	}{
		"a trace":                  {jaegerTraceJSON, spans},
		"an answer":                {`{"data":[` + line + `],"total":0,"limit":0,"offset":0,"errors":null}`, spans},
		"an answer, indented":      {"{\n  \"data\": [\n" + jaegerTraceJSON + ",\n" + jaegerTraceJSON + "\n  ],\n  \"total\": 2\n}\n", twice},
		"an answer, the list last": {`{"errors":null,"total":2,"data":[` + line + `,` + line + `]}`, twice},
		"traces in lines":          {line + "\n" + line + "\n", twice},
		"answers in lines":         {`{"data":[` + line + "]}\n" + `{"data":[` + line + `],"total":1}`, twice},
		"a list of traces":         {"[" + line + ",\n" + line + "]", twice},
		"spans in a list": {`[{"traceID":"77","spanID":"a1","process":{"serviceName":"web"},"operationName":"GET /"},
			{"spanID":"b2","traceID":"77","parentSpanID":"a1","process":{"serviceName":"db"}}]`, alone},
		"spans in lines": {`{"traceID":"77","spanID":"a1","process":{"serviceName":"web"},"operationName":"GET /"}` + "\n" +
			`{"traceID":"77","spanID":"b2","references":[{"refType":"CHILD_OF","traceID":"77","spanID":"a1"}],"process":{"serviceName":"db"}}`, alone},
		"an answer without traces":     {`{"data":[],"total":0,"limit":0,"offset":0,"errors":null}`, nil},
		"an answer of nothing":         {`{"data":null,"total":0,"limit":0,"offset":0,"errors":null}`, nil},
		"a byte order mark and blanks": {"\xef\xbb\xbf\r\n" + line, spans},
		"gzip":                         {string(zip(t, []byte(line))), spans},
	} {
		if diff := cmp.Diff(test.want, read(t, []byte(test.input))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		// The pieces in which the input arrives do not matter.
		got, _, err := collect(t, Read(&slow{[]byte(test.input)}, "input", Config{}))
		if err != nil {
			t.Errorf("%s, byte by byte: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s, byte by byte (-want +got):\n%s", name, diff)
		}
	}
}

// A slow reader gives one byte at a time.
type slow struct{ rest []byte }

func (s *slow) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest[:1])
	s.rest = s.rest[n:]
	return n, nil
}

// jaegerSpanWith returns the span that is read from an object with the given fields.
func jaegerSpanWith(t *testing.T, fields string) servicegraph.Span {
	t.Helper()
	spans := read(t, []byte(`{"traceID":"1","spans":[{"traceID":"1","spanID":"a","startTime":1700000000000000,"duration":1000,`+fields+`,"processID":"p1"}],"processes":{"p1":{"serviceName":"svc"}}}`))
	if len(spans) != 1 {
		t.Fatalf("%s: %d spans", fields, len(spans))
	}
	return spans[0]
}

func TestJaegerReferences(t *testing.T) {
	ref := func(kind, trace, span string) string {
		return fmt.Sprintf(`{"refType":%q,"traceID":%q,"spanID":%q}`, kind, trace, span)
	}
	type found struct {
		Parent string
		Links  []string
	}
	for _, test := range []struct {
		fields string
		want   found
		reason string
	}{
		{`"references":[]`, found{Parent: "0000000000000000"}, "a root"},
		{`"references":[` + ref("CHILD_OF", "1", "b") + `]`, found{Parent: "000000000000000b"}, "the parent"},
		{`"references":[` + ref("CHILD_OF", "01", "b") + "," + ref("CHILD_OF", "1", "c") + `]`, found{"000000000000000b", []string{"1/000000000000000c"}}, "the first of two, of a trace id with other zeros"},
		{`"references":[` + ref("FOLLOWS_FROM", "1", "b") + "," + ref("CHILD_OF", "1", "c") + `]`, found{"000000000000000c", []string{"1/000000000000000b"}}, "CHILD_OF before FOLLOWS_FROM"},
		{`"references":[` + ref("FOLLOWS_FROM", "1", "b") + "," + ref("FOLLOWS_FROM", "1", "c") + `]`, found{"000000000000000b", []string{"1/000000000000000c"}}, "FOLLOWS_FROM alone, in the same trace"},
		{`"references":[` + ref("CHILD_OF", "2", "b") + "," + ref("FOLLOWS_FROM", "3", "c") + `]`, found{"0000000000000000", []string{"2/000000000000000b", "3/000000000000000c"}}, "a parent is in the same trace"},
		{`"references":null,"parentSpanID":"b"`, found{Parent: "000000000000000b"}, "before there were references"},
		{`"references":[` + ref("CHILD_OF", "1", "b_2") + `]`, found{Parent: "000000000000000b"}, "numbered by the user interface"},
		{`"references":[` + ref("CHILD_OF", "1", "0") + `]`, found{Parent: "0000000000000000"}, "a parent of zeros is none"},
	} {
		s := jaegerSpanWith(t, test.fields)
		got := found{Parent: s.ParentID.String()}
		for _, l := range s.Links {
			got.Links = append(got.Links, strings.TrimLeft(l.TraceID.String(), "0")+"/"+l.SpanID.String())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", test.reason, test.fields, diff)
		}
	}
}

func TestJaegerTags(t *testing.T) {
	tag := func(key, kind, value string) string {
		return fmt.Sprintf(`"tags":[{"key":%q,"type":%q,"value":%s}]`, key, kind, value)
	}
	type found struct {
		Kind   servicegraph.Kind
		Status servicegraph.Status
		Attrs  []servicegraph.Attr
	}
	attr := func(key, value string) []servicegraph.Attr { return []servicegraph.Attr{{Key: key, Value: value}} }
	for _, test := range []struct {
		fields string
		want   found
	}{
		{`"tags":null`, found{}},
		{tag("span.kind", "string", `"client"`), found{Kind: servicegraph.KindClient}},
		{tag("span.kind", "string", `"CONSUMER"`), found{Kind: servicegraph.KindConsumer}},
		{tag("span.kind", "string", `"SPAN_KIND_CLIENT"`), found{Kind: servicegraph.KindClient}},
		{tag("span.kind", "string", `"producer"`), found{Kind: servicegraph.KindProducer}},
		{tag("span.kind", "string", `"internal"`), found{Kind: servicegraph.KindInternal}},
		{tag("span.kind", "string", `"other"`), found{}},
		{tag("error", "bool", `true`), found{Status: servicegraph.StatusError}},
		{tag("error", "string", `"true"`), found{Status: servicegraph.StatusError}},
		{tag("error", "bool", `false`), found{}},
		{tag("error", "string", `"timeout"`), found{Attrs: attr("error", "timeout")}},
		{tag("otel.status_code", "string", `"OK"`), found{Status: servicegraph.StatusOK}},
		{tag("otel.status_code", "string", `"STATUS_CODE_ERROR"`), found{Status: servicegraph.StatusError}},
		{`"tags":[{"key":"error","type":"bool","value":true},{"key":"otel.status_code","type":"string","value":"OK"}]`, found{Status: servicegraph.StatusError}},
		{tag("list", "string", `["a"]`), found{}},
		{tag("peer.service", "string", `"db"`), found{Attrs: attr("peer.service", "db")}},
		{tag("n", "float64", `1e3`), found{Attrs: attr("n", "1000")}},
		{tag("peer.hostname", "string", `"db1"`), found{Attrs: append(attr("peer.hostname", "db1"), attr("net.peer.name", "db1")...)}},
		{tag("peer.port", "int64", `3306`), found{Attrs: append(attr("peer.port", "3306"), attr("net.peer.port", "3306")...)}},
		{tag("peer.ipv4", "int64", `2130706433`), found{Attrs: attr("peer.ipv4", "2130706433")}},
		{`"tags":[{"key":"db.name","value":"orders"},{"key":"db.instance","value":"orders on db1"}]`,
			found{Attrs: append(attr("db.name", "orders"), attr("db.instance", "orders on db1")...)}},
	} {
		s := jaegerSpanWith(t, test.fields)
		if diff := cmp.Diff(test.want, found{s.Kind, s.Status, s.Attrs}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.fields, diff)
		}
	}
}

func TestJaegerTimes(t *testing.T) {
	const at = 1_700_000_000_000_000_000
	for _, test := range []struct {
		start, duration string
		wantStart, want int64
		reason          string
	}{
		{"1700000000000000", "5", at, at + 5000, "microseconds"},
		{"1700000000000000", "0", at, at, "no time at all"},
		{"1700000000000000", "-5", at, at - 5000, "an end before the start"},
		{"1700000000000000", "18446744073709551611", at, at - 5000, "the same, as Jaeger writes it"},
		{"1700000000000000", "18445044073709551616", at, 0, "unfinished: the duration from 1970 back to it"},
		{"1700000000000000.75", "5.5", at, at + 5000, "fractions"},
		{`"1700000000000000"`, `"5"`, at, at + 5000, "strings"},
		{"1.7e15", "5e0", at, at + 5000, "exponents"},
		{"0", "5", 0, 0, "no start"},
		{"1700000000000000", "null", at, 0, "no duration"},
		{"9300000000000000", "5", 0, 0, "beyond the year 2262"},
		{"1700000000000000", "9223372036854775807", at, 0, "an end beyond"},
	} {
		spans := read(t, []byte(`{"spans":[{"traceID":"1","spanID":"a","startTime":`+test.start+`,"duration":`+test.duration+`}]}`))
		if len(spans) != 1 || spans[0].Start != test.wantStart || spans[0].End != test.want {
			t.Errorf("%s: %+v", test.reason, spans)
		}
	}
}

// A service without a name, and one whose process is missing, have an empty name. The process
// inside a span counts if there is no other.
func TestJaegerProcesses(t *testing.T) {
	spans := read(t, []byte(`{"traceID":"1","spans":[
		{"spanID":"a","processID":"p1"},{"spanID":"b","processID":"p9"},{"spanID":"c","process":{"serviceName":"inside","tags":[{"key":"k","type":"string","value":"v"}]}},
		{"spanID":"d","processID":"p2","process":{"serviceName":"inside"}}
	],"processes":{"p1":{"serviceName":"OTLPResourceNoServiceName"},"p2":{"serviceName":"outside"}}}`))
	var services []string
	for _, s := range spans {
		services = append(services, s.Service)
	}
	if diff := cmp.Diff([]string{"", "", "inside", "outside"}, services); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJaegerFaults(t *testing.T) {
	good := `{"traceID":"1","spanID":"a","operationName":"good","processID":"p1"}`
	trace := func(spans string) string {
		return `{"traceID":"1","spans":[` + spans + `],"processes":{"p1":{"serviceName":"svc"}}}`
	}
	for _, test := range []struct {
		name, input string
		spans       int
		skips       []string
		final       string
	}{
		{name: "a span without an id", input: trace(`{"operationName":"x","processID":"p1"},` + good), spans: 1,
			skips: []string{`input: record 1 at byte 0: span "x" of "svc": span id "": want 1 to 16 hexadecimal digits`}},
		{name: "an id that is not a number", input: trace(`{"spanID":"xyz","operationName":"x"},` + good), spans: 1,
			skips: []string{`input: record 1 at byte 0: span "x": span id "xyz": want 1 to 16 hexadecimal digits`}},
		{name: "an endless id", input: trace(`{"spanID":"` + strings.Repeat("a", 5000) + `"},` + good), spans: 1,
			skips: []string{`input: record 1 at byte 0: span "": span id "` + strings.Repeat("a", 40) + `…": want 1 to 16 hexadecimal digits`}},
		{name: "tags of the wrong type", input: trace(`{"spanID":"b","operationName":"x","tags":"no"},` + good), spans: 1,
			skips: []string{`input: record 1 at byte 0: span "x": tags: want an array, got string`}},
		{name: "spans that are not a list", input: `{"spans":{"resourceSpans":[]}}` + "\n" + trace(good), spans: 1,
			skips: []string{`input: record 1 at byte 0: spans: want an array, got object`}},
		{name: "an invalid span alone", input: `{"traceID":"1","spanID":"b","tags":1}` + "\n" + good, spans: 1,
			skips: []string{`input: record 1 at byte 0: span "": tags: want an array, got number`}},
		{name: "a span that is a number", input: trace(`42,` + good), spans: 1,
			skips: []string{`input: record 1 at byte 0: span "": span: want an object, got number`}},
		{name: "an invalid start", input: trace(`{"spanID":"b","operationName":"x","startTime":"noon"},` + good), spans: 1,
			skips: []string{`input: record 1 at byte 0: span "x": startTime: "noon" is not a number`}},
		{name: "a parent without an id", input: trace(`{"spanID":"b","operationName":"x","references":[{"refType":"CHILD_OF","traceID":"1"}]},` + good), spans: 1,
			skips: []string{`input: record 1 at byte 0: span "x": references: span id "": want 1 to 16 hexadecimal digits`}},
		{name: "a link without an id", input: trace(`{"spanID":"b","operationName":"x","references":[{"refType":"FOLLOWS_FROM","traceID":"1"}]},` + good), spans: 2,
			skips: []string{`input: record 1 at byte 0: a reference of span "x": span id "": want 1 to 16 hexadecimal digits`}},
		{name: "an answer with an error", input: `{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}`,
			skips: []string{`input: record 1 at byte 0: an answer with the error "trace not found"`},
			final: `reading input: no span could be read: 1 record left out, the first at byte 0: an answer with the error "trace not found"`},
		{name: "an answer with an error and traces", input: `{"data":[` + trace(good) + `],"errors":[{"msg":"and one was lost"}]}`, spans: 1,
			skips: []string{fmt.Sprintf(`input: record 2 at byte %d: an answer with the error "and one was lost"`, len(`{"data":[`+trace(good)+`]`))}},
		{name: "a line of something else", input: trace(good) + "\n" + `{"level":"info"}` + "\n" + trace(good), spans: 2,
			skips: []string{fmt.Sprintf("input: record 2 at byte %d: no spans in it: `{\"level\":\"info\"}`", len(trace(good))+1)}},
		{name: "a line cut off among others", input: trace(good) + "\n" + trace(good)[:40] + "\n" + trace(good), spans: 2,
			skips: []string{fmt.Sprintf("input: record 2 at byte %d: not JSON from byte 176 on: the line ends within a string", len(trace(good))+1)}},
		{name: "an answer cut off in a trace", input: `{"data":[` + trace(good) + `,` + trace(good)[:40], spans: 1,
			final: "reading input: the JSON object at byte 145 ends early (unexpected EOF) after 1 span; it was cut off while being written or copied"},
		{name: "an answer cut off between traces", input: `{"data":[` + trace(good) + `,`, spans: 1,
			final: "reading input: a list of JSON ends early (unexpected EOF) after 1 span; it was cut off while being written or copied"},
		{name: "an answer cut off after its traces", input: `{"data":[` + trace(good) + `],"total":`, spans: 1,
			final: "reading input: the JSON object around a list ends early (unexpected EOF) after 1 span; it was cut off while being written or copied"},
		{name: "a broken trace in a list", input: `{"data":[` + trace(`{"spanID"}`) + `,` + trace(good) + `]}`,
			final: "reading input: not JSON from byte 42 on: `}],\"processes\":{\"p1\":{\"serviceName\":\"svc…`: the rest is lost after 0 spans"},
		{name: "a broken trace in a list of lines", input: "[\n" + trace(`{"spanID"}`) + ",\n" + trace(good) + "\n]", spans: 1,
			skips: []string{"input: record 1 at byte 2: not JSON from byte 35 on: `}],\"processes\":{\"p1\":{\"serviceName\":\"svc…`"}},
		{name: "something else in the list", input: `[` + trace(good) + `,7,` + trace(good) + `]`, spans: 1,
			final: fmt.Sprintf("reading input: no JSON object at byte %d: `7,{\"traceID\":\"1\",\"spans\":[{\"traceID\":\"1\"…`: the rest is lost after 1 span", len(trace(good))+2)},
	} {
		spans, skips, err := collect(t, Read(strings.NewReader(test.input), "input", Config{}))
		if len(spans) != test.spans {
			t.Errorf("%s: %d spans, want %d", test.name, len(spans), test.spans)
		}
		var got []string
		for _, s := range skips {
			got = append(got, s.Error())
		}
		if diff := cmp.Diff(test.skips, got); diff != "" {
			t.Errorf("%s: skipped (-want +got):\n%s", test.name, diff)
		}
		final := ""
		if err != nil {
			final = err.Error()
		}
		if diff := cmp.Diff(test.final, final); diff != "" {
			t.Errorf("%s: error (-want +got):\n%s", test.name, diff)
		}
	}
}

// A consumer may stop at any span and at any error.
func TestJaegerStops(t *testing.T) {
	input := `{"data":[{"traceID":"1","spans":[{"spanID":"a"},{"spanID":"x"},{"spanID":"b","references":[{"refType":"FOLLOWS_FROM"}]}]}],"errors":[{"msg":"m"}]}`
	for stop := 1; stop <= 5; stop++ {
		n := 0
		for range Read(strings.NewReader(input), "input", Config{}) {
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Errorf("%d, not %d", n, stop)
		}
	}
}

// download returns an answer of Jaeger's API as its user interface saves it: every reference
// holds the span that it points to, and every span holds its process.
func download(tb testing.TB, answer []byte) []byte {
	tb.Helper()
	var root struct {
		Data []map[string]any `json:"data"`
	}
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if err := decoder.Decode(&root); err != nil {
		tb.Fatal(err)
	}
	for _, trace := range root.Data {
		processes := trace["processes"].(map[string]any)
		spans := make(map[string]any)
		for _, s := range trace["spans"].([]any) {
			s := s.(map[string]any)
			s["process"] = processes[s["processID"].(string)]
			s["relativeStartTime"], s["depth"], s["hasChildren"] = 0, 1, true
			spans[s["spanID"].(string)] = s
		}
		for _, s := range trace["spans"].([]any) {
			references, _ := s.(map[string]any)["references"].([]any)
			for _, r := range references {
				r := r.(map[string]any)
				if target, ok := spans[r["spanID"].(string)]; ok {
					r["span"] = target
				}
			}
		}
		trace["services"], trace["traceName"] = []any{map[string]any{"name": "a", "numberOfSpans": 1}}, "a: b"
	}
	b, err := json.Marshal(map[string]any{"data": root.Data})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// A download gives the same spans as the answer.
func TestJaegerDownload(t *testing.T) {
	f, err := os.Open(dataset(t, "hotrod/hotrod-all.jaeger.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	saved := download(t, answer)
	if len(saved) < 2*len(answer) {
		t.Fatalf("%d bytes became %d: no span holds another", len(answer), len(saved))
	}
	if diff := cmp.Diff(sorted(read(t, answer)), sorted(read(t, saved))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// In the download of a chain of spans, every span holds all spans above it.
func TestJaegerDownloadOfAChain(t *testing.T) {
	const depth = 300
	var spans []string
	for i := range depth {
		references := ""
		if i > 0 {
			references = fmt.Sprintf(`{"refType":"CHILD_OF","traceID":"1","spanID":"%x"}`, i)
		}
		spans = append(spans, fmt.Sprintf(`{"traceID":"1","spanID":"%x","references":[%s],"processID":"p1"}`, i+1, references))
	}
	saved := download(t, []byte(`{"data":[{"traceID":"1","spans":[`+strings.Join(spans, ",")+`],"processes":{"p1":{"serviceName":"svc"}}}]}`))
	got := read(t, saved)
	if len(got) != depth {
		t.Fatalf("%d spans", len(got))
	}
	for i, s := range got[1:] {
		if s.ParentID != got[i].SpanID {
			t.Fatalf("span %d: parent %s, want %s", i+1, s.ParentID, got[i].SpanID)
		}
	}
}

// OpenTracing's tags name the other end of a call in the graph.
func TestOpenTracingPeers(t *testing.T) {
	span := func(id, parent, process, tags string) string {
		return `{"traceID":"1","spanID":"` + id + `","parentSpanID":"` + parent + `","processID":"` + process + `","startTime":1700000000000000,"duration":1000,"tags":[` + tags + `]}`
	}
	input := `{"spans":[` + strings.Join([]string{
		span("1", "", "web", `{"key":"span.kind","value":"server"},{"key":"peer.hostname","value":"10.0.0.7"}`),
		span("2", "1", "web", `{"key":"span.kind","value":"client"},{"key":"db.type","value":"sql"},{"key":"db.instance","value":"orders"},{"key":"peer.hostname","value":"db1"}`),
		span("3", "1", "web", `{"key":"span.kind","value":"client"},{"key":"db.type","value":"redis"}`),
		span("4", "1", "web", `{"key":"span.kind","value":"client"},{"key":"peer.hostname","value":"api.example"},{"key":"peer.port","value":443}`),
		span("5", "1", "web", `{"key":"span.kind","value":"producer"},{"key":"message_bus.destination","value":"mails"}`),
	}, ",") + `],"processes":{"web":{"serviceName":"web"}}}`
	b := servicegraph.NewBuilder(servicegraph.Config{})
	if err := Load(b, strings.NewReader(input), "input", LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := range b.Graph().Edges() {
		got = append(got, fmt.Sprintf("%s→%s %s", e.ID.From.Name, e.ID.To.Name, e.ID.To.Type))
	}
	want := []string{"web→api.example external", "web→mails queue", "web→orders database", "web→redis database"}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
