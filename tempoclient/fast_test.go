package tempoclient

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

func TestGraphAttrs(t *testing.T) {
	for _, key := range graphAttrs {
		if !(servicegraph.Config{HTTPErrors: true}).Reads(key) {
			t.Errorf("no graph reads %s", key)
		}
	}
}

// A counter counts which paths are asked for.
type counter struct {
	mu    sync.Mutex
	paths map[string]int    // by the first three elements
	next  http.RoundTripper // nil for the usual one
}

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.paths[strings.Join(strings.SplitN(req.URL.Path, "/", 5)[:3], "/")]++
	c.mu.Unlock()
	if c.next != nil {
		return c.next.RoundTrip(req)
	}
	return http.DefaultTransport.RoundTrip(req)
}

func TestFastSpans(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	exact := newClient(t, tempo.URL, Config{Keep: servicegraph.Config{HTTPErrors: true}.Reads})
	start := time.Now().Add(-10 * time.Second).Truncate(time.Second).UnixNano()

	// 60 usual traces, one with as many spans as a search shows, one with more, and
	// one in two parts, in a block each.
	const usual = 60
	var spans []servicegraph.Span
	for n := range byte(usual) {
		spans = append(spans, shop(id(n), start+ms(int64(n)))...)
	}
	large := func(n byte, count int) []servicegraph.Span {
		trace := []servicegraph.Span{{TraceID: id(n), SpanID: sid(1), Service: "large", Kind: servicegraph.KindServer, Start: start, End: start + ms(500)}}
		for i := range count - 1 {
			trace = append(trace, servicegraph.Span{
				TraceID: id(n), SpanID: sid(byte(i + 2)), ParentID: sid(1), Service: fmt.Sprint("worker", i%10), Kind: servicegraph.KindConsumer,
				Start: start + ms(int64(i)), End: start + ms(int64(i+1)),
			})
		}
		return trace
	}
	split := shop(id(253), start)
	spans = append(spans, large(251, maxSpansPerTrace)...)
	spans = append(spans, large(252, maxSpansPerTrace+1)...)
	pushSpans(t, tempo, "", append(slices.Clone(spans), split[:3]...))
	query := Query{Start: time.Unix(0, start).Add(-time.Minute), End: time.Unix(0, start).Add(time.Minute)}
	awaitFound(t, exact, query, usual+3)
	flush(t, tempo)
	pushSpans(t, tempo, "", split[3:])
	await(t, func() error {
		query := query
		query.TraceQL = `{resource.service.name="payment"}` // of the second part
		if n := len(collect(t, exact.Search(t.Context(), query))); n != usual+1 {
			return fmt.Errorf("%d traces", n)
		}
		return nil
	})

	broken := newClient(t, tempo.URL, Config{})
	if err := firstError(broken.Spans(t.Context(), Query{TraceQL: "{ foo", Fast: true})); err == nil || !strings.HasSuffix(err.Error(), "at line 1, col 3: syntax error: unexpected IDENTIFIER") {
		t.Errorf("a query that Tempo rejects: %v", err) // at its place in the query of the user
	}
	for name, test := range map[string]struct {
		traceQL string
		fetches int // at most: Tempo's compactor may have joined the two parts
	}{
		"all":              {"", 2},
		"with errors":      {"{status=error}", 1},
		"a pipeline":       {"{status=error} | count() > 1 | select(name)", 1},
		"structure":        {`{resource.service.name="large"} > {resource.service.name="worker1"}`, 1},
		"alternatives":     {`{name="payment server"} || {resource.service.name="large"}`, 2},
		"two pipelines":    {"({status=error} | count() > 1) && ({})", usual + 1}, // fetched, all of them
		"a hint":           {`{resource.service.name="large"} with (most_recent=true)`, 2},
		"nothing":          {`{name="nothing"}`, 0},
		"what is selected": {`{kind=consumer} | select(span.kind, resource.status)`, 2},
	} {
		var count *counter
		var want, got []servicegraph.Span
		// While Tempo joins blocks, a search can miss what is in them for a moment.
		await(t, func() error {
			count = &counter{paths: make(map[string]int)}
			fast := newClient(t, tempo.URL, Config{Keep: servicegraph.Config{}.Reads, Transport: count})
			query := query
			query.TraceQL = test.traceQL
			want = collect(t, exact.Spans(t.Context(), query))
			query.Fast = true
			got = collect(t, fast.Spans(t.Context(), query))
			for _, spans := range [][]servicegraph.Span{want, got} {
				for i := range spans { // what a fast search does not have, or in another order
					spans[i].Links = nil
					spans[i].Attrs = slices.Clone(spans[i].Attrs)
					slices.SortFunc(spans[i].Attrs, func(a, b servicegraph.Attr) int { return strings.Compare(a.Key, b.Key) })
					if len(spans[i].Attrs) == 0 {
						spans[i].Attrs = nil
					}
				}
			}
			if !reflect.DeepEqual(want, got) {
				return fmt.Errorf("%s: (-exact +fast):\n%s", name, cmp.Diff(want, got))
			}
			return nil
		})
		if got := count.paths["/api/v2"]; got > test.fetches {
			t.Errorf("%s: %d traces were fetched, want at most %d", name, got, test.fetches)
		}
		t.Logf("%s: %d spans; %v", name, len(got), count.paths)
	}
}

// TestFastSpansOfATraceInTwoSlices: a search of one slice shows only the part of a
// trace that is stored in a block of that time.
func TestFastSpansOfATraceInTwoSlices(t *testing.T) {
	end := time.Now().Truncate(time.Second)
	part := func(start time.Time, span int) string {
		return fmt.Sprintf(`{"traceID": "1", "startTimeUnixNano": "%d", "spanSets": [{"matched": 1, "spans": [
			{"spanID": "%d", "startTimeUnixNano": "%d", "durationNanos": "1", "attributes": [
				{"key": "kind", "value": {"stringValue": "server"}}, {"key": "status", "value": {"stringValue": "unset"}}]}]}],
			"serviceStats": {"api": {"spanCount": 1}}}`, start.UnixNano(), span, start.UnixNano())
	}
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.FormValue("end") == fmt.Sprint(end.Unix()) {
			fmt.Fprintf(w, `{"traces": [%s]}`, part(end.Add(-time.Hour), 2))
		} else {
			fmt.Fprintf(w, `{"traces": [%s]}`, part(end.Add(-200*time.Hour), 1))
		}
	})
	var got []string
	c := newClient(t, url, Config{})
	for s, err := range c.Spans(t.Context(), Query{Start: end.Add(-300 * time.Hour), End: end, Fast: true}) {
		var w *Warning
		switch {
		case err == nil:
			got = append(got, s.SpanID.String())
		case errors.As(err, &w):
			got = append(got, w.Error())
		default:
			t.Fatal(err)
		}
	}
	want := []string{"0000000000000002", "trace 00000000000000000000000000000001: truncated: a part of it that is stored apart was left out"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
