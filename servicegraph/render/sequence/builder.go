package sequence

import (
	"errors"
	"fmt"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Config chooses what a [Builder] draws. The zero value has the defaults.
type Config struct {
	Graph servicegraph.Config // which spans are calls; the window has no effect

	// Calls is the largest number of calls in a diagram; 0 means 100. If the trace has more calls,
	// the diagram shows the calls that failed and the calls that took longest, with the calls that
	// led to them.
	Calls int
}

const defaultCalls = 100

// Errors of [Builder.Diagram].
var (
	ErrNoTrace       = errors.New("no trace: no span has an id of a trace and of a span")
	ErrSeveralTraces = errors.New("several traces: a sequence diagram shows one")
)

// A Builder collects the spans of one trace. A Builder is not safe for concurrent use.
type Builder struct {
	cfg   Config
	spans *servicegraph.Builder
	low   [8]byte // the lower half of the id of the trace: the upper half can be lost on the way
	first servicegraph.TraceID
	other servicegraph.TraceID // one of the other traces; zero if there is none
	names map[side]string      // of the operations
	texts map[string]string    // every name once
}

// A side identifies one of the two sides of a call, which can share an id.
type side struct {
	id     servicegraph.SpanID
	serves bool
}

// NewBuilder returns an empty builder.
func NewBuilder(cfg Config) *Builder {
	if cfg.Calls <= 0 {
		cfg.Calls = defaultCalls
	}
	cfg.Graph.Window = servicegraph.Window{}
	return &Builder{cfg: cfg, spans: servicegraph.NewBuilder(cfg.Graph), names: make(map[side]string), texts: make(map[string]string)}
}

// Add adds a span. It keeps no reference to the span or its slices. Spans of a second trace are
// not kept: [Builder.Diagram] then returns an error.
func (b *Builder) Add(s servicegraph.Span) {
	low := [8]byte(s.TraceID[8:])
	switch {
	case s.TraceID.IsZero() || s.SpanID.IsZero():
		return
	case b.first.IsZero():
		b.low, b.first = low, s.TraceID
	case low != b.low:
		b.other = s.TraceID
		return
	}
	b.spans.Add(s)
	key := side{s.SpanID, s.Kind == servicegraph.KindServer || s.Kind == servicegraph.KindConsumer}
	name, known := b.texts[s.Name]
	if !known {
		name = s.Name
		b.texts[name] = name
	}
	if name != "" {
		b.names[key] = max(b.names[key], name) // the result does not depend on the order of two deliveries
	}
}

// Diagram returns the diagram of the spans so far. The error is [ErrNoTrace] or
// [ErrSeveralTraces], which names two of the traces.
func (b *Builder) Diagram() (*Diagram, error) {
	switch {
	case b.first.IsZero():
		return nil, ErrNoTrace
	case !b.other.IsZero():
		return nil, fmt.Errorf("%w, and the spans are of the traces %s, %s or more", ErrSeveralTraces, min(b.first.String(), b.other.String()), max(b.first.String(), b.other.String()))
	}
	for trace := range b.spans.Traces() {
		return newDiagram(trace, b.operation, b.cfg.Calls), nil
	}
	return nil, ErrNoTrace
}

// operation returns the name of a call: the name of the callee span, or else of the caller span.
func (b *Builder) operation(c *servicegraph.Call) string {
	for _, key := range [...]side{{c.Callee.SpanID, true}, {c.Callee.SpanID, false}, {c.Caller.SpanID, false}, {c.Caller.SpanID, true}} {
		if name := b.names[key]; name != "" && !key.id.IsZero() {
			return name
		}
	}
	return "(no name)"
}
