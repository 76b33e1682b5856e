package browsertest

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The command writes a page that works.
func TestCommand(t *testing.T) {
	page := filepath.Join(t.TempDir(), "hotrod.html")
	cmd := exec.Command("go", "run", "./cmd/graphviz-export", "--theme", "dark", "--trace-url", "https://grafana.test/explore?trace={traceID}",
		"-o", page, "examples/traces/hotrod.jsonl.gz")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := visit(t, "file://"+page)
	p.prefer("light")
	p.click(node("driver"))
	p.want("a service opens", is(heading, "driver"))
	p.click(`#page-details .calls .error`)
	p.want("so does the call that fails", is(heading, "driver → redis-manual"))
	p.want("its traces are links", `document.querySelector("#page-details .traces a").href.startsWith("https://grafana.test/explore?trace=")`)
	p.want("the reader chooses the colours, not who wrote the page", is(`getComputedStyle(document.querySelector("#page-picture .node.ok .card")).fill`, "rgb(255, 255, 255)"))
	p.screenshot("open")
}
