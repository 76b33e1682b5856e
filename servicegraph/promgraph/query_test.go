package promgraph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"github.com/prometheus/common/model"

	"github.com/tempograph/tempograph/internal/promtest"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
)

// The range of the tests: ten minutes that end one minute ago.
var (
	end   = time.Now().Truncate(time.Second).Add(-time.Minute)
	start = end.Add(-10 * time.Minute)
)

// A written series has values at minutes after the start of the range; NaN is a stale marker.
type written struct {
	labels string // as in PromQL: `client="a",server="b"`
	values map[int]float64
}

// writer is a server to write to.
type writer struct {
	t   *testing.T
	url string
}

// write writes series of one metric.
func (w writer) write(metric string, series ...written) {
	w.t.Helper()
	client, err := remote.NewAPI(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	symbols := writev2.NewSymbolTable()
	request := new(writev2.Request)
	for _, s := range series {
		refs := []uint32{symbols.Symbolize("__name__"), symbols.Symbolize(metric)}
		for _, pair := range slices.Sorted(slices.Values(strings.Split(s.labels, ","))) {
			name, value, _ := strings.Cut(pair, "=")
			value, err := strconv.Unquote(value)
			if err != nil {
				w.t.Fatal(err)
			}
			refs = append(refs, symbols.Symbolize(name), symbols.Symbolize(value))
		}
		one := &writev2.TimeSeries{LabelsRefs: refs}
		for _, minute := range slices.Sorted(maps.Keys(s.values)) {
			value := s.values[minute]
			if math.IsNaN(value) {
				value = math.Float64frombits(0x7ff0000000000002)
			}
			one.Samples = append(one.Samples, &writev2.Sample{Value: value, Timestamp: start.Add(time.Duration(minute) * time.Minute).UnixMilli()})
		}
		request.Timeseries = append(request.Timeseries, one)
	}
	request.Symbols = symbols.Symbols()
	if _, err := client.Write(w.t.Context(), remote.WriteV2MessageType, request); err != nil {
		w.t.Fatal(err)
	}
}

// replay writes recorded series, an answer of Prometheus, with a label cluster. It shifts them in
// time, so that the last sample is at the end of the range.
func (w writer) replay(file, cluster string) {
	w.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	var recorded struct{ Result model.Matrix }
	if err := json.Unmarshal(data, &recorded); err != nil {
		w.t.Fatal(err)
	}
	last := model.Earliest
	for _, stream := range recorded.Result {
		last = max(last, stream.Values[len(stream.Values)-1].Timestamp)
	}
	client, err := remote.NewAPI(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	symbols := writev2.NewSymbolTable()
	request := new(writev2.Request)
	for _, stream := range recorded.Result {
		stream.Metric["cluster"] = model.LabelValue(cluster)
		var refs []uint32
		for _, name := range slices.Sorted(maps.Keys(stream.Metric)) {
			refs = append(refs, symbols.Symbolize(string(name)), symbols.Symbolize(string(stream.Metric[name])))
		}
		one := &writev2.TimeSeries{LabelsRefs: refs}
		for _, v := range stream.Values {
			one.Samples = append(one.Samples, &writev2.Sample{Value: float64(v.Value), Timestamp: end.UnixMilli() - int64(last-v.Timestamp)})
		}
		request.Timeseries = append(request.Timeseries, one)
	}
	request.Symbols = symbols.Symbols()
	if _, err := client.Write(w.t.Context(), remote.WriteV2MessageType, request); err != nil {
		w.t.Fatal(err)
	}
}

// classic writes a histogram whose samples arrive between two minutes and are all in one of Tempo's
// buckets.
func (w writer) classic(metric, labels string, from, to int, samples, upTo, sum float64) {
	w.t.Helper()
	for _, bound := range []float64{0.1, 0.2, 0.4, 0.8, math.Inf(1)} {
		count := 0.0
		if bound >= upTo {
			count = samples
		}
		le := strconv.FormatFloat(bound, 'g', -1, 64)
		w.write(metric+"_bucket", written{labels + `,le="` + le + `"`, map[int]float64{from: 0, to: count}})
	}
	w.write(metric+"_sum", written{labels, map[int]float64{from: 0, to: sum}})
	w.write(metric+"_count", written{labels, map[int]float64{from: 0, to: samples}})
}

func client(t *testing.T, url string) v1.API {
	t.Helper()
	c, err := api.NewClient(api.Config{Address: url})
	if err != nil {
		t.Fatal(err)
	}
	return v1.NewAPI(c)
}

// read reads the graph of the range.
func read(t *testing.T, server *promtest.Prometheus, selector string) (*servicegraph.Graph, promgraph.Readback) {
	t.Helper()
	g, back, err := promgraph.Query(t.Context(), client(t, server.URL), promgraph.QueryConfig{Selector: selector, End: end, Range: end.Sub(start)})
	if err != nil {
		t.Fatal(err)
	}
	return g, back
}

// edges returns the edges of a graph as text: nodes with their types, calls and errors.
func edges(g *servicegraph.Graph) (list []string) {
	for e := range g.Edges() {
		list = append(list, fmt.Sprintf("%s %s -> %s %s %s %v/%v", e.ID.From, e.ID.From.Type, e.ID.To, e.ID.To.Type, e.ID.Kind, e.Calls, e.Errors))
	}
	return list
}

func check(t *testing.T, g *servicegraph.Graph, want ...string) {
	t.Helper()
	if got := edges(g); !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestQuery reads, from one server, series of each kind under a cluster of its own.
func TestQuery(t *testing.T) {
	server := promtest.Start(t, promtest.Config{Args: []string{"--enable-feature=native-histograms"}})
	for _, c := range []struct {
		name string
		test func(*testing.T, *promtest.Prometheus)
	}{
		{"Tempo", queryTempo},
		{"Collector", queryCollector},
		{"Collector without units", queryCollectorWithoutUnits},
		{"old Collector", queryOldCollector},
		{"Beyla", queryBeyla},
		{"Beyla counts spans", queryBeylaSpans},
		{"mixed", queryMixed},
		{"virtual node of a service", queryVirtualNode},
		{"errors", queryErrors},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, server) })
	}
}

