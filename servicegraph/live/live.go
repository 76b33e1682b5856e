package live

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// A Config configures [NewHandler]. The zero value works.
type Config struct {
	// Page writes the report: its style, title and links to traces. Without an SVG renderer, it
	// has tables and no diagram.
	Page report.HTML

	// Formats are the formats of /graph.FORMAT; nil means all formats of package render, and html.
	Formats []render.Format

	// Hosts are the names by which requests may address the server, besides localhost and IP
	// addresses: see [Viewer.Handler].
	Hosts []string

	// Every is the shortest time between two graphs; 0 means 5 seconds. The graph is made only when
	// it is requested or when a browser shows the page.
	Every time.Duration

	// Reach returns, for the nodes and the edges of a graph, a text on what their failure affects,
	// for their panels: see report.HTML.Reach. Package topology has such a function. If Reach is
	// nil, the panels have no such text.
	Reach func(*servicegraph.Graph) (map[servicegraph.NodeID]string, map[servicegraph.EdgeID]string)

	// Metrics is served at /metrics, if it is not nil: for example promhttp.Handler. Prometheus
	// must then address the process by an IP address or one of the Hosts.
	Metrics http.Handler
}

// NewHandler returns a handler that serves the live page of a process. graph returns the current
// graph, such as the method Graph of a recorder of package otelspan, or a function that locks a
// builder, advances its time and calls its Live. It is never called from two goroutines at
// a time.
//
// The handler also has the API of Grafana's node graph API data source: /api/graph/fields,
// /api/graph/data and /api/health.
func NewHandler(graph func() *servicegraph.Graph, cfg Config) http.Handler {
	if cfg.Every <= 0 {
		cfg.Every = 5 * time.Second
	}
	v := New()
	v.every = cfg.Every
	var mu sync.Mutex
	var last time.Time
	v.refresh = func() {
		mu.Lock()
		defer mu.Unlock()
		if !last.IsZero() && time.Since(last) < cfg.Every {
			return
		}
		g, page := graph(), cfg.Page
		if cfg.Reach != nil {
			page.Reach, page.EdgeReach = cfg.Reach(g)
		}
		formats := cfg.Formats
		if formats == nil {
			formats = slices.Concat(render.Formats(page.Style), report.Formats(page))
		}
		if err := v.Show(View{Graph: g, Page: page, Formats: formats}); err != nil {
			v.Notice(err.Error())
		} else {
			v.Notice("")
		}
		last = time.Now()
	}
	mux := v.mux()
	if cfg.Metrics != nil {
		mux.Handle("GET /metrics", cfg.Metrics)
	}
	mux.HandleFunc("GET /api/graph/fields", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, nodeGraphFields)
	})
	mux.HandleFunc("GET /api/graph/data", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, nodeGraphOf(v.latest().Graph))
	})
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]string{"status": "ok"})
	})
	return guard(cfg.Hosts, mux)
}
