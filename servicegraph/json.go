package servicegraph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
)

// SchemaVersion is the version of the JSON format. It is incremented when a field is
// removed or changes its meaning, but not for new fields.
const SchemaVersion = 1

// The JSON format, whose published schema is graph.schema.json. Durations are whole
// nanoseconds, times are Unix nanoseconds. From and To are the ids of nodes, and
// Source and Target the positions of the same nodes in Nodes. Quantiles are written for the
// convenience of other programs: ReadJSON ignores them and uses the buckets.
type (
	jsonGraph struct {
		Schema int          `json:"schema"`
		Nodes  []jsonNode   `json:"nodes"`
		Edges  []jsonEdge   `json:"edges"`
		Report jsonReport   `json:"report"`
		Open   *jsonPending `json:"open,omitempty"`
	}
	jsonNode struct {
		ID             string     `json:"id"`
		Namespace      string     `json:"namespace"`
		Name           string     `json:"name"`
		Type           NodeType   `json:"type"`
		Entries        float64    `json:"entries"`
		Requests       jsonStats  `json:"requests"`
		SelfTime       int64      `json:"selfTime"`
		Attrs          []jsonAttr `json:"attrs,omitempty"`
		AttrsTruncated bool       `json:"attrsCut,omitempty"`
	}
	jsonAttr struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	jsonEdge struct {
		From            string         `json:"from"`
		To              string         `json:"to"`
		Kind            EdgeKind       `json:"kind"`
		Open            bool           `json:"open,omitempty"` // the edge includes pending calls, so ReadJSON computes it from jsonPending
		Source          int            `json:"source"`
		Target          int            `json:"target"`
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
		AttrsTruncated  bool           `json:"attrsCut,omitempty"`
		Queues          []jsonID       `json:"queues,omitempty"`
		QueuesTruncated bool           `json:"queuesCut,omitempty"`
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
		Traces                 uint64   `json:"traces"`
		Spans                  uint64   `json:"spans"`
		Paired                 uint64   `json:"paired"`
		Virtual                uint64   `json:"virtual"`
		Nested                 uint64   `json:"nested"`
		Root                   uint64   `json:"root"`
		Internal               uint64   `json:"internal"`
		Orphan                 uint64   `json:"orphan"`
		Unresolved             uint64   `json:"unresolved"`
		Duplicate              uint64   `json:"duplicate"`
		Invalid                uint64   `json:"invalid"`
		Late                   uint64   `json:"late"`
		Hidden                 uint64   `json:"hidden,omitempty"`
		Pending                uint64   `json:"pending,omitempty"`
		MissingParent          uint64   `json:"missingParent"`
		Cycles                 uint64   `json:"cycles"`
		InvalidDuration        uint64   `json:"invalidDuration"`
		Unfinished             uint64   `json:"unfinished"`
		Skewed                 uint64   `json:"skewed"`
		UnknownService         uint64   `json:"unknownService"`
		Sampled                uint64   `json:"sampled,omitempty"`
		LinkMissing            uint64   `json:"linkMissing"`
		AddressConflicts       uint64   `json:"addressConflicts"`
		LinksResolvedEarly     uint64   `json:"linksSettled,omitempty"`
		AddressesResolvedEarly uint64   `json:"addressesSettled,omitempty"`
		Open                   uint64   `json:"open,omitempty"`
		Reopened               uint64   `json:"reopened,omitempty"`
		ClosedQuiet            uint64   `json:"closedQuiet,omitempty"`
		ClosedAge              uint64   `json:"closedAge,omitempty"`
		EvictedSpans           uint64   `json:"evictedSpans,omitempty"`
		EvictedTraces          uint64   `json:"evictedTraces,omitempty"`
		NodesFolded            uint64   `json:"nodesFolded,omitempty"`
		NamesTruncated         uint64   `json:"namesCut,omitempty"`
		Skipped                uint64   `json:"skipped"`
		LeftOutTraces          uint64   `json:"leftOutTraces,omitempty"`
		HiddenCalls            float64  `json:"hiddenCalls,omitempty"`
		HiddenErrors           float64  `json:"hiddenErrors,omitempty"`
		LeftOutNodes           uint64   `json:"leftOutNodes,omitempty"`
		LeftOutEdges           uint64   `json:"leftOutEdges,omitempty"`
		LeftOutCalls           float64  `json:"leftOutCalls,omitempty"`
		Environments           []string `json:"environments,omitempty"`
		EnvironmentsTruncated  bool     `json:"environmentsCut,omitempty"`
		First                  int64    `json:"first,omitempty"`
		Last                   int64    `json:"last,omitempty"`
	}
)