// queryTempo reads the series of Tempo's metrics-generator.
func queryTempo(t *testing.T, server *promtest.Prometheus) {
	const of = `cluster="tempo",`
	w := writer{t, server.URL}
	web := of + `client="web",server="cart",client_service_namespace="shop",server_service_namespace="shop"`
	w.write(promgraph.MetricTotal,
		written{web + `,__metrics_gen_instance="a"`, map[int]float64{-3: 100, 1: 110, 9: 150}},                  // 50
		written{web + `,__metrics_gen_instance="b"`, map[int]float64{-3: 70, 1: 80, 2: 5, 4: math.NaN(), 6: 7}}, // 10 + 5 + 2
		written{web + `,__metrics_gen_instance="c"`, map[int]float64{5: 0, 6: 33, 7: math.NaN()}},               // 33
		written{of + `client="web",server="old"`, map[int]float64{-30: 5, -20: 8, -19: math.NaN()}},             // ended before
		written{of + `client="web",server="idle"`, map[int]float64{-3: 5, 9: 5}},                                // no call
		written{of + `client="cart",server="orders",connection_type="database",client_service_namespace="shop"`, map[int]float64{1: 0, 9: 20}},
		written{of + `client="user",server="web",connection_type="virtual_node"`, map[int]float64{1: 0, 9: 30}},
		written{of + `client="cart",server="stripe.example",connection_type="virtual_node",client_service_namespace="shop"`, map[int]float64{1: 0, 9: 4}},
		written{of + `client="cart",server="mailer",connection_type="messaging_system",client_service_namespace="shop"`, map[int]float64{1: 0, 9: 6}},
	)
	w.write(promgraph.MetricFailed, written{web + `,__metrics_gen_instance="a"`, map[int]float64{1: 0, 9: 3}})
	w.classic(promgraph.MetricServerSeconds, web+`,__metrics_gen_instance="a"`, 1, 9, 60, 0.2, 9)
	w.classic(promgraph.MetricServerSeconds, web+`,__metrics_gen_instance="b"`, 1, 9, 40, 0.4, 12)
	w.classic(promgraph.MetricClientSeconds, web+`,__metrics_gen_instance="a"`, 1, 9, 100, 0.4, 30)
	w.classic(promgraph.MetricServerSeconds, of+`client="user",server="web",connection_type="virtual_node"`, 1, 9, 30, 0.8, 15)
	w.classic(promgraph.MetricClientSeconds, of+`client="user",server="web",connection_type="virtual_node"`, 1, 9, 30, 0.1, 0)
	w.classic(promgraph.MetricClientSeconds, of+`client="cart",server="mailer",connection_type="messaging_system",client_service_namespace="shop"`, 1, 9, 6, 0.1, 0.3)
	w.classic(promgraph.MetricServerSeconds, of+`client="cart",server="mailer",connection_type="messaging_system",client_service_namespace="shop"`, 1, 9, 6, 0.1, 0.3)

	g, back := read(t, server, `{cluster="tempo"}`)
	check(t, g,
		"user external -> web service request 30/0",
		"shop/cart service -> mailer service message 6/0",
		"shop/cart service -> orders database request 20/0",
		"shop/cart service -> stripe.example external request 4/0",
		"shop/web service -> shop/cart service request 100/3",
	)
	e, _ := g.Edge(servicegraph.EdgeID{
		From: servicegraph.NodeID{Namespace: "shop", Name: "web", Type: servicegraph.TypeService},
		To:   servicegraph.NodeID{Namespace: "shop", Name: "cart", Type: servicegraph.TypeService},
		Kind: servicegraph.EdgeRequest,
	})
	if p := e.Callee.Latency; p.Count() != 100 || p.Sum() != 21*time.Second || p.Quantile(0.5) < 100*time.Millisecond || p.Quantile(0.5) > 200*time.Millisecond || p.Quantile(0.95) < 200*time.Millisecond || p.Quantile(0.95) > 400*time.Millisecond {
		t.Errorf("latency of cart: %v samples, sum %v, p50 %v, p95 %v", p.Count(), p.Sum(), p.Quantile(0.5), p.Quantile(0.95))
	}
	entry, _ := g.Node(servicegraph.NodeID{Name: "web", Type: servicegraph.TypeService})
	if entry.Entries != 30 || entry.Requests.Calls != 30 {
		t.Errorf("web has %v entries in %v requests, want 30 in 30", entry.Entries, entry.Requests.Calls)
	}
	user, _ := g.Edge(servicegraph.EdgeID{From: servicegraph.NodeID{Name: "user", Type: servicegraph.TypeExternal}, To: entry.ID, Kind: servicegraph.EdgeRequest})
	if user.Caller.Observed != 0 || user.Evidence.Callee != 30 {
		t.Errorf("the user has %d spans, evidence %+v", user.Caller.Observed, user.Evidence)
	}
	if rate, ok := g.Rate(e.Calls); !ok || math.Abs(rate-100.0/600) > 1e-9 {
		t.Errorf("rate %v", rate)
	}
	if back.Instances != 3 || back.Restarted != 1 || back.BucketRatio < 1.99 || back.BucketRatio > 2.01 || !slices.Equal(back.Missing, []string{promgraph.MetricMessagingSeconds}) || !slices.Equal(back.Sources, []string{"tempo"}) {
		t.Errorf("%+v", back)
	}
}

