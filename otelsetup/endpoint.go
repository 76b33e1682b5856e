package otelsetup

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/internal/redact"
)

const tracesPath = "/v1/traces"

// A target is a resolved endpoint.
type target struct {
	grpc   bool   // OTLP over gRPC; otherwise over HTTP
	secure bool   // use TLS
	host   string // host:port; over HTTP the port may be missing
	path   string // only over HTTP
}

// String returns the URL of the target, which [Endpoint] accepts. The zero target means that the
// option [Exporter] is set.
func (t target) String() string {
	if t == (target{}) {
		return "the exporter of the program"
	}
	scheme := "http"
	if t.grpc {
		scheme = "grpc"
	}
	if t.secure {
		scheme += "s"
	}
	return (&url.URL{Scheme: scheme, Host: t.host, Path: t.path}).String()
}

// An address is an endpoint as the user wrote it, with the settings that affect its
// meaning.
type address struct {
	raw      string
	source   string // the name of the option or variable, for messages
	env      bool   // the address is from the environment, or EnvironmentWins is set
	asIs     bool   // the path is complete: nothing is appended
	protocol string // OTEL_EXPORTER_OTLP_PROTOCOL, "" if not set
	insecure string // OTEL_EXPORTER_OTLP_INSECURE, "" if not set
}

// parse resolves the address. The note says what parse assumed about an ambiguous address.
func (a address) parse() (t target, note string, err error) {
	t, note, err = a.resolve()
	if err != nil {
		return target{}, "", fmt.Errorf("%s %s: %w", a.source, a.quoted(), err)
	}
	return t, note, nil
}

// quoted returns the address for messages, without credentials.
func (a address) quoted() string { return strconv.Quote(redact.URL(a.raw)) }

func (a address) resolve() (target, string, error) {
	scheme, rest, found := strings.Cut(a.raw, "://")
	if !found {
		return a.resolveBare()
	}
	u, err := redact.ParseURL(a.raw)
	switch {
	case err != nil:
		return target{}, "", err
	case rest == "" || u.Hostname() == "":
		return target{}, "", errors.New("the host is missing")
	case u.User != nil:
		return target{}, "", errors.New("credentials in the URL are not sent: use the header Authorization")
	case u.RawQuery != "" || u.Fragment != "":
		return target{}, "", errors.New("a query or fragment is not allowed")
	}
	if err := checkPort(u.Port()); err != nil {
		return target{}, "", err
	}

	t := target{host: u.Host}
	var note string
	switch strings.ToLower(scheme) {
	case "grpc", "grpcs":
		if a.env && strings.HasPrefix(a.protocol, "http/") {
			return target{}, "", fmt.Errorf("the scheme contradicts OTEL_EXPORTER_OTLP_PROTOCOL=%s", a.protocol)
		}
		t.grpc, t.secure = true, strings.EqualFold(scheme, "grpcs")
	case "http", "https":
		t.secure = strings.EqualFold(scheme, "https")
		switch {
		case a.protocol == protocolGRPC && a.env:
			t.grpc = true
		case strings.HasPrefix(a.protocol, "http/"):
		case u.Port() == "4317" && strings.Trim(u.Path, "/") == "":
			t.grpc = true
			note = "port 4317 is for OTLP over gRPC: using gRPC despite the scheme"
		}
	default:
		return target{}, "", fmt.Errorf("unknown scheme %q: use http, https, grpc or grpcs", scheme)
	}

	path := strings.TrimRight(u.Path, "/")
	if t.grpc {
		if path != "" {
			return target{}, "", errors.New("an endpoint of OTLP over gRPC has no path")
		}
		if u.Port() == "" {
			return target{}, "", errors.New("the port is missing: for gRPC it is usually 4317")
		}
		return t, note, nil
	}
	if path == "" || !a.asIs && !strings.HasSuffix(path, tracesPath) {
		t.path = path + tracesPath
	} else {
		t.path = u.Path
		if !a.asIs {
			t.path = path
		}
	}
	return t, note, nil
}

// resolveBare resolves host:port, an address without a scheme.
func (a address) resolveBare() (target, string, error) {
	host, port, err := net.SplitHostPort(a.raw)
	if err != nil || host == "" || checkPort(port) != nil || strings.ContainsAny(host, "/@ ") {
		return target{}, "", errors.New("want a URL such as http://host:4318 or grpc://host:4317")
	}
	t := target{host: a.raw, secure: strings.EqualFold(a.insecure, "false")}
	switch {
	case a.protocol == protocolGRPC, a.protocol == "" && port == "4317":
		t.grpc = true
	case strings.HasPrefix(a.protocol, "http/"), port == "4318":
		t.path = tracesPath
	default:
		return target{}, "", errors.New("the scheme is missing, and only the ports 4317 and 4318 imply a protocol: " +
			"use http, https, grpc or grpcs")
	}
	return t, "the endpoint has no scheme: using " + t.String(), nil
}

func checkPort(port string) error {
	if port == "" {
		return nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("invalid port %q", port)
	}
	return nil
}
