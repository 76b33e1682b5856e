package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/tempograph/tempograph/otelsetup"
)

// A shop is six services in one process. Each has its own resource and exports its own
// spans:
//
//	gateway ──► catalog ──► products (database)
//	   └──────► checkout ──► payments
//	               └──► orders (queue) ──► shipping ──► mailer
type shop struct {
	services []*service
	gateway  string // URL of the gateway
	orders   chan message
	shipped  chan struct{} // closed when shipping has received the last order; nil before it starts
	closers  []func(context.Context) error
}

// failEvery is the number of orders of which payments fails one.
const failEvery = 10

// A message in the queue has an order, and the trace context in its headers.
type message struct {
	headers propagation.MapCarrier
	order   string
}

// openShop starts the services.
func openShop(ctx context.Context, opts ...otelsetup.Option) (*shop, error) {
	s := &shop{orders: make(chan message, 16)}
	var failed error
	start := func(namespace, name string) *service {
		svc, err := startService(ctx, namespace, name, opts...)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("starting %s: %w", name, err))
			return nil
		}
		s.services = append(s.services, svc)
		return svc
	}
	gateway, catalog, checkout := start("shop", "gateway"), start("shop", "catalog"), start("shop", "checkout")
	payments := start("billing", "payments")
	shipping, mailer := start("logistics", "shipping"), start("logistics", "mailer")
	if failed != nil {
		return nil, errors.Join(failed, s.close(ctx))
	}

	paymentsAddr, err1 := payments.serveGRPC(s, "Charge", charge)
	mailerAddr, err2 := mailer.serveGRPC(s, "Send", func(context.Context, string) error { return nil })
	catalogURL, err3 := catalog.serveHTTP(s, catalog.lookUp)
	chargeOrder, err4 := checkout.dialGRPC(s, paymentsAddr, "Charge")
	sendMail, err5 := shipping.dialGRPC(s, mailerAddr, "Send")
	checkoutURL, err6 := checkout.serveHTTP(s, func(w http.ResponseWriter, r *http.Request) {
		order := r.URL.Query().Get("order")
		if err := chargeOrder(r.Context(), order); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		checkout.publish(r.Context(), s.orders, order)
	})
	var err7 error
	s.gateway, err7 = gateway.serveHTTP(s, func(w http.ResponseWriter, r *http.Request) {
		calls := []string{catalogURL}
		if r.URL.Path == "/buy" {
			calls = append(calls, checkoutURL)
		}
		for _, url := range calls {
			if err := get(r.Context(), gateway.client(), url+"?"+r.URL.RawQuery); err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
		}
	})
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	s.shipped = make(chan struct{})
	go func() {
		defer close(s.shipped)
		for m := range s.orders {
			shipping.consume(m, sendMail)
		}
	}()
	return s, nil
}

// visit makes request number i. Requests with an odd number buy something.
func (s *shop) visit(ctx context.Context, i int) error {
	path := "/browse"
	if i%2 == 1 {
		path = "/buy"
	}
	err := get(ctx, http.DefaultClient, fmt.Sprintf("%s%s?order=%d", s.gateway, path, i/2+1))
	var failed *httpError
	if errors.As(err, &failed) {
		return nil // payments fails on purpose: the graph shows it
	}
	return err
}

// close stops the services, shipping first, and sends the last spans. The error reports lost spans.
func (s *shop) close(ctx context.Context) error {
	if s.shipped != nil {
		close(s.orders)
		<-s.shipped
	}
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c(ctx))
	}
	for _, svc := range s.services {
		errs = append(errs, svc.sdk.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// exported returns how many spans were delivered.
func (s *shop) exported() (spans int64) {
	for _, svc := range s.services {
		spans += svc.sdk.Stats().Exported
	}
	return spans
}

// charge does the work of payments.
func charge(_ context.Context, order string) error {
	var n int
	if _, err := fmt.Sscan(order, &n); err != nil {
		return status.Errorf(grpccodes.InvalidArgument, "order %q: %v", order, err)
	}
	if n%failEvery == 0 {
		return status.Errorf(grpccodes.Unavailable, "the bank does not answer")
	}
	return nil
}

// A service is one of the six services of the shop.
type service struct {
	sdk    *otelsetup.SDK
	tracer trace.Tracer
}

func startService(ctx context.Context, namespace, name string, opts ...otelsetup.Option) (*service, error) {
	sdk, err := otelsetup.Start(ctx, append([]otelsetup.Option{
		otelsetup.Service(name, "1.0.0"),
		otelsetup.Namespace(namespace),
		otelsetup.WithoutGlobals(), // six services in one process
	}, opts...)...)
	if err != nil {
		return nil, err
	}
	return &service{sdk: sdk, tracer: sdk.TracerProvider().Tracer("quickstart")}, nil
}

// lookUp handles a request to the catalog.
func (s *service) lookUp(w http.ResponseWriter, r *http.Request) {
	_, span := s.tracer.Start(r.Context(), "SELECT products", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "postgresql"),
		attribute.String("db.namespace", "products"),
		attribute.String("server.address", "products.db.internal"),
		attribute.Int("server.port", 5432),
	))
	defer span.End()
	time.Sleep(time.Millisecond) // stands for the query
}

