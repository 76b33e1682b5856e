package browsertest

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// TestSystems opens reports of generated systems, in both color schemes, on a desktop and on a
// phone. It saves screenshots for people to look at.
func TestSystems(t *testing.T) {
	for _, services := range []int{12, 60, 200, 1000} {
		t.Run(fmt.Sprint(services), func(t *testing.T) {
			g, err := systems.New(systems.Config{Services: services, Failing: true, Seed: 1, Requests: 600 + 4*services}).Graph()
			if err != nil {
				t.Fatal(err)
			}
			p := open(t, report.HTML{Style: render.Style{Title: "shop · production"}, SVG: drawing, Parts: parts}, g)
			p.run(chromedp.EmulateViewport(1440, 900))
			for _, scheme := range []string{"light", "dark"} {
				p.prefer(scheme)
				p.want("the browser uses the color scheme", fmt.Sprintf(`matchMedia("(prefers-color-scheme: %s)").matches`, scheme))
				p.settle()
				p.screenshot(scheme)
			}
			clearOfButtons(p)
			if services == 12 {
				p.want("no text is smaller than 9 pixels", `Math.min(...[...document.querySelectorAll("#page-diagram svg > g:not(.heading) text")].map((e) => e.getAttribute("font-size") * e.getScreenCTM().a)) >= 9`)
			}
			failing := 0
			for n := range g.Nodes() {
				if (render.Style{}).NodeLevel(n) == render.Failing {
					failing++
				}
			}
			if failing == 0 {
				t.Fatal("nothing fails in this system")
			}
			p.want("the failing nodes are drawn", fmt.Sprintf(`document.querySelectorAll("[data-node].error").length === %d`, failing))
			countsServices(p, g)

			p.press("e")
			p.laidOut()
			p.want("what fails is still drawn", fmt.Sprintf(`document.querySelectorAll("[data-node].error").length === %d`, failing))
			p.want("and no healthy edge", `document.querySelectorAll(".edge.ok").length === 0 && document.querySelectorAll(".edge").length > 0`)
			p.screenshot("fails")
			p.press("e")
			p.laidOut()

			if services == 200 {
				space := eval[string](p, `document.querySelector("[data-node].group").getAttribute("aria-label").split(",")[0]`)
				p.click("[data-node].group .card")
				p.laidOut()
				p.want("a click on a namespace shows its services", fmt.Sprintf(`[...document.querySelectorAll("[data-node]")].filter((e) => e.getAttribute("aria-label").startsWith(%q)).length > 1`, space+"/"))
				p.want("and the address names it", fmt.Sprintf(`location.hash.includes("ns=" + %q)`, space))
				p.screenshot("namespace")
				clearOfButtons(p)
				p.press(kb.Escape)
				p.laidOut()
				p.want("Escape shows all namespaces again", `document.querySelectorAll("[data-node].group").length > 5`)
			}
			if services >= 200 {
				undrawn := eval[string](p, `(() => {
					const drawn = new Set([...document.querySelectorAll("[data-node]")].map((e) => e.getAttribute("aria-label").split(",")[0]));
					const data = JSON.parse(document.getElementById("page-data").textContent);
					const names = data.nodes.map((n) => n.ns ? n.ns + "/" + n.name : n.name);
					return names.find((n) => !drawn.has(n) && names.filter((m) => m.includes(n)).length === 1);
				})()`)
				p.press("/" + undrawn)
				p.press(kb.Enter)
				p.want("a node that is not drawn is drawn with its neighbors", `document.querySelector("[data-node].chosen") !== null && document.querySelectorAll("[data-node]").length > 1`)
				p.want("and selected", is(heading, undrawn))
				p.screenshot("found")
				p.press(kb.Escape)
			}

			if eval[bool](p, `document.querySelector("#page-collapse").getAttribute("aria-expanded") === "false"`) {
				p.click("#page-collapse")
			}
			legible(p, "on a desktop, dark")
			p.run(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)))
			for _, scheme := range []string{"light", "dark"} {
				p.prefer(scheme)
				p.want("the browser uses the color scheme", fmt.Sprintf(`matchMedia("(prefers-color-scheme: %s)").matches`, scheme))
				p.settle()
				fitsPhone(p)
				p.want("the table shows numbers", `(() => {
					const cells = [...document.querySelectorAll('#page-edges tr[aria-rowindex="2"] td.number')].map((e) => e.getBoundingClientRect()).filter((b) => b.width > 0);
					return cells.length >= 3 && cells.every((b) => b.right <= innerWidth);
				})()`)
				legible(p, "on a phone, "+scheme)
				p.screenshot("phone-" + scheme)

				p.click("#page-more")
				p.want("the filters are open", `document.querySelector("#page-errors").checkVisibility()`)
				fitsPhone(p)
				legible(p, "the filters on a phone, "+scheme)
				p.click("#page-more")
				p.click(row("edges", 1))
				p.want("a call is selected", detailsOpen)
				fitsPhone(p)
				legible(p, "the panel on a phone, "+scheme)
				p.screenshot("phone-panel-" + scheme)
				p.press(kb.Escape)
			}
		})
	}
}

