package tempoclient

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// BenchmarkTrace decodes an answer of 1000 spans.
func BenchmarkTrace(b *testing.B) {
	var spans []servicegraph.Span
	for n := range 125 {
		spans = append(spans, shop(id(byte(n)), ms(int64(n)))...)
	}
	trace, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: otlpOf(spans).ResourceSpans})
	if err != nil {
		b.Fatal(err)
	}
	c, err := New("http://tempo", Config{Keep: servicegraph.Config{}.Reads})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(trace)))
	b.ReportAllocs()
	for b.Loop() {
		m, err := decodeTrace(trace)
		if err != nil {
			b.Fatal(err)
		}
		t := &Trace{}
		if err := c.collect(t, m.spans(c.cfg.Keep)); err != nil || len(t.Spans) != len(spans) {
			b.Fatalf("%d spans, %v", len(t.Spans), err)
		}
	}
}
