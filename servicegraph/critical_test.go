package servicegraph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

func TestCriticalPath(t *testing.T) {
	for _, c := range []struct{ name, spans, want string }{
		{"nothing", "", ""},
		{"no root", "S A a<x 0+10", ""},
		{"an unfinished root", "S A a unfinished", ""},
		{"one span", "S A a 0+100", "a 0-100"},
		{"siblings that abut are both on the path (V3)",
			"S A a 0+100\nC A c1<a 10+40\nC A c2<a 50+40", "a 0-10, c1 10-50, c2 50-90, a 90-100"},
		{"of two concurrent children, the one that ends last",
			"S A a 0+100\nC A short<a 10+20\nC A long<a 10+80", "a 0-10, long 10-90, a 90-100"},
		{"a child that ended before the last one started",
			"S A a 0+100\nC A first<a 0+30\nC A beside<a 20+40\nC A last<a 50+50", "first 0-30, a 30-50, last 50-100"},
		{"through the callee and back",
			"S A a 0+100\nC A c<a 10+80\nS B b<c 20+60\nI B i<b 30+10", "a 0-10, c 10-20, b 20-30, i 30-40, b 40-80, c 80-90, a 90-100"},
		{"nobody waits for a consumer, nor for work that ends after its parent (M14)",
			"S A a 0+100\nP A p<a 10+10\nN B n<p 15+500\nI A i<a 50+200", "a 0-10, p 10-20, a 20-100"},
		{"a child that ends a little after its parent (K13)",
			"S A a 0+100\nI A h<a 1+100\nC A q<h 2+100\nI A d<a 60+50", "a 0-1, h 1-2, q 2-100"},
		{"a clock that is ahead", "C A c 0+100\nS B s<c 50+100", "c 0-50, s 50-100"},
		{"a clock that is far off", "C A c 0+100\nS B s<c 500+100", "c 0-100"},
		{"the longest of several roots", "S A a 0+10\nS A b 0+100", "b 0-100"},
		{"a span whose parent is missing is not on the path", "S A a 0+100\nS B b<x 0+1000", "a 0-100"},
	} {
		spans := mustParse(t, c.spans)
		if diff := cmp.Diff(c.want, path(spans)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		slices.Reverse(spans)
		if got := path(append(spans, spans...)); got != c.want {
			t.Errorf("%s: the path with every span twice, in reverse order, is %s", c.name, got)
		}
	}
}

func path(spans []sg.Span) string {
	var out []string
	for _, s := range sg.CriticalPath(spans) {
		out = append(out, fmt.Sprintf("%s %d-%d", strings.TrimRight(string(s.SpanID[:]), "\x00"), (s.Start-epoch)/1e6, (s.End-epoch)/1e6))
	}
	return strings.Join(out, ", ")
}

// TestCriticalPathAddsUp checks on a deep trace that the path is as long as the trace and
// has no gap.
func TestCriticalPathAddsUp(t *testing.T) {
	chain := syntheticTraces(100_000)
	for i := range chain {
		chain[i].TraceID = sg.TraceID{1}
		if i > 0 {
			chain[i].ParentID = chain[i-1].SpanID
		}
		chain[i].Start, chain[i].End = epoch+int64(i), epoch+int64(1_000_000-i)
	}
	got := sg.CriticalPath(chain)
	at := int64(epoch)
	for _, s := range got {
		if s.Start != at || s.End <= s.Start {
			t.Fatalf("segment %+v does not start at %d", s, at)
		}
		at = s.End
	}
	if at != chain[0].End {
		t.Errorf("the path ends at %d, the trace at %d", at, chain[0].End)
	}
}
