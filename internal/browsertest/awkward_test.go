package browsertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// TestAwkwardShapes: some graphs become a long narrow strip in a layout by Graphviz alone. The
// report lays them out in about the shape of the window.
func TestAwkwardShapes(t *testing.T) {
	for _, c := range []struct {
		name  string
		calls int
		ends  func(i int) (from, to string)
		least float64 // smallest scale at which the whole graph may be shown
	}{
		{"a star of 500", 499, func(i int) (string, string) { return "hub", fmt.Sprintf("callee-%d", i) }, 0.3},
		{"a cycle of 200", 200, func(i int) (string, string) {
			return fmt.Sprintf("service-%d", i), fmt.Sprintf("service-%d", (i+1)%200)
		}, 0.35},
		{"two halves", 120, func(i int) (string, string) {
			half := i / 60
			return fmt.Sprintf("half-%d-%d", half, i%60/4), fmt.Sprintf("half-%d-%d", half, i%60+1)
		}, 0.3},
	} {
		t.Run(c.name, func(t *testing.T) {
			traffic := newTraffic()
			for i := range c.calls {
				from, to := c.ends(i)
				traffic.call(from, to, 1, 0, time.Millisecond)
			}
			p := open(t, report.HTML{SVG: drawing, Parts: parts}, traffic.graph())
			p.run(chromedp.EmulateViewport(1440, 900))
			p.prefer("light")
			p.run(chromedp.Evaluate[chromedp.Void](`location.hash = "all=1"`))
			p.laidOut()
			p.settle()
			p.screenshot("all")
			p.want("everything is drawn", `document.querySelectorAll("#page-diagram [data-node]").length === JSON.parse(document.querySelector("#page-data").textContent).nodes.length`)
			p.want("no problem is shown", `document.querySelector("#page-notice").hidden`)
			p.want("the diagram has about the shape of the window", `(() => {
				const boxes = [...document.querySelectorAll("#page-diagram [data-node] .card")].map((e) => e.getBoundingClientRect());
				const side = (low, high) => Math.max(...boxes.map((b) => b[high])) - Math.min(...boxes.map((b) => b[low]));
				const ratio = side("left", "right") / side("top", "bottom");
				return ratio > 0.8 && ratio < 3.2;
			})()`)
			p.want("nothing is too small", fmt.Sprintf("%s > %v", scale, c.least))
			p.want("no two cards overlap", `(() => {
				const boxes = [...document.querySelectorAll("#page-diagram [data-node] .card")].map((e) => e.getBoundingClientRect());
				return boxes.every((a, i) => boxes.every((b, k) => k <= i || a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top));
			})()`)
		})
	}
}
