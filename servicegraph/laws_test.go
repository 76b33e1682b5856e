package servicegraph_test

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// randomAttrs returns the attributes of a random span.
func randomAttrs(rng *rand.Rand) (attrs []sg.Attr) {
	key := []string{"peer.service", "db.system", "messaging.system", "server.address", "messaging.destination.name"}[rng.IntN(5)]
	attrs = []sg.Attr{{Key: key, Value: string(rune('A' + rng.IntN(6)))}}
	for _, a := range []sg.Attr{
		{Key: "messaging.operation.type", Value: []string{"receive", "send"}[rng.IntN(2)]}, {Key: "http.request.resend_count", Value: "1"},
		{Key: "otel.scope.name", Value: []string{"x", "y"}[rng.IntN(2)]}, {Key: "db.statement", Value: "SELECT"},
		{Key: "server.port", Value: "80"}, {Key: "http.response.status_code", Value: "500"}, {Key: "rpc.method", Value: "m"},
	} {
		if rng.IntN(6) == 0 {
			attrs = append(attrs, a)
		}
	}
	switch rng.IntN(6) {
	case 0, 1, 2:
		attrs = append(attrs, sg.Attr{Key: "server.address", Value: "host" + string(rune('A'+rng.IntN(6)))})
	case 3:
		attrs = append(attrs, sg.Attr{Key: "server.address", Value: []string{"localhost", "127.0.0.1", "10.0.0.1", "hosta.ns", "hosta.shop"}[rng.IntN(5)]})
	case 4:
		attrs = append(attrs, sg.Attr{Key: "rpc.service", Value: []string{"x.Y", "x.Z", "grpc.health.v1.Health"}[rng.IntN(3)]})
	}
	return attrs
}

// randomTraces returns traces with random parents over a few services, with spans of every
// kind, shared ids, missing parents, cycles of parents, duplicates, failures and weights.
func randomTraces(rng *rand.Rand, traces int) []sg.Span {
	var spans []sg.Span
	ids := make([]sg.TraceID, traces)
	for i := range ids {
		ids[i] = sg.TraceID{byte(1 + rng.IntN(255)), byte(i), 1, 15: byte(i + 1)}
	}
	for _, trace := range ids {
		n := 1 + rng.IntN(12)
		for i := range n {
			s := sg.Span{
				TraceID:   trace,
				SpanID:    sg.SpanID{1, byte(i + 1)},
				Service:   string(rune('A' + rng.IntN(4))),
				Namespace: []string{"", "", "", "ns"}[rng.IntN(4)],
				Kind:      sg.Kind(rng.IntN(6)),
				Status:    sg.Status(rng.IntN(3)),
				Start:     epoch + rng.Int64N(1e9) + []int64{0, 0, 4, 12}[trace[0]%4]*60e9,
				Weight:    []float64{0, 1, 2, 1.5}[rng.IntN(4)],
			}
			s.End = s.Start + rng.Int64N(1e9) - 1e6
			if namespace := map[string]string{"A": "shop", "B": "ns"}[s.Service]; namespace != "" {
				s.Resource = []sg.Attr{{Key: "k8s.namespace.name", Value: namespace}}
			}
			if s.Service != "A" {
				s.Resource = append(s.Resource, sg.Attr{Key: "service.version", Value: []string{"1", "1", "2"}[i%3]})
			}
			if rng.IntN(4) > 0 {
				s.ParentID = sg.SpanID{1, byte(1 + rng.IntN(n+1))}
			}
			if rng.IntN(8) == 0 {
				s.SpanID = sg.SpanID{1, byte(1 + rng.IntN(n))}
			}
			if rng.IntN(2) == 0 {
				s.Attrs = randomAttrs(rng)
			}
			for s.Kind == sg.KindConsumer && rng.IntN(2) == 0 || (s.Kind == sg.KindServer || s.Kind == sg.KindInternal || s.Kind == sg.KindClient) && rng.IntN(6) == 0 {
				s.Links = append(s.Links, sg.Link{TraceID: ids[rng.IntN(traces)], SpanID: sg.SpanID{1, byte(1 + rng.IntN(12))}})
			}
			spans = append(spans, s)
			if rng.IntN(10) == 0 {
				spans = append(spans, s)
			}
		}
	}
	dropLinksToClients(spans)
	return spans
}

