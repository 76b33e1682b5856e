package tempogrpc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestTraceAndBack converts spans to a trace and back.
func TestTraceAndBack(t *testing.T) {
	want := []servicegraph.Span{
		{TraceID: id(1), SpanID: servicegraph.SpanID{7: 1}, Service: "web", Namespace: "shop", Name: "GET", Kind: servicegraph.KindServer, Status: servicegraph.StatusError, Start: 1, End: 9, Resource: attr("host.name", "h")},
		{TraceID: id(1), SpanID: servicegraph.SpanID{7: 2}, ParentID: servicegraph.SpanID{7: 1}, Name: "POST", Kind: servicegraph.KindClient, Start: 2, End: 3, Attrs: attr("server.address", "cart"), Links: []servicegraph.Link{{TraceID: id(2), SpanID: servicegraph.SpanID{1}}}},
	}
	if diff := cmp.Diff(want, Spans(Trace(want), nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := Spans(nil, nil); got != nil {
		t.Errorf("spans of no trace: %v", got)
	}
}
