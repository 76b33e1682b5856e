package promgraph

import (
	"cmp"
	"slices"
)

// Beyla and OpenTelemetry eBPF Instrumentation see client and server separately. They count a call
// for the span of the client, and again for the span of the server. They know the namespace of the
// process that they observe, but not always the namespace of the other side. This file makes one
// edge of both sides.

// isOneSided reports whether the source of an edge may see client and server separately.
func (e *readEdge) isOneSided() bool {
	return e.labels.source != tempoSource && e.labels.source != collectorSource
}

// joinSides joins pairs of edges that are the two sides of the same calls. The two edges have the
// same names, and one has only spans of clients, the other only spans of servers.
func joinSides(list []*readEdge) []*readEdge {
	type ends struct{ source, client, server, connectionType string }
	at := make(map[ends][]*readEdge)
	for _, e := range list {
		if l := e.labels; e.isOneSided() {
			key := ends{l.source, l.client, l.server, l.connectionType}
			at[key] = append(at[key], e)
		}
	}
	joined := make(map[*readEdge]bool) // the edges that became a part of another edge
	for _, pair := range at {
		if len(pair) != 2 {
			continue // it is unknown which of them belong together
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

// agree reports whether two namespaces can be the same. An empty namespace is unknown.
func agree(a, b string) bool { return a == "" || b == "" || a == b }

// countOnce corrects the calls of an edge that counts each call once for each side. Such an edge
// has as many calls as both histograms have samples together. The corrected number is that of the
// side with more samples, because the other side may have missed some calls. Errors are reduced by
// the same factor, which is exact if both sides saw the same calls.
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