// dropLinksToClients removes the links to CLIENT spans of other traces. A builder keeps a CLIENT
// span without a queue as the target of a link only if the builder has seen the link. Merge
// therefore cannot pair such a span with a consumer of another graph.
func dropLinksToClients(spans []sg.Span) {
	client := make(map[sg.Link]bool)
	for _, s := range spans {
		client[sg.Link{TraceID: s.TraceID, SpanID: s.SpanID}] = client[sg.Link{TraceID: s.TraceID, SpanID: s.SpanID}] || s.Kind == sg.KindClient
	}
	for i := range spans {
		spans[i].Links = slices.DeleteFunc(spans[i].Links, func(l sg.Link) bool {
			return client[l] && l.TraceID != spans[i].TraceID
		})
	}
}

// seeds returns the seeds of the random inputs to try: those of the environment variable
// TEMPOGRAPH_SEEDS, or the given number of seeds from 0 on if the variable is not set. The variable
// is a number of seeds, such as 20000, or the first and the last seed, such as 9581-9581.
func seeds(t *testing.T, normal uint64) iter.Seq[uint64] {
	t.Helper()
	from, to, err := seedRange(os.Getenv("TEMPOGRAPH_SEEDS"), normal)
	if err != nil {
		t.Fatalf("TEMPOGRAPH_SEEDS: %v", err)
	}
	return func(yield func(uint64) bool) {
		for seed := from; seed < to && yield(seed); seed++ {
		}
	}
}

// seedRange returns the first seed that a text names, and the seed after the last one.
func seedRange(text string, normal uint64) (from, to uint64, err error) {
	if text == "" {
		return 0, normal, nil
	}
	first, last, ranged := strings.Cut(text, "-")
	if from, err = strconv.ParseUint(first, 10, 64); err != nil || !ranged {
		return 0, from, err
	}
	if to, err = strconv.ParseUint(last, 10, 64); err == nil && to < from {
		err = fmt.Errorf("the range %q has no seed", text)
	}
	return from, to + 1, err
}

func TestSeedRange(t *testing.T) {
	for _, c := range []struct {
		text     string
		from, to uint64
		fails    bool
	}{
		{"", 0, 7, false}, {"20", 0, 20, false}, {"9581-9581", 9581, 9582, false}, {"5-8", 5, 9, false},
		{"8-5", 0, 0, true}, {"x", 0, 0, true}, {"1-", 0, 0, true}, {"-1", 0, 0, true},
	} {
		from, to, err := seedRange(c.text, 7)
		if (err != nil) != c.fails || !c.fails && (from != c.from || to != c.to) {
			t.Errorf("%q: got %d, %d and error %v, want %d, %d, error %v", c.text, from, to, err, c.from, c.to, c.fails)
		}
	}
}

// lawConfigs are the configurations for which the laws must hold.
var lawConfigs = []sg.Config{
	{},
	{QueueNodes: true},
	{IgnoreAddresses: true, HTTPErrors: true},
	{InferCalls: true, UserNode: true},
	{Hide: isNamed("D")},
	{Gateways: isNamed("D"), InferCalls: true, QueueNodes: true, HTTPErrors: true, NotErrors: []string{"500"}},
	{Rename: renames("^host([AB])$=$1", "^C$=B"), NotErrors: []string{"500"}},
	{Hide: isNamed("D"), InferCalls: true, UserNode: true, Rename: renames("^C$=B"), IgnoreInternalDatabases: true},
	{SplitBy: []string{"service.version"}, InferCalls: true, Rename: renames("^C$=B")},
	{SplitBy: []string{"k8s.namespace.name", "service.version"}, Gateways: isNamed("B@ns@1"), NotErrors: []string{"500"}},
}

