package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/entryreach"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/livegraph"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/webserver"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otlpreceiver"
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

// otlpFeed returns a feed of the spans that services send. The feed receives spans until it is
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
	overGRPC, err := webserver.Listen("otlp-grpc", s.otlp.grpc)
	if err != nil {
		return feed{}, err
	}
	overHTTP, err := webserver.Listen("otlp-http", s.otlp.http)
	if err != nil {
		overGRPC.Close()
		return feed{}, err
	}
	cfg := s.config()
	cfg.Window = livegraph.Window
	shown, err := livegraph.WindowLength(s.window)
	if err != nil {
		overGRPC.Close()
		overHTTP.Close()
		return feed{}, exit.Usagef("--window %q: %w", s.window, err)
	}
	live := livegraph.New(cfg, shown)
	window := s.window

	ctx, stop := context.WithCancel(ctx)
	s.warnIfOpen("otlp-grpc", overGRPC, "send spans")
	s.warnIfOpen("otlp-http", overHTTP, "send spans")
	receiver := otlpreceiver.New(live.Take)
	var servers sync.WaitGroup
	servers.Go(func() {
		if err := webserver.Serve(ctx, receiver.Listener(overGRPC), receiver.GRPCServer()); err != nil {
			s.stderr.Warnf("--otlp-grpc %s: %v", s.otlp.grpc, err)
		}
	})
	servers.Go(func() {
		if err := webserver.Serve(ctx, receiver.Listener(overHTTP), receiver.HTTPServer(webserver.OwnHosts(overHTTP, s.otlp.http))); err != nil {
			s.stderr.Warnf("--otlp-http %s: %v", s.otlp.http, err)
		}
	})
	closed := uint64(0) // number of closed connections already reported in a warning
	where := fmt.Sprintf("grpc://%s and http://%s", webserver.Dialable(overGRPC.Addr()), webserver.Dialable(overHTTP.Addr()))
	s.stderr.Infof("receiving OTLP at %s", where)
	return feed{
		source:  &source.Source{Origin: "OTLP at " + where},
		windows: livegraph.Offered(livegraph.OTLPWindows, window),
		window:  func() string { return window },
		clear:   live.Clear,
		setWindow: func(w string) error {
			length, err := livegraph.WindowLength(w)
			if err == nil {
				window = w
				live.SetWindow(length)
			}
			return err
		},
		waiting: "no spans yet: configure services to send OTLP to " + where,
		reading: "starting",
		every:   everyOther,
		next: func(context.Context) (*servicegraph.Graph, entryreach.Held, error) {
			g, held, rejected, why := live.Graph()
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

// rejectedText counts rejected spans and rejected requests together.
func rejectedText(n int) string {
	if n == 1 {
		return "1 span or request"
	}
	return quantity.Of(n, "span") + " or requests"
}
