package otelspan

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestOnEndDoesNotWait: spans end while a graph is being made, which this test imitates by holding
// the lock of the builder. The spans beyond the limit are counted, and the others are in the next
// graph.
func TestOnEndDoesNotWait(t *testing.T) {
	rec := NewRecorder(servicegraph.Config{Window: servicegraph.Window{Spans: maxPending}})
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec)).Tracer("test")
	const more = 3
	rec.building.Lock()
	for range maxPending + more {
		_, span := tracer.Start(context.Background(), "work")
		span.End() // would never return if it waited for the lock
	}
	rec.building.Unlock()
	if r := rec.Graph().Report(); r.Skipped != more || r.Spans != maxPending {
		t.Errorf("%d spans, %d skipped; want %d and %d", r.Spans, r.Skipped, maxPending, more)
	}

	// Without a graph, a goroutine empties the list and ends.
	for range 2 * drainAt {
		_, span := tracer.Start(context.Background(), "work")
		span.End()
	}
	for {
		rec.mu.Lock()
		draining, pending := rec.draining, rec.waiting
		rec.mu.Unlock()
		if !draining {
			if pending >= drainAt {
				t.Errorf("%d spans wait", pending)
			}
			break
		}
	}
	if r := rec.Graph().Report(); r.Spans+r.Skipped != maxPending+more+2*drainAt {
		t.Errorf("%d spans, %d skipped", r.Spans, r.Skipped)
	}
}

// TestSpansAreReadWithoutLock: the attributes of a span are read and converted while no lock is
// held for which another span would wait, when the span ends and when Open lists up to 10,000 of
// them.
func TestSpansAreReadWithoutLock(t *testing.T) {
	rec := NewRecorder(servicegraph.Config{})
	read := 0
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(watched{rec, func() {
		read++
		if !rec.mu.TryLock() {
			t.Error("the lock is held while a span is read")
			return
		}
		rec.mu.Unlock()
	}}))
	_, span := provider.Tracer("test").Start(context.Background(), "work")
	if open, _ := rec.Open(); len(open) != 1 || read != 1 {
		t.Errorf("%d open spans, read %d times", len(open), read)
	}
	span.End()
	if r := rec.Graph().Report(); r.Spans != 1 || read != 2 {
		t.Errorf("%d spans, read %d times", r.Spans, read)
	}
}

// watched is a recorder whose spans call read when their attributes are read.
type watched struct {
	*Recorder
	read func()
}

func (w watched) OnStart(ctx context.Context, s sdktrace.ReadWriteSpan) {
	w.Recorder.OnStart(ctx, watchedSpan{s, w.read})
}

func (w watched) OnEnd(s sdktrace.ReadOnlySpan) {
	w.Recorder.OnEnd(watchedEnded{s, w.read})
}

type watchedSpan struct {
	sdktrace.ReadWriteSpan
	read func()
}

func (s watchedSpan) Attributes() []attribute.KeyValue {
	s.read()
	return s.ReadWriteSpan.Attributes()
}

type watchedEnded struct {
	sdktrace.ReadOnlySpan
	read func()
}

func (s watchedEnded) Attributes() []attribute.KeyValue {
	s.read()
	return s.ReadOnlySpan.Attributes()
}

// BenchmarkOnEndWhileGraphs measures how long a span takes to end while graphs of 200,000 held
// spans are being made: the mean, the longest as the metric ms-longest, and how many took more than
// a millisecond as over-1ms. The controls show how much of the time is due to the machine. In
// "convert", a processor does the same work while the same graphs are made, but without a lock or a
// list. In "nothing", the processor does nothing while graphs are made. In "spin", it does nothing
// while a loop runs that neither allocates nor locks.
//
//	go test -run '^$' -bench OnEndWhile -benchtime 300000x ./servicegraph/otelspan
//
// These are the results of two runs with 300,000 spans on two otherwise idle cores. With the
// recorder, the longest span took 2.8 and 3.8 ms, and 5 and 6 spans took more than a millisecond.
// In "convert", it took 1.2 and 3.7 ms, with 1 and 2 such spans; in "nothing", 0.5 and 1.7 ms, with
// 0 and 1; in "spin", 0.1 and 3.8 ms, with 0 and 2. With about four other programs on the cores,
// the longest span took 57 to 108 ms in all four cases. So the longest waits are for a core and for
// the garbage collector, not for the recorder. A profile shows which spans waited for a lock:
//
//	go test -run '^$' -bench OnEndWhile/recorder -benchtime 1000000x -blockprofile block.out -blockprofilerate 1
//	go tool pprof -peek OnEnd otelspan.test block.out
//
// None of a million spans waited for a lock.
func BenchmarkOnEndWhileGraphs(b *testing.B) {
	rec := NewRecorder(servicegraph.Config{})
	recording := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec)).Tracer("test")
	for range liveWindow.Spans {
		_, span := recording.Start(context.Background(), "work")
		span.End()
	}
	rec.Graph()
	convert := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(&converter{rec: rec})).Tracer("test")
	nothing := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(noProcessor{})).Tracer("test")
	sum := 0
	for _, c := range []struct {
		name   string
		tracer trace.Tracer
		beside func()
	}{
		{"recorder", recording, func() { rec.Graph() }},
		{"convert", convert, func() { rec.Graph() }},
		{"nothing", nothing, func() { rec.Graph() }},
		{"spin", nothing, func() {
			for i := range 1_000_000 {
				sum += i
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			done, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-done:
						return
					default:
						c.beside()
					}
				}
			}()
			longest, over := time.Duration(0), 0
			for b.Loop() {
				_, span := c.tracer.Start(context.Background(), "work")
				began := time.Now()
				span.End()
				took := time.Since(began)
				longest = max(longest, took)
				if took > time.Millisecond {
					over++
				}
			}
			b.ReportMetric(float64(longest)/1e6, "ms-longest")
			b.ReportMetric(float64(over), "over-1ms")
			close(done)
			<-stopped
		})
	}
}

// noProcessor is a span processor that does nothing.
type noProcessor struct{}

func (noProcessor) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (noProcessor) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (noProcessor) ForceFlush(context.Context) error                { return nil }
func (noProcessor) Shutdown(context.Context) error                  { return nil }

// A converter converts ended spans like a recorder, and keeps the last.
type converter struct {
	noProcessor
	rec  *Recorder
	last atomic.Pointer[servicegraph.Span]
}

func (c *converter) OnEnd(s sdktrace.ReadOnlySpan) {
	span := from(s, c.rec.keep, c.rec.scopes.attrs)
	c.last.Store(&span)
}
