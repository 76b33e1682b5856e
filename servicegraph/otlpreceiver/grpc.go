package otlpreceiver

import (
	"context"
	"fmt"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // decompresses requests
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// connectionTime is how long a new connection may take to begin to speak HTTP/2. Stopping a
// server waits for such connections.
const connectionTime = 1500 * time.Millisecond

// NewGRPCServer returns a server of OTLP's trace service. The caller starts and stops it.
//
// The server does not use the generated service description, whose handler decodes a
// request into messages before anyone can have its bytes.
func NewGRPCServer(take Take) *grpc.Server {
	s := grpc.NewServer(
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.MaxRecvMsgSize(MaxRequest),
		grpc.MaxConcurrentStreams(maxAtOnce),
		grpc.ConnectionTimeout(connectionTime),
	)
	export := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var body []byte
		if err := decode(&body); err != nil {
			return nil, err
		}
		rejected, err := take(Request{Body: body})
		if err != nil {
			return nil, grpcError(err)
		}
		return proto.Marshal(response(rejected))
	}
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: coltracepb.TraceService_ServiceDesc.ServiceName,
		Methods:     []grpc.MethodDesc{{MethodName: "Export", Handler: export}},
	}, nil)
	return s
}

// response returns the answer to a valid request. It has a partial success only if spans
// were rejected: some senders log an empty one as a warning without text.
func response(r Rejected) *coltracepb.ExportTraceServiceResponse {
	if r == (Rejected{}) {
		return &coltracepb.ExportTraceServiceResponse{}
	}
	return &coltracepb.ExportTraceServiceResponse{PartialSuccess: &coltracepb.ExportTracePartialSuccess{
		RejectedSpans: r.Spans,
		ErrorMessage:  r.Reason,
	}}
}

// A rawCodec passes encoded messages through as bytes.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("otlpreceiver: an answer of type %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
