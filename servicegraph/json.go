package servicegraph

import "encoding/json"

// SchemaVersion is the version of the JSON format. It is incremented when a field is
// removed or changes its meaning, but not for new fields.
const SchemaVersion = 1

// The JSON format, whose published schema is graph.schema.json. Durations are whole
// nanoseconds, times are Unix nanoseconds. From and To are the ids of nodes, and
// Source and Target the positions of the same nodes in Nodes. Quantiles are written for the
// convenience of other programs: ReadJSON ignores them and uses the buckets.
type (
	jsonGraph struct {
		Schema  int          `json:"schema"`
		Nodes   []jsonNode   `json:"nodes"`
		Edges   []jsonEdge   `json:"edges"`
		Report  jsonReport   `json:"report"`
		Pending *jsonPending `json:"pending,omitempty"`
	}
	jsonNode struct {
		ID             string     `json:"id"`
		Namespace      string     `json:"namespace"`
		Name           string     `json:"name"`
		Type           NodeType   `json:"type"`
		Entries        float64    `json:"entries"`
		Requests       jsonStats  `json:"requests"`
		Recovered      float64    `json:"recovered,omitempty"`
		SelfTime       int64      `json:"selfTime"`
		Attrs          []jsonAttr `json:"attrs,omitempty"`
		AttrsTruncated bool       `json:"attrsTruncated,omitempty"`
	}
	jsonAttr struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	jsonEnds struct {
		From    string   `json:"from"`
		To      string   `json:"to"`
		Kind    EdgeKind `json:"kind"`
		Pending bool     `json:"pending,omitempty"` // the edge includes pending calls, so ReadJSON computes it from jsonPending
		Source  int      `json:"source"`
		Target  int      `json:"target"`
	}
	jsonEdge struct {
		jsonEnds
		Calls           float64        `json:"calls"`
		Errors          float64        `json:"errors"`
		Recovered       float64        `json:"recovered,omitempty"`
		Retries         float64        `json:"retries,omitempty"`
		MaxPerTrace     uint64         `json:"maxPerTrace,omitempty"`
		Caller          *jsonStats     `json:"caller,omitempty"`
		Callee          *jsonStats     `json:"callee,omitempty"`
		Gap             *jsonLatency   `json:"gap,omitempty"`
		Evidence        jsonEvidence   `json:"evidence"`
		Attrs           []jsonAttr     `json:"attrs,omitempty"`
		AttrsTruncated  bool           `json:"attrsTruncated,omitempty"`
		Queues          []jsonID       `json:"queues,omitempty"`
		QueuesTruncated bool           `json:"queuesTruncated,omitempty"`
		Slowest         []jsonExemplar `json:"slowest,omitempty"`
		Failed          []jsonExemplar `json:"failed,omitempty"`
		First           int64          `json:"first,omitempty"`
		Last            int64          `json:"last,omitempty"`
	}
	jsonStats struct {
		Calls    float64      `json:"calls"`
		Errors   float64      `json:"errors"`
		Observed uint64       `json:"observed"`
		Latency  *jsonLatency `json:"latency,omitempty"`
	}
	jsonLatency struct {
		Count   float64      `json:"count"`
		Sum     uint64       `json:"sum"`
		Min     int64        `json:"min"`
		Max     int64        `json:"max"`
		P50     int64        `json:"p50"`
		P95     int64        `json:"p95"`
		P99     int64        `json:"p99"`
		Buckets []jsonBucket `json:"buckets"`
	}
	jsonBucket   [2]float64 // index, weight
	jsonEvidence struct {
		Both    float64 `json:"both,omitempty"`
		Caller  float64 `json:"caller,omitempty"`
		Callee  float64 `json:"callee,omitempty"`
		Address float64 `json:"address,omitempty"`
		Name    float64 `json:"name,omitempty"`

		Inferred float64 `json:"inferred,omitempty"`
	}
	jsonID struct {
		Namespace string   `json:"namespace,omitempty"`
		Name      string   `json:"name"`
		Type      NodeType `json:"type"`
	}
	jsonExemplar struct {
		TraceID  string `json:"traceId"`
		SpanID   string `json:"spanId"`
		Duration int64  `json:"duration"`
	}
	jsonReport struct {
		Traces                    uint64   `json:"traces"`
		Spans                     uint64   `json:"spans"`
		Paired                    uint64   `json:"paired"`
		Virtual                   uint64   `json:"virtual"`
		Nested                    uint64   `json:"nested"`
		Root                      uint64   `json:"root"`
		Internal                  uint64   `json:"internal"`
		Orphan                    uint64   `json:"orphan"`
		Unresolved                uint64   `json:"unresolved"`
		Duplicate                 uint64   `json:"duplicate"`
		Invalid                   uint64   `json:"invalid"`
		Late                      uint64   `json:"late"`
		Hidden                    uint64   `json:"hidden,omitempty"`
		Detached                  uint64   `json:"detached,omitempty"`
		Pending                   uint64   `json:"pending,omitempty"`
		MissingParent             uint64   `json:"missingParent"`
		Cycles                    uint64   `json:"cycles"`
		InvalidDuration           uint64   `json:"invalidDuration"`
		Unfinished                uint64   `json:"unfinished"`
		Skewed                    uint64   `json:"skewed"`
		UnknownService            uint64   `json:"unknownService"`
		Uninferred                uint64   `json:"uninferred,omitempty"`
		Sampled                   uint64   `json:"sampled,omitempty"`
		LinkMissing               uint64   `json:"linkMissing"`
		AddressConflicts          uint64   `json:"addressConflicts"`
		LinksResolvedEarly        uint64   `json:"linksResolvedEarly,omitempty"`
		AddressesResolvedEarly    uint64   `json:"addressesResolvedEarly,omitempty"`
		Open                      uint64   `json:"open,omitempty"`
		Reopened                  uint64   `json:"reopened,omitempty"`
		ClosedQuiet               uint64   `json:"closedQuiet,omitempty"`
		ClosedAge                 uint64   `json:"closedAge,omitempty"`
		EvictedSpans              uint64   `json:"evictedSpans,omitempty"`
		EvictedTraces             uint64   `json:"evictedTraces,omitempty"`
		NodesFolded               uint64   `json:"nodesFolded,omitempty"`
		NamesTruncated            uint64   `json:"namesTruncated,omitempty"`
		LongNames                 uint64   `json:"longNames,omitempty"`
		FoldedCalls               float64  `json:"foldedCalls,omitempty"`
		Skipped                   uint64   `json:"skipped"`
		LeftOutTraces             uint64   `json:"leftOutTraces,omitempty"`
		Limited                   string   `json:"limited,omitempty"`
		HiddenCalls               float64  `json:"hiddenCalls,omitempty"`
		HiddenErrors              float64  `json:"hiddenErrors,omitempty"`
		LeftOutNodes              uint64   `json:"leftOutNodes,omitempty"`
		LeftOutEdges              uint64   `json:"leftOutEdges,omitempty"`
		LeftOutCalls              float64  `json:"leftOutCalls,omitempty"`
		Environments              []string `json:"environments,omitempty"`
		EnvironmentsTruncated     bool     `json:"environmentsTruncated,omitempty"`
		DetachedServices          []string `json:"detachedServices,omitempty"`
		DetachedServicesTruncated bool     `json:"detachedServicesTruncated,omitempty"`
		First                     int64    `json:"first,omitempty"`
		Last                      int64    `json:"last,omitempty"`
	}
)

