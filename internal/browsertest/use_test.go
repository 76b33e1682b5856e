package browsertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	protocol "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// openShop opens the report of the shop, a graph of 10 nodes and 15 edges.
func openShop(t *testing.T) *page {
	t.Helper()
	return open(t, shopReport(), shop())
}

func shopReport() report.HTML {
	return report.HTML{Style: render.Style{Title: "shop · production"}, SVG: drawing, Parts: parts, TraceURL: "https://grafana.test/explore?trace={traceID}"}
}

// node returns the selector of a node in the diagram.
func node(name string) string { return fmt.Sprintf(`[data-node][aria-label^="%s,"]`, name) }

// row returns the selector of the n-th row of a table, "edges" or "nodes".
func row(table string, n int) string {
	return fmt.Sprintf(`#page-%s tr[aria-rowindex="%d"]`, table, n+1)
}

// has returns an expression that reports whether an element contains a text.
func has(selector, text string) string {
	return fmt.Sprintf(`document.querySelector(%q).innerText.includes(%q)`, selector, text)
}

// list returns an expression for the texts of elements, joined by commas.
func list(selector string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.innerText).join(",")`, selector)
}

// names returns an expression for the names of the nodes in the diagram that match a
// selector, sorted.
func names(selector string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("[data-node]%s")].map((e) => e.getAttribute("aria-label").split(",")[0]).sort().join(" ")`, selector)
}

// is returns an expression that compares an expression with a text.
func is(expression, value string) string { return fmt.Sprintf("%s === %q", expression, value) }

const (
	detailsOpen   = `!document.querySelector("#page-details").hidden`
	detailsClosed = `document.querySelector("#page-details").hidden`
	heading       = `document.querySelector("#page-details h2").innerText.replace(/\s+/g, " ")` // the heading of the details
	noFocus       = `document.activeElement === document.body`
	scale         = `document.querySelector("#page-canvas").clientWidth / document.querySelector("#page-diagram svg").viewBox.baseVal.width`
)

func TestSearch(t *testing.T) {
	p := openShop(t)
	p.press("/")
	p.want("/ focuses the search", `document.activeElement.id === "page-search"`)
	p.press("BILL")
	p.want("matches are marked", is(names(".found"), "billing/bank-gateway billing/ledger billing/payments"))
	p.want("the others are not", is(names(".faded"), "edge/mobile-bff edge/web-gateway orders-db shop/cart shop/catalog shop/checkout shop/recommend"))
	p.want("the matches are counted", is(`document.querySelector("#page-matches").value`, "3"))
	p.want("the table of calls shows the matches", has("#page-tab-edges", "Calls 5 of 15"))
	p.want("the table of services as well", has("#page-tab-nodes", "Services 3 of 9"))
	p.screenshot("found")
	p.press(kb.Enter)
	p.want("Enter selects the busiest match", is(heading, "billing/bank-gateway"))
	p.want("the position among the matches is shown", is(`document.querySelector("#page-matches").value`, "1 of 3"))
	p.press(kb.Enter)
	p.want("the next Enter selects the next match", is(heading, "billing/payments"))
	p.press(kb.Enter, chromedp.ModifierShift)
	p.want("Shift Enter selects the previous match", is(heading, "billing/bank-gateway"))
	p.want("the selected node is visible", inside(`[data-node].chosen`))
	p.press(kb.Escape)
	p.want("Escape ends the search", is(names(".found"), "")+`&& document.querySelector("#page-search").value === "" && `+noFocus)
	p.press("/nobody")
	p.want("a search without matches says so", has("#page-edges .none", "Nothing matches"))
	p.want("the search is in the URL", `location.hash.startsWith("#q=nobody&")`)
}

// inside returns an expression that reports whether an element is visible in the canvas of
// the diagram.
func inside(selector string) string {
	return fmt.Sprintf(`(() => {
		const a = document.querySelector(%q).getBoundingClientRect(), b = document.querySelector("#page-canvas").getBoundingClientRect();
		return a.width > 0 && a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
	})()`, selector)
}

