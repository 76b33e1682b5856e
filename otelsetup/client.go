package otelsetup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/internal/httpfault"
	"github.com/tempograph/tempograph/internal/redact"
)

// A client sends OTLP requests through the exporters of OpenTelemetry. It passes to the exporters
// every setting that they would read from the environment, so that only this package interprets the
// environment.
type client struct {
	otlptrace.Client
	transport *http.Transport // nil for gRPC

	// unreached is set by a request that found no connection, or whose connection broke. It is nil
	// if the client does not retry such requests.
	unreached *atomic.Bool
}

// How long a client waits before it retries a receiver that accepts no connection. The context of
// the export ends the retries, by default after 30 seconds; meanwhile spans wait in the queue. The
// longest wait is short, because at 2,000 spans a second the default queue is full after one
// second.
const (
	firstWait = 250 * time.Millisecond
	maxWait   = time.Second
)

// UploadTraces sends spans. The exporters of OpenTelemetry would lose batches while a receiver
// restarts: over HTTP, the exporter retries only requests that were answered; over gRPC, the
// exporter waits 2.5 to 7.5 seconds, then 3.75 to 11 seconds, and gives up after 10 seconds in
// total.
func (c client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		if c.unreached != nil {
			c.unreached.Store(false)
		}
		err := c.Client.UploadTraces(ctx, spans)
		if err == nil || c.unreached == nil || !c.unreached.Load() {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait/2 + rand.N(wait)): // many programs wait for the same receiver
		}
	}
}

// newClient returns a client that has not been started. After each failed request, and before the
// next retry, the client calls attempt with the reason: the exporters retry without logging, and
// the error that they finally return may lack the reason. Concurrent calls of the client make
// concurrent calls of attempt.
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
	var unreached *atomic.Bool
	if retry {
		unreached = new(atomic.Bool)
	}
	var answered atomic.Bool // a receiver has answered before
	watch := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
		invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		var header, trailer metadata.MD // every answer, even an error, has one of them
		err := invoke(ctx, method, req, reply, cc, append(opts, grpc.Header(&header), grpc.Trailer(&trailer))...)
		if err == nil || len(header)+len(trailer) > 0 {
			answered.Store(true)
		} else if unreached != nil && status.Code(err) == codes.Unavailable &&
			(answered.Load() || strings.Contains(err.Error(), "rror while dialing") || strings.Contains(err.Error(), "name resolver error")) {
			unreached.Store(true)
		}
		if err == nil {
			return nil
		}
		attempt(redactStatus(err, s.headers))
		if unreached != nil && unreached.Load() {
			return errors.New(err.Error()) // the exporter does not retry an error without a gRPC code: UploadTraces does
		}
		return err
	}
	opts := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(s.target.host),
		otlptracegrpc.WithTLSCredentials(creds),
		otlptracegrpc.WithHeaders(s.headers),
		otlptracegrpc.WithTimeout(s.timeout),
		otlptracegrpc.WithDialOption(
			grpc.WithChainUnaryInterceptor(watch),
			// By default, gRPC may wait up to two minutes before it connects again.
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: firstWait, Multiplier: 2, Jitter: 0.2, MaxDelay: maxWait},
				MinConnectTimeout: defaultTimeout,
			}),
		),
	}
	if !retry {
		opts = append(opts, otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}))
	}
	return client{Client: otlptracegrpc.NewClient(opts...), unreached: unreached}
}

// redactStatus returns the error of a receiver as one line, without the credentials that a receiver
// may repeat in its message.
func redactStatus(err error, headers map[string]string) error {
	answer, ok := status.FromError(err)
	if !ok {
		return err
	}
	h := make(http.Header)
	for key, value := range headers {
		h.Set(key, value)
	}
	return status.Error(answer.Code(), redact.Line(redact.Secrets(answer.Message(), h), 4*maxMessage))
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
	var unreached *atomic.Bool
	answered := new(atomic.Bool) // a receiver has answered before
	if retry {
		unreached = new(atomic.Bool)
		report := attempt
		attempt = func(err error) {
			op, ok := errors.AsType[*net.OpError](err)
			unreached.Store(ok && op.Op == "dial" || answered.Load() && isBroken(err))
			report(err)
		}
	}
	encoding := otlptracehttp.EncodingProtobuf
	if s.json {
		encoding = otlptracehttp.EncodingJSON
	}
	opts := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(s.target.String()),
		otlptracehttp.WithTLSClientConfig(nil), // the transport has the TLS settings, and the exporter refuses TLS settings for http
		otlptracehttp.WithHeaders(s.headers),
		otlptracehttp.WithEncoding(encoding),
		otlptracehttp.WithHTTPClient(&http.Client{
			Transport:     watchedTransport{transport, attempt, answered},
			Timeout:       s.timeout,
			CheckRedirect: checkRedirect,
		}),
	}
	if !retry {
		opts = append(opts, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	}
	return client{Client: otlptracehttp.NewClient(opts...), transport: transport, unreached: unreached}
}

