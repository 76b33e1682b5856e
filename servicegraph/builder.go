package servicegraph

import (
	"errors"
	"iter"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Builder collects spans in any order and turns them into a [Graph]. [NewBuilder] makes
// one. A Builder is not safe for concurrent use.
//
// A span may arrive after its children, and a trace in any number of pieces, so the builder holds
// the spans of a trace until it forgets the trace. It forgets traces only if it has a [Window]. A
// held span takes about 70 bytes, and less than 100 if it is the only one of its trace; a Window
// adds 16 or 32 bytes for each trace. The totals of forgotten traces are kept. The builder panics
// if it would have to hold more than 2³² spans.
type Builder struct {
	cfg        Config
	options    semconv.Options // of cfg
	attrsOf    semconv.Attrs   // the attributes of the last span that had any; a field, because a local variable would be allocated for each span
	names      symbols
	quotas     quotas
	renamer    renamer
	visibility []trace.Visibility // of the nodes, if the configuration hides any
	user       nodeIndex          // the node "user", which makes the requests from outside; 0 unless Config.UserNode is set
	aggregator *aggregator
	linked     map[trace.Link]int // the number of held consumers that link to a span
	report     Report             // the counts that are known when a span arrives

	attrs     map[nodeIndex]attrSet // of nodes
	truncated map[nodeIndex]bool    // nodes with values left out of attrs

	kubernetes map[nodeIndex][]string // the Kubernetes namespaces of services, sorted
	statements directory.Statements
	stated     recentStatements
	ownIP      ownIP  // the IP address of the last resource
	shown      *shown // by the last graph of Live; nil before the first

	lastServices [2]knownService // the last two services that spans named, the last one first

	held
}

// NewBuilder returns an empty builder.
func NewBuilder(cfg Config) *Builder {
	b := &Builder{cfg: cfg, options: cfg.semconv(), quotas: newQuotas(cfg.Limits.withDefaults()), renamer: renamer{rules: cfg.Rename}, linked: make(map[trace.Link]int), attrs: make(map[nodeIndex]attrSet), truncated: make(map[nodeIndex]bool), kubernetes: make(map[nodeIndex][]string), statements: make(directory.Statements)}
	if cfg.UserNode {
		b.user = b.names.node(NodeID{Name: "user", Type: TypeExternal}) // added now, because goroutines that add traces must not add names
	}
	b.aggregator = newAggregator(b)
	b.held.init(b.newTotals(), cfg.Window)
	return b
}

// Config returns the configuration that the builder was made with.
func (b *Builder) Config() Config { return b.cfg }

// Held returns how many spans the builder holds: those of all traces that it has not forgotten.
func (b *Builder) Held() int { return b.spans }

// Build reads a source to its end and returns the graph of its spans. It counts a
// [*SkipError] in the report and goes on. Any other error ends the reading: Build then
// returns the graph of the spans before it together with the error.
func Build(spans iter.Seq2[Span, error], cfg Config) (*Graph, error) {
	b := NewBuilder(cfg)
	err := b.AddAll(spans)
	return b.Graph(), err
}

// AddAll reads a source to its end and adds its spans, as [Build] does.
func (b *Builder) AddAll(spans iter.Seq2[Span, error]) error {
	for s, err := range spans {
		var skip *SkipError
		switch {
		case errors.As(err, &skip):
			b.CountSkip(skip)
		case err != nil:
			return err
		default:
			b.Add(s)
		}
	}
	return nil
}

// CountSkipped counts n records, or parts of records, that a source could not read.
func (b *Builder) CountSkipped(n int) { b.report.Skipped += uint64(n) }

// CountSkip counts what a source left out: the traces beyond a limit, a record, or parts of a
// record.
func (b *Builder) CountSkip(e *SkipError) {
	if e.Traces > 0 {
		b.report.LeftOutTraces += e.Traces
		b.report.merge(Report{Limited: e.Limited})
	} else {
		b.CountSkipped(e.Count())
	}
}

// Add adds one span. The order of spans does not matter, and a span that is delivered twice
// counts once.
func (b *Builder) Add(s Span) {
	if slot := b.place(&s.TraceID, &s.SpanID); slot != nil {
		b.compact(slot, &s)
		b.placed(slot, s.Links)
	}
}

// compact converts a span to the compact format in which the builder holds spans.
func (b *Builder) compact(to *trace.Span, s *Span) {
	*to = trace.Span{
		ID: s.SpanID, Parent: s.ParentID,
		Start: s.Start, End: s.End,
		Weight32: roundWeight(s.Weight),
		Kind:     trace.Kind(s.Kind),
		Status:   trace.Status(s.Status),
		Flags:    trace.IsCaller.When(semconv.Kind(s.Kind).Calls()),
	}
	var ages *directory.Interval
	if to.Node, ages = b.serviceNode(s.Service, s.Namespace, s.Resource, s.Start); ages != nil {
		ages.Widen(directory.At(s.Start))
	}
	if hasMeaning(s) {
		b.interpret(to, s)
	}
}

// hasMeaning reports whether the attributes of a span can matter. Those of a span that is neither side of
// a call by its kind matter only if one of them makes it a side, or tells its outcome.
func hasMeaning(s *Span) bool {
	if kind := semconv.Kind(s.Kind); kind.Calls() || kind.Serves() {
		return len(s.Attrs) > 0
	}
	return slices.ContainsFunc(s.Attrs, func(a Attr) bool {
		key := semconv.KeyOf(a.Key)
		return key != 0 && key.Roles().OfAny()
	})
}

// interpret sets the fields of a compact span that depend on the attributes and the links of the
// span.
func (b *Builder) interpret(to *trace.Span, s *Span) {
	b.attrsOf = semconv.Attrs{}
	for _, a := range s.Attrs {
		b.attrsOf.Add(a.Key, a.Value)
	}
	of := semconv.Interpret(semconv.Kind(s.Kind), &b.attrsOf, len(s.Links) > 0, b.options)
	apply(to, &of, b.intern(&of))
	switch {
	case of.Failed && to.Status == trace.StatusUnset:
		to.Status = trace.StatusError
	case of.Excused && to.Status == trace.StatusError:
		to.Status = trace.StatusUnset
	}
	b.addTrigger(to.Node, of.Trigger)
	if to.Address != 0 && to.Kind == trace.Server {
		b.state(to, b.stated.slot(to.Node, to.Address))
	}
}

// NewPacker returns a packer for [Builder.AddBatch]. It is for the packages of this module
// that read encoded traces: a packer interprets attributes once per distinct set instead of once
// per span. Other callers use [Builder.Add].
func (b *Builder) NewPacker() *pack.Packer { return pack.NewPacker(b.options) }

// AddBatch adds the spans of a batch, each as [Builder.Add] would. The caller must not use the
// batch afterwards. AddBatch is for the packages of this module: see [Builder.NewPacker].
func (b *Builder) AddBatch(batch *pack.Batch) {
	d := dictionaryOf(batch)
	packedLinks, weights := batch.Links, batch.Weights
	var links []Link
	for i := range batch.Spans {
		s := &batch.Spans[i]
		links = links[:0]
		for _, l := range packedLinks[:s.Links] {
			links = append(links, Link{l.TraceID, l.SpanID})
		}
		packedLinks = packedLinks[s.Links:]
		weight := float32(1)
		if s.Weighted {
			weight, weights = roundWeight(weights[0]), weights[1:]
		}
		if slot := b.place((*TraceID)(&s.TraceID), (*SpanID)(&s.ID)); slot != nil {
			b.unpack(slot, d, s)
			slot.Weight32 = weight
			b.placed(slot, links)
		}
	}
	batch.Recycle()
}

// place returns the slot for a new span in its trace. The caller writes the span to the slot and
// then calls placed. If the span has no identity or its trace is forgotten, place counts the span
// and returns nil.
func (b *Builder) place(traceID *TraceID, spanID *SpanID) *trace.Span {
	if traceID.IsZero() || spanID.IsZero() {
		b.report.Spans++
		b.report.Invalid++
		return nil
	}
	t := b.find(traceID)
	if t == nil {
		b.report.Spans++
		b.report.Late++
		return nil
	}
	return b.store.Append(b.last, &t.spans)
}

// placed counts the span in the slot that place returned last, adds the links of the span, and
// forgets traces beyond the limits of the window.
func (b *Builder) placed(s *trace.Span, links []Link) {
	b.spans++
	if len(links) > 0 && mayReceive(s) {
		b.addLinks(s, links)
	}
	if b.limits.Spans > 0 || b.limits.Traces > 0 {
		b.evict()
	}
}

// hides reports whether the configuration hides services.
func (b *Builder) hides() bool { return b.cfg.Hide != nil || b.cfg.Gateways != nil }

// noteVisibility finds out whether a node is hidden, once for each node. It is called when names
// are interned, so that goroutines which add traces only read the result.
func (b *Builder) noteVisibility(i nodeIndex) {
	for next := len(b.visibility); next < int(i); next++ {
		id, v := b.names.nodes.items[next], trace.Visible
		switch {
		case b.cfg.Gateways != nil && b.cfg.Gateways(id):
			v = trace.Gateway
		case b.cfg.Hide != nil && b.cfg.Hide(id):
			v = trace.Hidden
		}
		b.visibility = append(b.visibility, v)
	}
}

// hiddenNames are the names of a builder as [trace.HiddenNames].
type hiddenNames struct{ *Builder }

// Visibility tells whether a node is hidden. The node "user" of Config.UserNode has no spans.
func (b hiddenNames) Visibility(i nodeIndex) trace.Visibility {
	if i == 0 || int(i) > len(b.visibility) {
		return trace.Visible
	}
	return b.visibility[i-1]
}

// Better reports whether the caller span of a hidden service, inside a visible caller span, names
// the callee better. A name that a person chose is best, unless it is that of a hidden service. An
// IP address or the host of the proxy itself tells less than the name that the visible span gives.
func (b hiddenNames) Better(inner, outer *trace.Span) bool {
	if b.Visibility(outer.Peer) != trace.Visible {
		return true
	}
	if outer.Is(trace.PeerIsName) && !inner.Is(trace.PeerIsName) {
		return false
	}
	return b.names.typeOf(inner.Peer) != TypeIP && !b.IsLocal(inner.Peer)
}

// IsLocal reports whether a peer is the host of the span that names it.
func (b hiddenNames) IsLocal(peer nodeIndex) bool { return semconv.IsLocal(b.names.nodeID(peer).Name) }

// Graph returns the graph of all spans so far, including those of incomplete traces. It can be
// called at any time, and spans can be added after it. The cost grows with the number of held
// spans and of edges; if there are many spans, Config.Goroutines share the work.
//
// The graph is exact: it is the graph of these spans and no others. While spans arrive, it can
// have nodes and edges that the next graph does not have, because the callee of a call is missing
// until its span arrives. [Builder.Live] leaves these out.
func (b *Builder) Graph() *Graph { return b.sum(false).graph() }

// Live returns the graph to show while spans arrive: the graph of all spans so far without what
// a later span of an open trace can contradict (docs/semantics.md, L1). A call of an open trace
// counts once there are spans of both sides; until then its spans are [Report.Pending]. When the
// trace closes, a call without a callee is drawn as in Graph.
//
// So a call to a peer without spans, such as a database, appears when its trace closes:
// [Window].Quiet after the last span of the trace, or [Window].Age after its first. In a window
// with neither, no trace closes.
//
// A graph of Live keeps the calls and names that an earlier graph of Live has shown, although Graph
// changes them if later traces reveal more:
//
//   - If a service answers at an address later, earlier calls to the address stay calls to the peer
//     that their callers name. Later calls go to the service. Only a peer with the name of the
//     service becomes the service.
//   - A peer keeps its first name. In Graph, some names depend on the other callers: if databases
//     on two hosts have the same name, both get their hosts in their names (A6), and hosts on the
//     machines of several callers get the callers in their names (A2). In Live, the first one keeps
//     its name.
//   - If a consumer links to a producer later, the message stays a message to the queue. The graph
//     then also has a message from the queue to the consumer.
//   - If a late span opens a trace again, the calls of the trace stay.
//
// So no number of calls, errors, requests or entries in a graph of Live is lower than in an earlier
// one, unless Limits.Edges is exceeded. If a late span contradicts what a graph has shown, for
// example because it is the callee of a call to a peer, Live shows the call where it belongs, and
// also keeps the larger number where it was. An edge can therefore have more calls than in Graph: at
// most as many as were ever contradicted at one time, because each further call of the edge takes
// the place of one of them.
//
// Live costs as much as Graph. The result can be merged and written like any other graph. The edges
// of the result of Merge or ReadJSON are exact: both resolve the calls with everything that the
// graph knows, as Graph does.
func (b *Builder) Live() *Graph {
	sum := b.sum(true)
	sum.withholdHalves()
	if sum.shown = b.shown; sum.shown == nil {
		sum.shown = newShown(nil)
	}
	sum.keepHalves()
	g := sum.graph()
	b.shown = sum.shown
	return g
}

// sum returns the totals of all spans so far.
func (b *Builder) sum(live bool) *totals {
	sum := b.newTotals()
	sum.pending.reserve(len(b.linked), b.receivers(), b.links)
	sum.merge(b.counted)
	sum.report.merge(b.report)
	b.addHeld(sum, live)
	sum.report.Open = uint64(b.traces.Len() - b.closed.Len())
	b.applyNodeAttrs(sum)
	return sum
}

// withholdHalves drops the halves of messages of open traces whose other half has not arrived,
// and counts their spans as pending.
func (t *totals) withholdHalves() {
	senders := t.senders()
	linked, joined := make(map[sendKey]bool), make(map[receiver]bool)
	for key := range t.receives {
		if sender, ok := senders.find(key.target); ok {
			out := t.sends[sender]
			linked[out.call(sender)] = true
			joined[key.receiver] = true
		} else if t.receivers[key.receiver].isOpen {
			delete(t.receives, key)
		}
	}
	for key, in := range t.receivers {
		if !in.isOpen || joined[key] {
			continue
		}
		if in.outcome != pairing.None {
			t.report.Pending++
		}
		delete(t.receivers, key)
	}
	withheld := make(map[sendKey]bool) // calls
	for key, out := range t.sends {
		if out.isOpen && !out.called && !linked[out.call(key)] {
			withheld[out.call(key)] = true
		}
	}
	for key, out := range t.sends {
		if !withheld[out.call(key)] {
			continue
		}
		if !out.counted {
			t.report.Pending++
		}
		delete(t.sends, key)
	}
}

// Delta returns the graph of the traces forgotten since the previous call of Delta; the first
// call returns the graph of all forgotten traces. After the first call, forgetting a trace costs
// twice as much.
//
// A delta is final (docs/semantics.md, L2): it has no pending calls, so the sum of all deltas, as
// [Merge] makes it, only grows, and no call moves from one edge to another. That suits counters.
// The price is that a delta knows only the traces forgotten so far, while Graph knows all spans:
//
//   - A call to an address goes to the service that has answered there in a trace forgotten by
//     then. An earlier call stays a call to the peer that its caller names. Some names of peers
//     depend on the other callers, such as the name of a database on one of several hosts (A6). A
//     delta gives them the names that follow from the traces forgotten by then.
//   - A half of a message waits for a later delta while the trace with the other half is held.
//     If the consumer arrives after the trace of the producer was forgotten, the message is a
//     call to the queue, and later a call from the queue. If the producer names no queue, the
//     message is counted when the consumer arrives, and the producer stays [Report.Unresolved].
//   - If consumers of one message are in several deltas, the statistics of the producer's side
//     count the producer in each.
//
// Report.AddressConflicts of a delta is the number of addresses in conflict that no earlier delta
// has counted.
func (b *Builder) Delta() *Graph {
	delta := b.recent
	if delta == nil {
		delta = b.newTotals()
		delta.merge(b.counted)
		b.conflicts = make(map[addressIndex]bool)
	}
	b.recent = b.newTotals()
	b.splitHalves(delta)
	b.applyNodeAttrs(b.counted)
	delta.finish(b.counted, b.conflicts)
	delta.report.merge(b.report.since(b.reported))
	b.reported = b.report
	b.applyNodeAttrs(delta)
	clear(delta.kubernetes)
	clear(delta.statements)
	return delta.graph()
}

// splitHalves decides which halves of messages are part of a delta. A half whose other half is in a
// held trace moves to the next delta. A sender of an earlier delta is part of this delta as well if
// a consumer in this delta links to it. A sender with consumers in this delta and in a later one is
// in both.
func (b *Builder) splitHalves(delta *totals) {
	waiting := b.waitingReceivers(delta)
	now, later := b.splitReceives(delta, waiting)
	for key := range waiting {
		in := delta.receivers[key]
		b.recent.receivers[key] = in
		delete(delta.receivers, key)
		if in.outcome != pairing.None {
			b.moveSpan(delta)
		}
	}
	for key, out := range delta.sends {
		if b.linked[trace.Link{Trace: key.span.TraceID, Span: key.span.SpanID}] > 0 {
			later[out.call(key)] = true
		}
	}
	b.splitSends(delta, now, later)
}

// waitingReceivers returns the receivers of a delta that wait for a sender in a held trace. It also
// adds to the delta the senders of earlier deltas to which receivers of the delta link.
func (b *Builder) waitingReceivers(delta *totals) map[receiver]bool {
	senders := delta.senders()
	var earlier *senderIndex // the senders of all traces forgotten so far; made when needed
	waiting := make(map[receiver]bool)
	for key := range delta.receives {
		if _, ok := senders.find(key.target); ok {
			continue
		}
		if b.traces.Find(&key.target.TraceID) != 0 {
			waiting[key.receiver] = true
			continue
		}
		if earlier == nil {
			earlier = b.counted.senders()
		}
		if sender, ok := earlier.find(key.target); ok {
			out := b.counted.sends[sender]
			out.called, out.counted = true, true
			out.queueNode = out.queueNode || out.given
			delta.sends[sender] = out
		}
	}
	return waiting
}

// splitReceives moves the links of the waiting receivers to the next delta. It returns the calls
// that have consumers in this delta, and the calls that have consumers in a later delta.
func (b *Builder) splitReceives(delta *totals, waiting map[receiver]bool) (now, later map[sendKey]bool) {
	senders := delta.senders()
	now, later = make(map[sendKey]bool), make(map[sendKey]bool)
	for key := range delta.receives {
		calls := now
		if waiting[key.receiver] {
			calls = later
			b.recent.receives[key] = true
			delete(delta.receives, key)
		}
		if sender, ok := senders.find(key.target); ok {
			out := delta.sends[sender]
			calls[out.call(sender)] = true
		}
	}
	return now, later
}

// splitSends moves senders to the next delta if all their consumers are in later deltas. It copies
// senders that have consumers both in this delta and in a later one.
func (b *Builder) splitSends(delta *totals, now, later map[sendKey]bool) {
	for key, out := range delta.sends {
		call := out.call(key)
		switch {
		case later[call] && now[call]:
			out.called, out.counted = true, true
			b.recent.sends[key] = out
		case later[call]:
			b.recent.sends[key] = out
			delete(delta.sends, key)
			if !out.counted {
				b.moveSpan(delta)
			}
		case !now[call] && out.span.PeerType == trace.Queue:
			if counted, known := b.counted.sends[key]; known {
				counted.given = true
				b.counted.sends[key] = counted
			}
		}
	}
}

// moveSpan counts a span in the next delta: a span is counted in the delta that has its outcome.
func (b *Builder) moveSpan(delta *totals) {
	delta.report.Spans--
	b.recent.report.Spans++
}

// finish resolves all pending calls for good, with the names and addresses that other totals know.
// conflicts has the ambiguous addresses that were counted before: finish does not count them again,
// and adds those that it counts.
func (t *totals) finish(known *totals, conflicts map[addressIndex]bool) {
	r := t.resolverKnowing(known)
	r.conflicts = conflicts
	r.resolveCalls()
	r.resolveMessages()
	t.adopt(r)
	t.pending = newPending()
	t.recentCalls.clear()
}
