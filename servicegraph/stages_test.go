package servicegraph

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// stageSpans returns spans in traces of about 25 through 30 services, each with a
// server span, work of its own, and client spans that meet a server or name a
// database, in the order in which they began.
func stageSpans(n int) []Span {
	rng := rand.New(rand.NewPCG(1, 2))
	var spans []Span
	for len(spans) < n {
		var trace TraceID
		binary.BigEndian.PutUint64(trace[:], rng.Uint64())
		binary.BigEndian.PutUint64(trace[8:], rng.Uint64())
		start := int64(1_767_225_600_000_000_000) + rng.Int64N(1e12)
		first := len(spans)
		add := func(service int, parent SpanID, kind Kind, attrs ...Attr) SpanID {
			s := Span{TraceID: trace, ParentID: parent, Service: fmt.Sprintf("service-%02d", service), Kind: kind, Attrs: attrs}
			binary.BigEndian.PutUint64(s.SpanID[:], rng.Uint64()|1)
			s.Start = start + int64(len(spans)-first)*1000
			s.End = s.Start + rng.Int64N(1e8)
			if rng.IntN(50) == 0 {
				s.Status = StatusError
			}
			spans = append(spans, s)
			return s.SpanID
		}
		var visit func(service int, parent SpanID, depth int)
		visit = func(service int, parent SpanID, depth int) {
			work := add(service, add(service, parent, KindServer), KindInternal)
			if depth == 3 {
				add(service, work, KindClient, Attr{"db.system.name", "postgresql"}, Attr{"db.namespace", fmt.Sprintf("db-%d", service%5)})
				return
			}
			for range 1 + rng.IntN(2) {
				callee := (service*3 + 1 + rng.IntN(4)) % 30
				client := add(service, work, KindClient, Attr{"server.address", fmt.Sprintf("service-%02d", callee)}, Attr{"server.port", "8080"})
				visit(callee, client, depth+1)
			}
		}
		visit(rng.IntN(3), SpanID{}, 0)
	}
	return spans
}

// BenchmarkStages measures the steps after a source: tree makes the tree of each trace, pair
// also reads the calls from the tree and adds them to totals, graph makes the graph of the
// totals, and merge merges the graphs of two processes.
func BenchmarkStages(b *testing.B) {
	spans := stageSpans(100_000)
	builder := NewBuilder(Config{})
	for _, s := range spans {
		builder.Add(s)
	}
	perSpan := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(spans)), "ns/span")
	}
	b.Run("tree", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for t := range builder.all() {
				builder.aggregator.load(&t)
			}
		}
		perSpan(b)
	})
	b.Run("pair", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sum := newTotals(&builder.names)
			for t := range builder.all() {
				builder.aggregator.add(t, sum)
			}
		}
		perSpan(b)
	})
	b.Run("graph", func(b *testing.B) {
		b.ReportAllocs()
		sum := newTotals(&builder.names)
		for t := range builder.all() {
			builder.aggregator.add(t, sum)
		}
		for b.Loop() {
			sum.graph()
		}
	})
	b.Run("merge", func(b *testing.B) {
		b.ReportAllocs()
		g, h := builder.Graph(), builder.Graph()
		for b.Loop() {
			Merge(g, h)
		}
	})
}

// BenchmarkStatements measures noting the address that a SERVER span states, for 30 services with
// two hosts each, with and without the cache of statements.
func BenchmarkStatements(b *testing.B) {
	for _, cached := range []bool{true, false} {
		name := "cached"
		if !cached {
			name = "uncached"
		}
		b.Run(name, func(b *testing.B) {
			builder := NewBuilder(Config{})
			var spans []trace.Span
			for i := range 60 {
				s := Span{
					TraceID: TraceID{1}, SpanID: SpanID{byte(i + 1)}, Service: fmt.Sprintf("service-%02d", i/2), Kind: KindServer, Start: 1, End: 2,
					Attrs: []Attr{{"server.address", fmt.Sprintf("host-%d.shop", i)}, {"server.port", "8080"}},
				}
				spans = append(spans, trace.Span{})
				builder.compact(&spans[i], &s)
			}
			for i := 0; b.Loop(); i++ {
				s := &spans[i%len(spans)]
				if !cached {
					*builder.stated.slot(s.Node, s.Address) = recentStatement{}
				}
				builder.state(s, builder.stated.slot(s.Node, s.Address))
			}
		})
	}
}
