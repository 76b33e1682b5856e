package tempoclient

import (
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestStatusOfSpansFromSearches checks that spans from searches have the same status as spans from
// fetches, and which searches the client makes.
func TestStatusOfSpansFromSearches(t *testing.T) {
	const n = 100
	status := func(f *spanTempo, trace, span int, status servicegraph.Status) {
		s := &f.traces[traceNumber(trace)][span]
		s.Status = status
		if status == servicegraph.StatusError && span == 1 {
			s.Attrs = append(slices.Clone(s.Attrs), servicegraph.Attr{Key: messageKey, Value: "context canceled"})
		}
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
			status(f, 4, 1, servicegraph.StatusError)
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

// TestStatusMessagesOfTempoFromSearches reads spans from searches whose messages tell that the call was
// canceled: with few failed spans, which a second search shows, and with many, which the first search shows.
func TestStatusMessagesOfTempoFromSearches(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	cfg := servicegraph.Config{NotErrors: []string{"canceled"}}
	c := newClient(t, tempo.URL, Config{Keep: cfg.Reads})
	start := time.Now().Add(-10 * time.Second).Truncate(time.Second).UnixNano()
	const traces = 60
	var spans []servicegraph.Span
	for service, every := range map[string]int{"few": 20, "many": 1} {
		for n := range traces {
			at := start + ms(int64(n))
			trace := servicegraph.TraceID{0: byte(n), 8: byte(n), 14: byte(every), 15: 1}
			root := servicegraph.Span{TraceID: trace, SpanID: sid(1), Name: "root", Service: service, Kind: servicegraph.KindServer, Start: at, End: at + ms(50)}
			call := servicegraph.Span{TraceID: trace, SpanID: sid(2), ParentID: sid(1), Name: "call", Service: service, Kind: servicegraph.KindClient, Start: at, End: at + ms(40), Attrs: attr("server.address", "b")}
			if n%every == 0 {
				call.Status, call.Attrs = servicegraph.StatusError, append(call.Attrs, attr(messageKey, `Get "http://b/": context canceled`)...)
			}
			spans = append(spans, root, call)
		}
	}
	pushSpans(t, tempo, "", spans)
	for service, calls := range map[string]int{"few": traces / 20, "many": traces} {
		query := Query{
			TraceQL: fmt.Sprintf("{resource.service.name=%q}", service),
			Start:   time.Unix(0, start).Add(-time.Minute), End: time.Unix(0, start).Add(time.Minute),
		}
		awaitFound(t, c, query, traces)
		await(t, func() error {
			var cost Cost
			query.Progress = func(p Progress) { cost = p.Cost }
			messages := 0
			for _, s := range collect(t, c.Spans(t.Context(), query)) {
				if slices.ContainsFunc(s.Attrs, func(a servicegraph.Attr) bool { return a.Key == messageKey && a.Value != "" }) {
					messages++
				}
			}
			t.Logf("%s: %+v", service, cost)
			if messages != calls || cost.Selected == 0 {
				return fmt.Errorf("%s: %d messages, want %d; %+v", service, messages, calls, cost)
			}
			return nil
		})
	}
}
