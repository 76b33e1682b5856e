package graphtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otelspan"
)

// A Recorder records the spans of several services that run in one test. It keeps
// them all, sampling none away, and does not touch what is global in OpenTelemetry, so
// that tests can run in parallel. All its methods may be called from several goroutines.
type Recorder struct {
	live *otelspan.Recorder
	ids  sdktrace.IDGenerator // nil: random

	mu        sync.Mutex
	spans     []servicegraph.Span
	providers []*sdktrace.TracerProvider
}

// openTime is how long a recorder waits for spans to end: a server ends its span
// after the client has the answer, but not long after.
const openTime = 2 * time.Second

// NewRecorder returns a recorder. Its providers are shut down when the test is over,
// if t has a method Cleanup, as *testing.T does.
func NewRecorder(t T) *Recorder {
	r := &Recorder{}
	r.live = otelspan.NewWatcher(servicegraph.Config{}, func(s servicegraph.Span) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.spans = append(r.spans, s)
	})
	if c, ok := t.(interface{ Cleanup(func()) }); ok {
		c.Cleanup(r.shutdown)
	}
	return r
}

func (r *Recorder) shutdown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.providers {
		// The recorder's processor does nothing that could fail.
		_ = p.Shutdown(context.Background())
	}
}

// Service returns a new provider for a service. The attributes are those of its
// resource, such as service.namespace. What the environment says about resources,
// sampling and limits has no part in it.
func (r *Recorder) Service(name string, attrs ...attribute.KeyValue) *sdktrace.TracerProvider {
	named := append([]attribute.KeyValue{
		attribute.String("service.namespace", ""), // else OTEL_RESOURCE_ATTRIBUTES might have one
	}, attrs...)
	named = append(named, attribute.String("service.name", name))
	unlimited := sdktrace.SpanLimits{
		AttributeValueLengthLimit: -1, AttributeCountLimit: -1, EventCountLimit: -1, LinkCountLimit: -1,
		AttributePerEventCountLimit: -1, AttributePerLinkCountLimit: -1,
	}
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithSpanProcessor(r.live),
		sdktrace.WithResource(resource.NewSchemaless(named...)),
		sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithRawSpanLimits(unlimited),
	}
	if r.ids != nil {
		options = append(options, sdktrace.WithIDGenerator(r.ids))
	}
	p := sdktrace.NewTracerProvider(options...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.providers = append(r.providers, p)
	return p
}

// Processor returns what adds the recorder to a provider of the program's own, whose
// sampler then has its say:
//
//	sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec.Processor()), ...)
func (r *Recorder) Processor() sdktrace.SpanProcessor { return r.live }

// Propagator returns what carries traces from service to service: W3C trace context
// and baggage.
func (r *Recorder) Propagator() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
}

// Graph waits until no span is open, up to 2 seconds, and returns the graph of the
// spans so far. Spans that are still open then are an error of the test that names
// them, and they are not in the graph.
//
// It knows of a span once it has started. A test must itself wait for work that
// begins later, such as that of a queue's consumer.
func (r *Recorder) Graph(t T) *Observed {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	var open []servicegraph.Span
	if err := r.live.Wait(ctx); err != nil {
		var more int
		open, more = r.live.Open()
		if len(open) > 0 { // the last one may have ended just now
			t.Errorf("%s", unendedMessage(open, more))
		}
	}
	r.mu.Lock()
	spans := slices.Clone(r.spans)
	r.mu.Unlock()
	o, _ := Observe(func(yield func(servicegraph.Span, error) bool) { // without errors
		for _, s := range spans {
			if !yield(s, nil) {
				return
			}
		}
	}, servicegraph.Config{})
	o.open = open
	return o
}

// maxOpenShown is how many open spans a message names.
const maxOpenShown = 10

func unendedMessage(open []servicegraph.Span, more int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "service graph: %s still open after %v, and not in the graph\n", quantity.Of(len(open)+more, "span"), openTime)
	for i, s := range open {
		if i == maxOpenShown {
			fmt.Fprintf(&b, "  and %d more\n", len(open)-i+more)
			break
		}
		fmt.Fprintf(&b, "  %s\n", openText(s))
	}
	b.WriteString("a span ends with span.End(): put defer span.End() behind the line that starts it, and close the bodies of HTTP responses")
	return b.String()
}
