package servicegraph_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// The tests of this file repeat tests of Zipkin that need more than one set of spans: merged
// graphs, queries at a certain time, and many traces. The other tests of Zipkin are scenarios.

// zipkinTrace is the trace of Zipkin's storage tests (ZD2): frontend calls backend, and the call
// of backend to a database fails.
const zipkinTrace = `
	S frontend T:1 0+100
	C frontend T:2<1 10+80
	S backend T:2<1 20+60
	C backend T:3<2 30+20 peer.service=db !
`

// zipkinLinks returns the fields of a graph's edges that Zipkin also has.
func zipkinLinks(g *sg.Graph) []string {
	var list []string
	for e := range g.Edges() {
		list = append(list, fmt.Sprintf("%s -> %s %v, %v failed", e.ID.From, e.ID.To, e.Calls, e.Errors))
	}
	return list
}

// TestZipkinMerge merges graphs with the same edges (Zipkin 39 and 40): calls and errors add up.
func TestZipkinMerge(t *testing.T) {
	failed := build(mustParse(t, "C foo one:a 0+10 peer.service=bar !\nC foo one:b 0+10 peer.service=bar"))
	allFailed := build(mustParse(t, "C foo two:a 0+10 peer.service=bar !\nC foo two:b 0+10 peer.service=bar !"))
	healthy := build(mustParse(t, "C foo three:a 0+10 peer.service=bar\nC foo three:b 0+10 peer.service=bar"))
	alsoHealthy := build(mustParse(t, "C foo four:a 0+10 peer.service=bar\nC foo four:b 0+10 peer.service=bar"))
	itself := build(mustParse(t, "C foo five:a 0+10 peer.service=foo"))
	for _, test := range []struct {
		name   string
		graphs []*sg.Graph
		want   []string
	}{
		{"39", []*sg.Graph{failed, allFailed, itself}, []string{"foo -> bar 4, 3 failed", "foo -> foo 1, 0 failed"}},
		{"40, without errors", []*sg.Graph{healthy, alsoHealthy, itself}, []string{"foo -> bar 4, 0 failed", "foo -> foo 1, 0 failed"}},
	} {
		if diff := cmp.Diff(test.want, zipkinLinks(sg.Merge(test.graphs...))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestZipkinQueryInsideATrace asks for the graph while a trace is incomplete (Zipkin ZD6). The
// graph must have the spans so far, and a later graph all of them. A delta must have the trace only
// after the builder has forgotten it.
func TestZipkinQueryInsideATrace(t *testing.T) {
	spans := mustParse(t, zipkinTrace)
	b := sg.NewBuilder(sg.Config{Window: sg.Window{Quiet: time.Minute, Remember: time.Minute}})
	b.Advance(clock)
	for _, s := range spans[:3] {
		b.Add(s)
	}
	if diff := cmp.Diff([]string{"frontend -> backend 1, 0 failed"}, zipkinLinks(b.Graph())); diff != "" {
		t.Errorf("the graph of the incomplete trace (-want +got):\n%s", diff)
	}
	if got := zipkinLinks(b.Delta()); got != nil {
		t.Errorf("the delta has %v before the trace is forgotten", got)
	}
	b.Advance(clock.Add(90 * time.Second)) // closes the trace, but does not forget it
	b.Add(spans[3])
	whole := []string{"backend -> db 1, 1 failed", "frontend -> backend 1, 0 failed"}
	if diff := cmp.Diff(whole, zipkinLinks(b.Graph())); diff != "" {
		t.Errorf("the graph of the complete trace (-want +got):\n%s", diff)
	}
	b.Advance(clock.Add(3 * time.Minute))
	b.Advance(clock.Add(5 * time.Minute))
	if diff := cmp.Diff(whole, zipkinLinks(b.Delta())); diff != "" {
		t.Errorf("the delta after the trace is forgotten (-want +got):\n%s", diff)
	}
}

// TestZipkinQueryOutsideTheData asks for the graph before the first span, and for a delta after
// all traces are in an earlier one (Zipkin ZD7). Both must be empty.
func TestZipkinQueryOutsideTheData(t *testing.T) {
	b := sg.NewBuilder(sg.Config{Window: sg.Window{Quiet: time.Minute, Remember: time.Minute}})
	b.Advance(clock)
	if got := zipkinLinks(b.Graph()); got != nil {
		t.Errorf("the graph before the first span has %v", got)
	}
	for _, s := range mustParse(t, zipkinTrace) {
		b.Add(s)
	}
	b.Advance(clock.Add(time.Minute))
	b.Advance(clock.Add(2 * time.Minute))
	if got := zipkinLinks(b.Delta()); len(got) != 2 {
		t.Fatalf("the delta with the trace has %v, want 2 edges", got)
	}
	b.Advance(clock.Add(time.Hour))
	if got := zipkinLinks(b.Delta()); got != nil {
		t.Errorf("the delta after all traces has %v", got)
	}
}

// TestZipkinTwoDays merges the graphs of two days (Zipkin ZD10): calls and errors add up.
func TestZipkinTwoDays(t *testing.T) {
	today := mustParse(t, zipkinTrace)
	yesterday := mustParse(t, strings.ReplaceAll(zipkinTrace, "T:", "Y:"))
	for i := range yesterday {
		yesterday[i].Start -= int64(24 * time.Hour)
		yesterday[i].End -= int64(24 * time.Hour)
	}
	one := []string{"backend -> db 1, 1 failed", "frontend -> backend 1, 0 failed"}
	for name, spans := range map[string][]sg.Span{"today": today, "yesterday": yesterday} {
		if diff := cmp.Diff(one, zipkinLinks(build(spans))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	both := sg.Merge(build(today), build(yesterday))
	if diff := cmp.Diff([]string{"backend -> db 2, 2 failed", "frontend -> backend 2, 0 failed"}, zipkinLinks(both)); diff != "" {
		t.Errorf("the graph of both days (-want +got):\n%s", diff)
	}
	if first, last := both.TimeRange(); last.Sub(first) != 24*time.Hour+100*time.Millisecond {
		t.Errorf("the time range is %v to %v, want 24 h and 100 ms", first, last)
	}
}

// TestZipkinManyTraces builds 256 traces of 2 calls each (Zipkin ZD16): all 512 calls must be
// counted.
func TestZipkinManyTraces(t *testing.T) {
	const traces = 256
	var text strings.Builder
	for i := range traces {
		trace := fmt.Sprintf("t%d", i)
		for _, line := range []string{"S frontend T:1 0+100", "C frontend T:2<1 10+20 peer.service=backend", "C frontend T:3<1 40+20 peer.service=backend"} {
			fmt.Fprintln(&text, strings.ReplaceAll(line, "T", trace))
		}
	}
	g := build(mustParse(t, text.String()))
	if diff := cmp.Diff([]string{"frontend -> backend 512, 0 failed"}, zipkinLinks(g)); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}
	r := g.Report()
	if r.Traces != traces || r.Spans != 3*traces || r.Virtual != 2*traces || r.Root != traces {
		t.Errorf("report %+v", r)
	}
}