// renames returns renaming rules.
func renames(rules ...string) (list []sg.Rename) {
	for _, rule := range rules {
		r, err := sg.ParseRename(rule)
		if err != nil {
			panic(err)
		}
		list = append(list, r)
	}
	return list
}

// isNamed returns a function that reports whether a node has the given name.
func isNamed(name string) func(sg.NodeID) bool {
	return func(id sg.NodeID) bool { return id.Name == name }
}

// isService is isNamed without databases and queues.
func isService(name string) func(sg.NodeID) bool {
	return func(id sg.NodeID) bool {
		return id.Name == name && (id.Type == sg.TypeService || id.Type == sg.TypeExternal)
	}
}

// TestLaws checks the laws of docs/semantics.md that hold for every graph, on random traces.
func TestLaws(t *testing.T) {
	for seed := range seeds(t, 300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		spans := randomTraces(rng, 1+rng.IntN(6))
		cfg := lawConfigs[seed%uint64(len(lawConfigs))]
		build := func(spans []sg.Span) *sg.Graph { return buildWith(cfg, spans) }
		g := build(spans)
		want := string(marshal(t, g))
		fail := func(law, got string) {
			t.Fatalf("seed %d: %s:\n%s", seed, law, cmp.Diff(want, got))
		}

		shuffled := slices.Clone(spans)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := string(marshal(t, build(shuffled))); got != want {
			fail("the order of the spans changes the graph", got)
		}

		var left, right []sg.Span
		for _, s := range spans {
			if s.TraceID[0]%2 == 0 {
				left = append(left, s)
			} else {
				right = append(right, s)
			}
		}
		a, b := build(left), build(right)
		if got := string(marshal(t, sg.Merge(a, b))); got != want {
			fail("merging the graphs of two halves differs from one graph of all spans", got)
		}
		if got := string(marshal(t, sg.Merge(b, &sg.Graph{}, a))); got != want {
			fail("Merge is not commutative, or the empty graph changes the result", got)
		}

		again, err := sg.ReadJSON(strings.NewReader(want))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if got := string(marshal(t, again)); got != want {
			fail("a JSON round trip changes the graph", got)
		}

		if r := g.Report(); r.Accounted() != r.Spans || r.Spans != uint64(len(spans)) {
			t.Fatalf("seed %d: the report has %d spans and %d outcomes, want %d of each: %+v", seed, r.Spans, r.Accounted(), len(spans), r)
		}
		twice := build(slices.Concat(spans, spans))
		if diff := cmp.Diff(edgeLines(g), edgeLines(twice)); diff != "" {
			t.Fatalf("seed %d: delivering every span twice changes the edges:\n%s", seed, diff)
		}
		if checkEdgeNumbers(t, g); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		for e := range g.Edges() {
			service := e.ID.From.Type == sg.TypeService && e.ID.To.Type == sg.TypeService
			if cfg.QueueNodes && service && len(e.Queues) > 0 {
				t.Fatalf("seed %d: the edge %+v goes straight from service to service, although the queues %v are nodes", seed, e.ID, e.Queues)
			}
		}
	}
}

