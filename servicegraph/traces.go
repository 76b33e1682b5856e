package servicegraph

import (
	"cmp"
	"iter"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Trace is the calls of one trace that a builder holds.
type Trace struct {
	ID    TraceID
	Calls []Call // by start; an unknown start comes first
}

// A Call is one call of a trace, as the graph counts it. From is zero if no span of the trace made
// the call: then the call stands for the work of a service whose span has no parent, or whose
// parent is missing.
type Call struct {
	From, To NodeID
	Kind     EdgeKind
	Caller   CallSide // zero without a caller span
	Callee   CallSide // zero without a callee span

	Within int  // the index in Trace.Calls of the call on whose behalf From made the call; -1 if unknown
	Entry  bool // the call is a request from outside, as in [Node.Entries]
	Begins bool // the call has no caller: To began to work by itself, as a job does, in a span without a parent that is not a request
	Linked bool // a span link connects the call with its sender, the caller span, which is in another trace

	Resent    bool    // the attributes mark the call as a retry
	Recovered bool    // the call failed, and the request that made it did not
	Weight    float64 // how many calls the call stands for under sampling
}

// Failed reports whether either side failed.
func (c *Call) Failed() bool { return c.Caller.Failed || c.Callee.Failed }

// Times returns the start and the end of the call in Unix nanoseconds, as the caller measured
// them, or else the callee. It returns false if neither side has both times in their order.
func (c *Call) Times() (start, end int64, ok bool) {
	for _, s := range [...]*CallSide{&c.Caller, &c.Callee} {
		if s.Start > 0 && s.End >= s.Start {
			return s.Start, s.End, true
		}
	}
	return 0, 0, false
}

// A CallSide is the span of one side of a call.
type CallSide struct {
	SpanID     SpanID
	Start, End int64 // Unix nanoseconds; 0 if unknown
	Failed     bool
}

// Traces returns the calls of the traces that the builder holds. The calls of forgotten traces are
// only in the graph. Between the same nodes, the calls of all traces add up to the edges of
// [Builder.Graph], unless a limit folded some of these (docs/semantics.md, V5). The calls to a
// service whose span is missing, and to dependencies without spans, have the names that all spans
// so far give them.
//
// The traces come in no particular order. The sequence takes about as long as two calls of Graph,
// and the builder must not be used before the sequence ends.
func (b *Builder) Traces() iter.Seq[Trace] {
	return func(yield func(Trace) bool) {
		reader := b.callReader(b.Graph())
		for t := range b.all() {
			reader.read(&t)
			if !yield(Trace{t.id, reader.sorted()}) {
				return
			}
		}
	}
}

// A callReader reads the calls of one trace after another.
type callReader struct {
	*aggregator
	resolver *resolver
	handled  map[delivery]bool

	calls  []Call
	queued map[queueCall]bool
	from   []int32 // by call: the span in whose request the call was made; -1 if there is none
	begun  []int32 // by span: the call of which it is the callee; -1 if there is none
}

// callReader returns a reader of the calls as a graph of the builder counts them.
func (b *Builder) callReader(g *Graph) *callReader {
	resolver := g.totals.resolve()
	return &callReader{aggregator: b.aggregator, resolver: resolver, handled: resolver.handledMessages()}
}

// read reads the calls of a trace, in any order.
func (r *callReader) read(t *wholeTrace) {
	r.pair(t)
	r.queued = make(map[queueCall]bool)
	r.calls, r.from, r.begun = nil, r.from[:0], trace.Resize(r.begun, len(r.tree.Spans))
	for i := range r.begun {
		r.begun[i] = -1
	}
	for i, calls := 0, r.pairer.Calls(); i < len(calls); i++ {
		r.paired(&calls[i])
	}
	for _, s := range r.pairer.Sends() {
		r.sent(s)
	}
	outside := make(map[int32]bool) // receivers without a sender that are entries
	for _, in := range r.pairer.Receives() {
		if r.received(in) && r.tree.Spans[in.Span].Kind == trace.Server && in.Outcome == pairing.Root {
			outside[in.Span] = true
		}
	}
	for _, i := range r.tree.Order {
		if r.tree.Parent[i] < 0 && r.begun[i] < 0 {
			s := &r.tree.Spans[i]
			call := Call{To: r.nodeOf(i), Kind: kindOfCallee(s.Kind), Entry: r.pairer.IsEntry(i) || outside[i]}
			call.Begins = !call.Entry && !s.Kind.Serves() && s.Parent == [8]byte{}
			r.add(call, -1, i, -1)
		}
	}
}

func kindOfCallee(kind trace.Kind) EdgeKind {
	if kind == trace.Consumer {
		return EdgeMessage
	}
	return EdgeRequest
}

func (r *callReader) nodeOf(i int32) NodeID { return r.builder.names.nodeID(r.tree.Spans[i].Node) }

// add adds a call with the spans of its sides, and the span in whose request it was made; -1 for
// no span.
func (r *callReader) add(c Call, caller, callee, from int32) {
	var weight float64
	if callee >= 0 {
		s := &r.tree.Spans[callee]
		c.Callee, weight = sideOf(s, s.ID)
		c.Weight = max(c.Weight, weight)
		if r.begun[callee] < 0 {
			r.begun[callee] = int32(len(r.calls))
		}
	}
	if caller >= 0 {
		s := &r.tree.Spans[caller]
		c.Caller, weight = sideOf(s, s.ID)
		c.Weight = max(c.Weight, weight)
	}
	r.calls, r.from = append(r.calls, c), append(r.from, from)
}

// sideOf returns a span as a side of a call, and its weight.
func sideOf(s *trace.Span, id SpanID) (CallSide, float64) {
	return CallSide{id, s.Start, s.End, s.Failed()}, s.Weight()
}

// paired adds a call that the spans of the trace show.
func (r *callReader) paired(c *pairing.Call) {
	key := callKey{edgeKey: edgeKey{c.From, c.To, edgeKinds[c.Kind]}}
	if key.from == 0 {
		key.from = r.builder.user
	}
	if c.Caller < 0 && c.Is(pairing.Pending) && isTaken(&r.tree.Spans[c.Callee]) && r.resolver.receptions[reception{key.from, key.to}] {
		return
	}
	if c.Is(pairing.Pending) {
		end, _ := r.resolver.resolveCall(r.builder.names.pendingKey(key.edgeKey, c, r.pairer, r.tree.Spans))
		if c.Is(pairing.Ended) && end.to == key.to {
			return
		}
		key.edgeKey = end
	}
	out := Call{
		From: r.resolver.names.nodeID(key.from), To: r.resolver.names.nodeID(key.to), Kind: key.kind,
		Entry: c.From == 0, Recovered: c.Is(pairing.Recovered), Resent: c.Source >= 0 && r.tree.Spans[c.Source].Is(trace.IsResent),
	}
	from := c.Caller
	if from < 0 && c.Callee >= 0 {
		from = max(r.tree.Parent[c.Callee], -1)
	}
	r.add(out, c.Caller, c.Callee, from)
}

// sent adds the call of a sender that no consumer links to.
func (r *callReader) sent(s pairing.Send) {
	if s.Called || s.Client.Peer == 0 || r.isLinked(&s) {
		return
	}
	end, _ := r.resolver.resolveCall(r.builder.names.callKeyOf(&s.Client))
	call := Call{From: r.resolver.names.nodeID(end.from), To: r.resolver.names.nodeID(end.to), Kind: end.kind, Resent: s.Client.Is(trace.IsResent)}
	r.add(call, s.Span, -1, s.Span)
	c := &r.calls[len(r.calls)-1]
	c.Caller, c.Weight = sideOf(&s.Client, r.tree.Spans[s.Span].ID)
}

// isLinked reports whether a consumer links to the call of a sender.
func (r *callReader) isLinked(s *pairing.Send) bool {
	out := pendingSend{of: s.Client.ID}
	return r.resolver.links.calls[out.call(sendKey{r.id(s.Span), s.Client.Node})] > 0
}

// callOf returns the first call in r.calls of which span i is the callee, nil if there is none.
func (r *callReader) callOf(i int32) *Call {
	if k := r.begun[i]; k >= 0 {
		return &r.calls[k]
	}
	return nil
}

// received adds the messages of a receiver, and reports whether their senders are unknown.
func (r *callReader) received(in pairing.Receive) (alone bool) {
	span := &r.tree.Spans[in.Span]
	throughQueue := make(map[nodeIndex]bool) // the calls from these queues are added
	alone = true
	for i, target := range in.Targets {
		if slices.Contains(in.Targets[:i], target) { // the span was delivered twice
			continue
		}
		link := Link{target.Trace, target.Span}
		key, ok := r.resolver.links.senders.find(link)
		if !ok {
			continue
		}
		alone = false
		out := r.resolver.totals.sends[key]
		if r.resolver.isPartOfDelivery(r.handled, receiveKey{receiver{r.id(in.Span), span.Node}, link}, &out, span) {
			continue
		}
		sender, from, queue := r.spanOf(key), key.node, queueOf(&out.span, span)
		message := Call{To: r.nodeOf(in.Span), Kind: EdgeMessage, Linked: sender < 0}
		message.Caller, message.Weight = sideOf(&out.span, link.SpanID)
		switch {
		case r.builder.cfg.QueueNodes && queue != 0:
			if call := out.call(key); out.span.PeerType != trace.Queue && !r.queued[queueCall{call, queue}] {
				r.queued[queueCall{call, queue}] = true
				toQueue := message
				toQueue.From, toQueue.To = r.builder.names.nodeID(from), r.builder.names.nodeID(queue)
				r.add(toQueue, sender, -1, sender)
			}
			if throughQueue[queue] {
				continue
			}
			throughQueue[queue] = true
			r.add(Call{From: r.builder.names.nodeID(queue), To: message.To, Kind: EdgeMessage, Linked: message.Linked}, -1, in.Span, sender)
			continue
		case isSeparateRequest(&out.span, span):
			message.Kind = EdgeRequest
		}
		message.From = r.builder.names.nodeID(from)
		r.add(message, sender, in.Span, sender)
	}
	taken := isTaken(span) && r.resolver.receptions[reception{span.Peer, span.Node}]
	if alone && in.Outcome != pairing.None && in.Outcome != pairing.Nested && span.PeerType == trace.Queue && !taken {
		r.add(Call{From: r.builder.names.nodeID(span.Peer), To: r.nodeOf(in.Span), Kind: EdgeMessage}, -1, in.Span, -1)
	}
	return alone
}

// A queueCall is the call of a sender to a queue.
type queueCall struct {
	call  sendKey
	queue nodeIndex
}

// spanOf returns the index of a sender; -1 if it is in another trace.
func (r *callReader) spanOf(key sendKey) int32 {
	if lowHalf(key.span.TraceID) != lowHalf(r.trace) {
		return -1
	}
	for _, s := range r.pairer.Sends() {
		if r.tree.Spans[s.Span].ID == key.span.SpanID && s.Client.Node == key.node {
			return s.Span
		}
	}
	return -1
}

// sorted returns the calls by their start, each with the call within which it was made.
func (r *callReader) sorted() []Call {
	for _, i := range r.tree.Order { // parents first
		if p := r.tree.Parent[i]; r.begun[i] < 0 && p >= 0 {
			r.begun[i] = r.begun[p]
		}
	}
	order, at := make([]int32, len(r.calls)), make([]int, len(r.calls))
	for i := range order {
		order[i] = int32(i)
	}
	start := func(c *Call) int64 { return cmp.Or(c.Caller.Start, c.Callee.Start) }
	slices.SortFunc(order, func(i, j int32) int {
		a, b := &r.calls[i], &r.calls[j]
		return cmp.Or(
			cmp.Compare(start(a), start(b)), a.From.Compare(b.From), a.To.Compare(b.To),
			slices.Compare(a.Caller.SpanID[:], b.Caller.SpanID[:]), slices.Compare(a.Callee.SpanID[:], b.Callee.SpanID[:]),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Callee.Start, b.Callee.Start), cmp.Compare(a.Callee.End, b.Callee.End),
		)
	})
	calls := make([]Call, len(order))
	for k, i := range order {
		calls[k], at[i] = r.calls[i], k
	}
	for i := range r.calls {
		within := -1
		if from := r.from[i]; from >= 0 && r.begun[from] >= 0 {
			within = at[r.begun[from]]
		}
		calls[at[i]].Within = within
	}
	return calls
}

