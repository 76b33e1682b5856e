package tempoclient

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// A counter counts requests by the first three elements of their paths.
type counter struct {
	mu    sync.Mutex
	paths map[string]int
	next  http.RoundTripper // nil for http.DefaultTransport
}

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.paths[strings.Join(strings.SplitN(req.URL.Path, "/", 5)[:3], "/")]++
	c.mu.Unlock()
	if c.next != nil {
		return c.next.RoundTrip(req)
	}
	return http.DefaultTransport.RoundTrip(req)
}

// A spanTempo answers searches, requests for tags and requests for traces like Tempo, from
// a list of spans. Its search shows all spans of each trace.
type spanTempo struct {
	mu        sync.Mutex
	traces    map[servicegraph.TraceID][]servicegraph.Span
	state     map[servicegraph.TraceID]string            // tracestate, which only a fetch shows
	hide      map[servicegraph.SpanID]bool               // spans that a search for spans does not show
	hideError map[servicegraph.SpanID]bool               // failed spans that a search for failed spans does not show
	other     map[servicegraph.TraceID]bool              // traces for which a fetch shows another span name than a search
	late      map[servicegraph.TraceID]servicegraph.Span // spans that only a fetch shows
	arrive    func(*spanTempo)                           // called before the answer of each search for spans; may be nil
	fail      string                                     // searches whose query begins with this text fail
	most      int                                        // an answer with more spans is too large for Tempo's components; 0 for none
	asked     []string                                   // the kinds of the requests so far
	shown     int                                        // number of traces in all answers with spans
}

func (f *spanTempo) RoundTrip(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := httptest.NewRecorder()
	q := req.FormValue("q")
	switch path := req.URL.Path; {
	case path == pathBuildInfo:
		fmt.Fprint(w, `{"version":"2.9.0"}`)
	case path == pathSearch && f.fail != "" && strings.HasPrefix(q, f.fail):
		http.Error(w, "refused", http.StatusBadRequest)
	case path == pathSearch:
		kind := kindOfSearch(q)
		if kind == "select" && f.arrive != nil {
			f.arrive(f)
		}
		f.asked = append(f.asked, kind)
		f.search(w, req, kind)
	case path == "/api/v2/search/tags":
		f.asked = append(f.asked, "tags")
		scopes := f.keys()
		var t Tags
		for name, tags := range scopes {
			t.Scopes = append(t.Scopes, TagScope{name, slices.Collect(maps.Keys(tags))})
		}
		json.NewEncoder(w).Encode(map[string]any{"scopes": t.Scopes})
	default:
		f.asked = append(f.asked, "fetch")
		trace, _ := servicegraph.ParseTraceID(path[strings.LastIndexByte(path, '/')+1:])
		spans := f.traces[trace]
		if late, ok := f.late[trace]; ok {
			spans = append(slices.Clone(spans), late)
		}
		otlp := otlpOf(spans)
		for _, rs := range otlp.ResourceSpans {
			rs.ScopeSpans[0].Spans[0].TraceState = f.state[trace]
			if f.other[trace] {
				rs.ScopeSpans[0].Spans[0].Name += " fetched"
			}
		}
		w.Header().Set("Content-Type", mediaProtobuf)
		w.Write((&traceByID{trace: &tracepb.TracesData{ResourceSpans: otlp.ResourceSpans}}).bytes())
	}
	return w.Result(), nil
}

// kindOfSearch returns which kind of search of the client a query is.
func kindOfSearch(q string) string {
	switch {
	case strings.Contains(q, scopeIntrinsic+" != "):
		return "scopes"
	case strings.Contains(q, "status = ok"):
		return "ok"
	case strings.Contains(q, "status = error"):
		return "errors"
	case strings.Contains(q, "link:"):
		return "links"
	case strings.Contains(q, "select("):
		return "select"
	}
	return "search"
}

// keys returns the keys of the attributes of all spans, by scope.
func (f *spanTempo) keys() map[string]map[string]bool {
	scopes := map[string]map[string]bool{"span": {}, "resource": {"service.name": true}}
	for _, spans := range f.traces {
		for _, s := range spans {
			if s.Namespace != "" {
				scopes["resource"]["service.namespace"] = true
			}
			for _, a := range s.Attrs {
				if a.Key != scopeKey && a.Key != messageKey {
					scopes["span"][a.Key] = true
				}
			}
			for _, a := range s.Resource {
				scopes["resource"][a.Key] = true
			}
		}
	}
	return scopes
}

