package tempoclient

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
)

// The servers of this file are fakes. They fail in ways in which a real Tempo, or a proxy in front
// of Tempo, can fail but does not fail on demand.

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// traceByID is Tempo's message TraceByIDResponse.
type traceByID struct {
	trace   *tracepb.TracesData
	partial bool
	message string
}

// bytes returns the message in protobuf.
func (m *traceByID) bytes() []byte {
	var b []byte
	if m.trace != nil {
		trace, err := proto.Marshal(m.trace)
		if err != nil {
			panic(err) // no message of the tests has this error
		}
		b = protowire.AppendBytes(protowire.AppendTag(b, fieldTrace, protowire.BytesType), trace)
	}
	if m.partial {
		b = protowire.AppendVarint(protowire.AppendTag(b, fieldStatus, protowire.VarintType), statusPartial)
	}
	if m.message != "" {
		b = protowire.AppendString(protowire.AppendTag(b, fieldMessage, protowire.BytesType), m.message)
	}
	return b
}

func str(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// oneSpan is a trace of one span.
func oneSpan(trace servicegraph.TraceID) *traceByID {
	now := uint64(time.Now().Add(-time.Hour).UnixNano())
	return &traceByID{trace: &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{str("service.name", "api")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: trace[:], SpanId: []byte{0, 0, 0, 0, 0, 0, 0, 1}, Name: "op", Kind: tracepb.Span_SPAN_KIND_SERVER,
			StartTimeUnixNano: now, EndTimeUnixNano: now + 1,
		}}}},
	}}}}
}

// answer is a trace of one span as Tempo sends it.
func answer(t *testing.T, trace servicegraph.TraceID, change func(*traceByID)) []byte {
	t.Helper()
	m := oneSpan(trace)
	if change != nil {
		change(m)
	}
	return m.bytes()
}

func writeProtobuf(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", mediaProtobuf)
	w.Write(body)
}

