package servicegraph

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

// A TempoSeries holds the series that Tempo writes for the calls from one client to
// one server with one connection type and the same labels.
type TempoSeries struct {
	Client, Server string

	// ConnectionType is messaging_system, database, virtual_node, or empty for
	// requests; Prometheus knows no empty label, so there it is missing.
	ConnectionType string

	// Labels are those of the dimensions and of the virtual node, in the order of the
	// configuration, without those that are empty.
	Labels []TempoLabel

	Total  float64 // traces_service_graph_request_total
	Failed float64 // traces_service_graph_request_failed_total, which Tempo writes only if it is not 0

	ClientSeconds    TempoHistogram // traces_service_graph_request_client_seconds
	ServerSeconds    TempoHistogram // traces_service_graph_request_server_seconds
	MessagingSeconds TempoHistogram // traces_service_graph_request_messaging_system_seconds, only if it is not empty
}

// A TempoLabel is a label of a series.
type TempoLabel struct{ Name, Value string }

// A TempoHistogram is a histogram as Prometheus has it. A side without a span counts
// as one of 0 seconds. The zero value is empty.
type TempoHistogram struct {
	Count   float64 // samples, each with the multiplier of its span
	Sum     float64 // seconds, added up in the order of arrival
	Buckets []TempoBucket
}

// A TempoBucket counts the samples of at most UpTo seconds, those of the buckets
// before it included.
type TempoBucket struct{ UpTo, Count float64 }

func (h *TempoHistogram) observe(seconds, multiplier float64, bounds []float64) {
	if h.Buckets == nil {
		h.Buckets = make([]TempoBucket, len(bounds))
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

// compare orders series by what tells them apart.
func (s *TempoSeries) compare(o *TempoSeries) int {
	return cmp.Or(
		strings.Compare(s.Client, o.Client),
		strings.Compare(s.Server, o.Server),
		strings.Compare(s.ConnectionType, o.ConnectionType),
		slices.CompareFunc(s.Labels, o.Labels, func(a, b TempoLabel) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
		}),
	)
}

// count adds a finished call to its series.
func (p *TempoProcessor) count(c *tempoCall) {
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

// seriesOf returns the series of a call, new if it is the first there.
func (p *TempoProcessor) seriesOf(c *tempoCall) *TempoSeries {
	s := TempoSeries{
		Client:         labelValue(c.client),
		Server:         labelValue(c.server),
		ConnectionType: c.connectionType,
	}
	for i, name := range p.labels {
		if c.labels[i] != "" {
			s.Labels = append(s.Labels, TempoLabel{name, labelValue(c.labels[i])})
		}
	}
	at, found := slices.BinarySearchFunc(p.series, &s, func(a TempoSeries, b *TempoSeries) int { return a.compare(b) })
	if !found {
		p.series = slices.Insert(p.series, at, s)
	}
	return &p.series[at]
}

// labelValue cuts a value where Tempo does.
func labelValue(s string) string {
	const maxBytes = 2048
	return s[:min(len(s), maxBytes)]
}
