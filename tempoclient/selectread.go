package tempoclient

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

const (
	// maxAnswer is about how large an answer with spans may be, in bytes of JSON. The components of
	// Tempo exchange messages of at most 16 MB, unless configured otherwise, and an answer of
	// maxAnswer bytes takes Tempo some seconds.
	maxAnswer = 12 << 20

	// searchers is how many searches for spans run at the same time. Tempo finishes each
	// search on one core.
	searchers = 2

	// maxHalvings is how often the client halves a search whose answer was too large.
	maxHalvings = 8

	// maxGivenUp is how many searches may still be too large after maxHalvings. With more of them,
	// the client makes no further searches.
	maxGivenUp = 3
)

// A reading reads the spans of a group of traces, either from one search or from one search for
// each share.
type reading struct {
	s          *selection
	wanted     map[servicegraph.TraceID]*foundTrace
	start, end time.Time
	limit      int
	newest     bool    // whether the searches ask for the newest traces
	bytes      float64 // estimate of an answer with all traces

	mu       sync.Mutex
	requests int
	left     int64 // bytes of memory
	givenUp  int   // shares that are too large
	failed   bool  // further searches are useless
	shown    map[servicegraph.TraceID]*shownTrace
}

// A shownTrace is what a search has shown of a trace.
type shownTrace struct {
	spans    []servicegraph.Span
	services map[string]serviceStats
	broken   bool // whether spans were left out or could not be read
}

func (s *selection) newReading(q Query, wanted []*foundTrace, isAll bool) *reading {
	r := &reading{
		s: s, wanted: make(map[servicegraph.TraceID]*foundTrace, len(wanted)),
		shown: make(map[servicegraph.TraceID]*shownTrace, len(wanted)), left: s.client.cfg.MaxBytes,
	}
	for _, f := range wanted {
		r.wanted[f.ID] = f
	}
	r.start, r.end = timeOf(wanted)
	if isAll {
		r.end = q.reach(r.start, r.end)
	} else {
		// The search misses traces that arrived late, and the client fetches them by id. A later
		// end would make the search of each group show the traces of all later groups again.
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
		}
	}
	each := float64(1000)
	if spans > 0 {
		each = float64(size) / float64(spans)
	}
	var shown []*foundTrace
	newer := 0 // traces that are not older than the wanted ones
	for _, f := range s.all {
		if !f.Start.After(r.end) && !f.Start.Add(f.Duration+time.Millisecond).Before(r.start) {
			shown = append(shown, f)
			if !f.Start.Before(r.start) {
				newer++
			}
		}
	}
	// Tempo allocates memory for as many traces as the limit, for each of its blocks.
	r.limit = min(s.limit, 2*len(shown)+1000)
	if some := newer + newer/4 + 100; (s.cut || len(shown)-newer > newer/4) && some <= min(maxNewest, s.limit) && s.build.findsNewest() {
		// The range begins with a whole second, in which older traces may have begun as well.
		r.newest, r.limit = true, some
		shown = slices.DeleteFunc(shown, func(f *foundTrace) bool { return f.Start.Before(r.start) })
	}
	for _, f := range shown {
		r.bytes += perTrace + each*float64(f.known+1)
	}
	return r
}

// run makes all searches. It returns an error only if ctx has ended: traces that a failed search
// did not show are fetched by id.
func (r *reading) run(ctx context.Context) error {
	var work sync.WaitGroup
	slots := make(chan struct{}, searchers)
	for _, part := range shares(float64(r.s.client.maxAnswer) / r.bytes) {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			r.search(ctx, part, 0)
		})
	}
	work.Wait()
	r.s.cost.Requests += r.requests
	if ctx.Err() != nil {
		return r.s.client.ended(ctx)
	}
	return nil
}

// search searches for the spans of a share, and divides the share if the answer is too large. If
// the answer is too large even after maxHalvings, for example because of one very large trace, the
// traces of that part are missing from the reading.
func (r *reading) search(ctx context.Context, part share, halvings int) {
	r.mu.Lock()
	r.requests++
	failed := r.failed
	r.mu.Unlock()
	if failed {
		return
	}
	shown := make(map[servicegraph.TraceID]*shownTrace)
	size := int64(0)
	_, _, err := r.s.client.searchTraces(ctx, r.params(fmt.Sprintf(r.s.query, part.filter())), func(f *foundTrace) error {
		if r.wanted[f.ID] == nil {
			return nil
		}
		p := f.spans(r.s)
		for i := range p.spans {
			size += sizeOf(&p.spans[i])
		}
		if size > r.s.client.cfg.MaxBytes {
			return errTooLarge
		}
		shown[f.ID] = p // in place of an earlier attempt of the same request
		return nil
	})
	if err != nil && tooMuch(err) && halvings < maxHalvings {
		low, high := part.halves()
		r.search(ctx, low, halvings+1)
		r.search(ctx, high, halvings+1)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && tooMuch(err) && r.givenUp < maxGivenUp {
		r.givenUp++
		return
	}
	r.left -= size
	r.failed = r.failed || err != nil || r.left < 0
	if !r.failed {
		maps.Copy(r.shown, shown)
	}
}

// params returns the parameters of a search that shows spans.
func (r *reading) params(query string) url.Values {
	if r.newest {
		query += mostRecent
	}
	return url.Values{
		"q": {query}, "spss": {strconv.Itoa(maxSpansPerSet)},
		"start": {strconv.FormatInt(r.start.Unix(), 10)},
		"end":   {strconv.FormatInt(r.end.Unix(), 10)},
		"limit": {strconv.Itoa(r.limit)},
	}
}

// spans returns those spans of a trace that the search shows.
func (f *foundTrace) spans(from *selection) *shownTrace {
	if f.shown == nil {
		return &shownTrace{broken: true}
	}
	p := &shownTrace{services: f.shown.ServiceStats}
	for _, set := range f.shown.SpanSets {
		p.broken = p.broken || len(set.Spans) != set.Matched
		for i := range set.Spans {
			s, ok := set.Spans[i].span(f.ID, from)
			if !ok {
				p.broken = true
				continue
			}
			p.spans = append(p.spans, s)
		}
	}
	return p
}

// whole returns the traces for which the searches showed all spans that Tempo has: for each
// service, at least as many spans and failed spans as Tempo counts, and in total at least as many
// as the first search counted. parentless are those of these traces in which parents of spans are
// missing.
func (r *reading) whole() (read map[servicegraph.TraceID]*Trace, parentless []*foundTrace) {
	read = make(map[servicegraph.TraceID]*Trace, len(r.shown))
	for id, p := range r.shown {
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

func (p *shownTrace) isWhole(known int) bool {
	if p.broken || len(p.spans) == 0 || len(p.spans) < known {
		return false
	}
	var names [8]string // the services of a trace: a short list is faster than a map
	counts, failed := make([]int, 0, len(names)), make([]int, 0, len(names))
	services := names[:0]
	for i := range p.spans {
		at := slices.Index(services, p.spans[i].Service)
		if at < 0 {
			at = len(services)
			services, counts, failed = append(services, p.spans[i].Service), append(counts, 0), append(failed, 0)
		}
		counts[at]++
		if p.spans[i].Status == servicegraph.StatusError {
			failed[at]++
		}
	}
	for service, stats := range p.services {
		if at := slices.Index(services, service); stats.SpanCount > 0 && (at < 0 || counts[at] < stats.SpanCount || failed[at] < stats.ErrorCount) {
			return false
		}
	}
	return true
}
