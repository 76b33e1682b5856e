package tracefile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// Each fault costs only the spans that it must, and is reported in one line.
func TestFaults(t *testing.T) {
	var (
		a, b, c = request("svc", span(1, "a")), request("svc", span(2, "b")), request("svc", span(3, "c"))

		lineA, lineB, lineC = string(jsonLines(t, a)), string(jsonLines(t, b)), string(jsonLines(t, c))
		lines               = lineA + lineB + lineC
		packed              = string(delimited(t, a, b, c))
		messageB            = message(t, b)

		docA = string(indent(t, otlpJSON(t, a, protojson.MarshalOptions{})))
		docB = string(indent(t, otlpJSON(t, b, protojson.MarshalOptions{})))
		docC = string(indent(t, otlpJSON(t, c, protojson.MarshalOptions{})))
	)
	frame := func(message string) string { return string(protowire.AppendBytes(nil, []byte(message))) }
	frameA, frameC := string(delimited(t, a)), string(delimited(t, c))
	ids := func(trace, id, parent, linkTrace int) *tracev1.TracesData {
		s := &tracev1.Span{Name: "bad", TraceId: bytes.Repeat([]byte{7}, trace), SpanId: bytes.Repeat([]byte{7}, id), ParentSpanId: bytes.Repeat([]byte{7}, parent)}
		if linkTrace > 0 {
			s.Links = []*tracev1.Span_Link{
				{TraceId: bytes.Repeat([]byte{7}, linkTrace), SpanId: bytes.Repeat([]byte{7}, 8)},
				{TraceId: bytes.Repeat([]byte{8}, 16), SpanId: bytes.Repeat([]byte{8}, 8)},
			}
		}
		return request("svc", span(1, "a"), s, span(3, "c"))
	}
	// spanJSON is a request of span a, a span with these fields, and span c.
	spanJSON := func(fields string) string {
		return strings.TrimSuffix(lineA, "}]}]}]}\n") + "},{" + fields + "},{" + strings.SplitN(lineC, `"spans":[{`, 2)[1]
	}
	const goodIDs = `"traceId":"07070707070707070707070707070707","spanId":"0707070707070707","name":"bad",`

	for _, test := range []struct {
		name  string
		input string
		spans string   // names of the spans that are read
		skips []string // the whole text, except "input: "
		final string   // the whole text, except "reading input: "
	}{
		// Inputs without spans to read.
		{name: "empty file", input: "", final: "it is empty: check the program that writes the traces"},
		{name: "gzip of nothing", input: string(zip(t, nil)), final: "it is empty: a gzip stream without content"},
		{name: "text", input: "Dear all,\nplease find \"attached\"\n", final: `not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it starts with "Dear all,"`},
		{name: "gzip of a text", input: string(zip(t, []byte("Dear all"))), final: `not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it starts with "Dear all"`},
		{name: "blank file", input: "\r\n \n", final: "it is empty: only white space"},
		{name: "binary", input: "\x7fELF\x02\x01\x01\x00\x00\x00", final: "not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it starts with the bytes 7f 45 4c 46 02 01 01 00"},
		{name: "zeros", input: strings.Repeat("\x00", 100), final: "not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it starts with the bytes 00 00 00 00 00 00 00 00"},
		{name: "one byte", input: "\x0b", final: "not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it starts with the bytes 0b"},
		{name: "UTF-16, as a shell of Windows writes it", input: "\xff\xfe{\x00\r\x00\n\x00", final: "not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it is text in UTF-16: save it in UTF-8"},
		{name: "JSON that is not a trace", input: `{"name":"tempograph","version":1}`, final: "not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it starts with `{\"name\":\"tempograph\",\"version\":1}`"},
		{name: "JSON that is not a trace, spread over lines", input: "{\n  \"Name\": \"get\",\n  \"SpanContext\": {\n", final: "not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it starts with `{ \"Name\": \"get\", \"SpanContext\": {`"},
		{name: "JSON array", input: `["resourceSpans"]`, final: "not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it starts with `[\"resourceSpans\"]`"},
		{name: "JSON with the same keys for other things", input: `{"batches":{"resourceSpans":[]}}`,
			skips: []string{"record 1 at byte 0: batches: want an array, got object"},
			final: "no span could be read: 1 record left out, the first at byte 0: batches: want an array, got object"},
		{name: "JSON that mentions traces", input: `{"message":"no \"resourceSpans\"","x":"resourceSpans"}`,
			skips: []string{"record 1 at byte 0: no resourceSpans in it: `{\"message\":\"no \\\"resourceSpans\\\"\",\"x\":\"r…`"},
			final: "no span could be read: 1 record left out, the first at byte 0: no resourceSpans in it: `{\"message\":\"no \\\"resourceSpans\\\"\",\"x\":\"r…`"},

		// Valid files without a span: no error.
		{name: "JSON without spans", input: `{"resourceSpans":[]}`},
		{name: "JSON of other signals", input: `{"resourceMetrics":[{"resource":{}}]}` + "\n" + `{"resourceLogs":[]}`},
		{name: "protobuf without spans", input: string(delimited(t, request("idle")))},

		// Lines.
		{name: "a broken line between good ones", input: lineA + `{"resourceSpans":[}` + "\n" + lineC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: not JSON from byte %d on: \"}\"", len(lineA), len(lineA)+18)}},
		{name: "a line that is not JSON", input: lineA + "2024-05-01 INFO exported\n" + lineC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: not a JSON object: \"2024-05-01 INFO exported\"", len(lineA))}},
		{name: "lines before the first object", input: "2024-05-01 INFO start\n}]}\n" + lineA, spans: "a",
			skips: []string{`record 1 at byte 0: not a JSON object: "2024-05-01 INFO start"`, `record 2 at byte 22: not a JSON object: "}]}"`}},
		{name: "a line without spans", input: lineA + `{"level":"info"}` + "\n" + lineC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: no resourceSpans in it: `{\"level\":\"info\"}`", len(lineA))}},
		{name: "lines of other signals", input: `{"resourceMetrics":[{}]}` + "\n" + lineA + `{"resourceLogs":[{}]}` + "\n" + `{"resourceProfiles":[]}` + "\n" + lineC, spans: "a c"},
		{name: "a list cut off", input: "[" + lineA + "," + lineB[:40], spans: "a",
			final: fmt.Sprintf("the JSON object at byte %d ends early (unexpected EOF) after 1 span; it was cut off while being written or copied", len(lineA)+2)},
		{name: "a line cut off in a string", input: lineA + lineB[:25] + "\r\n" + lineC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: not JSON from byte %d on: the line ends within a string", len(lineA), len(lineA)+25)}},
		{name: "a line cut off after a bracket", input: lineA + lineB[:18] + "\n" + lineB + lineC, spans: "a b c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: not JSON from byte %d on: %s", len(lineA), len(lineA)+19+len(lineB), "`"+lineC[:40]+"…`")}},
		{name: "a line cut off after a bracket before the last line", input: lineA + lineB[:18] + "\n" + lineC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: the JSON object is cut off", len(lineA))}},
		{name: "the last line cut off", input: lineA + lineB[:len(lineB)-10], spans: "a",
			skips: []string{fmt.Sprintf("record 2 at byte %d: the JSON object is cut off", len(lineA))}},
		{name: "the only object cut off", input: docA[:len(docA)-10],
			skips: []string{"record 1 at byte 0: the JSON object is cut off"},
			final: "no span could be read: 1 record left out, the first at byte 0: the JSON object is cut off"},
		{name: "a wrong literal", input: lineA + `{"resourceSpans":nil}` + "\n" + lineC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: not JSON: invalid character 'i' in literal null (expecting 'u')", len(lineA))}},
		{name: "a wrong bracket", input: lineA + `{"resourceSpans":[}` + "\n" + lineC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: not JSON from byte %d on: \"}\"", len(lineA), len(lineA)+18)}},
		{name: "a comma after an object in its line", input: strings.TrimSpace(lineA) + ",\n" + lineC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: not a JSON object: \",\"", len(lineA)-1)}},
		{name: "malformed lines with CRLF", input: strings.ReplaceAll(lineA+"{\"resourceSpans\":[}\n"+"bad\n"+lineC, "\n", "\r\n"), spans: "a c",
			// After a malformed object, the reader looks only for another object.
			skips: []string{fmt.Sprintf("record 2 at byte %d: not JSON from byte %d on: \"}\"", len(lineA)+1, len(lineA)+1+18)}},
		{name: "a broken document between good ones", input: docA + strings.Replace(docB, `"name"`, `name`, 1) + docC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: not JSON from byte %d on: `%s`", len(docA), len(docA)+strings.Index(docB, `"name"`), `name: "b",`)}},
		{name: "objects nested without end", input: lineA + strings.Repeat("{\"a\":\n", 300) + lineC, spans: "a c",
			skips: nested(len(lineA), len("{\"a\":\n"), 300, len(lineC))},

		// Spans in JSON.
		{name: "JSON: short trace id", input: spanJSON(`"traceId":"abc","spanId":"0707070707070707","name":"bad"`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": traceId: "abc": want 32 hexadecimal digits, got 3 characters`}},
		{name: "JSON: no ids", input: spanJSON(`"traceId":"","name":"bad"`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": traceId: "": want 32 hexadecimal digits, got 0 characters`}},
		{name: "JSON: span id with a wrong digit", input: spanJSON(`"traceId":"07070707070707070707070707070707","spanId":"070707070707070x"`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "" of "svc": spanId: "070707070707070x": encoding/hex: invalid byte: U+0078 'x'`}},
		{name: "JSON: long parent id", input: spanJSON(goodIDs + `"parentSpanId":"07070707070707070707070707070707"`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": parentSpanId: "07070707070707070707070707070707": want 16 hexadecimal digits, got 32 characters`}},
		{name: "JSON: ids in base64 with one byte too many", input: spanJSON(`"traceId":"BwcHBwcHBwcHBwcHBwcHBwc=","spanId":"BwcHBwcHBwcH"`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "" of "svc": traceId: "BwcHBwcHBwcHBwcHBwcHBwc=": want 16 bytes in base64, got 17`}},
		{name: "JSON: bad link", input: spanJSON(goodIDs + `"links":[{"traceId":"x","spanId":"0707070707070707"}]`), spans: "a bad c",
			skips: []string{`record 1 at byte 0: a link of span "bad" of "svc": traceId: "x": want 32 hexadecimal digits, got 1 characters`}},
		{name: "JSON: name is a number", input: spanJSON(`"name":5`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "" of "svc": name: want a string, got number`}},
		{name: "JSON: start is true", input: spanJSON(goodIDs + `"startTimeUnixNano":true`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": startTimeUnixNano: want a number, got true`}},
		{name: "JSON: start is a word", input: spanJSON(goodIDs + `"startTimeUnixNano":"noon"`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": startTimeUnixNano: "noon" is not a positive integer`}},
		{name: "JSON: end is negative", input: spanJSON(goodIDs + `"endTimeUnixNano":-1`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": endTimeUnixNano: "-1" is not a positive integer`}},
		{name: "JSON: end is too large", input: spanJSON(goodIDs + `"endTimeUnixNano":1e30`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": endTimeUnixNano: "1e30" is not a positive integer`}},
		{name: "JSON: kind is a list", input: spanJSON(goodIDs + `"kind":[3]`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": kind: want a number, got array`}},
		{name: "JSON: unknown kind", input: spanJSON(goodIDs + `"kind":"server"`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": kind: "server" is not an integer: want a number or one of SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER`}},
		{name: "JSON: unknown status", input: spanJSON(goodIDs + `"status":{"code":"ERROR"}`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": status.code: "ERROR" is not an integer: want a number or one of STATUS_CODE_UNSET, STATUS_CODE_OK, STATUS_CODE_ERROR`}},
		{name: "JSON: status is a list", input: spanJSON(goodIDs + `"status":[]`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": status: want an object, got array`}},
		{name: "JSON: attributes are an object", input: spanJSON(goodIDs + `"attributes":{"k":"v"}`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": attributes: want an array, got object`}},
		{name: "JSON: a malformed integer", input: spanJSON(goodIDs + `"attributes":[{"key":"k","value":{"intValue":"5.5"}}]`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": attributes: "k": "5.5" is not an integer`}},
		{name: "JSON: a malformed double", input: spanJSON(goodIDs + `"attributes":[{"key":"k","value":{"doubleValue":"half"}}]`), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": attributes: "k": "half" is not a number`}},
		{name: "JSON: a span that is a string", input: strings.Replace(lineA, `"spans":[`, `"spans":["x",`, 1), spans: "a",
			skips: []string{`record 1 at byte 0: span "" of "svc": span: want an object, got string`}},
		{name: "JSON: spans of an invalid resource", input: lineA + strings.Replace(lineB, `{"stringValue":"svc"}`, `{"intValue":"svc"}`, 1) + lineC, spans: "a c",
			skips: []string{fmt.Sprintf(`record 2 at byte %d: all spans of a resource: "service.name": "svc" is not an integer`, len(lineA))}},

		// Protobuf.
		{name: "line ends in names", input: string(delimited(t, request("two\nlines", span(1, "a"), &tracev1.Span{Name: "three\r\nlines"}))), spans: "a",
			skips: []string{`record 1 at byte 0: span "three\r\nlines" of "two\nlines": trace id: want 16 bytes, got 0`}},
		{name: "short trace id", input: string(delimited(t, ids(8, 8, 0, 0))), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": trace id: want 16 bytes, got 8`}},
		{name: "no span id", input: string(delimited(t, ids(16, 0, 0, 0))), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": span id: want 8 bytes, got 0`}},
		{name: "long parent id", input: string(delimited(t, ids(16, 8, 9, 0))), spans: "a c",
			skips: []string{`record 1 at byte 0: span "bad" of "svc": parent span id: want 8 bytes, got 9`}},
		{name: "short id in a link", input: string(delimited(t, ids(16, 8, 8, 3))), spans: "a bad c",
			skips: []string{`record 1 at byte 0: a link of span "bad" of "svc": trace id: want 16 bytes, got 3`}},
		{name: "a corrupt message in the middle", input: frameA + frame(string(messageB[:3])+"\x7f"+string(messageB[4:])) + frameC, spans: "a c",
			skips: []string{fmt.Sprintf("record 2 at byte %d: all spans of a resource: damaged protobuf: a field runs over the end of its message", len(frameA))}},
		{name: "a corrupt span in the middle", input: strings.Replace(packed, "\x2a\x01b", "\x2a\x7fb", 1), spans: "a c",
			skips: []string{fmt.Sprintf(`record 2 at byte %d: span "" of "svc": damaged protobuf: a field runs over the end of its message`, len(frameA))}},
		{name: "a corrupt length in the middle", input: frameA + "\x09" + packed[len(frameA)+1:], spans: "a",
			skips: []string{fmt.Sprintf("record 2 at byte %d: the rest of a request: damaged protobuf: a field runs over the end of its message", len(frameA))},
			final: fmt.Sprintf("no request begins at byte %d, after a damaged one: the rest is lost after 1 span", len(frameA)+10)},
		{name: "the last message cut off", input: packed[:len(packed)-1], spans: "a b",
			final: fmt.Sprintf("the message at byte %d ends early (unexpected EOF) after 2 spans; it was cut off while being written or copied", len(packed)-len(frameC)+1)},
		{name: "the last length cut off", input: packed + "\x80", spans: "a b c",
			final: fmt.Sprintf("the message at byte %d ends early (unexpected EOF) after 3 spans; it was cut off while being written or copied", len(packed))},
		{name: "an invalid length", input: packed + strings.Repeat("\xff", 11), spans: "a b c",
			final: fmt.Sprintf("no length of a message at byte %d: the rest is lost after 3 spans", len(packed))},
		{name: "one message cut off", input: string(message(t, a)) + string(messageB[:20]), spans: "a",
			final: fmt.Sprintf("the message at byte %d ends early (unexpected EOF) after 1 span; it was cut off while being written or copied", len(message(t, a))+2)},
		{name: "one message with other bytes after it", input: string(message(t, a)) + "\x12\x00", spans: "a",
			final: fmt.Sprintf("no ResourceSpans begins at byte %d: the rest is lost after 1 span", len(message(t, a)))},
		{name: "a span damaged in one message", input: strings.Replace(string(message(t, request("svc", span(1, "a"), span(2, "b"), span(3, "c")))), "\x2a\x01b", "\x2a\x7fb", 1), spans: "a c",
			skips: []string{`record 1 at byte 0: span "" of "svc": damaged protobuf: a field runs over the end of its message`}},

		// Gzip.
		{name: "gzip with other bytes after it", input: string(zip(t, []byte(lines))) + "garbage", spans: "a b c",
			skips: []string{"the bytes after the gzip stream are not gzip and were ignored"}},
		{name: "gzip with one byte after it", input: string(zip(t, []byte(packed))) + "\x1f", spans: "a b c",
			skips: []string{"the bytes after the gzip stream are not gzip and were ignored"}},
		{name: "gzip header alone", input: "\x1f\x8b\x08", final: "the gzip stream ends early (unexpected EOF) after 0 spans; it was cut off while being written or copied"},
		{name: "gzip magic alone", input: "\x1f\x8b", final: "the gzip stream ends early (unexpected EOF) after 0 spans; it was cut off while being written or copied"},
		{name: "gzip of an unknown method", input: "\x1f\x8b\x07" + strings.Repeat("\x00", 20), final: "the gzip stream is damaged (gzip: invalid header) after 0 spans"},
		{name: "gzip with a wrong checksum", input: flip(string(zip(t, []byte(lines))), -8), spans: "a b c", final: "the gzip stream is damaged (gzip: invalid checksum) after 3 spans"},
		{name: "gzip without its checksum", input: cutEnd(string(zip(t, []byte(packed))), 8), spans: "a b c",
			final: "the gzip stream ends early (unexpected EOF) after 3 spans; it was cut off while being written or copied"},
		{name: "a second member cut off", input: string(zip(t, []byte(lineA))) + cutEnd(string(zip(t, []byte(lineB))), 30), spans: "a",
			final: "the gzip stream ends early (unexpected EOF) after 1 span; it was cut off while being written or copied"},
	} {
		t.Run(test.name, func(t *testing.T) {
			spans, skips, final := collect(t, Read(strings.NewReader(test.input), "input", Config{}))
			var got fault
			for _, s := range spans {
				got.Spans = append(got.Spans, s.Name)
			}
			for _, skip := range skips {
				got.Skips = append(got.Skips, strings.TrimPrefix(skip.Error(), "input: "))
			}
			if final != nil {
				got.Final = strings.TrimPrefix(final.Error(), "reading input: ")
			}
			want := fault{strings.Fields(test.spans), test.skips, test.final}
			if len(want.Spans) == 0 {
				want.Spans = nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(got.Final, "\n") {
				t.Errorf("more than one line: %q", got.Final)
			}
			checkLoad(t, []byte(test.input), servicegraph.Config{})
		})
	}
}

type fault struct {
	Spans, Skips []string
	Final        string
}

// nested returns the errors for an input of n lines of size bytes, from offset on, each of which
// opens one object, and a last line. First come the lines from which on the depth exceeds 200, and
// then the lines from which on the file ends too early.
func nested(offset, size, n, last int) []string {
	var list []string
	for i := range n {
		reason := "the JSON object is cut off"
		if n-i > 200-7 { // the last line nests seven deep
			reason = "nested more than 200 deep"
		}
		list = append(list, fmt.Sprintf("record %d at byte %d: %s", i+2, offset+i*size, reason))
	}
	return list
}

func flip(s string, i int) string {
	b := []byte(s)
	b[(i+len(b))%len(b)] ^= 0xff
	return string(b)
}

func cutEnd(s string, n int) string { return s[:len(s)-n] }

// A gzip stream that is cut off gives the spans before the cut.
func TestTruncatedGzip(t *testing.T) {
	var requests []*tracev1.TracesData
	for i := range 250 {
		s := span(byte(i%250+1), fmt.Sprintf("span %d", i))
		s.Attributes = []*commonv1.KeyValue{attribute("noise", noise(i))}
		requests = append(requests, request("svc", s))
	}
	for name, plain := range map[string][]byte{"JSON": jsonLines(t, requests...), "delimited": delimited(t, requests...)} {
		packed := zip(t, plain)
		for _, part := range []float64{0.3, 0.6, 0.9} {
			spans, skips, err := collect(t, Read(bytes.NewReader(packed[:int(part*float64(len(packed)))]), "spans.gz", Config{}))
			if len(skips) > 0 {
				t.Errorf("%s: %v", name, skips)
			}
			if n := float64(len(spans)); n < (part-0.25)*250 || n > (part+0.05)*250 {
				t.Errorf("%s: %v of 250 spans in %v of the file", name, n, part)
			}
			if diff := cmp.Diff(spansOf(requests...)[:len(spans)], spans); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			want := fmt.Sprintf("reading spans.gz: the gzip stream ends early (unexpected EOF) after %d spans; it was cut off while being written or copied", len(spans))
			if err == nil || err.Error() != want {
				t.Errorf("%s: got %v\nwant %s", name, err, want)
			}
		}
	}
}

// noise returns text that does not compress.
func noise(seed int) string {
	r := rand.New(rand.NewPCG(1, uint64(seed)))
	b := make([]byte, 500)
	for i := range b {
		b[i] = byte(' ' + r.IntN(94))
	}
	return string(b)
}

// A file that is cut off at any byte is read to its end, or gives a clear error.
func TestEveryCut(t *testing.T) {
	requests := []*tracev1.TracesData{request("svc", span(1, "a")), request("svc", span(2, "b"))}
	want := spansOf(requests...)
	for name, input := range map[string][]byte{
		"JSON": jsonLines(t, requests...), "delimited": delimited(t, requests...), "message": message(t, requests[0]), "gzip": zip(t, delimited(t, requests...)),
	} {
		for cut := range len(input) {
			spans, _, err := collect(t, Read(bytes.NewReader(input[:cut]), "input", Config{}))
			if diff := cmp.Diff(want[:len(spans)], spans); diff != "" && len(spans) > 0 {
				t.Errorf("%s cut at byte %d (-want +got):\n%s", name, cut, diff)
			}
			if err == nil && len(spans) == 0 {
				t.Errorf("%s cut at byte %d: neither span nor error", name, cut)
			}
			checkLoad(t, input[:cut], servicegraph.Config{})
		}
	}
}

// A record above the limit is skipped.
func TestRecordLimit(t *testing.T) {
	big := span(2, "big")
	big.Attributes = []*commonv1.KeyValue{attribute("v", strings.Repeat("x", 200_000))}
	requests := []*tracev1.TracesData{request("svc", span(1, "a")), request("svc", big), request("svc", span(3, "c"))}
	bigSize := len(message(t, requests[1]))
	lineA, frameA := len(jsonLines(t, requests[0])), len(delimited(t, requests[0]))
	for _, test := range []struct {
		name  string
		input []byte
		want  string
	}{
		{"JSON", jsonLines(t, requests...), fmt.Sprintf("input: record 2 at byte %d: a record larger than the limit of 100,000 bytes", lineA)},
		{"protobuf", delimited(t, requests...), fmt.Sprintf("input: record 2 at byte %d: a message of %s, larger than the limit of 100,000", frameA, quantity.Of(bigSize, "byte"))},
	} {
		got := &gathered{}
		err := readAll(newSink("input", Config{}, got), bytes.NewReader(test.input), 100_000)
		if err != nil || len(got.spans) != 2 || got.spans[1].Name != "c" || len(got.skips) != 1 || got.skips[0].Error() != test.want {
			t.Errorf("%s: %d spans, %v, %v\nwant %s", test.name, len(got.spans), got.skips, err, test.want)
		}
	}
}

// No memory is reserved for the length that a damaged file claims.
func TestClaimedLengthReservesNothing(t *testing.T) {
	claim := protowire.AppendVarint(nil, 1<<30)
	claim = append(claim, protowire.AppendBytes([]byte{0x0a}, protowire.AppendBytes([]byte{0x0a}, make([]byte, 100)))...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := collect(t, Read(bytes.NewReader(claim), "input", Config{}))
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "ends early") {
		t.Errorf("got %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated for a file of %d", n, len(claim))
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}

	// The name of a file does not tell its format.
	requests := everything()
	good := ReadFile(write("spans.json.zip", zip(t, delimited(t, requests...))), Config{})
	for range 2 { // each range opens the file
		got, skips, err := collect(t, good)
		if diff := cmp.Diff(spansOf(requests...), got); diff != "" || len(skips) > 0 || err != nil {
			t.Errorf("%v, %v (-want +got):\n%s", skips, err, diff)
		}
	}

	missing := filepath.Join(dir, "missing.json")
	_, _, err := collect(t, ReadFile(missing, Config{}))
	if !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), missing) != 1 || !strings.HasPrefix(err.Error(), "reading "+missing+": ") {
		t.Errorf("missing file: %v", err)
	}
	for path, want := range map[string]string{
		dir:                       "it is a directory; name the trace files in it",
		write("empty.json", nil):  "it is empty: check the program that writes the traces",
		write("x.pb", []byte{11}): "not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it starts with the bytes 0b",
	} {
		_, _, err := collect(t, ReadFile(path, Config{}))
		if want := "reading " + path + ": " + want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}

	for text, foreign := range map[string]bool{
		"":                                true,
		"Dear all":                        true,
		`{"resourceSpans":[}`:             true, // no record can be read
		`{"resourceSpans":[]}`:            false,
		string(zip(t, nil)):               true,
		string(zip(t, nil)[:5]):           false, // cut off
		string(jsonLines(t, requests...)): false,
	} {
		_, _, err := collect(t, Read(strings.NewReader(text), "input", Config{}))
		if got := errors.Is(err, ErrNotTraceFile); got != foreign {
			t.Errorf("%.30q: %v; ErrNotTraceFile: %v, want %v", text, err, got, foreign)
		}
	}

	bad := write("bad.json", []byte("bad\n"+string(jsonLines(t, requests...))))
	_, skips, _ := collect(t, ReadFile(bad, Config{}))
	if len(skips) != 1 || skips[0].Source != bad {
		t.Errorf("got %v", skips)
	}
}
