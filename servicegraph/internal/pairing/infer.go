package pairing

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A guess is a CLIENT span and a SERVER span, or a PRODUCER span and a CONSUMER span, that can be
// the two sides of one call.
type guess struct {
	client, server int32
	agreements     int // how many attributes of the two sides agree
}

// maxGuesses limits the pairs of spans that inferCalls compares in a trace. Beyond the limit it
// infers nothing.
const maxGuesses = 1 << 22

// inferCalls pairs the two sides of calls whose connection is lost: a CLIENT or PRODUCER span
// without a callee, and a SERVER or CONSUMER span whose parent never arrived or whose parent id is
// lost, in one trace and of two services (docs/semantics.md P9, P20). The SERVER span must lie in
// the time of the CLIENT span, or the CONSUMER span begin after the PRODUCER span, and the
// attributes of both must agree. If the two sides have no attribute in common, each must be the
// only match for the other, and the client must name no peer, or only an address. If several pairs
// agree equally, all of them must be calls from one service to one other: then the edge is the
// same, whichever spans belong together.
func (p *Pairer) inferCalls() {
	clients, servers := append(p.requestsWithoutCallee(), p.messagesWithoutConsumer()...), append(p.lostRequests(), p.lostMessages()...)
	if p.uncompared = len(clients)*len(servers) > maxGuesses; p.uncompared {
		return
	}
	guesses := append(p.guesses(clients, servers), p.messageGuesses(clients, servers)...)
	guesses = preferAgreed(guesses, func(g guess) int32 { return g.server })
	guesses = preferAgreed(guesses, func(g guess) int32 { return g.client })
	byClient, byServer := make(map[int32][]guess), make(map[int32][]guess)
	for _, g := range guesses {
		byClient[g.client] = append(byClient[g.client], g)
		byServer[g.server] = append(byServer[g.server], g)
	}
	callers, callees := make(map[int32]bool), make(map[int32]bool) // of inferred calls; a span can be both
	for _, s := range servers {
		best := int32(-1)
		for _, g := range byServer[s] {
			switch {
			case !p.isOneEdge(byServer[s], byClient[g.client]):
				best = -2
			case best != -2 && !callers[g.client] && (best < 0 || p.endsFirst(g.client, best)):
				best = g.client
			}
		}
		if best >= 0 {
			callers[best], callees[s] = true, true
			p.infer(best, s)
		}
	}
	if len(callers) > 0 {
		p.calls = slices.DeleteFunc(p.calls, func(c Call) bool { return c.Callee < 0 && callers[c.Caller] || c.Caller < 0 && callees[c.Callee] })
	}
}

// requestsWithoutCallee returns the CLIENT spans that begin a request whose callee is unknown, by start.
func (p *Pairer) requestsWithoutCallee() (clients []int32) {
	for i := range int32(len(p.spans)) {
		span, state := &p.spans[i], &p.state[i]
		_, timed := span.Duration()
		if timed && span.Kind == trace.Client && state.outer == i && !state.publishes &&
			(state.made == Unresolved || state.made == Virtual && p.spans[p.naming(i)].PeerType == trace.Unspecific) {
			clients = append(clients, i)
		}
	}
	slices.SortFunc(clients, p.compareTimes)
	return clients
}

// lostRequests returns the SERVER spans whose parent is not known, by start.
func (p *Pairer) lostRequests() (servers []int32) {
	for i := range int32(len(p.spans)) {
		span, state := &p.spans[i], &p.state[i]
		_, timed := span.Duration()
		if timed && span.Kind == trace.Server && len(p.targets[i]) == 0 && (p.parent[i] == trace.MissingParent && state.outcome == None || state.outcome == Detached) {
			servers = append(servers, i)
		}
	}
	slices.SortFunc(servers, p.compareTimes)
	return servers
}

// guesses returns the pairs of spans that can be the two sides of a call.
func (p *Pairer) guesses(clients, servers []int32) (guesses []guess) {
	asked := askedOf{Pairer: p, known: make(map[trace.Detail]Asked)}
	for _, s := range servers {
		if p.spans[s].Kind != trace.Server {
			continue
		}
		for _, c := range clients {
			if !p.canCall(c, s) {
				continue
			}
			if agreements, ok := asked.agree(c, s); ok {
				guesses = append(guesses, guess{c, s, agreements})
			}
		}
	}
	return guesses
}

// canCall reports whether the times and the services of two spans allow that they are the two sides
// of a call.
func (p *Pairer) canCall(c, s int32) bool {
	client, server := &p.spans[c], &p.spans[s]
	return p.state[c].made != PendingCall && client.Start <= server.Start && client.End >= server.End && client.Node != server.Node
}

// askedOf caches the descriptions of details, because many spans have the same detail.
type askedOf struct {
	*Pairer
	known map[trace.Detail]Asked
}

// of returns what span i tells about its call.
func (p *askedOf) of(i int32) Asked {
	d := p.spans[i].Detail
	if d == 0 {
		return Asked{}
	}
	a, known := p.known[d]
	if !known {
		a = p.cfg.Describe(d).Asked
		p.known[d] = a
	}
	return a
}

