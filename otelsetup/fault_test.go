package otelsetup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
)

// testTLS returns the TLS settings of a server at 127.0.0.1, and files with its certificate
// and key. The certificate is self-signed.
func testTLS(t testing.TB) (config *tls.Config, certFile, keyFile string) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	cert := srv.TLS.Certificates[0]
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(file, kind string, der []byte) {
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(certFile, "CERTIFICATE", cert.Certificate[0])
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(keyFile, "PRIVATE KEY", der)
	return &tls.Config{Certificates: []tls.Certificate{cert}}, certFile, keyFile
}

// TestCheckTellsTheFault provokes each fault on a real server. Check recognizes faults by the texts
// of errors from net/http, crypto/tls and grpc, and the test fails if such a text changes.
func TestCheckTellsTheFault(t *testing.T) {
	cleanEnv(t)
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60000") // a check with retries would take a minute
	serverTLS, _, _ := testTLS(t)
	refuse := func(code codes.Code, msg string) *receiver {
		return &receiver{answer: func(*coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
			return nil, status.Error(code, msg)
		}}
	}
	page := func(h http.HandlerFunc) string {
		_, host := serveHTTP(t, h, nil)
		return host
	}
	emptyGRPC := grpc.NewServer()
	emptyLis := listen(t)
	go func() { _ = emptyGRPC.Serve(emptyLis) }()
	t.Cleanup(emptyGRPC.Stop)

	plainHTTP := new(receiver).serveHTTP(t, nil).host
	plainGRPC := new(receiver).serveGRPC(t, nil).host
	tlsHTTP := new(receiver).serveHTTP(t, serverTLS).host
	tlsGRPC := new(receiver).serveGRPC(t, serverTLS).host
	notFound := page(http.NotFound)

	// The name is invalid, so that no name server is asked.
	const noName = "no..host"

	for _, test := range []struct {
		name     string
		endpoint string
		want     string // the text after the endpoint; {host} means host and port
	}{
		{"nothing listens, http", "http://" + closedPort, "/v1/traces: connection refused: is a collector or Tempo listening there?"},
		{"nothing listens, grpc", "grpc://" + closedPort, ": connection refused: is a collector or Tempo listening there?"},
		{"no such host, http", "http://" + noName + ":4318", "/v1/traces: no such host: check the name"},
		{"no such host, grpc", "grpc://" + noName + ":4317", ": no such host: check the name"},

		{"grpc at the port of http", "grpc://" + plainHTTP, ": the receiver speaks HTTP/1.1, not gRPC: for OTLP over HTTP use http://{host}"},
		{"http at the port of grpc", "http://" + plainGRPC, "/v1/traces: the receiver does not speak HTTP/1.1: for OTLP over gRPC use grpc://{host}"},

		{"tls against plain, grpc", "grpcs://" + plainGRPC, ": the receiver does not speak TLS: for plain text use grpc://{host}"},
		{"tls against plain, http", "https://" + plainHTTP, "/v1/traces: the receiver does not speak TLS: for plain text use http://{host}"},
		{"grpc with tls at the port of plain http", "grpcs://" + plainHTTP, ": the receiver does not speak TLS"},
		{"https at the port of plain grpc", "https://" + plainGRPC, "/v1/traces: the receiver does not speak TLS: for plain text use http://{host}, or grpc://{host} if"},

		{"plain against tls, grpc", "grpc://" + tlsGRPC, ": the receiver closed the connection: if it requires TLS use grpcs://{host}"},
		{"plain against tls, http", "http://" + tlsHTTP, "/v1/traces: 400 Bad Request (Client sent an HTTP request to an HTTPS server.): the receiver requires TLS: use https://{host}"},
		{"plain http at the port of grpc with tls", "http://" + tlsGRPC, "/v1/traces: the receiver closed the connection: if it requires TLS use https://{host}, or grpcs://{host} if"},
		{"grpc with tls at the port of https", "grpcs://" + tlsHTTP, ": the receiver does not offer HTTP/2: for OTLP over HTTP use https://{host}"},

		{"unknown authority, http", "https://" + tlsHTTP, "/v1/traces: tls: failed to verify certificate: x509: certificate signed by unknown authority: set OTEL_EXPORTER_OTLP_CERTIFICATE to the certificate of the authority"},
		{"unknown authority, grpc", "grpcs://" + tlsGRPC, ": tls: failed to verify certificate: x509: certificate signed by unknown authority: set OTEL_EXPORTER_OTLP_CERTIFICATE to the certificate of the authority"},

		{"no such path", "http://" + notFound, "/v1/traces: 404 Not Found (404 page not found): there is no OTLP receiver at the path /v1/traces: Tempo and the Collector have one at port 4318 and path /v1/traces (port 3200 of Tempo is for queries)"},
		{"grpc without OTLP", "grpc://" + emptyLis.Addr().String(), ": Unimplemented (unknown service opentelemetry.proto.collector.trace.v1.TraceService): the gRPC server at this port is no OTLP receiver"},
		{"credentials, http", refuse(codes.Unauthenticated, "invalid token").serveHTTP(t, nil).url, "/v1/traces: 401 Unauthorized (invalid token): check the credentials (header Authorization) and"},
		{"credentials, grpc", refuse(codes.Unauthenticated, "invalid token").serveGRPC(t, nil).url, ": Unauthenticated (invalid token): check the credentials (header Authorization) and"},
		{"tenant, http", refuse(codes.Unavailable, "no org id").serveHTTP(t, nil).url, "/v1/traces: 503 Service Unavailable (no org id): Tempo is multi-tenant here: set the tenant with the header X-Scope-OrgID"},
		{"tenant, grpc", refuse(codes.Unavailable, "no org id").serveGRPC(t, nil).url, ": Unavailable (no org id): Tempo is multi-tenant here: set the tenant with the header X-Scope-OrgID"},
		{"rate limit, http", refuse(codes.ResourceExhausted, "RATE_LIMITED").serveHTTP(t, nil).url, "/v1/traces: 429 Too Many Requests (RATE_LIMITED): the receiver limits the rate"},
		{"rate limit, grpc", refuse(codes.ResourceExhausted, "RATE_LIMITED").serveGRPC(t, nil).url, ": ResourceExhausted (RATE_LIMITED): the receiver limits the rate"},
		{"another fault, http", refuse(codes.Internal, "disk full").serveHTTP(t, nil).url, "/v1/traces: 400 Bad Request (disk full)"},
		{"another fault, grpc", refuse(codes.Internal, "disk full").serveGRPC(t, nil).url, ": Internal (disk full)"},
		{"what the receiver says of others, grpc", refuse(codes.Internal, "storage: connection refused").serveGRPC(t, nil).url, ": Internal (storage: connection refused)"},
		{"redirect that loses the request", "http://" + page(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/login" {
				http.Redirect(w, r, "/login", http.StatusFound)
			}
		}), "/v1/traces: 302 Found: the server redirects to /login: use the address that the redirect leads to"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sdk, _ := begin(t, Endpoint(test.endpoint))
			start := time.Now()
			err := sdk.Check(t.Context())
			elapsed := time.Since(start)
			if err == nil {
				t.Fatal("no error")
			}
			_, host, _ := strings.Cut(test.endpoint, "://")
			want := "otelsetup: " + test.endpoint + strings.ReplaceAll(test.want, "{host}", host)
			if !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if elapsed > 30*time.Second { // Check takes milliseconds on an idle machine
				t.Errorf("it took %v", elapsed)
			}
		})
	}
}

