package otelsetup

import (
	"context"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

func TestCodeHoldsOverEnvironment(t *testing.T) {
	cleanEnv(t)
	inCode := new(receiver).serveHTTP(t, nil)
	inEnv := new(receiver).serveGRPC(t, nil)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", inEnv.url)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-both=env,x-env=env%20value")
	t.Setenv("OTEL_SERVICE_NAME", "env-name")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "both=env,env=env,service.version=env-version")
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	options := []Option{
		Endpoint(inCode.url), Header("X-Both", "code"), Header("X-Code", "code"), Service("code-name", "code-version"),
		Resource(attribute.String("both", "code"), attribute.String("code", "code")), SampleRatio(1),
	}
	type result struct{ Service, Version, Both, Env, Code, HeaderBoth, HeaderEnv, HeaderCode string }
	send := func(r *receiver, opts ...Option) result {
		t.Helper()
		sdk, _ := begin(t, opts...)
		spans(sdk, 1)
		if err := sdk.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		calls := r.kept()
		if len(calls) != 1 {
			t.Fatalf("got %d requests, want 1", len(calls))
		}
		res, header := attributes(calls[0].request.GetResourceSpans()[0]), calls[0].header
		return result{res["service.name"], res["service.version"], res["both"], res["env"], res["code"],
			header.Get("x-both"), header.Get("x-env"), header.Get("x-code")}
	}

	got := send(inCode, options...)
	want := result{"code-name", "code-version", "code", "env", "code", "code", "env value", "code"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("code against environment (-want +got):\n%s", diff)
	}

	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	got = send(inEnv, append(options, SampleRatio(0), EnvironmentWins())...)
	want = result{"env-name", "env-version", "env", "env", "code", "env", "env value", "code"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with EnvironmentWins (-want +got):\n%s", diff)
	}
}

func TestEnvironmentAlone(t *testing.T) {
	for _, test := range []struct {
		name  string
		serve func(*receiver) *receiver
		env   func(r *receiver) map[string]string
		check func(t *testing.T, c call)
	}{
		{
			name:  "grpc by protocol",
			serve: func(r *receiver) *receiver { return r.serveGRPC(t, nil) },
			env: func(r *receiver) map[string]string {
				return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + r.host, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
			},
		},
		{
			name:  "grpc with compression",
			serve: func(r *receiver) *receiver { return r.serveGRPC(t, nil) },
			env: func(r *receiver) map[string]string {
				return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.url, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
			},
		},
		{
			name:  "http with compression",
			serve: func(r *receiver) *receiver { return r.serveHTTP(t, nil) },
			env: func(r *receiver) map[string]string {
				return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.url, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
			},
			check: func(t *testing.T, c call) {
				if c.header.Get("Content-Encoding") != "gzip" {
					t.Error("it is not compressed")
				}
			},
		},
		{
			name:  "json",
			serve: func(r *receiver) *receiver { return r.serveHTTP(t, nil) },
			env: func(r *receiver) map[string]string {
				return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
			},
			check: func(t *testing.T, c call) {
				if got := c.header.Get("Content-Type"); got != "application/json" {
					t.Errorf("content type %q", got)
				}
			},
		},
		{
			name:  "base path",
			serve: func(r *receiver) *receiver { return r.serveHTTP(t, nil) },
			env: func(r *receiver) map[string]string {
				return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.url + "/otlp/"}
			},
			check: func(t *testing.T, c call) {
				if c.path != "/otlp/v1/traces" {
					t.Errorf("path %q", c.path)
				}
			},
		},
		{
			name:  "variables for traces",
			serve: func(r *receiver) *receiver { return r.serveHTTP(t, nil) },
			env: func(r *receiver) map[string]string {
				return map[string]string{
					"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + closedPort, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": r.url + "/ingest",
					"OTEL_EXPORTER_OTLP_HEADERS": "a=general,b=general", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=traces",
					"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
				}
			},
			check: func(t *testing.T, c call) {
				if c.path != "/ingest" || c.header.Get("a") != "traces" || c.header.Get("b") != "" {
					t.Errorf("path %q, headers %v", c.path, c.header)
				}
			},
		},
		{
			name:  "header values as people write them",
			serve: func(r *receiver) *receiver { return r.serveHTTP(t, nil) },
			env: func(r *receiver) map[string]string {
				return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.url,
					"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic abc==, X-Scope-OrgID = a|b"}
			},
			check: func(t *testing.T, c call) {
				if c.header.Get("Authorization") != "Basic abc==" || c.header.Get("X-Scope-OrgID") != "a|b" {
					t.Errorf("headers %v", c.header)
				}
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			cleanEnv(t)
			r := test.serve(new(receiver))
			for name, value := range test.env(r) {
				t.Setenv(name, value)
			}
			sdk, _ := begin(t)
			spans(sdk, 1)
			if err := sdk.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if test.check != nil {
				test.check(t, r.kept()[0])
			}
		})
	}
}

