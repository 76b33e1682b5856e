package otlpreceiver

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A sink keeps the requests that it takes, and returns the configured answer.
type sink struct {
	rejected Rejected
	err      error

	mu       sync.Mutex
	requests []Request
}

func (s *sink) take(r Request) (Rejected, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	return s.rejected, s.err
}

// only returns the only request that was taken.
func (s *sink) only(t *testing.T) *coltracepb.ExportTraceServiceRequest {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) != 1 {
		t.Fatalf("got %d requests, want 1", len(s.requests))
	}
	unmarshal := proto.Unmarshal
	if s.requests[0].JSON {
		unmarshal = protojson.Unmarshal
	}
	var r coltracepb.ExportTraceServiceRequest
	if err := unmarshal(s.requests[0].Body, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// serveGRPC starts a server and returns its address.
func serveGRPC(t *testing.T, take Take) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := New(take).GRPCServer()
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l.Addr().String()
}

func dial(t *testing.T, addr string, opts ...grpc.DialOption) *grpc.ClientConn {
	conn, err := grpc.NewClient(addr, append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestExporters: the exporters of the SDK deliver spans in each encoding that they have.
func TestExporters(t *testing.T) {
	tests := []struct {
		name string
		new  func(ctx context.Context, grpcAddr, httpURL string) (*otlptrace.Exporter, error)
	}{
		{"gRPC", func(ctx context.Context, addr, _ string) (*otlptrace.Exporter, error) {
			return otlptracegrpc.New(ctx, otlptracegrpc.WithInsecure(), otlptracegrpc.WithEndpoint(addr))
		}},
		{"gRPC, gzip", func(ctx context.Context, addr, _ string) (*otlptrace.Exporter, error) {
			return otlptracegrpc.New(ctx, otlptracegrpc.WithInsecure(), otlptracegrpc.WithEndpoint(addr), otlptracegrpc.WithCompressor("gzip"))
		}},
		{"HTTP", func(ctx context.Context, _, url string) (*otlptrace.Exporter, error) {
			return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url+Path))
		}},
		{"HTTP, gzip", func(ctx context.Context, _, url string) (*otlptrace.Exporter, error) {
			return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url+Path), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s sink
			server := httptest.NewServer(New(s.take).Handler(nil))
			defer server.Close()
			exporter, err := tt.new(t.Context(), serveGRPC(t, s.take), server.URL)
			if err != nil {
				t.Fatal(err)
			}
			provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
			_, span := provider.Tracer("test").Start(t.Context(), "over the wire")
			span.End()
			if err := provider.Shutdown(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
			if got := s.only(t).ResourceSpans[0].ScopeSpans[0].Spans[0].Name; got != "over the wire" {
				t.Errorf("got span %q", got)
			}
		})
	}
}

var aSpan = &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
	ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{Name: "a"}}}},
}}}

// post sends a request and returns the status, the content type and the body.
func post(t *testing.T, take Take, contentType, encoding string, body []byte) (int, string, string) {
	t.Helper()
	server := httptest.NewServer(New(take).Handler(nil))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+Path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Content-Encoding", encoding)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Content-Type"), string(got)
}

