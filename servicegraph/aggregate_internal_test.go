package servicegraph

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
)

// namingSpans returns n spans with which pairing needs every sort of name. They include messages
// between traces, hosts with a chosen name, hosts with an RPC service, and requests from outside.
func namingSpans(n int) []Span {
	spans := stageSpans(n)
	for i := range spans {
		s := &spans[i]
		switch {
		case s.Kind == KindClient && i%7 == 0: // an address to which all callers give the name
			s.Attrs = append(s.Attrs, Attr{"peer.service", "somebody"}, Attr{"server.port", "7777"}, Attr{"rpc.service", "shop.Cart"})
		case s.Kind == KindClient && i%11 == 0:
			s.Kind = KindProducer
		case s.Kind == KindServer && i%5 == 0:
			other := &spans[(i*31)%len(spans)]
			s.Kind, s.Links = KindConsumer, []Link{{other.TraceID, other.SpanID}}
		}
	}
	return spans
}

// TestAddHeld aggregates held traces in parallel. The graph must have the same bytes as that of a
// single goroutine. With -race, the test also finds writes to shared memory.
func TestAddHeld(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	spans := namingSpans(5 * spansPerAggregator)
	graph := func(goroutines int) []byte {
		b := NewBuilder(Config{NodeAttrs: []string{"host.name"}, InferCalls: true, UserNode: true, Goroutines: goroutines})
		for _, s := range spans {
			b.Add(s)
		}
		data, err := b.Graph().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	together := graph(0)
	if alone := graph(1); !bytes.Equal(alone, together) {
		t.Errorf("the graph of one goroutine, of %d bytes, and that of several, of %d bytes, differ", len(alone), len(together))
	}
}

// TestGoroutines checks how many goroutines make a graph. It uses the fact that names are interned
// ahead only for several goroutines.
func TestGoroutines(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for goroutines, want := range map[int]bool{0: true, 1: false, 2: true} {
		b := NewBuilder(Config{Goroutines: goroutines})
		for _, s := range namingSpans(2 * spansPerAggregator) {
			b.Add(s)
		}
		b.Graph()
		if got := b.names.find(NodeID{Name: otherName, Type: TypeService}) != 0; got != want {
			t.Errorf("%d goroutines: several make a graph: %t, want %t", goroutines, got, want)
		}
	}
}

// TestAddHeldMakesNoNames checks that internAhead interns every name before traces are aggregated
// in parallel: goroutines that added names to the same maps would crash the process.
func TestAddHeldMakesNoNames(t *testing.T) {
	b := NewBuilder(Config{InferCalls: true, UserNode: true, QueueNodes: true})
	for _, s := range namingSpans(spansPerAggregator) {
		b.Add(s)
	}
	addresses := len(b.names.addresses.items)
	b.internAhead()
	if len(b.names.addresses.items) == addresses {
		t.Fatal("internAhead added no address: the spans must have hosts together with RPC services")
	}
	sum := newTotals(&b.names)
	nodes, addresses, details := len(b.names.nodes.items), len(b.names.addresses.items), len(b.names.details.items)
	b.addShard(sum, 0, 1, false)
	if len(b.names.nodes.items) != nodes || len(b.names.addresses.items) != addresses || len(b.names.details.items) != details {
		t.Errorf("addShard added %d nodes, %d addresses and %d details, want none", len(b.names.nodes.items)-nodes,
			len(b.names.addresses.items)-addresses, len(b.names.details.items)-details)
	}
	user := NodeID{Name: "user", Type: TypeExternal}
	if i := b.names.find(user); i == 0 || !slices.ContainsFunc(sum.graph().edges, func(e Edge) bool { return e.ID.From == user }) {
		t.Error("no edge from the user: the spans must have requests from outside")
	}
}