func TestSelectANode(t *testing.T) {
	p := openShop(t)
	p.click(node("billing/payments"))
	p.want("the details are open", detailsOpen+`&&`+has("#page-details h2", "billing/payments"))
	p.want("upstream and downstream nodes stand out", is(names(":not(.faded)"), "billing/bank-gateway billing/payments edge/mobile-bff edge/web-gateway orders-db shop/checkout"))
	p.want("and the edges between them", `document.querySelectorAll(".edge:not(.faded)").length === 5`)
	p.want("its calls are marked in the table", `document.querySelectorAll("#page-edges tr.around").length === 5`)
	p.want("the details show the failures", has("#page-details .state.error", "● 6.2% of 96 requests failed"))
	p.want("callers are listed", has("#page-details", "shop/checkout"))
	p.screenshot("details")
	p.click(`#page-details .choice button:nth-child(2)`)
	p.want("upstream only", is(names(":not(.faded)"), "billing/payments edge/mobile-bff edge/web-gateway shop/checkout"))
	p.click(`#page-details .choice button:nth-child(3)`)
	p.want("downstream only", is(names(":not(.faded)"), "billing/bank-gateway billing/payments orders-db"))
	p.click(`#page-details .choice button:nth-child(4)`)
	p.want("neighbors only", is(names(":not(.faded)"), "billing/bank-gateway billing/payments orders-db shop/checkout"))
	p.click(`#page-details .calls button`)
	p.want("a click on a caller selects the call", is(heading, "shop/checkout → billing/payments"))
	p.click(`#page-details h2 .end:last-child`)
	p.want("a click on the callee selects the callee", is(heading, "billing/payments"))
	p.press(kb.Escape)
	p.want("Escape clears the selection", detailsClosed+`&&`+is(names(".faded"), ""))
	p.click(node("shop/checkout"), chromedp.ButtonModifiers(chromedp.ModifierShift))
	p.want("a click with Shift shows the neighbors", is(names(":not(.faded)"), "billing/ledger billing/payments edge/mobile-bff edge/web-gateway shop/cart shop/checkout"))
	p.click(node("shop/checkout"))
	p.want("another click clears the selection", detailsClosed)
}

func TestSelectACall(t *testing.T) {
	p := openShop(t)
	at := eval[[]float64](p, `(() => { // a point on the line from checkout to payments
		const label = (i) => document.querySelector('[data-node="' + i + '"]').getAttribute("aria-label").split(",")[0];
		const edge = [...document.querySelectorAll(".edge")].find((e) => label(e.dataset.from) === "shop/checkout" && label(e.dataset.to) === "billing/payments");
		const line = edge.querySelector(".reach"), at = line.getPointAtLength(line.getTotalLength() * .35).matrixTransform(line.getScreenCTM());
		return [at.x, at.y + 3];
	})()`)
	p.run(chromedp.MouseClickXY(at[0], at[1]))
	p.want("the call is selected", is(heading, "shop/checkout → billing/payments"))
	p.want("both sides and the gap are listed", is(list("#page-details .sides tbody th"), "Caller,Callee,Network time"))
	p.want("with the percentiles", is(list("#page-details .sides thead th"), ",Calls,Errors,p50,p95,p99"))
	p.want("failed and slow traces are links", `document.querySelectorAll("#page-details .traces a").length === 6`)
	link := eval[string](p, `(() => { const a = document.querySelector("#page-details .traces a"); return [a.href, a.rel, a.target, a.innerText].join(" "); })()`)
	if want := "https://grafana.test/explore?trace="; !strings.HasPrefix(link, want) || !strings.Contains(link, " noopener noreferrer _blank ") {
		t.Errorf("the link to a trace is %s", link)
	}
	p.want("the row of the call is selected", is(list(`#page-edges tr[aria-selected="true"] .name`), "shop/checkout,billing/payments"))
	p.screenshot("details")

	p.click(row("edges", 2))
	p.want("a click on a row selects its call", has("#page-details h2", "edge/web-gateway"))
	p.want("and the edge in the diagram", `document.querySelectorAll("[data-edge].chosen").length > 0`)
	p.click("#page-tab-nodes")
	p.click(row("nodes", 1))
	p.want("a click on a row of services selects the service", is(`document.querySelector("[data-node].chosen").getAttribute("aria-label").split(",")[0]`, eval[string](p, heading)))
}

