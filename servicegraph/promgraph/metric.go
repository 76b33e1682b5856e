package promgraph

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A family is a metric with its name, its help text and its values in all series.
type family struct {
	name, help string
	// write sets the value of a metric. It returns false if the series has no such metric.
	write func(*protoWriter, *Series, *dto.Metric) bool
}

var families = []family{
	{MetricTotal, "Calls between two nodes.", func(_ *protoWriter, s *Series, m *dto.Metric) bool {
		return writeCounter(m, s.Total, s.Since, s.TotalExemplar)
	}},
	{MetricFailed, "Failed calls between two nodes.", func(_ *protoWriter, s *Series, m *dto.Metric) bool {
		return writeCounter(m, s.Failed, s.FailedSince, s.FailedExemplar)
	}},
	{MetricServerSeconds, "Latency of calls as seen from the server.", func(w *protoWriter, s *Series, m *dto.Metric) bool {
		return w.histogram(m, &s.Server)
	}},
	{MetricClientSeconds, "Latency of calls as seen from the client.", func(w *protoWriter, s *Series, m *dto.Metric) bool {
		return w.histogram(m, &s.Client)
	}},
	{MetricMessagingSeconds, "Time of messages between producer and consumer.", func(w *protoWriter, s *Series, m *dto.Metric) bool {
		return w.histogram(m, &s.Messaging)
	}},
}

// The collector's own metrics.
var (
	edgesDesc     = prometheus.NewDesc("tempograph_promgraph_edges", "Label sets of the service graph.", nil, nil)
	foldedDesc    = prometheus.NewDesc("tempograph_promgraph_folded_calls_total", `Calls beyond a limit, which count under client and server "other".`, nil, nil)
	truncatedDesc = prometheus.NewDesc("tempograph_promgraph_truncated_labels_total", "Distinct label values that were cut at the limit.", nil, nil)
)

// labelNames returns the names of all labels, sorted.
func (c *Collector) labelNames() []string {
	names := append([]string{"client", "server", "connection_type"}, c.names...)
	slices.Sort(names)
	return names
}

// descs returns the descriptions of the families.
func (c *Collector) descs() []*prometheus.Desc {
	labels := c.labelNames()
	descs := make([]*prometheus.Desc, len(families))
	for i, f := range families {
		descs[i] = prometheus.NewDesc(f.name, f.help, labels, nil)
	}
	return descs
}

// Describe sends the descriptions of all metrics.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs() {
		ch <- d
	}
	ch <- edgesDesc
	ch <- foldedDesc
	ch <- truncatedDesc
}

// Collect reads the source and sends all metrics. Counts of histograms are rounded, because
// sampling weights can make them fractional.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	series, stats := c.snapshot()
	descs, names := c.descs(), c.labelNames()
	w := protoWriter{bounds: make(map[float64]*float64)}
	for i := range series {
		s := &series[i]
		pairs := w.labelPairs(s.Labels, names)
		for j, f := range families {
			m := &dto.Metric{Label: pairs}
			if f.write(&w, s, m) {
				ch <- metric{descs[j], m}
			}
		}
	}
	ch <- prometheus.MustNewConstMetric(edgesDesc, prometheus.GaugeValue, float64(stats.Edges))
	ch <- prometheus.MustNewConstMetric(foldedDesc, prometheus.CounterValue, stats.FoldedCalls)
	ch <- prometheus.MustNewConstMetric(truncatedDesc, prometheus.CounterValue, float64(stats.TruncatedLabels))
}

// A metric is a value with its labels.
type metric struct {
	desc *prometheus.Desc
	dto  *dto.Metric
}

func (m metric) Desc() *prometheus.Desc { return m.desc }

func (m metric) Write(to *dto.Metric) error {
	to.Label, to.Counter, to.Histogram = m.dto.Label, m.dto.Counter, m.dto.Histogram
	return nil
}

// A protoWriter makes the messages of one reading. Most of the time of a scrape was spent on
// allocating the many small parts of histograms, so they are allocated together, and the bounds of
// buckets are shared.
type protoWriter struct {
	bounds map[float64]*float64
}

func (w *protoWriter) bound(of float64) *float64 {
	p := w.bounds[of]
	if p == nil {
		p = proto.Float64(of)
		w.bounds[of] = p
	}
	return p
}

