package servicegraph

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
)

// totals are the sums that become a [Graph].
type totals struct {
	names *symbols
	nodes []*Node // by nodeIndex - 1; nil for nodes without spans; Recovered is that of edges that a view left out
	edges map[edgeKey]*edgeSum
	pending
	report Report

	shown *shown // the names and calls that stay: see Builder.Live; nil if none do

	limits   Limits                     // 0 without a limit
	nextFold struct{ edges, calls int } // the numbers of edges and calls at which those beyond the limit are folded next

	recentEdges recentSums[edgeKey]
	recentCalls recentSums[callKey]
}

// An edgeSum is an edge to which calls are added.
type edgeSum struct {
	Edge
	trace   TraceID      // the trace whose calls were added last
	inTrace uint64       // the number of calls of that trace
	detail  detailIndex  // the detail that was added last
	address addressIndex // the address that was learned last

	ages *directory.Interval // of the calls at that address; nil if it does not age

	around     addressIndex        // the address of a span around that was learned last
	aroundAges *directory.Interval // of the calls at that address; nil if it does not age
}

type edgeKey struct {
	from, to nodeIndex
	kind     EdgeKind
}

func newTotals(names *symbols) *totals {
	return &totals{names: names, edges: make(map[edgeKey]*edgeSum), pending: newPending()}
}

// node returns the node with a number, a new one if the totals have none.
func (t *totals) node(i nodeIndex) *Node {
	for len(t.nodes) < int(i) {
		t.nodes = append(t.nodes, nil)
	}
	if t.nodes[i-1] == nil {
		t.nodes[i-1] = &Node{ID: t.names.nodeID(i)}
	}
	return t.nodes[i-1]
}

// hasNode reports whether the totals have the node with a number.
func (t *totals) hasNode(i nodeIndex) bool { return int(i) <= len(t.nodes) && t.nodes[i-1] != nil }

// edge returns the sum of an edge, a new one if the totals have none.
func (t *totals) edge(key edgeKey) *edgeSum {
	e := t.recentEdges.find(key, key.hash(), t.edges)
	if e == nil {
		if len(t.edges) >= t.nextFold.edges {
			t.foldEdges()
		}
		e = t.sumOf(key)
	}
	return e
}

// sumOf returns the sum of an edge, a new one if the totals have none. It folds no edges.
func (t *totals) sumOf(key edgeKey) *edgeSum {
	e := t.edges[key]
	if e == nil {
		e = t.newSum(key)
		t.edges[key] = e
	}
	return e
}

func (t *totals) newSum(key edgeKey) *edgeSum {
	return &edgeSum{Edge: Edge{ID: EdgeID{t.names.nodeID(key.from), t.names.nodeID(key.to), key.kind}}}
}

// callsTo returns the sum of the pending calls with a key, a new one if the totals have none.
// If no other spans can tell more about such calls, callsTo returns the sum of the edge.
func (t *totals) callsTo(key callKey) *edgeSum {
	if t.names.isSettled(&key) {
		return t.edge(key.edgeKey)
	}
	e := t.recentCalls.find(key, key.hash(), t.calls)
	if e == nil {
		if len(t.calls) >= t.nextFold.calls {
			t.foldCalls()
		}
		e = t.newSum(key.edgeKey)
		t.calls[key] = e
	}
	return e
}

// recentSums is a cache of sums, in which the sums of repeated keys are found without a lookup in
// the map: nearly all calls are on few edges. It is direct-mapped and has 256 entries: of two keys
// in the same slot, the last one stays. Without the cache, BenchmarkStages/pair takes 9 % longer.
// The zero value is empty.
type recentSums[K comparable] struct {
	slots []recentSum[K] // made when first needed: most totals only merge
}

type recentSum[K comparable] struct {
	key K
	sum *edgeSum
}

const recentSumBits = 8

// find returns the sum that a map has for a key with a hash; nil if it has none.
func (r *recentSums[K]) find(key K, hash uint32, in map[K]*edgeSum) *edgeSum {
	if r.slots == nil {
		r.slots = make([]recentSum[K], 1<<recentSumBits)
	}
	slot := &r.slots[hash>>(32-recentSumBits)]
	if slot.sum != nil && slot.key == key {
		return slot.sum
	}
	e := in[key]
	if e != nil {
		*slot = recentSum[K]{key, e}
	}
	return e
}

