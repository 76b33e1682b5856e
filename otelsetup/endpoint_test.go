package otelsetup

import (
	"strings"
	"testing"
)

func TestEndpoint(t *testing.T) {
	code := address{source: "endpoint"}
	fromEnv := address{source: "OTEL_EXPORTER_OTLP_ENDPOINT", env: true}
	traces := address{source: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", env: true, asIs: true}
	with := func(a address, protocol, insecure string) address {
		a.protocol, a.insecure = protocol, insecure
		return a
	}
	for _, test := range []struct {
		from     address
		raw      string
		want     string
		wantNote string
		reason   string
	}{
		{from: code, raw: "http://tempo:4318", want: "http://tempo:4318/v1/traces"},
		{from: code, raw: "http://tempo:4318/", want: "http://tempo:4318/v1/traces"},
		{from: code, raw: "http://tempo:4318/v1/traces", want: "http://tempo:4318/v1/traces"},
		{from: code, raw: "http://tempo:4318/v1/traces/", want: "http://tempo:4318/v1/traces"},
		{from: code, raw: "https://gateway/otlp", want: "https://gateway/otlp/v1/traces",
			reason: "a base path stays"},
		{from: code, raw: "https://gateway/otlp/v1/traces", want: "https://gateway/otlp/v1/traces"},
		{from: code, raw: "HTTPS://tempo", want: "https://tempo/v1/traces"},
		{from: code, raw: "http://[::1]:4318", want: "http://[::1]:4318/v1/traces"},
		{from: code, raw: "grpc://tempo:4317", want: "grpc://tempo:4317"},
		{from: code, raw: "grpc://tempo:4317/", want: "grpc://tempo:4317"},
		{from: code, raw: "grpcs://tempo.example.com:443", want: "grpcs://tempo.example.com:443"},
		{from: code, raw: "http://tempo:4317", want: "grpc://tempo:4317", wantNote: "despite the scheme"},
		{from: code, raw: "https://tempo:4317", want: "grpcs://tempo:4317", wantNote: "despite the scheme"},
		{from: code, raw: "http://tempo:4317/v1/traces", want: "http://tempo:4317/v1/traces",
			reason: "a path means HTTP"},
		{from: code, raw: "tempo:4317", want: "grpc://tempo:4317", wantNote: "using grpc://tempo:4317"},
		{from: code, raw: "tempo:4318", want: "http://tempo:4318/v1/traces", wantNote: "using http://tempo:4318/v1/traces"},
		{from: code, raw: "[::1]:4317", want: "grpc://[::1]:4317", wantNote: "using"},
		{from: with(code, "", "false"), raw: "tempo:4317", want: "grpcs://tempo:4317", wantNote: "using grpcs"},
		{from: with(code, "grpc", ""), raw: "tempo:9999", want: "grpc://tempo:9999", wantNote: "using",
			reason: "the environment decides what the address leaves open"},
		{from: with(code, "grpc", ""), raw: "http://tempo:4318", want: "http://tempo:4318/v1/traces",
			reason: "the scheme in code holds over the protocol in the environment"},
		{from: with(code, "http/protobuf", ""), raw: "grpc://tempo:4317", want: "grpc://tempo:4317",
			reason: "the scheme in code holds over the protocol in the environment"},
		{from: with(code, "http/protobuf", ""), raw: "http://tempo:4317", want: "http://tempo:4317/v1/traces",
			reason: "the scheme and the protocol agree on HTTP"},

		{from: fromEnv, raw: "http://tempo:4318", want: "http://tempo:4318/v1/traces"},
		{from: fromEnv, raw: "https://gateway/otlp", want: "https://gateway/otlp/v1/traces"},
		{from: with(fromEnv, "grpc", ""), raw: "http://tempo:9999", want: "grpc://tempo:9999",
			reason: "the specification writes plain-text gRPC like this"},
		{from: with(fromEnv, "grpc", ""), raw: "https://tempo:9999", want: "grpcs://tempo:9999"},
		{from: with(fromEnv, "grpc", "true"), raw: "https://tempo:9999", want: "grpcs://tempo:9999",
			reason: "the scheme overrides INSECURE"},
		{from: with(fromEnv, "http/protobuf", ""), raw: "http://tempo:4317", want: "http://tempo:4317/v1/traces"},
		{from: with(fromEnv, "http/protobuf", ""), raw: "tempo:9999", want: "http://tempo:9999/v1/traces", wantNote: "using"},
		{from: traces, raw: "https://vendor/ingest", want: "https://vendor/ingest",
			reason: "the variable for traces has the whole path"},
		{from: traces, raw: "https://vendor/ingest/", want: "https://vendor/ingest/"},
		{from: traces, raw: "http://tempo:4318", want: "http://tempo:4318/v1/traces",
			reason: "no receiver is at the root, whatever the specification says"},
	} {
		a := test.from
		a.raw = test.raw
		got, note, err := a.parse()
		if err != nil {
			t.Errorf("%s %s: %v", a.source, a.raw, err)
			continue
		}
		if got.String() != test.want || note == "" != (test.wantNote == "") || !strings.Contains(note, test.wantNote) {
			t.Errorf("%s %s (protocol %q, insecure %q): got %s, note %q; want %s, note %q %s",
				a.source, a.raw, a.protocol, a.insecure, got, note, test.want, test.wantNote, test.reason)
		}
	}
}

func TestEndpointNonsense(t *testing.T) {
	for _, test := range []struct{ raw, protocol, want string }{
		{raw: "ftp://tempo:4318", want: `unknown scheme "ftp": use http, https, grpc or grpcs`},
		{raw: "http://", want: "the host is missing"},
		{raw: "http://:4318", want: "the host is missing"},
		{raw: "tempo", want: "want a URL such as"},
		{raw: ":4317", want: "want a URL such as"},
		{raw: "tempo:4317/v1/traces", want: "want a URL such as"},
		{raw: "tempo:4317:4317", want: "want a URL such as"},
		{raw: "tempo:9999", want: "only the ports 4317 and 4318 imply a protocol"},
		{raw: "http://tempo:99999", want: `invalid port "99999"`},
		{raw: "http://tempo:port", want: "invalid port"},
		{raw: "http://tempo:4318?tenant=a", want: "a query or fragment is not allowed"},
		{raw: "http://user:secret@tempo:4318", want: "credentials in the URL are not sent"},
		{raw: "http://user:secret@tempo:port", want: "invalid port"},
		{raw: "grpc://tempo", want: "the port is missing"},
		{raw: "grpc://tempo:4317/v1/traces", want: "an endpoint of OTLP over gRPC has no path"},
		{raw: "grpc://tempo:4317", protocol: "http/protobuf", want: "contradicts OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"},
	} {
		a := address{raw: test.raw, source: "OTEL_EXPORTER_OTLP_ENDPOINT", env: true, protocol: test.protocol}
		got, _, err := a.parse()
		if err == nil {
			t.Errorf("%s: got %s, want an error", test.raw, got)
			continue
		}
		if !strings.HasPrefix(err.Error(), "OTEL_EXPORTER_OTLP_ENDPOINT ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.raw, err, test.want)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error has the password in it: %v", test.raw, err)
		}
	}
}
