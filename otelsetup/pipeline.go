package otelsetup

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/tempograph/tempograph/internal/quantity"
)

const hintQueue = "more spans end than can be sent: " +
	"raise OTEL_BSP_MAX_QUEUE_SIZE or keep only a fraction of the traces (SampleRatio)"

// A pipeline takes spans from a tracer provider to the network: through a
// processor that counts them, the batch processor of OpenTelemetry, an exporter
// that counts them, and the exporter of OpenTelemetry.
type pipeline struct {
	settings  settings
	tally     *tally
	reporter  *reporter
	processor *countingProcessor
	exporter  *countingExporter
}

// newPipeline returns a pipeline to the network. It sends nothing yet.
func newPipeline(s settings, r *reporter) (*pipeline, error) {
	e := newCountingExporter(s.target, r)
	next, err := otlptrace.New(context.Background(), newClient(s, true, e.attempt))
	if err != nil {
		e.halt()
		return nil, err
	}
	return e.pipelineTo(next, s), nil
}

// pipelineTo returns the pipeline that ends with the given exporter.
func (e *countingExporter) pipelineTo(next sdktrace.SpanExporter, s settings) *pipeline {
	e.next = next
	r := e.reporter
	batch := sdktrace.NewBatchSpanProcessor(e, func(o *sdktrace.BatchSpanProcessorOptions) {
		r.tally.queue = int64(o.MaxQueueSize)
		// One more span can be between the queue and the batch.
		r.tally.drain = (o.MaxQueueSize+o.MaxExportBatchSize-1)/max(o.MaxExportBatchSize, 1) + 1
		r.tally.capacity = int64(o.MaxQueueSize) + int64(o.MaxExportBatchSize) + 1
	})
	return &pipeline{
		settings: s, tally: r.tally, reporter: r, exporter: e,
		processor: &countingProcessor{next: batch, tally: r.tally, reporter: r},
	}
}

// probe checks the endpoint and logs a warning if it does not accept spans.
func (p *pipeline) probe(ctx context.Context) {
	if err := check(ctx, p.settings); err != nil && ctx.Err() == nil {
		p.reporter.failed(time.Now(), err)
	}
}

// shutdown sends the queued spans and ends every goroutine. If ctx ends before
// that, the spans that have not been sent are lost.
func (p *pipeline) shutdown(ctx context.Context) {
	// The error comes from ctx or from closing a connection, and can be ignored: the tally has
	// the number of lost spans.
	_ = p.processor.Shutdown(ctx)
	// If ctx has ended, the batch processor still works in the background. halt makes all its
	// requests fail at once.
	p.exporter.halt()
	<-p.exporter.closed
	p.tally.countDropped(p.tally.ended.Load(), 0)
}

// A countingProcessor counts the spans that go into the batch processor.
type countingProcessor struct {
	next     sdktrace.SpanProcessor
	tally    *tally
	reporter *reporter
	stopping atomic.Bool // Shutdown was called
}

func (p *countingProcessor) OnStart(ctx context.Context, s sdktrace.ReadWriteSpan) {
	if s.SpanContext().IsSampled() {
		p.tally.started.Add(1)
	}
	p.next.OnStart(ctx, s)
}

func (p *countingProcessor) OnEnd(s sdktrace.ReadOnlySpan) {
	p.next.OnEnd(s)
	// The span is counted after it is queued. A span that is counted before it is queued would
	// count as dropped for a moment.
	if s.SpanContext().IsSampled() {
		p.tally.ended.Add(1)
	}
}

// ForceFlush sends the spans that have ended. The error of the batch processor does
// not cover batches that it sent on its own, so the lost spans come from the tally.
func (p *countingProcessor) ForceFlush(ctx context.Context) error {
	ended, before := p.tally.ended.Load(), p.tally.stats()
	if err := p.next.ForceFlush(ctx); err != nil {
		if cause := p.reporter.cause(); cause != nil {
			return fmt.Errorf("flushing spans: %w: %w", err, cause)
		}
		return fmt.Errorf("flushing spans: %w", err)
	}
	if p.stopping.Load() {
		return nil // Shutdown sends and counts the remaining spans
	}
	p.tally.countDropped(ended, 0)
	after := p.tally.stats()
	if n := after.Failed - before.Failed; n > 0 {
		return fmt.Errorf("%s not delivered to %w", quantity.Of(n, "span"), p.reporter.cause())
	}
	if n := after.Dropped - before.Dropped; n > 0 {
		return fmt.Errorf("%s dropped: %s", quantity.Of(n, "span"), p.reporter.dropReason())
	}
	return nil
}

func (p *countingProcessor) Shutdown(ctx context.Context) error {
	p.stopping.Store(true)
	return p.next.Shutdown(ctx)
}

// A countingExporter counts the spans that come out of the batch processor, and
// which of them the receiver accepts.
type countingExporter struct {
	next     sdktrace.SpanExporter
	target   target
	tally    *tally
	reporter *reporter

	attempted atomic.Bool // whether the method attempt has reported a failure of the current batch

	stop   context.Context // done when all requests should fail
	halt   context.CancelFunc
	closed chan struct{} // closed by Shutdown when no goroutine is left
}

// newCountingExporter returns an exporter whose field next is not set yet.
func newCountingExporter(t target, r *reporter) *countingExporter {
	stop, halt := context.WithCancel(context.Background())
	return &countingExporter{
		target: t, tally: r.tally, reporter: r,
		stop: stop, halt: halt, closed: make(chan struct{}),
	}
}

// attempt reports a failed request, whether or not the request will be retried.
func (e *countingExporter) attempt(err error) {
	if e.stop.Err() != nil {
		return // halt canceled it
	}
	e.attempted.Store(true)
	e.reporter.failed(time.Now(), explain(err, e.target))
}

// ExportSpans returns no error: the batch processor would pass it to the error
// handler of package otel, which prints every error. The batch processor calls
// ExportSpans for one batch at a time.
func (e *countingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.stop, cancel)()

	e.attempted.Store(false)
	e.tally.taken.Add(int64(len(spans)))
	err := e.next.ExportSpans(ctx, spans)
	switch {
	case err == nil:
		e.reporter.delivered()
	case e.stop.Err() != nil:
		e.reporter.stopped(explain(err, e.target))
	case !e.attempted.Load(): // otherwise the fault is already reported
		e.reporter.failed(time.Now(), explain(err, e.target))
	}
	// The spans are counted after the fault is reported, so that whenever the tally has failed
	// spans, the reporter knows a cause.
	failed := rejected(err, len(spans))
	e.tally.failed.Add(failed)
	e.tally.exported.Add(int64(len(spans)) - failed)
	e.reporter.sent(time.Now(), err != nil || e.attempted.Load())
	return nil
}

func (e *countingExporter) Shutdown(ctx context.Context) error {
	defer close(e.closed)
	return e.next.Shutdown(ctx)
}

// partialSuccess matches the error for an answer that accepts some spans and rejects
// others. The exporters do not export the type of that error.
var partialSuccess = regexp.MustCompile(`OTLP partial success: .* \(([0-9]+) spans rejected\)`)

// rejected returns how many of n spans are lost if exporting them returned err.
func rejected(err error, n int) int64 {
	if err == nil {
		return 0
	}
	if m := partialSuccess.FindStringSubmatch(err.Error()); m != nil {
		if k, err := strconv.ParseInt(m[1], 10, 64); err == nil && k <= int64(n) {
			return k
		}
	}
	return int64(n)
}
