package tempoclient

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A search can show the spans of hundreds of traces in one answer. The files select*.go read spans
// from such answers, and decide for which traces a fetch by id would give the same spans.

const (
	// fewTraces is the number of traces up to which fetching the traces by id costs less than the
	// searches.
	fewTraces = 40

	// maxHeldSpans and maxHeldTraces are the approximate numbers of spans and traces that are read
	// from searches before the first spans are returned. So many spans take some 60 MB of memory,
	// and the summaries of so many traces take some MB of each answer.
	maxHeldSpans  = 100_000
	maxHeldTraces = 5_000
)

// A selection is the state of reading spans from searches.
type selection struct {
	client      *Client
	tags        TagQuery                      // for the attributes of all traces
	links       Query                         // for the traces with links
	query       string                        // TraceQL that shows spans, with a %s for a filter
	keys        map[string]bool               // the attributes that the query shows; true for attributes of resources
	linked      map[servicegraph.TraceID]bool // the traces with links
	all         []*foundTrace                 // the traces in the time range, including those not to be read
	limit       int                           // the highest limit that the server accepts
	cut         bool                          // whether there are older traces that are not in all
	manyErrors  bool                          // whether searches for failed spans cost more than the status of each span
	showsStatus bool                          // whether the query shows the status of each span
	build       BuildInfo                     // of the server; empty if unknown

	names    map[rootSpan]bool               // the root spans for which a trace was compared
	fetched  map[servicegraph.TraceID]*Trace // the traces of the group that were fetched to compare
	distrust map[string]bool                 // the root services for which a compared trace differed
	weighted bool                            // whether a compared trace had weights
	cost     *Cost
}

// newSelection prepares to read the spans of found traces from searches. It returns nil,
// and counts the reason, if all traces must be fetched.
func (c *Client) newSelection(ctx context.Context, q Query, all *search, found []*foundTrace, cost *Cost) (*selection, error) {
	if q.Exact || len(found) <= fewTraces {
		cost.Exact += len(found)
		return nil, nil
	}
	start, end := timeOf(found)
	if query := strings.TrimSpace(q.TraceQL); query != "" && query != "{}" {
		// A search with the user's query would miss those parts of a trace in which the query
		// matches nothing. The searches for spans therefore show all traces of the time range,
		// which costs too much if the query selects only a few of them.
		const sparse = 4
		var err error
		all, err = c.find(ctx, Query{Start: start, End: end, Late: q.Late, Limit: sparse * len(found)})
		cost.Requests += all.requests
		if err != nil || len(all.found) > sparse*len(found) {
			cost.Sparse += len(found)
			return nil, nonFatal(ctx, err)
		}
	}
	s := &selection{
		client: c, limit: min(maxLimit, all.most), all: all.traces(), cut: all.cut, cost: cost,
		linked: make(map[servicegraph.TraceID]bool), distrust: make(map[string]bool), names: make(map[rootSpan]bool),
	}
	s.manyErrors = hasManyErrors(found)
	build, requests := c.knownBuild(ctx)
	cost.Requests += requests
	s.build = build
	s.links = Query{TraceQL: `{link:spanID != ""}`, Start: start, End: end, Late: q.Late}
	s.tags = TagQuery{Start: start, End: q.reach(start, end)}
	ok, err := s.attributes(ctx)
	if err != nil || !ok {
		cost.Attributes += len(found)
		return nil, nonFatal(ctx, err)
	}
	// A search shows no links, so that the traces with links must be known before any trace is read
	// from a search.
	if err := s.findLinks(ctx); err != nil {
		cost.Linked += len(found)
		return nil, nonFatal(ctx, err)
	}
	return s, nil
}

// findLinks finds the traces with links.
func (s *selection) findLinks(ctx context.Context) error {
	linked, err := s.client.find(ctx, s.links)
	s.cost.Requests += linked.requests
	for id := range linked.found {
		s.linked[id] = true
	}
	return err
}

