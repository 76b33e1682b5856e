package otelsetup

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/tempograph/tempograph/internal/quantity"
)

// shutdownTimeout is the time that Shutdown takes at most when its caller
// sets none.
const shutdownTimeout = 5 * time.Second

// An SDK is a tracer provider with the pipeline that exports its spans. Its
// methods are safe for concurrent use.
type SDK struct {
	provider   trace.TracerProvider
	propagator propagation.TextMapPropagator
	reporter   *reporter
	pipeline   *pipeline                // nil when nothing is exported
	silent     string                   // why nothing is exported
	sdk        *sdktrace.TracerProvider // nil when tracing is off

	stopProbe context.CancelFunc
	probing   sync.WaitGroup

	shutdownOnce sync.Once
	shutdownErr  error
}

// Start sets up the export of spans, the global tracer provider and W3C
// propagation, and returns at once: it does not wait for the backend, and a
// backend that is down is no error. It checks the endpoint in the background
// and warns in the log if spans would not arrive; [SDK.Check] does the same
// for a caller who wants to wait.
//
// The error tells of settings that cannot be meant: an endpoint or protocol
// that does not parse, headers that would never be sent, a certificate that
// cannot be read. ctx serves to look around on this host only; when it ends
// later, the SDK goes on.
//
// Call Shutdown before the program ends, or the last spans are lost.
func Start(ctx context.Context, opts ...Option) (*SDK, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("otelsetup: %w", err)
	}
	if !o.withoutGlobals {
		otel.SetTracerProvider(s.provider)
		otel.SetTextMapPropagator(s.propagator)
	}
	return s, nil
}

func start(ctx context.Context, o options) (*SDK, error) {
	recording, export, silent, err := exporting()
	if err != nil {
		return nil, err
	}
	propagator, err := propagatorFromEnv()
	if err != nil {
		return nil, err
	}
	s := &SDK{
		propagator: propagator,
		reporter:   &reporter{logger: o.logger, tally: new(tally)},
		silent:     silent,
		stopProbe:  func() {},
	}
	if !recording {
		// Not a provider that samples nothing: that would tell the services
		// behind this one to sample nothing either.
		s.provider = noop.NewTracerProvider()
		s.reporter.log(slog.LevelInfo, "tracing is off", "because", silent)
		return s, nil
	}

	sampler, err := samplerOption(o)
	if err != nil {
		return nil, err
	}
	res, notes := newResource(ctx, o)
	providerOpts := append(sampler, sdktrace.WithResource(res))
	if export {
		settings, err := resolve(o)
		if err != nil {
			return nil, err
		}
		if s.pipeline, err = newPipeline(settings, s.reporter); err != nil {
			return nil, err
		}
		providerOpts = append(providerOpts, sdktrace.WithSpanProcessor(s.pipeline.processor))
		notes = append(notes, settings.notes...)
		s.reporter.log(slog.LevelDebug, "exporting spans", "endpoint", settings.target.String(), "resource", res.String())

		probe, stop := context.WithCancel(context.WithoutCancel(ctx))
		s.stopProbe = stop
		s.probing.Go(func() { s.pipeline.probe(probe) })
	} else {
		s.reporter.log(slog.LevelInfo, "spans are not exported", "because", silent)
	}
	for _, n := range notes {
		s.reporter.log(n.level, n.text)
	}
	s.sdk = sdktrace.NewTracerProvider(providerOpts...)
	s.provider = s.sdk
	return s, nil
}

// samplerOption returns nothing when the environment or the default decides:
// the SDK reads OTEL_TRACES_SAMPLER itself.
func samplerOption(o options) ([]sdktrace.TracerProviderOption, error) {
	if o.ratio == nil || o.environmentWins && env("OTEL_TRACES_SAMPLER") != "" {
		return nil, nil
	}
	if r := *o.ratio; !(r >= 0 && r <= 1) {
		return nil, fmt.Errorf("sample ratio %v: want 0 to 1", r)
	}
	sampler := sdktrace.ParentBased(sdktrace.TraceIDRatioBased(*o.ratio))
	return []sdktrace.TracerProviderOption{sdktrace.WithSampler(sampler)}, nil
}