func TestKeyboard(t *testing.T) {
	p := openShop(t)
	p.run(chromedp.Focus(chromedp.CSS("#page-help")))
	p.press(kb.Tab)
	p.want("Tab focuses the first node", `document.activeElement.matches("[data-node]")`)
	first := eval[string](p, `document.activeElement.getAttribute("aria-label")`)
	p.press(kb.Tab)
	p.want("and then the next node", `document.activeElement.matches("[data-node]") && document.activeElement.getAttribute("aria-label") !== `+fmt.Sprintf("%q", first))
	p.press(kb.Enter)
	p.want("Enter selects the node", `document.activeElement.matches(".chosen[aria-pressed=true]") && `+detailsOpen)
	p.press(kb.Escape)
	p.want("Escape clears the selection", detailsClosed)

	p.run(chromedp.Focus(chromedp.CSS(node("shop/checkout"))))
	x := `document.activeElement.getBoundingClientRect().left`
	before := eval[float64](p, x)
	p.press(kb.ArrowRight)
	p.want("→ focuses a node on the right", fmt.Sprintf(`document.activeElement.matches("[data-node]") && %s > %v`, x, before))
	p.press(kb.ArrowLeft)
	p.want("← focuses a node on the left", fmt.Sprintf(`document.activeElement.matches("[data-node]") && %s <= %v`, x, before))

	p.press("0")
	p.settle()
	whole := eval[float64](p, scale)
	p.press("+")
	p.want("+ zooms in", fmt.Sprintf("%s > %v", scale, whole*1.2))
	p.press("-")
	p.press("-")
	p.want("- zooms out", fmt.Sprintf("%s < %v", scale, whole))
	p.press("0")
	p.want("0 shows the whole graph", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	p.press("e")
	p.want("e shows what fails", `document.querySelector("#page-errors").value === "warn"`)
	p.press("e")
	p.want("and again everything", `document.querySelector("#page-errors").value === ""`)
	p.press("t")
	p.want("t hides the tables", `document.querySelector("#page-edges").hidden`)
	p.press("t")
	p.want("and shows them again", `!document.querySelector("#page-edges").hidden`)
	p.press("?")
	p.want("? shows the shortcuts", `document.querySelector("#page-keys").open`)
	p.screenshot("help")
	p.press(kb.Escape)
	p.want("Escape closes them", `!document.querySelector("#page-keys").open`)
}

func TestZoomAndPan(t *testing.T) {
	p := openShop(t)
	p.settle()
	whole := eval[float64](p, scale)
	wheel := func(delta float64, ctrl bool) {
		p.run(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseWheel, 500, 300, func(m *input.DispatchMouseEventParams) {
			m.DeltaX, m.DeltaY = 0.01, delta // the protocol requires both, and cdproto omits zeros
			if ctrl {
				m.Modifiers = int64(chromedp.ModifierCtrl)
			}
		}))
	}
	under := `(() => { const m = document.querySelector("#page-diagram svg").getScreenCTM().inverse(), p = new DOMPoint(500, 300).matrixTransform(m); return [p.x, p.y]; })()`
	before := eval[[]float64](p, under)
	wheel(-300, false)
	p.want("the wheel zooms in", fmt.Sprintf("%s > %v", scale, whole*1.3))
	after := eval[[]float64](p, under)
	if d := max(before[0]-after[0], after[0]-before[0], before[1]-after[1], after[1]-before[1]); d > 1 {
		t.Errorf("the point under the pointer moves by %v", d)
	}
	p.want("the state is in the URL", `/at=-?\d+,-?\d+,[\d.]+/.test(location.hash)`)
	wheel(60, true)
	p.want("a pinch on a touchpad zooms out", fmt.Sprintf("%s < %v", scale, whole*1.3))

	view := `document.querySelector("#page-diagram svg").getAttribute("viewBox")`
	p.press("0")
	p.want("the whole graph again", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	at := eval[string](p, view)
	p.run(chromedp.DragAndDropXY(600, 480, 500, 420, 5))
	p.want("dragging moves the diagram", view+" !== "+fmt.Sprintf("%q", at))
	p.want("and selects nothing", detailsClosed)

	id := func(n float64) *float64 { return &n }
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		p.run(command(input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: points}))
	}
	p.press("0")
	p.want("the whole graph again", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: 500, Y: 300, ID: id(1)}, &input.TouchPoint{X: 560, Y: 300, ID: id(2)})
	for i := range 6 {
		d := float64(20 * (i + 1))
		touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: 500 - d, Y: 300, ID: id(1)}, &input.TouchPoint{X: 560 + d, Y: 300, ID: id(2)})
	}
	touch(input.DispatchTouchEventTypeTouchEnd)
	p.want("two fingers zoom", fmt.Sprintf("%s > %v", scale, whole*1.8))

	p.click(`[data-zoom="fit"]`)
	p.want("the button fit shows the whole graph", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	p.click(`[data-zoom="in"]`)
	p.want("the button in zooms in", fmt.Sprintf("%s > %v", scale, whole*1.2))
	p.click(`[data-zoom="out"]`)
	p.want("the button out zooms out", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	// The calls around payments span the whole graph, and the panel leaves less room than the graph
	// had: z would not zoom in. The test therefore selects ledger.
	p.click(node("billing/ledger"), chromedp.ButtonModifiers(chromedp.ModifierShift))
	p.want("a service is selected with its neighbors", is(names(":not(.faded)"), "billing/ledger orders-db shop/checkout"))
	p.settle()
	p.press("z")
	p.want("z zooms to the selection", fmt.Sprintf("%s > %v", scale, whole*1.1)+`&&`+inside("[data-node].chosen"))
}

// choose selects a value of a select element, as a user does.
func (p *page) choose(selector, value string) {
	p.t.Helper()
	p.run(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event("change", {bubbles: true})); }`, selector, value)))
}

// TestFilters: after a change of a filter, the page lays out the rest of the graph.
func TestFilters(t *testing.T) {
	p := openShop(t)
	p.prefer("light")
	drawn := `document.querySelectorAll(".edge").length`
	all := eval[int](p, drawn)
	everything := eval[string](p, names(""))
	p.choose("#page-errors", "1")
	p.want("any error", drawn+" === 5 && "+has("#page-tab-edges", "5 of 15"))
	p.want("nodes without errors are gone", is(names(""), "billing/bank-gateway billing/payments edge/mobile-bff edge/web-gateway shop/checkout shop/recommend"))
	p.want("what is left is larger", scale+" > 1.2")
	p.want("a chip names the filter", has("#page-filters", "Any error"))
	p.screenshot("errors")
	p.choose("#page-errors", "error")
	p.want("only what fails often", drawn+" === 4")
	p.click("#page-filters button")
	p.want("everything again", fmt.Sprintf("%s === %d && %s", drawn, all, is(names(""), everything)))

	p.run(chromedp.Focus(chromedp.CSS("#page-min-calls")))
	p.press(strings.Repeat(kb.ArrowRight, 4))
	p.want("the slider shows the threshold", is(`document.querySelector("#page-min-calls-text").value`, "≥ 88 calls"))
	p.want("and tells it to screen readers", is(`document.querySelector("#page-min-calls").getAttribute("aria-valuetext")`, "≥ 88 calls"))
	p.want("edges with fewer calls are gone", has("#page-tab-edges", "11 of 15")+`&&`+drawn+" === 11")
	p.press(kb.End)
	p.want("at the end of the slider, only the busiest edge is left", has("#page-tab-edges", "1 of 15")+`&&`+drawn+" === 1")
	p.press(kb.Escape)
	p.want("Escape clears the filters", has("#page-tab-edges", "Calls 15")+`&&`+fmt.Sprintf("%s === %d", drawn, all))

	p.click("#page-namespaces summary")
	p.click(`#page-namespaces input[value="shop"]`)
	p.want("a hidden namespace is gone", is(names(""), "billing/bank-gateway billing/ledger billing/payments edge/mobile-bff edge/web-gateway orders-db"))
	p.want("it is in the URL", `location.hash.includes("hide=shop")`)
	p.screenshot("namespace")
	p.click(`#page-namespaces input[value="billing"]`)
	p.click(`#page-namespaces input[value="edge"]`)
	p.want("without any service, a text says so", has("#page-empty", "Nothing passes the filters")+`&& !document.querySelector("#page-empty").hidden`)
	p.click("#page-filters button")
	p.want("everything again", is(names(""), everything))

	p.click(node("shop/checkout"))
	p.click(`[data-key="hops1"]`)
	p.want("a node and its neighbors", is(names(""), "billing/ledger billing/payments edge/mobile-bff edge/web-gateway shop/cart shop/checkout"))
	p.want("the selection stays", is(heading, "shop/checkout")+`&& document.querySelector("[data-node].chosen") !== null`)
	p.screenshot("hop")
	p.click(`[data-key="hops2"]`)
	p.want("and over two calls", is(names(""), "billing/bank-gateway billing/ledger billing/payments edge/mobile-bff edge/web-gateway orders-db shop/cart shop/checkout"))
	p.choose("#page-errors", "warn")
	p.want("of these, what fails", is(names(""), "billing/bank-gateway billing/payments edge/mobile-bff edge/web-gateway shop/checkout"))

	q := visit(t, p.url+eval[string](p, "location.hash"))
	q.want("a link shows the same", is(names(""), "billing/bank-gateway billing/payments edge/mobile-bff edge/web-gateway shop/checkout")+"&&"+is(heading, "shop/checkout"))
}

