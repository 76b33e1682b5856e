package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestNewWithAReplacedDefaultTransport has a program that replaced http.DefaultTransport to
// trace its requests.
func TestNewWithAReplacedDefaultTransport(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "echo") })
	old := http.DefaultTransport
	http.DefaultTransport = roundTripper(func(req *http.Request) (*http.Response, error) { return old.RoundTrip(req) })
	defer func() { http.DefaultTransport = old }()
	if err := newClient(t, url, Config{}).Echo(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestHTTPClientIsUsed(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "echo") })
	used := false
	client := &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		used = true
		return http.DefaultTransport.RoundTrip(req)
	})}
	if err := newClient(t, url, Config{HTTPClient: client}).Echo(t.Context()); err != nil || !used {
		t.Errorf("error %v, used %t", err, used)
	}
	if client.CheckRedirect != nil {
		t.Error("the client of the caller was changed")
	}
}

// TestRedirects follows redirects only within the server, because the client sends
// credentials and a tenant with every request.
func TestRedirects(t *testing.T) {
	var stolen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		stolen = append(stolen, req.URL.String())
		fmt.Fprint(w, "echo")
	}))
	defer elsewhere.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, elsewhere.URL+"/stolen", http.StatusFound)
	}))
	defer secure.Close()
	var to string
	plain := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/moved" {
			fmt.Fprint(w, "echo")
			return
		}
		http.Redirect(w, req, to, http.StatusTemporaryRedirect)
	})
	for _, cfg := range []Config{
		{},
		{BearerToken: "hunter2", OrgID: "tenant"},
		{Username: "jane", Password: "hunter2"},
		{Header: http.Header{"X-Api-Key": {"hunter2"}}},
	} {
		for name, test := range map[string]struct {
			base, to string
			ok       bool
		}{
			"path":   {plain, "/moved", true},
			"port":   {plain, elsewhere.URL + "/stolen", false},
			"host":   {plain, strings.Replace(plain, "127.0.0.1", "localhost", 1) + "/moved", false},
			"scheme": {secure.URL, "", false},
			"tls":    {plain, strings.Replace(plain, "http:", "https:", 1) + "/moved", false}, // to the same host and port
			"login":  {plain, "https://login.example/?next=secret", false},
			"loop":   {plain, "/again", false},
		} {
			to = test.to
			if name == "scheme" {
				cfg.HTTPClient = secure.Client()
			} else {
				cfg.HTTPClient = nil
			}
			err := newClient(t, test.base, cfg).Echo(t.Context())
			if test.ok != (err == nil) {
				t.Errorf("%s: error %v", name, err)
			}
			if err != nil && (!strings.Contains(err.Error(), "redirect") || strings.Contains(err.Error(), "secret")) {
				t.Errorf("%s: error %v, want one about a redirect", name, err)
			}
			if name == "port" && err != nil && !strings.Contains(err.Error(), "a redirect to "+elsewhere.URL+"/stolen was refused") {
				t.Errorf("%s: error %v", name, err)
			}
		}
	}
	if len(stolen) > 0 {
		t.Errorf("the other server was asked for %q", stolen)
	}
}

// TestAnswersInJSON has a server that returns traces by id only in JSON.
func TestAnswersInJSON(t *testing.T) {
	const spans = `"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "api"}}]},
		"scopeSpans": [{"spans": [{"traceId": "AQAAAAAAAAABAAAAAAAAAQ==", "spanId": "AAAAAAAAAAE=", "name": "op", "kind": "SPAN_KIND_SERVER", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}]}]}]`
	for body, want := range map[string]string{
		`{"trace": {` + spans + `}}`:                                          "api op, []",
		`{` + strings.Replace(spans, "resourceSpans", "batches", 1) + `}`:     "api op, []",
		`{"trace": {` + spans + `}, "status": "PARTIAL", "message": "large"}`: "api op, [large]",
		`{"trace": {` + spans + `}, "status": 1}`:                             "api op, [Tempo calls its answer partial]",
		`{"trace": {}}`: "trace not found",
		`{}`:            "trace not found",
		`[1]`:           "the answer is not a trace",
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		})
		trace, err := newClient(t, url, Config{}).Trace(t.Context(), id(1))
		got := fmt.Sprint(err)
		if err == nil {
			var warnings []string
			for _, w := range trace.Warnings {
				warnings = append(warnings, w.Message)
			}
			got = fmt.Sprintf("%s %s, %v", trace.Spans[0].Service, trace.Spans[0].Name, warnings)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", body, got, want)
		}
	}
}

