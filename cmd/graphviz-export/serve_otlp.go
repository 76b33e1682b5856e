package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/internal/ownhost"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otlpreceiver"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// otlpFlags turn the OTLP receiver on and set its addresses.
type otlpFlags struct {
	on         bool
	grpc, http string
}

// otlpAddresses are the flags that need --otlp.
var otlpAddresses = []string{"otlp-grpc", "otlp-http"}

// addTo adds the flags to a command.
func (o *otlpFlags) addTo(cmd *cobra.Command) {
	group(cmd, "Viewer", func(f *pflag.FlagSet) {
		f.BoolVar(&o.on, "otlp", false, "receive spans over OTLP instead of reading files or Tempo")
		f.StringVar(&o.grpc, "otlp-grpc", "127.0.0.1:4317", "receive OTLP over gRPC at `HOST:PORT`")
		f.StringVar(&o.http, "otlp-http", "127.0.0.1:4318", "receive OTLP over HTTP at `HOST:PORT`")
	})
}

// liveWindow limits the spans held in memory, to about 20 MB. A trace
// is complete when no span of it has arrived for 10 seconds, twice the time for which the batches
// of SDKs wait, and 5 minutes after its first span in any case. Until then a call without a callee
// is not drawn. Forgotten traces stay counted in the graph.
var liveWindow = servicegraph.Window{
	Quiet:    10 * time.Second,
	Age:      5 * time.Minute,
	Remember: 20 * time.Second,
	Spans:    200_000,
	Traces:   50_000,
}

// otlpFeed returns a feed of the spans that services send. It receives them until it is
// closed.
func (s *serve) otlpFeed(ctx context.Context) (feed, error) {
	if len(s.files) > 0 {
		return feed{}, exit.Usagef("--otlp receives spans and cannot be combined with files such as %s", s.files[0])
	}
	for _, flag := range append([]string{"tempo"}, queryFlags...) {
		if s.given(flag) {
			return feed{}, exit.Usagef("--%s applies to Tempo and cannot be combined with --otlp", flag)
		}
	}
	overGRPC, err := listen("otlp-grpc", s.otlp.grpc)
	if err != nil {
		return feed{}, err
	}
	overHTTP, err := listen("otlp-http", s.otlp.http)
	if err != nil {
		overGRPC.Close()
		return feed{}, err
	}
	cfg := s.config()
	cfg.Window = liveWindow
	live := newLive(cfg)
	if live.window, err = windowLength(s.window); err != nil {
		overGRPC.Close()
		overHTTP.Close()
		return feed{}, exit.Usagef("--window %q: %w", s.window, err)
	}
	window := s.window

	ctx, stop := context.WithCancel(ctx)
	s.warnIfOpen("otlp-grpc", overGRPC, "send spans")
	s.warnIfOpen("otlp-http", overHTTP, "send spans")
	receiver := otlpreceiver.New(live.take)
	var servers sync.WaitGroup
	servers.Go(func() {
		if err := serveHTTP(ctx, receiver.Listener(overGRPC), receiver.GRPCServer()); err != nil {
			s.stderr.Warnf("--otlp-grpc %s: %v", s.otlp.grpc, err)
		}
	})
	servers.Go(func() {
		if err := serveHTTP(ctx, receiver.Listener(overHTTP), receiver.HTTPServer(ownHosts(overHTTP, s.otlp.http))); err != nil {
			s.stderr.Warnf("--otlp-http %s: %v", s.otlp.http, err)
		}
	})
	closed := uint64(0) // connections, that a warning has counted
	where := fmt.Sprintf("grpc://%s and http://%s", dialable(overGRPC.Addr()), dialable(overHTTP.Addr()))
	s.stderr.Infof("receiving OTLP at %s", where)
	return feed{
		source:  &source.Source{Origin: "OTLP at " + where},
		windows: offered(otlpWindows, window),
		window:  func() string { return window },
		clear:   live.clear,
		setWindow: func(w string) error {
			length, err := windowLength(w)
			if err == nil {
				window = w
				live.setWindow(length)
			}
			return err
		},
		waiting: "no spans yet: configure services to send OTLP to " + where,
		reading: "starting",
		every:   everyOther,
		next: func(context.Context) (*servicegraph.Graph, tally, error) {
			g, held, rejected, why := live.graph()
			if rejected > 0 {
				s.stderr.Warnf("rejected %s; the last reason: %s", rejectedText(rejected), why)
			}
			if n := receiver.Closed(); n > closed {
				s.stderr.Warnf("closed %s to protect the others: look for clients that open many connections and send no spans", quantity.Of(n-closed, "silent or slow OTLP connection"))
				closed = n
			}
			return g, held, nil
		},
		final: func(error) bool { return false },
		close: func() {
			stop()
			servers.Wait()
		},
	}, nil
}