func TestBaseURL(t *testing.T) {
	for _, test := range []struct{ url, want string }{
		{"http://localhost:3200", "http://localhost:3200/api/v2/traces/"},
		{"http://localhost:3200/", "http://localhost:3200/api/v2/traces/"},
		{"https://example.com/tempo", "https://example.com/tempo/api/v2/traces/"},
		{"https://example.com/tempo//", "https://example.com/tempo/api/v2/traces/"},
		{"https://example.com/a%2Fb/", "https://example.com/a%2Fb/api/v2/traces/"},
		{"https://example.com/api/datasources/proxy/uid/abc", "https://example.com/api/datasources/proxy/uid/abc/api/v2/traces/"},
		{"http://[::1]:3200", "http://[::1]:3200/api/v2/traces/"},
	} {
		var got string
		c := newClient(t, test.url, Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			got = req.URL.String()
			return nil, errors.New("enough")
		})})
		c.Trace(t.Context(), id(1))
		if want := test.want + id(1).String(); got != want {
			t.Errorf("%s asks %s, want %s", test.url, got, want)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestBadBaseURL(t *testing.T) {
	const example = ": write it like http://localhost:3200 or https://example.com/tempo"
	for url, want := range map[string]string{
		"":                                "tempo URL is empty" + example,
		"localhost:3200":                  `tempo URL "localhost:3200": it does not begin with http:// or https://` + example,
		"127.0.0.1:3200":                  `tempo URL "127.0.0.1:3200": it has no scheme` + example,
		"/tempo":                          `tempo URL "/tempo": it does not begin with http:// or https://` + example,
		"grpc://localhost:9095":           `tempo URL "grpc://localhost:9095": it does not begin with http:// or https://` + example,
		"http://":                         `tempo URL "http://": it has no host` + example,
		"http://:3200":                    `tempo URL "http://:3200": it has no host` + example,
		"http://localhost:port":           `tempo URL "http://localhost:port": invalid port ":port" after host` + example,
		"http://localhost/?orgId=1":       `tempo URL "http://localhost/?orgId=1": it has a query or a fragment` + example,
		"ftp://user:secret@localhost":     `tempo URL "ftp://localhost": it does not begin with http:// or https://` + example,
		"http://user:sec/ret@localhost/x": `tempo URL "http://localhost/x": it is malformed (in a password, characters like / and % are written %2F and %25)` + example,
	} {
		if _, err := New(url, Config{}); err == nil || err.Error() != want {
			t.Errorf("New(%q):\n got %v\nwant %s", url, err, want)
		}
	}
	if _, err := New("http://user@localhost", Config{BearerToken: "t", Username: "u"}); err == nil {
		t.Error("both a user name and a token: no error")
	}
}

func TestHeaders(t *testing.T) {
	for name, test := range map[string]struct {
		user string
		cfg  Config
		want string
	}{
		"tenant":              {"", Config{OrgID: "a|b"}, "a|b /"},
		"basic":               {"", Config{Username: "u", Password: "p"}, " / Basic dTpw"},
		"basic in the URL":    {"u:p@", Config{}, " / Basic dTpw"},
		"config before URL":   {"x:y@", Config{Username: "u", Password: "p"}, " / Basic dTpw"},
		"bearer before URL":   {"x:y@", Config{BearerToken: "tok"}, " / Bearer tok"},
		"header":              {"", Config{Header: http.Header{"X-Scope-Orgid": {"t"}, "Authorization": {"Token x"}}}, "t / Token x"},
		"header not in canon": {"", Config{Header: http.Header{"x-scope-orgid": {"t"}}, OrgID: "other"}, "t /"},
	} {
		url := serve(t, func(w http.ResponseWriter, req *http.Request) {
			got := strings.TrimSuffix(req.Header.Get("X-Scope-OrgID")+" / "+req.Header.Get("Authorization"), " ")
			if got != test.want {
				t.Errorf("%s: headers %q, want %q", name, got, test.want)
			}
			if got := req.Header.Get("Accept"); got != mediaProtobuf {
				t.Errorf("Accept: %q", got)
			}
			writeProtobuf(w, answer(t, id(1), nil))
		})
		c := newClient(t, strings.Replace(url, "http://", "http://"+test.user, 1), test.cfg)
		if _, err := c.Trace(t.Context(), id(1)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPartialTraceIsNotSilent(t *testing.T) {
	const message = "Trace exceeds maximum size of 10 bytes, a partial trace is returned"
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/api/search" {
			fmt.Fprintf(w, `{"traces": [{"traceID": %q, "startTimeUnixNano": "%d"}]}`, id(1), time.Now().UnixNano())
			return
		}
		writeProtobuf(w, answer(t, id(1), func(a *traceByID) {
			a.partial, a.message = true, message
		}))
	})
	c := newClient(t, url, Config{})
	trace, err := c.Trace(t.Context(), id(1))
	if err != nil {
		t.Fatal(err)
	}
	if len(trace.Spans) != 1 || len(trace.Warnings) != 1 || *trace.Warnings[0] != (Warning{Kind: WarnPartial, TraceID: id(1), Message: message}) {
		t.Errorf("got %d spans and warnings %v", len(trace.Spans), trace.Warnings)
	}
	graph, err := servicegraph.Build(c.Spans(t.Context(), Query{}), servicegraph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if r := graph.Report(); r.Spans != 1 || r.Skipped != 1 {
		t.Errorf("report: %d spans, %d skipped, want 1 and 1", r.Spans, r.Skipped)
	}
}

// TestPartialTraceWithoutSpans has a trace whose first span is too large for Tempo to
// return: the trace is empty, but exists.
func TestPartialTraceWithoutSpans(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		writeProtobuf(w, answer(t, id(1), func(a *traceByID) {
			a.trace, a.partial = nil, true
		}))
	})
	trace, err := newClient(t, url, Config{}).Trace(t.Context(), id(1))
	if err != nil || len(trace.Warnings) != 1 {
		t.Errorf("got %v, %v", trace, err)
	}
}

