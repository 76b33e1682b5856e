package servicegraph_test

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// heapOf returns the result of a function and how many bytes of heap the result takes.
func heapOf[T any](of func() T) (bytes float64, kept T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept = of()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return float64(after.HeapAlloc) - float64(before.HeapAlloc), kept
}

// TestHeldMemory holds open traces whose spans arrive interleaved, and checks the memory per span
// against the numbers in the documentation of Builder and Window.
func TestHeldMemory(t *testing.T) {
	const traces = 8000
	unbounded, quiet := sg.Window{}, sg.Window{Quiet: time.Minute}
	all := sg.Window{Quiet: time.Minute, Age: time.Hour, Remember: time.Minute, Spans: 1e6, Traces: 1e6}
	for _, c := range []struct {
		perTrace int
		window   sg.Window
		limit    float64 // bytes a span
	}{
		{1, unbounded, 100},
		{2, unbounded, 100},
		{8, unbounded, 100},
		{25, unbounded, 100},
		{100, unbounded, 100},
		{1, quiet, 120},
		{2, quiet, 100},
		{8, quiet, 100},
		{25, quiet, 100},
		{1, all, 136},
		{2, all, 104},
		{8, all, 100},
		{25, all, 100},
	} {
		held, b := heapOf(func() *sg.Builder {
			b := sg.NewBuilder(sg.Config{Window: c.window})
			for s := range interleaved(traces, c.perTrace) {
				b.Add(s)
			}
			return b
		})
		perSpan := held / float64(traces*c.perTrace)
		t.Logf("%d spans a trace, %+v: %.1f bytes a span", c.perTrace, c.window, perSpan)
		if perSpan > c.limit {
			t.Errorf("%d spans a trace, %+v: %.1f bytes a span, want at most %v", c.perTrace, c.window, perSpan, c.limit)
		}
		runtime.KeepAlive(b)
	}
}

// interleaved returns the spans of several traces, one span of each trace in turn.
func interleaved(traces, perTrace int) iter.Seq[sg.Span] {
	return func(yield func(sg.Span) bool) {
		for i := range perTrace {
			for trace := range traces {
				s := sg.Span{Service: "A", Start: epoch, End: epoch + 1}
				binary.BigEndian.PutUint64(s.TraceID[:], uint64(trace)*0x9E3779B97F4A7C15+1)
				binary.BigEndian.PutUint64(s.SpanID[:], uint64(i)+1)
				if !yield(s) {
					return
				}
			}
		}
	}
}

// TestGraphMemory makes a graph of 1,000 services and 10,000 edges, each with latencies over five
// powers of two on both sides. The graph must take less than 50 MB.
func TestGraphMemory(t *testing.T) {
	const services, edges, calls, most = 1000, 10_000, 60, 50e6
	held, g := heapOf(func() *sg.Graph {
		rng := rand.New(rand.NewPCG(1, 1))
		b := sg.NewBuilder(sg.Config{Window: sg.Window{Traces: 100}})
		for i := range uint64(edges * calls) {
			edge := i % edges
			from := edge % services
			var client, server sg.Span
			binary.BigEndian.PutUint64(client.TraceID[:], i*0x9E3779B97F4A7C15+1)
			server.TraceID = client.TraceID
			client.SpanID, server.SpanID, server.ParentID = sg.SpanID{1}, sg.SpanID{2}, sg.SpanID{1}
			client.Kind, server.Kind = sg.KindClient, sg.KindServer
			client.Service, server.Service = fmt.Sprint("service-", from), fmt.Sprint("service-", (from+1+edge/services)%services)
			client.Start, server.Start = epoch, epoch+1e5
			took := int64(1e6 * (1 + 31*rng.Float64()))
			client.End, server.End = client.Start+took+3e5, server.Start+took
			b.Add(client)
			b.Add(server)
		}
		return b.Graph()
	})
	t.Logf("%d nodes, %d edges: %.0f MB", g.NumNodes(), g.NumEdges(), held/1e6)
	if g.NumNodes() != services || g.NumEdges() != edges || held > most {
		t.Errorf("%d nodes, %d edges: %.0f MB, want %d, %d and less than %.0f", g.NumNodes(), g.NumEdges(), held/1e6, services, edges, most/1e6)
	}
	runtime.KeepAlive(g)
}