// ownHosts returns the function that knows the hosts to which senders send. Nil stands for all: if other
// machines can reach the listener, they may know it under any name.
func ownHosts(l net.Listener, addr string) func(host string) bool {
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil
	}
	names := hostsOf(addr)
	return func(host string) bool { return ownhost.Is(host, names...) }
}

// rejectedText counts rejected spans and rejected requests together.
func rejectedText(n int) string {
	if n == 1 {
		return "1 span or request"
	}
	return quantity.Of(n, "span") + " or requests"
}

// A live builds a graph of spans as they arrive. Its methods are safe for concurrent use.
//
// Requests are decoded at the same time, each by a loader of its own. Only adding their spans
// to the builder waits while a graph is built, which takes up to a tenth of a second for the
// 200,000 spans of liveWindow. The exporters of the senders queue spans meanwhile.
type live struct {
	idle chan loader // loaders that no request uses; they lock mu
	cfg  servicegraph.Config

	mu       sync.Mutex
	builder  *servicegraph.Builder
	fresh    bool   // a request has arrived since the last graph
	open     uint64 // the open traces of the last graph; when they close, the graph changes without a request
	now      func() time.Time
	rejected int    // spans and requests rejected since the last graph
	why      string // the reason of the last rejection

	window time.Duration // the graph is that of the traces that were complete in this time; 0: of all spans
	past   timeSlices
	shown  int // slices in the last graph

	forgot bool // a trace of the graph of all spans is not held any more
}

// A loader adds spans to one builder.
type loader struct {
	*tracefile.RequestLoader
	builder *servicegraph.Builder
}

func newLive(cfg servicegraph.Config) *live {
	return &live{builder: servicegraph.NewBuilder(cfg), idle: make(chan loader, maxIdleLoaders), cfg: cfg, now: time.Now}
}

// maxIdleLoaders is how many loaders are kept for later requests. A loader remembers the names
// that it has met.
const maxIdleLoaders = 4

// take is an [otlpreceiver.Take].
func (l *live) take(r otlpreceiver.Request) (otlpreceiver.Rejected, error) {
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
func (l *live) load(r otlpreceiver.Request) (tracefile.RequestResult, error) {
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

// loader returns a loader for the builder, which is a new one after clear.
func (l *live) loader() loader {
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

// clear forgets all spans.
func (l *live) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.builder, l.past = servicegraph.NewBuilder(l.cfg), timeSlices{}
	l.builder.Advance(l.now())
	l.fresh, l.open = true, 0
	l.forgot = false
}

// setWindow limits the graph to the traces that were complete in a time; 0 means all spans.
func (l *live) setWindow(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.window, l.fresh, l.shown = d, true, -1
}

// advance sets the builder's time.
func (l *live) advance() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.builder.Advance(l.now())
}

// graph returns the live graph of all spans so far, or nil if it is that of the last call, with what
// is counted in the traces that are held. It also returns how many spans and requests were rejected
// since the last call, and why the last one was.
func (l *live) graph() (g *servicegraph.Graph, held tally, rejected int, why string) {
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
		held = l.count(l.window == 0 && !l.forgot && isCountable(g.Report()))
	}
	rejected, why = l.rejected, l.why
	l.fresh, l.rejected = false, 0
	return g, held, rejected, why
}

// maxTallied is how many held spans are counted trace by trace. Requests wait meanwhile, some
// milliseconds for so many.
const maxTallied = 20_000

// count counts the traces that are held, which are all traces of the graph or not. It counts
// nothing if these have too many spans.
func (l *live) count(all bool) tally {
	if l.builder.Held() > maxTallied {
		return tally{}
	}
	return tally{counted(l.builder), all}
}
