package tempoclient

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A search can show the spans of its traces, hundreds of traces in one answer. This file
// gets spans in this way, and decides for which traces they are the same as those of a
// fetch by id.

const (
	// fewTraces are so few that fetching them costs less than the searches.
	fewTraces = 40

	// maxQuery is the longest query that Tempo 2.9 reads correctly: its scanner loses
	// text at the end of a buffer of 1,024 bytes.
	maxQuery = 1000

	// maxSpansPerSet is the highest number of spans that Tempo shows of one set of spans,
	// unless configured to show fewer.
	maxSpansPerSet = 100

	// maxSelected is about how many spans one search asks for: their answer has some 30
	// MB and takes Tempo some seconds.
	maxSelected = 40_000

	// maxCompared is about how many traces of each group are compared with fetches, which
	// takes Tempo some tenths of a second.
	maxCompared = 24

	// maxNames is the size from which a list of attribute names may be cut: Tempo cuts
	// lists at 1 MB without saying so.
	maxNames = 900_000
)

// A selection is the state of reading spans from searches.
type selection struct {
	client *Client
	query  string                        // TraceQL that shows all spans
	keys   map[string]bool               // the attributes that the query shows: whether they belong to resources
	linked map[servicegraph.TraceID]bool // the traces with links

	total    int             // spans of all traces in the time range, as far as Tempo counts them
	limit    int             // the highest that the server takes
	distrust map[string]bool // root services of which a trace differed
	weighted bool            // whether a compared trace had weights
	cost     *Cost
}

// newSelection prepares to read the spans of found traces from searches. It returns nil,
// and counts the reason, if all traces must be fetched.
func (c *Client) newSelection(ctx context.Context, q Query, all *search, found []*foundTrace, cost *Cost) (*selection, error) {
	if q.Exact || len(found) <= fewTraces {
		cost.Exact += len(found)
		return nil, nil
	}
	if query := strings.TrimSpace(q.TraceQL); query != "" && query != "{}" {
		// A search for the spans of some traces would miss the parts of them in which the
		// query matches nothing, so the search shows the spans of all traces.
		everything := q
		everything.TraceQL, everything.Limit = "", 0
		var err error
		all, err = c.find(ctx, everything)
		cost.Requests += all.requests
		if err != nil || len(all.found) > 4*len(found) {
			cost.Sparse += len(found)
			return nil, nonFatal(ctx, err)
		}
	}
	s := &selection{
		client: c, limit: min(maxLimit, all.most), cost: cost,
		linked: make(map[servicegraph.TraceID]bool), distrust: make(map[string]bool),
	}
	for _, f := range all.found {
		s.total += f.known
	}
	start, end := timeOf(found)
	query, ok, err := s.attributes(ctx, TagQuery{Start: start, End: q.reach(start, end)})
	if err != nil || !ok {
		cost.Attributes += len(found)
		return nil, nonFatal(ctx, err)
	}
	s.query = query
	// Without knowing which traces have links, none can be read from searches.
	links := Query{TraceQL: `{link:spanID != ""}`, Start: start, End: end, Late: q.Late}
	linked, err := c.find(ctx, links)
	cost.Requests += linked.requests
	if err != nil {
		cost.Linked += len(found)
		return nil, nonFatal(ctx, err)
	}
	for id := range linked.found {
		s.linked[id] = true
	}
	return s, nil
}

// nonFatal returns the error of the context, if it has ended. Fetching by id needs none of
// the requests that can fail here.
func nonFatal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return nil
}

