package livegraph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// TestTimeSlices: the slices of a day are bounded in number, lose no call, and are shorter for
// recent times than for distant times.
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

// TestLiveWindow: with a window, the graph has the traces that became complete during the window.
// Old calls disappear even if no more spans arrive. Clear forgets everything.
func TestLiveWindow(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := New(servicegraph.Config{Window: Window}, 0)
	l.now = func() time.Time { return now }
	l.SetWindow(5 * time.Minute)
	l.Graph()
	send := func(trace int, service string) {
		t.Helper()
		body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[
			{"traceId":"%032x","spanId":"0000000000000001","name":"s","kind":2,"startTimeUnixNano":"1000","endTimeUnixNano":"2000"}]}]}]}`, service, trace)
		if _, err := l.Take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	look := func() []string {
		for range 60 {
			now = now.Add(time.Second)
			if g, _, _, _ := l.Graph(); g != nil {
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
	l.SetWindow(0)
	if got := look(); !slices.Equal(got, []string{"new", "old"}) {
		t.Errorf("all spans: %v", got)
	}
	l.Clear()
	if got := look(); len(got) != 0 {
		t.Errorf("after clear: %v", got)
	}
	send(3, "next")
	if got := look(); !slices.Equal(got, []string{"next"}) {
		t.Errorf("spans after clear: %v", got)
	}
}

// TestLiveReach: the text about a node's blast radius is exact while all traces are held. Later it
// is an upper bound, followed by the exact numbers for the last traces.
func TestLiveReach(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := New(servicegraph.Config{Window: Window}, 0)
	l.now = func() time.Time { return now }
	send := func(trace int, callee bool) {
		t.Helper()
		spans := fmt.Sprintf(`{"traceId":"%032x","spanId":"0000000000000001","name":"s","kind":2,"startTimeUnixNano":"1000","endTimeUnixNano":"9000"}`, trace)
		if callee {
			spans += fmt.Sprintf(`,{"traceId":"%032x","spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"s","kind":3,"startTimeUnixNano":"2000","endTimeUnixNano":"8000","attributes":[{"key":"peer.service","value":{"stringValue":"cart"}}]}`, trace)
		}
		body := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[{"spans":[` + spans + `]}]}]}`
		if _, err := l.Take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
			t.Fatal(err)
		}
	}
	cart := servicegraph.NodeID{Name: "cart", Type: servicegraph.TypeExternal}
	look := func(want string) {
		t.Helper()
		g, held, _, _ := l.Graph()
		if g == nil {
			t.Fatal("no graph")
		}
		nodes, _ := topology.Describe(g, held.Reach, held.All)
		if nodes[cart] != want {
			t.Errorf("a failure of cart reaches %q, want %q", nodes[cart], want)
		}
	}
	for i := range 4 {
		send(1+i, i == 0)
	}
	now = now.Add(Window.Quiet)
	look("1 of 1 entry, 25% of requests")
	now = now.Add(Window.Remember)
	for i := range 2 {
		send(5+i, i == 0)
	}
	now = now.Add(Window.Quiet)
	look("at most 1 of 1 entry, 33% of requests; in the last 2 traces: 1 of 1 entry, 50% of requests")

	// With a window, the traces of the graph are not the traces that are held.
	l.SetWindow(time.Minute)
	look("at most 1 of 1 entry, 25% of requests; in the last 2 traces: 1 of 1 entry, 50% of requests")

	l.SetWindow(0)
	l.Clear()
	send(9, true)
	now = now.Add(Window.Quiet)
	look("1 of 1 entry, 100% of requests")
}

// TestLiveReachIsBounded: traces are counted only if they are so few that requests wait only for a
// short time.
func TestLiveReachIsBounded(t *testing.T) {
	l := New(servicegraph.Config{Window: Window}, 0)
	add := func(spans int) {
		for i := range spans {
			l.builder.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1, byte(i >> 16), byte(i >> 8), byte(i)}, Service: "web"})
		}
	}
	add(maxTallied)
	if held := l.count(true); held.Reach == nil || held.Traces != 1 || !held.All {
		t.Errorf("%d spans: %+v", maxTallied, held)
	}
	l.builder.Add(servicegraph.Span{TraceID: servicegraph.TraceID{2}, SpanID: servicegraph.SpanID{1}, Service: "web"})
	if held := l.count(true); held.Reach != nil || held.All {
		t.Errorf("%d spans: %+v", maxTallied+1, held)
	}
}

func TestWindowLength(t *testing.T) {
	for window, want := range map[string]time.Duration{"all": 0, "30s": 30 * time.Second, "15m": 15 * time.Minute, "1d": 24 * time.Hour} {
		if got, err := WindowLength(window); err != nil || got != want {
			t.Errorf("%q is %v (%v), want %v", window, got, err, want)
		}
	}
	for _, window := range []string{"", "5", "1s", "2d", "-5m", "ALL"} {
		if got, err := WindowLength(window); err == nil {
			t.Errorf("%q is %v, want an error", window, got)
		}
	}
	if got := Offered(OTLPWindows, "30m"); !slices.Equal(got, []string{"5m", "15m", "30m", "1h", "all"}) {
		t.Errorf("offered: %v", got)
	}
	if got := Offered(TempoWindows, "60m"); !slices.Equal(got, TempoWindows) {
		t.Errorf("60m is offered besides 1h: %v", got)
	}
}

// TestLiveIsBounded: an endless stream of spans uses bounded memory, and all spans are counted.
func TestLiveIsBounded(t *testing.T) {
	window := Window
	window.Spans = 1000
	l := New(servicegraph.Config{Window: window}, 0)
	const requests, each = 200, 50
	for i := range requests {
		var spans []string
		for j := range each {
			spans = append(spans, fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","name":"s","kind":2,"startTimeUnixNano":"1000","endTimeUnixNano":"2000"}`, i+1, j+1))
		}
		body := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[{"spans":[` + strings.Join(spans, ",") + `]}]}]}`
		if _, err := l.Take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
			t.Fatal(err)
		}
	}
	g, _, _, _ := l.Graph()
	r := g.Report()
	if r.Spans != requests*each || r.Traces != requests {
		t.Errorf("got %d spans of %d traces", r.Spans, r.Traces)
	}
	if held := r.Open; held > 1000/each {
		t.Errorf("%d traces are held in memory", held)
	}
	if r.EvictedSpans == 0 {
		t.Error("no trace was forgotten")
	}
	if g, _, _, _ := l.Graph(); g != nil {
		t.Error("a graph without new spans")
	}
}

// TestLiveInventsNothing takes graphs while instrumented services send the spans of a call in
// separate batches, up to five seconds apart. No node may be in one graph and missing in the next.
// A database without spans appears when its trace is closed, even if no more spans arrive.
func TestLiveInventsNothing(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := New(servicegraph.Config{Window: Window}, 0)
	l.now = func() time.Time { return now }
	rng := rand.New(rand.NewPCG(1, 1))
	services := []string{"web", "cart", "orders"}
	batches := make([][]string, len(services)) // the spans that each service has not sent yet
	send := func(service int) {
		body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[%s]}]}]}`,
			services[service], strings.Join(batches[service], ","))
		if _, err := l.Take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
			t.Fatal(err)
		}
		batches[service] = nil
	}
	span := func(service, trace, id, parent, kind int, peer string) {
		batches[service] = append(batches[service], fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","parentSpanId":"%016x","name":"s","kind":%d,`+
			`"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[{"key":"server.address","value":{"stringValue":%q}}]}`,
			trace, id, parent, kind, now.UnixNano(), now.UnixNano()+1000, peer))
	}
	names := func(g *servicegraph.Graph) map[string]bool {
		found := make(map[string]bool)
		for n := range g.Nodes() {
			found[n.ID.Name] = true
		}
		return found
	}
	before, graphs := make(map[string]bool), 0
	look := func() {
		g, _, _, _ := l.Graph()
		if g == nil {
			return
		}
		graphs++
		after := names(g)
		for name := range before {
			if !after[name] {
				t.Fatalf("graph %d: the node %s disappeared: %v", graphs, name, after)
			}
		}
		before = after
	}
	for trace := 1; trace <= 200; trace++ {
		const server, client = 2, 3
		span(0, trace, 1, 0, server, "")
		span(0, trace, 2, 1, client, "cart.shop")
		span(1, trace, 3, 2, server, "")
		span(1, trace, 4, 3, client, "orders.shop")
		span(2, trace, 5, 4, server, "")
		span(2, trace, 6, 5, client, "ledger.example") // has no spans
		now = now.Add(250 * time.Millisecond)
		for service := range services {
			if len(batches[service]) >= 20 || rng.IntN(40) == 0 { // at most 5 seconds old
				send(service)
			}
		}
		look()
	}
	if before["cart.shop"] || before["orders.shop"] || !before["ledger.example"] {
		t.Errorf("the nodes under load: %v, want ledger.example and no service by its address", before)
	}
	for service := range services {
		send(service)
	}
	look()
	if g, _, _, _ := l.Graph(); g != nil {
		t.Error("a graph, although nothing has changed")
	}
	now = now.Add(Window.Quiet)
	g, _, _, _ := l.Graph()
	if g == nil {
		t.Fatal("no graph after the traces have closed")
	}
	if r := g.Report(); r.Pending != 0 || r.Virtual != 200 || g.NumNodes() != 4 {
		t.Errorf("after the traces have closed: %d spans are pending, %d calls have no callee, %d nodes", r.Pending, r.Virtual, g.NumNodes())
	}
}

// Many senders at the same time get an error for each malformed request, and their other
// requests are accepted.
func TestLiveConcurrentSafe(t *testing.T) {
	l := New(servicegraph.Config{Window: Window}, 0)
	done := make(chan error)
	const senders = 8
	for i := range senders {
		go func() {
			body := fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x"}]}]}]}`, i+1, 1)
			for range 50 {
				if _, err := l.Take(otlpreceiver.Request{Body: []byte(body), JSON: true}); err != nil {
					done <- err
					return
				}
				if _, err := l.Take(otlpreceiver.Request{Body: []byte(body)}); err == nil {
					done <- fmt.Errorf("JSON is accepted as protobuf")
					return
				}
				l.Graph()
			}
			done <- nil
		}()
	}
	for range senders {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	l.fresh = true
	g, _, _, _ := l.Graph()
	if r := g.Report(); r.Traces != senders || r.Skipped != senders*50 {
		t.Errorf("got %d traces, %d skipped", r.Traces, r.Skipped)
	}
}
