package promgraph_test

import (
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
)

// TestEstimateSeries: the estimate is the number of series that a scrape has.
func TestEstimateSeries(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg   promgraph.Config
		tempo int
	}{
		"classic":     {promgraph.Config{}, 2*23 + 1},
		"two buckets": {promgraph.Config{Buckets: []float64{0.1, 1}}, 2*11 + 1},
		"native":      {promgraph.Config{Histograms: promgraph.Native}, 2*3 + 1},
		"both":        {promgraph.Config{Histograms: promgraph.Both}, 2*25 + 1},
	} {
		s := newStream(servicegraph.Config{})
		s.trace(250, 150, 50)
		s.trace(250, 150, 50)
		g := s.delta()
		got := promgraph.EstimateSeries(g, tt.cfg)
		scraped := 0
		for _, one := range promgraph.NewCollector(func() *servicegraph.Graph { return g }, tt.cfg).Series() {
			scraped++
			if one.Failed > 0 {
				scraped++
			}
			for _, h := range []promgraph.Histogram{one.Server, one.Client} {
				if h.Buckets != nil {
					scraped += len(h.Buckets) + 3
				}
				if h.Native.Counts != nil {
					scraped++
				}
			}
		}
		if want := (promgraph.Estimate{Edges: 2, Failing: 1, Default: scraped, Tempo: tt.tempo}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}
