package pack

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// TestPackedSpanSize: a packed span fills one cache line.
func TestPackedSpanSize(t *testing.T) {
	if size := unsafe.Sizeof(PackedSpan{}); size != 64 {
		t.Errorf("a packed span has %d bytes, want 64", size)
	}
}

// clientSpan returns a client span that calls a host.
func clientSpan(p *Packer, host []byte) *Span {
	s := &Span{TraceID: [16]byte{1}, SpanID: [8]byte{1}, Kind: semconv.Client}
	filter := p.Filter(semconv.Client)
	s.AddAttr(filter, filter.Key([]byte("server.address")), host)
	return s
}

// TestPackerIsBounded adds one large batch in which no resource and no attribute occurs
// twice. The packer must remember only as many of them as the limits allow, and none that is
// too long.
func TestPackerIsBounded(t *testing.T) {
	p := NewPacker(semconv.Options{})
	for i := range 3 * maxKnown {
		p.Add(p.AddResource(fmt.Append(nil, "r", i), "s", "", nil), clientSpan(p, fmt.Append(nil, "h", i)))
	}
	if r, s := len(p.resources), len(p.interpretations); r != maxKnown || s != maxKnown {
		t.Errorf("%d resources and %d interpretations, want %d of each", r, s, maxKnown)
	}
	p = NewPacker(semconv.Options{})
	p.Add(p.AddResource(make([]byte, maxResourceKey+1), "s", "", nil), clientSpan(p, make([]byte, maxInterpretationKey)))
	if r, s := len(p.resources), len(p.interpretations); r+s > 0 {
		t.Errorf("%d resources and %d interpretations that are too long", r, s)
	}
}

// TestDictionary: a batch brings the entries that its spans refer to and that earlier batches
// did not bring, and no others.
func TestDictionary(t *testing.T) {
	p := NewPacker(semconv.Options{})
	add := func(resource, host string) {
		number, known := p.KnownResource([]byte(resource))
		if !known {
			number = p.AddResource([]byte(resource), resource, "", nil)
		}
		p.Add(number, clientSpan(p, []byte(host)))
	}
	check := func(reset bool, resources, interpretations, spans int) *Batch {
		t.Helper()
		b := p.Batch()
		if b.Reset != reset || len(b.Resources) != resources || len(b.Interpretations) != interpretations || b.Len() != spans {
			t.Errorf("reset %v, %d resources, %d interpretations, %d spans; want %v, %d, %d, %d",
				b.Reset, len(b.Resources), len(b.Interpretations), b.Len(), reset, resources, interpretations, spans)
		}
		return b
	}
	add("a", "x")
	add("a", "x")
	add("b", "x")
	first := check(true, 2, 1, 3)
	if s := first.Spans; s[0].Resource != s[1].Resource || s[1].Resource == s[2].Resource || s[0].Interpretation != s[2].Interpretation {
		t.Errorf("spans refer to the wrong entries: %+v", s)
	}
	if peer := first.Interpretations[0].Peer.Name; peer != "x" {
		t.Errorf("the peer is %q, want x", peer)
	}
	first.SetDictionary("the consumer's")
	first.Recycle()
	add("a", "x")
	add("b", "y")
	second := check(false, 0, 1, 2)
	if second.Dictionary() != "the consumer's" {
		t.Errorf("the dictionary is %v", second.Dictionary())
	}
	for i := range 2 * maxKnown {
		p.AddResource(fmt.Append(nil, "other", i), "s", "", nil)
	}
	p.Batch()
	add("a", "x")
	check(true, 1, 1, 1)
}

// TestWeightsAndLinks: a batch has weights and links only for spans that have them.
func TestWeightsAndLinks(t *testing.T) {
	p := NewPacker(semconv.Options{})
	r := p.AddResource(nil, "s", "", nil)
	for i := range 4 {
		s := &Span{Kind: semconv.Consumer, Weight: float64(i), Links: make([]Link, i/2)}
		p.Add(r, s)
	}
	b := p.Batch()
	if len(b.Weights) != 3 || b.Weights[0] != 1 || b.Spans[0].Weighted || !b.Spans[3].Weighted {
		t.Errorf("weights %v of %+v", b.Weights, b.Spans)
	}
	if len(b.Links) != 2 || b.Spans[1].Links != 0 || b.Spans[2].Links != 1 || b.Spans[3].Links != 1 {
		t.Errorf("%d links of %+v", len(b.Links), b.Spans)
	}
}

// TestFilters: a kind that does not exist has the filter for Unset, and the filter for any kind
// selects what some other filter selects.
func TestFilters(t *testing.T) {
	p := NewPacker(semconv.Options{})
	if p.Filter(200) != p.Filter(semconv.Unset) {
		t.Error("kind 200 has a filter of its own")
	}
	if key := []byte("net.peer.name"); p.FilterForAny().Key(key) == 0 || p.Filter(semconv.Server).Key(key) != 0 {
		t.Error("the filter for any kind must select the attributes of clients, that for servers must not")
	}
}

// TestAttrsAreCut: only the origin of a URL is part of the key, and invalid UTF-8 is replaced.
func TestAttrsAreCut(t *testing.T) {
	p := NewPacker(semconv.Options{})
	r := p.AddResource(nil, "s", "", nil)
	filter := p.Filter(semconv.Client)
	for _, value := range []string{"https://h/1", "https://h/2?q", "https://h"} {
		s := &Span{Kind: semconv.Client}
		s.AddAttr(filter, filter.Key([]byte("url.full")), []byte(value))
		p.Add(r, s)
	}
	s := &Span{Kind: semconv.Client}
	s.AddAttr(filter, filter.Key([]byte("db.namespace")), []byte("\xff\xfe"))
	p.Add(r, s)
	long := &Span{Kind: semconv.Client}
	long.AddAttr(filter, filter.Key([]byte("db.namespace")), make([]byte, 300))
	p.Add(r, long)
	b := p.Batch()
	if len(b.Interpretations) != 3 {
		t.Fatalf("%d interpretations, want 3", len(b.Interpretations))
	}
	if got := b.Interpretations[1].Peer.Name; got != "\uFFFD\uFFFD" {
		t.Errorf("invalid UTF-8 becomes %q", got)
	}
	if got := b.Interpretations[2].Peer.Name; got != string(make([]byte, 300)) {
		t.Errorf("a value of 300 bytes becomes one of %d", len(got))
	}
}
