package render

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

func TestTableEscapesHostileNames(t *testing.T) {
	g := hostile().Graph(t)
	out := renderString(t, Table{}, g)
	for i, line := range strings.Split(out, "\n") {
		if !utf8.ValidString(line) {
			t.Errorf("line %d is not UTF-8: %q", i, line)
		}
		for _, r := range line {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) && r != '\u200e' {
				t.Errorf("line %d contains %q: %q", i, r, line)
			}
		}
	}
	if got := strings.Count(out, "→") - 1; got != g.NumEdges()-strings.Count(out, "⇢") {
		t.Errorf("%d requests in the table, %d edges in the graph", got, g.NumEdges())
	}
}

func TestTableIsAligned(t *testing.T) {
	traffic := rendertest.Shop()
	for _, name := range []string{"注文サービス", "e\u0301te\u0301", strings.Repeat("very-", 20) + "long", "שלום"} {
		traffic.Call("edge/web-gateway", name, rendertest.Load{Calls: 12345, Errors: 1, Typical: 80 * time.Second})
	}
	table, _, _ := strings.Cut(renderString(t, Table{}, traffic.Graph(t)), "\n\n")
	lines := strings.Split(table, "\n")
	for _, line := range lines {
		if width(line) != width(lines[0]) || width(line) > 120 {
			t.Errorf("line is %d columns wide, the first %d:\n%s", width(line), width(lines[0]), line)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "(no name)",
		"plain name":          "plain name",
		"a\nb\tc\x00":         `a\nb\tc\x00`,
		"\u202etxt.exe":       `\u202etxt.exe`,
		"\xffé\xc3":           `\xffé\xc3`,
		"\ufffd":              "\ufffd",
		"👩‍💻":                 "👩‍💻",
		"\u00a0\u2028\u200b":  `\u00a0\u2028\u200b`,
		"\U000e0001\ue000":    `\U000e0001\ue000`,
		`quotes " ' and \ ok`: `quotes " ' and \ ok`,
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		in   string
		max  int
		want string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 6, "abc…fg"},
		{"abcdefgh", 5, "ab…gh"},
		{"注文サービス", 12, "注文サービス"},
		{"注文サービス", 11, "注文…ービス"},
		{"e" + strings.Repeat("\u0301", 10_000) + "x", 5, "e\u0301…\u0301x"},
		{strings.Repeat("x", 10_000), 9, "xxxx…xxxx"},
	} {
		got := shorten(test.in, test.max)
		if got != test.want || width(got) > test.max {
			t.Errorf("shorten(%.20q, %d) = %q, want %q", test.in, test.max, got, test.want)
		}
	}
}

// The namespace is shortened before the name.
func TestNodeName(t *testing.T) {
	for _, test := range []struct {
		namespace, name string
		kind            servicegraph.NodeType
		want            string
	}{
		{"shop", "cart", servicegraph.TypeService, "shop/cart"},
		{"opentelemetry-demo", "cart", servicegraph.TypeService, "opente…y-demo/cart"},
		{"opentelemetry-demo", "recommend", servicegraph.TypeService, "open…emo/recommend"},
		{"opentelemetry-demo", "product-catalog", servicegraph.TypeService, "opentelem…-catalog"},
		{"opentelemetry-demo", "cart", servicegraph.TypeQueue, "op…mo/cart [queue]"},
		{"", "a-name-of-its-own-length", servicegraph.TypeService, "a-name-of…n-length"},
	} {
		id := servicegraph.NodeID{Namespace: test.namespace, Name: test.name, Type: test.kind}
		if got := nodeName(id, 18); got != test.want {
			t.Errorf("%s: got %q, want %q", id, got, test.want)
		}
	}
}

// lasting returns a graph whose spans have a time range of the given length.
func lasting(length time.Duration) *servicegraph.Graph {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	b.Add(servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1}, Start: 1, End: 1 + int64(length)})
	return b.Graph()
}

