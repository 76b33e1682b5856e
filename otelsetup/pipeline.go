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
	"raise OTEL_BSP_MAX_QUEUE_SIZE or keep a share of the traces (SampleRatio)"

// A pipeline is the way of spans from a tracer provider to the network, with
// a count at each end: a processor that counts, the batch processor of
// OpenTelemetry, an exporter that counts, and the exporter of OpenTelemetry.
type pipeline struct {
	settings  settings
	tally     *tally
	reporter  *reporter
	processor *countingProcessor
	exporter  *countingExporter
}

func newPipeline(s settings, r *reporter) (*pipeline, error) {
	stop, halt := context.WithCancel(context.Background())
	e := &countingExporter{
		target: s.target, tally: r.tally, reporter: r,
		stop: stop, halt: halt, closed: make(chan struct{}),
	}
	exporter, err := otlptrace.New(context.Background(), newClient(s, true, e.attempt)) // connects later
	if err != nil {
		halt()
		return nil, err
	}
	e.next = exporter
	batch := sdktrace.NewBatchSpanProcessor(e, func(o *sdktrace.BatchSpanProcessorOptions) {
		r.tally.queue = int64(o.MaxQueueSize)
		// A span can wait in the queue, in the batch that is put together, and
		// on its way from one to the other.
		r.tally.capacity = int64(o.MaxQueueSize) + int64(o.MaxExportBatchSize) + 1
	})
	return &pipeline{
		settings: s, tally: r.tally, reporter: r, exporter: e,
		processor: &countingProcessor{next: batch, tally: r.tally, reporter: r},
	}, nil
}

// probe checks the endpoint and tells the log when it does not answer.
func (p *pipeline) probe(ctx context.Context) {
	if err := check(ctx, p.settings); err != nil && ctx.Err() == nil {
		p.reporter.failed(time.Now(), err)
	}
}

// shutdown sends what is queued and ends every goroutine. When ctx is done
// before that, what has not been sent is lost.
func (p *pipeline) shutdown(ctx context.Context) {
	// The error is ctx's, or that of closing a connection that is not needed
	// any more: the tally says what was lost.
	_ = p.processor.Shutdown(ctx)
	// If ctx ended it, the batch processor is still at work in the background:
	// requests in flight and later ones fail at once now.
	p.exporter.halt()
	<-p.exporter.closed
	p.tally.settle(p.tally.ended.Load(), 0)
}

// countingProcessor counts what goes into the batch processor.
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
	// Counted after it was queued: counted before, the span would look as if
	// it had been dropped until it is.
	if s.SpanContext().IsSampled() {
		p.tally.ended.Add(1)
	}
}

// ForceFlush sends what has ended. What the batch processor returns leaves
// out batches that it sent by itself, so the tally says what was lost.
func (p *countingProcessor) ForceFlush(ctx context.Context) error {
	ended, before := p.tally.ended.Load(), p.tally.stats()
	if err := p.next.ForceFlush(ctx); err != nil {
		if cause := p.reporter.cause(); cause != nil {
			return fmt.Errorf("flushing spans: %w: %w", err, cause)
		}
		return fmt.Errorf("flushing spans: %w", err)
	}
	if p.stopping.Load() {
		return nil // Shutdown sends the rest and counts
	}
	p.tally.settle(ended, 0)
	after := p.tally.stats()
	if n := after.Failed - before.Failed; n > 0 {
		return fmt.Errorf("%s not delivered to %w", quantity.Of(n, "span"), p.reporter.cause())
	}
	if n := after.Dropped - before.Dropped; n > 0 {
		return fmt.Errorf("%s dropped: %s", quantity.Of(n, "span"), hintQueue)
	}
	return nil
}

func (p *countingProcessor) Shutdown(ctx context.Context) error {
	p.stopping.Store(true)
	return p.next.Shutdown(ctx)
}

// countingExporter counts what comes out of the batch processor and what
// becomes of it.
type countingExporter struct {
	next     sdktrace.SpanExporter
	target   target
	tally    *tally
	reporter *reporter

	attempted atomic.Bool // attempt has reported a failure of the batch in hand

	stop   context.Context // done when requests are to fail
	halt   context.CancelFunc
	closed chan struct{} // closed by Shutdown, after which no goroutine is left
}

// attempt is told of each request that failed, to be tried again or not.
func (e *countingExporter) attempt(err error) {
	if e.stop.Err() != nil {
		return // we broke it off ourselves
	}
	e.attempted.Store(true)
	e.reporter.failed(time.Now(), explain(err, e.target))
}

// ExportSpans returns no error: the batch processor would only pass it on to
// the error handler of package otel, which prints each one. The batch
// processor calls it for one batch after the other.
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
	case !e.attempted.Load(): // else it is reported
		e.reporter.failed(time.Now(), explain(err, e.target))
	}
	// After the report, so that the tally has no failed spans without a cause.
	failed := rejected(err, len(spans))
	e.tally.failed.Add(failed)
	e.tally.exported.Add(int64(len(spans)) - failed)
	e.reporter.checkDrops(time.Now())
	return nil
}

func (e *countingExporter) Shutdown(ctx context.Context) error {
	defer close(e.closed)
	return e.next.Shutdown(ctx)
}

// partialSuccess is the text of an answer that accepts some spans and rejects
// others; the exporters keep its type to themselves.
var partialSuccess = regexp.MustCompile(`OTLP partial success: .* \(([0-9]+) spans rejected\)`)

// rejected returns how many of n spans are lost when exporting them returned
// err.
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
