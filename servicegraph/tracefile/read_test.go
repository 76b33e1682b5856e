package tracefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tempograph/tempograph/servicegraph"
)

// everything returns requests with every field of OTLP, whether it is read or not.
func everything() []*tracev1.TracesData {
	client := span(1, "GET /orders")
	client.Kind = tracev1.Span_SPAN_KIND_CLIENT
	client.ParentSpanId = bytes.Repeat([]byte{9}, 8)
	client.TraceState = "ot=th:c"
	client.Status = &tracev1.Status{Code: tracev1.Status_STATUS_CODE_ERROR, Message: "timeout"}
	client.Flags = 0x101
	client.Attributes = []*commonv1.KeyValue{
		attribute("server.address", "orders.example"),
		attribute("empty", ""),
		attribute("server.port", 5432),
		attribute("negative", -1),
		attribute("tls", true),
		attribute("ratio", 0.5),
		attribute("port as a double", 3100.0),
		attribute("huge", 1e21),
		attribute("tiny", -1e-7),
		attribute("infinite", math.Inf(1)),
		attribute("not a number", math.NaN()),
		attribute("list", []*commonv1.AnyValue{attribute("", "x").Value}),
		attribute("map", []*commonv1.KeyValue{attribute("k", "v")}),
		attribute("bytes", []byte{1, 2}),
		attribute("nothing", nil),
		{Key: "no value"},
		attribute("same", "first"),
		attribute("same", "second"),
		attribute("名前", "értek \u2028 \x00 \"quoted\""),
	}
	client.Events = []*tracev1.Span_Event{{Name: "exception", TimeUnixNano: 5, Attributes: []*commonv1.KeyValue{attribute("k", "v")}}}
	client.Links = []*tracev1.Span_Link{
		{TraceId: bytes.Repeat([]byte{2}, 16), SpanId: bytes.Repeat([]byte{3}, 8), TraceState: "a=b"},
		{}, // empty
		{TraceId: bytes.Repeat([]byte{4}, 16), SpanId: bytes.Repeat([]byte{5}, 8)},
	}
	first := request("shop", client, span(2, ""))
	resource := first.ResourceSpans[0].Resource
	resource.Attributes = append(resource.Attributes,
		attribute("service.namespace", "eu"),
		attribute("service.name", "not the first"),
		attribute("host.name", "h1"),
		attribute("process.pid", 7),
	)

	zero := &tracev1.Span{TraceId: make([]byte, 16), SpanId: make([]byte, 8), ParentSpanId: make([]byte, 8)}
	future := span(3, "from the future")
	future.Kind, future.Status, future.StartTimeUnixNano = 6, &tracev1.Status{Code: 3}, math.MaxUint64
	second := &tracev1.TracesData{ResourceSpans: []*tracev1.ResourceSpans{
		{ScopeSpans: []*tracev1.ScopeSpans{{Spans: []*tracev1.Span{zero}}, {}, {Spans: []*tracev1.Span{future}}}}, // no resource
		{},
		request(strings.Repeat("long ", 2000), span(4, strings.Repeat("name ", 2000))).ResourceSpans[0],
	}}
	return []*tracev1.TracesData{first, second, request("empty")}
}

