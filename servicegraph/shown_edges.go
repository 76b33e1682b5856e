package servicegraph

import "slices"

// A graph of [Builder.Live] resolves its calls with what is known by then, and keeps most of the
// calls that an earlier graph has shown where they are: see addKept and keepHalves. Some spans still
// contradict what was shown, such as the span of a callee that arrives after its trace was closed.
// The functions of this file then keep the larger numbers of the earlier graph (docs/semantics.md,
// L1). The sums of the edges do not change, so that Merge and ReadJSON give exact edges.
//
// The rejected alternative moves such a call back to the edge that has shown it. It would need the
// calls of each trace that was opened again as they were, for as long as the builder lives, because
// the totals of forgotten traces are exact.

// keepEdges raises the numbers of calls and errors of the graph's edges to those of the last live
// graph, and adds the edges that only the last live graph has.
func (r *resolver) keepEdges() {
	for i := range r.totals.shown.edges {
		was := &r.totals.shown.edges[i]
		key := edgeKey{r.names.named(was.ID.From), r.names.named(was.ID.To), was.ID.Kind}
		switch now := r.edges[key]; {
		case now == nil && (r.totals.report.FoldedCalls > 0 || r.isReplaced(key, was)): // the calls are on an edge to the node "other", or to a service
		case now == nil:
			r.edges[key], r.copied[key] = was, true
		case now.fallsShortOf(was):
			r.edge(key).keep(was)
		}
	}
}

// isReplaced reports whether a service that has the name of the peer of an edge took the place of the
// peer (docs/semantics.md, L1): the edge to the service has gained as many calls.
func (r *resolver) isReplaced(key edgeKey, was *Edge) bool {
	if !was.ID.To.Type.isPeer() {
		return false
	}
	for i, n := range r.totals.nodes {
		if n == nil || n.ID.Type != TypeService || n.ID.Name != was.ID.To.Name {
			continue
		}
		sum := *was
		if at, known := slices.BinarySearchFunc(r.totals.shown.edges, EdgeID{was.ID.From, n.ID, key.kind}, func(e Edge, id EdgeID) int { return e.ID.Compare(id) }); known {
			before := &r.totals.shown.edges[at]
			sum.Calls, sum.Errors = plus(sum.Calls, before.Calls), plus(sum.Errors, before.Errors)
		}
		if now := r.edges[edgeKey{key.from, nodeIndex(i + 1), key.kind}]; now != nil && now.Calls >= sum.Calls && now.Errors >= sum.Errors {
			return true
		}
	}
	return false
}

// keepNodes raises the numbers of requests and entries of the services to those of the last live
// graph.
func (r *resolver) keepNodes() {
	for i, n := range r.totals.nodes {
		if n == nil || n.ID.Type.isPeer() {
			continue
		}
		at, known := slices.BinarySearchFunc(r.totals.shown.nodes, n.ID, func(was Node, id NodeID) int { return was.ID.Compare(id) })
		if !known {
			continue
		}
		was := &r.totals.shown.nodes[at]
		n.Requests.keep(&was.Requests)
		n.Entries = max(n.Entries, was.Entries-r.entries[nodeIndex(i+1)])
	}
}

// fallsShortOf reports whether the edge has fewer calls or errors than an earlier edge, in all or on
// one side.
func (e *Edge) fallsShortOf(was *Edge) bool {
	return e.Calls < was.Calls || e.Errors < was.Errors || e.Caller.fallsShortOf(&was.Caller) || e.Callee.fallsShortOf(&was.Callee)
}

func (s *Stats) fallsShortOf(was *Stats) bool { return s.Calls < was.Calls || s.Errors < was.Errors }

// keep raises the numbers of the edge to those of an earlier edge.
func (e *Edge) keep(was *Edge) {
	if e.Calls < was.Calls {
		e.Calls, e.Evidence = was.Calls, was.Evidence
	}
	e.Errors, e.Retries, e.MaxPerTrace = max(e.Errors, was.Errors), max(e.Retries, was.Retries), max(e.MaxPerTrace, was.MaxPerTrace)
	e.Caller.keep(&was.Caller)
	e.Callee.keep(&was.Callee)
	for _, x := range was.Failed { // an edge with errors has an example
		e.Failed = keepSlowest(e.Failed, x)
	}
	e.First, e.Last = earliest(e.First, was.First), max(e.Last, was.Last)
}

// keep raises the numbers of a side to earlier ones. The latency is that of the larger number of
// calls.
func (s *Stats) keep(was *Stats) {
	if s.Calls < was.Calls {
		s.Calls, s.Observed, s.Latency = was.Calls, was.Observed, was.Latency
	}
	s.Errors = max(s.Errors, was.Errors)
}
