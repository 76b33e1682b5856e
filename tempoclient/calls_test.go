package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// timeRange is the time range of a call; zero means the default of the call.
type timeRange struct{ start, end time.Time }

// A call is a method of the client that returns an error.
type call struct {
	name   string
	ranged bool // whether it has a time range
	do     func(context.Context, *Client, timeRange) error
}

// httpCalls are all calls of a client.
var httpCalls = []call{
	{"Trace", false, func(ctx context.Context, c *Client, _ timeRange) error {
		_, err := c.Trace(ctx, id(1))
		return err
	}},
	{"TraceSpans", false, func(ctx context.Context, c *Client, _ timeRange) error {
		return firstError(c.TraceSpans(ctx, id(1)))
	}},
	{"Await", false, func(ctx context.Context, c *Client, _ timeRange) error {
		_, err := c.Await(ctx, id(1), time.Millisecond)
		return err
	}},
	{"Search", true, func(ctx context.Context, c *Client, r timeRange) error {
		return hardError(c.Search(ctx, Query{Start: r.start, End: r.end}))
	}},
	{"Spans", true, func(ctx context.Context, c *Client, r timeRange) error {
		return hardError(c.Spans(ctx, Query{Start: r.start, End: r.end}))
	}},
	{"exact Spans", true, func(ctx context.Context, c *Client, r timeRange) error {
		return hardError(c.Spans(ctx, Query{Start: r.start, End: r.end, Exact: true}))
	}},
	{"Tags", true, func(ctx context.Context, c *Client, r timeRange) error {
		_, err := c.Tags(ctx, TagQuery{Start: r.start, End: r.end})
		return err
	}},
	{"TagValues", true, func(ctx context.Context, c *Client, r timeRange) error {
		_, err := c.TagValues(ctx, "resource.service.name", TagQuery{Start: r.start, End: r.end})
		return err
	}},
	{"QueryRange", true, func(ctx context.Context, c *Client, r timeRange) error {
		_, err := c.QueryRange(ctx, MetricsQuery{TraceQL: "{} | rate()", Start: r.start, End: r.end})
		return err
	}},
	{"QueryInstant", true, func(ctx context.Context, c *Client, r timeRange) error {
		_, err := c.QueryInstant(ctx, MetricsQuery{TraceQL: "{} | rate()", Start: r.start, End: r.end})
		return err
	}},
	{"Echo", false, func(ctx context.Context, c *Client, _ timeRange) error { return c.Echo(ctx) }},
	{"Ready", false, func(ctx context.Context, c *Client, _ timeRange) error { return c.Ready(ctx) }},
	{"BuildInfo", false, func(ctx context.Context, c *Client, _ timeRange) error {
		_, err := c.BuildInfo(ctx)
		return err
	}},
	{"Overrides", false, func(ctx context.Context, c *Client, _ timeRange) error {
		_, err := c.Overrides(ctx, "")
		return err
	}},
}

// hardError returns the error that ended a sequence, or nil.
func hardError[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if _, skipped := errors.AsType[*servicegraph.SkipError](err); err != nil && !skipped {
			return err
		}
	}
	return nil
}

