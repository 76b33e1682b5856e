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

// A Recorder records the spans of several services that run in one test. It keeps all spans,
// without sampling, and does not change the global settings of OpenTelemetry, so tests can
// run in parallel. All methods of a Recorder may be called from several goroutines.
type Recorder struct {
	cfg  servicegraph.Config
	live *otelspan.Recorder
	ids  sdktrace.IDGenerator // nil for random ids

	mu        sync.Mutex
	spans     []servicegraph.Span
	providers []*sdktrace.TracerProvider
}

// openTime is how long a recorder waits for spans to end. A server ends its span shortly
// after the client has received the answer.
const openTime = 2 * time.Second

// NewRecorder returns a recorder whose graphs have the given configuration, except that
// IgnoreAddresses is always set, and that Window is ignored. If t has a method Cleanup, as
// *testing.T does, the providers of the recorder are shut down at the end of the test.
func NewRecorder(t T, cfg servicegraph.Config) *Recorder {
	cfg.IgnoreAddresses, cfg.Window = config().IgnoreAddresses, servicegraph.Window{}
	r := &Recorder{cfg: cfg}
	r.live = otelspan.NewWatcher(cfg, func(s servicegraph.Span) {
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
		// The processor of the recorder never returns an error.
		_ = p.Shutdown(context.Background())
	}
}

// Service returns a new tracer provider for a service with the given name. The attributes,
// such as service.namespace, describe the service. Variables of the environment for
// resources, sampling and limits have no effect.
func (r *Recorder) Service(name string, attrs ...attribute.KeyValue) *sdktrace.TracerProvider {
	named := append([]attribute.KeyValue{
		attribute.String("service.namespace", ""), // overrides OTEL_RESOURCE_ATTRIBUTES
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

// Processor returns the span processor that adds the recorder to a tracer provider of the
// program, whose sampler then decides which spans are recorded:
//
//	sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec.Processor()), ...)
func (r *Recorder) Processor() sdktrace.SpanProcessor { return r.live }

// Propagator returns a propagator of W3C trace context and baggage, which carries traces
// from service to service.
func (r *Recorder) Propagator() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
}

// Graph waits up to 2 seconds until no span is open, and returns the graph of the spans that
// have ended. If spans are still open, Graph reports an error of the test that lists them;
// they are not in the graph.
//
// Graph does not wait for spans that have not started. A test must itself wait for work that
// begins later, such as that of a consumer of a queue.
func (r *Recorder) Graph(t T) *Observed {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	var open []servicegraph.Span
	if err := r.live.Wait(ctx); err != nil {
		var more int
		open, more = r.live.Open()
		if len(open) > 0 { // the last span may have ended in the meantime
			t.Errorf("%s", unendedMessage(open, more))
		}
	}
	r.mu.Lock()
	spans := slices.Clone(r.spans)
	r.mu.Unlock()
	o, _ := Observe(func(yield func(servicegraph.Span, error) bool) { // the error is nil
		for _, s := range spans {
			if !yield(s, nil) {
				return
			}
		}
	}, r.cfg)
	o.open = open
	return o
}

// maxOpenShown is how many open spans a message lists.
const maxOpenShown = 10

// unendedMessage returns the error for spans that have not ended.
func unendedMessage(open []servicegraph.Span, more int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "service graph: %s still open after %v, and not in the graph\n", quantity.Of(len(open)+more, "span"), openTime)
	for i, s := range open {
		if i == maxOpenShown {
			fmt.Fprintf(&b, "  and %s more\n", quantity.Number(len(open)-i+more))
			break
		}
		fmt.Fprintf(&b, "  %s\n", openText(s))
	}
	b.WriteString("end each span: put defer span.End() after the line that starts it, and close the bodies of HTTP responses")
	return b.String()
}

// config returns a configuration in which a host is never taken for the service of that name. In a
// test, a client span without a server span is most often a span whose trace context was lost, and
// its call must not look like a call that arrived.
func config() servicegraph.Config { return servicegraph.Config{IgnoreAddresses: true} }
