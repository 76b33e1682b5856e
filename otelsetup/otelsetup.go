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

// shutdownTimeout is how long Shutdown takes at most if its context has no deadline.
const shutdownTimeout = 5 * time.Second

// An SDK is a tracer provider with the pipeline that exports its spans. The methods
// of an SDK are safe for concurrent use.
type SDK struct {
	options    options
	provider   trace.TracerProvider
	propagator propagation.TextMapPropagator
	reporter   *reporter
	pipeline   *pipeline                // nil if spans are not exported
	silent     string                   // why spans are not exported
	sdk        *sdktrace.TracerProvider // nil if tracing is off
	service    string                   // the name of the service
	sampler    sdktrace.Sampler

	stopProbe context.CancelFunc
	probing   sync.WaitGroup

	shutdownOnce sync.Once
	shutdownErr  error
}

// Start sets up the export of spans, the global tracer provider and W3C propagation. It does
// not wait for the backend, and does not fail if the backend is down: Start checks the endpoint
// in the background and logs a warning if spans would not be delivered. [SDK.Check] does the
// same and returns the result.
//
// Start returns an error only for invalid settings, such as an endpoint or a protocol that
// cannot be parsed, headers that cannot be sent, or a certificate that cannot be read. ctx
// bounds only the detection of host attributes. Canceling it later does not stop the SDK.
//
// Call Shutdown before the program ends, otherwise the last spans are lost.
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
		s.setGlobals()
	}
	return s, nil
}

// setGlobals sets the global provider and propagator.
func (s *SDK) setGlobals() {
	if earlier, ok := otel.GetTracerProvider().(*sdktrace.TracerProvider); ok {
		if _, ended := earlier.Tracer("otelsetup").(noop.Tracer); !ended {
			s.reporter.log(slog.LevelWarn, "this Start takes the global tracer provider over from an earlier one, which goes on for the tracers that it gave out",
				"hint", "call Start once in a process, or use WithoutGlobals")
		}
	}
	otel.SetTracerProvider(s.provider)
	otel.SetTextMapPropagator(s.propagator)
}

func start(ctx context.Context, o options) (*SDK, error) {
	e, err := exporting()
	if err != nil {
		return nil, err
	}
	propagator, err := propagatorFromEnv()
	if err != nil {
		return nil, err
	}
	sampler, err := samplerOption(o)
	if err != nil {
		return nil, err
	}
	level, err := logLevel()
	if err != nil {
		return nil, err
	}
	s := &SDK{
		options:    o,
		propagator: propagator,
		reporter:   &reporter{logger: o.logger, level: level, tally: new(tally)},
		silent:     e.why,
		sampler:    sampler,
		stopProbe:  func() {},
	}
	if !e.recording {
		// A provider that samples nothing would be wrong: the services that this
		// service calls would also sample nothing.
		s.provider = noop.NewTracerProvider()
		s.reporter.log(slog.LevelInfo, "tracing is off", "because", s.silent)
		return s, nil
	}

	notes := append(misspeltVariables(), unusedSamplerArg(o)...)
	providerOpts := []sdktrace.TracerProviderOption{sdktrace.WithSampler(sampler)}
	for _, p := range o.processors {
		providerOpts = append(providerOpts, sdktrace.WithSpanProcessor(p))
	}
	if e.console && o.exporter == nil {
		providerOpts = append(providerOpts, sdktrace.WithSyncer(newConsoleExporter()))
	}
	switch {
	case o.exporter != nil:
		s.silent = "spans go to the exporter of the program"
		s.pipeline = newCountingExporter(target{}, s.reporter).pipelineTo(o.exporter, settings{})
		providerOpts = append(providerOpts, sdktrace.WithSpanProcessor(s.pipeline.processor))
	case e.otlp:
		settings, err := resolve(o)
		if err != nil {
			return nil, err
		}
		if s.pipeline, err = newPipeline(settings, s.reporter); err != nil {
			return nil, err
		}
		providerOpts = append(providerOpts, sdktrace.WithSpanProcessor(s.pipeline.processor))
		notes = append(notes, settings.notes...)
		s.reporter.log(slog.LevelDebug, "exporting spans", "endpoint", settings.target.String(), "sampler", samplerText(sampler))

		probe, stop := context.WithCancel(context.WithoutCancel(ctx))
		s.stopProbe = stop
		s.probing.Go(func() { s.pipeline.probe(probe) })
	default:
		s.reporter.log(slog.LevelInfo, "spans are not exported", "because", s.silent)
	}
	if !o.withoutGlobals {
		// Errors that package otel would print on standard error go to the logger, including those
		// of the lines below.
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
			s.reporter.log(slog.LevelWarn, "OpenTelemetry reports an error", "error", err.Error())
		}))
	}
	res, detected := newResource(ctx, o)
	notes = append(detected, notes...)
	s.service = serviceOf(res)
	s.reporter.log(slog.LevelDebug, "the spans are of", "resource", res.String())
	if keepsNothing(sampler) {
		notes = append(notes, note{slog.LevelWarn, "the sampler keeps no trace that begins in this service: " + samplerText(sampler)})
	}
	for _, n := range notes {
		s.reporter.log(n.level, n.text)
	}
	s.sdk = sdktrace.NewTracerProvider(append(providerOpts, sdktrace.WithResource(res))...)
	s.provider = s.sdk
	return s, nil
}