// MarshalJSON returns the graph in its JSON format, which has a version: [SchemaVersion].
// Equal graphs give equal bytes, and [ReadJSON] restores the graph without loss. The file
// servicegraph/graph.schema.json describes every field.
//
// The receiver is a value, because encoding/json ignores the method of a pointer where a Graph has
// no address: in a map, or in a struct that is passed by value.
func (g Graph) MarshalJSON() ([]byte, error) {
	out := jsonGraph{
		Schema: SchemaVersion,
		Nodes:  make([]jsonNode, len(g.nodes)),
		Edges:  make([]jsonEdge, len(g.edges)),
		Report: jsonReport(g.report),
	}
	position := make(map[NodeID]int, len(g.nodes))
	ids := g.jsonIDs()
	for i := range g.nodes {
		n := &g.nodes[i]
		position[n.ID] = i
		var attrs []jsonAttr
		for _, a := range n.Attrs {
			attrs = append(attrs, jsonAttr(a))
		}
		out.Nodes[i] = jsonNode{
			ID: ids[i], Namespace: n.ID.Namespace, Name: n.ID.Name, Type: n.ID.Type,
			Entries: n.Entries, Requests: *statsToJSON(n.Requests), Recovered: n.Recovered, SelfTime: int64(n.SelfTime),
			Attrs: attrs, AttrsTruncated: n.AttrsTruncated,
		}
	}
	for i := range g.edges {
		e := &g.edges[i]
		j := edgeToJSON(e)
		j.Source, j.Target = position[e.ID.From], position[e.ID.To]
		j.From, j.To = ids[j.Source], ids[j.Target]
		out.Edges[i] = j
	}
	if g.totals != nil {
		out.Pending = g.totals.pendingToJSON(out.Edges, g.edges)
	}
	return json.Marshal(out)
}

