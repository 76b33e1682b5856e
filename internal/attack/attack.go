// Package attack generates hostile files and requests: they are made to cost a reader far more
// memory or time than their size suggests. Tests give them to a reader, and check how much
// memory and time the reader takes.
//
// Nearly all of them repeat one small element. They therefore compress to about a thousandth of
// their size.
package attack

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// An Attack is one file or request.
type Attack struct {
	Name string // name of the subtest

	// Count is a number of elements that makes the attack dangerous. Write accepts any number.
	Count int

	// Write writes the attack with n elements.
	Write func(w io.Writer, n int) error
}

// repeated returns a function that writes n elements with commas between them, and a text
// before and after them.
func repeated(before, element, after string) func(io.Writer, int) error {
	return each(before, func(int) string { return element }, after)
}

// each is like repeated, for elements that differ.
func each(before string, element func(i int) string, after string) func(io.Writer, int) error {
	return func(w io.Writer, n int) error {
		b := bufio.NewWriterSize(w, 1<<20)
		b.WriteString(before)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(element(i))
		}
		b.WriteString(after)
		return b.Flush() // returns the first error of all writes
	}
}

// filled returns a function that writes one text n times, and a text before and after it.
func filled(before, text, after string) func(io.Writer, int) error {
	return func(w io.Writer, n int) error {
		b := bufio.NewWriterSize(w, 1<<20)
		b.WriteString(before)
		for range n {
			b.WriteString(text)
		}
		b.WriteString(after)
		return b.Flush()
	}
}

// lines returns a function that writes n lines that differ.
func lines(line func(i int) string) func(io.Writer, int) error {
	return func(w io.Writer, n int) error {
		b := bufio.NewWriterSize(w, 1<<20)
		for i := range n {
			b.WriteString(line(i))
			b.WriteByte('\n')
		}
		return b.Flush()
	}
}

// service returns a request of OTLP in JSON with one span of a service.
func service(name, span string) string {
	return `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"` + name + `"}}]},"scopeSpans":[{"spans":[` + span + `]}]}]}`
}

// nested returns a function that writes the bytes before and then n copies of field, inside nested
// protobuf messages. Each message is the only field of the message around it. messages has the
// field numbers of the nested messages, the outermost first.
func nested(before, field string, messages ...protowire.Number) func(io.Writer, int) error {
	return func(w io.Writer, n int) error {
		heads := make([]string, len(messages))
		size := len(before) + n*len(field)
		for i := len(messages) - 1; i >= 0; i-- {
			heads[i] = string(protowire.AppendVarint(protowire.AppendTag(nil, messages[i], protowire.BytesType), uint64(size)))
			size += len(heads[i])
		}
		return filled(strings.Join(heads, "")+before, field, "")(w, n)
	}
}

// bytesField returns an encoded field of bytes.
func bytesField(number protowire.Number, value string) string {
	return string(protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), []byte(value)))
}

