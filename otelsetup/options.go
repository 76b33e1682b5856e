package otelsetup

import (
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
)

// An Option states one thing about the set-up in code. Of two options that
// state the same thing, the later one holds.
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
}

// Service names the service (service.name) and its version
// (service.version). An empty string states nothing. A service that is named
// neither here nor in the environment takes the name of its command, with a
// warning in the log; it is never "unknown_service".
func Service(name, version string) Option {
	return func(o *options) { o.service, o.version = name, version }
}

// Namespace names the group that the service belongs to
// (service.namespace): a name is unique within its namespace.
func Namespace(name string) Option {
	return func(o *options) { o.namespace = name }
}

// Endpoint says where the spans go. The scheme decides how:
//
//	http://tempo:4318     OTLP over HTTP, plain text
//	https://tempo         OTLP over HTTP, TLS
//	grpc://tempo:4317     OTLP over gRPC, plain text
//	grpcs://tempo:443     OTLP over gRPC, TLS
//	tempo:4317            gRPC, guessed from the port, with a note in the log
//	tempo:4318            HTTP, guessed likewise
//
// An http or https URL without a path whose port is 4317, the port of OTLP
// over gRPC, is taken as gRPC too, with a note in the log. /v1/traces is
// appended to the path of an HTTP endpoint unless it ends so already. gRPC
// endpoints need a port and have no path. An empty string states nothing.
func Endpoint(url string) Option {
	return func(o *options) { o.endpoint = url }
}

// Header adds a header to each export request: gRPC sends it as metadata. It
// may be given several times; case does not distinguish keys. Tempo takes
// its tenant from X-Scope-OrgID.
func Header(key, value string) Option {
	return func(o *options) { o.headers = append(o.headers, [2]string{key, value}) }
}

// Resource adds attributes to the resource, which every span of this SDK
// carries. Service and Namespace hold over the keys that they set.
func Resource(attrs ...attribute.KeyValue) Option {
	return func(o *options) { o.attrs = append(o.attrs, attrs...) }
}

// SampleRatio keeps this share of the traces that begin here, from 0 to 1;
// a trace that began elsewhere keeps the decision taken there. Without it,
// all are kept: a service graph counts calls, and sampling thins them out.
func SampleRatio(ratio float64) Option {
	return func(o *options) { o.ratio = &ratio }
}

// Logger receives what the set-up has to say: WARN for spans that cannot be
// delivered and for settings that look like mistakes, INFO for guesses and
// recoveries, DEBUG for the settings in force. Without it, messages go to
// what slog.Default is at the time.
func Logger(logger *slog.Logger) Option {
	return func(o *options) { o.logger = logger }
}

// WithoutGlobals leaves the global tracer provider and propagator of package
// otel alone. Instrumentation is then handed [SDK.TracerProvider] and
// [SDK.Propagator]. It is for tests, and for programs that hold several
// services, each with its own SDK.
func WithoutGlobals() Option {
	return func(o *options) { o.withoutGlobals = true }
}

// EnvironmentWins turns precedence around: environment variables hold over
// options, which become defaults that whoever runs the program can replace.
func EnvironmentWins() Option {
	return func(o *options) { o.environmentWins = true }
}
