package browsertest

import (
	"fmt"
	"testing"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// TestHostileNames: the page treats names from traces only as text, never as HTML or script.
func TestHostileNames(t *testing.T) {
	g, hostile := hostile()
	p := open(t, report.HTML{Style: render.Style{Title: hostile[0]}, SVG: drawing, Parts: parts, TraceURL: "https://grafana.test/{traceID}?'\"<>"}, g)
	p.want("everything is drawn, and no name became an element", fmt.Sprintf(`document.querySelectorAll("[data-node]").length === %d && document.querySelectorAll("script").length === 4 && document.querySelectorAll("img, iframe, object").length === 0`, g.NumNodes()))
	p.want("the title is text", has("#page-title h1", hostile[0]))
	p.screenshot("open")
	for i := range g.NumNodes() {
		eval[bool](p, fmt.Sprintf(`document.querySelectorAll("[data-node]")[%d].dispatchEvent(new MouseEvent("click", {bubbles: true}))`, i))
		p.want("a node opens", detailsOpen)
		p.want("the details contain only text", `document.querySelectorAll("#page-details h2").length === 1 && document.querySelectorAll("#page-details script, #page-details img, #page-details svg:not(.copy svg)").length === 0`)
		p.want("the URL has the key of the node", `(() => { const key = decodeURIComponent(location.hash.match(/node=([^&]*)/)[1]); return key.length > 0 && key.length < 400; })()`)
	}
	for i := range g.NumEdges() {
		eval[bool](p, fmt.Sprintf(`document.querySelectorAll(".edge")[%d].dispatchEvent(new MouseEvent("click", {bubbles: true}))`, i%len(hostile)))
		p.want("a call opens", detailsOpen+`&& document.querySelectorAll("#page-details h2 .end").length === 2`)
	}
	q := visit(t, p.url+eval[string](p, "location.hash"))
	q.want("the URL restores the selection", detailsOpen)
	p.press("/</script>")
	p.want("the search accepts markup", has("#page-tab-nodes", " of "))
	p.want("no name changes the writing direction", `!/[\u202a-\u202e\u2066-\u2069\u0000]/.test(document.body.innerText)`)
}
