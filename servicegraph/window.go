package servicegraph

import (
	"math"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/arena"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Window bounds what a [Builder] holds of an endless stream. A trace is open
// while spans come, closed when none has come for a while, and forgotten some
// time later; a late span opens a closed trace again, and one of a forgotten
// trace is only counted ([Report].Late). Zero fields do not bound.
//
// Time is what [Builder.Advance] says: the arrival of spans counts, not the times
// in them.
type Window struct {
	Quiet    time.Duration // closes a trace this long after its last span
	Age      time.Duration // closes a trace this long after its first span
	Remember time.Duration // forgets a trace this long after it was closed

	// Spans and Traces are how many are held at most, open and closed: the ones
	// closed longest ago are forgotten first, then the ones quiet longest. A span takes
	// 56 to 96 bytes, 65 on average, and a trace 60 more, or 76 if Age bounds it; a
	// span link of a consumer takes some 160.
	Spans, Traces int

	// Nodes is how many nodes are told apart. A span that names one more, itself or
	// as its peer, is taken to name "other" instead, of the same type, and counted in
	// [Report].NodesFolded. What is counted is never forgotten, so this is what
	// bounds it. Which nodes those are depends on the order of arrival. As many addresses,
	// and as many different details of calls, are told apart; calls beyond these go without,
	// and are counted in [Report].NamesTruncated.
	Nodes int
}

// maxForgotten is how many forgotten traces a builder can tell from new ones. It
// takes 2 MB. A span of one forgotten before these starts a trace of its own.
const maxForgotten = 1 << 16

// A traceIndex is the index of a held trace; 0 is none.
type traceIndex = arena.Index

// A window is the part of a builder that holds traces.
type window struct {
	bounds    Window // all but Nodes
	unbounded bool   // there are no bounds: no trace is ever closed or forgotten
	traces    arena.Table[TraceID, heldTrace]
	store     arena.Lists[trace.Span]
	spans     int        // held
	last      traceIndex // that a span came for since time last went on; 0 if it is not held any more

	// Time in nanoseconds since the builder was first told it, beforeTime until then.
	now             int64
	started, latest time.Time // when it was told it first, and last

	// The order in which traces close and are forgotten; kept only if they ever do.
	links        arena.Slab[arena.Link]
	open, closed arena.LRU              // the one quiet, or closed, longest first
	ageLinks     arena.Slab[arena.Link] // kept only if age closes traces
	byAge        arena.LRU              // those that are open, the first to arrive first

	linksOf map[traceIndex]*traceLinks // of traces that have one
	wides   map[TraceID]fullIDs        // by the low half of their ids; nil until there is a narrow one

	forgotten arena.Table[TraceID, struct{}]
	buried    traceIndex // that of the last to take the place of another

	counted  *totals // of all forgotten traces
	recent   *totals // of those since the last delta; nil before the first
	reported Report  // the builder's report at the last delta
}

const beforeTime = math.MinInt64

// A heldTrace is what is held of one trace.
type heldTrace struct {
	spans    arena.List
	isClosed bool
	isLinked bool // it has traceLinks
}

func (w *window) init(names *symbols, bounds Window) {
	bounds.Nodes = 0
	w.bounds, w.unbounded = bounds, bounds == Window{}
	w.now = beforeTime
	w.open, w.closed, w.byAge = arena.NewLRU(&w.links), arena.NewLRU(&w.links), arena.NewLRU(&w.ageLinks)
	w.linksOf = make(map[traceIndex]*traceLinks)
	w.counted = newTotals(names)
}

// A wholeTrace is what is held of one, for reading.
type wholeTrace struct {
	id    TraceID
	parts [2]traceIndex // perhaps only one
	held  *window
	traceLinks
}

// hold returns the set that the next span of a trace goes to, nil if the trace is
// forgotten. It is valid until the next is asked for.
func (b *Builder) hold(id *TraceID) *heldTrace {
	if b.last != 0 && b.traces.ID(b.last) == *id { // it is the last of its queue
		return b.traces.At(b.last)
	}
	n := b.traces.Find(id)
	switch {
	case n != 0:
		if !b.unbounded {
			b.touch(n)
		}
	case b.isForgotten(id):
		return nil
	default:
		n = b.traces.Add(*id)
		b.noteWide(n)
		b.enter(n)
	}
	b.last = n
	return b.traces.At(n)
}

// isForgotten reports whether a trace is, or its narrow half (I6).
func (w *window) isForgotten(id *TraceID) bool {
	if w.forgotten.Len() == 0 {
		return false
	}
	half := lowHalf(*id)
	return w.forgotten.Find(id) != 0 || w.forgotten.Find(&half) != 0
}

// touch notes that a span came for a trace.
func (b *Builder) touch(n traceIndex) {
	if !b.traces.At(n).isClosed {
		b.open.Touch(n, b.now)
		return
	}
	b.report.Reopened++
	b.closed.Remove(n)
	b.enter(n)
}

// enter puts a trace among the open ones.
func (w *window) enter(n traceIndex) {
	w.traces.At(n).isClosed = false
	if !w.unbounded {
		w.open.Push(n, w.now)
	}
	if w.bounds.Age > 0 {
		w.byAge.Push(n, w.now)
	}
}

// Advance tells the builder what time it is. Traces close, and closed ones are
// forgotten, when it is called and not before; it should be called about as
// often as traces should close. Time that runs backwards changes nothing. Spans that
// were added before it was ever called came longer ago than any bound.
func (b *Builder) Advance(now time.Time) {
	if !now.After(b.latest) {
		return
	}
	if b.now == beforeTime {
		b.started = now
	}
	b.latest, b.now, b.last = now, int64(now.Sub(b.started)), 0
	each := func(q *arena.LRU, after time.Duration, do func(traceIndex)) {
		for after > 0 {
			n := q.Expired(b.now - int64(after))
			if n == 0 {
				return
			}
			do(n)
		}
	}
	each(&b.open, b.bounds.Quiet, func(n traceIndex) {
		b.report.ClosedQuiet++
		b.shut(n)
	})
	each(&b.byAge, b.bounds.Age, func(n traceIndex) {
		b.report.ClosedAge++
		b.shut(n)
	})
	each(&b.closed, b.bounds.Remember, b.forget)
}

// shut puts an open trace among the closed ones.
func (w *window) shut(n traceIndex) {
	w.leave(n)
	w.traces.At(n).isClosed = true
	w.closed.Push(n, w.now)
}

// leave takes a trace out of the queues.
func (w *window) leave(n traceIndex) {
	if w.traces.At(n).isClosed {
		w.closed.Remove(n)
		return
	}
	w.open.Remove(n)
	if w.bounds.Age > 0 {
		w.byAge.Remove(n)
	}
}

// limit forgets traces until no more than allowed are held.
func (b *Builder) limit() {
	over := func(held, most int) bool { return most > 0 && held > most }
	for over(b.spans, b.bounds.Spans) {
		b.report.EvictedSpans++
		b.forget(b.eldest())
	}
	for over(b.traces.Len(), b.bounds.Traces) {
		b.report.EvictedTraces++
		b.forget(b.eldest())
	}
}

// eldest returns the trace to be forgotten next.
func (w *window) eldest() traceIndex {
	if w.closed.Len() > 0 {
		return w.closed.Oldest()
	}
	return w.open.Oldest()
}

// forget counts a trace for good and drops its spans.
func (b *Builder) forget(n traceIndex) {
	whole, half := b.whole(n), b.otherHalf(n)
	for _, sum := range []*totals{b.counted, b.recent} {
		if sum != nil {
			b.aggregator.add(whole, sum)
			sum.settleExcess()
		}
	}
	b.drop(n)
	if half != 0 {
		b.drop(half)
	}
}

// drop lets go of what is held of a trace.
func (b *Builder) drop(n traceIndex) {
	set := b.traces.At(n)
	b.leave(n)
	b.dropLinks(n)
	b.dropWide(n)
	b.spans -= set.spans.Len()
	b.store.Release(&set.spans)
	b.bury(b.traces.ID(n))
	b.traces.Remove(n)
	b.last = 0
}

// bury notes a trace as forgotten, in place of the one forgotten longest ago if there
// are as many as can be. Their numbers go round: each is used again at once.
func (w *window) bury(id TraceID) {
	if w.forgotten.Len() == maxForgotten {
		w.buried = w.buried%maxForgotten + 1
		w.forgotten.Remove(w.buried)
	}
	w.forgotten.Add(id)
}