// publish sends an order to the queue, with the trace context.
func (s *service) publish(ctx context.Context, orders chan<- message, order string) {
	ctx, span := s.tracer.Start(ctx, "send orders", trace.WithSpanKind(trace.SpanKindProducer), messaging("send"))
	defer span.End()
	m := message{headers: propagation.MapCarrier{}, order: order}
	s.sdk.Propagator().Inject(ctx, m.headers)
	orders <- m
}

// consume handles an order from the queue.
func (s *service) consume(m message, sendMail func(context.Context, string) error) {
	ctx := s.sdk.Propagator().Extract(context.Background(), m.headers)
	ctx, span := s.tracer.Start(ctx, "process orders", trace.WithSpanKind(trace.SpanKindConsumer), messaging("process"))
	defer span.End()
	if err := sendMail(ctx, m.order); err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
}

func messaging(operation string) trace.SpanStartEventOption {
	return trace.WithAttributes(
		attribute.String("messaging.system", "channel"),
		attribute.String("messaging.destination.name", "orders"),
		attribute.String("messaging.operation.type", operation),
	)
}

// serveHTTP starts an HTTP server for the service and returns its URL.
func (s *service) serveHTTP(shop *shop, handler http.HandlerFunc) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: otelhttp.NewHandler(handler, "",
		otelhttp.WithTracerProvider(s.sdk.TracerProvider()),
		otelhttp.WithPropagators(s.sdk.Propagator()),
	)}
	go server.Serve(l)
	shop.closers = append(shop.closers, server.Shutdown)
	return "http://" + l.Addr().String(), nil
}

// client returns an HTTP client that sends the trace context.
func (s *service) client() *http.Client {
	return &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport,
		otelhttp.WithTracerProvider(s.sdk.TracerProvider()),
		otelhttp.WithPropagators(s.sdk.Propagator()),
	)}
}

// An httpError is an answer other than success.
type httpError struct{ status string }

func (e *httpError) Error() string { return "the server answered " + e.status }

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return &httpError{resp.Status}
	}
	return nil
}

// serveGRPC starts a gRPC server with one method for the service and returns its address.
func (s *service) serveGRPC(shop *shop, method string, handle func(ctx context.Context, order string) error) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(s.sdk.TracerProvider()),
		otelgrpc.WithPropagators(s.sdk.Propagator()),
	)))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: rpcService,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: method,
			Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				var order wrapperspb.StringValue
				if err := decode(&order); err != nil {
					return nil, err
				}
				return &emptypb.Empty{}, handle(ctx, order.Value)
			},
		}},
	}, nil)
	go server.Serve(l)
	shop.closers = append(shop.closers, func(context.Context) error {
		server.GracefulStop()
		return nil
	})
	return l.Addr().String(), nil
}

// rpcService is the name of the gRPC service in all gRPC servers of the shop.
const rpcService = "quickstart.Orders"

// dialGRPC returns a function that calls a method of another service.
func (s *service) dialGRPC(shop *shop, addr, method string) (func(ctx context.Context, order string) error, error) {
	conn, err := grpc.NewClient(addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(s.sdk.TracerProvider()),
			otelgrpc.WithPropagators(s.sdk.Propagator()),
		)))
	if err != nil {
		return nil, err
	}
	shop.closers = append(shop.closers, func(context.Context) error { return conn.Close() })
	return func(ctx context.Context, order string) error {
		return conn.Invoke(ctx, "/"+rpcService+"/"+method, wrapperspb.String(order), &emptypb.Empty{})
	}, nil
}
