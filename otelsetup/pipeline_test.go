package otelsetup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/tempograph/tempograph/internal/collectortest"
	"github.com/tempograph/tempograph/internal/promtest"
	"github.com/tempograph/tempograph/otelsetup"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestPipeline runs every part: an instrumented program, a Collector, Tempo with its generator,
// Prometheus, and the queries with which Grafana draws its Service Graph. Then it breaks each
// part in turn, and Check must name that hop and no other.
func TestPipeline(t *testing.T) {
	prometheus := promtest.Start(t, promtest.Config{})
	tempo := tempotest.Start(t, tempotest.Config{RemoteWriteURL: prometheus.RemoteWriteURL()})
	collector := collectortest.Start(t, "grpc://"+tempo.OTLPGRPCAddr)

	runProgram(t, collector.HTTPURL)
	check := func(t *testing.T, otlp, tempo, prometheus string, opts ...otelsetup.Option) otelsetup.Report {
		t.Helper()
		return otelsetup.Check(t.Context(), append([]otelsetup.Option{
			otelsetup.Endpoint(otlp),
			otelsetup.Tempo(otelsetup.Server{URL: tempo}),
			otelsetup.Prometheus(otelsetup.Server{URL: prometheus}),
		}, opts...)...)
	}
	report := check(t, "grpc://"+collector.GRPCAddr, tempo.URL, prometheus.URL)
	if err := report.Err(); err != nil {
		t.Fatalf("%v\n%s\nthe log of the Collector ends:\n%s\nthe log of Tempo ends:\n%s", err, report, collector.LogTail(), tempo.LogTail())
	}
	for _, hop := range report.Hops[:slices.IndexFunc(report.Hops, func(h otelsetup.Hop) bool { return h.Name == otelsetup.HopPropagator })] {
		if hop.Outcome != otelsetup.Passed {
			t.Errorf("%s: %s, want passed: %s", hop.Name, hop.Outcome, hop.Detail)
		}
	}
	awaitServiceGraph(t, prometheus.URL, "frontend", "checkout")

	const nobody = "http://127.0.0.1:1"
	t.Run("broken", func(t *testing.T) {
		for _, test := range []struct {
			name, hop string
			check     func(t *testing.T) otelsetup.Report
		}{
			{"no Collector", otelsetup.HopConnect, func(t *testing.T) otelsetup.Report {
				return check(t, "grpc://127.0.0.1:1", tempo.URL, prometheus.URL)
			}},
			{"wrong protocol", otelsetup.HopProtocol, func(t *testing.T) otelsetup.Report {
				return check(t, "grpc://"+strings.TrimPrefix(collector.HTTPURL, "http://"), tempo.URL, prometheus.URL)
			}},
			{"TLS", otelsetup.HopTLS, func(t *testing.T) otelsetup.Report {
				return check(t, "grpcs://"+collector.GRPCAddr, tempo.URL, prometheus.URL)
			}},
			{"a Collector that does not reach Tempo", otelsetup.HopTrace, func(t *testing.T) otelsetup.Report {
				lost := collectortest.Start(t, nobody)
				return check(t, lost.HTTPURL, tempo.URL, prometheus.URL)
			}},
			{"tenant", otelsetup.HopAuth, func(t *testing.T) otelsetup.Report {
				tenants := tempotest.Start(t, tempotest.Config{Multitenancy: true})
				return otelsetup.Check(t.Context(), otelsetup.Endpoint("grpc://"+tenants.OTLPGRPCAddr))
			}},
			{"another tenant", otelsetup.HopTrace, func(t *testing.T) otelsetup.Report {
				tenants := tempotest.Start(t, tempotest.Config{Multitenancy: true, RemoteWriteURL: prometheus.RemoteWriteURL()})
				return otelsetup.Check(t.Context(), otelsetup.Endpoint("grpc://"+tenants.OTLPGRPCAddr), otelsetup.Header("X-Scope-OrgID", "shop"),
					otelsetup.Tempo(otelsetup.Server{URL: tenants.URL, Header: http.Header{"X-Scope-Orgid": {"office"}}}))
			}},
			{"no Tempo", otelsetup.HopTempo, func(t *testing.T) otelsetup.Report {
				return check(t, collector.HTTPURL, nobody, prometheus.URL)
			}},
			{"no generator", otelsetup.HopGenerator, func(t *testing.T) otelsetup.Report {
				idle := tempotest.Start(t, tempotest.Config{})
				return check(t, idle.OTLPHTTPURL, idle.URL, prometheus.URL)
			}},
			{"no processor", otelsetup.HopServiceGraphs, func(t *testing.T) otelsetup.Report {
				idle := tempotest.Start(t, tempotest.Config{TraceQLMetrics: true})
				return check(t, idle.OTLPHTTPURL, idle.URL, prometheus.URL)
			}},
			{"no receiver for remote write", otelsetup.HopRemoteWrite, func(t *testing.T) otelsetup.Report {
				closed := promtest.Start(t, promtest.Config{NoReceiver: true})
				writing := tempotest.Start(t, tempotest.Config{RemoteWriteURL: closed.RemoteWriteURL()})
				return check(t, writing.OTLPHTTPURL, writing.URL, closed.URL)
			}},
			{"wrong path of remote write", otelsetup.HopRemoteWrite, func(t *testing.T) otelsetup.Report {
				own := promtest.Start(t, promtest.Config{}) // a server of its own: the shared server has series of earlier probes
				writing := tempotest.Start(t, tempotest.Config{RemoteWriteURL: own.URL + "/api/v1/push"})
				return check(t, writing.OTLPHTTPURL, writing.URL, own.URL)
			}},
			{"remote write to nobody", otelsetup.HopRemoteWrite, func(t *testing.T) otelsetup.Report {
				own := promtest.Start(t, promtest.Config{})
				writing := tempotest.Start(t, tempotest.Config{RemoteWriteURL: nobody + "/api/v1/write"})
				return check(t, writing.OTLPHTTPURL, writing.URL, own.URL)
			}},
			{"no Prometheus", otelsetup.HopPrometheus, func(t *testing.T) otelsetup.Report {
				return check(t, collector.HTTPURL, tempo.URL, nobody)
			}},
			{"another Prometheus", otelsetup.HopSeries, func(t *testing.T) otelsetup.Report {
				other := promtest.Start(t, promtest.Config{})
				ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
				defer cancel()
				return otelsetup.Check(ctx, otelsetup.Endpoint(collector.HTTPURL), otelsetup.Tempo(otelsetup.Server{URL: tempo.URL}),
					otelsetup.Prometheus(otelsetup.Server{URL: other.URL}))
			}},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				report := test.check(t)
				var failed []string
				for _, h := range report.Failed() {
					failed = append(failed, h.Name)
				}
				if !slices.Equal(failed, []string{test.hop}) {
					t.Errorf("failed: %q, want %q alone\n%s", failed, test.hop, report)
				}
			})
		}
	})
}

