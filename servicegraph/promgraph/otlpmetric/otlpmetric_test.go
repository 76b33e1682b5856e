package otlpmetric_test

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph/otlpmetric"
)

// graph returns a graph with 3 calls from web to cart, of 50, 150 and 150 ms, one of which failed.
func graph(t *testing.T) *servicegraph.Graph {
	t.Helper()
	b := servicegraph.NewBuilder(servicegraph.Config{})
	for i, ms := range []int64{50, 150, 150} {
		span := servicegraph.Span{TraceID: servicegraph.TraceID{byte(i + 1)}, SpanID: servicegraph.SpanID{1}, Service: "web", Kind: servicegraph.KindClient, Start: 1e18, End: 1e18 + ms*1e6}
		if i == 0 {
			span.Status = servicegraph.StatusError
		}
		b.Add(span)
		b.Add(servicegraph.Span{TraceID: span.TraceID, SpanID: servicegraph.SpanID{2}, ParentID: span.SpanID, Service: "cart", Kind: servicegraph.KindServer, Start: 1e18, End: 1e18 + 1e6})
	}
	return b.Graph()
}

// TestProducer: the SDK collects the counters and histograms that a scrape has.
func TestProducer(t *testing.T) {
	for name, tt := range map[string]struct {
		histograms promgraph.Histograms
		client     string // type, count, sum and buckets of the client's latency
	}{
		"classic": {promgraph.Classic, "explicit 3 0.35 [1 2 0 0 0 0 0 0 0]"},
		"native":  {promgraph.Native, "exponential 3 0.35 -35 [1 0 0 0 0 0 0 0 0 0 0 0 0 2]"},
	} {
		g := graph(t)
		collector := promgraph.NewCollector(func() *servicegraph.Graph { return g }, promgraph.Config{Histograms: tt.histograms})
		reader := metric.NewManualReader(metric.WithProducer(otlpmetric.NewProducer(collector.Series)))
		metric.NewMeterProvider(metric.WithReader(reader))
		var got metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.ScopeMetrics) != 1 {
			t.Fatalf("%s: %d scopes, want 1", name, len(got.ScopeMetrics))
		}
		seen := make(map[string]string)
		for _, m := range got.ScopeMetrics[0].Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[float64]:
				p := data.DataPoints[0]
				client, _ := p.Attributes.Value("client")
				server, _ := p.Attributes.Value("server")
				seen[m.Name] = fmt.Sprintf("%s %s %v %v", client.AsString(), server.AsString(), p.Value, data.IsMonotonic)
				if p.StartTime.IsZero() || p.Time.Before(p.StartTime) {
					t.Errorf("%s: %s from %v to %v", name, m.Name, p.StartTime, p.Time)
				}
			case metricdata.Histogram[float64]:
				p := data.DataPoints[0]
				seen[m.Name] = fmt.Sprintf("explicit %d %.4v %v", p.Count, p.Sum, p.BucketCounts)
				if len(p.Exemplars) == 0 || time.Since(p.StartTime) > time.Hour {
					t.Errorf("%s: %s has the exemplars %v, from %v", name, m.Name, p.Exemplars, p.StartTime)
				}
			case metricdata.ExponentialHistogram[float64]:
				p := data.DataPoints[0]
				seen[m.Name] = fmt.Sprintf("exponential %d %.4v %d %v", p.Count, p.Sum, p.PositiveBucket.Offset, p.PositiveBucket.Counts)
			}
		}
		for metric, want := range map[string]string{
			promgraph.MetricTotal:         "web cart 3 true",
			promgraph.MetricFailed:        "web cart 1 true",
			promgraph.MetricClientSeconds: tt.client,
		} {
			if seen[metric] != want {
				t.Errorf("%s: %s is %q, want %q", name, metric, seen[metric], want)
			}
		}
	}
	empty := otlpmetric.NewProducer(func() []promgraph.Series { return nil })
	if got, err := empty.Produce(t.Context()); got != nil || err != nil {
		t.Errorf("without series: %v, %v", got, err)
	}
}
