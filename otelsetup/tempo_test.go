package otelsetup

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// TestTempo: the trace of a call between two services, each with its own SDK, is complete in
// a real Tempo server.
func TestTempo(t *testing.T) {
	cleanEnv(t)
	tempo := tempotest.Start(t, tempotest.Config{})
	for _, endpoint := range []string{"grpc://" + tempo.OTLPGRPCAddr, tempo.OTLPHTTPURL} {
		frontend, _ := begin(t, Service("frontend", "2.0"), Namespace("shop"), Endpoint(endpoint))
		backend, _ := begin(t, Service("backend", ""), Endpoint(endpoint))
		if err := frontend.Check(t.Context()); err != nil {
			t.Fatal(err)
		}

		ctx, client := frontend.TracerProvider().Tracer("test").Start(t.Context(), "GET /stock",
			trace.WithSpanKind(trace.SpanKindClient))
		header := propagation.HeaderCarrier{}
		frontend.Propagator().Inject(ctx, header)
		remote := backend.Propagator().Extract(context.Background(), header)
		_, server := backend.TracerProvider().Tracer("test").Start(remote, "GET /stock",
			trace.WithSpanKind(trace.SpanKindServer))
		server.End()
		client.End()
		for _, sdk := range []*SDK{frontend, backend} {
			if err := sdk.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
		}

		id := client.SpanContext().TraceID()
		got := awaitTrace(t, tempo, id, 2)
		want := []string{
			fmt.Sprintf("backend/GET /stock SPAN_KIND_SERVER under %s", client.SpanContext().SpanID()),
			"shop/frontend/GET /stock SPAN_KIND_CLIENT under ",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("over %s (-want +got):\n%s", endpoint, diff)
		}
	}
}

// TestTempoWithTenants: multi-tenant Tempo refuses spans without a tenant, and the log says so.
// OpenTelemetry's exporters would retry such requests without logging.
func TestTempoWithTenants(t *testing.T) {
	cleanEnv(t)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	tempo := tempotest.Start(t, tempotest.Config{Multitenancy: true})
	for _, endpoint := range []string{"grpc://" + tempo.OTLPGRPCAddr, tempo.OTLPHTTPURL} {
		nameless, log := begin(t, Endpoint(endpoint))
		spans(nameless, 1)
		log.await(t, "level=WARN", hintTenant)
		if err := nameless.Shutdown(brief(t)); err == nil || !strings.HasSuffix(err.Error(), hintTenant) {
			t.Errorf("over %s: got %v", endpoint, err)
		}

		sdk, _ := begin(t, Endpoint(endpoint), Header("X-Scope-OrgID", "team-a"))
		_, span := sdk.TracerProvider().Tracer("test").Start(t.Context(), "GET /")
		span.End()
		if err := sdk.Shutdown(t.Context()); err != nil {
			t.Errorf("over %s, with a tenant: %v", endpoint, err)
		}
		awaitTrace(t, tempo, span.SpanContext().TraceID(), 1)
	}
}

// TestCheckAtOtherPortsOfTempo checks endpoints with a wrong port of a real Tempo server.
func TestCheckAtOtherPortsOfTempo(t *testing.T) {
	cleanEnv(t)
	tempo := tempotest.Start(t, tempotest.Config{})
	otlpHTTP := strings.TrimPrefix(tempo.OTLPHTTPURL, "http://")
	for endpoint, want := range map[string]string{
		tempo.URL:                       "there is no OTLP receiver at the path /v1/traces",
		"grpc://" + tempo.GRPCAddr:      "the gRPC server at this port is no OTLP receiver",
		"grpc://" + otlpHTTP:            "for OTLP over HTTP use http://" + otlpHTTP,
		"http://" + tempo.OTLPGRPCAddr:  "for OTLP over gRPC use grpc://" + tempo.OTLPGRPCAddr,
		"https://" + otlpHTTP:           "for plain text use http://" + otlpHTTP,
		"grpcs://" + tempo.OTLPGRPCAddr: "for plain text use grpc://" + tempo.OTLPGRPCAddr,
	} {
		sdk, _ := begin(t, Endpoint(endpoint))
		if err := sdk.Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", endpoint, err, want)
		}
	}
}

// awaitTrace fetches a trace from Tempo until it has n spans, and returns their descriptions
// in order. Tempo answers 200 even if the trace is missing or incomplete.
func awaitTrace(t *testing.T, tempo *tempotest.Tempo, id trace.TraceID, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []string
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, tempo.URL+"/api/v2/traces/"+id.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "application/protobuf")
		req.Header.Set("X-Scope-OrgID", "team-a") // for multi-tenant Tempo
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("trace %s: %v; last seen %q", id, err, got)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("trace %s: %s, %v: %s", id, resp.Status, err, body)
		}
		if got = describe(t, body); len(got) >= n {
			return got
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// describe describes the spans in a TraceByIDResponse of Tempo. Its first field is a message
// whose first field has the resource spans, as in TracesData of OTLP.
func describe(t *testing.T, body []byte) []string {
	t.Helper()
	var got []string
	for len(body) > 0 {
		num, typ, n := protowire.ConsumeTag(body)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		value := body[n:]
		if n = protowire.ConsumeFieldValue(num, typ, value); n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		body = value[n:]
		if num != 1 || typ != protowire.BytesType {
			continue
		}
		data, _ := protowire.ConsumeBytes(value)
		var traces tracepb.TracesData
		if err := proto.Unmarshal(data, &traces); err != nil {
			t.Fatal(err)
		}
		for _, rs := range traces.GetResourceSpans() {
			service := attributes(rs)["service.name"]
			if ns := attributes(rs)["service.namespace"]; ns != "" {
				service = ns + "/" + service
			}
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					got = append(got, fmt.Sprintf("%s/%s %s under %x", service, s.GetName(), s.GetKind(), s.GetParentSpanId()))
				}
			}
		}
	}
	slices.Sort(got)
	return got
}
