package promgraph_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/temposeries"
)

// A stream is a builder that forgets its traces when the test calls delta.
type stream struct {
	builder *servicegraph.Builder
	now     time.Time
	traces  byte
}

func newStream(cfg servicegraph.Config) *stream {
	cfg.Window = servicegraph.Window{Quiet: time.Second, Remember: time.Second}
	s := &stream{builder: servicegraph.NewBuilder(cfg), now: time.Unix(1_700_000_000, 0)}
	s.builder.Advance(s.now)
	return s
}

// delta forgets all traces and returns their graph.
func (s *stream) delta() *servicegraph.Graph {
	for range 2 {
		s.now = s.now.Add(2 * time.Second)
		s.builder.Advance(s.now)
	}
	return s.builder.Delta()
}

// spans returns a trace: web calls cart, which queries a database. Durations are in
// milliseconds.
func (s *stream) spans(client, server, query int64) []servicegraph.Span {
	s.traces++
	id := servicegraph.TraceID{15: s.traces}
	at := func(ms int64) int64 { return s.now.UnixNano() + ms*1e6 }
	return []servicegraph.Span{
		{TraceID: id, SpanID: servicegraph.SpanID{1}, Service: "web", Namespace: "shop", Kind: servicegraph.KindClient, Start: at(0), End: at(client)},
		{TraceID: id, SpanID: servicegraph.SpanID{2}, ParentID: servicegraph.SpanID{1}, Service: "cart", Namespace: "shop", Kind: servicegraph.KindServer, Start: at(1), End: at(1 + server),
			Resource: []servicegraph.Attr{{Key: "service.version", Value: fmt.Sprintf("v%d", server%2)}}},
		{TraceID: id, SpanID: servicegraph.SpanID{3}, ParentID: servicegraph.SpanID{2}, Service: "cart", Namespace: "shop", Kind: servicegraph.KindClient, Start: at(2), End: at(2 + query), Status: servicegraph.StatusError,
			Attrs:    []servicegraph.Attr{{Key: "db.system.name", Value: "postgresql"}, {Key: "db.namespace", Value: "orders"}},
			Resource: []servicegraph.Attr{{Key: "service.version", Value: fmt.Sprintf("v%d", server%2)}}},
	}
}

func (s *stream) trace(client, server, query int64) {
	for _, span := range s.spans(client, server, query) {
		s.builder.Add(span)
	}
}

// gather returns the series of the graph as Prometheus's text, without comments and without the
// collector's own series.
func gather(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	return strings.Join(lines(t, families(t, c)), "\n") + "\n"
}

func families(t *testing.T, c prometheus.Collector) []*dto.MetricFamily {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(c); err != nil {
		t.Fatal(err)
	}
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func lines(t *testing.T, all []*dto.MetricFamily) (out []string) {
	t.Helper()
	for _, f := range all {
		var text bytes.Buffer
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "traces_") {
				out = append(out, line)
			}
		}
	}
	return out
}

// TestCollector: the series of a graph, in which a database has no server_seconds.
func TestCollector(t *testing.T) {
	s := newStream(servicegraph.Config{})
	s.trace(250, 150, 50)
	c := promgraph.NewCollector(s.delta, promgraph.Config{Buckets: []float64{0.1, 0.2}})
	want := `traces_service_graph_request_client_seconds_bucket{client="cart",connection_type="database",server="orders",le="0.1"} 1
traces_service_graph_request_client_seconds_bucket{client="cart",connection_type="database",server="orders",le="0.2"} 1
traces_service_graph_request_client_seconds_bucket{client="cart",connection_type="database",server="orders",le="+Inf"} 1
traces_service_graph_request_client_seconds_sum{client="cart",connection_type="database",server="orders"} 0.05
traces_service_graph_request_client_seconds_count{client="cart",connection_type="database",server="orders"} 1
traces_service_graph_request_client_seconds_bucket{client="web",connection_type="",server="cart",le="0.1"} 0
traces_service_graph_request_client_seconds_bucket{client="web",connection_type="",server="cart",le="0.2"} 0
traces_service_graph_request_client_seconds_bucket{client="web",connection_type="",server="cart",le="+Inf"} 1
traces_service_graph_request_client_seconds_sum{client="web",connection_type="",server="cart"} 0.25
traces_service_graph_request_client_seconds_count{client="web",connection_type="",server="cart"} 1
traces_service_graph_request_failed_total{client="cart",connection_type="database",server="orders"} 1
traces_service_graph_request_server_seconds_bucket{client="web",connection_type="",server="cart",le="0.1"} 0
traces_service_graph_request_server_seconds_bucket{client="web",connection_type="",server="cart",le="0.2"} 1
traces_service_graph_request_server_seconds_bucket{client="web",connection_type="",server="cart",le="+Inf"} 1
traces_service_graph_request_server_seconds_sum{client="web",connection_type="",server="cart"} 0.15
traces_service_graph_request_server_seconds_count{client="web",connection_type="",server="cart"} 1
traces_service_graph_request_total{client="cart",connection_type="database",server="orders"} 1
traces_service_graph_request_total{client="web",connection_type="",server="cart"} 1
`
	if got := gather(t, c); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := gather(t, c); got != want {
		t.Errorf("a second scrape without new calls:\n%s", got)
	}
}

