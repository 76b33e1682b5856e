package tempoclient

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

const (
	// maxAnswer is about how large an answer with spans may be, in bytes of JSON. The parts
	// of Tempo exchange messages of at most 16 MB, unless configured otherwise, and Tempo
	// needs some seconds for this much.
	maxAnswer = 12 << 20

	// searchers is how many searches for spans run at the same time. Tempo finishes each
	// search on one core.
	searchers = 2

	// maxHalvings is how often the spans of a search that was too large are divided.
	maxHalvings = 8
)

// A reading reads the spans of a group of traces from searches. If one search for all spans
// would be too large, each search is for the spans whose durations lie in one interval. Time
// ranges would not divide the spans: a search must reach past the range, for traces that arrived
// late, and so would show all later traces again.
type reading struct {
	s          *selection
	wanted     map[servicegraph.TraceID]*foundTrace
	start, end time.Time
	limit      int
	bytes      float64 // estimate of the spans in all answers
	overhead   float64 // estimate of the rest of each answer
	durations  []int64 // of some spans, in order

	mu       sync.Mutex
	requests int
	left     int64 // bytes of memory
	failed   bool
	parts    map[servicegraph.TraceID]*partTrace
}

// A partTrace is what searches have shown of a trace.
type partTrace struct {
	spans    []servicegraph.Span
	services map[string]serviceStats
	broken   bool // whether spans were left out or could not be read
}

func (s *selection) newReading(q Query, wanted []*foundTrace, isAll bool) *reading {
	r := &reading{
		s: s, wanted: make(map[servicegraph.TraceID]*foundTrace, len(wanted)),
		parts: make(map[servicegraph.TraceID]*partTrace, len(wanted)), left: s.client.cfg.MaxBytes,
	}
	for _, f := range wanted {
		r.wanted[f.ID] = f
	}
	r.start, r.end = timeOf(wanted)
	if isAll {
		r.end = q.reach(r.start, r.end)
	} else {
		// Traces that arrived late are missed, and fetched. Otherwise the search of each
		// group would show all later groups again.
		r.end = r.end.Add(time.Second)
	}
	const perTrace, perSpan, perAttr = 400, 400, 40 // bytes of JSON around names and values; a trace also shows one of its spans again
	spans, size := 0, 0
	for _, t := range s.fetched {
		for _, span := range t.Spans {
			spans++
			size += perSpan + len(span.Name) + len(span.Service)
			for _, attrs := range [][]servicegraph.Attr{span.Attrs, span.Resource} {
				for _, a := range attrs {
					size += perAttr + len(a.Key) + len(a.Value)
				}
			}
			r.durations = append(r.durations, span.End-span.Start)
		}
	}
	slices.Sort(r.durations)
	each := float64(1000)
	if spans > 0 {
		each = float64(size) / float64(spans)
	}
	traces := 0
	for _, f := range s.all {
		if !f.Start.After(r.end) && !f.Start.Add(f.Duration+time.Millisecond).Before(r.start) {
			traces++
			r.bytes += each * float64(f.known)
			r.overhead += perTrace + each
		}
	}
	// Tempo allocates memory for as many traces as the limit, for each of its blocks.
	r.limit = min(s.limit, 2*traces+1000)
	return r
}

// An interval holds the durations from lo to before hi, in nanoseconds.
type interval struct{ lo, hi int64 }

// everything is the interval of all durations.
var everything = interval{0, math.MaxInt64}

// filter returns the interval in TraceQL.
func (i interval) filter() string {
	switch {
	case i == everything:
		return "{}"
	case i.hi == math.MaxInt64:
		return fmt.Sprintf("{duration >= %dns}", i.lo)
	case i.lo == 0:
		return fmt.Sprintf("{duration < %dns}", i.hi)
	}
	return fmt.Sprintf("{duration >= %dns && duration < %dns}", i.lo, i.hi)
}

// halves divides an interval between two known durations, or where spans are usual.
func (i interval) halves(durations []int64) (low, high interval, ok bool) {
	lo, _ := slices.BinarySearch(durations, i.lo)
	hi, _ := slices.BinarySearch(durations, i.hi)
	at := i.lo
	if lo < hi {
		at = durations[(lo+hi)/2]
	}
	switch {
	case at > i.lo:
	case i.hi == math.MaxInt64:
		at = 4 * max(min(i.lo, math.MaxInt64/8), int64(time.Microsecond))
	default:
		at = int64(math.Sqrt(float64(max(i.lo, 1)) * float64(i.hi)))
	}
	return interval{i.lo, at}, interval{at, i.hi}, i.lo < at && at < i.hi
}

// intervals divides all durations so that each interval has about the same number of spans.
func (r *reading) intervals() []interval {
	most := float64(r.s.client.maxAnswer)
	n := 1
	if r.bytes+r.overhead > most {
		n = int(math.Ceil(r.bytes / max(most-r.overhead, most/4)))
	}
	list := []interval{everything}
	for k := 1; k < n && len(r.durations) > 0; k++ {
		last := &list[len(list)-1]
		if at := r.durations[k*len(r.durations)/n]; last.lo < at {
			last.hi = at
			list = append(list, interval{at, math.MaxInt64})
		}
	}
	return list
}

