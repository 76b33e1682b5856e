package promgraph

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// labels are the labels of a series without its name.
type labels = model.Metric

// An increase is by how much a counter rose within the range.
type increase struct {
	labels labels
	value  sample
}

// A sample is a number, or the count, sum and buckets of a native histogram.
type sample struct {
	number  float64
	sum     float64
	buckets map[bounds]float64 // nil for a number
}

type bounds struct{ lower, upper float64 }

// since returns the increase since an earlier sample. If the counter has restarted, the increase is
// the sample itself.
func (s sample) since(before sample) (_ sample, restarted bool) {
	if s.number < before.number {
		return s, true
	}
	rise := sample{number: s.number - before.number, sum: s.sum - before.sum}
	if s.buckets != nil {
		rise.buckets = make(map[bounds]float64, len(s.buckets))
		for b, count := range s.buckets {
			if count -= before.buckets[b]; count > 0 {
				rise.buckets[b] = count
			}
		}
	}
	return rise, false
}

func (s *sample) add(o sample) {
	s.number += o.number
	s.sum += o.sum
	if o.buckets != nil && s.buckets == nil {
		s.buckets = make(map[bounds]float64, len(o.buckets))
	}
	for b, count := range o.buckets {
		s.buckets[b] += count
	}
}

func sampleOf(number model.SampleValue, h *model.SampleHistogram) sample {
	if h == nil {
		return sample{number: float64(number)}
	}
	s := sample{number: float64(h.Count), sum: float64(h.Sum), buckets: make(map[bounds]float64, len(h.Buckets))}
	for _, b := range h.Buckets {
		s.buckets[bounds{float64(b.Lower), float64(b.Upper)}] += float64(b.Count)
	}
	return s
}

// failedLabel is a label of the Collector's connector. It tells whether the calls of a counter
// failed. Before v0.98 it told whether the last call failed, so one counter alternated between two
// series (opentelemetry-collector-contrib issue 32018).
const failedLabel = "failed"

// findAlternating finds the counters that alternate between two series. Only such counters have a
// series of failed calls whose label says that the calls did not fail.
func (q *reader) findAlternating(ctx context.Context) error {
	value, err := q.ask(ctx, "last_over_time("+q.selector(MetricFailed, failedLabel+`="false"`)+"["+promDuration(q.span)+"])", q.back.End)
	if err != nil {
		return err
	}
	vector, _ := value.(model.Vector)
	q.alternating = make(map[model.Fingerprint]bool, len(vector))
	for _, s := range vector {
		q.alternating[withoutFailed(s.Metric).Fingerprint()] = true
	}
	return nil
}

// withoutFailed returns the labels that all series of an edge and an instance of the Collector
// share.
func withoutFailed(m model.Metric) labels {
	l := m.Clone()
	for _, name := range []model.LabelName{model.MetricNameLabel, failedLabel, model.BucketLabel} {
		delete(l, name)
	}
	return l
}

// A counter has the samples of one counter: of one series, or of the two between which the counter
// alternates.
type counter struct {
	labels       labels // with an empty failedLabel if it alternates
	first, last  sample // before the range and at its end; first is zero if the counter began within it
	series       int
	hasRestarted bool
}

// counter reads the increases of all series of a metric. It notes the metric as missing if there
// are none.
func (q *reader) counter(ctx context.Context, metric string) ([]increase, error) {
	rises, err := q.increases(ctx, metric)
	if err == nil && len(rises) == 0 {
		q.back.Missing = append(q.back.Missing, metric)
	}
	return rises, err
}

// increases returns by how much each counter of a metric rose, sorted by labels.
func (q *reader) increases(ctx context.Context, metric string) ([]increase, error) {
	counters := make(map[model.Fingerprint]*counter)
	each := func(expression string, at time.Time, do func(*counter, sample)) error {
		value, err := q.ask(ctx, expression, at)
		if err != nil {
			return err
		}
		vector, ok := value.(model.Vector)
		if !ok {
			return fmt.Errorf("querying Prometheus: %s is a %s, want a vector", expression, value.Type())
		}
		for _, s := range vector {
			l := q.counterLabels(s.Metric)
			c := counters[l.Fingerprint()]
			if c == nil {
				c = &counter{labels: l}
				counters[l.Fingerprint()] = c
			}
			do(c, sampleOf(s.Value, s.Histogram))
		}
		return nil
	}
	selector := q.selector(metric)
	if err := each("last_over_time("+selector+"["+promDuration(q.span)+"])", q.back.End, func(c *counter, s sample) {
		c.series++
		if s.number >= c.last.number {
			c.last = s
		}
	}); err != nil || len(counters) == 0 {
		return nil, err
	}
	if err := each("last_over_time("+selector+"["+promDuration(lookback)+"])", q.back.Start, func(c *counter, s sample) {
		if s.number >= c.first.number {
			c.first = s
		}
	}); err != nil {
		return nil, err
	}
	if err := each("resets("+selector+"["+promDuration(q.span+lookback)+"]) > 0", q.back.End, func(c *counter, _ sample) {
		c.hasRestarted = true
	}); err != nil {
		return nil, err
	}
	maps.DeleteFunc(counters, func(_ model.Fingerprint, c *counter) bool { return c.series == 0 }) // series that ended before the range

	var rises []increase
	interrupted := make(map[model.Fingerprint]*counter)
	for key, c := range counters {
		if c.hasRestarted || c.series > 1 || c.last.number < c.first.number {
			interrupted[key] = c
			continue
		}
		rise, _ := c.last.since(c.first)
		rises = append(rises, increase{c.labels, rise})
	}
	more, err := q.replay(ctx, metric, interrupted, len(counters))
	if err != nil {
		return nil, err
	}
	rises = append(rises, more...)
	slices.SortFunc(rises, func(a, b increase) int { return compareMetrics(a.labels, b.labels) })
	return rises, nil
}

