package servicegraph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

var clock = time.Unix(0, epoch)

// stripWindow returns the edges and the report of a graph as text, without the counts of the
// report that only a window changes.
func stripWindow(g *sg.Graph) string {
	report := g.Report()
	return edgeLines(g) + describeReport(report)
}

// TestWindowGivesTheSameGraph streams random traces in random order, with time passing between the
// spans. The builder's graph, and all deltas together, must equal the graph of one build.
func TestWindowGivesTheSameGraph(t *testing.T) {
	for seed := range seeds(t, 100) {
		rng := rand.New(rand.NewPCG(seed, 7))
		spans := randomTraces(rng, 1+rng.IntN(8))
		rng.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		// Remember is longer than the stream, so that no trace is forgotten too early.
		window := sg.Window{Quiet: 10 * time.Second, Remember: time.Duration(len(spans)) * time.Second}
		cfg := lawConfigs[seed%uint64(len(lawConfigs))]
		build := func(spans []sg.Span) *sg.Graph { return buildWith(cfg, spans) }
		windowed := cfg
		windowed.Window = window
		b := sg.NewBuilder(windowed)
		now := clock
		var deltas []*sg.Graph
		for i, s := range spans {
			now = now.Add(time.Duration(rng.IntN(1000)) * time.Millisecond)
			b.Advance(now)
			b.Add(s)
			if rng.IntN(5) == 0 {
				deltas = append(deltas, b.Delta())
			}
			if rng.IntN(20) == 0 {
				if got, want := stripWindow(b.Graph()), stripWindow(build(spans[:i+1])); got != want {
					t.Fatalf("seed %d: the graph after %d spans differs from that of one build:\n%s", seed, i+1, cmp.Diff(want, got))
				}
			}
		}
		want := stripWindow(build(spans))
		if got := stripWindow(b.Graph()); got != want {
			t.Fatalf("seed %d: the graph of all spans differs from that of one build:\n%s", seed, cmp.Diff(want, got))
		}
		b.Advance(now.Add(time.Hour))
		b.Advance(now.Add(2 * time.Hour))
		deltas = append(deltas, b.Delta())
		if got := stripWindow(sg.Merge(deltas...)); got != want {
			t.Fatalf("seed %d: the merged deltas differ from the graph of one build:\n%s", seed, cmp.Diff(want, got))
		}
		if got := stripWindow(b.Graph()); got != want {
			t.Fatalf("seed %d: forgetting all traces changes the graph:\n%s", seed, cmp.Diff(want, got))
		}
	}
}

