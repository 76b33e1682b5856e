package trace

import (
	"cmp"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// byNumber orders nodes, addresses and details by their numbers.
type byNumber struct{}

func (byNumber) CompareNodes(a, b Node) int        { return cmp.Compare(a, b) }
func (byNumber) CompareAddresses(a, b Address) int { return cmp.Compare(a, b) }
func (byNumber) CompareDetails(a, b Detail) int    { return cmp.Compare(a, b) }

// TestSpanSize checks the size that the documentation of Span and Builder states.
func TestSpanSize(t *testing.T) {
	if size := unsafe.Sizeof(Span{}); size != 56 {
		t.Errorf("a span takes %d bytes, want 56", size)
	}
}

// TestAbsorb merges random deliveries of a span that contradict each other. The result must not
// depend on the order, must have the flags of both, and must have the peer, with its address and
// details, of one of the two.
func TestAbsorb(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	anyOf := func(n int) uint32 { return uint32(rng.IntN(n)) }
	random := func() Span {
		s := Span{
			Parent: [8]byte{byte(anyOf(3))}, Start: int64(anyOf(3)), End: int64(anyOf(3)), Weight32: float32(1 + anyOf(3)),
			Peer: Node(anyOf(3)), Address: Address(anyOf(3)), Detail: Detail(anyOf(3)),
			Kind: Kind(anyOf(6)), Status: Status(anyOf(3)), Flags: Flags(anyOf(64)) &^ IsCaller,
		}
		s.PeerType = PeerType(s.Peer) // the node of the peer determines the type
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
			t.Fatalf("merging %+v and %+v gives %+v in one order and %+v in the other", a, b, ab, ba)
		}
		if got, want := ab.Flags&(IsResent|Polls|Queries|Settles), (a.Flags|b.Flags)&(IsResent|Polls|Queries|Settles); got != want {
			t.Fatalf("merging %+v and %+v gives %+v, which lacks a flag or has one too many", a, b, ab)
		}
		if peer := peerOf(&ab); peer != peerOf(&a) && peer != peerOf(&b) {
			t.Fatalf("merging %+v and %+v gives %+v, whose peer is that of neither", a, b, ab)
		}
	}
}
