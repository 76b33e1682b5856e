package tempoclient

import (
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
)

// maxExemplars is what Tempo takes for a request over HTTP that does not say.
const maxExemplars = 100

// StreamQueryRange is [Client.QueryRange], as it comes: every element is all of it so
// far, the last one is the answer and alone has warnings.
func (c *Client) StreamQueryRange(ctx context.Context, q MetricsQuery) iter.Seq2[*Metrics, error] {
	return func(yield func(*Metrics, error) bool) {
		start, end, err := q.bounds(time.Now())
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
		merge := func(m *tempopb.QueryRangeResponse) (*Metrics, error) {
			all.status(m.Metrics, m.Status, m.Message)
			for _, s := range m.Series {
				series := all.get(labelsOf(s.Labels))
				for _, p := range s.Samples {
					series.samples[p.TimestampMs] = p.Value
				}
				for _, e := range s.Exemplars {
					labels := labelsOf(e.Labels)
					key := exemplarKey{e.TimestampMs, labelKey(labels)}
					series.exemplars[key] = Exemplar{Sample{time.UnixMilli(e.TimestampMs), e.Value}, labels}
				}
			}
			return all.metrics(), nil
		}
		finish := func(last *Metrics) *Metrics {
			return &Metrics{last.Series, warnings(all.jobs.warning(), all.warning(), c.unsearched(ctx, end))}
		}
		stream(ctx, c, "MetricsQueryRange", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.QueryRangeResponse], error) {
			return q.MetricsQueryRange(ctx, req)
		}, merge, finish, yield)
	}
}

// StreamQueryInstant is [Client.QueryInstant], as it comes: every element is all of it
// so far, the last one is the answer and alone has warnings.
func (c *Client) StreamQueryInstant(ctx context.Context, q MetricsQuery) iter.Seq2[*Metrics, error] {
	return func(yield func(*Metrics, error) bool) {
		start, end, err := q.bounds(time.Now())
		if err != nil {
			yield(nil, err)
			return
		}
		req := &tempopb.QueryInstantRequest{
			Query: q.TraceQL,
			Start: uint64(start.UnixNano()), End: uint64(end.UnixNano()),
		}
		var all seriesSet
		merge := func(m *tempopb.QueryInstantResponse) (*Metrics, error) {
			all.status(m.Metrics, m.Status, m.Message)
			for _, s := range m.Series {
				series := all.get(labelsOf(s.Labels))
				series.samples[end.UnixMilli()] = s.Value
			}
			answer := all.metrics()
			for i := range answer.Series {
				answer.Series[i].Samples[0].Time = end // which the set has in milliseconds only
			}
			return answer, nil
		}
		finish := func(last *Metrics) *Metrics {
			return &Metrics{last.Series, warnings(all.jobs.warning(), all.warning(), c.unsearched(ctx, end))}
		}
		stream(ctx, c, "MetricsQueryInstant", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.QueryInstantResponse], error) {
			return q.MetricsQueryInstant(ctx, req)
		}, merge, finish, yield)
	}
}

// A seriesSet puts together what messages say of the same series: of two values for
// one time the later counts.
type seriesSet struct {
	series  map[string]*mergedSeries
	jobs    jobsMetrics
	partial bool
	message string // why it is
}

type mergedSeries struct {
	labels    []servicegraph.Attr
	samples   map[int64]float64 // by time in Unix milliseconds
	exemplars map[exemplarKey]Exemplar
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
		s.series[key] = &mergedSeries{labels, make(map[int64]float64), make(map[exemplarKey]Exemplar)}
	}
	return s.series[key]
}

// status takes what a message says of the whole.
func (s *seriesSet) status(m *tempopb.SearchMetrics, status tempopb.PartialStatus, message string) {
	if m != nil {
		s.jobs = jobsMetrics{int(m.CompletedJobs), int(m.TotalJobs)}
	}
	if status == tempopb.PartialStatus_PARTIAL {
		s.partial, s.message = true, message
	}
}

func (s *seriesSet) metrics() *Metrics {
	m := &Metrics{}
	for _, merged := range s.series {
		series := Series{Labels: merged.labels}
		for _, ms := range slices.Sorted(maps.Keys(merged.samples)) {
			series.Samples = append(series.Samples, Sample{time.UnixMilli(ms), merged.samples[ms]})
		}
		series.Exemplars = slices.SortedFunc(maps.Values(merged.exemplars), func(a, b Exemplar) int {
			if c := a.Time.Compare(b.Time); c != 0 {
				return c
			}
			return strings.Compare(labelKey(a.Labels), labelKey(b.Labels))
		})
		m.Series = append(m.Series, series)
	}
	m.sort()
	return m
}

// warning returns what Tempo says about the whole; nil if nothing.
func (s *seriesSet) warning() *Warning {
	if !s.partial {
		return nil
	}
	return &Warning{Kind: WarnPartial, Message: s.message}
}

func labelsOf(kvs []commonpb.KeyValue) []servicegraph.Attr {
	var attrs []servicegraph.Attr
	for _, kv := range kvs {
		value, _ := text(kv.Value)
		attrs = append(attrs, servicegraph.Attr{Key: kv.Key, Value: value})
	}
	return attrs
}

// labelKey joins labels so that no two sets of them become the same.
func labelKey(labels []servicegraph.Attr) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(strconv.Quote(l.Key))
		b.WriteString(strconv.Quote(l.Value))
	}
	return b.String()
}
