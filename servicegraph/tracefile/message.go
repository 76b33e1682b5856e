package tracefile

import (
	"iter"

	"github.com/tempograph/tempograph/servicegraph"
)

// ReadMessage returns the spans of one OTLP protobuf message, an
// ExportTraceServiceRequest or a TracesData, in their order there. The name stands for
// the message in errors. Unlike [Read], ReadMessage does not detect the format. Every
// error is a [servicegraph.SkipError]: reading goes on after it.
func ReadMessage(message []byte, name string, cfg Config) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		newWireDecoder(newSource(name, cfg, yield)).request(message) // fails only if the consumer stops
	}
}
