package tempocompat

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tempograph/tempograph/internal/promtest"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph/remotewrite"
	"github.com/tempograph/tempograph/servicegraph/temposeries"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestPrometheus sends a recording to a real Tempo server whose generator writes to a real
// Prometheus. The series of this module for the same spans reach Prometheus in three ways, each
// with its own job: a scrape of the collector, remote write 1.0 and remote write 2.0. For each job,
// the queries of Grafana's Service Graph and the graph that promgraph reads must have the same
// result as for Tempo's series.
func TestPrometheus(t *testing.T) {
	p := startJobs(t)
	p.sendRecording(t)
	t.Run("graph", p.compareGraphs)
	t.Run("Grafana", p.compareGrafana)
	t.Run("exemplars", p.checkExemplars)
	t.Run("native", p.checkNative)
}

// jobs are the jobs whose series are compared. Tempo's series have no job.
var jobs = []string{"", "scraped", "written-1", "written-2"}

// jobSeries are the series of all jobs in one Prometheus, and the spans that were sent.
type jobSeries struct {
	tempo  *pair
	client v1.API

	mu        sync.Mutex // guards processor
	processor *temposeries.Processor

	began   time.Time
	between time.Time                      // between the first and the second half of the traces
	graphs  map[string]*servicegraph.Graph // by job, of all traces
	exact   []servicegraph.Span            // the spans with the times at which they were sent
}

// startJobs starts Tempo, Prometheus, the scraped server and the writers.
func startJobs(t *testing.T) *jobSeries {
	cfg := temposeries.Config{MessagingLatency: true, NativeHistograms: true, Exemplars: true}
	p := &jobSeries{processor: temposeries.NewProcessor(cfg), graphs: make(map[string]*servicegraph.Graph)}
	registry := prometheus.NewRegistry()
	registry.MustRegister(promgraph.NewTempoCollector(p.series, cfg, promgraph.Config{}))
	scraped := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	t.Cleanup(scraped.Close)
	host, port, err := net.SplitHostPort(strings.TrimPrefix(scraped.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	prom := promtest.Start(t, promtest.Config{
		Args: []string{"--enable-feature=exemplar-storage,native-histograms,created-timestamp-zero-ingestion"},
		File: fmt.Sprintf("scrape_configs:\n- job_name: scraped\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['%s:%s']\n", host, port),
	})
	p.tempo = &pair{
		tempo: tempotest.Start(t, tempotest.Config{RemoteWriteURL: prom.RemoteWriteURL()}),
		ours:  p.processor,
	}
	p.began = time.Now()
	p.startWriters(t, cfg, prom.RemoteWriteURL())
	c, err := api.NewClient(api.Config{Address: prom.URL})
	if err != nil {
		t.Fatal(err)
	}
	p.client = v1.NewAPI(c)
	return p
}

// series returns the series of this module for the spans that were sent.
func (p *jobSeries) series() []temposeries.Series {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.processor.Series()
}

// startWriters starts the two writers, which stop when the test ends.
func (p *jobSeries) startWriters(t *testing.T, cfg temposeries.Config, url string) {
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for job, protocol := range map[string]remotewrite.Protocol{"written-1": remotewrite.V1, "written-2": remotewrite.V2} {
		collector := promgraph.NewTempoCollector(p.series, cfg, promgraph.Config{Histograms: promgraph.Both})
		writer, err := remotewrite.New(collector.Series, remotewrite.Config{
			URL: url, Protocol: protocol, Interval: time.Second,
			Labels: map[string]string{"job": job},
		})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() { writer.Run(ctx) })
		t.Cleanup(func() {
			if s := writer.Stats(); s.Refused+s.Dropped > 0 || s.Sent == 0 {
				t.Errorf("%s: %+v", job, s)
			}
		})
	}
	t.Cleanup(func() { // before the cleanups above
		stop()
		running.Wait()
	})
}

// sendRecording sends the traces of the recording, in two halves. The second half is sent when all
// series have the calls of the first half. For a time range that begins between the halves, rates
// are then exact, whatever the first sample of a series is.
func (p *jobSeries) sendRecording(t *testing.T) {
	traces := byTrace(recording(t, hotrod))
	p.send(t, traces[:len(traces)/2])
	p.awaitCalls(t)
	p.between = time.Now()
	p.awaitNextWrite(t)
	p.send(t, traces[len(traces)/2:])
	p.awaitCalls(t)
}

// send sends traces that end now.
func (p *jobSeries) send(t *testing.T, traces [][]servicegraph.Span) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, trace := range traces {
		endingAt(time.Now(), trace)
		var wire []*tracepb.ResourceSpans
		for _, s := range trace {
			wire = append(wire, resourceSpans(s))
			p.exact = append(p.exact, s)
		}
		p.tempo.push(t, wire, trace)
	}
	p.tempo.expire(t)
}

