package graphtest

import (
	"errors"
	"iter"
	"sync"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Graph is what rules are checked on: a graph from anywhere, or an [Observed] one,
// whose spans are at hand to explain what is wrong with it.
type Graph interface {
	*servicegraph.Graph | *Observed
}

// Observed is a graph together with the spans that it was made of. It is immutable
// and safe for concurrent use.
type Observed struct {
	*servicegraph.Graph

	mu      sync.Mutex // for the builder
	builder *servicegraph.Builder

	names map[servicegraph.Link]spanName
	kinds map[servicegraph.NodeID]map[servicegraph.Kind]int // spans by service and kind
	open  []servicegraph.Span                               // started and not ended, and so not in the graph
}

// A spanName is what tells a reader which span is meant.
type spanName struct {
	name string
	node servicegraph.NodeID
}

// maxNames is how many spans are known by name.
const maxNames = 100_000

// Observe reads a source of spans to its end. A [*servicegraph.SkipError] is counted
// in the report of the graph, and reading goes on; any other error ends it, and the
// graph of what was read before is returned with it.
func Observe(spans iter.Seq2[servicegraph.Span, error], cfg servicegraph.Config) (*Observed, error) {
	o := &Observed{
		builder: servicegraph.NewBuilder(cfg),
		names:   make(map[servicegraph.Link]spanName),
		kinds:   make(map[servicegraph.NodeID]map[servicegraph.Kind]int),
	}
	var failed error
	for s, err := range spans {
		if _, skipped := errors.AsType[*servicegraph.SkipError](err); skipped {
			o.builder.CountSkipped()
			continue
		}
		if err != nil {
			failed = err
			break
		}
		o.add(s)
	}
	o.Graph = o.builder.Graph()
	return o, failed
}

func (o *Observed) add(s servicegraph.Span) {
	o.builder.Add(s)
	node := nodeOf(s)
	if len(o.names) < maxNames {
		o.names[servicegraph.Link{TraceID: s.TraceID, SpanID: s.SpanID}] = spanName{s.Name, node}
	}
	if o.kinds[node] == nil {
		o.kinds[node] = make(map[servicegraph.Kind]int)
	}
	o.kinds[node][s.Kind]++
}

// nodeOf returns the service of a span.
func nodeOf(s servicegraph.Span) servicegraph.NodeID {
	return servicegraph.NodeID{Namespace: s.Namespace, Name: s.Service, Type: servicegraph.TypeService}
}

// Explain says why one node calls another, or does not.
func (o *Observed) Explain(from, to servicegraph.NodeID) servicegraph.Explanation {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.builder.Explain(from, to)
}

// split returns the graph, and what there is to explain it, nil if nothing.
func split[G Graph](g G) (*servicegraph.Graph, *Observed) {
	switch g := any(g).(type) {
	case *Observed:
		if g != nil {
			return g.Graph, g
		}
	case *servicegraph.Graph:
		if g != nil {
			return g, nil
		}
	}
	return &servicegraph.Graph{}, nil
}
