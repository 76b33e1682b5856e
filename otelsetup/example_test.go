package otelsetup_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/tempograph/tempograph/otelsetup"
	"go.opentelemetry.io/otel"
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
