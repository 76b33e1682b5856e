package render

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// Errors from which the callers recovered count as a warning at most, and have a mark of their own,
// on edges and nodes and in every format for people.
func TestRecoveredErrorsAreAWarning(t *testing.T) {
	for _, test := range []struct {
		errors, recovered, calls float64
		mark                     string
		level                    Level
	}{
		{0, 0, 100, "", Healthy},
		{19, 0, 100, "● ", Failing},
		{19, 19, 100, "○ ", Warning},
		{100, 100, 100, "○ ", Warning},
		{19, 17, 100, "▲ ", Warning},
		{19, 10, 100, "● ", Failing},
		{0.5, 0.5, 100, "", Healthy},
		{19, 50, 100, "○ ", Warning},
	} {
		if mark, level := (Style{}).errorLevel(test.errors, test.recovered, test.calls); mark != test.mark || level != test.level {
			t.Errorf("%v errors, %v recovered, of %v calls: %q, %v; want %q, %v", test.errors, test.recovered, test.calls, mark, level, test.mark, test.level)
		}
	}
	g := retried(t)
	for e := range g.Edges() {
		if e.Errors != 5 || e.Recovered != 5 {
			t.Fatalf("%v errors, %v recovered", e.Errors, e.Recovered)
		}
	}
	for _, r := range []Renderer{Table{}, Markdown{}, DOT{}, Mermaid{}} {
		if out := renderString(t, r, g); !strings.Contains(out, "○") || strings.Contains(out, "●") {
			t.Errorf("%T does not mark the errors as recovered:\n%s", r, out)
		}
	}
	n, _ := g.Node(servicegraph.NodeID{Name: "cache", Type: servicegraph.TypeService})
	if c := (Style{}).Captions(g).Node(n); c.Level != Warning || !strings.Contains(c.Tooltip, "all recovered: their callers did not fail") {
		t.Errorf("the node has the level %v and the tooltip %q", c.Level, c.Tooltip)
	}
}

// retried returns a graph of ten requests to a shop, each of which calls a cache. Half of the
// calls fail, and no request does.
func retried(t *testing.T) *servicegraph.Graph {
	t.Helper()
	traffic := new(rendertest.Traffic)
	traffic.Call("shop", "cache", rendertest.Load{Calls: 10, Errors: 5, Typical: time.Millisecond})
	b := servicegraph.NewBuilder(servicegraph.Config{})
	for _, s := range traffic.Spans {
		if s.Kind == servicegraph.KindClient {
			root := s
			root.Kind, root.Status = servicegraph.KindServer, servicegraph.StatusUnset
			root.SpanID[0]++
			s.ParentID = root.SpanID
			b.Add(root)
		}
		b.Add(s)
	}
	return b.Graph()
}

func TestSlowIsAWarning(t *testing.T) {
	traffic := &rendertest.Traffic{Window: time.Minute}
	traffic.Call("shop", "quick", rendertest.Load{Calls: 20, Typical: 10 * time.Millisecond})
	traffic.Call("shop", "slow", rendertest.Load{Calls: 20, Typical: time.Second})
	traffic.Message("shop", "consumer", rendertest.Load{Calls: 20, Typical: time.Second})
	g := traffic.Graph(t)
	style := Style{Slow: 500 * time.Millisecond}
	captions := style.Captions(g)
	for e := range g.Edges() {
		c := captions.Edge(e)
		if slow := e.ID.To.Name == "slow"; c.Slow != slow || (c.Level == Warning) != slow || strings.Contains(c.Latency, "▲") != slow {
			t.Errorf("%v: %+v", e.ID, c)
		}
		if c := (Style{}).Captions(g).Edge(e); c.Slow || c.Level != Healthy {
			t.Errorf("without a limit, %v is %v", e.ID, c.Level)
		}
	}
	if out := renderString(t, Table{Style: style}, g); strings.Count(out, "▲") != 1 {
		t.Errorf("want one mark:\n%s", out)
	}
	if !slices.ContainsFunc(style.Legend(g), func(m LegendItem) bool { return m.Text == "p95 of 500 ms or more" }) {
		t.Errorf("the legend is %v", style.Legend(g))
	}
}

