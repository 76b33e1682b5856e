package tempoclient

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

func TestMajor(t *testing.T) {
	for version, want := range map[string]int{
		"2.9.0": 2, "v2.9.0": 2, "3.0.3": 3, "3.1.0-rc.0": 3, "10.2": 10, "3": 3,
		"": 0, "main-8d0c5a2": 0, "r301-2f6a7e1": 0, "-1.0": 0, "(devel)": 0,
	} {
		if got := (BuildInfo{Version: version}).Major(); got != want {
			t.Errorf("version %q: %d, want %d", version, got, want)
		}
	}
}

// TestVersionOfTempo checks that the client does not send the search for a cutoff to a real Tempo
// 2, which reports its version.
func TestVersionOfTempo(t *testing.T) {
	if os.Getenv("TEMPO_BIN") != "" {
		t.Skip("TEMPO_BIN is of any version")
	}
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	info, err := c.BuildInfo(t.Context())
	if want := strings.TrimPrefix(tempotest.Version, "v"); err != nil || info.Version != want || info.Major() != 2 || !strings.HasPrefix(info.GoVersion, "go1.") {
		t.Errorf("BuildInfo: %+v, error %v, want version %s", info, err, want)
	}
	pushSpans(t, tempo, "", shop(id(1), time.Now().Add(-time.Second).UnixNano()))
	awaitFound(t, c, Query{}, 1)

	count := &counter{paths: make(map[string]int)}
	c = newClient(t, tempo.URL, Config{Transport: count})
	for range 3 { // collect fails on any warning
		collect(t, c.Search(t.Context(), Query{}))
	}
	if diff := cmp.Diff(map[string]int{"/api/search": 3, "/api/status": 1}, count.paths); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	// With a gateway that blocks the build information, there is one more request.
	behind := &counter{paths: make(map[string]int), next: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == pathBuildInfo {
			w := httptest.NewRecorder()
			http.Error(w, "RBAC: access denied", http.StatusForbidden)
			return w.Result(), nil
		}
		return http.DefaultTransport.RoundTrip(req)
	})}
	c = newClient(t, tempo.URL, Config{Transport: behind})
	for range 3 {
		collect(t, c.Search(t.Context(), Query{}))
	}
	if diff := cmp.Diff(map[string]int{"/api/search": 4, "/api/status": 1}, behind.paths); diff != "" {
		t.Errorf("requests without build info (-want +got):\n%s", diff)
	}
}

// A tempo3 answers in the format of Tempo 3.0.3 with its defaults, according to the source of
// that version. It has one trace of one span, a minute ago.
type tempo3 struct {
	t     *testing.T
	info  func(http.ResponseWriter, *http.Request) // nil for the build info of a release
	asked []string
}

