package promgraph_test

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otelspan"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/temposeries"
)

// The series that Tempo's generator would write, in a registry of Prometheus. A program with
// several goroutines locks the processor.
func ExampleNewTempoCollector() {
	cfg := temposeries.Config{}
	processor := temposeries.NewProcessor(cfg)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	for i, s := range []servicegraph.Span{
		{Service: "shop", Kind: servicegraph.KindClient, End: start + 150e6},
		{Service: "stock", Kind: servicegraph.KindServer, End: start + 100e6, ParentID: servicegraph.SpanID{1}, Status: servicegraph.StatusError},
	} {
		s.TraceID, s.SpanID, s.Start = servicegraph.TraceID{1}, servicegraph.SpanID{byte(i + 1)}, start
		processor.Add(s)
	}

	registry := prometheus.NewRegistry()
	registry.MustRegister(promgraph.NewTempoCollector(processor.Series, cfg, promgraph.Config{}))
	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if m.Counter != nil && len(m.Label) > 0 {
				fmt.Println(f.GetName(), m.Label[0].GetValue(), m.Label[2].GetValue(), m.Counter.GetValue())
			}
		}
	}
	// Output:
	// traces_service_graph_request_failed_total shop stock 1
	// traces_service_graph_request_total shop stock 1
}

// A collector with a limit counts further edges under the name "other", and Stats says how many
// calls that concerns.
func ExampleCollector_Stats() {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	for i, service := range []string{"cart", "stock", "users"} {
		s := servicegraph.Span{TraceID: servicegraph.TraceID{byte(i + 1)}, SpanID: servicegraph.SpanID{1}, Service: "shop", Kind: servicegraph.KindClient}
		b.Add(s)
		s.SpanID, s.ParentID, s.Service, s.Kind = servicegraph.SpanID{2}, s.SpanID, service, servicegraph.KindServer
		b.Add(s)
	}
	collector := promgraph.NewCollector(b.Graph, promgraph.Config{MaxEdges: 2})
	for _, s := range collector.Series() {
		fmt.Println(s.Labels, s.Total)
	}
	stats := collector.Stats()
	fmt.Println(stats.Edges, "edges,", stats.FoldedCalls, "calls under other")
	// Output:
	// [{client other} {server other}] 2
	// [{client shop} {server cart}] 1
	// 2 edges, 2 calls under other
}

// A program shows Prometheus which services it calls. The calls of a trace are counted when the
// recorder forgets the trace, about a minute after its last span, so here only the collector's own
// series exist.
func ExampleNewCollector() {
	recorder := otelspan.NewRecorder(servicegraph.Config{})
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	defer provider.Shutdown(context.Background())

	registry := prometheus.NewRegistry()
	registry.MustRegister(promgraph.NewCollector(recorder.Delta, promgraph.Config{}))
	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		fmt.Println(f.GetName())
	}
	// Output:
	// tempograph_promgraph_edges
	// tempograph_promgraph_folded_calls_total
	// tempograph_promgraph_truncated_labels_total
}
