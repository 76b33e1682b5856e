package temposeries_test

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/temposeries"
)

// The tests of internal/tempocompat have a table with the series of each kind of span, and compare
// them with the series of a running Tempo.

const epoch = 1_700_000_000_000_000_000 // nanoseconds

func ExampleProcessor() {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	p := temposeries.NewProcessor(temposeries.Config{})
	p.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1}, Service: "shop", Kind: servicegraph.KindServer, Start: start, End: start + 200e6})
	p.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{2}, ParentID: servicegraph.SpanID{1}, Service: "shop", Kind: servicegraph.KindClient, Start: start, End: start + 150e6})
	p.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{3}, ParentID: servicegraph.SpanID{2}, Service: "stock", Kind: servicegraph.KindServer, Start: start, End: start + 100e6, Status: servicegraph.StatusError})
	p.Expire()
	for _, s := range p.Series() {
		fmt.Printf("%s → %s %s: %v calls, %v failed, client %v s, server %v s\n",
			s.Client, s.Server, s.ConnectionType, s.Total, s.Failed, s.ClientSeconds.Sum, s.ServerSeconds.Sum)
	}
	fmt.Printf("%+v\n", p.Counters())
	// Output:
	// shop → stock : 1 calls, 1 failed, client 0.15 s, server 0.1 s
	// user → shop virtual_node: 1 calls, 0 failed, client 0 s, server 0.2 s
	// {Edges:2 Expired:0 Dropped:0}
}

// call returns both halves of a call from A to B in the given trace.
func call(trace byte, client, server time.Duration) []servicegraph.Span {
	return []servicegraph.Span{
		{TraceID: servicegraph.TraceID{trace}, SpanID: servicegraph.SpanID{1}, Service: "A", Kind: servicegraph.KindClient, Start: epoch, End: epoch + int64(client)},
		{TraceID: servicegraph.TraceID{trace}, SpanID: servicegraph.SpanID{2}, ParentID: servicegraph.SpanID{1}, Service: "B", Kind: servicegraph.KindServer, Start: epoch, End: epoch + int64(server)},
	}
}

func TestBuckets(t *testing.T) {
	p := temposeries.NewProcessor(temposeries.Config{Buckets: []float64{0, 0.1, 1}})
	for i, latency := range []time.Duration{0, 1, 100 * time.Millisecond, 100*time.Millisecond + 1, time.Second, time.Minute} {
		for _, s := range call(byte(i+1), latency, time.Hour) {
			p.Add(s)
		}
	}
	want := []temposeries.Series{{
		Client: "A", Server: "B", Total: 6,
		ClientSeconds: temposeries.Histogram{Count: 6, Sum: 0 + 1e-9 + 0.1 + 0.100000001 + 1 + 60, Buckets: []temposeries.Bucket{{0, 1}, {0.1, 3}, {1, 5}}},
		ServerSeconds: temposeries.Histogram{Count: 6, Sum: 6 * 3600, Buckets: []temposeries.Bucket{{0, 0}, {0.1, 0}, {1, 0}}},
	}}
	if diff := cmp.Diff(want, p.Series()); diff != "" {
		t.Errorf("a sample equal to the bound of a bucket belongs to that bucket (-want +got):\n%s", diff)
	}
}

// TestBesideGraph feeds a processor and a builder the same spans, twice. A graph counts
// them once; Tempo counts every delivery (R05).
func TestBesideGraph(t *testing.T) {
	b, p := servicegraph.NewBuilder(servicegraph.Config{}), temposeries.NewProcessor(temposeries.Config{})
	for range 2 {
		for _, s := range call(1, time.Second, time.Second) {
			b.Add(s)
			p.Add(s)
		}
	}
	if series := p.Series(); len(series) != 1 || series[0].Total != 2 {
		t.Errorf("series %+v, want one of 2 calls", series)
	}
	edges := 0
	for e := range b.Graph().Edges() {
		edges++
		if e.Calls != 1 {
			t.Errorf("%v calls in the graph, want 1", e.Calls)
		}
	}
	if edges != 1 {
		t.Errorf("%d edges, want 1", edges)
	}
}

func TestDefaultBuckets(t *testing.T) {
	p := temposeries.NewProcessor(temposeries.Config{})
	for _, s := range call(1, 0, 0) {
		p.Add(s)
	}
	bound := 0.1
	for _, b := range p.Series()[0].ClientSeconds.Buckets {
		if b.UpTo != bound {
			t.Errorf("bucket up to %v, want %v", b.UpTo, bound)
		}
		bound *= 2
	}
	if bound != 25.6 {
		t.Errorf("the buckets end at %v", bound/2)
	}
}

func TestSeriesDoNotChange(t *testing.T) {
	p := temposeries.NewProcessor(temposeries.Config{})
	for _, s := range call(1, time.Second, time.Second) {
		p.Add(s)
	}
	before, same := p.Series(), p.Series()
	for _, s := range call(2, time.Second, time.Second) {
		p.Add(s)
	}
	if diff := cmp.Diff(same, before); diff != "" {
		t.Errorf("series changed after they were returned:\n%s", diff)
	}
	if after := p.Series(); after[0].Total != 2 {
		t.Errorf("got %v calls, want 2", after[0].Total)
	}
}

