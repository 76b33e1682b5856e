package promgraph

import (
	"cmp"
	"slices"
)

// Beyla, and OpenTelemetry eBPF Instrumentation, sees client and server one by one. It counts a call for
// the span of its client, and once more for the span of its server. It knows the namespace of its own
// process, and not always that of the other. This file makes one edge of both sides.

// isOneSided reports whether the source of an edge may see client and server one by one.
func (e *readEdge) isOneSided() bool {
	return e.labels.source != tempoSource && e.labels.source != collectorSource
}

// joinSides returns the edges with the two sides of a call as one edge: those that have the
// same names, of which one has only the spans of clients, and the other only those of servers.
func joinSides(list []*readEdge) []*readEdge {
	type ends struct{ source, client, server, connectionType string }
	at := make(map[ends][]*readEdge)
	for _, e := range list {
		if l := e.labels; e.isOneSided() {
			key := ends{l.source, l.client, l.server, l.connectionType}
			at[key] = append(at[key], e)
		}
	}
	joined := make(map[*readEdge]bool) // which are part of another edge
	for _, pair := range at {
		if len(pair) != 2 {
			continue // nothing tells which of them belong together
		}
		caller, callee := pair[0], pair[1]
		if onlyServer, _ := caller.onlySides(); onlyServer {
			caller, callee = callee, caller
		}
		_, onlyClient := caller.onlySides()
		onlyServer, _ := callee.onlySides()
		a, b := &caller.labels, callee.labels
		if !onlyClient || !onlyServer || !agree(a.clientNamespace, b.clientNamespace) || !agree(a.serverNamespace, b.serverNamespace) {
			continue
		}
		a.clientNamespace = cmp.Or(a.clientNamespace, b.clientNamespace)
		a.serverNamespace = cmp.Or(b.serverNamespace, a.serverNamespace)
		caller.server = callee.server
		caller.calls += callee.calls
		caller.failed += callee.failed
		joined[callee] = true
	}
	return slices.DeleteFunc(list, func(e *readEdge) bool { return joined[e] })
}

// agree reports whether two namespaces can be the same: an empty one is unknown.
func agree(a, b string) bool { return a == "" || b == "" || a == b }

// countOnce makes the number of spans the number of calls. The histograms tell whether an edge counts spans:
// then its calls are as many as the samples of both sides, rather than those of one. A side may have
// missed some calls. Errors are reduced by the same factor, which is exact if both sides saw the same.
func (e *readEdge) countOnce() {
	if !e.isOneSided() {
		return
	}
	caller, callee := e.client.count(), e.server.count()
	most, all := max(caller, callee), caller+callee
	if all == 0 || 2*e.calls <= most+all {
		return
	}
	e.calls *= most / all
	e.failed *= most / all
}
