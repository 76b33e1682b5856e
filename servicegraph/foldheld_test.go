package servicegraph

import (
	"bytes"
	"runtime"
	"testing"
)

// Folding side by side gives the graph that one goroutine makes, byte by byte, and with
// -race nothing that it shares.
func TestFoldHeld(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	spans := stageSpans(5 * spansPerFolder)
	for i := range spans { // messages between traces, and names behind addresses
		s := &spans[i]
		switch {
		case s.Kind == KindClient && i%7 == 0: // at a port that nobody calls without the name
			s.Attrs = append(s.Attrs, Attr{"peer.service", "somebody"}, Attr{"server.port", "7777"})
		case s.Kind == KindClient && i%11 == 0:
			s.Kind = KindProducer
		case s.Kind == KindServer && i%5 == 0:
			other := &spans[(i*31)%len(spans)]
			s.Kind, s.Links = KindConsumer, []Link{{other.TraceID, other.SpanID}}
		}
	}
	graph := func() []byte {
		b := NewBuilder(Config{NodeAttrs: []string{"host.name"}, InferCalls: true})
		for _, s := range spans {
			b.Add(s)
		}
		data, err := b.Graph().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	together := graph()
	runtime.GOMAXPROCS(1)
	if alone := graph(); !bytes.Equal(alone, together) {
		t.Errorf("graphs of %d and %d bytes differ", len(alone), len(together))
	}
}