// awaitCalls waits until the graph of each job has the calls that were sent.
func (p *jobSeries) awaitCalls(t *testing.T) {
	want := callsOf(p.series())
	for _, job := range jobs {
		p.tempo.await(t, 2*time.Minute, func() (string, bool) {
			g, _, err := promgraph.Query(t.Context(), p.client, promgraph.QueryConfig{Selector: fmt.Sprintf("job=%q", job), Range: time.Since(p.began)})
			if err != nil {
				time.Sleep(time.Second)
				return err.Error(), false
			}
			p.graphs[job] = g
			got := callsOfGraph(g)
			if !maps.Equal(got, want) {
				time.Sleep(time.Second)
			}
			return fmt.Sprintf("the calls of job %q are %v, want %v", job, got, want), maps.Equal(got, want)
		})
	}
}

// awaitNextWrite waits until Tempo has written after the first half.
func (p *jobSeries) awaitNextWrite(t *testing.T) {
	p.tempo.await(t, time.Minute, func() (string, bool) {
		latest := 0.0
		for _, at := range vector(t, p.client, `max(timestamp(traces_service_graph_request_total{job=""}))`, time.Now()) {
			latest = at
		}
		if latest <= float64(p.between.Unix()+1) {
			time.Sleep(time.Second)
			return "Tempo has not written again", false
		}
		return "", true
	})
}

// compareGraphs compares the graph of each job with the graph of Tempo's series, and with the graph
// of the traces.
func (p *jobSeries) compareGraphs(t *testing.T) {
	built := servicegraph.NewBuilder(servicegraph.Config{UserNode: true})
	for _, s := range p.exact {
		built.Add(s)
	}
	fromTraces := built.Graph()
	compared := 0
	for _, job := range jobs {
		for e := range p.graphs[job].Edges() {
			reference, _ := p.graphs[""].Edge(e.ID)
			if e.Errors != reference.Errors || e.Caller.Latency.Count() != reference.Caller.Latency.Count() || e.Callee.Latency.Count() != reference.Callee.Latency.Count() {
				t.Errorf("job %q: %s: %v errors, %v and %v samples; Tempo has %v, %v and %v", job, e.ID,
					e.Errors, e.Caller.Latency.Count(), e.Callee.Latency.Count(), reference.Errors, reference.Caller.Latency.Count(), reference.Callee.Latency.Count())
			}
			spans, ok := fromTraces.Edge(e.ID)
			if !ok || spans.Calls != e.Calls || spans.Callee.Latency.Count() != e.Callee.Latency.Count() {
				continue // this module's rules and Tempo's rules count this edge differently
			}
			compared++
			compareWithTraces(t, job, e, spans)
		}
	}
	if compared < 8 {
		t.Errorf("only %d edges compared with those of the traces", compared)
	}
}

// compareWithTraces compares an edge of a job with the same edge of the graph of the traces.
func compareWithTraces(t *testing.T, job string, e, spans servicegraph.Edge) {
	if e.Errors != spans.Errors {
		t.Errorf("job %q: %s: %v errors, the traces have %v", job, e.ID, e.Errors, spans.Errors)
	}
	for _, q := range []float64{0.5, 0.9, 0.99} {
		got, exact := e.Callee.Latency.Quantile(q), spans.Callee.Latency.Quantile(q)
		if exact > 100*time.Millisecond && (got > 2*exact+exact/50 || exact > 2*got+got/50) {
			t.Errorf("job %q: %s: quantile %v is %v, the traces have %v", job, e.ID, q, got, exact)
		}
	}
}

