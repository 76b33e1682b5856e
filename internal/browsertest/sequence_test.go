package browsertest

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/sequence"
)

// TestMermaidSequence draws sequence diagrams with the Mermaid library: the diagram that the
// command writes for a trace of HotROD, and a diagram with parallel calls, retries, messages and
// hostile names. The tests of package render describe the environment variable TEMPOGRAPH_MERMAID.
func TestMermaidSequence(t *testing.T) {
	dir := os.Getenv("TEMPOGRAPH_MERMAID")
	if dir == "" {
		t.Skip("TEMPOGRAPH_MERMAID is not set to the directory of Mermaid")
	}
	library, err := os.ReadFile(filepath.Join(dir, "node_modules/mermaid/dist/mermaid.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(graphvizExport(t), "--quiet", "--trace", "d99d74b68a5e9a69f997dda76169c675", "-f", "sequence", "examples/traces/hotrod.jsonl.gz")
	cmd.Dir, cmd.Stderr = "../..", t.Output()
	hotrod, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{string(hotrod), awkwardSequence(t)}

	data, err := json.Marshal(texts) // escapes <, so that no text ends the script
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sequence.html")
	// An inline script must not contain its own end tag.
	script := strings.ReplaceAll(string(library), "</script", `<\/script`)
	doc := `<!doctype html><html data-layout="done"><meta charset="utf-8"><title>sequence</title><body style="width: 30000px"><script>` + script + `</script><script>
		(async () => {
			mermaid.initialize({startOnLoad: false});
			for (const [i, text] of ` + string(data) + `.entries()) {
				const place = document.body.appendChild(document.createElement("div"));
				place.innerHTML = (await mermaid.render("diagram" + i, text, place)).svg;
			}
			document.documentElement.dataset.ready = "yes";
		})();
	</script></body></html>`
	if err := os.WriteFile(file, []byte(doc), 0o666); err != nil {
		t.Fatal(err)
	}
	p := visit(t, "file://"+file)
	p.screenshot("drawn")
	for i, text := range texts {
		svg := fmt.Sprintf(`document.querySelectorAll("body > div > svg")[%d]`, i)
		arrows := strings.Count(text, "->>") + strings.Count(text, "--x") + strings.Count(text, "-)")
		p.want("every call and every reply has an arrow", fmt.Sprintf(`%s.querySelectorAll(".messageLine0, .messageLine1").length === %d`, svg, arrows))
		lifelines := strings.Count(text, "\n  participant ") + strings.Count(text, "\n  actor ")
		p.want("every lifeline is drawn", fmt.Sprintf(`new Set([...%s.querySelectorAll("[name]")].map((e) => e.getAttribute("name"))).size >= %d`, svg, lifelines))
		p.want("no name became an element", svg+`.querySelectorAll("script, img, iframe, a, foreignObject *").length === 0`)
		outside := eval[[]string](p, fmt.Sprintf(`(() => {
			const svg = %s, all = svg.getBoundingClientRect();
			return [...svg.querySelectorAll("text")].filter((e) => {
				const box = e.getBoundingClientRect(), margin = box.height / 2; // the box of a text has room above and below
				return box.left < all.left - 1 || box.right > all.right + 1 || box.top < all.top - margin || box.bottom > all.bottom + margin;
			}).map((e) => e.getAttribute("class") + ": " + e.textContent);
		})()`, svg))
		for _, text := range outside {
			t.Errorf("diagram %d: outside the image: %s", i, text)
		}
		overlaps := eval[[]string](p, fmt.Sprintf(`(() => {
			const found = [], svg = %s;
			for (const kind of [".messageText", "rect.actor-top", ".noteText", ".loopText"]) {
				const list = [...svg.querySelectorAll(kind)].filter((e) => e.textContent.trim() !== "" || e.tagName === "rect").map((e) => [e, e.getBoundingClientRect()]);
				for (let i = 0; i < list.length; i++) for (let j = 0; j < i; j++) {
					const [a, b] = [list[i][1], list[j][1]];
					if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) {
						found.push(kind + ": " + list[j][0].textContent + " | " + list[i][0].textContent);
					}
				}
			}
			return found;
		})()`, svg))
		for _, o := range overlaps {
			t.Errorf("diagram %d: overlapping %s", i, o)
		}
	}
	p.want("names keep their direction", `!/[\u202a-\u202e\u2066-\u2069\u0000]/.test(document.body.innerText)`)
}

// awkwardSequence returns the diagram of a trace with parallel calls, a retry, messages, and a call
// to a service with each hostile name.
func awkwardSequence(t *testing.T) string {
	t.Helper()
	b := sequence.NewBuilder(sequence.Config{Calls: 1000})
	last := 0
	add := func(parent int, kind servicegraph.Kind, service, name string, start, end int64, failed bool, attrs ...servicegraph.Attr) int {
		last++
		s := servicegraph.Span{TraceID: servicegraph.TraceID{15: 1}, SpanID: servicegraph.SpanID{byte(last), 1}, Kind: kind, Service: service, Name: name, Start: 1e18 + start*1e6, End: 1e18 + end*1e6, Attrs: attrs}
		if parent > 0 {
			s.ParentID = servicegraph.SpanID{byte(parent), 1}
		}
		if failed {
			s.Status = servicegraph.StatusError
		}
		b.Add(s)
		return last
	}
	call := func(parent int, from, to, name string, start, end int64, failed bool) int {
		return add(add(parent, servicegraph.KindClient, from, name, start, end, failed), servicegraph.KindServer, to, name, start, end, failed)
	}
	root := add(0, servicegraph.KindServer, "web", "/checkout", 0, 100_000, false)
	call(root, "web", "stock", "GET /stock", 10, 20, true)
	call(root, "web", "stock", "GET /stock", 30, 40, false)
	cart := call(root, "web", "cart", "GET /cart", 50, 200, false)
	call(root, "web", "payments", "POST /pay", 60, 150, false)
	call(cart, "cart", "cart", "itself", 70, 80, false)
	queue := []servicegraph.Attr{{Key: "messaging.system", Value: "kafka"}, {Key: "messaging.destination.name", Value: "orders"}}
	sent := add(root, servicegraph.KindProducer, "web", "send", 300, 301, false, queue...)
	add(sent, servicegraph.KindConsumer, "mail", "receive", 400, 500, false, queue...)
	_, names := hostile()
	for i, name := range append(names, "end", "as", "par a", "%%x", html.EscapeString("<b>"), "שלום עולם", "a\nb") {
		at := int64(1000 + 100*i)
		call(root, "web", name, name, at, at+50, false)
	}
	d, err := b.Diagram()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := d.WriteMermaid(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