// rateOf formats a rate in the unit that suits it.
func rateOf(length time.Duration, calls float64) string {
	g := lasting(length)
	perSecond, known := g.Rate(calls)
	return Scale{graph: g, known: known, period: periodOf(perSecond)}.Rate(calls)
}

func TestNumbers(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(999_499), "999,499"},
		{count(999_500), "1M"}, {count(1_234_567), "1.23M"}, {count(2e9), "2G"}, {count(1234.5), "1,234.5"},
		{plural(1, "call"), "1 call"}, {plural(0, "call"), "0 calls"}, {plural(1.5, "call"), "1.5 calls"}, {plural(2, "address"), "2 addresses"},

		{rateOf(999*time.Millisecond, 5), "–"}, {rateOf(time.Second, 5), "5/s"}, {rateOf(time.Second, 1234), "1.23k/s"},
		{rateOf(26*time.Second, 55), "2.12/s"}, {rateOf(time.Minute, 30), "30/min"}, {rateOf(time.Hour, 5), "5/h"},

		{percent(0, 10), "0%"}, {percent(0, 0), "–"}, {percent(1, 1e9), "<0.01%"}, {percent(1, 2000), "0.05%"},
		{percent(19, 1000), "1.9%"}, {percent(1, 8), "12%"}, {percent(999, 1000), ">99%"}, {percent(5, 5), "100%"},

		{duration(0), "0 ms"}, {duration(1), "1 ns"}, {duration(1500), "1.5 µs"}, {duration(627 * time.Microsecond), "627 µs"},
		{duration(1234 * time.Microsecond), "1.23 ms"}, {duration(1150 * time.Millisecond), "1.15 s"}, {duration(999_999 * time.Microsecond), "1 s"},
		{duration(999_499 * time.Microsecond), "999 ms"}, {duration(999_999), "1 ms"}, {duration(999_499), "999 µs"},
		{duration(12 * time.Second), "12 s"}, {duration(999 * time.Second), "999 s"}, {duration(time.Hour), "60 min"},
		{duration(999*time.Minute + 29*time.Second), "999 min"}, {duration(999*time.Minute + 30*time.Second), "16.7 h"}, {duration(1000 * time.Hour), "41.7 d"}, {duration(999 * time.Hour), "999 h"},
		{unit{"s", time.Second}.number(time.Nanosecond), "<0.000001"}, {unit{"s", time.Second}.number(123456), "0.00012"}, {unit{"s", time.Second}.number(50 * time.Millisecond), "0.05"},
		{unit{"s", time.Second}.number(1234 * time.Microsecond), "0.0012"}, {unit{"s", time.Second}.number(123456 * time.Microsecond), "0.123"},
		{unit{"s", time.Second}.number(12345 * time.Millisecond), "12.3"}, {unit{"s", time.Second}.number(9999 * time.Millisecond), "10"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

// Every counter that makes a graph incomplete or uncertain has a remark, in the singular
// and in the plural, and no other counter has one.
func TestRemarks(t *testing.T) {
	all := servicegraph.Report{
		LeftOutTraces: 2, LeftOutNodes: 2, LeftOutEdges: 2, LeftOutCalls: 7,
		Skipped: 2, Invalid: 2, Late: 2, Orphan: 2, Unresolved: 2, LinkMissing: 2, AddressConflicts: 2,
		Cycles: 2, UnknownService: 2, InvalidDuration: 2, Unfinished: 2, Skewed: 2, Sampled: 2, Uninferred: 2, EvictedSpans: 1, EvictedTraces: 1, LinksResolvedEarly: 1, AddressesResolvedEarly: 1, NodesFolded: 2, NamesTruncated: 2, LongNames: 2, FoldedCalls: 1.5,
	}
	var got []string
	for _, r := range remarks(all) {
		got = append(got, r.brief())
	}
	want := "2 unread traces (or more, left out by a limit), 2 hidden nodes, 2 hidden edges, 2 incomplete records (skipped or partial), 2 invalid spans (no id), 2 late spans (trace already counted), " +
		"2 orphan spans (parent span missing), 2 unresolved calls (callee unknown), 2 broken span links (linked span missing), 2 ambiguous addresses (several services answer there), " +
		"2 parent cycles (spans among their own ancestors), 2 evicted traces (too many held), 2 early matches (too many pending), 2 grouped names (beyond the node limit), " +
		"2 ignored names (beyond the node limit), 2 cut names (too long), 2 grouped calls (too many edges), 2 unnamed spans (no service.name), 2 negative durations (ends before it starts), 2 unfinished spans (no start or end time), " +
		"2 uninferred traces (too many candidates), 2 sampled spans (calls are estimates), 2 skewed spans (clock skew)"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, ", "), want)
	}
	one := servicegraph.Report{Orphan: 1, AddressConflicts: 1, LeftOutEdges: 1, LeftOutCalls: 1}
	got = nil
	for _, r := range remarks(one) {
		got = append(got, r.String())
	}
	want = "1 hidden edge: left out of this view, with 1 call; 1 orphan span: the parent span is missing, so a call may be missing; " +
		"1 ambiguous address: several services answer there, so calls there are not attributed to any of them"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, "; "), want)
	}
	fine := servicegraph.Report{Traces: 1, Spans: 5, Paired: 2, Virtual: 1, Root: 1, Internal: 1}
	if got := remarks(fine); len(got) > 0 {
		t.Errorf("got %v, want none", got)
	}
}