func zip(t *testing.T, b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestHTTP(t *testing.T) {
	inJSON := []byte(`{"resourceSpans":[]}`)
	refuse := &sink{err: errors.New("not a request of OTLP")}
	partial := &sink{rejected: Rejected{Spans: 2, Reason: "no ids"}}
	tests := []struct {
		name                  string
		sink                  *sink
		contentType, encoding string
		body                  []byte
		status                int
		answer                string
	}{
		{"JSON", &sink{}, "application/json", "", inJSON, 200, "{}"},
		{"JSON with a charset", &sink{}, "application/json; charset=utf-8", "identity", inJSON, 200, "{}"},
		{"JSON in gzip", &sink{}, "application/json", "gzip", zip(t, inJSON), 200, "{}"},
		{"partial", partial, "application/json", "", inJSON, 200, `{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no ids"}}`},
		{"refused", refuse, "application/json", "", inJSON, 400, `{"code":3,"message":"not a request of OTLP"}`},
		{"refused protobuf", refuse, "application/x-protobuf", "", []byte{}, 400, "\b\x03\x12\x15not a request of OTLP"},
		{"protobuf", &sink{}, "application/x-protobuf", "", []byte{}, 200, ""},
		{"no gzip", &sink{}, "application/json", "gzip", inJSON, 400, `{"code":3,"message":"reading the request: the gzip stream: gzip: invalid header"}`},
		{"cut off", &sink{}, "application/json", "gzip", zip(t, inJSON)[:20], 400, `{"code":3,"message":"reading the request: unexpected EOF"}`},
		{"another compression", &sink{}, "application/json", "br", inJSON, 400, `{"code":3,"message":"unknown Content-Encoding \"br\": want gzip or none"}`},
		{"too large", &sink{}, "application/json", "", make([]byte, MaxRequest+1), 413, `{"code":8,"message":"the request is too large: it has more than 16,777,216 bytes: send fewer spans at a time"}`},
		{"too large in gzip", &sink{}, "application/json", "gzip", zip(t, make([]byte, MaxRequest+1)), 413, `{"code":8,"message":"the request is too large: it has more than 16,777,216 bytes: send fewer spans at a time"}`},
		{"an HTML form", &sink{}, "text/plain", "", inJSON, 415, "want Content-Type application/x-protobuf or application/json\n"},
	}
	for _, tt := range tests {
		status, contentType, answer := post(t, tt.sink.take, tt.contentType, tt.encoding, tt.body)
		if contentType == "application/json" {
			var compact bytes.Buffer // protojson adds blanks at random
			if err := json.Compact(&compact, []byte(answer)); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			answer = compact.String()
		}
		if status != tt.status || answer != tt.answer {
			t.Errorf("%s: got %d %s\nwant %d %s", tt.name, status, answer, tt.status, tt.answer)
		}
		if mediaType, _, _ := strings.Cut(tt.contentType, ";"); status != 415 && contentType != mediaType {
			t.Errorf("%s: the answer is %s", tt.name, contentType)
		}
		if took, want := len(tt.sink.requests) > 0, status == 200 || tt.sink == refuse; took != want {
			t.Errorf("%s: handed over: %v", tt.name, took)
		}
	}
}

func TestHTTPPaths(t *testing.T) {
	for path, want := range map[string]int{Path: http.StatusMethodNotAllowed, "/": http.StatusNotFound} {
		w := httptest.NewRecorder()
		New(nil).Handler(nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("GET %s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestGRPCAnswers(t *testing.T) {
	partial := &sink{rejected: Rejected{Spans: 2, Reason: "no ids"}}
	answer, err := coltracepb.NewTraceServiceClient(dial(t, serveGRPC(t, partial.take))).Export(t.Context(), aSpan)
	if err != nil || answer.PartialSuccess.GetRejectedSpans() != 2 || answer.PartialSuccess.GetErrorMessage() != "no ids" {
		t.Errorf("got %v, %v", answer, err)
	}

	refuse := &sink{err: errors.New("not a request of OTLP")}
	_, err = coltracepb.NewTraceServiceClient(dial(t, serveGRPC(t, refuse.take))).Export(t.Context(), aSpan)
	if s, _ := status.FromError(err); s.Code() != codes.InvalidArgument || s.Message() != "not a request of OTLP" {
		t.Errorf("got %v", err)
	}

	large := &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{SchemaUrl: strings.Repeat("x", MaxRequest)}}}
	client := coltracepb.NewTraceServiceClient(dial(t, serveGRPC(t, (&sink{}).take)))
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor("gzip")}} {
		if _, err = client.Export(t.Context(), large, opts...); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("a large request: %v", err)
		}
	}
	if _, err := client.Export(t.Context(), aSpan); err != nil {
		t.Errorf("after a large one: %v", err)
	}
}
