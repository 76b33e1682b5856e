package servicegraph_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestLiveTakesNothingBack streams some traces one after another, each complete within
// Window.Quiet. Some addresses and messages are complete only in a later trace: the later trace
// shows the service at an address, or has the consumer of a message. The live graph must keep all nodes, edges and calls, and have each request exactly once.
func TestLiveTakesNothingBack(t *testing.T) {
	moved := 0
	for seed := range seeds(t, 150) {
		rng := rand.New(rand.NewPCG(seed, 21))
		spans := wholeTraces(rng)
		if sharesIDs(spans) {
			continue
		}
		cfg := []sg.Config{
			{}, {QueueNodes: true}, {UserNode: true}, {InferCalls: true}, {Hide: isNamed("D")}, {Gateways: isNamed("D")},
			{Rename: renames("^C$=B"), NotErrors: []string{"500"}}, {IgnoreAddresses: true, HTTPErrors: true},
		}[rng.IntN(8)]
		cfg.Window = sg.Window{Quiet: time.Second, Remember: time.Minute}
		if rng.IntN(2) == 0 {
			cfg.Window.Remember = time.Second
		}
		var waves [3][]sg.Span
		for i := range spans {
			spans[i].Weight, spans[i].Status = 1, sg.StatusUnset // see TestLiveInventsNothing
			wave := &waves[int(spans[i].TraceID[0]+spans[i].TraceID[15]+byte(seed))%len(waves)]
			*wave = append(*wave, spans[i])
		}
		b, now, before := sg.NewBuilder(cfg), clock, sg.Merge()
		look := func() {
			live := b.Live()
			checkNamedGrowth(t, before, live)
			if r := live.Report(); r.Accounted() != r.Spans {
				t.Errorf("%d spans, but %d outcomes", r.Spans, r.Accounted())
			}
			if t.Failed() {
				t.Fatalf("seed %d:\nbefore:\n%s\nafter:\n%s", seed, describe(before), describe(live))
			}
			before = live
		}
		b.Advance(now)
		for _, wave := range waves {
			for _, s := range shuffled(rng, wave) {
				b.Add(s)
				if cfg.Hide == nil && cfg.Gateways == nil { // a call through a hidden service gets its kind from the outermost span
					look()
				}
			}
			now = now.Add(2 * time.Second)
			b.Advance(now)
			look()
			if diff := readAgain(t, before); diff != "" {
				t.Fatalf("seed %d: a live graph, written and read, differs from the merged one:\n%s", seed, diff)
			}
		}
		exact := b.Graph()
		if got, want := requests(before), requests(exact); got != want {
			t.Errorf("seed %d: the live graph has %v requests, want %v:\n%s\nexact:\n%s", seed, got, want, describe(before), describe(exact))
		}
		if edgeLines(before) != edgeLines(exact) {
			moved++
		}
	}
	if moved == 0 {
		t.Error("no later trace told more about an earlier one: the traces test nothing")
	}
}

// requests returns the number of requests in a graph.
func requests(g *sg.Graph) (n float64) {
	for e := range g.Edges() {
		if e.ID.Kind == sg.EdgeRequest {
			n += e.Calls
		}
	}
	return n
}

// readAgain returns how a graph that was written and read differs from the merged one.
func readAgain(t *testing.T, g *sg.Graph) string {
	t.Helper()
	again, err := sg.ReadJSON(bytes.NewReader(marshal(t, g)))
	if err != nil {
		t.Fatal(err)
	}
	return cmp.Diff(string(marshal(t, sg.Merge(g))), string(marshal(t, again)))
}

// checkNamedGrowth is checkGrowth, except that a service may take the place of a peer of the same
// name.
func checkNamedGrowth(t *testing.T, before, after *sg.Graph) {
	t.Helper()
	names := make(map[string]bool)
	for n := range after.Nodes() {
		names[n.ID.Name] = true
	}
	for n := range before.Nodes() {
		if !names[n.ID.Name] {
			t.Errorf("the node %v disappeared", n.ID)
		}
	}
	calls := func(g *sg.Graph) map[string][2]float64 {
		sums := make(map[string][2]float64)
		for e := range g.Edges() {
			key := fmt.Sprintf("%s -> %s %s", e.ID.From, e.ID.To.Name, e.ID.Kind)
			sums[key] = [2]float64{sums[key][0] + e.Calls, sums[key][1] + e.Errors}
		}
		return sums
	}
	now := calls(after)
	for key, was := range calls(before) {
		if n := now[key]; n[0] < was[0] || n[1] < was[1] {
			t.Errorf("%s fell from %v to %v", key, was, n)
		}
	}
}