// queryCollector reads the connector's series of two recordings of HotROD, one after the other (the
// data of examples/traces/hotrod.jsonl.gz): a label says whether the calls of a counter failed.
func queryCollector(t *testing.T, server *promtest.Prometheus) {
	w := writer{t, server.URL}
	w.replay("testdata/collector-v0.145.0.json", "collector")
	g, back := read(t, server, `cluster="collector"`)
	check(t, g,
		"frontend service -> customer service request 106/2",
		"frontend service -> driver service request 104/0",
		"frontend service -> route service request 1040/0",
		"mysql service -> mysql external request 106/0",
		"redis-manual service -> unknown external request 1404/260",
		"user external -> frontend service request 110/2",
	)
	if back.Swapped != 0 || back.Instances != 1 || back.Restarted != 0 || !slices.Equal(back.Sources, []string{"collector"}) {
		t.Errorf("%+v", back)
	}
	e, _ := g.Edge(servicegraph.EdgeID{From: servicegraph.NodeID{Name: "redis-manual", Type: servicegraph.TypeService}, To: servicegraph.NodeID{Name: "unknown", Type: servicegraph.TypeExternal}, Kind: servicegraph.EdgeRequest})
	if got := e.Caller.Latency.Mean(); e.Caller.Calls != 1404 || e.Callee.Calls != 0 || got.Round(time.Microsecond) != 15334*time.Microsecond {
		t.Errorf("%v calls of the caller in %v on average, %v of the callee", e.Caller.Calls, got, e.Callee.Calls)
	}
}