// TestPartialContent has the status 206, which Tempo 2.3 and older versions return if some blocks
// could not be read.
func TestPartialContent(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaProtobuf)
		w.WriteHeader(http.StatusPartialContent)
		w.Write(answer(t, id(1), nil))
	})
	trace, err := newClient(t, url, Config{}).Trace(t.Context(), id(1))
	if err != nil || len(trace.Spans) != 1 || len(trace.Warnings) != 1 || trace.Warnings[0].Kind != WarnPartial {
		t.Errorf("got %+v, %v", trace, err)
	}
}

// repeated is a reader that repeats a text times times, and without end if times is negative.
type repeated struct {
	text  string
	times int
	rest  string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.times == 0 {
			return 0, io.EOF
		}
		r.times--
		r.rest = strings.Repeat(r.text, max(1, len(p)/len(r.text)))
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// TestMemoryOfAnswers has endless bodies, and bodies whose many small elements would take many
// times the memory of the body.
func TestMemoryOfAnswers(t *testing.T) {
	const limit = 8 << 20
	var body func() io.Reader
	c := newClient(t, "http://tempo", Config{MaxBytes: limit, Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		media := req.Header.Get("Accept")
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {media}}, Body: io.NopCloser(body())}, nil
	})})
	search := func(ctx context.Context) error {
		return hardError(c.Search(ctx, Query{Start: time.Unix(1, 0), End: time.Unix(2, 0)}))
	}
	trace := func(ctx context.Context) error { _, err := c.Trace(ctx, id(1)); return err }
	tags := func(ctx context.Context) error { _, err := c.Tags(ctx, TagQuery{}); return err }
	metrics := func(ctx context.Context) error {
		_, err := c.QueryRange(ctx, MetricsQuery{TraceQL: "{} | rate()"})
		return err
	}
	for name, test := range map[string]struct {
		call  func(context.Context) error
		start string
		body  string
	}{
		"traces without an end":          {search, `{"traces": [`, `{"traceID": "1"},`},
		"spans without an end":           {search, `{"traces": [{"traceID": "1", "spanSets": [{"spans": [`, `{},`},
		"metrics of a search, no end":    {search, `{"metrics": {"x": [`, `{},`},
		"tags without an end":            {tags, `{"scopes": [`, `{},`},
		"series without an end":          {metrics, `{"series": [`, `{},`},
		"a trace without an end":         {trace, "", string(answer(t, id(1), nil))},
		"bytes that are no trace":        {trace, "", "\x0a\x00"},
		"blanks without an end":          {search, "", " "},
		"a text without an end":          {search, `{"traces": [{"traceID": "`, "1"},
		"lists in lists without an end":  {search, `{"x": `, "["},
		"a list of numbers, without end": {tags, `{"scopes": [`, "1,"},
	} {
		body = func() io.Reader {
			return io.MultiReader(strings.NewReader(test.start), &repeated{text: test.body, times: -1})
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		err := test.call(t.Context())
		runtime.ReadMemStats(&after)
		if err == nil || !errors.Is(err, errTooLarge) && !strings.Contains(err.Error(), "the answer is not") {
			t.Errorf("%s: error %v, want that the answer is too large", name, err)
		}
		if used := int64(after.TotalAlloc - before.TotalAlloc); used > 40*limit {
			t.Errorf("%s: %d MB were allocated for a limit of %d MB", name, used>>20, limit>>20)
		}
	}
}

