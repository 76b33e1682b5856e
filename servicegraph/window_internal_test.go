package servicegraph

import (
	"encoding/binary"
	"testing"
)

// TestForgottenAreBounded forgets more traces than a builder can tell from new ones. Late spans of
// the traces forgotten last must be left out, and those of all others must start a new trace.
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
// the next. The builder must keep no links but those from or to traces that are still held.
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
