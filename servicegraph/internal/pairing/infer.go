package pairing

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// inferCalls pairs the two sides of calls through services without spans: a CLIENT span without
// a callee that names no peer, or only an IP address or an RPC service, and a SERVER span whose
// parent never arrived or whose parent id is lost, in one trace and of two services. Each must be the only match for the other: the SERVER span lies in
// the time of no other such CLIENT span, and no other such SERVER span lies in the time of the
// CLIENT span (docs/semantics.md P9).
func (p *Pairer) inferCalls() {
	var clients, orphans []int32
	for i := range int32(len(p.spans)) {
		span, state := &p.spans[i], &p.state[i]
		if _, timed := span.Duration(); !timed {
			continue
		}
		switch {
		case span.Kind == trace.Client && state.outer == i && (state.outcome == Unresolved || state.outcome == Virtual && p.callsAnAddress(i)):
			clients = append(clients, i)
		case span.Kind == trace.Server && (p.parent[i] == trace.MissingParent && state.outcome == None || state.outcome == Detached):
			orphans = append(orphans, i)
		}
	}
	if len(clients) == 0 || len(orphans) == 0 {
		return
	}
	byStart := func(a, b int32) int { return cmp.Compare(p.spans[a].Start, p.spans[b].Start) }
	slices.SortFunc(clients, byStart)
	slices.SortFunc(orphans, byStart)
	// longest[n] are the two of clients[:n] that end last, and shortest[n] the two of
	// orphans[n:] that end first; -1 stands for none.
	longest, shortest := make([][2]int32, len(clients)+1), make([][2]int32, len(orphans)+1)
	longest[0], shortest[len(orphans)] = [2]int32{-1, -1}, [2]int32{-1, -1}
	for n, c := range clients {
		longest[n+1] = p.bestTwo(longest[n], c, func(a, b int64) bool { return a > b })
	}
	for n, o := range slices.Backward(orphans) {
		shortest[n] = p.bestTwo(shortest[n+1], o, func(a, b int64) bool { return a < b })
	}
	first := func(spans []int32, start int64) int {
		n, _ := slices.BinarySearchFunc(spans, start, func(i int32, t int64) int { return cmp.Compare(p.spans[i].Start, t) })
		return n
	}
	for _, o := range orphans {
		server := &p.spans[o]
		c := longest[first(clients, server.Start+1)]
		if c[0] < 0 || p.spans[c[0]].End < server.End || c[1] >= 0 && p.spans[c[1]].End >= server.End {
			continue
		}
		client := &p.spans[c[0]]
		if other := shortest[first(orphans, client.Start)][1]; other >= 0 && p.spans[other].End <= client.End || client.Node == server.Node {
			continue
		}
		if p.state[c[0]].outcome == Virtual {
			p.calls = slices.DeleteFunc(p.calls, func(call Call) bool { return call.Caller == c[0] && call.Callee < 0 })
		}
		p.state[c[0]].outcome, p.state[o].outcome = Paired, Paired
		p.calls = append(p.calls, Call{
			From: client.Node, To: server.Node, Caller: c[0], Callee: o, Source: -1, Kind: Request, Evidence: Inferred, Flags: PerTrace,
		})
	}
}

// callsAnAddress reports whether caller span i names only an IP address or an RPC service, which
// any service can have.
func (p *Pairer) callsAnAddress(i int32) bool {
	return p.spans[i].Peer != 0 && !p.spans[i].Is(trace.PeerIsName) && p.cfg.IsAddress(p.spans[i].Peer)
}

// bestTwo returns the first two of three spans in an order of their ends. The spans in two can
// be -1, which stands for none.
func (p *Pairer) bestTwo(two [2]int32, i int32, before func(a, b int64) bool) [2]int32 {
	switch end := p.spans[i].End; {
	case two[0] < 0 || before(end, p.spans[two[0]].End):
		return [2]int32{i, two[0]}
	case two[1] < 0 || before(end, p.spans[two[1]].End):
		two[1] = i
	}
	return two
}