// queryCollectorWithoutUnits reads series of an exporter that adds no units to names.
func queryCollectorWithoutUnits(t *testing.T, server *promtest.Prometheus) {
	w := writer{t, server.URL}
	const of = `cluster="unitless",client="web",server="cart",failed="false"`
	w.write(promgraph.MetricTotal, written{of, map[int]float64{1: 0, 9: 18}})
	w.classic("traces_service_graph_request_client", of, 1, 9, 18, 0.8, 9)
	w.classic("traces_service_graph_request_server", of, 1, 9, 18, 0.2, 3)
	// The server of another edge works longer than its client waits.
	const slow = `cluster="unitless",client="web",server="slow",failed="false"`
	w.write(promgraph.MetricTotal, written{slow, map[int]float64{1: 0, 9: 2}})
	w.classic("traces_service_graph_request_client", slow, 1, 9, 2, 0.2, 0.3)
	w.classic("traces_service_graph_request_server", slow, 1, 9, 2, 0.8, 1)
	g, back := read(t, server, `cluster="unitless"`)
	check(t, g, "web service -> cart service request 18/0", "web service -> slow service request 2/0")
	for e := range g.Edges() {
		if (e.Caller.Latency.Mean() > e.Callee.Latency.Mean()) != (e.ID.To.Name == "cart") {
			t.Errorf("%s: the client takes %v, the server %v", e.ID, e.Caller.Latency.Mean(), e.Callee.Latency.Mean())
		}
	}
	if back.Swapped != 0 || !slices.Equal(back.Missing, []string{promgraph.MetricFailed, promgraph.MetricMessagingSeconds}) {
		t.Errorf("%+v", back)
	}
}

// queryOldCollector reads the series of the connector before v0.98, which had one counter, with a
// label that told whether the last call failed.
func queryOldCollector(t *testing.T, server *promtest.Prometheus) {
	w := writer{t, server.URL}
	const of = `cluster="old-collector",client="web",server="cart",failed=`
	w.write(promgraph.MetricTotal,
		written{of + `"false"`, map[int]float64{1: 0, 3: 10, 9: 18}},
		written{of + `"true"`, map[int]float64{4: 11, 5: 13, 6: 2}}, // begins again before minute 6
	)
	w.write(promgraph.MetricFailed,
		written{of + `"false"`, map[int]float64{5: 1}},
		written{of + `"true"`, map[int]float64{4: 1, 6: 1}},
	)
	// The latencies of client and server are exchanged.
	w.classic(promgraph.MetricServerSeconds, of+`"false"`, 1, 9, 18, 0.8, 9)
	w.classic(promgraph.MetricClientSeconds, of+`"false"`, 1, 9, 18, 0.2, 3)
	g, back := read(t, server, `cluster="old-collector"`)
	check(t, g, "web service -> cart service request 31/1")
	for e := range g.Edges() {
		if e.Caller.Latency.Mean() < e.Callee.Latency.Mean() {
			t.Errorf("the client takes %v, the server %v", e.Caller.Latency.Mean(), e.Callee.Latency.Mean())
		}
	}
	if back.Swapped != 1 || !slices.Equal(back.Sources, []string{"collector"}) {
		t.Errorf("%+v", back)
	}
}

