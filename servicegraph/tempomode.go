package servicegraph

import (
	"cmp"
	"container/list"
	"slices"
	"strings"
)

// TempoConfig is what the configuration of Tempo's service-graphs processor says
// about its series; the names in Tempo are given beside. The zero value is Tempo's
// default, but for MaxItems.
type TempoConfig struct {
	// PeerAttributes (peer_attributes) are the span attributes that name the other
	// side of a call without one. The first that a span has decides, even if it is
	// empty. Nil stands for peer.service, db.name, db.system.
	PeerAttributes []string

	// Buckets (histogram_buckets) are the upper bounds of the histograms in seconds,
	// ascending. Nil stands for 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8.
	Buckets []float64

	// MessagingLatency (enable_messaging_system_latency_histogram) measures the time
	// from the end of the sending span to the start of the receiving one.
	MessagingLatency bool

	// Dimensions (dimensions) are attributes that become labels, searched in the
	// resource before the span. Both sides of a call write the same label, and the
	// later to arrive wins, unless PrefixDimensions (enable_client_server_prefix)
	// gives each side its own.
	Dimensions       []string
	PrefixDimensions bool

	// VirtualNodeLabel (enable_virtual_node_label) adds the label virtual_node, which
	// says that the client or the server is not instrumented. Tempo 2.9 with this on
	// forgets every ten seconds what it is waiting for.
	VirtualNodeLabel bool

	// SpanMultiplierKey (span_multiplier_key) is the attribute with the probability
	// at which a span was sampled; empty means that every span counts once. Tempo 2.9
	// knows no tracestate, so [Span.Weight] is not read.
	SpanMultiplierKey string

	// MaxItems (max_items) is how many calls may wait for their other half; a span that
	// would be one more is dropped. 0 is no limit. Tempo's default is 10,000, but Tempo
	// has a clock that makes room.
	MaxItems int
}

// A TempoProcessor gives, from the same spans, the series that the service-graphs
// processor of Tempo v2.9.0 writes, so that a graph can stand beside dashboards made
// for Tempo and every difference be explained. It is not safe for concurrent use. It
// holds the series and, until [TempoProcessor.Expire], each half that waits for the other.
//
// [Config].Tempo runs one beside the graph. It is a type of its own and not a [Graph], because Tempo's
// answer is not one: it has a connection type in place of nodes with types, it times
// sides that were never seen as 0 seconds, and it depends on the order of arrival, so
// that two of them do not merge.
//
// # What Tempo does
//
// A CLIENT or PRODUCER span and a SERVER or CONSUMER span are the halves of one call
// if the latter is the direct child of the former. The first half to arrive waits in
// a store; with the second the call is counted and forgotten, so that a third span
// with the same key waits anew. Halves overwrite what is there, but a failure stays.
// A client span with database attributes is a call by itself. What waits too long
// becomes a call to or from a virtual node, if a peer attribute names the other side
// or if it is the server span at the root of a trace, whose caller is called "user".
// Spans in between, links, and the other spans of a trace are never looked at.
//
// # What cannot be equal
//
//   - The order of arrival. Spans of one trace must be added in the order in which
//     they reached Tempo, which a file or a query does not always tell. The order
//     of spans of different traces only matters for the last digits of the sums of
//     histograms, and for what MaxItems drops.
//   - The expiry clock. Tempo forgets a half 9 to 12 seconds after it arrived
//     ("wait", in whole seconds, looked at every other second), and everything when
//     it stops. There is no clock here: halves wait until Expire is called.
//   - What never reaches Tempo's processor: spans that ended more than 30 seconds
//     before or after they arrived, whole requests with an empty trace id or span id,
//     spans over a rate limit. Whoever adds spans leaves those out.
//   - What happens to series afterwards: Tempo starts at zero with every process,
//     forgets series after 15 idle minutes, may limit their number, and marks those of
//     each process with a label of their own. Exemplars and native histograms are not
//     written here.
//   - What a [Span] does not tell. A service.name that is empty is taken for a missing
//     one, whose spans Tempo passes over: an empty one never completes a call either,
//     but Tempo counts it as a half, whose time and failure can get into a virtual
//     edge. Attributes that are lists, maps or bytes are left out by sources; Tempo
//     takes them for text. A sampling probability must be a floating point number for
//     Tempo, and here anything that reads as one and not as an integer. Invalid UTF-8
//     is replaced by sources, and passed on by Tempo.
type TempoProcessor struct {
	cfg      TempoConfig
	labels   []string  // names of the labels beside client, server and connection type
	waiting  list.List // of *tempoCall, in order of arrival
	byKey    map[tempoKey]*list.Element
	series   []TempoSeries // sorted
	counters TempoCounters
}

// TempoCounters are what Tempo's processor counts about itself.
type TempoCounters struct {
	Edges   uint64 // calls begun: tempo_metrics_generator_processor_service_graphs_edges
	Expired uint64 // halves whose other half never came and cannot be named: …_expired_edges
	Dropped uint64 // spans that found MaxItems calls waiting: …_dropped_spans
}

