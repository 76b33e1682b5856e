package tempoclient

import (
	"fmt"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestMetrics asks a real Tempo for the metrics of known spans, 30 calls of one
// service and 10 of another.
func TestMetrics(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{TraceQLMetrics: true})
	c := newClient(t, tempo.URL, Config{})
	now := time.Now()
	var spans []servicegraph.Span
	for i := range 40 {
		s := servicegraph.Span{
			TraceID: servicegraph.TraceID{1, byte(i)}, SpanID: servicegraph.SpanID{1, byte(i)},
			Service: []string{"a", "a", "a", "b"}[i%4], Name: "call", Kind: servicegraph.KindServer,
			Start: now.Add(-2 * time.Second).UnixNano(),
		}
		s.End = s.Start + int64(100*time.Millisecond)
		spans = append(spans, s)
	}
	pushSpans(t, tempo, "", spans)

	q := MetricsQuery{
		TraceQL: "{} | count_over_time() by (resource.service.name)",
		Start:   now.Add(-time.Minute), End: now.Add(time.Minute), Step: 10 * time.Second,
	}
	want := map[string]float64{"a": 30, "b": 10}
	sums := func(m *Metrics) map[string]float64 {
		got := make(map[string]float64)
		for _, s := range m.Series {
			for _, l := range s.Labels {
				if l.Key == "resource.service.name" {
					for _, sample := range s.Samples {
						got[l.Value] += sample.Value
					}
				}
			}
		}
		return got
	}
	for name, ask := range map[string]func() (*Metrics, error){
		"QueryRange":   func() (*Metrics, error) { return c.QueryRange(t.Context(), q) },
		"QueryInstant": func() (*Metrics, error) { return c.QueryInstant(t.Context(), q) },
	} {
		await(t, func() error {
			m, err := ask()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if m == nil {
				return fmt.Errorf("%s: nothing", name)
			}
			if got := sums(m); fmt.Sprint(got) != fmt.Sprint(want) {
				return fmt.Errorf("%s: %v, want %v", name, got, want)
			}
			return nil
		})
	}
}