// runProgram runs two services. One calls the other once over HTTP, and both send their spans.
func runProgram(t *testing.T, endpoint string) {
	t.Helper()
	start := func(name string) *otelsetup.SDK {
		sdk, err := otelsetup.Start(t.Context(), otelsetup.Service(name, ""), otelsetup.Endpoint(endpoint), otelsetup.WithoutGlobals())
		if err != nil {
			t.Fatal(err)
		}
		return sdk
	}
	frontend, checkout := start("frontend"), start("checkout")
	server := httptest.NewServer(otelhttp.NewHandler(http.NotFoundHandler(), "pay",
		otelhttp.WithTracerProvider(checkout.TracerProvider()), otelhttp.WithPropagators(checkout.Propagator())))
	defer server.Close()
	client := http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport,
		otelhttp.WithTracerProvider(frontend.TracerProvider()), otelhttp.WithPropagators(frontend.Propagator()))}
	resp, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for _, sdk := range []*otelsetup.SDK{frontend, checkout} {
		if err := sdk.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitServiceGraph sends the queries of Grafana's Service Graph until they have the edge.
func awaitServiceGraph(t *testing.T, prometheus, client, server string) {
	t.Helper()
	for _, metric := range []string{"traces_service_graph_request_total", "traces_service_graph_request_server_seconds_sum"} {
		query := fmt.Sprintf("sum by (client, server) (rate(%s[5m]))", metric)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
			edges := instant(t, prometheus, query)
			if slices.Contains(edges, client+" → "+server) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: got %q, want %s → %s", query, edges, client, server)
			}
		}
	}
}

func instant(t *testing.T, prometheus, query string) (edges []string) {
	t.Helper()
	resp, err := http.Get(prometheus + "/api/v1/query?" + url.Values{"query": {query}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	for _, r := range answer.Data.Result {
		edges = append(edges, r.Metric["client"]+" → "+r.Metric["server"])
	}
	return edges
}