func (f *tempo3) RoundTrip(req *http.Request) (*http.Response, error) {
	f.asked = append(f.asked, req.URL.Path)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

const tempo3Cutoff = 30 * time.Second

func (f *tempo3) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	fail := func(format string, args ...any) { http.Error(w, fmt.Sprintf(format, args...), http.StatusBadRequest) }
	number := func(key string) int64 {
		n, err := strconv.ParseInt(req.FormValue(key), 10, 64)
		if err != nil {
			f.t.Errorf("%s: %s is %q", req.URL, key, req.FormValue(key))
		}
		return n
	}
	began := time.Now().Add(-time.Minute)
	switch path := req.URL.Path; path {
	case pathBuildInfo:
		if f.info != nil {
			f.info(w, req)
			return
		}
		fmt.Fprint(w, `{"version":"3.0.3","revision":"1cd0d0a","branch":"HEAD","buildUser":"","buildDate":"","goVersion":"go1.26.1"}`)
	case "/api/v2/traces/" + id(1).String():
		body := answer(f.t, id(1), nil)
		body = protowire.AppendString(protowire.AppendTag(body, 77, protowire.BytesType), "a field that is newer than we are")
		body = protowire.AppendVarint(protowire.AppendTag(body, 78, protowire.VarintType), 1)
		writeProtobuf(w, body)
	case "/api/v2/traces/" + id(2).String(): // other servers answer 200 with an empty body
		w.WriteHeader(http.StatusNotFound)
	case pathSearch, "/api/v2/search/tags", "/api/v2/search/tag/resource.service.name/values":
		if req.FormValue("start") == "" {
			f.t.Errorf("%s: no time range", req.URL)
		}
		start, end := number("start"), min(number("end"), time.Now().Add(-tempo3Cutoff).Unix())
		switch {
		case start >= end:
			fail("http parameter start must be before end. received start=%d end=%d", start, end)
		case end-start > 168*3600:
			fail("range specified by start and end exceeds 168h0m0s. received start=%d end=%d", start, end)
		case path == "/api/v2/search/tags":
			fmt.Fprint(w, `{"scopes":[{"name":"resource","tags":["service.name"]},{"name":"span","tags":["http.method","db.system"]},{"name":"newer","tags":["x"]}],
				"metrics":{"inspectedBytes":"1431","totalJobs":2,"completedJobs":2,"totalBlocks":1,"totalBlockBytes":"9","backendReads":"4"},"newer":[1]}`)
		case path != pathSearch:
			fmt.Fprint(w, `{"tagValues":[{"type":"string","value":"web"},{"type":"string","value":"api","newer":1}],"metrics":{"inspectedBytes":"1431"},"newer":{}}`)
		case number("limit") > 262144:
			fail("limit %d exceeds max limit 262144", number("limit"))
		default:
			traces := ""
			if start <= began.Unix() && began.Unix() <= end {
				traces = fmt.Sprintf(`{"traceID":"%s","rootServiceName":"api","rootTraceName":"op","startTimeUnixNano":"%d","durationMs":7,
					"spanSet":{"spans":[{"spanID":"0000000000000001","startTimeUnixNano":"%[2]d","durationNanos":"7000000","newer":{}}],"matched":1},
					"spanSets":[{"spans":[{"spanID":"0000000000000001","startTimeUnixNano":"%[2]d","durationNanos":"7000000","newer":{}}],"matched":1,"attributes":[]}],
					"serviceStats":{"api":{"spanCount":1,"newer":"1"}},"newer":{"a":[1]}}`, id(1), began.UnixNano())
			}
			fmt.Fprintf(w, `{"traces":[%s],"metrics":{"inspectedTraces":1,"inspectedBytes":"123","inspectedSpans":"7","totalBlocks":1,"completedJobs":3,"totalJobs":3,
				"totalBlockBytes":"99","backendReads":"4","backendReadBytes":"99"},"newer":true}`, traces)
		}
	case "/api/metrics/query_range", "/api/metrics/query":
		end := min(number("end"), time.Now().Add(-tempo3Cutoff).UnixNano())
		switch {
		case number("start") >= end:
			fail("query window falls entirely within query_end_cutoff")
		case end-number("start") > int64(24*time.Hour):
			fail("metrics query time range exceeds the maximum allowed duration of 24h0m0s")
		case path == "/api/metrics/query":
			fmt.Fprint(w, `{"series":[{"labels":[{"key":"__name__","value":{"stringValue":"rate"}}],"value":0.25,"promLabels":"","newer":1}],"metrics":{"backendReads":"4"}}`)
		default:
			fmt.Fprintf(w, `{"series":[{"labels":[{"key":"__name__","value":{"stringValue":"rate"}}],"samples":[{"timestampMs":"%d","value":0.5,"newer":1}],"exemplars":[]}],
				"metrics":{"completedJobs":1,"totalJobs":1,"backendReads":"4"},"status":"COMPLETE","message":"","newer":1}`, began.UnixMilli())
		}
	default:
		http.NotFound(w, req)
	}
}

