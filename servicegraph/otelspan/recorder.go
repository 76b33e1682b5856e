package otelspan

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Recorder is a span processor that builds the service graph of the spans that
// end, and knows those that have not ended yet. It sees what the sampler lets
// through. All its methods may be called from several goroutines.
//
// A span costs 1 to 4 µs, see BenchmarkRecorder, and no I/O. What a recorder holds
// is bounded by its window: see [NewRecorder].
type Recorder struct {
	cfg   servicegraph.Config
	watch func(servicegraph.Span)

	mu      sync.Mutex
	pending []servicegraph.Span // ended, and not in the builder yet
	open    map[servicegraph.Link]sdktrace.ReadOnlySpan
	idle    chan struct{} // closed when nothing is open; nil if nobody waits
	missed  int           // open spans too many to be known by name

	building sync.Mutex // held after mu is released, or without it
	builder  *servicegraph.Builder
}

var _ sdktrace.SpanProcessor = (*Recorder)(nil)

// liveWindow is what bounds a recorder that is given no window: 200,000 spans take
// about 20 MB, and a trace is complete when no span has ended for 10 seconds. What is
// forgotten stays counted in the graph.
var liveWindow = servicegraph.Window{
	Quiet:    10 * time.Second,
	Age:      5 * time.Minute,
	Remember: time.Minute,
	Spans:    200_000,
}

const (
	maxPending = 1024   // spans that end while a graph is made, before the next has to wait
	maxOpen    = 10_000 // open spans known by name
)

// NewRecorder returns a recorder. Where the window of the configuration is zero,
// traces close 10 seconds after their last span, or 5 minutes after their first, are
// forgotten a minute later, and at most 200,000 spans are held: that is safe in a
// process that runs for months. Open spans are known by name up to 10,000.
func NewRecorder(cfg servicegraph.Config) *Recorder { return NewWatcher(cfg, nil) }

// NewWatcher is NewRecorder with a function that is called with every span that ends,
// before [Recorder.Wait] can know of it, and from several goroutines. It must not
// use the recorder.
func NewWatcher(cfg servicegraph.Config, watch func(servicegraph.Span)) *Recorder {
	if cfg.Window == (servicegraph.Window{}) {
		cfg.Window = liveWindow
	}
	return &Recorder{
		cfg:     cfg,
		watch:   watch,
		open:    make(map[servicegraph.Link]sdktrace.ReadOnlySpan),
		builder: servicegraph.NewBuilder(cfg),
	}
}

// OnStart notes an open span.
func (r *Recorder) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.open) == maxOpen {
		r.missed++
		return
	}
	r.open[idOf(s)] = s
}

// OnEnd takes a span that has ended.
func (r *Recorder) OnEnd(s sdktrace.ReadOnlySpan) {
	span := from(s, r.keep)
	if r.watch != nil {
		r.watch(span)
	}
	r.mu.Lock()
	if _, known := r.open[idOf(s)]; known {
		delete(r.open, idOf(s))
	} else if r.missed > 0 {
		r.missed--
	}
	if r.idle != nil && len(r.open)+r.missed == 0 {
		close(r.idle)
		r.idle = nil
	}
	r.pending = append(r.pending, span)
	full := len(r.pending) >= maxPending
	r.mu.Unlock()
	if full {
		r.building.Lock()
		defer r.building.Unlock()
		r.drain()
	}
}

// keep reports whether the graph reads an attribute.
func (r *Recorder) keep(key string) bool { return r.cfg.Reads(key) }

// drain hands the pending spans to the builder, which the caller holds.
func (r *Recorder) drain() {
	r.mu.Lock()
	spans := r.pending
	r.pending = nil
	r.mu.Unlock()
	for _, s := range spans {
		r.builder.Add(s)
	}
	r.builder.Advance(time.Now())
}

// ForceFlush does nothing: a span is in the next graph as soon as it has ended.
func (r *Recorder) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing. The graph stays.
func (r *Recorder) Shutdown(context.Context) error { return nil }

// Graph returns the graph of the spans that have ended so far. It takes some
// milliseconds with 10,000 spans held, in which up to 1024 more can end before the next
// has to wait.
func (r *Recorder) Graph() *servicegraph.Graph {
	r.building.Lock()
	defer r.building.Unlock()
	r.drain()
	return r.builder.Graph()
}

// Explain says why one node calls another or does not, by the spans that are held.
func (r *Recorder) Explain(from, to servicegraph.NodeID) servicegraph.Explanation {
	r.building.Lock()
	defer r.building.Unlock()
	r.drain()
	return r.builder.Explain(from, to)
}

// Open returns the spans that have started and not ended, the oldest first, and how
// many more there are.
func (r *Recorder) Open() (spans []servicegraph.Span, more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.open {
		spans = append(spans, from(s, r.keep))
	}
	slices.SortFunc(spans, func(a, b servicegraph.Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), slices.Compare(a.SpanID[:], b.SpanID[:]))
	})
	return spans, r.missed
}

// Wait returns when no span is open, or with the error of ctx when that ends first.
func (r *Recorder) Wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		if len(r.open)+r.missed == 0 {
			r.mu.Unlock()
			return nil
		}
		if r.idle == nil {
			r.idle = make(chan struct{})
		}
		idle := r.idle
		r.mu.Unlock()
		select {
		case <-idle:
			// Another may have started since.
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func idOf(s sdktrace.ReadOnlySpan) servicegraph.Link {
	c := s.SpanContext()
	return servicegraph.Link{TraceID: servicegraph.TraceID(c.TraceID()), SpanID: servicegraph.SpanID(c.SpanID())}
}
