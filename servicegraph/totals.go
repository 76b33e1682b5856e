package servicegraph

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// totals adds up calls until they become a Graph.
type totals struct {
	names *names
	nodes []*Node // by nodeIndex - 1; nil for nodes without spans
	edges map[edgeKey]*tally
	openEnds
	report Report
}

// A tally is an edge to which calls are added.
type tally struct {
	Edge
	trace   TraceID // the trace whose calls were added last
	inTrace uint64  // and how many there were
}

type edgeKey struct {
	from, to nodeIndex
	kind     EdgeKind
}

func newTotals(names *names) *totals {
	return &totals{names: names, edges: make(map[edgeKey]*tally), openEnds: newOpenEnds()}
}

// node returns the node with the given number, which it makes if need be.
func (t *totals) node(i nodeIndex) *Node {
	for len(t.nodes) < int(i) {
		t.nodes = append(t.nodes, nil)
	}
	if t.nodes[i-1] == nil {
		t.nodes[i-1] = &Node{ID: t.names.nodeID(i)}
	}
	return t.nodes[i-1]
}

// edge returns the edge with the given ends, which it makes if need be.
func (t *totals) edge(key edgeKey) *tally {
	e := t.edges[key]
	if e == nil {
		e = t.tally(key)
		t.edges[key] = e
	}
	return e
}

func (t *totals) tally(key edgeKey) *tally {
	return &tally{Edge: Edge{ID: EdgeID{t.names.nodeID(key.from), t.names.nodeID(key.to), key.kind}}}
}

// callsTo returns the calls with one known side that have the given key. Calls
// that nothing can tell more about are settled at once.
func (t *totals) callsTo(key callKey) *tally {
	if key.address == 0 && !key.fromName && !key.toName {
		return t.edge(key.edgeKey)
	}
	e := t.calls[key]
	if e == nil {
		e = t.tally(key.edgeKey)
		t.calls[key] = e
	}
	return e
}

// unknown reports whether a node stands for spans without a service name.
func (t *totals) unknown(i nodeIndex) bool {
	return strings.HasPrefix(t.names.nodeID(i).Name, unknownService)
}

// newGraph returns the graph of the given nodes and edges, which may be in any
// order and which it takes over; the ends of the edges are among the nodes. It has
// no open ends: this is how a view makes its graph. Peers are credited anew with
// what their callers saw.
func newGraph(nodes []Node, edges []Edge, report Report) *Graph {
	t := newTotals(&names{})
	t.report = report
	g := &Graph{nodes: nodes, edges: edges, report: report, totals: t}
	g.sort()
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.ID.Type.isPeer() {
			n.Requests = Stats{}
		}
		*t.node(t.names.node(n.ID)) = *n
	}
	for i := range g.edges {
		e := &g.edges[i] // nothing writes to the edges of finished totals
		t.edges[edgeKey{t.names.node(e.ID.From), t.names.node(e.ID.To), e.ID.Kind}] = &tally{Edge: *e}
	}
	t.names = t.names.frozen()
	g.creditPeers()
	return g
}

// graph returns the finished graph. It takes the totals over: they must not
// change any more.
func (t *totals) graph() *Graph {
	t.settleBeyond(maxOpenEnds)
	t.names = t.names.frozen()
	r := t.resolve()
	g := &Graph{totals: t, report: t.report}
	g.report.merge(r.found)
	has := make(map[NodeID]bool)
	for _, n := range t.nodes {
		if n != nil {
			has[n.ID] = true
			g.nodes = append(g.nodes, *n)
		}
	}
	for _, e := range r.view {
		g.edges = append(g.edges, *e)
		for _, id := range []NodeID{e.ID.From, e.ID.To} {
			if !has[id] {
				has[id] = true
				g.nodes = append(g.nodes, Node{ID: id})
			}
		}
	}
	g.sort()
	g.creditPeers()
	return g
}

// creditPeers gives the nodes without spans of their own the requests that their
// callers saw.
func (g *Graph) creditPeers() {
	for i := range g.nodes {
		n := &g.nodes[i]
		if !n.ID.Type.isPeer() {
			continue
		}
		for e := range g.In(n.ID) {
			n.Requests.merge(e.Caller)
		}
	}
}

