package otelsetup

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

// A restartable is a receiver that can be stopped and started again on its port.
type restartable struct {
	*receiver
	addr string
	stop func()
}

func (r *restartable) start(t *testing.T, overGRPC bool) {
	t.Helper()
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	if overGRPC {
		s := grpc.NewServer()
		coltracepb.RegisterTraceServiceServer(s, r.receiver)
		go s.Serve(l)
		r.stop = s.Stop
		return
	}
	s := &http.Server{Handler: r.receiver}
	go s.Serve(l)
	r.stop = func() { s.Close() }
}

// ids counts the spans that the receiver has. A span that was sent twice counts once.
func (r *receiver) ids() int64 {
	ids := make(map[string]bool)
	for _, c := range r.kept() {
		for _, rs := range c.request.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					ids[string(s.GetSpanId())] = true
				}
			}
		}
	}
	return int64(len(ids))
}

func (s Stats) sum() int64 { return s.Exported + s.Failed + s.Dropped + s.Pending }

// TestOutage: while the receiver is down, a program makes 2,000 spans a second, which wait in the
// queue. Spans that do not fit into the queue are lost, and the error names the outage as the
// reason, not the size of the queue. The counts are exact over both protocols.
func TestOutage(t *testing.T) {
	away := 3 * time.Second
	if testing.Short() {
		away = 1200 * time.Millisecond
	}
	cleanEnv(t)
	type program struct {
		name     string
		overflow bool // the queue is too small for the spans of the outage
		receiver *restartable
		sdk      *SDK
		log      *logs
	}
	var programs []program
	for _, scheme := range []string{"http", "grpc"} {
		for queue, overflow := range map[string]bool{"10000": false, "1000": true} {
			t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", queue)
			p := program{scheme + " with a queue of " + queue, overflow, &restartable{receiver: new(receiver), addr: "127.0.0.1:0"}, nil, nil}
			p.receiver.start(t, scheme == "grpc")
			p.sdk, p.log = begin(t, Endpoint(scheme+"://"+p.receiver.addr))
			programs = append(programs, p)
		}
	}
	var wg sync.WaitGroup
	for _, p := range programs { // concurrently, because most of the time is spent waiting
		wg.Go(func() {
			spans(p.sdk, 100)
			if err := p.sdk.Flush(t.Context()); err != nil {
				t.Errorf("%s: before the outage: %v", p.name, err)
			}
			p.receiver.stop()
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			begun, made := time.Now(), 0
			for time.Since(begun) < away {
				<-tick.C
				n := int(time.Since(begun)*2000/time.Second) - made
				spans(p.sdk, n)
				made += n
				if got := p.sdk.Stats(); got.Started != got.sum() {
					t.Errorf("%s: during the outage the counts do not add up: %+v", p.name, got)
					break
				}
			}
			if p.sdk.Stats().Pending == 0 {
				t.Errorf("%s: no span waits: %+v", p.name, p.sdk.Stats())
			}
			p.log.await(t, "connection refused")
		})
	}
	wg.Wait()
	for _, p := range programs {
		p.receiver.start(t, strings.HasPrefix(p.name, "grpc"))
		defer p.receiver.stop()
	}
	for _, p := range programs {
		wg.Go(func() {
			err := p.sdk.Shutdown(t.Context())
			got := p.sdk.Stats()
			if got.Started != got.sum() || got.Pending != 0 {
				t.Errorf("%s: the counts do not add up: %+v", p.name, got)
			}
			if n := p.receiver.ids(); n != got.Exported {
				t.Errorf("%s: the receiver has %d spans, the SDK counts %d", p.name, n, got.Exported)
			}
			if got.Failed != 0 {
				t.Errorf("%s: %d spans failed, want none: requests are tried again", p.name, got.Failed)
			}
			if strings.Contains(p.log.String(), "raise OTEL_BSP") {
				t.Errorf("%s: the log blames the queue:\n%s", p.name, p.log)
			}
			switch {
			case !p.overflow && (err != nil || got.Dropped != 0):
				t.Errorf("%s: lost %+v: %v", p.name, got, err)
			case p.overflow && (err == nil || got.Dropped == 0 || !strings.Contains(err.Error(), "connection refused") ||
				strings.Contains(err.Error(), "raise OTEL_BSP")):
				t.Errorf("%s: %+v: %v, want the outage as the reason", p.name, got, err)
			}
		})
	}
	wg.Wait()
}
