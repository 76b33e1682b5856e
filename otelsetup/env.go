package otelsetup

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
)

const (
	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"
	protocolJSON = "http/json"

	defaultTimeout = 10 * time.Second
)

// settings are the result of options and environment.
type settings struct {
	target  target
	json    bool // encode OTLP over HTTP as JSON
	headers map[string]string
	timeout time.Duration // of one export request
	tls     *tls.Config   // nil for the system's defaults, and for plain text
	notes   []note
}

// A note is a message to log once.
type note struct {
	level slog.Level
	text  string
}

// env returns the value of a variable without surrounding space. As the
// specification requires, an empty value means that the variable is not set.
func env(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// otlpEnv returns the value and the full name of a variable of the OTLP exporter. The
// variable for traces overrides the general one.
func otlpEnv(key string) (value, name string) {
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"} {
		if v := env(prefix + key); v != "" {
			return v, prefix + key
		}
	}
	return "", "OTEL_EXPORTER_OTLP_" + key
}

// exporting reports whether the environment permits tracing and exporting over OTLP, and whether
// spans go to the console. If spans are not exported over OTLP, e.why says which variable is the
// reason.
func exporting() (e exports, err error) {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return exports{why: "OTEL_SDK_DISABLED=true"}, nil
	}
	if err := checkEnv(); err != nil {
		return exports{}, err
	}
	for _, name := range []string{"OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"} { // the second is the older name
		if env(name) != "" {
			return exports{}, fmt.Errorf("%s is set: configuration files are for "+
				"go.opentelemetry.io/contrib/otelconf, and this package does not read them", name)
		}
	}
	e.recording = true
	list := env("OTEL_TRACES_EXPORTER")
	if list == "" {
		list = "otlp"
	}
	for name := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(name) {
		case "otlp":
			e.otlp = true
		case "console":
			e.console = true
		case "none":
		default:
			return exports{}, fmt.Errorf("OTEL_TRACES_EXPORTER=%q: only otlp, console and none are supported, "+
				"other exporters need go.opentelemetry.io/contrib/exporters/autoexport", list)
		}
	}
	if !e.otlp {
		e.why = "OTEL_TRACES_EXPORTER=" + list
	}
	return e, nil
}

// exports says where the environment wants spans to go.
type exports struct {
	recording     bool // false: no spans at all
	otlp, console bool
	why           string // the variable, with its value, that turns the export over OTLP off
}

// resolve combines options and environment.
func resolve(o options) (settings, error) {
	var s settings
	if err := s.resolveTarget(o); err != nil {
		return settings{}, err
	}
	fromEnv, err := headersFromEnv()
	if err != nil {
		return settings{}, err
	}
	if s.headers, err = mergeHeaders(o, fromEnv); err != nil {
		return settings{}, err
	}
	if s.timeout, err = timeoutFromEnv(); err != nil {
		return settings{}, err
	}
	if o.tls != nil {
		if s.target.secure {
			s.tls = o.tls
		} else {
			s.notes = append(s.notes, note{slog.LevelWarn,
				fmt.Sprintf("the option TLS is not used: the endpoint %s is plain text", s.target)})
		}
		return s, nil
	}
	if err := s.resolveTLS(); err != nil {
		return settings{}, err
	}
	return s, nil
}

func (s *settings) resolveTarget(o options) error {
	protocol, name := otlpEnv("PROTOCOL")
	switch protocol {
	case "", protocolGRPC, protocolHTTP, protocolJSON:
	default:
		return fmt.Errorf("%s=%q: unknown protocol: use grpc, http/protobuf or http/json", name, protocol)
	}
	s.json = protocol == protocolJSON

	a := address{protocol: protocol, env: true}
	a.insecure, _ = otlpEnv("INSECURE")
	a.raw, a.source = otlpEnv("ENDPOINT")
	a.asIs = a.source == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	switch {
	case o.endpoint != "" && (a.raw == "" || !o.environmentWins):
		a.raw, a.source, a.asIs, a.env = o.endpoint, "endpoint", false, o.environmentWins
	case a.raw == "" && protocol == protocolGRPC:
		s.target = target{grpc: true, host: "localhost:4317"}
		return nil
	case a.raw == "":
		s.target = target{host: "localhost:4318", path: tracesPath}
		return nil
	}
	t, guess, err := a.parse()
	if err != nil {
		return err
	}
	if guess != "" {
		s.notes = append(s.notes, note{slog.LevelInfo, guess})
	}
	s.target = t
	return nil
}

