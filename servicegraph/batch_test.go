package servicegraph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// addTo gives a span to a packer, as a reader would.
func addTo(p *pack.Packer, packed *pack.Span, s *sg.Span) {
	encoded := fmt.Append(nil, s.Service, 0, s.Namespace, 0, s.Resource)
	resource, known := p.KnownResource(encoded)
	if !known {
		var attrs []pack.Attr
		for _, a := range s.Resource {
			attrs = append(attrs, pack.Attr(a))
		}
		resource = p.AddResource(encoded, s.Service, s.Namespace, attrs)
	}
	packed.TraceID, packed.SpanID, packed.ParentID = s.TraceID, s.SpanID, s.ParentID
	packed.Kind, packed.Status, packed.Start, packed.End, packed.Weight = semconv.Kind(s.Kind), uint8(s.Status), s.Start, s.End, s.Weight
	packed.Links = nil
	for _, l := range s.Links {
		packed.Links = append(packed.Links, pack.Link{TraceID: l.TraceID, SpanID: l.SpanID})
	}
	packed.ClearAttrs()
	for _, a := range s.Attrs {
		filter := p.Filter(packed.Kind)
		if key := filter.Key([]byte(a.Key)); key != 0 {
			packed.AddAttr(filter, key, []byte(a.Value))
		}
	}
	p.Add(resource, packed)
}

// TestAddBatch adds the same spans to one builder one by one, and to another by two packers
// in turns, with random batch sizes. Graphs, reports and deltas must be equal.
func TestAddBatch(t *testing.T) {
	configs := []sg.Config{
		{},
		{HTTPErrors: true, NodeAttrs: []string{"service.version"}},
		{IgnoreInternalDatabases: true, HTTPErrors: true, SplitBy: []string{"service.version"}},
		{QueueNodes: true, Limits: sg.Limits{Nodes: 6}},
		{Window: sg.Window{Quiet: 3 * time.Second, Remember: 2 * time.Second, Spans: 20}},
		{Window: sg.Window{Traces: 2}, Limits: sg.Limits{Nodes: 5, Edges: 2}, InferCalls: true},
	}
	for seed := range seeds(t, 300) {
		rng := rand.New(rand.NewPCG(seed, 11))
		spans := randomTraces(rng, 1+rng.IntN(6))
		rng.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		for i := range spans {
			spans[i].Resource = []sg.Attr{{Key: "service.version", Value: fmt.Sprint(rng.IntN(3))}, {Key: "deployment.environment", Value: fmt.Sprint(rng.IntN(2))}}
			switch rng.IntN(20) {
			case 0:
				spans[i].TraceID = sg.TraceID{}
			case 1:
				spans[i].Attrs = append(spans[i].Attrs, sg.Attr{Key: "url.full", Value: fmt.Sprintf("https://user@Host-%d.:80/%d?x", rng.IntN(3), i)})
			case 2:
				spans[i].Attrs = append(spans[i].Attrs, sg.Attr{Key: "faas.trigger", Value: "timer"}, sg.Attr{Key: "no.such", Value: "x"})
			}
		}
		cfg := configs[seed%uint64(len(configs))]
		one, other := sg.NewBuilder(cfg), sg.NewBuilder(cfg)
		packers := [2]*pack.Packer{other.NewPacker(), other.NewPacker()}
		var packed pack.Span
		use, now := 0, time.Unix(0, epoch)
		for i, s := range spans {
			one.Add(s)
			addTo(packers[use], &packed, &s)
			if rng.IntN(4) > 0 && i < len(spans)-1 {
				continue
			}
			other.AddBatch(packers[use].Batch())
			use = rng.IntN(2)
			if rng.IntN(2) == 0 {
				now = now.Add(time.Duration(rng.IntN(4000)) * time.Millisecond)
				one.Advance(now)
				other.Advance(now)
			}
			if rng.IntN(4) == 0 {
				if want, got := marshal(t, one.Delta()), marshal(t, other.Delta()); string(want) != string(got) {
					t.Fatalf("seed %d: after %d spans, the deltas of Add (-) and AddBatch (+) differ:\n%s", seed, i+1, cmp.Diff(string(want), string(got)))
				}
			}
		}
		if want, got := marshal(t, one.Graph()), marshal(t, other.Graph()); string(want) != string(got) {
			t.Fatalf("seed %d: the graphs of Add (-) and AddBatch (+) differ:\n%s", seed, cmp.Diff(string(want), string(got)))
		}
	}
}

