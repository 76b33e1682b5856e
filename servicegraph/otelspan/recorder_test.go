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
func call(ctx context.Context, from, to trace.Tracer) {
	ctx, client := from.Start(ctx, "call", trace.WithSpanKind(trace.SpanKindClient))
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
		sdktrace.WithSpanProcessor(rec), // in addition to the exporter of the program
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
		call(t.Context(), web, cart)
		if got := calls(t, rec.Graph(), "web", "cart"); got != n {
			t.Errorf("%v calls after %v", got, n)
		}
	}
	if x := rec.Explain(service("web"), service("cart")); len(x.Edges) != 1 {
		t.Errorf("explained: %v", x)
	}
}

// TestRecorderDelta: a call is in exactly one delta, once its trace is forgotten.
func TestRecorderDelta(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := otelspan.NewRecorder(servicegraph.Config{Window: servicegraph.Window{Quiet: time.Second, Remember: time.Second}})
		web, cart := tracer(rec, "web"), tracer(rec, "cart")
		rec.Graph() // sets the time
		call(t.Context(), web, cart)
		for _, want := range []float64{0, 0, 1, 0} {
			if got := calls(t, rec.Delta(), "web", "cart"); got != want {
				t.Errorf("%v calls in a delta, want %v", got, want)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

// TestRecorderKeepsAttributesOfConfig: the recorder keeps attributes that only the
// configuration asks for.
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

// TestRecorderWait: open spans are listed, and Wait returns when the last one ends.
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

// TestRecorderForgets: with the default window, traces close and are forgotten on time, and
// their calls stay counted.
func TestRecorderForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := otelspan.NewRecorder(servicegraph.Config{})
		web, cart := tracer(rec, "web"), tracer(rec, "cart")
		report := func() servicegraph.Report { return rec.Graph().Report() }

		ctx, root := web.Start(t.Context(), "root")
		call(ctx, web, cart)
		if r := report(); r.Open != 1 {
			t.Errorf("at once: %d traces are open, want 1", r.Open)
		}
		time.Sleep(10*time.Second - 1)
		if r := report(); r.Open != 1 {
			t.Errorf("just before 10 seconds: %d traces are open, want 1", r.Open)
		}
		time.Sleep(time.Nanosecond)
		if r := report(); r.Open != 0 || r.ClosedQuiet != 1 {
			t.Errorf("after 10 seconds: %d traces are open and %d closed, want 0 and 1", r.Open, r.ClosedQuiet)
		}
		if x := rec.Explain(service("web"), service("cart")); len(x.Misses) != 0 {
			t.Errorf("the spans of a closed trace are gone: %v", x)
		}
		time.Sleep(time.Minute)
		report()
		root.End() // the last span of the trace comes too late
		g := rec.Graph()
		if r := g.Report(); r.Late != 1 || r.Accounted() != r.Spans {
			t.Errorf("a minute after the trace was closed: %d spans are late, want 1: %+v", r.Late, r)
		}
		if x := rec.Explain(service("web"), service("cart")); len(x.Misses) != 2 {
			t.Errorf("the spans of a forgotten trace are still held: %v", x)
		}
		if n := calls(t, g, "web", "cart"); n != 1 {
			t.Errorf("%v calls, want 1: a forgotten call stays counted", n)
		}
	})
}

// TestRecorderClosesOldTraces: with the default window, a trace whose spans do not stop closes
// after 5 minutes.
func TestRecorderClosesOldTraces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := otelspan.NewRecorder(servicegraph.Config{})
		web, cart := tracer(rec, "web"), tracer(rec, "cart")
		ctx, root := web.Start(t.Context(), "root")
		defer root.End()
		call(ctx, web, cart)
		rec.Graph()
		for range 59 {
			time.Sleep(5 * time.Second)
			call(ctx, web, cart)
			if r := rec.Graph().Report(); r.Open != 1 || r.ClosedAge != 0 {
				t.Fatalf("before 5 minutes: %d traces are open and %d closed, want 1 and 0", r.Open, r.ClosedAge)
			}
		}
		time.Sleep(5 * time.Second)
		if r := rec.Graph().Report(); r.ClosedAge != 1 {
			t.Errorf("after 5 minutes: %d traces were closed, want 1", r.ClosedAge)
		}
	})
}