func timeoutFromEnv() (time.Duration, error) {
	v, name := otlpEnv("TIMEOUT")
	if v == "" {
		return defaultTimeout, nil
	}
	ms, err := strconv.ParseUint(v, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s=%q: want milliseconds as a whole number", name, v)
	}
	if ms == 0 { // no limit, by the specification
		return 0, nil
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// headersFromEnv returns the headers in the environment. Its errors never quote the
// values, which are secrets.
func headersFromEnv() (map[string]string, error) {
	list, name := otlpEnv("HEADERS")
	headers := make(map[string]string)
	for i, pair := range strings.Split(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, found := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if k, _, colon := strings.Cut(key, ":"); colon {
			return nil, fmt.Errorf("%s: header %d is written %q with a colon: write %s=value", name, i+1, k+": …", k)
		}
		value, err := url.PathUnescape(strings.TrimSpace(value))
		switch {
		case !found:
			return nil, fmt.Errorf("%s: header %d has no =: want key=value,key=value", name, i+1)
		case err != nil:
			return nil, fmt.Errorf("%s: the value of header %d (%s) is not percent-encoded correctly", name, i+1, key)
		}
		if err := checkHeader(key, value); err != nil {
			return nil, fmt.Errorf("%s: header %d: %w", name, i+1, err)
		}
		headers[http.CanonicalHeaderKey(key)] = value
	}
	return headers, nil
}

func mergeHeaders(o options, fromEnv map[string]string) (map[string]string, error) {
	headers := make(map[string]string)
	for _, h := range o.headers {
		if err := checkHeader(h[0], h[1]); err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
		headers[http.CanonicalHeaderKey(h[0])] = h[1]
	}
	const tenant = "X-Scope-Orgid"
	if id := env("TEMPO_ORG_ID"); id != "" && fromEnv[tenant] == "" {
		if err := checkHeader(tenant, id); err != nil {
			return nil, fmt.Errorf("TEMPO_ORG_ID: %w", err)
		}
		fromEnv[tenant] = id
	}
	for key, value := range fromEnv {
		if _, stated := headers[key]; !stated || o.environmentWins {
			headers[key] = value
		}
	}
	return headers, nil
}

// checkHeader returns an error for a header that HTTP or gRPC cannot carry.
func checkHeader(key, value string) error {
	for _, c := range key {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.", c) {
			continue
		}
		return fmt.Errorf("%q is not a header name", key)
	}
	if key == "" {
		return errors.New("the name is empty")
	}
	for _, c := range []byte(value) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("the value of %s has characters that are not allowed in a header", key)
		}
	}
	return nil
}

// resolveTLS reads the certificates. OpenTelemetry's exporters would only log that they cannot read
// a file, and its gRPC exporter would use TLS for a plain-text endpoint if a certificate is set.
func (s *settings) resolveTLS() error {
	ca, caName := otlpEnv("CERTIFICATE")
	cert, certName := otlpEnv("CLIENT_CERTIFICATE")
	key, keyName := otlpEnv("CLIENT_KEY")
	for _, v := range [][2]string{{ca, caName}, {cert, certName}, {key, keyName}} {
		if v[0] != "" && !s.target.secure {
			s.notes = append(s.notes, note{slog.LevelWarn,
				fmt.Sprintf("%s is not used: the endpoint %s is plain text", v[1], s.target)})
		}
	}
	if !s.target.secure {
		return nil
	}
	config := new(tls.Config)
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("%s: %w", caName, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s: %s has no PEM certificate", caName, ca)
		}
	}
	switch {
	case cert != "" && key != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("%s and %s: %w", certName, keyName, err)
		}
		config.Certificates = []tls.Certificate{pair}
	case cert != "" || key != "":
		return fmt.Errorf("%s and %s must both be set: one of them is missing", certName, keyName)
	}
	s.tls = config
	return nil
}

// propagatorFromEnv returns the propagator of W3C trace context and baggage, or only of those
// formats that OTEL_PROPAGATORS names. An unknown name is an error: without its propagator, every
// trace would end at this service.
func propagatorFromEnv() (propagation.TextMapPropagator, error) {
	list := env("OTEL_PROPAGATORS")
	if list == "" {
		list = "tracecontext,baggage"
	}
	var parts []propagation.TextMapPropagator
	for name := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(name) {
		case "tracecontext":
			parts = append(parts, propagation.TraceContext{})
		case "baggage":
			parts = append(parts, propagation.Baggage{})
		case "none", "":
		default:
			return nil, fmt.Errorf("OTEL_PROPAGATORS=%q: only tracecontext, baggage and none are supported, "+
				"other formats need go.opentelemetry.io/contrib/propagators/autoprop", list)
		}
	}
	return propagation.NewCompositeTextMapPropagator(parts...), nil
}