// TracerProvider returns the provider whose spans are exported. Without the option
// WithoutGlobals it is also the global provider of package otel. The provider is a
// *trace.TracerProvider of the OpenTelemetry SDK, or a provider that does nothing if
// OTEL_SDK_DISABLED is true.
func (s *SDK) TracerProvider() trace.TracerProvider { return s.provider }

// Propagator returns the propagator of W3C trace context and baggage, or only of the formats
// that OTEL_PROPAGATORS names.
func (s *SDK) Propagator() propagation.TextMapPropagator { return s.propagator }

// Stats returns the counts of spans so far. All are zero if spans are not exported.
func (s *SDK) Stats() Stats { return s.reporter.tally.stats() }

// Check sends an empty export request and returns nil if the receiver accepts it.
// Otherwise the error says what is wrong and what to do. Check takes milliseconds if
// the receiver answers, and no longer than ctx and OTEL_EXPORTER_OTLP_TIMEOUT allow. It
// returns an error if the environment disables the export.
//
// A nil error does not prove that spans will be accepted: Tempo accepts an empty
// request without the tenant that it requires for spans. [SDK.CheckPipeline] sends spans, and
// looks at every hop after the receiver.
func (s *SDK) Check(ctx context.Context) error {
	if s.pipeline == nil || s.options.exporter != nil {
		return fmt.Errorf("otelsetup: spans are not exported: %s", s.silent)
	}
	if err := check(ctx, s.pipeline.settings); err != nil {
		return fmt.Errorf("otelsetup: %w", err)
	}
	return nil
}

// Flush sends the spans that have ended so far, for a program that is about to be
// suspended, such as a function in the cloud. The error says how many spans were
// lost during the call, and why.
func (s *SDK) Flush(ctx context.Context) error {
	if s == nil || s.pipeline == nil {
		return nil
	}
	if err := s.pipeline.processor.ForceFlush(ctx); err != nil {
		return fmt.Errorf("otelsetup: %w", err)
	}
	return nil
}

// Shutdown sends the spans that have ended, closes connections and ends all
// goroutines. If spans were lost since Start, the error says how many and why.
// Spans that have not ended count as lost. Shutdown also logs the error, because a
// deferred call cannot return it.
//
// Shutdown returns when ctx ends, and after five seconds at the latest if ctx has no deadline.
// Shutdown ignores a ctx that has ended before the call, such as the context whose end stopped
// the program, and then takes up to five seconds.
//
// Later calls wait for the first one and return its error. Spans that end after
// Shutdown are not exported. Shutdown of a nil SDK, which a failed Start returns, does nothing.
func (s *SDK) Shutdown(ctx context.Context) error {
	if s == nil {
		return nil
	}
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
		// The pipeline is shut down first, so that spans which end meanwhile are counted.
		s.pipeline.shutdown(ctx)
	}
	_ = s.sdk.Shutdown(context.WithoutCancel(ctx)) // the processor is already shut down
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

// loss returns an error about the lost spans, nil if none were lost.
func (s *SDK) loss() error {
	n := s.Stats()
	open := max(n.Started-n.Ended, 0)
	if n.lost()+open == 0 {
		return nil
	}
	text := fmt.Sprintf("%s of %s not delivered to", quantity.Number(n.lost()+open), quantity.Of(n.Started, "span"))
	var more []string
	if n.Dropped > 0 {
		more = append(more, fmt.Sprintf("%s dropped from the queue of %d: %s", quantity.Number(n.Dropped), s.reporter.tally.queue, s.reporter.dropReason()))
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