func TestDefaultEndpoint(t *testing.T) {
	cleanEnv(t)
	for protocol, want := range map[string]string{
		"": "http://localhost:4318/v1/traces", "http/json": "http://localhost:4318/v1/traces", "grpc": "grpc://localhost:4317",
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
		s, err := resolve(options{})
		if err != nil || s.target.String() != want {
			t.Errorf("%q: got %s, %v, want %s", protocol, s.target, err, want)
		}
	}
}

func TestServiceName(t *testing.T) {
	cleanEnv(t)
	name := func(opts ...Option) (string, string) {
		var o options
		for _, opt := range opts {
			opt(&o)
		}
		res, notes := newResource(t.Context(), o)
		var log strings.Builder
		for _, n := range notes {
			log.WriteString(n.text)
		}
		v, _ := res.Set().Value("service.name")
		return v.AsString(), log.String()
	}
	if got, log := name(); got != "otelsetup.test" || !strings.Contains(log, `the service has no name, using "otelsetup.test"`) {
		t.Errorf("without a name: got %q, log %q", got, log)
	}
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-attributes,nonsense")
	if got, log := name(); got != "from-attributes" || !strings.Contains(log, "missing value: [nonsense]") {
		t.Errorf("with attributes that are partly nonsense: got %q, log %q", got, log)
	}
	t.Setenv("OTEL_SERVICE_NAME", "from-env")
	if got, log := name(Resource(attribute.String("service.name", "from-resource"))); got != "from-resource" || log == "" {
		t.Errorf("got %q, log %q", got, log)
	}
}

// TestDetectedAttributes: every span has attributes of the host and the runtime, which the
// environment and options override.
func TestDetectedAttributes(t *testing.T) {
	cleanEnv(t)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	r := new(receiver).serveHTTP(t, nil)
	received := func(opts ...Option) map[string]string {
		sdk, _ := begin(t, append(opts, Endpoint(r.url))...)
		spans(sdk, 1)
		if err := sdk.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		calls := r.kept()
		return attributes(calls[len(calls)-1].request.GetResourceSpans()[0])
	}
	got := received()
	for key, want := range map[string]string{
		"host.name":               host,
		"process.runtime.name":    "go",
		"process.runtime.version": runtime.Version(),
		"telemetry.sdk.language":  "go",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "host.name=from-env")
	if got := received()["host.name"]; got != "from-env" {
		t.Errorf("host.name is %q, want that of the environment", got)
	}
	if got := received(Resource(attribute.String("host.name", "from-option")))["host.name"]; got != "from-option" {
		t.Errorf("host.name is %q, want that of the option", got)
	}
}

func TestPackageName(t *testing.T) {
	for _, test := range []struct{ pkg, module, want string }{
		{"github.com/acme/shop/cmd/checkout", "github.com/acme/shop", "checkout"},
		{"github.com/acme/shop/v2", "github.com/acme/shop/v2", "shop"},
		{"github.com/acme/shop", "github.com/acme/shop", "shop"},
		{"command-line-arguments", "github.com/acme/shop", "shop"},
		{"command-line-arguments", "", ""},
		{"v2", "v2", "v2"},
		{"", "", ""},
	} {
		if got := packageName(test.pkg, test.module); got != test.want {
			t.Errorf("packageName(%q, %q) = %q, want %q", test.pkg, test.module, got, test.want)
		}
	}
}

