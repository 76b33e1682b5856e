package servicegraph

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// An aggregator adds the calls of one trace after another to totals. It reads from its
// builder and writes nothing there, so that several work in parallel.
type aggregator struct {
	builder *Builder
	tree    trace.Tree
	pairer  *pairing.Pairer

	live bool // withhold the calls that a later span of an open trace can contradict: see [Builder.Live]

	// The trace that is being added:
	trace   TraceID
	sum     *totals
	isOpen  bool // the calls are withheld, except the calls of the spans in shown
	shown   spanIDs
	dropped uint64 // spans of hidden services that no visible service called
}

func newAggregator(b *Builder) *aggregator {
	return &aggregator{builder: b, pairer: pairing.New(pairing.Config{
		QueueNodes: b.cfg.QueueNodes, InferCalls: b.cfg.InferCalls, UserNode: b.cfg.UserNode,
		IsNameOf: b.isNameOf, CanBeSame: b.canBeSame, IsOtherServer: b.isOtherServer, IsSameHost: b.isSameHost, AddressOf: b.hostAndRPC, Describe: b.describe, IsAddress: b.isAddress, IsRemoteIP: b.isRemoteIP, MatchPaths: semconv.MatchPaths, CompareNodes: b.names.CompareNodes,
	})}
}

// load makes the tree of a trace.
func (a *aggregator) load(t *wholeTrace) {
	a.trace = t.id
	a.tree.Clear(&a.builder.names)
	for _, i := range t.parts {
		if i == 0 {
			continue
		}
		for spans := range t.held.store.All(i, &t.held.traces.At(i).spans) {
			a.tree.Append(spans)
		}
	}
	a.tree.Build()
	if a.builder.hides() {
		a.dropped = a.tree.Hide(hiddenNames{a.builder})
	}
}

// pair reads the calls out of a trace.
func (a *aggregator) pair(t *wholeTrace) {
	a.load(t)
	a.pairer.Pair(t.id, &a.tree, pairing.Links{
		Consumers: t.links, Linked: a.builder.linked, LinkedHere: t.linked,
	})
}

// add adds the calls of a trace, and the outcomes of its spans, to totals.
func (a *aggregator) add(t wholeTrace, sum *totals) {
	a.pair(&t)
	a.sum, a.isOpen = sum, a.live && t.isOpen()
	if a.isOpen {
		a.shown = t.shown()
		a.pairer.Withhold(a.isShown)
	}
	calls := a.pairer.Calls()
	for i := range calls {
		a.addCall(&calls[i])
	}
	a.addPending()
	a.addSpans()
}

// awaits reports whether a later span of the trace can contradict what span i shows.
func (a *aggregator) awaits(i int32) bool { return a.isOpen && !a.isShown(i) }

// awaitsParent reports whether the parent of span i may still arrive. The parent can show that the
// span is one of two for the same request (docs/semantics.md, F14).
func (a *aggregator) awaitsParent(i int32) bool {
	return a.tree.Parent[i] == trace.MissingParent && a.awaits(i)
}

// isShown reports whether span i was in a live graph before its trace was opened again.
func (a *aggregator) isShown(i int32) bool { return a.shown.contains(a.tree.Spans[i].ID) }

// id returns the identity of span i.
func (a *aggregator) id(i int32) Link { return Link{a.trace, a.tree.Spans[i].ID} }

// edgeKinds maps kinds of calls to kinds of edges.
var edgeKinds = [...]EdgeKind{pairing.Request: EdgeRequest, pairing.Message: EdgeMessage}

// edgeOf returns the sum to which a call is added.
func (a *aggregator) edgeOf(c *pairing.Call) *edgeSum {
	key := edgeKey{c.From, c.To, edgeKinds[c.Kind]}
	if key.from == 0 {
		key.from = a.builder.user
	}
	if !c.Is(pairing.Pending) {
		return a.sum.edge(key)
	}
	pending := a.builder.names.pendingKey(key, c, a.pairer, a.tree.Spans)
	if c.Caller < 0 && c.Callee >= 0 {
		pending.taken = isTaken(&a.tree.Spans[c.Callee])
	}
	return a.sum.callsTo(pending)
}

