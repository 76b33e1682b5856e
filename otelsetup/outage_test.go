package otelsetup

import (
	"fmt"
	"net"
	"net/http"
	"strings"
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

// While the receiver is away, spans wait in the queue. What the queue cannot take is lost, and
// the outage is named, not the size of the queue. The counts are exact.
func TestOutage(t *testing.T) {
	for _, scheme := range []string{"http", "grpc"} {
		t.Run(scheme, func(t *testing.T) {
			for _, overflow := range []bool{false, true} {
				t.Run(fmt.Sprintf("overflow=%t", overflow), func(t *testing.T) {
					cleanEnv(t)
					t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
					r := &restartable{receiver: new(receiver), addr: "127.0.0.1:0"}
					r.start(t, scheme == "grpc")
					sdk, log := begin(t, Endpoint(scheme+"://"+r.addr))
					spans(sdk, 100)
					if err := sdk.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}

					r.stop()
					spans(sdk, 1000)
					log.await(t, "connection refused")
					if overflow {
						spans(sdk, 5000)
					}
					r.start(t, scheme == "grpc")
					defer r.stop()
					for deadline := time.Now().Add(30 * time.Second); sdk.Stats().Exported == 100; time.Sleep(5 * time.Millisecond) {
						if time.Now().After(deadline) {
							t.Fatalf("nothing is delivered after the restart: %+v", sdk.Stats())
						}
					}
					spans(sdk, 10)
					err := sdk.Shutdown(t.Context())
					got := sdk.Stats()
					if got.Started != got.Exported+got.Failed+got.Dropped {
						t.Errorf("the counts do not add up: %+v", got)
					}
					if n := len(r.names()["checkout"]); int64(n) != got.Exported {
						t.Errorf("the receiver has %d spans, the SDK counts %d", n, got.Exported)
					}
					// The exporter of OTLP over gRPC tries a batch again for 10 seconds, with long pauses.
					if scheme == "http" && got.Failed != 0 {
						t.Errorf("%d spans failed, want none: requests are tried again", got.Failed)
					}
					switch {
					case !overflow && scheme == "http" && err != nil:
						t.Errorf("lost: %v", err)
					case overflow && (err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "raise OTEL_BSP")):
						t.Errorf("got %v, want the outage as the reason", err)
					}
				})
			}
		})
	}
}
