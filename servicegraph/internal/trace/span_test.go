package trace

import (
	"cmp"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// byNumber is an order in which numbers stand for themselves.
type byNumber struct{}

func (byNumber) CompareNodes(a, b Node) int        { return cmp.Compare(a, b) }
func (byNumber) CompareAddresses(a, b Address) int { return cmp.Compare(a, b) }
func (byNumber) CompareDetails(a, b Detail) int    { return cmp.Compare(a, b) }

// TestSpanSize wants the size that the documentation of the builder states.
func TestSpanSize(t *testing.T) {
	if size := unsafe.Sizeof(Span{}); size != 56 {
		t.Errorf("a span takes %d bytes, want 56", size)
	}
}

// TestAbsorb merges deliveries of a span that contradict each other: each flag of either
// stays, the peer is that of one of them, and it does not matter which came first.
func TestAbsorb(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	anyOf := func(n int) uint32 { return uint32(rng.IntN(n)) }
	random := func() Span {
		s := Span{
			Parent: [8]byte{byte(anyOf(3))}, Start: int64(anyOf(3)), End: int64(anyOf(3)), Weight32: float32(1 + anyOf(3)),
			Peer: Node(anyOf(3)), Address: Address(anyOf(3)), Detail: Detail(anyOf(3)),
			Kind: Kind(anyOf(6)), Status: Status(anyOf(3)), Flags: Flags(anyOf(16)) &^ IsCaller,
		}
		s.PeerType = PeerType(s.Peer) // which a node decides
		return s
	}
	peerOf := func(s *Span) Span {
		return Span{Peer: s.Peer, PeerType: s.PeerType, Address: s.Address, Detail: s.Detail, Flags: s.Flags & PeerIsName}
	}
	for range 20_000 {
		a, b := random(), random()
		ab, ba := a, b
		ab.Absorb(&b, byNumber{})
		ba.Absorb(&a, byNumber{})
		if ab != ba {
			t.Fatalf("%+v and %+v are %+v, or else %+v", a, b, ab, ba)
		}
		if got, want := ab.Flags&(IsResent|Polls), (a.Flags|b.Flags)&(IsResent|Polls); got != want {
			t.Fatalf("%+v and %+v are %+v", a, b, ab)
		}
		if peer := peerOf(&ab); peer != peerOf(&a) && peer != peerOf(&b) {
			t.Fatalf("%+v and %+v are %+v: neither names that peer", a, b, ab)
		}
	}
}