// TestWindow follows single traces through their states.
func TestWindow(t *testing.T) {
	type report struct{ Open, Reopened, ClosedQuiet, ClosedAge, EvictedSpans, EvictedTraces, Late uint64 }
	for _, c := range []struct {
		name   string
		window sg.Window
		steps  string // spans as in scenarios, and "after DURATION"
		edges  string
		want   report
	}{
		{
			name:   "a late span opens a closed trace again",
			window: sg.Window{Quiet: time.Second, Remember: time.Minute},
			steps:  "C A c 0+100\nafter 5s\nS B s<c 10+50",
			edges:  "A -> B request n1",
			want:   report{Open: 1, Reopened: 1, ClosedQuiet: 1},
		},
		{
			name:   "a span of a forgotten trace is counted late",
			window: sg.Window{Quiet: time.Second, Remember: time.Second},
			steps:  "C A c 0+100 peer.service=B\nafter 1s\nafter 1s\nS B s<c 10+50",
			edges:  "A -> B request n1",
			want:   report{ClosedQuiet: 1, Late: 1},
		},
		{
			name:   "a span with the full id of a trace forgotten under a 64-bit id is counted late",
			window: sg.Window{Quiet: time.Second, Remember: time.Second},
			steps:  "C A 64/one:c 0+100 peer.service=B\nafter 1s\nafter 1s\nS B 128/one:s<c 10+50",
			edges:  "A -> B request n1",
			want:   report{ClosedQuiet: 1, Late: 1},
		},
		{
			name:   "a trace that is never idle is closed by age",
			window: sg.Window{Quiet: time.Second, Age: 2 * time.Second, Remember: time.Minute},
			steps:  "C A c 0+100\nafter 900ms\nS B s<c 10+50\nafter 900ms\nI B i<s\nafter 900ms",
			edges:  "A -> B request n1",
			want:   report{ClosedAge: 1},
		},
		{
			name:   "too many spans: the trace idle longest is forgotten",
			window: sg.Window{Spans: 3},
			steps:  "C A one:c 0+100 peer.service=B\nC A two:c 0+100\nS B two:s<c 10+50\nI B two:i<s 20+10\nS B one:s<c 10+50",
			edges:  "A -> B request n2",
			want:   report{Open: 1, EvictedSpans: 1, Late: 1},
		},
		{
			name:   "too many traces: the one closed longest ago is forgotten first",
			window: sg.Window{Quiet: time.Second, Remember: time.Hour, Traces: 2},
			steps:  "C A one:c 0+100\nS B one:s<c 10+50\nafter 2s\nC A two:c 0+100\nC A three:c 0+100\nS B two:s<c\nS B three:s<c\nS B one:late<c",
			edges:  "A -> B request n3",
			want:   report{Open: 2, ClosedQuiet: 1, EvictedTraces: 1, Late: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := sg.NewBuilder(sg.Config{Window: c.window})
			now := clock
			b.Advance(now)
			for line := range strings.Lines(c.steps) {
				line = strings.TrimSpace(line)
				if pause, ok := strings.CutPrefix(line, "after "); ok {
					d, err := time.ParseDuration(pause)
					if err != nil {
						t.Fatal(err)
					}
					now = now.Add(d)
					b.Advance(now)
					continue
				}
				b.Add(mustParse(t, line)[0])
			}
			g := b.Graph()
			if !strings.Contains(describe(g), c.edges) {
				t.Errorf("the edge %s is missing in\n%s", c.edges, describe(g))
			}
			r := g.Report()
			got := report{r.Open, r.Reopened, r.ClosedQuiet, r.ClosedAge, r.EvictedSpans, r.EvictedTraces, r.Late}
			if got != c.want {
				t.Errorf("report %+v, want %+v", got, c.want)
			}
			if r.Accounted() != r.Spans {
				t.Errorf("%d spans, but %d outcomes", r.Spans, r.Accounted())
			}
		})
	}
}

// TestFirstAdvance adds a span before the first call of Advance. That call must close the trace
// of the span, but not forget it: Remember counts from that call.
func TestFirstAdvance(t *testing.T) {
	b := sg.NewBuilder(sg.Config{Window: sg.Window{Quiet: time.Hour, Remember: time.Hour}})
	add := func(span string) { b.Add(mustParse(t, span)[0]) }
	advance := func(now time.Time, closed uint64) {
		t.Helper()
		b.Advance(now)
		if r := b.Graph().Report(); r.ClosedQuiet != closed {
			t.Errorf("at %v: %d traces were closed, want %d", now, r.ClosedQuiet, closed)
		}
	}
	add("S A one:s")
	advance(time.Time{}, 0) // the zero time changes nothing
	advance(clock, 1)
	add("S A two:s")
	advance(clock.Add(-2*time.Hour), 1) // an earlier time changes nothing
	advance(clock.Add(time.Hour), 2)
	add("S A one:t")
	if r := b.Graph().Report(); r.Late != 1 || r.Reopened != 0 {
		t.Errorf("report %+v, want the last span counted late", r)
	}
}

