package otelsetup

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// A client sends OTLP requests through the exporters of OpenTelemetry. It passes
// them every setting that they would read from the environment, so that only
// this package interprets the environment.
type client struct {
	otlptrace.Client
	transport *http.Transport // nil for gRPC
}

// newClient returns a client that has not been started. After each request that
// fails, and before the next try, the client calls attempt with the reason: the
// exporters retry without logging, and the error that they finally return may no
// longer have the reason. The calls of attempt are concurrent if the client's are.
func newClient(s settings, retry bool, attempt func(error)) client {
	if s.target.grpc {
		return newGRPCClient(s, retry, attempt)
	}
	return newHTTPClient(s, retry, attempt)
}

func newGRPCClient(s settings, retry bool, attempt func(error)) client {
	// A certificate in the environment would override otlptracegrpc.WithInsecure.
	creds := insecure.NewCredentials()
	if s.target.secure {
		creds = credentials.NewTLS(s.tls)
	}
	watch := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
		invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		err := invoke(ctx, method, req, reply, cc, opts...)
		if err != nil {
			attempt(err)
		}
		return err
	}
	opts := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(s.target.host),
		otlptracegrpc.WithTLSCredentials(creds),
		otlptracegrpc.WithHeaders(s.headers),
		otlptracegrpc.WithTimeout(s.timeout),
		otlptracegrpc.WithDialOption(grpc.WithChainUnaryInterceptor(watch)),
	}
	if !retry {
		opts = append(opts, otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}))
	}
	return client{Client: otlptracegrpc.NewClient(opts...)}
}

func newHTTPClient(s settings, retry bool, attempt func(error)) client {
	// The transport that the exporter would use is shared by the whole process and
	// keeps connections open after Shutdown.
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		ForceAttemptHTTP2:   true,
		TLSClientConfig:     s.tls.Clone(), // the transport modifies it
		TLSHandshakeTimeout: defaultTimeout,
		IdleConnTimeout:     90 * time.Second,
	}
	encoding := otlptracehttp.EncodingProtobuf
	if s.json {
		encoding = otlptracehttp.EncodingJSON
	}
	opts := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(s.target.String()),
		otlptracehttp.WithTLSClientConfig(nil), // the transport has it, and for http the exporter refuses one
		otlptracehttp.WithHeaders(s.headers),
		otlptracehttp.WithEncoding(encoding),
		otlptracehttp.WithHTTPClient(&http.Client{
			Transport:     watchedTransport{transport, attempt},
			Timeout:       s.timeout,
			CheckRedirect: refuseGet,
		}),
	}
	if !retry {
		opts = append(opts, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	}
	return client{Client: otlptracehttp.NewClient(opts...), transport: transport}
}

// Stop cancels all requests and closes all connections.
func (c client) Stop(ctx context.Context) error {
	err := c.Client.Stop(ctx)
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
	return err
}

// refuseGet does not follow a redirect that turns the POST into a GET. The GET
// might reach a web page that answers 200, and the spans would count as delivered.
func refuseGet(req *http.Request, via []*http.Request) error {
	if req.Method != http.MethodPost || len(via) >= 10 {
		return http.ErrUseLastResponse
	}
	return nil
}

// A statusError is an HTTP answer other than success.
type statusError struct {
	code     int
	status   string // such as "404 Not Found"
	message  string // one line from the server, may be empty
	location string // where a redirect leads
}

func (e *statusError) Error() string {
	if e.message == "" {
		return e.status
	}
	return fmt.Sprintf("%s (%s)", e.status, e.message)
}

// A watchedTransport calls attempt for each request that fails.
type watchedTransport struct {
	base    http.RoundTripper
	attempt func(error)
}

func (t watchedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	switch {
	case err != nil:
		reason := err
		if ctxErr := req.Context().Err(); ctxErr != nil {
			reason = ctxErr // err varies with the moment at which the context ended
		}
		t.attempt(reason)
	case resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect:
		// The client follows it.
	case resp.StatusCode > 299:
		// The exporter gets only the rest of the body. Nobody sees the error that
		// it makes of it.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		t.attempt(&statusError{
			code:     resp.StatusCode,
			status:   resp.Status,
			message:  serverMessage(resp.Header.Get("Content-Type"), body),
			location: resp.Header.Get("Location"),
		})
	}
	return resp, err
}

// serverMessage returns the text in the body of an error, as one line of at most
// 200 bytes. For requests in protobuf, receivers answer a google.rpc.Status.
func serverMessage(contentType string, body []byte) string {
	text := string(body)
	if contentType == "application/x-protobuf" {
		var s spb.Status
		if proto.Unmarshal(body, &s) == nil {
			text = s.GetMessage()
		}
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	if strings.HasPrefix(text, "<") { // HTML is not readable in one line
		return ""
	}
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

// check sends an empty request, without retries, and returns the reason why spans
// would not be delivered, nil if they would.
func check(ctx context.Context, s settings) *deliveryError {
	var reason error // of the only attempt, set during UploadTraces
	c := newClient(s, false, func(err error) { reason = err })
	err := c.Start(ctx)
	if err == nil {
		err = c.UploadTraces(ctx, nil)
		_ = c.Stop(context.WithoutCancel(ctx)) // nothing is in flight
	}
	switch {
	case err == nil:
		return nil
	case reason != nil:
		return explain(reason, s.target)
	default:
		return explain(err, s.target)
	}
}
