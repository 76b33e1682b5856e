package tracefile

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
)

// BenchmarkMemos measures the benefit of each memo of the decoders, and of the packer's memo of
// resources: the data with new resources are the same as those with known resources, except that
// each resource has an instance of its own. It decodes the data of
// [BenchmarkGraph] with all memos, and with one of them switched off. Nothing is done with the
// spans. The comment of each memo has the result: the ratio of the instructions, counted by
// valgrind's cachegrind over 6,000 spans, which start with empty memos.
func BenchmarkMemos(b *testing.B) {
	const spans = 100_000
	traces, exports := traceMessages(spans), sdkMessages(spans)
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"trace-messages", inJSON(b, traces)},
		{"sdk-messages", inJSON(b, exports)},
		{"sampled", inJSON(b, withTraceState(b, exports, "ot=th:8"))},
	} {
		for _, v := range jsonVariants {
			b.Run("JSON/"+c.name+"/"+v.name, func(b *testing.B) {
				for b.Loop() {
					decodeJSONLines(b, c.data, v.off)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*spans), "ns/span")
			})
		}
	}
	for _, c := range []struct {
		name   string
		data   []byte
		packed bool
	}{
		{"trace-messages", traces, false},
		{"sdk-messages", exports, false},
		{"sampled", withTraceState(b, exports, "ot=th:8"), true},
		{"known-resources", withInstances(b, exports, 1), true},
		{"new-resources", withInstances(b, exports, math.MaxInt), true},
	} {
		for _, v := range protoVariants {
			b.Run("protobuf/"+c.name+"/"+v.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					decodeMessages(b, c.data, c.packed, v.off)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*spans), "ns/span")
			})
		}
	}
}

// jsonVariants are the memos of a fastDecoder, and how to switch each off.
var jsonVariants = []struct {
	name string
	off  func(*fastDecoder)
}{
	{"all", func(*fastDecoder) {}},
	{"no-attribute-prefixes", func(d *fastDecoder) { d.attrNames.off = true }},
	{"no-resource-prefixes", func(d *fastDecoder) { d.resources.off = true }},
	{"no-trace-ids", func(d *fastDecoder) { d.traceIDs.off = true }},
	{"no-field-order", func(d *fastDecoder) { d.order.off = true }},
	{"no-templates", func(d *fastDecoder) {
		for i := range d.templates {
			d.templates[i].pause = math.MaxInt
		}
	}},
	{"no-weights", func(d *fastDecoder) { d.weights.off = true }},
}

// protoVariants are the memos of a wireDecoder, and how to switch each off. Those of keys and
// texts matter for spans that go out as values.
var protoVariants = []struct {
	name string
	off  func(*wireDecoder)
}{
	{"all", func(*wireDecoder) {}},
	{"no-keys", func(d *wireDecoder) { d.keys.off = true }},
	{"no-texts", func(d *wireDecoder) { d.texts.off = true }},
	{"no-weights", func(d *wireDecoder) { d.weights.off = true }},
	{"no-attributes", func(d *wireDecoder) { d.packed.off = true }},
	{"no-scopes", func(d *wireDecoder) { d.scopes.Off = true }},
}

// A dropped is an output that drops all spans. Its methods fail the benchmark for a record
// that is skipped.
type dropped struct {
	tb   testing.TB
	sink *sink
}

func (d *dropped) add(servicegraph.Span) bool { return true }

func (d *dropped) skip(skip *servicegraph.SkipError) bool {
	d.tb.Fatal(skip)
	return false
}

func (d *dropped) flush() bool {
	d.sink.packer.Batch()
	return true
}

// newDropSink returns a sink that drops what it takes, with a packer or without.
func newDropSink(tb testing.TB, packed bool) *sink {
	out := &dropped{tb: tb}
	b := servicegraph.NewBuilder(servicegraph.Config{})
	out.sink = newSink("input", Config{Keep: b.Config().Reads}, out)
	if packed {
		out.sink.packer = b.NewPacker()
	} else {
		out.sink.keep = func(string) bool { return true }
	}
	return out.sink
}

// decodeJSONLines decodes requests with a fast decoder, some memos of which are off.
func decodeJSONLines(tb testing.TB, data []byte, off func(*fastDecoder)) {
	s := newDropSink(tb, true)
	r := newJSONReader(s)
	off(r.fast)
	in := inputOf(nil, headSize, DefaultMaxRecord)
	in.Reader.Reset(bytes.NewReader(data))
	r.stream = jsontext.NewStream(in.Reader, DefaultMaxRecord)
	if err := unlessEOF(r.readTo(math.MaxInt64)); err != nil || s.spans == 0 {
		tb.Fatal(err, s.spans)
	}
}

// decodeMessages decodes delimited requests with a decoder, some memos of which are off.
func decodeMessages(tb testing.TB, data []byte, packed bool, off func(*wireDecoder)) {
	s := newDropSink(tb, packed)
	d := newWireDecoder(s)
	off(d)
	for len(data) > 0 {
		message, n := protowire.ConsumeBytes(data)
		if err := d.request(message); err != nil {
			tb.Fatal(err)
		}
		s.flush(batchSize)
		data = data[n:]
	}
}

// withTraceState returns delimited requests in which each span has a tracestate.
func withTraceState(tb testing.TB, data []byte, state string) []byte {
	return changed(tb, data, func(rs *tracev1.ResourceSpans) {
		for _, ss := range rs.ScopeSpans {
			for _, span := range ss.Spans {
				span.TraceState = state
			}
		}
	})
}

// withInstances returns delimited requests in which each resource has an id of an instance. There
// are at most n ids.
func withInstances(tb testing.TB, data []byte, n int) []byte {
	i := 0
	return changed(tb, data, func(rs *tracev1.ResourceSpans) {
		id := fmt.Sprintf("instance-%08d", i%n)
		rs.Resource.Attributes = append(rs.Resource.Attributes, attribute("service.instance.id", id))
		i++
	})
}

// changed returns delimited requests with changed resources.
func changed(tb testing.TB, data []byte, change func(*tracev1.ResourceSpans)) []byte {
	tb.Helper()
	var out []byte
	for len(data) > 0 {
		message, n := protowire.ConsumeBytes(data)
		var request tracev1.TracesData
		if err := proto.Unmarshal(message, &request); err != nil {
			tb.Fatal(err)
		}
		for _, rs := range request.ResourceSpans {
			change(rs)
		}
		out = appendDelimited(out, &request)
		data = data[n:]
	}
	return out
}