// TestFiltersWithoutLayout: a report without the parts of the diagram cannot compute a layout in
// the page. Filters then only hide nodes and edges.
func TestFiltersWithoutLayout(t *testing.T) {
	html := shopReport()
	html.Parts = nil
	p := open(t, html, shop())
	visible := `[...document.querySelectorAll(".edge")].filter((e) => getComputedStyle(e).visibility === "visible").length`
	all := eval[int](p, visible)
	p.choose("#page-errors", "1")
	p.want("errors only", visible+" === 5 && "+has("#page-tab-edges", "5 of 15"))
	p.want("nodes without errors are hidden", is(names(".hidden"), "billing/ledger orders-db shop/cart shop/catalog"))
	p.press(kb.Escape)
	p.want("everything again", fmt.Sprintf("%s === %d", visible, all))
}

// TestAroundFollowsFilters: the items around a selection are those that edges which pass the
// filters connect to it. This applies to every direction, to the diagram, to the table and to the
// zoom.
func TestAroundFollowsFilters(t *testing.T) {
	p := openShop(t)
	p.prefer("light")
	bright := names(":not(.faded)")
	marked := `document.querySelectorAll("#page-edges tr.around").length`
	direction := func(n int) { p.click(fmt.Sprintf(`#page-details .choice button:nth-child(%d)`, n)) }

	p.click(node("shop/checkout"))
	p.want("without a filter, upstream and downstream nodes stand out", is(bright, "billing/bank-gateway billing/ledger billing/payments edge/mobile-bff edge/web-gateway orders-db shop/cart shop/checkout"))
	p.want("and the edges between them", `document.querySelectorAll(".edge:not(.faded)").length === 8`+`&&`+marked+" === 9")
	p.press("z")
	p.settle()
	whole := eval[float64](p, scale)
	p.press("e")
	p.want("errors only: nodes that edges with errors reach", is(bright, "billing/bank-gateway billing/payments edge/mobile-bff edge/web-gateway shop/checkout"))
	p.want("and these edges", `document.querySelectorAll(".edge:not(.faded)").length === 4`+`&&`+marked+" === 4")
	direction(2)
	p.want("upstream only", is(bright, "edge/mobile-bff edge/web-gateway shop/checkout"))
	p.press("z")
	p.want("z zooms to these", fmt.Sprintf("%s > %v", scale, whole*1.02))
	direction(3)
	p.want("downstream only", is(bright, "billing/bank-gateway billing/payments shop/checkout"))
	direction(4)
	p.want("neighbors only", is(bright, "billing/payments edge/mobile-bff edge/web-gateway shop/checkout"))
	direction(1)
	p.press("e")
	p.want("without the filter, everything again", is(bright, "billing/bank-gateway billing/ledger billing/payments edge/mobile-bff edge/web-gateway orders-db shop/cart shop/checkout"))

	q := visit(t, p.url+"#node=service:shop/checkout&least=96")
	q.want("traffic: nodes that edges with enough calls reach", is(bright, "billing/bank-gateway billing/payments orders-db shop/cart shop/checkout"))
}

