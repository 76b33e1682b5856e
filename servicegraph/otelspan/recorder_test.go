package otelspan_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otelspan"
)

// tracer returns a tracer of a service whose spans go to the recorder.
func tracer(rec *otelspan.Recorder, service string) trace.Tracer {
	return sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(rec),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))),
	).Tracer("test")
}

// call makes one request from a service to another.
func call(from, to trace.Tracer) {
	ctx, client := from.Start(context.Background(), "call", trace.WithSpanKind(trace.SpanKindClient))
	_, server := to.Start(ctx, "serve", trace.WithSpanKind(trace.SpanKindServer))
	server.End()
	client.End()
}

func service(name string) servicegraph.NodeID {
	return servicegraph.NodeID{Name: name, Type: servicegraph.TypeService}
}

func calls(t *testing.T, g *servicegraph.Graph, from, to string) float64 {
	t.Helper()
	e, _ := g.Edge(servicegraph.EdgeID{From: service(from), To: service(to), Kind: servicegraph.EdgeRequest})
	return e.Calls
}

func ExampleRecorder() {
	rec := otelspan.NewRecorder(servicegraph.Config{})
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(rec), // beside the exporter of the program
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "web"))),
	)
	_, span := provider.Tracer("example").Start(context.Background(), "SELECT", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("db.namespace", "products")))
	span.End()

	for e := range rec.Graph().Edges() { // at any time
		fmt.Println(e.ID.From, "->", e.ID.To, e.ID.To.Type, e.Calls)
	}
	// Output: web -> products database 1
}

func TestRecorderGraphGrows(t *testing.T) {
	rec := otelspan.NewRecorder(servicegraph.Config{})
	web, cart := tracer(rec, "web"), tracer(rec, "cart")
	for n := 1.0; n <= 3; n++ {
		call(web, cart)
		if got := calls(t, rec.Graph(), "web", "cart"); got != n {
			t.Errorf("%v calls after %v", got, n)
		}
	}
	if x := rec.Explain(service("web"), service("cart")); len(x.Edges) != 1 {
		t.Errorf("explained: %v", x)
	}
}

// TestRecorderKeepsAttributesOfConfig: the recorder keeps an attribute that only the
// configuration makes the graph read.
func TestRecorderKeepsAttributesOfConfig(t *testing.T) {
	for _, tt := range []struct {
		keys []string
		want []servicegraph.Attr
	}{
		{nil, nil},
		{[]string{"service.version"}, []servicegraph.Attr{{Key: "service.version", Value: "1.4.2"}}},
	} {
		rec := otelspan.NewRecorder(servicegraph.Config{NodeAttrs: tt.keys})
		web := sdktrace.NewTracerProvider(
			sdktrace.WithSpanProcessor(rec),
			sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "web"), attribute.String("service.version", "1.4.2"))),
		).Tracer("test")
		_, span := web.Start(t.Context(), "serve", trace.WithSpanKind(trace.SpanKindServer))
		span.End()
		node, _ := rec.Graph().Node(service("web"))
		if diff := cmp.Diff(tt.want, node.Attrs); diff != "" {
			t.Errorf("NodeAttrs %q (-want +got):\n%s", tt.keys, diff)
		}
	}
}

// TestRecorderWait: open spans are known by name, and the wait ends with the last.
func TestRecorderWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := otelspan.NewRecorder(servicegraph.Config{})
		if err := rec.Wait(t.Context()); err != nil {
			t.Fatalf("with nothing open: %v", err)
		}
		web := tracer(rec, "web")
		_, first := web.Start(t.Context(), "first")
		time.Sleep(time.Second)
		_, second := web.Start(t.Context(), "second")
		open, more := rec.Open()
		if len(open) != 2 || open[0].Name != "first" || open[1].Name != "second" || open[0].Service != "web" || more != 0 {
			t.Errorf("open: %+v and %d", open, more)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := rec.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with two open: %v", err)
		}
		go func() {
			time.Sleep(time.Second)
			second.End()
			time.Sleep(time.Second)
			first.End()
		}()
		started := time.Now()
		if err := rec.Wait(t.Context()); err != nil || time.Since(started) != 2*time.Second {
			t.Errorf("after %v: %v", time.Since(started), err)
		}
		if spans := rec.Graph().Report().Spans; spans != 2 {
			t.Errorf("%d spans after the wait", spans)
		}
	})
}

// TestRecorderForgets: what is held is bounded, what was counted stays.
func TestRecorderForgets(t *testing.T) {
	rec := otelspan.NewRecorder(servicegraph.Config{Window: servicegraph.Window{Spans: 100}})
	web, cart := tracer(rec, "web"), tracer(rec, "cart")
	const n = 5000
	for range n {
		call(web, cart)
	}
	g := rec.Graph()
	if got := calls(t, g, "web", "cart"); got != n {
		t.Errorf("%v calls, want %d", got, n)
	}
	if r := g.Report(); r.EvictedSpans < n-100 || r.Accounted() != r.Spans {
		t.Errorf("report %+v", r)
	}
}

// TestRecorderTooManyOpen: spans that are never ended are counted when there are
// too many to keep.
func TestRecorderTooManyOpen(t *testing.T) {
	rec := otelspan.NewRecorder(servicegraph.Config{})
	web := tracer(rec, "web")
	var spans []trace.Span
	for range 10_003 {
		_, s := web.Start(t.Context(), "leak")
		spans = append(spans, s)
	}
	if open, more := rec.Open(); len(open) != 10_000 || more != 3 {
		t.Errorf("%d open and %d more", len(open), more)
	}
	for _, s := range spans {
		s.End()
	}
	if err := rec.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRecorderConcurrentSafe ends spans while graphs are made of them.
func TestRecorderConcurrentSafe(t *testing.T) {
	rec := otelspan.NewRecorder(servicegraph.Config{})
	web, cart := tracer(rec, "web"), tracer(rec, "cart")
	const goroutines, each = 8, 300 // more than may be pending
	var callers, readers sync.WaitGroup
	done := make(chan struct{})
	readers.Go(func() {
		for last := 0.0; ; {
			n := calls(t, rec.Graph(), "web", "cart")
			if n < last {
				t.Errorf("the graph lost calls: %v after %v", n, last)
			}
			last = n
			rec.Open()
			rec.Explain(service("web"), service("cart"))
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for range goroutines {
		callers.Go(func() {
			for range each {
				call(web, cart)
			}
		})
	}
	callers.Wait()
	close(done)
	readers.Wait()
	if err := rec.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := calls(t, rec.Graph(), "web", "cart"); got != goroutines*each {
		t.Errorf("%v calls, want %d", got, goroutines*each)
	}
}

// BenchmarkRecorder is the cost of a span, a trace of its own and one of many in a
// trace, and that of the SDK without a recorder.
func BenchmarkRecorder(b *testing.B) {
	bench := func(name string, web trace.Tracer, parent context.Context) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, s := web.Start(parent, "work")
				s.End()
			}
		})
	}
	in, root := tracer(otelspan.NewRecorder(servicegraph.Config{}), "web").Start(context.Background(), "root")
	defer root.End()
	bench("without", sdktrace.NewTracerProvider().Tracer("test"), context.Background())
	bench("traces", tracer(otelspan.NewRecorder(servicegraph.Config{}), "web"), context.Background())
	bench("spans", tracer(otelspan.NewRecorder(servicegraph.Config{}), "web"), in)
}
