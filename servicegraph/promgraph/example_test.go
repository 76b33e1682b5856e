package promgraph_test

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tempograph/tempograph/servicegraph"
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