// queryBeyla reads the series of Beyla.
func queryBeyla(t *testing.T, server *promtest.Prometheus) {
	w := writer{t, server.URL}
	const of = `cluster="beyla",source="beyla",client="web",server=`
	w.write(promgraph.MetricTotal,
		written{of + `"cart"`, map[int]float64{1: 0, 9: 10}},
		written{of + `"10.0.0.7"`, map[int]float64{1: 0, 9: 5}},
	)
	w.write(promgraph.MetricFailed, written{of + `"cart"`, map[int]float64{1: 0, 9: 12}}) // both sides
	w.classic(promgraph.MetricServerSeconds, of+`"cart"`, 1, 9, 10, 0.2, 1)
	w.classic(promgraph.MetricClientSeconds, of+`"cart"`, 1, 9, 10, 0.2, 2)
	w.classic(promgraph.MetricClientSeconds, of+`"10.0.0.7"`, 1, 9, 5, 0.2, 2)
	g, back := read(t, server, `cluster="beyla"`)
	check(t, g,
		"web service -> 10.0.0.7 external request 5/0",
		"web service -> cart service request 10/10",
	)
	if !slices.Equal(back.Sources, []string{"beyla"}) {
		t.Errorf("%+v", back)
	}
}

// queryBeylaSpans reads counters of spans: Beyla and OpenTelemetry eBPF Instrumentation add 1 to the counter for the span of the client,
// and 1 for the span of the server. Each side knows its own namespace, and that of the other
// side only in Kubernetes.
func queryBeylaSpans(t *testing.T, server *promtest.Prometheus) {
	w := writer{t, server.URL}
	edge := func(client, clientNamespace, server, serverNamespace string) string {
		return fmt.Sprintf(`cluster="spans",source="beyla",client=%q,client_service_namespace=%q,server=%q,server_service_namespace=%q`,
			client, clientNamespace, server, serverNamespace)
	}
	both, caller, callee := edge("web", "shop", "cart", "shop"), edge("web", "shop", "mail", ""), edge("web", "", "mail", "office")
	alone := edge("cart", "shop", "10.0.0.7", "")
	less := edge("cart", "shop", "stock", "shop") // one of two servers has no instrumentation
	w.write(promgraph.MetricTotal,
		written{both, map[int]float64{1: 0, 9: 20}},
		written{caller, map[int]float64{1: 0, 9: 6}}, written{callee, map[int]float64{1: 0, 9: 6}},
		written{alone, map[int]float64{1: 0, 9: 5}},
		written{less, map[int]float64{1: 0, 9: 12}},
		written{`cluster="spans",client="web",client_service_namespace="shop",server="cart",server_service_namespace="shop"`, map[int]float64{1: 0, 9: 11}}, // by Tempo
		written{`cluster="spans",failed="false",client="web",server="old"`, map[int]float64{1: 0, 9: 3}},                                                    // by the Collector
	)
	w.write(promgraph.MetricFailed,
		written{both, map[int]float64{1: 0, 9: 6}},
		written{caller, map[int]float64{1: 0, 9: 2}}, written{callee, map[int]float64{1: 0, 9: 2}},
		written{alone, map[int]float64{1: 0, 9: 1}},
		written{less, map[int]float64{1: 0, 9: 3}},
	)
	for series, n := range map[string]int{both: 10, caller: 6, alone: 5, less: 8} {
		w.classic(promgraph.MetricClientSeconds, series, 1, 9, float64(n), 0.2, 2)
	}
	for series, n := range map[string]int{both: 10, callee: 6, less: 4} {
		w.classic(promgraph.MetricServerSeconds, series, 1, 9, float64(n), 0.2, 1)
	}
	w.classic(promgraph.MetricClientSeconds, `cluster="spans",client="web",client_service_namespace="shop",server="cart",server_service_namespace="shop"`, 1, 9, 11, 0.2, 2)
	w.classic(promgraph.MetricServerSeconds, `cluster="spans",client="web",client_service_namespace="shop",server="cart",server_service_namespace="shop"`, 1, 9, 11, 0.2, 1)
	g, back := read(t, server, `cluster="spans"`)
	check(t, g,
		"web service -> old service request 3/0",
		"shop/cart service -> 10.0.0.7 external request 5/1",
		"shop/cart service -> shop/stock service request 8/2",
		"shop/web service -> office/mail service request 6/2",
		"shop/web service -> shop/cart service request 11/0", // Tempo counted most
	)
	for e := range g.Edges() {
		want := map[string]servicegraph.Evidence{"mail": {Both: 6}, "stock": {Both: 4, Caller: 4}, "10.0.0.7": {Caller: 5}}[e.ID.To.Name]
		if want != (servicegraph.Evidence{}) && e.Evidence != want {
			t.Errorf("%s: evidence %+v, want %+v", e.ID, e.Evidence, want)
		}
	}
	if !slices.Equal(back.Sources, []string{"beyla", "collector", "tempo"}) || back.Duplicated != 1 {
		t.Errorf("%+v", back)
	}
}

