package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-kit/log"
	"github.com/grafana/tempo/modules/generator/processor"
	"github.com/grafana/tempo/modules/generator/processor/servicegraphs"
	"github.com/grafana/tempo/modules/generator/registry"
	"github.com/grafana/tempo/modules/overrides"
	"github.com/grafana/tempo/pkg/tempopb"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// tenant is the tenant in Tempo's own metrics.
const tenant = "peers"

// A tempo is Tempo's service-graphs processor with a managed registry, as a
// metrics-generator makes them. The registry collects on request, not on a timer.
type tempo struct {
	registry  *registry.ManagedRegistry
	processor processor.Processor
	samples   *samples
}

// newTempo returns a processor with Tempo's defaults. With lifted, the number and the
// waiting time of pending edges have no limit, so that the result does not depend on the
// duration of the run.
func newTempo(lifted bool) *tempo {
	var registryConfig registry.Config
	registryConfig.RegisterFlagsAndApplyDefaults("", nil)
	registryConfig.CollectionInterval = 24 * time.Hour
	var config servicegraphs.Config
	config.RegisterFlagsAndApplyDefaults("", nil)
	if lifted {
		config.MaxItems = 1 << 40
		config.Wait = 24 * time.Hour
	}
	t := &tempo{samples: &samples{calls: make(map[pair]float64), failed: make(map[pair]float64)}}
	t.registry = registry.New(&registryConfig, defaultOverrides{}, tenant, t.samples, log.NewNopLogger())
	t.processor = servicegraphs.New(config, tenant, t.registry, log.NewNopLogger())
	return t
}

// push decodes a request and passes it to the processor. push is safe for concurrent
// use.
func (t *tempo) push(message []byte) error {
	// PushSpansRequest and an export request both hold resource spans in field 1.
	var request tempopb.PushSpansRequest
	if err := request.Unmarshal(message); err != nil {
		return fmt.Errorf("tempopb: %w", err)
	}
	t.processor.PushSpans(context.Background(), &request)
	return nil
}

func (t *tempo) close() {
	t.processor.Shutdown(context.Background())
	t.registry.Close()
}

// tempoRun returns a run of Tempo's processor over an input.
func tempoRun(lifted bool) func(*input, int) error {
	return func(in *input, workers int) error {
		t := newTempo(lifted)
		defer t.close()
		messages, err := delimited(in.protobuf)
		if err != nil {
			return err
		}
		return each(messages, workers, func() func([]byte) error { return t.push })
	}
}

// droppedSpans returns how many spans the processors of this process have dropped
// because of the limit of pending edges.
func droppedSpans() (float64, error) {
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		return 0, fmt.Errorf("reading Tempo's counters: %w", err)
	}
	for _, family := range families {
		if family.GetName() == "tempo_metrics_generator_processor_service_graphs_dropped_spans" {
			return family.GetMetric()[0].GetCounter().GetValue(), nil
		}
	}
	return 0, fmt.Errorf("reading Tempo's counters: no counter of dropped spans")
}

// defaultOverrides are Tempo's limits for a tenant without overrides: classic
// histograms, any number of series.
type defaultOverrides struct{}

func (defaultOverrides) MetricsGeneratorMaxActiveSeries(string) uint32           { return 0 }
func (defaultOverrides) MetricsGeneratorCollectionInterval(string) time.Duration { return 0 }
func (defaultOverrides) MetricsGeneratorDisableCollection(string) bool           { return false }
func (defaultOverrides) MetricsGenerationTraceIDLabelName(string) string         { return "" }
func (defaultOverrides) MetricsGeneratorGenerateNativeHistograms(string) overrides.HistogramMethod {
	return overrides.HistogramMethodClassic
}
func (defaultOverrides) MetricsGeneratorNativeHistogramBucketFactor(string) float64   { return 1.1 }
func (defaultOverrides) MetricsGeneratorNativeHistogramMaxBucketNumber(string) uint32 { return 100 }
func (defaultOverrides) MetricsGeneratorNativeHistogramMinResetDuration(string) time.Duration {
	return 15 * time.Minute
}

// samples holds the last value of every counter of calls that a registry collects.
type samples struct {
	calls, failed map[pair]float64
}

func (s *samples) Appender(context.Context) storage.Appender { return appender{samples: s} }

// An appender has the methods of storage.Appender that the registry uses for classic
// histograms; other methods would panic.
type appender struct {
	storage.Appender
	samples *samples
}

// Append records the counters of plain calls, which have no connection type.
func (a appender) Append(_ storage.SeriesRef, l labels.Labels, _ int64, value float64) (storage.SeriesRef, error) {
	if l.Get("connection_type") != "" {
		return 0, nil
	}
	p := pair{l.Get("client"), l.Get("server")}
	switch l.Get(labels.MetricName) {
	case "traces_service_graph_request_total":
		a.samples.calls[p] = value
	case "traces_service_graph_request_failed_total":
		a.samples.failed[p] = value
	}
	return 0, nil
}

func (a appender) AppendExemplar(storage.SeriesRef, labels.Labels, exemplar.Exemplar) (storage.SeriesRef, error) {
	return 0, nil
}

func (a appender) Commit() error { return nil }
