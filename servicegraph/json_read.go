package servicegraph

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/jsonstream"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
)

// These are the limits on the JSON of a graph. An edge takes one or two kB of JSON.
const (
	maxJSONBytes = 256 << 20
	maxJSONValue = 8 << 20 // bytes of one node, edge or pending call
	maxJSONNodes = 1 << 17
	maxJSONEdges = 1 << 18 // also of pending calls
)

// ReadJSON reads one graph in the format that [Graph.MarshalJSON] writes. It may read
// beyond the end of the graph, and ignores what follows. It returns an error for other
// schema versions and for graphs that contradict themselves.
//
// The text may come from anywhere: ReadJSON reads it node by node and edge by edge, and
// returns an error for more than 256 MiB of text, 131,072 nodes, 262,144 edges, or 8 MiB of
// one node or edge.
func ReadJSON(r io.Reader) (*Graph, error) {
	t := newTotals(&symbols{})
	if err := t.read(r); err != nil {
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

// A graphReader reads the JSON of a graph into totals. The fields of the graph may come in any
// order.
type graphReader struct {
	totals *totals
	json   *jsonstream.Reader

	schema  int
	nodes   []nodeIndex
	edges   []readEdge
	pending *jsonPending
	report  jsonReport
}

// A readEdge is an edge whose nodes may not be read yet.
type readEdge struct {
	jsonEnds
	sum       *edgeSum // nil if the edge has pending calls
	recovered float64
}

// read fills empty totals with the sums that a graph was made from.
func (t *totals) read(text io.Reader) error {
	r := &graphReader{totals: t, json: jsonstream.New(text, jsonstream.Limits{Value: maxJSONValue, Total: maxJSONBytes})}
	err := r.json.Object(r.field)
	if err == nil && r.schema != SchemaVersion {
		err = schemaError(r.schema)
	}
	if err == nil {
		err = r.finish()
	}
	if _, other := errors.AsType[schemaError](err); err == nil || other || r.json.Incomplete(err) {
		return err
	}
	return fmt.Errorf("%w: the graph was edited or damaged after it was written: write the graph again", err)
}

// finish fills the totals with what the graph says, which has been read to its end.
func (r *graphReader) finish() error {
	t := r.totals
	if err := r.addEdges(); err != nil {
		return err
	}
	if r.pending != nil {
		if err := t.readPending(r.pending); err != nil {
			return fmt.Errorf("pending calls: %w", err)
		}
	}
	resolved := t.resolve()
	var ok bool
	if t.report, ok = Report(r.report).without(resolved.found); !ok {
		return fmt.Errorf("the report counts fewer spans than the pending calls")
	}
	for i, n := range resolved.entries { // the entries of the nodes include those of pending calls
		node := t.node(i)
		if node.Entries < n {
			return fmt.Errorf("node %q has fewer entries than pending calls", node.ID)
		}
		node.Entries -= n
	}
	return nil
}

// A schemaError is the schema version of a graph that cannot be read.
type schemaError int

func (version schemaError) Error() string {
	hint := "is this a graph in the JSON format of this package?"
	if version > SchemaVersion {
		hint = "a newer version of this module wrote the graph: read it with that version"
	}
	return fmt.Sprintf("schema version %d, want %d: %s", int(version), SchemaVersion, hint)
}

// field reads a field of the graph. As in encoding/json, keys may be in any case.
func (r *graphReader) field(key string) error {
	switch strings.ToLower(key) {
	case "schema":
		if err := r.json.Value(&r.schema); err != nil || r.schema == SchemaVersion {
			return err
		}
		return schemaError(r.schema)
	case "nodes":
		return readList(r.json, "nodes", maxJSONNodes, func(j *earlyNode) error { return r.addNode(j.node()) })
	case "edges":
		return readList(r.json, "edges", maxJSONEdges, func(j *earlyEdge) error { return r.addEdge(j.edge()) })
	case "pending", "open":
		r.pending = new(jsonPending)
		return r.json.Object(r.pendingField)
	case "report":
		return r.readReport()
	}
	return r.json.Skip()
}

// noPosition is the position of a node that the text does not give.
const noPosition = -1

// readEnds are the positions of the nodes of an edge in a text. They are read instead of those of
// jsonEnds, which cannot tell a position that is missing from position 0.
type readEnds struct {
	Source *int `json:"source"`
	Target *int `json:"target"`
}

func (j *readEnds) addTo(e *jsonEnds) {
	e.Source, e.Target = noPosition, noPosition
	if j.Source != nil {
		e.Source = *j.Source
	}
	if j.Target != nil {
		e.Target = *j.Target
	}
}

// Some fields had other names in early versions of the format: the fields pending of a graph and of
// an edge were open, the field resolved of pending calls was settled, and the names that now end in
// Truncated ended in Cut. Graphs with these names are still read.
type (
	earlyNode struct {
		jsonNode
		AttrsCut bool `json:"attrsCut"`
	}
	earlyEdge struct {
		jsonEdge
		readEnds
		earlyTruncated
		Open bool `json:"open"`
	}
	earlyCall struct {
		jsonCall
		readEnds
		earlyTruncated
	}
	earlyTruncated struct {
		AttrsCut  bool `json:"attrsCut"`
		QueuesCut bool `json:"queuesCut"`
	}
	earlyReceive struct {
		jsonReceive
		Fate pairing.Outcome `json:"fate"`
	}
	earlyReport struct {
		jsonReport
		LinksSettled        uint64 `json:"linksSettled"`
		AddressesSettled    uint64 `json:"addressesSettled"`
		NamesCut            uint64 `json:"namesCut"`
		EnvironmentsCut     bool   `json:"environmentsCut"`
		DetachedServicesCut bool   `json:"detachedServicesCut"`
	}
)

func (j *earlyNode) node() *jsonNode {
	j.AttrsTruncated = j.AttrsTruncated || j.AttrsCut
	return &j.jsonNode
}

func (j *earlyEdge) edge() *jsonEdge {
	j.Pending = j.Pending || j.Open
	j.readEnds.addTo(&j.jsonEnds)
	j.earlyTruncated.addTo(&j.jsonEdge)
	return &j.jsonEdge
}

func (j *earlyCall) call() *jsonCall {
	j.readEnds.addTo(&j.jsonEnds)
	j.earlyTruncated.addTo(&j.jsonEdge)
	return &j.jsonCall
}

func (j *earlyTruncated) addTo(e *jsonEdge) {
	e.AttrsTruncated = e.AttrsTruncated || j.AttrsCut
	e.QueuesTruncated = e.QueuesTruncated || j.QueuesCut
}

func (j *earlyReceive) receive() *jsonReceive {
	j.Outcome = cmp.Or(j.Outcome, j.Fate)
	return &j.jsonReceive
}

func (r *graphReader) readReport() error {
	var early earlyReport
	err := r.json.Value(&early)
	r.report = early.jsonReport
	r.report.LinksResolvedEarly = cmp.Or(r.report.LinksResolvedEarly, early.LinksSettled)
	r.report.AddressesResolvedEarly = cmp.Or(r.report.AddressesResolvedEarly, early.AddressesSettled)
	r.report.NamesTruncated = cmp.Or(r.report.NamesTruncated, early.NamesCut)
	r.report.EnvironmentsTruncated = r.report.EnvironmentsTruncated || early.EnvironmentsCut
	r.report.DetachedServicesTruncated = r.report.DetachedServicesTruncated || early.DetachedServicesCut
	return err
}

// readList reads the elements of a list, and calls add with each of them.
func readList[T any](r *jsonstream.Reader, name string, most int, add func(*T) error) error {
	n := 0
	return r.List(func() error {
		if n++; n > most {
			return fmt.Errorf("%w: more than %s %s", jsonstream.ErrTooLarge, quantity.Number(most), name)
		}
		var element T
		if err := r.Value(&element); err != nil {
			return err
		}
		return add(&element)
	})
}

// pendingField reads a field of the pending calls.
func (r *graphReader) pendingField(key string) error {
	p := r.pending
	switch strings.ToLower(key) {
	case "nodes":
		return readInto(r.json, key, &p.Nodes, asIs)
	case "resolved", "settled":
		return readInto(r.json, key, &p.Resolved, (*earlyEdge).edge)
	case "calls":
		return readInto(r.json, key, &p.Calls, (*earlyCall).call)
	case "addresses":
		return readInto(r.json, key, &p.Addresses, asIs)
	case "kubernetes":
		return readInto(r.json, key, &p.Kubernetes, asIs)
	case "statements":
		return readInto(r.json, key, &p.Statements, asIs)
	case "sends":
		return readInto(r.json, key, &p.Sends, asIs)
	case "receives":
		return readInto(r.json, key, &p.Receives, (*earlyReceive).receive)
	}
	return r.json.Skip()
}

// readInto reads a list of pending calls. The function current returns an element with the current
// names of its fields.
func readInto[Early, T any](r *jsonstream.Reader, name string, list *[]T, current func(*Early) *T) error {
	return readList(r, name, maxJSONEdges, func(element *Early) error {
		*list = append(*list, *current(element))
		return nil
	})
}

// asIs returns an element whose fields have always had the same names.
func asIs[T any](element *T) *T { return element }

func (r *graphReader) addNode(j *jsonNode) error {
	t := r.totals
	node := t.names.node(NodeID{j.Namespace, j.Name, j.Type})
	r.nodes = append(r.nodes, node)
	if int(node) != len(r.nodes) {
		return fmt.Errorf("node %q is listed twice", j.ID)
	}
	requests, err := j.Requests.stats()
	if err != nil {
		return fmt.Errorf("node %q: %w", j.ID, err)
	}
	if !j.Type.isPeer() {
		n := t.node(node)
		n.Entries, n.Requests, n.Recovered, n.SelfTime = j.Entries, requests, j.Recovered, time.Duration(j.SelfTime)
		for _, a := range j.Attrs {
			n.mergeAttrs([]Attr{Attr(a)}, j.AttrsTruncated)
		}
	}
	return nil
}

func (r *graphReader) addEdge(j *jsonEdge) error {
	e := readEdge{jsonEnds: j.jsonEnds, recovered: j.Recovered}
	if !j.Pending {
		e.sum = new(edgeSum)
		if err := j.fill(&e.sum.Edge); err != nil {
			return err
		}
	}
	r.edges = append(r.edges, e)
	return nil
}

// addEdges adds the edges to the totals. It is called when all nodes are known.
func (r *graphReader) addEdges() error {
	t := r.totals
	ends := make(map[nodeIndex]bool)
	for _, e := range r.edges {
		key, err := e.key(r.nodes)
		if err != nil {
			return err
		}
		ends[key.from], ends[key.to] = true, true
		if t.hasNode(key.to) { // the totals count for a node only what no edge counts
			n := t.node(key.to)
			n.Recovered = max(n.Recovered-e.recovered, 0)
		}
		switch {
		case e.sum == nil:
		case t.edges[key] != nil:
			return fmt.Errorf("edge %q to %q is listed twice", e.From, e.To)
		default:
			e.sum.ID = EdgeID{t.names.nodeID(key.from), t.names.nodeID(key.to), key.kind}
			t.edges[key] = e.sum
		}
	}
	for _, n := range r.nodes {
		// A peer without an edge is in the graph because a view left its edges out.
		if !ends[n] {
			t.node(n)
		}
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
func (j *jsonEnds) key(nodes []nodeIndex) (edgeKey, error) {
	for _, end := range []struct {
		field    string
		position int
	}{{"source", j.Source}, {"target", j.Target}} {
		if end.position == noPosition {
			return edgeKey{}, fmt.Errorf("edge %q to %q: want the position of a node in the field %s, which is missing or -1", j.From, j.To, end.field)
		}
	}
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

func (j *jsonStats) stats() (Stats, error) {
	latency, err := j.Latency.latency()
	if err == nil && j.Observed == 0 && (j.Calls != 0 || j.Errors != 0 || latency.count != 0) {
		err = fmt.Errorf("%s, %s of which failed, and %s, but no spans", quantity.Of(j.Calls, "call"), quantity.Number(j.Errors), quantity.Of(latency.count, "latency sample"))
	}
	return Stats{Calls: j.Calls, Errors: j.Errors, Observed: j.Observed, Latency: latency}, err
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
