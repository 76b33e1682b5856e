package temposeries

import (
	"cmp"
	"slices"
	"strings"
)

// The values of the label connection_type. A call with neither is a request.
const (
	connectionMessaging = "messaging_system"
	connectionDatabase  = "database"
	connectionVirtual   = "virtual_node"
)

// A Series holds what Tempo writes for the calls from one client to one server with one
// connection type and the same labels.
type Series struct {
	Client, Server string

	// ConnectionType is messaging_system, database, virtual_node, or empty for
	// requests, whose series have no such label in Prometheus.
	ConnectionType string

	// Labels are the labels of the dimensions and of the virtual node, in the order of
	// the configuration, without empty ones.
	Labels []Label

	Total  float64 // traces_service_graph_request_total
	Failed float64 // traces_service_graph_request_failed_total, which Tempo writes only if it is not 0

	ClientSeconds    Histogram // traces_service_graph_request_client_seconds
	ServerSeconds    Histogram // traces_service_graph_request_server_seconds
	MessagingSeconds Histogram // traces_service_graph_request_messaging_system_seconds, only if it is not empty
}

// A Label is a label of a series.
type Label struct{ Name, Value string }

// A Histogram is a classic histogram of Prometheus. A side without a span counts as one
// of 0 seconds. The zero value is empty.
type Histogram struct {
	Count   float64 // samples, each with the multiplier of its span
	Sum     float64 // seconds, added up in the order of arrival
	Buckets []Bucket
}

// A Bucket counts the samples of at most UpTo seconds, including those of all buckets
// before it.
type Bucket struct{ UpTo, Count float64 }

func (h *Histogram) observe(seconds, multiplier float64, bounds []float64) {
	if h.Buckets == nil {
		h.Buckets = make([]Bucket, len(bounds))
		for i, bound := range bounds {
			h.Buckets[i].UpTo = bound
		}
	}
	h.Count += multiplier
	h.Sum += seconds * multiplier
	for i := range h.Buckets {
		if seconds <= h.Buckets[i].UpTo {
			h.Buckets[i].Count += multiplier
		}
	}
}

// compare orders series by client, server, connection type and labels.
func (s *Series) compare(o *Series) int {
	return cmp.Or(
		strings.Compare(s.Client, o.Client),
		strings.Compare(s.Server, o.Server),
		strings.Compare(s.ConnectionType, o.ConnectionType),
		slices.CompareFunc(s.Labels, o.Labels, func(a, b Label) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
		}),
	)
}

// count adds a finished call to its series.
func (p *Processor) count(c *pendingCall) {
	s := p.seriesOf(c)
	s.Total += c.multiplier
	if c.failed {
		s.Failed += c.multiplier
	}
	s.ClientSeconds.observe(c.clientSeconds, c.multiplier, p.cfg.Buckets)
	s.ServerSeconds.observe(c.serverSeconds, c.multiplier, p.cfg.Buckets)
	if p.cfg.MessagingLatency && c.connectionType == connectionMessaging {
		if queued := secondsBetween(c.clientEnd, c.serverStart); queued > 0 {
			s.MessagingSeconds.observe(queued, c.multiplier, p.cfg.Buckets)
		}
	}
}

// seriesOf returns the series of a call. The first call of a series adds the series.
func (p *Processor) seriesOf(c *pendingCall) *Series {
	s := Series{
		Client:         labelValue(c.client),
		Server:         labelValue(c.server),
		ConnectionType: c.connectionType,
	}
	for i, name := range p.labels {
		if c.labels[i] != "" {
			s.Labels = append(s.Labels, Label{name, labelValue(c.labels[i])})
		}
	}
	at, found := slices.BinarySearchFunc(p.series, &s, func(a Series, b *Series) int { return a.compare(b) })
	if !found {
		p.series = slices.Insert(p.series, at, s)
	}
	return &p.series[at]
}

// labelValue cuts a value at the length at which Tempo cuts it.
func labelValue(s string) string {
	const maxBytes = 2048
	return s[:min(len(s), maxBytes)]
}
