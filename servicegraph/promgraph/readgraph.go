package promgraph

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
)

// graph returns the graph of the edges.
func (r readEdges) graph(back *Readback) (*servicegraph.Graph, error) {
	list := joinSides(r.sorted())
	for _, e := range list {
		e.countOnce()
	}
	list = unique(list, back)
	known := make(serviceNames)
	unswap(list, back)
	for _, e := range list {
		e.failed = min(e.failed, e.calls)
		client, server := e.virtualSides()
		if !client {
			known.add(e.labels.clientNamespace, e.labels.client)
		}
		if !server {
			known.add(e.labels.serverNamespace, e.labels.server)
		}
	}
	edges := make(map[servicegraph.EdgeID]*edgeSum)
	nodes := make(map[servicegraph.NodeID]*nodeSum)
	for _, ids := range known {
		for _, id := range ids {
			nodes[id] = &nodeSum{}
		}
	}
	for _, e := range list {
		id, named := e.id(known)
		sum := edges[id]
		if sum == nil {
			sum = &edgeSum{}
			edges[id] = sum
		}
		callee := sum.add(e, named, back)
		if n := nodes[id.To]; n != nil {
			n.add(e, callee)
		}
	}
	var allEdges []servicegraph.Edge
	for id, sum := range edges {
		allEdges = append(allEdges, sum.edge(id, back))
	}
	var allNodes []servicegraph.Node
	for id, sum := range nodes {
		allNodes = append(allNodes, sum.node(id))
	}
	return servicegraph.NewGraph(allNodes, allEdges, servicegraph.Report{First: back.Start.UnixNano(), Last: back.End.UnixNano()})
}

// unswap exchanges the latencies of client and server on the edges of the Collector's connector if
// most of them show that they are exchanged: before v0.107, the connector wrote each under the name
// of the other (opentelemetry-collector-contrib issue 32689). A single edge is not enough evidence:
// a server can go on working after its client has given up.
func unswap(list []*readEdge, back *Readback) {
	var ofCollector []*readEdge
	swapped := 0 // the number of edges that look exchanged, minus the number of those that do not
	for _, e := range list {
		if e.labels.source == collectorSource && e.labels.connectionType != connectionMessaging {
			ofCollector = append(ofCollector, e)
			swapped += e.showsSwapped()
		}
	}
	if swapped <= 0 {
		return
	}
	for _, e := range ofCollector {
		if e.client.isSeen() || e.server.isSeen() {
			e.client, e.server = e.server, e.client
			back.Swapped++
		}
	}
}

// showsSwapped returns 1 if the latencies of client and server seem to be exchanged, -1 if they
// seem not to be, and 0 if neither is clear. A side without spans has no latency.
func (e *readEdge) showsSwapped() int {
	l := e.labels
	noClient := l.connectionType == connectionVirtual && (l.virtual == "client" || l.virtual == "" && l.client == userClient)
	noServer := l.connectionType == connectionDatabase || l.connectionType == connectionVirtual && l.virtual == "server"
	switch onlyServer, onlyClient := e.onlySides(); {
	case onlyServer && noClient, onlyClient && noServer:
		return -1
	case onlyServer && noServer, onlyClient && noClient:
		return 1
	case onlyServer || onlyClient:
		return 0
	}
	return cmp.Compare(e.server.mean(), e.client.mean())
}

// onlySides reports whether only the server's spans measured a latency, or only the client's.
func (e *readEdge) onlySides() (onlyServer, onlyClient bool) {
	return e.server.isSeen() && !e.client.isSeen(), e.client.isSeen() && !e.server.isSeen()
}

// mean returns the average in seconds, 0 without samples.
func (h *readHistogram) mean() float64 {
	if n := h.count(); n > 0 {
		return h.sum / n
	}
	return 0
}

// userClient is the client of requests from outside, as Tempo and the Collector's connector name
// it.
const userClient = "user"

// virtualSides reports which sides of an edge have no spans of their own.
func (e *readEdge) virtualSides() (client, server bool) {
	onlyServer, onlyClient := e.onlySides()
	switch {
	case e.labels.connectionType == connectionDatabase:
		return false, true
	case e.labels.connectionType == connectionVirtual:
		client = e.labels.virtual == "client" || e.labels.virtual == "" && (e.labels.client == userClient || onlyServer)
		return client, !client
	case e.labels.connectionType == connectionMessaging, e.isOneSided():
		return onlyServer, onlyClient // a queue; Beyla gives no connection type
	}
	return false, false
}

// serviceNames are the services by their name.
type serviceNames map[string][]servicegraph.NodeID

func (s serviceNames) add(namespace, name string) {
	id := servicegraph.NodeID{Namespace: namespace, Name: name, Type: servicegraph.TypeService}
	if !slices.Contains(s[name], id) {
		s[name] = append(s[name], id)
	}
}

// find returns the service with a name: the one in the namespace, or the only one.
func (s serviceNames) find(namespace, name string) (servicegraph.NodeID, bool) {
	ids := s[name]
	if len(ids) == 1 && (namespace == "" || ids[0].Namespace == namespace) {
		return ids[0], true
	}
	id := servicegraph.NodeID{Namespace: namespace, Name: name, Type: servicegraph.TypeService}
	return id, slices.Contains(ids, id)
}

