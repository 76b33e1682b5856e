package remotewrite_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/tempograph/tempograph/internal/promtest"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph/remotewrite"
)

// edge is the graph of 10 calls from web to cart.
func edge(t *testing.T) *servicegraph.Graph {
	t.Helper()
	stats := servicegraph.Stats{Calls: 10, Latency: servicegraph.NewLatency([]servicegraph.LatencyBucket{{UpTo: 50 * time.Millisecond, Count: 10}}, 0)}
	g, err := servicegraph.NewGraph(nil, []servicegraph.Edge{{
		ID: servicegraph.EdgeID{
			From: servicegraph.NodeID{Name: "web\xff", Type: servicegraph.TypeService},
			To:   servicegraph.NodeID{Name: "cart", Type: servicegraph.TypeService},
			Kind: servicegraph.EdgeRequest,
		},
		Calls: 10, Caller: stats, Callee: stats,
	}}, servicegraph.Report{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestRestarts: a real Prometheus has every call, although Prometheus is restarted in between, and
// so is the writer, whose counters then begin at zero.
func TestRestarts(t *testing.T) {
	server := promtest.Start(t, promtest.Config{})
	c, err := api.NewClient(api.Config{Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	calls := func() float64 {
		g, _, err := promgraph.Query(t.Context(), v1.NewAPI(c), promgraph.QueryConfig{Range: time.Since(began) + time.Second})
		if err != nil {
			return 0
		}
		sum := 0.0
		for e := range g.Edges() {
			sum += e.Calls
		}
		return sum
	}
	await := func(want float64) {
		t.Helper()
		got := 0.0
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if got = calls(); got == want {
				return
			}
		}
		t.Fatalf("Prometheus has %v calls, want %v", got, want)
	}

	for run := range 2 { // two runs of the writer, with the same labels
		deltas := make(chan *servicegraph.Graph, 100)
		collector := promgraph.NewCollector(func() *servicegraph.Graph {
			select {
			case g := <-deltas:
				return g
			default:
				return &servicegraph.Graph{}
			}
		}, promgraph.Config{})
		writer, err := remotewrite.New(collector.Series, remotewrite.Config{
			URL: server.RemoteWriteURL(), Interval: 100 * time.Millisecond, MinDelay: 50 * time.Millisecond, MaxDelay: 200 * time.Millisecond,
			Labels: map[string]string{"instance": "a"},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			writer.Run(ctx)
		}()
		before := float64(run) * 50
		deltas <- edge(t)
		await(before + 10)
		server.Stop()
		for range 3 {
			deltas <- edge(t)
		}
		for writer.Stats().Retries == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		server.Restart(t, promtest.Config{})
		await(before + 40)
		deltas <- edge(t)
		await(before + 50)
		stop()
		<-done
		time.Sleep(10 * time.Millisecond) // a new process takes longer; the stale markers can be two milliseconds ahead of the clock
		if s := writer.Stats(); s.Dropped+s.Refused > 0 || s.Sent == 0 || s.Queued > 0 {
			t.Errorf("run %d: %+v", run, s)
		}
	}
}

// TestNativeReadBack: native histograms that the writer sends to a real Prometheus give the
// latencies that were written: all samples, their sum, and quantiles within a bucket of the factor
// 1.09.
func TestNativeReadBack(t *testing.T) {
	server := promtest.Start(t, promtest.Config{Args: []string{"--enable-feature=native-histograms"}})
	c, err := api.NewClient(api.Config{Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var buckets []servicegraph.LatencyBucket
	for i := range 60 { // 1 ms to 20 s
		buckets = append(buckets, servicegraph.LatencyBucket{UpTo: time.Duration(1e6 * math.Pow(1.18, float64(i))), Count: float64(1 + i%7)})
	}
	caller := servicegraph.Stats{Latency: servicegraph.NewLatency(buckets, 0)}
	callee := servicegraph.Stats{Latency: servicegraph.NewLatency(buckets[:40], 0)}
	caller.Calls, callee.Calls = caller.Latency.Count(), callee.Latency.Count()
	id := servicegraph.EdgeID{
		From: servicegraph.NodeID{Name: "web", Type: servicegraph.TypeService},
		To:   servicegraph.NodeID{Name: "cart", Type: servicegraph.TypeService},
		Kind: servicegraph.EdgeRequest,
	}
	g, err := servicegraph.NewGraph(nil, []servicegraph.Edge{{ID: id, Calls: caller.Calls, Caller: caller, Callee: callee}}, servicegraph.Report{})
	if err != nil {
		t.Fatal(err)
	}
	deltas := make(chan *servicegraph.Graph, 1)
	deltas <- g
	collector := promgraph.NewCollector(func() *servicegraph.Graph {
		select {
		case g := <-deltas:
			return g
		default:
			return &servicegraph.Graph{}
		}
	}, promgraph.Config{Histograms: promgraph.Native})
	writer, err := remotewrite.New(collector.Series, remotewrite.Config{URL: server.RemoteWriteURL(), Interval: 100 * time.Millisecond, Protocol: remotewrite.V2})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	go writer.Run(t.Context())

	var read servicegraph.Edge
	var back promgraph.Readback
	for deadline := time.Now().Add(30 * time.Second); read.Callee.Latency.Count() != callee.Calls || read.Caller.Latency.Count() != caller.Calls; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("Prometheus has %v calls, %v samples of the caller and %v of the callee; want %v, %v and %v", read.Calls, read.Caller.Latency.Count(), read.Callee.Latency.Count(), caller.Calls, caller.Calls, callee.Calls)
		}
		if g, b, err := promgraph.Query(t.Context(), v1.NewAPI(c), promgraph.QueryConfig{Range: time.Since(began) + time.Second}); err == nil {
			read, _ = g.Edge(id)
			back = b
		}
	}
	for name, pair := range map[string][2]servicegraph.Latency{"caller": {caller.Latency, read.Caller.Latency}, "callee": {callee.Latency, read.Callee.Latency}} {
		wrote, got := pair[0], pair[1]
		if math.Abs(got.Sum().Seconds()/wrote.Sum().Seconds()-1) > 0.001 {
			t.Errorf("%s: sum %v, want %v", name, got.Sum(), wrote.Sum())
		}
		for _, q := range []float64{0.1, 0.5, 0.95, 0.99} {
			if ratio := got.Quantile(q).Seconds() / wrote.Quantile(q).Seconds(); ratio > 1.1 || ratio < 1/1.1 {
				t.Errorf("%s: quantile %v is %v, want %v", name, q, got.Quantile(q), wrote.Quantile(q))
			}
		}
	}

	// The queries of Grafana's Tempo data source for the nodes and edges of the Service Graph, with
	// native histograms: they leave out _bucket, but ask for _sum.
	for metric, want := range map[string]int{promgraph.MetricTotal: 1, promgraph.MetricFailed: 0, promgraph.MetricServerSeconds: 1, promgraph.MetricServerSeconds + "_sum": 0} {
		for _, query := range []string{
			"sum by (client, server) (rate(" + metric + "[60s]))",
			"sum by (client, server, client_service_namespace, server_service_namespace) (rate(" + metric + "[60s]))",
			"group by (client, connection_type, server) (" + metric + ")",
			"group by (client, connection_type, server, client_service_namespace, server_service_namespace) (" + metric + ")",
		} {
			value, _, _, err := v1.NewAPI(c).Query(t.Context(), query, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			edges, ok := value.(model.Vector)
			if !ok || len(edges) != want {
				t.Errorf("%s gives %v, want %d edges", query, value, want)
			}
			if len(edges) > 0 && (edges[0].Metric["client"] != "web" || edges[0].Metric["server"] != "cart") {
				t.Errorf("%s gives the labels %v", query, edges[0].Metric)
			}
		}
	}
	if back.BucketRatio < 1.08 || back.BucketRatio > 1.1 {
		t.Errorf("quantiles can be off by the factor %v, want 1.09", back.BucketRatio)
	}
}