// attributes finds out which attributes the traces have, and returns the query for those
// to keep. ok is false if no query can show them.
func (s *selection) attributes(ctx context.Context, q TagQuery) (query string, ok bool, err error) {
	tags, err := s.client.Tags(ctx, q)
	s.cost.Requests++
	if err != nil {
		return "", false, err
	}
	s.keys = make(map[string]bool)
	size := 0
	query = "{} | by(span:id) | select(span:parentID, name, kind, status, resource.service.name, resource.service.namespace"
	for _, scope := range tags.Scopes {
		if scope.Name != "span" && scope.Name != "resource" {
			continue
		}
		for _, key := range scope.Tags {
			size += len(key)
			isName := key == "service.name" || key == "service.namespace"
			if isName && scope.Name == "resource" || !s.client.cfg.Keep(key) {
				continue
			}
			// The answer names attributes without their scopes.
			if _, twice := s.keys[key]; twice || isName || isIntrinsic(key) || !isPlain(key) {
				return "", false, nil
			}
			s.keys[key] = scope.Name == "resource"
			query += ", " + scope.Name + "." + key
		}
	}
	for _, at := range dedicated {
		if _, known := s.keys[at.key]; !known && s.client.cfg.Keep(at.key) {
			s.keys[at.key] = at.scope == "resource"
			query += ", " + at.scope + "." + at.key
		}
	}
	if s.client.cfg.Keep(scopeKey) {
		query += ", " + scopeIntrinsic
	}
	query += ")"
	return query, len(query) <= maxQuery && size < maxNames, nil
}

// dedicated are the attributes that Tempo 3 stores in columns of their own, unless configured
// otherwise, and does not list among the tags of recent traces (tempodb/backend/block_meta.go of
// v3.0.3). Those that no span has cost a query little.
var dedicated = []struct{ scope, key string }{
	{"resource", "k8s.cluster.name"}, {"resource", "k8s.namespace.name"}, {"resource", "k8s.pod.name"}, {"resource", "k8s.container.name"},
	{"span", "http.request.method"}, {"span", "http.response.status_code"}, {"span", "url.path"}, {"span", "url.route"},
	{"span", "server.address"}, {"span", "server.port"},
	{"span", "http.method"}, {"span", "http.url"}, {"span", "http.route"}, {"span", "http.status_code"},
}

// absent is the text that Tempo 3 shows for an attribute in a column of its own that a span does
// not have. A value that is this text is lost, which names nothing in a graph either.
const absent = "nil"

func isDedicated(key string) bool {
	for _, at := range dedicated {
		if at.key == key {
			return true
		}
	}
	return false
}

// A fetch gives the name of the instrumentation scope as the attribute scopeKey of each span, a
// search as the intrinsic.
const (
	scopeKey       = "otel.scope.name"
	scopeIntrinsic = "instrumentation:name"
)

// isIntrinsic reports whether a key looks like the name of an intrinsic in an answer.
func isIntrinsic(key string) bool {
	return strings.Contains(key, ":") || key == "kind" || key == "status" || key == "name" || key == "parentID"
}

// isPlain reports whether a key needs no quotes in TraceQL.
func isPlain(key string) bool {
	return key != "" && strings.IndexFunc(key, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-')
	}) < 0 && !strings.HasPrefix(key, ".") && !strings.HasSuffix(key, ".")
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

// groups divides traces into groups whose spans fit one search.
func (s *selection) groups(found []*foundTrace) [][]*foundTrace {
	if s.total <= maxSelected {
		return [][]*foundTrace{found}
	}
	var groups [][]*foundTrace
	for begin := 0; begin < len(found); {
		end, spans := begin, 0
		for end < len(found) && (end == begin || spans+found[end].known <= maxSelected) {
			spans += found[end].known
			end++
		}
		groups = append(groups, found[begin:end])
		begin = end
	}
	return groups
}