func (f *spanTempo) search(w http.ResponseWriter, req *http.Request, kind string) {
	var traces []any
	spans := 0
	q := req.FormValue("q")
	most, _ := strconv.Atoi(req.FormValue("limit"))
	order := slices.Collect(maps.Keys(f.traces))
	if strings.HasSuffix(q, mostRecent) {
		slices.SortFunc(order, func(a, b servicegraph.TraceID) int { return cmp.Compare(f.traces[b][0].Start, f.traces[a][0].Start) })
	}
	for _, trace := range order {
		list := f.traces[trace]
		if most > 0 && len(traces) == most {
			break
		}
		if !holdsKind(list, kind) || strings.Contains(q, "resource.service.name=") && !strings.Contains(q, list[0].Service) || !selects(q, trace) {
			continue
		}
		var sets []any
		for _, s := range list {
			if !f.shows(s, kind) {
				continue
			}
			if spans++; kind == "select" && f.most > 0 && spans > f.most {
				http.Error(w, "rpc error: code = ResourceExhausted desc = grpc: received message after decompression larger than max 16777216", http.StatusInternalServerError)
				return
			}
			sets = append(sets, map[string]any{"matched": 1, "spans": []foundSpan{foundBy(q, s)}})
		}
		if (kind == "errors" || kind == "ok") && len(sets) == 0 {
			continue
		}
		start, end, stats := statsOf(list)
		traces = append(traces, map[string]any{
			"traceID": strings.TrimLeft(trace.String(), "0"), "rootServiceName": list[0].Service, "rootTraceName": list[0].Name,
			"startTimeUnixNano": strconv.FormatInt(start, 10), "durationMs": (end - start) / 1e6,
			"spanSets": sets, "serviceStats": stats,
		})
	}
	if kind == "select" {
		f.shown += len(traces)
	}
	json.NewEncoder(w).Encode(map[string]any{"traces": traces})
}

// holdsKind reports whether a search for links or for scopes finds a trace with these spans. Other
// searches do not depend on them.
func holdsKind(spans []servicegraph.Span, kind string) bool {
	switch kind {
	case "links":
		return slices.ContainsFunc(spans, func(s servicegraph.Span) bool { return len(s.Links) > 0 })
	case "scopes":
		return slices.ContainsFunc(spans, func(s servicegraph.Span) bool {
			return slices.ContainsFunc(s.Attrs, func(a servicegraph.Attr) bool { return a.Key == scopeKey })
		})
	}
	return true
}

// shows reports whether a search shows a span.
func (f *spanTempo) shows(s servicegraph.Span, kind string) bool {
	switch kind {
	case "errors":
		return s.Status == servicegraph.StatusError && !f.hideError[s.SpanID]
	case "ok":
		return s.Status == servicegraph.StatusOK
	case "select":
		return !f.hide[s.SpanID]
	}
	return true
}

// statsOf returns the times and the statistics of a trace.
func statsOf(spans []servicegraph.Span) (start, end int64, stats map[string]map[string]int) {
	start, end, stats = spans[0].Start, spans[0].End, make(map[string]map[string]int)
	for _, s := range spans {
		start, end = min(start, s.Start), max(end, s.End)
		if stats[s.Service] == nil {
			stats[s.Service] = make(map[string]int)
		}
		stats[s.Service]["spanCount"]++
		if s.Status == servicegraph.StatusError {
			stats[s.Service]["errorCount"]++
		}
	}
	return start, end, stats
}

// A foundSpan is a span in the answer to a search.
type foundSpan struct {
	SpanID            string           `json:"spanID"`
	Name              string           `json:"name"`
	StartTimeUnixNano string           `json:"startTimeUnixNano"`
	DurationNanos     string           `json:"durationNanos"`
	Attributes        []foundAttribute `json:"attributes"`
}

type foundAttribute struct {
	Key   string            `json:"key"`
	Value map[string]string `json:"value"`
}

