package temposeries

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
)

// The values of the label connection_type. The label of a request is empty.
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

// A Histogram is a classic histogram of Prometheus. A side without a span counts as a sample of 0
// seconds. The zero value is empty.
type Histogram struct {
	Count   float64 // samples, each with the multiplier of its span
	Sum     float64 // seconds, added up in the order of arrival
	Buckets []Bucket

	// Native has the samples in the buckets of a native histogram of schema 3, if
	// Config.NativeHistograms is set. Tempo observes a span with a multiplier a whole number of
	// times, rounded up; here the multiplier is not rounded.
	Native servicegraph.Exponential

	// Exemplars are the last samples by bucket, if Config.Exemplars is set; the last element is
	// that of +Inf. An element with a zero trace id stands for none.
	Exemplars []Exemplar
}

// An Exemplar is the trace of a sample.
type Exemplar struct {
	TraceID servicegraph.TraceID
	Seconds float64   // the sample
	Time    time.Time // when the call ended
}

// A Bucket counts the samples of at most UpTo seconds, including those of all buckets
// before it.
type Bucket struct{ UpTo, Count float64 }

// nativeScale is the scale that Tempo's bucket factor of 1.1 gives.
const nativeScale = 3

// observe adds a sample with the multiplier and the trace of its call.
func (h *Histogram) observe(seconds float64, c *pendingCall, cfg *Config) {
	if h.Buckets == nil {
		h.Buckets = make([]Bucket, len(cfg.Buckets))
		for i, bound := range cfg.Buckets {
			h.Buckets[i].UpTo = bound
		}
		if cfg.Exemplars {
			h.Exemplars = make([]Exemplar, len(cfg.Buckets)+1)
		}
	}
	h.Count += c.multiplier
	h.Sum += seconds * c.multiplier
	own := len(h.Buckets) // the first bucket of the sample
	for i := range h.Buckets {
		if seconds <= h.Buckets[i].UpTo {
			h.Buckets[i].Count += c.multiplier
			own = min(own, i)
		}
	}
	if cfg.Exemplars {
		h.Exemplars[own] = Exemplar{c.key.trace, seconds, time.Unix(0, c.last)}
	}
	if cfg.NativeHistograms {
		h.observeNative(seconds, c.multiplier)
	}
}

func (h *Histogram) observeNative(seconds, multiplier float64) {
	n := &h.Native
	n.Scale = nativeScale
	if seconds == 0 {
		n.ZeroCount += multiplier
		return
	}
	index := histogram.ExponentialIndex(seconds, nativeScale)
	if n.Counts == nil {
		n.Offset = index
	}
	if before := n.Offset - index; before > 0 {
		n.Counts = slices.Insert(n.Counts, 0, make([]float64, before)...)
		n.Offset = index
	}
	for len(n.Counts) <= index-n.Offset {
		n.Counts = append(n.Counts, 0)
	}
	n.Counts[index-n.Offset] += multiplier
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
	s.ClientSeconds.observe(c.clientSeconds, c, &p.cfg)
	s.ServerSeconds.observe(c.serverSeconds, c, &p.cfg)
	if p.cfg.MessagingLatency && c.connectionType == connectionMessaging {
		if queued := secondsBetween(c.clientEnd, c.serverStart); queued > 0 {
			s.MessagingSeconds.observe(queued, c, &p.cfg)
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
