package pairing

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// Two libraries can record one call: a framework and the HTTP client that it uses, or two agents in
// one process. Their spans are twins: they have one parent and one peer, and one is within the time
// of the other. The libraries can name the peer in different ways. Two peers count as one if the
// spans have the same host or the same RPC service, and neither the hosts nor the chosen names
// contradict each other. Spans of one library are never twins, because parallel calls look the same
// (docs/semantics.md F14).

// A twinGroup is a span and the spans that are within its time, each of another library.
type twinGroup struct {
	outer  int32
	met    bool     // a span of the group has a callee
	port   string   // of the callee; empty if no span of the group names one
	scopes []string // of the spans

	host string     // of the callee; empty if no span of the group names a host, or if all spans have the same peer
	name trace.Node // the peer, if a person chose the name; 0 if no span of the group has such a peer, or if all spans have the same peer

	peers []trace.Node // of the spans; empty if all spans have the same peer. Spans with the same peer were compared before
}

// maxTwinGroups is how many groups findTwins compares with a span: only the groups that began last.
const maxTwinGroups = 16

// markTwins finds the twins among the CLIENT spans below a span.
func (p *Pairer) markTwins(parent int32) {
	p.group = p.group[:0]
	overlap, from, to := false, int64(math.MaxInt64), int64(math.MinInt64)
	for c := p.tree.Child[parent]; c >= 0; c = p.tree.Sibling[c] {
		span := &p.spans[c]
		if _, timed := span.Duration(); p.parent[c] != parent || span.Kind != trace.Client || span.Peer == 0 || span.PeerType == trace.Queue || span.Detail == 0 || !timed || p.state[c].isCallee {
			continue
		}
		p.group = append(p.group, c)
		overlap = overlap || span.Start <= to && span.End >= from
		from, to = min(from, span.Start), max(to, span.End)
	}
	if !overlap || p.isOneLibrary(p.group) {
		return
	}
	samePeer := func(a, b int32) int {
		return cmp.Or(cmp.Compare(p.spans[a].Node, p.spans[b].Node), cmp.Compare(p.spans[a].Peer, p.spans[b].Peer))
	}
	slices.SortFunc(p.group, func(a, b int32) int { return cmp.Or(samePeer(a, b), p.outerFirst(a, b)) })
	for rest := p.group; len(rest) > 0; {
		n := 1
		for n < len(rest) && samePeer(rest[0], rest[n]) == 0 {
			n++
		}
		p.findTwins(rest[:n], p.HasCallee, false)
		rest = rest[n:]
	}
	p.markTwinsByAddress()
}

// isOneLibrary reports whether one library recorded all the spans, which have details.
func (p *Pairer) isOneLibrary(spans []int32) bool {
	first := p.spans[spans[0]].Detail
	for _, i := range spans[1:] {
		if d := p.spans[i].Detail; d != first && p.cfg.Describe(d).Scope != p.cfg.Describe(first).Scope {
			return false
		}
	}
	return true
}

// markTwinsByAddress finds the twins with different peers among the CLIENT spans in p.group, which
// are sorted by service and peer.
func (p *Pairer) markTwinsByAddress() {
	p.group = slices.DeleteFunc(p.group, func(i int32) bool {
		return p.state[i].isTwin || p.spans[i].PeerType != trace.Unspecific || p.spans[i].Address == 0
	})
	if len(p.group) < 2 || p.spans[p.group[0]].Peer == p.spans[p.group[len(p.group)-1]].Peer {
		return
	}
	byHost := func(i int32) string { host, _ := p.cfg.AddressOf(p.spans[i].Address); return host }
	byRPC := func(i int32) string { _, rpc := p.cfg.AddressOf(p.spans[i].Address); return rpc }
	for _, key := range [...]func(int32) string{byHost, byRPC} {
		same := func(a, b int32) int {
			return cmp.Or(cmp.Compare(p.spans[a].Node, p.spans[b].Node), strings.Compare(key(a), key(b)))
		}
		p.twins = append(p.twins[:0], p.group...)
		spans := slices.DeleteFunc(p.twins, func(i int32) bool { return key(i) == "" || p.state[i].isTwin })
		slices.SortFunc(spans, func(a, b int32) int { return cmp.Or(same(a, b), p.outerFirst(a, b)) })
		for len(spans) > 0 {
			n := 1
			for n < len(spans) && same(spans[0], spans[n]) == 0 {
				n++
			}
			if n > 1 {
				p.findTwins(spans[:n], p.HasCallee, true)
			}
			spans = spans[n:]
		}
	}
}

// isTwinOfSibling reports whether caller span i, without a callee, is a twin of a span beside it.
func (p *Pairer) isTwinOfSibling(i int32) bool {
	parent := p.parent[i]
	if parent < 0 || p.spans[i].Kind != trace.Client || p.spans[i].Detail == 0 || p.tree.Sibling[p.tree.Child[parent]] < 0 {
		return false
	}
	if !p.state[parent].compared {
		p.state[parent].compared = true
		p.markTwins(parent)
	}
	return p.state[i].isTwin
}