// read returns the traces of a group whose spans a search shows completely.
func (s *selection) read(ctx context.Context, q Query, group []*foundTrace) (map[servicegraph.TraceID]*Trace, error) {
	wanted := make(map[servicegraph.TraceID]*foundTrace, len(group))
	for _, f := range group {
		if !s.linked[f.ID] {
			wanted[f.ID] = f
		}
	}
	start, end := timeOf(group)
	read := make(map[servicegraph.TraceID]*Trace)
	params := url.Values{
		"q": {s.query}, "spss": {strconv.Itoa(maxSpansPerSet)},
		"start": {strconv.FormatInt(start.Unix(), 10)},
		"end":   {strconv.FormatInt(q.reach(start, end).Unix(), 10)},
		"limit": {strconv.Itoa(s.limit)},
	}
	s.cost.Requests++
	left := s.client.cfg.MaxBytes
	_, _, err := s.client.searchTraces(ctx, params, func(f *foundTrace) error {
		if w := wanted[f.ID]; w != nil {
			if spans, whole := f.spans(s.client.cfg.Keep, s.keys, w.known); whole {
				for i := range spans {
					left -= sizeOf(&spans[i])
				}
				read[f.ID] = &Trace{ID: f.ID, Spans: spans}
			}
		}
		if left < 0 {
			return errTooLarge
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		return read, nil // what could not be read is fetched
	}
	return read, err
}

// compare fetches some traces of each root service that were read from a search. If the
// spans of one differ, the traces of this service are fetched. If one has weights, which a
// search does not show, all traces are fetched: other traces may have weights as well.
func (s *selection) compare(ctx context.Context, group []*foundTrace, read map[servicegraph.TraceID]*Trace) error {
	var (
		mu    sync.Mutex
		work  sync.WaitGroup
		slots = make(chan struct{}, fetchers)
	)
	for _, f := range samples(group, read) {
		if ctx.Err() != nil {
			break
		}
		t := read[f.ID]
		s.cost.Requests++
		s.cost.Compared++
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			fetched, err := s.client.fetch(ctx, f.ID)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || !sameSpans(t.Spans, fetched.Spans) {
				s.distrust[f.RootService] = true
			}
			s.weighted = s.weighted || err == nil && isWeighted(fetched.Spans)
		})
	}
	work.Wait()
	if ctx.Err() != nil {
		return s.client.ended(ctx)
	}
	for _, f := range group {
		if s.weighted || s.distrust[f.RootService] {
			delete(read, f.ID)
		}
	}
	return nil
}