// run makes all searches. It returns an error only if ctx has ended: what is missing is fetched.
func (r *reading) run(ctx context.Context) error {
	if r.overhead > float64(r.s.client.maxAnswer) {
		r.failed = true // too many traces in this time: each search would fail
		return nil
	}
	var work sync.WaitGroup
	slots := make(chan struct{}, searchers)
	for _, i := range r.intervals() {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			r.search(ctx, i, 0)
		})
	}
	work.Wait()
	r.s.cost.Requests += r.requests
	if ctx.Err() != nil {
		return r.s.client.ended(ctx)
	}
	return nil
}

// search makes the search for the spans in an interval, or several if it is too large for one.
// After a failure, further searches are useless: each trace would be incomplete.
func (r *reading) search(ctx context.Context, i interval, halvings int) {
	r.mu.Lock()
	r.requests++
	failed := r.failed
	r.mu.Unlock()
	if failed {
		return
	}
	params := url.Values{
		"q": {fmt.Sprintf(r.s.query, i.filter())}, "spss": {strconv.Itoa(maxSpansPerSet)},
		"start": {strconv.FormatInt(r.start.Unix(), 10)},
		"end":   {strconv.FormatInt(r.end.Unix(), 10)},
		"limit": {strconv.Itoa(r.limit)},
	}
	shown := make(map[servicegraph.TraceID]*partTrace)
	size := int64(0)
	_, _, err := r.s.client.searchTraces(ctx, params, func(f *foundTrace) error {
		if r.wanted[f.ID] == nil {
			return nil
		}
		p := f.part(r.s.client.cfg.Keep, r.s.keys)
		for i := range p.spans {
			size += sizeOf(&p.spans[i])
		}
		if size > r.s.client.cfg.MaxBytes {
			return errTooLarge
		}
		shown[f.ID] = p // in place of an earlier attempt of the same request
		return nil
	})
	if low, high, ok := i.halves(r.durations); err != nil && tooMuch(err) && ok && halvings < maxHalvings {
		r.search(ctx, low, halvings+1)
		r.search(ctx, high, halvings+1)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left -= size
	r.failed = r.failed || err != nil || r.left < 0
	for id, p := range shown {
		if old := r.parts[id]; old != nil {
			old.add(p)
		} else {
			r.parts[id] = p
		}
	}
}

// part returns the spans of a trace that the search shows.
func (f *foundTrace) part(keep func(key string) bool, keys map[string]bool) *partTrace {
	if f.shown == nil {
		return &partTrace{broken: true}
	}
	p := &partTrace{services: f.shown.ServiceStats}
	for _, set := range f.shown.SpanSets {
		p.broken = p.broken || len(set.Spans) != set.Matched
		for i := range set.Spans {
			s, ok := set.Spans[i].span(f.ID, keep, keys)
			if !ok {
				p.broken = true
				continue
			}
			p.spans = append(p.spans, s)
		}
	}
	return p
}

// add adds what another search shows of the same trace.
func (p *partTrace) add(o *partTrace) {
	p.spans = append(p.spans, o.spans...)
	p.broken = p.broken || o.broken
	if p.services == nil {
		p.services = make(map[string]serviceStats, len(o.services))
	}
	for name, stats := range o.services {
		if old := p.services[name]; stats.SpanCount > old.SpanCount {
			p.services[name] = stats
		}
	}
}

// whole returns the traces of which the searches showed all spans that Tempo has: as many of
// each service as Tempo counts, and at least as many as before. Of these, parentless have spans
// whose parents are missing.
func (r *reading) whole() (read map[servicegraph.TraceID]*Trace, parentless []*foundTrace) {
	read = make(map[servicegraph.TraceID]*Trace, len(r.parts))
	if r.failed {
		return read, nil
	}
	for id, p := range r.parts {
		if f := r.wanted[id]; p.isWhole(f.known) {
			slices.SortStableFunc(p.spans, byStart)
			t := &Trace{ID: id, Spans: p.spans}
			read[id] = t
			if t.orphans() != nil {
				parentless = append(parentless, f)
			}
		}
	}
	slices.SortFunc(parentless, func(a, b *foundTrace) int {
		return cmp.Or(newestFirst(a.TraceSummary, b.TraceSummary))
	})
	return read, parentless
}

func (p *partTrace) isWhole(known int) bool {
	if p.broken || len(p.spans) == 0 || len(p.spans) < known {
		return false
	}
	var names [8]string // of most traces, faster than a map
	counts := make([]int, 0, len(names))
	services := names[:0]
	for i := range p.spans {
		at := slices.Index(services, p.spans[i].Service)
		if at < 0 {
			at = len(services)
			services, counts = append(services, p.spans[i].Service), append(counts, 0)
		}
		counts[at]++
	}
	for service, stats := range p.services {
		if at := slices.Index(services, service); stats.SpanCount > 0 && (at < 0 || counts[at] < stats.SpanCount) {
			return false
		}
	}
	return true
}
