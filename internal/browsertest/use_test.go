package browsertest

import (
	"fmt"
	"strings"
	"testing"

	protocol "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// openShop opens the report of the shop.
func openShop(t *testing.T) *page {
	t.Helper()
	return open(t, shopReport(), shop())
}

func shopReport() report.HTML {
	return report.HTML{Style: render.Style{Title: "shop · production"}, SVG: drawing, TraceURL: "https://grafana.test/explore?trace={traceID}"}
}

// node returns the selector of a node in the picture.
func node(name string) string { return fmt.Sprintf(`[data-node][aria-label^="%s,"]`, name) }

// row returns the selector of the n-th row of a table, "edges" or "nodes".
func row(table string, n int) string {
	return fmt.Sprintf(`#page-%s tr[aria-rowindex="%d"]`, table, n+1)
}

// has is an expression: whether the one element has a text in it.
func has(selector, text string) string {
	return fmt.Sprintf(`document.querySelector(%q).innerText.includes(%q)`, selector, text)
}

// list is an expression: the texts of elements, joined by commas.
func list(selector string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.innerText).join(",")`, selector)
}

// names is an expression: the names of the nodes in the picture that a selector picks.
func names(selector string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("[data-node]%s")].map((e) => e.getAttribute("aria-label").split(",")[0]).sort().join(" ")`, selector)
}

func is(expression, value string) string { return fmt.Sprintf("%s === %q", expression, value) }

const (
	detailsOpen   = `!document.querySelector("#page-details").hidden`
	detailsClosed = `document.querySelector("#page-details").hidden`
	heading       = `document.querySelector("#page-details h2").innerText.replace(/\s+/g, " ")` // what is selected
	noFocus       = `document.activeElement === document.body`
	scale         = `document.querySelector("#page-canvas").clientWidth / document.querySelector("#page-picture svg").viewBox.baseVal.width`
)

func TestSearch(t *testing.T) {
	p := openShop(t)
	p.press("/")
	p.want("/ goes to the search", `document.activeElement.id === "page-search"`)
	p.press("BILL")
	p.want("matches are marked", is(names(".found"), "billing/bank-gateway billing/ledger billing/payments"))
	p.want("the others are not", is(names(".faded"), "edge/mobile-bff edge/web-gateway orders-db shop/cart shop/catalog shop/checkout shop/recommend"))
	p.want("the matches are counted", is(`document.querySelector("#page-matches").value`, "3"))
	p.want("the table has the calls that match", has("#page-tab-edges", "Calls 5 of 15"))
	p.want("so has that of services", has("#page-tab-nodes", "Services 3 of 10"))
	p.screenshot("found")
	p.press(kb.Enter)
	p.want("Enter selects the busiest match", is(heading, "billing/bank-gateway"))
	p.want("it says which of them", is(`document.querySelector("#page-matches").value`, "1 of 3"))
	p.press(kb.Enter)
	p.want("the next Enter goes to the next", is(heading, "billing/payments"))
	p.press(kb.Enter, chromedp.ModifierShift)
	p.want("Shift Enter goes back", is(heading, "billing/bank-gateway"))
	p.want("what is selected can be seen", inside(`[data-node].chosen`))
	p.press(kb.Escape)
	p.want("Escape ends the search", is(names(".found"), "")+`&& document.querySelector("#page-search").value === "" && `+noFocus)
	p.press("/nobody")
	p.want("what nothing matches", has("#page-edges .none", "Nothing matches"))
	p.want("the search is in the address", `location.hash.startsWith("#q=nobody&")`)
}

// inside is an expression: whether an element can be seen in the window of the picture.
func inside(selector string) string {
	return fmt.Sprintf(`(() => {
		const a = document.querySelector(%q).getBoundingClientRect(), b = document.querySelector("#page-canvas").getBoundingClientRect();
		return a.width > 0 && a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
	})()`, selector)
}