// queryMixed reads series of several sources.
func queryMixed(t *testing.T, server *promtest.Prometheus) {
	w := writer{t, server.URL}
	w.write(promgraph.MetricTotal,
		written{`cluster="mixed",client="web",server="cart"`, map[int]float64{1: 0, 9: 100}},
		written{`cluster="mixed",source="beyla",client="web",server="cart"`, map[int]float64{1: 0, 9: 90}},
		written{`cluster="mixed",failed="false",client="web",server="cart"`, map[int]float64{1: 0, 9: 95}},
		written{`cluster="mixed",source="beyla",client="cart",server="legacy"`, map[int]float64{1: 0, 9: 9}},
	)
	g, back := read(t, server, `cluster="mixed"`)
	check(t, g, "cart service -> legacy service request 9/0", "web service -> cart service request 100/0")
	if back.Duplicated != 1 || !slices.Equal(back.Sources, []string{"beyla", "collector", "tempo"}) {
		t.Errorf("%+v", back)
	}
	notes := strings.Join(back.Notes(), "\n")
	for _, want := range []string{
		"Prometheus has no series of traces_service_graph_request_client_seconds and traces_service_graph_request_server_seconds",
		"1 edge reported by several sources: the source with the most calls counts",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("missing %q in\n%s", want, notes)
		}
	}
}

// queryVirtualNode checks that a name that is a service on one edge is the same service on an edge
// without a span of the service.
func queryVirtualNode(t *testing.T, server *promtest.Prometheus) {
	w := writer{t, server.URL}
	w.write(promgraph.MetricTotal,
		written{`cluster="virtual",client="web",server="cart"`, map[int]float64{1: 0, 9: 10}},
		written{`cluster="virtual",client="jobs",server="cart",connection_type="virtual_node"`, map[int]float64{1: 0, 9: 4}},
	)
	g, _ := read(t, server, `cluster="virtual"`)
	check(t, g, "jobs service -> cart service request 4/0", "web service -> cart service request 10/0")
	for e := range g.Edges() {
		if e.ID.From.Name == "jobs" && e.Evidence.Name != 4 {
			t.Errorf("evidence %+v, want the name", e.Evidence)
		}
	}
}