func TestTable(t *testing.T) {
	p := openShop(t)
	sorted := `document.querySelector('#page-edges th[aria-sort="ascending"], #page-edges th[aria-sort="descending"]')`
	column := func(n int) string { return list(fmt.Sprintf("#page-edges tr[aria-rowindex] td:nth-child(%d)", n)) }
	p.want("the busiest edges come first", sorted+`.innerText.startsWith("Calls") && `+sorted+`.ariaSort === "descending" && `+column(4)+`.startsWith("856,820,264,240,220,220,")`)
	p.click("#page-edges th:nth-child(1) button")
	p.want("a click sorts by name, ascending", sorted+`.ariaSort === "ascending" && `+column(1)+`.startsWith("billing/ledger,billing/payments,billing/payments,edge/mobile-bff,")`)
	p.press(kb.Enter)
	p.want("Enter reverses the order", sorted+`.ariaSort === "descending" && `+column(1)+`.startsWith("shop/recommend,")`)
	p.want("the state is in the URL", `location.hash === "#sort=-Caller"`)
	p.click("#page-edges th:nth-child(8) button")
	p.want("durations are sorted by length, not as text", `(() => {
		const ms = `+column(8)+`.split(",").map(parseFloat);
		return ms.length === 15 && ms.every((v, i) => i === 0 || v <= ms[i-1]) && ms[0] > 100 && ms[14] < 10;
	})()`)
	p.click("#page-edges th:nth-child(6) button")
	p.want("errors are sorted by rate", column(6)+`.startsWith("● 9.1%,● 6.8%,")`)
	p.screenshot("errors")

	p.run(chromedp.Focus(chromedp.CSS(row("edges", 1))))
	p.press(kb.ArrowDown)
	p.want("↓ focuses the next row", `document.activeElement.ariaRowIndex === "3"`)
	p.press(kb.End)
	p.want("End focuses the last row", `document.activeElement.ariaRowIndex === "16"`)
	p.press(kb.Home)
	p.want("Home focuses the first row", `document.activeElement.ariaRowIndex === "2"`)
	p.press(kb.Enter)
	p.want("Enter selects the row", `document.activeElement.ariaSelected === "true" && `+detailsOpen)
	p.want("Tab reaches one row of the table", `document.querySelectorAll('#page-edges tbody tr[tabindex="0"]').length === 1`)
	p.run(chromedp.Focus(chromedp.CSS("#page-divider")))
	height := eval[float64](p, `document.querySelector("#page-tables").offsetHeight`)
	p.press(kb.ArrowUp)
	p.want("keys move the divider", fmt.Sprintf(`document.querySelector("#page-tables").offsetHeight > %v`, height))
}

