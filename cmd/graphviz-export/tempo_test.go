package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
	"github.com/tempograph/tempograph/tempoclient"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestTempoScripts runs the scripts that need a real Tempo server. The server contains HotROD's
// traces, moved in time to end a minute ago.
func TestTempoScripts(t *testing.T) {
	spans := recent(t)
	tempo := tempoWith(t, spans)
	tenants := tempotest.Start(t, tempotest.Config{Multitenancy: true})

	first, last := spans[0].Start, spans[0].End
	for _, s := range spans {
		first, last = min(first, s.Start), max(last, s.End)
	}
	at := func(nanos int64, after time.Duration) string {
		return time.Unix(0, nanos).Add(after).UTC().Format(time.RFC3339)
	}
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	clock := func(nanos int64, after time.Duration, zone *time.Location) string {
		return time.Unix(0, nanos).Add(after).In(zone).Format("2006-01-02T15:04:05")
	}
	secure, mutual, cert, key := secureProxy(t, tempo)
	testscript.Run(t, params(t, "testdata/tempo", map[string]string{
		"SECURE": secure, "MUTUAL": mutual, "CERT": cert, "KEY": key,
		"FIRST_UTC": clock(first, -time.Second, time.UTC), "LAST_UTC": clock(last, time.Second, time.UTC), "MIDDLE_UTC": clock((first+last)/2, 0, time.UTC),
		"FIRST_TOKYO": clock(first, -time.Second, tokyo), "LAST_TOKYO": clock(last, time.Second, tokyo),
		"FIRST_UNIX": strconv.FormatInt(first/1e9-1, 10),
		"TEMPO":      tempo.URL,
		"TENANTS":    tenants.URL,
		"PREFIX":     proxy(t, tempo, "/behind/a/proxy", nil),
		"GUARDED": proxy(t, tempo, "", func(r *http.Request) bool {
			user, password, _ := r.BasicAuth()
			return user == "me" && password == "secret" || r.Header.Get("Authorization") == "Bearer token"
		}),
		"TRACE":  spans[0].TraceID.String(),
		"BEFORE": at(first, -time.Minute),
		"FIRST":  at(first, -time.Second),
		"LAST":   at(last, time.Second),
	}))
}

// TestTempoHotROD: the traces in Tempo give the same graph as the file.
func TestTempoHotROD(t *testing.T) {
	got := outputOf(t, "-f", "json", "--tempo", tempoWith(t, recent(t)).URL)
	if diff := cmp.Diff(hotrodCalls, calls(t, got)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// recent returns HotROD's spans, moved in time to end a minute ago, which is within the default
// time range of a query.
func recent(t *testing.T) []servicegraph.Span {
	var spans []servicegraph.Span
	var last int64
	for s, err := range tracefile.ReadFile(hotrod, tracefile.Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		spans = append(spans, s)
		last = max(last, s.End)
	}
	later := time.Now().Add(-time.Minute).UnixNano() - last
	for i := range spans {
		spans[i].Start += later
		spans[i].End += later
	}
	return spans
}

// tempoWith starts Tempo, sends it spans, and waits until a search finds all traces.
func tempoWith(t *testing.T, spans []servicegraph.Span) *tempotest.Tempo {
	t.Helper()
	tempo := tempotest.Start(t, tempotest.Config{})
	fill(t, tempo, spans)
	return tempo
}

// fill sends spans to Tempo, and waits until a search finds all traces.
func fill(t *testing.T, tempo *tempotest.Tempo, spans []servicegraph.Span) {
	t.Helper()
	traces := make(map[servicegraph.TraceID]bool)
	byService := make(map[string]*tracepb.ResourceSpans)
	var request collectorpb.ExportTraceServiceRequest
	for _, s := range spans {
		traces[s.TraceID] = true
		r := byService[s.Service]
		if r == nil {
			r = &tracepb.ResourceSpans{
				Resource:   &resourcepb.Resource{Attributes: attributes([]servicegraph.Attr{{Key: "service.name", Value: s.Service}})},
				ScopeSpans: []*tracepb.ScopeSpans{{}},
			}
			byService[s.Service] = r
			request.ResourceSpans = append(request.ResourceSpans, r)
		}
		p := &tracepb.Span{
			TraceId: s.TraceID[:], SpanId: s.SpanID[:],
			Name:              s.Name,
			Kind:              tracepb.Span_SpanKind(s.Kind),
			StartTimeUnixNano: uint64(s.Start), EndTimeUnixNano: uint64(s.End),
			Attributes: attributes(s.Attrs),
			Status:     &tracepb.Status{Code: tracepb.Status_StatusCode(s.Status)},
		}
		if !s.ParentID.IsZero() {
			p.ParentSpanId = s.ParentID[:]
		}
		r.ScopeSpans[0].Spans = append(r.ScopeSpans[0].Spans, p)
	}
	body, err := proto.Marshal(&request)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(tempo.OTLPHTTPURL+"/v1/traces", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(resp.Body)
		t.Fatalf("pushing spans: %s: %s", resp.Status, message)
	}

	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	deadline := time.Now().Add(30 * time.Second)
	for found := 0; found < len(traces); {
		if time.Now().After(deadline) {
			t.Fatalf("Tempo finds %d traces of %d", found, len(traces))
		}
		found = 0
		for _, err := range client.Search(t.Context(), tempoclient.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			found++
		}
	}
}

func attributes(list []servicegraph.Attr) []*commonpb.KeyValue {
	var out []*commonpb.KeyValue
	for _, a := range list {
		out = append(out, &commonpb.KeyValue{
			Key:   a.Key,
			Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: a.Value}},
		})
	}
	return out
}

// secureProxy returns the URLs of two TLS proxies of Tempo, and the files with their certificate
// and its key. The second proxy requires a client certificate and accepts the same certificate.
func secureProxy(t *testing.T, tempo *tempotest.Tempo) (open, mutual, certFile, keyFile string) {
	target, err := url.Parse(tempo.URL)
	if err != nil {
		t.Fatal(err)
	}
	start := func(auth tls.ClientAuthType) *httptest.Server {
		s := httptest.NewUnstartedServer(&httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		})
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // discards messages about clients that do not trust the certificate
		s.TLS = &tls.Config{ClientAuth: auth}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	s := start(tls.NoClientCert)
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return s.URL, start(tls.RequireAnyClientCert).URL,
		write("cert.pem", "CERTIFICATE", s.Certificate().Raw), write("key.pem", "PRIVATE KEY", key)
}

// proxy returns the URL of a proxy that serves Tempo under a path. If pass is not nil, the proxy
// answers 401 to requests for which pass returns false.
func proxy(t *testing.T, tempo *tempotest.Tempo, path string, pass func(*http.Request) bool) string {
	target, err := url.Parse(tempo.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := http.StripPrefix(path, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pass != nil && !pass(r) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintln(w, "who are you?")
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + path
}