// TestMergeLawWithSharedSpans delivers the same spans, or different versions of them, to several
// graphs. Merge must still be commutative and associative, and account for every delivery.
func TestMergeLawWithSharedSpans(t *testing.T) {
	for seed := range seeds(t, 300) {
		rng := rand.New(rand.NewPCG(seed, 6))
		spans := damagedTraces(rng)
		if seed%2 == 0 {
			spans = randomTraces(rng, 1+rng.IntN(6))
		}
		cfg := lawConfigs[seed/2%uint64(len(lawConfigs))]
		var parts [3][]sg.Span
		total := uint64(0)
		deliver := func(s sg.Span) {
			to := rng.IntN(len(parts))
			parts[to] = append(parts[to], s)
			total++
		}
		for _, s := range spans {
			deliver(s)
			for rng.IntN(3) == 0 {
				if rng.IntN(2) == 0 {
					s.Start += rng.Int64N(1e6)
					s.End += rng.Int64N(1e6)
					s.Status = sg.Status(rng.IntN(3))
					s.ParentID = []sg.SpanID{s.ParentID, s.ParentID, {}, {9}}[rng.IntN(4)]
				}
				deliver(s)
			}
		}
		var graphs [len(parts)]*sg.Graph
		for i, part := range parts {
			graphs[i] = buildWith(cfg, part)
		}
		a, b, c := graphs[0], graphs[1], graphs[2]
		want := sg.Merge(a, b, c)
		if r := want.Report(); r.Spans != total || r.Accounted() != total {
			t.Fatalf("seed %d: the report has %d spans and %d outcomes, want %d of each: %+v", seed, r.Spans, r.Accounted(), total, r)
		}
		for _, m := range []struct {
			law string
			got *sg.Graph
		}{
			{"Merge(c, b, a)", sg.Merge(c, b, a)},
			{"Merge(b, a, c)", sg.Merge(b, a, c)},
			{"Merge(a, Merge(b, c))", sg.Merge(a, sg.Merge(b, c))},
			{"Merge(Merge(a, b), c)", sg.Merge(sg.Merge(a, b), c)},
		} {
			if diff := cmp.Diff(string(marshal(t, want)), string(marshal(t, m.got))); diff != "" {
				t.Fatalf("seed %d: %s differs from Merge(a, b, c):\n%s", seed, m.law, diff)
			}
		}
	}
}

// TestMergeSendersOfOneCall merges graphs that have different deliveries of the two spans of one
// call, to both of which consumers link. The statistics of the caller must not depend on which
// link is resolved first.
func TestMergeSendersOfOneCall(t *testing.T) {
	span := func(kind sg.Kind, service string, trace, id, parent byte, end int64) sg.Span {
		return sg.Span{
			TraceID: sg.TraceID{trace}, SpanID: sg.SpanID{id}, ParentID: sg.SpanID{parent}, Service: service, Kind: kind,
			Start: epoch, End: epoch + end,
			Attrs: []sg.Attr{{Key: "messaging.system", Value: "kafka"}, {Key: "messaging.destination.name", Value: "orders"}},
		}
	}
	outer, inner, late := span(sg.KindProducer, "web", 1, 9, 0, 10e6), span(sg.KindProducer, "web", 1, 2, 9, 8e6), span(sg.KindProducer, "web", 1, 2, 9, 30e6)
	first, second := span(sg.KindConsumer, "mail", 2, 1, 0, 1e6), span(sg.KindConsumer, "mail", 3, 1, 0, 1e6)
	first.Links = []sg.Link{{TraceID: outer.TraceID, SpanID: outer.SpanID}}
	second.Links = []sg.Link{{TraceID: inner.TraceID, SpanID: inner.SpanID}}
	a, b, c := build([]sg.Span{outer, inner}), build([]sg.Span{late}), build([]sg.Span{first, second})
	want := marshal(t, sg.Merge(a, b, c))
	for range 20 {
		if got := marshal(t, sg.Merge(a, b, c)); !bytes.Equal(got, want) {
			t.Fatalf("the same graphs, merged twice, differ:\n%s", cmp.Diff(string(want), string(got)))
		}
	}
}

// edgeLines returns the text of describe without the report.
func edgeLines(g *sg.Graph) string {
	lines, _, _ := strings.Cut(describe(g), " spans: ")
	return lines[:strings.LastIndexByte(lines, '\n')+1]
}