func TestAddress(t *testing.T) {
	p := openShop(t)
	p.click(node("billing/payments"))
	p.want("the selection is in the URL", `location.hash === "#node=service:billing/payments"`)
	p.click(`#page-details .choice button:nth-child(2)`)
	p.want("the direction is in the URL", `location.hash === "#node=service:billing/payments&way=up"`)
	p.press("e")
	p.want("and the filter", `location.hash.includes("errors=warn")`)
	p.run(chromedp.NavigateBack())
	p.want("Back removes the filter", `document.querySelector("#page-errors").value === "" && location.hash === "#node=service:billing/payments&way=up"`)
	p.run(chromedp.NavigateBack(), chromedp.NavigateBack())
	p.want("and the selection", detailsClosed+` && location.hash === ""`)
	p.run(chromedp.NavigateForward())
	p.want("Forward restores the selection", detailsOpen)
	p.click("#page-edges th:nth-child(1) button")
	p.want("the sort order is in the URL", `location.hash.endsWith("sort=Caller")`)
	p.run(chromedp.NavigateBack())
	p.want("Back restores the sort order", `document.querySelector('#page-edges th[aria-sort="descending"]').innerText.startsWith("Calls")`)

	hash := "#q=checkout&edge=service:shop/checkout,service:billing/payments,request&errors=1&least=74&sort=-p95&theme=dark&at=300,200,1.500"
	q := visit(t, p.url+hash)
	q.want("the search is restored", `document.querySelector("#page-search").value === "checkout"`)
	q.want("the selection is restored", is(heading, "shop/checkout → billing/payments"))
	q.want("the filters are restored", `document.querySelector("#page-errors").value === "1" && document.querySelector("#page-min-calls-text").value === "≥ 74 calls"`)
	q.want("the sort order is restored", `document.querySelector('#page-edges th[aria-sort="descending"]').innerText.startsWith("p95")`)
	q.want("the theme is restored", `getComputedStyle(document.body).backgroundColor === "rgb(15, 20, 27)"`)
	q.want("the view is restored", `Math.abs(`+scale+` - 1.5) < 0.01`)
	q.want("and the URL does not change", "location.hash === "+fmt.Sprintf("%q", hash))

	for _, broken := range []string{"#node=service:gone", "#at=a,b,c", "#least=x&sort=%E0%A4%A&tab=nowhere", "#%", "#__proto__=1&constructor=2"} {
		r := visit(t, p.url+broken)
		r.want("a broken URL is ignored: "+broken, detailsClosed+`&&`+has("#page-tab-edges", "Calls 15"))
	}
}

