package servicegraph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// What comes of which spans is a table in internal/tempocompat, where it is also
// compared with a real Tempo.

func ExampleTempoProcessor() {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	p := sg.NewTempoProcessor(sg.TempoConfig{})
	p.Add(sg.Span{TraceID: sg.TraceID{1}, SpanID: sg.SpanID{1}, Service: "shop", Kind: sg.KindServer, Start: start, End: start + 200e6})
	p.Add(sg.Span{TraceID: sg.TraceID{1}, SpanID: sg.SpanID{2}, ParentID: sg.SpanID{1}, Service: "shop", Kind: sg.KindClient, Start: start, End: start + 150e6})
	p.Add(sg.Span{TraceID: sg.TraceID{1}, SpanID: sg.SpanID{3}, ParentID: sg.SpanID{2}, Service: "stock", Kind: sg.KindServer, Start: start, End: start + 100e6, Status: sg.StatusError})
	p.Expire()
	for _, s := range p.Series() {
		fmt.Printf("%s → %s %s: %v calls, %v failed, client %v s, server %v s\n",
			s.Client, s.Server, s.ConnectionType, s.Total, s.Failed, s.ClientSeconds.Sum, s.ServerSeconds.Sum)
	}
	// Output:
	// shop → stock : 1 calls, 1 failed, client 0.15 s, server 0.1 s
	// user → shop virtual_node: 1 calls, 0 failed, client 0 s, server 0.2 s
}

// tempoCall returns the halves of a call from A to B in a trace of its own.
func tempoCall(trace byte, client, server time.Duration) []sg.Span {
	return []sg.Span{
		{TraceID: sg.TraceID{trace}, SpanID: sg.SpanID{1}, Service: "A", Kind: sg.KindClient, Start: epoch, End: epoch + int64(client)},
		{TraceID: sg.TraceID{trace}, SpanID: sg.SpanID{2}, ParentID: sg.SpanID{1}, Service: "B", Kind: sg.KindServer, Start: epoch, End: epoch + int64(server)},
	}
}

func TestTempoBuckets(t *testing.T) {
	p := sg.NewTempoProcessor(sg.TempoConfig{Buckets: []float64{0, 0.1, 1}})
	for i, latency := range []time.Duration{0, 1, 100 * time.Millisecond, 100*time.Millisecond + 1, time.Second, time.Minute} {
		for _, s := range tempoCall(byte(i+1), latency, time.Hour) {
			p.Add(s)
		}
	}
	want := []sg.TempoSeries{{
		Client: "A", Server: "B", Total: 6,
		ClientSeconds: sg.TempoHistogram{Count: 6, Sum: 0 + 1e-9 + 0.1 + 0.100000001 + 1 + 60, Buckets: []sg.TempoBucket{{0, 1}, {0.1, 3}, {1, 5}}},
		ServerSeconds: sg.TempoHistogram{Count: 6, Sum: 6 * 3600, Buckets: []sg.TempoBucket{{0, 0}, {0.1, 0}, {1, 0}}},
	}}
	if diff := cmp.Diff(want, p.Series()); diff != "" {
		t.Errorf("a sample on the bound of a bucket belongs into it (-want +got):\n%s", diff)
	}
}

// TestTempoMode turns the mode on beside a graph: both see every span.
func TestTempoMode(t *testing.T) {
	cfg := sg.Config{Tempo: &sg.TempoConfig{Dimensions: []string{"team"}}}
	if !cfg.Reads("team") || (sg.Config{}).Reads("team") {
		t.Error("a source must keep what the mode reads, and only then")
	}
	b, alone := sg.NewBuilder(cfg), sg.NewTempoProcessor(*cfg.Tempo)
	for _, s := range append(tempoCall(1, time.Second, time.Second), tempoCall(1, time.Second, time.Second)...) {
		b.Add(s)
		alone.Add(s)
	}
	b.Tempo().Expire()
	alone.Expire()
	if diff := cmp.Diff(alone.Series(), b.Tempo().Series()); diff != "" || len(alone.Series()) == 0 || alone.Series()[0].Total != 2 {
		t.Errorf("series beside a graph (-alone +beside):\n%s", diff)
	}
	for e := range b.Graph().Edges() {
		if e.Calls != 1 { // delivered twice, which Tempo counts twice (R05)
			t.Errorf("%v calls in the graph, want 1", e.Calls)
		}
	}
	if sg.NewBuilder(sg.Config{}).Tempo() != nil {
		t.Error("a processor without being asked for")
	}
}