// TestWeightingLaw multiplies all sampling weights by a constant: weighted counts must grow by
// the same factor, and unweighted counts and quantiles must not change.
func TestWeightingLaw(t *testing.T) {
	for seed := range seeds(t, 100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		spans := randomTraces(rng, 1+rng.IntN(6))
		const k = 4
		heavy := slices.Clone(spans)
		for i := range heavy {
			heavy[i].Weight = k * max(heavy[i].Weight, 1)
		}
		cfg := lawConfigs[seed%uint64(len(lawConfigs))]
		g, h := buildWith(cfg, spans), buildWith(cfg, heavy)
		if g.NumEdges() != h.NumEdges() {
			t.Fatalf("seed %d: %d edges, but %d with larger weights", seed, g.NumEdges(), h.NumEdges())
		}
		for e := range g.Edges() {
			f, ok := h.Edge(e.ID)
			if !ok || f.Calls != k*e.Calls || f.Errors != k*e.Errors || f.Caller.Observed != e.Caller.Observed ||
				f.Caller.Latency.Quantile(0.9) != e.Caller.Latency.Quantile(0.9) || f.Callee.Latency.Count() != k*e.Callee.Latency.Count() {
				t.Fatalf("seed %d: weights multiplied by %d change the edge\n%+v\nto\n%+v", seed, k, e, f)
			}
		}
	}
}

// TestRenamingLaw renames every service: nothing but the names in the graph may change.
func TestRenamingLaw(t *testing.T) {
	const prefix = "new-"
	configs := []func(prefix string) sg.Config{
		func(string) sg.Config { return sg.Config{} },
		func(string) sg.Config { return sg.Config{QueueNodes: true, UserNode: true, HTTPErrors: true} },
		func(string) sg.Config { return sg.Config{InferCalls: true, SplitBy: []string{"service.version"}} },
		func(prefix string) sg.Config { return sg.Config{Hide: isService(prefix + "D"), InferCalls: true} },
		func(prefix string) sg.Config { return sg.Config{Gateways: isService(prefix + "D"), QueueNodes: true} },
	}
	lines := func(g *sg.Graph) []string {
		var out []string
		for e := range g.Edges() {
			line := fmt.Sprintf("%s %s -> %s %s %s %v %v %v", e.ID.From, e.ID.From.Type, e.ID.To, e.ID.To.Type, e.ID.Kind, e.Calls, e.Errors, e.Evidence)
			out = append(out, strings.ReplaceAll(line, prefix, ""))
		}
		slices.Sort(out)
		return out
	}
	for seed := range seeds(t, 100) {
		rng := rand.New(rand.NewPCG(seed, 3))
		// No span id may occur twice: if deliveries of one span contradict each other, the
		// order of names decides, and renaming can change that order.
		seen := make(map[sg.Link]bool)
		spans := slices.DeleteFunc(randomTraces(rng, 1+rng.IntN(6)), func(s sg.Span) bool {
			id := sg.Link{TraceID: s.TraceID, SpanID: s.SpanID}
			again := seen[id]
			seen[id] = true
			return again
		})
		renamed := slices.Clone(spans)
		for i := range renamed {
			s := &renamed[i]
			s.Service = prefix + s.Service
			s.Attrs = slices.Clone(s.Attrs)
			for j := range s.Attrs {
				switch a := &s.Attrs[j]; {
				case a.Key == "peer.service", a.Key == "server.address" && len(a.Value) == 1: // a host can have the name of a service (A4)
					a.Value = prefix + a.Value
				}
			}
		}
		config := configs[seed%uint64(len(configs))]
		if diff := cmp.Diff(lines(buildWith(config(""), spans)), lines(buildWith(config(prefix), renamed))); diff != "" {
			t.Fatalf("seed %d: renaming services changes the graph:\n%s", seed, diff)
		}
	}
}

