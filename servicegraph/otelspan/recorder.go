package otelspan

import (
	"cmp"
	"context"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Recorder is a span processor that builds the service graph of the spans that have
// ended, and lists the spans that have not. It receives only sampled spans. All methods
// of a Recorder may be called from several goroutines.
//
// Recording a span takes 1 to 4 µs (BenchmarkRecorder) and no I/O. The window of the
// configuration bounds the memory of a recorder: see [NewRecorder].
type Recorder struct {
	cfg   servicegraph.Config
	watch func(servicegraph.Span)

	scopes scopes

	mu       sync.Mutex
	pending  [][]servicegraph.Span // have ended and are not in the builder yet; in chunks, so that no span waits while a long list is copied
	waiting  int                   // spans in pending
	dropped  int                   // spans that did not fit into pending
	draining bool                  // a goroutine hands the pending spans to the builder
	open     map[servicegraph.Link]sdktrace.ReadOnlySpan
	idle     chan struct{} // closed when no span is open; nil if nobody waits
	missed   int           // how many open spans are not in open, which is full

	building sync.Mutex // guards builder; never locked while mu is
	builder  *servicegraph.Builder
}

var _ sdktrace.SpanProcessor = (*Recorder)(nil)

// liveWindow is the window of a recorder whose configuration has none. 200,000 spans
// take about 20 MB.
var liveWindow = servicegraph.Window{
	Quiet:    10 * time.Second,
	Age:      5 * time.Minute,
	Remember: time.Minute,
	Spans:    200_000,
}

const (
	chunk      = 64      // spans in a chunk of the pending ones; small, because a chunk is allocated while a lock is held
	drainAt    = 1024    // number of ended spans at which they are passed to the builder
	maxPending = 100_000 // ended spans that wait for the builder, while a graph is being made
	maxOpen    = 10_000  // open spans that Open can list
)

// NewRecorder returns a recorder. If cfg.Window is zero, the recorder has a window that
// is safe in a process that runs for months: a trace closes 10 seconds after its last
// span or 5 minutes after its first, and its spans are forgotten a minute later; at
// most 200,000 spans are held. Forgotten spans stay counted in the graph, which
// cfg.Limits bounds: by default, nodes after the first 10,000 are counted as "other". The
// recorder can list up to 10,000 open spans; it only counts further ones.
//
// Unless cfg.Goroutines is set, half of the processors make a graph, so that the program keeps
// the others.
func NewRecorder(cfg servicegraph.Config) *Recorder { return NewWatcher(cfg, nil) }

// NewWatcher returns a recorder like that of [NewRecorder] which calls watch with every
// span that ends. The call happens before [Recorder.Wait] counts the span as ended, in
// the goroutine that ends the span, so watch must be safe for concurrent use. watch must
// not call methods of the recorder, and must not change the attributes, which spans of one
// tracer share.
func NewWatcher(cfg servicegraph.Config, watch func(servicegraph.Span)) *Recorder {
	if cfg.Window == (servicegraph.Window{}) {
		cfg.Window = liveWindow
	}
	if cfg.Goroutines == 0 {
		cfg.Goroutines = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return &Recorder{
		cfg:     cfg,
		watch:   watch,
		open:    make(map[servicegraph.Link]sdktrace.ReadOnlySpan),
		builder: servicegraph.NewBuilder(cfg),
	}
}

// OnStart adds a span to the open ones.
func (r *Recorder) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.open) == maxOpen {
		r.missed++
		return
	}
	r.open[idOf(s)] = s
}