// TestPackerForgets gives a packer more resources and attributes than the packer remembers.
func TestPackerForgets(t *testing.T) {
	var spans []sg.Span
	for i := range 30_000 {
		spans = append(spans, sg.Span{
			TraceID: sg.TraceID{1, byte(i), byte(i >> 8)}, SpanID: sg.SpanID{1},
			Service: fmt.Sprint("s", i%20_000), Kind: sg.KindClient, Start: epoch, End: epoch + 1,
			Attrs: []sg.Attr{{Key: "server.address", Value: fmt.Sprint("h", i%15_000)}},
		})
	}
	checkBatches(t, spans, 1000)
}

// TestPackerForgetsFrequentAttributes gives a packer more attributes than it remembers. A few
// sets of attributes, one of them empty, repeat throughout: they must get new numbers after the
// packer has forgotten the old ones.
func TestPackerForgetsFrequentAttributes(t *testing.T) {
	var spans []sg.Span
	for i := range 40_000 {
		s := sg.Span{
			TraceID: sg.TraceID{1, byte(i), byte(i >> 8)}, SpanID: sg.SpanID{1},
			Service: "s", Kind: sg.KindClient, Start: epoch, End: epoch + 1,
			Attrs: []sg.Attr{{Key: "server.address", Value: fmt.Sprint("h", i)}},
		}
		switch i % 3 {
		case 0:
			s.Attrs[0].Value = fmt.Sprint("often", i/3%5)
		case 1:
			s.Kind, s.Attrs = sg.KindInternal, nil
		}
		spans = append(spans, s)
	}
	checkBatches(t, spans, 100)
}

// TestAddBatchLinks: the interpretation of a client span depends on whether it has links.
func TestAddBatchLinks(t *testing.T) {
	send := sg.Span{
		TraceID: sg.TraceID{1}, SpanID: sg.SpanID{1}, Service: "s", Kind: sg.KindClient, Start: epoch, End: epoch + 1,
		Attrs: []sg.Attr{
			{Key: "messaging.system", Value: "kafka"}, {Key: "messaging.operation.type", Value: "send"},
			{Key: "messaging.destination.name", Value: "q"},
		},
	}
	linked := send
	linked.SpanID, linked.Links = sg.SpanID{2}, []sg.Link{{TraceID: sg.TraceID{9}, SpanID: sg.SpanID{9}}}
	checkBatches(t, []sg.Span{send, linked}, 2)
	checkBatches(t, []sg.Span{linked, send}, 2)
}

// checkBatches adds spans to one builder one by one, and to another in batches of a size. The
// graphs must be equal.
func checkBatches(t *testing.T, spans []sg.Span, batch int) {
	t.Helper()
	one, other := sg.NewBuilder(sg.Config{}), sg.NewBuilder(sg.Config{})
	packer := other.NewPacker()
	var packed pack.Span
	for some := range slices.Chunk(spans, batch) {
		for _, s := range some {
			one.Add(s)
			addTo(packer, &packed, &s)
		}
		other.AddBatch(packer.Batch())
	}
	if want, got := marshal(t, one.Graph()), marshal(t, other.Graph()); string(want) != string(got) {
		t.Errorf("the graphs of Add (-) and AddBatch (+) differ:\n%s", cmp.Diff(string(want), string(got)))
	}
}