func TestFaults(t *testing.T) {
	const cutBody = 200
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    string // the text after "tempo URL: GET /api/v2/traces/ID: "
	}{
		{"404 without a text", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "not found"},
		{"404 with a text", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Trace not found", 404) }, "not found"},
		{"404 of a wrong path", http.NotFound,
			"404 Not Found: 404 page not found: is this the URL of Tempo's query API, with the right path?"},
		{"403", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "RBAC: access denied", 403) },
			"403 Forbidden: RBAC: access denied"},
		{"500", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "error finding trace\nmore", 500) },
			"500 Internal Server Error: error finding trace"},
		{"502 of a proxy", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=UTF-8")
			w.WriteHeader(502)
			fmt.Fprint(w, "<html>\n<head><title>502  Bad\nGateway</title></head></html>")
		}, `502 Bad Gateway: a web page ("502 Bad Gateway") in place of an answer: is this the URL of Tempo's query API, with the right path?`},
		{"login page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaProtobuf)
			fmt.Fprint(w, "\n<!DOCTYPE html><html><title>Sign in</title>")
		}, `a web page ("Sign in") in place of an answer: is this the URL of Tempo's query API, with the right path?`},
		{"text", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprint(w, "{}")
		}, `an answer of type "text/plain; charset=utf-8" in place of "application/protobuf"`},
		{"JSON that is none", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			fmt.Fprint(w, `{"trace": `)
		}, "the answer is not a trace: unexpected end of JSON input"},
		{"JSON without a trace", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			fmt.Fprint(w, "{}")
		}, "not found"},
		{"garbage", func(w http.ResponseWriter, _ *http.Request) {
			writeProtobuf(w, []byte("\x0a\xff\xff\xff\x7f garbage"))
		}, "the answer is not a trace: unexpected EOF"},
		{"half a body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaProtobuf)
			w.Header().Set("Content-Length", "1000")
			w.Write(make([]byte, cutBody))
		}, "the answer broke off after 200 bytes: unexpected EOF"},
		{"reset", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaProtobuf)
			w.Write(make([]byte, cutBody))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "the answer broke off after 200 bytes: unexpected EOF"},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			writeProtobuf(w, make([]byte, 4097))
		}, "the answer is larger than 4,096 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // because retries take time
			url := serve(t, test.handler)
			_, err := newClient(t, url, Config{MaxBytes: 4096}).Trace(t.Context(), id(1))
			if err == nil {
				t.Fatal("no error")
			}
			if test.want == "not found" {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("error %v, want ErrNotFound", err)
				}
				return
			}
			if _, ok := errors.AsType[*Error](err); !ok || errors.Is(err, ErrNotFound) {
				t.Errorf("error %#v, want an *Error", err)
			}
			if want := "tempo " + url + ": GET /api/v2/traces/" + id(1).String() + ": " + test.want; err.Error() != want {
				t.Errorf("\n got %v\nwant %s", err, want)
			}
		})
	}
}

func TestSearchAnswersThatAreNone(t *testing.T) {
	for body, want := range map[string]string{
		`hello`:                            "the answer is not the expected JSON: invalid character 'h' looking for beginning of value: is this the URL of Tempo's query API, with the right path?",
		`null`:                             "the answer is not the expected JSON: null in place of {: is this the URL of Tempo's query API, with the right path?",
		`{"traces": [`:                     "the answer is not the expected JSON: unexpected EOF",
		`{"traces": [{"traceID": "xyz"}]}`: `search: trace id "xyz": want 1 to 32 hexadecimal digits`,
		`<html><title>Grafana</title>`:     `a web page ("Grafana") in place of an answer`,
		`{"traces": [{"traceID": "1", "traces": true}]}`: "",
		`{"error": "not authorized", "status": 401}`:     `the answer is not the expected JSON: the field "status", and neither traces nor metrics`,
		`{"metrics": {}, "newer": 1}`:                    "",
		`{}`:                                             "",
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		var got string
		for _, err := range newClient(t, url, Config{}).Search(t.Context(), Query{}) {
			if err != nil {
				got = err.Error()
			}
		}
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: error %q, want %q", body, got, want)
		}
	}
}

func TestTempoIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	_, err = newClient(t, url+"/tempo", Config{}).Trace(t.Context(), id(1))
	if want := "tempo " + url + "/tempo: connection refused: is Tempo running there?"; err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestHTTPServerAskedForHTTPS(t *testing.T) {
	url := serve(t, http.NotFound)
	_, err := newClient(t, strings.Replace(url, "http:", "https:", 1), Config{}).Trace(t.Context(), id(1))
	if err == nil || !strings.HasSuffix(err.Error(), "write http:// in its URL") {
		t.Errorf("error %v", err)
	}
}

// TestGRPCPortAskedForHTTP sends HTTP requests to Tempo's gRPC port, a common mistake.
func TestGRPCPortAskedForHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	go s.Serve(l)
	defer s.Stop()
	addr := l.Addr().String()
	for _, call := range httpCalls {
		err := call.do(t.Context(), newClient(t, "http://"+addr, Config{}), timeRange{})
		if want := "tempo http://" + addr + ": this port seems to speak gRPC: Tempo's HTTP port has the query API, 3200 unless configured otherwise"; err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", call.name, err, want)
		}
	}
}

func TestErrorsHoldNoCredentials(t *testing.T) {
	// Some proxies repeat the header of the request in their answer.
	status, format := http.StatusForbidden, "denied: %v"
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, format, req.Header)
	})
	withUser := strings.Replace(url, "http://", "http://jane:hunter2@", 1)
	for _, test := range []struct {
		url     string
		cfg     Config
		secrets []string
	}{
		{withUser, Config{}, []string{"hunter2", "amFuZTpodW50ZXIy"}},
		{url, Config{Username: "jane", Password: "hunter2"}, []string{"hunter2", "amFuZTpodW50ZXIy"}},
		{url, Config{BearerToken: "hunter2"}, []string{"hunter2"}},
		{url, Config{Header: http.Header{"Authorization": {"Token hunter2"}}}, []string{"hunter2"}},
		{"http://jane:hunter2@127.0.0.1:1", Config{}, []string{"hunter2", "jane"}},
	} {
		for s, f := range map[int]string{
			http.StatusForbidden: "denied: %v",
			http.StatusNotFound:  "no path for %v",
			http.StatusOK:        "<html><title>%v</title>",
		} {
			status, format = s, f
			_, err := newClient(t, test.url, test.cfg).Trace(t.Context(), id(1))
			if err == nil {
				t.Fatal("no error")
			}
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			if e, ok := errors.AsType[*Error](err); ok {
				text += fmt.Sprintf("%s %s %v %#v", e.URL, e.Body, e.Err, e.Err)
			}
			for _, s := range test.secrets {
				if strings.Contains(text, s) {
					t.Errorf("the error holds %q: %s", s, text)
				}
			}
		}
	}
}

// hang returns the URL of a server that never answers, and a channel with a value for each
// request.
func hang(t *testing.T) (url string, asked <-chan struct{}) {
	arrived, done := make(chan struct{}, 100), make(chan struct{})
	url = serve(t, func(_ http.ResponseWriter, req *http.Request) {
		arrived <- struct{}{}
		select {
		case <-req.Context().Done():
		case <-done:
		}
	})
	t.Cleanup(func() { close(done) })
	return url, arrived
}