// The durations of an edge are in one unit, in which the largest is below 1,000. A word tells what
// they are, unless they are the latency that the caller measured.
func TestNumbersOnEdges(t *testing.T) {
	traffic := &rendertest.Traffic{Window: time.Minute}
	traffic.Call("shop", "slow", rendertest.Load{Calls: 20, Typical: 4352 * time.Millisecond})
	traffic.Call("shop", "quick", rendertest.Load{Calls: 2, Typical: 20 * time.Millisecond})
	traffic.Peer("shop", "peer.service", "api", rendertest.Load{Calls: 20, Typical: 65 * time.Microsecond})
	traffic.Send("shop", "orders", rendertest.Load{Calls: 20, Typical: time.Millisecond})
	traffic.Receive("orders", "mailer", rendertest.Load{Calls: 20, Typical: 3 * time.Millisecond})
	g := traffic.Graph(t)
	captions := Style{}.Captions(g)
	want := map[string]string{"slow": " s", "quick": " s", "api": " s", "orders": " ms", "mailer": " ms"}
	words := map[string]string{"orders": "sending ", "mailer": "processing "}
	for e := range g.Edges() {
		name := e.ID.To.Name
		c := captions.Edge(e)
		if !strings.HasSuffix(c.Latency, want[name]) || !strings.HasPrefix(c.Latency, words[name]) || !strings.HasSuffix(c.Volume, "/min") {
			t.Errorf("%s: %q, %q", name, c.Volume, c.Latency)
		}
	}
	heading := strings.Join(Style{}.Heading(g, g), "\n")
	for _, text := range []string{"sending: time to send a message", "processing: time to process a message"} {
		if !strings.Contains(heading, text) {
			t.Errorf("the heading does not explain %q:\n%s", text, heading)
		}
	}
}

func TestTableSortsAndSelects(t *testing.T) {
	traffic := &rendertest.Traffic{Window: time.Minute}
	traffic.Call("a", "busy", rendertest.Load{Calls: 100, Errors: 1, Typical: time.Millisecond})
	traffic.Call("b", "failing", rendertest.Load{Calls: 10, Errors: 9, Typical: time.Millisecond})
	traffic.Call("c", "slow", rendertest.Load{Calls: 20, Typical: time.Second})
	g := traffic.Graph(t)
	for key, want := range map[SortKey]string{
		SortName: "busy failing slow", SortCalls: "busy slow failing", SortRate: "busy slow failing",
		SortErrors: "failing busy slow", SortP95: "slow busy failing",
	} {
		for _, r := range []Renderer{Table{Style: Style{Sort: key}}, Markdown{Style{Sort: key}}} {
			var got []string
			for line := range strings.Lines(renderString(t, r, g)) {
				for _, name := range []string{"busy", "failing", "slow"} {
					if strings.Contains(line, "→") && strings.Contains(line, name) {
						got = append(got, name)
					}
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%T sorted by %q: %v, want %s", r, key, got, want)
			}
		}
	}
	out := renderString(t, Table{Style: Style{Columns: []Column{ColumnP95, ColumnFailed}}}, g)
	if head, _, _ := strings.Cut(out, "\n"); strings.Join(strings.Fields(head), " ") != "SRC → DST P95 FAILED" {
		t.Errorf("the heading is %q", head)
	}
	for _, name := range ColumnNames() {
		c, err := ParseColumn(name)
		if err != nil {
			t.Error(err)
		}
		if out := renderString(t, Table{Style: Style{Columns: []Column{c}}}, g); len(strings.Fields(strings.SplitN(out, "\n", 2)[0])) != 4 {
			t.Errorf("column %s:\n%s", name, out)
		}
	}
	if _, err := ParseColumn("cals"); err == nil || !strings.HasSuffix(err.Error(), ": did you mean calls?") {
		t.Errorf("%v", err)
	}
	colored := renderString(t, Table{Color: true}, g)
	if plain := renderString(t, Table{}, g); strings.Contains(plain, "\x1b") || !strings.Contains(colored, "\x1b[1;31m● 90%\x1b[0m") {
		t.Errorf("colors:\n%q\n%q", plain, colored)
	}
}
