package tempoclient_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// recorded returns a server with the recorded answers of Tempo 2.9.0, which had one trace.
func recorded() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		const trace = "/api/v2/traces/0005a5a2d2c872e8321cf37308d69df2"
		switch {
		case req.URL.Path == "/api/search" && strings.HasPrefix(req.FormValue("q"), "{ "):
			http.Error(w, "invalid TraceQL query: parse error at line 1, col 3: syntax error: unexpected IDENTIFIER", http.StatusBadRequest)
		case req.URL.Path == "/api/search":
			w.Header().Set("Content-Type", "application/json")
			http.ServeFile(w, req, "testdata/tempo-2.9.0/search.json")
		case req.URL.Path == trace:
			w.Header().Set("Content-Type", "application/protobuf")
			http.ServeFile(w, req, "testdata/tempo-2.9.0/trace.pb")
		default:
			w.Header().Set("Content-Type", "application/protobuf")
		}
	}))
}

// The graph of all traces of a minute in which the checkout service failed. Without a range, the
// query is for the last hour.
func ExampleClient_Spans() {
	tempo := recorded()
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{Keep: servicegraph.Config{}.Reads})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	spans := client.Spans(context.Background(), tempoclient.Query{
		TraceQL: `{resource.service.name="checkout" && status=error}`,
		Start:   time.Date(2026, 11, 23, 2, 58, 0, 0, time.UTC),
		End:     time.Date(2026, 11, 23, 2, 59, 0, 0, time.UTC),
	})
	graph, err := servicegraph.Build(spans, servicegraph.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for e := range graph.Edges() {
		fmt.Printf("%s → %s: %v calls, %v errors\n", e.ID.From, e.ID.To, e.Calls, e.Errors)
	}
	// Output:
	// frontend → checkout: 1 calls, 1 errors
}

// The graph of one trace.
func ExampleClient_TraceSpans() {
	tempo := recorded()
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	id, err := servicegraph.ParseTraceID("0005a5a2d2c872e8321cf37308d69df2")
	if err != nil {
		log.Fatal(err)
	}
	graph, err := servicegraph.Build(client.TraceSpans(context.Background(), id), servicegraph.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for e := range graph.Edges() {
		fmt.Printf("%s → %s: %v calls\n", e.ID.From, e.ID.To, e.Calls)
	}
	// Output:
	// frontend → checkout: 1 calls
}

// A warning says what may be missing from an answer. Reading goes on after a warning, and the
// report of a graph counts the warnings.
func ExampleWarning() {
	// This server finds a trace in a search, but does not return it by id.
	tempo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/api/search" {
			fmt.Fprintf(w, `{"traces": [{"traceID": "1f", "startTimeUnixNano": "%d"}]}`, time.Now().Add(-time.Minute).UnixNano())
			return
		}
		http.Error(w, "trace not found", http.StatusNotFound)
	}))
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for span, err := range client.Spans(context.Background(), tempoclient.Query{}) {
		if w := (*tempoclient.Warning)(nil); errors.As(err, &w) {
			fmt.Println(w.Kind == tempoclient.WarnMissing, w)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(span.Name)
	}
	// Output:
	// true trace 0000000000000000000000000000001f: missing: the search found it, but it was deleted meanwhile
}

