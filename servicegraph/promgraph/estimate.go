package promgraph

import (
	"math"

	"github.com/tempograph/tempograph/servicegraph"
)

// An Estimate counts the series that a service graph has in Prometheus, for one instance that
// writes them. Each of several instances writes the series of the edges that it sees.
type Estimate struct {
	Edges   int // distinct label sets
	Failing int // those with failed calls
	Queues  int // those with messages

	// Default is the number of series of [NewCollector], which has no histogram for a side without
	// spans. Tempo is the number of series of Tempo's generator and of [NewTempoCollector], if the
	// graph has the same edges:
	//
	//	Edges × (1 + 2 × (buckets + 3)) + Failing
	//
	// with classic histograms, which is 23 for each edge with Tempo's 8 buckets; and Queues ×
	// (buckets + 3) for the messaging histogram, if Config.MessagingLatency asks for it.
	Default, Tempo int
}

// EstimateSeries counts the series of a graph, before the limits of the configuration.
func EstimateSeries(g *servicegraph.Graph, cfg Config) Estimate {
	cfg.MaxEdges, cfg.MaxSeries = math.MaxInt, 0
	c := newCollector(cfg)
	c.names = c.cfg.labelNames()
	c.addGraph(g)
	perHistogram := c.cfg.perHistogram()
	var e Estimate
	for set, s := range c.edges {
		e.Edges++
		e.Default++
		if s.Failed > 0 {
			e.Failing++
			e.Default++
		}
		if set.connectionType == connectionMessaging {
			e.Queues++
		}
		for _, h := range []*Histogram{&s.Server, &s.Client, &s.Messaging} {
			if h.Count > 0 {
				e.Default += perHistogram
			}
		}
	}
	e.Tempo = e.Edges*(1+2*perHistogram) + e.Failing
	if cfg.MessagingLatency {
		e.Tempo += e.Queues * perHistogram
	}
	return e
}