// counterLabels returns the labels of the counter that a series belongs to.
func (q *reader) counterLabels(m model.Metric) labels {
	l := m.Clone()
	delete(l, model.MetricNameLabel)
	if _, ok := l[failedLabel]; ok && q.alternating[withoutFailed(m).Fingerprint()] {
		l[failedLabel] = "" // the empty label still marks the Collector's connector
	}
	return l
}

func compareMetrics(a, b labels) int { return strings.Compare(a.String(), b.String()) }

// maxSamples is about how many samples one answer may have when replay reads all samples.
const maxSamples = 1_000_000

// replay returns the increases of counters that may have restarted, from all their samples. among
// is the number of counters of the metric.
func (q *reader) replay(ctx context.Context, metric string, counters map[model.Fingerprint]*counter, among int) ([]increase, error) {
	if len(counters) == 0 {
		return nil, nil
	}
	selector := q.selector(metric)
	clients := make(map[string]bool)
	for _, c := range counters {
		clients[regexp.QuoteMeta(string(c.labels["client"]))] = true
	}
	if len(clients) <= 50 {
		// The quoted text is ASCII, because Prometheus's parser refuses the replacement character.
		selector = q.selector(metric, "client=~"+strconv.QuoteToASCII(strings.Join(slices.Sorted(maps.Keys(clients)), "|")))
	}
	step := min(q.span, max(time.Minute, (maxSamples/time.Duration(among)*15*time.Second).Truncate(time.Second)))
	now := make(map[model.Fingerprint]sample)
	rose := make(map[model.Fingerprint]sample)
	restarted := make(map[model.Fingerprint]bool)
	for key, c := range counters {
		now[key] = c.first
	}
	for from := q.back.Start; from.Before(q.back.End); from = from.Add(step) {
		length := min(step, q.back.End.Sub(from))
		value, err := q.ask(ctx, selector+"["+promDuration(length)+"]", from.Add(length))
		if err != nil {
			return nil, err
		}
		matrix, ok := value.(model.Matrix)
		if !ok {
			return nil, fmt.Errorf("querying Prometheus: %s is a %s, want a matrix", selector, value.Type())
		}
		for key, samples := range q.inOrder(matrix, counters) {
			for _, s := range samples {
				rise, again := s.sample.since(now[key])
				restarted[key] = restarted[key] || again
				sum := rose[key]
				sum.add(rise)
				rose[key], now[key] = sum, s.sample
			}
		}
	}
	q.restarted += len(restarted)
	for key, again := range restarted {
		if !again {
			q.restarted--
			delete(restarted, key)
		}
	}
	var rises []increase
	for key, c := range counters {
		rises = append(rises, increase{c.labels, rose[key]})
	}
	return rises, nil
}

// A timedSample is a sample with its time.
type timedSample struct {
	at model.Time
	sample
}

// inOrder returns the samples of each counter in the order of time.
func (q *reader) inOrder(matrix model.Matrix, counters map[model.Fingerprint]*counter) map[model.Fingerprint][]timedSample {
	all := make(map[model.Fingerprint][]timedSample)
	for _, stream := range matrix {
		key := q.counterLabels(stream.Metric).Fingerprint()
		if counters[key] == nil {
			continue
		}
		for _, v := range stream.Values {
			all[key] = append(all[key], timedSample{v.Timestamp, sampleOf(v.Value, nil)})
		}
		for _, v := range stream.Histograms {
			all[key] = append(all[key], timedSample{v.Timestamp, sampleOf(0, v.Histogram)})
		}
	}
	for _, samples := range all {
		slices.SortStableFunc(samples, func(a, b timedSample) int { return int(a.at - b.at) })
	}
	return all
}

// promDuration returns a duration of whole seconds in PromQL.
func promDuration(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) + "s" }
