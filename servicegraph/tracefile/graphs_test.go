package tracefile

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// The tests in this file compare the graphs of real traces with known facts about the programs that
// recorded them, and with the results of other systems for the same spans.

// graphOf returns the graph of a file. All spans must be read and accounted for.
func graphOf(tb testing.TB, path string) *servicegraph.Graph {
	tb.Helper()
	g, err := servicegraph.Build(ReadFile(path, Config{}), servicegraph.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	r := g.Report()
	if r.Skipped != 0 {
		tb.Errorf("%s: %d records skipped", path, r.Skipped)
	}
	if r.Accounted() != r.Spans {
		tb.Errorf("%s: %d of %d spans accounted for", path, r.Accounted(), r.Spans)
	}
	return g
}

// A dependency is a link between two services as Jaeger and Zipkin write it.
type dependency struct{ Parent, Child string }

// calls are the calls and errors of a dependency.
type calls struct{ Calls, Errors float64 }

// dependenciesOf returns the edges of a graph, of all kinds.
func dependenciesOf(g *servicegraph.Graph) map[dependency]calls {
	found := make(map[dependency]calls)
	for e := range g.Edges() {
		d := dependency{e.ID.From.String(), e.ID.To.String()}
		c := found[d]
		found[d] = calls{c.Calls + e.Calls, c.Errors + e.Errors}
	}
	return found
}

// readDependencies reads the answer of another system.
func readDependencies(tb testing.TB, path string) map[dependency]calls {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	type link struct {
		Parent, Child         string
		CallCount, ErrorCount float64
	}
	var links []link
	if strings.HasPrefix(string(text), "{") { // Jaeger's
		answer := struct{ Data *[]link }{&links}
		err = json.Unmarshal(text, &answer)
	} else {
		err = json.Unmarshal(text, &links)
	}
	if err != nil {
		tb.Fatal(err)
	}
	found := make(map[dependency]calls)
	for _, l := range links {
		found[dependency{l.Parent, l.Child}] = calls{l.CallCount, l.ErrorCount}
	}
	return found
}

// readTempo reads the counters of Tempo's service graph.
func readTempo(tb testing.TB, path string) map[dependency]calls {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	series := regexp.MustCompile(`(?m)^traces_service_graph_request(_failed)?_total\{client="([^"]*)",.* server="([^"]*)"\} (\d+)$`)
	found := make(map[dependency]calls)
	for _, m := range series.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			tb.Fatal(err)
		}
		d := dependency{m[2], m[3]}
		c := found[d]
		if m[1] == "" {
			c.Calls += n
		} else {
			c.Errors += n
		}
		found[d] = c
	}
	return found
}

// hotrodCalls are the calls that HotROD made: 55 requests, and the calls of each.
var hotrodCalls = map[dependency]calls{
	{"frontend", "customer"}:   {53, 1},
	{"frontend", "driver"}:     {52, 0},
	{"frontend", "route"}:      {520, 0},
	{"customer", "mysql"}:      {53, 0},
	{"driver", "redis-manual"}: {702, 130},
}

