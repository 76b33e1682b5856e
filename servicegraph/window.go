package servicegraph

import (
	"container/list"
	"time"
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
	// 64 to 128 bytes, a trace about 400 more.
	Spans, Traces int

	// Nodes is how many nodes are told apart. A span that names one more, itself or
	// as its peer, is taken to name "other" instead, of the same type, and counted in
	// [Report].NodesFolded. What is counted is never forgotten, so this is what
	// bounds it. Which nodes those are depends on the order of arrival. As many addresses,
	// and as many different details of calls, are told apart; calls beyond these go without,
	// and are counted in [Report].NamesCut.
	Nodes int
}

// maxForgotten is how many forgotten traces a builder can tell from new ones. It
// takes 5 MB. A span of one forgotten before these starts a trace of its own.
const maxForgotten = 1 << 16

// A window is the part of a builder that holds traces.
type window struct {
	now    time.Time
	traces traceTable
	store  spanStore
	spans  int      // held
	last   *spanSet // that a span came for; nil if it is not held any more

	// The order in which traces close and are forgotten; kept only if they ever do.
	bounded      bool
	open, closed list.List // of *spanSet, the one quiet, or closed, longest first
	byAge        list.List // of *spanSet that are open, the first to arrive first

	byLow map[TraceID][]*spanSet // traces by the low half of their ids; nil if none is narrow

	forgotten map[TraceID]bool
	graves    []TraceID // the keys of forgotten, as a ring
	grave     int

	counted  *totals // of all forgotten traces
	recent   *totals // of those since the last delta; nil before the first
	reported Report  // the builder's report at the last delta
}

// A spanSet holds the spans of one trace as they arrived.
type spanSet struct {
	id    TraceID
	spans spanList
	links []spanLink

	linked map[SpanID]bool // spans that consumers of forgotten traces point to

	isClosed   bool
	since      time.Time     // when the last span came, or when the trace was closed
	first      time.Time     // when it was opened
	place, age *list.Element // in open or closed, and in byAge
}

// A spanLink is a link of a consumer span.
type spanLink struct {
	span   SpanID
	node   nodeIndex
	target Link
}

func (w *window) init(names *names, bounds Window) {
	bounds.Nodes = 0
	w.bounded = bounds != Window{}
	w.forgotten = make(map[TraceID]bool)
	w.counted = newTotals(names)
}

// A trace is what is held of one, for reading.
type trace struct {
	id     TraceID
	lists  [2]*spanList // perhaps only one
	store  *spanStore
	links  []spanLink
	linked map[SpanID]bool // of its spans, those that forgotten consumers point to
}

// hold returns the set that the next span of a trace goes to, nil if the trace is
// forgotten.
func (b *Builder) hold(id TraceID) *spanSet {
	set := b.last
	if set == nil || set.id != id {
		set = b.traces.find(id)
	}
	if set == nil {
		if b.forgotten[id] || len(b.forgotten) > 0 && b.forgotten[lowHalf(id)] { // the latter: its narrow half is (I6)
			return nil
		}
		set = b.traces.add(id)
		b.noteLow(set)
		if b.bounded {
			b.enter(set)
		}
	} else if b.bounded && (set != b.last || set.isClosed) { // otherwise it is the last of its list
		b.touch(set)
	}
	set.since = b.now
	b.last = set
	return set
}

// touch notes that a span came for a trace.
func (b *Builder) touch(set *spanSet) {
	if set.isClosed {
		b.report.Reopened++
		b.closed.Remove(set.place)
		b.enter(set)
		return
	}
	b.open.MoveToBack(set.place)
}

// enter puts a trace among the open ones.
func (w *window) enter(set *spanSet) {
	set.isClosed, set.first = false, w.now
	set.place, set.age = w.open.PushBack(set), w.byAge.PushBack(set)
}

// Advance tells the builder what time it is. Traces close, and closed ones are
// forgotten, when it is called and not before; it should be called about as
// often as traces should close. Time that runs backwards changes nothing.
func (b *Builder) Advance(now time.Time) {
	if !now.After(b.now) {
		return
	}
	b.now = now
	due := func(since time.Time, after time.Duration) bool {
		return after > 0 && now.Sub(since) >= after
	}
	for e := b.open.Front(); e != nil && due(e.Value.(*spanSet).since, b.cfg.Window.Quiet); e = b.open.Front() {
		b.report.ClosedQuiet++
		b.shut(e.Value.(*spanSet))
	}
	for e := b.byAge.Front(); e != nil && due(e.Value.(*spanSet).first, b.cfg.Window.Age); e = b.byAge.Front() {
		b.report.ClosedAge++
		b.shut(e.Value.(*spanSet))
	}
	for e := b.closed.Front(); e != nil && due(e.Value.(*spanSet).since, b.cfg.Window.Remember); e = b.closed.Front() {
		b.forget(e.Value.(*spanSet))
	}
}

// shut puts an open trace among the closed ones.
func (w *window) shut(set *spanSet) {
	w.open.Remove(set.place)
	w.byAge.Remove(set.age)
	set.isClosed, set.since = true, w.now
	set.place, set.age = w.closed.PushBack(set), nil
}

// limit forgets traces until no more than allowed are held.
func (b *Builder) limit() {
	over := func(held, most int) bool { return most > 0 && held > most }
	for over(b.spans, b.cfg.Window.Spans) {
		b.report.EvictedSpans++
		b.forget(b.oldest())
	}
	for over(b.traces.n, b.cfg.Window.Traces) {
		b.report.EvictedTraces++
		b.forget(b.oldest())
	}
}

func (w *window) oldest() *spanSet {
	if e := w.closed.Front(); e != nil {
		return e.Value.(*spanSet)
	}
	return w.open.Front().Value.(*spanSet)
}

// forget counts a trace for good and drops its spans.
func (b *Builder) forget(set *spanSet) {
	whole, half := b.whole(set), b.otherHalf(set)
	for _, sum := range []*totals{b.counted, b.recent} {
		if sum != nil {
			b.folder.fold(whole, sum)
			sum.settleExcess()
		}
	}
	b.drop(set)
	if half != nil {
		b.drop(half)
	}
}

// drop lets go of what is held of a trace.
func (b *Builder) drop(set *spanSet) {
	for _, l := range set.links {
		if b.linked[l.target]--; b.linked[l.target] == 0 {
			delete(b.linked, l.target)
			b.remember(l.target)
		}
	}
	if !set.isClosed {
		b.shut(set)
	}
	b.closed.Remove(set.place)
	b.spans -= int(set.spans.n)
	b.store.release(&set.spans)
	b.dropLow(set)
	b.bury(set.id)
	b.last = nil
	b.traces.remove(set)
}

// remember notes at a trace that is held still that a consumer points to a span of it.
func (w *window) remember(target Link) {
	if set := w.traces.find(target.TraceID); set != nil {
		if set.linked == nil {
			set.linked = make(map[SpanID]bool)
		}
		set.linked[target.SpanID] = true
	}
}

// bury notes a trace as forgotten, in the place of the one forgotten longest ago.
func (w *window) bury(id TraceID) {
	if len(w.graves) < maxForgotten {
		w.graves = append(w.graves, id)
	} else {
		delete(w.forgotten, w.graves[w.grave])
		w.graves[w.grave] = id
		w.grave = (w.grave + 1) % maxForgotten
	}
	w.forgotten[id] = true
}
