package topology_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/topology"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// reachOf returns the reach of the traces that a builder holds.
func reachOf(b *servicegraph.Builder) *topology.Reach {
	r := new(topology.Reach)
	for t := range b.Traces() {
		r.Add(t)
	}
	return r
}

// TestReach checks exact numbers of requests, for which a graph alone only gives a bound. The
// service web calls a shared service for only some requests, and several times in one request.
func TestReach(t *testing.T) {
	b := builderOf(t, "web cart", "web cart db", "web", "jobs cart", "jobs cart db", "jobs")
	r := reachOf(b)
	for _, c := range []struct{ node, want string }{
		{"web", "web: 3 of 6, 1 of 2 entries"},
		{"cart", "jobs web: 4 of 6, 2 of 2 entries"},
		{"db", "jobs web: 2 of 6, 2 of 2 entries"},
		{"nowhere", ": 0 of 6, 0 of 2 entries"},
	} {
		i := r.BlastRadius(service(c.node))
		if got := fmt.Sprintf("%s: %v of %v, %d of %d entries", names(i.Entries), i.Requests, i.Total, len(i.Entries), i.Of); got != c.want {
			t.Errorf("%s: %s, want %s", c.node, got, c.want)
		}
	}
	if i := r.BlastRadiusOfCall(topology.Call{From: service("jobs"), To: service("cart")}); i.Requests != 2 || names(i.Entries) != "jobs" {
		t.Errorf("call from jobs to cart: %+v", i)
	}
	if r.Traces != 6 || r.Linked != 0 {
		t.Errorf("%d traces, %d linked messages", r.Traces, r.Linked)
	}
}

// TestReachIsWithinTheBound checks on real traffic that no exact number is above the bound that the
// graph gives, and that the entries are the same.
func TestReachIsWithinTheBound(t *testing.T) {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	if err := tracefile.LoadFile(b, "../../examples/traces/hotrod.jsonl.gz", tracefile.LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	g := b.Graph()
	r, bound := reachOf(b), topology.New(g, topology.Calls)
	less := 0
	for n := range g.Nodes() {
		exact := r.BlastRadius(n.ID)
		most, _ := bound.BlastRadius(n.ID)
		if exact.Requests > most.Requests || exact.Total != most.Total || exact.Of != most.Of || exact.Requests == 0 {
			t.Errorf("%s: exactly %+v, at most %+v", n.ID, exact, most)
		}
		if exact.Requests < most.Requests {
			less++
		}
	}
	for e := range g.Edges() {
		call := topology.Call{From: e.ID.From, To: e.ID.To}
		exact := r.BlastRadiusOfCall(call)
		if most, _ := bound.BlastRadiusOfCall(call); exact.Requests > most.Requests || exact.Requests == 0 {
			t.Errorf("%s: exactly %+v, at most %+v", e.ID, exact, most)
		}
	}
	if less == 0 {
		t.Error("no exact number is below its bound: the test shows nothing")
	}
}

// TestReachOfMessages checks that a consumer in the trace of its producer counts for the request,
// and that a consumer in another trace is counted as linked.
func TestReachOfMessages(t *testing.T) {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	span := func(trace, id, parent byte, kind servicegraph.Kind, service string, links ...servicegraph.Link) {
		s := servicegraph.Span{TraceID: servicegraph.TraceID{15: trace}, SpanID: servicegraph.SpanID{id}, Kind: kind, Service: service, Start: 1e9, End: 2e9, Links: links}
		if parent > 0 {
			s.ParentID = servicegraph.SpanID{parent}
		}
		b.Add(s)
	}
	span(1, 1, 0, servicegraph.KindServer, "web")
	span(1, 2, 1, servicegraph.KindProducer, "web")
	span(1, 3, 2, servicegraph.KindConsumer, "mail")
	span(1, 4, 1, servicegraph.KindProducer, "web")
	span(2, 1, 0, servicegraph.KindConsumer, "audit", servicegraph.Link{TraceID: servicegraph.TraceID{15: 1}, SpanID: servicegraph.SpanID{4}})
	r := reachOf(b)
	var got []string
	for _, name := range []string{"web", "mail", "audit"} {
		got = append(got, fmt.Sprint(name, " ", r.BlastRadius(service(name)).Requests))
	}
	if want := "web 1, mail 1, audit 0"; strings.Join(got, ", ") != want || r.Linked != 1 {
		t.Errorf("got %v and %d linked, want %s and 1", got, r.Linked, want)
	}
}

// TestReachOfJobs checks that the work of jobs counts in place of requests if no request enters
// from outside, and that a trace whose beginning is missing does not count.
func TestReachOfJobs(t *testing.T) {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	job := func(trace byte, parent servicegraph.SpanID, callee bool) {
		add := func(id byte, parent servicegraph.SpanID, kind servicegraph.Kind, service string) {
			b.Add(servicegraph.Span{TraceID: servicegraph.TraceID{15: trace}, SpanID: servicegraph.SpanID{id}, ParentID: parent, Kind: kind, Service: service, Start: 1e9, End: 2e9})
		}
		add(1, parent, servicegraph.KindInternal, "job")
		if callee {
			add(2, servicegraph.SpanID{1}, servicegraph.KindClient, "job")
			add(3, servicegraph.SpanID{2}, servicegraph.KindServer, "cart")
		}
	}
	job(1, servicegraph.SpanID{}, true)
	job(2, servicegraph.SpanID{}, false)
	job(3, servicegraph.SpanID{9}, true)
	r := reachOf(b)
	if i := r.BlastRadius(service("cart")); !r.Begun() || i.Requests != 1 || i.Total != 2 || i.Of != 1 || names(i.Entries) != "job" {
		t.Errorf("of jobs: %v, %+v", r.Begun(), i)
	}
	nodes, _ := topology.Describe(b.Graph(), r, true)
	if got := nodes[service("cart")]; got != "1 of 1 entry, 50% of requests" {
		t.Errorf("described as %q", got)
	}
	nodes, _ = topology.Describe(b.Graph(), nil, true)
	if got := nodes[service("cart")]; got != "at most 1 of 1 entry" {
		t.Errorf("without traces described as %q", got)
	}

	// With a request from outside, the jobs do not count.
	b.Add(servicegraph.Span{TraceID: servicegraph.TraceID{15: 4}, SpanID: servicegraph.SpanID{1}, Kind: servicegraph.KindServer, Service: "cart", Start: 1e9, End: 2e9})
	r = reachOf(b)
	if i := r.BlastRadius(service("cart")); r.Begun() || i.Requests != 1 || i.Total != 1 || names(i.Entries) != "cart" {
		t.Errorf("with a request from outside: %v, %+v", r.Begun(), i)
	}
}

// TestReachOfALargeTrace checks that a deep chain takes linear time.
func TestReachOfALargeTrace(t *testing.T) {
	const n = 100_000
	calls := make([]servicegraph.Call, n)
	for i := range calls {
		calls[i] = servicegraph.Call{From: service("a"), To: service("a"), Within: i + 1, Weight: 1} // the outermost call comes last
	}
	calls[n-1] = servicegraph.Call{To: service("a"), Within: -1, Entry: true, Weight: 2}
	var r topology.Reach
	r.Add(servicegraph.Trace{Calls: calls})
	if i := r.BlastRadius(service("a")); i.Requests != 2 || i.Total != 2 {
		t.Errorf("%+v", i)
	}
}