// TracerProvider returns the provider whose spans are exported, for
// instrumentation that is handed one; package otel's is the same unless
// WithoutGlobals was given. It is a *trace.TracerProvider of the OpenTelemetry
// SDK, or one that does nothing when OTEL_SDK_DISABLED is true.
func (s *SDK) TracerProvider() trace.TracerProvider { return s.provider }

// Propagator returns the propagator of W3C trace context and baggage, or
// what OTEL_PROPAGATORS leaves of it.
func (s *SDK) Propagator() propagation.TextMapPropagator { return s.propagator }

// Stats returns what became of the spans so far. It is all zero when nothing
// is exported.
func (s *SDK) Stats() Stats { return s.reporter.tally.stats() }

// Check sends an empty export request and returns nil when the receiver
// accepts it; otherwise the error says what is wrong and what to look at.
// Over a network that answers it takes milliseconds; it takes no longer than
// ctx and OTEL_EXPORTER_OTLP_TIMEOUT allow. It is an error when the
// environment forbids to export.
//
// Nil does not prove that spans will be kept: Tempo accepts an empty request
// without the tenant that it requires of a real one.
func (s *SDK) Check(ctx context.Context) error {
	if s.pipeline == nil {
		return fmt.Errorf("otelsetup: spans are not exported: %s", s.silent)
	}
	if err := check(ctx, s.pipeline.settings); err != nil {
		return fmt.Errorf("otelsetup: %w", err)
	}
	return nil
}

// Flush sends the spans that have ended so far, for a program that is about
// to be frozen rather than ended. The error says how many spans were lost
// since it was called, and why.
func (s *SDK) Flush(ctx context.Context) error {
	if s.pipeline == nil {
		return nil
	}
	if err := s.pipeline.processor.ForceFlush(ctx); err != nil {
		return fmt.Errorf("otelsetup: %w", err)
	}
	return nil
}

// Shutdown sends the spans that have ended, closes connections and ends all
// goroutines. If spans were lost since Start, including those that have not
// ended yet, the error says how many and why, and so does the log, because a
// deferred call has nobody to return an error to.
//
// It takes as long as ctx allows, and five seconds if ctx has no deadline. A
// ctx that is done already when Shutdown is called, as the context that
// ended the program usually is, is not a wish to lose the last spans: the
// five seconds hold then too.
//
// Later calls wait for the first one and return its error. Spans that end
// after Shutdown go nowhere.
func (s *SDK) Shutdown(ctx context.Context) error {
	s.shutdownOnce.Do(func() { s.shutdownErr = s.shutdown(ctx) })
	return s.shutdownErr
}

func (s *SDK) shutdown(ctx context.Context) error {
	s.stopProbe()
	s.probing.Wait()
	if s.sdk == nil {
		return nil
	}
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, shutdownTimeout)
		defer cancel()
	}
	if s.pipeline != nil {
		// Before the provider, so that spans that end meanwhile are counted.
		s.pipeline.shutdown(ctx)
	}
	_ = s.sdk.Shutdown(context.WithoutCancel(ctx)) // nothing is left that could fail
	if s.pipeline == nil {
		return nil
	}
	err := s.loss()
	if err != nil {
		s.reporter.log(slog.LevelWarn, err.Error())
		return fmt.Errorf("otelsetup: %w", err)
	}
	return nil
}

// loss returns an error for the spans that were lost, nil if there are none.
func (s *SDK) loss() error {
	n := s.Stats()
	open := max(n.Started-n.Ended, 0)
	if n.lost()+open == 0 {
		return nil
	}
	text := fmt.Sprintf("%s of %s not delivered to", quantity.Number(n.lost()+open), quantity.Of(n.Started, "span"))
	var more []string
	if n.Dropped > 0 {
		more = append(more, fmt.Sprintf("%s dropped from the queue of %d: %s", quantity.Number(n.Dropped), s.reporter.tally.queue, hintQueue))
	}
	if open > 0 {
		more = append(more, fmt.Sprintf("%s not ended: call End on each before Shutdown", quantity.Number(open)))
	}
	if n.Failed == 0 {
		return fmt.Errorf("%s %s: %s", text, s.pipeline.settings.target, strings.Join(more, "; "))
	}
	err := fmt.Errorf("%s %w", text, s.reporter.cause())
	if len(more) > 0 {
		err = fmt.Errorf("%w; %s", err, strings.Join(more, "; "))
	}
	return err
}
