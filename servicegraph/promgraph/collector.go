package promgraph

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/temposeries"
)

// A Collector counts the calls of a service graph for Prometheus. It is a
// [prometheus.Collector], and its methods are safe for concurrent use. It reads its source only
// when Collect or Series is called, and holds about 1 kB for each edge.
//
// Besides the series of the graph, Collect sends three series about the collector itself:
// tempograph_promgraph_edges, tempograph_promgraph_folded_calls_total (calls that count under
// "other" because of a limit) and tempograph_promgraph_truncated_labels_total.
type Collector struct {
	cfg   Config
	names []string // of the labels of dimensions
	read  func(*Collector)
	now   func() time.Time

	mu        sync.Mutex
	since     time.Time // of the last reading
	edges     map[labelSet]*Series
	dims      map[servicegraph.NodeID]string // the last known values of the dimensions, joined
	folded    float64                        // calls under "other"
	truncated map[string]bool                // label values that were cut, up to maxTruncated
}

// A labelSet is the identity of an edge in Prometheus.
type labelSet struct {
	client, server, connectionType string
	dimensions                     string // values of the labels of the dimensions, each followed by a zero byte
}

// NewCollector returns a collector of the calls that the deltas of a builder contain. delta is
// the method Delta of a Recorder of package otelspan, or a function that locks a builder, advances
// its time and calls its Delta. It is never called from two goroutines at a time. Nothing else may
// take deltas of the same builder.
func NewCollector(delta func() *servicegraph.Graph, cfg Config) *Collector {
	c := newCollector(cfg)
	c.names = c.cfg.labelNames()
	c.read = func(c *Collector) { c.addGraph(delta()) }
	return c
}

// NewTempoCollector returns a collector of the series that Tempo's generator would write.
// series is a function that locks a processor and calls its Series, and tempo the configuration
// of the processor. If tempo.NativeHistograms is set, cfg.Histograms can be Native or Both.
func NewTempoCollector(series func() []temposeries.Series, tempo temposeries.Config, cfg Config) *Collector {
	cfg.Dimensions, cfg.MessagingLatency, cfg.Buckets = nil, tempo.MessagingLatency, tempo.Buckets
	c := newCollector(cfg)
	for _, name := range tempo.LabelNames() {
		if !slices.Contains(c.names, name) {
			c.names = append(c.names, name)
		}
	}
	slices.Sort(c.names)
	c.read = func(c *Collector) { c.setSeries(series()) }
	return c
}

func newCollector(cfg Config) *Collector {
	c := &Collector{
		cfg:       cfg.withDefaults(),
		now:       time.Now,
		edges:     make(map[labelSet]*Series),
		dims:      make(map[servicegraph.NodeID]string),
		truncated: make(map[string]bool),
	}
	c.since = c.now()
	return c
}

// Series reads the source and returns all series, sorted by their labels. Later readings do not
// change them.
func (c *Collector) Series() []Series {
	series, _ := c.snapshot()
	return series
}

// Stats are what a collector counts about itself.
type Stats struct {
	Edges           int     // label sets
	FoldedCalls     float64 // calls that count under "other" because of Config.MaxEdges or Config.MaxSeries
	TruncatedLabels int     // distinct label values that were cut at Config.MaxLabelBytes, at most 10,000
}

// Stats returns the state after the last reading.
func (c *Collector) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats()
}

func (c *Collector) stats() Stats {
	return Stats{Edges: len(c.edges), FoldedCalls: c.folded, TruncatedLabels: len(c.truncated)}
}

// snapshot reads the source and returns a copy of the state.
func (c *Collector) snapshot() ([]Series, Stats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.read(c)
	c.since = now
	series := make([]Series, 0, len(c.edges))
	for _, s := range c.edges {
		copied := *s
		for _, h := range []*Histogram{&copied.Server, &copied.Client, &copied.Messaging} {
			*h = h.clone()
		}
		series = append(series, copied)
	}
	slices.SortFunc(series, func(a, b Series) int { return compareLabels(a.Labels, b.Labels) })
	return series, c.stats()
}

// edge returns the series of a label set, a new one if there is none. Beyond the limit it returns
// the series of "other".
func (c *Collector) edge(set labelSet) (s *Series, folded bool) {
	if s := c.edges[set]; s != nil {
		return s, false
	}
	if len(c.edges) >= c.cfg.MaxEdges-1 { // one is for the edge from "other" to "other"
		set, folded = labelSet{client: other, server: other, dimensions: strings.Repeat("\x00", len(c.names))}, true
		if s := c.edges[set]; s != nil {
			return s, true
		}
	}
	s = &Series{Labels: c.labels(set), Since: c.since}
	c.edges[set] = s
	return s, folded
}

// labels returns the labels of a set without the empty ones.
func (c *Collector) labels(set labelSet) []Label {
	labels := []Label{{"client", set.client}, {"server", set.server}, {"connection_type", set.connectionType}}
	rest := set.dimensions
	for _, name := range c.names {
		var value string
		value, rest, _ = strings.Cut(rest, "\x00")
		labels = append(labels, Label{name, value})
	}
	labels = slices.DeleteFunc(labels, func(l Label) bool { return l.Value == "" })
	slices.SortFunc(labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	return labels
}

// maxTruncated is how many distinct truncated values are counted.
const maxTruncated = 10_000

// value returns the text as the value of a label: valid UTF-8 without zero bytes, and cut at the
// limit.
func (c *Collector) value(text string) string {
	v := strings.ReplaceAll(strings.ToValidUTF8(text, "�"), "\x00", "�")
	if len(v) <= c.cfg.MaxLabelBytes {
		return v
	}
	end := c.cfg.MaxLabelBytes
	for end > 0 && v[end]&0xC0 == 0x80 { // inside a character
		end--
	}
	v = v[:end]
	if len(c.truncated) < maxTruncated {
		c.truncated[v] = true
	}
	return v
}

var _ prometheus.Collector = (*Collector)(nil)
