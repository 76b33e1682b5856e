package otlpreceiver

import (
	"context"
	"errors"
	"net"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// TestRegister: a server with another service and an interceptor also receives OTLP.
func TestRegister(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 3)
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		seen <- info.FullMethod
		return handle(ctx, request)
	}))
	var s sink
	Register(server, s.take)
	healthpb.RegisterHealthServer(server, health.NewServer())
	go server.Serve(l)
	t.Cleanup(server.Stop)
	conn := dial(t, l.Addr().String())

	if _, err := coltracepb.NewTraceServiceClient(conn).Export(t.Context(), aSpan); err != nil {
		t.Fatal(err)
	}
	if got := s.only(t).ResourceSpans[0].ScopeSpans[0].Spans[0].Name; got != "a" {
		t.Errorf("got span %q, want a", got)
	}
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("the other service: %v", err)
	}
	if first, want := <-seen, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"; first != want {
		t.Errorf("the interceptor saw %s, want %s", first, want)
	}

	s.err = errors.New("not a request of OTLP")
	if _, err := coltracepb.NewTraceServiceClient(conn).Export(t.Context(), aSpan); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a refused request: %v", err)
	}
}