func TestDisabled(t *testing.T) {
	cleanEnv(t)
	remote := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, Remote: true})
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), remote)
	for _, test := range []struct {
		variable, value string
		record          bool
	}{
		{"OTEL_SDK_DISABLED", "true", false},
		{"OTEL_TRACES_EXPORTER", "none", true},
	} {
		t.Run(test.variable, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			sdk, log := begin(t, Endpoint("http://"+closedPort))
			_, span := sdk.TracerProvider().Tracer("test").Start(ctx, "GET /")
			span.End()
			sc := span.SpanContext()
			if sc.TraceID() != remote.TraceID() || !sc.IsSampled() {
				t.Error("the trace of the caller does not go on")
			}
			if recorded := sc.SpanID() != remote.SpanID(); recorded != test.record {
				t.Errorf("the span is recorded: %t", recorded)
			}
			want := test.variable + "=" + test.value
			if err := sdk.Check(ctx); err == nil || !strings.HasSuffix(err.Error(), "spans are not exported: "+want) {
				t.Errorf("Check: %v", err)
			}
			log.await(t, want)
			if err := sdk.Flush(ctx); err != nil {
				t.Error(err)
			}
			if err := sdk.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			if got := sdk.Stats(); got != (Stats{}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestSampleRatio(t *testing.T) {
	cleanEnv(t)
	r := new(receiver).serveHTTP(t, nil)
	sdk, _ := begin(t, Endpoint(r.url), SampleRatio(0))
	spans(sdk, 10)
	// The service that began this trace has sampled it.
	remote := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, Remote: true})
	_, span := sdk.TracerProvider().Tracer("test").Start(trace.ContextWithRemoteSpanContext(t.Context(), remote), "GET /")
	span.End()
	if err := sdk.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := sdk.Stats(), (Stats{Started: 1, Ended: 1, Exported: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestGlobals(t *testing.T) {
	cleanEnv(t)
	// The initial globals of package otel delegate to those that are set first, and cannot be
	// restored. So the test sets its own.
	provider, propagator := noop.NewTracerProvider(), propagation.NewCompositeTextMapPropagator()
	reset := func() {
		otel.SetTracerProvider(provider)
		otel.SetTextMapPropagator(propagator)
	}
	reset()
	t.Cleanup(reset)

	r := new(receiver).serveHTTP(t, nil)
	begin(t, Endpoint(r.url)) // begin starts an SDK without globals
	if otel.GetTracerProvider() != provider {
		t.Error("WithoutGlobals: the global tracer provider has changed")
	}
	if got := otel.GetTextMapPropagator().Fields(); len(got) != 0 {
		t.Errorf("WithoutGlobals: the global propagator has changed: %v", got)
	}

	sdk, err := Start(t.Context(), Service("checkout", ""), Endpoint(r.url), Logger(newLogs().logger()))
	if err != nil {
		t.Fatal(err)
	}
	if otel.GetTracerProvider() != sdk.TracerProvider() {
		t.Error("the global tracer provider is another")
	}
	ctx, span := otel.Tracer("test").Start(context.Background(), "GET /")
	carrier := propagation.MapCarrier{}
	otel.GetTextMapPropagator().Inject(ctx, carrier)
	span.End()
	if want := "00-" + span.SpanContext().TraceID().String() + "-" + span.SpanContext().SpanID().String() + "-01"; carrier["traceparent"] != want {
		t.Errorf("traceparent: got %q, want %q", carrier["traceparent"], want)
	}
	if err := sdk.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(r.names()["checkout"]); n != 1 {
		t.Errorf("received %d spans, want 1", n)
	}
}

func TestPropagators(t *testing.T) {
	cleanEnv(t)
	for list, want := range map[string][]string{
		"":                        {"traceparent", "tracestate", "baggage"},
		"tracecontext":            {"traceparent", "tracestate"},
		" baggage , tracecontext": {"baggage", "traceparent", "tracestate"},
		"none":                    nil,
	} {
		t.Setenv("OTEL_PROPAGATORS", list)
		p, err := propagatorFromEnv()
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]bool)
		for _, f := range p.Fields() {
			got[f] = true
		}
		wantSet := make(map[string]bool)
		for _, f := range want {
			wantSet[f] = true
		}
		if diff := cmp.Diff(wantSet, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", list, diff)
		}
	}
}
