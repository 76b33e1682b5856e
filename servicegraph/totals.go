package servicegraph

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// totals adds up calls until they become a Graph.
type totals struct {
	names  *nodeTable
	nodes  []*Node // by nodeIndex - 1; nil for nodes not seen
	edges  map[edgeKey]*Edge
	report Report
}

type edgeKey struct {
	from, to nodeIndex
	kind     EdgeKind
}

func newTotals(names *nodeTable) *totals {
	return &totals{names: names, edges: make(map[edgeKey]*Edge)}
}

// node returns the node with the given index, which it makes if need be.
func (t *totals) node(i nodeIndex) *Node {
	for len(t.nodes) < int(i) {
		t.nodes = append(t.nodes, nil)
	}
	if t.nodes[i-1] == nil {
		t.nodes[i-1] = &Node{ID: t.names.id(i)}
	}
	return t.nodes[i-1]
}

// edge returns the edge with the given ends, which it makes with them if need be.
func (t *totals) edge(from, to nodeIndex, kind EdgeKind) *Edge {
	key := edgeKey{from, to, kind}
	e := t.edges[key]
	if e == nil {
		t.node(from)
		t.node(to)
		e = &Edge{ID: EdgeID{t.names.id(from), t.names.id(to), kind}}
		t.edges[key] = e
	}
	return e
}

// unknown reports whether a node stands for spans without a service name.
func (t *totals) unknown(i nodeIndex) bool {
	return strings.HasPrefix(t.names.id(i).Name, unknownService)
}

// graph returns the finished graph. It takes the totals over.
func (t *totals) graph() *Graph {
	nodes := make([]Node, 0, len(t.nodes))
	for _, n := range t.nodes {
		if n != nil {
			nodes = append(nodes, *n)
		}
	}
	edges := make([]Edge, 0, len(t.edges))
	for _, e := range t.edges {
		edges = append(edges, *e)
	}
	g := newGraph(nodes, edges, t.report)
	g.creditPeers()
	return g
}

// creditPeers gives the nodes without spans of their own the requests that their
// callers saw.
func (g *Graph) creditPeers() {
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.ID.Type == TypeService {
			continue
		}
		n.Requests = Stats{}
		for e := range g.In(n.ID) {
			n.Requests.merge(e.Caller)
		}
	}
}

// Merge returns the graph of all calls in the given graphs. It is associative
// and commutative, and the empty graph changes nothing. Merging the graphs of
// two sets of spans is the same as building one graph of both as long as no
// trace is split between them; of a trace in both, each half is judged alone.
func Merge(graphs ...*Graph) *Graph {
	sum := newTotals(&nodeTable{})
	for _, g := range graphs {
		for i := range g.nodes {
			n := &g.nodes[i]
			into := sum.node(sum.names.index(n.ID))
			into.Entries += n.Entries
			into.Requests.merge(n.Requests)
		}
		for i := range g.edges {
			e := &g.edges[i]
			sum.edge(sum.names.index(e.ID.From), sum.names.index(e.ID.To), e.ID.Kind).merge(e)
		}
		sum.report.merge(g.report)
	}
	return sum.graph()
}

// add counts one span.
func (s *Stats) add(r *record) {
	s.Calls += r.weight
	s.Observed++
	if r.failed() {
		s.Errors += r.weight
	}
	if ns, ok := r.duration(); ok {
		s.Latency.record(ns, r.weight)
	}
}

func (s *Stats) merge(o Stats) {
	s.Calls += o.Calls
	s.Errors += o.Errors
	s.Observed += o.Observed
	s.Latency.merge(o.Latency)
}

func (e *Edge) merge(o *Edge) {
	e.Calls += o.Calls
	e.Errors += o.Errors
	e.Caller.merge(o.Caller)
	e.Callee.merge(o.Callee)
	e.Gap.merge(o.Gap)
	e.Evidence.Both += o.Evidence.Both
	e.Evidence.Caller += o.Evidence.Caller
	e.Evidence.Callee += o.Evidence.Callee
	for _, x := range o.Slowest {
		e.Slowest = keepSlowest(e.Slowest, x)
	}
	for _, x := range o.Failed {
		e.Failed = keepSlowest(e.Failed, x)
	}
	e.First, e.Last = earliest(e.First, o.First), max(e.Last, o.Last)
}

// span widens the time in which the edge was seen.
func (e *Edge) span(r *record) {
	if r.start > 0 {
		e.First = earliest(e.First, r.start)
		e.Last = max(e.Last, r.start, r.end)
	}
}

// example offers a call, shown by one span, as an exemplar.
func (e *Edge) example(trace TraceID, r *record) { e.exampleOf(trace, r, r.failed()) }

// exampleOf offers a call as an exemplar where the outcome is more than the
// span's own.
func (e *Edge) exampleOf(trace TraceID, r *record, failed bool) {
	ns, ok := r.duration()
	if !ok {
		ns = 0
	}
	x := Exemplar{TraceID: trace, SpanID: r.id, Duration: time.Duration(ns)}
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