func TestTimeRange(t *testing.T) {
	for _, test := range []struct {
		window time.Duration
		want   string
	}{
		{500 * time.Millisecond, "2026-08-01 14:00:00–14:00:00 UTC (251 ms)"},
		{11 * time.Hour, "2026-08-01 14:00:00–2026-08-01 19:30:00 UTC (5h30m0s)"},
		{40 * time.Hour, "2026-08-01 14:00:00–2026-08-02 10:00:00 UTC (20h0m0s)"},
	} {
		traffic := &rendertest.Traffic{Window: test.window}
		traffic.Entry("a", rendertest.Load{Calls: 2, Typical: time.Millisecond})
		if got, want := timeRange(traffic.Graph(t)), strings.Replace(test.want, "–2026-08-01 ", "–", 1); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := timeRange(new(servicegraph.Graph)); got != "time unknown" {
		t.Errorf("empty graph: %q", got)
	}
}

// TestEnvironments expects a mark if the report does not list all environments.
func TestEnvironments(t *testing.T) {
	for report, want := range map[string][]string{
		`{"environments":["prod"]}`:                                     nil,
		`{"environments":["prod","test"]}`:                              {"several environments in one graph: prod, test"},
		`{"environments":["prod","test"],"environmentsTruncated":true}`: {"several environments in one graph: prod, test, …"},
	} {
		g, err := servicegraph.ReadJSON(strings.NewReader(`{"schema":1,"report":` + report + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := (Style{}).caveats(g, g); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", report, got, want)
		}
	}
}

// The heading has the nodes and edges that a filter hid only once.
func TestHiddenNodesAreCountedOnce(t *testing.T) {
	g, err := servicegraph.ReadJSON(strings.NewReader(`{"schema":1,"report":{"leftOutNodes":1,"leftOutEdges":2,"skewed":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	both := "note: 1 hidden node, 2 hidden edges, 1 skewed span (clock skew)"
	for note, want := range map[string][]string{
		"":                                     {both},
		"hidden by --near a: 1 node, 2 edges":  {"note: 1 hidden node, 2 hidden edges (--near a), 1 skewed span (clock skew)"},
		"hidden by --near a: 1 node":           {"hidden by --near a: 1 node", both},
		"hidden by --near a: 11 node, 2 edges": {"hidden by --near a: 11 node, 2 edges", both},
	} {
		var notes []string
		if note != "" {
			notes = []string{note}
		}
		if got := (Style{Notes: notes}).caveats(g, g); !slices.Equal(got, want) {
			t.Errorf("note %q: got %q, want %q", note, got, want)
		}
	}
}