// Every format of a trace file gives the same spans, compressed or not, in whatever pieces the
// bytes arrive.
func TestFormats(t *testing.T) {
	requests := everything()
	all := &tracev1.TracesData{}
	lines := jsonLines(t, requests...)
	var pretty, names, joined, wrapped []byte
	for _, r := range requests {
		all.ResourceSpans = append(all.ResourceSpans, r.ResourceSpans...)
		pretty = append(pretty, indent(t, otlpJSON(t, r, protojson.MarshalOptions{EmitUnpopulated: true}))...)
		names = append(names, otlpJSON(t, r, protojson.MarshalOptions{})...)
		joined = append(joined, message(t, r)...)
		wrapped = fmt.Appendf(wrapped, "{\"result\":%s}\n", otlpJSON(t, r, protojson.MarshalOptions{}))
	}
	whole := otlpJSON(t, all, protojson.MarshalOptions{})
	base64IDs, err := protojson.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	want := spansOf(all)
	if len(want) != 5 {
		t.Fatalf("the requests of the test have %d spans", len(want))
	}

	for _, format := range []struct {
		name  string
		input []byte
	}{
		{"JSON lines", lines},
		{"JSON lines without the last line end", bytes.TrimSuffix(lines, []byte("\n"))},
		{"JSON lines with CRLF", bytes.ReplaceAll(lines, []byte("\n"), []byte("\r\n"))},
		{"JSON lines after a byte order mark", append([]byte("\xef\xbb\xbf"), lines...)},
		{"JSON lines with blank lines", append([]byte("\n \n"), bytes.ReplaceAll(lines, []byte("\n"), []byte("\n\n\t\n"))...)},
		{"one JSON object in one line", whole},
		{"one JSON object in many lines", indent(t, whole)},
		{"one JSON object in many lines with CRLF", bytes.ReplaceAll(indent(t, whole), []byte("\n"), []byte("\r\n"))},
		{"JSON objects in many lines", pretty},
		{"JSON objects without anything between", names},
		{"unindented JSON object", bytes.ReplaceAll(indent(t, whole), []byte("  "), nil)},
		{"Tempo's answer, version 1", bytes.Replace(base64IDs, []byte(`"resourceSpans"`), []byte(`"batches"`), 1)},
		{"Tempo's answer, version 2", []byte(`{"metrics":{"inspectedBytes":"9"},"trace":` + string(base64IDs) + `}`)},
		{"Jaeger's answer, version 3", wrapped},
		{"older names", bytes.ReplaceAll(whole, []byte(`"scopeSpans"`), []byte(`"instrumentationLibrarySpans"`))},
		{"newer names of nothing", bytes.ReplaceAll(whole, []byte(`"scopeSpans"`), []byte(`"scopeSpans":[],"instrumentationLibrarySpans"`))},
		{"older and newer names", bytes.ReplaceAll(whole, []byte(`"scopeSpans"`), []byte(`"instrumentationLibrarySpans":[],"scopeSpans"`))},
		{"a list of JSON objects", slices.Concat([]byte("["), bytes.ReplaceAll(bytes.TrimSpace(lines), []byte("\n"), []byte(",")), []byte("]"))},
		{"a list of JSON objects in many lines", slices.Concat([]byte("[\n  "), bytes.ReplaceAll(bytes.TrimSpace(pretty), []byte("\n}\n{"), []byte("\n},\n{")), []byte("\n]\n"))},
		{"delimited protobuf", delimited(t, requests...)},
		{"delimited protobuf with empty requests", append(append(delimited(t, requests...), 0, 0), delimited(t, requests[2])...)},
		{"one protobuf message", message(t, all)},
		{"joined protobuf messages", joined},
	} {
		t.Run(format.name, func(t *testing.T) {
			if diff := cmp.Diff(want, read(t, format.input)); diff != "" {
				t.Errorf("plain (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, read(t, zip(t, format.input))); diff != "" {
				t.Errorf("gzip (-want +got):\n%s", diff)
			}
			half := len(format.input) / 2
			members := append(append(zip(t, format.input[:half]), zip(t, nil)...), zip(t, format.input[half:])...)
			if diff := cmp.Diff(want, read(t, members)); diff != "" {
				t.Errorf("gzip of several members (-want +got):\n%s", diff)
			}
			for name, r := range map[string]io.Reader{
				"one byte at a time":         iotest.OneByteReader(bytes.NewReader(format.input)),
				"end together with the data": iotest.DataErrReader(bytes.NewReader(format.input)),
			} {
				got, skips, err := collect(t, Read(r, "input", Config{}))
				if diff := cmp.Diff(want, got); diff != "" || len(skips) > 0 || err != nil {
					t.Errorf("%s: %v, %v (-want +got):\n%s", name, skips, err, diff)
				}
			}
			checkLoad(t, format.input, servicegraph.Config{})
		})
	}
}

func indent(t testing.TB, b []byte) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// Valid JSON is read even if protojson would write it differently.
func TestJSONVariants(t *testing.T) {
	const ids = `"traceId":"0123456789ABCDEF0123456789abcdef","spanId":"0123456789abcdef"`
	want := servicegraph.Span{
		TraceID: servicegraph.TraceID{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef},
		SpanID:  servicegraph.SpanID{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef},
	}
	with := func(change func(*servicegraph.Span)) servicegraph.Span {
		s := want
		change(&s)
		return s
	}
	attr := func(value string) servicegraph.Span {
		return with(func(s *servicegraph.Span) { s.Attrs = []servicegraph.Attr{{Key: "k", Value: value}} })
	}
	for _, test := range []struct {
		name string
		span string // the fields of the span after its ids
		want servicegraph.Span
	}{
		{"times as numbers", `"startTimeUnixNano":1700000000000000001,"endTimeUnixNano":1.7e18`,
			with(func(s *servicegraph.Span) { s.Start, s.End = 1700000000000000001, 1700000000000000000 })},
		{"times as strings", `"startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"0"`,
			with(func(s *servicegraph.Span) { s.Start = 1700000000000000001 })},
		{"kind and status by number", `"kind":3,"status":{"code":2}`,
			with(func(s *servicegraph.Span) { s.Kind, s.Status = servicegraph.KindClient, servicegraph.StatusError })},
		{"kind and status by name", `"kind":"SPAN_KIND_CONSUMER","status":{"code":"STATUS_CODE_OK"}`,
			with(func(s *servicegraph.Span) { s.Kind, s.Status = servicegraph.KindConsumer, servicegraph.StatusOK })},
		{"kind and status by number in a string", `"kind":"4","status":{"code":"2"}`,
			with(func(s *servicegraph.Span) { s.Kind, s.Status = servicegraph.KindProducer, servicegraph.StatusError })},
		{"null everywhere", `"parentSpanId":null,"name":null,"kind":null,"attributes":null,"links":null,"status":null,"startTimeUnixNano":null`, want},
		{"unknown fields", `"new":{"kind":7},"events":[{"name":5}],"droppedAttributesCount":1`, want},
		{"an integer as a number", `"attributes":[{"key":"k","value":{"intValue":5432}}]`, attr("5432")},
		{"an integer as a string", `"attributes":[{"key":"k","value":{"intValue":"-9223372036854775808"}}]`, attr("-9223372036854775808")},
		{"an integer with an exponent", `"attributes":[{"key":"k","value":{"intValue":5e3}}]`, attr("5000")},
		{"a double as an integer", `"attributes":[{"key":"k","value":{"doubleValue":80}}]`, attr("80")},
		{"a double as a string", `"attributes":[{"key":"k","value":{"doubleValue":"-0.25"}}]`, attr("-0.25")},
		{"a value of an unknown type", `"attributes":[{"key":"k","value":{"newValue":1}}]`, want},
		{"an invalid byte", "\"name\":\"a\xff\xfeb\"", with(func(s *servicegraph.Span) { s.Name = "a\ufffd\ufffdb" })},
		{"escapes", `"name":"\u00e9\ud83d\ude00\/"`, with(func(s *servicegraph.Span) { s.Name = "é😀/" })},
	} {
		got := read(t, []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{`+ids+`,`+test.span+`}]}]}]}`))
		if diff := cmp.Diff([]servicegraph.Span{test.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestProtobufInvalidUTF8(t *testing.T) {
	b := message(t, request("a??b", span(1, "c?d")))
	b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("a??b"), []byte("a\xff\xfeb")), []byte("c?d"), []byte("c\x80d"))
	spans := read(t, b)
	if len(spans) != 1 || spans[0].Service != "a\ufffd\ufffdb" || spans[0].Name != "c\ufffdd" {
		t.Errorf("got %+v", spans)
	}
}

// Keep selects attributes, but does not leave out the name of the service.
func TestKeep(t *testing.T) {
	s := span(1, "x")
	s.Attributes = []*commonv1.KeyValue{attribute("peer.service", "db"), attribute("url.full", "http://x/"), attribute("service.name", "odd")}
	r := request("shop", s)
	r.ResourceSpans[0].Resource.Attributes = append(r.ResourceSpans[0].Resource.Attributes, attribute("service.namespace", "eu"), attribute("host.name", "h1"), attribute("os.type", "linux"))

	keep := Config{Keep: func(key string) bool { return key == "peer.service" || key == "host.name" }}
	want := spansOf(request("shop", span(1, "x")))
	want[0].Namespace = "eu"
	want[0].Resource = []servicegraph.Attr{{Key: "host.name", Value: "h1"}}
	want[0].Attrs = []servicegraph.Attr{{Key: "peer.service", Value: "db"}}
	for name, input := range map[string][]byte{"protobuf": message(t, r), "JSON": jsonLines(t, r)} {
		got, skips, err := collect(t, Read(bytes.NewReader(input), name, keep))
		if diff := cmp.Diff(want, got); diff != "" || len(skips) > 0 || err != nil {
			t.Errorf("%s: %v, %v (-want +got):\n%s", name, skips, err, diff)
		}
	}

	all := read(t, message(t, r))
	if want := []servicegraph.Attr{{Key: "host.name", Value: "h1"}, {Key: "os.type", Value: "linux"}}; !cmp.Equal(all[0].Resource, want) {
		t.Errorf("without Keep the resource has %v, want %v", all[0].Resource, want)
	}
	if want := "service.name"; all[0].Attrs[2].Key != want {
		t.Errorf("the span's own %s is missing: %v", want, all[0].Attrs)
	}
}

// No span is yielded after the loop has ended: the runtime would panic.
func TestStop(t *testing.T) {
	good := []*tracev1.TracesData{request("a", span(1, "x"), span(2, "y")), request("b", span(3, "z"))}
	bad := &tracev1.Span{Name: "no ids"}
	link := span(4, "bad link")
	link.Links = []*tracev1.Span_Link{{TraceId: []byte{1}}}
	mixed := []*tracev1.TracesData{request("a", bad, link, span(1, "x")), request("b", bad, link)}
	noSpan := []*tracev1.TracesData{request("a", bad)}
	for name, input := range map[string][]byte{
		"JSON":                  jsonLines(t, good...),
		"JSON with faults":      append(jsonLines(t, mixed...), "not JSON\n{\"a\":1}\n"...),
		"JSON without spans":    jsonLines(t, noSpan...),
		"delimited":             delimited(t, good...),
		"delimited with faults": append(delimited(t, mixed...), 3, 0x0a, 9, 9),
		"message":               message(t, good[0]),
		"message with faults":   message(t, mixed[0]),
		"trailing garbage":      append(zip(t, delimited(t, good...)), "garbage"...),
		"cut off":               zip(t, delimited(t, good...))[:60],
		"empty":                 nil,
	} {
		n := 0
		for range Read(bytes.NewReader(input), name, Config{}) {
			n++
		}
		for stop := range n {
			i := 0
			for range Read(bytes.NewReader(input), name, Config{}) {
				if i == stop {
					break
				}
				i++
			}
		}
	}
}

// The first span of a large file comes before the file is read.
func TestStreams(t *testing.T) {
	r := request("shop", span(1, "x"), span(2, "y"))
	r.ResourceSpans[0].ScopeSpans[0].Spans[0].Attributes = []*commonv1.KeyValue{attribute("big", strings.Repeat("x", 10_000))}
	for name, encoded := range map[string][]byte{
		"JSON lines":  jsonLines(t, r),
		"JSON object": indent(t, otlpJSON(t, r, protojson.MarshalOptions{})),
		"delimited":   delimited(t, r),
		"message":     message(t, r),
	} {
		in := &countingReader{r: bytes.NewReader(bytes.Repeat(encoded, 1000))}
		for _, err := range Read(in, name, Config{}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if in.n > 4*headSize {
			t.Errorf("%s: %d bytes were read before the first span", name, in.n)
		}
	}
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// A line of 20 MB is read like any other record.
func TestLongLine(t *testing.T) {
	big := span(1, "big")
	big.Attributes = []*commonv1.KeyValue{attribute("v", strings.Repeat("x", 20<<20))}
	requests := []*tracev1.TracesData{request("a", span(2, "before")), request("a", big), request("a", span(3, "after"))}
	for name, input := range map[string][]byte{"JSON": jsonLines(t, requests...), "protobuf": delimited(t, requests...)} {
		spans := read(t, input)
		if len(spans) != 3 || len(spans[1].Attrs[0].Value) != 20<<20 || spans[2].Name != "after" {
			t.Errorf("%s: %d spans", name, len(spans))
		}
	}
}

// A span does not change when reading goes on.
func TestSpansDoNotChange(t *testing.T) {
	var requests []*tracev1.TracesData
	for i := range 200 {
		s := span(byte(i+1), "op "+strings.Repeat("n", i))
		s.Attributes = []*commonv1.KeyValue{attribute("i", i), attribute("s", strings.Repeat("v", i))}
		s.Links = []*tracev1.Span_Link{{TraceId: s.TraceId, SpanId: s.SpanId}}
		requests = append(requests, request("svc", s))
	}
	want := spansOf(requests...)
	for name, input := range map[string][]byte{"JSON": jsonLines(t, requests...), "protobuf": delimited(t, requests...)} {
		if diff := cmp.Diff(want, read(t, input)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// An error of the reader is not mistaken for the end of the file.
func TestReaderError(t *testing.T) {
	broken := errors.New("disk on fire")
	requests := []*tracev1.TracesData{request("a", span(1, "x")), request("a", span(2, "y"))}
	for name, input := range map[string][]byte{
		"JSON": jsonLines(t, requests...), "delimited": delimited(t, requests...), "message": message(t, requests[0]),
		"gzip": zip(t, jsonLines(t, requests...)), "text": []byte("some text"), "empty": nil,
	} {
		for cut := 0; cut <= len(input); cut++ {
			// The reader returns the error only once, as a network connection may do.
			r := io.MultiReader(bytes.NewReader(input[:cut]), &onceReader{err: broken}, bytes.NewReader(input[cut:]))
			_, _, err := collect(t, Read(r, "input", Config{}))
			if !errors.Is(err, broken) {
				t.Fatalf("%s: error after byte %d: got %v", name, cut, err)
			}
			if !strings.HasPrefix(err.Error(), "reading input: disk on fire after ") {
				t.Fatalf("%s: error after byte %d: got %q", name, cut, err)
			}
		}
	}
}

type onceReader struct{ err error }

func (r *onceReader) Read([]byte) (int, error) {
	err := r.err
	r.err = io.EOF
	return 0, err
}
