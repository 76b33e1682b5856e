package servicegraph

import (
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/arena"
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A traceIndex is the index of a held trace; 0 means none.
type traceIndex = arena.Index

// held is the part of a builder that holds traces and forgets them.
type held struct {
	limits    Window
	unlimited bool // no trace is ever closed or forgotten
	traces    arena.Table[TraceID, heldTrace]
	store     arena.Lists[trace.Span]
	spans     int        // how many are held
	links     int        // how many are held, including the targets in traceLinks.linked
	last      traceIndex // the trace of the last span; 0 after Advance, or if that trace is dropped

	now             int64     // nanoseconds since started; beforeTime before the first Advance
	started, latest time.Time // of the first and the latest Advance

	// The order in which traces are closed and forgotten; empty without limits.
	order        arena.Slab[arena.Link]
	open, closed arena.LRU              // by the time of the last span, and of the closing
	ageOrder     arena.Slab[arena.Link] // kept only if Window.Age is set
	byAge        arena.LRU              // the open traces, by the time of the first span

	linksOf    map[traceIndex]*traceLinks // of the traces that have any
	closedWith map[traceIndex]spanIDs     // of the traces that were opened again after a live graph: the spans that the graph has
	fullIDs    map[TraceID]fullIDs        // by low half; nil until a trace with a 64-bit id is held

	forgotten    arena.Table[TraceID, struct{}]
	lastReplaced traceIndex // the index in forgotten that was used again last

	counted  *totals // of all forgotten traces
	recent   *totals // of the traces forgotten since the last Delta; nil before the first
	reported Report  // the builder's report at the last Delta

	conflicts map[addressIndex]bool // the ambiguous addresses that deltas have counted
}

// beforeTime is earlier than every time that Advance sets.
const beforeTime = math.MinInt64

// A heldTrace is what is held of one trace.
type heldTrace struct {
	spans    arena.List
	isClosed bool
	isLinked bool // the trace has traceLinks
}

func (h *held) init(counted *totals, limits Window) {
	h.limits, h.unlimited = limits, limits == Window{}
	h.now = beforeTime
	h.open, h.closed, h.byAge = arena.NewLRU(&h.order), arena.NewLRU(&h.order), arena.NewLRU(&h.ageOrder)
	h.linksOf = make(map[traceIndex]*traceLinks)
	h.counted = counted
}

// find returns the trace with an id and stores it in b.last. If no trace with the id is held,
// find adds one; if the trace is forgotten, find returns nil. The result is valid until the
// next call.
func (b *Builder) find(id *TraceID) *heldTrace {
	if b.last != 0 && b.traces.ID(b.last) == *id { // the trace is the most recent one in the order already
		return b.traces.At(b.last)
	}
	i := b.traces.Find(id)
	switch {
	case i != 0:
		if !b.unlimited {
			b.touch(i)
		}
	case b.isForgotten(id):
		return nil
	default:
		i = b.traces.Add(*id)
		b.addFullID(i)
		b.enter(i)
	}
	b.last = i
	return b.traces.At(i)
}

// A wholeTrace is a trace for reading: the spans that are held under its id, and the spans held
// under the other length of the id, if some tracer cut the id to 64 bits.
type wholeTrace struct {
	id    TraceID
	parts [2]traceIndex // the second can be 0
	held  *held
	traceLinks
}

// whole returns a held trace together with its counterpart.
func (h *held) whole(i traceIndex) wholeTrace {
	other := h.counterpart(i)
	if other != 0 && h.traces.ID(i).is64Bit() {
		i, other = other, i
	}
	t := wholeTrace{h.traces.ID(i), [...]traceIndex{i, other}, h, h.linksFor(i)}
	if other != 0 {
		t.traceLinks = t.traceLinks.with(h.linksFor(other))
	}
	return t
}

// isOpen reports whether the trace may still grow, as far as the window knows.
func (t *wholeTrace) isOpen() bool {
	for _, i := range t.parts {
		if i != 0 && !t.held.traces.At(i).isClosed {
			return true
		}
	}
	return false
}

// all returns each held trace once, together with its counterpart.
func (h *held) all() iter.Seq[wholeTrace] { return h.shard(0, 1) }

// tracesPerBlock is how many neighboring traces go to the same shard, so that goroutines do
// not share cache lines.
const tracesPerBlock = 64

// shard returns shard number of n equal shards of the held traces.
func (h *held) shard(number, n int) iter.Seq[wholeTrace] {
	return func(yield func(wholeTrace) bool) {
		for i := range h.traces.All() {
			if int(i)/tracesPerBlock%n != number {
				continue
			}
			if other := h.counterpart(i); (other == 0 || h.traces.ID(i).is64Bit()) && !yield(h.whole(i)) {
				return
			}
		}
	}
}

// Some tracers cut 128-bit trace ids to 64 bits, and others pad them with zeros again. Spans
// under a 64-bit id, one whose high half is zero, belong to the held trace whose full id has
// the same low half, if there is exactly one (docs/semantics.md, I6). The two are joined when
// traces are read and not when spans arrive, because a second full id with that low half may
// still come.

// lowHalf returns the id with a high half of zero.
func lowHalf(id TraceID) TraceID {
	clear(id[:8])
	return id
}

// is64Bit reports whether the high half of the id is zero.
func (id TraceID) is64Bit() bool { return [8]byte(id[:8]) == [8]byte{} }

// fullIDs stands for the held traces whose full ids have the same low half. n is their number, and
// sum the sum of their indices: the index of the trace if there is only one.
type fullIDs struct{ n, sum traceIndex }

// addFullID counts a newly held trace among the traces with the same low half, if the id of the trace
// is full. The first trace with a 64-bit id makes addFullID count all held traces; before that trace,
// addFullID does nothing.
func (h *held) addFullID(i traceIndex) {
	switch id := h.traces.ID(i); {
	case h.fullIDs == nil && !id.is64Bit():
	case h.fullIDs == nil:
		h.fullIDs = make(map[TraceID]fullIDs)
		for held := range h.traces.All() {
			h.addFullID(held)
		}
	case !id.is64Bit():
		same := h.fullIDs[lowHalf(id)]
		h.fullIDs[lowHalf(id)] = fullIDs{same.n + 1, same.sum + i}
	}
}

// dropFullID reverses addFullID for a trace that is not held any more.
func (h *held) dropFullID(i traceIndex) {
	id := h.traces.ID(i)
	if h.fullIDs == nil || id.is64Bit() {
		return
	}
	same := h.fullIDs[lowHalf(id)]
	if same.n == 1 {
		delete(h.fullIDs, lowHalf(id))
	} else {
		h.fullIDs[lowHalf(id)] = fullIDs{same.n - 1, same.sum - i}
	}
}

// counterpart returns the trace with the full id that belongs to a 64-bit id, or the trace
// with the 64-bit id that belongs to a full id; 0 if there is none, or if several full ids
// have the low half.
func (h *held) counterpart(i traceIndex) traceIndex {
	if h.fullIDs == nil {
		return 0
	}
	id := h.traces.ID(i)
	same := h.fullIDs[lowHalf(id)]
	switch {
	case same.n != 1:
		return 0
	case id.is64Bit():
		return same.sum
	}
	low := lowHalf(id)
	return h.traces.Find(&low)
}

// traceLinks are the span links of the consumers of one held trace, and the ids of its spans to
// which links of forgotten consumers point. Consumers are all spans for which mayReceive is true.
// Most traces have no links.
type traceLinks struct {
	links  []pairing.ConsumerLink
	linked map[[8]byte]bool
}

// with returns the links of two traces together. It changes neither.
func (l traceLinks) with(o traceLinks) traceLinks {
	linked := maps.Clone(l.linked)
	if linked == nil {
		linked = make(map[[8]byte]bool)
	}
	maps.Copy(linked, o.linked)
	return traceLinks{slices.Concat(l.links, o.links), linked}
}

// linksFor returns the links of a held trace for reading.
func (h *held) linksFor(i traceIndex) traceLinks {
	if !h.traces.At(i).isLinked {
		return traceLinks{}
	}
	return *h.linksOf[i]
}

// linksToWrite returns the links of a held trace for writing.
func (h *held) linksToWrite(i traceIndex) *traceLinks {
	t := h.traces.At(i)
	if !t.isLinked {
		t.isLinked = true
		h.linksOf[i] = new(traceLinks)
	}
	return h.linksOf[i]
}

// mayReceive reports whether the links of a span may be messages that it received. If a message
// starts a function or a job, the span is not always a CONSUMER span. A SERVER span that names its
// caller received a request (docs/semantics.md M15). The links of a span that failed to send a batch are not
// received messages, but they tell which messages failed (M10).
func mayReceive(s *trace.Span) bool {
	switch s.Kind {
	case trace.Consumer:
		return true
	case trace.Server:
		return s.Peer == 0
	case trace.Internal:
		return !s.Is(trace.IsCaller) && (!s.Is(trace.Settles) || s.Failed() && !s.Is(trace.Takes))
	}
	return false
}

// receivers returns about how many held spans have links.
func (h *held) receivers() (n int) {
	for _, t := range h.linksOf {
		for i := range t.links {
			if i == 0 || t.links[i].Span != t.links[i-1].Span {
				n++
			}
		}
	}
	return n
}

// addLinks adds the links of a span of the last trace that may receive messages.
func (b *Builder) addLinks(s *trace.Span, links []Link) {
	to := b.linksToWrite(b.last)
	for _, l := range links {
		target := trace.Link{Trace: l.TraceID, Span: l.SpanID}
		to.links = append(to.links, pairing.ConsumerLink{Span: s.ID, Node: s.Node, Kind: s.Kind, Target: target})
		b.linked[target]++
	}
	b.links += len(links)
}

// dropLinks forgets the links of a trace. If the target of a link is held, the trace of
// the target notes that a consumer links to the target.
func (b *Builder) dropLinks(i traceIndex) {
	if !b.traces.At(i).isLinked {
		return
	}
	for _, l := range b.linksFor(i).links {
		if b.linked[l.Target]--; b.linked[l.Target] > 0 {
			continue
		}
		delete(b.linked, l.Target)
		if held := b.traces.Find((*TraceID)(&l.Target.Trace)); held != 0 {
			of := b.linksToWrite(held)
			if of.linked == nil {
				of.linked = make(map[[8]byte]bool)
			}
			if !of.linked[l.Target.Span] {
				of.linked[l.Target.Span] = true
				b.links++
			}
		}
	}
	dropped := b.linksOf[i]
	b.links -= len(dropped.links) + len(dropped.linked)
	delete(b.linksOf, i)
}

// Advance sets the builder's time. Only Advance closes traces, and forgets traces closed at least
// [Window].Remember ago, so the caller should call Advance about as often as traces should close. A
// time that is not after the times of all earlier calls changes nothing.
//
// Spans added before the first call count as older than every limit: that call closes their
// traces if [Window].Quiet or [Window].Age is set. It forgets none of them, because Remember
// counts from that call.
func (b *Builder) Advance(now time.Time) {
	if !now.After(b.latest) {
		return
	}
	if b.now == beforeTime {
		b.started = now
	}
	b.latest, b.now, b.last = now, int64(now.Sub(b.started)), 0
	each := func(order *arena.LRU, after time.Duration, do func(traceIndex)) {
		for after > 0 {
			i := order.Expired(b.now - int64(after))
			if i == 0 {
				return
			}
			do(i)
		}
	}
	each(&b.open, b.limits.Quiet, func(i traceIndex) {
		b.report.ClosedQuiet++
		b.close(i)
	})
	each(&b.byAge, b.limits.Age, func(i traceIndex) {
		b.report.ClosedAge++
		b.close(i)
	})
	each(&b.closed, b.limits.Remember, b.forget)
}

// touch notes that a span arrived for a trace, which opens a closed trace again.
func (b *Builder) touch(i traceIndex) {
	if !b.traces.At(i).isClosed {
		b.open.Touch(i, b.now)
		return
	}
	b.report.Reopened++
	b.closed.Remove(i)
	if b.shown != nil {
		b.noteShown(i)
	}
	b.enter(i)
}

// enter marks a trace as open.
func (h *held) enter(i traceIndex) {
	h.traces.At(i).isClosed = false
	if !h.unlimited {
		h.open.Push(i, h.now)
	}
	if h.limits.Age > 0 {
		h.byAge.Push(i, h.now)
	}
}

// close marks an open trace as closed.
func (h *held) close(i traceIndex) {
	h.leave(i)
	h.traces.At(i).isClosed = true
	h.closed.Push(i, h.now)
}

// leave takes a trace out of the orders of open or closed traces.
func (h *held) leave(i traceIndex) {
	if h.traces.At(i).isClosed {
		h.closed.Remove(i)
		return
	}
	h.open.Remove(i)
	if h.limits.Age > 0 {
		h.byAge.Remove(i)
	}
}

// spansPerLink is the number of held spans that take about as much memory as a held link. A link
// takes more than a span because it is in a map, and growing maps leave garbage.
const spansPerLink = 4

// evict forgets traces until no more than Window.Spans and Window.Traces are held.
func (b *Builder) evict() {
	over := func(held, most int) bool { return most > 0 && held > most }
	for over(b.spans+spansPerLink*b.links, b.limits.Spans) {
		b.report.EvictedSpans++
		b.forget(b.oldest())
	}
	for over(b.traces.Len(), b.limits.Traces) {
		b.report.EvictedTraces++
		b.forget(b.oldest())
	}
}

// oldest returns the trace to forget next: the one closed longest ago, or, if none is closed,
// the one idle longest.
func (h *held) oldest() traceIndex {
	if h.closed.Len() > 0 {
		return h.closed.Oldest()
	}
	return h.open.Oldest()
}

// forget adds a trace to the totals and drops its spans.
func (b *Builder) forget(i traceIndex) {
	whole, other := b.whole(i), b.counterpart(i)
	for _, sum := range []*totals{b.counted, b.recent} {
		if sum != nil {
			b.aggregator.add(whole, sum)
			sum.resolveExcess()
		}
	}
	b.drop(i)
	if other != 0 {
		b.drop(other)
	}
}

// drop removes everything held under one trace id.
func (b *Builder) drop(i traceIndex) {
	t := b.traces.At(i)
	b.leave(i)
	b.dropLinks(i)
	b.dropFullID(i)
	delete(b.closedWith, i)
	b.spans -= t.spans.Len()
	b.store.Release(&t.spans)
	b.markForgotten(b.traces.ID(i))
	b.traces.Remove(i)
	b.last = 0
}

// maxForgotten is the number of forgotten traces that a builder can tell from new ones. They take 2
// MB. A late span of a trace that was forgotten before all of these starts a new trace.
const maxForgotten = 1 << 16

// markForgotten notes a trace as forgotten. If maxForgotten traces are noted already, the trace
// replaces the one forgotten longest ago. Add uses the index that Remove has just freed, so the
// traces are in the order of their indices, beginning after lastReplaced.
func (h *held) markForgotten(id TraceID) {
	if h.forgotten.Len() == maxForgotten {
		h.lastReplaced = h.lastReplaced%maxForgotten + 1
		h.forgotten.Remove(h.lastReplaced)
	}
	h.forgotten.Add(id)
}

// isForgotten reports whether a trace, or its part under a 64-bit id, is forgotten
// (docs/semantics.md, I6).
func (h *held) isForgotten(id *TraceID) bool {
	if h.forgotten.Len() == 0 {
		return false
	}
	low := lowHalf(*id)
	return h.forgotten.Find(id) != 0 || h.forgotten.Find(&low) != 0
}