// id returns the identity of an edge. named is true if only the name of the server shows that the
// server is a service.
func (e *readEdge) id(known serviceNames) (id servicegraph.EdgeID, named bool) {
	l := e.labels
	client, server := e.virtualSides()
	peer := servicegraph.TypeExternal
	id.Kind = servicegraph.EdgeRequest
	switch l.connectionType {
	case connectionMessaging:
		id.Kind, peer = servicegraph.EdgeMessage, servicegraph.TypeQueue
	case connectionDatabase:
		peer = servicegraph.TypeDatabase
	}
	node := func(namespace, name string, virtual bool) (servicegraph.NodeID, bool) {
		if !virtual {
			return servicegraph.NodeID{Namespace: namespace, Name: name, Type: servicegraph.TypeService}, false
		}
		if id, ok := known.find(namespace, name); ok && peer == servicegraph.TypeExternal {
			return id, true
		}
		return servicegraph.NodeID{Namespace: namespace, Name: name, Type: peer}, false
	}
	id.From, _ = node(l.clientNamespace, l.client, client)
	if id.To, named = node(l.serverNamespace, l.server, server); server && id.To == id.From {
		id.To, named = servicegraph.NodeID{Namespace: l.serverNamespace, Name: l.server, Type: peer}, false // a peer named like its caller
	}
	return id, named
}

// An edgeSum adds up the series of one edge of the graph.
type edgeSum struct {
	calls, failed          float64
	caller, callee, gap    readHistogram
	callerCalls, callerBad float64
	calleeCalls, calleeBad float64
	evidence               servicegraph.Evidence
}

// add adds an edge, and returns the calls that the callee saw.
func (s *edgeSum) add(e *readEdge, named bool, back *Readback) (callee float64) {
	virtualClient, virtualServer := e.virtualSides()
	caller := e.side(&e.client, virtualClient, MetricClientSeconds, back)
	callee = e.side(&e.server, virtualServer, MetricServerSeconds, back)
	if caller == 0 && callee == 0 { // both sides have latencies of 0, or the edge has no histogram
		if !virtualClient {
			caller = e.calls
		}
		if !virtualServer {
			callee = e.calls
		}
	}
	both := max(caller+callee-e.calls, 0)
	rest := e.calls - both
	byCallee := min(max(callee-both, 0), rest)
	byCaller := rest - byCallee
	s.evidence.Both += both
	s.evidence.Callee += byCallee
	if named {
		s.evidence.Name += byCaller
	} else {
		s.evidence.Caller += byCaller
	}
	s.calls += e.calls
	s.failed += e.failed
	if caller > 0 {
		s.callerCalls, s.callerBad = s.callerCalls+caller, s.callerBad+min(e.failed, caller)
		s.caller.merge(e.client)
	}
	if callee > 0 {
		s.calleeCalls, s.calleeBad = s.calleeCalls+callee, s.calleeBad+min(e.failed, callee)
		s.callee.merge(e.server)
	}
	s.gap.merge(e.messaging)
	return callee
}

// side returns how many calls the spans of one side show.
func (e *readEdge) side(h *readHistogram, virtual bool, metric string, back *Readback) float64 {
	switch {
	case virtual:
		return 0
	case h.isSeen():
		return min(h.count(), e.calls)
	case slices.Contains(back.Missing, metric):
		return e.calls
	}
	return 0
}

// merge adds the samples of another histogram, if spans measured them.
func (h *readHistogram) merge(o readHistogram) {
	if !o.isSeen() {
		return
	}
	h.sum += o.sum
	h.above += o.above
	h.native = h.native || o.native
	h.buckets = append(h.buckets, o.buckets...)
	h.sort()
}

// edge returns the edge, and notes the resolution of its latencies.
func (s *edgeSum) edge(id servicegraph.EdgeID, back *Readback) servicegraph.Edge {
	for _, h := range []*readHistogram{&s.caller, &s.callee, &s.gap} {
		back.Above += h.above
		for _, b := range h.buckets {
			if b.Above > 0 {
				back.BucketRatio = max(back.BucketRatio, float64(b.UpTo)/float64(b.Above))
			}
		}
	}
	return servicegraph.Edge{
		ID: id, Calls: s.calls, Errors: min(s.failed, s.calls),
		Caller:   servicegraph.Stats{Calls: s.callerCalls, Errors: s.callerBad, Latency: s.caller.latency()},
		Callee:   servicegraph.Stats{Calls: s.calleeCalls, Errors: s.calleeBad, Latency: s.callee.latency()},
		Gap:      s.gap.latency(),
		Evidence: s.evidence,
		First:    back.Start.UnixNano(), Last: back.End.UnixNano(),
	}
}

// A nodeSum adds up the requests of a service.
type nodeSum struct {
	entries, calls, failed float64
	latency                readHistogram
}

func (n *nodeSum) add(e *readEdge, callee float64) {
	if client, _ := e.virtualSides(); client && e.labels.client == userClient {
		n.entries += e.calls
	}
	n.calls += callee
	n.failed += min(e.failed, callee)
	if callee > 0 {
		n.latency.merge(e.server)
	}
}

func (n *nodeSum) node(id servicegraph.NodeID) servicegraph.Node {
	return servicegraph.Node{ID: id, Entries: n.entries, Requests: servicegraph.Stats{Calls: n.calls, Errors: n.failed, Latency: n.latency.latency()}}
}
