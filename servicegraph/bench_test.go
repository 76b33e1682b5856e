package servicegraph_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// syntheticTraces returns n spans in traces of 24: each trace is a chain of 8 services with a
// server span, an internal span and a client span each.
func syntheticTraces(n int) []sg.Span {
	spans := make([]sg.Span, 0, n)
	for i := range n {
		trace, at := i/24, i%24
		var s sg.Span
		binary.BigEndian.PutUint64(s.TraceID[8:], uint64(trace)*0x9E3779B97F4A7C15+1)
		binary.BigEndian.PutUint64(s.SpanID[:], uint64(i)*0xBF58476D1CE4E5B9+1)
		if at > 0 {
			s.ParentID = spans[i-1].SpanID
		}
		s.Service = fmt.Sprintf("service-%02d", (trace+at/3)%30)
		s.Kind = []sg.Kind{sg.KindServer, sg.KindInternal, sg.KindClient}[at%3]
		s.Start = epoch + int64(i)
		s.End = s.Start + int64(100-at)*1e6
		spans = append(spans, s)
	}
	return spans
}

// BenchmarkBuild measures building a graph, for several numbers of spans and for traces that are
// slow if an algorithm is quadratic: a chain, a star and a large poll.
func BenchmarkBuild(b *testing.B) {
	chain, star := syntheticTraces(100_000), syntheticTraces(100_000)
	for i := range chain {
		chain[i].TraceID, star[i].TraceID = sg.TraceID{1}, sg.TraceID{1}
		if i > 0 {
			chain[i].ParentID, star[i].ParentID = chain[i-1].SpanID, star[0].SpanID
		}
	}
	// A poll of 50,000 messages, each from another queue and processed in a span of its own.
	var poll []sg.Span
	for i := range 50_000 {
		var p, q sg.Span
		binary.BigEndian.PutUint64(p.TraceID[:], uint64(i)+1)
		binary.BigEndian.PutUint64(q.SpanID[:], uint64(i)+2)
		p.SpanID, p.Service, p.Kind, p.Start, p.End = sg.SpanID{1}, "A", sg.KindProducer, epoch, epoch+1
		p.Attrs = []sg.Attr{{Key: "messaging.destination.name", Value: fmt.Sprint(i)}}
		link := sg.Link{TraceID: p.TraceID, SpanID: p.SpanID}
		q.TraceID, q.ParentID, q.Service, q.Kind, q.Start, q.End = sg.TraceID{255}, sg.SpanID{0, 0, 0, 0, 0, 0, 0, 1}, "B", sg.KindConsumer, epoch+2, epoch+3
		q.Links = []sg.Link{link}
		poll = append(poll, p, q)
	}
	root := sg.Span{TraceID: sg.TraceID{255}, SpanID: sg.SpanID{0, 0, 0, 0, 0, 0, 0, 1}, Service: "B", Kind: sg.KindConsumer, Start: epoch, End: epoch + 9}
	for i := range 50_000 {
		root.Links = append(root.Links, sg.Link{TraceID: poll[2*i].TraceID, SpanID: sg.SpanID{1}})
	}
	poll = append(poll, root)
	for _, c := range []struct {
		name  string
		spans []sg.Span
	}{
		{"traces-of-24/1e4", syntheticTraces(10_000)},
		{"traces-of-24/1e5", syntheticTraces(100_000)},
		{"traces-of-24/1e6", syntheticTraces(1_000_000)},
		{"chain/1e5", chain},
		{"star/1e5", star},
		{"poll/1e5", poll},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				build(c.spans)
			}
			perSpan := float64(b.Elapsed().Nanoseconds()) / float64(b.N*len(c.spans))
			b.ReportMetric(perSpan, "ns/span")
		})
	}
}

// BenchmarkWindow measures the cost of a window: spans of 1000 interleaved traces at a time, of
// several lengths, without limits and with a window that forgets most traces along the way.
func BenchmarkWindow(b *testing.B) {
	const n = 100_000
	for _, perTrace := range []int{1, 2, 8, 25} {
		var spans []sg.Span
		for len(spans) < n {
			first := uint64(len(spans))
			for s := range interleaved(1000, perTrace) {
				binary.BigEndian.PutUint64(s.TraceID[8:], first+1)
				spans = append(spans, s)
			}
		}
		for _, c := range []struct {
			name   string
			window sg.Window
		}{
			{"unbounded", sg.Window{}},
			{"bounded", sg.Window{Spans: 5 * n / 100, Traces: n}},
		} {
			b.Run(fmt.Sprintf("traces-of-%d/%s", perTrace, c.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					builder := sg.NewBuilder(sg.Config{Window: c.window})
					for i := range spans {
						builder.Add(spans[i])
					}
					builder.Graph()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(spans)), "ns/span")
			})
		}
	}
}

// BenchmarkLive compares Live with Graph on a builder that holds spans of open traces, and calls both
// again and again on this builder, as a server does. The traces are whole, or the CLIENT spans have
// arrived without the SERVER spans that they called.
func BenchmarkLive(b *testing.B) {
	for _, c := range []struct {
		name    string
		arrived func(i int) bool
	}{
		{"whole", func(int) bool { return true }},
		{"callers", func(i int) bool { return i%24 == 0 || i%3 != 0 }},
	} {
		builder, held := sg.NewBuilder(sg.Config{}), 0
		for i, s := range syntheticTraces(100_000) {
			if c.arrived(i) {
				builder.Add(s)
				held++
			}
		}
		for _, of := range []struct {
			name  string
			graph func() *sg.Graph
		}{{"Graph", builder.Graph}, {"Live", builder.Live}} {
			b.Run(c.name+"/"+of.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					of.graph()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*held), "ns/span")
			})
		}
	}
}
