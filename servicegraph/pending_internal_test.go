package servicegraph

import (
	"fmt"
	"testing"
)

// TestResolvedSumsAreFoundAgain calls so many addresses that the totals resolve the earlier
// calls for good. Later calls must be added to the same edges, and an address that the totals
// have forgotten with the resolved calls must be learned again.
func TestResolvedSumsAreFoundAgain(t *testing.T) {
	const traces = maxPendingCalls + maxPendingCalls/4
	b := NewBuilder(Config{Window: Window{Traces: 1}})
	for i := range traces {
		trace := TraceID{1, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}
		span := func(id, parent byte, service string, kind Kind, attrs ...Attr) {
			b.Add(Span{TraceID: trace, SpanID: SpanID{id}, ParentID: SpanID{parent}, Service: service, Kind: kind, Attrs: attrs})
		}
		address := func(of string) Attr { return Attr{"server.address", of} }
		span(1, 0, "A", KindInternal)
		span(2, 1, "A", KindClient, address("b.example"))
		span(3, 2, "B", KindServer)
		span(4, 1, "C", KindInternal)
		span(5, 4, "C", KindClient)
		span(6, 5, "B", KindServer)
		span(7, 4, "C", KindClient, address("b.example"))
		span(8, 4, "C", KindClient, address("other.example"))
		span(9, 4, "C", KindClient, address(fmt.Sprintf("host%d.example", i)))
	}
	b.Add(Span{TraceID: TraceID{2}, SpanID: SpanID{1}, Service: "D"}) // now no other trace is held
	g := b.Graph()
	if g.Report().AddressesResolvedEarly == 0 {
		t.Fatal("no addresses were resolved early: the test needs more traces")
	}
	service := func(name string) NodeID { return NodeID{Name: name, Type: TypeService} }
	for _, want := range []struct {
		from, to NodeID
		calls    float64
	}{
		{service("A"), service("B"), traces},
		{service("C"), service("B"), 2 * traces}, // one half by pairs of spans, the other half by the address
		{service("C"), NodeID{Name: "other.example", Type: TypeExternal}, traces},
	} {
		e, ok := g.Edge(EdgeID{want.from, want.to, EdgeRequest})
		if !ok || e.Calls != want.calls {
			t.Errorf("%v calls of %s to %s, want %v", e.Calls, want.from, want.to, want.calls)
		}
	}
}