func ExampleClient_Search() {
	tempo := recorded()
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	query := tempoclient.Query{Limit: 10, End: time.Date(2026, 11, 23, 2, 59, 0, 0, time.UTC)}
	for trace, err := range client.Search(context.Background(), query) {
		if skip := (*servicegraph.SkipError)(nil); errors.As(err, &skip) {
			log.Print(skip) // traces may be missing
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(trace.ID, trace.RootService, trace.RootName, trace.Duration)
	}
	// Output:
	// 0005a5a2d2c872e8321cf37308d69df2 frontend GET /checkout 500ms
}

func ExampleClient_Trace() {
	tempo := recorded()
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for _, text := range []string{"5a5a2d2c872e8321cf37308d69df2", "1"} {
		id, err := servicegraph.ParseTraceID(text)
		if err != nil {
			log.Fatal(err)
		}
		trace, err := client.Trace(context.Background(), id)
		if errors.Is(err, tempoclient.ErrNotFound) {
			fmt.Println("no such trace:", id)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		for _, s := range trace.Spans {
			fmt.Println(s.Service, s.Kind, s.Name, time.Duration(s.End-s.Start))
		}
		for _, w := range trace.Warnings {
			log.Print(w)
		}
	}
	// Output:
	// frontend server GET /checkout 500ms
	// frontend client POST 300ms
	// checkout server POST /pay 200ms
	// no such trace: 00000000000000000000000000000001
}

// Tempo's message about a rejected query holds the position of the fault.
func ExampleError() {
	tempo := recorded()
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for _, err := range client.Search(context.Background(), tempoclient.Query{TraceQL: "{ nonsense }"}) {
		if e := (*tempoclient.Error)(nil); errors.As(err, &e) {
			fmt.Println(e.StatusCode, e.Body)
		}
	}
	// Output:
	// 400 invalid TraceQL query: parse error at line 1, col 3: syntax error: unexpected IDENTIFIER
}

// A program reads the address of Tempo from its environment. A tracing transport, such as
// otelhttp.NewTransport(http.DefaultTransport), traces the requests of the client.
func ExampleFromEnv() {
	url, cfg := tempoclient.FromEnv(os.Getenv)
	if url == "" {
		url = "http://localhost:3200"
	}
	cfg.Transport = http.DefaultTransport
	client, err := tempoclient.New(url, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

// The rate of failed calls of each service, from a metrics query. The server here has the answers of
// Tempo to such queries.
func ExampleClient_QueryRange() {
	tempo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/api/metrics/query_range":
			fmt.Fprint(w, `{"series":[{"labels":[{"key":"resource.service.name","value":{"stringValue":"checkout"}}],
				"samples":[{"timestampMs":"1795402680000","value":0.5},{"timestampMs":"1795402740000","value":2}]}]}`)
		case "/api/metrics/query":
			fmt.Fprint(w, `{"series":[{"labels":[{"key":"resource.service.name","value":{"stringValue":"checkout"}}],"value":1.25}]}`)
		}
	}))
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	query := tempoclient.MetricsQuery{
		TraceQL: `{status=error} | rate() by (resource.service.name)`,
		Start:   time.Date(2026, 11, 23, 2, 57, 0, 0, time.UTC),
		End:     time.Date(2026, 11, 23, 2, 59, 0, 0, time.UTC),
		Step:    time.Minute,
	}
	overTime, err := client.QueryRange(context.Background(), query)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range overTime.Series {
		for _, sample := range s.Samples {
			fmt.Println(s.Labels[0].Value, sample.Time.UTC().Format(time.TimeOnly), sample.Value)
		}
	}
	whole, err := client.QueryInstant(context.Background(), query)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range whole.Series {
		fmt.Println(s.Labels[0].Value, "in the whole range", s.Samples[0].Value)
	}
	// Output:
	// checkout 02:58:00 0.5
	// checkout 02:59:00 2
	// checkout in the whole range 1.25
}

// Echo checks the URL and the credentials, and Ready whether Tempo can answer queries yet.
func ExampleClient_Ready() {
	tempo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/api/echo":
			fmt.Fprint(w, "echo")
		case "/ready":
			http.Error(w, "Ingester not ready: waiting for 15s after being ready", http.StatusServiceUnavailable)
		case "/api/status/buildinfo":
			fmt.Fprint(w, `{"version":"2.9.0"}`)
		}
	}))
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx := context.Background()
	if err := client.Echo(ctx); err != nil {
		log.Fatal(err)
	}
	build, err := client.BuildInfo(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Tempo", build.Major())
	err = client.Ready(ctx)
	fmt.Println(strings.ReplaceAll(err.Error(), tempo.URL, "http://tempo:3200"))
	// Output:
	// Tempo 2
	// tempo http://tempo:3200: GET /ready: 503 Service Unavailable: Ingester not ready: waiting for 15s after being ready
}

// A test waits until the trace that it caused has arrived. This server has the trace only at the
// second request.
func ExampleClient_Await() {
	var requests atomic.Int32
	tempo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case !strings.HasPrefix(req.URL.Path, "/api/v2/traces/"):
			http.NotFound(w, req)
		case requests.Add(1) == 1:
			http.Error(w, "trace not found", http.StatusNotFound)
		default:
			w.Header().Set("Content-Type", "application/protobuf")
			http.ServeFile(w, req, "testdata/tempo-2.9.0/trace.pb")
		}
	}))
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	id, err := servicegraph.ParseTraceID("0005a5a2d2c872e8321cf37308d69df2")
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	trace, err := client.Await(ctx, id, 100*time.Millisecond)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(trace.Spans), "spans")
	// Output: 3 spans
}

// The attributes of a tenant's spans, the services among their values, and the tenant's limits.
func ExampleClient_Tags() {
	tempo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/api/v2/search/tags":
			fmt.Fprint(w, `{"scopes": [{"name": "resource", "tags": ["service.name", "service.namespace"]}]}`)
		case "/api/v2/search/tag/resource.service.name/values":
			fmt.Fprint(w, `{"tagValues": [{"type": "string", "value": "checkout"}]}`)
		case "/status/overrides/shop":
			fmt.Fprint(w, "<h1>Runtime overrides</h1><pre><code>global:\n  max_bytes_per_trace: 5000000\n</code></pre>")
		}
	}))
	defer tempo.Close()

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{OrgID: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx := context.Background()
	tags, err := client.Tags(ctx, tempoclient.TagQuery{Scope: "resource"})
	if err != nil {
		log.Fatal(err)
	}
	for _, scope := range tags.Scopes {
		fmt.Println(scope.Name, scope.Tags)
	}
	services, err := client.TagValues(ctx, "resource.service.name", tempoclient.TagQuery{})
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range services.Values {
		fmt.Println(v.Value)
	}
	limits, err := client.Overrides(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(limits)
	// Output:
	// resource [service.name service.namespace]
	// checkout
	// global:
	//   max_bytes_per_trace: 5000000
}
