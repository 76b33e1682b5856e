// Package browsertest tests the HTML report in Chromium. It is a module of its own, so that
// the package that controls the browser is not a dependency of the main module.
package browsertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// browser is the Chromium of all tests. Each page is a tab.
var browser context.Context

func TestMain(m *testing.M) {
	path, err := findChromium()
	if err != nil {
		if os.Getenv("TEMPOGRAPH_REQUIRE_SERVERS") != "" {
			fmt.Fprintln(os.Stderr, "browsertest:", err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stderr, "browsertest: skipped:", err)
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1440, 1050)) // the shop fits above the tables
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	var stop context.CancelFunc
	browser, stop = chromedp.NewContext(allocator)
	if err := chromedp.Do(browser); err != nil {
		fmt.Fprintln(os.Stderr, "browsertest: starting", path+":", err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	cancel()
	os.Exit(code)
}

func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("chromium is not installed: apt-get install chromium")
}

// A page is a tab of the browser with a report.
type page struct {
	t   *testing.T
	ctx context.Context
	url string

	mu       sync.Mutex
	requests []string // URLs that the page requested, including its own URL
	problems []string // exceptions, console messages, violations of the policy
	expected []string // parts of messages that are not problems
}

// open opens the report of a graph from a file. The test fails at the end if the page
// reported a problem or requested anything.
func open(t *testing.T, html report.HTML, g *servicegraph.Graph) *page {
	t.Helper()
	var doc bytes.Buffer
	if err := html.Render(&doc, g); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, doc.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return visit(t, "file://"+file)
}

// visit opens a URL, and waits until the report is ready.
func visit(t *testing.T, url string) *page {
	t.Helper()
	p := &page{t: t, url: url}
	tab, cancelTab := chromedp.NewContext(browser, chromedp.WithListener(p.event))
	if err := chromedp.Do(tab); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, 60*time.Second)
	p.ctx = ctx
	t.Cleanup(func() {
		p.check()
		cancel()
		cancelTab()
	})
	p.run(
		command(network.Enable, network.EnableParams{}), command(cdplog.Enable, cdp.Empty{}), command(runtime.Enable, cdp.Empty{}),
		command(emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}), // otherwise background tabs have slow timers
		chromedp.Navigate(url),
	)
	p.want("the report is ready", `document.documentElement.dataset.ready === "yes"`)
	p.laidOut()
	return p
}

// event records problems and requests.
func (p *page) event(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") && !strings.HasPrefix(e.Request.URL, "blob:") { // the page made these itself
			p.requests = append(p.requests, e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, e.ExceptionDetails.Text+" "+description(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		for _, a := range e.Args {
			p.problems = append(p.problems, fmt.Sprintf("console.%s: %s", e.Type, a.Value))
		}
	case *cdplog.EventEntryAdded:
		p.problems = append(p.problems, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

// check fails the test for every problem, and for every request except those for the page
// and, on a server, for URLs below it.
func (p *page) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		if slices.ContainsFunc(p.expected, func(part string) bool { return strings.Contains(problem, part) }) {
			continue
		}
		p.t.Errorf("problem on the page: %s", problem)
	}
	for _, r := range p.requests {
		own, _, _ := strings.Cut(p.url, "#")
		if r != own && (strings.HasPrefix(own, "file:") || !strings.HasPrefix(r, own)) {
			p.t.Errorf("the page requests %s", r)
		}
	}
}

// expect declares that messages with one of the given parts are not problems.
func (p *page) expect(parts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = parts
}

func description(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description
}

// command returns an action that sends a command of the DevTools protocol.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (p *page) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// eval returns the value of an expression in the page. A promise is awaited.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// want waits until an expression is true, and fails the test if that takes too long. The page
// itself polls the expression, because other ways to poll need eval, which the page's security
// policy forbids.
func (p *page) want(what, expression string) {
	p.t.Helper()
	holds := eval[bool](p, fmt.Sprintf(`new Promise((resolve) => {
		const end = performance.now() + 10_000;
		const look = () => {
			let holds = false;
			try { holds = Boolean(%s); } catch {}
			if (holds || performance.now() > end) resolve(holds); else setTimeout(look, 10);
		};
		look();
	})`, expression))
	if !holds {
		p.screenshot("failed")
		p.t.Fatalf("%s: this is not true: %s", what, expression)
	}
}

// press presses keys: characters or constants of package kb, with the given modifiers. As
// on a keyboard, and unlike with chromedp.KeyEvent, a key that the page handles enters no
// character.
func (p *page) press(keys string, modifiers ...chromedp.Modifier) {
	p.t.Helper()
	for _, r := range keys {
		events := kb.Encode(r)
		down, up := events[0], events[len(events)-1]
		if len(events) == 3 { // the event in the middle enters the character of the key
			down.Type, down.Text = kb.KeyDown, events[1].Text
		}
		for _, m := range modifiers {
			down.Modifiers |= int64(m)
		}
		p.run(command(input.DispatchKeyEvent, *down), command(input.DispatchKeyEvent, *up))
	}
}

// laidOut waits until the page has finished computing a layout.
func (p *page) laidOut() {
	p.t.Helper()
	p.want("the layout is done", `document.documentElement.dataset.layout === "done"`)
}

// settle waits until the diagram is painted in the size of its canvas.
func (p *page) settle() {
	p.t.Helper()
	p.laidOut()
	eval[bool](p, `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true)))))`)
	p.want("the diagram fills its canvas", `(() => {
		const box = document.querySelector("#page-canvas"), view = document.querySelector("#page-diagram svg").viewBox.baseVal;
		return Math.abs(view.width / view.height - box.clientWidth / box.clientHeight) < 0.01;
	})()`)
}

// click clicks on the center of an element, as a mouse does.
func (p *page) click(selector string, options ...chromedp.MouseOption) {
	p.t.Helper()
	p.laidOut()
	at := eval[[]float64](p, fmt.Sprintf(`(() => {
		const element = document.querySelector(%q);
		element.scrollIntoView({block: "center"});
		const box = element.getBoundingClientRect();
		return [box.x + box.width/2, box.y + box.height/2];
	})()`, selector))
	p.run(chromedp.MouseClickXY(at[0], at[1], options...))
}

// screenshot saves a screenshot in the directory of the environment variable
// TEMPOGRAPH_ARTIFACTS, or in the directory of go test -artifacts.
func (p *page) screenshot(name string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	dir := os.Getenv("TEMPOGRAPH_ARTIFACTS")
	if dir == "" {
		dir = p.t.ArtifactDir()
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		p.t.Fatal(err)
	}
	file := filepath.Join(dir, strings.ReplaceAll(p.t.Name(), "/", "-")+"-"+name+".png")
	if err := os.WriteFile(file, png, 0o666); err != nil {
		p.t.Fatal(err)
	}
}

// prefer sets the preferences of the user: a color scheme, "light" or "dark", and reduced
// motion.
func (p *page) prefer(scheme string) {
	p.t.Helper()
	p.run(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}}))
}

// drawing draws the diagrams of the reports. It refuses a graph that is too large: a report must
// not try to draw such a graph.
var drawing draw.SVG

// parts lets the reports lay out the graph that remains after filtering.
var parts draw.Parts