// MarshalJSON returns the graph in its JSON format, which has a version: [SchemaVersion].
// Equal graphs give equal bytes, and [ReadJSON] restores the graph without loss. The file
// servicegraph/graph.schema.json describes every field.
func (g *Graph) MarshalJSON() ([]byte, error) {
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
			Entries: n.Entries, Requests: *statsToJSON(n.Requests), SelfTime: int64(n.SelfTime),
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
		out.Open = g.totals.pendingToJSON(out.Edges, g.edges)
	}
	return json.Marshal(out)
}

// jsonIDs returns the ids of the nodes: the results of [NodeID.String], which nodes of different
// types can share. The service keeps that id, else the first in order, and the others add their type.
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
		From: e.ID.From.String(), To: e.ID.To.String(), Kind: e.ID.Kind,
		Calls: e.Calls, Errors: e.Errors, Recovered: e.Recovered, Retries: e.Retries, MaxPerTrace: e.MaxPerTrace,
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

// ReadJSON reads one graph in the format that [Graph.MarshalJSON] writes. It may read
// beyond the end of the graph, and ignores what follows. It returns an error for other
// schema versions and for graphs that contradict themselves.
func ReadJSON(r io.Reader) (*Graph, error) {
	var in jsonGraph
	if err := json.NewDecoder(r).Decode(&in); err != nil {
		return nil, fmt.Errorf("reading a graph: %w", err)
	}
	if in.Schema != SchemaVersion {
		return nil, fmt.Errorf("reading a graph: schema version %d, want %d", in.Schema, SchemaVersion)
	}
	t := newTotals(&symbols{})
	if err := t.read(&in); err != nil {
		return nil, fmt.Errorf("reading a graph: %w", err)
	}
	return t.graph(), nil
}

// UnmarshalJSON replaces the graph with the graph in data, which has the format that
// [ReadJSON] reads. If data is null, or in case of an error, the graph is unchanged.
// UnmarshalJSON is the only method that writes to a Graph: no other goroutine may use the
// graph at the same time.
func (g *Graph) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	read, err := ReadJSON(bytes.NewReader(data))
	if err == nil {
		*g = *read
	}
	return err
}

// read fills empty totals with the sums that a graph was made from.
func (t *totals) read(in *jsonGraph) error {
	nodes := make([]nodeIndex, len(in.Nodes))
	for i, j := range in.Nodes {
		nodes[i] = t.names.node(NodeID{j.Namespace, j.Name, j.Type})
		if int(nodes[i]) != i+1 {
			return fmt.Errorf("node %q is listed twice", j.ID)
		}
		requests, err := j.Requests.stats()
		if err != nil {
			return fmt.Errorf("node %q: %w", j.ID, err)
		}
		if !j.Type.isPeer() {
			n := t.node(nodes[i])
			n.Entries, n.Requests, n.SelfTime = j.Entries, requests, time.Duration(j.SelfTime)
			for _, a := range j.Attrs {
				n.mergeAttrs([]Attr{Attr(a)}, j.AttrsTruncated)
			}
		}
	}
	ends := make(map[nodeIndex]bool)
	for _, j := range in.Edges {
		key, err := j.key(nodes)
		if err != nil {
			return err
		}
		ends[key.from], ends[key.to] = true, true
		if j.Open {
			continue
		}
		if err := t.readEdge(&j, nodes); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		// A peer without an edge is in the graph because a view left its edges out.
		if !ends[n] {
			t.node(n)
		}
	}
	if in.Open != nil {
		if err := t.readPending(in.Open); err != nil {
			return fmt.Errorf("pending calls: %w", err)
		}
	}
	r := t.resolve()
	var ok bool
	if t.report, ok = Report(in.Report).without(r.found); !ok {
		return fmt.Errorf("the report counts fewer spans than the pending calls")
	}
	for i, n := range r.entries { // the entries of the nodes include those of pending calls
		node := t.node(i)
		if node.Entries < n {
			return fmt.Errorf("node %q has fewer entries than pending calls", node.ID)
		}
		node.Entries -= n
	}
	return nil
}

// readEdge adds an edge without pending calls. nodes are the nodes by their position in
// the list that the edge refers to.
func (t *totals) readEdge(j *jsonEdge, nodes []nodeIndex) error {
	key, err := j.key(nodes)
	if err != nil {
		return err
	}
	if t.edges[key] != nil {
		return fmt.Errorf("edge %q to %q is listed twice", j.From, j.To)
	}
	return j.fill(&t.edge(key).Edge)
}

