package otelsetup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type (
	request  = coltracepb.ExportTraceServiceRequest
	response = coltracepb.ExportTraceServiceResponse
)

func TestShutdownTellsWhatIsLost(t *testing.T) {
	cleanEnv(t)
	for _, endpoint := range []string{"http://" + closedPort + "/v1/traces", "grpc://" + closedPort} {
		sdk, log := begin(t, Endpoint(endpoint))
		spans(sdk, 7)
		err := sdk.Shutdown(brief(t))
		want := "7 of 7 spans not delivered to " + endpoint +
			": connection refused: is a collector or Tempo listening there?"
		if err == nil || err.Error() != "otelsetup: "+want {
			t.Errorf("got  %v\nwant otelsetup: %s", err, want)
		}
		log.await(t, `level=WARN msg="otelsetup: `+want+`"`)
		if again := sdk.Shutdown(t.Context()); again != err {
			t.Errorf("the second Shutdown returned %v", again)
		}
		if got, want := sdk.Stats(), (Stats{Started: 7, Ended: 7, Failed: 7}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestFlushTellsWhatIsLost(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		full := true
		r := serve(&receiver{answer: func(req *request) (*response, error) {
			if spanCount(req) > 0 && full {
				full = false
				return nil, status.Error(codes.Internal, "disk full")
			}
			return nil, nil
		}})
		sdk, log := begin(t, Endpoint(r.url))
		spans(sdk, 4)
		err := sdk.Flush(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "otelsetup: 4 spans not delivered to "+sdk.pipeline.settings.target.String()) ||
			!strings.Contains(err.Error(), "disk full") {
			t.Errorf("got %v", err)
		}
		log.await(t, "level=WARN", "spans are not being delivered", "disk full")

		spans(sdk, 3)
		if err := sdk.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		log.await(t, "level=INFO", "spans are being delivered again", "lost=4")
		if got, want := sdk.Stats(), (Stats{Started: 7, Ended: 7, Exported: 3, Failed: 4}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		err = sdk.Shutdown(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "otelsetup: 4 of 7 spans not delivered to ") {
			t.Errorf("got %v", err)
		}
	})
}

// TestOneFaultIsToldOnce: a fault without a retry is logged once, with a hint that the exporter's
// error does not have.
func TestOneFaultIsToldOnce(t *testing.T) {
	cleanEnv(t)
	url, _ := serveHTTP(t, http.NotFoundHandler(), nil)
	sdk, log := begin(t, Endpoint(url))
	spans(sdk, 2)
	const hint = "there is no OTLP receiver at the path /v1/traces"
	if err := sdk.Shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), hint) {
		t.Errorf("got %v", err)
	}
	if n := strings.Count(log.String(), "spans are not being delivered"); n != 1 {
		t.Errorf("the log has it %d times:\n%s", n, log)
	}
}

// TestFlushDuringShutdown: Flush does not count spans as lost while a concurrent Shutdown is
// sending them.
func TestFlushDuringShutdown(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
		entered, proceed := make(chan struct{}, 10), make(chan struct{})
		r := serve(&receiver{answer: func(req *request) (*response, error) {
			if spanCount(req) > 0 {
				entered <- struct{}{}
				<-proceed
			}
			return nil, nil
		}})
		sdk, _ := begin(t, Endpoint(r.url))
		spans(sdk, 6)
		<-entered
		done := make(chan error, 1)
		go func() { done <- sdk.Shutdown(context.Background()) }()
		for !sdk.pipeline.processor.stopping.Load() {
			runtime.Gosched()
		}
		flushed := make(chan error, 1)
		go func() { flushed <- sdk.Flush(context.Background()) }()
		select {
		case err := <-flushed: // or Flush waits for the current batch
			if err != nil {
				t.Errorf("Flush: %v", err)
			}
		case <-time.After(50 * time.Millisecond):
		}
		close(proceed)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got, want := sdk.Stats(), (Stats{Started: 6, Ended: 6, Exported: 6}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestFlushOutOfTime(t *testing.T) {
	cleanEnv(t)
	for _, scheme := range []string{"http://", "grpc://"} {
		sdk, _ := begin(t, Endpoint(scheme+listen(t).Addr().String()))
		spans(sdk, 1)
		err := sdk.Flush(brief(t))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "otelsetup: flushing spans: ") {
			t.Errorf("got %v", err)
		}
	}
}

// TestShutdownTellsAllCauses: the error has all causes of lost spans.
func TestShutdownTellsAllCauses(t *testing.T) {
	cleanEnv(t)
	sdk, _ := begin(t, Endpoint("http://"+closedPort))
	spans(sdk, 2)
	_, open := sdk.TracerProvider().Tracer("test").Start(t.Context(), "GET /")
	defer open.End()
	err := sdk.Shutdown(t.Context())
	want := "otelsetup: 3 of 3 spans not delivered to http://127.0.0.1:1/v1/traces: connection refused: " +
		"is a collector or Tempo listening there?; 1 not ended: call End on each before Shutdown"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestQueueFull: a slow receiver fills the queue.
func TestQueueFull(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		testQueueFull(t, serve, false)
		testQueueFull(t, serve, true)
	})
}

