package draw

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// The limits for one graph in one format.
const (
	awkwardTime   = 30 * time.Second // on a busy machine; one image takes about a second
	awkwardMemory = 512 << 20        // bytes allocated in all
)

// Graphs of unusual shapes and with hostile names are drawn in every format, within bounds of time,
// memory and size. If only a part is drawn, the heading says so.
func TestAwkwardGraphs(t *testing.T) {
	calls := func(pairs ...string) *servicegraph.Graph {
		traffic := &rendertest.Traffic{Window: time.Minute}
		for i := 0; i < len(pairs); i += 2 {
			traffic.Call(pairs[i], pairs[i+1], rendertest.Load{Calls: 1, Typical: time.Second})
		}
		return traffic.Graph(t)
	}
	numbered := func(n int, pair func(i int) (from, to string)) *servicegraph.Graph {
		var pairs []string
		for i := range n {
			from, to := pair(i)
			pairs = append(pairs, from, to)
		}
		return calls(pairs...)
	}
	long := strings.Repeat("abcdefghij", 1000)
	one := &rendertest.Traffic{Window: time.Minute}
	one.Entry("alone", rendertest.Load{Calls: 1, Typical: time.Second})
	peers := &rendertest.Traffic{Window: time.Minute}
	for i := range 400 {
		peers.Peer("hub", "server.address", fmt.Sprintf("host-%d.example.com", i), rendertest.Load{Calls: 1, Typical: time.Second})
	}
	halves := numbered(40, func(i int) (string, string) { return service(i/20*100 + i), service(i/20*100 + i + 1 + i%3) })
	for _, test := range []struct {
		name      string
		g         *servicegraph.Graph
		announced string // in the heading
	}{
		{"names of 10 kB", calls(long+"1/"+long, long+"2/"+long+"x", long+"1/"+long, "short"), "cut"},
		{"right-to-left names and bidi controls", calls("\u202egnp.exe\u202c", "\u05e9\u05dc\u05d5\u05dd", "\u2066a\u2069/\u200fb", "\u0645\u0631\u062d\u0628\u0627", "\u202egnp.exe\u202c", "\u061cx"), ""},
		{"400 edges of one node", numbered(400, func(i int) (string, string) { return service(i), "hub" }), "drawn: 80 of 401 nodes"},
		{"400 dependencies of one node", peers.Graph(t), "drawn: 80 of 401 nodes"},
		{"one node", one.Graph(t), ""},
		{"none", new(servicegraph.Graph), ""},
		{"two halves", halves, ""},
		{"a cycle of 200", numbered(200, func(i int) (string, string) { return service(i), service((i + 1) % 200) }), "drawn: 80 of 200 nodes"},
		{"a star of 500", numbered(500, func(i int) (string, string) { return "hub", service(i) }), "drawn: 80 of 501 nodes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			svg := SVG{}
			for name, r := range map[string]render.Renderer{
				"SVG": svg, "PNG": PNG{}, "DOT": render.DOT{}, "Mermaid": render.Mermaid{},
				"HTML": report.HTML{SVG: svg, Parts: Parts{}},
			} {
				text := renderAwkward(t, name, r, test.g)
				if name == "PNG" {
					continue
				}
				if len(text) > 4<<20 {
					t.Errorf("%s: %d bytes", name, len(text))
				}
				if i := strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
					t.Errorf("%s contains a bidi control: %q", name, text[max(i-20, 0):min(i+20, len(text))])
				}
				if strings.Contains(text, long[:3000]) {
					t.Errorf("%s contains a name in full length", name)
				}
				if name == "SVG" && !strings.Contains(text, test.announced) {
					t.Errorf("the image does not say %q", test.announced)
				}
			}
			r := measure(t, Options{}, test.g)
			if r.Faults() > 0 || r.Through > 0 {
				t.Errorf("%v, %d edges through nodes", r, r.Through)
			}
			if r.Width > 8000 || r.Height > 6000 {
				t.Errorf("%.0f × %.0f pixels", r.Width, r.Height)
			}
		})
	}
}

// renderAwkward renders a graph, with limits on time and memory.
func renderAwkward(t *testing.T, name string, r render.Renderer, g *servicegraph.Graph) string {
	var out bytes.Buffer
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	limit := awkwardTime
	if testing.Short() {
		limit *= 5 // the race detector makes a layout much slower
	}
	within(t, limit, func() {
		if err := r.Render(&out, g); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > awkwardMemory {
		t.Errorf("%s: %d MB of memory", name, used>>20)
	}
	return out.String()
}