// compareGrafana compares, for each job, the results of Grafana's queries with those for Tempo's
// series.
func (p *jobSeries) compareGrafana(t *testing.T) {
	at := time.Now()
	span := fmt.Sprintf("%.0fs", math.Floor(at.Sub(p.between).Seconds()))
	for _, query := range []string{
		// The average duration of the server. It is the ratio of two of Grafana's queries, so
		// that the times of the samples do not matter.
		"sum by (client, server) (rate(traces_service_graph_request_server_seconds_sum{JOB}[RANGE])) / sum by (client, server) (rate(traces_service_graph_request_total{JOB}[RANGE]))",
		// A total, not a rate: rate does not count the first sample of a series, and most
		// series of failed calls have only one value.
		"sum by (client, server) (traces_service_graph_request_failed_total{JOB})",
		"group by (client, connection_type, server) (traces_service_graph_request_total{JOB})",
		"group by (client, connection_type, server) (traces_service_graph_request_failed_total{JOB})",
		"group by (client, connection_type, server) (traces_service_graph_request_server_seconds_sum{JOB})",
		"group by (client, connection_type, server) (traces_service_graph_request_server_seconds_bucket{JOB})",
		"histogram_quantile(0.9, sum by (le, client, server) (rate(traces_service_graph_request_server_seconds_bucket{JOB}[RANGE])))",
		"sum by (client, server) (traces_service_graph_request_total{JOB})",
		// With the namespaces, which the data source can also query.
		"sum by (client, server, client_service_namespace, server_service_namespace) (traces_service_graph_request_total{JOB})",
		"group by (client, connection_type, server, client_service_namespace, server_service_namespace) (traces_service_graph_request_total{JOB})",
	} {
		var reference map[string]float64
		for _, job := range jobs {
			expression := strings.NewReplacer("JOB", fmt.Sprintf("job=%q", job), "RANGE", span).Replace(query)
			got := vector(t, p.client, expression, at)
			if job == "" {
				if reference = got; len(got) == 0 {
					t.Errorf("%s gives nothing", expression)
				}
				continue
			}
			if !near(got, reference, 1e-6) {
				t.Errorf("%s\ngives\n%v\nand of Tempo\n%v", expression, got, reference)
			}
		}
	}
}

func (p *jobSeries) checkExemplars(t *testing.T) {
	for _, job := range []string{"scraped", "written-2"} {
		found, err := p.client.QueryExemplars(t.Context(), fmt.Sprintf("traces_service_graph_request_client_seconds_bucket{job=%q}", job), time.Now().Add(-time.Hour), time.Now().Add(time.Minute))
		if err != nil || len(found) == 0 || len(found[0].Exemplars[0].Labels["traceID"]) != 32 {
			t.Errorf("%s: %v, %v", job, found, err)
		}
	}
}

func (p *jobSeries) checkNative(t *testing.T) {
	native := vector(t, p.client, `histogram_count(sum(traces_service_graph_request_server_seconds{job="written-2"}))`, time.Now())
	classic := vector(t, p.client, `sum(traces_service_graph_request_server_seconds_count{job="written-2"})`, time.Now())
	if len(native) != 1 || !near(native, classic, 1e-9) {
		t.Errorf("native histograms have %v samples, classic ones %v", native, classic)
	}
}

// callsOf returns the number of calls of each edge and, after a slash, the number of failed calls.
func callsOf(series []temposeries.Series) map[string]string {
	calls, failed := make(map[string]float64), make(map[string]float64)
	for _, s := range series {
		calls[s.Client+" "+s.Server] += s.Total
		failed[s.Client+" "+s.Server] += s.Failed
	}
	return callTexts(calls, failed)
}

func callsOfGraph(g *servicegraph.Graph) map[string]string {
	calls, failed := make(map[string]float64), make(map[string]float64)
	for e := range g.Edges() {
		calls[e.ID.From.Name+" "+e.ID.To.Name] += e.Calls
		failed[e.ID.From.Name+" "+e.ID.To.Name] += e.Errors
	}
	return callTexts(calls, failed)
}

func callTexts(calls, failed map[string]float64) map[string]string {
	text := make(map[string]string)
	for edge, n := range calls {
		text[edge] = fmt.Sprintf("%v/%v", n, failed[edge])
	}
	return text
}

// vector returns the result of a query by labels, without values that are not numbers.
func vector(t *testing.T, client v1.API, expression string, at time.Time) map[string]float64 {
	t.Helper()
	value, _, _, err := client.Query(t.Context(), expression, at)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	got := make(map[string]float64)
	for _, s := range value.(model.Vector) {
		if v := float64(s.Value); !math.IsNaN(v) {
			got[s.Metric.String()] = v
		}
	}
	return got
}

// near reports whether two results have the same labels and nearly the same values.
func near(a, b map[string]float64, relative float64) bool {
	return slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))) && !slices.ContainsFunc(slices.Collect(maps.Keys(a)), func(k string) bool {
		return math.Abs(a[k]-b[k]) > relative*math.Max(math.Abs(a[k]), math.Abs(b[k]))
	})
}
