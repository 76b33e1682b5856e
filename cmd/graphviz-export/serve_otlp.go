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
	"google.golang.org/grpc"

	"github.com/tempograph/tempograph/internal/otlpreceiver"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// otlpFlags say whether services send their spans here, and where.
type otlpFlags struct {
	on         bool
	grpc, http string
}

// otlpAddresses are the flags that only change what --otlp does.
var otlpAddresses = []string{"otlp-grpc", "otlp-http"}

// addTo adds the flags to a command.
func (o *otlpFlags) addTo(cmd *cobra.Command) {
	group(cmd, "Viewer", func(f *pflag.FlagSet) {
		f.BoolVar(&o.on, "otlp", false, "take the spans that services send by OTLP, in place of files and Tempo")
		f.StringVar(&o.grpc, "otlp-grpc", "127.0.0.1:4317", "take OTLP over gRPC at `HOST:PORT`")
		f.StringVar(&o.http, "otlp-http", "127.0.0.1:4318", "take OTLP over HTTP at `HOST:PORT`")
	})
}

// liveWindow bounds what is held of the spans that are sent, to some 40 MB: a trace is
// complete when no span has come for 10 seconds. What is forgotten stays counted in the
// graph.
var liveWindow = servicegraph.Window{
	Quiet:    10 * time.Second,
	Age:      5 * time.Minute,
	Remember: time.Minute,
	Spans:    200_000,
	Traces:   50_000,
	Nodes:    10_000,
}

// otlpFeed returns the feed of the spans that services send, and takes them until it is
// closed.
func (s *serve) otlpFeed(ctx context.Context) (feed, error) {
	if len(s.files) > 0 {
		return feed{}, usagef("--otlp takes what services send, but there are files to read, such as %s: give one or the other", s.files[0])
	}
	for _, flag := range append([]string{"tempo"}, queryFlags...) {
		if s.given(flag) {
			return feed{}, usagef("--%s is for a Tempo, and --otlp for what services send: give one or the other", flag)
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
	cfg := s.shape.config()
	cfg.Window = liveWindow
	live := newLive(cfg)

	ctx, stop := context.WithCancel(ctx)
	var servers sync.WaitGroup
	servers.Go(func() {
		if err := serveGRPC(ctx, overGRPC, otlpreceiver.NewGRPCServer(live.take)); err != nil {
			s.stderr.warnf("--otlp-grpc %s: %v", s.otlp.grpc, err)
		}
	})
	servers.Go(func() {
		if err := serveHTTP(ctx, overHTTP, otlpreceiver.Handler(live.take)); err != nil {
			s.stderr.warnf("--otlp-http %s: %v", s.otlp.http, err)
		}
	})
	where := fmt.Sprintf("grpc://%s and http://%s", dialable(overGRPC.Addr()), dialable(overHTTP.Addr()))
	s.stderr.infof("taking OTLP at %s", where)
	return feed{
		source:  source{origin: "OTLP at " + where},
		waiting: "no spans yet: let services send OTLP to " + where,
		reading: "starting",
		every:   everyOther,
		next: func(context.Context) (*servicegraph.Graph, error) {
			g, rejected, why := live.graph()
			if rejected > 0 {
				s.stderr.warnf("rejected %s, the last because: %s", rejectedText(rejected), why)
			}
			return g, nil
		},
		final: func(error) bool { return false },
		close: func() {
			stop()
			servers.Wait()
		},
	}, nil
}

// rejectedText counts spans and whole requests that were not taken.
func rejectedText(n int) string {
	if n == 1 {
		return "1 span or request"
	}
	return quantity.Of(n, "span") + " or requests"
}

// serveGRPC serves until ctx is done.
func serveGRPC(ctx context.Context, l net.Listener, server *grpc.Server) error {
	context.AfterFunc(ctx, func() {
		time.AfterFunc(grace, server.Stop)
		server.GracefulStop()
	})
	if err := server.Serve(l); !errors.Is(err, grpc.ErrServerStopped) { // before it could begin
		return err
	}
	return nil
}

// A live builds the graph of spans while they come. Its methods may be called from
// several goroutines.
//
// Spans wait while a graph is made, which takes a tenth of a second of the 200,000 held
// at most: their senders have them in a queue meanwhile.
type live struct {
	mu       sync.Mutex
	builder  *servicegraph.Builder
	loader   *tracefile.RequestLoader
	fresh    bool // a request has come since the last graph
	rejected int  // spans and requests since then
	why      string
}

func newLive(cfg servicegraph.Config) *live {
	b := servicegraph.NewBuilder(cfg)
	return &live{builder: b, loader: tracefile.NewRequestLoader(b)}
}

// take is an [otlpreceiver.Take].
func (l *live) take(r otlpreceiver.Request) (otlpreceiver.Rejected, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.builder.Advance(time.Now())
	load := l.loader.Protobuf
	if r.JSON {
		load = l.loader.JSON
	}
	loaded, err := load(r.Body)
	l.fresh = true // the graph counts what is rejected, too
	if err != nil {
		l.rejected++
		l.why = err.Error()
		return otlpreceiver.Rejected{}, err
	}
	if loaded.Rejected == 0 {
		return otlpreceiver.Rejected{}, nil
	}
	l.rejected += loaded.Rejected
	l.why = loaded.Reason.Error()
	return otlpreceiver.Rejected{Spans: int64(loaded.Rejected), Reason: l.why}, nil
}

// graph returns the graph of what has come, nil if nothing has since the last call; and
// how many spans and requests were not taken since then, and why the last was not.
func (l *live) graph() (g *servicegraph.Graph, rejected int, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.builder.Advance(time.Now())
	if l.fresh {
		g = l.builder.Graph()
	}
	rejected, why = l.rejected, l.why
	l.fresh, l.rejected = false, 0
	return g, rejected, why
}