// TestMonotonicityLaw adds a trace to a graph: no call may disappear. A call to a name or an
// address may move to another edge, because the new trace may show which service has the name or
// the address.
func TestMonotonicityLaw(t *testing.T) {
	for seed := range seeds(t, 200) {
		rng := rand.New(rand.NewPCG(seed, 4))
		spans := randomTraces(rng, 2+rng.IntN(5))
		last := spans[len(spans)-1].TraceID
		cfg := lawConfigs[seed%uint64(len(lawConfigs))]
		without := buildWith(cfg, slices.DeleteFunc(slices.Clone(spans), func(s sg.Span) bool { return s.TraceID == last }))
		with := buildWith(cfg, spans)
		for e := range without.Edges() {
			known := e.Evidence.Both
			if e.ID.From.Type == sg.TypeService {
				known += e.Evidence.Callee
			}
			// A caller known by name alone may be resolved to another node of that name.
			remaining := 0.0
			for f := range with.In(e.ID.To) {
				if f.ID.From.Name == e.ID.From.Name && f.ID.Kind == e.ID.Kind {
					remaining += f.Calls
				}
			}
			if remaining < known {
				t.Fatalf("seed %d: edge %+v: of %v calls, %v remain after adding a trace", seed, e.ID, known, remaining)
			}
		}
		if a, b := without.Report(), with.Report(); b.Spans < a.Spans || b.Paired < a.Paired {
			t.Fatalf("seed %d: adding a trace lowers the number of spans or of paired spans:\n%+v\n%+v", seed, a, b)
		}
	}
}

// FuzzReadJSON reads arbitrary bytes: ReadJSON must refuse them, or return a graph that
// a JSON round trip does not change.
func FuzzReadJSON(f *testing.F) {
	for seed := range uint64(5) {
		data, err := build(randomTraces(rand.New(rand.NewPCG(seed, 5)), 2)).MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := sg.ReadJSON(bytes.NewReader(data))
		if err != nil {
			return
		}
		once := marshal(t, g)
		again, err := sg.ReadJSON(bytes.NewReader(once))
		if err != nil {
			t.Fatalf("ReadJSON refuses the JSON of a graph that it has read: %v\n%s", err, once)
		}
		if twice := marshal(t, again); !bytes.Equal(once, twice) {
			t.Fatalf("a JSON round trip changes the graph:\n%s", cmp.Diff(string(once), string(twice)))
		}
	})
}

// FuzzBuild makes spans of arbitrary bytes, many of them with colliding ids. Every span must
// have an outcome, and the spans in reverse order must give the same graph.
func FuzzBuild(f *testing.F) {
	f.Add([]byte("any bytes will do, but more of them make more spans in more traces"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var spans []sg.Span
		for b := range slices.Chunk(data, 8) {
			if len(b) < 8 {
				break
			}
			s := sg.Span{
				TraceID: sg.TraceID{b[0] % 3}, SpanID: sg.SpanID{b[1] % 16}, ParentID: sg.SpanID{b[2] % 16},
				Service: string(rune('A' + b[3]%4)), Kind: sg.Kind(b[4] % 8), Status: sg.Status(b[4] / 64),
				Start: int64(b[5]), End: int64(b[6]),
			}
			switch b[7] % 8 {
			case 0:
				s.Links = []sg.Link{{TraceID: sg.TraceID{b[7] / 8 % 3}, SpanID: sg.SpanID{b[7] / 24}}}
			case 1:
				s.Attrs = []sg.Attr{{Key: "peer.service", Value: string(rune('A' + b[7]/32))}}
			case 2:
				s.Attrs = []sg.Attr{{Key: "server.address", Value: string(rune('a' + b[7]/32))}}
			case 3:
				s.Attrs = []sg.Attr{{Key: "messaging.destination.name", Value: string(rune('a' + b[7]/32))}}
			}
			spans = append(spans, s)
		}
		cfg := []sg.Config{{}, {QueueNodes: true}, {InferCalls: true, IgnoreAddresses: true}}[len(data)%3]
		build := func(spans []sg.Span) *sg.Graph { return buildWith(cfg, spans) }
		g := build(spans)
		if r := g.Report(); r.Accounted() != uint64(len(spans)) {
			t.Fatalf("%d spans, but %d outcomes: %+v", len(spans), r.Accounted(), r)
		}
		want := marshal(t, g)
		slices.Reverse(spans)
		if got := marshal(t, build(spans)); !bytes.Equal(got, want) {
			t.Fatalf("the spans in reverse order give another graph:\n%s", cmp.Diff(string(want), string(got)))
		}
	})
}