// TestCollectorTempo: the series of a processor, in which Tempo's values for missing sides remain.
func TestCollectorTempo(t *testing.T) {
	s := newStream(servicegraph.Config{})
	cfg := temposeries.Config{Buckets: []float64{0.1, 0.2}, Dimensions: []string{"service.version"}, PrefixDimensions: true, NativeHistograms: true, Exemplars: true}
	p := temposeries.NewProcessor(cfg)
	for range 2 {
		for _, span := range s.spans(250, 151, 50) {
			p.Add(span)
		}
	}
	c := promgraph.NewTempoCollector(p.Series, cfg, promgraph.Config{Histograms: promgraph.Both})
	client := c.Series()[1].Client // from web to cart
	if x := client.Exemplars[2]; x.TraceID != (servicegraph.TraceID{15: 2}) || x.Seconds != 0.25 {
		t.Errorf("exemplars %v, want the second trace above the last bound", client.Exemplars)
	}
	if len(client.Native.Counts) != 1 || client.Native.Counts[0] != 2 || client.Native.Offset != -17 { // up to 2^-2
		t.Errorf("native buckets %+v, want 2 samples up to 0.25 s", client.Native)
	}
	got := gather(t, c)
	for _, want := range []string{
		`traces_service_graph_request_total{client="cart",client_service_version="v1",connection_type="database",server="orders",server_service_version=""} 2`,
		`traces_service_graph_request_server_seconds_bucket{client="cart",client_service_version="v1",connection_type="database",server="orders",server_service_version="",le="0.1"} 2`,
		`traces_service_graph_request_failed_total{client="cart",client_service_version="v1",connection_type="database",server="orders",server_service_version=""} 2`,
		`traces_service_graph_request_total{client="web",client_service_version="",connection_type="",server="cart",server_service_version="v1"} 2`,
		`traces_service_graph_request_server_seconds_sum{client="web",client_service_version="",connection_type="",server="cart",server_service_version="v1"} 0.302`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("missing %s in\n%s", want, got)
		}
	}
}

// TestCountersNeverFall: whatever spans arrive, no sample of a counter or of a histogram is lower
// than in the scrape before.
func TestCountersNeverFall(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := newStream(servicegraph.Config{})
	c := promgraph.NewCollector(s.delta, promgraph.Config{Histograms: promgraph.Both})
	before := make(map[string]float64)
	for range 50 {
		for range rng.IntN(4) {
			s.trace(rng.Int64N(1000), rng.Int64N(500), rng.Int64N(300))
		}
		for _, line := range lines(t, families(t, c)) {
			at := strings.LastIndexByte(line, ' ')
			var value float64
			if _, err := fmt.Sscan(line[at+1:], &value); err != nil {
				t.Fatal(err)
			}
			if value < before[line[:at]] {
				t.Fatalf("%s after %v", line, before[line[:at]])
			}
			before[line[:at]] = value
		}
	}
	if len(before) < 30 {
		t.Errorf("only %d series", len(before))
	}
}

// TestDimensions: the labels of the namespace and of the version. SplitBy separates the versions,
// but the names do not have them.
func TestDimensions(t *testing.T) {
	dimensions := []string{"service.namespace", "service.version"}
	for name, tt := range map[string]struct {
		splitBy []string
		want    []string
	}{
		"one label set for both versions": {nil, []string{
			`{client="web",client_service_namespace="shop",client_service_version="",connection_type="",server="cart",server_service_namespace="shop",server_service_version="v0,v1"} 3`,
		}},
		"one for each": {[]string{"service.version"}, []string{
			`{client="web",client_service_namespace="shop",client_service_version="",connection_type="",server="cart",server_service_namespace="shop",server_service_version="v0"} 1`,
			`{client="web",client_service_namespace="shop",client_service_version="",connection_type="",server="cart",server_service_namespace="shop",server_service_version="v1"} 2`,
		}},
	} {
		s := newStream(servicegraph.Config{NodeAttrs: []string{"service.version"}, SplitBy: tt.splitBy})
		for _, server := range []int64{100, 101, 103} {
			s.trace(200, server, 10)
		}
		got := gather(t, promgraph.NewCollector(s.delta, promgraph.Config{Dimensions: dimensions}))
		for _, want := range tt.want {
			if want = promgraph.MetricTotal + want; !strings.Contains(got, want+"\n") {
				t.Errorf("%s: missing %s in\n%s", name, want, got)
			}
		}
	}
}