// nonFatal returns the error of ctx if ctx has ended, and nil for all other errors: the traces can
// then be fetched by id, without the request that failed.
func nonFatal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return nil
}

// reach returns the end of a search that shows all traces between two times.
func (q Query) reach(start, end time.Time) time.Time {
	last := searchEnd(start.Unix(), end.Unix()+1, time.Now().Unix()+1, int64(q.late()/time.Second))
	return time.Unix(min(last, start.Unix()+maxSlice), 0)
}

// timeOf returns the time range of traces.
func timeOf(traces []*foundTrace) (start, end time.Time) {
	for _, f := range traces {
		if start.IsZero() || f.Start.Before(start) {
			start = f.Start
		}
		if e := f.Start.Add(f.Duration + time.Millisecond); e.After(end) {
			end = e
		}
	}
	return start, end
}

// groups divides traces into groups that are read one after the other. All traces of a group
// are held in memory.
func groups(found []*foundTrace) [][]*foundTrace {
	var groups [][]*foundTrace
	for begin := 0; begin < len(found); {
		end, spans := begin, 0
		for end < len(found) && end-begin < maxHeldTraces && (end == begin || spans+found[end].known <= maxHeldSpans) {
			spans += found[end].known
			end++
		}
		groups = append(groups, found[begin:end])
		begin = end
	}
	return groups
}

// read returns the traces of a group for which searches show the same spans as a fetch by id. The
// traces that read fetched to compare are in s.fetched. isAll says that there is no other group.
func (s *selection) read(ctx context.Context, q Query, group []*foundTrace, isAll bool) (map[servicegraph.TraceID]*Trace, error) {
	s.fetched = make(map[servicegraph.TraceID]*Trace)
	wanted := slices.DeleteFunc(slices.Clone(group), func(f *foundTrace) bool { return s.linked[f.ID] || s.distrust[f.RootService] })
	if s.weighted || len(wanted) <= fewTraces && len(wanted) < len(group) {
		return nil, nil
	}
	sample := s.sample(wanted)
	if err := s.fetch(ctx, sample); err != nil || s.weighted {
		return nil, err
	}
	r, err := s.search(ctx, q, wanted, isAll)
	if r == nil {
		return nil, err
	}
	read, parentless := r.whole()
	differ := false // whether fetches show more of traces with missing parents
	for _, f := range sample {
		switch t := read[f.ID]; {
		case t == nil || s.isSame(t):
		case slices.Contains(parentless, f):
			differ = true
		default:
			s.distrust[f.RootService] = true
		}
	}
	for _, f := range wanted {
		if s.distrust[f.RootService] || s.linked[f.ID] {
			delete(read, f.ID)
		}
	}
	return read, s.checkParentless(ctx, read, parentless, differ)
}

// search searches for the spans of traces, and repeats the search if spans with further attributes
// have arrived meanwhile. It returns a nil reading with an error, or if such spans keep arriving.
func (s *selection) search(ctx context.Context, q Query, wanted []*foundTrace, isAll bool) (*reading, error) {
	const most = 3
	for range most {
		r := s.newReading(q, wanted, isAll)
		if err := r.run(ctx); err != nil {
			return nil, err
		}
		if failed := !s.showsStatus && !r.findErrors(ctx); failed {
			s.manyErrors = true // the next query shows the status of each span
		} else if s.tags.End.Before(time.Now().Add(-arrived)) {
			return r, nil
		}
		before := s.query
		ok, err := s.attributes(ctx)
		if err != nil || !ok {
			return nil, nonFatal(ctx, err)
		}
		if err := s.findLinks(ctx); err != nil {
			return nil, nonFatal(ctx, err)
		}
		if s.query == before {
			return r, nil
		}
	}
	return nil, nil
}

// reason counts in Cost why a trace is fetched by id.
func (s *selection) reason(f *foundTrace) {
	switch {
	case s.linked[f.ID]:
		s.cost.Linked++
	case s.weighted || s.distrust[f.RootService]:
		s.cost.Differs++
	default:
		s.cost.Incomplete++
	}
}
