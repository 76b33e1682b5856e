package tempoclient

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// pairsOfSpans returns n traces of two spans each, which began some minutes ago.
func pairsOfSpans(n int) *spanTempo {
	start := time.Now().Add(-10 * time.Minute).UnixNano()
	f := &spanTempo{traces: make(map[servicegraph.TraceID][]servicegraph.Span)}
	for i := range int64(n) {
		trace := traceNumber(int(i))
		f.traces[trace] = []servicegraph.Span{
			{TraceID: trace, SpanID: sid(1), Service: "web", Name: "GET", Kind: servicegraph.KindServer, Start: start + ms(i), End: start + ms(i+5)},
			{TraceID: trace, SpanID: sid(2), ParentID: sid(1), Service: "cart", Name: "POST", Kind: servicegraph.KindServer, Start: start + ms(i), End: start + ms(i+4)},
		}
	}
	return f
}

// TestSpansThatArriveDuringTheSearch makes the first span with an attribute, or the first span with
// a link, arrive after the client has asked which attributes and links there are.
func TestSpansThatArriveDuringTheSearch(t *testing.T) {
	const n = 100
	for name, test := range map[string]struct {
		late   func(s *servicegraph.Span, searches int)
		byID   int // number of traces fetched by id
		always bool
	}{
		"nothing else":    {func(s *servicegraph.Span, _ int) {}, 0, false},
		"an attribute":    {func(s *servicegraph.Span, _ int) { s.Attrs = []servicegraph.Attr{{Key: "db.system.name", Value: "x"}} }, 0, false},
		"of the resource": {func(s *servicegraph.Span, _ int) { s.Resource = []servicegraph.Attr{{Key: "k8s.pod.name", Value: "x"}} }, 0, false},
		"a scope":         {func(s *servicegraph.Span, _ int) { s.Attrs = []servicegraph.Attr{{Key: scopeKey, Value: "x"}} }, 0, false},
		"a namespace":     {func(s *servicegraph.Span, _ int) { s.Namespace = "shop" }, 0, false},
		"a link":          {func(s *servicegraph.Span, _ int) { s.Links = []servicegraph.Link{{TraceID: id(9), SpanID: sid(1)}} }, 1, false},
		"no end of new keys": {func(s *servicegraph.Span, n int) {
			s.Attrs = []servicegraph.Attr{{Key: fmt.Sprint("key", n), Value: "x"}}
		}, n, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := pairsOfSpans(n)
			trace, searches := traceNumber(3), 0
			f.arrive = func(f *spanTempo) {
				if searches++; searches > 1 && !test.always {
					return
				}
				late := f.traces[trace][1]
				late.SpanID, late.Name = sid(byte(2+searches)), "late"
				test.late(&late, searches)
				f.traces[trace] = append(slices.Clone(f.traces[trace]), late)
			}
			c := newClient(t, "http://tempo", Config{Transport: f})
			var cost Cost
			got := ordered(collect(t, c.Spans(t.Context(), Query{Progress: func(p Progress) { cost = p.Cost }})))
			if searches == 0 || cost.ByID != test.byID {
				t.Errorf("%d searches for spans, %+v; want %d traces by id", searches, cost, test.byID)
			}
			if diff := gocmp.Diff(ordered(collect(t, c.Spans(t.Context(), Query{Exact: true}))), got); diff != "" {
				t.Errorf("(-fetched +got):\n%s", diff)
			}
		})
	}
}

// TestPartialListOfAttributes has a server that lists the attributes of only some of its blocks.
func TestPartialListOfAttributes(t *testing.T) {
	const n = 100
	f := pairsOfSpans(n)
	c := newClient(t, "http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/search/tags") {
			w := httptest.NewRecorder()
			fmt.Fprint(w, `{"scopes": [{"name": "resource", "tags": ["service.name"]}], "metrics": {"completedJobs": 1, "totalJobs": 2}}`)
			return w.Result(), nil
		}
		return f.RoundTrip(req)
	})})
	var cost Cost
	collect(t, c.Spans(t.Context(), Query{Progress: func(p Progress) { cost = p.Cost }}))
	if cost.Attributes != n || cost.ByID != n {
		t.Errorf("%+v, want all traces by their ids", cost)
	}
}