// TestMemoryOfHugeAnswers has answers of 1 GB of small objects. The memory that the client takes
// must depend only on its limit.
func TestMemoryOfHugeAnswers(t *testing.T) {
	const size = 1 << 30
	for _, limit := range []int64{4 << 20, 32 << 20} {
		var (
			text         string
			sent, peak   int64
			before, now  runtime.MemStats
			sinceMeasure int
		)
		c := newClient(t, "http://tempo", Config{MaxBytes: limit, Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			start, object, _ := strings.Cut(text, "|")
			body := io.MultiReader(strings.NewReader(start), &repeated{text: object, times: size / (16 << 10)})
			watched := readerFunc(func(p []byte) (int, error) {
				n, err := body.Read(p[:min(len(p), 16<<10)])
				sent += int64(n)
				if sinceMeasure += n; sinceMeasure > 1<<20 {
					sinceMeasure = 0
					runtime.ReadMemStats(&now)
					peak = max(peak, int64(now.HeapAlloc)-int64(before.HeapAlloc))
				}
				return n, err
			})
			return &http.Response{StatusCode: http.StatusOK, ContentLength: size, Header: http.Header{"Content-Type": {req.Header.Get("Accept")}}, Body: io.NopCloser(watched)}, nil
		})})
		for name, call := range map[string]struct {
			text string
			do   func(context.Context) error
		}{
			"traces": {`{"traces": [|{"traceID": "1"},`, func(ctx context.Context) error {
				return hardError(c.Search(ctx, Query{Start: time.Unix(1, 0), End: time.Unix(2, 0)}))
			}},
			"empty traces": {`{"traces": [|{},`, func(ctx context.Context) error {
				return hardError(c.Search(ctx, Query{Start: time.Unix(1, 0), End: time.Unix(2, 0)}))
			}},
			"spans": {`{"traces": [{"traceID": "1", "spanSets": [|{},`, func(ctx context.Context) error {
				return hardError(c.Search(ctx, Query{Start: time.Unix(1, 0), End: time.Unix(2, 0)}))
			}},
			"tags":   {`{"scopes": [|{},`, func(ctx context.Context) error { _, err := c.Tags(ctx, TagQuery{}); return err }},
			"values": {`{"tagValues": [|{},`, func(ctx context.Context) error { _, err := c.TagValues(ctx, "name", TagQuery{}); return err }},
			"metrics": {`{"series": [|{},`, func(ctx context.Context) error {
				_, err := c.QueryRange(ctx, MetricsQuery{TraceQL: "{} | rate()"})
				return err
			}},
			"trace":    {"|\x0a\x00", func(ctx context.Context) error { _, err := c.Trace(ctx, id(1)); return err }},
			"versions": {`{"version": [|{},`, func(ctx context.Context) error { _, err := c.BuildInfo(ctx); return err }},
		} {
			text, sent, peak = call.text, 0, 0
			runtime.GC()
			runtime.ReadMemStats(&before)
			if err := call.do(t.Context()); err == nil {
				t.Errorf("%s: no error", name)
			}
			if sent > 4*limit {
				t.Errorf("%s: %d MB were read with a limit of %d MB", name, sent>>20, limit>>20)
			}
			if most := 10*limit + 8<<20; peak > most {
				t.Errorf("%s: %d MB of memory with a limit of %d MB", name, peak>>20, limit>>20)
			}
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestSmallElementsAreRefused has a complete answer with many empty objects. Decoded, they would
// take 30 times the memory of the body.
func TestSmallElementsAreRefused(t *testing.T) {
	const limit = 8 << 20
	for start, end := range map[string]string{`{"scopes": [`: `{}]}`, `{"tagValues": [`: `{}]}`} {
		c := newClient(t, "http://tempo", Config{MaxBytes: limit, Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			body := io.MultiReader(strings.NewReader(start), strings.NewReader(strings.Repeat("{},", limit/4)), strings.NewReader(end))
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(body)}, nil
		})})
		_, err1 := c.Tags(t.Context(), TagQuery{})
		_, err2 := c.TagValues(t.Context(), "name", TagQuery{})
		for _, err := range []error{err1, err2} {
			if !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), "when decoded") {
				t.Errorf("%s: error %v", start, err)
			}
		}
	}
}

// TestDenseTraces has complete answers with traces that are small as text and large when decoded.
// Search must find such a trace without decoding all of it.
func TestDenseTraces(t *testing.T) {
	const traces = 4
	spans := strings.Repeat("{},", maxTraceJSON/4)
	var before, now runtime.MemStats
	peak := uint64(0)
	c := newClient(t, "http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		var parts []io.Reader
		for n := range traces {
			parts = append(parts, strings.NewReader(fmt.Sprintf(`%s{"traceID": "%d", "startTimeUnixNano": "1500000000", "spanSets": [{"spans": [`, strings.Repeat(",", min(n, 1)), n+1)),
				strings.NewReader(spans), strings.NewReader(`{}]}]}`), readerFunc(func([]byte) (int, error) {
					runtime.ReadMemStats(&now)
					peak = max(peak, now.TotalAlloc-before.TotalAlloc)
					return 0, io.EOF
				}))
		}
		body := io.MultiReader(append(append([]io.Reader{strings.NewReader(`{"traces": [`)}, parts...), strings.NewReader("]}"))...)
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {mediaJSON}}, Body: io.NopCloser(body)}, nil
	})})
	runtime.ReadMemStats(&before)
	found := collect(t, c.Search(t.Context(), Query{Start: time.Unix(1, 0), End: time.Unix(2, 0)}))
	if len(found) != traces {
		t.Errorf("found %d traces, want %d", len(found), traces)
	}
	if most := uint64(traces * 12 * maxTraceJSON); peak > most {
		t.Errorf("%d MB were allocated for %d MB of text", peak>>20, traces*len(spans)>>20)
	}
}