func TestSelectANode(t *testing.T) {
	p := openShop(t)
	p.click(node("billing/payments"))
	p.want("the details are there", detailsOpen+`&&`+has("#page-details h2", "billing/payments"))
	p.want("up- and downstream stand out", is(names(":not(.faded)"), "billing/bank-gateway billing/payments edge/mobile-bff edge/web-gateway orders-db shop/checkout"))
	p.want("of the edges as well", `document.querySelectorAll(".edge:not(.faded)").length === 5`)
	p.want("its calls are marked in the table", `document.querySelectorAll("#page-edges tr.around").length === 5`)
	p.want("it says how bad it is", has("#page-details .state.error", "● 6.2% of 96 requests failed"))
	p.want("callers are listed", has("#page-details", "shop/checkout"))
	p.screenshot("details")
	p.click(`#page-details .choice button:nth-child(2)`)
	p.want("callers alone", is(names(":not(.faded)"), "billing/payments edge/mobile-bff edge/web-gateway shop/checkout"))
	p.click(`#page-details .choice button:nth-child(3)`)
	p.want("callees alone", is(names(":not(.faded)"), "billing/bank-gateway billing/payments orders-db"))
	p.click(`#page-details .choice button:nth-child(4)`)
	p.want("neighbours alone", is(names(":not(.faded)"), "billing/bank-gateway billing/payments orders-db shop/checkout"))
	p.click(`#page-details .calls button`)
	p.want("a caller leads to the call", is(heading, "shop/checkout → billing/payments"))
	p.click(`#page-details h2 .end:last-child`)
	p.want("and that to its callee", is(heading, "billing/payments"))
	p.press(kb.Escape)
	p.want("Escape clears", detailsClosed+`&&`+is(names(".faded"), ""))
	p.click(node("shop/checkout"), chromedp.ButtonModifiers(chromedp.ModifierShift))
	p.want("a click with Shift shows neighbours", is(names(":not(.faded)"), "billing/ledger billing/payments edge/mobile-bff edge/web-gateway shop/cart shop/checkout"))
	p.click(node("shop/checkout"))
	p.want("another click clears", detailsClosed)
}

func TestSelectACall(t *testing.T) {
	p := openShop(t)
	at := eval[[]float64](p, `(() => { // in the middle of the line from checkout to payments
		const label = (i) => document.querySelector('[data-node="' + i + '"]').getAttribute("aria-label").split(",")[0];
		const edge = [...document.querySelectorAll(".edge")].find((e) => label(e.dataset.from) === "shop/checkout" && label(e.dataset.to) === "billing/payments");
		const line = edge.querySelector(".reach"), at = line.getPointAtLength(line.getTotalLength() * .35).matrixTransform(line.getScreenCTM());
		return [at.x, at.y + 3];
	})()`)
	p.run(chromedp.MouseClickXY(at[0], at[1]))
	p.want("the call is selected", is(heading, "shop/checkout → billing/payments"))
	p.want("both sides are there", is(list("#page-details .sides tbody th"), "Caller,Callee,Between"))
	p.want("with the percentiles", is(list("#page-details .sides thead th"), ",Calls,Errors,p50,p95,p99"))
	p.want("failed and slow traces are links", `document.querySelectorAll("#page-details .traces a").length === 6`)
	link := eval[string](p, `(() => { const a = document.querySelector("#page-details .traces a"); return [a.href, a.rel, a.target, a.innerText].join(" "); })()`)
	if want := "https://grafana.test/explore?trace="; !strings.HasPrefix(link, want) || !strings.Contains(link, " noopener noreferrer _blank ") {
		t.Errorf("the link to a trace is %s", link)
	}
	p.want("its row is chosen", is(list(`#page-edges tr[aria-selected="true"] .name`), "shop/checkout,billing/payments"))
	p.screenshot("details")

	p.click(row("edges", 2))
	p.want("a click on a row selects its call", has("#page-details h2", "edge/web-gateway"))
	p.want("in the picture, too", `document.querySelectorAll("[data-edge].chosen").length > 0`)
	p.click("#page-tab-nodes")
	p.click(row("nodes", 1))
	p.want("a row of services selects the service", is(`document.querySelector("[data-node].chosen").getAttribute("aria-label").split(",")[0]`, eval[string](p, heading)))
}

