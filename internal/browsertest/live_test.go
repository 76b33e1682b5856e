package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// A liveServer serves a live report by the protocol in the documentation of package report.
type liveServer struct {
	html report.HTML

	mu        sync.Mutex
	graph     *servicegraph.Graph
	listeners map[chan string]bool
}

func (s *liveServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	g := s.graph
	s.mu.Unlock()
	switch r.URL.Path {
	case "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		s.html.Render(w, g)
	case "/fragment":
		w.Header().Set("Content-Type", "application/json")
		s.html.Fragment(w, g)
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		c := make(chan string, 10)
		s.mu.Lock()
		s.listeners[c] = true
		s.mu.Unlock()
		w.(http.Flusher).Flush()
		for {
			select {
			case text := <-c:
				fmt.Fprint(w, text)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	default:
		http.NotFound(w, r)
	}
}

// tell waits for a listening page and sends an event to all pages.
func (s *liveServer) tell(t *testing.T, event string) {
	t.Helper()
	for range 1000 {
		s.mu.Lock()
		n := len(s.listeners)
		for c := range s.listeners {
			c <- event
		}
		s.mu.Unlock()
		if n > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no page listens")
}

func TestLive(t *testing.T) {
	s := &liveServer{html: report.HTML{Style: render.Style{Title: "live"}, SVG: drawing, Parts: parts, Live: true}, graph: shop(), listeners: map[chan string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // after the page is checked and closed
	p := visit(t, server.URL)
	p.prefer("light")
	p.click(node("billing/payments"))
	p.press("+")
	p.press("/checkout")
	p.want("the search has one match", has("#page-tab-nodes", "Services 1 of 9"))
	p.run(chromedp.Focus(chromedp.CSS(node("shop/cart"))))
	p.want("the view is in the URL", `location.hash.includes("at=")`)
	before := eval[string](p, "location.hash.replace(/&at=.*/, '')")
	at := eval[float64](p, scale)

	next := newTraffic()
	next.call("shop/checkout", "billing/payments", 500, 0, time.Millisecond)
	next.call("shop/checkout", "fraud/scorer", 50, 0, time.Millisecond)
	s.mu.Lock()
	s.graph = servicegraph.Merge(s.graph, next.graph())
	s.mu.Unlock()
	s.tell(t, "data: 2\n\n")
	p.want("the new service is drawn", is(`[...document.querySelectorAll("[data-node]")].filter((e) => e.getAttribute("aria-label").startsWith("fraud/scorer,")).length + ""`, "1"))
	p.want("the table has the new numbers", has("#page-tab-nodes", "Services 1 of 10"))
	p.want("the details have the new numbers", has("#page-details", "596"))
	p.want("the selection stays", `document.querySelector("[data-node].chosen").getAttribute("aria-label").startsWith("billing/payments,")`)
	p.want("and the focus", `document.activeElement.getAttribute("aria-label").startsWith("shop/cart,")`)
	p.want("and the search", `document.querySelector("#page-search").value === "checkout"`)
	p.want("and the URL, but for the place", "location.hash.replace(/&at=.*/, '') === "+fmt.Sprintf("%q", before))
	p.want("and the focused node in the window", `(() => {
		const node = document.activeElement.getBoundingClientRect(), box = document.querySelector("#page-canvas").getBoundingClientRect();
		return node.left >= box.left && node.right <= box.right && node.top >= box.top && node.bottom <= box.bottom;
	})()`)
	p.want("and the zoom", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, at))
	p.screenshot("updated")

	s.tell(t, "data: 2b\n\nevent: problem\ndata: tempo.test: 503 <b>overloaded</b>\n\n")
	p.want("the version before the problem is fetched", `performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/fragment") && e.responseEnd > 0).length === 2`)
	p.want("the problem is shown", is(`document.querySelector("#page-notice").innerText`, "tempo.test: 503 <b>overloaded</b>"))
	s.tell(t, "data: 3\n\n")
	p.want("the next message removes the problem", `document.querySelector("#page-notice").hidden`)
}

// TestLiveWithoutServer: when the server is gone, the report says so and keeps working.
func TestLiveWithoutServer(t *testing.T) {
	s := &liveServer{html: report.HTML{SVG: drawing, Parts: parts, Live: true}, graph: shop(), listeners: map[chan string]bool{}}
	server := httptest.NewServer(s)
	p := visit(t, server.URL)
	s.tell(t, "data: 1\n\n")
	server.CloseClientConnections()
	server.Close()
	p.want("the report says that the connection is lost", has("#page-notice", "connection lost"))
	p.click(node("billing/payments"))
	p.want("the report keeps working", detailsOpen)
	p.expect("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")
}
