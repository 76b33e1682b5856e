package servicegraph

import (
	"cmp"
	"slices"
)

// inferCalls joins what a service without spans has torn apart: a client span that
// met nobody and names no peer, and a server span whose parent never arrived, in one
// trace and of two services. Both must be the only ones that fit each other: the server
// span lies in the time of no other such client span, and no other such server span
// lies in the time of the client span (semantics.md P9).
func (f *folder) inferCalls() {
	var clients, orphans []int32
	for i := range int32(len(f.spans)) {
		span, fact := &f.spans[i], &f.facts[i]
		if _, timed := span.duration(); !timed {
			continue
		}
		switch {
		case span.kind == KindClient && fact.fate == fateUnresolved && fact.outer == i:
			clients = append(clients, i)
		case span.kind == KindServer && f.parent[i] == missingParent && fact.fate == fateUnknown:
			orphans = append(orphans, i)
		}
	}
	if len(clients) == 0 || len(orphans) == 0 {
		return
	}
	byStart := func(a, b int32) int { return cmp.Compare(f.spans[a].start, f.spans[b].start) }
	slices.SortFunc(clients, byStart)
	slices.SortFunc(orphans, byStart)
	// longest[n] are the two of clients[:n] that end last, shortest[n] the two of
	// orphans[n:] that end first; -1 for none.
	longest, shortest := make([][2]int32, len(clients)+1), make([][2]int32, len(orphans)+1)
	longest[0], shortest[len(orphans)] = [2]int32{-1, -1}, [2]int32{-1, -1}
	for n, c := range clients {
		longest[n+1] = f.bestTwo(longest[n], c, func(a, b int64) bool { return a > b })
	}
	for n, o := range slices.Backward(orphans) {
		shortest[n] = f.bestTwo(shortest[n+1], o, func(a, b int64) bool { return a < b })
	}
	first := func(spans []int32, start int64) int {
		n, _ := slices.BinarySearchFunc(spans, start, func(i int32, t int64) int { return cmp.Compare(f.spans[i].start, t) })
		return n
	}
	for _, o := range orphans {
		server := &f.spans[o]
		c := longest[first(clients, server.start+1)]
		if c[0] < 0 || f.spans[c[0]].end < server.end || c[1] >= 0 && f.spans[c[1]].end >= server.end {
			continue
		}
		client := &f.spans[c[0]]
		if other := shortest[first(orphans, client.start)][1]; other >= 0 && f.spans[other].end <= client.end || client.node == server.node {
			continue
		}
		f.facts[c[0]].fate, f.facts[o].fate = fatePaired, fatePaired
		e := f.sum.edge(edgeKey{client.node, server.node, EdgeRequest})
		e.addInferred(f.id(c[0]), client, server)
		e.addInTrace(f.trace, 1)
	}
}

// bestTwo returns the two of three spans, some of them -1 for none, whose ends come
// before the third's, the first before the second.
func (f *folder) bestTwo(two [2]int32, i int32, before func(a, b int64) bool) [2]int32 {
	switch end := f.spans[i].end; {
	case two[0] < 0 || before(end, f.spans[two[0]].end):
		return [2]int32{i, two[0]}
	case two[1] < 0 || before(end, f.spans[two[1]].end):
		two[1] = i
	}
	return two
}
