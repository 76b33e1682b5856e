package servicegraph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// addRaw gives a span to an intake, as a reader would.
func addRaw(in *sg.Intake, raw *sg.RawSpan, s *sg.Span) {
	encoded := fmt.Append(nil, s.Service, 0, s.Namespace, 0, s.Resource)
	res, known := in.KnownResource(encoded)
	if !known {
		res = in.Resource(encoded, s.Service, s.Namespace, s.Resource)
	}
	raw.TraceID, raw.SpanID, raw.ParentID = s.TraceID, s.SpanID, s.ParentID
	raw.Kind, raw.Status, raw.Start, raw.End, raw.Weight, raw.Links = s.Kind, s.Status, s.Start, s.End, s.Weight, s.Links
	raw.ClearAttrs()
	for _, a := range s.Attrs {
		if key := in.Filter(s.Kind).Key([]byte(a.Key)); key != 0 {
			raw.AddAttr(key, []byte(a.Value))
		}
	}
	in.Add(res, raw)
}

// TestTakeIsAdd gives the same spans to one builder one by one and to another by two
// intakes in turn, with every way of cutting them into batches, and wants the same
// graph, reports and deltas included.
func TestTakeIsAdd(t *testing.T) {
	configs := []sg.Config{
		{},
		{HTTPErrors: true, NodeAttrs: []string{"service.version"}},
		{IgnoreInternalDatabases: true, HTTPErrors: true, SplitBy: []string{"service.version"}},
		{QueueNodes: true, Window: sg.Window{Nodes: 6}},
		{Window: sg.Window{Quiet: 3 * time.Second, Remember: 2 * time.Second, Spans: 20}},
		{Window: sg.Window{Traces: 2, Nodes: 5}, InferCalls: true},
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
		intakes := [2]*sg.Intake{sg.NewIntake(cfg), sg.NewIntake(cfg)}
		var raw sg.RawSpan
		use, now := 0, time.Unix(0, epoch)
		for i, s := range spans {
			one.Add(s)
			addRaw(intakes[use], &raw, &s)
			if rng.IntN(4) > 0 && i < len(spans)-1 {
				continue
			}
			other.Take(intakes[use].Batch())
			use = rng.IntN(2)
			if rng.IntN(2) == 0 {
				now = now.Add(time.Duration(rng.IntN(4000)) * time.Millisecond)
				one.Advance(now)
				other.Advance(now)
			}
			if rng.IntN(4) == 0 {
				if want, got := marshal(t, one.Delta()), marshal(t, other.Delta()); string(want) != string(got) {
					t.Fatalf("seed %d: after %d spans, delta of Add and of Take:\n%s", seed, i+1, cmp.Diff(string(want), string(got)))
				}
			}
		}
		if want, got := marshal(t, one.Graph()), marshal(t, other.Graph()); string(want) != string(got) {
			t.Fatalf("seed %d: Add and Take:\n%s", seed, cmp.Diff(string(want), string(got)))
		}
	}
}

// TestIntakeForgets gives an intake more resources and attributes than it recognizes.
func TestIntakeForgets(t *testing.T) {
	var spans []sg.Span
	for i := range 30_000 {
		spans = append(spans, sg.Span{
			TraceID: sg.TraceID{1, byte(i), byte(i >> 8)}, SpanID: sg.SpanID{1},
			Service: fmt.Sprint("s", i%20_000), Kind: sg.KindClient, Start: epoch, End: epoch + 1,
			Attrs: []sg.Attr{{Key: "server.address", Value: fmt.Sprint("h", i%15_000)}},
		})
	}
	checkTake(t, spans, 1000)
}

// TestIntakeForgetsWhatComesOften gives an intake more attributes than it recognizes, and
// some of them, and spans without any, all the time: those have new numbers afterwards.
func TestIntakeForgetsWhatComesOften(t *testing.T) {
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
	checkTake(t, spans, 100)
}

// TestTakeLinks: what a client span says depends on whether it has links.
func TestTakeLinks(t *testing.T) {
	send := sg.Span{
		TraceID: sg.TraceID{1}, SpanID: sg.SpanID{1}, Service: "s", Kind: sg.KindClient, Start: epoch, End: epoch + 1,
		Attrs: []sg.Attr{
			{Key: "messaging.system", Value: "kafka"}, {Key: "messaging.operation.type", Value: "send"},
			{Key: "messaging.destination.name", Value: "q"},
		},
	}
	linked := send
	linked.SpanID, linked.Links = sg.SpanID{2}, []sg.Link{{TraceID: sg.TraceID{9}, SpanID: sg.SpanID{9}}}
	checkTake(t, []sg.Span{send, linked}, 2)
	checkTake(t, []sg.Span{linked, send}, 2)
}

// checkTake adds spans to one builder, and to another in batches of some, and wants the
// same graph.
func checkTake(t *testing.T, spans []sg.Span, batch int) {
	t.Helper()
	one, other, in := sg.NewBuilder(sg.Config{}), sg.NewBuilder(sg.Config{}), sg.NewIntake(sg.Config{})
	var raw sg.RawSpan
	for some := range slices.Chunk(spans, batch) {
		for _, s := range some {
			one.Add(s)
			addRaw(in, &raw, &s)
		}
		other.Take(in.Batch())
	}
	if want, got := marshal(t, one.Graph()), marshal(t, other.Graph()); string(want) != string(got) {
		t.Errorf("Add and Take:\n%s", cmp.Diff(string(want), string(got)))
	}
}
