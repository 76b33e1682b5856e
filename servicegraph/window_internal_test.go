package servicegraph

import (
	"encoding/binary"
	"testing"
)

// TestForgottenAreBounded forgets more traces than a builder can distinguish from new ones. Late
// spans of the traces forgotten last must be left out, and those of all others must start a new
// trace.
func TestForgottenAreBounded(t *testing.T) {
	const more = 1000
	b := NewBuilder(Config{Window: Window{Traces: 1}})
	late := func(trace int) bool {
		s := Span{SpanID: SpanID{1}, Service: "A", Kind: KindServer}
		binary.BigEndian.PutUint64(s.TraceID[:], uint64(trace)+1)
		before := b.report.Late
		b.Add(s)
		return b.report.Late > before
	}
	for i := range maxForgotten + more + 1 { // the last one stays held
		if late(i) {
			t.Fatalf("trace %d is new, but its span is counted late", i)
		}
	}
	for _, c := range []struct {
		trace int
		late  bool
	}{{maxForgotten + more - 1, true}, {more, true}, {more - 1, false}, {0, false}} {
		if got := late(c.trace); got != c.late {
			t.Errorf("trace %d of %d: late is %t, want %t", c.trace, maxForgotten+more, got, c.late)
		}
	}
	if b.forgotten.Len() != maxForgotten {
		t.Errorf("%d traces are remembered as forgotten, want %d", b.forgotten.Len(), maxForgotten)
	}
}

// TestForgottenLinksAreDropped forgets consumers with links to the previous trace, their own and
// the next. The builder must keep only the links from or to traces that are still held.
func TestForgottenLinksAreDropped(t *testing.T) {
	b := NewBuilder(Config{Window: Window{Traces: 3}})
	for i := range byte(100) {
		id := func(trace byte) Link { return Link{TraceID{1, 15: trace}, SpanID{1}} }
		b.Add(Span{TraceID: id(i).TraceID, SpanID: SpanID{1}, Service: "A", Kind: KindConsumer, Links: []Link{id(i - 1), id(i), id(i + 1)}})
	}
	if len(b.linksOf) != 3 || len(b.linked) != 5 {
		t.Errorf("links of %d traces, want 3, to %d spans, want 5", len(b.linksOf), len(b.linked))
	}
}

// TestLinksAreBounded adds traces with many links to spans that never arrive. Some of these spans
// belong to a trace that stays held. The links that are held must count as spans.
func TestLinksAreBounded(t *testing.T) {
	const most = 1000
	b := NewBuilder(Config{Window: Window{Spans: most}})
	busy := TraceID{15: 1}
	for i := range uint32(500) {
		var links []Link
		for j := range uint32(50) {
			target := Link{TraceID: busy}
			if j%2 == 0 {
				target.TraceID = TraceID{1}
			}
			binary.BigEndian.PutUint32(target.SpanID[:], 50*i+j+1)
			links = append(links, target)
		}
		s := Span{TraceID: TraceID{2}, SpanID: SpanID{1}, Service: "A", Kind: KindConsumer, Links: links}
		binary.BigEndian.PutUint32(s.TraceID[12:], i+1)
		b.Add(s)
		s = Span{TraceID: busy, Service: "B", Kind: KindProducer}
		binary.BigEndian.PutUint32(s.SpanID[:], i+1)
		b.Add(s)

		held := 0
		for _, of := range b.linksOf {
			held += len(of.links) + len(of.linked)
		}
		if b.links != held || b.spans+spansPerLink*held > most {
			t.Fatalf("after %d traces: %d spans and %d links are held, counted as %d", i+1, b.spans, held, b.links)
		}
	}
	if r := b.Graph().Report(); r.EvictedSpans == 0 || r.Accounted() != r.Spans {
		t.Errorf("report %+v", r)
	}
}