// Valid ids, and the beginning of a span with these ids.
const (
	traceID = "0102030405060708090a0b0c0d0e0f10"
	spanID  = "0102030405060708"

	otlpSpan   = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"` + traceID + `","spanId":"` + spanID + `",`
	jaegerSpan = `{"data":[{"traceID":"` + traceID + `","spans":[{"traceID":"` + traceID + `","spanID":"` + spanID + `","operationName":"o",`
	zipkinSpan = `[{"traceId":"` + traceID + `","id":"` + spanID + `",`
)

// The numbers of fields of OTLP protobuf.
const (
	protoResourceSpans protowire.Number = 1
	protoResource      protowire.Number = 1
	protoScopeSpans    protowire.Number = 2
	protoSpan          protowire.Number = 2
)

// protoIDs are the ids of a valid span in protobuf.
var protoIDs = bytesField(1, strings.Repeat("\x01", 16)) + bytesField(2, strings.Repeat("\x01", 8))

// Files returns files that a reader of trace files and of graphs must either read or refuse, both
// in bounded memory.
func Files() []Attack {
	const mb = 1 << 20
	return []Attack{
		{"OTLP JSON, empty spans", 10e6, repeated(`{"resourceSpans":[{"scopeSpans":[{"spans":[`, "{}", `]}]}]}`)},
		{"OTLP JSON, empty resources", 20e6, repeated(`{"resourceSpans":[`, "{}", `]}`)},
		{"OTLP JSON, empty resources under a key in another case", 10e6, repeated(`{"resourceMetrics":[],"ResourceSpans":[`, "{}", `]}`)},
		{"OTLP JSON, empty scopes", 20e6, repeated(`{"resourceSpans":[{"scopeSpans":[`, "{}", `]}]}`)},
		{"OTLP JSON, empty attributes", 20e6, repeated(otlpSpan+`"attributes":[`, "{}", `]}]}]}]}`)},
		{"OTLP JSON, empty events", 20e6, repeated(otlpSpan+`"events":[`, "{}", `]}]}]}]}`)},
		{"OTLP JSON, links without ids", 3e6, repeated(otlpSpan+`"links":[`, `{"traceId":"1"}`, `]}]}]}]}`)},
		{"OTLP JSON, attributes of a resource", 2e6, each(`{"resourceSpans":[{"resource":{"attributes":[`,
			func(i int) string { return fmt.Sprintf(`{"key":"k%d","value":{"intValue":1}}`, i) }, `]}}]}`)},
		{"OTLP JSON, empty spans in lines", 10e6, filled("", `{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}`+"\n", "")},
		{"OTLP JSON, a long string", 900 * mb, filled(`{"resourceSpans":[{"resource":{"attributes":[{"key":"`, "x", `"}]}}]}`)},

		{"services without end", 1e6, lines(func(i int) string {
			return service(fmt.Sprint("s", i), fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","kind":2}`, i+1, i+1))
		})},
		{"edges without end", 440e3, lines(func(i int) string {
			return service(fmt.Sprint("from", i/700), fmt.Sprintf(`{"traceId":"%032x","spanId":"0000000000000001","kind":3}`, i+1)) +
				"\n" + service(fmt.Sprint("to", i%700), fmt.Sprintf(`{"traceId":"%032x","spanId":"0000000000000002","parentSpanId":"0000000000000001","kind":2}`, i+1))
		})},
		{"addresses without end", 600e3, lines(func(i int) string {
			return service("web", fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","kind":3,"attributes":[{"key":"server.address","value":{"stringValue":"host%d"}},{"key":"server.port","value":{"intValue":80}}]}`, i+1, i+1, i))
		})},
		{"spans of one trace", 4e6, lines(func(i int) string {
			return service("s"+strconv.Itoa(i%20), fmt.Sprintf(`{"traceId":"%s","spanId":"%016x","parentSpanId":"%016x","kind":%d}`, traceID, i+1, i, 2+i%2))
		})},
		{"messages", 4e6, lines(func(i int) string {
			return service("s"+strconv.Itoa(i%20), fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","kind":4,"attributes":[{"key":"messaging.system","value":{"stringValue":"kafka"}},`+
				`{"key":"messaging.destination.name","value":{"stringValue":"topic"}}]}`, i+1, i+1))
		})},
		{"names of 12 MB", 40, lines(func(i int) string {
			long := strings.Repeat("x", 12*mb)
			return service(fmt.Sprint(i, long), fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","kind":3,"attributes":[{"key":"peer.service","value":{"stringValue":"%d%s"}}]}`, i+1, i+1, i, long))
		})},

		{"links without end", 3e3, lines(func(i int) string {
			var links strings.Builder
			for j := range 1000 {
				if j > 0 {
					links.WriteByte(',')
				}
				fmt.Fprintf(&links, `{"traceId":"%032x","spanId":"%016x"}`, 1<<32+1000*i+j, j+1)
			}
			return service("worker", fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","kind":5,"links":[%s]}`, i+1, i+1, links.String()))
		})},

		{"OTLP protobuf, empty spans", 15e6, nested("", "\x12\x00", protoResourceSpans, protoScopeSpans)},
		{"OTLP protobuf, empty resources", 20e6, filled("", "\x0a\x02\x12\x00", "")},
		{"OTLP protobuf, empty links", 20e6, nested(protoIDs, "\x6a\x00", protoResourceSpans, protoScopeSpans, protoSpan)},
		{"OTLP protobuf, links without ids", 10e6, nested(protoIDs, "\x6a\x03\x0a\x01\x01", protoResourceSpans, protoScopeSpans, protoSpan)},
		{"OTLP protobuf, status again and again", 10e6, nested(protoIDs, "\x7a\x02\x18\x01", protoResourceSpans, protoScopeSpans, protoSpan)},
		{"OTLP protobuf, resource again and again", 10e6, nested("", "\x0a\x02\x10\x01", protoResourceSpans)},
		{"OTLP protobuf, a long resource", 450 * mb, nested("", "\x10\x01", protoResourceSpans, protoResource)},

		{"Jaeger, empty spans", 10e6, repeated(`{"data":[{"spans":[`, "{}", `]}]}`)},
		{"Jaeger, empty tags", 20e6, repeated(jaegerSpan+`"tags":[`, "{}", `]}]}]}`)},
		{"Jaeger, empty references", 15e6, repeated(jaegerSpan+`"references":[`, "{}", `]}]}]}`)},
		{"Jaeger, processes", 4e6, each(`{"data":[{"spans":[],"processes":{`,
			func(i int) string { return fmt.Sprintf(`"%d":{}`, i) }, `}}]}`)},
		{"Jaeger, empty traces", 10e6, repeated(`{"data":[{"spans":[]},`, "{}", `]}`)},

		{"Zipkin, empty spans", 10e6, repeated(zipkinSpan+`"name":"o"},`, "{}", `]`)},
		{"Zipkin, tags", 4e6, each(zipkinSpan+`"tags":{`, func(i int) string { return fmt.Sprintf(`"%d":1`, i) }, `}}]`)},
		{"Zipkin, a long string", 900 * mb, filled(zipkinSpan+`"name":"`, "x", `"}]`)},

		{"dependencies, empty links", 40e6, repeated(`[{"parent":"a","child":"b","callCount":1},`, "{}", `]`)},
		{"dependencies, a long name", 200 * mb, filled(`[{"parent":"a","child":"`, "x", `","callCount":1}]`)},

		{"graph, empty edges", 10e6, repeated(`{"schema":1,"nodes":[{"name":"a","type":"service"}],"edges":[`, "{}", `]}`)},
		{"graph, empty nodes", 10e6, repeated(`{"schema":1,"nodes":[`, "{}", `],"edges":[]}`)},
		{"graph, many nodes", 5e6, each(`{"schema":1,"nodes":[`,
			func(i int) string { return fmt.Sprintf(`{"name":"%d","type":"service"}`, i) }, `],"edges":[]}`)},
		{"graph, blanks", 2000 * mb, filled(`{"schema":1,"nodes":[`, " ", `],"edges":[]}`)},
		{"graph, a long string", 2000 * mb, filled(`{"schema":1,"nodes":[{"name":"`, "x", `","type":"service"}],"edges":[]}`)},
	}
}