// isTaken reports whether a callee span only took a message from a queue, for other spans to
// process. The caller of such a span is known by name alone.
func isTaken(callee *trace.Span) bool {
	return callee.PeerType == trace.Queue && callee.Is(trace.Takes|trace.Polls)
}

// addCall adds a call that the spans of the trace show. The statistics of each side count a span
// once for each edge, however many calls the span has there.
func (a *aggregator) addCall(c *pairing.Call) {
	e := a.edgeOf(c)
	call := shownCall{
		evidence: c.Evidence, clientCounted: c.Is(pairing.Again), recovered: c.Is(pairing.Recovered), hasGap: c.Is(pairing.HasGap),
	}
	id := c.Callee
	if c.Callee >= 0 {
		call.server = &a.tree.Spans[c.Callee]
	}
	if c.Caller >= 0 {
		call.client, id = &a.tree.Spans[c.Caller], c.Caller
		call.counts = call.client
	}
	call.id = a.id(id)
	e.addCall(&call)
	if call.client != nil && !call.clientCounted {
		if c.Source >= 0 {
			a.addSource(e, c, call.client)
		}
		if c.Queue != 0 {
			e.addQueue(a.builder.names.nodeID(c.Queue))
		}
	}
	if c.Is(pairing.PerTrace) {
		e.addInTrace(a.trace)
	}
	if c.Is(pairing.Skewed) {
		a.sum.report.Skewed++
	}
}

// addSource adds the resends and the details of a call, and learns the address of the call if
// a span of the callee answered. All three come from the attributes of the source span.
func (a *aggregator) addSource(e *edgeSum, c *pairing.Call, client *trace.Span) {
	source := &a.tree.Spans[c.Source]
	detail, resender := source.Detail, source
	if c.Evidence == pairing.Both {
		resender = client
		if detail == 0 || source != client && a.builder.names.detailOf(detail).IsEmpty() {
			detail = client.Detail
		}
		if c.Kind == pairing.Request { // the address of a broker tells nothing about the consumer
			a.learn(&e.address, &e.ages, c.Source, c)
			a.learnAround(e, c)
		}
	}
	if resender.Is(trace.IsResent) {
		e.Retries = plus(e.Retries, resender.Weight())
	}
	e.addDetail(&a.builder.names, detail)
}

// learn notes that the callee of call c answers at the address that caller span i names, if the
// address is known. last is the address of the previous call of the edge, and ages the interval of
// its calls: most calls of an edge have the address of the previous call.
func (a *aggregator) learn(last *addressIndex, ages **directory.Interval, i int32, c *pairing.Call) {
	source := &a.tree.Spans[i]
	switch at := source.Address; {
	case at == 0:
	case at != *last && a.pairer.CallsOwnHost(i): // a proxy, which leads to many services
	case at != *last && a.pairer.NamesItself(i): // the name is not that of the callee
	case at != *last:
		*last, *ages = at, a.sum.learn(c.From, at, c.To, source.Start)
	case *ages != nil:
		(*ages).Widen(directory.At(source.Start))
	}
}

// maxAround is how many spans around a call may name an address of the callee: those of an SDK, of
// a library that balances the load, and of a library that repeats calls.
const maxAround = 3

// learnAround notes that the callee of a call answers at the addresses that the spans around the
// call name.
func (a *aggregator) learnAround(e *edgeSum, c *pairing.Call) {
	i := c.Source
	for range maxAround {
		if i = a.pairer.Around(i); i < 0 {
			return
		}
		a.learn(&e.around, &e.aroundAges, i, c)
	}
}