// key returns the key of the edge, whose Source and Target are positions in nodes.
func (j *jsonEdge) key(nodes []nodeIndex) (edgeKey, error) {
	if min(j.Source, j.Target) < 0 || max(j.Source, j.Target) >= len(nodes) {
		return edgeKey{}, fmt.Errorf("edge %q to %q: source %d or target %d is not the position of a node", j.From, j.To, j.Source, j.Target)
	}
	return edgeKey{nodes[j.Source], nodes[j.Target], j.Kind}, nil
}

// fill sets the fields of a new edge, except for its ID.
func (j *jsonEdge) fill(e *Edge) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("edge %q to %q: %w", j.From, j.To, err)
		}
	}()
	e.Calls, e.Errors = j.Calls, j.Errors
	e.Recovered, e.Retries, e.MaxPerTrace = j.Recovered, j.Retries, j.MaxPerTrace
	e.Evidence = Evidence(j.Evidence)
	e.First, e.Last = j.First, j.Last
	for _, q := range j.Queues {
		e.addQueue(NodeID(q))
	}
	e.QueuesTruncated = e.QueuesTruncated || j.QueuesTruncated
	for _, a := range j.Attrs {
		e.Attrs, _ = attrSet(e.Attrs).with(Attr(a))
	}
	e.AttrsTruncated = j.AttrsTruncated
	if j.Caller != nil {
		if e.Caller, err = j.Caller.stats(); err != nil {
			return fmt.Errorf("caller: %w", err)
		}
	}
	if j.Callee != nil {
		if e.Callee, err = j.Callee.stats(); err != nil {
			return fmt.Errorf("callee: %w", err)
		}
	}
	if e.Gap, err = j.Gap.latency(); err != nil {
		return fmt.Errorf("gap: %w", err)
	}
	if e.Slowest, err = exemplarsFromJSON(j.Slowest); err != nil {
		return fmt.Errorf("slowest: %w", err)
	}
	if e.Failed, err = exemplarsFromJSON(j.Failed); err != nil {
		return fmt.Errorf("failed: %w", err)
	}
	return nil
}

func statsToJSON(s Stats) *jsonStats {
	return &jsonStats{Calls: s.Calls, Errors: s.Errors, Observed: s.Observed, Latency: latencyToJSON(s.Latency)}
}

func (j *jsonStats) stats() (Stats, error) {
	latency, err := j.Latency.latency()
	if err == nil && j.Observed == 0 && (j.Calls != 0 || j.Errors != 0 || latency.count != 0) {
		err = fmt.Errorf("%v calls, %v of which failed, and %v latency samples, but no spans", j.Calls, j.Errors, latency.count)
	}
	return Stats{Calls: j.Calls, Errors: j.Errors, Observed: j.Observed, Latency: latency}, err
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

func (j *jsonLatency) latency() (Latency, error) {
	if j == nil {
		return Latency{}, nil
	}
	l := Latency{count: j.Count, sum: j.Sum, min: j.Min, max: j.Max}
	if l.min < 0 || l.max < l.min {
		return Latency{}, fmt.Errorf("latency from %d to %d ns", l.min, l.max)
	}
	total, last := 0.0, -1
	for _, b := range j.Buckets {
		i, weight := int(b[0]), b[1]
		if float64(i) != b[0] || i <= last || i < histogram.Bucket(l.min) || i > histogram.Bucket(l.max) || weight <= 0 {
			return Latency{}, fmt.Errorf("latency bucket [%v,%v]: want rising indices from %d to %d with weights above 0", b[0], b[1], histogram.Bucket(l.min), histogram.Bucket(l.max))
		}
		l.counts.Add(i, weight)
		total, last = total+weight, i
	}
	if min(total, maxWeight) != l.count {
		return Latency{}, fmt.Errorf("latency buckets hold %v samples, want %v", total, l.count)
	}
	return l, nil
}

func exemplarsToJSON(list []Exemplar) []jsonExemplar {
	var out []jsonExemplar
	for _, x := range list {
		out = append(out, jsonExemplar{x.TraceID.String(), x.SpanID.String(), int64(x.Duration)})
	}
	return out
}

func exemplarsFromJSON(list []jsonExemplar) ([]Exemplar, error) {
	var out []Exemplar
	for _, j := range list {
		trace, err := ParseTraceID(j.TraceID)
		if err != nil {
			return nil, err
		}
		span, err := ParseSpanID(j.SpanID)
		if err != nil {
			return nil, err
		}
		out = keepSlowest(out, Exemplar{trace, span, time.Duration(j.Duration)})
	}
	return out, nil
}
