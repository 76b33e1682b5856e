package servicegraph

import "strings"

// totals adds up calls until they become a Graph.
type totals struct {
	names *symbols
	nodes []*Node // by nodeIndex - 1; nil for nodes without spans
	edges map[edgeKey]*edgeSum
	pending
	report Report

	lastEdges lookaside[edgeKey]
	lastCalls lookaside[callKey]
}

// A edgeSum is an edge to which calls are added.
type edgeSum struct {
	Edge
	trace   TraceID      // the trace whose calls were added last
	inTrace uint64       // and how many there were
	detail  detailIndex  // of the call that was added last
	address addressIndex // where it was answered
}

type edgeKey struct {
	from, to nodeIndex
	kind     EdgeKind
}

func newTotals(names *symbols) *totals {
	return &totals{names: names, edges: make(map[edgeKey]*edgeSum), pending: newPending()}
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

// hasNode reports whether the node with the given number was made.
func (t *totals) hasNode(i nodeIndex) bool { return int(i) <= len(t.nodes) && t.nodes[i-1] != nil }

// edge returns the edge with the given ends, which it makes if need be.
func (t *totals) edge(key edgeKey) *edgeSum {
	e := t.lastEdges.find(key, key.hash(), t.edges)
	if e == nil {
		e = t.newSum(key)
		t.edges[key] = e
	}
	return e
}

func (t *totals) newSum(key edgeKey) *edgeSum {
	return &edgeSum{Edge: Edge{ID: EdgeID{t.names.nodeID(key.from), t.names.nodeID(key.to), key.kind}}}
}

// callsTo returns the calls with one known side that have the given key. Calls
// that nothing can tell more about are settled at once.
func (t *totals) callsTo(key callKey) *edgeSum {
	if key.address == 0 && !key.fromName && !key.toName {
		return t.edge(key.edgeKey)
	}
	e := t.lastCalls.find(key, key.hash(), t.calls)
	if e == nil {
		e = t.newSum(key.edgeKey)
		t.calls[key] = e
	}
	return e
}

// isUnknown reports whether a node stands for spans without a service name.
func isUnknown(id NodeID) bool { return strings.HasPrefix(id.Name, unknownService) }

// newGraph returns the graph of the given nodes and edges, which may be in any
// order and which it takes over; the ends of the edges are among the nodes. It has
// no open ends: this is how a view makes its graph. Peers are credited anew with
// what their callers saw.
func newGraph(nodes []Node, edges []Edge, report Report) *Graph {
	t := newTotals(&symbols{})
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
		t.edges[edgeKey{t.names.node(e.ID.From), t.names.node(e.ID.To), e.ID.Kind}] = &edgeSum{Edge: *e}
	}
	t.names = t.names.frozen()
	g.creditPeers()
	return g
}

// graph returns the finished graph. It takes the totals over: they must not
// change any more.
func (t *totals) graph() *Graph {
	t.settleExcess()
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
