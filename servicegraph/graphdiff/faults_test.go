package graphdiff_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
)

// clone returns a copy of the traces that a test may change, with other trace ids.
func clone(traces [][]sg.Span) [][]sg.Span {
	out := make([][]sg.Span, len(traces))
	for i, t := range traces {
		out[i] = slices.Clone(t)
		for j := range out[i] {
			out[i][j].TraceID[0] ^= 0xff
		}
	}
	return out
}

// toward reports whether a span is a side of the call from one service to another: a SERVER span of
// the callee, or the CLIENT span above that span. HotROD's databases are CLIENT spans.
func toward(trace []sg.Span, i int, from, to string) bool {
	service := func(id sg.SpanID) string {
		for _, s := range trace {
			if s.SpanID == id {
				return s.Service
			}
		}
		return ""
	}
	s := &trace[i]
	if s.Service == to && service(s.ParentID) == from {
		return true
	}
	if s.Service != from || s.Kind != sg.KindClient {
		return false
	}
	return slices.ContainsFunc(trace, func(c sg.Span) bool { return c.ParentID == s.SpanID && c.Service == to })
}

// TestFaults makes a fault in HotROD's traces, and expects the diff to report the fault and
// nothing else.
func TestFaults(t *testing.T) {
	hotrod := tracesOf(t, "../../examples/traces/hotrod.jsonl.gz")
	base := graphOf(hotrod)
	each := func(change func(trace []sg.Span, i int)) func([][]sg.Span) [][]sg.Span {
		return func(traces [][]sg.Span) [][]sg.Span {
			for _, trace := range traces {
				for i := range trace {
					change(trace, i)
				}
			}
			return traces
		}
	}
	for _, c := range []struct {
		name  string
		fault func([][]sg.Span) [][]sg.Span
		want  string
	}{
		{"nothing", each(func([]sg.Span, int) {}), ""},
		{"an edge removed", func(traces [][]sg.Span) [][]sg.Span {
			for k, trace := range traces {
				traces[k] = slices.DeleteFunc(trace, func(s sg.Span) bool { return s.Service == "mysql" })
			}
			return traces
		}, "gone node mysql; gone edge customer → mysql"},
		{"an edge added", addLoyalty, "new node loyalty [external]; new edge customer → loyalty [external]"},
		{"30 % slower", each(func(trace []sg.Span, i int) {
			if s := &trace[i]; toward(trace, i, "frontend", "route") {
				s.End += (s.End - s.Start) * 3 / 10
			}
		}), "slower frontend → route (median latency)"},
		{"5 % failing", func() func([][]sg.Span) [][]sg.Span {
			n := 0
			return each(func(trace []sg.Span, i int) {
				if s := &trace[i]; s.Service == "route" && s.Kind == sg.KindServer {
					if n++; n%20 == 0 {
						s.Status = sg.StatusError
					}
				}
			})
		}(), "more errors frontend → route (failed calls)"},
		{"a service renamed", each(func(trace []sg.Span, i int) {
			if trace[i].Service == "driver" {
				trace[i].Service = "dispatcher"
			}
		}), "new node dispatcher; new edge dispatcher → redis-manual; new edge frontend → dispatcher; " +
			"gone node driver; gone edge driver → redis-manual; gone edge frontend → driver; renamed driver dispatcher"},
	} {
		t.Run(c.name, func(t *testing.T) {
			head := graphOf(c.fault(clone(hotrod)))
			d, err := graphdiff.Compare(base, head, graphdiff.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if got := findings(d); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
				for _, f := range d.Findings() {
					t.Log(f)
				}
			}
		})
	}
}

// addLoyalty adds a call to loyalty to each request of customer.
func addLoyalty(traces [][]sg.Span) [][]sg.Span {
	for k, trace := range traces {
		for _, s := range trace {
			if s.Service == "customer" && s.Kind == sg.KindServer {
				id := s.SpanID
				id[0] ^= 0x55
				traces[k] = append(traces[k], sg.Span{TraceID: s.TraceID, SpanID: id, ParentID: s.SpanID, Kind: sg.KindClient, Service: "customer", Start: s.Start, End: s.Start + 1e6,
					Attrs: []sg.Attr{{Key: "peer.service", Value: "loyalty"}}})
			}
		}
	}
	return traces
}