// A Request is a hostile OTLP request.
type Request struct {
	Name        string
	ContentType string
	attack      Attack
}

// Body returns the body of the request, compressed with gzip.
func (r Request) Body() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := r.attack.Write(z, r.attack.Count); err != nil {
		panic("attack: " + err.Error()) // writing to a buffer never fails
	}
	if err := z.Close(); err != nil {
		panic("attack: " + err.Error())
	}
	return b.Bytes()
}

// Requests returns requests that a receiver must either accept or refuse, both in bounded memory
// and without delaying other requests.
func Requests() []Request {
	const (
		inJSON     = "application/json"
		inProtobuf = "application/x-protobuf"
		mb         = 1 << 20
	)
	return []Request{
		{"empty spans", inJSON, Attack{"", 5.3e6, repeated(`{"resourceSpans":[{"scopeSpans":[{"spans":[`, "{}", `]}]}]}`)}},
		{"empty resources", inJSON, Attack{"", 5.3e6, repeated(`{"resourceSpans":[`, "{}", `]}`)}},
		{"empty attributes", inJSON, Attack{"", 5.3e6, repeated(otlpSpan+`"attributes":[`, "{}", `]}]}]}]}`)}},
		{"a name of 12 MB", inJSON, Attack{"", 12 * mb, filled(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"`, "x",
			`"}}]},"scopeSpans":[{"spans":[{"traceId":"`+traceID+`","spanId":"`+spanID+`","kind":2}]}]}]}`)}},
		{"empty spans in protobuf", inProtobuf, Attack{"", 8e6, nested("", "\x12\x00", protoResourceSpans, protoScopeSpans)}},
		{"blanks beyond the limit", inJSON, Attack{"", 500 * mb, filled(`{"resourceSpans":[`, " ", `]}`)}},
	}
}
