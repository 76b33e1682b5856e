package otlpreceiver_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"sync"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otlpreceiver"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// A gRPC server, which may have other services, also receives OTLP. A server without other services
// uses New, which bounds the memory of all requests.
func ExampleRegister() {
	builder := servicegraph.NewBuilder(servicegraph.Config{})
	loader := tracefile.NewRequestLoader(builder, nil)
	var mu sync.Mutex // guards loader and builder
	server := grpc.NewServer()
	otlpreceiver.Register(server, func(r otlpreceiver.Request) (otlpreceiver.Rejected, error) {
		mu.Lock()
		defer mu.Unlock()
		result, err := loader.Protobuf(r.Body)
		if err != nil || result.Rejected == 0 {
			return otlpreceiver.Rejected{}, err
		}
		return otlpreceiver.Rejected{Spans: int64(result.Rejected), Reason: result.Reason.Error()}, nil
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Stop()

	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	span := &tracepb.Span{TraceId: make([]byte, 16), SpanId: []byte{1, 2, 3, 4, 5, 6, 7, 8}, Name: "GET /"}
	span.TraceId[15] = 1
	lost := &tracepb.Span{TraceId: span.TraceId, Name: "without an id"}
	answer, err := coltracepb.NewTraceServiceClient(conn).Export(context.Background(), &coltracepb.ExportTraceServiceRequest{
		ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{span, lost}}}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("rejected: %d (%s)\n", answer.PartialSuccess.RejectedSpans, answer.PartialSuccess.ErrorMessage)
	mu.Lock()
	defer mu.Unlock()
	fmt.Println("received:", builder.Graph().Report().Root)
	// Output:
	// rejected: 1 (span "without an id": span id: want 8 bytes, got 0)
	// received: 1
}
