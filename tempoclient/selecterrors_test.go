package tempoclient

import (
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestStatusOfSpansFromSearches checks that spans from searches have the same status as spans from
// fetches, and which searches the client makes.
func TestStatusOfSpansFromSearches(t *testing.T) {
	const n = 100
	status := func(f *spanTempo, trace, span int, status servicegraph.Status) {
		f.traces[traceNumber(trace)][span].Status = status
	}
	for name, test := range map[string]struct {
		change func(f *spanTempo)
		arrive func(f *spanTempo)
		asked  []string // the searches for spans and for failed spans
		want   Cost     // without Requests and Compared
	}{
		"none": {func(*spanTempo) {}, nil, []string{"select", "errors"}, Cost{Selected: n}},
		"some": {func(f *spanTempo) {
			status(f, 3, 0, servicegraph.StatusError)
			status(f, 3, 1, servicegraph.StatusError)
			status(f, 7, 1, servicegraph.StatusError)
		}, nil, []string{"select", "errors"}, Cost{Selected: n}},
		"many": {func(f *spanTempo) {
			for i := range n / 2 {
				status(f, i, 0, servicegraph.StatusError)
			}
		}, nil, []string{"select"}, Cost{Selected: n}},
		"one that is ok": {func(f *spanTempo) {
			status(f, 3, 0, servicegraph.StatusOK)
			status(f, 4, 0, servicegraph.StatusError)
		}, nil, []string{"select"}, Cost{Selected: n}},
		"one that the search misses": {func(f *spanTempo) {
			status(f, 3, 0, servicegraph.StatusError)
			status(f, 3, 1, servicegraph.StatusError)
			f.hideError = map[servicegraph.SpanID]bool{sid(2): true}
		}, nil, []string{"select", "errors"}, Cost{Selected: n - 1, ByID: 1, Incomplete: 1}},
		"two spans with one id": {func(f *spanTempo) {
			trace := traceNumber(3)
			twin := f.traces[trace][1]
			twin.Kind, twin.Status = servicegraph.KindClient, servicegraph.StatusError
			f.traces[trace] = append(f.traces[trace], twin)
		}, nil, []string{"select", "errors"}, Cost{Selected: n - 1, ByID: 1, Incomplete: 1}},
		"a failed search": {func(f *spanTempo) {
			status(f, 3, 0, servicegraph.StatusError)
			f.fail = "{status = error}"
		}, nil, []string{"select", "select"}, Cost{Selected: n}},
		"one that becomes known during the search": {func(*spanTempo) {}, func(f *spanTempo) {
			late := f.traces[traceNumber(3)][1]
			late.SpanID, late.Status = sid(7), servicegraph.StatusError
			f.traces[traceNumber(3)] = append(slices.Clone(f.traces[traceNumber(3)][:2]), late)
		}, []string{"select", "errors"}, Cost{Selected: n}},
		"one that is ok during the search": {func(*spanTempo) {}, func(f *spanTempo) {
			late := f.traces[traceNumber(3)][1]
			late.SpanID, late.Status = sid(7), servicegraph.StatusOK
			f.traces[traceNumber(3)] = append(slices.Clone(f.traces[traceNumber(3)][:2]), late)
		}, []string{"select", "errors", "select"}, Cost{Selected: n}},
	} {
		t.Run(name, func(t *testing.T) {
			f := pairsOfSpans(n)
			test.change(f)
			f.arrive = test.arrive
			c := newClient(t, "http://tempo", Config{Transport: f})
			var cost Cost
			got := ordered(collect(t, c.Spans(t.Context(), Query{Progress: func(p Progress) { cost = p.Cost }})))
			asked := slices.DeleteFunc(f.asked, func(kind string) bool { return kind != "select" && kind != "errors" })
			if !slices.Equal(asked, test.asked) {
				t.Errorf("searches %q, want %q", asked, test.asked)
			}
			cost.Requests, cost.Compared = 0, 0
			if cost != test.want {
				t.Errorf("%+v, want %+v", cost, test.want)
			}
			if diff := gocmp.Diff(ordered(collect(t, c.Spans(t.Context(), Query{Exact: true}))), got); diff != "" {
				t.Errorf("(-fetched +got):\n%s", diff)
			}
		})
	}
}