// samples returns the traces to compare: one of each root span's name, and further ones of
// each root service, from all of the time range.
func samples(group []*foundTrace, read map[servicegraph.TraceID]*Trace) []*foundTrace {
	type root struct{ service, name string }
	services := make(map[string][]*foundTrace)
	names := make(map[root]bool)
	var some []*foundTrace
	most := min(maxCompared, 2+len(read)/20)
	for _, f := range group {
		if read[f.ID] == nil {
			continue
		}
		services[f.RootService] = append(services[f.RootService], f)
		if r := (root{f.RootService, f.RootName}); !names[r] && len(some) < most {
			names[r] = true
			some = append(some, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		traces := services[name]
		n := min(max(2, most/len(services)), len(traces))
		for i := range n {
			// A hash chooses, because a sampler may keep every second trace.
			part := traces[i*len(traces)/n : (i+1)*len(traces)/n]
			some = append(some, slices.MinFunc(part, func(a, b *foundTrace) int { return cmp.Compare(hash(a.ID), hash(b.ID)) }))
		}
	}
	slices.SortFunc(some, func(a, b *foundTrace) int { return newestFirst(a.TraceSummary, b.TraceSummary) })
	return slices.Compact(some)
}

// hash mixes the bits of an id: the upper bits of a product depend on all lower ones.
func hash(id servicegraph.TraceID) uint64 {
	const factor = 0x9e3779b97f4a7c15
	h := (binary.BigEndian.Uint64(id[:8]) ^ binary.BigEndian.Uint64(id[8:])) * factor
	return (h ^ h>>32) * factor
}

// isWeighted reports whether a span stands for more or less than one span.
func isWeighted(spans []servicegraph.Span) bool {
	return slices.ContainsFunc(spans, func(s servicegraph.Span) bool { return s.Weight != 0 && s.Weight != 1 })
}

// sameSpans reports whether two lists have the same spans, whatever the order of their
// attributes.
func sameSpans(a, b []servicegraph.Span) bool {
	return slices.EqualFunc(a, b, func(a, b servicegraph.Span) bool {
		a.Attrs, a.Resource = inOrder(a.Attrs), inOrder(a.Resource)
		b.Attrs, b.Resource = inOrder(b.Attrs), inOrder(b.Resource)
		return len(a.Links) == len(b.Links) && reflect.DeepEqual(a, b)
	})
}

// inOrder returns attributes ordered by key, and nil for none.
func inOrder(attrs []servicegraph.Attr) []servicegraph.Attr {
	if len(attrs) == 0 {
		return nil
	}
	attrs = slices.Clone(attrs)
	slices.SortStableFunc(attrs, func(a, b servicegraph.Attr) int { return strings.Compare(a.Key, b.Key) })
	return attrs
}

// reason counts why a trace is fetched.
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

// shownSpan is a span in the answer to a search. What the query selects and what is not
// among the fields is an attribute, with its name without the scope.
type shownSpan struct {
	SpanID            string      `json:"spanID"`
	Name              string      `json:"name"`
	StartTimeUnixNano json.Number `json:"startTimeUnixNano"`
	DurationNanos     json.Number `json:"durationNanos"`
	Attributes        []keyValue  `json:"attributes"`
}

// spans returns the spans of a trace that the search shows, and whether they are all
// that Tempo has: as many of each service as Tempo counts, at least as many as before,
// and with all their parents.
func (f *foundTrace) spans(keep func(key string) bool, keys map[string]bool, known int) (spans []servicegraph.Span, whole bool) {
	shown := f.shown
	if shown == nil {
		return nil, false
	}
	services := make(map[string]int)
	for _, set := range shown.SpanSets {
		if len(set.Spans) != set.Matched {
			return nil, false
		}
		for i := range set.Spans {
			s, ok := set.Spans[i].span(f.ID, keep, keys)
			if !ok {
				return nil, false
			}
			spans = append(spans, s)
			services[s.Service]++
		}
	}
	for service, stats := range shown.ServiceStats {
		if services[service] < stats.SpanCount {
			return nil, false
		}
	}
	if len(spans) == 0 || len(spans) < known || (&Trace{Spans: spans}).orphans() != nil {
		return nil, false
	}
	slices.SortStableFunc(spans, byStart)
	return spans, true
}

func (f *shownSpan) span(trace servicegraph.TraceID, keep func(key string) bool, keys map[string]bool) (s servicegraph.Span, ok bool) {
	id, err1 := servicegraph.ParseSpanID(f.SpanID)
	start, err2 := number(f.StartTimeUnixNano)
	duration, err3 := number(f.DurationNanos) // no int64 if the end is missing
	if err1 != nil || err2 != nil || err3 != nil || start < 0 || duration < 0 || start > math.MaxInt64-duration {
		return s, false
	}
	s = servicegraph.Span{TraceID: trace, SpanID: id, Name: f.Name, Start: start, End: start + duration}
	var hasKind, hasStatus bool
	scope := ""
	for _, kv := range f.Attributes {
		value, scalar := kv.text()
		switch kv.Key {
		case "parentID", "span:parentID":
			parent, err := servicegraph.ParseSpanID(value)
			if err != nil {
				return s, false
			}
			s.ParentID = parent
		case "kind":
			s.Kind, hasKind = parseKind(value)
		case "status":
			s.Status, hasStatus = servicegraph.ParseStatus(value)
		case "service.name":
			s.Service = value
		case "service.namespace":
			s.Namespace = value
		case scopeIntrinsic:
			scope = value
		default:
			resource, known := keys[kv.Key]
			switch a := (servicegraph.Attr{Key: kv.Key, Value: value}); {
			case !known || !scalar || !keep(kv.Key):
			case value == absent && isDedicated(kv.Key):
			case resource:
				s.Resource = append(s.Resource, a)
			default:
				s.Attrs = append(s.Attrs, a)
			}
		}
	}
	if !hasKind || !hasStatus {
		return s, false
	}
	if scope != "" && keep(scopeKey) && !slices.ContainsFunc(s.Attrs, func(a servicegraph.Attr) bool { return a.Key == scopeKey }) {
		s.Attrs = append(s.Attrs, servicegraph.Attr{Key: scopeKey, Value: scope})
	}
	s.Attrs, s.Resource = inOrder(s.Attrs), inOrder(s.Resource)
	return s, true
}

// unspecified is TraceQL's name of KindUnset. All other names of kinds and statuses in TraceQL
// are those of package servicegraph.
const unspecified = "unspecified"

// parseKind returns the kind with a name in TraceQL.
func parseKind(name string) (kind servicegraph.Kind, ok bool) {
	if name == unspecified {
		return servicegraph.KindUnset, true
	}
	kind, ok = servicegraph.ParseKind(name)
	return kind, ok && kind != servicegraph.KindUnset
}