// Stop cancels all requests and closes all connections.
func (c client) Stop(ctx context.Context) error {
	err := c.Client.Stop(ctx)
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
	return err
}

// isBroken reports whether a connection broke before the answer, for example because a receiver
// restarts. The receiver may have stored the spans nevertheless: a retry may send them twice, as in
// OTLP over gRPC.
func isBroken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || strings.Contains(err.Error(), "server closed idle connection")
}

// checkRedirect does not follow a redirect to another scheme, host or port: the client would send
// credentials and spans there. It does not follow a redirect that turns the POST into a GET either:
// a web page might answer the GET with 200, and the spans would count as delivered.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if req.Method != http.MethodPost || len(via) >= 10 || !httpfault.SameServer(via[0].URL, req.URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// followed reports whether an answer is a redirect that the client follows.
func followed(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
		return false
	}
	to, err := resp.Location()
	return err == nil && httpfault.SameServer(to, req.URL)
}

// A statusError is an HTTP answer other than success.
type statusError struct {
	code     int
	status   string // such as "404 Not Found"
	message  string // one line from the server, may be empty
	location string // where a redirect leads
	page     bool   // the answer is a web page, with any status
}

func (e *statusError) Error() string {
	if e.message == "" {
		return e.status
	}
	return fmt.Sprintf("%s (%s)", e.status, e.message)
}

// A watchedTransport calls attempt for each request that fails.
type watchedTransport struct {
	base     http.RoundTripper
	attempt  func(error)
	answered *atomic.Bool // set by the first answer
}

func (t watchedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err == nil {
		t.answered.Store(true)
	}
	switch {
	case err != nil:
		reason := err
		if ctxErr := req.Context().Err(); ctxErr != nil {
			reason = ctxErr // the text of err depends on the moment at which the context ended
		}
		t.attempt(reason)
	case followed(req, resp):
	case resp.StatusCode > 299:
		// newStatusError reads the beginning of the body, so that the exporter's own error has only
		// the rest. Nobody sees the exporter's error.
		t.attempt(newStatusError(req, resp))
	case strings.HasPrefix(strings.ToLower(resp.Header.Get("Content-Type")), "text/html"):
		// A web page with status 200, such as a login page, is not from a receiver. The exporter
		// would count the spans as delivered.
		reason := newStatusError(req, resp)
		resp.Body.Close()
		t.attempt(reason)
		return nil, reason
	}
	return resp, err
}

func newStatusError(req *http.Request, resp *http.Response) *statusError {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	text, page := serverMessage(resp.Header.Get("Content-Type"), body)
	return &statusError{
		code:     resp.StatusCode,
		status:   redact.Line(resp.Status, maxMessage),
		message:  redact.Line(redact.Secrets(text, req.Header), maxMessage),
		location: redact.Line(redact.Secrets(redact.URL(resp.Header.Get("Location")), req.Header), maxMessage),
		page:     page && (resp.StatusCode < 300 || resp.StatusCode == http.StatusUnauthorized),
	}
}

// maxMessage is the largest number of bytes of a server's text in a message.
const maxMessage = 200

// serverMessage returns the text in the body of an error, and "" with page set if the body is a web
// page. Receivers answer requests in protobuf with a google.rpc.Status.
func serverMessage(contentType string, body []byte) (text string, page bool) {
	if contentType == "application/x-protobuf" {
		var s spb.Status
		if proto.Unmarshal(body, &s) == nil {
			return s.GetMessage(), false
		}
	}
	text = strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "<") { // HTML would not be readable on one line
		return "", true
	}
	return text, false
}

// check sends an empty request without retries. It returns the reason why spans would not be
// delivered, and nil if they would be delivered.
func check(ctx context.Context, s settings) *deliveryError { return upload(ctx, s, nil) }

// upload sends spans in one request without retries. It returns the reason why the spans were
// not delivered, and nil if they were delivered.
func upload(ctx context.Context, s settings, spans []*tracepb.ResourceSpans) *deliveryError {
	var reason error // why the only attempt failed, set during UploadTraces
	c := newClient(s, false, func(err error) { reason = err })
	err := c.Start(ctx)
	if err == nil {
		err = c.UploadTraces(ctx, spans)
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