// A Segment is a part of a critical path: an interval in which the trace waited for one
// span itself, not for a child of the span.
type Segment struct {
	SpanID     SpanID
	Node       NodeID
	Start, End int64 // Unix nanoseconds; Start is before End
}

// CriticalPath returns the path that decides how long a trace takes: for every moment
// from the start of its root to the end, the span that the trace was waiting for. If one
// of these spans had been faster, the trace would have been faster. Segments are ordered
// by time and leave no gap.
//
// The spans must be those of one trace. Of several roots, the one that takes longest
// counts; the result is empty if no root has a known duration.
//
// The path is found backwards: from the end of a span to the child that ended last before it, from
// the start of that child to the child that ended last before it, and so on. A child that ends
// exactly when the next one starts is on the path (docs/semantics.md, V3). A trace does not wait
// for consumers of messages, nor for work in the same service that goes on after its parent for
// more than a tenth of its own duration (M14). Any other child that ends later than its parent
// counts with the time that the two have in common.
func CriticalPath(spans []Span) []Segment {
	b := NewBuilder(Config{})
	compact := make([]trace.Span, 0, len(spans))
	for i := range spans {
		if s := &spans[i]; !s.SpanID.IsZero() {
			compact = append(compact, trace.Span{})
			b.compact(&compact[len(compact)-1], s)
		}
	}
	var t trace.Tree
	t.Clear(&b.names)
	t.Append(compact)
	t.Build()
	var path []Segment
	for _, w := range t.CriticalPath() {
		s := &t.Spans[w.Span]
		path = append(path, Segment{SpanID: s.ID, Node: b.names.nodeID(s.Node), Start: w.Start, End: w.End})
	}
	return path
}
