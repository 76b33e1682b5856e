package graphdiff

import "testing"

// A plus sign before a number that fell would mislead.
func TestMarkTexts(t *testing.T) {
	for _, test := range []struct {
		change Change
		want   string
	}{
		{Change{Metric: Errors, Verdict: Better, Size: -0.13}, "-13 points err"},
		{Change{Metric: Errors, Verdict: Worse, Size: 0.13}, "● +13 points err"},
		{Change{Metric: Presence, Verdict: New}, "+ new"},
		{Change{Metric: Presence, Verdict: Gone}, "× gone"},
	} {
		if got := markOf(test.change.Verdict, []Change{test.change}).Text; got != test.want {
			t.Errorf("%s %s: got %q, want %q", test.change.Metric, test.change.Verdict, got, test.want)
		}
	}
}

// A side without spans claims no number of traces.
func TestSideTexts(t *testing.T) {
	for want, side := range map[string]Side{
		"3 nodes, 2 edges":                                      {Nodes: 3, Edges: 2},
		"3 nodes, 2 edges, 100 entry requests":                  {Nodes: 3, Edges: 2, Entries: 100},
		"3 nodes, 2 edges, 1 trace, 1 entry request, 5 spans":   {Nodes: 3, Edges: 2, Traces: 1, Entries: 1, Spans: 5},
		"0 nodes, 0 edges, 0 traces, 0 entry requests, 0 spans": {},
	} {
		if got := side.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
