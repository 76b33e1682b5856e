package servicegraph_test

import (
	"cmp"
	"slices"
	"strings"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// An oracleAddress is the address that a caller span called: a host, an RPC service or both, and
// the name that the span gives the callee, if any.
type oracleAddress struct{ host, port, name, rpc string }

// An oracleMeeting is a call that a service answered.
type oracleMeeting struct {
	caller, owner sg.NodeID
	at            oracleAddress
	start         int64
}

// An oracleCall is a call without a callee span.
type oracleCall struct {
	client *oracleSpan
	kind   sg.EdgeKind
	peer   sg.NodeID
	isName bool
	at     oracleAddress
	inside oracleAddress // the address that a span inside the call names
	ended  bool          // the call ended in a hidden service
}

// An oracleAttempt is an attempt without a callee span of a call, and the service that answered the
// other attempts (F13).
type oracleAttempt struct {
	oracleCall
	met sg.NodeID
}

// address returns the address that a caller span called.
func (s *oracleSpan) address() (at oracleAddress) {
	if s.cfg.IgnoreAddresses || s.hidesName {
		return oracleAddress{}
	}
	at.rpc = s.attrs["rpc.service"]
	if peer, isName := s.ownPeer(); isName && s.caller {
		at.name = peer.Name
	}
	if host := strings.ToLower(s.attrs["server.address"]); host != "" {
		at.host, at.port = host, s.attrs["server.port"]
		if host == "127.0.0.1" {
			at.host = "localhost"
		}
	}
	return at
}

// namesHost reports whether s names the callee by a host.
func (s *oracleSpan) namesHost() bool { return s.address().host != "" && !s.nameless }

// isAddress reports whether a host is one of the IP addresses of the tests.
func isAddress(host string) bool { return host[0] >= '0' && host[0] <= '9' }

// learnAddress notes that the service of callee answered at the address that client called
// (D13).
func (o *oracle) learnAddress(client, callee *oracleSpan) {
	if client.namesItself() { // the name is not that of the callee
		return
	}
	o.meetings = append(o.meetings, oracleMeeting{client.node, callee.node, client.address(), client.Start})
}

// learnAround notes that the service of callee answered at the addresses that the three caller
// spans around c name. It stops at a caller span that contains one that names a peer and did not
// meet the service (D13).
func (o *oracle) learnAround(c, callee *oracleSpan) {
	for range 3 {
		if c = c.within(); c == nil || c.kind != sg.KindClient || len(o.callees(c)) > 0 || o.answered(o.met(c)) == nil || o.strays(c) {
			return
		}
		if !c.callsOwnHost() {
			o.learnAddress(c, callee)
		}
	}
}

// strays reports whether a caller span inside c names a peer and reached no service.
func (o *oracle) strays(c *oracleSpan) bool {
	return slices.ContainsFunc(o.inner(c), func(i *oracleSpan) bool {
		peer, _ := i.peer()
		return peer != (sg.NodeID{}) && !o.reaches(i) || o.strays(i)
	})
}

// countVirtuals counts the calls without a callee span.
func (o *oracle) countVirtuals() {
	var open []oracleCall // the calls for which no service is found
	statements := o.statements()
	for _, a := range o.attempted {
		e := o.edge(a.client.node, a.met, a.kind)
		e.count(a.client, nil, &e.caller)
		e.addCaller(a.client)
	}
	for _, c := range o.virtuals {
		to, evidence := c.peer, func(e *oracleEdge) *float64 { return &e.caller }
		if c.isName {
			to = o.service(c.peer)
		}
		if to == c.peer && c.kind == sg.EdgeRequest {
			found, by := o.found(&c, statements)
			if found == nil && c.inside != c.at {
				inside := c
				inside.at = c.inside
				found, by = o.found(&inside, statements)
			}
			if found != nil {
				to, evidence = *found, by
			}
		}
		if to == c.peer && c.ended {
			o.conceal(c.client)
			continue
		}
		if to == c.peer && to.Type != sg.TypeService {
			open = append(open, c)
			continue
		}
		e := o.edge(c.client.node, to, c.kind)
		e.count(c.client, nil, evidence(e))
		e.addCaller(c.client)
	}
	for _, c := range open {
		e := o.edge(c.client.node, o.peerName(&c, open), c.kind)
		e.count(c.client, nil, &e.caller)
		e.addCaller(c.client)
	}
}

// found returns the service of a call, nil if there is none, and the evidence for it.
func (o *oracle) found(c *oracleCall, statements []oracleMeeting) (service *sg.NodeID, evidence func(*oracleEdge) *float64) {
	byAddress := func(e *oracleEdge) *float64 { return &e.address }
	one := func(services map[sg.NodeID]bool) *sg.NodeID {
		service := only(services)
		return &service
	}
	atHost, asName, asRPC, fits := o.metAtHost(c, o.meetings), o.metAsName(c), o.metAsRPC(c, o.meetings), o.named(c)
	if len(atHost) == 1 {
		return one(atHost), byAddress
	} else if len(asName.best()) == 1 {
		return one(asName.best()), byAddress
	} else if len(asRPC.best()) == 1 {
		return one(asRPC.best()), byAddress
	} else if len(fits) == 1 {
		return one(fits), func(e *oracleEdge) *float64 { return &e.name }
	} else if stated := o.metAtHost(c, statements); len(atHost) == 0 && len(stated) == 1 {
		return one(stated), byAddress
	} else if stated := o.metAsRPC(c, statements); len(asRPC.all) == 0 && len(stated.best()) == 1 {
		return one(stated.best()), byAddress
	}
	return nil, nil
}

// statements returns the addresses that services state of themselves, each as a call from nobody
// that met the service (A7).
func (o *oracle) statements() (statements []oracleMeeting) {
	if o.cfg.IgnoreAddresses {
		return nil
	}
	state := func(s *oracleSpan, at oracleAddress) {
		if at != (oracleAddress{}) && at.host != "localhost" && !strings.HasPrefix(at.rpc, "grpc.health.") {
			statements = append(statements, oracleMeeting{owner: s.node, at: at, start: s.Start})
		}
	}
	for _, s := range o.spans {
		if s.kind == sg.KindServer {
			at := s.address()
			state(s, oracleAddress{host: at.host, port: at.port})
			state(s, oracleAddress{rpc: at.rpc})
		}
		for _, a := range s.Resource {
			if a.Key == "k8s.pod.ip" {
				state(s, oracleAddress{host: a.Value})
			}
		}
	}
	return statements
}

func only(nodes map[sg.NodeID]bool) sg.NodeID {
	for n := range nodes {
		return n
	}
	return sg.NodeID{}
}

// metAtHost returns the services of meetings at the host and the port of a call (D13, A2, A3,
// A5).
func (o *oracle) metAtHost(c *oracleCall, meetings []oracleMeeting) map[sg.NodeID]bool {
	if c.at.host == "" || c.at.port == "" && isSpecific(c.peer.Type) {
		return nil
	}
	met, _ := o.metAtPort(c, meetings, func(port string) bool { return c.at.port == "" || port == c.at.port })
	if len(met) > 0 || c.at.port == "" || isSpecific(c.peer.Type) {
		return met
	}
	if _, all := o.metAtPort(c, meetings, func(string) bool { return true }); len(all) != 1 { // for any caller and at any time
		return nil
	}
	met, _ = o.metAtPort(c, meetings, func(port string) bool { return port == "" })
	return met
}

// metAtPort looks at the meetings at the host of a call and at some ports. met are the services
// that can have answered the call, and all are the services of all these meetings.
func (o *oracle) metAtPort(c *oracleCall, meetings []oracleMeeting, isAt func(port string) bool) (met, all map[sg.NodeID]bool) {
	all = make(map[sg.NodeID]bool)
	isHere := func(m oracleMeeting) bool {
		return m.at.host != "" && o.full(m.caller, m.at.host) == o.full(c.client.node, c.at.host) && (c.at.host != "localhost" || m.caller == c.client.node)
	}
	isNamed := slices.ContainsFunc(meetings, func(m oracleMeeting) bool { return isHere(m) && m.at.name != "" })
	first, last := make(map[sg.NodeID]int64), make(map[sg.NodeID]int64)
	for _, m := range meetings {
		switch {
		case !isHere(m), !isAt(m.at.port), isNamed && c.at.name != "" && m.at.name != c.at.name:
			continue
		}
		all[m.owner] = true
		if c.at.host != "localhost" && m.owner == c.client.node { // a proxy
			continue
		}
		if _, known := first[m.owner]; !known {
			first[m.owner], last[m.owner] = m.start, m.start
		}
		first[m.owner], last[m.owner] = min(first[m.owner], m.start), max(last[m.owner], m.start)
	}
	met = make(map[sg.NodeID]bool)
	const minute = 60e9
	begin := c.client.Start - c.client.Start%minute
	for owner := range first {
		if !isAddress(c.at.host) || begin+minute > first[owner]-5*minute && begin <= last[owner]+5*minute {
			met[owner] = true
		}
	}
	return met, all
}

// Owners are the services that answered at an RPC service or under a name (all), and those of them
// that answered one particular caller (own).
type owners struct{ all, own map[sg.NodeID]bool }

// best returns the only service that answered. If there are several, it returns those that answered
// the caller (A1).
func (r owners) best() map[sg.NodeID]bool {
	if len(r.all) == 1 {
		return r.all
	}
	return r.own
}

// metAsRPC returns the services of the meetings at the RPC service of a call.
func (o *oracle) metAsRPC(c *oracleCall, meetings []oracleMeeting) owners {
	rpc := c.at.rpc
	if rpc == "" && c.peer.Type == sg.TypeRPC {
		rpc = c.peer.Name
	}
	if rpc == "" || c.at.host != "" && strings.HasPrefix(rpc, "grpc.health.") {
		return owners{}
	}
	return o.owners(c, meetings, func(at oracleAddress) bool { return at.rpc == rpc })
}

// metAsName returns the services that answered calls whose callers give the callee the same name as
// the caller of a call does.
func (o *oracle) metAsName(c *oracleCall) owners {
	if c.at.name == "" {
		return owners{}
	}
	return o.owners(c, o.meetings, func(at oracleAddress) bool { return at.name == c.at.name })
}

// owners returns the services of meetings at some addresses.
func (o *oracle) owners(c *oracleCall, meetings []oracleMeeting, isAt func(oracleAddress) bool) owners {
	found := owners{make(map[sg.NodeID]bool), make(map[sg.NodeID]bool)}
	for _, m := range meetings {
		if isAt(m.at) && (m.owner != c.client.node || m.caller == m.owner) {
			found.all[m.owner] = true
			if m.caller == c.client.node {
				found.own[m.owner] = true
			}
		}
	}
	return found
}

// named returns the services that have the name of the host of a call, or the name that the caller
// chose, without or with the namespace (A4).
func (o *oracle) named(c *oracleCall) map[sg.NodeID]bool {
	host := c.at.host
	if c.at.name != "" {
		host = strings.ToLower(c.at.name)
	}
	if host == "" || isSpecific(c.peer.Type) {
		return nil
	}
	fits := o.withName(c, host)
	if full := o.full(c.client.node, host); len(fits) != 1 && full != host {
		return o.withName(c, full)
	}
	return fits
}

// withName returns the services that have a name that the caller of a call dials.
func (o *oracle) withName(c *oracleCall, host string) map[sg.NodeID]bool {
	fits := make(map[sg.NodeID]bool)
	own := o.kubernetes(c.client.node)
	for _, s := range o.spans {
		name, namespaces := strings.ToLower(s.node.Name), o.kubernetes(s.node)
		if name == host && (strings.Contains(host, ".") || len(own) != 1 || len(namespaces) == 0 || namespaces[onlyName(own)]) || name+"."+s.node.Namespace == host {
			fits[s.node] = true
		}
		for n := range namespaces {
			if name+"."+n == host {
				fits[s.node] = true
			}
		}
	}
	return fits
}

func onlyName(names map[string]bool) string {
	for n := range names {
		return n
	}
	return ""
}

// kubernetes returns the Kubernetes namespaces of a service.
func (o *oracle) kubernetes(node sg.NodeID) map[string]bool {
	found := make(map[string]bool)
	for _, s := range o.spans {
		for _, a := range s.Resource {
			if s.node == node && a.Key == "k8s.namespace.name" {
				found[a.Value] = true
			}
		}
	}
	return found
}

// withNamespace returns a host with the Kubernetes namespace of its caller, if the host has none.
func (o *oracle) withNamespace(caller sg.NodeID, host string) string {
	if namespaces := o.kubernetes(caller); !strings.Contains(host, ".") && host != "localhost" && len(namespaces) == 1 {
		return host + "." + onlyName(namespaces)
	}
	return host
}

// dialed returns all hosts that callers dial, with the caller.
func (o *oracle) dialed(visit func(caller sg.NodeID, host string)) {
	for _, m := range o.meetings {
		visit(m.caller, m.at.host)
	}
	for _, c := range o.virtuals {
		visit(c.client.node, c.at.host)
	}
}

// full returns a host with its namespace: the namespace of the caller, or else of the only host
// with the same first label (A3).
func (o *oracle) full(caller sg.NodeID, host string) string {
	if host == "" || host == "localhost" || strings.Contains(host, ".") {
		return host
	}
	if full := o.withNamespace(caller, host); full != host {
		return full
	}
	fits := make(map[string]bool)
	o.dialed(func(caller sg.NodeID, other string) {
		if other = o.withNamespace(caller, other); strings.HasPrefix(other, host+".") && strings.Count(other, ".") == 1 {
			fits[other] = true
		}
	})
	if len(fits) == 1 {
		return onlyName(fits)
	}
	return host
}

// shown returns the name of a host: the full name if any caller dials it (A3), or if a service has
// the short name (A4).
func (o *oracle) shown(caller sg.NodeID, host string) string {
	full, name := o.full(caller, host), host
	for _, s := range o.spans {
		if strings.ToLower(s.node.Name) == host {
			return full
		}
	}
	o.dialed(func(_ sg.NodeID, other string) {
		if other == full {
			name = full
		}
	})
	return name
}

// isReceived reports whether a consumer names a queue that no producer sent to.
func (o *oracle) isReceived(queue sg.NodeID) bool {
	for id := range o.edges {
		if id.From == queue {
			return true
		}
	}
	return slices.ContainsFunc(o.spans, func(s *oracleSpan) bool {
		return s.kind == sg.KindConsumer && len(s.Links) > 0 && s.queue() == queue
	}) || slices.ContainsFunc(o.taken, func(s *oracleSpan) bool { return s.queue() == queue })
}

// peerName returns the name of the peer of a call that belongs to no service (A2, A3, A6). open has
// all such calls.
func (o *oracle) peerName(c *oracleCall, open []oracleCall) sg.NodeID {
	peer := c.peer
	switch {
	case isHost(c) && c.at.host == "localhost":
		return localName(c, open)
	case isHost(c) && peer.Name == c.at.host:
		peer.Name = o.unshared(c, open, func(other *oracleCall) bool { return isHost(other) && other.peer.Name == other.at.host })
	case !c.isName && (peer.Type == sg.TypeDatabase && c.kind == sg.EdgeRequest || peer.Type == sg.TypeQueue && !o.isReceived(peer)):
		peer.Name += o.serverName(c, open)
	}
	return peer
}

// unshared returns the name of the host of a call, in full if the hosts of several of the other calls
// have the same name (A3).
func (o *oracle) unshared(c *oracleCall, open []oracleCall, among func(*oracleCall) bool) string {
	name, full := o.shown(c.client.node, c.at.host), o.full(c.client.node, c.at.host)
	for i := range open {
		other := &open[i]
		if among(other) && o.shown(other.client.node, other.at.host) == name && o.full(other.client.node, other.at.host) != full {
			return full
		}
	}
	return name
}

// isHost reports whether the peer of a call is a host.
func isHost(c *oracleCall) bool {
	return !c.isName && c.kind == sg.EdgeRequest && (c.peer.Type == sg.TypeExternal || c.peer.Type == sg.TypeIP)
}

// localName returns the name of the peer of a call to localhost.
func localName(c *oracleCall, open []oracleCall) sg.NodeID {
	type port struct {
		caller sg.NodeID
		port   string
	}
	peer := c.peer
	ports, ofCaller := make(map[port]bool), make(map[port]bool)
	for _, other := range open {
		if !isHost(&other) || other.at.host != "localhost" {
			continue
		}
		at := port{other.client.node, other.at.port}
		ports[at] = true
		if at.caller != c.client.node {
			continue
		}
		ofCaller[at] = true
		if at.port == c.at.port && cmp.Or(strings.Compare(other.peer.Name, peer.Name), strings.Compare(string(other.peer.Type), string(peer.Type))) < 0 {
			peer = other.peer
		}
	}
	if len(ports) > 1 {
		peer.Name = "localhost"
		if len(ofCaller) > 1 && c.at.port != "" {
			peer.Name += ":" + c.at.port
		}
		peer.Name += "@" + c.client.node.String()
		peer.Type = sg.TypeExternal
	}
	return peer
}

// serverName returns what the name of a database or a queue adds if there are several servers of the
// same name: @ and the host. Hosts that differ only in digits are one server.
func (o *oracle) serverName(c *oracleCall, open []oracleCall) string {
	alike, own := make(map[string]*oracleCall), make(map[string]bool)
	digits := strings.NewReplacer("0", "", "1", "", "2", "", "3", "")
	isServer := func(other *oracleCall) bool {
		host := other.at.host
		return other.peer == c.peer && !other.isName && (c.peer.Type != sg.TypeDatabase || other.kind == c.kind) && host != "" && host != "localhost" && !isAddress(host)
	}
	shown := func(c *oracleCall) string { return o.shown(c.client.node, c.at.host) }
	full := func(c *oracleCall) string { return o.full(c.client.node, c.at.host) }
	for i := range open {
		other := &open[i]
		if !isServer(other) {
			continue
		}
		key := digits.Replace(full(other))
		if first, known := alike[key]; !known || cmp.Or(strings.Compare(shown(other), shown(first)), strings.Compare(full(other), full(first))) < 0 {
			alike[key] = other
		}
		if other.client.node == c.client.node {
			own[key] = true
		}
	}
	key := digits.Replace(full(c))
	if c.at.host == "" && len(own) == 1 {
		key = onlyName(own)
	}
	if first := alike[key]; len(alike) > 1 && first != nil && (c.at.host == "" || !isAddress(c.at.host)) {
		return "@" + o.unshared(first, open, isServer)
	}
	return ""
}