// TestTracesThatGrow has a trace that gets a span between the search and the fetch.
func TestTracesThatGrow(t *testing.T) {
	start := time.Now().Add(-10 * time.Minute).UnixNano()
	f := &spanTempo{traces: make(map[servicegraph.TraceID][]servicegraph.Span)}
	for i := range byte(50) {
		f.traces[id(i)] = []servicegraph.Span{{TraceID: id(i), SpanID: sid(1), Service: "web", Name: "GET", Kind: servicegraph.KindServer, Start: start, End: start + 1}}
	}
	searches := 0
	c := newClient(t, "http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == pathSearch {
			if searches++; searches == 2 {
				f.mu.Lock()
				f.traces[id(7)] = append(f.traces[id(7)], servicegraph.Span{TraceID: id(7), SpanID: sid(2), ParentID: sid(1), Service: "cart", Name: "GET", Kind: servicegraph.KindServer, Start: start + 1, End: start + 2})
				f.mu.Unlock()
			}
		}
		return f.RoundTrip(req)
	})})
	n := 0
	for _, s := range collect(t, c.Spans(t.Context(), Query{})) {
		if s.TraceID == id(7) {
			n++
		}
	}
	if n != 2 {
		t.Errorf("the trace that grew has %d spans, want 2", n)
	}
}

// TestSearchThatShowsLess has searches for spans that show too few spans of some traces: fewer than
// the first search, because a replica lags, or fewer than Tempo counts. The client must fetch such
// traces, even though no trace that it compares with a fetch differs.
func TestSearchThatShowsLess(t *testing.T) {
	start := time.Now().Add(-10 * time.Minute).UnixNano()
	const traces = 60
	trace := func(n byte, spans int) (list []servicegraph.Span) {
		for i := range byte(spans) {
			list = append(list, servicegraph.Span{TraceID: id(n), SpanID: servicegraph.SpanID{0: n, 7: i + 1}, Service: "web", Name: "GET", Kind: servicegraph.KindServer, Start: start, End: start + 2})
			if i > 0 {
				list[i].ParentID = list[0].SpanID
			}
		}
		return list
	}
	for name, test := range map[string]struct {
		before, after int // number of spans of the odd traces in the first search, and in later requests
		shown         int // number of these spans that searches for spans show
		counted       int // number of spans that searches for spans count
	}{
		"a replica that lags": {2, 2, 1, 1},
		"a trace that grows":  {1, 2, 1, 2},
	} {
		f := &spanTempo{traces: make(map[servicegraph.TraceID][]servicegraph.Span), hide: make(map[servicegraph.SpanID]bool)}
		compared := make(map[string]bool)
		var odd []byte // the odd traces: the client does not compare them with a fetch
		searches := 0
		c := newClient(t, "http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			f.mu.Lock()
			if req.URL.Path != pathSearch {
				compared[req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]] = true
			}
			searches++
			for _, n := range odd {
				spans := test.after
				switch {
				case strings.Contains(req.FormValue("q"), "select("):
					spans = test.counted
				case searches == 1:
					spans = test.before
				}
				f.traces[id(n)] = trace(n, spans)
				for _, s := range f.traces[id(n)][min(test.shown, spans):] {
					f.hide[s.SpanID] = true
				}
			}
			f.mu.Unlock()
			return f.RoundTrip(req)
		})})
		for n := range byte(traces) {
			f.traces[id(n)] = trace(n, test.before)
		}
		collect(t, c.Spans(t.Context(), Query{}))
		for n := range byte(traces) {
			if !compared[id(n).String()] && len(odd) < 20 {
				odd = append(odd, n)
			}
		}
		searches = 0
		want := (traces-len(odd))*test.before + len(odd)*test.after
		if got := len(collect(t, c.Spans(t.Context(), Query{}))); got != want || len(odd) != 20 {
			t.Errorf("%s: got %d spans, want %d; %d traces were not compared", name, got, want, len(odd))
		}
	}
}
