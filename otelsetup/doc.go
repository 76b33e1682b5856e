// Package otelsetup exports the spans of a program to Tempo or to an
// OpenTelemetry Collector, and reports spans that do not arrive:
//
//	sdk, err := otelsetup.Start(ctx, otelsetup.Service("checkout", "1.4.2"), otelsetup.Endpoint("grpc://tempo:4317"))
//	if err != nil { … }
//	defer sdk.Shutdown(ctx)
//
// After Start, every tracer of package otel exports its spans in batches, and W3C
// trace context and baggage travel between services. The spans carry the name of
// the service, which is never "unknown_service", and of the host.
//
// # When spans are lost
//
// The OpenTelemetry SDK does not report most faults: if TLS is missing, the port is
// wrong or nothing listens there, its gRPC exporter returns no error. This package
// reports them:
//   - Start fails if a setting is invalid. It never fails because the backend is
//     down.
//   - Errors that package otel would print go to the logger.
//   - After Start returns, the endpoint is checked in the background. If it does
//     not accept spans, a warning in the log gives the reason and a remedy. Each
//     failed request logs such a warning, once a minute for each kind of fault.
//   - While the receiver is down, spans wait in the queue (OTEL_BSP_MAX_QUEUE_SIZE), and each batch
//     is retried for up to 30 seconds (OTEL_BSP_EXPORT_TIMEOUT).
//   - [SDK.Check] checks the endpoint at once and returns the result. [SDK.Stats] counts the spans
//     before and after the queue.
//   - [Check] and [SDK.CheckPipeline] check each hop from the endpoint to the series of
//     Grafana's Service Graph, and name the hop that is broken.
//   - [SDK.Shutdown] returns and logs how many spans were lost, and why.
//
// # Code and environment
//
// Options override environment variables, as in the OpenTelemetry SDK, and
// variables decide what no option sets. With [EnvironmentWins], variables override
// options. Headers and resource attributes are merged, and this rule applies to
// each key. The protocol follows from the endpoint if an option sets the endpoint
// or if the scheme of the endpoint is grpc or grpcs.
//
// The package reads the variables below. Each OTEL_EXPORTER_OTLP_ variable also
// exists as OTEL_EXPORTER_OTLP_TRACES_, which overrides it.
//
//	OTEL_EXPORTER_OTLP_ENDPOINT            as for Endpoint
//	OTEL_EXPORTER_OTLP_PROTOCOL            grpc, http/protobuf (the default) or http/json
//	OTEL_EXPORTER_OTLP_HEADERS             key=value,key=value with values percent-encoded
//	OTEL_EXPORTER_OTLP_INSECURE            false: use TLS if the endpoint has no scheme
//	OTEL_EXPORTER_OTLP_TIMEOUT             for one request, in milliseconds, 10000 by default
//	OTEL_EXPORTER_OTLP_COMPRESSION         gzip or none
//	OTEL_EXPORTER_OTLP_CERTIFICATE         PEM file of the authorities to trust in place of the system's
//	OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE  PEM file of the client's certificate
//	OTEL_EXPORTER_OTLP_CLIENT_KEY          PEM file of the client's key
//	OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
//	OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG
//	OTEL_PROPAGATORS                       tracecontext, baggage, none; others are an error
//	OTEL_TRACES_EXPORTER                   otlp, console (a line on standard output for each span), both, or none
//	OTEL_SDK_DISABLED                      true: no spans at all, even with options
//	OTEL_BSP_*, OTEL_SPAN_*_LIMIT, …       as the OpenTelemetry SDK reads them
//	OTEL_LOG_LEVEL                         none, error, warn, info or debug: the messages of this package to log
//	TEMPO_ORG_ID                           the header X-Scope-OrgID, unless it is set otherwise
//
// Start fails if a variable has an invalid value, such as a sampler with a typo: the SDK would
// ignore the value. Start skips an item of OTEL_RESOURCE_ATTRIBUTES that does not have the format
// key=value, with a warning. A variable whose name has a typing mistake, such as
// OTEL_TRACE_SAMPLER, gets a warning with the right name.
//
// The path in OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is used unchanged, as the
// specification requires; /v1/traces is appended to the path of any other endpoint.
// Start fails if OTEL_CONFIG_FILE or OTEL_EXPERIMENTAL_CONFIG_FILE is set, because this
// package would ignore the file.
// Without an option or a variable, spans go to http://localhost:4318/v1/traces.
//
// # Not included
//
// This package has no metrics and logs, no propagation other than W3C, and no
// instrumentation: use otelhttp and otelgrpc with it.
package otelsetup