func TestCheckOK(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		r := serve(new(receiver))
		sdk, _ := begin(t, Endpoint(r.url))
		if err := sdk.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if got, want := sdk.Stats(), (Stats{}); got != want {
			t.Errorf("a check counts as spans: %+v", got)
		}
	})
}

// TestRedirectThatKeepsTheRequest: a redirect that repeats the POST is followed only within the
// server. Another server would get the spans and the credentials.
func TestRedirectThatKeepsTheRequest(t *testing.T) {
	cleanEnv(t)
	r := new(receiver).serveHTTP(t, nil)
	front, _ := serveHTTP(t, http.RedirectHandler(r.url+"/v1/traces", http.StatusTemporaryRedirect), nil)
	sdk, _ := begin(t, Endpoint(front), Header("Authorization", "Bearer t0ken"))
	spans(sdk, 1)
	err := sdk.Shutdown(t.Context())
	if want := "the server redirects to " + r.url + "/v1/traces"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
	if n := len(r.names()["checkout"]); n != 0 {
		t.Errorf("another server received %d spans", n)
	}

	behind := httputil.NewSingleHostReverseProxy(must(url.Parse(r.url)))
	within, _ := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if path, found := strings.CutPrefix(req.URL.Path, "/old"); found {
			http.Redirect(w, req, path, http.StatusPermanentRedirect)
			return
		}
		behind.ServeHTTP(w, req)
	}), nil)
	sdk, _ = begin(t, Endpoint(within+"/old"))
	spans(sdk, 1)
	if err := sdk.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(r.names()["checkout"]); n != 1 {
		t.Errorf("received %d spans, want 1", n)
	}
}

