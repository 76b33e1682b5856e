package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// manyTraces answers like Tempo 2 with n traces of one span, which every search finds.
func manyTraces(t *testing.T, n int) http.HandlerFunc {
	began := time.Now().Add(-time.Hour)
	return func(w http.ResponseWriter, req *http.Request) {
		switch path := req.URL.Path; {
		case path == pathBuildInfo:
			fmt.Fprint(w, `{"version":"2.9.0"}`)
		case path == pathSearch:
			var traces []string
			for i := range n {
				traces = append(traces, fmt.Sprintf(`{"traceID": %q, "startTimeUnixNano": "%d"}`, traceNumber(i), began.UnixNano()))
			}
			fmt.Fprintf(w, `{"traces": [%s]}`, strings.Join(traces, ","))
		case strings.HasPrefix(path, "/api/v2/traces/"):
			id, err := servicegraph.ParseTraceID(path[strings.LastIndexByte(path, '/')+1:])
			if err != nil {
				t.Error(err)
			}
			writeProtobuf(w, answer(t, id, nil))
		case strings.HasPrefix(path, "/api/v2/search/") || strings.HasPrefix(path, "/api/metrics/"):
			fmt.Fprint(w, "{}")
		case strings.HasPrefix(path, "/status/overrides/"):
			fmt.Fprint(w, "<h1>Runtime overrides</h1><pre><code>limits</code></pre>")
		case path == "/api/echo":
			fmt.Fprint(w, "echo")
		}
	}
}

