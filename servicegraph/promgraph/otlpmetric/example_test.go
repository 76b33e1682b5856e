package otlpmetric_test

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph/otlpmetric"
)

// The metrics SDK reads the service graph. A program with an exporter uses a PeriodicReader, and
// takes the deltas from a recorder.
func ExampleNewProducer() {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := servicegraph.NewBuilder(servicegraph.Config{Window: servicegraph.Window{Quiet: time.Second, Remember: time.Second}})
	b.Advance(now)
	b.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1}, Service: "shop", Kind: servicegraph.KindClient, Start: now.UnixNano(), End: now.UnixNano() + 150e6})
	b.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{2}, ParentID: servicegraph.SpanID{1}, Service: "stock", Kind: servicegraph.KindServer, Start: now.UnixNano(), End: now.UnixNano() + 100e6})
	b.Advance(now.Add(time.Minute))
	b.Advance(now.Add(2 * time.Minute)) // the trace is forgotten, so that its calls are final

	collector := promgraph.NewCollector(b.Delta, promgraph.Config{})
	reader := metric.NewManualReader(metric.WithProducer(otlpmetric.NewProducer(collector.Series)))
	defer metric.NewMeterProvider(metric.WithReader(reader)).Shutdown(context.Background())
	var metrics metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &metrics); err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range metrics.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Sum[float64]:
			fmt.Println(m.Name, data.DataPoints[0].Value)
		case metricdata.Histogram[float64]:
			fmt.Println(m.Name, data.DataPoints[0].Sum)
		}
	}
	// Output:
	// traces_service_graph_request_total 1
	// traces_service_graph_request_server_seconds 0.1
	// traces_service_graph_request_client_seconds 0.15
}
