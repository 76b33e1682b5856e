package servicegraph

import (
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/arena"
)

// Advance sets the builder's time. Only Advance closes traces, and forgets traces closed at
// least [Window].Remember ago, so the caller should call Advance about as often as traces should
// close. A time that is not after that of every earlier call changes nothing.
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

// evict forgets traces until no more than Window.Spans and Window.Traces are held.
func (b *Builder) evict() {
	over := func(held, most int) bool { return most > 0 && held > most }
	for over(b.spans, b.limits.Spans) {
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

// drop drops everything held under one trace id.
func (b *Builder) drop(i traceIndex) {
	t := b.traces.At(i)
	b.leave(i)
	b.dropLinks(i)
	b.dropFullID(i)
	b.spans -= t.spans.Len()
	b.store.Release(&t.spans)
	b.markForgotten(b.traces.ID(i))
	b.traces.Remove(i)
	b.last = 0
}

// maxForgotten is the number of forgotten traces that a builder can tell from new ones. They
// take 2 MB. A late span of a trace forgotten earlier starts a new trace.
const maxForgotten = 1 << 16

// markForgotten notes a trace as forgotten. If there are maxForgotten already, the trace replaces
// the one forgotten longest ago: indices are freed in turn, and Add uses a free index at once.
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