func TestKeyboard(t *testing.T) {
	p := openShop(t)
	p.run(chromedp.Focus(chromedp.CSS("#page-help")))
	p.press(kb.Tab)
	p.want("Tab goes to the first node", `document.activeElement.matches("[data-node]")`)
	first := eval[string](p, `document.activeElement.getAttribute("aria-label")`)
	p.press(kb.Tab)
	p.want("and to the next", `document.activeElement.matches("[data-node]") && document.activeElement.getAttribute("aria-label") !== `+fmt.Sprintf("%q", first))
	p.press(kb.Enter)
	p.want("Enter selects it", `document.activeElement.matches(".chosen[aria-pressed=true]") && `+detailsOpen)
	p.press(kb.Escape)
	p.want("Escape clears", detailsClosed)

	p.run(chromedp.Focus(chromedp.CSS(node("shop/checkout"))))
	x := `document.activeElement.getBoundingClientRect().left`
	before := eval[float64](p, x)
	p.press(kb.ArrowRight)
	p.want("→ goes to a node on the right", fmt.Sprintf(`document.activeElement.matches("[data-node]") && %s > %v`, x, before))
	p.press(kb.ArrowLeft)
	p.want("← back to one on the left", fmt.Sprintf(`document.activeElement.matches("[data-node]") && %s <= %v`, x, before))

	p.press("0")
	p.settle()
	whole := eval[float64](p, scale)
	p.press("+")
	p.want("+ zooms in", fmt.Sprintf("%s > %v", scale, whole*1.2))
	p.press("-")
	p.press("-")
	p.want("- zooms out", fmt.Sprintf("%s < %v", scale, whole))
	p.press("0")
	p.want("0 shows the whole", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	p.press("e")
	p.want("e is errors only", `document.querySelector("#page-errors").checked`)
	p.press("e")
	p.want("and all again", `!document.querySelector("#page-errors").checked`)
	p.press("t")
	p.want("t folds the tables", `document.querySelector("#page-edges").hidden`)
	p.press("t")
	p.want("and unfolds them", `!document.querySelector("#page-edges").hidden`)
	p.press("?")
	p.want("? explains", `document.querySelector("#page-keys").open`)
	p.screenshot("help")
	p.press(kb.Escape)
	p.want("Escape closes it", `!document.querySelector("#page-keys").open`)
}

func TestZoomAndPan(t *testing.T) {
	p := openShop(t)
	p.settle()
	whole := eval[float64](p, scale)
	wheel := func(delta float64, ctrl bool) {
		p.run(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseWheel, 500, 300, func(m *input.DispatchMouseEventParams) {
			m.DeltaX, m.DeltaY = 0.01, delta // the protocol wants both, and cdproto leaves out zeros
			if ctrl {
				m.Modifiers = int64(chromedp.ModifierCtrl)
			}
		}))
	}
	under := `(() => { const m = document.querySelector("#page-picture svg").getScreenCTM().inverse(), p = new DOMPoint(500, 300).matrixTransform(m); return [p.x, p.y]; })()`
	before := eval[[]float64](p, under)
	wheel(-300, false)
	p.want("the wheel zooms in", fmt.Sprintf("%s > %v", scale, whole*1.3))
	after := eval[[]float64](p, under)
	if d := max(before[0]-after[0], after[0]-before[0], before[1]-after[1], after[1]-before[1]); d > 1 {
		t.Errorf("the place under the pointer moves by %v", d)
	}
	p.want("it is in the address", `/at=-?\d+,-?\d+,[\d.]+/.test(location.hash)`)
	wheel(60, true)
	p.want("a pinch on a touchpad zooms out", fmt.Sprintf("%s < %v", scale, whole*1.3))

	view := `document.querySelector("#page-picture svg").getAttribute("viewBox")`
	p.press("0")
	p.want("the whole again", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	at := eval[string](p, view)
	p.run(chromedp.DragAndDropXY(600, 480, 500, 420, 5))
	p.want("dragging moves the picture", view+" !== "+fmt.Sprintf("%q", at))
	p.want("and selects nothing", detailsClosed)

	id := func(n float64) *float64 { return &n }
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		p.run(command(input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: points}))
	}
	p.press("0")
	p.want("the whole again", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	touch(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: 500, Y: 300, ID: id(1)}, &input.TouchPoint{X: 560, Y: 300, ID: id(2)})
	for i := range 6 {
		d := float64(20 * (i + 1))
		touch(input.DispatchTouchEventTypeTouchMove, &input.TouchPoint{X: 500 - d, Y: 300, ID: id(1)}, &input.TouchPoint{X: 560 + d, Y: 300, ID: id(2)})
	}
	touch(input.DispatchTouchEventTypeTouchEnd)
	p.want("two fingers zoom", fmt.Sprintf("%s > %v", scale, whole*1.8))

	p.click(`[data-zoom="fit"]`)
	p.want("so do buttons: fit", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	p.click(`[data-zoom="in"]`)
	p.want("in", fmt.Sprintf("%s > %v", scale, whole*1.2))
	p.click(`[data-zoom="out"]`)
	p.want("out", fmt.Sprintf("Math.abs(%s - %v) < 0.001", scale, whole))
	p.click(node("billing/payments"))
	p.press("z")
	p.want("z zooms to the selection", fmt.Sprintf("%s > %v", scale, whole)+`&&`+inside("[data-node].chosen"))
}

