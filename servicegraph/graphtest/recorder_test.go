package graphtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// A fakeT is a test that collects its errors. It has only the methods of T.
type fakeT struct {
	mu     sync.Mutex
	errors []string
}

func (f *fakeT) Helper() {}

func (f *fakeT) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func (f *fakeT) text() string { return strings.Join(f.errors, "\n") }

// handler and client instrument HTTP with the provider of a service.
func handler(rec *graphtest.Recorder, p trace.TracerProvider, h http.HandlerFunc) http.Handler {
	return otelhttp.NewHandler(h, "serve", otelhttp.WithTracerProvider(p), otelhttp.WithPropagators(rec.Propagator()))
}

func client(rec *graphtest.Recorder, p trace.TracerProvider, base http.RoundTripper) *http.Client {
	return &http.Client{Transport: otelhttp.NewTransport(base, otelhttp.WithTracerProvider(p), otelhttp.WithPropagators(rec.Propagator()))}
}

// get makes a request and reads the answer.
func get(ctx context.Context, c *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := c.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode >= 500 {
		return fmt.Errorf("status %s", answer.Status)
	}
	return nil
}

// TestRecorderWaitsForServers: a server span that ends some time after the client has
// received the answer is in the graph.
func TestRecorderWaitsForServers(t *testing.T) {
	t.Parallel()
	rec := graphtest.NewRecorder(t, servicegraph.Config{})
	cart := httptest.NewServer(handler(rec, rec.Service("cart"), func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "ok")
		w.(http.Flusher).Flush() // the client has received the whole answer
		for range 1000 {
			fmt.Fprint(io.Discard, r.URL)
		}
	}))
	t.Cleanup(cart.Close)
	p := rec.Service("web")
	ctx, span := p.Tracer("test").Start(t.Context(), "request", trace.WithSpanKind(trace.SpanKindServer))
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, cart.URL, nil)
	answer, err := client(rec, p, http.DefaultTransport).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close() // without waiting for the end of the body
	span.End()
	graphtest.Check(t, rec.Graph(t),
		graphtest.Exactly("web -> cart"), graphtest.Calls("web -> cart", 1, 1), graphtest.NoOrphans(), graphtest.Unresolved(0))
}

// TestRecorderConcurrentSafe makes requests from many goroutines while others take graphs.
func TestRecorderConcurrentSafe(t *testing.T) {
	t.Parallel()
	rec := graphtest.NewRecorder(t, servicegraph.Config{})
	const goroutines, each = 8, 20
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			web, cart := rec.Service("web").Tracer("test"), rec.Service("cart").Tracer("test")
			for range each {
				ctx, client := web.Start(t.Context(), "call", trace.WithSpanKind(trace.SpanKindClient))
				_, server := cart.Start(ctx, "serve", trace.WithSpanKind(trace.SpanKindServer))
				server.End()
				client.End()
			}
		})
	}
	for range 10 {
		rec.Graph(&fakeT{})
	}
	all.Wait()
	graphtest.Check(t, rec.Graph(t), graphtest.Exactly("web -> cart"), graphtest.Calls("web -> cart", goroutines*each, goroutines*each))
}

// TestRecorderNamesOpenSpans: the error for a span that never ends names the span.
func TestRecorderNamesOpenSpans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := graphtest.NewRecorder(t, servicegraph.Config{})
		_, leaked := rec.Service("web", attribute.String("service.namespace", "shop")).Tracer("test").Start(t.Context(), "leaked")
		ft := &fakeT{}
		started := time.Now()
		g := rec.Graph(ft)
		if took := time.Since(started); took != 2*time.Second {
			t.Errorf("waited for %v", took)
		}
		want := fmt.Sprintf("internal span \"leaked\" of shop/web has not ended: trace %s span %s",
			leaked.SpanContext().TraceID(), leaked.SpanContext().SpanID())
		if len(ft.errors) != 1 || !strings.Contains(ft.text(), want) || !strings.Contains(ft.text(), "defer span.End()") {
			t.Errorf("errors: %s", ft.text())
		}
		if g.NumNodes() != 0 {
			t.Error("the open span is in the graph")
		}
		leaked.End()
		if rec.Graph(t).NumNodes() != 1 {
			t.Error("the ended span is not in the graph")
		}
	})
}

// TestRecorderIgnoresTheEnvironment: variables for telemetry in production do not change a
// test.
func TestRecorderIgnoresTheEnvironment(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "other")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=other")
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	t.Setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1")
	rec := graphtest.NewRecorder(t, servicegraph.Config{})
	_, span := rec.Service("web").Tracer("test").Start(t.Context(), "query", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("a", "b"), attribute.String("db.system.name", "postgresql"), attribute.String("db.namespace", "carts")))
	span.End()
	graphtest.Check(t, rec.Graph(t), graphtest.Exactly("/web -> carts[database]"))
}