// TestEveryCallOnFaults calls servers that are not Tempo. Each call must return an error that
// explains the fault, in time, and without the password.
func TestEveryCallOnFaults(t *testing.T) {
	const bodyLength = "1000"
	var wait sync.WaitGroup
	defer wait.Wait()
	for _, fault := range []struct {
		name    string
		handler http.HandlerFunc
		want    string // text in the error
		except  string // calls that cannot detect the fault
		timeout time.Duration
	}{
		{"401", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "invalid token hunter2", 401) },
			": 401 Unauthorized: invalid token REDACTED", "", 0},
		{"401 without a text", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, ": 401 Unauthorized", "", 0},
		{"403", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "RBAC: access denied", 403) },
			": 403 Forbidden: RBAC: access denied", "", 0},
		{"404 of a path", http.NotFound, ": 404 Not Found: 404 page not found: is this the URL of Tempo's query API, with the right path?", "", 0},
		{"a web page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<!doctype html><html><head><title>Sign in</title></head></html>")
		}, "is this the URL of Tempo's query API, with the right path?", "", 0},
		{"a way to the login", func(w http.ResponseWriter, req *http.Request) {
			if !strings.HasSuffix(req.URL.Path, "/login") {
				http.Redirect(w, req, "/login", http.StatusFound)
				return
			}
			fmt.Fprint(w, "<html><title>Sign in</title></html>")
		}, "is this the URL of Tempo's query API, with the right path?", "", 0},
		{"half a body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", bodyLength)
			fmt.Fprint(w, `{"traces": [`)
		}, ": the answer broke off after 12 bytes: unexpected EOF", "", 0},
		{"a reset in the body", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"traces": [`)
			http.NewResponseController(w).Flush()
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				conn.(*net.TCPConn).SetLinger(0) // the server sends RST in place of FIN
				conn.Close()
			}
		}, ": the answer broke off after 12 bytes: ", "", 0},
		{"half of the JSON", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaJSON)
			fmt.Fprint(w, `{"traces": [`)
		}, "", "Ready", 0},
		{"nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, "", "Ready", 0},
		{"an answer of 204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, ": 204 No Content", "", 0},
		{"other JSON", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaJSON)
			fmt.Fprint(w, `["not", "Tempo's"]`)
		}, "", "Ready", 0},
		{"silence", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() },
			": no complete answer within 200ms: context deadline exceeded", "", 200 * time.Millisecond},
	} {
		for _, call := range httpCalls {
			wait.Go(func() { // concurrently, because retries take time
				url := serve(t, fault.handler)
				c := newClient(t, url, Config{BearerToken: "hunter2", Timeout: fault.timeout})
				err := call.do(t.Context(), c, timeRange{})
				if err == nil {
					if !strings.Contains(fault.except, call.name) {
						t.Errorf("%s, %s: no error", fault.name, call.name)
					}
					return
				}
				if _, ok := errors.AsType[*Error](err); !ok || errors.Is(err, ErrNotFound) {
					t.Errorf("%s, %s: error %#v, want an *Error", fault.name, call.name, err)
				}
				if !strings.HasPrefix(err.Error(), "tempo "+url+": ") || !strings.Contains(err.Error(), fault.want) ||
					strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s, %s: error %q, want one line with %q", fault.name, call.name, err, fault.want)
				}
			})
		}
	}
}

// TestEveryCallOnASocketThatIsSilent has a server that accepts connections and never answers.
func TestEveryCallOnASocketThatIsSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	for _, scheme := range []string{"http://", "https://"} {
		for _, call := range httpCalls {
			c := newClient(t, scheme+l.Addr().String(), Config{Timeout: 50 * time.Millisecond})
			err := call.do(t.Context(), c, timeRange{})
			if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "tempo ") {
				t.Errorf("%s over %s: %v", call.name, scheme, err)
			}
		}
	}
}

// TestEveryCallWithARangeThatIsNone has invalid time ranges. The client refuses them without a
// request.
func TestEveryCallWithARangeThatIsNone(t *testing.T) {
	c := newClient(t, "http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		t.Errorf("asked for %s", req.URL)
		return nil, errors.New("no")
	})})
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, call := range httpCalls {
		if !call.ranged {
			continue
		}
		err := call.do(t.Context(), c, timeRange{now, now.Add(-time.Hour)})
		if err == nil || !strings.Contains(err.Error(), "2026-01-02T03:04:05Z") || !strings.Contains(err.Error(), "2026-01-02T02:04:05Z") {
			t.Errorf("%s of a reversed range: %v", call.name, err)
		}
	}
}

// TestEveryCallOfTempoWithARangeThatIsUnusual requests a range of ten days, although Tempo accepts
// at most a week in one request, and a range in the future.
func TestEveryCallOfTempoWithARangeThatIsUnusual(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{TraceQLMetrics: true})
	c := newClient(t, tempo.URL, Config{})
	now := time.Now()
	pushSpans(t, tempo, "", shop(id(1), now.Add(-2*time.Second).UnixNano()))
	awaitFound(t, c, Query{}, 1)
	for _, call := range httpCalls {
		if !call.ranged {
			continue
		}
		err := call.do(t.Context(), c, timeRange{now.Add(time.Hour), now.Add(2 * time.Hour)})
		if err != nil {
			t.Errorf("%s of the future: %v", call.name, err)
		}
		err = call.do(t.Context(), c, timeRange{now.Add(-240 * time.Hour), now})
		_, refused := errors.AsType[*Error](err)
		switch call.name {
		case "Search", "Spans", "exact Spans": // these calls divide the range into several requests
			if err != nil {
				t.Errorf("%s of ten days: %v", call.name, err)
			}
		default:
			if !refused || !strings.Contains(err.Error(), "400 Bad Request: ") || !strings.Contains(err.Error(), "exceeds") {
				t.Errorf("%s of ten days: %v", call.name, err)
			}
		}
	}
	if found := collect(t, c.Search(t.Context(), Query{Start: now.Add(-240 * time.Hour), End: now.Add(time.Second)})); len(found) != 1 {
		t.Errorf("in ten days: %v", found)
	}
}
