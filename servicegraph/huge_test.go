package servicegraph_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestHugeTraces builds the graphs of traces of 10⁵ spans that are very deep or very wide
// (docs/semantics.md S1). The test takes minutes if an algorithm is quadratic, and overflows the
// stack if an algorithm is recursive. BenchmarkBuild measures the time.
func TestHugeTraces(t *testing.T) {
	const n = 100_000
	id := func(i int) (id sg.SpanID) {
		binary.BigEndian.PutUint64(id[:], uint64(i)+1)
		return id
	}
	for _, c := range []struct {
		name string
		set  func(i int, s *sg.Span) // sets the fields of span i
		want func(g *sg.Graph) error
	}{
		{"a chain of clients and servers", func(i int, s *sg.Span) {
			s.Kind = []sg.Kind{sg.KindServer, sg.KindClient}[i%2]
			s.Service = string(rune('A' + i/2%3))
			if i > 0 {
				s.ParentID = id(i - 1)
			}
		}, edges(3, n/2-1)},
		{"one client, 10⁵ servers", func(i int, s *sg.Span) {
			s.Kind, s.Service = sg.KindServer, "B"
			if s.ParentID = id(0); i == 0 {
				s.Kind, s.Service, s.ParentID = sg.KindClient, "A", sg.SpanID{}
			}
		}, edges(1, n-1)},
		{"10⁵ services under one client", func(i int, s *sg.Span) {
			s.Kind, s.Service = sg.KindServer, fmt.Sprint("B", i)
			if s.ParentID = id(0); i == 0 {
				s.Kind, s.Service, s.ParentID = sg.KindClient, "A", sg.SpanID{}
			}
		}, edges(n-1, n-1)},
		{"clients inside clients", func(i int, s *sg.Span) {
			s.Kind, s.Service = sg.KindClient, "A"
			if i > 0 {
				s.ParentID = id(i - 1)
			}
			if i == n-1 {
				s.Kind, s.Service = sg.KindServer, "B"
			}
		}, edges(1, 1)},
		{"every span has one id", func(i int, s *sg.Span) {
			s.SpanID, s.Kind, s.Service = id(0), sg.KindServer, fmt.Sprint("S", i)
		}, edges(0, 0)},
		{"a message handled 10⁵ consumer spans deep", func(i int, s *sg.Span) {
			s.Kind, s.Service = sg.KindConsumer, "B"
			if i == 0 {
				s.Kind, s.Service = sg.KindProducer, "A"
				return
			}
			s.Links = []sg.Link{{TraceID: sg.TraceID{1}, SpanID: id(0)}}
			if i > 1 { // the messages of the consumers inside never arrived
				s.ParentID = id(i - 1)
				s.Links[0].TraceID[1] = 1
			}
			if i == n-1 {
				s.Links = append(s.Links, sg.Link{TraceID: sg.TraceID{1}, SpanID: id(0)})
			}
		}, edges(1, 1)},
		{"one cycle of parents", func(i int, s *sg.Span) {
			s.Kind, s.Service, s.ParentID = sg.KindInternal, "A", id((i+1)%n)
		}, edges(0, 0)},
	} {
		b := sg.NewBuilder(sg.Config{Limits: sg.Limits{Nodes: -1, Edges: -1}})
		for i := range n {
			s := sg.Span{TraceID: sg.TraceID{1}, SpanID: id(i), Start: epoch + int64(i), End: epoch + n + 1 - int64(i)}
			c.set(i, &s)
			b.Add(s)
		}
		g := b.Graph()
		if err := c.want(g); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if r := g.Report(); r.Accounted() != n {
			t.Errorf("%s: %d spans, but %d outcomes", c.name, n, r.Accounted())
		}
	}
}

func edges(edges int, calls float64) func(g *sg.Graph) error {
	return func(g *sg.Graph) error {
		sum := 0.0
		for e := range g.Edges() {
			sum += e.Calls
		}
		if g.NumEdges() != edges || sum != calls {
			return fmt.Errorf("%d edges with %v calls, want %d with %v", g.NumEdges(), sum, edges, calls)
		}
		return nil
	}
}