// TestRecorderReceivesLate: spans that waited for the next graph do not close their trace.
func TestRecorderReceivesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := otelspan.NewRecorder(servicegraph.Config{})
		web, cart := tracer(rec, "web"), tracer(rec, "cart")
		rec.Graph()
		call(t.Context(), web, cart)
		time.Sleep(time.Hour)
		if r := rec.Graph().Report(); r.Open != 1 {
			t.Errorf("%d traces are open, want 1", r.Open)
		}
	})
}

// TestRecorderIsBounded: with the default window, a recorder holds at most 200,000 spans,
// and the calls of the others stay counted.
func TestRecorderIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still: only the number of spans closes traces
		rec := otelspan.NewRecorder(servicegraph.Config{})
		web, cart := tracer(rec, "web"), tracer(rec, "cart")
		const n = 100_000 // calls, of two spans each
		for range n {
			call(t.Context(), web, cart)
		}
		if r := rec.Graph().Report(); r.EvictedSpans != 0 {
			t.Errorf("with 200,000 spans: %d traces were forgotten, want none", r.EvictedSpans)
		}
		_, span := web.Start(t.Context(), "work")
		span.End()
		g := rec.Graph()
		if r := g.Report(); r.EvictedSpans != 1 || r.Accounted() != r.Spans {
			t.Errorf("with 200,001 spans: %d traces were forgotten, want 1: %+v", r.EvictedSpans, r)
		}
		if got := calls(t, g, "web", "cart"); got != n {
			t.Errorf("%v calls, want %d", got, n)
		}
	})
}

// TestRecorderBoundsNodes: with the default limits, nodes after the first 10,000 are
// counted as other.
func TestRecorderBoundsNodes(t *testing.T) {
	rec := otelspan.NewRecorder(servicegraph.Config{})
	web := tracer(rec, "web")
	const most, more = 10_000, 7
	for i := range most - 1 + more { // web is also a node
		_, client := web.Start(t.Context(), "call", trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(attribute.String("peer.service", fmt.Sprint("tenant-", i))))
		client.End()
	}
	g := rec.Graph()
	if r := g.Report(); g.NumNodes() != most+1 || r.NodesFolded != more {
		t.Errorf("%d nodes and %d spans with others, want %d and %d", g.NumNodes(), r.NodesFolded, most+1, more)
	}
}

// TestRecorderWindow: the window of the configuration takes the place of the default.
func TestRecorderWindow(t *testing.T) {
	rec := otelspan.NewRecorder(servicegraph.Config{Window: servicegraph.Window{Spans: 100}})
	web, cart := tracer(rec, "web"), tracer(rec, "cart")
	const n = 5000
	for range n {
		call(t.Context(), web, cart)
	}
	g := rec.Graph()
	if got := calls(t, g, "web", "cart"); got != n {
		t.Errorf("%v calls, want %d", got, n)
	}
	if r := g.Report(); r.EvictedSpans < n-100 || r.Accounted() != r.Spans {
		t.Errorf("report %+v", r)
	}
}

// TestRecorderTooManyOpen: open spans are only counted when the list of them is full.
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

// TestRecorderConcurrentSafe ends spans while other goroutines take graphs.
func TestRecorderConcurrentSafe(t *testing.T) {
	rec := otelspan.NewRecorder(servicegraph.Config{})
	web, cart := tracer(rec, "web"), tracer(rec, "cart")
	const goroutines, each = 8, 300 // more than can be pending
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
				call(t.Context(), web, cart)
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

// BenchmarkRecorder measures a span that is a trace of its own, a span that is one of
// many in a trace, and a span of the SDK without a recorder.
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
