package graphdiff_test

import (
	"fmt"
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

// toward reports whether a span is of a side of the call from one service to another: a SERVER
// span of the callee, or the CLIENT span above it. HotROD's databases are CLIENT spans.
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
		{"an edge added", func(traces [][]sg.Span) [][]sg.Span {
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
		}, "new node loyalty [external]; new edge customer → loyalty [external]"},
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