func TestTheme(t *testing.T) {
	p := openShop(t)
	background := func(selector string) string {
		return fmt.Sprintf(`getComputedStyle(document.querySelector(%q)).backgroundColor`, selector)
	}
	ink := `getComputedStyle(document.querySelector("#page-diagram [data-node] text")).fill`
	p.prefer("light")
	p.want("light", is(background("body"), "rgb(255, 255, 255)"))
	dark := eval[string](p, ink)
	p.prefer("dark")
	p.want("dark, the preference of the system", is(background("body"), "rgb(15, 20, 27)"))
	p.want("the diagram is dark as well", ink+" !== "+fmt.Sprintf("%q", dark))
	p.run(chromedp.SetValue(chromedp.CSS("#page-theme"), "light"))
	p.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#page-theme").dispatchEvent(new Event("change"))`))
	p.want("light, although the system prefers dark", is(background("body"), "rgb(255, 255, 255)")+"&&"+is(ink, dark))
	p.prefer("light")
	p.run(chromedp.SetValue(chromedp.CSS("#page-theme"), "dark"))
	p.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#page-theme").dispatchEvent(new Event("change"))`))
	p.want("dark, although the system prefers light", is(background("body"), "rgb(15, 20, 27)")+"&&"+ink+" !== "+fmt.Sprintf("%q", dark))
}

