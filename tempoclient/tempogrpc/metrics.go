package tempogrpc

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/tempo/pkg/tempopb"
	commonpb "github.com/grafana/tempo/pkg/tempopb/common/v1"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// maxExemplars is Tempo's default for requests over HTTP.
const maxExemplars = 100

// QueryRange yields the answer of [tempoclient.Client.QueryRange] while it arrives: every
// element holds everything so far, and the last element is the answer. Only the last has
// warnings.
func (c *Client) QueryRange(ctx context.Context, q tempoclient.MetricsQuery) iter.Seq2[*tempoclient.Metrics, error] {
	return func(yield func(*tempoclient.Metrics, error) bool) {
		start, end, err := q.TimeRange(time.Now())
		if err != nil {
			yield(nil, err)
			return
		}
		req := &tempopb.QueryRangeRequest{
			Query: q.TraceQL,
			Start: uint64(start.UnixNano()), End: uint64(end.UnixNano()),
			Step:      uint64(q.Step),
			Exemplars: maxExemplars,
		}
		var all seriesSet
		merge := func(m *tempopb.QueryRangeResponse) (*tempoclient.Metrics, error) {
			all.status(m.Metrics, m.Status, m.Message)
			for _, s := range m.Series {
				series := all.get(labelsOf(s.Labels))
				for _, p := range s.Samples {
					series.samples[p.TimestampMs] = p.Value
				}
				for _, e := range s.Exemplars {
					labels := labelsOf(e.Labels)
					key := exemplarKey{e.TimestampMs, labelKey(labels)}
					series.exemplars[key] = tempoclient.Exemplar{Sample: tempoclient.Sample{Time: time.UnixMilli(e.TimestampMs), Value: e.Value}, Labels: labels}
				}
			}
			return all.metrics(), nil
		}
		finish := func(last *tempoclient.Metrics) *tempoclient.Metrics {
			return &tempoclient.Metrics{Series: last.Series, Warnings: c.warnings(ctx, all.done, all.jobs, end, all.warning())}
		}
		stream(ctx, c, "MetricsQueryRange", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.QueryRangeResponse], error) {
			return q.MetricsQueryRange(ctx, req)
		}, merge, finish, yield)
	}
}

// QueryInstant yields the answer of [tempoclient.Client.QueryInstant] while it arrives:
// every element holds everything so far, and the last element is the answer. Only the last
// has warnings.
func (c *Client) QueryInstant(ctx context.Context, q tempoclient.MetricsQuery) iter.Seq2[*tempoclient.Metrics, error] {
	return func(yield func(*tempoclient.Metrics, error) bool) {
		start, end, err := q.TimeRange(time.Now())
		if err != nil {
			yield(nil, err)
			return
		}
		req := &tempopb.QueryInstantRequest{
			Query: q.TraceQL,
			Start: uint64(start.UnixNano()), End: uint64(end.UnixNano()),
		}
		var all seriesSet
		merge := func(m *tempopb.QueryInstantResponse) (*tempoclient.Metrics, error) {
			all.status(m.Metrics, m.Status, m.Message)
			for _, s := range m.Series {
				series := all.get(labelsOf(s.Labels))
				series.samples[end.UnixMilli()] = s.Value
			}
			answer := all.metrics()
			for i := range answer.Series {
				answer.Series[i].Samples[0].Time = end // a seriesSet keeps times only in milliseconds
			}
			return answer, nil
		}
		finish := func(last *tempoclient.Metrics) *tempoclient.Metrics {
			return &tempoclient.Metrics{Series: last.Series, Warnings: c.warnings(ctx, all.done, all.jobs, end, all.warning())}
		}
		stream(ctx, c, "MetricsQueryInstant", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.QueryInstantResponse], error) {
			return q.MetricsQueryInstant(ctx, req)
		}, merge, finish, yield)
	}
}

// A seriesSet merges the messages about the same series. If two messages have a value for the same
// time, the value in the later message counts.
type seriesSet struct {
	series  map[string]*mergedSeries
	done    int // of the jobs
	jobs    int
	partial bool
	message string // why the answer is partial
}

type mergedSeries struct {
	labels    []servicegraph.Attr
	samples   map[int64]float64 // by time in Unix milliseconds
	exemplars map[exemplarKey]tempoclient.Exemplar
}

type exemplarKey struct {
	ms     int64
	labels string
}

func (s *seriesSet) get(labels []servicegraph.Attr) *mergedSeries {
	key := labelKey(labels)
	if s.series[key] == nil {
		if s.series == nil {
			s.series = make(map[string]*mergedSeries)
		}
		s.series[key] = &mergedSeries{labels, make(map[int64]float64), make(map[exemplarKey]tempoclient.Exemplar)}
	}
	return s.series[key]
}

// status records what a message tells about the whole answer.
func (s *seriesSet) status(m *tempopb.SearchMetrics, status tempopb.PartialStatus, message string) {
	if m != nil {
		s.done, s.jobs = int(m.CompletedJobs), int(m.TotalJobs)
	}
	if status == tempopb.PartialStatus_PARTIAL {
		s.partial, s.message = true, message
	}
}

func (s *seriesSet) metrics() *tempoclient.Metrics {
	m := &tempoclient.Metrics{}
	for _, merged := range s.series {
		series := tempoclient.Series{Labels: merged.labels}
		for _, ms := range slices.Sorted(maps.Keys(merged.samples)) {
			series.Samples = append(series.Samples, tempoclient.Sample{Time: time.UnixMilli(ms), Value: merged.samples[ms]})
		}
		series.Exemplars = slices.SortedFunc(maps.Values(merged.exemplars), func(a, b tempoclient.Exemplar) int {
			if c := a.Time.Compare(b.Time); c != 0 {
				return c
			}
			return strings.Compare(labelKey(a.Labels), labelKey(b.Labels))
		})
		m.Series = append(m.Series, series)
	}
	slices.SortFunc(m.Series, func(a, b tempoclient.Series) int {
		return slices.CompareFunc(a.Labels, b.Labels, func(a, b servicegraph.Attr) int {
			return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
		})
	})
	return m
}

// warning returns a warning if Tempo calls the answer partial.
func (s *seriesSet) warning() *tempoclient.Warning {
	if !s.partial {
		return nil
	}
	return &tempoclient.Warning{Kind: tempoclient.WarnPartial, Message: s.message}
}

func labelsOf(kvs []commonpb.KeyValue) []servicegraph.Attr {
	var attrs []servicegraph.Attr
	for _, kv := range kvs {
		value, _ := text(kv.Value)
		attrs = append(attrs, servicegraph.Attr{Key: kv.Key, Value: value})
	}
	return attrs
}

// labelKey returns a map key: equal labels have the same key, different labels have different keys.
func labelKey(labels []servicegraph.Attr) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(strconv.Quote(l.Key))
		b.WriteString(strconv.Quote(l.Value))
	}
	return b.String()
}
