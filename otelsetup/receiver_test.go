package otelsetup

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A receiver receives OTLP requests and keeps those with spans. It only answers requests without
// spans, which checks send.
type receiver struct {
	coltracepb.UnimplementedTraceServiceServer
	url  string
	host string

	// answer returns the answer to a request. If it returns nil twice, the receiver accepts and
	// keeps the request. answer may block. A test sets it before the first request.
	answer func(*coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error)

	mu    sync.Mutex
	calls []call
}

// A call is a request that the receiver keeps.
type call struct {
	request *coltracepb.ExportTraceServiceRequest
	header  http.Header // the header, or the metadata of gRPC
	path    string      // HTTP only
}

func (r *receiver) take(c call) (*coltracepb.ExportTraceServiceResponse, error) {
	if r.answer != nil {
		if resp, err := r.answer(c.request); resp != nil || err != nil {
			return resp, err
		}
	}
	if spanCount(c.request) > 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls = append(r.calls, c)
	}
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

// Export is OTLP over gRPC.
func (r *receiver) Export(ctx context.Context, req *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	header := make(http.Header)
	md, _ := metadata.FromIncomingContext(ctx)
	for key, values := range md {
		for _, v := range values {
			header.Add(key, v)
		}
	}
	return r.take(call{request: req, header: header})
}

// ServeHTTP is OTLP over HTTP, at any path.
func (r *receiver) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	var body io.Reader = hr.Body
	if hr.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = zr
	}
	data, err := io.ReadAll(body)
	req := new(coltracepb.ExportTraceServiceRequest)
	contentType := hr.Header.Get("Content-Type")
	marshal := proto.Marshal
	switch {
	case err != nil:
	case contentType == "application/json":
		// protojson reads the hexadecimal ids of OTLP as base64 and gets wrong ids. No test of JSON
		// needs the ids.
		err = protojson.Unmarshal(data, req)
		marshal = protojson.Marshal
	default:
		err = proto.Unmarshal(data, req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	resp, err := r.take(call{request: req, header: hr.Header, path: hr.URL.Path})
	w.Header().Set("Content-Type", contentType)
	if err != nil { // the answer is like that of the receivers of the Collector and of Tempo
		s, _ := status.FromError(err)
		body, _ := marshal(s.Proto())
		w.WriteHeader(httpStatus(s.Code()))
		_, _ = w.Write(body)
		return
	}
	out, _ := marshal(resp)
	_, _ = w.Write(out)
}

func httpStatus(c codes.Code) int {
	switch c {
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	default:
		return http.StatusBadRequest
	}
}

// serveHTTP serves r over HTTP, with TLS if config is not nil.
func (r *receiver) serveHTTP(t testing.TB, config *tls.Config) *receiver {
	t.Helper()
	r.url, r.host = serveHTTP(t, r, config)
	return r
}

func serveHTTP(t testing.TB, h http.Handler, config *tls.Config) (url, host string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	if config != nil {
		srv.TLS = config.Clone()
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv.URL, srv.Listener.Addr().String()
}

// serveGRPC serves r over gRPC, with TLS if config is not nil.
func (r *receiver) serveGRPC(t testing.TB, config *tls.Config) *receiver {
	t.Helper()
	lis := listen(t)
	var opts []grpc.ServerOption
	scheme := "grpc://"
	if config != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(config)))
		scheme = "grpcs://"
	}
	srv := grpc.NewServer(opts...)
	coltracepb.RegisterTraceServiceServer(srv, r)
	go func() { _ = srv.Serve(lis) }()
	t.Cleanup(srv.Stop)
	r.host = lis.Addr().String()
	r.url = scheme + r.host
	return r
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lis.Close() })
	return lis
}

// closedPort is an address where nothing listens, the port of tcpmux. A random free port
// could be in use by another test a moment later.
const closedPort = "127.0.0.1:1"

func (r *receiver) kept() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

// names returns the names of the spans received, by service.
func (r *receiver) names() map[string][]string {
	names := make(map[string][]string)
	for _, c := range r.kept() {
		for _, rs := range c.request.GetResourceSpans() {
			service := attributes(rs)["service.name"]
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					names[service] = append(names[service], s.GetName())
				}
			}
		}
	}
	return names
}

func attributes(rs *tracepb.ResourceSpans) map[string]string {
	m := make(map[string]string)
	for _, kv := range rs.GetResource().GetAttributes() {
		m[kv.GetKey()] = kv.GetValue().GetStringValue()
	}
	return m
}

func spanCount(req *coltracepb.ExportTraceServiceRequest) int {
	n := 0
	for _, rs := range req.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			n += len(ss.GetSpans())
		}
	}
	return n
}

// cleanEnv clears the variables of OpenTelemetry in the environment of the test.
func cleanEnv(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
}

// begin starts an SDK without globals, and returns the SDK and its log. At the end of the test, the
// SDK is shut down.
func begin(t *testing.T, opts ...Option) (*SDK, *logs) {
	t.Helper()
	l := newLogs()
	sdk, err := Start(t.Context(), append([]Option{
		Service("checkout", "1.4.2"), Logger(l.logger()), WithoutGlobals(),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sdk.Shutdown(brief(t)) })
	return sdk, l
}

// brief returns a context with a short deadline, for a Shutdown that has nothing to wait for.
func brief(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// spans makes n spans and ends them.
func spans(sdk *SDK, n int) {
	tracer := sdk.TracerProvider().Tracer("test")
	for range n {
		_, span := tracer.Start(context.Background(), "work")
		span.End()
	}
}

// logs has the output of a logger.
type logs struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

func newLogs() *logs { return &logs{changed: make(chan struct{}, 1)} }

func (l *logs) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits until the log contains all of the texts.
func (l *logs) await(t testing.TB, texts ...string) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		log := l.String()
		missing := ""
		for _, text := range texts {
			if !strings.Contains(log, text) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-l.changed:
		case <-timeout:
			t.Fatalf("the log has no %q:\n%s", missing, log)
		}
	}
}
