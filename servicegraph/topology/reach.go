package topology

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Reach counts, trace by trace, which entry requests use each node and each call.
// [Graph.BlastRadius] gives an upper bound, while the numbers of a Reach are exact for the traces
// that were added (docs/semantics.md, V6). If no trace has a request from outside, as in traces of
// jobs and load generators, a Reach counts the work that a service begins by itself in place of
// these requests. A Reach is not safe for concurrent use; its zero value is ready.
type Reach struct {
	// Traces counts the traces that were added. Linked counts the messages from other traces: the
	// work of a consumer for such a message is not counted for the request that sent the message.
	Traces, Linked uint64

	requests, jobs uses // by requests from outside, and by work that services began themselves

	// The trace that is being added:
	tops   []int // by call: the call of the request from outside on whose behalf it was made; -1 if unknown
	path   []int
	nodeIn map[useOf[servicegraph.NodeID]]bool
	callIn map[useOf[Call]]bool
}

// uses count the requests that use nodes and calls, by the node where the requests enter.
type uses struct {
	entries map[servicegraph.NodeID]float64
	nodes   map[servicegraph.NodeID]map[servicegraph.NodeID]float64
	calls   map[Call]map[servicegraph.NodeID]float64
}

func newUses() uses {
	return uses{make(map[servicegraph.NodeID]float64), make(map[servicegraph.NodeID]map[servicegraph.NodeID]float64), make(map[Call]map[servicegraph.NodeID]float64)}
}

// Begun reports whether the numbers are of work that services began by themselves, because no trace
// has a request from outside.
func (r *Reach) Begun() bool { return len(r.requests.entries) == 0 && len(r.jobs.entries) > 0 }

// counted returns the uses from which the answers come.
func (r *Reach) counted() *uses {
	if r.Begun() {
		return &r.jobs
	}
	return &r.requests
}

// A useOf is the use of a node or a call by the request that a call of the trace stands for.
type useOf[T any] struct {
	of  T
	top int
}

// Add adds the calls of a trace.
func (r *Reach) Add(t servicegraph.Trace) {
	if r.nodeIn == nil {
		r.requests, r.jobs = newUses(), newUses()
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
		entry, of := &t.Calls[top], &r.requests
		switch {
		case entry.Entry:
		case entry.Begins:
			of = &r.jobs
		default:
			continue
		}
		if i == top {
			of.entries[entry.To] += entry.Weight
		}
		use(of.nodes, r.nodeIn, useOf[servicegraph.NodeID]{c.To, top}, entry)
		if c.From != (servicegraph.NodeID{}) {
			use(of.nodes, r.nodeIn, useOf[servicegraph.NodeID]{c.From, top}, entry)
			use(of.calls, r.callIn, useOf[Call]{Call{c.From, c.To}, top}, entry)
		}
	}
}

// use counts an entry request once for a node or a call that it uses.
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

// BlastRadius returns which entry requests use a node. For a node that no request uses, the impact
// has no entries.
func (r *Reach) BlastRadius(id servicegraph.NodeID) Impact { return r.impact(r.counted().nodes[id]) }

// BlastRadiusOfCall returns which entry requests make a call.
func (r *Reach) BlastRadiusOfCall(call Call) Impact { return r.impact(r.counted().calls[call]) }

func (r *Reach) impact(by map[servicegraph.NodeID]float64) Impact {
	entries := r.counted().entries
	i := Impact{Of: len(entries)}
	for _, requests := range entries { // weights are multiples of 1/4096, so that every order gives the same sum
		i.Total += requests
	}
	for entry, requests := range by {
		i.Entries = append(i.Entries, entry)
		i.Requests += requests
	}
	slices.SortFunc(i.Entries, servicegraph.NodeID.Compare)
	return i
}
