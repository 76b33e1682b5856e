package otelsetup

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"
)

func TestMeantVariable(t *testing.T) {
	for name, want := range map[string]string{
		"OTEL_TRACE_SAMPLER":                       "OTEL_TRACES_SAMPLER",
		"OTEL_TRACES_SAMPLERS":                     "OTEL_TRACES_SAMPLER",
		"OTEL_TRACE_SAMPLER_ARG":                   "OTEL_TRACES_SAMPLER_ARG",
		"OTEL_SAMPLER":                             "OTEL_TRACES_SAMPLER",
		"OTEL_SERVICENAME":                         "OTEL_SERVICE_NAME",
		"OTEL_SEVRICE_NAME":                        "OTEL_SERVICE_NAME",
		"otel_service_name":                        "OTEL_SERVICE_NAME",
		"OTEL_RESOURCE_ATTRIBUTE":                  "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_RESOURCES_ATTRIBUTES":                "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_PROPAGATOR":                          "OTEL_PROPAGATORS",
		"OTEL_EXPORTER":                            "OTEL_TRACES_EXPORTER",
		"OTEL_TRACE_EXPORTER":                      "OTEL_TRACES_EXPORTER",
		"OTEL_ENDPOINT":                            "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTLP_ENDPOINT":                            "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_OTLP_ENDPOINT":                       "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OLTP_ENDPOINT":              "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTERS_OTLP_ENDPOINT":             "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_ENDPIONT":              "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_TRACE_ENDPOINT":        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_HEADER":                "OTEL_EXPORTER_OTLP_HEADERS",
		"OTEL_EXPORTER_OTLP_TRACES_COMPRESION":     "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
		"OTEL_BSP_MAX_QUEUESIZE":                   "OTEL_BSP_MAX_QUEUE_SIZE",
		"OTEL_BSP_QUEUE_SIZE":                      "OTEL_BSP_MAX_QUEUE_SIZE",
		"OTEL_DISABLED":                            "OTEL_SDK_DISABLED",
		"OTEL_SPAN_ATTRIBUTES_COUNT_LIMIT":         "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
		"OTEL_TRACES_SAMPLER":                      "",
		"OTEL_EXPORTER_OTLP_ENDPOINT":              "",
		"OTEL_METRICS_EXPORTER":                    "",
		"OTEL_LOGS_EXPORTER":                       "",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT":      "",
		"OTEL_EXPORTER_OTLP_LOGS_HEADERS":          "",
		"OTEL_METRIC_EXPORT_INTERVAL":              "",
		"OTEL_METRIC_EXPORT_TIMEOUT":               "",
		"OTEL_BLRP_MAX_QUEUE_SIZE":                 "",
		"OTEL_BLRP_SCHEDULE_DELAY":                 "",
		"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT":     "",
		"OTEL_EXPORTER_ZIPKIN_ENDPOINT":            "",
		"OTEL_EXPORTER_PROMETHEUS_PORT":            "",
		"OTEL_EXPORTER_JAEGER_ENDPOINT":            "",
		"OTEL_SEMCONV_STABILITY_OPT_IN":            "",
		"OTEL_GO_X_OBSERVABILITY":                  "",
		"OTEL_PYTHON_LOG_LEVEL":                    "",
		"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS":    "",
		"OTEL_JAVAAGENT_ENABLED":                   "",
		"OTEL_DOTNET_AUTO_LOG_DIRECTORY":           "",
		"OTEL_NODE_RESOURCE_DETECTORS":             "",
		"OTEL_RESOURCE_ATTRIBUTES_POD_NAME":        "",
		"OTEL_RESOURCE_ATTRIBUTES_NODE_NAME":       "",
		"OTEL_SERVICE_HOST":                        "", // of Kubernetes
		"OTEL_SERVICE_PORT":                        "",
		"OTEL_SERVICE_PORT_OTLP":                   "",
		"OTEL_PORT":                                "",
		"OTEL_PORT_4317_TCP_PROTO":                 "",
		"OTEL_COLLECTOR_SERVICE_HOST":              "",
		"OTEL_COLLECTOR_PORT_4317_TCP_ADDR":        "",
		"OTEL_INJECTOR_CONFIG_FILE":                "",
		"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS":     "",
		"TRACES_SAMPLER":                           "",
		"OTEL_INSTRUMENTATION_HTTP_CLIENT_HEADERS": "",
	} {
		if got := meantVariable(name); got != want {
			t.Errorf("%s: did you mean %q? want %q", name, got, want)
		}
	}
}