// clear empties the cache, which must happen whenever sums leave the map.
func (r *recentSums[K]) clear() { clear(r.slots) }

// hash returns a number whose high bits differ for most keys.
func (k edgeKey) hash() uint32 {
	return (uint32(k.from)*31+uint32(k.to))*0x9E3779B1 ^ uint32(len(k.kind))<<26
}

func (k callKey) hash() uint32 {
	return k.edgeKey.hash() ^ (uint32(k.address)+uint32(k.inside)*37+uint32(k.minute)*31)*0x85EBCA6B
}

// isUnknown reports whether a node stands for spans without a service name.
func isUnknown(id NodeID) bool { return strings.HasPrefix(id.Name, unknownService) }

// graph returns the graph of the totals. The graph uses their memory: the totals must not change
// afterwards.
func (t *totals) graph() *Graph {
	t.foldCalls()
	t.resolveExcess()
	t.foldEdges()
	r := t.resolve()
	if r.shown != nil {
		r.keepNodes()
		r.shown.names = r.peers.Given()
		t.shown = r.shown
	}
	t.names = r.names // with the names that the resolver added
	g := &Graph{totals: t, report: t.report}
	g.report.merge(r.found)
	g.arrange(r.placed())
	g.credit()
	if t.shown != nil {
		t.shown.nodes, t.shown.edges = g.nodes, g.edges
	}
	return g
}

// placed returns the nodes and the edges of the graph. Nodes without spans are those that edges
// mention.
func (r *resolver) placed() ([]Node, []placedEdge) {
	var nodes []Node
	place := make([]int, len(r.names.nodes.items)+1) // by nodeIndex: the position in nodes, from 1
	for i, n := range r.totals.nodes {
		if n != nil {
			nodes = append(nodes, *n)
			place[i+1] = len(nodes)
			last := &nodes[len(nodes)-1]
			last.Entries = plus(last.Entries, r.entries[nodeIndex(i+1)])
		}
	}
	placeOf := func(i nodeIndex) int {
		if place[i] == 0 {
			nodes = append(nodes, Node{ID: r.names.nodeID(i)})
			place[i] = len(nodes)
		}
		return place[i] - 1
	}
	edges := make([]placedEdge, 0, len(r.edges))
	for key, e := range r.edges {
		edges = append(edges, placedEdge{placeOf(key.from), placeOf(key.to), e})
	}
	return nodes, edges
}

// sums returns the totals that the graph was made from. A view keeps none: sums makes them of its
// nodes and edges. Nothing writes to the sums of a graph.
func (g *Graph) sums() *totals {
	if g.totals != nil {
		return g.totals
	}
	t := newTotals(&symbols{})
	t.report = g.report
	for i := range g.nodes {
		n := g.nodes[i]
		n.Recovered = g.rest[i]
		if n.ID.Type.isPeer() {
			n.Requests = Stats{}
		}
		*t.node(t.names.node(n.ID)) = n
	}
	for i := range g.edges {
		e := &g.edges[i]
		t.edges[edgeKey{t.names.node(e.ID.From), t.names.node(e.ID.To), e.ID.Kind}] = &edgeSum{Edge: *e}
	}
	return t
}

// Merge returns the graph of all calls in the given graphs. It is associative and
// commutative, and the empty graph, like nil, changes nothing. Merging the graphs of two sets
// of spans gives the graph of both sets as long as no trace is split between them. Of a trace
// in both sets, each part is interpreted alone, and a span in both sets counts twice, except
// in the pending half of a message, which counts as one span and a duplicate. Merge
// also misses a message if a consumer of one set links to a CLIENT span of the other set that
// names no queue; building both sets together finds it.
func Merge(graphs ...*Graph) *Graph {
	sum := newTotals(&symbols{})
	for _, g := range graphs {
		if g != nil {
			sum.merge(g.sums())
		}
	}
	return sum.graph()
}