// foundBy returns a span with the attributes that a query selects.
func foundBy(query string, s servicegraph.Span) foundSpan {
	v := foundSpan{SpanID: s.SpanID.String(), Name: s.Name, StartTimeUnixNano: strconv.FormatInt(s.Start, 10), DurationNanos: strconv.FormatInt(s.End-s.Start, 10)}
	add := func(key, value string) {
		v.Attributes = append(v.Attributes, foundAttribute{key, map[string]string{"stringValue": value}})
	}
	add("span:parentID", s.ParentID.String())
	add("kind", kindText(s.Kind))
	add("service.name", s.Service)
	if strings.Contains(query, ", status,") || strings.Contains(query, ", status)") {
		add("status", s.Status.String())
	}
	if s.Namespace != "" && strings.Contains(query, "resource.service.namespace") {
		add("service.namespace", s.Namespace)
	}
	for _, a := range slices.Concat(s.Attrs, s.Resource) {
		switch {
		case a.Key == messageKey:
			if strings.Contains(query, messageIntrinsic) {
				add(messageIntrinsic, a.Value)
			}
		case a.Key == scopeKey && strings.Contains(query, scopeIntrinsic):
			add(scopeIntrinsic, a.Value)
		case a.Key != scopeKey && strings.Contains(query, "."+a.Key):
			add(a.Key, a.Value)
		}
	}
	return v
}

// selects reports whether a search shows the spans of a trace.
func selects(q string, trace servicegraph.TraceID) bool {
	_, rest, ok := strings.Cut(q, `trace:id =~ "`)
	if !ok {
		return true
	}
	pattern, _, _ := strings.Cut(rest, `"`)
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(strings.TrimLeft(trace.String(), "0"))
}

// TestSpansFromSeveralSearches has more spans than Tempo can show in one answer.
func TestSpansFromSeveralSearches(t *testing.T) {
	const n = 300
	start := time.Now().Add(-10 * time.Minute).UnixNano()
	for name, test := range map[string]struct {
		large     int // number of spans of one of the traces
		most      int // largest number of spans in one answer
		maxAnswer int64
		want      Cost // without Requests and Compared
		searches  int  // largest number of searches for spans
	}{
		"one search":             {0, 0, maxAnswer, Cost{Selected: n}, 1},
		"several searches":       {0, 400, 400_000, Cost{Selected: n}, 6},
		"few traces in each":     {0, 100, 100_000, Cost{Selected: n}, 16},
		"less than expected":     {0, 150, maxAnswer, Cost{Selected: n}, 20},
		"few spans in each":      {0, 8, maxAnswer, Cost{Selected: n}, 200},
		"less than one trace":    {0, 1, maxAnswer, Cost{ByID: n, Incomplete: n}, 20},
		"one trace is too large": {200, 150, maxAnswer, Cost{Selected: n - 1, ByID: 1, Incomplete: 1}, 25},
	} {
		f := &spanTempo{traces: make(map[servicegraph.TraceID][]servicegraph.Span), most: test.most}
		for i := range int64(n) {
			trace := traceNumber(int(i))
			trace[0] = 1 // without leading zeros, so that the id has all its digits
			f.traces[trace] = []servicegraph.Span{
				{TraceID: trace, SpanID: sid(1), Service: "web", Name: "GET", Kind: servicegraph.KindServer, Start: start + ms(i), End: start + ms(i+5)},
				{TraceID: trace, SpanID: sid(2), ParentID: sid(1), Service: "cart", Name: "POST", Kind: servicegraph.KindServer, Start: start + ms(i), End: start + ms(i+4)},
			}
			for k := 2; i == n/2 && k < test.large; k++ {
				another := f.traces[trace][1]
				another.SpanID = sid(byte(k + 1))
				f.traces[trace] = append(f.traces[trace], another)
			}
		}
		c := newClient(t, "http://tempo", Config{Transport: f})
		c.maxAnswer = test.maxAnswer
		var cost Cost
		read := func(exact bool) []servicegraph.Span {
			return ordered(collect(t, c.Spans(t.Context(), Query{Exact: exact, Progress: func(p Progress) { cost = p.Cost }})))
		}
		want := read(true)
		f.asked = nil
		if diff := gocmp.Diff(want, read(false)); diff != "" {
			t.Errorf("%s (-fetched +got):\n%s", name, diff)
		}
		searches := 0
		for _, kind := range f.asked {
			if kind == "select" {
				searches++
			}
		}
		t.Logf("%s: %d searches for spans", name, searches)
		cost.Requests, cost.Compared = 0, 0
		if cost != test.want || searches > test.searches {
			t.Errorf("%s: %+v, %d searches for spans; want %+v, at most %d", name, cost, searches, test.want, test.searches)
		}
	}
}

