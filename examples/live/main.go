// Command live is a service that shows the service graph of the spans that it receives: a page,
// metrics for Prometheus, and an OTLP receiver, all on one port. The same three lines fit into a
// program that has other work to do.
//
//	go run ./examples/live
//	OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:8085 OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf your-service
//
// The page is at http://localhost:8085/graph/, the metrics are at http://localhost:8085/metrics.
// The page shows a call at once. The counters include the call 70 s after the last span of its
// trace, when no late span can change the call.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/live"
	"github.com/tempograph/tempograph/servicegraph/otlpreceiver"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/topology"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := net.Listen("tcp", "127.0.0.1:8085")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the page is at http://%s/graph/\n", listener.Addr())
	server := &http.Server{
		Handler:     newService(servicegraph.Window{Quiet: 10 * time.Second, Age: 5 * time.Minute, Remember: time.Minute, Spans: 200_000}).handler(),
		BaseContext: func(net.Listener) context.Context { return ctx }, // ends the event streams of open pages
	}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// A service builds a graph of the spans that it receives. Its methods are safe for concurrent
// use.
type service struct {
	mu      sync.Mutex
	builder *servicegraph.Builder
	loaders sync.Pool // of *tracefile.RequestLoader; a loader decodes one request at a time
}

func newService(window servicegraph.Window) *service {
	s := &service{builder: servicegraph.NewBuilder(servicegraph.Config{Window: window})}
	s.loaders.New = func() any { return tracefile.NewRequestLoader(s.builder, &s.mu) }
	return s
}

// handler returns the page, the metrics and the receiver.
func (s *service) handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(promgraph.NewCollector(s.delta, promgraph.Config{}))

	mux := http.NewServeMux()
	mux.Handle("/graph/", http.StripPrefix("/graph", live.NewHandler(s.graph, live.Config{Reach: reach})))
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics:  true, // for exemplars
		DisableCompression: true, // each edge has 23 series: compressing them takes longer than the rest of the response
	}))
	mux.Handle(otlpreceiver.Path, otlpreceiver.New(s.take).Handler(nil))
	return mux
}

// take adds the spans of a request.
func (s *service) take(r otlpreceiver.Request) (otlpreceiver.Rejected, error) {
	loader := s.loaders.Get().(*tracefile.RequestLoader)
	defer s.loaders.Put(loader)
	load := loader.Protobuf
	if r.JSON {
		load = loader.JSON
	}
	result, err := load(r.Body)
	if errors.Is(err, tracefile.ErrRequestTooLarge) {
		err = fmt.Errorf("%w: %w", otlpreceiver.ErrTooLarge, err)
	}
	if err != nil || result.Rejected == 0 {
		return otlpreceiver.Rejected{}, err
	}
	return otlpreceiver.Rejected{Spans: int64(result.Rejected), Reason: result.Reason.Error()}, nil
}

// graph returns the graph to show.
func (s *service) graph() *servicegraph.Graph {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.builder.Advance(time.Now())
	return s.builder.Live()
}

// reach returns upper bounds of the blast radius of each node and edge as texts. Exact numbers
// would need all traces of the graph, and the builder has forgotten most of them.
func reach(g *servicegraph.Graph) (map[servicegraph.NodeID]string, map[servicegraph.EdgeID]string) {
	return topology.Describe(g, nil, false)
}

// delta returns the calls that became final since the last call of delta, for the counters.
func (s *service) delta() *servicegraph.Graph {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.builder.Advance(time.Now())
	return s.builder.Delta()
}
