package otelsetup

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// A stuckExporter exports until its context ends.
type stuckExporter struct{}

func (stuckExporter) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	<-ctx.Done()
	return ctx.Err()
}

func (stuckExporter) Shutdown(context.Context) error { return nil }

// TestShutdownTime: if the receiver does not answer, Shutdown takes as long as its context
// allows, and five seconds if the context has no deadline.
func TestShutdownTime(t *testing.T) {
	for _, test := range []struct {
		name string
		ctx  func() (context.Context, context.CancelFunc)
		want time.Duration
	}{
		{"no deadline", func() (context.Context, context.CancelFunc) {
			return context.WithCancel(context.Background())
		}, 5 * time.Second},
		{"canceled before", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx, cancel
		}, 5 * time.Second},
		{"deadline over before", func() (context.Context, context.CancelFunc) {
			return context.WithDeadline(context.Background(), time.Now())
		}, 5 * time.Second},
		{"a shorter deadline", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 2*time.Second)
		}, 2 * time.Second},
		{"a longer deadline", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 8*time.Second)
		}, 8 * time.Second},
		{"canceled meanwhile", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &reporter{logger: newLogs().logger(), tally: new(tally)}
				p := newCountingExporter(target{host: "tempo:4318", path: tracesPath}, r).
					pipelineTo(stuckExporter{}, settings{target: target{host: "tempo:4318", path: tracesPath}})
				sdk := &SDK{
					pipeline: p, reporter: r, stopProbe: func() {},
					sdk: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p.processor)),
				}
				sdk.provider = sdk.sdk
				spans(sdk, 3)
				ctx, cancel := test.ctx()
				defer cancel()
				start := time.Now()
				err := sdk.Shutdown(ctx)
				if took := time.Since(start); took != test.want {
					t.Errorf("Shutdown took %v, want %v", took, test.want)
				}
				const want = "otelsetup: 3 of 3 spans not delivered to http://tempo:4318/v1/traces: "
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("got %v, want %s…", err, want)
				}
			})
		})
	}
}