// addPending adds the halves of messages.
func (a *aggregator) addPending() {
	for _, s := range a.pairer.Sends() {
		a.sum.addSend(a.id(s.Span), pendingSend{
			span: s.Client, of: s.Client.ID, called: s.Called, counted: s.Counted, queueNode: a.builder.cfg.QueueNodes,
			isOpen: a.awaits(s.Span),
		})
	}
	for _, r := range a.pairer.Receives() {
		id, span := a.id(r.Span), a.tree.Spans[r.Span]
		span.Detail = 0 // edges made of two halves have no details
		a.sum.addReceiver(id, pendingReceive{span: span, outcome: r.Outcome, queueNode: a.builder.cfg.QueueNodes, isOpen: a.awaits(r.Span)})
		for _, target := range r.Targets {
			a.sum.receives[receiveKey{receiver{id, span.Node}, Link{target.Trace, target.Span}}] = true
		}
	}
}

// addSpans adds every span of the trace to its node, and counts the outcome of the span.
func (a *aggregator) addSpans() {
	report := &a.sum.report
	report.Traces++
	spans, passages := a.tree.Spans, a.tree.Passages
	report.Spans += uint64(len(spans)) + a.tree.Duplicates + a.dropped
	report.Hidden += a.dropped
	report.Duplicate += a.tree.Duplicates
	report.Cycles += a.tree.Cycles
	parents := a.tree.Parent[:len(spans)]
	first, last, missing := report.First, report.Last, uint64(0) // kept in registers

	// A service often has several spans in succession: node is the node of the previous span.
	var node *Node
	var of nodeIndex
	isUnnamed := false
	for i := range spans {
		span := &spans[i]
		if passages != nil && passages[i] == trace.Through {
			continue
		}
		if span.Node != of {
			of, node = span.Node, a.sum.node(span.Node)
			isUnnamed = isUnknown(node.ID)
		}
		a.addToNode(node, int32(i), span)
		if isUnnamed {
			report.UnknownService++
		}
		if span.Weight32 != 1 {
			report.Sampled++
		}
		if span.Start > 0 && span.End >= span.Start {
			first, last = earliest(first, span.Start), max(last, span.End)
		} else {
			report.addTimes(span)
			if span.Start > 0 {
				first, last = earliest(first, span.Start), max(last, span.Start)
			}
		}
		if parents[i] == trace.MissingParent {
			missing++
		}
	}
	if !a.isOpen {
		report.MissingParent += missing
	}
	report.First, report.Last = first, last
	if a.pairer.IsUncompared() {
		report.Uninferred++
	}
	for _, i := range a.pairer.Concealed() {
		report.addConcealed(&spans[i])
	}
	outcomes := a.pairer.CountOutcomes()
	if outcomes[pairing.Detached] > 0 {
		a.addDetached(report)
	}
	for o := range outcomes {
		if outcomes[o] > 0 { // most traces have few of the outcomes
			report.count(pairing.Outcome(o), outcomes[o])
		}
	}
}

// addToNode adds span i to the node of the service.
func (a *aggregator) addToNode(node *Node, i int32, span *trace.Span) {
	if own := a.pairer.SelfTime(i); own > 0 {
		node.SelfTime = saturate(node.SelfTime, time.Duration(min(weighted(own, span.Weight()), math.MaxInt64)))
	}
	isRequest, isEntry := a.pairer.Requests(i)
	if isRequest && !(a.isOpen && a.awaitsParent(i)) {
		node.Requests.add(span)
	}
	if isEntry {
		node.Entries = plus(node.Entries, span.Weight())
	}
}

// addTimes counts a span without a known duration.
func (r *Report) addTimes(s *trace.Span) {
	switch {
	case s.Start <= 0 || s.End == 0:
		r.Unfinished++
	case s.End < s.Start:
		r.InvalidDuration++
	}
}

// addConcealed counts a call of a hidden service.
func (r *Report) addConcealed(s *trace.Span) {
	r.HiddenCalls = plus(r.HiddenCalls, s.Weight())
	if s.Failed() {
		r.HiddenErrors = plus(r.HiddenErrors, s.Weight())
	}
}

// addDetached notes the services of the detached spans of the trace.
func (a *aggregator) addDetached(report *Report) {
	for i := range a.tree.Spans {
		if a.pairer.Outcome(int32(i)) == pairing.Detached {
			report.addDetachedService(a.builder.names.nodeID(a.tree.Spans[i].Node).String())
		}
	}
}

