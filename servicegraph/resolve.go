package servicegraph

import (
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A resolver turns totals into the edges of a graph: it resolves the pending calls with what
// the totals know. It does not change the totals.
type resolver struct {
	totals   *totals
	services map[NodeID]nodeIndex // the result of servicesByName
	edges    map[edgeKey]*Edge    // of the graph: those of the totals, and copies with more calls
	copied   map[edgeKey]bool     // the edge is a copy
	found    Report               // what the pending calls add to the report of the totals

	conflicts map[addressIndex]bool // the ambiguous addresses that were counted
	seen      map[sideKey]bool
	entries   map[nodeIndex]float64 // requests whose links lead to no caller; weighted
}

// resolve returns the totals with all pending calls resolved.
func (t *totals) resolve() *resolver {
	r := t.resolver()
	r.resolveCalls()
	r.resolveMessages()
	return r
}

// resolver returns a resolver that has resolved nothing yet.
func (t *totals) resolver() *resolver {
	edges := make(map[edgeKey]*Edge, len(t.edges))
	for key, e := range t.edges {
		edges[key] = &e.Edge
	}
	return &resolver{
		totals:    t,
		services:  t.servicesByName(),
		edges:     edges,
		copied:    make(map[edgeKey]bool),
		conflicts: make(map[addressIndex]bool),
		seen:      make(map[sideKey]bool),
		entries:   make(map[nodeIndex]float64),
	}
}

// edge returns an edge of the graph for writing.
func (r *resolver) edge(key edgeKey) *Edge {
	if r.copied[key] {
		return r.edges[key]
	}
	names := r.totals.names
	e := &Edge{ID: EdgeID{names.nodeID(key.from), names.nodeID(key.to), key.kind}}
	if resolved := r.edges[key]; resolved != nil {
		e.merge(resolved)
	}
	r.edges[key], r.copied[key] = e, true
	return e
}

// resolveCalls finds the other side of the calls with one known side.
func (r *resolver) resolveCalls() {
	for key, calls := range r.totals.calls {
		r.addResolved(key, &calls.Edge)
	}
}

// addResolved adds the calls with a key to the edge that the key resolves to.
func (r *resolver) addResolved(key callKey, calls *Edge) {
	end, byAddress := r.resolveCall(key)
	if byAddress {
		found := *calls
		found.Evidence.Address, found.Evidence.Caller = calls.Evidence.Caller, 0
		calls = &found
	}
	r.edge(end).merge(calls)
}

// resolveCall finds the ends of the calls with a key: the service that has the name, else the
// service that answered at the address (docs/semantics.md, D13), else the peer as the caller
// named it.
func (r *resolver) resolveCall(key callKey) (end edgeKey, byAddress bool) {
	end = key.edgeKey
	if key.fromName {
		end.from = r.serviceNamed(end.from)
	}
	if key.toName {
		if end.to = r.serviceNamed(end.to); end.to != key.to {
			return end, false
		}
	}
	names := r.totals.names
	switch owner := r.totals.owners[key.address]; {
	case key.kind != EdgeRequest:
	case names.addressOf(key.address).port == "" && peerType(names.typeOf(key.to)) != trace.Unspecific: // another port of the same host
	case owner == ambiguous:
		if !r.conflicts[key.address] {
			r.conflicts[key.address] = true
			r.found.AddressConflicts++
		}
	case owner != 0:
		end.to = owner
		return end, true
	}
	return end, false
}

// servicesByName returns the services by identity and by name. The keys for identity have the
// type service; a key without a namespace and a type stands for the name, and its value is
// ambiguous if several services have the name.
func (t *totals) servicesByName() map[NodeID]nodeIndex {
	services := make(map[NodeID]nodeIndex)
	for i, n := range t.nodes {
		if n == nil || n.ID.Type != TypeService {
			continue
		}
		services[n.ID] = nodeIndex(i + 1)
		name := NodeID{Name: n.ID.Name}
		if services[name] == 0 {
			services[name] = nodeIndex(i + 1)
		} else {
			services[name] = ambiguous
		}
	}
	return services
}

// serviceNamed returns the service to which the name of a peer refers: the service with exactly
// that namespace and name, else, if the peer has no namespace, the only service with that
// name. It returns the peer if there is none.
func (r *resolver) serviceNamed(peer nodeIndex) nodeIndex {
	id := r.totals.names.nodeID(peer)
	if exact := r.services[NodeID{id.Namespace, id.Name, TypeService}]; exact != 0 {
		return exact
	}
	if only := r.services[NodeID{Name: id.Name}]; id.Namespace == "" && only != 0 && only != ambiguous {
		return only
	}
	return peer
}

// The limits on the pending calls that a graph keeps for later merges: halves of messages,
// about 25 MB of them, and addresses and calls to different addresses and names, each with its
// latencies, about 60 MB.
const (
	maxHalves       = 1 << 17
	maxPendingCalls = 1 << 14
)

// resolveExcess resolves all pending calls of one sort for good if there are more than a graph
// keeps for later merges. The report counts the resolved calls.
func (t *totals) resolveExcess() {
	if n := t.halves(); n > maxHalves {
		t.report.LinksResolvedEarly += uint64(n)
		r := t.resolver()
		r.resolveMessages()
		t.adopt(r)
		clear(t.sends)
		clear(t.receivers)
		clear(t.receives)
	}
	if n := len(t.calls) + len(t.owners); n > maxPendingCalls {
		t.report.AddressesResolvedEarly += uint64(n)
		r := t.resolver()
		r.resolveCalls()
		t.adopt(r)
		clear(t.calls)
		t.recentCalls.clear()
		clear(t.owners)
		for _, e := range t.edges {
			e.address = 0
		}
	}
}

// adopt adds the edges and counts of a resolver to the totals.
func (t *totals) adopt(r *resolver) {
	for key := range r.copied {
		t.edges[key] = &edgeSum{Edge: *r.edges[key]}
	}
	for i, n := range r.entries {
		t.node(i).Entries = plus(t.node(i).Entries, n)
	}
	t.recentEdges.clear()
	t.report.merge(r.found)
}