func TestFilters(t *testing.T) {
	p := openShop(t)
	visible := `[...document.querySelectorAll(".edge")].filter((e) => getComputedStyle(e).visibility === "visible").length`
	all := eval[int](p, visible)
	p.click("#page-errors")
	p.want("errors only", visible+" === 5 && "+has("#page-tab-edges", "5 of 15"))
	p.want("nodes without stand back", is(names(".hidden"), "billing/ledger orders-db shop/cart shop/catalog"))
	p.screenshot("errors")
	p.click("#page-errors")
	p.want("all again", fmt.Sprintf("%s === %d", visible, all))

	p.run(chromedp.Focus(chromedp.CSS("#page-least")))
	p.press(strings.Repeat(kb.ArrowRight, 4))
	p.want("the slider says from where on", is(`document.querySelector("#page-least-text").value`, "≥ 88 calls"))
	p.want("and screen readers, too", is(`document.querySelector("#page-least").getAttribute("aria-valuetext")`, "≥ 88 calls"))
	p.want("edges with less are hidden", has("#page-tab-edges", "11 of 15"))
	p.press(kb.End)
	p.want("at its end there is the busiest", has("#page-tab-edges", "1 of 15")+`&&`+visible+" === 1")
	p.press(kb.Escape)
	p.want("Escape takes filters away", has("#page-tab-edges", "Calls 15")+`&&`+fmt.Sprintf("%s === %d", visible, all))
}

func TestTable(t *testing.T) {
	p := openShop(t)
	sorted := `document.querySelector('#page-edges th[aria-sort="ascending"], #page-edges th[aria-sort="descending"]')`
	column := func(n int) string { return list(fmt.Sprintf("#page-edges tr[aria-rowindex] td:nth-child(%d)", n)) }
	p.want("the busiest come first", sorted+`.innerText.startsWith("Calls") && `+sorted+`.ariaSort === "descending" && `+column(4)+`.startsWith("856,820,264,240,220,220,")`)
	p.click("#page-edges th:nth-child(1) button")
	p.want("a click sorts by names, rising", sorted+`.ariaSort === "ascending" && `+column(1)+`.startsWith("billing/ledger,billing/payments,billing/payments,edge/mobile-bff,")`)
	p.press(kb.Enter)
	p.want("Enter turns the order", sorted+`.ariaSort === "descending" && `+column(1)+`.startsWith("shop/recommend,")`)
	p.want("it is in the address", `location.hash === "#sort=-Caller"`)
	p.click("#page-edges th:nth-child(8) button")
	p.want("durations sort by length, not as text", `(() => {
		const ms = `+column(8)+`.split(",").map(parseFloat);
		return ms.length === 15 && ms.every((v, i) => i === 0 || v <= ms[i-1]) && ms[0] > 100 && ms[14] < 10;
	})()`)
	p.click("#page-edges th:nth-child(6) button")
	p.want("errors by their share", column(6)+`.startsWith("● 9.1%,● 6.8%,")`)
	p.screenshot("errors")

	p.run(chromedp.Focus(chromedp.CSS(row("edges", 1))))
	p.press(kb.ArrowDown)
	p.want("↓ goes to the next row", `document.activeElement.ariaRowIndex === "3"`)
	p.press(kb.End)
	p.want("End to the last", `document.activeElement.ariaRowIndex === "16"`)
	p.press(kb.Home)
	p.want("Home to the first", `document.activeElement.ariaRowIndex === "2"`)
	p.press(kb.Enter)
	p.want("Enter selects", `document.activeElement.ariaSelected === "true" && `+detailsOpen)
	p.want("the order of tabs has one row", `document.querySelectorAll('#page-edges tbody tr[tabindex="0"]').length === 1`)
	p.run(chromedp.Focus(chromedp.CSS("#page-divider")))
	height := eval[float64](p, `document.querySelector("#page-tables").offsetHeight`)
	p.press(kb.ArrowUp)
	p.want("the divider moves by keys", fmt.Sprintf(`document.querySelector("#page-tables").offsetHeight > %v`, height))
}

