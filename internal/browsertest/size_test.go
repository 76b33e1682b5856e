package browsertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tempograph/tempograph/servicegraph/render/draw"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// TestSmallWindow: the report fits on a phone. The details cover the diagram, and nothing is wider
// than the window.
func TestSmallWindow(t *testing.T) {
	p := openShop(t)
	p.run(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)))
	p.prefer("light")
	p.settle()
	p.screenshot("open")
	p.click(node("billing/payments"))
	p.want("the details are open", detailsOpen)
	p.want("nothing is wider than the window", `document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth`)
	p.screenshot("details")
}

// TestReducedMotion: if the user prefers reduced motion, the view changes within one frame.
func TestReducedMotion(t *testing.T) {
	for _, c := range []struct {
		motion string
		moves  bool
	}{{"no-preference", true}, {"reduce", false}} {
		t.Run(c.motion, func(t *testing.T) {
			p := openShop(t)
			p.run(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: c.motion}}}))
			p.settle()
			p.click(node("billing/payments"))
			p.settle()
			places := eval[int](p, `(async () => { // positions of the node, frame by frame
				const places = new Set(), chosen = document.querySelector("[data-node].chosen");
				document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "z", bubbles: true}));
				for (let end = performance.now() + 600; performance.now() < end;) {
					await new Promise((resolve) => requestAnimationFrame(resolve));
					const {x, y, width} = chosen.getBoundingClientRect();
					places.add([x, y, width].map((n) => n.toFixed(1)).join());
				}
				return places.size;
			})()`)
			if moves := places > 2; moves != c.moves {
				t.Errorf("the node has %d positions", places)
			}
		})
	}
}

// TestResponsive measures how fast a report with 200 drawn services responds. The times depend on
// the machine, so the test only logs them. It checks that each step has its effect.
func TestResponsive(t *testing.T) {
	p := open(t, report.HTML{SVG: draw.SVG{Options: draw.Options{Force: true}}, Parts: parts, MaxNodes: 200, MaxEdges: 400}, fleet(200))
	p.want("everything is drawn", `document.querySelectorAll("[data-node]").length === 200 && document.querySelector("#page-notice").hidden`)
	frames := func(what, step string) {
		t.Helper()
		times := eval[[]float64](p, fmt.Sprintf(`(async () => {
			const times = [], frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
			await frame();
			for (let i = 0; i < 30; i++) {
				const began = performance.now();
				(%s)(i);
				await frame();
				times.push(performance.now() - began);
			}
			return times;
		})()`, step))
		slices.Sort(times)
		t.Logf("%s: a frame takes %.0f ms, the slowest of %d %.0f ms", what, times[len(times)/2], len(times), times[len(times)-1])
	}
	canvas := `document.querySelector("#page-canvas")`
	frames("zooming by wheel", `(i) => `+canvas+`.dispatchEvent(new WheelEvent("wheel", {deltaY: i < 15 ? -40 : 40, clientX: 400, clientY: 250, bubbles: true, cancelable: true}))`)
	frames("selecting", `(i) => document.querySelectorAll("[data-node]")[i * 4].dispatchEvent(new MouseEvent("click", {bubbles: true}))`)
	frames("searching", `(i) => { const q = document.querySelector("#page-search"); q.value = "service-" + "0123456789"[i % 10]; q.dispatchEvent(new Event("input")); }`)
	frames("errors only", `(i) => { const e = document.querySelector("#page-errors"); e.value = i % 2 ? "" : "1"; e.dispatchEvent(new Event("change")); }`)
	frames("traffic", `(i) => { const s = document.querySelector("#page-min-calls"); s.value = i; s.dispatchEvent(new Event("input")); }`)
	frames("scrolling the table", `(i) => document.querySelector("#page-edges").scrollTop = i * 300`)
	p.want("the last search is shown", `document.querySelector("#page-search").value === "service-9"`)
}

// TestFiveThousand: a report of 5,000 services shows the most important services in the diagram,
// and all services in the tables.
func TestFiveThousand(t *testing.T) {
	g := fleet(5000)
	began := time.Now()
	p := open(t, report.HTML{SVG: drawing, Parts: parts}, g)
	size := eval[int](p, `document.documentElement.outerHTML.length`)
	t.Logf("drawing, writing and opening %d services and %d calls takes %v; the report has %.1f MB", g.NumNodes(), g.NumEdges(), time.Since(began).Round(time.Millisecond), float64(size)/1e6)
	open(t, report.HTML{SVG: drawing, Parts: parts}, fleet(150)) // the largest graph that is drawn completely
	p.want("a note says what is not drawn", `!document.querySelector("#page-notice").hidden && document.querySelector("#page-notice").innerText.includes("Drawn: ")`)
	p.want("there are as many rows as calls", fmt.Sprintf(`document.querySelector("#page-edges table").ariaRowCount === "%d"`, g.NumEdges()+1))
	p.want("but only some are in the document", `document.querySelectorAll("#page-edges tbody tr").length < 120`)
	p.click("#page-collapse")
	p.screenshot("open")
	p.run(chromedp.Focus(chromedp.CSS(row("edges", 1))))
	p.press(kb.End)
	p.want("End focuses the last row", fmt.Sprintf(`document.activeElement.ariaRowIndex === "%d"`, g.NumEdges()+1))
	p.press("/service-4321")
	p.want("the search finds one of all services", has("#page-tab-nodes", "1 of 4,500"))
	p.want("the table scrolls to the calls of the service", `(() => {
		const box = document.querySelector("#page-edges").getBoundingClientRect(), rows = [...document.querySelectorAll("#page-edges tbody tr")].map((e) => e.getBoundingClientRect());
		return rows.length === 2 && rows.every((r) => r.top >= box.top && r.bottom <= box.bottom);
	})()`)
	p.press(kb.Enter)
	p.want("Enter selects the service", has("#page-details h2", "service-4321"))
	p.want("the service is in the diagram, or the details say that it is not", `document.querySelector("#page-details .undrawn") !== null || document.querySelector("[data-node].chosen") !== null`)
	p.screenshot("found")
}
