package servicegraph

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestRoundWeight(t *testing.T) {
	for _, test := range []struct{ weight, want float64 }{
		{0, 1}, {-1, 1}, {math.NaN(), 1},
		{1, 1}, {3.5, 3.5},
		{1.0 / 3, 1365.0 / 4096}, {7.777, 31855.0 / 4096},
		{1e-9, 1.0 / 4096},
		{1<<24 + 1, 1 << 24}, {100_000 + 1.0/4096, 100_000},
		{1 << 40, 1 << 32}, {math.Inf(1), 1 << 32},
	} {
		got := float64(roundWeight(test.weight))
		if got != test.want {
			t.Errorf("the weight %v becomes %v, want %v", test.weight, got, test.want)
		}
		if again := float64(roundWeight(got)); again != got {
			t.Errorf("the weight %v becomes %v, and then %v", test.weight, got, again)
		}
	}
}

// TestAbsorb merges deliveries of a span that say different things of it: each trait of
// one of them stays, and it does not matter which came first.
func TestAbsorb(t *testing.T) {
	names := new(symbols)
	for _, name := range []string{"a", "b"} {
		names.node(NodeID{Name: name, Type: TypeExternal})
		names.address(address{host: name, port: "1"})
		names.details.index(detail{DBSystem: name})
	}
	rng := rand.New(rand.NewPCG(1, 3))
	anyOf := func(n int) uint32 { return uint32(rng.IntN(n)) }
	random := func() record {
		return record{
			parent: SpanID{byte(anyOf(3))}, start: int64(anyOf(3)), end: int64(anyOf(3)), weight32: float32(1 + anyOf(3)),
			peer: nodeIndex(anyOf(3)), address: addressIndex(anyOf(3)), detail: detailIndex(anyOf(3)),
			kind: Kind(anyOf(6)), status: Status(anyOf(3)), traits: traits(anyOf(16)) &^ isCaller,
		}
	}
	for range 20_000 {
		a, b := random(), random()
		ab, ba := a, b
		ab.absorb(&b, names)
		ba.absorb(&a, names)
		if ab != ba {
			t.Fatalf("%+v and %+v are %+v, or else %+v", a, b, ab, ba)
		}
		if got, want := ab.traits&(isResent|polls), (a.traits|b.traits)&(isResent|polls); got != want {
			t.Fatalf("%+v and %+v are %+v", a, b, ab)
		}
		if peer := peerOf(&ab); peer != peerOf(&a) && peer != peerOf(&b) {
			t.Fatalf("%+v and %+v are %+v: neither names that peer", a, b, ab)
		}
	}
}

// peerOf returns all that a record says of the other side.
func peerOf(r *record) record {
	return record{peer: r.peer, address: r.address, detail: r.detail, traits: r.traits & peerIsName}
}