func TestCopy(t *testing.T) {
	p := openShop(t)
	permit := func(name string, setting protocol.PermissionSetting) {
		t.Helper()
		_, err := chromedp.CallBrowser(p.ctx, protocol.SetPermission, protocol.SetPermissionParams{
			Permission: &protocol.PermissionDescriptor{Name: name}, Setting: setting,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	permit("clipboard-write", protocol.PermissionSettingGranted)
	permit("clipboard-read", protocol.PermissionSettingGranted)
	t.Cleanup(func() {
		chromedp.CallBrowser(browser, protocol.ResetPermissions, protocol.ResetPermissionsParams{})
	})
	p.click("#page-copy")
	p.want("a note says that the text was copied", has("#page-toast", "Copied as Mermaid."))
	copied := eval[string](p, `navigator.clipboard.readText()`)
	for _, want := range []string{"flowchart LR\n", "payments", "---\ntitle: "} {
		if !strings.Contains(copied, want) {
			t.Errorf("the clipboard has no %q: %.200s", want, copied)
		}
	}
	permit("clipboard-write", protocol.PermissionSettingDenied)
	p.click("#page-copy")
	p.want("the text is shown if the browser refuses", `document.querySelector("#page-text").open`)
	p.want("and selected", `(() => { const a = document.querySelector("#page-text textarea"); return a.selectionStart === 0 && a.selectionEnd === a.value.length && a.value === `+fmt.Sprintf("%q", copied)+`; })()`)
	p.screenshot("refused")
	p.press(kb.Escape)
}

// TestAccessibleNames: every control has a name and all ids are unique, as screen readers need.
func TestAccessibleNames(t *testing.T) {
	p := openShop(t)
	p.click(node("billing/payments"))
	p.want("details", detailsOpen)
	nameless := eval[[]string](p, `[...document.querySelectorAll("button, input, select, textarea, [role=tab], [role=separator], [role=grid], [data-node]")]
		.filter((e) => !(e.innerText?.trim() || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.labels?.length))
		.map((e) => e.outerHTML.slice(0, 100))`)
	if len(nameless) > 0 {
		t.Errorf("without a name: %v", nameless)
	}
	twice := eval[[]string](p, `[...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)`)
	if len(twice) > 0 {
		t.Errorf("duplicate ids: %v", twice)
	}
	dangling := eval[[]string](p, `[...document.querySelectorAll("[aria-controls], [aria-labelledby], [for]")]
		.flatMap((e) => ["aria-controls", "aria-labelledby", "for"].flatMap((a) => (e.getAttribute(a) || "").split(" ").filter(Boolean)))
		.filter((id) => !document.getElementById(id))`)
	if len(dangling) > 0 {
		t.Errorf("references to missing ids: %v", dangling)
	}
}

// TestZoomFollowsFilters: in a report that does not lay out its filters, z does not zoom to nodes that only
// hidden edges connect with the selection.
func TestZoomFollowsFilters(t *testing.T) {
	traffic := newTraffic()
	traffic.call("web", "service-0", 50, 10, 20*time.Millisecond)
	for i := range 6 {
		traffic.call(fmt.Sprintf("service-%d", i), fmt.Sprintf("service-%d", i+1), 50, 0, 10*time.Millisecond)
	}
	html := shopReport()
	html.Parts = nil
	p := open(t, html, traffic.graph())
	p.prefer("light")
	p.click(node("service-0"))
	p.press("z")
	p.settle()
	all := eval[float64](p, scale)
	p.press("e")
	p.want("only the failing call is left", is(names(":not(.hidden)"), "service-0 web"))
	p.press("z")
	p.want("z zooms to the failing call", fmt.Sprintf("%s > %v", scale, all*1.5)+`&&`+inside("[data-node].chosen"))
}
