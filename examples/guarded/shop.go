package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// A shop is three services. The work of each service is a function. A test that adds a mistake
// replaces this function before the shop opens.
type shop struct {
	gateway, checkout, inventory service

	buy     func(ctx context.Context, items []string) error // the work of gateway
	order   func(ctx context.Context, items []string) error // the work of checkout
	reserve func(ctx context.Context, items []string) error // the work of inventory

	gatewayURL, checkoutURL string
	stock                   *grpc.ClientConn // from checkout to inventory
	closers                 []func()
}

// A service has its own telemetry and its own client.
type service struct {
	tracing    trace.TracerProvider
	propagator propagation.TextMapPropagator
	client     *http.Client
}

// newShop returns a shop that is not open yet. tracing returns the tracer provider of a service.
func newShop(tracing func(service string) trace.TracerProvider, p propagation.TextMapPropagator) *shop {
	open := func(name string) service {
		s := service{tracing: tracing(name), propagator: p}
		s.client = &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport,
			otelhttp.WithTracerProvider(s.tracing), otelhttp.WithPropagators(p))}
		return s
	}
	s := &shop{gateway: open("gateway"), checkout: open("checkout"), inventory: open("inventory")}
	s.buy = func(ctx context.Context, items []string) error {
		return post(ctx, s.gateway.client, s.checkoutURL, items)
	}
	s.order = func(ctx context.Context, items []string) error {
		if err := s.callInventory(ctx, items); err != nil {
			return err
		}
		s.checkout.query(ctx, "orders")
		return nil
	}
	s.reserve = func(ctx context.Context, items []string) error {
		s.inventory.query(ctx, "stock")
		return nil
	}
	return s
}

// open starts the services of a shop.
func open(s *shop) (*shop, error) {
	// Each request reads the current function, because a test may replace it.
	var err1, err2, err3 error
	s.gatewayURL, err1 = s.serveHTTP(s.gateway, func(ctx context.Context, items []string) error { return s.buy(ctx, items) })
	s.checkoutURL, err2 = s.serveHTTP(s.checkout, func(ctx context.Context, items []string) error { return s.order(ctx, items) })
	err3 = s.serveInventory()
	if err := errors.Join(err1, err2, err3); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *shop) close() {
	for _, c := range s.closers {
		c()
	}
}

// visit buys items, as a customer does.
func (s *shop) visit(ctx context.Context, items ...string) error {
	return post(ctx, http.DefaultClient, s.gatewayURL, items)
}

// query makes the span that an instrumented database driver would make. There is no database.
func (s service) query(ctx context.Context, database string) {
	_, span := s.tracing.Tracer("shop").Start(ctx, "SELECT "+database, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "postgresql"),
		attribute.String("db.namespace", database),
	))
	span.End()
}

// serveHTTP starts the HTTP server of a service and returns its URL.
func (s *shop) serveHTTP(svc service, work func(ctx context.Context, items []string) error) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: otelhttp.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := work(r.Context(), r.URL.Query()["item"]); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}), "", otelhttp.WithTracerProvider(svc.tracing), otelhttp.WithPropagators(svc.propagator))}
	go server.Serve(l)
	s.closers = append(s.closers, func() { server.Close() })
	return "http://" + l.Addr().String(), nil
}

// post sends a request for items.
func post(ctx context.Context, client *http.Client, base string, items []string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"?"+url.Values{"item": items}.Encode(), nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Status, body)
	}
	return nil
}

const reserveMethod = "/shop.Inventory/Reserve"

// serveInventory starts the gRPC server of inventory and connects checkout to it.
func (s *shop) serveInventory() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(s.inventory.tracing), otelgrpc.WithPropagators(s.inventory.propagator))))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.Inventory",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Reserve",
			Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				var list structpb.ListValue
				if err := decode(&list); err != nil {
					return nil, err
				}
				var items []string
				for _, v := range list.Values {
					items = append(items, v.GetStringValue())
				}
				return &emptypb.Empty{}, s.reserve(ctx, items)
			},
		}},
	}, nil)
	go server.Serve(l)
	s.closers = append(s.closers, server.Stop)

	s.stock, err = grpc.NewClient(l.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(s.checkout.tracing), otelgrpc.WithPropagators(s.checkout.propagator))))
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() { s.stock.Close() })
	return nil
}

// callInventory is the call from checkout that asks inventory to reserve items.
func (s *shop) callInventory(ctx context.Context, items []string) error {
	var list structpb.ListValue
	for _, item := range items {
		list.Values = append(list.Values, structpb.NewStringValue(item))
	}
	return s.stock.Invoke(ctx, reserveMethod, &list, &emptypb.Empty{})
}