// labelPairs returns labels with the given names. A label that the series lacks has an empty value,
// because all metrics of a family must have the same label names. Both lists are sorted by name.
func (w *protoWriter) labelPairs(labels []Label, names []string) []*dto.LabelPair {
	pairs, all, values := make([]*dto.LabelPair, len(names)), make([]dto.LabelPair, len(names)), make([]string, len(names))
	for i := range names {
		if len(labels) > 0 && labels[0].Name == names[i] {
			values[i], labels = labels[0].Value, labels[1:]
		}
		all[i].Name, all[i].Value = &names[i], &values[i]
		pairs[i] = &all[i]
	}
	return pairs
}

func writeCounter(m *dto.Metric, value float64, since time.Time, x Exemplar) bool {
	m.Counter = &dto.Counter{Value: proto.Float64(value), CreatedTimestamp: timestamppb.New(since), Exemplar: x.proto()}
	return value > 0
}

func (w *protoWriter) histogram(m *dto.Metric, h *Histogram) bool {
	if h.Count == 0 {
		return false
	}
	out := &dto.Histogram{
		SampleCount:      proto.Uint64(uint64(math.Round(h.Count))),
		SampleSum:        proto.Float64(h.Sum),
		CreatedTimestamp: timestamppb.New(h.Since),
	}
	buckets, counts := make([]dto.Bucket, len(h.Buckets)), make([]uint64, len(h.Buckets))
	out.Bucket = make([]*dto.Bucket, len(h.Buckets), len(h.Buckets)+1)
	for i, count := range h.Buckets {
		counts[i] = uint64(math.Round(count))
		buckets[i].UpperBound, buckets[i].CumulativeCount, buckets[i].Exemplar = w.bound(h.Bounds[i]), &counts[i], h.exemplar(i)
		out.Bucket[i] = &buckets[i]
	}
	if h.Buckets != nil {
		if x := h.exemplar(len(h.Buckets)); x != nil {
			out.Bucket = append(out.Bucket, &dto.Bucket{UpperBound: proto.Float64(math.Inf(1)), CumulativeCount: out.SampleCount, Exemplar: x})
		}
	}
	if h.Native.Counts != nil || h.Native.ZeroCount > 0 {
		h.writeNative(out)
	}
	m.Histogram = out
	return true
}

// writeNative sets the fields of a native histogram. The number of samples is the sum of the
// rounded buckets, because Prometheus refuses histograms whose numbers contradict each other.
func (h *Histogram) writeNative(out *dto.Histogram) {
	out.Schema = proto.Int32(int32(h.Native.Scale))
	out.ZeroThreshold = proto.Float64(prometheus.DefNativeHistogramZeroThreshold)
	zero := uint64(math.Round(h.Native.ZeroCount))
	out.ZeroCount = proto.Uint64(zero)
	total, before := zero, int64(0)
	var span *dto.BucketSpan
	next := int32(0) // index after the last bucket
	for i, weight := range h.Native.Counts {
		count := int64(math.Round(weight))
		if count == 0 {
			continue
		}
		index := int32(h.Native.Offset + i + 1)
		if span == nil || index != next {
			span = &dto.BucketSpan{Offset: proto.Int32(index - next), Length: proto.Uint32(0)}
			out.PositiveSpan = append(out.PositiveSpan, span)
		}
		*span.Length++
		next = index + 1
		out.PositiveDelta = append(out.PositiveDelta, count-before)
		before = count
		total += uint64(count)
	}
	if out.PositiveSpan == nil && zero == 0 {
		out.PositiveSpan = []*dto.BucketSpan{{Offset: proto.Int32(0), Length: proto.Uint32(0)}} // marks a native histogram
	}
	if h.Buckets == nil {
		out.SampleCount = proto.Uint64(total)
	}
	for _, x := range h.Exemplars {
		if p := x.proto(); p != nil {
			out.Exemplars = append(out.Exemplars, p)
		}
	}
	slices.SortFunc(out.Exemplars, func(a, b *dto.Exemplar) int {
		return a.Timestamp.AsTime().Compare(b.Timestamp.AsTime())
	})
}

// exemplar returns the exemplar of a bucket, nil if there is none.
func (h *Histogram) exemplar(i int) *dto.Exemplar {
	if i >= len(h.Exemplars) {
		return nil
	}
	return h.Exemplars[i].proto()
}

// exemplarLabel is the label with the trace id. It has the same name as in Tempo, so that Grafana's
// data sources turn it into a link.
const exemplarLabel = "traceID"

func (x Exemplar) proto() *dto.Exemplar {
	if x.TraceID.IsZero() {
		return nil
	}
	return &dto.Exemplar{
		Label:     []*dto.LabelPair{{Name: proto.String(exemplarLabel), Value: proto.String(x.TraceID.String())}},
		Value:     proto.Float64(x.Seconds),
		Timestamp: timestamppb.New(x.Time),
	}
}