func TestAddress(t *testing.T) {
	p := openShop(t)
	p.click(node("billing/payments"))
	p.want("selecting is in the address", `location.hash === "#node=service:billing/payments"`)
	p.click(`#page-details .choice button:nth-child(2)`)
	p.want("so is the direction", `location.hash === "#node=service:billing/payments&way=up"`)
	p.press("e")
	p.want("and a filter", `location.hash.includes("errors=1")`)
	p.run(chromedp.NavigateBack())
	p.want("Back takes the filter away", `!document.querySelector("#page-errors").checked && location.hash === "#node=service:billing/payments&way=up"`)
	p.run(chromedp.NavigateBack(), chromedp.NavigateBack())
	p.want("and the selection", detailsClosed+` && location.hash === ""`)
	p.run(chromedp.NavigateForward())
	p.want("Forward brings it back", detailsOpen)
	p.click("#page-edges th:nth-child(1) button")
	p.want("sorting is in the address", `location.hash.endsWith("sort=Caller")`)
	p.run(chromedp.NavigateBack())
	p.want("Back takes it away", `document.querySelector('#page-edges th[aria-sort="descending"]').innerText.startsWith("Calls")`)

	hash := "#q=checkout&edge=service:shop/checkout,service:billing/payments,request&errors=1&least=74&sort=-p95&theme=dark&at=300,200,1.500"
	q := visit(t, p.url+hash)
	q.want("the search is restored", `document.querySelector("#page-search").value === "checkout"`)
	q.want("the selection", is(heading, "shop/checkout → billing/payments"))
	q.want("the filters", `document.querySelector("#page-errors").checked && document.querySelector("#page-least-text").value === "≥ 74 calls"`)
	q.want("the order of the table", `document.querySelector('#page-edges th[aria-sort="descending"]').innerText.startsWith("p95")`)
	q.want("the theme", `getComputedStyle(document.body).backgroundColor === "rgb(15, 20, 27)"`)
	q.want("the place", `Math.abs(`+scale+` - 1.5) < 0.01`)
	q.want("and the address stays", "location.hash === "+fmt.Sprintf("%q", hash))

	for _, broken := range []string{"#node=service:gone", "#at=a,b,c", "#least=x&sort=%E0%A4%A&tab=nowhere", "#%", "#__proto__=1&constructor=2"} {
		r := visit(t, p.url+broken)
		r.want("a broken address is no problem: "+broken, detailsClosed+`&&`+has("#page-tab-edges", "Calls 15"))
	}
}

func TestTheme(t *testing.T) {
	p := openShop(t)
	background := func(selector string) string {
		return fmt.Sprintf(`getComputedStyle(document.querySelector(%q)).backgroundColor`, selector)
	}
	ink := `getComputedStyle(document.querySelector("#page-picture [data-node] text")).fill`
	p.prefer("light")
	p.want("light", is(background("body"), "rgb(255, 255, 255)"))
	dark := eval[string](p, ink)
	p.prefer("dark")
	p.want("dark, as the system is", is(background("body"), "rgb(15, 20, 27)"))
	p.want("the picture, too", ink+" !== "+fmt.Sprintf("%q", dark))
	p.run(chromedp.SetValue(chromedp.CSS("#page-theme"), "light"))
	p.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#page-theme").dispatchEvent(new Event("change"))`))
	p.want("light, whatever the system is", is(background("body"), "rgb(255, 255, 255)")+"&&"+is(ink, dark))
	p.prefer("light")
	p.run(chromedp.SetValue(chromedp.CSS("#page-theme"), "dark"))
	p.run(chromedp.Evaluate[chromedp.Void](`document.querySelector("#page-theme").dispatchEvent(new Event("change"))`))
	p.want("dark, whatever the system is", is(background("body"), "rgb(15, 20, 27)")+"&&"+ink+" !== "+fmt.Sprintf("%q", dark))
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
	p.want("it says that it has copied", has("#page-toast", "Copied as Mermaid."))
	copied := eval[string](p, `navigator.clipboard.readText()`)
	for _, want := range []string{"flowchart LR\n", "payments", "---\ntitle: "} {
		if !strings.Contains(copied, want) {
			t.Errorf("the clipboard has no %q: %.200s", want, copied)
		}
	}
	permit("clipboard-write", protocol.PermissionSettingDenied)
	p.click("#page-copy")
	p.want("where the browser refuses, the text is shown", `document.querySelector("#page-text").open`)
	p.want("and selected", `(() => { const a = document.querySelector("#page-text textarea"); return a.selectionStart === 0 && a.selectionEnd === a.value.length && a.value === `+fmt.Sprintf("%q", copied)+`; })()`)
	p.screenshot("refused")
	p.press(kb.Escape)
}

// Every control has a name, and no id is there twice: what a screen reader needs.
func TestNames(t *testing.T) {
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
		t.Errorf("twice: %v", twice)
	}
	dangling := eval[[]string](p, `[...document.querySelectorAll("[aria-controls], [aria-labelledby], [for]")]
		.flatMap((e) => ["aria-controls", "aria-labelledby", "for"].flatMap((a) => (e.getAttribute(a) || "").split(" ").filter(Boolean)))
		.filter((id) => !document.getElementById(id))`)
	if len(dangling) > 0 {
		t.Errorf("names of what is not there: %v", dangling)
	}
}