// TestRequestsOfEachCall checks the numbers of the table in the package documentation.
// TestSearchEnumerates checks the searches that take several requests.
func TestRequestsOfEachCall(t *testing.T) {
	const traces = 101 // not a round number, which may be a limit and would cost another search
	old := time.Now().Add(-time.Hour)
	for name, test := range map[string]struct {
		call func(context.Context, *Client) error
		want int // requests, without the one for the build info
	}{
		"Spans with Exact": {func(ctx context.Context, c *Client) error {
			return firstError(c.Spans(ctx, Query{End: old, Exact: true}))
		}, 1 + traces},
		"Search": {func(ctx context.Context, c *Client) error {
			return firstError(c.Search(ctx, Query{End: old}))
		}, 1},
		"Trace": {func(ctx context.Context, c *Client) error {
			_, err := c.Trace(ctx, traceNumber(1))
			return err
		}, 1},
		"TraceSpans": {func(ctx context.Context, c *Client) error {
			return firstError(c.TraceSpans(ctx, traceNumber(1)))
		}, 1},
		"Tags": {func(ctx context.Context, c *Client) error {
			_, err := c.Tags(ctx, TagQuery{})
			return err
		}, 1},
		"TagValues": {func(ctx context.Context, c *Client) error {
			_, err := c.TagValues(ctx, "name", TagQuery{})
			return err
		}, 1},
		"QueryRange": {func(ctx context.Context, c *Client) error {
			_, err := c.QueryRange(ctx, MetricsQuery{TraceQL: "{} | rate()", End: old})
			return err
		}, 1},
		"QueryInstant": {func(ctx context.Context, c *Client) error {
			_, err := c.QueryInstant(ctx, MetricsQuery{TraceQL: "{} | rate()", End: old})
			return err
		}, 1},
		"Echo":  {func(ctx context.Context, c *Client) error { return c.Echo(ctx) }, 1},
		"Ready": {func(ctx context.Context, c *Client) error { return c.Ready(ctx) }, 1},
		"BuildInfo": {func(ctx context.Context, c *Client) error {
			_, err := c.BuildInfo(ctx)
			return err
		}, 1},
		"Overrides": {func(ctx context.Context, c *Client) error {
			_, err := c.Overrides(ctx, "")
			return err
		}, 1},
	} {
		var asked atomic.Int64
		tempo := manyTraces(t, traces)
		url := serve(t, func(w http.ResponseWriter, req *http.Request) {
			asked.Add(1)
			tempo(w, req)
		})
		if err := test.call(t.Context(), newClient(t, url, Config{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := int(asked.Load()); got != test.want {
			t.Errorf("%s: %d requests, want %d", name, got, test.want)
		}
	}
}

// TestSpansFetchesSomeAtATime checks that traces are fetched concurrently, never more of them than
// the bound, over connections that are reused.
func TestSpansFetchesSomeAtATime(t *testing.T) {
	const traces = 200
	var now, most, conns atomic.Int64
	tempo := manyTraces(t, traces)
	together := make(chan struct{}) // closed when fetchers traces are being fetched
	var once sync.Once
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/api/v2/traces/") {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			if n == fetchers {
				once.Do(func() { close(together) })
			}
			select {
			case <-together:
			case <-req.Context().Done():
			}
			now.Add(-1) // before the answer, because the next request may follow the answer
		}
		tempo(w, req)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // in case the fetches are never concurrent
	defer cancel()
	if got := collect(t, newClient(t, s.URL, Config{}).Spans(ctx, Query{Exact: true})); len(got) != traces {
		t.Errorf("%d spans, want %d", len(got), traces)
	}
	if most.Load() != fetchers {
		t.Errorf("at most %d traces were fetched at a time, want %d", most.Load(), fetchers)
	}
	if conns.Load() > 3*fetchers {
		t.Errorf("%d connections for %d traces, %d at a time", conns.Load(), traces, fetchers)
	}
}

// TestSearchLearnsLimits has the messages of servers about requests that exceed their
// settings: Tempo 3 with its defaults, and servers with other settings.
func TestSearchLearnsLimits(t *testing.T) {
	c := newClient(t, "http://tempo", Config{})
	for refused, want := range map[string]string{
		"limit 1024000 exceeds max limit 262144":                                                       "limit 262144, of 262144; 604500 s, of 604800",
		"limit 1024000 exceeds max limit 50\n":                                                         "limit 50, of 50; 604500 s, of 604800",
		"range specified by start and end exceeds 24h0m0s. received start=1772366400 end=1772971200":   "limit 1024000, of 2147483647; 86100 s, of 86400",
		"range specified by start and end exceeds 1h30m0s. received start=1772366400 end=1772971200":   "limit 1024000, of 2147483647; 5100 s, of 5400",
		"range specified by start and end exceeds 168h0m0s. received start=1772366400 end=1772971200":  "no",
		"limit 1024000 exceeds max limit 0":                                                            "no",
		"limit 1024000 exceeds max limit 99999999999999999999":                                         "no",
		"invalid TraceQL query: parse error at line 1, col 3: syntax error: unexpected IDENTIFIER":     "no",
		"http parameter start must be before end. received start=1772366400 end=1772366000":            "no", // see moved
		"range specified by start and end exceeds an unspecified time. received start=1 end=177297120": "no",
	} {
		s := newSearch(c, nil, 0, 0, 0, 300)
		s.limit = 1024000
		got := "no"
		if s.adjust(&Error{StatusCode: http.StatusBadRequest, Body: refused}) {
			got = fmt.Sprintf("limit %d, of %d; %d s, of %d", s.limit, s.most, s.width, s.maxWidth)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", refused, got, want)
		}
		if s.adjust(&Error{StatusCode: http.StatusInternalServerError, Body: refused}) || s.adjust(errors.New(refused)) {
			t.Errorf("%s: learnt from another error", refused)
		}
	}
}

// TestTransportSeesTheCall checks that a transport finds the values of the caller's
// context in each request, and can add headers.
func TestTransportSeesTheCall(t *testing.T) {
	type key struct{}
	var mu sync.Mutex
	seen := make(map[string]int)
	tempo := manyTraces(t, 21)
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Traceparent") == "" {
			t.Errorf("%s: a header of the transport is missing", req.URL.Path)
		}
		tempo(w, req)
	})
	c := newClient(t, url, Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Context().Value(key{}) != "the caller's span" {
			t.Errorf("%s: not the context of the caller", req.URL.Path)
		}
		mu.Lock()
		seen[strings.Join(strings.SplitN(req.URL.Path, "/", 5)[:3], "/")]++
		mu.Unlock()
		req = req.Clone(req.Context())
		req.Header.Set("Traceparent", "00-01-02-01")
		return http.DefaultTransport.RoundTrip(req)
	})})
	ctx := context.WithValue(t.Context(), key{}, "the caller's span")
	collect(t, c.Spans(ctx, Query{}))
	if want := map[string]int{"/api/search": 1, "/api/v2": 21, "/api/status": 1}; fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("the transport saw %v, want %v", seen, want)
	}
}

// TestAwaitAsksFiveTimes checks the number of requests of Await, as in the table of the package
// documentation.
func TestAwaitAsksFiveTimes(t *testing.T) {
	var asked atomic.Int64
	tempo := manyTraces(t, 1)
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		tempo(w, req)
	})
	if _, err := newClient(t, url, Config{}).Await(t.Context(), traceNumber(0), 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if got := asked.Load(); got < 2 || got > 8 {
		t.Errorf("%d requests, want about 5", got)
	}
}