// TestTempo3 makes all requests to a server of Tempo 3, also through gateways that hide its version:
// answers and warnings are the same.
func TestTempo3(t *testing.T) {
	for name, info := range map[string]func(http.ResponseWriter, *http.Request){
		"":                      nil,
		", build info: 404":     http.NotFound,
		", build info: 403":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		", build info: 503":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		", build info: a page":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><title>Sign in</title>") },
		", build info: half":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"version":"2.`) },
		", build info: nothing": func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() },
	} {
		t.Run("Tempo 3"+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &tempo3{t: t, info: info}
				c, err := New("http://tempo", Config{Transport: fake})
				if err != nil {
					t.Fatal(err)
				}
				askTempo3ForTraces(t, c, fake)
				searchTempo3(t, c, info == nil)
				askTempo3ForTags(t, c)
				askTempo3ForMetrics(t, c)
			})
		})
	}
}

// recentTempo3 returns the warning about what the server does not search yet.
func recentTempo3() []*Warning { return []*Warning{unsearchedSince(time.Now().Add(-tempo3Cutoff))} }

func askTempo3ForTraces(t *testing.T, c *Client, fake *tempo3) {
	if trace, err := c.Trace(t.Context(), id(1)); err != nil || len(trace.Spans) != 1 || trace.Warnings != nil {
		t.Errorf("Trace: %+v, %v", trace, err)
	}
	if _, err := c.Trace(t.Context(), id(2)); !errors.Is(err, ErrNotFound) {
		t.Errorf("Trace of none: %v", err)
	}
	if len(fake.asked) != 2 {
		t.Errorf("for two traces it was asked %v", fake.asked)
	}
}

// searchTempo3 searches a range of ten days, up to now. The time of the trace is known if the build
// info takes the server no time.
func searchTempo3(t *testing.T, c *Client, timed bool) {
	now := time.Now()
	found, warned := searched(t, c, Query{Start: now.Add(-240 * time.Hour)})
	if len(found) != 1 || found[0].ID != id(1) || found[0].Matched != 1 || !found[0].Start.Equal(now.Add(-time.Minute)) && timed {
		t.Errorf("Search: %+v", found)
	}
	if diff := cmp.Diff(recentTempo3(), warned); diff != "" {
		t.Errorf("Search warns (-want +got):\n%s", diff)
	}
	graph, err := servicegraph.Build(c.Spans(t.Context(), Query{}), servicegraph.Config{})
	if err != nil || graph.Report().Spans != 1 || graph.Report().Skipped != 1 {
		t.Errorf("a graph of %+v, %v", graph.Report(), err)
	}
}

// searched returns what a search finds, and its warnings.
func searched(t *testing.T, c *Client, q Query) (found []TraceSummary, warned []*Warning) {
	t.Helper()
	for s, err := range c.Search(t.Context(), q) {
		if w, ok := errors.AsType[*Warning](err); ok {
			warned = append(warned, w)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, s)
	}
	return found, warned
}

func askTempo3ForTags(t *testing.T, c *Client) {
	hour := TagQuery{Start: time.Now().Add(-time.Hour), End: time.Now()}
	tags, err := c.Tags(t.Context(), hour)
	if diff := cmp.Diff(&Tags{[]TagScope{{"newer", []string{"x"}}, {"resource", []string{"service.name"}}, {"span", []string{"db.system", "http.method"}}}, recentTempo3()}, tags); err != nil || diff != "" {
		t.Errorf("Tags: error %v (-want +got):\n%s", err, diff)
	}
	values, err := c.TagValues(t.Context(), "resource.service.name", hour)
	if diff := cmp.Diff(&TagValues{[]TagValue{{"string", "api"}, {"string", "web"}}, recentTempo3()}, values); err != nil || diff != "" {
		t.Errorf("TagValues: error %v (-want +got):\n%s", err, diff)
	}
}

