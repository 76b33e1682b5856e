package temposeries

import (
	"cmp"
	"container/list"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// Config is the part of the configuration of Tempo's service-graphs processor that
// affects its series. Each field gives Tempo's name for the setting. The zero value is
// Tempo's default, except for MaxItems.
type Config struct {
	// PeerAttributes (peer_attributes) are the span attributes that name the other
	// side of a call without one. The first that a span has decides, even if its value
	// is empty. Nil means peer.service, db.name, db.system.
	PeerAttributes []string

	// Buckets (histogram_buckets) are the upper bounds of the histograms in seconds,
	// ascending. Nil means 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8.
	Buckets []float64

	// MessagingLatency (enable_messaging_system_latency_histogram) measures the time
	// from the end of the sending span to the start of the receiving one.
	MessagingLatency bool

	// Dimensions (dimensions) are attributes that become labels, searched in the resource before
	// the span. Both sides of a call write the same label, and the side that arrives later wins.
	// With PrefixDimensions (enable_client_server_prefix), each side has a label of its own.
	Dimensions       []string
	PrefixDimensions bool

	// VirtualNodeLabel (enable_virtual_node_label) adds the label virtual_node, which
	// says whether the client or the server is not instrumented. With this setting,
	// Tempo 2.9 forgets all waiting halves every ten seconds.
	VirtualNodeLabel bool

	// NativeHistograms also counts the samples in the buckets of native histograms, for
	// generate_native_histograms native or both.
	NativeHistograms bool

	// Exemplars keeps the trace of the last sample in each bucket.
	Exemplars bool

	// SpanMultiplierKey (span_multiplier_key) is the attribute with the probability
	// at which a span was sampled; empty means that every span counts once. Tempo 2.9
	// does not read the tracestate, so the Weight of a Span is not read here.
	SpanMultiplierKey string

	// MaxItems (max_items) is how many calls may wait for their other half; a span that would begin
	// a further waiting call is dropped. 0 is no limit. Tempo's default is 10,000, but Tempo has a
	// clock that makes room.
	MaxItems int
}

// A Processor computes the series that the service-graphs processor of Tempo v2.9.0
// writes for the same spans. It holds the series and, until [Processor.Expire], each half
// that waits for the other. It is not safe for concurrent use.
type Processor struct {
	cfg      Config
	labels   []string  // names of the labels beside client, server and connection type
	waiting  list.List // of *pendingCall, in order of arrival
	byKey    map[callKey]*list.Element
	series   []Series // sorted
	counters Counters
}

// Counters are what Tempo's processor counts about its own work.
type Counters struct {
	Edges   uint64 // calls begun: tempo_metrics_generator_processor_service_graphs_edges
	Expired uint64 // halves whose other half never came, and whose other side has no name: …_expired_edges
	Dropped uint64 // spans that found MaxItems calls waiting: …_dropped_spans
}

// NewProcessor returns a processor that has seen no span.
func NewProcessor(cfg Config) *Processor {
	if cfg.PeerAttributes == nil {
		cfg.PeerAttributes = []string{"peer.service", "db.name", "db.system"}
	}
	if cfg.Buckets == nil {
		cfg.Buckets = []float64{0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8}
	}
	return &Processor{cfg: cfg, labels: cfg.LabelNames(), byKey: make(map[callKey]*list.Element)}
}

// Add adds one span. The order of spans matters. Of the attributes of the span and of its
// resource, Add reads those for which [Config.Reads] is true.
func (p *Processor) Add(s servicegraph.Span) {
	if s.Service == "" {
		return
	}
	key := callKey{s.TraceID, s.SpanID}
	switch {
	case isClient(s.Kind):
	case isServer(s.Kind):
		key.client = s.ParentID
	default:
		return
	}

	element, known := p.byKey[key]
	call := &pendingCall{key: key}
	if known {
		call = element.Value.(*pendingCall)
	}
	p.addHalf(call, &s)
	switch {
	case known && call.complete():
		p.count(call)
		p.waiting.Remove(element)
		delete(p.byKey, key)
	case known:
	case call.complete(): // a call to a database never waits
		p.counters.Edges++
		p.count(call)
	case p.cfg.MaxItems > 0 && p.waiting.Len() >= p.cfg.MaxItems:
		p.counters.Dropped++
	default:
		p.counters.Edges++
		p.byKey[key] = p.waiting.PushBack(call)
	}
}

// isClient reports whether spans of a kind are the caller's half of a call.
func isClient(k servicegraph.Kind) bool {
	return k == servicegraph.KindClient || k == servicegraph.KindProducer
}

// isServer reports whether spans of a kind are the callee's half of a call.
func isServer(k servicegraph.Kind) bool {
	return k == servicegraph.KindServer || k == servicegraph.KindConsumer
}

// Expire ends the wait of every call that has one half, in order of arrival.
func (p *Processor) Expire() {
	for e := p.waiting.Front(); e != nil; e = e.Next() {
		p.expire(e.Value.(*pendingCall))
	}
	p.waiting.Init()
	clear(p.byKey)
}

// Counters returns what the processor has counted about its own work.
func (p *Processor) Counters() Counters { return p.counters }

// A callKey is the identity of a call: the trace, and the id of the client span, which is
// the parent id of the server span. The id is zero for a server span without a parent.
type callKey struct {
	trace  servicegraph.TraceID
	client servicegraph.SpanID
}

// A pendingCall is a call of which one half or both have arrived.
type pendingCall struct {
	key            callKey
	connectionType string
	client, server string   // services; empty as long as unknown
	peer           string   // the other side, as named by the last half with a peer attribute
	labels         []string // values of the processor's labels
	failed         bool
	multiplier     float64

	clientSeconds, serverSeconds float64
	clientEnd, serverStart       int64
	last                         int64 // latest end
}

func (c *pendingCall) complete() bool { return c.client != "" && c.server != "" }

// addHalf writes a span into its call, and overwrites fields that the other half wrote.
func (p *Processor) addHalf(c *pendingCall, s *servicegraph.Span) {
	c.connectionType = ""
	if s.Kind == servicegraph.KindProducer || s.Kind == servicegraph.KindConsumer {
		c.connectionType = connectionMessaging
	}
	c.failed = c.failed || s.Status == servicegraph.StatusError
	c.last = max(c.last, s.End)
	c.multiplier = p.cfg.multiplier(s)
	if name, ok := p.cfg.peer(s); ok {
		c.peer = name
	}
	p.setLabels(c, s)
	seconds := secondsBetween(s.Start, s.End)
	if isServer(s.Kind) {
		c.server, c.serverSeconds, c.serverStart = s.Service, seconds, s.Start
		return
	}
	c.client, c.clientSeconds, c.clientEnd = s.Service, seconds, s.End
	c.setDatabase(s, seconds)
}

// expire counts a call of which one half is missing, if the other side can be named.
func (p *Processor) expire(c *pendingCall) {
	c.connectionType = connectionVirtual
	side := ""
	switch {
	case c.client == "" && c.key.client.IsZero():
		c.client, side = cmp.Or(c.peer, "user"), "client"
	case c.client != "" && c.peer != "":
		c.server, side = c.peer, "server"
	default:
		p.counters.Expired++
		return
	}
	if p.cfg.VirtualNodeLabel {
		c.labels[len(c.labels)-1] = side
	}
	p.count(c)
}

// setLabels writes the dimensions that a span has into the labels of its call.
func (p *Processor) setLabels(c *pendingCall, s *servicegraph.Span) {
	if c.labels == nil {
		c.labels = make([]string, len(p.labels))
	}
	for i, key := range p.cfg.Dimensions {
		value, ok := findInBoth(s, key)
		switch {
		case !ok:
		case !p.cfg.PrefixDimensions:
			c.labels[i] = value
		case isClient(s.Kind):
			c.labels[2*i] = value
		default:
			c.labels[2*i+1] = value
		}
	}
}

// LabelNames returns the names of the labels of the dimensions in their order, followed
// by that of the virtual node.
func (cfg Config) LabelNames() []string {
	var names []string
	for _, key := range cfg.Dimensions {
		if cfg.PrefixDimensions {
			names = append(names, labelName("client_"+key), labelName("server_"+key))
		} else {
			names = append(names, labelName(key))
		}
	}
	if cfg.VirtualNodeLabel {
		names = append(names, "virtual_node")
	}
	return names
}

// labelName turns the key of an attribute into the name of a Prometheus label.
func labelName(key string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, key)
}

// secondsBetween returns the seconds between two Unix times in nanoseconds, 0 if the
// second is before the first.
func secondsBetween(start, end int64) float64 {
	if end < start {
		return 0
	}
	return float64(uint64(end)-uint64(start)) / 1e9
}

// Series returns the series of the calls counted so far, sorted by client, server,
// connection type and labels. Later calls of Add do not change the returned slice.
func (p *Processor) Series() []Series {
	series := slices.Clone(p.series)
	for i := range series {
		s := &series[i]
		for _, h := range [...]*Histogram{&s.ClientSeconds, &s.ServerSeconds, &s.MessagingSeconds} {
			h.Buckets, h.Exemplars, h.Native.Counts = slices.Clone(h.Buckets), slices.Clone(h.Exemplars), slices.Clone(h.Native.Counts)
		}
	}
	return series
}