// must returns a value whose error is impossible.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestCheckOfASilentServer(t *testing.T) {
	cleanEnv(t)
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
	for _, scheme := range []string{"http", "https", "grpc", "grpcs"} {
		sdk, _ := begin(t, Endpoint(scheme+"://"+listen(t).Addr().String()))
		err := sdk.Check(t.Context())
		if err == nil || !strings.HasSuffix(err.Error(), ": no answer in time: is the port right, and does a firewall drop packets?") {
			t.Errorf("%s: got %v", scheme, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := sdk.Check(ctx); err == nil || strings.Contains(err.Error(), "firewall") {
			t.Errorf("%s, canceled: got %v", scheme, err)
		}
	}
}

func TestTLS(t *testing.T) {
	cleanEnv(t)
	serverTLS, certFile, keyFile := testTLS(t)
	wantClient := serverTLS.Clone()
	wantClient.ClientAuth = tls.RequireAnyClientCert
	for name, r := range map[string]*receiver{
		"http": new(receiver).serveHTTP(t, wantClient),
		"grpc": new(receiver).serveGRPC(t, wantClient),
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", certFile)
			sdk, _ := begin(t, Endpoint(r.url))
			// The client sees either the server's TLS alert or the end of the connection.
			if err := sdk.Check(t.Context()); err == nil ||
				!strings.HasSuffix(err.Error(), ": the receiver requires a client certificate: set "+
					"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY") &&
					!strings.HasSuffix(err.Error(), brokeOff+": "+hintBrokeOff) {
				t.Errorf("without a client certificate: got %v", err)
			}

			t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certFile)
			t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", keyFile)
			sdk, log := begin(t, Endpoint(r.url))
			spans(sdk, 2)
			if err := sdk.Shutdown(t.Context()); err != nil || log.String() != "" {
				t.Errorf("%v, log:\n%s", err, log)
			}
			if n := len(r.names()["checkout"]); n != 2 {
				t.Errorf("received %d spans, want 2", n)
			}
		})
	}
}

