package otelsetup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// A backend is a fake of Tempo 2 with a metrics-generator and of Prometheus. A test changes the
// answer at a path to break a hop.
type backend struct {
	receiver *receiver
	answers  map[string]http.HandlerFunc // by path, in place of the usual answer
	tempo    string
	url      string // of Prometheus
	tenant   string // required if not empty
	late     int    // how many of the latest probes have no series in Prometheus yet
}

func startBackend(t *testing.T) *backend {
	b := &backend{receiver: new(receiver).serveHTTP(t, nil), answers: make(map[string]http.HandlerFunc)}
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if answer := b.answers[r.URL.Path]; answer != nil {
				answer(w, r)
				return
			}
			h(w, r)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	b.tempo, b.url = serve(b.serveTempo), serve(b.servePrometheus)
	return b
}

// target returns the name of the called service in the latest probe trace.
func (b *backend) target() string {
	calls := b.receiver.kept()
	return attributes(calls[len(calls)-1].request.ResourceSpans[1])["service.name"]
}

// traceID returns the id of the latest probe trace.
func (b *backend) traceID() string {
	calls := b.receiver.kept()
	if len(calls) == 0 {
		return ""
	}
	return fmt.Sprintf("%x", calls[len(calls)-1].request.ResourceSpans[0].ScopeSpans[0].Spans[0].TraceId)
}

func (b *backend) serveTempo(w http.ResponseWriter, r *http.Request) {
	if b.tenant != "" && strings.HasPrefix(r.URL.Path, "/api/search") && r.Header.Get("X-Scope-OrgID") != b.tenant {
		http.Error(w, "no org id", http.StatusUnauthorized)
		return
	}
	switch path := r.URL.Path; {
	case path == "/ready":
		fmt.Fprintln(w, "ready")
	case path == "/api/echo":
		fmt.Fprint(w, "echo")
	case path == "/api/status/buildinfo":
		fmt.Fprint(w, `{"version":"2.9.0"}`)
	case strings.HasPrefix(path, "/api/traces/"):
		if id := b.traceID(); id == "" || path != "/api/traces/"+id {
			http.Error(w, "trace not found", http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `{"batches":[%q,%q]}`, probeClient, b.target())
	case path == "/api/search":
		fmt.Fprintf(w, `{"traces":[{"traceID":%q}]}`, b.traceID())
	case path == "/api/metrics/query_range":
		http.Error(w, "localblocks processor not found", http.StatusInternalServerError)
	case path == "/metrics":
		fmt.Fprintf(w, "# HELP x y\ntempo_metrics_generator_spans_received_total{tenant=\"single-tenant\"} 2\n"+
			"tempo_metrics_generator_active_processors{processor=\"service-graphs\",tenant=\"single-tenant\"} 1\n"+
			"prometheus_remote_storage_samples_total{tenant=\"single-tenant\",url=\"http://prometheus/api/v1/write\"} 3\n"+
			"prometheus_remote_storage_queue_highest_sent_timestamp_seconds{tenant=\"single-tenant\"} %d\n", time.Now().Unix()+1)
	default:
		http.NotFound(w, r)
	}
}

func (b *backend) servePrometheus(w http.ResponseWriter, r *http.Request) {
	vector := func(metric string, value float64) {
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{%s},"value":[1,"%v"]}]}}`, metric, value)
	}
	switch query := r.URL.Query().Get("query"); {
	case r.URL.Path == "/api/v1/write":
		http.Error(w, "unsupported media type", http.StatusUnsupportedMediaType)
	case r.URL.Path == "/api/v1/status/buildinfo":
		fmt.Fprint(w, `{"status":"success","data":{"version":"3.16.0"}}`)
	case r.URL.Path != "/api/v1/query":
		http.NotFound(w, r)
	case query == "vector(1)":
		vector("", 1)
	case strings.Contains(query, `client="`+probeClient):
		for _, c := range b.receiver.kept()[:max(len(b.receiver.kept())-b.late, 0)] {
			if strings.Contains(query, attributes(c.request.ResourceSpans[1])["service.name"]) {
				vector(`"__name__":"traces_service_graph_request_total"`, 1)
				return
			}
		}
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	case strings.HasPrefix(query, "max(timestamp("):
		vector("", float64(time.Now().Unix()-10))
	default:
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	}
}