func TestCancelStopsAtOnce(t *testing.T) {
	url, asked := hang(t)
	c := newClient(t, url, Config{})
	for name, call := range map[string]func(context.Context) error{
		"Trace": func(ctx context.Context) error {
			_, err := c.Trace(ctx, id(1))
			return err
		},
		"Spans": func(ctx context.Context) error {
			for _, err := range c.Spans(ctx, Query{}) {
				return err
			}
			return nil
		},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("the user pressed a key")
		go func() {
			<-asked
			cancel(reason)
		}()
		err := call(ctx)
		if want := "tempo " + url + ": the user pressed a key"; err == nil || err.Error() != want || !errors.Is(err, reason) {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
}

func TestTimeout(t *testing.T) {
	url, _ := hang(t)
	_, err := newClient(t, url, Config{Timeout: 20 * time.Millisecond}).Trace(t.Context(), id(1))
	want := "tempo " + url + ": no complete answer within 20ms: context deadline exceeded"
	if err == nil || err.Error() != want || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

// TestSpansEndsWithItsLoop breaks out of the loop. synctest fails if a goroutine remains
// when the function returns.
func TestSpansEndsWithItsLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New("http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			if req.URL.Path == "/api/search" {
				var traces []string
				for n := range byte(100) {
					traces = append(traces, fmt.Sprintf(`{"traceID": %q, "startTimeUnixNano": "%d"}`, id(n), time.Now().UnixNano()))
				}
				fmt.Fprintf(w, `{"traces": [%s]}`, strings.Join(traces, ","))
				return w.Result(), nil
			}
			select { // all fetches except the first hang
			case <-req.Context().Done():
				return nil, req.Context().Err()
			case <-time.After(map[bool]time.Duration{true: 0, false: time.Hour}[strings.HasSuffix(req.URL.Path, id(0).String())]):
			}
			writeProtobuf(w, answer(t, id(0), nil))
			return w.Result(), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		for s, err := range c.Spans(t.Context(), Query{}) {
			if err != nil || s.TraceID != id(0) {
				t.Errorf("got %v, %v", s, err)
			}
			break
		}
	})
}

