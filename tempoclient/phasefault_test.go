package tempoclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// phases are the kinds of requests that Spans makes.
var phases = []string{"find", "cut", "build", "tags", "scopes", "ok", "links", "fetch", "select", "errors"}

// phaseOf returns the phase that a request belongs to.
func phaseOf(req *http.Request) string {
	q := req.URL.Query().Get("q")
	switch path := req.URL.Path; {
	case path == pathBuildInfo:
		return "build"
	case strings.HasSuffix(path, "/search/tags"):
		return "tags"
	case path != pathSearch:
		return "fetch"
	case strings.Contains(q, "link:"):
		return "links"
	case strings.Contains(q, scopeIntrinsic+" != "):
		return "scopes"
	case strings.Contains(q, "status = ok"):
		return "ok"
	case strings.Contains(q, "status = error"):
		return "errors"
	case strings.Contains(q, "select("):
		return "select"
	case strings.Contains(q, "trace:id"):
		return "cut"
	}
	return "find"
}

// A fault changes the answer to a request, or replaces it by an error.
type fault func(resp *http.Response, body []byte) (*http.Response, error)

func replaceBody(status int, contentType, text string, header ...string) fault {
	return func(resp *http.Response, _ []byte) (*http.Response, error) {
		resp.StatusCode, resp.Status = status, http.StatusText(status)
		resp.Header = http.Header{"Content-Type": {contentType}}
		for i := 0; i < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		resp.Body = io.NopCloser(strings.NewReader(text))
		return resp, nil
	}
}

func changeBody(change func(body []byte) io.Reader) fault {
	return func(resp *http.Response, body []byte) (*http.Response, error) {
		resp.Body = io.NopCloser(change(body))
		return resp, nil
	}
}

// TestFaultsInEachPhase makes each kind of request of Spans fail in each way, once or always. The
// result must be an error, a warning, or the same spans as without the fault.
func TestFaultsInEachPhase(t *testing.T) {
	half := func(body []byte) io.Reader { return bytes.NewReader(body[:len(body)/2]) }
	faults := map[string]fault{
		"500":                    replaceBody(500, "text/plain", "error finding trace"),
		"503":                    replaceBody(503, "text/plain", "no healthy upstream"),
		"503 with a wait":        replaceBody(503, "text/plain", "starting", "Retry-After", "2"),
		"429":                    replaceBody(429, "text/plain", "too many requests"),
		"429 for an hour":        replaceBody(429, "text/plain", "too many requests", "Retry-After", "3600"),
		"429 until a wrong date": replaceBody(429, "text/plain", "too many requests", "Retry-After", "tomorrow"),
		"400":                    replaceBody(400, "text/plain", "invalid TraceQL query: parse error"),
		"401":                    replaceBody(401, "text/plain", "no org id"),
		"404 of a gateway":       replaceBody(404, "text/plain", "404 page not found\n"),
		"404 without a text":     replaceBody(404, "text/plain", ""),
		"204":                    replaceBody(204, "", ""),
		"nothing":                replaceBody(200, mediaJSON, ""),
		"a page":                 replaceBody(200, "text/html", "<!DOCTYPE html><title>Sign in</title>"),
		"a page called JSON":     replaceBody(200, mediaJSON, "<html><title>Sign in</title></html>"),
		"null":                   replaceBody(200, mediaJSON, "null"),
		"a list":                 replaceBody(200, mediaJSON, `[{"traceID": "1"}]`),
		"a number":               replaceBody(200, mediaJSON, `7`),
		"other types":            replaceBody(200, mediaJSON, `{"traces": {"1": "2"}, "scopes": "none", "trace": [], "version": {}}`),
		"an error called 200":    replaceBody(200, mediaJSON, `{"error": "not authorized", "message": "not authorized"}`),
		"zeros":                  replaceBody(200, mediaProtobuf, strings.Repeat("\x00", 500)),
		"half":                   changeBody(half),
		"half, and a reset": changeBody(func(body []byte) io.Reader {
			return io.MultiReader(half(body), iotest.ErrReader(io.ErrUnexpectedEOF))
		}),
		"twice": changeBody(func(body []byte) io.Reader { return bytes.NewReader(slices.Concat(body, body)) }),
		"no connection": func(*http.Response, []byte) (*http.Response, error) {
			return nil, io.EOF
		},
	}
	for p, phase := range phases {
		for n, name := range slices.Sorted(maps.Keys(faults)) {
			fault := faults[name]
			if testing.Short() && (p+n)%4 != 0 {
				continue
			}
			if phase == "fetch" && name == "twice" {
				continue // two concatenated answers in protobuf are a valid trace with all its spans twice
			}
			for _, times := range []int{1, 1e6} {
				t.Run(phase+"/"+name+map[int]string{1: " once"}[times], func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { checkFault(t, phase, fault, times) })
				})
			}
		}
	}
}