func TestHotRODGraph(t *testing.T) {
	g := graphOf(t, hotrod)
	if diff := cmp.Diff(hotrodCalls, dependenciesOf(g)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for n := range g.Nodes() {
		want := 0.0
		if n.ID.Name == "frontend" {
			want = 55
		}
		if n.Entries != want {
			t.Errorf("%v entries into %s, want %v", n.Entries, n.ID, want)
		}
	}
	failed := 0
	for s, err := range ReadFile(hotrod, Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Status == servicegraph.StatusError {
			failed++
		}
	}
	if r := g.Report(); r.Traces != 55 || r.Spans != 2060 || failed != 133 {
		t.Errorf("%d traces, %d spans, %d of them failed", r.Traces, r.Spans, failed)
	}
}

// Protobuf and JSON of OTLP give the same graph, byte by byte. Jaeger's JSON, which keeps
// microseconds, gives the same graph, except that latencies differ by less than a microsecond.
func TestHotRODInThreeFormats(t *testing.T) {
	packed := graphOf(t, dataset(t, "hotrod/hotrod-all.pb.gz"))
	lines := graphOf(t, dataset(t, "hotrod/hotrod-all.jsonl.gz"))
	if diff := cmp.Diff(marshal(t, packed), marshal(t, lines)); diff != "" {
		t.Errorf("protobuf and JSON (-want +got):\n%s", diff)
	}
	jaeger := graphOf(t, dataset(t, "hotrod/hotrod-all.jaeger.json.gz"))
	if diff := cmp.Diff(counts(packed), counts(jaeger)); diff != "" {
		t.Errorf("OTLP and Jaeger's JSON (-want +got):\n%s", diff)
	}
	for e := range packed.Edges() {
		f, _ := jaeger.Edge(e.ID)
		sameLatency(t, e.ID.To.String()+", caller", e.Caller.Latency, f.Caller.Latency)
		sameLatency(t, e.ID.To.String()+", callee", e.Callee.Latency, f.Callee.Latency)
	}
	for n := range packed.Nodes() {
		m, _ := jaeger.Node(n.ID)
		sameLatency(t, n.ID.String(), n.Requests.Latency, m.Requests.Latency)
	}
}

func marshal(tb testing.TB, g *servicegraph.Graph) string {
	tb.Helper()
	data, err := g.MarshalJSON()
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// counts returns everything in a graph that does not depend on nanoseconds.
func counts(g *servicegraph.Graph) []string {
	stats := func(s servicegraph.Stats) string {
		return fmt.Sprintf("%v calls, %v errors, %d observed, %v timed", s.Calls, s.Errors, s.Observed, s.Latency.Count())
	}
	var list []string
	for n := range g.Nodes() {
		list = append(list, fmt.Sprintf("%+v: %v entries, %s", n.ID, n.Entries, stats(n.Requests)))
	}
	for e := range g.Edges() {
		list = append(list, fmt.Sprintf("%+v: %v calls, %v errors, %v recovered, %v retries, at most %d in a trace, %+v, caller %s, callee %s, %d failed examples",
			e.ID, e.Calls, e.Errors, e.Recovered, e.Retries, e.MaxPerTrace, e.Evidence, stats(e.Caller), stats(e.Callee), len(e.Failed)))
	}
	r := g.Report()
	r.First, r.Last = r.First/1000, r.Last/1000
	return append(list, fmt.Sprintf("%+v", r))
}

// sameLatency checks that each duration lost less than a microsecond.
func sameLatency(t *testing.T, name string, ns, us servicegraph.Latency) {
	t.Helper()
	lost := func(what string, exact, cut time.Duration, most time.Duration) {
		t.Helper()
		if cut > exact || exact-cut >= most {
			t.Errorf("%s: %s of %v became %v", name, what, exact, cut)
		}
	}
	if ns.Count() == 0 && us.Count() == 0 {
		return
	}
	lost("minimum", ns.Min(), us.Min(), time.Microsecond)
	lost("maximum", ns.Max(), us.Max(), time.Microsecond)
	lost("sum", ns.Sum(), us.Sum(), time.Duration(ns.Count())*time.Microsecond)
}

// Jaeger's JSON gives the same spans, to the microsecond.
func TestHotRODSpansInJaeger(t *testing.T) {
	want, _, err := collect(t, ReadFile(hotrod, Config{}))
	if err != nil {
		t.Fatal(err)
	}
	got, skips, err := collect(t, ReadFile(dataset(t, "hotrod/hotrod-all.jaeger.json.gz"), Config{}))
	if len(skips) > 0 || err != nil {
		t.Fatal(skips, err)
	}
	byKey := func(a, b servicegraph.Attr) int { return strings.Compare(a.Key, b.Key) }
	for _, spans := range [][]servicegraph.Span{want, got} {
		for i := range spans {
			s := &spans[i]
			duration := s.End - s.Start
			s.Start -= s.Start % 1000
			s.End = s.Start + duration - duration%1000
			s.Attrs = slices.SortedFunc(slices.Values(s.Attrs), byKey)
			s.Resource = slices.SortedFunc(slices.Values(s.Resource), byKey)
		}
	}
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Jaeger's own dependencies are the same. So are Tempo's, for the calls that Tempo sees: it does
// not see those to mysql and redis-manual, whose own spans are client spans [docs/semantics.md
// P15].
func TestHotRODElsewhere(t *testing.T) {
	g := graphOf(t, dataset(t, "hotrod/hotrod-all.pb.gz"))
	got := dependenciesOf(g)
	jaeger := readDependencies(t, dataset(t, "hotrod/expected-jaeger.json"))
	for d := range jaeger {
		jaeger[d] = calls{jaeger[d].Calls, got[d].Errors} // Jaeger counts no errors
	}
	if diff := cmp.Diff(jaeger, got); diff != "" {
		t.Errorf("Jaeger (-want +got):\n%s", diff)
	}
	for d, want := range readTempo(t, dataset(t, "hotrod/expected-tempo.txt")) {
		switch d {
		case dependency{"mysql", "mysql"}:
			if c, ok := got[d]; ok {
				t.Errorf("mysql calls itself: %v", c)
			}
		case dependency{"user", "frontend"}:
			n, _ := g.Node(servicegraph.NodeID{Name: "frontend", Type: servicegraph.TypeService})
			if want != (calls{n.Entries, n.Requests.Errors}) {
				t.Errorf("entries: Tempo %v, here %v, %v failed", want, n.Entries, n.Requests.Errors)
			}
		default:
			if got[d] != want {
				t.Errorf("%v: Tempo %v, here %v", d, want, got[d])
			}
		}
	}
}

// In this recording both halves of every call arrived in separate requests, and the parents of
// 3,170 spans are missing. The graph has at least the calls that Tempo and Jaeger found, and
// accounts for every span.
func TestMythicalGraph(t *testing.T) {
	g := graphOf(t, dataset(t, "mythical/mythical.pb.gz"))
	if r := g.Report(); r.Spans != 59013 || r.Traces != 2611 || r.MissingParent != 3170 {
		t.Errorf("%d spans in %d traces, %d without their parent", r.Spans, r.Traces, r.MissingParent)
	}
	service := func(name string) servicegraph.NodeID {
		return servicegraph.NodeID{Name: name, Type: servicegraph.TypeService}
	}
	requester, server := service("mythical-requester"), service("mythical-server")
	got := make(map[dependency]calls)
	for _, id := range []servicegraph.EdgeID{
		{From: requester, To: server, Kind: servicegraph.EdgeRequest},
		{From: requester, To: service("mythical-recorder"), Kind: servicegraph.EdgeMessage},
		{From: server, To: servicegraph.NodeID{Name: "postgres", Type: servicegraph.TypeDatabase}, Kind: servicegraph.EdgeRequest},
	} {
		e, ok := g.Edge(id)
		if !ok {
			t.Errorf("no %s from %s to %s", id.Kind, id.From, id.To)
		}
		got[dependency{id.From.Name, id.To.Name}] = calls{e.Calls, e.Errors}
	}
	for name, others := range map[string]map[dependency]calls{
		"Tempo":  readTempo(t, dataset(t, "mythical/expected-tempo.txt")),
		"Jaeger": readDependencies(t, dataset(t, "mythical/expected-jaeger.json")),
	} {
		for d, want := range others {
			if d.Child == "postgres" {
				want.Calls-- // the span pg.connect of the driver, beside a query, is not a separate call
			}
			if c := got[d]; c.Calls < want.Calls || c.Errors < want.Errors {
				t.Errorf("%v: %s %v, here %v", d, name, want, c)
			}
		}
	}
}

// A departure is an edge on which Zipkin's linker and the graph disagree.
type departure struct {
	dependency
	zipkin, here calls
	reason       string // the row of docs/semantics.md, by default of the table "Decided"
}

// zipkinDepartures are all departures, by sample.
var zipkinDepartures = map[string][]departure{
	"ascend": nil,
	"envoy":  nil,
	"messaging": {
		{dependency{"frontend", "rabbitmq"}, calls{1, 0}, calls{}, "producer and consumer: paired by their parent"},
		{dependency{"rabbitmq", "backend"}, calls{1, 0}, calls{}, "the same message"},
		{dependency{"frontend", "backend"}, calls{}, calls{1, 0}, "the same message"},
	},
	"messaging2": {
		{dependency{"mobile-gateway", "transfer-service"}, calls{2, 0}, calls{}, "orphan in a trace with a root: two clients whose parents never arrived"},
	},
	"messaging-kafka": {
		{dependency{"kafka", "servicea"}, calls{4, 0}, calls{1, 0}, "producer and consumer: 3 of 4 are paired by their parent"},
		{dependency{"servicea", "kafka"}, calls{9, 0}, calls{6, 0}, "producer and consumer: 3 of 9 are paired"},
		{dependency{"kafka", "serviceb"}, calls{3, 0}, calls{}, "producer and consumer: all are paired"},
		{dependency{"servicea", "servicea"}, calls{}, calls{3, 0}, "the same messages, each consumed by both services"},
		{dependency{"servicea", "serviceb"}, calls{}, calls{3, 0}, "the same messages"},
	},
	"simple-db-p6": nil,
	"skew":         nil,
	"smartthings-mobile-web-install": {
		{dependency{"strongman", "strongman"}, calls{19, 0}, calls{}, "same-service CLIENT→SERVER: here a SERVER inside a SERVER, without a client"},
		{dependency{"stlogin", "stlogin"}, calls{10, 0}, calls{}, "same-service CLIENT→SERVER: also a SERVER inside a SERVER"},
		{dependency{"pusher", "archiver.st.internal"}, calls{}, calls{1, 0}, "naming an uninstrumented callee: by the host of http.url"},
	},
}

func TestZipkinSamples(t *testing.T) {
	for sample, departures := range zipkinDepartures {
		t.Run(sample, func(t *testing.T) {
			got := dependenciesOf(graphOf(t, dataset(t, "zipkin/"+sample+".json")))
			want := readDependencies(t, dataset(t, "zipkin/"+sample+".links.json"))
			for _, d := range departures {
				if want[d.dependency] != d.zipkin {
					t.Errorf("%v: Zipkin says %v, not %v", d.dependency, want[d.dependency], d.zipkin)
				}
				delete(want, d.dependency)
				if d.here != (calls{}) {
					want[d.dependency] = d.here
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// zipkinDepartures has all samples.
func TestZipkinSamplesAreAll(t *testing.T) {
	files, err := os.ReadDir(dataset(t, "zipkin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		sample, isLinks := strings.CutSuffix(f.Name(), ".links.json")
		if _, known := zipkinDepartures[sample]; isLinks && !known {
			t.Errorf("%s is not compared", sample)
		}
	}
}