// TestTracesThatCannotBeFetched has traces that a search finds and that are deleted or too large.
// Each such trace becomes a warning, and reading goes on.
func TestTracesThatCannotBeFetched(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/api/search":
			now := time.Now().Add(-time.Minute).UnixNano()
			fmt.Fprintf(w, `{"traces": [
				{"traceID": %q, "startTimeUnixNano": "%d"}, {"traceID": %q, "startTimeUnixNano": "%d"},
				{"traceID": %q, "startTimeUnixNano": "%d"}, {"traceID": %q, "startTimeUnixNano": "%d"}]}`,
				id(1), now, id(2), now, id(3), now, id(4), now)
		case "/api/v2/traces/" + id(1).String():
			writeProtobuf(w, nil)
		case "/api/v2/traces/" + id(2).String():
			http.Error(w, "trace exceeds max size (max bytes: 5000000)", http.StatusUnprocessableEntity)
		case "/api/v2/traces/" + id(3).String():
			writeProtobuf(w, make([]byte, 2001))
		default:
			writeProtobuf(w, answer(t, id(4), nil))
		}
	})
	c := newClient(t, url, Config{MaxBytes: 2000})
	var got []string
	for s, err := range c.Spans(t.Context(), Query{}) {
		if err != nil {
			got = append(got, strings.TrimPrefix(err.Error(), "tempo "+url+": trace "))
			if _, ok := errors.AsType[*servicegraph.SkipError](err); !ok {
				t.Errorf("error %#v ends the sequence", err)
			}
			continue
		}
		got = append(got, s.TraceID.String())
	}
	want := []string{
		id(1).String() + ": missing: the search found it, but it was deleted meanwhile",
		id(2).String() + ": missing: trace exceeds max size (max bytes: 5000000)",
		id(3).String() + ": missing: the answer is larger than 2,000 bytes",
		id(4).String(),
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWarningsOfTracesThatMayGrow(t *testing.T) {
	now := time.Now()
	body := func(ended time.Duration, parent byte) []byte {
		return answer(t, id(1), func(a *traceByID) {
			span := a.trace.ResourceSpans[0].ScopeSpans[0].Spans[0]
			span.EndTimeUnixNano = uint64(now.Add(-ended).UnixNano())
			span.StartTimeUnixNano = span.EndTimeUnixNano - 1
			if parent > 0 {
				span.ParentSpanId = []byte{0, 0, 0, 0, 0, 0, 0, parent}
			}
		})
	}
	for _, test := range []struct {
		name   string
		body   []byte
		settle time.Duration
		trace  []WarningKind // from Trace
		spans  []WarningKind // from Spans with Settle
	}{
		{"old", body(time.Hour, 0), time.Minute, nil, nil},
		{"old for Trace", body(20*time.Second, 0), time.Minute, nil, []WarningKind{WarnArriving}},
		{"young", body(time.Second, 0), time.Minute, []WarningKind{WarnArriving}, []WarningKind{WarnArriving}},
		{"young, nobody asks", body(time.Second, 0), 0, []WarningKind{WarnArriving}, nil},
		{"clock ahead", body(-time.Minute, 0), time.Minute, []WarningKind{WarnArriving}, []WarningKind{WarnArriving}},
		{"no parent", body(time.Hour, 9), time.Minute, []WarningKind{WarnOrphans}, nil}, // the report of the graph counts missing parents
		{"own parent", body(time.Hour, 1), time.Minute, nil, nil},
	} {
		url := serve(t, func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/api/search" {
				fmt.Fprintf(w, `{"traces": [{"traceID": %q, "startTimeUnixNano": "%d"}]}`, id(1), now.UnixNano())
				return
			}
			writeProtobuf(w, test.body)
		})
		c := newClient(t, url, Config{})
		trace, err := c.Trace(t.Context(), id(1))
		if err != nil {
			t.Fatal(err)
		}
		var got []WarningKind
		for _, w := range trace.Warnings {
			got = append(got, w.Kind)
		}
		if !slices.Equal(got, test.trace) {
			t.Errorf("%s: Trace warns %v, want %v", test.name, got, test.trace)
		}
		got = nil
		var progress []Progress
		for _, err := range c.Spans(t.Context(), Query{Settle: test.settle, Progress: func(p Progress) { progress = append(progress, p) }}) {
			if w, ok := errors.AsType[*Warning](err); ok {
				got = append(got, w.Kind)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got, test.spans) {
			t.Errorf("%s: Spans warns %v, want %v", test.name, got, test.spans)
		}
		if want := []Progress{{Found: 1, Fetched: 1, Spans: 1, Cost: Cost{Requests: 2, ByID: 1, Exact: 1}}}; !slices.Equal(progress, want) {
			t.Errorf("%s: progress %v, want %v", test.name, progress, want)
		}
	}
}

// TestCompressedAnswers checks that the limit applies to the decompressed answer.
func TestCompressedAnswers(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("Accept-Encoding: %q", req.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", mediaProtobuf)
		z := gzip.NewWriter(w)
		defer z.Close()
		z.Write(answer(t, id(1), func(a *traceByID) {
			a.trace.ResourceSpans[0].ScopeSpans[0].Spans[0].Name = strings.Repeat("x", 10_000)
		}))
	})
	if trace, err := newClient(t, url, Config{MaxBytes: 20_000}).Trace(t.Context(), id(1)); err != nil || len(trace.Spans[0].Name) != 10_000 {
		t.Errorf("got %v, %v", trace, err)
	}
	if _, err := newClient(t, url, Config{MaxBytes: 5000}).Trace(t.Context(), id(1)); !errors.Is(err, errTooLarge) {
		t.Errorf("error %v", err)
	}
}

func TestReversedRange(t *testing.T) {
	c := newClient(t, "http://127.0.0.1:1", Config{})
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, err := range c.Search(t.Context(), Query{Start: now, End: now.Add(-time.Hour)}) {
		const want = "search: the time range is reversed: it starts at 2026-01-02T03:04:05Z, after its end at 2026-01-02T02:04:05Z"
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		return
	}
	t.Error("no error")
}
