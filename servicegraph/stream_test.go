package servicegraph_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestLiveInventsNothing streams whole traces in random order and looks at the live graph after
// each span. No node or edge may disappear, and no number of calls may fall. Once all traces are
// closed, the live graph must be the graph of one build.
func TestLiveInventsNothing(t *testing.T) {
	var pending, invented uint64
	for seed := range seeds(t, 100) {
		rng := rand.New(rand.NewPCG(seed, 17))
		spans := wholeTraces(rng)
		if sharesIDs(spans) {
			continue
		}
		for i := range spans { // the outer one of nested client spans gives the weight and the status, and may come last
			spans[i].Weight, spans[i].Status = 1, sg.StatusUnset
		}
		rng.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		cfg := sg.Config{QueueNodes: seed%5 == 1, UserNode: seed%5 == 2, InferCalls: seed%5 == 3}
		whole := buildWith(cfg, spans)
		cfg.Window = sg.Window{Quiet: time.Minute, Remember: time.Hour}
		b := sg.NewBuilder(cfg)
		b.Advance(clock)
		before := sg.Merge()
		for i, s := range spans {
			b.Add(s)
			live := b.Live()
			checkGrowth(t, before, live)
			for n := range live.Nodes() {
				if _, stays := whole.Node(n.ID); !stays {
					t.Errorf("the node %v is in no later graph", n.ID)
				}
			}
			for n := range b.Graph().Nodes() {
				if _, stays := whole.Node(n.ID); !stays {
					invented++
				}
			}
			r := live.Report()
			if r.Accounted() != r.Spans {
				t.Errorf("%d spans, but %d outcomes", r.Spans, r.Accounted())
			}
			pending += r.Pending
			if t.Failed() {
				t.Fatalf("seed %d, span %d:\nbefore:\n%s\nafter:\n%s", seed, i+1, describe(before), describe(live))
			}
			before = live
		}
		b.Advance(clock.Add(time.Minute))
		if got, want := stripWindow(b.Live()), stripWindow(whole); got != want {
			t.Fatalf("seed %d: the live graph of closed traces differs from that of one build:\n%s", seed, cmp.Diff(want, got))
		}
	}
	if pending == 0 || invented == 0 {
		t.Errorf("%d spans were pending and %d nodes of Builder.Graph disappeared: the traces test nothing", pending, invented)
	}
}

// sharesIDs reports whether two spans of one trace have the same id, as the two sides of a call
// have in Zipkin's B3. If a span is a child of that id, a live graph can take the wrong side for
// the parent until both sides have arrived.
func sharesIDs(spans []sg.Span) bool {
	seen := make(map[sg.Link]bool)
	for _, s := range spans {
		id := sg.Link{TraceID: s.TraceID, SpanID: s.SpanID}
		if seen[id] {
			return true
		}
		seen[id] = true
	}
	return false
}

// checkGrowth checks that a graph has every edge and every node of an earlier one, and at least as
// many calls on each edge.
func checkGrowth(t *testing.T, before, after *sg.Graph) {
	t.Helper()
	for n := range before.Nodes() {
		if _, ok := after.Node(n.ID); !ok {
			t.Errorf("the node %v disappeared", n.ID)
		}
	}
	for e := range before.Edges() {
		if now, _ := after.Edge(e.ID); now.Calls < e.Calls || now.Errors < e.Errors {
			t.Errorf("%v fell from %v calls with %v errors to %v with %v", e.ID, e.Calls, e.Errors, now.Calls, now.Errors)
		}
	}
}

