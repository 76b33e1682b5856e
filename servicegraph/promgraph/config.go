package promgraph

import (
	"cmp"
	"slices"
	"strings"
)

// The names of the series.
const (
	MetricTotal            = "traces_service_graph_request_total"
	MetricFailed           = "traces_service_graph_request_failed_total"
	MetricServerSeconds    = "traces_service_graph_request_server_seconds"
	MetricClientSeconds    = "traces_service_graph_request_client_seconds"
	MetricMessagingSeconds = "traces_service_graph_request_messaging_system_seconds"
)

// The values of the label connection_type besides the empty one.
const (
	connectionMessaging = "messaging_system"
	connectionDatabase  = "database"
	connectionVirtual   = "virtual_node"
)

// other is the client and the server of the calls beyond a limit.
const other = "other"

// Histograms are the kinds of histograms that a collector exposes.
type Histograms int

const (
	Classic Histograms = iota // a series for each bucket
	Native                    // one series each, of schema 3: buckets grow by 9 %; the text formats of a scrape have no native histograms, and Grafana's Service Graph shows no average latency of them, because it reads the series _sum
	Both
)

// A Config configures a [Collector]. The zero value works.
type Config struct {
	// Dimensions are keys of resource attributes whose values become the labels client_KEY and
	// server_KEY, with underscores in place of characters that labels cannot have. Grafana uses the
	// labels of service.namespace. The values of other keys are those in Node.Attrs: also list the
	// keys in servicegraph.Config.NodeAttrs. A service whose spans have several values of a key has
	// all of them in one label, separated by commas. To count the calls of each value separately,
	// also list the key in servicegraph.Config.SplitBy. The labels client and server then lack the
	// values that SplitBy adds to names.
	//
	// NewTempoCollector ignores Dimensions, and takes the dimensions of its processor as labels.
	Dimensions []string

	// Buckets are the upper bounds of classic histograms in seconds, rising. Nil means the buckets
	// of Tempo: 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8. NewTempoCollector ignores Buckets.
	Buckets []float64

	// MessagingLatency exposes the time that messages spent in queues. NewTempoCollector
	// ignores it.
	MessagingLatency bool

	Histograms Histograms

	// MaxEdges is the largest number of distinct label sets; 0 means 10,000. MaxSeries is the
	// largest number of series, each edge counted with all series that it can have; 0 means no
	// limit. Calls of further edges count under the client and the server "other". Of the edges
	// that are new at the same time, the edges with the most calls get series of their own first.
	MaxEdges, MaxSeries int

	// MaxLabelBytes is the length at which the value of a label is cut, at a character
	// boundary; 0 means 2048, as in Tempo.
	MaxLabelBytes int
}

// defaultBuckets are the buckets of Tempo.
var defaultBuckets = []float64{0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8}

const (
	defaultMaxEdges      = 10_000
	defaultMaxLabelBytes = 2048
)

// withDefaults returns the configuration with each zero field replaced by its default.
func (c Config) withDefaults() Config {
	if c.Buckets == nil {
		c.Buckets = defaultBuckets
	}
	c.MaxEdges = cmp.Or(c.MaxEdges, defaultMaxEdges)
	c.MaxLabelBytes = cmp.Or(c.MaxLabelBytes, defaultMaxLabelBytes)
	if c.MaxSeries > 0 {
		c.MaxEdges = min(c.MaxEdges, max(c.MaxSeries/c.perEdge(), 1))
	}
	return c
}

// perEdge returns the number of series that an edge can have: calls, failed calls, and the series
// of each histogram.
func (c Config) perEdge() int {
	histograms := 2
	if c.MessagingLatency {
		histograms++
	}
	return 2 + histograms*c.perHistogram()
}

// perHistogram returns the number of series of a histogram: a bucket for each bound, +Inf, _sum and
// _count if it is classic, and one if it is native.
func (c Config) perHistogram() int {
	classic := len(c.Buckets) + 3
	switch c.Histograms {
	case Native:
		return 1
	case Both:
		return classic + 1
	}
	return classic
}

// labelNames returns the names of the labels of the dimensions: first all client labels, then all
// server labels.
func (c Config) labelNames() []string {
	var names []string
	for _, side := range []string{"client_", "server_"} {
		for _, key := range c.Dimensions {
			names = append(names, labelName(side+key))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// labelName returns the key of an attribute as the name of a label.
func labelName(key string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, key)
}