// queryErrors provokes the errors of a query. It needs series of the other tests.
func queryErrors(t *testing.T, server *promtest.Prometheus) {
	for selector, want := range map[string]string{
		`{cluster=prod}`:        `querying Prometheus with the selector {cluster=prod}: `,
		`cluster="nowhere"`:     `no service graph: Prometheus has no traces_service_graph_request_total{cluster="nowhere"} but has some with other labels: check the selector`,
		`cluster="tempo",x!=""`: `check the selector`,
	} {
		_, _, err := promgraph.Query(t.Context(), client(t, server.URL), promgraph.QueryConfig{Selector: selector, End: end, Range: end.Sub(start)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", selector, err, want)
		}
	}
	_, _, err := promgraph.Query(t.Context(), client(t, server.URL), promgraph.QueryConfig{End: end.Add(3 * time.Hour), Range: time.Minute})
	if !errors.Is(err, promgraph.ErrNoSeries) || !strings.Contains(err.Error(), "choose a longer or an earlier range") {
		t.Errorf("a range without series: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := promgraph.Query(canceled, client(t, server.URL), promgraph.QueryConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestQueryEmptyServer: the error for a Prometheus without any series names the likely cause.
func TestQueryEmptyServer(t *testing.T) {
	empty := fake(func(string) (model.Value, error) { return model.Vector{}, nil })
	_, _, err := promgraph.Query(t.Context(), empty, promgraph.QueryConfig{})
	if !errors.Is(err, promgraph.ErrNoSeries) || !strings.Contains(err.Error(), "is the service-graphs processor of Tempo's metrics-generator on") {
		t.Errorf("got %v", err)
	}
	down := fake(func(string) (model.Value, error) { return nil, errors.New("connection refused") })
	if _, _, err := promgraph.Query(t.Context(), down, promgraph.QueryConfig{}); err == nil || err.Error() != "querying Prometheus: connection refused" {
		t.Errorf("got %v", err)
	}
	odd := fake(func(string) (model.Value, error) { return &model.Scalar{}, nil })
	if _, _, err := promgraph.Query(t.Context(), odd, promgraph.QueryConfig{}); err == nil || !strings.Contains(err.Error(), "is a scalar, want a vector") {
		t.Errorf("got %v", err)
	}
}

// TestQueryWrongAnswers: an answer that is not one of Prometheus, which a proxy or another server
// gives, is an error that says what the answer is.
func TestQueryWrongAnswers(t *testing.T) {
	const notJSON = "querying Prometheus: the answer is not the JSON of Prometheus's HTTP API: "
	for body, want := range map[string]string{
		``:              notJSON,
		`hello`:         notJSON,
		`{}`:            notJSON + "bad_response: the answer has no data, or null in place of data",
		`null`:          notJSON + "bad_response: the answer has no data, or null in place of data",
		`{"data":[]}`:   notJSON,
		`{"data":{}}`:   notJSON,
		`<html>Sign in`: "querying Prometheus: a web page in place of an answer: ",
		`{"status":"su`: notJSON,
		`{"data":{"resultType":"vector","result":[null]}}`:                          notJSON + "bad_response: the answer has no data, or null in place of data",
		`{"data":{"resultType":"matrix","result":[null]}}`:                          notJSON + "bad_response: the answer has no data, or null in place of data",
		`{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}`: notJSON,
		`{"status":"error","errorType":"bad_data","error":"char 3"}`:                "querying Prometheus: bad_data: char 3",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
		_, _, err := promgraph.Query(t.Context(), client(t, server.URL), promgraph.QueryConfig{})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
		server.Close()
	}
	for name, answer := range map[string]http.HandlerFunc{
		"short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"status":`)
		},
		"cut gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "\x1f\x8b\x08\x00")
		},
	} {
		server := httptest.NewServer(answer)
		_, _, err := promgraph.Query(t.Context(), client(t, server.URL), promgraph.QueryConfig{})
		if want := "querying Prometheus: the answer broke off ("; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		server.Close()
	}
}

// TestQuerySlowServer: a query ends with its context, even if Prometheus never answers, or stops in
// the middle of an answer.
func TestQuerySlowServer(t *testing.T) {
	for name, answer := range map[string]string{"no answer": "", "half an answer": `{"status":"success","data":{"resultType":"vector","result":[`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if answer != "" {
				io.WriteString(w, answer)
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, _, err := promgraph.Query(ctx, client(t, server.URL), promgraph.QueryConfig{})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

// TestQueryNotUTF8: label values that are not UTF-8, which only a broken proxy returns, give names
// that can be written in every format.
func TestQueryNotUTF8(t *testing.T) {
	answered := false
	odd := fake(func(query string) (model.Value, error) {
		if answered || !strings.HasPrefix(query, "last_over_time("+promgraph.MetricTotal) {
			return model.Vector{}, nil // no value at the start of the range, and no reset
		}
		answered = true
		return model.Vector{{Metric: model.Metric{"client": "web\xff", "server": "cart\xc3"}, Value: 5, Timestamp: model.TimeFromUnix(end.Unix())}}, nil
	})
	g, _, err := promgraph.Query(t.Context(), odd, promgraph.QueryConfig{End: end})
	if err != nil {
		t.Fatal(err)
	}
	for n := range g.Nodes() {
		if !utf8.ValidString(n.ID.Name) {
			t.Errorf("the name %q is not UTF-8", n.ID.Name)
		}
	}
	if g.NumEdges() != 1 {
		t.Errorf("%d edges, want 1", g.NumEdges())
	}
	if _, err := g.MarshalJSON(); err != nil {
		t.Error(err)
	}
}

// A fake answers queries without a server.
type fake func(query string) (model.Value, error)

func (f fake) Query(_ context.Context, query string, _ time.Time, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	value, err := f(query)
	return value, nil, nil, err
}