func (b *backend) check(t *testing.T, opts ...Option) Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return Check(ctx, append([]Option{Endpoint(b.receiver.url), Tempo(Server{URL: b.tempo}), Prometheus(Server{URL: b.url})}, opts...)...)
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if strings.HasPrefix(body, "<") {
			w.Header().Set("Content-Type", "text/html")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func names(hops []Hop) (list []string) {
	for _, h := range hops {
		list = append(list, h.Name)
	}
	return list
}

func TestCheckOfAWholePipeline(t *testing.T) {
	cleanEnv(t)
	b := startBackend(t)
	report := b.check(t)
	if err := report.Err(); err != nil {
		t.Errorf("%v\n%s", err, report)
	}
	var skipped []string
	for _, h := range report.Hops {
		if h.Outcome == NotChecked {
			skipped = append(skipped, h.Name)
		}
	}
	if want := []string{HopPropagator, HopService, HopSampler}; !slices.Equal(skipped, want) {
		t.Errorf("not checked: %q, want %q\n%s", skipped, want, report)
	}
	encoded, err := json.Marshal(report)
	if err != nil || !strings.Contains(string(encoded), `{"hop":"tempo","outcome":"passed","detail":"`) {
		t.Errorf("JSON: %s, %v", encoded, err)
	}
	if got := fmt.Sprintf("%x", b.receiver.kept()[0].request.ResourceSpans[0].ScopeSpans[0].Spans[0].TraceId); got[0] == '0' {
		t.Errorf("the trace id %s begins with a zero, which Tempo leaves out", got)
	}
}

// TestCheckOfTempo3: Tempo 3 moves the end of a search into the past, and refuses the search if its
// start is not before the moved end. For a search without a time range, the start is
// query_backend_after before the moved end.
func TestCheckOfTempo3(t *testing.T) {
	cleanEnv(t)
	for _, c := range []struct{ cutoff, backendAfter time.Duration }{
		{30 * time.Second, 15 * time.Minute}, // as by default
		{0, 0},
		{15 * time.Minute, 15 * time.Minute},
	} {
		b := startBackend(t)
		b.answers["/api/status/buildinfo"] = func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"version":"3.0.3"}`)
		}
		b.answers["/api/search"] = func(w http.ResponseWriter, r *http.Request) {
			end := time.Now().Add(-c.cutoff)
			if seconds, err := strconv.ParseInt(r.FormValue("end"), 10, 64); err == nil && seconds < end.Unix() {
				end = time.Unix(seconds, 0)
			}
			start := end.Add(-c.backendAfter)
			if seconds, err := strconv.ParseInt(r.FormValue("start"), 10, 64); err == nil {
				start = time.Unix(seconds, 0)
			}
			if start.Unix() >= end.Unix() {
				http.Error(w, fmt.Sprintf("http parameter start must be before end. received start=%d end=%d", start.Unix(), end.Unix()), http.StatusBadRequest)
				return
			}
			b.serveTempo(w, r)
		}
		if report := b.check(t); report.Err() != nil {
			t.Errorf("query_end_cutoff %v, query_backend_after %v:\n%s", c.cutoff, c.backendAfter, report)
		}
	}
}

// TestCheckNamesTheHop: each fault makes only its hop fail, and the report says what is wrong and
// what to do.
func TestCheckNamesTheHop(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	reset := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}
	page := text(http.StatusOK, "<html><title>Sign in</title>")
	for _, test := range []struct {
		name, path, hop string
		answer          http.HandlerFunc
		want            string // text in the detail or the fix
	}{
		{"Tempo starts", "/ready", HopTempo, text(503, "Ingester not ready: waiting"), "not ready: Ingester not ready: waiting"},
		{"not Tempo", "/api/echo", HopTempo, text(404, "404 page not found"), "the server is not Tempo's query API"},
		{"a login page before Tempo", "/ready", HopTempo, page, `a web page ("Sign in") in place of an answer`},
		{"Tempo hangs", "/ready", HopTempo, hang, "no answer in time"},
		{"Tempo resets", "/ready", HopTempo, reset, "closed the connection unexpectedly"},
		{"Tempo redirects away", "/ready", HopTempo, http.RedirectHandler("http://127.0.0.1:1/ready", 307).ServeHTTP, "redirects to http://127.0.0.1:1, another server"},
		{"tenant", "/api/search", HopAccess, text(401, "no org id"), "X-Scope-OrgID"},
		{"credentials", "/api/search", HopAccess, text(403, "denied"), "check the credentials and the tenant"},
		{"search", "/api/search", HopAccess, text(500, "too many jobs"), "500 Internal Server Error (too many jobs)"},
		{"no generator", "/api/metrics/query_range", HopGenerator, text(500, "error finding generators: empty ring"), "metricsGenerator.enabled: true"},
		{"no generator in the configuration", "/status/config", HopGenerator, text(200, "target: all\nmetrics_generator:\n    ring:\n        kvstore:\n    storage:\n        path: \"\"\n"), "runs without metrics_generator.storage.path"},
		{"not Prometheus", "/api/v1/query", HopPrometheus, text(200, "{}"), "the server is not Prometheus' query API"},
		{"a login page before Prometheus", "/api/v1/query", HopPrometheus, page, `("Sign in")`},
		{"Prometheus hangs", "/api/v1/query", HopPrometheus, hang, "no answer in time"},
		{"no remote write receiver", "/api/v1/write", HopRemoteWrite, text(404, "remote write receiver needs to be enabled with --web.enable-remote-write-receiver"), "--web.enable-remote-write-receiver"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cleanEnv(t)
			b := startBackend(t)
			b.answers[test.path] = test.answer
			if test.hop == HopGenerator { // the generator's own metrics would show that it runs
				b.answers["/metrics"] = text(200, "")
			}
			report := b.check(t)
			if got := names(report.Failed()); !slices.Equal(got, []string{test.hop}) {
				t.Fatalf("failed: %q, want %s alone\n%s", got, test.hop, report)
			}
			h := report.Hop(test.hop)
			if !strings.Contains(h.Detail+"\n"+h.Fix, test.want) {
				t.Errorf("got %q → %q, want %q in it", h.Detail, h.Fix, test.want)
			}
			if err := report.Err(); err == nil || !strings.Contains(err.Error(), test.hop) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestCheckOfTempoWithoutVersion: without Tempo's version, Check does not know which component
// answers metrics queries.
func TestCheckOfTempoWithoutVersion(t *testing.T) {
	cleanEnv(t)
	b := startBackend(t)
	b.answers["/metrics"] = text(http.StatusNotFound, "not found")
	b.answers["/api/status/buildinfo"] = text(http.StatusNotFound, "not found")
	b.answers["/api/metrics/query_range"] = text(http.StatusOK, `{"series":[]}`)
	// The configuration of a query-frontend says nothing about the generator, which is another
	// process.
	b.answers["/status/config"] = text(http.StatusOK, "target: query-frontend\nmetrics_generator:\n    storage:\n        path: \"\"\n")
	report := b.check(t)
	if h := report.Hop(HopGenerator); h.Outcome != NotChecked || report.Err() != nil {
		t.Errorf("%s, want not checked, and no hop failed:\n%s", h.Outcome, report)
	}
}

// TestCheckOfRemoteWrite: Tempo's metrics show why Prometheus gets no series.
func TestCheckOfRemoteWrite(t *testing.T) {
	const head = "tempo_metrics_generator_spans_received_total{tenant=\"single-tenant\"} 2\n" +
		"tempo_metrics_generator_active_processors{processor=\"service-graphs\",tenant=\"single-tenant\"} %d\n"
	const queue = `prometheus_remote_storage_samples_total{tenant="single-tenant",url="http://elsewhere/api/v1/push"} 3` + "\n"
	for _, test := range []struct {
		name, hop, want string
		active          int
		metrics         func(n int) string // the metrics after n requests
	}{
		{"no processor", HopServiceGraphs, "processors: [service-graphs]", 0, func(int) string { return "" }},
		{"no URL", HopRemoteWrite, "the metrics-generator has no URL to write to", 1, func(int) string { return "" }},
		{"refused", HopRemoteWrite, "writes series that are refused: http://elsewhere/api/v1/push", 1, func(n int) string {
			return queue + fmt.Sprintf("prometheus_remote_storage_samples_failed_total{tenant=\"single-tenant\"} %d\n"+
				"prometheus_remote_storage_queue_highest_sent_timestamp_seconds{tenant=\"single-tenant\"} %d\n", n, time.Now().Unix()+1)
		}},
		{"not reached", HopRemoteWrite, "cannot deliver its series: http://elsewhere/api/v1/push", 1, func(n int) string {
			return queue + fmt.Sprintf("prometheus_remote_storage_samples_retried_total{tenant=\"single-tenant\"} %d\n", n)
		}},
		{"another database", HopSeries, "check that http://elsewhere/api/v1/push leads to this Prometheus", 1, func(int) string {
			return queue + fmt.Sprintf("prometheus_remote_storage_queue_highest_sent_timestamp_seconds{tenant=\"single-tenant\"} %d\n", time.Now().Unix()+1)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := startBackend(t)
			var n int
			b.answers["/metrics"] = func(w http.ResponseWriter, _ *http.Request) {
				n++
				fmt.Fprintf(w, head, test.active)
				fmt.Fprint(w, test.metrics(n))
			}
			query := b.servePrometheus
			b.answers["/api/v1/query"] = func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Query().Get("query"), probeClient) {
					text(200, `{"status":"success","data":{"resultType":"vector","result":[]}}`)(w, r)
					return
				}
				query(w, r)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
			defer cancel()
			report := Check(ctx, Endpoint(b.receiver.url), Tempo(Server{URL: b.tempo}), Prometheus(Server{URL: b.url}))
			if got := names(report.Failed()); !slices.Equal(got, []string{test.hop}) {
				t.Fatalf("failed: %q, want %s alone\n%s", got, test.hop, report)
			}
			if h := report.Hop(test.hop); !strings.Contains(h.Detail+"\n"+h.Fix, test.want) {
				t.Errorf("got %q → %q, want %q in it", h.Detail, h.Fix, test.want)
			}
		})
	}
}

// TestCheckOfAReceiver checks the hops to the receiver, without backends.
func TestCheckOfAReceiver(t *testing.T) {
	config, _, _ := testTLS(t)
	secure := new(receiver).serveHTTP(t, config)
	login, _ := serveHTTP(t, text(200, "<html>Sign in"), nil)
	echo, _ := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "\x1b[2J no access for %s", r.Header.Get("Authorization"))
	}), nil)
	for _, test := range []struct{ name, endpoint, hop, want string }{
		{"settings", "ftp://host", HopSettings, `unknown scheme "ftp"`},
		{"resolve", "http://no-such-host.invalid:4318", HopResolve, "no-such-host.invalid: "},
		{"connect", "grpc://" + closedPort, HopConnect, "connection refused"},
		{"tls against plain text", strings.Replace(login, "http", "https", 1), HopTLS, "the receiver does not speak TLS"},
		{"unknown authority", secure.url, HopTLS, "certificate signed by unknown authority"},
		{"plain text against tls", "http://" + secure.host, HopTLS, "use https://" + secure.host},
		{"login page", login, HopAuth, "a web page came in place of an answer"},
		{"hang", "http://" + listen(t).Addr().String(), HopProtocol, "no answer in time"},
		{"echoed token", echo, HopAuth, `\x1b[2J no access for REDACTED`},
	} {
		t.Run(test.name, func(t *testing.T) {
			cleanEnv(t)
			report := Check(t.Context(), Endpoint(test.endpoint), Header("Authorization", "Bearer t0ken"))
			if got := names(report.Failed()); !slices.Equal(got, []string{test.hop}) {
				t.Fatalf("failed: %q, want %s alone\n%s", got, test.hop, report)
			}
			if h := report.Hop(test.hop); !strings.Contains(h.Detail+"\n"+h.Fix, test.want) {
				t.Errorf("got %q → %q, want %q in it", h.Detail, h.Fix, test.want)
			}
			if s := report.String(); strings.Contains(s, "t0ken") || strings.ContainsRune(s, 0x1b) {
				t.Errorf("the report has the token or a control character:\n%q", s)
			}
		})
	}
}

// TestWebPageIsAFailure: spans count as not delivered if a login page answers with status 200.
func TestWebPageIsAFailure(t *testing.T) {
	cleanEnv(t)
	login, _ := serveHTTP(t, text(200, "<!doctype html><title>Sign in</title>"), nil)
	sdk, _ := begin(t, Endpoint(login))
	spans(sdk, 3)
	if err := sdk.Shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), "a web page came in place of an answer") {
		t.Errorf("got %v", err)
	}
	if got := sdk.Stats(); got.Exported != 0 || got.Failed != 3 {
		t.Errorf("got %+v, want 3 failed spans", got)
	}
}

// TestCheckEndsInTime: Check returns when its time ends, and the report names the hop at which that
// happened.
func TestCheckEndsInTime(t *testing.T) {
	cleanEnv(t)
	b := startBackend(t)
	b.answers["/api/search"] = func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	report := Check(ctx, Endpoint(b.receiver.url), Tempo(Server{URL: b.tempo}))
	if took := time.Since(began); took > 10*time.Second { // Check takes half a second on an idle machine
		t.Errorf("took %v", took)
	}
	if got := names(report.Failed()); !slices.Equal(got, []string{HopAccess}) {
		t.Errorf("failed: %q\n%s", got, report)
	}
}

// TestChecksAreToldApart: two concurrent checks do not mistake each other's series for their own.
func TestChecksAreToldApart(t *testing.T) {
	cleanEnv(t)
	b := startBackend(t)
	if report := b.check(t); report.Err() != nil {
		t.Fatalf("the first check:\n%s", report)
	}
	b.late = 1
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	report := Check(ctx, Endpoint(b.receiver.url), Tempo(Server{URL: b.tempo}), Prometheus(Server{URL: b.url}))
	if got := names(report.Failed()); !slices.Equal(got, []string{HopSeries}) {
		t.Errorf("failed: %q, want %s: only the first check has series\n%s", got, HopSeries, report)
	}
}

// TestCheckKeepsSecrets: a token is neither sent to another server nor shown.
func TestCheckKeepsSecrets(t *testing.T) {
	cleanEnv(t)
	b := startBackend(t)
	var got []string
	other, _ := serveHTTP(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, r.URL.Path) }), nil)
	b.answers["/ready"] = http.RedirectHandler(other+"/ready", http.StatusFound).ServeHTTP
	b.answers["/api/v1/query"] = func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "token "+r.Header.Get("Authorization")+" \x1b[31m", http.StatusForbidden)
	}
	header := http.Header{"Authorization": {"Bearer t0ken"}}
	report := b.check(t, Tempo(Server{URL: b.tempo, Header: header}), Prometheus(Server{URL: b.url, Header: header}))
	if len(got) > 0 {
		t.Errorf("another server was asked for %q", got)
	}
	if s := report.String(); strings.Contains(s, "t0ken") || strings.ContainsRune(s, 0x1b) || !strings.Contains(s, "REDACTED") {
		t.Errorf("the report:\n%q", s)
	}
}

func TestCheckPipelineOfASDK(t *testing.T) {
	cleanEnv(t)
	b := startBackend(t)
	sdk, _ := begin(t, Endpoint(b.receiver.url), SampleRatio(0.25), Tempo(Server{URL: b.tempo}), Prometheus(Server{URL: b.url}))
	report := sdk.CheckPipeline(t.Context())
	if err := report.Err(); err != nil {
		t.Errorf("%v\n%s", err, report)
	}
	if h := report.Hop(HopSampler); h.Outcome != Passed || !strings.Contains(h.Detail, "0.25") {
		t.Errorf("sampler: %+v", h)
	}
	if h := report.Hop(HopService); h.Outcome != Passed || h.Detail != "checkout" {
		t.Errorf("service: %+v", h)
	}
	t.Setenv("OTEL_PROPAGATORS", "none")
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	silent, log := begin(t, Endpoint(b.receiver.url))
	if got := names(silent.CheckPipeline(t.Context()).Failed()); !slices.Equal(got, []string{HopPropagator, HopSampler}) {
		t.Errorf("failed: %q, want the propagator and the sampler", got)
	}
	log.await(t, "the sampler keeps no trace that begins in this service: AlwaysOffSampler")
}

func TestParseSamples(t *testing.T) {
	got := parseSamples([]byte("# TYPE a counter\na{x=\"1\\\"}\",y=\"z\"} 2 1700000000\nb 3.5\nbroken{x=1} 2\nc{x=\"1\"\n\nd{} NaN\n"))
	if len(got) != 3 || got[0].labels["x"] != `1"}` || got[0].labels["y"] != "z" || got[0].value != 2 || got[1].name != "b" || got[1].value != 3.5 {
		t.Errorf("got %+v", got)
	}
	if v := got.with("a", map[string]string{"y": "z"}).sum(); v != 2 {
		t.Errorf("sum %v, want 2", v)
	}
	if v := got.with("a", map[string]string{"y": "q"}); len(v) != 0 {
		t.Errorf("found %v with another label", v)
	}
}

func TestStartTakesOptions(t *testing.T) {
	cleanEnv(t)
	recorder := new(countingSpans)
	exporter := new(countingSpans)
	sdk, log := begin(t, Exporter(exporter), SpanProcessor(recorder))
	spans(sdk, 5)
	if err := sdk.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if recorder.ended != 5 || exporter.exported != 5 || !recorder.shut || !exporter.shut {
		t.Errorf("the processor %+v, the exporter %+v; want 5 spans each", recorder, exporter)
	}
	if got := sdk.Stats(); got.Exported != 5 {
		t.Errorf("stats %+v", got)
	}
	if log.String() != "" {
		t.Errorf("log:\n%s", log)
	}
	failing, _ := begin(t, Exporter(&countingSpans{err: fmt.Errorf("disk full")}))
	spans(failing, 2)
	if err := failing.Shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), "2 of 2 spans not delivered to the exporter of the program: disk full") {
		t.Errorf("got %v", err)
	}

	config, certFile, _ := testTLS(t)
	r := new(receiver).serveGRPC(t, config)
	secure, _ := begin(t, Endpoint(r.url), TLS(trusting(t, certFile)))
	spans(secure, 1)
	if err := secure.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := (*SDK)(nil).Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown of nothing: %v", err)
	}
}

func TestConsoleExporter(t *testing.T) {
	cleanEnv(t)
	t.Setenv("OTEL_TRACES_EXPORTER", "console")
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	sdk, _ := begin(t)
	spans(sdk, 2)
	if err := sdk.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(file.Name())
	if err != nil || strings.Count(string(got), "\n") != 2 || !strings.Contains(string(got), "checkout internal \"") || !strings.Contains(string(got), " trace=") {
		t.Errorf("got %v:\n%s", err, got)
	}
}

// A countingSpans is a span processor and an exporter.
type countingSpans struct {
	ended, exported int
	shut            bool
	err             error
}

func (c *countingSpans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (c *countingSpans) OnEnd(sdktrace.ReadOnlySpan)                     { c.ended++ }
func (c *countingSpans) ForceFlush(context.Context) error                { return nil }
func (c *countingSpans) Shutdown(context.Context) error                  { c.shut = true; return nil }
func (c *countingSpans) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.exported += len(spans)
	return c.err
}

// trusting returns the settings of a client that trusts the certificate in a file.
func trusting(t *testing.T, certFile string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate")
	}
	return &tls.Config{RootCAs: pool}
}
