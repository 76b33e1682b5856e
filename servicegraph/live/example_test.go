package live_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/live"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// A program serves the graph of its calls, as an interactive report and as CSV, beside its metrics.
// Browsers may address the program as shop.internal; other names and formats are refused.
func ExampleNewHandler() {
	b := servicegraph.NewBuilder(servicegraph.Config{}) // a program in production has the Graph of an otelspan.Recorder
	s := servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{1}, Service: "shop", Kind: servicegraph.KindClient}
	b.Add(s)
	s.SpanID, s.ParentID, s.Service, s.Kind = servicegraph.SpanID{2}, s.SpanID, "stock", servicegraph.KindServer
	b.Add(s)

	server := httptest.NewServer(live.NewHandler(b.Graph, live.Config{
		Page:    report.HTML{Style: render.Style{Title: "Calls of the shop"}},
		Formats: []render.Format{{Name: "csv", MediaType: "text/csv", Renderer: render.CSV{}}},
		Hosts:   []string{"shop.internal"},
		Every:   time.Minute,
		Metrics: http.NotFoundHandler(), // promhttp.Handler()
	}))
	defer server.Close()
	get := func(path, host string) (status string) {
		req, err := http.NewRequest("GET", server.URL+path, nil)
		if err != nil {
			log.Fatal(err)
		}
		req.Host = host
		res, err := server.Client().Do(req)
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		return res.Status
	}
	fmt.Println(get("/graph.csv", "shop.internal"))
	fmt.Println(get("/graph.json", "shop.internal"))
	fmt.Println(get("/graph.csv", "other.example"))
	// Output:
	// 200 OK
	// 404 Not Found
	// 421 Misdirected Request
}