// manySorts returns traces. For each phase that not every trace needs, some of the traces need it.
func manySorts() *spanTempo {
	f := pairsOfSpans(50)
	f.traces[traceNumber(3)][1].Status = servicegraph.StatusError
	f.traces[traceNumber(5)][0].Namespace = "shop"
	f.traces[traceNumber(7)][0].Attrs = []servicegraph.Attr{{Key: scopeKey, Value: "library"}}
	f.traces[traceNumber(9)][0].Links = []servicegraph.Link{{TraceID: id(9), SpanID: sid(1)}}
	f.traces[traceNumber(11)][0].Attrs = []servicegraph.Attr{{Key: "db.system.name", Value: "redis"}}
	return f
}

func checkFault(t *testing.T, phase string, fault fault, times int) {
	f := manySorts()
	var want []servicegraph.Span
	for _, spans := range f.traces {
		want = append(want, spans...)
	}
	want = ordered(want)
	var met atomic.Int64
	c := newClient(t, "http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := f.RoundTrip(req)
		if phaseOf(req) != phase || met.Add(1) > int64(times) {
			return resp, err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		return fault(resp, body)
	})})
	began := time.Now()
	var got []servicegraph.Span
	var failed error
	for s, err := range c.Spans(t.Context(), Query{}) {
		if err != nil {
			failed = errors.Join(failed, err)
		} else {
			got = append(got, s)
		}
	}
	if met.Load() == 0 {
		t.Fatalf("no request was of phase %s", phase)
	}
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("it took %v", took)
	}
	if failed == nil {
		if diff := gocmp.Diff(want, ordered(got)); diff != "" {
			t.Errorf("no error, and other spans (-want +got):\n%s", diff)
		}
		return
	}
	if _, ok := errors.AsType[*Error](failed); !ok && !errors.As(failed, new(*servicegraph.SkipError)) {
		t.Errorf("the error has type %T: %v", failed, failed)
	}
}

// TestCancelInEachPhase cancels the context while a request of each kind is under way.
func TestCancelInEachPhase(t *testing.T) {
	for _, phase := range phases {
		for _, inBody := range []bool{false, true} {
			ctx, cancel := context.WithCancelCause(t.Context())
			f := manySorts()
			reason := errors.New("the user went away")
			c := newClient(t, "http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				resp, err := f.RoundTrip(req)
				if phaseOf(req) != phase {
					return resp, err
				}
				if !inBody {
					cancel(reason)
					return nil, req.Context().Err()
				}
				resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 20), cancelReader(func() { cancel(reason) })))
				return resp, err
			})})
			var last error
			spans := 0
			for _, err := range c.Spans(ctx, Query{}) {
				if err == nil {
					spans++
				}
				last = err
			}
			if !errors.Is(last, reason) {
				t.Errorf("%s, in the body %v: after %d spans: %v", phase, inBody, spans, last)
			}
		}
	}
}

// cancelReader is a reader that cancels a context and returns context.Canceled.
type cancelReader func()

func (f cancelReader) Read([]byte) (int, error) {
	f()
	return 0, context.Canceled
}