// agree counts the attributes in which caller span c and callee span s agree. It returns false if
// the spans contradict each other, or if nothing suggests that they are the two sides of one call.
func (p *askedOf) agree(c, s int32) (agreements int, ok bool) {
	named := p.naming(c)
	mine, other := p.of(c).or(p.of(named)), p.of(s)
	agreements, contradict := mine.compare(other)
	if p.NamesPeer(named) && p.cfg.IsNameOf(p.spans[named].Peer, p.spans[s].Node) {
		agreements++
	}
	if contradict || agreements == 0 && p.state[c].made == Virtual && !p.callsAnAddress(named) {
		return 0, false
	}
	if mine.Path != "" && other.Path != "" {
		if !p.cfg.MatchPaths(mine.Path, other.Path) {
			return 0, false
		}
		agreements++
	}
	return agreements, true
}

// naming returns the span that names the peer of the call of caller span c: c itself, or the first
// span inside c that names a peer and stands for the same call.
func (p *Pairer) naming(c int32) int32 {
	for i := c; i >= 0; i = p.state[i].inner {
		if p.NamesPeer(i) {
			return i
		}
	}
	return c
}

// or returns a, with the fields of b where those of a are unknown.
func (a Asked) or(b Asked) Asked {
	if a.Host == "" {
		a.Host, a.Port = b.Host, b.Port
	}
	if a.RPCService == "" {
		a.RPCService, a.RPCMethod = b.RPCService, cmp.Or(a.RPCMethod, b.RPCMethod)
	}
	a.HTTPMethod, a.Path = cmp.Or(a.HTTPMethod, b.HTTPMethod), cmp.Or(a.Path, b.Path)
	return a
}

// compare compares the fields of the two sides of a call, except the paths. It counts the fields
// that agree, and reports whether any contradict each other. Two different IP addresses contradict
// each other, as do two different names. An IP address does not contradict a name, and a short name
// does not contradict the full name.
func (a Asked) compare(b Asked) (agreements int, contradict bool) {
	differ := func(x, y string) bool { return x != "" && y != "" && x != y }
	if differ(a.RPCService, b.RPCService) || differ(a.RPCMethod, b.RPCMethod) || differ(a.HTTPMethod, b.HTTPMethod) {
		return 0, true
	}
	if a.RPCService != "" && b.RPCService != "" {
		agreements++
	}
	switch {
	case a.Host == "" || b.Host == "":
		return agreements, false
	case a.Host == b.Host || strings.HasPrefix(a.Host, b.Host+".") || strings.HasPrefix(b.Host, a.Host+"."):
		return agreements + 1, differ(a.Port, b.Port)
	}
	return agreements, isIP(a.Host) == isIP(b.Host)
}

// isIP reports whether a canonical host, which is not empty, is an IP address. Unlike an IP
// address, a name has no colon and does not end with a digit.
func isIP(host string) bool {
	last := host[len(host)-1]
	return strings.Contains(host, ":") || '0' <= last && last <= '9' && strings.Count(host, ".") >= 3
}

// preferAgreed removes the guesses of a span that agree less than others do.
func preferAgreed(guesses []guess, span func(guess) int32) []guess {
	most := make(map[int32]int)
	for _, g := range guesses {
		most[span(g)] = max(most[span(g)], g.agreements)
	}
	return slices.DeleteFunc(guesses, func(g guess) bool { return g.agreements < most[span(g)] })
}

// isOneEdge reports whether the guesses of a server, and those of one of its clients, all mean the
// same edge. That is so if there is one guess, or if the attributes of all guesses agree, and all
// have the same caller service and the same callee service.
func (p *Pairer) isOneEdge(ofServer, ofClient []guess) bool {
	if len(ofServer) == 1 && len(ofClient) == 1 {
		return true
	}
	first := ofServer[0]
	differs := func(g guess) bool {
		return g.agreements == 0 || p.spans[g.client].Node != p.spans[first.client].Node || p.spans[g.server].Node != p.spans[first.server].Node
	}
	return !slices.ContainsFunc(ofServer, differs) && !slices.ContainsFunc(ofClient, differs)
}

// endsFirst reports whether span i ends before span j, or at the same time with a smaller id. The
// client that ends first can be paired with the fewest other requests.
func (p *Pairer) endsFirst(i, j int32) bool {
	return cmp.Or(cmp.Compare(p.spans[i].End, p.spans[j].End), p.compareTimes(i, j)) < 0
}

// infer adds the call from caller span c to callee span s.
func (p *Pairer) infer(c, s int32) {
	call := Call{
		From: p.spans[c].Node, To: p.spans[s].Node, Caller: c, Callee: s, Source: -1, Kind: p.kind(c, s), Evidence: Inferred, Flags: PerTrace,
	}
	if call.Kind == Message {
		call.Queue = p.settleSend(c, s)
	}
	p.state[c].outcome, p.state[s].outcome = Paired, Paired
	p.calls = append(p.calls, call)
}

// callsAnAddress reports whether caller span i names only an IP address or an RPC service, which
// any service can have.
func (p *Pairer) callsAnAddress(i int32) bool {
	return p.spans[i].Peer != 0 && !p.spans[i].Is(trace.PeerIsName) && p.cfg.IsAddress(p.spans[i].Peer)
}
