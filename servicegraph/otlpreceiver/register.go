package otlpreceiver

import (
	"context"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Register adds OTLP's trace service to a gRPC server that also has other services. The
// server's own options decide how large a request may be, and how many are handled at a time:
// the default of gRPC is 4 MiB for a request, and a Collector can send more. The budget of a
// [Receiver] does not apply. Import google.golang.org/grpc/encoding/gzip in the same program to
// accept compressed requests.
func Register(s grpc.ServiceRegistrar, take Take) {
	const method = "Export"
	name := coltracepb.TraceService_ServiceDesc.ServiceName
	handle := func(_ context.Context, request any) (any, error) {
		// The request was decoded into a message without fields, which keeps the whole
		// encoded request as its unknown fields.
		body := request.(*emptypb.Empty).ProtoReflect().GetUnknown()
		rejected, err := take(Request{Body: body})
		if err != nil {
			return nil, grpcError(err)
		}
		return response(rejected), nil
	}
	export := func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		request := new(emptypb.Empty)
		if err := decode(request); err != nil {
			return nil, err
		}
		if interceptor == nil {
			return handle(ctx, request)
		}
		return interceptor(ctx, request, &grpc.UnaryServerInfo{FullMethod: "/" + name + "/" + method}, handle)
	}
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: name,
		Methods:     []grpc.MethodDesc{{MethodName: method, Handler: export}},
	}, nil)
}

// grpcError returns the gRPC error for an error of a [Take].
func grpcError(err error) error { return status.ErrorProto(statusOf(err)) }
