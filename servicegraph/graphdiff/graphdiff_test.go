package graphdiff_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/internal/systems"
	sg "github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

const hotrodFile = "../../examples/traces/hotrod.jsonl.gz"

// tracesOf returns the spans of a file by trace.
func tracesOf(t testing.TB, file string) [][]sg.Span {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var spans []sg.Span
	for s, err := range tracefile.Read(f, file, tracefile.Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		spans = append(spans, s)
	}
	return byTrace(spans)
}

func byTrace(spans []sg.Span) (traces [][]sg.Span) {
	index := make(map[sg.TraceID]int)
	for _, s := range spans {
		i, ok := index[s.TraceID]
		if !ok {
			i = len(traces)
			index[s.TraceID] = i
			traces = append(traces, nil)
		}
		traces[i] = append(traces[i], s)
	}
	return traces
}

// system returns the traces of a generated system.
func system(c systems.Config) [][]sg.Span {
	var spans []sg.Span
	for s := range systems.New(c).Spans() {
		spans = append(spans, s)
	}
	return byTrace(spans)
}

func graphOf(traces [][]sg.Span) *sg.Graph {
	b := sg.NewBuilder(sg.Config{})
	for _, t := range traces {
		for _, s := range t {
			b.Add(s)
		}
	}
	return b.Graph()
}

