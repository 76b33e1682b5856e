package otelsetup

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// overBoth runs a test over OTLP gRPC and over OTLP HTTP.
func overBoth(t *testing.T, test func(t *testing.T, serve func(*receiver) *receiver)) {
	t.Run("grpc", func(t *testing.T) {
		cleanEnv(t)
		test(t, func(r *receiver) *receiver { return r.serveGRPC(t, nil) })
	})
	t.Run("http", func(t *testing.T) {
		cleanEnv(t)
		test(t, func(r *receiver) *receiver { return r.serveHTTP(t, nil) })
	})
}

func TestExport(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		r := serve(new(receiver))
		sdk, log := begin(t,
			Endpoint(r.url),
			Namespace("shop"),
			Header("x-scope-orgid", "team-b"), Header("X-Scope-OrgID", "team-a"), Header("Authorization", "Basic abc=="),
			Resource(attribute.String("deployment.environment.name", "test"), attribute.String("service.name", "not this")),
		)
		tracer := sdk.TracerProvider().Tracer("test")
		ctx, parent := tracer.Start(context.Background(), "GET /cart", trace.WithSpanKind(trace.SpanKindServer))
		_, child := tracer.Start(ctx, "SELECT", trace.WithAttributes(attribute.String("db.system.name", "mysql")))
		child.End()
		parent.End()
		if err := sdk.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if log.String() != "" {
			t.Errorf("the log is not silent when all is well:\n%s", log)
		}

		calls := r.kept()
		if len(calls) != 1 || len(calls[0].request.GetResourceSpans()) != 1 {
			t.Fatalf("got %d requests, want one with one resource: %v", len(calls), calls)
		}
		if got := calls[0].header.Values("X-Scope-OrgID"); !slices.Equal(got, []string{"team-a"}) {
			t.Errorf("X-Scope-OrgID: got %q, want the last one alone", got)
		}
		if got := calls[0].header.Get("Authorization"); got != "Basic abc==" {
			t.Errorf("Authorization: got %q", got)
		}
		if strings.HasPrefix(r.url, "http") && calls[0].path != "/v1/traces" {
			t.Errorf("path: got %q", calls[0].path)
		}

		rs := calls[0].request.GetResourceSpans()[0]
		res := attributes(rs)
		for key, want := range map[string]string{
			"service.name": "checkout", "service.version": "1.4.2", "service.namespace": "shop",
			"deployment.environment.name": "test", "telemetry.sdk.language": "go", "process.runtime.name": "go",
		} {
			if res[key] != want {
				t.Errorf("resource %s: got %q, want %q", key, res[key], want)
			}
		}
		byName := make(map[string]*tracepb.Span)
		for _, s := range rs.GetScopeSpans()[0].GetSpans() {
			byName[s.GetName()] = s
		}
		p, c := byName["GET /cart"], byName["SELECT"]
		if p == nil || c == nil || len(byName) != 2 {
			t.Fatalf("got spans %v", slices.Collect(maps.Keys(byName)))
		}
		if string(c.GetParentSpanId()) != string(p.GetSpanId()) || string(c.GetTraceId()) != string(p.GetTraceId()) {
			t.Error("SELECT is no child of GET /cart")
		}
		if p.GetKind() != tracepb.Span_SPAN_KIND_SERVER || c.GetAttributes()[0].GetKey() != "db.system.name" {
			t.Errorf("got %v and %v", p, c)
		}
		want := Stats{Started: 2, Ended: 2, Exported: 2}
		if got := sdk.Stats(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// TestTwoServicesInOneProcess: services in one process, as in examples and tests, export
// separately.
func TestTwoServicesInOneProcess(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		r := serve(new(receiver))
		cart, _ := begin(t, Service("cart", ""), Endpoint(r.url))
		stock, _ := begin(t, Service("stock", ""), Endpoint(r.url))
		ctx, span := cart.TracerProvider().Tracer("test").Start(t.Context(), "GET /cart")
		_, inner := stock.TracerProvider().Tracer("test").Start(ctx, "GET /stock")
		inner.End()
		span.End()
		for _, sdk := range []*SDK{cart, stock} {
			if err := sdk.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		want := map[string][]string{"cart": {"GET /cart"}, "stock": {"GET /stock"}}
		if diff := cmp.Diff(want, r.names()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFlush(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		r := serve(new(receiver))
		sdk, _ := begin(t, Endpoint(r.url))
		spans(sdk, 3)
		if err := sdk.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(r.names()["checkout"]); n != 3 {
			t.Errorf("got %d spans after Flush, want 3", n)
		}
		if got, want := sdk.Stats(), (Stats{Started: 3, Ended: 3, Exported: 3}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestConcurrentSafe(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100000") // no span should be dropped
		r := serve(new(receiver))
		sdk, _ := begin(t, Endpoint(r.url))
		const workers, each = 8, 250
		done := make(chan error, workers)
		for range workers {
			go func() {
				for range each {
					spans(sdk, 1)
					_ = sdk.Stats()
				}
				err := sdk.Flush(context.Background())
				if err == nil {
					err = sdk.Check(context.Background())
				}
				done <- err
			}()
		}
		for range workers {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		spans(sdk, each)
		for range workers {
			go func() { done <- sdk.Shutdown(context.Background()) }()
			go func() { done <- sdk.Flush(context.Background()) }()
		}
		for range 2 * workers {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		const n = workers*each + each
		if got, want := sdk.Stats(), (Stats{Started: n, Ended: n, Exported: n}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got := len(r.names()["checkout"]); got != n {
			t.Errorf("received %d spans, want %d", got, n)
		}
	})
}
