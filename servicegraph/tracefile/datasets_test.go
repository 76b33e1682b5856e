package tracefile

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tempograph/tempograph/servicegraph"
)

// hotrod is the recording in the repository. The README in the same folder describes it.
const hotrod = "../../examples/traces/hotrod.jsonl.gz"

// hotrodRequests returns the recording decoded by the official types.
func hotrodRequests(tb testing.TB) (lines []byte, requests []*tracev1.TracesData) {
	tb.Helper()
	f, err := os.Open(hotrod)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	lines, err = io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	for line := range bytes.Lines(lines) {
		requests = append(requests, parseOTLPJSON(tb, line))
	}
	return lines, requests
}

func TestHotROD(t *testing.T) {
	spans, skips, err := collect(t, ReadFile(hotrod, Config{}))
	if len(skips) > 0 || err != nil {
		t.Fatal(skips, err)
	}
	type summary struct{ Spans, Traces, Services, Errors int }
	traces, services := make(map[servicegraph.TraceID]bool), make(map[string]bool)
	got := summary{Spans: len(spans)}
	for _, s := range spans {
		traces[s.TraceID], services[s.Service] = true, true
		if s.Status == servicegraph.StatusError {
			got.Errors++
		}
	}
	got.Traces, got.Services = len(traces), len(services)
	if want := (summary{Spans: 2060, Traces: 55, Services: 6, Errors: 133}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}

	_, requests := hotrodRequests(t)
	if diff := cmp.Diff(spansOf(requests...), spans); diff != "" {
		t.Errorf("official types and JSON (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(spans, read(t, delimited(t, requests...))); diff != "" {
		t.Errorf("JSON and protobuf (-want +got):\n%s", diff)
	}
}

// The recording was exported in both encodings at the same time, with the spans in different
// orders.
func TestHotRODAsRecorded(t *testing.T) {
	packed, skips, err := collect(t, ReadFile(dataset(t, "hotrod/hotrod-all.pb.gz"), Config{}))
	if len(skips) > 0 || err != nil {
		t.Fatal(skips, err)
	}
	lines, _, err := collect(t, ReadFile(hotrod, Config{}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sorted(lines), sorted(packed)); diff != "" {
		t.Errorf("JSON and protobuf (-want +got):\n%s", diff)
	}
}

// The writer of this recording puts fields in falling order: spans before their resource,
// values before their keys.
func TestMythical(t *testing.T) {
	var got struct{ Spans, Traces, Links int }
	traces := make(map[servicegraph.TraceID]bool)
	for s, err := range ReadFile(dataset(t, "mythical/mythical.pb.gz"), Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Service == "" {
			t.Fatalf("no service: %+v", s)
		}
		got.Spans++
		got.Links += len(s.Links)
		traces[s.TraceID] = true
	}
	got.Traces = len(traces)
	want := got
	want.Spans, want.Traces, want.Links = 59013, 2611, 2149
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func BenchmarkRead(b *testing.B) {
	lines, requests := hotrodRequests(b)
	whole := &tracev1.TracesData{}
	for _, r := range requests {
		whole.ResourceSpans = append(whole.ResourceSpans, r.ResourceSpans...)
	}
	few := Config{Keep: func(key string) bool { return key == "peer.service" || key == "server.address" || key == "db.system" }}
	for _, bench := range []struct {
		name  string
		input []byte
		cfg   Config
	}{
		{"JSON", lines, Config{}},
		{"JSON/few attributes", lines, few},
		{"JSON/gzip", zip(b, lines), Config{}},
		{"protobuf", delimited(b, requests...), Config{}},
		{"protobuf/few attributes", delimited(b, requests...), few},
		{"protobuf/gzip", zip(b, delimited(b, requests...)), Config{}},
		{"protobuf/one message", message(b, whole), Config{}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bench.input)))
			spans := 0
			for b.Loop() {
				for _, err := range Read(bytes.NewReader(bench.input), "input", bench.cfg) {
					if err != nil {
						b.Fatal(err)
					}
					spans++
				}
			}
			b.ReportMetric(float64(spans)/b.Elapsed().Seconds(), "spans/s")
		})
	}
}

// BenchmarkMythical reads requests of one span each, without gzip.
func BenchmarkMythical(b *testing.B) {
	f, err := os.Open(dataset(b, "mythical/mythical.pb.gz"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	input, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(input)))
	spans := 0
	for b.Loop() {
		for _, err := range Read(bytes.NewReader(input), "input", Config{}) {
			if err != nil {
				b.Fatal(err)
			}
			spans++
		}
	}
	b.ReportMetric(float64(spans)/b.Elapsed().Seconds(), "spans/s")
}