// TestLiveKeepsCalls follows streams in which a later span reveals more about a call that the live
// graph already shows.
func TestLiveKeepsCalls(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []string // spans; a trace is closed after each
		live  []string // the edges after each step
		exact string   // the edges of Builder.Graph after the last step
		lasts bool     // a trace must be remembered until the last step
	}{
		{
			name: "an address that is learned later",
			steps: []string{
				"C A one:c 0+9 ! server.address=10.0.0.5 server.port=80\nC A two:c 0+9 ! server.address=10.0.0.5 server.port=80",
				"C A three:c 0+9 server.address=10.0.0.5 server.port=80\nS B three:s<c 1+5",
				"C A four:c 0+9 ! server.address=10.0.0.5 server.port=80",
			},
			live: []string{
				"A -> 10.0.0.5 request n2 e2\n",
				"A -> 10.0.0.5 request n2 e2\nA -> B request n1\n",
				"A -> 10.0.0.5 request n2 e2\nA -> B request n2 e1 address 1\n",
			},
			exact: "A -> B request n4 e3 address 3\n",
		},
		{
			name: "an address at which another service answers later",
			steps: []string{
				"C A one:c 0+9 server.address=lb server.port=80\nS B one:s<c 1+5\nC A two:c 0+9 ! server.address=lb server.port=80",
				"C A three:c 0+9 server.address=lb server.port=80\nS D three:s<c 1+5",
				"C A four:c 0+9 ! server.address=lb server.port=80",
			},
			live: []string{
				"A -> B request n2 e1 address 1\n",
				"A -> B request n2 e1 address 1\nA -> D request n1\n",
				"A -> B request n2 e1 address 1\nA -> D request n1\nA -> lb request n1 e1\n",
			},
			exact: "A -> B request n1\nA -> D request n1\nA -> lb request n2 e2\n",
		},
		{
			name: "a service of the name that calls gave",
			steps: []string{
				"C A one:c 0+9 ! server.address=cart",
				"S cart two:s 0+5",
			},
			live:  []string{"A -> cart request n1 e1\n", "A -> cart request n1 e1\n"},
			exact: "A -> cart request n1 e1\n",
		},
		{
			name: "a consumer that links to a message which was one to the queue",
			steps: []string{
				"P A one:p 0+9 messaging.destination.name=jobs",
				"N B two:n 20+9 link=one:p\nP A three:p 0+9 messaging.destination.name=jobs\nN B four:n 20+9 link=three:p",
			},
			live: []string{
				"A -> jobs message n1\n",
				"A -> B message n1\nA -> jobs message n1\njobs -> B message n1\n",
			},
			exact: "A -> B message n2\n",
		},
		{
			name: "a producer that comes after its consumer",
			steps: []string{
				"N B two:n 20+9 link=one:p messaging.destination.name=jobs",
				"P A one:p 0+9 messaging.destination.name=jobs",
			},
			live: []string{
				"jobs -> B message n1\n",
				"A -> jobs message n1\njobs -> B message n1\n",
			},
			exact: "A -> B message n1\n",
		},
		{
			name: "a producer without a queue that comes after its consumer",
			steps: []string{
				"N B two:n 20+9 link=one:p messaging.destination.name=jobs",
				"P A one:p 0+9",
				"N D three:n 20+9 link=one:p",
			},
			live: []string{
				"jobs -> B message n1\n",
				"A -> jobs message n1\njobs -> B message n1\n",
				"A -> D message n1\nA -> jobs message n1\njobs -> B message n1\n",
			},
			exact: "A -> B message n1\nA -> D message n1\n",
		},
		{
			name: "a callee that comes after its trace was closed",
			steps: []string{
				"C A one:c 0+9 ! server.address=10.0.0.5",
				"S B one:s<c 1+5",
				"C A two:c 0+9 ! server.address=10.0.0.9",
			},
			live: []string{
				"A -> 10.0.0.5 request n1 e1\n",
				"A -> 10.0.0.5 request n1 e1\nA -> B request n1 e1\n",
				"A -> 10.0.0.5 request n1 e1\nA -> 10.0.0.9 request n1 e1\nA -> B request n1 e1\n",
			},
			exact: "A -> 10.0.0.9 request n1 e1\nA -> B request n1 e1\n",
			lasts: true,
		},
		{
			name: "a client around a client, after their trace was closed",
			steps: []string{
				"C A one:h<c 1+7 ! server.address=host-1 server.port=80",
				"C A one:c 0+9 db.system=elasticsearch",
			},
			live: []string{
				"A -> host-1 request n1 e1\n",
				"A -> elasticsearch request n1\nA -> host-1 request n1 e1\n",
			},
			exact: "A -> elasticsearch request n1\n",
			lasts: true,
		},
		{
			name: "a request that only a link shows, after the trace of the client was closed",
			steps: []string{
				"C A one:c 0+9 server.address=lb",
				"S B two:s 1+5 link=one:c",
			},
			live: []string{
				"A -> lb request n1\n",
				"A -> B request n1\nA -> lb request n1\n",
			},
			exact: "A -> B request n1\n",
			lasts: true,
		},
		{
			name: "a request that succeeded in spite of an error, after the trace was closed",
			steps: []string{
				"C A one:c<a 1+7 ! server.address=10.0.0.5",
				"C A two:c 0+9 server.address=10.0.0.5\nS B two:s<c 1+5\nC A three:c 0+9 server.address=10.0.0.5\nS A one:a 0+9",
			},
			live: []string{
				"A -> 10.0.0.5 request n1 e1\n",
				"A -> 10.0.0.5 request n1 e1\nA -> B request n2 address 1\n",
			},
			exact: "A -> B request n3 e1 address 2\n",
			lasts: true,
		},
		{
			name: "a message that a later span handles",
			steps: []string{
				"N B one:r 0+9 messaging.destination.name=jobs messaging.operation.type=receive",
				"open N B one:q<r 2+5 !",
				"C A two:c 0+9 server.address=mail",
			},
			live: []string{
				"jobs -> B message n1\n",
				"jobs -> B message n1\n",
				"A -> mail request n1\njobs -> B message n1 e1\n",
			},
			exact: "A -> mail request n1\njobs -> B message n1 e1\n",
		},
		{
			name: "a trace that is opened again",
			steps: []string{
				"S A one:a 0+90\nC A one:c<a 1+9 db.system=redis\nP A one:p<a 1+9 messaging.destination.name=jobs",
				"open C A one:d<a 60+9 server.address=mail\nC A one:e<a 60+9\nS B one:s<e 61+5",
				"C A one:f<a 70+9 db.system=redis",
			},
			live: []string{
				"A -> jobs message n1\nA -> redis request n1\n",
				"A -> B request n1\nA -> jobs message n1\nA -> redis request n1\n",
				"A -> B request n1\nA -> jobs message n1\nA -> mail request n1\nA -> redis request n2\n",
			},
			exact: "A -> B request n1\nA -> jobs message n1\nA -> mail request n1\nA -> redis request n2\n",
		},
	} {
		for _, remember := range []time.Duration{time.Second, time.Hour} {
			t.Run(fmt.Sprintf("%s, remembered for %v", c.name, remember), func(t *testing.T) {
				_, reopens := cutOpen(c.steps)
				if reopens || c.lasts {
					remember = time.Hour
				}
				b := playSteps(t, sg.Window{Quiet: time.Second, Remember: remember}, c.steps, c.live, c.exact)
				if diff := cmp.Diff(c.exact, streamEdges(b.Graph())); diff != "" {
					t.Errorf("exact graph (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// playSteps adds the spans of each step and compares the live graph after each. The last live graph,
// merged, must be the exact one. It returns the builder.
func playSteps(t *testing.T, window sg.Window, steps, want []string, exact string) *sg.Builder {
	b := sg.NewBuilder(sg.Config{Window: window})
	now := clock
	b.Advance(now)
	for i, step := range steps {
		step, open := cutOpen([]string{step})
		for _, s := range mustParse(t, step) {
			b.Add(s)
		}
		if !open {
			now = now.Add(2 * time.Second)
			b.Advance(now)
		}
		live := b.Live()
		checkEdgeNumbers(t, live)
		if diff := cmp.Diff(want[i], streamEdges(live)); diff != "" {
			t.Errorf("live graph %d (-want +got):\n%s", i+1, diff)
		}
		if diff := readAgain(t, live); diff != "" {
			t.Errorf("live graph %d, written and read, differs from the merged one:\n%s", i+1, diff)
		}
		if diff := cmp.Diff(exact, streamEdges(sg.Merge(live))); i == len(steps)-1 && diff != "" {
			t.Errorf("Merge does not resolve the calls of the live graph with all that it knows (-want +got):\n%s", diff)
		}
	}
	return b
}

// cutOpen returns the spans of steps, and whether a step leaves its trace open.
func cutOpen(steps []string) (spans string, open bool) {
	all := strings.Join(steps, "\n")
	return strings.ReplaceAll(all, "open ", ""), strings.Contains(all, "open ")
}

// streamEdges returns the edges of a graph as streamLines writes them.
func streamEdges(g *sg.Graph) string {
	lines := streamLines(g)
	return strings.TrimSuffix(lines, describeReport(g.Report()))
}
