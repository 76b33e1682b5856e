package servicegraph

import (
	"cmp"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A resolver turns totals into the edges of a graph: it resolves the pending calls with what
// the totals know. It does not change the totals.
type resolver struct {
	totals     *totals
	known      *totals              // the totals whose names and addresses resolve the calls; they include the field totals
	names      *symbols             // the names of the totals, and those that the resolver adds
	services   map[NodeID]nodeIndex // the result of servicesByName
	directory  *directory.Directory
	peers      *directory.Names
	edges      map[edgeKey]*Edge // the edges of the graph: the edges of the totals, or copies with more calls
	copied     map[edgeKey]bool  // the edge is a copy
	links      *linkage          // of the totals
	knownLinks *linkage          // of the totals in known
	found      Report            // what the pending calls add to the report of the totals

	conflicts map[addressIndex]bool // the ambiguous addresses that were counted
	seen      map[sideKey]bool
	entries   map[nodeIndex]float64 // requests whose links lead to no caller; weighted
	received  map[nodeIndex]bool    // see isReceived; nil until its first call
	shown     *shown                // the names and calls of the graph, for later live graphs; nil unless totals.shown is set

	receptions map[reception]bool // see resolveTaken
	uncalled   map[sendKey]bool   // the calls that only links can show; nil until hasCallee needs them
}

// resolve returns the totals with all pending calls resolved.
func (t *totals) resolve() *resolver {
	r := t.resolver()
	r.resolveCalls()
	r.resolveMessages()
	if r.shown != nil {
		r.keepEdges()
	}
	return r
}

// resolver returns a resolver that has resolved nothing yet.
func (t *totals) resolver() *resolver { return t.resolverKnowing(t) }

// resolverKnowing returns a resolver of t that knows the services, the addresses and the peers of
// other totals. The other totals have the same names and include t.
func (t *totals) resolverKnowing(known *totals) *resolver {
	edges := make(map[edgeKey]*Edge, len(t.edges))
	for key, e := range t.edges {
		edges[key] = &e.Edge
	}
	r := &resolver{
		totals:    t,
		known:     known,
		names:     t.names.frozen(),
		services:  known.servicesByName(),
		links:     t.linkage(),
		edges:     edges,
		copied:    make(map[edgeKey]bool),
		conflicts: make(map[addressIndex]bool),
		seen:      make(map[sideKey]bool),
		entries:   make(map[nodeIndex]float64),
	}
	r.openDirectory(known)
	return r
}

// openDirectory makes the directory of all addresses that totals know, and the names of the peers
// whose services the directory does not know.
func (r *resolver) openDirectory(t *totals) {
	var services []directory.Service
	for i, n := range t.nodes {
		if n != nil && n.ID.Type == TypeService {
			node := nodeIndex(i + 1)
			services = append(services, directory.Service{Node: node, Name: n.ID.Name, Namespace: n.ID.Namespace, Kubernetes: t.kubernetes[node], States: t.statementsOf(node)})
		}
	}
	meetings := make([]directory.Meeting, 0, len(t.met))
	for m, during := range t.met {
		meetings = append(meetings, directory.Meeting{Caller: m.caller, At: t.names.AddressOf(m.at), Owner: m.owner, During: *during})
	}
	keys := make([]callKey, 0, len(t.calls))
	for key := range t.calls {
		keys = append(keys, key)
	}
	r.knownLinks = r.links
	if t != r.totals {
		r.knownLinks = t.linkage()
	}
	for i := range r.knownLinks.requests {
		l := &r.knownLinks.requests[i]
		for _, part := range t.names.AddressOf(l.out.span.Address).Parts() {
			if part != (directory.Address{}) {
				meetings = append(meetings, directory.Meeting{Caller: l.out.span.Node, At: part, Owner: l.owner, During: directory.At(l.out.span.Start)})
			}
		}
	}
	for key, s := range t.sends {
		if s.span.Peer == 0 || s.called || r.knownLinks.calls[s.call(key)] > 0 {
			continue
		}
		if call := t.names.callKeyOf(&s.span); !t.names.isSettled(&call) {
			keys = append(keys, call)
		}
	}
	calls := make([]directory.Call, len(keys))
	for i, key := range keys {
		calls[i] = r.asked(key)
	}
	r.directory = directory.New(services, meetings, calls)
	var given directory.Given
	if was := r.totals.shown; was != nil {
		given = was.names
		r.shown = newShown(given)
	}
	r.peers = directory.NewNames(r.directory, given)
	for _, key := range keys {
		if end, how := r.serviceOf(key); end.to == key.to && how != directory.ByAddress && !key.ended {
			c, p := r.asked(key), r.peerOf(key)
			r.peers.Add(&c, &p)
		}
	}
}

// statementsOf returns what a service states.
func (t *totals) statementsOf(service nodeIndex) (list []directory.Statement) {
	for at, during := range t.statements.Of(service) {
		list = append(list, directory.Statement{At: t.names.AddressOf(at), During: during})
	}
	return list
}

// asked returns what the directory needs to know of the calls with a key.
func (r *resolver) asked(key callKey) directory.Call {
	c := directory.Call{
		Caller: key.from, At: r.totals.names.AddressOf(key.address), Minute: key.minute,
	}
	c.IsSpecific = peerType(r.totals.names.typeOf(key.to)) != trace.Unspecific && !r.isModelServer(key.to, c.At.Host)
	if c.At.RPC == "" && r.totals.names.typeOf(key.to) == TypeRPC { // the address comes from an attempt inside
		c.At.RPC = r.totals.names.nodeID(key.to).Name
	}
	return c
}

// isModelServer reports whether a peer is a server of models that has the name of its host. Like
// any host, such a server can be a service, or be on the caller's machine (docs/semantics.md G1).
func (r *resolver) isModelServer(peer nodeIndex, host string) bool {
	id := r.totals.names.nodeID(peer)
	return id.Type == TypeModel && id.Name == host
}

// peerOf returns the peer of the calls with a key.
func (r *resolver) peerOf(key callKey) directory.Peer {
	id := r.totals.names.nodeID(key.to)
	p := directory.Peer{Node: key.to, Name: id.Name, Type: string(id.Type)}
	switch {
	case key.toName:
	case id.Type == TypeQueue:
		if !r.isReceived(key.to) {
			p.Kind = directory.Server
		}
	case key.kind != EdgeRequest:
	case key.address == 0 && id.Type != TypeDatabase && id.Type != TypeModel:
	case id.Type == TypeExternal, id.Type == TypeIP, r.isModelServer(key.to, r.totals.names.AddressOf(key.address).Host):
		p.Kind = directory.Host
	case id.Type == TypeModel && !semconv.HasDomains(id.Name), id.Type == TypeDatabase:
		p.Kind = directory.Server
	}
	return p
}

// isReceived reports whether consumers name a queue, or the graph has calls from the queue.
// Consumers name no broker, so such a queue cannot be distinguished from a queue with the same name
// at another broker (docs/semantics.md, A6).
func (r *resolver) isReceived(queue nodeIndex) bool {
	if r.received != nil {
		return r.received[queue]
	}
	r.received = make(map[nodeIndex]bool)
	note := func(from nodeIndex) {
		if r.totals.names.typeOf(from) == TypeQueue {
			r.received[from] = true
		}
	}
	for key := range r.known.edges {
		note(key.from)
	}
	for key := range r.known.calls {
		note(key.from)
	}
	for _, in := range r.known.receivers {
		note(in.span.Peer)
	}
	for i := range r.knownLinks.found {
		l := &r.knownLinks.found[i]
		out, in := r.known.sends[l.sender], r.known.receivers[l.key.receiver]
		if queue := queueOf(&out.span, &in.span); queue != 0 && (out.queueNode || in.queueNode) {
			note(queue) // a node between the two
		}
	}
	return r.received[queue]
}

// edge returns an edge of the graph for writing.
func (r *resolver) edge(key edgeKey) *Edge {
	if r.copied[key] {
		return r.edges[key]
	}
	e := &Edge{ID: EdgeID{r.names.nodeID(key.from), r.names.nodeID(key.to), key.kind}}
	if resolved := r.edges[key]; resolved != nil {
		e.merge(resolved)
	}
	r.edges[key], r.copied[key] = e, true
	return e
}

// resolveCalls finds the other side of the calls with one known side. It leaves messages that were
// only taken from a queue to resolveTaken.
func (r *resolver) resolveCalls() {
	for key, calls := range r.totals.calls {
		switch {
		case key.taken:
		case r.shown != nil:
			end, how := r.resolveCall(key)
			r.addKept(key, end, how, !key.hasEndedAt(end), &calls.Edge)
		default:
			r.addResolved(key, &calls.Edge)
		}
	}
}

// addResolved adds the calls with a key to the edge that the key resolves to.
func (r *resolver) addResolved(key callKey, calls *Edge) {
	end, how := r.resolveCall(key)
	if key.hasEndedAt(end) {
		r.found.conceal(calls)
		return
	}
	r.countConflict(key, how)
	r.addTo(end, how, calls)
}

// hasEndedAt reports whether the calls ended in a hidden service, and no service was found for
// them.
func (k *callKey) hasEndedAt(end edgeKey) bool { return k.ended && end.to == k.to }

// addTo adds calls to the edge end.
func (r *resolver) addTo(end edgeKey, how directory.Answer, calls *Edge) {
	found := *calls
	switch evidence := &found.Evidence; how {
	case directory.ByAddress:
		evidence.Address, evidence.Caller = evidence.Caller, 0
	case directory.ByName:
		evidence.Name, evidence.Caller = evidence.Caller, 0
	}
	r.edge(end).merge(&found)
}

// countConflict counts the address of calls if several services answer there.
func (r *resolver) countConflict(key callKey, how directory.Answer) {
	if how == directory.Ambiguous && !r.conflicts[key.address] {
		r.conflicts[key.address] = true
		r.found.AddressConflicts++
	}
}

// resolveCall finds the ends of the calls with a key: the service that the caller means, else the
// peer as the caller named it, under a name that distinguishes it from others.
func (r *resolver) resolveCall(key callKey) (end edgeKey, how directory.Answer) {
	end, how = r.serviceOf(key)
	if end.to != key.to || how == directory.ByAddress || how == directory.ByName || key.ended {
		return end, how
	}
	c, p := r.asked(key), r.peerOf(key)
	if name, typ := r.peers.Name(&c, &p, r.totals.names.nodeID(key.from).String()); name != p.Name || typ != p.Type {
		end.to = r.names.named(NodeID{Name: name, Type: NodeType(typ)})
	}
	return end, how
}

// serviceOf finds the ends of the calls with a key that are services: the service that has the
// name, else the service that the directory finds (docs/semantics.md, D13, A1 to A9).
func (r *resolver) serviceOf(key callKey) (end edgeKey, how directory.Answer) {
	end = key.edgeKey
	if key.fromName {
		if end.from = r.serviceNamed(end.from); end.from == key.from && r.names.nodeID(key.from).Namespace == "" {
			end.from = cmp.Or(r.directory.Named(0, r.names.nodeID(key.from).Name), key.from)
		}
	}
	if key.toName {
		if end.to = r.serviceNamed(end.to); end.to != key.to {
			return end, directory.Unknown
		}
	}
	if key.kind != EdgeRequest || key.address == 0 {
		return end, directory.Unknown
	}
	c := r.asked(key)
	service, how := r.directory.Find(&c)
	if service == 0 && key.inside != 0 {
		c.At = r.totals.names.AddressOf(key.inside)
		if inside, byInside := r.directory.Find(&c); inside != 0 {
			service, how = inside, byInside
		}
	}
	if service != 0 {
		end.to = service
	}
	return end, how
}

// ambiguous stands for several services with one name.
const ambiguous = ^nodeIndex(0)

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

// The limits on what a graph keeps for later merges: halves of messages, about 25 MB of them;
// calls to different addresses and names, each with its latencies, about 60 MB; and meetings of a
// service at an address, about 10 MB.
const (
	maxHalves       = 1 << 17
	maxPendingCalls = 1 << 14
	maxMeetings     = 1 << 16
)

// resolveExcess resolves all pending calls of one sort for good if there are more than a graph
// keeps for later merges. The report counts the resolved calls.
func (t *totals) resolveExcess() {
	if n := t.halves(); n > maxHalves {
		t.report.LinksResolvedEarly += uint64(n)
		r := t.resolver()
		r.resolveMessages()
		t.adopt(r)
		for i := range r.links.requests {
			l := &r.links.requests[i]
			t.learn(l.out.span.Node, l.out.span.Address, l.owner, l.out.span.Start)
		}
		clear(t.sends)
		clear(t.receivers)
		clear(t.receives)
	}
	if n := len(t.calls); n > maxPendingCalls {
		t.resolveEarly(func(key callKey) bool {
			return t.names.AddressOf(key.address).Ages() || t.names.AddressOf(key.inside).Ages()
		})
		if len(t.calls) > maxPendingCalls/2 {
			t.resolveEarly(func(callKey) bool { return true })
		}
		t.report.AddressesResolvedEarly += uint64(n - len(t.calls))
	}
	if n := len(t.met); n > maxMeetings {
		t.report.AddressesResolvedEarly += uint64(n + len(t.calls))
		t.resolveEarly(func(callKey) bool { return true })
		t.forgetMeetings()
	}
}

// resolveEarly resolves some of the pending calls for good.
func (t *totals) resolveEarly(which func(callKey) bool) {
	r := t.resolver()
	for key, calls := range t.calls {
		if which(key) {
			r.addResolved(key, &calls.Edge)
			delete(t.calls, key)
		}
	}
	t.recentCalls.clear()
	t.adopt(r)
}

// adopt adds the edges and counts of a resolver to the totals.
func (t *totals) adopt(r *resolver) {
	node, beyond := t.adoptNames(r)
	var folded []edgeKey
	for key := range r.copied {
		if beyond[key.to] {
			folded = append(folded, key)
			continue
		}
		t.edges[edgeKey{node(key.from), node(key.to), key.kind}] = &edgeSum{Edge: *r.edges[key]}
	}
	for _, key := range folded { // after the copies, which contain the edges that they replace
		e := r.edges[key]
		t.report.FoldedCalls = plus(t.report.FoldedCalls, e.Calls)
		t.sumOf(edgeKey{node(key.from), node(key.to), key.kind}).merge(e)
	}
	t.nextFold.edges = 0 // the number of edges has changed
	for i, n := range r.entries {
		t.node(i).Entries = plus(t.node(i).Entries, n)
	}
	t.recentEdges.clear()
	t.report.merge(r.found)
}
