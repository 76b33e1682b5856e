package servicegraph_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// measured returns a graph without spans: a service calls another, and the other calls a database.
func measured(t *testing.T) *servicegraph.Graph {
	t.Helper()
	web, cart := node("web", servicegraph.TypeService), node("cart", servicegraph.TypeService)
	db := node("orders", servicegraph.TypeDatabase)
	latency := servicegraph.NewLatency([]servicegraph.LatencyBucket{
		{Above: 0, UpTo: 100 * time.Millisecond, Count: 90},
		{Above: 100 * time.Millisecond, UpTo: 200 * time.Millisecond, Count: 10},
	}, 6*time.Second)
	stats := servicegraph.Stats{Calls: 100, Errors: 5, Latency: latency}
	g, err := servicegraph.NewGraph(
		[]servicegraph.Node{{ID: cart, Requests: stats}},
		[]servicegraph.Edge{
			{ID: servicegraph.EdgeID{From: web, To: cart, Kind: servicegraph.EdgeRequest}, Calls: 100, Errors: 5, Caller: stats, Callee: stats},
			{ID: servicegraph.EdgeID{From: cart, To: db, Kind: servicegraph.EdgeRequest}, Calls: 40, Caller: servicegraph.Stats{Calls: 40}},
		},
		servicegraph.Report{First: 1, Last: 1 + int64(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func node(name string, typ servicegraph.NodeType) servicegraph.NodeID {
	return servicegraph.NodeID{Name: name, Type: typ}
}

// TestNewGraph: a graph without spans has all nodes. The requests of databases and the evidence are
// computed.
func TestNewGraph(t *testing.T) {
	g := measured(t)
	if g.NumNodes() != 3 || g.NumEdges() != 2 {
		t.Fatalf("%d nodes and %d edges, want 3 and 2", g.NumNodes(), g.NumEdges())
	}
	db, _ := g.Node(node("orders", servicegraph.TypeDatabase))
	if db.Requests.Calls != 40 || db.Requests.Observed != 40 {
		t.Errorf("the database has the requests %+v, want 40 calls", db.Requests)
	}
	for e := range g.Edges() {
		want := servicegraph.Evidence{Both: 100}
		if e.ID.To.Type == servicegraph.TypeDatabase {
			want = servicegraph.Evidence{Caller: 40}
		}
		if e.Evidence != want {
			t.Errorf("%s: evidence %+v, want %+v", e.ID, e.Evidence, want)
		}
	}
}

// TestNewGraphIsAGraph: JSON, merging and views work without spans.
func TestNewGraphIsAGraph(t *testing.T) {
	g := measured(t)
	text, err := g.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	read, err := servicegraph.ReadJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	again, err := read.MarshalJSON()
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("after a round trip (%v):\n%s\nwant\n%s", err, again, text)
	}

	id := servicegraph.EdgeID{From: node("web", servicegraph.TypeService), To: node("cart", servicegraph.TypeService), Kind: servicegraph.EdgeRequest}
	for name, view := range map[string]*servicegraph.Graph{
		"errors only":      g.ErrorsOnly(0),
		"top edges":        g.TopEdges(1),
		"errors of callee": g.WithErrorsOf(servicegraph.CalleeSide),
		"merged":           servicegraph.Merge(g, g),
	} {
		e, ok := view.Edge(id)
		want := 100.0
		if name == "merged" {
			want = 200
		}
		if !ok || e.Calls != want {
			t.Errorf("%s: %v calls, want %v", name, e.Calls, want)
		}
	}
	hidden := g.Hide(func(n servicegraph.Node) bool { return n.ID.Name == "cart" })
	if _, ok := hidden.Node(node("cart", servicegraph.TypeService)); ok || hidden.NumEdges() != 1 {
		t.Errorf("after hiding cart: %d edges, want web to orders", hidden.NumEdges())
	}
	if rate, ok := g.Rate(60); !ok || rate != 1 {
		t.Errorf("60 calls in a minute: %v per second", rate)
	}
}

func TestNewGraphErrors(t *testing.T) {
	web, cart := node("web", servicegraph.TypeService), node("cart", servicegraph.TypeService)
	id := servicegraph.EdgeID{From: web, To: cart, Kind: servicegraph.EdgeRequest}
	for want, in := range map[string]struct {
		nodes []servicegraph.Node
		edges []servicegraph.Edge
	}{
		`node "web" is listed twice`:                                                {nodes: []servicegraph.Node{{ID: web}, {ID: web}}},
		`node "web": the number NaN is not from 0 to 2^53`:                          {nodes: []servicegraph.Node{{ID: web, Entries: math.NaN()}}},
		`edge "web -> cart (request)" is listed twice`:                              {edges: []servicegraph.Edge{{ID: id}, {ID: id}}},
		`edge "web -> cart ()": unknown kind ""`:                                    {edges: []servicegraph.Edge{{ID: servicegraph.EdgeID{From: web, To: cart}}}},
		`edge "web -> cart (request)": 2 errors in 1 call`:                          {edges: []servicegraph.Edge{{ID: id, Calls: 1, Errors: 2}}},
		`edge "web -> cart (request)": caller: the number -1 is not from 0 to 2^53`: {edges: []servicegraph.Edge{{ID: id, Caller: servicegraph.Stats{Calls: -1}}}},
		`edge "web -> cart (request)": callee: 3 errors in 2 calls`:                 {edges: []servicegraph.Edge{{ID: id, Callee: servicegraph.Stats{Calls: 2, Errors: 3}}}},
	} {
		if _, err := servicegraph.NewGraph(in.nodes, in.edges, servicegraph.Report{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want %s", err, want)
		}
	}
}

// TestNewLatency: quantiles interpolate within a bucket, as Prometheus's histogram_quantile does,
// and counts stay whole.
func TestNewLatency(t *testing.T) {
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	l := servicegraph.NewLatency([]servicegraph.LatencyBucket{
		{Above: ms(100), UpTo: ms(200), Count: 1000},
		{Above: ms(0), UpTo: ms(100), Count: 1000},
		{Above: ms(200), UpTo: ms(400), Count: 0},
	}, 300*time.Second)
	if l.Count() != 2000 || l.Sum() != 300*time.Second || l.Mean() != ms(150) || l.Min() != 0 || l.Max() != ms(200) {
		t.Errorf("count %v, sum %v, mean %v, from %v to %v", l.Count(), l.Sum(), l.Mean(), l.Min(), l.Max())
	}
	for q, want := range map[float64]time.Duration{0.25: ms(50), 0.5: ms(100), 0.75: ms(150), 0.95: ms(190), 0.99: ms(198)} {
		got := l.Quantile(q)
		if difference := (got - want).Abs(); float64(difference) > 0.02*float64(want) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	counts := l.Cumulative([]time.Duration{ms(100), ms(200)})
	if math.Abs(counts[0]-1000) > 10 || counts[1] != 2000 { // 0.8 % of 1000, and rounding
		t.Errorf("%v samples up to the bounds, want about 1000, and 2000", counts)
	}

	one := servicegraph.NewLatency([]servicegraph.LatencyBucket{{Above: ms(100), UpTo: ms(200), Count: 1}}, 0)
	if got := one.Quantile(0.5); one.Count() != 1 || got < ms(148) || got > ms(152) || one.Sum() != ms(150) {
		t.Errorf("one sample: count %v, median %v, sum %v", one.Count(), got, one.Sum())
	}
	part := servicegraph.NewLatency([]servicegraph.LatencyBucket{{Above: 0, UpTo: ms(1), Count: 2.5}}, 0)
	if math.Abs(part.Count()-2.5) > 1e-9 {
		t.Errorf("2.5 samples count as %v", part.Count())
	}
	for name, bad := range map[string]servicegraph.LatencyBucket{
		"negative": {UpTo: ms(1), Count: -1},
		"NaN":      {UpTo: ms(1), Count: math.NaN()},
		"infinite": {UpTo: ms(1), Count: math.Inf(1)},
	} {
		if got := servicegraph.NewLatency([]servicegraph.LatencyBucket{bad}, ms(1)); got.Count() != 0 || got.Sum() != 0 {
			t.Errorf("%s: %v samples", name, got.Count())
		}
	}
}