// clearOfButtons checks that the zoom buttons, which lie over the diagram, hide no node of a
// diagram that fits the window.
func clearOfButtons(p *page) {
	p.t.Helper()
	p.want("no node is below the buttons", `(() => {
		const buttons = document.querySelector(".zoom").getBoundingClientRect();
		return buttons.width > 0 && [...document.querySelectorAll("[data-node] .card")].every((e) => {
			const b = e.getBoundingClientRect();
			return b.right <= buttons.left || b.bottom <= buttons.top;
		});
	})()`)
}

// fitsPhone checks that nothing is wider than the window.
func fitsPhone(p *page) {
	p.t.Helper()
	p.want("nothing is wider than the window", `document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth`)
}

// legible checks the contrast of all visible texts of the page to their backgrounds, and of the
// texts in the diagram to the plates and cards on which they are.
func legible(p *page, where string) {
	p.t.Helper()
	low := eval[[]string](p, `(() => {
		const numbers = (color) => color.match(/[\d.]+/g).map(Number);
		const light = (color) => {
			const [r, g, b] = numbers(color).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
			return 0.2126 * r + 0.7152 * g + 0.0722 * b;
		};
		const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
		const isSolid = (color) => color.startsWith("rgb(") || numbers(color)[3] === 1;
		const behind = (e) => {
			for (; e; e = e.parentElement) if (isSolid(getComputedStyle(e).backgroundColor)) return getComputedStyle(e).backgroundColor;
			return "rgb(255, 255, 255)";
		};
		const found = [];
		const check = (e, color, background) => {
			const ratio = contrast(color, background);
			if (ratio < 4.5) found.push(e.textContent.trim().slice(0, 40) + ": " + ratio.toFixed(2) + " (" + color + " on " + background + ")");
		};
		for (const e of document.querySelectorAll("body *:not(svg *)")) {
			if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.matches("script, style, option, noscript") || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
			check(e, getComputedStyle(e).color, behind(e));
		}
		for (const e of document.querySelectorAll("#page-diagram svg g:not(.heading, .legend) > text")) {
			const plate = e.parentElement.querySelector(":scope > .card, :scope > .plate");
			if (!plate || e.closest(".faded, .hidden")) continue;
			check(e, getComputedStyle(e).fill, getComputedStyle(plate).fill);
		}
		return found;
	})()`)
	for _, text := range low {
		p.t.Errorf("%s: %s", where, text)
	}
}

// countsServices checks the number of services in the tab of the table, which also lists
// uninstrumented dependencies.
func countsServices(p *page, g *servicegraph.Graph) {
	p.t.Helper()
	services := 0
	for n := range g.Nodes() {
		if n.ID.Type == servicegraph.TypeService {
			services++
		}
	}
	p.want("services are counted apart from dependencies", fmt.Sprintf(`document.querySelector("#page-tab-nodes").innerText.replace(/,/g, "").startsWith("Services %d + %d ")`, services, g.NumNodes()-services))
}

// TestTabFollowsTheGraph: the Tab key visits the nodes rank by rank, in the direction of the calls.
func TestTabFollowsTheGraph(t *testing.T) {
	p := openShop(t)
	order := eval[[]float64](p, `[...document.querySelectorAll("[data-node]")].map((e) => { const b = e.querySelector(".card").getBoundingClientRect(); return Math.round(b.x + b.width / 2); })`)
	for i := 1; i < len(order); i++ {
		if order[i] < order[i-1]-1 {
			t.Errorf("node %d of the order is to the left of the node before it: %v", i, order)
		}
	}
}

// TestCopyTraceID: one click copies a trace id.
func TestCopyTraceID(t *testing.T) {
	p := openShop(t)
	p.click(node("billing/payments"))
	p.want("the panel of a failing service lists failing traces", has("#page-details", "Failed traces"))
	id := eval[string](p, `document.querySelector("#page-details .traces a").innerText`)
	p.run(chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }`))
	p.click("#page-details .copy")
	p.want("the id is copied", is("window.copied", id)+"&&"+has("#page-toast", "Copied the trace id."))
}

// TestLayoutTimes measures a layout in the page, from the change of a filter to the painted
// diagram. It logs the times. Its limits are so generous that the test passes on a busy machine.
func TestLayoutTimes(t *testing.T) {
	for _, services := range []int{55, 370} {
		g, err := systems.New(systems.Config{Services: services, Failing: true, Seed: 1, Requests: 600}).Graph()
		if err != nil {
			t.Fatal(err)
		}
		p := open(t, report.HTML{SVG: drawing, Parts: parts}, g)
		p.run(chromedp.EmulateViewport(1440, 900))
		p.settle()
		const again = `new Promise((resolve) => {
			const began = performance.now(), root = document.documentElement;
			delete root.dataset.layout;
			location.hash = %q;
			const look = () => {
				if (root.dataset.layout !== "done") return setTimeout(look, 1);
				requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
			};
			look();
		})`
		eval[float64](p, fmt.Sprintf(again, "errors=warn")) // the first layout loads Graphviz
		took := eval[float64](p, fmt.Sprintf(again, "all=1"))
		nodes := eval[int](p, `document.querySelectorAll("[data-node]").length`)
		t.Logf("%d nodes: %.0f ms", nodes, took)
		if nodes < services || took > 15_000 {
			t.Errorf("%d nodes in %.0f ms", nodes, took)
		}
	}
}
