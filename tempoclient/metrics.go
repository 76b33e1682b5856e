package tempoclient

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A MetricsQuery is a TraceQL metrics query, such as
// {kind=server} | rate() by (resource.service.name).
//
// Tempo 2.9 answers metrics queries only if its metrics-generator runs the local-blocks
// processor for the tenant.
type MetricsQuery struct {
	TraceQL string

	// Start and End bound the time. A zero End means now, a zero Start one hour
	// before the End.
	Start, End time.Time

	// Step is the time between the samples of QueryRange; zero lets Tempo choose.
	Step time.Duration
}

// Metrics holds the series of an answer, ordered by their labels.
type Metrics struct {
	Series   []Series
	Warnings []*Warning
}

// A Series is a sequence of values with the same labels.
type Series struct {
	Labels    []servicegraph.Attr // in Tempo's order; values as text
	Samples   []Sample            // the oldest first; an instant query has one, at the end of its range
	Exemplars []Exemplar
}

// A Sample is a value at a time.
type Sample struct {
	Time  time.Time
	Value float64
}

// An Exemplar is a span that contributed to a value.
type Exemplar struct {
	Sample
	Labels []servicegraph.Attr // trace:id among them
}

// QueryRange returns the values of a metrics query over time.
func (c *Client) QueryRange(ctx context.Context, q MetricsQuery) (*Metrics, error) {
	return c.metrics(ctx, "/api/metrics/query_range", q)
}

// QueryInstant returns one value for each series of a metrics query, over the whole
// time range.
func (c *Client) QueryInstant(ctx context.Context, q MetricsQuery) (*Metrics, error) {
	q.Step = 0
	return c.metrics(ctx, "/api/metrics/query", q)
}

func (c *Client) metrics(ctx context.Context, path string, q MetricsQuery) (*Metrics, error) {
	start, end, err := q.TimeRange(time.Now())
	if err != nil {
		return nil, err
	}
	params := url.Values{
		"q":     {q.TraceQL},
		"start": {strconv.FormatInt(start.UnixNano(), 10)},
		"end":   {strconv.FormatInt(end.UnixNano(), 10)},
	}
	if q.Step > 0 {
		params.Set("step", q.Step.String())
	}
	var a metricsAnswer
	if err := c.getJSON(ctx, path, params, &a); err != nil {
		return nil, err
	}
	var partial *Warning
	if a.Status == "PARTIAL" {
		partial = &Warning{Kind: WarnPartial, Message: a.Message}
	}
	m := &Metrics{Warnings: warnings(a.Metrics.warning(), partial, c.unsearched(ctx, end))}
	for _, s := range a.Series {
		series := Series{Labels: attrsOf(s.Labels)}
		for _, p := range s.Samples {
			series.Samples = append(series.Samples, p.sample())
		}
		if s.Value != nil || len(s.Samples) == 0 { // an instant query; a value of 0 is left out
			series.Samples = append(series.Samples, Sample{end, s.Value.float()})
		}
		for _, e := range s.Exemplars {
			series.Exemplars = append(series.Exemplars, Exemplar{e.sample(), attrsOf(e.Labels)})
		}
		m.Series = append(m.Series, series)
	}
	m.sort()
	return m, nil
}

// TimeRange returns the time range with its defaults.
func (q MetricsQuery) TimeRange(now time.Time) (start, end time.Time, err error) {
	end = q.End
	if end.IsZero() {
		end = now
	}
	start = q.Start
	if start.IsZero() {
		start = end.Add(-time.Hour)
	}
	if !start.Before(end) {
		return start, end, fmt.Errorf("metrics query: the time range starts at %s, not before its end at %s",
			start.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339))
	}
	return start, end, nil
}

// sort orders the series by their labels. Tempo returns them in random order.
func (m *Metrics) sort() {
	slices.SortFunc(m.Series, func(a, b Series) int {
		return slices.CompareFunc(a.Labels, b.Labels, func(a, b servicegraph.Attr) int {
			return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
		})
	})
}

// metricsAnswer holds the fields that the client reads from answers to range queries and to instant
// queries.
type metricsAnswer struct {
	Series []struct {
		Labels    []keyValue    `json:"labels"`
		Samples   []sampleValue `json:"samples"`
		Value     *float        `json:"value"`
		Exemplars []struct {
			sampleValue
			Labels []keyValue `json:"labels"`
		} `json:"exemplars"`
	} `json:"series"`
	Metrics jobsMetrics `json:"metrics"`
	Status  string      `json:"status"` // COMPLETE if it is left out
	Message string      `json:"message"`
}

type sampleValue struct {
	TimestampMs json.Number `json:"timestampMs"`
	Value       float       `json:"value"`
}

func (v sampleValue) sample() Sample {
	ms, _ := v.TimestampMs.Int64() // left out where it is 0
	return Sample{time.UnixMilli(ms), float64(v.Value)}
}

// A float is a number in protobuf's JSON, which writes "NaN" and "Infinity" as strings.
type float float64

func (f *float) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if string(b) != "null" && err != nil {
		return fmt.Errorf("%s is not a number", b)
	}
	*f = float(v)
	return nil
}

func (f *float) float() float64 {
	if f == nil {
		return 0
	}
	return float64(*f)
}

// A keyValue is an OTLP attribute in protobuf's JSON.
type keyValue struct {
	Key   string `json:"key"`
	Value struct {
		String *string      `json:"stringValue"`
		Int    *json.Number `json:"intValue"`
		Double *float       `json:"doubleValue"`
		Bool   *bool        `json:"boolValue"`
	} `json:"value"`
}

// text returns the value as the same text that a span attribute of this value has, and false for
// lists, maps and bytes.
func (kv *keyValue) text() (value string, scalar bool) {
	switch v := kv.Value; {
	case v.String != nil:
		return servicegraph.AttrText(*v.String)
	case v.Int != nil:
		return v.Int.String(), true
	case v.Double != nil:
		return servicegraph.AttrText(v.Double.float())
	case v.Bool != nil:
		return servicegraph.AttrText(*v.Bool)
	}
	return "", false
}

// attrsOf returns attributes with their values as text.
func attrsOf(kvs []keyValue) []servicegraph.Attr {
	var attrs []servicegraph.Attr
	for _, kv := range kvs {
		value, _ := kv.text()
		attrs = append(attrs, servicegraph.Attr{Key: kv.Key, Value: value})
	}
	return attrs
}
