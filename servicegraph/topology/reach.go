package topology

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Reach counts which entry requests use each node and each call, trace by trace. Where
// [Graph.BlastRadius] has an upper bound, the numbers of a Reach are exact for the traces that were
// added (docs/semantics.md, V6). A Reach is not safe for concurrent use; its zero value is ready.
type Reach struct {
	// Traces counts the traces that were added, and Linked the messages from other traces: what a
	// consumer does for them is not counted for the request that sent them.
	Traces, Linked uint64

	entries map[servicegraph.NodeID]float64 // entry requests
	nodes   map[servicegraph.NodeID]map[servicegraph.NodeID]float64
	calls   map[Call]map[servicegraph.NodeID]float64

	// Of the trace that is being added.
	tops   []int // by call: the call of the request from outside on whose behalf it was made; -1 if unknown
	path   []int
	nodeIn map[useOf[servicegraph.NodeID]]bool
	callIn map[useOf[Call]]bool
}

// A useOf is the use of a node or a call by the request that a call of the trace stands for.
type useOf[T any] struct {
	of  T
	top int
}

// Add adds the calls of a trace.
func (r *Reach) Add(t servicegraph.Trace) {
	if r.entries == nil {
		r.entries = make(map[servicegraph.NodeID]float64)
		r.nodes = make(map[servicegraph.NodeID]map[servicegraph.NodeID]float64)
		r.calls = make(map[Call]map[servicegraph.NodeID]float64)
		r.nodeIn, r.callIn = make(map[useOf[servicegraph.NodeID]]bool), make(map[useOf[Call]]bool)
	}
	r.Traces++
	clear(r.nodeIn)
	clear(r.callIn)
	r.findTops(t.Calls)
	for i := range t.Calls {
		c := &t.Calls[i]
		if c.Linked {
			r.Linked++
		}
		top := r.tops[i]
		if !t.Calls[top].Entry {
			continue
		}
		entry := &t.Calls[top]
		if i == top {
			r.entries[entry.To] += entry.Weight
		}
		use(r.nodes, r.nodeIn, useOf[servicegraph.NodeID]{c.To, top}, entry)
		if c.From != (servicegraph.NodeID{}) {
			use(r.nodes, r.nodeIn, useOf[servicegraph.NodeID]{c.From, top}, entry)
			use(r.calls, r.callIn, useOf[Call]{Call{c.From, c.To}, top}, entry)
		}
	}
}

// use counts an entry request for what it uses, once.
func use[T comparable](sums map[T]map[servicegraph.NodeID]float64, seen map[useOf[T]]bool, u useOf[T], entry *servicegraph.Call) {
	if seen[u] {
		return
	}
	seen[u] = true
	if sums[u.of] == nil {
		sums[u.of] = make(map[servicegraph.NodeID]float64)
	}
	sums[u.of][entry.To] += entry.Weight
}

// findTops finds the outermost call around each call, in linear time.
func (r *Reach) findTops(calls []servicegraph.Call) {
	r.tops = slices.Grow(r.tops[:0], len(calls))[:len(calls)]
	for i := range r.tops {
		r.tops[i] = -1
	}
	for i := range calls {
		r.path = r.path[:0]
		at := i
		for ; r.tops[at] < 0 && calls[at].Within >= 0; at = calls[at].Within {
			r.path = append(r.path, at)
		}
		if r.tops[at] < 0 {
			r.tops[at] = at
		}
		for _, below := range r.path {
			r.tops[below] = r.tops[at]
		}
	}
}

// BlastRadius returns which entry requests use a node. A node that none uses has no entries.
func (r *Reach) BlastRadius(id servicegraph.NodeID) Impact { return r.impact(r.nodes[id]) }

// BlastRadiusOfCall returns which entry requests make a call.
func (r *Reach) BlastRadiusOfCall(call Call) Impact { return r.impact(r.calls[call]) }

func (r *Reach) impact(by map[servicegraph.NodeID]float64) Impact {
	i := Impact{Of: len(r.entries)}
	for _, requests := range r.entries { // weights are multiples of 1/4096, so that every order gives the same sum
		i.Total += requests
	}
	for entry, requests := range by {
		i.Entries = append(i.Entries, entry)
		i.Requests += requests
	}
	slices.SortFunc(i.Entries, servicegraph.NodeID.Compare)
	return i
}