func askTempo3ForMetrics(t *testing.T, c *Client) {
	query := MetricsQuery{TraceQL: "{} | rate()"}
	for name, ask := range map[string]func() (*Metrics, error){
		"QueryRange":   func() (*Metrics, error) { return c.QueryRange(t.Context(), query) },
		"QueryInstant": func() (*Metrics, error) { return c.QueryInstant(t.Context(), query) },
	} {
		query = MetricsQuery{TraceQL: "{} | rate()"}
		m, err := ask()
		if err != nil || len(m.Series) != 1 || len(m.Series[0].Samples) != 1 {
			t.Fatalf("%s: %+v, %v", name, m, err)
		}
		if diff := cmp.Diff(recentTempo3(), m.Warnings); diff != "" {
			t.Errorf("%s warns (-want +got):\n%s", name, diff)
		}
		query.Start = time.Now().Add(-48 * time.Hour)
		if _, err := ask(); err == nil || !strings.HasSuffix(err.Error(), "400 Bad Request: metrics query time range exceeds the maximum allowed duration of 24h0m0s") {
			t.Errorf("%s of two days: %v", name, err)
		}
		query.Start = time.Now().Add(-10 * time.Second)
		if _, err := ask(); err == nil || !strings.HasSuffix(err.Error(), "400 Bad Request: query window falls entirely within query_end_cutoff") {
			t.Errorf("%s of ten seconds: %v", name, err)
		}
	}
}

// TestTempo3ThatOnlyNamesItsCutoff has a server that refuses a search with the message for metrics
// queries, which does not name the moved end.
func TestTempo3ThatOnlyNamesItsCutoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New("http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			start, _ := strconv.ParseInt(req.FormValue("start"), 10, 64)
			switch {
			case req.URL.Path != pathSearch:
				http.NotFound(w, req)
			case time.Unix(start, 0).After(time.Now().Add(-tempo3Cutoff)):
				http.Error(w, "query window falls entirely within query_end_cutoff", http.StatusBadRequest)
			default:
				fmt.Fprintf(w, `{"traces":[{"traceID":"1","startTimeUnixNano":"%d"}]}`, time.Now().Add(-time.Minute).UnixNano())
			}
			return w.Result(), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		for since, want := range map[time.Duration]string{
			time.Hour:        "1 found, since 30s",
			10 * time.Second: "0 found, since 10s",
		} {
			n, warning := 0, ""
			for _, err := range c.Search(t.Context(), Query{Start: now.Add(-since)}) {
				w, ok := errors.AsType[*Warning](err)
				switch {
				case ok:
					warning += w.Message
				case err != nil:
					t.Fatal(err)
				default:
					n++
				}
			}
			for _, ago := range []time.Duration{30 * time.Second, 10 * time.Second} {
				if warning == unsearchedSince(now.Add(-ago)).Message {
					warning = fmt.Sprint("since ", ago)
				}
			}
			if got := fmt.Sprintf("%d found, %s", n, warning); got != want {
				t.Errorf("the last %v: %s, want %s", since, got, want)
			}
		}
	})
}

// TestTempo3WithoutCutoff: Tempo 3 with a query_end_cutoff of 0 moves the end of a search to
// the present of its clock, in whole seconds, and does the same with the start of a search in
// the future. Its clock can be slow. No trace is missed, so there must be no warning.
func TestTempo3WithoutCutoff(t *testing.T) {
	for _, behind := range []time.Duration{0, 1100 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			refused := 0
			c, err := New("http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				w := httptest.NewRecorder()
				start, _ := strconv.ParseInt(req.FormValue("start"), 10, 64)
				end, _ := strconv.ParseInt(req.FormValue("end"), 10, 64)
				if now := time.Now().Add(-behind).Unix(); end > now {
					start, end = min(start, now), now
				}
				switch {
				case req.URL.Path == pathBuildInfo:
					fmt.Fprint(w, `{"version":"3.0.3"}`)
				case start >= end:
					refused++
					http.Error(w, fmt.Sprintf("http parameter start must be before end. received start=%d end=%d", start, end), http.StatusBadRequest)
				default:
					fmt.Fprint(w, `{"traces":[],"metrics":{"inspectedBytes":"478366","totalBlocks":1,"completedJobs":4,"totalJobs":4}}`)
				}
				return w.Result(), nil
			})})
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			for name, q := range map[string]Query{
				"the last hour": {},
				"the future":    {Start: now.Add(time.Hour), End: now.Add(2 * time.Hour)},
			} {
				for s, err := range c.Search(t.Context(), q) {
					t.Errorf("clock %v behind, %s: %v, %v", behind, name, s, err)
				}
			}
			if refused == 0 {
				t.Error("no search was refused, so that the test shows nothing")
			}
		})
	}
}