// Merge returns the graph of all calls in the given graphs. It is associative
// and commutative, and the empty graph, like nil, changes nothing. Merging the graphs of
// two sets of spans is the same as building one graph of both as long as no
// trace is split between them; of a trace in both, each half is judged alone.
// One thing only a common build can see: a plain CLIENT span that a consumer in
// the other set links to.
func Merge(graphs ...*Graph) *Graph {
	sum := newTotals(&names{})
	for _, g := range graphs {
		if g != nil && g.totals != nil {
			sum.merge(g.totals)
		}
	}
	return sum.graph()
}

// merge adds other totals, whose names have other numbers.
func (t *totals) merge(o *totals) {
	node := func(i nodeIndex) nodeIndex {
		if i == 0 || i == manyOwners || t.names == o.names {
			return i
		}
		return t.names.node(o.names.nodeID(i))
	}
	address := func(i addressIndex) addressIndex {
		if i == 0 || t.names == o.names {
			return i
		}
		return t.names.address(o.names.addressOf(i))
	}
	edge := func(k edgeKey) edgeKey { return edgeKey{node(k.from), node(k.to), k.kind} }
	span := func(r record) record {
		r.node, r.peer, r.address = node(r.node), node(r.peer), address(r.address)
		return r
	}
	for _, n := range o.nodes {
		if n != nil {
			t.node(t.names.node(n.ID)).merge(n)
		}
	}
	for k, e := range o.edges {
		t.edge(edge(k)).merge(&e.Edge)
	}
	for k, e := range o.calls {
		t.callsTo(callKey{edge(k.edgeKey), address(k.address), k.fromName, k.toName}).merge(&e.Edge)
	}
	for at, owner := range o.owners {
		t.answered(address(at), node(owner))
	}
	for key, s := range o.sends {
		s.span = span(s.span)
		t.sent(key.span, s)
	}
	for k, r := range o.receives {
		r.span = span(r.span)
		t.received(receiveKey{k.span, node(k.node), k.target}, r)
	}
	t.report.merge(o.report)
}

// saturate adds durations up to the largest.
func saturate(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxInt64
}

// add counts one span.
func (s *Stats) add(r *record) {
	s.Calls = plus(s.Calls, r.weight)
	s.Observed++
	if r.failed() {
		s.Errors = plus(s.Errors, r.weight)
	}
	if ns, ok := r.duration(); ok {
		s.Latency.record(ns, r.weight)
	}
}

func (s *Stats) merge(o Stats) {
	s.Calls = plus(s.Calls, o.Calls)
	s.Errors = plus(s.Errors, o.Errors)
	s.Observed += o.Observed
	s.Latency.merge(o.Latency)
}

func (n *Node) merge(o *Node) {
	n.Entries = plus(n.Entries, o.Entries)
	n.Requests.merge(o.Requests)
	n.SelfTime = saturate(n.SelfTime, o.SelfTime)
	n.mergeAttrs(o.Attrs, o.AttrsCut)
}

func (e *Edge) merge(o *Edge) {
	e.Calls = plus(e.Calls, o.Calls)
	e.Errors = plus(e.Errors, o.Errors)
	e.Recovered = plus(e.Recovered, o.Recovered)
	e.Retries = plus(e.Retries, o.Retries)
	e.MaxPerTrace = max(e.MaxPerTrace, o.MaxPerTrace)
	e.Caller.merge(o.Caller)
	e.Callee.merge(o.Callee)
	e.Gap.merge(o.Gap)
	e.Evidence.Both = plus(e.Evidence.Both, o.Evidence.Both)
	e.Evidence.Caller = plus(e.Evidence.Caller, o.Evidence.Caller)
	e.Evidence.Callee = plus(e.Evidence.Callee, o.Evidence.Callee)
	e.Evidence.Address = plus(e.Evidence.Address, o.Evidence.Address)
	for _, q := range o.Queues {
		e.addQueue(q)
	}
	e.QueuesCut = e.QueuesCut || o.QueuesCut
	for _, x := range o.Slowest {
		e.Slowest = keepSlowest(e.Slowest, x)
	}
	for _, x := range o.Failed {
		e.Failed = keepSlowest(e.Failed, x)
	}
	e.First, e.Last = earliest(e.First, o.First), max(e.Last, o.Last)
}

// mergeOpen adds calls with one known side, whose other end was found by name or
// by address.
func (e *Edge) mergeOpen(o *Edge, byAddress bool) {
	if byAddress {
		found := *o
		found.Evidence.Address, found.Evidence.Caller = o.Evidence.Caller, 0
		o = &found
	}
	e.merge(o)
}

