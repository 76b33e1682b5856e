package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otlpreceiver"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// oneCall returns a graph with one call to a service.
func oneCall(t *testing.T, service string) *servicegraph.Graph {
	t.Helper()
	b := servicegraph.NewBuilder(servicegraph.Config{})
	b.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1}, Service: service, Kind: servicegraph.KindServer, Start: 1, End: 2})
	return b.Graph()
}

// A day of slices needs a bounded number of graphs, loses no call, and knows recent times
// more exactly than distant ones.
func TestTimeSlices(t *testing.T) {
	var s timeSlices
	g := oneCall(t, "web")
	now := time.Unix(1_800_000_000, 0)
	for range 86_400 / 20 {
		now = now.Add(20 * time.Second)
		s.add(now, g)
		if len(s.list) > maxSlices {
			t.Fatalf("%d slices", len(s.list))
		}
	}
	calls := func(window time.Duration) float64 {
		g, _ := s.since(now.Add(-window))
		n := 0.0
		for node := range g.Nodes() {
			n += node.Requests.Calls
		}
		return n
	}
	for window, tolerance := range map[time.Duration]float64{2 * time.Minute: 0, 15 * time.Minute: 0.2, time.Hour: 0.2, 24 * time.Hour: 0.01} {
		want := window.Seconds() / 20
		if got := calls(window); got < want*(1-tolerance) || got > want*(1+tolerance)+1 {
			t.Errorf("%v: %v calls, want %v", window, got, want)
		}
	}
	s.add(now.Add(maxWindow+time.Hour), g)
	if len(s.list) > 2 {
		t.Errorf("%d slices, although all but one are older than %v", len(s.list), maxWindow)
	}
}

// With a window, the graph has the traces that were complete in it, and old calls disappear
// although nothing arrives any more. Clear forgets everything.
func TestLiveWindow(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLive(servicegraph.Config{Window: liveWindow})
	l.now = func() time.Time { return now }
	l.setWindow(5 * time.Minute)
	l.graph()
	send := func(trace int, service string) {
		t.Helper()
		body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[
			{"traceId":"%032x","spanId":"0000000000000001","name":"s","kind":2,"startTimeUnixNano":"1000","endTimeUnixNano":"2000"}]}]}]}`, service, trace)
		if _, err := l.take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	look := func() []string {
		for range 60 {
			now = now.Add(time.Second)
			if g, _, _, _ := l.graph(); g != nil {
				names = nil
				for n := range g.Nodes() {
					names = append(names, n.ID.Name)
				}
			}
		}
		return names
	}
	send(1, "old")
	if got := look(); !slices.Equal(got, []string{"old"}) {
		t.Errorf("after a minute: %v", got)
	}
	for range 3 {
		look()
	}
	send(2, "new")
	if got := look(); !slices.Equal(got, []string{"new", "old"}) {
		t.Errorf("after 5 minutes: %v", got)
	}
	if got := look(); !slices.Equal(got, []string{"new"}) {
		t.Errorf("after 6 minutes: %v", got)
	}
	l.setWindow(0)
	if got := look(); !slices.Equal(got, []string{"new", "old"}) {
		t.Errorf("all spans: %v", got)
	}
	l.clear()
	if got := look(); len(got) != 0 {
		t.Errorf("after clear: %v", got)
	}
	send(3, "next")
	if got := look(); !slices.Equal(got, []string{"next"}) {
		t.Errorf("spans after clear: %v", got)
	}
}

// The panels of nodes have what their failure reaches: exactly while all traces are held, and then at
// most, with the exact numbers of the last traces.
func TestLiveReach(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLive(servicegraph.Config{Window: liveWindow})
	l.now = func() time.Time { return now }
	send := func(trace int, callee bool) {
		t.Helper()
		spans := fmt.Sprintf(`{"traceId":"%032x","spanId":"0000000000000001","name":"s","kind":2,"startTimeUnixNano":"1000","endTimeUnixNano":"9000"}`, trace)
		if callee {
			spans += fmt.Sprintf(`,{"traceId":"%032x","spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"s","kind":3,"startTimeUnixNano":"2000","endTimeUnixNano":"8000","attributes":[{"key":"peer.service","value":{"stringValue":"cart"}}]}`, trace)
		}
		body := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[{"spans":[` + spans + `]}]}]}`
		if _, err := l.take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
			t.Fatal(err)
		}
	}
	cart := servicegraph.NodeID{Name: "cart", Type: servicegraph.TypeExternal}
	look := func(want string) {
		t.Helper()
		g, held, _, _ := l.graph()
		if g == nil {
			t.Fatal("no graph")
		}
		nodes, _ := topology.Describe(g, held.Reach, held.all)
		if nodes[cart] != want {
			t.Errorf("a failure of cart reaches %q, want %q", nodes[cart], want)
		}
	}
	for i := range 4 {
		send(1+i, i == 0)
	}
	now = now.Add(liveWindow.Quiet)
	look("1 of 1 entry, 25% of requests")
	now = now.Add(liveWindow.Remember)
	for i := range 2 {
		send(5+i, i == 0)
	}
	now = now.Add(liveWindow.Quiet)
	look("at most 1 of 1 entry, 33% of requests; in the last 2 traces: 1 of 1 entry, 50% of requests")

	// Of a window, the graph has other traces than those that are held.
	l.setWindow(time.Minute)
	look("at most 1 of 1 entry, 25% of requests; in the last 2 traces: 1 of 1 entry, 50% of requests")

	l.setWindow(0)
	l.clear()
	send(9, true)
	now = now.Add(liveWindow.Quiet)
	look("1 of 1 entry, 100% of requests")
}

// Traces are counted only while this holds up requests for a short time.
func TestLiveReachIsBounded(t *testing.T) {
	l := newLive(servicegraph.Config{Window: liveWindow})
	add := func(spans int) {
		for i := range spans {
			l.builder.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1, byte(i >> 16), byte(i >> 8), byte(i)}, Service: "web"})
		}
	}
	add(maxTallied)
	if held := l.count(true); held.Reach == nil || held.Traces != 1 || !held.all {
		t.Errorf("%d spans: %+v", maxTallied, held)
	}
	l.builder.Add(servicegraph.Span{TraceID: servicegraph.TraceID{2}, SpanID: servicegraph.SpanID{1}, Service: "web"})
	if held := l.count(true); held.Reach != nil || held.all {
		t.Errorf("%d spans: %+v", maxTallied+1, held)
	}
}

func TestWindowLength(t *testing.T) {
	for window, want := range map[string]time.Duration{"all": 0, "30s": 30 * time.Second, "15m": 15 * time.Minute, "1d": 24 * time.Hour} {
		if got, err := windowLength(window); err != nil || got != want {
			t.Errorf("%q is %v (%v), want %v", window, got, err, want)
		}
	}
	for _, window := range []string{"", "5", "1s", "2d", "-5m", "ALL"} {
		if got, err := windowLength(window); err == nil {
			t.Errorf("%q is %v, want an error", window, got)
		}
	}
	if got := offered(otlpWindows, "30m"); !slices.Equal(got, []string{"5m", "15m", "30m", "1h", "all"}) {
		t.Errorf("offered: %v", got)
	}
	if got := offered(tempoWindows, "60m"); !slices.Equal(got, tempoWindows) {
		t.Errorf("60m is offered besides 1h: %v", got)
	}
}