// TestWindowHoldsNoMore streams many traces through a small window. Every span must have an
// outcome, every call must be counted, and the number of held traces must stay within the limit.
func TestWindowHoldsNoMore(t *testing.T) {
	spans := syntheticTraces(48_000)
	b := sg.NewBuilder(sg.Config{Window: sg.Window{Spans: 1000, Traces: 30}})
	for chunk := range slices.Chunk(spans, 24) {
		for _, s := range chunk {
			b.Add(s)
		}
	}
	r := b.Graph().Report()
	if r.Spans != uint64(len(spans)) || r.Accounted() != r.Spans || r.Open > 30 || r.EvictedTraces+r.Open != r.Traces || r.Late != 0 {
		t.Errorf("report %+v", r)
	}
	if got, want := edgeLines(b.Graph()), edgeLines(build(spans)); got != want {
		t.Errorf("the edges differ from those of a build without a window:\n%s", cmp.Diff(want, got))
	}
}

// TestPendingIsBounded sends more messages than a graph keeps pending. All of them must be
// resolved early, and counted.
func TestPendingIsBounded(t *testing.T) {
	b := sg.NewBuilder(sg.Config{})
	const messages = 70_000
	for i := range messages {
		var p, n sg.TraceID
		copy(p[:], fmt.Sprintf("p%d", i))
		copy(n[:], fmt.Sprintf("n%d", i))
		b.Add(sg.Span{TraceID: p, SpanID: sg.SpanID{1}, Service: "A", Kind: sg.KindProducer, Start: epoch, End: epoch + 1})
		b.Add(sg.Span{TraceID: n, SpanID: sg.SpanID{1}, Service: "B", Kind: sg.KindConsumer, Start: epoch + 5, End: epoch + 6,
			Links: []sg.Link{{TraceID: p, SpanID: sg.SpanID{1}}}})
	}
	g := b.Graph()
	if e, ok := g.Edge(sg.EdgeID{From: service("A"), To: service("B"), Kind: sg.EdgeMessage}); !ok || e.Calls != messages {
		t.Errorf("edge %+v", e)
	}
	r := g.Report()
	if r.LinksResolvedEarly != 2*messages || r.Accounted() != r.Spans || r.Paired != r.Spans {
		t.Errorf("report %+v", r)
	}
	if n := len(marshal(t, g)); n > 10_000 {
		t.Errorf("the JSON of one edge takes %d bytes", n)
	}
}

// TestForgottenConsumerStillLinks forgets the trace of a consumer before that of the client span
// to which the consumer links. The message must still be counted.
func TestForgottenConsumerStillLinks(t *testing.T) {
	b := sg.NewBuilder(sg.Config{Window: sg.Window{Traces: 2}})
	for _, s := range mustParse(t, `
		N B two:n 50+20 link=one:c
		C A one:c 0+10 server.address=broker
		S D three:s 60+10
		S D four:s 60+10`) {
		b.Add(s)
	}
	g := b.Graph()
	if e, ok := g.Edge(sg.EdgeID{From: service("A"), To: service("B"), Kind: sg.EdgeMessage}); !ok || e.Calls != 1 {
		t.Errorf("the message is missing:\n%s", describe(g))
	}
}

// TestDeltaKeepsLinks calls Delta between a producer and its consumer. The message must still be
// counted, in the builder's graph and in the merged deltas.
func TestDeltaKeepsLinks(t *testing.T) {
	b := sg.NewBuilder(sg.Config{Window: sg.Window{Traces: 1}})
	var deltas []*sg.Graph
	for _, s := range mustParse(t, "P A one:p 0+10\nS D two:s\nN B three:n 50+20 link=one:p\nS D four:s") {
		b.Add(s)
		deltas = append(deltas, b.Delta())
	}
	for name, g := range map[string]*sg.Graph{"the builder's graph": b.Graph(), "the deltas": sg.Merge(deltas...)} {
		if e, ok := g.Edge(sg.EdgeID{From: service("A"), To: service("B"), Kind: sg.EdgeMessage}); !ok || e.Calls != 1 {
			t.Errorf("%s: the message is missing:\n%s", name, describe(g))
		}
	}
}
