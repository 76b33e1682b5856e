package servicegraph

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
)

// shown has the names and calls in the last graph of [Builder.Live], which later graphs must keep
// (docs/semantics.md, L1).
type shown struct {
	names     directory.Given
	calls     map[callKey][]shownCalls
	sends     map[sendKey]bool  // senders whose message is a call to the queue
	receivers map[receiver]bool // receivers whose messages are calls from the queue
	nodes     []Node            // of the graph, sorted
	edges     []Edge            // of the graph
}

// shownCalls are the pending calls with one key that a graph has on one edge.
type shownCalls struct {
	from, to NodeID // ids, because the numbers of nodes are valid in one graph only
	how      directory.Answer
	calls    Edge
}

func newShown(names directory.Given) *shown {
	if names == nil {
		names = make(directory.Given)
	}
	return &shown{names: names, calls: make(map[callKey][]shownCalls), sends: make(map[sendKey]bool), receivers: make(map[receiver]bool)}
}

// keepHalves marks the halves of messages that an earlier graph shows as calls to or from the
// queue. They stay such calls when the other half arrives.
func (t *totals) keepHalves() {
	calls := make(map[sendKey]bool)
	for key := range t.shown.sends {
		if out, known := t.sends[key]; known {
			calls[out.call(key)] = true
		}
	}
	for key := range t.shown.receivers {
		if in, known := t.receivers[key]; known {
			in.shown = true
			t.receivers[key] = in
		}
	}
	if len(t.shown.receivers) > 0 {
		senders := t.senders()
		for key := range t.receives {
			if !t.receivers[key.receiver].shown {
				continue
			}
			if sender, ok := senders.find(key.target); ok {
				out := t.sends[sender]
				calls[out.call(sender)] = true
			}
		}
	}
	if len(calls) == 0 {
		return
	}
	for key, out := range t.sends {
		if calls[out.call(key)] {
			out.shown = true
			t.sends[key] = out
		}
	}
}

// spanIDs are the ids of spans of one trace, sorted.
type spanIDs [][8]byte

func (s spanIDs) contains(id [8]byte) bool {
	_, found := slices.BinarySearchFunc(s, id, compareIDs)
	return found
}

func compareIDs(a, b [8]byte) int { return slices.Compare(a[:], b[:]) }

// noteShown notes the spans of a closed trace that is about to be opened again. The calls of these
// spans stay in live graphs.
func (h *held) noteShown(i traceIndex) {
	ids := make(spanIDs, 0, h.traces.At(i).spans.Len())
	for spans := range h.store.All(i, &h.traces.At(i).spans) {
		for k := range spans {
			ids = append(ids, spans[k].ID)
		}
	}
	slices.SortFunc(ids, compareIDs)
	if h.closedWith == nil {
		h.closedWith = make(map[traceIndex]spanIDs)
	}
	h.closedWith[i] = ids
}

// shown returns the spans of an open trace that a live graph has shown.
func (t *wholeTrace) shown() spanIDs {
	ids := t.held.closedWith[t.parts[0]]
	if more := t.held.closedWith[t.parts[1]]; len(more) > 0 {
		ids = slices.Concat(ids, more)
		slices.SortFunc(ids, compareIDs)
	}
	return ids
}

// addKept adds the pending calls with a key to the edge end, except the calls that an earlier live
// graph has on other edges, which stay there. If isCall is not set, the calls that no earlier graph
// has are on no edge.
func (r *resolver) addKept(key callKey, end edgeKey, how directory.Answer, isCall bool, calls *Edge) {
	var kept []shownCalls
	rest := *calls
	now := shownCalls{from: r.names.nodeID(end.from), to: r.names.nodeID(end.to), how: how}
	for _, s := range r.totals.shown.calls[key] {
		if isCall && s.from == now.from && (s.to == now.to || now.replaces(s.to)) {
			continue // these calls are part of rest
		}
		var included bool
		if rest, included = rest.without(&s.calls); !included { // a late span contradicts what was shown
			kept, rest = nil, *calls
			break
		}
		kept = append(kept, s)
	}
	for i := range kept {
		s := &kept[i]
		r.addTo(edgeKey{r.names.named(s.from), r.names.named(s.to), key.kind}, s.how, &s.calls)
	}
	switch { // the report counts as for an exact graph
	case isCall:
		r.countConflict(key, how)
	case key.ended:
		r.found.conceal(calls)
	}
	if isCall && rest.Calls > 0 {
		r.addTo(end, how, &rest)
		now.calls = rest
		kept = append(kept, now)
	}
	if len(kept) > 0 {
		r.shown.calls[key] = kept
	}
}

// replaces reports whether the calls are to a service that has the name of a peer. The service then
// takes the place of the peer.
func (s *shownCalls) replaces(peer NodeID) bool {
	return s.to.Type == TypeService && peer.Type != TypeService && s.to.Name == peer.Name
}

// without returns the edge without some of its calls, and false if the edge does not include these
// calls. The minima and maxima of latencies, the times and the attributes of the edge stay.
func (e Edge) without(part *Edge) (rest Edge, included bool) {
	included = true
	less := func(from *float64, n float64) {
		included = included && n <= *from
		*from -= n
	}
	less(&e.Calls, part.Calls)
	less(&e.Errors, part.Errors)
	e.Recovered = min(max(e.Recovered-part.Recovered, 0), e.Errors) // a late span can show that an earlier error did no harm
	less(&e.Retries, part.Retries)
	less(&e.Evidence.Both, part.Evidence.Both)
	less(&e.Evidence.Caller, part.Evidence.Caller)
	less(&e.Evidence.Callee, part.Evidence.Callee)
	less(&e.Evidence.Inferred, part.Evidence.Inferred)
	for _, side := range [...]struct{ of, part *Stats }{{&e.Caller, &part.Caller}, {&e.Callee, &part.Callee}} {
		less(&side.of.Calls, side.part.Calls)
		less(&side.of.Errors, side.part.Errors)
		included = included && side.part.Observed <= side.of.Observed
		side.of.Observed -= side.part.Observed
		side.of.Latency = side.of.Latency.without(&side.part.Latency)
	}
	e.Gap = e.Gap.without(&part.Gap)
	isPart := func(of []Exemplar) func(Exemplar) bool {
		return func(x Exemplar) bool { return slices.Contains(of, x) }
	}
	e.Slowest = slices.DeleteFunc(slices.Clone(e.Slowest), isPart(part.Slowest))
	e.Failed = slices.DeleteFunc(slices.Clone(e.Failed), isPart(part.Failed))
	return e, included
}

// without returns the distribution of the samples that are not among those of part.
func (l Latency) without(part *Latency) Latency {
	if part.count == 0 {
		return l
	}
	rest := Latency{count: l.count - part.count, sum: l.sum - min(l.sum, part.sum)}
	if rest.count <= 0 {
		return Latency{}
	}
	rest.min, rest.max = l.min, l.max
	of := make(map[int]float64)
	for b, weight := range part.counts.All() {
		of[b] = weight
	}
	for b, weight := range l.counts.All() {
		if weight -= of[b]; weight > 0 {
			rest.counts.Add(b, weight)
		}
	}
	return rest
}

// A graph of [Builder.Live] resolves its calls with what is known by then, and keeps most of the
// calls that an earlier graph has shown where they are: see addKept and keepHalves. Some spans still
// contradict what was shown, such as the span of a callee that arrives after its trace was closed.
// The functions below then keep the larger numbers of the earlier graph (docs/semantics.md,
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