func testQueueFull(t *testing.T, serve func(*receiver) *receiver, flush bool) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")
	entered, proceed := make(chan struct{}, 100), make(chan struct{})
	r := serve(&receiver{answer: func(req *request) (*response, error) {
		if spanCount(req) > 0 {
			entered <- struct{}{}
			<-proceed
		}
		return nil, nil
	}})
	sdk, log := begin(t, Endpoint(r.url))
	spans(sdk, 5)
	<-entered // the exporter is busy, and only one more span leaves the queue
	spans(sdk, 100)
	// 10 spans are in the queue, and at most 1 is between the queue and the batch. The batch could
	// hold 5 more, so that 5 dropped spans do not count as lost yet.
	if got := sdk.Stats(); got.Ended != 105 || got.Exported != 0 || got.Dropped < 100-16 || got.Dropped > 90 {
		t.Errorf("while the receiver is stuck: %+v", got)
	}
	close(proceed)
	if flush {
		err := sdk.Flush(t.Context())
		if err == nil || !strings.Contains(err.Error(), "spans dropped: more spans end than can be sent") {
			t.Errorf("Flush: %v", err)
		}
	}
	err := sdk.Shutdown(t.Context())
	got := sdk.Stats()
	if got.Dropped < 89 || got.Dropped > 90 || got.Exported+got.Dropped != 105 || got.Failed != 0 {
		t.Errorf("got %+v", got)
	}
	log.await(t, "the queue is full and spans are dropped", "queue=10")
	want := fmt.Sprintf("otelsetup: %d of 105 spans not delivered to %s: %d dropped from the queue of 10: more spans end than can be sent",
		got.Dropped, sdk.pipeline.settings.target, got.Dropped)
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if n := len(r.names()["checkout"]); int64(n) != got.Exported {
		t.Errorf("received %d spans, %+v", n, got)
	}
}

func TestPartialSuccess(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		r := serve(&receiver{answer: func(req *request) (*response, error) {
			if spanCount(req) == 0 {
				return nil, nil
			}
			return &response{PartialSuccess: &coltracepb.ExportTracePartialSuccess{
				RejectedSpans: 2, ErrorMessage: "2 spans are (too) old"}}, nil
		}})
		sdk, log := begin(t, Endpoint(r.url))
		spans(sdk, 5)
		err := sdk.Shutdown(t.Context())
		want := "otelsetup: 2 of 5 spans not delivered to " + sdk.pipeline.settings.target.String() +
			": OTLP partial success: 2 spans are (too) old (2 spans rejected)"
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if got, want := sdk.Stats(), (Stats{Started: 5, Ended: 5, Exported: 3, Failed: 2}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		log.await(t, "spans are not being delivered", "2 spans are (too) old")
	})
}

// TestPartialSuccessWithoutLoss: a partial success without rejected spans is only a warning.
func TestPartialSuccessWithoutLoss(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		r := serve(&receiver{answer: func(*request) (*response, error) {
			return &response{PartialSuccess: &coltracepb.ExportTracePartialSuccess{ErrorMessage: "move to the new host"}}, nil
		}})
		sdk, log := begin(t, Endpoint(r.url))
		spans(sdk, 5)
		if err := sdk.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		log.await(t, "move to the new host")
	})
}

func TestSpansThatDidNotEnd(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		r := serve(new(receiver))
		sdk, _ := begin(t, Endpoint(r.url))
		spans(sdk, 2)
		_, open := sdk.TracerProvider().Tracer("test").Start(t.Context(), "GET /")
		err := sdk.Shutdown(t.Context())
		open.End()
		want := "otelsetup: 1 of 3 spans not delivered to " + sdk.pipeline.settings.target.String() +
			": 1 not ended: call End on each before Shutdown"
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}

// TestShutdownWithACanceledContext: Shutdown works with a context that has already ended. Programs
// often pass the context whose end made them stop.
func TestShutdownWithACanceledContext(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		r := serve(new(receiver))
		sdk, _ := begin(t, Endpoint(r.url))
		spans(sdk, 3)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := sdk.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if n := len(r.names()["checkout"]); n != 3 {
			t.Errorf("received %d spans, want 3", n)
		}
	})
}

// TestShutdownOfAStuckPipeline: if the receiver does not answer, Shutdown ends with its
// context and leaves no goroutine.
func TestShutdownOfAStuckPipeline(t *testing.T) {
	cleanEnv(t)
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2") // several batches
	for _, scheme := range []string{"http://", "grpc://"} {
		lis := listen(t)
		sdk, _ := begin(t, Endpoint(scheme+lis.Addr().String()))
		spans(sdk, 9)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := sdk.Shutdown(ctx)
		if err == nil || !strings.HasPrefix(err.Error(), "otelsetup: 9 of 9 spans not delivered to "+scheme) ||
			!strings.Contains(err.Error(), "the export was canceled before the receiver answered") {
			t.Errorf("got %v", err)
		}
		noGoroutines(t)
	}
}

