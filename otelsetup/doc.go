// Package otelsetup exports the spans of a program to Tempo or to an
// OpenTelemetry Collector, and says so when they do not arrive:
//
//	sdk, err := otelsetup.Start(ctx, otelsetup.Service("checkout", "1.4.2"), otelsetup.Endpoint("grpc://tempo:4317"))
//	if err != nil { … }
//	defer sdk.Shutdown(ctx)
//
// Every tracer of package otel now exports through a batch queue, with W3C
// trace context and baggage carried between services, under a service name
// that is never "unknown_service".
//
// # When spans are lost
//
// The OpenTelemetry SDK is silent about most faults: an exporter for gRPC
// that meets TLS, a wrong port, or nothing at all reports no error. Here,
//   - Start fails for settings that cannot be meant, and never because the
//     backend is down;
//   - the endpoint is checked in the background as soon as Start returns, and
//     the log has a warning with reason and remedy when it does not answer;
//     each request that fails warns likewise, each kind of fault once a minute;
//   - [SDK.Check] is that check for a caller, [SDK.Stats] counts spans at both
//     ends of the queue;
//   - [SDK.Shutdown] returns, and logs, how many spans were lost and why.
//
// # Code and environment
//
// What an option states holds over the environment, as in the OpenTelemetry
// SDK; what no option states, the environment decides. [EnvironmentWins] turns
// that around. Headers and resource attributes are merged, and the rule
// applies key by key. An endpoint whose scheme is grpc or grpcs, or that an
// option states, decides on the protocol too.
//
// These variables are honoured. Of the OTEL_EXPORTER_OTLP_ ones, each has a
// form with OTEL_EXPORTER_OTLP_TRACES_ that holds over it.
//
//	OTEL_EXPORTER_OTLP_ENDPOINT            as Endpoint takes it
//	OTEL_EXPORTER_OTLP_PROTOCOL            grpc, http/protobuf (the default) or http/json
//	OTEL_EXPORTER_OTLP_HEADERS             key=value,key=value with values percent-encoded
//	OTEL_EXPORTER_OTLP_INSECURE            false: TLS for an endpoint without a scheme
//	OTEL_EXPORTER_OTLP_TIMEOUT             of one request, in milliseconds, 10000 by default
//	OTEL_EXPORTER_OTLP_COMPRESSION         gzip or none
//	OTEL_EXPORTER_OTLP_CERTIFICATE         PEM file of the authority that signs the server's
//	OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE  PEM file of the certificate to present …
//	OTEL_EXPORTER_OTLP_CLIENT_KEY          … and of its key
//	OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
//	OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG
//	OTEL_PROPAGATORS                       tracecontext, baggage, none; others are an error
//	OTEL_TRACES_EXPORTER                   otlp or none; others are an error
//	OTEL_SDK_DISABLED                      true: no spans at all, whatever options say
//	OTEL_BSP_*, OTEL_SPAN_*_LIMIT, …       as the OpenTelemetry SDK reads them
//
// A path in OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is taken as it is, as the
// specification wants it; to any other, and to none, /v1/traces is appended.
// OTEL_CONFIG_FILE is an error, since it would be ignored. With nothing
// stated at all, spans go to http://localhost:4318/v1/traces.
//
// # Not here
//
// Metrics and logs; exporters other than OTLP; propagation other than W3C;
// instrumentation of any kind.
package otelsetup
