package tempoclient

import (
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

var _ graphtest.TraceSource = (*Client)(nil)

// TestGraphtestAwait waits for a trace that reaches Tempo in parts, more than the settle time
// apart, and then checks that certain edges are not in the graph.
func TestGraphtestAwait(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	now := time.Now().Add(-time.Second).UnixNano()
	span := func(n, parent byte, service string, kind servicegraph.Kind) servicegraph.Span {
		s := servicegraph.Span{TraceID: id(3), SpanID: servicegraph.SpanID{n}, Service: service, Name: "call", Kind: kind, Start: now, End: now + 1e6}
		if parent > 0 {
			s.ParentID = servicegraph.SpanID{parent}
		}
		return s
	}
	pieces := [][]servicegraph.Span{
		{span(1, 0, "web", servicegraph.KindServer), span(2, 1, "web", servicegraph.KindClient)},
		{span(3, 2, "cart", servicegraph.KindServer), span(4, 3, "cart", servicegraph.KindClient)},
		{span(5, 4, "stock", servicegraph.KindServer)},
	}
	const settle = 300 * time.Millisecond
	var g *graphtest.Observed
	done := make(chan struct{})
	go func() {
		defer close(done)
		g = graphtest.Await(t, c, id(3),
			graphtest.Until(graphtest.Path("web -> cart -> stock")), graphtest.Settle(settle), graphtest.Within(30*time.Second))
	}()
	for _, p := range pieces {
		time.Sleep(2 * settle) // the delay between the parts is the case under test
		pushSpans(t, tempo, "", p)
	}
	<-done
	graphtest.Check(t, g,
		graphtest.Exactly("web -> cart -> stock"), graphtest.Never("web", "stock"), graphtest.NoOrphans())
}
