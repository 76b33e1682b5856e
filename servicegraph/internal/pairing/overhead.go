package pairing

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// Some libraries record more than calls: a driver records how it gets a connection and reads the
// rows, and a library for sockets records how a connection is made. The functions in this file tell
// these spans from calls.

// A queryKey is a database that a library queries for one request. The peer identifies the database,
// or else the product alone.
type queryKey struct {
	request int32 // see workFor
	service trace.Node
	scope   string
	peer    trace.Node
	system  string
}

// isHousekeeping reports whether caller span i is work of a database driver around a query, such as
// getting a connection or reading the rows. Span i then has no query and no operation, while another
// span of the same library, for the same request, has one for the same database. A failed span counts
// as a call, because no other span shows the failure (docs/semantics.md D14).
func (p *Pairer) isHousekeeping(i int32) bool {
	span := &p.spans[i]
	if span.PeerType != trace.Specific || span.Is(trace.Queries) || span.Detail == 0 || span.Failed() || len(p.callers) == 1 {
		return false
	}
	mine := p.cfg.Describe(span.Detail)
	if mine.System == "" {
		return false
	}
	if !p.queried {
		p.queried = true
		p.findQueries()
	}
	if len(p.queries) == 0 {
		return false
	}
	key := queryKey{request: p.workFor(i), service: span.Node, scope: mine.Scope}
	byPeer, bySystem := key, key
	byPeer.peer, bySystem.system = span.Peer, mine.System
	return p.queries[byPeer] || mine.Database == "" && !span.Is(trace.PeerIsName) && p.queries[bySystem]
}

// workFor returns the span of the request for which caller span i works. If no span of the service is
// around i, that is the span of the other service.
func (p *Pairer) workFor(i int32) int32 {
	if request := p.state[i].request; request != i || p.parent[i] < 0 {
		return request
	}
	return p.parent[i]
}

// findQueries collects the databases that the spans of the trace query.
func (p *Pairer) findQueries() {
	for _, c := range p.callers {
		span := &p.spans[c]
		if !span.Is(trace.Queries) || span.Detail == 0 || span.PeerType != trace.Specific {
			continue
		}
		if p.queries == nil {
			p.queries = make(map[queryKey]bool)
		}
		of := p.cfg.Describe(span.Detail)
		key := queryKey{request: p.workFor(c), service: span.Node, scope: of.Scope}
		byPeer, bySystem := key, key
		byPeer.peer, bySystem.system = span.Peer, of.System
		p.queries[byPeer], p.queries[bySystem] = true, true
	}
}

// besides are the caller spans below one span, by service and host, without those that a library for
// connections recorded. The spans of a service with all hosts are those of anyHost.
type besides map[dialed]*times

// A dialed is a host that a service calls.
type dialed struct {
	service trace.Node
	host    string
}

// anyHost is no canonical host. The host of spans that name none is "".
const anyHost = "*"

// times are the times of some spans.
type times struct {
	starts []int64          // sorted
	ends   []int64          // the latest end of a span that starts no later than the start with the same index
	last   map[string]int64 // by port, "" if unknown: the last start
}

// cover reports whether a span goes on from start to end.
func (t *times) cover(start, end int64) bool {
	if t == nil {
		return false
	}
	n, _ := slices.BinarySearch(t.starts, start+1)
	return n > 0 && t.ends[n-1] >= end
}

// isConnecting reports whether caller span i is work on a connection for a call that another span
// shows. Span i then comes from a library that records nothing but such work, and a caller span of
// another library below the same parent either goes on while span i lasts, or begins after span i
// succeeded. In the first case, the other span names the same host or none, or span i names only an
// IP address; in the second case, it names the same host (docs/semantics.md F15).
func (p *Pairer) isConnecting(i int32) bool {
	span, parent := &p.spans[i], p.parent[i]
	if parent < 0 || span.Kind != trace.Client || span.PeerType != trace.Unspecific || span.Detail == 0 || span.Is(trace.PeerIsName) || p.tree.Sibling[p.tree.Child[parent]] < 0 {
		return false
	}
	of := p.cfg.Describe(span.Detail)
	if _, timed := span.Duration(); !timed || !of.Connects {
		return false
	}
	host, _ := p.cfg.AddressOf(span.Address)
	beside := p.besidesOf(parent)
	if span.Peer == 0 || p.cfg.IsRemoteIP(span.Peer) {
		return beside[dialed{span.Node, anyHost}].cover(span.Start, span.End)
	}
	same := beside[dialed{span.Node, host}]
	if same.cover(span.Start, span.End) || beside[dialed{span.Node, ""}].cover(span.Start, span.End) {
		return true
	}
	return same != nil && !span.Failed() && max(same.last[of.Port], same.last[""]) >= span.End
}

// besidesOf returns the calls below a span. It finds them once.
func (p *Pairer) besidesOf(parent int32) besides {
	if b := p.besides[parent]; b != nil {
		return b
	}
	spans := make(map[dialed][]*trace.Span)
	b := make(besides)
	add := func(to dialed, port string, span *trace.Span) {
		if b[to] == nil {
			b[to] = &times{last: make(map[string]int64)}
		}
		spans[to] = append(spans[to], span)
		b[to].last[port] = max(b[to].last[port], span.Start)
	}
	for c := p.tree.Child[parent]; c >= 0; c = p.tree.Sibling[c] {
		span := &p.spans[c]
		if _, timed := span.Duration(); !timed || p.parent[c] != parent || !span.Is(trace.IsCaller) {
			continue
		}
		var of Description
		if span.Detail != 0 {
			of = p.cfg.Describe(span.Detail)
		}
		if !of.Connects {
			host, _ := p.cfg.AddressOf(span.Address)
			add(dialed{span.Node, host}, of.Port, span)
			add(dialed{span.Node, anyHost}, of.Port, span)
		}
	}
	for to, of := range spans {
		slices.SortFunc(of, func(x, y *trace.Span) int { return cmp.Compare(x.Start, y.Start) })
		end := int64(0)
		for _, span := range of {
			end = max(end, span.End)
			b[to].starts, b[to].ends = append(b[to].starts, span.Start), append(b[to].ends, end)
		}
	}
	if p.besides == nil {
		p.besides = make(map[int32]besides)
	}
	p.besides[parent] = b
	return b
}
