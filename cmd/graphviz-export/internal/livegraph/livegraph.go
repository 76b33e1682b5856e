// Package livegraph builds the graph of spans while services send them.
package livegraph

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/entryreach"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otlpreceiver"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// Window limits the spans held in memory to about 20 MB. A trace is complete when none of its spans
// has arrived for 10 seconds (SDKs send a batch at least every 5 seconds), and at the latest 5
// minutes after its first span. Until then, a call without a callee is not drawn. The graph still
// counts forgotten traces.
var Window = servicegraph.Window{
	Quiet:    10 * time.Second,
	Age:      5 * time.Minute,
	Remember: 20 * time.Second,
	Spans:    200_000,
	Traces:   50_000,
}

// A Builder builds a graph of spans as they arrive. Its methods are safe for concurrent use.
//
// Requests are decoded concurrently, each by a loader of its own. While a graph is built, only the
// adding of spans to the builder waits: up to a tenth of a second for the 200,000 spans of Window.
// The exporters of the senders queue spans meanwhile.
type Builder struct {
	idle chan loader // unused loaders; a loader locks mu while it adds spans
	cfg  servicegraph.Config

	mu       sync.Mutex
	builder  *servicegraph.Builder
	fresh    bool   // a request has arrived since the last graph
	open     uint64 // the open traces of the last graph; when they close, the graph changes without a request
	now      func() time.Time
	rejected int    // spans and requests rejected since the last graph
	why      string // the reason of the last rejection

	window time.Duration // the graph has the traces that became complete in the last time of this length; 0: all spans
	past   timeSlices
	shown  int // number of slices in the last graph

	forgot bool // the graph of all spans has a trace that is no longer held
}

// A loader adds spans to one builder.
type loader struct {
	*tracefile.RequestLoader
	builder *servicegraph.Builder
}

// New returns a builder without spans. Its graph has the traces that became complete during the
// last window; a window of 0 means all spans.
func New(cfg servicegraph.Config, window time.Duration) *Builder {
	return &Builder{
		builder: servicegraph.NewBuilder(cfg), idle: make(chan loader, maxIdleLoaders),
		cfg: cfg, window: window, now: time.Now,
	}
}

// maxIdleLoaders is how many loaders are kept for later requests. A loader is worth keeping because
// it remembers names that it has decoded.
const maxIdleLoaders = 4

// Take is an [otlpreceiver.Take].
func (l *Builder) Take(r otlpreceiver.Request) (otlpreceiver.Rejected, error) {
	l.advance()
	loaded, err := l.load(r)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh = true // the report of the graph also counts rejected spans
	if err != nil {
		l.rejected++
		l.why = err.Error()
		if errors.Is(err, tracefile.ErrRequestTooLarge) {
			err = fmt.Errorf("%w: %w", otlpreceiver.ErrTooLarge, err)
		}
		return otlpreceiver.Rejected{}, err
	}
	if loaded.Rejected == 0 {
		return otlpreceiver.Rejected{}, nil
	}
	l.rejected += loaded.Rejected
	l.why = loaded.Reason.Error()
	return otlpreceiver.Rejected{Spans: int64(loaded.Rejected), Reason: l.why}, nil
}

// load decodes a request and adds its spans to the builder.
func (l *Builder) load(r otlpreceiver.Request) (tracefile.RequestResult, error) {
	x := l.loader()
	defer func() {
		select {
		case l.idle <- x:
		default:
		}
	}()
	if r.JSON {
		return x.JSON(r.Body)
	}
	return x.Protobuf(r.Body)
}

// loader returns a loader for the builder, which is a new one after Clear.
func (l *Builder) loader() loader {
	l.mu.Lock()
	builder := l.builder
	l.mu.Unlock()
	for {
		select {
		case x := <-l.idle:
			if x.builder == builder {
				return x
			}
		default:
			return loader{tracefile.NewRequestLoader(builder, &l.mu), builder}
		}
	}
}

// Clear forgets all spans.
func (l *Builder) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.builder, l.past = servicegraph.NewBuilder(l.cfg), timeSlices{}
	l.builder.Advance(l.now())
	l.fresh, l.open = true, 0
	l.forgot = false
}

// SetWindow limits the graph to the traces that became complete during the last time d; 0 means all
// spans.
func (l *Builder) SetWindow(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.window, l.fresh, l.shown = d, true, -1
}

// advance sets the builder's clock to the current time.
func (l *Builder) advance() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.builder.Advance(l.now())
}

// Graph returns the live graph, and nil if the graph has not changed since the last call. held has
// the counts of the traces that are held. Graph also returns how many spans and requests were
// rejected since the last call, and the reason of the last rejection.
func (l *Builder) Graph() (g *servicegraph.Graph, held entryreach.Held, rejected int, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.builder.Advance(now)
	isNew := false
	if delta := l.builder.Delta(); delta.Report().Traces > 0 {
		l.past.add(now, delta)
		isNew, l.forgot = true, true
	}
	if l.window > 0 {
		window, shown := l.past.since(now.Add(-l.window))
		if isNew || shown != l.shown {
			g, l.shown = window, shown
		}
	} else if l.fresh || l.open > 0 {
		g = l.builder.Live()
		open := g.Report().Open
		if !l.fresh && open == l.open {
			g = nil
		}
		l.open = open
	}
	if g != nil {
		held = l.count(l.window == 0 && !l.forgot && entryreach.IsCountable(g.Report()))
	}
	rejected, why = l.rejected, l.why
	l.fresh, l.rejected = false, 0
	return g, held, rejected, why
}

// maxTallied is the largest number of held spans that are counted trace by trace. Requests wait
// during the count, which takes some milliseconds for so many spans.
const maxTallied = 20_000

// count counts which entry requests use which nodes in the traces that are held. all says whether
// these are all traces of the graph. It counts nothing if the traces have too many spans.
func (l *Builder) count(all bool) entryreach.Held {
	if l.builder.Held() > maxTallied {
		return entryreach.Held{}
	}
	return entryreach.Held{Reach: entryreach.Count(l.builder.Traces()), All: all}
}