func compare(t testing.TB, base, head *sg.Graph, cfg graphdiff.Config) graphdiff.Diff {
	t.Helper()
	d, err := graphdiff.Compare(base, head, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// retries returns traffic whose calls depend on each other more than usual: in a few traces, a call
// is repeated up to 40 times, is slow, and fails each time.
func retries(rng *rand.Rand, n int) (traces [][]sg.Span) {
	for i := range n {
		id := sg.TraceID{1, byte(i >> 8), byte(i)}
		at := int64(1_700_000_000e9) + int64(i)*1e8
		trace := []sg.Span{{TraceID: id, SpanID: sg.SpanID{1}, Kind: sg.KindServer, Service: "web", Start: at, End: at + 5e8}}
		calls, status, slow := 1, sg.StatusUnset, 1.0
		if rng.IntN(30) == 0 {
			calls, status, slow = 1+rng.IntN(40), sg.StatusError, 5
		}
		for c := range calls {
			took := int64(1e7 * slow * math.Exp(0.5*rng.NormFloat64()))
			client := sg.SpanID{2, byte(c)}
			trace = append(trace,
				sg.Span{TraceID: id, SpanID: client, ParentID: sg.SpanID{1}, Kind: sg.KindClient, Service: "web", Start: at, End: at + took, Status: status},
				sg.Span{TraceID: id, SpanID: sg.SpanID{3, byte(c)}, ParentID: client, Kind: sg.KindServer, Service: "stock", Start: at, End: at + took, Status: status})
		}
		traces = append(traces, trace)
	}
	return traces
}

// TestFalseAlarms compares halves of the same traffic, split at random: fewer than 1 % of the
// diffs may report anything.
func TestFalseAlarms(t *testing.T) {
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	rng := rand.New(rand.NewPCG(1, 2))
	total, alarms := 0, 0
	for _, traffic := range []struct {
		name   string
		traces [][]sg.Span
		rounds int
	}{
		{"HotROD", tracesOf(t, hotrodFile), rounds},
		{"a system with failures", system(systems.Config{Services: 20, Failing: true, Seed: 1, Requests: 800}), rounds / 10},
		{"a large system", system(systems.Config{Services: 60, Failing: true, Seed: 2, Requests: 1200}), rounds / 20},
		{"repeated calls", retries(rng, 3000), rounds},
	} {
		parts := partsOf(traffic.traces, 64)
		for range traffic.rounds {
			rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			half := len(parts) / 2
			d := compare(t, sg.Merge(parts[:half]...), sg.Merge(parts[half:]...), graphdiff.Config{})
			total++
			if d.Changed() {
				alarms++
				t.Logf("%s: %v", traffic.name, d.Findings())
			}
			if d.Tests == 0 {
				t.Errorf("%s: no test was made", traffic.name)
			}
		}
	}
	if alarms*100 >= total {
		t.Errorf("%d of %d diffs of the same traffic report a change, want fewer than 1 %%", alarms, total)
	}
}

// partsOf returns graphs of n parts of the traces. The graph of a half is a merge of half of them.
func partsOf(traces [][]sg.Span, n int) (parts []*sg.Graph) {
	n = min(n, len(traces))
	for i := range n {
		var part [][]sg.Span
		for j := i; j < len(traces); j += n {
			part = append(part, traces[j])
		}
		parts = append(parts, graphOf(part))
	}
	return parts
}

// TestReverse checks that the diff in the other direction is the reverse, and that the diff of a
// graph with itself reports nothing.
func TestReverse(t *testing.T) {
	opposite := map[graphdiff.Verdict]graphdiff.Verdict{
		graphdiff.New: graphdiff.Gone, graphdiff.Gone: graphdiff.New, graphdiff.More: graphdiff.Fewer, graphdiff.Fewer: graphdiff.More,
		graphdiff.Worse: graphdiff.Better, graphdiff.Better: graphdiff.Worse, graphdiff.Same: graphdiff.Same, graphdiff.Unsure: graphdiff.Unsure,
	}
	graphs := []*sg.Graph{
		graphOf(tracesOf(t, hotrodFile)),
		graphOf(tracesOf(t, hotrodFile)[:20]),
		graphOf(system(systems.Config{Services: 20, Seed: 1, Requests: 600})),
		graphOf(system(systems.Config{Services: 20, Seed: 1, Requests: 300})),
		graphOf(system(systems.Config{Services: 20, Failing: true, Seed: 1, Requests: 600})),
		graphOf(system(systems.Config{Services: 25, Seed: 1, Requests: 600})),
	}
	changed := 0
	for i, a := range graphs {
		if d := compare(t, a, a, graphdiff.Config{}); d.Changed() {
			t.Errorf("graph %d differs from itself: %v", i, d.Findings())
		}
		for j, b := range graphs {
			forth, err := graphdiff.Compare(a, b, graphdiff.Config{})
			if err != nil {
				continue // different systems
			}
			back := compare(t, b, a, graphdiff.Config{})
			if forth.Changed() {
				changed++
			}
			if len(forth.Edges) != len(back.Edges) || forth.Tests != back.Tests {
				t.Fatalf("graphs %d and %d: %d edges and %d tests, in reverse %d and %d", i, j, len(forth.Edges), forth.Tests, len(back.Edges), back.Tests)
			}
			for k, e := range forth.Edges {
				for l, c := range e.Changes {
					r := back.Edges[k].Changes[l]
					if r.Verdict != opposite[c.Verdict] || r.Base != c.Head || r.Head != c.Base || math.Abs(r.P-c.P) > 1e-9 {
						t.Errorf("graphs %d and %d: %s\n  %v\n  in reverse %v", i, j, e.ID, c, r)
					}
				}
			}
		}
	}
	if changed == 0 {
		t.Error("no two graphs differ")
	}
}

// TestScale compares traffic with the same traffic for a longer time, and with a sample of it:
// neither is a change.
func TestScale(t *testing.T) {
	config := systems.Config{Services: 12, Seed: 3, Requests: 1200}
	whole := system(config)
	sampled := make([][]sg.Span, 0, len(whole)/4)
	for i := 0; i < len(whole); i += 4 {
		trace := append([]sg.Span(nil), whole[i]...)
		for j := range trace {
			trace[j].Weight = 4
		}
		sampled = append(sampled, trace)
	}
	for name, head := range map[string][][]sg.Span{"a quarter": whole[:len(whole)/4], "a sample": sampled} {
		if d := compare(t, graphOf(whole), graphOf(head), graphdiff.Config{}); d.Changed() {
			t.Errorf("%s: %v", name, d.Findings())
		}
	}
	one := compare(t, graphOf(whole), graphOf(whole[:1]), graphdiff.Config{})
	if one.Changed() || len(one.Undecided()) == 0 {
		t.Errorf("one trace: changes %v, undecided %v", one.Findings(), one.Undecided())
	}
}

// TestSameRequests checks that an edge that is too rare to be new by default is new if both sides
// made the same requests.
func TestSameRequests(t *testing.T) {
	hotrod := tracesOf(t, hotrodFile)[:3]
	head := graphOf(hotrod)
	base := head.Filter(func(n sg.Node) bool { return n.ID.Name != "mysql" })
	if d := compare(t, base, head, graphdiff.Config{}); d.Changed() {
		t.Errorf("three traces are enough for %v", d.Findings())
	}
	got := findings(compare(t, base, head, graphdiff.Config{SameRequests: true}))
	if want := "new node mysql; new edge customer → mysql"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRefused lists pairs of graphs whose comparison would mislead.
func TestRefused(t *testing.T) {
	hotrod := graphOf(tracesOf(t, hotrodFile))
	message := func(cfg sg.Config) *sg.Graph {
		b := sg.NewBuilder(cfg)
		queue := []sg.Attr{{Key: "messaging.system", Value: "kafka"}, {Key: "messaging.destination.name", Value: "orders"}}
		b.Add(sg.Span{TraceID: sg.TraceID{1}, SpanID: sg.SpanID{1}, Kind: sg.KindServer, Service: "web", Start: 1, End: 9, Resource: []sg.Attr{{Key: "service.version", Value: "1.4"}}})
		b.Add(sg.Span{TraceID: sg.TraceID{1}, SpanID: sg.SpanID{2}, ParentID: sg.SpanID{1}, Kind: sg.KindProducer, Service: "web", Start: 2, End: 3, Attrs: queue, Resource: []sg.Attr{{Key: "service.version", Value: "1.4"}}})
		b.Add(sg.Span{TraceID: sg.TraceID{1}, SpanID: sg.SpanID{3}, ParentID: sg.SpanID{2}, Kind: sg.KindConsumer, Service: "mail", Start: 4, End: 5, Attrs: queue})
		return b.Graph()
	}
	for _, c := range []struct {
		name       string
		base, head *sg.Graph
		want       string
	}{
		{"both empty", new(sg.Graph), new(sg.Graph), "both graphs are empty"},
		{"an empty base", new(sg.Graph), hotrod, "the base graph is empty"},
		{"an empty head", hotrod, new(sg.Graph), "the head graph is empty"},
		{"different systems", hotrod, message(sg.Config{}), "no node in common"},
		{"queues on one side", message(sg.Config{}), message(sg.Config{QueueNodes: true}), "only the head graph has queue nodes"},
		{"a user on one side", message(sg.Config{UserNode: true}), message(sg.Config{}), "only the base graph has a node for the user"},
		{"services that are split on one side", message(sg.Config{}), message(sg.Config{SplitBy: []string{"service.version"}}), "only the head graph has services that are split"},
		{"groups on one side", message(sg.Config{}), message(sg.Config{}).Group(func(n sg.Node) sg.NodeID {
			if n.ID.Name == "mail" {
				return sg.NodeID{Name: "all", Type: sg.TypeGroup}
			}
			return n.ID
		}), "only the head graph has groups"},
	} {
		for _, swap := range []bool{false, true} {
			base, head, want := c.base, c.head, c.want
			if swap {
				base, head = head, base
				want = strings.NewReplacer("base graph", "head graph", "head graph", "base graph").Replace(want)
			}
			if _, err := graphdiff.Compare(base, head, graphdiff.Config{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", c.name, err, want)
			}
		}
	}
}

// TestOptionsInNotes checks that the notes of a diff say if only one graph may have been made with
// an option.
func TestOptionsInNotes(t *testing.T) {
	hotrod := tracesOf(t, hotrodFile)
	with := func(cfg sg.Config) *sg.Graph {
		b := sg.NewBuilder(cfg)
		for _, trace := range hotrod {
			for _, s := range trace {
				b.Add(s)
			}
		}
		return b.Graph()
	}
	whole, hidden := with(sg.Config{}), with(sg.Config{Hide: func(id sg.NodeID) bool { return id.Name == "driver" }})
	inferred, err := sg.NewGraph(
		[]sg.Node{{ID: sg.NodeID{Name: "frontend", Type: sg.TypeService}}, {ID: sg.NodeID{Name: "driver", Type: sg.TypeService}}},
		[]sg.Edge{{ID: sg.EdgeID{From: sg.NodeID{Name: "frontend", Type: sg.TypeService}, To: sg.NodeID{Name: "driver", Type: sg.TypeService}, Kind: sg.EdgeRequest}, Calls: 3, Evidence: sg.Evidence{Inferred: 3}}}, sg.Report{})
	if err != nil {
		t.Fatal(err)
	}
	const none = "a graph counts no requests from outside: calls are divided by traces instead\n"
	for _, c := range []struct {
		base, head *sg.Graph
		want       string
	}{
		{whole, hidden, "head: services were hidden in this graph and none in the other; unless both graphs were made with the same options, those services count as gone"},
		{hidden, whole, "base: services were hidden in this graph and none in the other; unless both graphs were made with the same options, those services count as new"},
		{whole, inferred, none + "head: some calls are inferred in this graph and none in the other; unless both graphs were made with the same options, inferred edges count as new"},
		{inferred, whole, none + "base: some calls are inferred in this graph and none in the other; unless both graphs were made with the same options, inferred edges count as gone"},
		{hidden, hidden, ""},
		{inferred, inferred, strings.TrimSpace(none)},
	} {
		if got := strings.Join(compare(t, c.base, c.head, graphdiff.Config{}).Notes, "\n"); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestGates checks that each kind of change fails its own gate and no other, and that improvements
// do not fail the gates for errors and latency.
func TestGates(t *testing.T) {
	type traffic struct {
		calls, failures int // calls in each trace, and failed calls in a hundred traces
		took            int64
		ads             bool // a further callee
	}
	graph := func(c traffic) *sg.Graph {
		b := sg.NewBuilder(sg.Config{})
		for i := range 300 {
			id := sg.TraceID{byte(i), byte(i >> 8), 1}
			last := byte(1)
			b.Add(sg.Span{TraceID: id, SpanID: sg.SpanID{1}, Kind: sg.KindServer, Service: "web", Start: 1e9, End: 2e9})
			call := func(to string, failed bool) {
				took := c.took + int64(i%50)*c.took/500
				client := sg.Span{TraceID: id, SpanID: sg.SpanID{last + 1}, ParentID: sg.SpanID{1}, Kind: sg.KindClient, Service: "web", Start: 1e9, End: 1e9 + took}
				server := sg.Span{TraceID: id, SpanID: sg.SpanID{last + 2}, ParentID: client.SpanID, Kind: sg.KindServer, Service: to, Start: 1e9, End: 1e9 + took}
				if failed {
					client.Status, server.Status = sg.StatusError, sg.StatusError
				}
				b.Add(client)
				b.Add(server)
				last += 2
			}
			for range c.calls {
				call("cart", i%100 < c.failures)
			}
			if c.ads {
				call("ads", false)
			}
		}
		return b.Graph()
	}
	plain := traffic{calls: 1, took: 1e7}
	for _, c := range []struct {
		head            traffic
		closed, reverse string
	}{
		{plain, "", ""},
		{traffic{calls: 1, took: 1e7, ads: true}, "new-node new-edge", "gone-node gone-edge"},
		{traffic{calls: 1, failures: 20, took: 1e7}, "error-rate", ""},
		{traffic{calls: 1, took: 2e7}, "latency", ""},
		{traffic{calls: 3, took: 1e7}, "calls", "calls"},
	} {
		closed := func(base, head traffic) string {
			d := compare(t, graph(base), graph(head), graphdiff.Config{})
			var list []string
			for _, g := range graphdiff.Gates() {
				if len(d.At(g)) > 0 {
					list = append(list, string(g))
				}
			}
			return strings.Join(list, " ")
		}
		if got := closed(plain, c.head); got != c.closed {
			t.Errorf("%+v closes %q, want %q", c.head, got, c.closed)
		}
		if got := closed(c.head, plain); got != c.reverse {
			t.Errorf("the reverse of %+v closes %q, want %q", c.head, got, c.reverse)
		}
	}
}

// TestExplain checks that every finding about a node or an edge has an explanation with its values.
func TestExplain(t *testing.T) {
	traces := tracesOf(t, hotrodFile)
	renamed := clone(traces)
	for _, trace := range renamed {
		for i := range trace {
			if trace[i].Service == "driver" {
				trace[i].Service = "dispatcher"
			}
		}
	}
	d := compare(t, graphOf(traces), graphOf(renamed), graphdiff.Config{})
	if len(d.Findings()) == 0 {
		t.Fatal("no change")
	}
	for _, f := range d.Findings() {
		lines := strings.Join(d.ExplainFinding(f), "\n")
		if !strings.Contains(lines, f.Change.String()) {
			t.Errorf("%s is explained by\n%s", f, lines)
		}
		if f.Node.ID.Name != "" && !strings.Contains(lines, "driver and dispatcher have the same callers and callees") {
			t.Errorf("%s: the explanation does not name the other name of the node:\n%s", f, lines)
		}
	}
	if lines := d.ExplainNode(sg.NodeID{Name: "nobody"}); lines != nil {
		t.Errorf("a node that neither graph has is explained: %v", lines)
	}
	if lines := strings.Join(d.ExplainNode(sg.NodeID{Name: "frontend", Type: sg.TypeService}), "\n"); !strings.Contains(lines, "median latency: ") {
		t.Errorf("an entry is explained by\n%s", lines)
	}
	if lines := strings.Join(d.ExplainNode(sg.NodeID{Name: "route", Type: sg.TypeService}), "\n"); !strings.Contains(lines, "compared on its edges") {
		t.Errorf("a node without requests from outside is explained by\n%s", lines)
	}
}

// TestWriters checks that all formats are complete for hostile names, and that equal diffs give
// equal bytes.
func TestWriters(t *testing.T) {
	hostile := tracesOf(t, hotrodFile)
	base := graphOf(hostile)
	hostile = clone(hostile)
	for _, trace := range hostile {
		for i := range trace {
			if trace[i].Service == "driver" {
				trace[i].Service = "a|b`<c>\n\u202e"
			}
		}
	}
	d := compare(t, base, graphOf(hostile), graphdiff.Config{})
	var text, markdown bytes.Buffer
	if err := d.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := d.WriteMarkdown(&markdown); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(markdown.String()) {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|") != 8 {
			t.Errorf("a row does not have 7 cells: %s", line)
		}
	}
	for _, out := range []string{text.String(), markdown.String()} {
		if strings.ContainsRune(out, '\u202e') || !strings.Contains(out, "new edge") {
			t.Errorf("the output has a raw control character, or no new edge:\n%s", out)
		}
	}
	one, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(compare(t, base, graphOf(hostile), graphdiff.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(one), string(again)); diff != "" {
		t.Error(diff)
	}
}

func Example() {
	call := func(b *sg.Builder, trace int, took int64) {
		id := sg.TraceID{byte(trace), byte(trace >> 8), 1}
		b.Add(sg.Span{TraceID: id, SpanID: sg.SpanID{1}, Kind: sg.KindClient, Service: "web", Start: 1e9, End: 1e9 + took})
		b.Add(sg.Span{TraceID: id, SpanID: sg.SpanID{2}, ParentID: sg.SpanID{1}, Kind: sg.KindServer, Service: "cart", Start: 1e9, End: 1e9 + took})
	}
	before, after := sg.NewBuilder(sg.Config{}), sg.NewBuilder(sg.Config{})
	for i := range 100 {
		call(before, i, int64(50e6+i*1e5))
		call(after, i, int64(75e6+i*1e5))
	}
	d, err := graphdiff.Compare(before.Graph(), after.Graph(), graphdiff.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range d.Findings() {
		base, head := f.Values()
		fmt.Printf("%s: %s, %s → %s\n", f.What(), f.Name(), base, head)
	}
	// Output: slower: web → cart, 54.8 ms → 80.2 ms
}

func ExampleDiff_ExplainNode() {
	graph := func(failed int) *sg.Graph {
		b := sg.NewBuilder(sg.Config{})
		for i := range 200 {
			s := sg.Span{TraceID: sg.TraceID{byte(i), 1}, SpanID: sg.SpanID{1}, Kind: sg.KindServer, Service: "web", Start: 1e9, End: 2e9}
			if i < failed {
				s.Status = sg.StatusError
			}
			b.Add(s)
		}
		return b.Graph()
	}
	d, err := graphdiff.Compare(graph(2), graph(40), graphdiff.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range d.ExplainNode(sg.NodeID{Name: "web", Type: sg.TypeService}) {
		fmt.Println(line)
	}
	// Output:
	// failed calls: 1% → 20%, +19 points (+13 to +25); 200 and 200 samples, p = 5.7e-11: worse
	// median latency: 1 s → 1 s, +0% (-0% to +0%); 200 and 200 samples, p = 1: same
	// p95 latency: 1 s → 1 s, +0% (+0% to +0%); 200 and 200 samples, p = 1: same
}