// TestNewestSpansFromSearches: a query for the newest traces shows no older traces, even if those
// began in the same second.
func TestNewestSpansFromSearches(t *testing.T) {
	const n, limit = 2000, 300
	f := &spanTempo{traces: make(map[servicegraph.TraceID][]servicegraph.Span)}
	start := time.Now().Add(-10 * time.Minute).Truncate(time.Second).UnixNano()
	for i := range n {
		id := traceNumber(i)
		at := start + int64(i)*1e5
		f.traces[id] = []servicegraph.Span{{TraceID: id, SpanID: sid(1), Service: "web", Name: "GET", Kind: servicegraph.KindServer, Start: at, End: at + ms(5)}}
	}
	c := newClient(t, "http://tempo", Config{Transport: f})
	var cost Cost
	spans := 0
	for s, err := range c.Spans(t.Context(), Query{Limit: limit, Progress: func(p Progress) { cost = p.Cost }}) {
		if err == nil && s.Start >= start+(n-limit)*1e5 {
			spans++
		}
	}
	if spans != limit || cost.Selected != limit || cost.ByID != 0 {
		t.Errorf("%d of the newest %d spans: %+v", spans, limit, cost)
	}
	if f.shown > 2*limit {
		t.Errorf("Tempo shows the spans of %d traces for the newest %d", f.shown, limit)
	}
}