func TestNoGoroutineAfterShutdown(t *testing.T) {
	cleanEnv(t)
	noGoroutines(t)
	for name, sdk := range map[string]func() (*SDK, *logs){
		"http":        func() (*SDK, *logs) { return begin(t, Endpoint(new(receiver).serveHTTP(t, nil).url)) },
		"grpc":        func() (*SDK, *logs) { return begin(t, Endpoint(new(receiver).serveGRPC(t, nil).url)) },
		"http, down":  func() (*SDK, *logs) { return begin(t, Endpoint("http://"+closedPort)) },
		"grpc, down":  func() (*SDK, *logs) { return begin(t, Endpoint("grpc://"+closedPort)) },
		"http, stuck": func() (*SDK, *logs) { return begin(t, Endpoint("http://"+listen(t).Addr().String())) },
	} {
		sdk, _ := sdk()
		spans(sdk, 3)
		_ = sdk.Check(brief(t))
		_ = sdk.Shutdown(brief(t))
		if !noGoroutines(t) {
			t.Errorf("with %s", name)
		}
	}
}

// noGoroutines waits until no goroutine of an SDK or of its clients is left, and reports
// those that do not end.
func noGoroutines(t *testing.T) bool {
	t.Helper()
	marks := []string{"otel/sdk/", "otelsetup.(*", "otlptrace", "grpc.(*ClientConn)", "transport.(*http2Client)", "http.(*persistConn)"}
	deadline := time.Now().Add(5 * time.Second)
	for {
		buf := make([]byte, 1<<20)
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			for _, mark := range marks {
				if strings.Contains(stack, mark) && !strings.Contains(stack, "noGoroutines") && !strings.Contains(stack, "otelsetup.(*receiver)") {
					left = append(left, stack)
					break
				}
			}
		}
		if len(left) == 0 {
			return true
		}
		if time.Now().After(deadline) {
			t.Errorf("goroutines that are left:\n%s", strings.Join(left, "\n\n"))
			return false
		}
		runtime.Gosched()
	}
}

// TestLogTellsAtOnce: a fault is logged before Flush or Shutdown is called.
func TestLogTellsAtOnce(t *testing.T) {
	cleanEnv(t)
	_, log := begin(t, Endpoint("grpc://"+closedPort))
	log.await(t, "level=WARN", "otelsetup: spans are not being delivered", "endpoint=grpc://127.0.0.1:1",
		`error="connection refused"`, `hint="is a collector or Tempo listening there?"`)
}

// TestLogTellsBeforeTheRetry: exporters retry some faults without logging. Such a fault is
// logged before the exporter gives up, and Shutdown knows the reason.
func TestLogTellsBeforeTheRetry(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		r := serve(&receiver{answer: func(req *request) (*response, error) {
			if spanCount(req) == 0 {
				return nil, nil // the answer of Tempo
			}
			return nil, status.Error(codes.Unavailable, "no org id")
		}})
		t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
		t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2") // the last batches are never sent
		sdk, log := begin(t, Endpoint(r.url))
		spans(sdk, 5)
		log.await(t, "level=WARN", "no org id", "set the tenant with the header X-Scope-OrgID")
		err := sdk.Shutdown(brief(t))
		if err == nil || !strings.HasSuffix(err.Error(), "(no org id): "+hintTenant) {
			t.Errorf("got %v", err)
		}
	})
}

func TestReporterRepeatsAFaultOnceAMinute(t *testing.T) {
	log := newLogs()
	r := &reporter{logger: log.logger(), tally: new(tally)}
	fault := explain(errors.New("dial: connection refused"), target{host: "h:4318"})
	other := explain(errors.New("something else 1"), target{host: "h:4318"})
	now := time.Unix(0, 0)
	count := func(text string, want int) {
		t.Helper()
		if got := strings.Count(log.String(), text); got != want {
			t.Fatalf("after %v: %d lines with %q, want %d:\n%s", now.Sub(time.Unix(0, 0)), got, text, want, log)
		}
	}
	for ; now.Before(time.Unix(59, 0)); now = now.Add(time.Second) {
		r.failed(now, fault)
		r.failed(now, other)
		r.delivered()
	}
	count("connection refused", 1)
	count("something else", 1)
	count("delivered again", 1)
	r.tally.failed.Add(512)
	r.failed(now.Add(time.Second), fault)
	count("connection refused", 2)
	count("lost=512", 1)
}

func TestExplainNameServer(t *testing.T) {
	// The error is made by hand, because a test cannot make a name server fail.
	err := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
		Err: "read udp 127.0.0.1:1->127.0.0.53:53: connection refused", Name: "tempo", Server: "127.0.0.53:53"}}
	got := explain(err, target{host: "tempo:4318", path: tracesPath}).Error()
	want := "http://tempo:4318/v1/traces: the host name cannot be looked up: " + hintNoHost
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