func TestTempoDefaultBuckets(t *testing.T) {
	p := sg.NewTempoProcessor(sg.TempoConfig{})
	for _, s := range tempoCall(1, 0, 0) {
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

func TestTempoSeriesDoNotChange(t *testing.T) {
	p := sg.NewTempoProcessor(sg.TempoConfig{})
	for _, s := range tempoCall(1, time.Second, time.Second) {
		p.Add(s)
	}
	before, same := p.Series(), p.Series()
	for _, s := range tempoCall(2, time.Second, time.Second) {
		p.Add(s)
	}
	if diff := cmp.Diff(same, before); diff != "" {
		t.Errorf("series changed after they were returned:\n%s", diff)
	}
	if after := p.Series(); after[0].Total != 2 {
		t.Errorf("got %v calls, want 2", after[0].Total)
	}
}

// tempoNoise returns spans that meet each other often and in every way, with ids, times
// and attributes as nobody should send them.
func tempoNoise(rng *rand.Rand) []sg.Span {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	times := []int64{0, 1, epoch, epoch + 1e6, epoch + 1e9, math.MaxInt64, math.MinInt64}
	attrs := func() []sg.Attr {
		var list []sg.Attr
		for rng.IntN(3) == 0 {
			list = append(list, sg.Attr{
				Key:   pick("peer.service", "db.name", "db.namespace", "db.system", "server.address", "network.peer.address", "network.peer.port", "ratio", "zone", "service.namespace", "http.url", ""),
				Value: pick("", "x", "0.5", "0", "-1", "NaN", "2", "\xff"),
			})
		}
		return list
	}
	spans := make([]sg.Span, 200)
	for i := range spans {
		spans[i] = sg.Span{
			TraceID:   sg.TraceID{byte(rng.IntN(4))},
			SpanID:    sg.SpanID{byte(rng.IntN(6))},
			ParentID:  sg.SpanID{byte(rng.IntN(6))},
			Service:   pick("A", "B", "C", "", "\xff"),
			Namespace: pick("", "n"),
			Kind:      sg.Kind(rng.IntN(8)),
			Status:    sg.Status(rng.IntN(4)),
			Start:     times[rng.IntN(len(times))],
			End:       times[rng.IntN(len(times))],
			Resource:  attrs(),
			Attrs:     attrs(),
			Weight:    rng.Float64(),
		}
	}
	return spans
}

func TestTempoLaws(t *testing.T) {
	for seed := range seeds(t, 100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		cfg := sg.TempoConfig{
			MessagingLatency: rng.IntN(2) == 0,
			PrefixDimensions: rng.IntN(2) == 0,
			VirtualNodeLabel: rng.IntN(2) == 0,
			MaxItems:         rng.IntN(2) * 5,
		}
		if rng.IntN(2) == 0 {
			cfg.Dimensions = []string{"zone", "service.namespace"}
		}
		spans := tempoNoise(rng)
		processor := func(cfg sg.TempoConfig, spans []sg.Span) *sg.TempoProcessor {
			p := sg.NewTempoProcessor(cfg)
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
			checkTempoSeries(t, seed, s)
			if !cfg.MessagingLatency && s.MessagingSeconds.Buckets != nil {
				t.Errorf("seed %d: a messaging histogram that nobody asked for: %+v", seed, s)
			}
		}

		// A source may leave out what is not read.
		kept := slices.Clone(spans)
		for i := range kept {
			unread := func(a sg.Attr) bool { return !cfg.ReadsAttr(a.Key) }
			kept[i].Attrs = slices.DeleteFunc(slices.Clone(kept[i].Attrs), unread)
			kept[i].Resource = slices.DeleteFunc(slices.Clone(kept[i].Resource), unread)
		}
		if diff := cmp.Diff(p.Series(), processor(cfg, kept).Series()); diff != "" {
			t.Errorf("seed %d: without the attributes that are not read (-all +kept):\n%s", seed, diff)
		}
	}
}

// checkTempoSeries checks what holds for all series of calls.
func checkTempoSeries(t *testing.T, seed uint64, s sg.TempoSeries) {
	t.Helper()
	if s.Client == "" || s.Server == "" || !(s.Total > 0) || s.Failed > s.Total {
		t.Errorf("seed %d: %+v", seed, s)
	}
	if s.ClientSeconds.Count != s.Total || s.ServerSeconds.Count != s.Total || s.MessagingSeconds.Count > s.Total {
		t.Errorf("seed %d: histograms of other calls: %+v", seed, s)
	}
	for _, h := range []sg.TempoHistogram{s.ClientSeconds, s.ServerSeconds, s.MessagingSeconds} {
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