// TestLive follows single traces. It checks the live graph while a trace is open, and after the
// trace closes.
func TestLive(t *testing.T) {
	for _, c := range []struct {
		name         string
		cfg          sg.Config
		spans        string
		open, closed string // the edges and the report
	}{
		{
			name:   "a call whose callee has no spans",
			spans:  "S A a 0+100\nC A c<a 10+50 server.address=b",
			open:   "2 spans: 1 root, 1 pending\n",
			closed: "A -> b request n1\n2 spans: 1 virtual, 1 root\n",
		},
		{
			name:   "a call with a span of each side, and the parent of a caller that is missing",
			spans:  "C A c<a 10+50 server.address=b\nS B s<c 20+30",
			open:   "A -> B request n1\n2 spans: 2 paired\n",
			closed: "A -> B request n1\n2 spans: 2 paired\nnoticed: 1 missing parent\n",
		},
		{
			name:   "a client that names nothing, and a server whose parent is missing",
			spans:  "C A c 0+50\nS B s<x 10+30",
			open:   "2 spans: 2 pending\n",
			closed: "2 spans: 1 orphan, 1 unresolved\nnoticed: 1 missing parent\n",
		},
		{
			name:   "the same with a guess",
			cfg:    sg.Config{InferCalls: true},
			spans:  "C A c 0+50\nS B s<x 10+30",
			open:   "2 spans: 2 pending\n",
			closed: "A -> B request n1\n2 spans: 2 paired\nnoticed: 1 missing parent\n",
		},
		{
			name:   "a producer without a consumer",
			spans:  "P A p 0+10 messaging.system=kafka messaging.destination.name=orders",
			open:   "1 spans: 1 pending\n",
			closed: "A -> kafka/orders message n1\n1 spans: 1 virtual\n",
		},
		{
			name:   "a consumer whose producer is missing",
			spans:  "N B one:n 0+10 messaging.system=kafka messaging.destination.name=orders link=two:p",
			open:   "1 spans: 1 pending\n",
			closed: "kafka/orders -> B message n1\n1 spans: 1 virtual\nnoticed: 1 link missing\n",
		},
		{
			name:   "both halves of a message in open traces",
			spans:  "P A two:p 0+10 messaging.system=kafka messaging.destination.name=orders\nN B one:n 20+10 link=two:p",
			open:   "A -> B message n1\n2 spans: 2 paired\n",
			closed: "A -> B message n1\n2 spans: 2 paired\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := c.cfg
			cfg.Window = sg.Window{Quiet: time.Second, Remember: time.Hour}
			b := sg.NewBuilder(cfg)
			b.Advance(clock)
			for _, s := range mustParse(t, c.spans) {
				b.Add(s)
			}
			open := b.Live()
			if diff := cmp.Diff(c.open, streamLines(open)); diff != "" {
				t.Errorf("while the trace is open (-want +got):\n%s", diff)
			}
			again, err := sg.ReadJSON(bytes.NewReader(marshal(t, open)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(streamLines(open), streamLines(again)); diff != "" {
				t.Errorf("a JSON round trip changes the live graph:\n%s", diff)
			}
			b.Advance(clock.Add(time.Second))
			if diff := cmp.Diff(c.closed, streamLines(b.Live())); diff != "" {
				t.Errorf("after the trace is closed (-want +got):\n%s", diff)
			}
		})
	}
}

// streamLines returns the edges and the report of a graph, one line each.
func streamLines(g *sg.Graph) string {
	var b strings.Builder
	for e := range g.Edges() {
		fmt.Fprintf(&b, "%s -> %s %s n%v", e.ID.From, e.ID.To, e.ID.Kind, e.Calls)
		if e.Errors > 0 {
			fmt.Fprintf(&b, " e%v", e.Errors)
		}
		if e.Evidence.Address > 0 {
			fmt.Fprintf(&b, " address %v", e.Evidence.Address)
		}
		b.WriteByte('\n')
	}
	return b.String() + describeReport(g.Report())
}

// TestDeltasAreFinal takes deltas at random times from a stream in which traces are forgotten all
// the time, and checks that the sum of the deltas never falls and in the end has all calls.
func TestDeltasAreFinal(t *testing.T) {
	moved := 0
	for seed := range seeds(t, 100) {
		rng := rand.New(rand.NewPCG(seed, 18))
		spans := wholeTraces(rng)
		if seed%2 == 1 {
			spans = damagedTraces(rng)
		}
		cfg := lawConfigs[seed/2%uint64(len(lawConfigs))]
		cfg.Window = sg.Window{Quiet: time.Second, Remember: time.Second}
		b := sg.NewBuilder(cfg)
		now := clock
		b.Advance(now)
		sum, calls := sg.Merge(), make(map[sg.EdgeID]float64)
		exact := make(map[sg.EdgeID]float64) // of the builder's graphs: the most calls
		add := func(delta *sg.Graph) {
			for e := range delta.Edges() {
				calls[e.ID] += e.Calls
			}
			next := sg.Merge(sum, delta)
			checkGrowth(t, sum, next)
			for e := range next.Edges() {
				if e.Calls != calls[e.ID] {
					t.Errorf("%v has %v calls in the sum of the deltas, want %v", e.ID, e.Calls, calls[e.ID])
				}
			}
			if next.NumEdges() != len(calls) {
				t.Errorf("the sum of the deltas has %d edges, want %d", next.NumEdges(), len(calls))
			}
			if r := delta.Report(); r.Accounted() != r.Spans {
				t.Errorf("%d spans, but %d outcomes:\n%s", r.Spans, r.Accounted(), describe(delta))
			}
			if t.Failed() {
				t.Fatalf("seed %d:\nsum:\n%s\ndelta:\n%s", seed, describe(sum), describe(delta))
			}
			sum = next
		}
		for _, s := range spans {
			now = now.Add(time.Duration(rng.IntN(400)) * time.Millisecond)
			b.Advance(now)
			b.Add(s)
			if rng.IntN(6) == 0 {
				add(b.Delta())
			}
			for e := range b.Graph().Edges() {
				exact[e.ID] = max(exact[e.ID], e.Calls)
			}
		}
		b.Advance(now.Add(time.Hour))
		b.Advance(now.Add(2 * time.Hour))
		add(b.Delta())
		graph := b.Graph()
		if got, want := sum.Report().Spans, graph.Report().Spans; got != want {
			t.Errorf("seed %d: the deltas have %d spans, the graph %d", seed, got, want)
		}
		for id, most := range exact {
			if e, _ := graph.Edge(id); e.Calls < most {
				moved++
			}
		}
	}
	if moved == 0 {
		t.Error("no call of Builder.Graph moved to another edge: the streams test nothing")
	}
}

// TestDeltaKeepsWhatItGave follows streams in which a later trace reveals more about a call of an
// earlier delta. The call must stay as it was.
func TestDeltaKeepsWhatItGave(t *testing.T) {
	const none = "0 spans: \n"
	for _, c := range []struct {
		name   string
		steps  []string // each has traces to forget and, after a line "held", traces that are still held at the delta
		deltas []string // without the lines of nodes
	}{
		{
			name: "an address that is learned later",
			steps: []string{
				"C A one:c 0+9 ! server.address=b server.port=80",
				"C A two:c 0+9 server.address=b server.port=80\nS B two:s<c 1+5\nC A three:c 0+9 ! server.address=b server.port=80",
				"C A four:c 0+9 ! server.address=b server.port=80",
			},
			deltas: []string{
				"A -> b request n1 e1\n1 spans: 1 virtual\n",
				"A -> B request n2 e1 address 1\n3 spans: 2 paired, 1 virtual\n",
				"A -> B request n1 e1 address 1\n1 spans: 1 virtual\n",
			},
		},
		{
			name: "a service that is seen later",
			steps: []string{
				"C A one:c 0+9 peer.service=B",
				"S B two:s 0+9\nC A three:c 0+9 peer.service=B",
			},
			deltas: []string{
				"A -> B request n1\n1 spans: 1 virtual\n",
				"A -> B request n1\n2 spans: 1 virtual, 1 root\n",
			},
		},
		{
			name: "an address in conflict is counted once",
			steps: []string{
				"C A one:c 0+9 server.address=lb server.port=80\nS B one:s<c 1+5\nC A two:c 0+9 server.address=lb server.port=80\nS D two:s<c 1+5\nC A three:c 0+9 server.address=lb server.port=80",
				"C A four:c 0+9 server.address=lb server.port=80",
			},
			deltas: []string{
				"A -> B request n1\nA -> D request n1\n" +
					"A -> lb request n1\n5 spans: 4 paired, 1 virtual\nnoticed: 1 address conflict\n",
				"A -> lb request n1\n1 spans: 1 virtual\n",
			},
		},
		{
			name: "a producer waits for a consumer that is held",
			steps: []string{
				"P A one:p 0+9 messaging.destination.name=jobs\nheld\nN B two:n 20+9 link=one:p",
				"",
			},
			deltas: []string{
				none,
				"A -> B message n1\n2 spans: 2 paired\n",
			},
		},
		{
			name: "a consumer waits for a producer that is held, with the other producers of its batch",
			steps: []string{
				"N B two:n 20+9 link=one:p link=three:p\nP A three:p 0+9 messaging.destination.name=jobs\nheld\nP A one:p 0+9 messaging.destination.name=jobs",
				"",
			},
			deltas: []string{
				none,
				"A -> B message n2\n3 spans: 3 paired\n",
			},
		},
		{
			name: "one of two consumers is held",
			steps: []string{
				"P A one:p 0+9 messaging.destination.name=jobs\nN B two:n 20+9 link=one:p\nheld\nN D three:n 20+9 link=one:p",
				"",
			},
			deltas: []string{
				"A -> B message n1\n2 spans: 2 paired\n",
				"A -> D message n1\n1 spans: 1 paired\n",
			},
		},
		{
			name: "a consumer that comes after the delta of its producer",
			steps: []string{
				"P A one:p 0+9 messaging.destination.name=jobs",
				"N B two:n 20+9 link=one:p",
			},
			deltas: []string{
				"A -> jobs message n1\n1 spans: 1 virtual\n",
				"jobs -> B message n1\n1 spans: 1 paired\n",
			},
		},
		{
			name: "a consumer that comes after the delta of a producer with a consumer",
			steps: []string{
				"P A one:p 0+9 messaging.destination.name=jobs\nN B two:n 20+9 link=one:p",
				"N D three:n 20+9 link=one:p",
			},
			deltas: []string{
				"A -> B message n1\n2 spans: 2 paired\n",
				"A -> D message n1\n1 spans: 1 paired\n",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := sg.NewBuilder(sg.Config{Window: sg.Window{Quiet: time.Second, Remember: time.Second}})
			now := clock
			b.Advance(now)
			b.Delta()
			var deltas []*sg.Graph
			for i, step := range c.steps {
				forgotten, held, _ := strings.Cut(step, "held\n")
				for _, s := range mustParse(t, forgotten) {
					b.Add(s)
				}
				b.Advance(now.Add(time.Second)) // closes the traces, and forgets those of the step before
				for _, s := range mustParse(t, held) {
					b.Add(s)
				}
				now = now.Add(2 * time.Second)
				b.Advance(now)
				deltas = append(deltas, b.Delta())
				if diff := cmp.Diff(c.deltas[i], streamLines(deltas[i])); diff != "" {
					t.Errorf("delta %d (-want +got):\n%s", i+1, diff)
				}
			}
			sum := sg.Merge()
			for _, delta := range deltas {
				next := sg.Merge(sum, delta)
				checkGrowth(t, sum, next)
				sum = next
			}
		})
	}
}

// TestLiveKeepsNames: the name of a peer that depends on other callers does not change while spans
// arrive. Builder.Graph has the names that follow from all spans.
func TestLiveKeepsNames(t *testing.T) {
	b := sg.NewBuilder(sg.Config{Window: sg.Window{Quiet: time.Minute}})
	now := clock
	add := func(text string) *sg.Graph {
		for _, s := range mustParse(t, text) {
			b.Add(s)
		}
		b.Advance(now)
		now = now.Add(2 * time.Minute)
		b.Advance(now)
		return b.Live()
	}
	check := func(g *sg.Graph, want ...string) {
		t.Helper()
		var got []string
		for n := range g.Nodes() {
			if n.ID.Type != sg.TypeService {
				got = append(got, n.ID.Name)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("peers (-want +got):\n%s", diff)
		}
	}
	b.Advance(now)
	check(add(`
		C A one:a 0+9 db.system=redis server.address=redis-a
		C A one:b 0+9 server.address=localhost server.port=80
		C A one:c 0+9 server.address=stock`), "localhost", "redis", "stock")
	check(add(`
		C B two:a 0+9 db.system=redis server.address=redis-b
		C B two:b 0+9 server.address=localhost server.port=80
		C B two:c 0+9 server.address=stock.shop
		C A three:a 0+9 db.system=redis server.address=redis-a`), "localhost", "localhost@B", "redis", "redis@redis-b", "stock", "stock.shop")
	if e, ok := b.Live().Edge(sg.EdgeID{From: service("A"), To: sg.NodeID{Name: "redis", Type: sg.TypeDatabase}, Kind: sg.EdgeRequest}); !ok || e.Calls != 2 {
		t.Errorf("the edge to redis is %+v", e)
	}
	check(b.Graph(), "localhost@A", "localhost@B", "redis@redis-a", "redis@redis-b", "stock.shop")
}