// TestNativeHistograms: the buckets of a native histogram are those of client_golang for the same
// samples.
func TestNativeHistograms(t *testing.T) {
	s := newStream(servicegraph.Config{})
	reference := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "reference", NativeHistogramBucketFactor: 1.1})
	for _, ms := range []int64{1, 30, 240, 260, 900} {
		s.trace(ms, 1, 1)
		reference.Observe(float64(ms) / 1000)
	}
	c := promgraph.NewCollector(s.delta, promgraph.Config{Histograms: promgraph.Native})
	for _, f := range families(t, c) {
		if f.GetName() != promgraph.MetricClientSeconds {
			continue
		}
		want := families(t, reference)[0].Metric[0].Histogram
		got := f.Metric[1].Histogram // from web to cart
		if len(got.Bucket) > 0 {
			t.Errorf("a native histogram has classic buckets")
		}
		if got.GetSchema() != want.GetSchema() || fmt.Sprint(got.PositiveSpan, got.PositiveDelta) != fmt.Sprint(want.PositiveSpan, want.PositiveDelta) || got.GetSampleCount() != want.GetSampleCount() {
			t.Errorf("got\n%v\nwant\n%v", got, want)
		}
		return
	}
	t.Error("no histogram")
}

// TestExemplars: a scrape in OpenMetrics has the trace ids.
func TestExemplars(t *testing.T) {
	s := newStream(servicegraph.Config{})
	s.trace(250, 150, 50)
	r := prometheus.NewRegistry()
	r.MustRegister(promgraph.NewCollector(s.delta, promgraph.Config{}))
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range all {
		if _, err := expfmt.MetricFamilyToOpenMetrics(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		`traces_service_graph_request_client_seconds_bucket{client="web",connection_type="",server="cart",le="0.4"} 1 # {traceID="00000000000000000000000000000001"} 0.25 `,
		`traces_service_graph_request_server_seconds_bucket{client="web",connection_type="",server="cart",le="0.2"} 1 # {traceID="00000000000000000000000000000001"} 0.15 `,
		`traces_service_graph_request_failed_total{client="cart",connection_type="database",server="orders"} 1.0 # {traceID="00000000000000000000000000000001"} 0.05 `,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("missing %s in\n%s", want, text.String())
		}
	}
}

// fan returns a graph with calls from one service to n others. The first has the most calls.
func fan(t *testing.T, n int, name func(i int) string) *servicegraph.Graph {
	t.Helper()
	var edges []servicegraph.Edge
	for i := range n {
		edges = append(edges, servicegraph.Edge{
			ID: servicegraph.EdgeID{
				From: servicegraph.NodeID{Name: "web", Type: servicegraph.TypeService},
				To:   servicegraph.NodeID{Name: name(i), Type: servicegraph.TypeService},
				Kind: servicegraph.EdgeRequest,
			},
			Calls: float64(n - i),
		})
	}
	g, err := servicegraph.NewGraph(nil, edges, servicegraph.Report{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestLimits: calls beyond a limit count under "other", and the collector counts them and the
// labels that were cut.
func TestLimits(t *testing.T) {
	name := func(i int) string { return fmt.Sprintf("s%d", i) }
	for limit, cfg := range map[string]promgraph.Config{
		"edges":  {MaxEdges: 4},
		"series": {MaxSeries: 4*(2+2*11) + 1},
	} {
		for range 2 {
			c := promgraph.NewCollector(func() *servicegraph.Graph { return fan(t, 10, name) }, cfg)
			for scrape := 1.0; scrape <= 2; scrape++ {
				series := c.Series()
				total := 0.0
				var names []string
				for _, s := range series {
					total += s.Total
					names = append(names, s.Labels[1].Value)
				}
				if want := "[other s0 s1 s2]"; fmt.Sprint(names) != want || total != 55*scrape {
					t.Errorf("%s: servers %v with %v calls, want %s with %v", limit, names, total, want, 55*scrape)
				}
				if got := c.Stats(); got != (promgraph.Stats{Edges: 4, FoldedCalls: 28 * scrape}) {
					t.Errorf("%s: %+v", limit, got)
				}
			}
		}
	}
}

// TestLabelValues: values are valid UTF-8 and cut at a character.
func TestLabelValues(t *testing.T) {
	names := []string{"a\xffb", strings.Repeat("é", 20), strings.Repeat("é", 21), "null\x00byte", ""}
	c := promgraph.NewCollector(func() *servicegraph.Graph {
		return fan(t, len(names), func(i int) string { return names[i] })
	}, promgraph.Config{MaxLabelBytes: 15})
	got := gather(t, c)
	for _, want := range []string{`server="a�b"`, `server="ééééééé"`, `server="null�byte"`, `server=""`} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %s in\n%s", want, got)
		}
	}
	if s := c.Stats(); s.TruncatedLabels != 1 || s.Edges != 4 {
		t.Errorf("%+v, want 1 truncated label and 4 edges", s)
	}
}

// TestCollectorConcurrentSafe scrapes from several goroutines at the same time.
func TestCollectorConcurrentSafe(t *testing.T) {
	s := newStream(servicegraph.Config{})
	c := promgraph.NewCollector(func() *servicegraph.Graph {
		s.trace(10, 5, 1)
		return s.delta()
	}, promgraph.Config{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 10 {
				c.Series()
			}
		})
	}
	group.Wait()
	if got := c.Series()[1].Total; got != 41 {
		t.Errorf("%v calls, want 41", got)
	}
}