// A shownCall is a call with the spans that show it.
type shownCall struct {
	evidence       pairing.Evidence
	client, server *trace.Span // the spans of the two sides; nil for a side without one
	counts         *trace.Span // what the statistics of the caller count: the client, or a span that stands for it
	id             Link        // of the client, or else of the server

	clientCounted, serverCounted bool // the statistics of the side count its span already

	recovered bool // the call failed, and the request that made it did not
	hasGap    bool // the times of client and server can be compared
}

// callerAlone returns the call that only a client span shows.
func callerAlone(id Link, client *trace.Span) *shownCall {
	return &shownCall{evidence: pairing.ByCaller, client: client, counts: client, id: id}
}

// calleeAlone returns the call that only a server span shows.
func calleeAlone(id Link, server *trace.Span) *shownCall {
	return &shownCall{evidence: pairing.ByCallee, server: server, id: id}
}

// addCall adds a call. No other function counts calls. If both sides are sampled, the call has the
// larger of the two weights: under consistent sampling one decision kept both spans, so the smaller
// probability is that of the pair.
func (e *Edge) addCall(c *shownCall) {
	var weight float64
	var failed bool
	shown := c.server
	if c.server != nil {
		weight, failed = c.server.Weight(), c.server.Failed()
		if !c.serverCounted {
			e.Callee.add(c.server)
			e.widen(c.server)
		}
	}
	if c.client != nil {
		failed = failed || c.client.Failed()
		for _, s := range [...]*trace.Span{c.client, c.counts} {
			if w := s.Weight(); w > weight { // faster than max
				weight = w
			}
		}
		if !c.clientCounted {
			e.Caller.add(c.counts)
			e.widen(c.counts)
		}
		shown = c.client
	}
	e.Calls = plus(e.Calls, weight)
	if failed {
		e.Errors = plus(e.Errors, weight)
	}
	if c.recovered {
		e.Recovered = plus(e.Recovered, weight)
	}
	evidence := &e.Evidence.Both
	switch c.evidence {
	case pairing.ByCaller:
		evidence = &e.Evidence.Caller
	case pairing.ByCallee:
		evidence = &e.Evidence.Callee
	case pairing.Inferred:
		evidence = &e.Evidence.Inferred
	}
	*evidence = plus(*evidence, weight)
	if c.hasGap {
		e.addGap(c.client, c.server)
	}
	e.addExample(&c.id, shown, failed)
}

// add counts one span.
func (s *Stats) add(span *trace.Span) {
	s.Calls = plus(s.Calls, span.Weight())
	s.Observed++
	if span.Failed() {
		s.Errors = plus(s.Errors, span.Weight())
	}
	if ns, ok := span.Duration(); ok {
		s.Latency.record(ns, span.Weight())
	}
}

// addInTrace counts a call among those of its trace. The calls of a trace must be added one
// after the other, before those of the next trace.
func (e *edgeSum) addInTrace(trace TraceID) {
	if e.trace != trace {
		e.trace, e.inTrace = trace, 0
	}
	e.inTrace++
	e.MaxPerTrace = max(e.MaxPerTrace, e.inTrace)
}

// addGap records the time between the two sides of a call: the network time of a request, the
// queue time of a message. It records nothing where clocks disagree so much that the time
// would be negative.
func (e *Edge) addGap(client, server *trace.Span) {
	took, ok1 := client.Duration()
	served, ok2 := server.Duration()
	if !ok1 || !ok2 {
		return
	}
	gap := took - served
	if e.ID.Kind == EdgeMessage {
		gap = server.Start - client.End
	}
	if gap >= 0 {
		e.Gap.record(gap, max(client.Weight(), server.Weight()))
	}
}

// addDetail adds the details of a call to the attributes of the edge. Most calls of an edge
// have the same details as the previous call.
func (e *edgeSum) addDetail(names *symbols, i detailIndex) {
	if i == 0 || i == e.detail {
		return
	}
	e.detail = i
	for key, value := range names.detailOf(i).All() {
		if value != e.ID.To.Name { // the name of the callee
			e.addAttr(Attr{key, value})
		}
	}
}