// TestRecorderLeavesGlobalsAlone: a recorder does not change the global provider and
// propagator, which parallel tests share.
func TestRecorderLeavesGlobalsAlone(t *testing.T) {
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	rec := graphtest.NewRecorder(t, servicegraph.Config{})
	rec.Service("web")
	rec.Graph(t)
	if otel.GetTracerProvider() != provider || otel.GetTextMapPropagator() != propagator {
		t.Error("a global has changed")
	}
}

// TestRecorderAsProcessor: a recorder also works as a processor of the program's provider.
func TestRecorderAsProcessor(t *testing.T) {
	rec := graphtest.NewRecorder(&fakeT{}, servicegraph.Config{}) // without Cleanup
	p := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec.Processor()), sdktrace.WithSampler(sdktrace.NeverSample()))
	_, span := p.Tracer("test").Start(t.Context(), "unsampled")
	span.End()
	graphtest.Check(t, rec.Graph(t), graphtest.Empty())

	own := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(rec.Processor()),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "web"))))
	ctx, client := own.Tracer("test").Start(t.Context(), "call", trace.WithSpanKind(trace.SpanKindClient))
	_, server := rec.Service("cart").Tracer("test").Start(ctx, "serve", trace.WithSpanKind(trace.SpanKindServer))
	server.End()
	client.End()
	graphtest.Check(t, rec.Graph(t), graphtest.Exactly("web -> cart"))
}

// TestCheckReportsAllAtOnce: Check reports all broken rules as one error.
func TestCheckReportsAllAtOnce(t *testing.T) {
	ft := &fakeT{}
	ok := graphtest.Check(ft, graphOf(t, shop), graphtest.Never("web", "cart"), graphtest.Acyclic(), graphtest.MaxDepth(1))
	if ok || len(ft.errors) != 1 {
		t.Fatalf("%v with %d errors", ok, len(ft.errors))
	}
	for _, want := range []string{"2 of 3 rules broken", "✗ never web -> cart", "✗ depth at most 1"} {
		if !strings.Contains(ft.text(), want) {
			t.Errorf("no %q in\n%s", want, ft.text())
		}
	}
	if strings.Contains(ft.text(), "acyclic") {
		t.Errorf("a rule that holds is in\n%s", ft.text())
	}
	ft = &fakeT{}
	if !graphtest.Check(ft, graphOf(t, shop).Graph, graphtest.Acyclic()) || len(ft.errors) > 0 {
		t.Errorf("a rule that holds: %s", ft.text())
	}
	if graphtest.Check(ft, graphOf(t, shop)) || len(ft.errors) != 1 {
		t.Error("no rules at all pass")
	}
}

// A keepingT has an artifact directory.
type keepingT struct {
	fakeT
	dir string
}

func (k *keepingT) ArtifactDir() string { return k.dir }

// TestCheckKeepsTheGraph: the graph of each failure is in files of its own.
func TestCheckKeepsTheGraph(t *testing.T) {
	kt := &keepingT{dir: t.TempDir()}
	graphtest.Check(kt, graphOf(t, shop), graphtest.Acyclic())
	if files, _ := os.ReadDir(kt.dir); len(files) > 0 {
		t.Errorf("files of a test that passes: %v", files)
	}
	for range 2 {
		graphtest.Check(kt, graphOf(t, shop), graphtest.Never("web", "cart"))
	}
	for name, want := range map[string]string{
		"graph.txt": "shop/web ", "graph.dot": "digraph servicegraph", "graph.mmd": "flowchart", "graph-2.txt": "shop/web ", "graph-2.dot": "digraph servicegraph",
	} {
		text, err := os.ReadFile(filepath.Join(kt.dir, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v: %s", name, err, text)
		}
	}
	var tb testing.TB = t
	if _, ok := tb.(interface{ ArtifactDir() string }); !ok {
		t.Error("testing.TB has no ArtifactDir any more")
	}
}

// TestObserveSkips: skipped records and traces left out are counted, and an error ends reading.
func TestObserveSkips(t *testing.T) {
	lost := fmt.Errorf("lost")
	o, err := graphtest.Observe(func(yield func(servicegraph.Span, error) bool) {
		_ = yield(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1}, Service: "web"}, nil) &&
			yield(servicegraph.Span{}, &servicegraph.SkipError{Err: lost}) &&
			yield(servicegraph.Span{}, &servicegraph.SkipError{Traces: 2}) &&
			yield(servicegraph.Span{}, lost)
	}, servicegraph.Config{})
	if err != lost || o.NumNodes() != 1 || o.Report().Skipped != 1 || o.Report().LeftOutTraces != 2 {
		t.Errorf("%v, %d nodes, report %+v", err, o.NumNodes(), o.Report())
	}
}