// merge adds other totals, whose names can have other numbers.
func (t *totals) merge(o *totals) { t.mergeRenamed(o, new(renamer)) }

func (s *Stats) merge(o Stats) {
	s.Calls = plus(s.Calls, o.Calls)
	s.Errors = plus(s.Errors, o.Errors)
	s.Observed += o.Observed
	s.Latency.merge(o.Latency)
}

func (n *Node) merge(o *Node) {
	n.Entries = plus(n.Entries, o.Entries)
	n.Requests.merge(o.Requests)
	n.Recovered = plus(n.Recovered, o.Recovered)
	n.SelfTime = saturate(n.SelfTime, o.SelfTime)
	n.mergeAttrs(o.Attrs, o.AttrsTruncated)
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
	e.Evidence.Name = plus(e.Evidence.Name, o.Evidence.Name)
	e.Evidence.Inferred = plus(e.Evidence.Inferred, o.Evidence.Inferred)
	for _, q := range o.Queues {
		e.addQueue(q)
	}
	e.QueuesTruncated = e.QueuesTruncated || o.QueuesTruncated
	for _, a := range o.Attrs {
		e.addAttr(a)
	}
	e.AttrsTruncated = e.AttrsTruncated || o.AttrsTruncated
	for _, x := range o.Slowest {
		e.Slowest = keepSlowest(e.Slowest, x)
	}
	for _, x := range o.Failed {
		e.Failed = keepSlowest(e.Failed, x)
	}
	e.First, e.Last = earliest(e.First, o.First), max(e.Last, o.Last)
}

// saturate returns the sum of two durations, at most the largest duration.
func saturate(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxInt64
}

// addQueue adds a destination of messages.
func (e *Edge) addQueue(q NodeID) {
	set, truncated := withCapped(e.Queues, q, NodeID.Compare)
	e.Queues, e.QueuesTruncated = set, e.QueuesTruncated || truncated
}

// addAttr adds an attribute of calls.
func (e *Edge) addAttr(a Attr) {
	set, truncated := attrSet(e.Attrs).with(a)
	e.Attrs, e.AttrsTruncated = set, e.AttrsTruncated || truncated
}

func (n *Node) mergeAttrs(attrs []Attr, truncated bool) {
	set := attrSet(n.Attrs)
	for _, a := range attrs {
		var left bool
		set, left = set.with(a)
		truncated = truncated || left
	}
	n.Attrs, n.AttrsTruncated = set, n.AttrsTruncated || truncated
}

// An attrSet is a set of attributes, sorted by key and value.
type attrSet []Attr

// with returns the set with one attribute more, and whether a value had to be left out because
// the key has more than maxValues. The set may be shared: with does not write to it.
func (s attrSet) with(a Attr) (_ attrSet, truncated bool) {
	if _, found := slices.BinarySearchFunc(s, a, compareAttrs); found {
		return s, false
	}
	first, _ := slices.BinarySearchFunc(s, Attr{Key: a.Key}, compareAttrs)
	end, _ := slices.BinarySearchFunc(s, Attr{Key: a.Key + "\x00"}, compareAttrs)
	values, truncated := withCapped(s[first:end], a, compareAttrs)
	if end > first && &values[0] == &s[first] {
		return s, truncated // a was left out
	}
	return slices.Concat(s[:first], values, s[end:]), truncated
}

func compareAttrs(a, b Attr) int {
	return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
}

// maxValues is how many values of one sort a node, an edge or a report keeps: the first in
// their order, so that the order of arrival does not matter.
const maxValues = 64

// withCapped returns the sorted set with one value more, and whether a value had to be left out
// because there are more than maxValues. The set may be shared: withCapped does not write to
// it.
func withCapped[T any](set []T, v T, compare func(a, b T) int) (_ []T, truncated bool) {
	i, found := slices.BinarySearchFunc(set, v, compare)
	switch {
	case found:
		return set, false
	case len(set) < maxValues:
		return slices.Insert(slices.Clip(set), i, v), false
	case i == len(set):
		return set, true
	}
	return slices.Insert(slices.Clone(set[:len(set)-1]), i, v), true
}