// TestCertificateForPlainText: a certificate in the environment does not change a plain-text
// endpoint. The gRPC exporter alone would use TLS because of the certificate, and the HTTP exporter
// alone would return an error.
func TestCertificateForPlainText(t *testing.T) {
	overBoth(t, func(t *testing.T, serve func(*receiver) *receiver) {
		_, certFile, _ := testTLS(t)
		t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", certFile)
		r := serve(new(receiver))
		sdk, log := begin(t, Endpoint(r.url))
		log.await(t, "OTEL_EXPORTER_OTLP_CERTIFICATE is not used: the endpoint "+r.url, "is plain text")
		spans(sdk, 1)
		if err := sdk.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestStartTellsNonsense(t *testing.T) {
	cleanEnv(t)
	_, certFile, _ := testTLS(t)
	noCert := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(noCert, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	type vars map[string]string
	for _, test := range []struct {
		name string
		env  vars
		opts []Option
		want string
	}{
		{"scheme", nil, []Option{Endpoint("ftp://tempo")}, `otelsetup: endpoint "ftp://tempo": unknown scheme "ftp": use http, https, grpc or grpcs`},
		{"scheme in the environment", vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "tcp://tempo:4317"}, nil, `otelsetup: OTEL_EXPORTER_OTLP_ENDPOINT "tcp://tempo:4317": unknown scheme`},
		{"protocol", vars{"OTEL_EXPORTER_OTLP_PROTOCOL": "http"}, nil, `OTEL_EXPORTER_OTLP_PROTOCOL="http": unknown protocol: use grpc, http/protobuf or http/json`},
		{"protocol for traces", vars{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "h2"}, nil, `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="h2": unknown protocol`},
		{"header with a colon", vars{"OTEL_EXPORTER_OTLP_HEADERS": "Authorization: Basic c2VjcmV0=="}, nil, `OTEL_EXPORTER_OTLP_HEADERS: header 1 is written "Authorization: …" with a colon: write Authorization=value`},
		{"header with a colon and no =", vars{"OTEL_EXPORTER_OTLP_HEADERS": "a=b, Authorization: Bearer c2VjcmV0"}, nil, `header 2 is written "Authorization: …" with a colon`},
		{"header without =", vars{"OTEL_EXPORTER_OTLP_HEADERS": "c2VjcmV0"}, nil, `OTEL_EXPORTER_OTLP_HEADERS: header 1 has no =: want key=value,key=value`},
		{"header value", vars{"OTEL_EXPORTER_OTLP_HEADERS": "token=c2VjcmV0%zz"}, nil, `the value of header 1 (token) is not percent-encoded correctly`},
		{"header name", vars{"OTEL_EXPORTER_OTLP_HEADERS": "a b=c2VjcmV0"}, nil, `header 1: "a b" is not a header name`},
		{"header in code", nil, []Option{Header("a b", "c2VjcmV0")}, `otelsetup: header: "a b" is not a header name`},
		{"header value in code", nil, []Option{Header("token", "c2VjcmV0\n")}, `the value of token has characters that are not allowed in a header`},
		{"timeout", vars{"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, nil, `OTEL_EXPORTER_OTLP_TIMEOUT="10s": want milliseconds as a whole number`},
		{"certificate missing", vars{"OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/such.pem"}, []Option{Endpoint("https://tempo")}, `OTEL_EXPORTER_OTLP_CERTIFICATE: open /no/such.pem: `},
		{"certificate empty", vars{"OTEL_EXPORTER_OTLP_CERTIFICATE": noCert}, []Option{Endpoint("https://tempo")}, `has no PEM certificate`},
		{"client certificate without key", vars{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": certFile}, []Option{Endpoint("https://tempo")}, `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY must both be set: one of them is missing`},
		{"client key that is none", vars{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": certFile, "OTEL_EXPORTER_OTLP_CLIENT_KEY": noCert}, []Option{Endpoint("https://tempo")}, `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY: tls: `},
		{"propagator", vars{"OTEL_PROPAGATORS": "b3"}, nil, `OTEL_PROPAGATORS="b3": only tracecontext, baggage and none are supported`},
		{"exporter", vars{"OTEL_TRACES_EXPORTER": "otlp,zipkin"}, nil, `OTEL_TRACES_EXPORTER="otlp,zipkin": only otlp, console and none are supported`},
		{"sampler", vars{"OTEL_TRACES_SAMPLER": "parentbased_traceidratoi"}, nil, `OTEL_TRACES_SAMPLER="parentbased_traceidratoi": unknown sampler: use always_on, always_off, traceidratio, parentbased_always_on`},
		{"sampler of nothing", vars{"OTEL_TRACES_SAMPLER": "parentbased_"}, nil, `unknown sampler`},
		{"sampler argument", vars{"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "10%"}, nil, `OTEL_TRACES_SAMPLER_ARG="10%": want the fraction of traces to keep, from 0 to 1`},
		{"sampler argument above 1", vars{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "10"}, nil, `OTEL_TRACES_SAMPLER_ARG="10"`},
		{"queue size", vars{"OTEL_BSP_MAX_QUEUE_SIZE": "lots"}, nil, `OTEL_BSP_MAX_QUEUE_SIZE="lots": want a whole number, at least 1`},
		{"queue of nothing", vars{"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, nil, `at least 1`},
		{"delay", vars{"OTEL_BSP_SCHEDULE_DELAY": "-5"}, nil, `OTEL_BSP_SCHEDULE_DELAY="-5": want milliseconds as a whole number, at least 1`},
		{"batch larger than queue", vars{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4096"}, nil, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4096 is larger than the queue: OTEL_BSP_MAX_QUEUE_SIZE is 2048`},
		{"limit", vars{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many"}, nil, `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="many": want a whole number`},
		{"compression", vars{"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, nil, `OTEL_EXPORTER_OTLP_COMPRESSION="zstd": want gzip or none`},
		{"insecure", vars{"OTEL_EXPORTER_OTLP_INSECURE": "maybe"}, nil, `OTEL_EXPORTER_OTLP_INSECURE="maybe": want true or false`},
		{"disabled", vars{"OTEL_SDK_DISABLED": "1"}, nil, `OTEL_SDK_DISABLED="1": want true or false`},
		{"log level", vars{"OTEL_LOG_LEVEL": "loud"}, nil, `OTEL_LOG_LEVEL="loud": want none, error, warn, info or debug`},
		{"tenant", vars{"TEMPO_ORG_ID": "a\nb"}, nil, `TEMPO_ORG_ID: the value of X-Scope-Orgid has characters that are not allowed`},
		{"configuration file", vars{"OTEL_CONFIG_FILE": "otel.yaml"}, nil, `OTEL_CONFIG_FILE is set: configuration files are for go.opentelemetry.io/contrib/otelconf`},
		{"configuration file, older name", vars{"OTEL_EXPERIMENTAL_CONFIG_FILE": "otel.yaml"}, nil, `OTEL_EXPERIMENTAL_CONFIG_FILE is set: configuration files are for go.opentelemetry.io/contrib/otelconf`},
		{"ratio", nil, []Option{SampleRatio(50)}, `sample ratio 50: want 0 to 1`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			sdk, err := Start(t.Context(), append(test.opts, WithoutGlobals(), Logger(newLogs().logger()))...)
			if err == nil {
				_ = sdk.Shutdown(brief(t))
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "otelsetup: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if strings.Contains(err.Error(), "c2VjcmV0") {
				t.Errorf("the error has a secret in it: %v", err)
			}
		})
	}
}

func TestErrorsUnwrap(t *testing.T) {
	cleanEnv(t)
	sdk, _ := begin(t, Endpoint("grpc://"+closedPort))
	err := sdk.Check(t.Context())
	if status.Code(errors.Unwrap(errors.Unwrap(err))) != codes.Unavailable {
		t.Errorf("got %#v", err)
	}
}
