package otelsetup_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/otelsetup"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otelspan"
)

// This program sends a span. The test server takes the place of Tempo.
func Example() {
	tempo := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer tempo.Close()
	ctx := context.Background()

	sdk, err := otelsetup.Start(ctx, otelsetup.Service("checkout", "1.4.2"), otelsetup.Endpoint(tempo.URL))
	if err != nil {
		log.Fatal(err)
	}

	_, span := otel.Tracer("shop").Start(ctx, "pay")
	span.End()

	if err := sdk.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	fmt.Println(sdk.Stats().Exported, "span sent")
	// Output: 1 span sent
}

// Check returns an error because nothing listens at the endpoint.
func ExampleSDK_Check() {
	ctx := context.Background()
	sdk, err := otelsetup.Start(ctx,
		otelsetup.Service("checkout", "1.4.2"),
		otelsetup.Endpoint("grpc://127.0.0.1:1"),
		otelsetup.WithoutGlobals(),
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sdk.Check(ctx))
	_ = sdk.Shutdown(ctx)
	// Output: otelsetup: grpc://127.0.0.1:1: connection refused: is a collector or Tempo listening there?
}

// A test of a program sees the spans in memory, and no message of the SDK.
func ExampleExporter() {
	ctx := context.Background()
	spans := tracetest.NewInMemoryExporter()
	sdk, err := otelsetup.Start(ctx,
		otelsetup.Service("checkout", "1.4.2"),
		otelsetup.Exporter(spans),
		otelsetup.SampleRatio(1),
		otelsetup.Logger(slog.New(slog.DiscardHandler)),
		otelsetup.WithoutGlobals(),
	)
	if err != nil {
		log.Fatal(err)
	}
	_, span := sdk.TracerProvider().Tracer("shop").Start(ctx, "pay")
	span.End()
	if err := sdk.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	for _, s := range spans.GetSpans() {
		fmt.Println(s.Name)
	}
	_ = sdk.Shutdown(ctx)
	// Output: pay
}

// The options are defaults that the environment of a deployment overrides.
func ExampleEnvironmentWins() {
	os.Setenv("OTEL_SERVICE_NAME", "checkout-canary")
	defer os.Unsetenv("OTEL_SERVICE_NAME")
	ctx := context.Background()
	spans := tracetest.NewInMemoryExporter()
	sdk, err := otelsetup.Start(ctx,
		otelsetup.Service("checkout", "1.4.2"),
		otelsetup.EnvironmentWins(),
		otelsetup.Exporter(spans),
		otelsetup.WithoutGlobals(),
	)
	if err != nil {
		log.Fatal(err)
	}
	_, span := sdk.TracerProvider().Tracer("shop").Start(ctx, "pay")
	span.End()
	if err := sdk.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	for _, a := range spans.GetSpans()[0].Resource.Attributes() {
		if a.Key == "service.name" {
			fmt.Println(a.Value.AsString())
		}
	}
	_ = sdk.Shutdown(ctx)
	// Output: checkout-canary
}

// Check names the hop at which spans stop. Nothing listens at this endpoint.
func ExampleCheck() {
	report := otelsetup.Check(context.Background(), otelsetup.Service("checkout", "1.4.2"), otelsetup.Endpoint("grpc://127.0.0.1:1"))
	for _, hop := range []string{otelsetup.HopSettings, otelsetup.HopResolve, otelsetup.HopConnect, otelsetup.HopTLS} {
		h := report.Hop(hop)
		fmt.Println(h.Name, h.Outcome)
		if h.Outcome == otelsetup.Failed {
			fmt.Println("  →", h.Fix)
		}
	}
	// Output:
	// settings passed
	// resolve passed
	// connect failed
	//   → is a collector or Tempo listening there?
	// tls not checked
}

// The program trusts only the authority of its own backend. The test server takes the place of the
// backend.
func ExampleTLS() {
	tempo := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer tempo.Close()
	authority := x509.NewCertPool()
	authority.AddCert(tempo.Certificate())

	ctx := context.Background()
	sdk, err := otelsetup.Start(ctx,
		otelsetup.Service("checkout", "1.4.2"),
		otelsetup.Endpoint(tempo.URL),
		otelsetup.TLS(&tls.Config{RootCAs: authority}),
		otelsetup.WithoutGlobals(),
	)
	if err != nil {
		log.Fatal(err)
	}
	_, span := sdk.TracerProvider().Tracer("shop").Start(ctx, "pay")
	span.End()
	if err := sdk.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	fmt.Println(sdk.Stats().Exported, "span sent")
	// Output: 1 span sent
}

// A recorder sees the spans that are also exported, and shows which services this program calls.
func ExampleSpanProcessor() {
	tempo := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer tempo.Close()
	ctx := context.Background()
	recorder := otelspan.NewRecorder(servicegraph.Config{})
	sdk, err := otelsetup.Start(ctx,
		otelsetup.Service("checkout", "1.4.2"),
		otelsetup.Endpoint(tempo.URL),
		otelsetup.SpanProcessor(recorder),
		otelsetup.WithoutGlobals(),
	)
	if err != nil {
		log.Fatal(err)
	}
	_, span := sdk.TracerProvider().Tracer("shop").Start(ctx, "SELECT",
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("db.system.name", "postgresql")))
	span.End()
	for e := range recorder.Graph().Edges() {
		fmt.Println(e.ID)
	}
	_ = sdk.Shutdown(ctx)
	// Output: checkout -> postgresql (request)
}

// CheckPipeline follows the spans of a program that runs. No part of this backend answers.
func ExampleSDK_CheckPipeline() {
	ctx := context.Background()
	sdk, err := otelsetup.Start(ctx,
		otelsetup.Service("checkout", "1.4.2"),
		otelsetup.Endpoint("grpc://127.0.0.1:1"),
		otelsetup.Logger(slog.New(slog.DiscardHandler)),
		otelsetup.WithoutGlobals(),
	)
	if err != nil {
		log.Fatal(err)
	}
	report := sdk.CheckPipeline(ctx)
	fmt.Println(report.Hop(otelsetup.HopService).Detail)
	fmt.Println(report.Err())
	_ = sdk.Shutdown(ctx)
	// Output:
	// checkout
	// otelsetup: connect: grpc://127.0.0.1:1: connection refused: is a collector or Tempo listening there?
}