// addCaller adds a call that only a caller span shows.
func (e *Edge) addCaller(id Link, client *record) {
	e.Calls = plus(e.Calls, client.weight)
	if client.failed() {
		e.Errors = plus(e.Errors, client.weight)
	}
	e.Evidence.Caller = plus(e.Evidence.Caller, client.weight)
	e.Caller.add(client)
	e.widen(client)
	e.addExample(id, client, client.failed())
}

// addCallee adds a call that only a callee span shows.
func (e *Edge) addCallee(id Link, server *record) {
	e.Calls = plus(e.Calls, server.weight)
	if server.failed() {
		e.Errors = plus(e.Errors, server.weight)
	}
	e.Evidence.Callee = plus(e.Evidence.Callee, server.weight)
	e.Callee.add(server)
	e.widen(server)
	e.addExample(id, server, server.failed())
}

// addPair counts a call that both sides show. Each side's own statistics are
// added apart, once for each span.
func (e *Edge) addPair(client, server *record) {
	// Under consistent sampling both were kept by one decision, and the less
	// likely of the two probabilities is that of the pair.
	weight := max(client.weight, server.weight)
	e.Calls = plus(e.Calls, weight)
	if client.failed() || server.failed() {
		e.Errors = plus(e.Errors, weight)
	}
	e.Evidence.Both = plus(e.Evidence.Both, weight)
}

// addRepeat counts the call of a client that says it is trying again.
func (e *Edge) addRepeat(client *record) {
	if client.resent {
		e.Retries = plus(e.Retries, client.weight)
	}
}

// addInTrace counts calls of one trace. The calls of a trace are counted one
// after the other, before those of the next.
func (e *tally) addInTrace(trace TraceID, calls int) {
	if e.trace != trace {
		e.trace, e.inTrace = trace, 0
	}
	e.inTrace += uint64(calls)
	e.MaxPerTrace = max(e.MaxPerTrace, e.inTrace)
}

// addGap records the time between the two sides of a call: the way there and
// back of a request, the time in the queue of a message. Where clocks disagree
// so much that it would be negative, there is none.
func (e *Edge) addGap(client, server *record) {
	took, ok1 := client.duration()
	served, ok2 := server.duration()
	if !ok1 || !ok2 {
		return
	}
	between := took - served
	if e.ID.Kind == KindMessage {
		between = server.start - client.end
	}
	if between >= 0 {
		e.Gap.record(between, max(client.weight, server.weight))
	}
}

// addQueue notes a destination of the messages.
func (e *Edge) addQueue(q NodeID) {
	set, cut := withCapped(e.Queues, q, NodeID.Compare)
	e.Queues, e.QueuesCut = set, e.QueuesCut || cut
}

// widen extends the time in which the edge was seen.
func (e *Edge) widen(r *record) {
	if r.start > 0 {
		e.First = earliest(e.First, r.start)
		e.Last = max(e.Last, r.start, r.end)
	}
}

// addExample offers a call, shown by the span r, as an exemplar.
func (e *Edge) addExample(id Link, r *record, failed bool) {
	ns, ok := r.duration()
	if !ok {
		ns = 0
	}
	x := Exemplar{TraceID: id.TraceID, SpanID: id.SpanID, Duration: time.Duration(ns)}
	e.Slowest = keepSlowest(e.Slowest, x)
	if failed {
		e.Failed = keepSlowest(e.Failed, x)
	}
}

// maxExemplars is how many exemplars of each sort an edge keeps.
const maxExemplars = 3

// keepSlowest returns the slowest of the exemplars and x, slowest first. Ties
// go by id, so that the order of arrival does not show.
func keepSlowest(kept []Exemplar, x Exemplar) []Exemplar {
	if len(kept) == maxExemplars && compareExemplars(kept[maxExemplars-1], x) <= 0 {
		return kept
	}
	i, found := slices.BinarySearchFunc(kept, x, compareExemplars)
	if found {
		return kept
	}
	kept = slices.Insert(kept, i, x)
	return kept[:min(len(kept), maxExemplars)]
}

func compareExemplars(a, b Exemplar) int {
	return cmp.Or(
		cmp.Compare(b.Duration, a.Duration),
		slices.Compare(a.TraceID[:], b.TraceID[:]),
		slices.Compare(a.SpanID[:], b.SpanID[:]),
	)
}