// TestSpansFromSearches checks the reasons for which Spans fetches traces by id, and that the spans
// are always the same as those of a fetch.
func TestSpansFromSearches(t *testing.T) {
	const n = 100
	start := time.Now().Add(-10 * time.Minute).UnixNano()
	for name, test := range map[string]struct {
		change func(f *spanTempo)
		query  Query
		keep   func(string) bool
		want   Cost // without Requests and Compared
	}{
		"all":     {nil, Query{}, nil, Cost{Selected: n}},
		"exact":   {nil, Query{Exact: true}, nil, Cost{ByID: n, Exact: n}},
		"few":     {nil, Query{Limit: 7}, nil, Cost{ByID: 7, Exact: 7}},
		"limited": {nil, Query{Limit: 60}, nil, Cost{Selected: 60}},
		"with links": {func(f *spanTempo) {
			f.traces[id(3)][1].Links = []servicegraph.Link{{TraceID: id(9), SpanID: sid(1)}}
		}, Query{}, nil, Cost{Selected: n - 1, ByID: 1, Linked: 1}},
		"with weights": {func(f *spanTempo) {
			for trace := range f.traces {
				f.state[trace] = "ot=th:c"
			}
		}, Query{}, nil, Cost{ByID: n, Differs: n}},
		"with weights of every second trace": {func(f *spanTempo) {
			for trace := range f.traces {
				if trace[0]%2 == 0 {
					f.state[trace] = "ot=th:c"
				}
			}
		}, Query{}, nil, Cost{ByID: n, Differs: n}},
		"with weights of one name": {func(f *spanTempo) {
			f.traces[id(40)][0].Name, f.state[id(40)] = "rare", "ot=th:c"
		}, Query{}, nil, Cost{ByID: n, Differs: n}},
		"with differences in one service": {func(f *spanTempo) {
			for trace, spans := range f.traces {
				if trace[0]%2 == 0 {
					spans[0].Service, f.other[trace] = "odd", true
				}
			}
		}, Query{}, nil, Cost{Selected: n / 2, ByID: n / 2, Differs: n / 2}},
		"with spans that a search does not show": {func(f *spanTempo) {
			f.traces[id(5)][1].SpanID, f.hide[sid(77)] = sid(77), true
		}, Query{}, nil, Cost{Selected: n - 1, ByID: 1, Incomplete: 1}},
		"with missing parents": {func(f *spanTempo) { f.traces[id(6)][1].ParentID = sid(99) }, Query{}, nil, Cost{Selected: n - 1, ByID: 1, Incomplete: 1}},
		"with many missing parents": {func(f *spanTempo) {
			for i := range byte(60) {
				f.traces[id(i)][1].ParentID = sid(99)
			}
		}, Query{}, nil, Cost{Selected: n}},
		"with many missing parents that a fetch shows": {func(f *spanTempo) {
			for i := range byte(60) {
				f.traces[id(i)][1].ParentID = sid(99)
				f.late[id(i)] = servicegraph.Span{TraceID: id(i), SpanID: sid(99), ParentID: sid(1), Service: "web", Start: start + ms(int64(i)), End: start + ms(int64(i)+10)}
			}
		}, Query{}, nil, Cost{Selected: n - 60, ByID: 60, Incomplete: 60}},
		"with many missing parents, just now": {func(f *spanTempo) {
			for i := range byte(60) {
				for k := range f.traces[id(i)] {
					s := &f.traces[id(i)][k]
					s.Start, s.End = s.Start+int64(9*time.Minute+30*time.Second), s.End+int64(9*time.Minute+30*time.Second)
				}
				f.traces[id(i)][1].ParentID = sid(99)
			}
		}, Query{}, nil, Cost{Selected: n - 60, ByID: 60, Incomplete: 60}},
		"with a key in two scopes": {func(f *spanTempo) {
			f.traces[id(1)][0].Resource = attr("server.address", "x")
		}, Query{}, nil, Cost{ByID: n, Attributes: n}},
		"with too many keys": {func(f *spanTempo) {
			for i := range 60 {
				f.traces[id(1)][0].Attrs = append(f.traces[id(1)][0].Attrs, attr(fmt.Sprint("a.long.name.of.an.attribute.", i), "x")...)
			}
		}, Query{}, nil, Cost{ByID: n, Attributes: n}},
		"with too many keys, few of them kept": {func(f *spanTempo) {
			for i := range 60 {
				f.traces[id(1)][0].Attrs = append(f.traces[id(1)][0].Attrs, attr(fmt.Sprint("a.long.name.of.an.attribute.", i), "x")...)
			}
		}, Query{}, servicegraph.Config{}.Reads, Cost{Selected: n}},
		"from a server that cannot search for links": {func(f *spanTempo) { f.fail = "{link:" }, Query{}, nil, Cost{ByID: n, Linked: n}},
		"from a server that cannot select":           {func(f *spanTempo) { f.fail = "{} | by" }, Query{}, nil, Cost{ByID: n, Incomplete: n}},
		"of many":                                    {nil, Query{TraceQL: `{resource.service.name="web"}`}, nil, Cost{Selected: n}},
		"of few of many": {func(f *spanTempo) {
			for i := range 400 {
				trace := servicegraph.TraceID{1: 1, 14: byte(i >> 8), 15: byte(i)}
				f.traces[trace] = []servicegraph.Span{{TraceID: trace, SpanID: sid(1), Service: "other", Start: start, End: start + 1}}
			}
		}, Query{TraceQL: `{resource.service.name="web"}`}, nil, Cost{ByID: n, Sparse: n}},
	} {
		f := newSpanTempo(n, start)
		if test.change != nil {
			test.change(f)
		}
		got, progress := f.read(t, name, test.keep, n, test.query)
		exact := test.query
		exact.Exact = true
		fetched, _ := f.read(t, name, test.keep, n, exact)
		if diff := gocmp.Diff(fetched, got); diff != "" {
			t.Errorf("%s: (-fetched +got):\n%s", name, diff)
		}
		checkCost(t, name, n, progress.Cost, test.want)
		if progress.Fetched != progress.Found || progress.Cost.Requests == 0 {
			t.Errorf("%s: progress %+v", name, progress)
		}
	}
}

// checkCost checks what the spans of n traces cost. Requests and Compared are not in want.
func checkCost(t *testing.T, name string, n int, cost, want Cost) {
	mostCompared := 2 + n/20 + 2
	if strings.Contains(name, "many missing parents") {
		mostCompared += maxCompared
	}
	if compared := cost.Exact+cost.Attributes+cost.Sparse == 0 && cost.Linked < n; (cost.Compared >= 2) != compared || cost.Compared > mostCompared {
		t.Errorf("%s: %d traces were compared", name, cost.Compared)
	}
	cost.Requests, cost.Compared = 0, 0
	if cost != want {
		t.Errorf("%s: %+v, want %+v", name, cost, want)
	}
}

