package servicegraph

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
)

// namingSpans returns n spans that make pairing use every sort of name: messages
// between traces, addresses that a caller knows by a name, and requests from outside.
func namingSpans(n int) []Span {
	spans := stageSpans(n)
	for i := range spans {
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
	return spans
}

// TestAddHeld pairs held traces in parallel and wants the bytes of the graph that one
// goroutine makes. With -race it also finds writes to what the goroutines share.
func TestAddHeld(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	spans := namingSpans(5 * spansPerAggregator)
	graph := func() []byte {
		b := NewBuilder(Config{NodeAttrs: []string{"host.name"}, InferCalls: true, UserNode: true})
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

// TestAddHeldMakesNoNames wants every name to be known before traces are paired in
// parallel: goroutines that add a name to the builder's would end the process.
func TestAddHeldMakesNoNames(t *testing.T) {
	b := NewBuilder(Config{InferCalls: true, UserNode: true, QueueNodes: true})
	for _, s := range namingSpans(spansPerAggregator) {
		b.Add(s)
	}
	addresses := len(b.names.addresses.items)
	b.internAhead()
	if len(b.names.addresses.items) == addresses {
		t.Fatal("no address without a name was missing: the spans do not show what is tested")
	}
	sum := newTotals(&b.names)
	nodes, addresses, details := len(b.names.nodes.items), len(b.names.addresses.items), len(b.names.details.items)
	b.addShard(sum, 0, 1)
	if len(b.names.nodes.items) != nodes || len(b.names.addresses.items) != addresses || len(b.names.details.items) != details {
		t.Errorf("pairing made %d nodes, %d addresses and %d details", len(b.names.nodes.items)-nodes,
			len(b.names.addresses.items)-addresses, len(b.names.details.items)-details)
	}
	user := NodeID{Name: "user", Type: TypeExternal}
	if i := b.names.find(user); i == 0 || !slices.ContainsFunc(sum.graph().edges, func(e Edge) bool { return e.ID.From == user }) {
		t.Error("no request came from outside: the spans do not show what is tested")
	}
}
