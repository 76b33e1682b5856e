// Package otlpmetric gives the series of package promgraph to the metrics SDK of OpenTelemetry,
// for users without Prometheus:
//
//	collector := promgraph.NewCollector(recorder.Delta, promgraph.Config{Histograms: promgraph.Native})
//	reader := metric.NewPeriodicReader(exporter, metric.WithProducer(otlpmetric.NewProducer(collector.Series)))
//
// The metrics have the names and the labels that Tempo's generator and the Collector's service
// graph connector give them. They are cumulative. Histograms are exponential, of scale 3, if the
// collector has native histograms, and otherwise have explicit bounds. Counts are rounded, because
// sampling weights can make them fractional.
package otlpmetric

import (
	"context"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tempograph/tempograph/servicegraph/promgraph"
)

// scope is the name of the instrumentation scope.
const scope = "github.com/tempograph/tempograph/servicegraph/promgraph/otlpmetric"

// A Producer produces the metrics of a service graph. It is safe for concurrent use if its
// function is, as the method Series of a [promgraph.Collector] is.
type Producer struct{ series func() []promgraph.Series }

var _ metric.Producer = Producer{}

// NewProducer returns a producer of the series that a function returns.
func NewProducer(series func() []promgraph.Series) Producer { return Producer{series} }

// Produce returns the metrics. It never fails.
func (p Producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	series, now := p.series(), time.Now()
	var metrics []metricdata.Metrics
	add := func(name, description, unit string, data metricdata.Aggregation, empty bool) {
		if !empty {
			metrics = append(metrics, metricdata.Metrics{Name: name, Description: description, Unit: unit, Data: data})
		}
	}
	total := counter(series, now, func(s *promgraph.Series) (float64, time.Time) { return s.Total, s.Since })
	add(promgraph.MetricTotal, "Calls between two nodes.", "{call}", total, len(total.DataPoints) == 0)
	failed := counter(series, now, func(s *promgraph.Series) (float64, time.Time) { return s.Failed, s.FailedSince })
	add(promgraph.MetricFailed, "Failed calls between two nodes.", "{call}", failed, len(failed.DataPoints) == 0)
	for _, h := range []struct {
		name, description string
		of                func(*promgraph.Series) *promgraph.Histogram
	}{
		{promgraph.MetricServerSeconds, "Latency of calls as seen from the server.", func(s *promgraph.Series) *promgraph.Histogram { return &s.Server }},
		{promgraph.MetricClientSeconds, "Latency of calls as seen from the client.", func(s *promgraph.Series) *promgraph.Histogram { return &s.Client }},
		{promgraph.MetricMessagingSeconds, "Time of messages between producer and consumer.", func(s *promgraph.Series) *promgraph.Histogram { return &s.Messaging }},
	} {
		exponential := metricdata.ExponentialHistogram[float64]{Temporality: metricdata.CumulativeTemporality}
		explicit := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality}
		for i := range series {
			from, attrs := h.of(&series[i]), attributes(&series[i])
			switch {
			case from.Count == 0:
			case from.Native.Counts != nil || from.Native.ZeroCount > 0:
				exponential.DataPoints = append(exponential.DataPoints, exponentialPoint(from, attrs, now))
			default:
				explicit.DataPoints = append(explicit.DataPoints, explicitPoint(from, attrs, now))
			}
		}
		add(h.name, h.description, "s", exponential, len(exponential.DataPoints) == 0)
		add(h.name, h.description, "s", explicit, len(explicit.DataPoints) == 0)
	}
	if len(metrics) == 0 {
		return nil, nil
	}
	return []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: scope}, Metrics: metrics}}, nil
}

// counter returns a sum with a point for each series whose value is not 0.
func counter(series []promgraph.Series, now time.Time, value func(*promgraph.Series) (float64, time.Time)) metricdata.Sum[float64] {
	sum := metricdata.Sum[float64]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
	for i := range series {
		if v, since := value(&series[i]); v > 0 {
			sum.DataPoints = append(sum.DataPoints, metricdata.DataPoint[float64]{Attributes: attributes(&series[i]), StartTime: since, Time: now, Value: v})
		}
	}
	return sum
}

func attributes(s *promgraph.Series) attribute.Set {
	attrs := make([]attribute.KeyValue, len(s.Labels))
	for i, l := range s.Labels {
		attrs[i] = attribute.String(l.Name, l.Value)
	}
	return attribute.NewSet(attrs...)
}

// exponentialPoint returns the point of a native histogram. The count of the point is the sum of
// the rounded buckets.
func exponentialPoint(h *promgraph.Histogram, attrs attribute.Set, now time.Time) metricdata.ExponentialHistogramDataPoint[float64] {
	point := metricdata.ExponentialHistogramDataPoint[float64]{
		Attributes: attrs, StartTime: h.Since, Time: now, Sum: h.Sum,
		Scale:          int32(h.Native.Scale),
		ZeroCount:      whole(h.Native.ZeroCount),
		PositiveBucket: metricdata.ExponentialBucket{Offset: int32(h.Native.Offset)},
	}
	point.Count = point.ZeroCount
	for _, count := range h.Native.Counts {
		point.PositiveBucket.Counts = append(point.PositiveBucket.Counts, whole(count))
		point.Count += whole(count)
	}
	for _, x := range h.Exemplars {
		point.Exemplars = addExemplar(point.Exemplars, x)
	}
	return point
}

// explicitPoint returns the point of a classic histogram, whose buckets are cumulative.
func explicitPoint(h *promgraph.Histogram, attrs attribute.Set, now time.Time) metricdata.HistogramDataPoint[float64] {
	point := metricdata.HistogramDataPoint[float64]{Attributes: attrs, StartTime: h.Since, Time: now, Sum: h.Sum, Count: whole(h.Count), Bounds: h.Bounds}
	before := uint64(0)
	for _, count := range h.Buckets {
		point.BucketCounts = append(point.BucketCounts, whole(count)-before)
		before = whole(count)
	}
	point.BucketCounts = append(point.BucketCounts, max(point.Count, before)-before)
	for _, x := range h.Exemplars {
		point.Exemplars = addExemplar(point.Exemplars, x)
	}
	return point
}

func addExemplar(list []metricdata.Exemplar[float64], x promgraph.Exemplar) []metricdata.Exemplar[float64] {
	if x.TraceID.IsZero() {
		return list
	}
	return append(list, metricdata.Exemplar[float64]{Time: x.Time, Value: x.Seconds, TraceID: x.TraceID[:]})
}

func whole(n float64) uint64 { return uint64(math.Round(n)) }