// jsonIDs returns the ids of the nodes. An id is the text of [NodeID.String]. If nodes of different
// types have the same text, the id of a service is the text alone, or, without a service, the id of
// the first node in order; the others add their type.
func (g *Graph) jsonIDs() []string {
	ids := make([]string, len(g.nodes))
	taken := make(map[string]bool, len(g.nodes))
	take := func(i int, id string) {
		for taken[id] {
			id += " (" + string(g.nodes[i].ID.Type) + ")"
		}
		ids[i], taken[id] = id, true
	}
	for _, services := range [...]bool{true, false} {
		for i := range g.nodes {
			if id := g.nodes[i].ID; (id.Type == TypeService) == services {
				take(i, id.String())
			}
		}
	}
	return ids
}

func edgeToJSON(e *Edge) jsonEdge {
	j := jsonEdge{
		jsonEnds: jsonEnds{From: e.ID.From.String(), To: e.ID.To.String(), Kind: e.ID.Kind},
		Calls:    e.Calls, Errors: e.Errors, Recovered: e.Recovered, Retries: e.Retries, MaxPerTrace: e.MaxPerTrace,
		Gap:      latencyToJSON(e.Gap),
		Evidence: jsonEvidence(e.Evidence),
		Slowest:  exemplarsToJSON(e.Slowest),
		Failed:   exemplarsToJSON(e.Failed),
		First:    e.First, Last: e.Last,
	}
	if e.Caller.Observed > 0 {
		j.Caller = statsToJSON(e.Caller)
	}
	if e.Callee.Observed > 0 {
		j.Callee = statsToJSON(e.Callee)
	}
	j.QueuesTruncated = e.QueuesTruncated
	j.AttrsTruncated = e.AttrsTruncated
	for _, a := range e.Attrs {
		j.Attrs = append(j.Attrs, jsonAttr(a))
	}
	for _, q := range e.Queues {
		j.Queues = append(j.Queues, jsonID(q))
	}
	return j
}

func statsToJSON(s Stats) *jsonStats {
	return &jsonStats{Calls: s.Calls, Errors: s.Errors, Observed: s.Observed, Latency: latencyToJSON(s.Latency)}
}

func latencyToJSON(l Latency) *jsonLatency {
	if l.count == 0 {
		return nil
	}
	j := &jsonLatency{
		Count: l.count, Sum: l.sum, Min: l.min, Max: l.max,
		P50: int64(l.Quantile(0.50)), P95: int64(l.Quantile(0.95)), P99: int64(l.Quantile(0.99)),
	}
	for b, weight := range l.counts.All() {
		j.Buckets = append(j.Buckets, jsonBucket{float64(b), weight})
	}
	return j
}

func exemplarsToJSON(list []Exemplar) []jsonExemplar {
	var out []jsonExemplar
	for _, x := range list {
		out = append(out, jsonExemplar{x.TraceID.String(), x.SpanID.String(), int64(x.Duration)})
	}
	return out
}
