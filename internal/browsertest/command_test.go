package browsertest

import (
	"bufio"
	"fmt"
	"image"
	_ "image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// graphvizExport builds the command and returns the path of the program.
func graphvizExport(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "graphviz-export")
	cmd := exec.Command("go", "build", "-o", program, "./cmd/graphviz-export")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// TestCommand: the command writes a working report.
func TestCommand(t *testing.T) {
	page := filepath.Join(t.TempDir(), "hotrod.html")
	cmd := exec.Command(graphvizExport(t), "--theme", "dark", "--trace-url", "https://grafana.test/explore?trace={traceID}",
		"-o", page, "examples/traces/hotrod.jsonl.gz")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := visit(t, "file://"+page)
	p.prefer("light")
	p.click(node("driver"))
	p.want("a service opens", is(heading, "driver"))
	p.click(`#page-details .calls .warn`)
	p.want("the failing call opens", is(heading, "driver → redis-manual"))
	p.want("the trace ids are links", `document.querySelector("#page-details .traces a").href.startsWith("https://grafana.test/explore?trace=")`)
	p.want("the colors follow the reader, not the flag --theme", is(`getComputedStyle(document.querySelector("#page-diagram .node.ok .card")).fill`, "rgb(255, 255, 255)"))
	p.screenshot("open")
}

// TestReadmeScreenshot: the screenshot in the README shows the report that the README's command
// writes. Fonts and browsers differ between machines, so the test does not compare pixels.
// GRAPHTEST_UPDATE=1 writes the file; look at it before you commit it.
func TestReadmeScreenshot(t *testing.T) {
	const file = "../../docs/report.png"
	page := filepath.Join(t.TempDir(), "servicegraph.html")
	cmd := exec.Command(graphvizExport(t), "--title", "HotROD", "-o", page, "examples/traces/hotrod.jsonl.gz")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := visit(t, "file://"+page+"#edge=service:driver,service:redis-manual,request")
	p.run(chromedp.EmulateViewport(1200, 740))
	p.prefer("light")
	p.want("the failing calls are selected", is(heading, "driver → redis-manual"))
	p.settle()
	keptScreenshot(p, file)
}

// keptScreenshot checks a screenshot of 1,200 by 740 pixels in the documentation, or writes it.
func keptScreenshot(p *page, file string) {
	t := p.t
	t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GRAPHTEST_UPDATE") != "" {
		if err := os.WriteFile(file, png, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if size, format, err := image.DecodeConfig(kept); err != nil || format != "png" || size.Width != 1200 || size.Height != 740 {
		t.Errorf("%s is %s of %d × %d pixels (%v), want png of 1200 × 740", file, format, size.Width, size.Height, err)
	}
}

// TestServe: a live report grows with the spans that services send, and keeps the selection.
func TestServe(t *testing.T) {
	cmd := exec.Command(graphvizExport(t), "serve", "--otlp", "--otlp-http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--every", "50ms")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	var output strings.Builder
	address := func(line string) string {
		t.Helper()
		want := regexp.MustCompile(line)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			output.WriteString(lines.Text() + "\n")
			if found := want.FindStringSubmatch(lines.Text()); found != nil {
				return found[1]
			}
		}
		t.Fatalf("serve does not print %s:\n%s", line, &output)
		return ""
	}
	otlp := address(`receiving OTLP at .*(http://127\.0\.0\.1:\d+)`)
	p := visit(t, address(`serving the graph at (http://127\.0\.0\.1:\d+)`)+"/")
	p.prefer("light")
	p.want("the report says that there are no spans yet", has("#page-notice", "no spans yet")+`&&`+has("#page-tab-edges", "Calls 0"))
	p.screenshot("empty")

	send := func(id int, from, to string) {
		t.Helper()
		began := time.Now().UnixNano()
		span := func(service, span, parent string, kind int) string {
			return fmt.Sprintf(`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[
				{"traceId":"%032x","spanId":%q,"parentSpanId":%q,"name":"call","kind":%d,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}`,
				service, id, span, parent, kind, began, began+20e6)
		}
		body := `{"resourceSpans":[` + span(from, "0000000000000001", "", 3) + "," + span(to, "0000000000000002", "0000000000000001", 2) + "]}"
		answer, err := http.Post(otlp+"/v1/traces", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("sending spans: %s", answer.Status)
		}
	}
	send(1, "web", "cart")
	p.want("the first call is drawn", names("")+` === "cart web"`)
	p.want("the note disappears", `document.querySelector("#page-notice").hidden`)
	p.click(node("cart"))
	p.want("a service is selected", is(heading, "cart"))
	p.want("its panel says what a failure reaches", has("#page-details", "A failure reaches")+"&&"+has("#page-details", "1 of 1 entry, 100% of requests"))
	send(2, "cart", "redis")
	p.want("the next call is drawn as well", names("")+` === "cart redis web"`)
	p.want("the selection stays, and shows the new call", is(heading, "cart")+`&& [...document.querySelectorAll("#page-details .calls")].length === 2`)
	p.want("the table has both calls", has("#page-tab-edges", "Calls 2"))
	p.screenshot("grown")
	p.run(chromedp.EmulateViewport(1200, 740))
	p.settle()
	keptScreenshot(p, "../../docs/serve.png")
	p.want("the report says how old the graph is", `/^updated \d+ s ago$/.test(document.querySelector("#page-updated").value)`)
	p.click("#page-pause")
	p.want("the report is paused", `document.querySelector("#page-updated").value.startsWith("paused, ")`)
	send(3, "web", "orders")
	p.want("the server has the next call", `fetch("fragment").then((r) => r.text()).then((t) => { window.hasOrders = t.includes("orders"); }) && window.hasOrders`)
	p.want("and the paused report does not show it", names("")+` === "cart redis web"`)
	p.click("#page-pause")
	p.want("it shows it afterwards", names("")+` === "cart orders redis web"`)
	p.choose("#page-window", "5m")
	p.want("the heading names the window", has("#page-legend", "last 5m")+`|| document.querySelector("#page-empty").hidden === false`)
	p.choose("#page-window", "all")
	p.want("all spans again", names("")+` === "cart orders redis web"`)
	p.click("#page-clear")
	p.want("clear forgets the graph", has("#page-tab-edges", "Calls 0"))
	cmd.Process.Kill()
	p.want("the report says that the connection is lost", has("#page-notice", "connection lost"))
	p.expect("net::ERR_")
}