// newSpanTempo returns a server with n traces of two spans each.
func newSpanTempo(n byte, start int64) *spanTempo {
	f := &spanTempo{
		traces: make(map[servicegraph.TraceID][]servicegraph.Span),
		state:  make(map[servicegraph.TraceID]string), hide: make(map[servicegraph.SpanID]bool), other: make(map[servicegraph.TraceID]bool), late: make(map[servicegraph.TraceID]servicegraph.Span),
	}
	for i := range n {
		f.traces[id(i)] = []servicegraph.Span{
			{TraceID: id(i), SpanID: sid(1), Service: "web", Namespace: "shop", Name: "GET", Kind: servicegraph.KindServer, Start: start + ms(int64(i)), End: start + ms(int64(i)+50), Resource: attr("host.name", "h")},
			{TraceID: id(i), SpanID: sid(2), ParentID: sid(1), Service: "web", Name: "POST", Kind: servicegraph.KindClient, Status: servicegraph.StatusError, Start: start + ms(int64(i)+1), End: start + ms(int64(i)+9), Attrs: attr("server.address", "cart", "server.port", "80")},
		}
	}
	return f
}

// read reads the spans of a query to a server with n traces. The only warning may be the one about
// the limit of the query.
func (f *spanTempo) read(t *testing.T, name string, keep func(string) bool, n int, q Query) (spans []servicegraph.Span, progress Progress) {
	c := newClient(t, "http://tempo", Config{Transport: f, Keep: keep})
	q.Progress = func(p Progress) { progress = p }
	for s, err := range c.Spans(t.Context(), q) {
		if w, ok := errors.AsType[*Warning](err); ok && w.Kind == WarnLimit && w.Traces == n-q.Limit {
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.Attrs, s.Resource = inOrder(s.Attrs), inOrder(s.Resource)
		spans = append(spans, s)
	}
	return spans, progress
}

// TestWeightsThatComeLate has weights only in one trace. The client fetches that trace because of
// its links, after it has read spans of other traces from a search.
func TestWeightsThatComeLate(t *testing.T) {
	start := time.Now().Add(-10 * time.Minute).UnixNano()
	for name, test := range map[string]struct {
		state string
		exact bool
		want  uint64
	}{
		"weights":         {"ot=th:c", false, 1},
		"no weights":      {"ot=th:0", false, 0},
		"all are fetched": {"ot=th:c", true, 0},
	} {
		f := &spanTempo{traces: make(map[servicegraph.TraceID][]servicegraph.Span), state: map[servicegraph.TraceID]string{id(3): test.state}}
		for i := range byte(50) {
			f.traces[id(i)] = []servicegraph.Span{{TraceID: id(i), SpanID: sid(1), Service: "web", Name: "GET", Kind: servicegraph.KindServer, Start: start, End: start + 1}}
		}
		f.traces[id(3)][0].Links = []servicegraph.Link{{TraceID: id(9), SpanID: sid(1)}}
		var warned []string
		for _, err := range newClient(t, "http://tempo", Config{Transport: f}).Spans(t.Context(), Query{Exact: test.exact}) {
			if w, ok := errors.AsType[*Warning](err); ok {
				warned = append(warned, w.Error())
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if uint64(len(warned)) != test.want || test.want > 0 && !strings.Contains(warned[0], "weights not shown: some traces have sampling weights, and 49 other traces were read from searches") {
			t.Errorf("%s: warnings %q", name, warned)
		}
	}
}

// TestLimitTellsWhatItLeftOut checks the warning of a query that finds more traces than its limit,
// and that the report of the graph counts the traces left out.
func TestLimitTellsWhatItLeftOut(t *testing.T) {
	url := serve(t, manyTraces(t, 12))
	for limit, want := range map[int]string{
		0: "", 12: "", 13: "",
		11: "1 of 12 traces left out, the oldest, because the limit of the query is 11",
		5:  "7 of 12 traces left out, the oldest, because the limit of the query is 5",
	} {
		var warned string
		spans := newClient(t, url, Config{}).Spans(t.Context(), Query{Limit: limit, End: time.Now().Add(-30 * time.Minute)})
		graph, err := servicegraph.Build(func(yield func(servicegraph.Span, error) bool) {
			for s, err := range spans {
				if w, ok := errors.AsType[*Warning](err); ok && w.Kind == WarnLimit {
					warned += w.Message
				}
				if !yield(s, err) {
					return
				}
			}
		}, servicegraph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r := graph.Report()
		if warned != want || r.Skipped != 0 || r.Traces+r.LeftOutTraces != 12 || limit > 0 && r.Traces != uint64(min(limit, 12)) {
			t.Errorf("limit %d: %q, want %q; %+v", limit, warned, want, r)
		}
	}
}

// TestSpansOfTempoFromSearches compares the spans that a real Tempo shows in searches with the
// spans of fetches, for ordinary traces, for large traces, and for a trace in two parts.
func TestSpansOfTempoFromSearches(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{Keep: servicegraph.Config{HTTPErrors: true}.Reads})
	start := time.Now().Add(-10 * time.Second).Truncate(time.Second).UnixNano()
	const usual = 60
	var spans []servicegraph.Span
	for n := range byte(usual) {
		trace := shop(id(n), start+ms(int64(n)))
		if n%10 != 0 {
			trace[7].Links = nil
		}
		spans = append(spans, trace...)
	}
	for n, count := range map[byte]int{251: maxSpansPerSet, 252: 3 * maxSpansPerSet} {
		root := servicegraph.Span{TraceID: id(n), SpanID: sid(1), Service: "large", Kind: servicegraph.KindServer, Start: start, End: start + ms(500)}
		spans = append(spans, root)
		for i := range count - 1 {
			spans = append(spans, servicegraph.Span{
				TraceID: id(n), SpanID: servicegraph.SpanID{6: byte(i >> 8), 7: byte(i), 5: 1}, ParentID: sid(1), Service: fmt.Sprint("worker", i%10), Kind: servicegraph.KindConsumer,
				Start: start + ms(int64(i)), End: start + ms(int64(i+1)),
			})
		}
	}
	split := shop(id(253), start)
	split[7].Links = nil
	for i := range split {
		split[i].Service = "one" // so that the parts have spans of the same service
	}
	query := Query{Start: time.Unix(0, start).Add(-time.Minute), End: time.Unix(0, start).Add(time.Minute)}
	pushSpans(t, tempo, "", append(slices.Clone(spans), split[:5]...))
	awaitFound(t, c, query, usual+3)
	flush(t, tempo)
	pushSpans(t, tempo, "", split[5:])
	late := query
	late.TraceQL = `{name="payment server"}`
	awaitFound(t, c, late, usual+1)

	for _, traceQL := range []string{"", `{kind=server}`, `{status=error}`, `{kind=consumer} | select(span.kind, resource.status)`, `{name="nothing"}`} {
		q := query
		q.TraceQL = traceQL
		var progress Progress
		var got, want []servicegraph.Span
		// While Tempo joins blocks, a search can miss their contents for a moment.
		await(t, func() error {
			q.Exact = true
			want = ordered(collect(t, c.Spans(t.Context(), q)))
			q.Exact, q.Progress = false, func(p Progress) { progress = p }
			got = ordered(collect(t, c.Spans(t.Context(), q)))
			if diff := gocmp.Diff(want, got); diff != "" {
				return fmt.Errorf("%s (-fetched +got):\n%s", traceQL, diff)
			}
			return nil
		})
		t.Logf("%q: %d spans, %+v", traceQL, len(got), progress.Cost)
		if cost := progress.Cost; traceQL == "" && (cost.Linked != usual/10 || cost.Selected < usual-usual/10) {
			t.Errorf("all traces: %+v, want %d with links and the others from searches", cost, usual/10)
		}
	}
}

// ordered returns spans with their attributes in order.
func ordered(spans []servicegraph.Span) []servicegraph.Span {
	for i := range spans {
		spans[i].Attrs, spans[i].Resource = inOrder(spans[i].Attrs), inOrder(spans[i].Resource)
	}
	slices.SortStableFunc(spans, func(a, b servicegraph.Span) int {
		return cmp.Or(slices.Compare(a.TraceID[:], b.TraceID[:]), cmp.Compare(a.Start, b.Start), slices.Compare(a.SpanID[:], b.SpanID[:]))
	})
	return spans
}

// kindText returns the name of a kind in TraceQL.
func kindText(k servicegraph.Kind) string {
	if k == servicegraph.KindUnset {
		return unspecified
	}
	return k.String()
}
