package otelsetup

import (
	"crypto/tls"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// An Option is one setting of [Start]. If two options make the same setting, the
// later one counts.
type Option func(*options)

type options struct {
	service, version, namespace string
	endpoint                    string
	headers                     [][2]string
	attrs                       []attribute.KeyValue
	ratio                       *float64
	logger                      *slog.Logger
	withoutGlobals              bool
	environmentWins             bool

	exporter   sdktrace.SpanExporter
	processors []sdktrace.SpanProcessor
	tls        *tls.Config

	tempo, prometheus Server // only for Check
	withoutReceiver   bool
}

// Service sets the name of the service (service.name) and its version
// (service.version). An empty string leaves a setting unchanged. If neither an
// option nor the environment names the service, it gets the name of the command,
// with a warning in the log, and never "unknown_service".
func Service(name, version string) Option {
	return func(o *options) { o.service, o.version = name, version }
}

// Namespace sets the namespace of the service (service.namespace), a group of
// services within which its name is unique.
func Namespace(name string) Option {
	return func(o *options) { o.namespace = name }
}

// Endpoint sets the address that spans are sent to. The scheme sets the protocol:
//
//	http://tempo:4318     OTLP over HTTP, plain text
//	https://tempo         OTLP over HTTP, TLS
//	grpc://tempo:4317     OTLP over gRPC, plain text
//	grpcs://tempo:443     OTLP over gRPC, TLS
//	tempo:4317            OTLP over gRPC because of the port, with a note in the log
//	tempo:4318            OTLP over HTTP because of the port, with a note in the log
//
// An http or https URL that has no path and the port 4317, the usual port of OTLP
// over gRPC, also means gRPC, with a note in the log. /v1/traces is appended to the
// path of an HTTP endpoint unless the path already ends with it. gRPC endpoints
// need a port and have no path. An empty string leaves the setting unchanged.
func Endpoint(url string) Option {
	return func(o *options) { o.endpoint = url }
}

// Header adds a header to each export request; over gRPC it is metadata. The option
// may be used several times. Keys are equal if they differ only in case. Tempo
// reads the tenant from X-Scope-OrgID.
func Header(key, value string) Option {
	return func(o *options) { o.headers = append(o.headers, [2]string{key, value}) }
}

// Resource adds attributes to the resource, which describes the service and belongs
// to every span of this SDK. Service and Namespace override the keys that they set.
func Resource(attrs ...attribute.KeyValue) Option {
	return func(o *options) { o.attrs = append(o.attrs, attrs...) }
}

// SampleRatio sets the fraction of traces to keep, from 0 to 1, of those that begin in this
// service. The sampling decision of other traces comes from the service that began the trace.
// Without this option and without OTEL_TRACES_SAMPLER, the SDK keeps all traces.
func SampleRatio(ratio float64) Option {
	return func(o *options) { o.ratio = &ratio }
}

// TLS sets the TLS settings for an endpoint with TLS: the authorities to trust, a client
// certificate. It replaces the variables with the names of certificate files, also with
// [EnvironmentWins]. Start copies the settings. A nil config leaves the setting unchanged.
func TLS(config *tls.Config) Option {
	return func(o *options) {
		if config != nil {
			o.tls = config.Clone()
		}
	}
}

// Exporter sends the spans to an exporter of the program in place of OTLP, with the same queue
// and the same [Stats]. The variables for OTLP and for OTEL_TRACES_EXPORTER=console are not used
// then. Shutdown shuts the exporter down.
func Exporter(e sdktrace.SpanExporter) Option {
	return func(o *options) { o.exporter = e }
}

// SpanProcessor adds a processor, such as a recorder of package otelspan. The processor gets every
// span, in addition to the export. It gets spans even if the environment disables the export, but
// not with OTEL_SDK_DISABLED. The option may be used several times. Shutdown shuts the processor
// down.
func SpanProcessor(p sdktrace.SpanProcessor) Option {
	return func(o *options) { o.processors = append(o.processors, p) }
}

// Logger sets the logger for the messages of this package: WARN for spans that cannot be
// delivered and settings that may be mistakes, INFO for assumptions and recoveries, DEBUG for
// the settings in effect. Without this option, each message goes to slog.Default() at the time
// of the message.
func Logger(logger *slog.Logger) Option {
	return func(o *options) { o.logger = logger }
}

// WithoutGlobals does not change the global tracer provider and propagator of
// package otel. Instrumentation then needs [SDK.TracerProvider] and
// [SDK.Propagator]. The option is for tests and for programs with several services,
// each with its own SDK.
func WithoutGlobals() Option {
	return func(o *options) { o.withoutGlobals = true }
}

// EnvironmentWins lets environment variables override options. Options are then only defaults.
func EnvironmentWins() Option {
	return func(o *options) { o.environmentWins = true }
}