// outerFirst orders spans by start, the longer first, and then by id.
func (p *Pairer) outerFirst(a, b int32) int {
	x, y := &p.spans[a], &p.spans[b]
	return cmp.Or(cmp.Compare(x.Start, y.Start), cmp.Compare(y.End, x.End), slices.Compare(x.ID[:], y.ID[:]))
}

// findTwins marks all spans of a call as twins, except one: the span with the callee, or else the
// outer span. The spans come in the order of outerFirst. CLIENT spans have one parent and one peer
// or, if compared is set, one parent and one host or RPC service. SERVER spans have one caller and
// one service. At most one span of a call has a callee.
func (p *Pairer) findTwins(spans []int32, met func(int32) bool, compared bool) {
	if len(spans) < 2 {
		return
	}
	groups := p.twinGroups[:0]
	for _, i := range spans {
		s := p.callOf(i, compared)
		if s.scope == "" {
			continue
		}
		s.met = met(i)
		g := p.groupOf(groups, i, &s)
		if g < 0 {
			groups = append(groups, newTwinGroup(groups, i, &s))
			continue
		}
		twin := i
		if s.met { // no span of the group so far has a callee
			twin = groups[g].outer
		}
		p.state[twin].isTwin = true
		groups[g].add(&s)
	}
	p.twinGroups = groups
}

// A twinCall is what one span tells about its call.
type twinCall struct {
	scope string     // the library that recorded the span
	met   bool       // the span has a callee
	port  string     // of the callee
	host  string     // of the callee; host, name and peer are empty if all spans have the same peer
	name  trace.Node // the peer, if a person chose the name
	peer  trace.Node
}

// callOf returns what span i tells about its call.
func (p *Pairer) callOf(i int32, compared bool) twinCall {
	span := &p.spans[i]
	of := p.cfg.Describe(span.Detail)
	s := twinCall{scope: of.Scope, port: of.Port}
	if compared {
		s.host, _ = p.cfg.AddressOf(span.Address)
		s.peer = span.Peer
		if span.Is(trace.PeerIsName) {
			s.name = span.Peer
		}
	}
	return s
}

// groupOf returns the index of the last group to which span i can belong, -1 if there is none.
func (p *Pairer) groupOf(groups []twinGroup, i int32, s *twinCall) int {
	for g := len(groups) - 1; g >= max(0, len(groups)-maxTwinGroups); g-- {
		if p.spans[groups[g].outer].End >= p.spans[i].End && groups[g].admits(s) {
			return g
		}
	}
	return -1
}

// newTwinGroup returns a group of one span. It reuses the memory of a group of an earlier call,
// which follows the last group in the capacity of the list.
func newTwinGroup(groups []twinGroup, i int32, s *twinCall) twinGroup {
	g := twinGroup{outer: i}
	if len(groups) < cap(groups) {
		g.scopes = groups[:len(groups)+1][len(groups)].scopes[:0] // of an earlier call
	}
	g.add(s)
	return g
}

// admits reports whether a span can show the same call as the spans of the group: it is of another
// library, and nothing that it names contradicts the group.
func (g *twinGroup) admits(s *twinCall) bool {
	switch {
	case slices.Contains(g.scopes, s.scope),
		g.met && s.met,
		g.port != "" && s.port != "" && g.port != s.port,
		g.host != "" && s.host != "" && g.host != s.host,
		g.name != 0 && s.name != 0 && g.name != s.name:
		return false
	}
	return s.peer == 0 || !slices.Contains(g.peers, s.peer)
}

// add adds a span to the group.
func (g *twinGroup) add(s *twinCall) {
	g.scopes = append(g.scopes, s.scope)
	g.met = g.met || s.met
	g.port, g.host, g.name = cmp.Or(g.port, s.port), cmp.Or(g.host, s.host), cmp.Or(g.name, s.name)
	if s.peer != 0 {
		g.peers = append(g.peers, s.peer)
	}
}

// withoutTwins returns the callee spans of one caller without the twins among the SERVER spans,
// which stop being callees of the caller.
func (p *Pairer) withoutTwins(caller int32, callees []int32) []int32 {
	order := func(a, b int32) int {
		return cmp.Or(cmp.Compare(p.spans[a].Node, p.spans[b].Node), p.outerFirst(a, b))
	}
	slices.SortFunc(callees, order)
	isTwin := func(i int32) bool { return p.state[i].isTwin }
	var servers []int32
	for _, c := range callees {
		if _, timed := p.spans[c].Duration(); timed && p.spans[c].Kind == trace.Server && p.spans[c].Detail != 0 {
			if len(servers) > 0 && p.spans[servers[0]].Node != p.spans[c].Node {
				p.findTwins(servers, func(int32) bool { return false }, false)
				servers = servers[:0]
			}
			servers = append(servers, c)
		}
	}
	p.findTwins(servers, func(int32) bool { return false }, false)
	if !slices.ContainsFunc(callees, isTwin) {
		return callees
	}
	return p.withoutCallees(caller, callees, isTwin)
}