// findings returns the changes of a diff in one line.
func findings(d graphdiff.Diff) string {
	var list []string
	for _, f := range d.Findings() {
		text := f.What() + " " + f.Name()
		switch f.Metric {
		case graphdiff.Errors:
			text += " (failed calls)"
		case graphdiff.Latency:
			text += " (median latency)"
		case graphdiff.Tail:
			text += " (p95 latency)"
		}
		list = append(list, text)
	}
	for _, r := range d.Renamed {
		list = append(list, fmt.Sprintf("renamed %s %s", r.From, r.To))
	}
	return strings.Join(list, "; ")
}

// TestMinutes compares the two minutes of a recording of mythical, a demo with messages and a
// database. In the first minute the load is so high that a query takes ten seconds; in the second
// minute the load is a fifth of that. The diff must report the change, and must report nothing for
// two halves of the second minute.
func TestMinutes(t *testing.T) {
	const file = "../../../shared/datasets/mythical/mythical.pb.gz"
	if _, err := os.Stat(file); err != nil {
		t.Skipf("a recording of real traces is missing: %v", err)
	}
	minutes := make(map[int64][][]sg.Span)
	for _, trace := range tracesOf(t, file) {
		first := trace[0].Start
		for _, s := range trace {
			first = min(first, s.Start)
		}
		minutes[first/60e9] = append(minutes[first/60e9], trace)
	}
	var traces [][][]sg.Span
	for _, m := range slices.Sorted(maps.Keys(minutes)) {
		if len(minutes[m]) > 100 { // the first and the last minute of the recording are incomplete
			traces = append(traces, minutes[m])
		}
	}
	if len(traces) != 2 {
		t.Fatalf("%d minutes, want 2", len(traces))
	}
	const want = "gone node 127.0.0.1 [ip]; gone node rabbitmq/messages [queue]; gone edge mythical-requester → 127.0.0.1 [ip]; " +
		"gone edge rabbitmq/messages [queue] ⇢ mythical-recorder; slower mythical-requester ⇢ mythical-recorder (median latency); " +
		"faster mythical-requester → loki [external] (median latency); faster mythical-requester → mythical-server (median latency); " +
		"faster mythical-server → loki [external] (median latency); faster mythical-server → postgres [database] (median latency)"
	if got := findings(compare(t, graphOf(traces[0]), graphOf(traces[1]), graphdiff.Config{})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	parts := partsOf(traces[1], 64)
	rng := rand.New(rand.NewPCG(1, 2))
	alarms := 0
	for range 100 {
		rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		if d := compare(t, sg.Merge(parts[:32]...), sg.Merge(parts[32:]...), graphdiff.Config{}); d.Changed() {
			alarms++
			t.Log(findings(d))
		}
	}
	if alarms > 1 {
		t.Errorf("%d of 100 diffs of the same minute report a change, want at most 1", alarms)
	}
}

// TestUnequalSizes compares one trace with a million other traces, in both directions. One trace is
// not enough for a verdict, and the diff must say so.
func TestUnequalSizes(t *testing.T) {
	traces := tracesOf(t, hotrodFile)
	one, many := graphOf(traces[20:21]), graphOf(traces)
	for many.Report().Traces < 900_000 {
		many = sg.Merge(many, many)
	}
	for name, sides := range map[string][2]*sg.Graph{"one against many": {one, many}, "many against one": {many, one}} {
		d := compare(t, sides[0], sides[1], graphdiff.Config{})
		if d.Changed() {
			t.Errorf("%s: %s", name, findings(d))
		}
		if len(d.Undecided()) == 0 {
			t.Errorf("%s: the diff does not say that there are not enough samples", name)
		}
	}
}
