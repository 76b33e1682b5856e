package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
)

const edges = 1000

// request returns an export request with 250 traces: each has a client span and a server span, on
// one of 1,000 edges.
func request(t testing.TB, trace *uint64) []byte {
	t.Helper()
	var all coltracepb.ExportTraceServiceRequest
	add := func(service string, span *tracepb.Span) {
		name := &commonpb.KeyValue{Key: "service.name", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: service}}}
		all.ResourceSpans = append(all.ResourceSpans, &tracepb.ResourceSpans{
			Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{name}},
			ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{span}}},
		})
	}
	for range 250 {
		*trace++
		id := binary.BigEndian.AppendUint64(make([]byte, 8), *trace)
		end := uint64(time.Now().UnixNano())
		client := []byte{0, 0, 0, 0, 0, 0, 0, 1}
		edge := *trace % edges
		add(fmt.Sprintf("client%d", edge%40), &tracepb.Span{TraceId: id, SpanId: client, Name: "call", Kind: tracepb.Span_SPAN_KIND_CLIENT, StartTimeUnixNano: end - 30e6, EndTimeUnixNano: end})
		add(fmt.Sprintf("server%d", edge/40), &tracepb.Span{TraceId: id, SpanId: []byte{0, 0, 0, 0, 0, 0, 0, 2}, ParentSpanId: client, Name: "serve", Kind: tracepb.Span_SPAN_KIND_SERVER, StartTimeUnixNano: end - 20e6, EndTimeUnixNano: end - 10e6})
	}
	body, err := proto.Marshal(&all)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestService sends 5,000 spans per second for a minute, or for some seconds with -short. The
// memory must not grow, and the counters must count every call.
func TestService(t *testing.T) {
	const second = 10 // requests per second
	seconds := 60
	if testing.Short() {
		seconds = 6
	}
	s := newService(servicegraph.Window{Quiet: 500 * time.Millisecond, Remember: 500 * time.Millisecond})
	server := httptest.NewServer(s.handler())
	defer server.Close()
	get := func(path string) string { return fetch(t, server.URL+path) }
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}

	var trace, early uint64
	tick := time.NewTicker(time.Second / second)
	defer tick.Stop()
	for i := range seconds * second {
		send(t, server.URL, &trace)
		if i%second == 0 {
			get("/metrics")
			get("/graph/graph.json")
		}
		if i == seconds*second/2 {
			early = heap()
		}
		<-tick.C
	}
	if late := heap(); late > early+early/2+8<<20 {
		t.Errorf("the heap has %d MB after %d s, and %d MB after half of them", late>>20, seconds, early>>20)
	}

	// The last traces close and are forgotten; then the counters have all calls.
	counted := 0.0
	for deadline := time.Now().Add(20 * time.Second); counted != float64(trace) && time.Now().Before(deadline); {
		counted = 0
		for line := range strings.Lines(get("/metrics")) {
			if rest, ok := strings.CutPrefix(line, "traces_service_graph_request_total{"); ok {
				var n float64
				if _, err := fmt.Sscan(rest[strings.LastIndexByte(rest, ' ')+1:], &n); err != nil {
					t.Fatal(err)
				}
				counted += n
			}
		}
	}
	if counted != float64(trace) {
		t.Errorf("the counters have %v calls of %d", counted, trace)
	}
	if page := get("/graph/"); !strings.Contains(page, "data-live") {
		t.Error("no live page")
	} else if !strings.Contains(page, "A failure reaches") {
		t.Error("the page does not say what failures reach")
	}
}

// BenchmarkScrape measures a scrape of 1,000 edges.
func BenchmarkScrape(b *testing.B) {
	s := newService(servicegraph.Window{Quiet: time.Millisecond, Remember: time.Millisecond})
	server := httptest.NewServer(s.handler())
	defer server.Close()
	var trace uint64
	for trace < edges {
		send(b, server.URL, &trace)
	}
	for deadline := time.Now().Add(20 * time.Second); strings.Count(fetch(b, server.URL+"/metrics"), "\ntraces_service_graph_request_total{") < edges; {
		if time.Now().After(deadline) {
			b.Fatal("the edges are not complete")
		}
	}
	for b.Loop() {
		fetch(b, server.URL+"/metrics")
	}
}

// send sends one request of 250 traces.
func send(t testing.TB, url string, trace *uint64) {
	resp, err := http.Post(url+"/v1/traces", "application/x-protobuf", bytes.NewReader(request(t, trace)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
}

// fetch returns the body at a URL.
func fetch(t testing.TB, url string) string {
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return string(body)
}