// NewTempoProcessor returns a processor that has seen no span.
func NewTempoProcessor(cfg TempoConfig) *TempoProcessor {
	if cfg.PeerAttributes == nil {
		cfg.PeerAttributes = []string{"peer.service", "db.name", "db.system"}
	}
	if cfg.Buckets == nil {
		cfg.Buckets = []float64{0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8}
	}
	return &TempoProcessor{cfg: cfg, labels: cfg.labelNames(), byKey: make(map[tempoKey]*list.Element)}
}

// Add takes one span. The order matters. It reads the attributes for which
// [TempoConfig.ReadsAttr] is true, of the span and of its resource.
func (p *TempoProcessor) Add(s Span) {
	if s.Service == "" {
		return
	}
	key := tempoKey{s.TraceID, s.SpanID}
	switch {
	case s.Kind.calls():
	case s.Kind.serves():
		key.client = s.ParentID
	default:
		return
	}

	element, known := p.byKey[key]
	call := &tempoCall{key: key}
	if known {
		call = element.Value.(*tempoCall)
	}
	p.enter(call, &s)
	switch {
	case known && call.complete():
		p.count(call)
		p.waiting.Remove(element)
		delete(p.byKey, key)
	case known:
	case call.complete(): // a database never waits
		p.counters.Edges++
		p.count(call)
	case p.cfg.MaxItems > 0 && p.waiting.Len() >= p.cfg.MaxItems:
		p.counters.Dropped++
	default:
		p.counters.Edges++
		p.byKey[key] = p.waiting.PushBack(call)
	}
}

// Expire ends the wait of every call that has one half, in order of arrival.
func (p *TempoProcessor) Expire() {
	for e := p.waiting.Front(); e != nil; e = e.Next() {
		p.expire(e.Value.(*tempoCall))
	}
	p.waiting.Init()
	clear(p.byKey)
}

// Counters returns what the processor has counted about itself.
func (p *TempoProcessor) Counters() TempoCounters { return p.counters }

// A tempoKey is the identity of a call: the trace, and the id of its client span,
// which is the parent id of its server span. It is zero for a server span without a
// parent.
type tempoKey struct {
	trace  TraceID
	client SpanID
}

// A tempoCall is what is known of a call.
type tempoCall struct {
	key            tempoKey
	connectionType string
	client, server string   // services; empty as long as unknown
	peer           string   // the other side as the last half with a peer attribute names it
	labels         []string // values of the processor's labels
	failed         bool
	multiplier     float64

	clientSeconds, serverSeconds float64
	clientEnd, serverStart       int64
}

func (c *tempoCall) complete() bool { return c.client != "" && c.server != "" }

// enter writes what a span says into its call, over what was there.
func (p *TempoProcessor) enter(c *tempoCall, s *Span) {
	c.connectionType = ""
	if s.Kind == KindProducer || s.Kind == KindConsumer {
		c.connectionType = connectionMessaging
	}
	c.failed = c.failed || s.Status == StatusError
	c.multiplier = p.cfg.multiplier(s)
	if name, ok := p.cfg.peer(s); ok {
		c.peer = name
	}
	p.label(c, s)
	seconds := secondsBetween(s.Start, s.End)
	if s.Kind.serves() {
		c.server, c.serverSeconds, c.serverStart = s.Service, seconds, s.Start
		return
	}
	c.client, c.clientSeconds, c.clientEnd = s.Service, seconds, s.End
	c.enterDatabase(s, seconds)
}

// expire counts a call of which one half is missing, if it can be named.
func (p *TempoProcessor) expire(c *tempoCall) {
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

// label writes the dimensions that a span has into the labels of its call.
func (p *TempoProcessor) label(c *tempoCall, s *Span) {
	if c.labels == nil {
		c.labels = make([]string, len(p.labels))
	}
	for i, key := range p.cfg.Dimensions {
		value, ok := tempoAttr(s, key)
		switch {
		case !ok:
		case !p.cfg.PrefixDimensions:
			c.labels[i] = value
		case s.Kind.calls():
			c.labels[2*i] = value
		default:
			c.labels[2*i+1] = value
		}
	}
}

// labelNames returns the names of the labels of the dimensions in their order, then
// that of the virtual node.
func (cfg TempoConfig) labelNames() []string {
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

// labelName makes the name of a Prometheus label of an attribute's key.
func labelName(key string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, key)
}

// secondsBetween returns the time between two Unix times in nanoseconds, 0 if the
// second is before the first.
func secondsBetween(start, end int64) float64 {
	if end < start {
		return 0
	}
	return float64(uint64(end)-uint64(start)) / 1e9
}

// Series returns the series of the calls counted so far, sorted by client, server,
// connection type and labels. They do not change afterwards.
func (p *TempoProcessor) Series() []TempoSeries {
	series := slices.Clone(p.series)
	for i := range series {
		s := &series[i]
		for _, h := range [...]*TempoHistogram{&s.ClientSeconds, &s.ServerSeconds, &s.MessagingSeconds} {
			h.Buckets = slices.Clone(h.Buckets)
		}
	}
	return series
}
