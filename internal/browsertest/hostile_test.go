package browsertest

import (
	"fmt"
	"testing"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// Names out of traces do nothing but stand there.
func TestHostileNames(t *testing.T) {
	g, hostile := hostile()
	p := open(t, report.HTML{Style: render.Style{Title: hostile[0]}, SVG: drawing, TraceURL: "https://grafana.test/{traceID}?'\"<>"}, g)
	p.want("all of the page is there", fmt.Sprintf(`document.querySelectorAll("[data-node]").length === %d && document.querySelectorAll("script").length === 2 && document.querySelectorAll("img, iframe, object").length === 0`, g.NumNodes()))
	p.want("a title is text", has("#page-title h1", hostile[0]))
	p.screenshot("open")
	for i := range g.NumNodes() {
		eval[bool](p, fmt.Sprintf(`document.querySelectorAll("[data-node]")[%d].dispatchEvent(new MouseEvent("click", {bubbles: true}))`, i))
		p.want("a node opens", detailsOpen)
		p.want("it has one heading", `document.querySelectorAll("#page-details h2").length === 1 && document.querySelectorAll("#page-details script, #page-details img, #page-details svg").length === 0`)
		p.want("its address leads back to it", `(() => { const key = decodeURIComponent(location.hash.match(/node=([^&]*)/)[1]); return key.length > 0 && key.length < 400; })()`)
	}
	for i := range g.NumEdges() {
		eval[bool](p, fmt.Sprintf(`document.querySelectorAll(".edge")[%d].dispatchEvent(new MouseEvent("click", {bubbles: true}))`, i%len(hostile)))
		p.want("a call opens", detailsOpen+`&& document.querySelectorAll("#page-details h2 .end").length === 2`)
	}
	q := visit(t, p.url+eval[string](p, "location.hash"))
	q.want("the address restores it", detailsOpen)
	p.press("/</script>")
	p.want("markup can be searched for", has("#page-tab-nodes", " of "))
	p.want("no name turns the text around", `!/[\u202a-\u202e\u2066-\u2069\u0000]/.test(document.body.innerText)`)
}