// noise returns random spans whose ids collide often, with times and attributes that no
// valid span has.
func noise(rng *rand.Rand) []servicegraph.Span {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	times := []int64{0, 1, epoch, epoch + 1e6, epoch + 1e9, math.MaxInt64, math.MinInt64}
	attrs := func() []servicegraph.Attr {
		var list []servicegraph.Attr
		for rng.IntN(3) == 0 {
			list = append(list, servicegraph.Attr{
				Key:   pick("peer.service", "db.name", "db.namespace", "db.system", "server.address", "network.peer.address", "network.peer.port", "ratio", "zone", "service.namespace", "http.url", ""),
				Value: pick("", "x", "0.5", "0", "-1", "NaN", "2", "\xff"),
			})
		}
		return list
	}
	spans := make([]servicegraph.Span, 200)
	for i := range spans {
		spans[i] = servicegraph.Span{
			TraceID:   servicegraph.TraceID{byte(rng.IntN(4))},
			SpanID:    servicegraph.SpanID{byte(rng.IntN(6))},
			ParentID:  servicegraph.SpanID{byte(rng.IntN(6))},
			Service:   pick("A", "B", "C", "", "\xff"),
			Namespace: pick("", "n"),
			Kind:      servicegraph.Kind(rng.IntN(8)),
			Status:    servicegraph.Status(rng.IntN(4)),
			Start:     times[rng.IntN(len(times))],
			End:       times[rng.IntN(len(times))],
			Resource:  attrs(),
			Attrs:     attrs(),
			Weight:    rng.Float64(),
		}
	}
	return spans
}

func TestLaws(t *testing.T) {
	for seed := range seeds(t, 100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		cfg := temposeries.Config{
			MessagingLatency: rng.IntN(2) == 0,
			PrefixDimensions: rng.IntN(2) == 0,
			VirtualNodeLabel: rng.IntN(2) == 0,
			MaxItems:         rng.IntN(2) * 5,
		}
		if rng.IntN(2) == 0 {
			cfg.Dimensions = []string{"zone", "service.namespace"}
		}
		spans := noise(rng)
		processor := func(cfg temposeries.Config, spans []servicegraph.Span) *temposeries.Processor {
			p := temposeries.NewProcessor(cfg)
			for i, s := range spans {
				if i == len(spans)/2 {
					p.Expire()
				}
				p.Add(s)
			}
			p.Expire()
			return p
		}
		p := processor(cfg, spans)

		// Every call that began was counted or expired.
		total := 0.0
		for _, s := range p.Series() {
			total += s.Total
		}
		if c := p.Counters(); total+float64(c.Expired) != float64(c.Edges) {
			t.Errorf("seed %d: %v calls and %d expired of %d", seed, total, c.Expired, c.Edges)
		}

		cfg.SpanMultiplierKey = "ratio"
		p = processor(cfg, spans)
		for _, s := range p.Series() {
			checkSeries(t, seed, s)
			if !cfg.MessagingLatency && s.MessagingSeconds.Buckets != nil {
				t.Errorf("seed %d: a messaging histogram without MessagingLatency: %+v", seed, s)
			}
		}

		// A source may leave out the attributes that are not read.
		kept := slices.Clone(spans)
		for i := range kept {
			unread := func(a servicegraph.Attr) bool { return !cfg.Reads(a.Key) }
			kept[i].Attrs = slices.DeleteFunc(slices.Clone(kept[i].Attrs), unread)
			kept[i].Resource = slices.DeleteFunc(slices.Clone(kept[i].Resource), unread)
		}
		if diff := cmp.Diff(p.Series(), processor(cfg, kept).Series()); diff != "" {
			t.Errorf("seed %d: without the attributes that are not read (-all +kept):\n%s", seed, diff)
		}
	}
}

// checkSeries checks the invariants of one series.
func checkSeries(t *testing.T, seed uint64, s temposeries.Series) {
	t.Helper()
	if s.Client == "" || s.Server == "" || !(s.Total > 0) || s.Failed > s.Total {
		t.Errorf("seed %d: %+v", seed, s)
	}
	if s.ClientSeconds.Count != s.Total || s.ServerSeconds.Count != s.Total || s.MessagingSeconds.Count > s.Total {
		t.Errorf("seed %d: the histograms do not count the calls of the series: %+v", seed, s)
	}
	for _, h := range []temposeries.Histogram{s.ClientSeconds, s.ServerSeconds, s.MessagingSeconds} {
		before := 0.0
		for _, b := range h.Buckets {
			if b.Count < before || b.Count > h.Count {
				t.Errorf("seed %d: buckets not cumulative: %+v", seed, h)
			}
			before = b.Count
		}
		if !(h.Sum >= 0) {
			t.Errorf("seed %d: sum %v", seed, h.Sum)
		}
	}
}

// seeds returns the seeds of the random cases to try: those of TEMPOGRAPH_SEEDS, a number of seeds
// or the first and the last seed (9581-9581), and otherwise the first seeds, usually as many.
func seeds(t *testing.T, usually uint64) iter.Seq[uint64] {
	t.Helper()
	from, to := uint64(0), usually
	if text := os.Getenv("TEMPOGRAPH_SEEDS"); text != "" {
		first, last, ranged := strings.Cut(text, "-")
		n, err := strconv.ParseUint(first, 10, 64)
		to = n
		if ranged && err == nil {
			from = n
			to, err = strconv.ParseUint(last, 10, 64)
			to++
		}
		if err != nil || to < from {
			t.Fatalf("TEMPOGRAPH_SEEDS: %q is neither a number nor a range of seeds", text)
		}
	}
	return func(yield func(uint64) bool) {
		for seed := from; seed < to && yield(seed); seed++ {
		}
	}
}