func TestMisspeltVariablesAreLogged(t *testing.T) {
	cleanEnv(t)
	t.Setenv("OTEL_TRACE_SAMPLER", "always_off")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADER", "authorization=secret")
	_, log := begin(t, Endpoint(new(receiver).serveHTTP(t, nil).url))
	for _, want := range []string{
		`level=WARN msg="otelsetup: OTEL_TRACE_SAMPLER is set, and nothing reads it: did you mean OTEL_TRACES_SAMPLER?"`,
		`did you mean OTEL_EXPORTER_OTLP_HEADERS?`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
	report := Check(t.Context(), Endpoint(new(receiver).serveHTTP(t, nil).url))
	if got := report.Hop(HopSettings); got.Outcome != Passed || !strings.Contains(got.Detail, "did you mean OTEL_TRACES_SAMPLER?") {
		t.Errorf("Check does not tell of the names: %+v", got)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the log has a value:\n%s", log)
	}
}

// TestUnusedSamplerArg: OTEL_TRACES_SAMPLER_ARG without a sampler that uses it gives a warning,
// because the SDK then keeps all traces.
func TestUnusedSamplerArg(t *testing.T) {
	const unused = `OTEL_TRACES_SAMPLER_ARG="0.1" is not used, because `
	for _, test := range []struct {
		sampler string
		opts    []Option
		want    string // "" for no warning
	}{
		{"", nil, unused + "OTEL_TRACES_SAMPLER is not set"},
		{"always_on", nil, unused + "OTEL_TRACES_SAMPLER=always_on"},
		{"traceidratio", nil, ""},
		{"parentbased_traceidratio", nil, ""},
		{"traceidratio", []Option{SampleRatio(0.5)}, unused + "the option SampleRatio is set"},
		{"traceidratio", []Option{SampleRatio(0.5), EnvironmentWins()}, ""},
		{"", []Option{SampleRatio(0.5), EnvironmentWins()}, unused + "the option SampleRatio is set"},
	} {
		cleanEnv(t)
		t.Setenv("OTEL_TRACES_SAMPLER", test.sampler)
		t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0.1")
		var o options
		for _, opt := range test.opts {
			opt(&o)
		}
		var got string
		for _, n := range unusedSamplerArg(o) {
			got += n.text
		}
		if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s with %d options: got %q, want %q", test.sampler, len(test.opts), got, test.want)
		}
	}
	cleanEnv(t)
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0.1")
	if _, log := begin(t, Endpoint(new(receiver).serveHTTP(t, nil).url)); !strings.Contains(log.String(), "OTEL_TRACES_SAMPLER_ARG") {
		t.Errorf("Start does not log it:\n%s", log)
	}
}

// TestGlobalsAreTakenOver: errors that package otel reports go to the logger, and a second Start
// logs that it replaces the globals.
func TestGlobalsAreTakenOver(t *testing.T) {
	cleanEnv(t)
	reset := func() {
		otel.SetTracerProvider(noop.NewTracerProvider())
		otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator())
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	}
	reset()
	t.Cleanup(reset)
	const told = "this Start takes the global tracer provider over"
	url := new(receiver).serveHTTP(t, nil).url
	start := func() (*SDK, *logs) {
		log := newLogs()
		sdk, err := Start(t.Context(), Service("checkout", ""), Endpoint(url), Logger(log.logger()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sdk.Shutdown(brief(t)) })
		return sdk, log
	}

	_, firstLog := start()
	if strings.Contains(firstLog.String(), told) {
		t.Errorf("the first Start is told of an earlier one:\n%s", firstLog)
	}
	otel.Handle(errors.New("a metric was lost"))
	if !strings.Contains(firstLog.String(), `level=WARN msg="otelsetup: OpenTelemetry reports an error" error="a metric was lost"`) {
		t.Errorf("the log has no error of package otel:\n%s", firstLog)
	}

	second, secondLog := start()
	if !strings.Contains(secondLog.String(), told) {
		t.Errorf("the second Start is not told:\n%s", secondLog)
	}
	otel.Handle(errors.New("another was lost"))
	if strings.Contains(firstLog.String(), "another") || !strings.Contains(secondLog.String(), "another") {
		t.Errorf("the error of package otel is in the log of the first Start:\n%s\nthat of the second:\n%s", firstLog, secondLog)
	}

	// After Shutdown, there are no globals to replace, and no message.
	if err := second.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, log := start(); strings.Contains(log.String(), told) {
		t.Errorf("a Start after Shutdown is told of the SDK that was shut down:\n%s", log)
	}
}

// TestErrorsDuringStartAreLogged: errors of package otel go to the logger even while Start runs.
func TestErrorsDuringStartAreLogged(t *testing.T) {
	cleanEnv(t)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test,nonsense")
	var printed []string
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { printed = append(printed, err.Error()) }))
	t.Cleanup(func() {
		otel.SetTracerProvider(noop.NewTracerProvider())
		otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator())
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	})
	log := newLogs()
	sdk, err := Start(t.Context(), Service("checkout", ""), Endpoint(new(receiver).serveHTTP(t, nil).url), Logger(log.logger()))
	if err != nil {
		t.Fatal(err)
	}
	defer sdk.Shutdown(brief(t))
	if len(printed) > 0 {
		t.Errorf("printed: %q", printed)
	}
	if got := log.String(); !strings.Contains(got, "the resource is incomplete") || !strings.Contains(got, "missing value: [nonsense]") {
		t.Errorf("the log does not tell of the attribute:\n%s", got)
	}
}

// TestShutdownOfNoSDK: Shutdown of a nil SDK does nothing. A program that defers Shutdown before it
// checks the error of Start may call it.
func TestShutdownOfNoSDK(t *testing.T) {
	cleanEnv(t)
	t.Setenv("OTEL_TRACES_SAMPLER", "always")
	sdk, err := Start(t.Context(), Service("checkout", ""), Logger(slog.New(slog.DiscardHandler)), WithoutGlobals())
	if sdk != nil || err == nil {
		t.Fatalf("got %v, %v", sdk, err)
	}
	if err := sdk.Flush(t.Context()); err != nil {
		t.Errorf("Flush: %v", err)
	}
	if err := sdk.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
