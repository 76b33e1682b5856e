package tempoclient

import (
	"testing"

	"github.com/grafana/tempo/pkg/tempopb"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
)

// BenchmarkTrace decodes an answer of 1000 spans.
func BenchmarkTrace(b *testing.B) {
	const start = 1_700_000_000_000_000_000
	var spans []servicegraph.Span
	for n := range int64(125) {
		spans = append(spans, shop(id(1), start+ms(n))...)
	}
	trace, err := proto.Marshal(otlpOf(spans)) // the same on the wire as Tempo's Trace
	if err != nil {
		b.Fatal(err)
	}
	var answer tempopb.TraceByIDResponse
	answer.Trace = &tempopb.Trace{}
	if err := answer.Trace.Unmarshal(trace); err != nil {
		b.Fatal(err)
	}
	body, err := answer.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	keep := servicegraph.Config{}.Reads
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		var answer tempopb.TraceByIDResponse
		if err := answer.Unmarshal(body); err != nil {
			b.Fatal(err)
		}
		if got := len(spansOf(answer.Trace, keep)); got != len(spans) {
			b.Fatalf("%d spans, want %d", got, len(spans))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(spans)), "ns/span")
}
