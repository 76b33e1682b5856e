package graphtest

import (
	"errors"
	"iter"
	"sync"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Graph is a graph that rules can be checked on: any graph of package servicegraph, or an
// [Observed] one, whose spans help to explain violations.
type Graph interface {
	*servicegraph.Graph | *Observed
}

// An Observed is a graph with the spans that it was built from. It is immutable and safe
// for concurrent use.
type Observed struct {
	*servicegraph.Graph

	mu      sync.Mutex // guards builder
	builder *servicegraph.Builder

	names map[servicegraph.Link]spanName
	kinds map[servicegraph.NodeID]map[servicegraph.Kind]int // spans by service and kind
	open  []servicegraph.Span                               // spans that have not ended and are not in the graph
}

// A spanName identifies a span for people.
type spanName struct {
	name string
	node servicegraph.NodeID
}

// maxNames is how many spans are remembered by name.
const maxNames = 100_000

// Observe reads a source of spans to its end and builds their graph. It counts each
// [*servicegraph.SkipError] in the report of the graph and continues. Any other error ends
// reading; Observe returns it with the graph of the spans before.
func Observe(spans iter.Seq2[servicegraph.Span, error], cfg servicegraph.Config) (*Observed, error) {
	o := &Observed{
		builder: servicegraph.NewBuilder(cfg),
		names:   make(map[servicegraph.Link]spanName),
		kinds:   make(map[servicegraph.NodeID]map[servicegraph.Kind]int),
	}
	var failed error
	for s, err := range spans {
		if skip, ok := errors.AsType[*servicegraph.SkipError](err); ok {
			o.builder.CountSkip(skip)
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

// Explain explains why one node calls another, or why it does not.
func (o *Observed) Explain(from, to servicegraph.NodeID) servicegraph.Explanation {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.builder.Explain(from, to)
}

// Traces returns the calls of all traces: see [servicegraph.Builder.Traces]. No other method may be
// called before the sequence ends.
func (o *Observed) Traces() iter.Seq[servicegraph.Trace] {
	return func(yield func(servicegraph.Trace) bool) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.builder.Traces()(yield)
	}
}

// split returns the graph, and the Observed if there is one. A nil graph becomes an empty
// one.
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