// OnEnd adds a span, which has ended, to the graph. It never waits for a graph: the spans that end
// while one is being made are kept, up to 100,000 of them. Further ones are counted in
// Report.Skipped.
func (r *Recorder) OnEnd(s sdktrace.ReadOnlySpan) {
	span := from(s, r.keep, r.scopes.attrs)
	if r.watch != nil {
		r.watch(span)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.open[idOf(s)]; known {
		delete(r.open, idOf(s))
	} else if r.missed > 0 {
		r.missed--
	}
	if r.idle != nil && len(r.open)+r.missed == 0 {
		close(r.idle)
		r.idle = nil
	}
	if r.waiting >= maxPending {
		r.dropped++
		return
	}
	if last := len(r.pending) - 1; last < 0 || len(r.pending[last]) == chunk {
		r.pending = append(r.pending, make([]servicegraph.Span, 0, chunk))
	}
	last := len(r.pending) - 1
	r.pending[last] = append(r.pending[last], span)
	if r.waiting++; r.waiting >= drainAt && !r.draining {
		r.draining = true
		go r.drainInBackground()
	}
}

// drainInBackground hands the pending spans to the builder, and ends when few are left.
func (r *Recorder) drainInBackground() {
	for {
		r.building.Lock()
		r.drain()
		r.building.Unlock()
		r.mu.Lock()
		if r.waiting < drainAt {
			r.draining = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}

// keep reports whether the graph depends on the attribute with this key.
func (r *Recorder) keep(key string) bool { return r.cfg.Reads(key) }

// drain hands the pending spans to the builder. The caller holds r.building.
func (r *Recorder) drain() {
	r.mu.Lock()
	chunks, dropped := r.pending, r.dropped
	r.pending, r.waiting, r.dropped = nil, 0, 0
	r.mu.Unlock()
	r.builder.CountSkipped(dropped)
	// Advance comes first, because spans count as received at the time of the last Advance.
	// Otherwise a trace whose spans waited here could close before its other spans arrive.
	r.builder.Advance(time.Now())
	for _, spans := range chunks {
		for _, s := range spans {
			r.builder.Add(s)
		}
	}
}

// ForceFlush does nothing: a span is in the next graph as soon as it has ended.
func (r *Recorder) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing: the graph remains available.
func (r *Recorder) Shutdown(context.Context) error { return nil }

// Graph returns the graph of the spans that have ended so far. It takes a few
// milliseconds if 10,000 spans are held, and some hundred if 200,000 are. Spans that end meanwhile
// do not wait for it.
func (r *Recorder) Graph() *servicegraph.Graph {
	r.building.Lock()
	defer r.building.Unlock()
	r.drain()
	return r.builder.Graph()
}

// Delta returns the graph of the traces forgotten since the previous call, which is final: see
// [servicegraph.Builder.Delta]. It is the source of package promgraph's collector. A trace is in a
// delta when the window of the recorder has forgotten it: by default 70 seconds after its last
// span.
func (r *Recorder) Delta() *servicegraph.Graph {
	r.building.Lock()
	defer r.building.Unlock()
	r.drain()
	return r.builder.Delta()
}

// Explain explains, from the spans that are held, why one node calls another or why it
// does not.
func (r *Recorder) Explain(from, to servicegraph.NodeID) servicegraph.Explanation {
	r.building.Lock()
	defer r.building.Unlock()
	r.drain()
	return r.builder.Explain(from, to)
}

// Open returns the spans that have started and not ended, oldest first, and how many
// open spans are missing from the list, which is limited to 10,000. The caller must not change the
// attributes: spans of one tracer share them.
func (r *Recorder) Open() (spans []servicegraph.Span, more int) {
	r.mu.Lock()
	open, more := slices.Collect(maps.Values(r.open)), r.missed
	r.mu.Unlock()
	for _, s := range open { // after unlocking, because spans that end wait for the lock
		spans = append(spans, from(s, r.keep, r.scopes.attrs))
	}
	slices.SortFunc(spans, func(a, b servicegraph.Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), slices.Compare(a.SpanID[:], b.SpanID[:]))
	})
	return spans, more
}

// Wait waits until no span is open. It returns the cause if ctx ends before that.
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
			// Check again: another span may have started in the meantime.
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func idOf(s sdktrace.ReadOnlySpan) servicegraph.Link {
	c := s.SpanContext()
	return servicegraph.Link{TraceID: servicegraph.TraceID(c.TraceID()), SpanID: servicegraph.SpanID(c.SpanID())}
}