// widen extends the time range of the edge to include a span.
func (e *Edge) widen(s *trace.Span) {
	if s.Start > 0 {
		e.First = earliest(e.First, s.Start)
		e.Last = max(e.Last, s.Start, s.End)
	}
}

// addExample offers a call, which the span s shows, as an exemplar.
func (e *Edge) addExample(id *Link, s *trace.Span, failed bool) {
	ns, ok := s.Duration()
	if !ok {
		ns = 0
	}
	if !failed && len(e.Slowest) == maxExemplars && time.Duration(ns) < e.Slowest[maxExemplars-1].Duration {
		return // most calls are not among the slowest
	}
	x := Exemplar{TraceID: id.TraceID, SpanID: id.SpanID, Duration: time.Duration(ns)}
	e.Slowest = keepSlowest(e.Slowest, x)
	if failed {
		e.Failed = keepSlowest(e.Failed, x)
	}
}

// maxExemplars is how many exemplars of each sort an edge keeps.
const maxExemplars = 3

// keepSlowest returns the slowest of the exemplars and x, slowest first. Ids break ties, so
// that the order of arrival does not matter.
func keepSlowest(kept []Exemplar, x Exemplar) []Exemplar {
	if len(kept) == maxExemplars {
		last := &kept[maxExemplars-1]
		if last.Duration > x.Duration || last.Duration == x.Duration && compareExemplars(*last, x) <= 0 {
			return kept
		}
	}
	i, found := slices.BinarySearchFunc(kept, x, compareExemplars)
	if found {
		return kept
	}
	kept = slices.Insert(kept, i, x)
	return kept[:min(len(kept), maxExemplars)]
}

func compareExemplars(a, b Exemplar) int {
	return cmp.Or(
		cmp.Compare(b.Duration, a.Duration),
		slices.Compare(a.TraceID[:], b.TraceID[:]),
		slices.Compare(a.SpanID[:], b.SpanID[:]),
	)
}

// Held traces are added in parallel if there are several processors and enough spans. Each
// goroutine has totals of its own. Merging the totals costs little time in comparison, but much
// memory if they have many messages, so above maxShared spans one goroutine adds all traces.
const (
	spansPerAggregator = 1 << 14 // at least
	maxShared          = 1 << 21
)

// addHeld adds the calls of all held traces to totals. If live is set, addHeld withholds the calls
// that a later span of an open trace can contradict.
func (b *Builder) addHeld(sum *totals, live bool) {
	n := min(cmp.Or(b.cfg.Goroutines, runtime.GOMAXPROCS(0)), b.spans/spansPerAggregator)
	if n < 2 || b.spans > maxShared {
		b.aggregator.live = live
		for t := range b.all() {
			b.aggregator.add(t, sum)
		}
		b.aggregator.live = false
		return
	}
	b.internAhead()
	others := make([]*totals, n-1)
	var group sync.WaitGroup
	for i := range others {
		others[i] = b.newTotals()
		group.Go(func() { b.addShard(others[i], i+1, n, live) })
	}
	b.addShard(sum, 0, n, live)
	group.Wait()
	for _, part := range others {
		sum.merge(part)
	}
}

// addShard adds shard i of n of the held traces to totals. It changes nothing in the builder.
func (b *Builder) addShard(sum *totals, i, n int, live bool) {
	a := newAggregator(b)
	a.live = live
	for t := range b.shard(i, n) {
		a.add(t, sum)
	}
}

// internAhead interns every name that adding calls would intern, so that goroutines only read the
// names. These names are the parts of addresses, and the nodes "other", which stand for the callees
// of edges beyond Limits.Edges. NewBuilder has interned the node "user".
func (b *Builder) internAhead() {
	for _, t := range append(peerTypes[:], TypeService) {
		b.names.node(NodeID{Name: otherName, Type: t})
	}
	for _, a := range b.names.addresses.items {
		for _, part := range a.Parts() {
			if part != (address{}) {
				b.names.address(part)
			}
		}
	}
}
