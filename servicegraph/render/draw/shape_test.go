package draw

import (
	"fmt"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// Images of graphs that Graphviz makes much too tall or too wide get the shape of a screen, by
// larger gaps or by other grids, and all labels stay clear of everything else.
func TestShapesOfAwkwardGraphs(t *testing.T) {
	load := rendertest.Load{Calls: 20, Typical: time.Second}
	for _, test := range []struct {
		name        string
		calls       func(call func(from, to string))
		least, most float64 // ratio of width to height
	}{
		{"two ranks of 8, all connected", func(call func(from, to string)) {
			for i := range 64 {
				call(fmt.Sprint("a", i/8), fmt.Sprint("b", i%8))
			}
		}, 0.9, 1.9},
		{"7 nodes that call each other", func(call func(from, to string)) {
			for i := range 49 {
				if i/7 != i%7 {
					call(fmt.Sprint("a", i/7), fmt.Sprint("a", i%7))
				}
			}
		}, 1.3, 1.9},
		{"20 callers and 30 callees of one node", func(call func(from, to string)) {
			for i := range 20 {
				call(fmt.Sprint("caller", i), "hub")
			}
			for i := range 30 {
				call("hub", fmt.Sprint("callee", i))
			}
		}, 1.3, 1.95},
	} {
		t.Run(test.name, func(t *testing.T) {
			traffic := &rendertest.Traffic{Window: time.Minute}
			test.calls(func(from, to string) { traffic.Call(from, to, load) })
			g := traffic.Graph(t)
			r := measure(t, Options{}, g)
			if ratio := r.Width / r.Height; ratio < test.least || ratio > test.most {
				t.Errorf("%.0f × %.0f pixels, a ratio of %.2f", r.Width, r.Height, ratio)
			}
			topDown := measure(t, Options{Style: render.Style{TopDown: true}}, g)
			if ratio := topDown.Width / topDown.Height; ratio < 0.7 || ratio > 3 {
				t.Errorf("top down: %.0f × %.0f pixels, a ratio of %.2f", topDown.Width, topDown.Height, ratio)
			}
			if r.Faults() > 0 || r.Through > 0 || topDown.Faults() > 0 || topDown.Through > 0 {
				t.Errorf("%v, %d edges through nodes; top down: %v, %d", r, r.Through, topDown, topDown.Through)
			}
		})
	}
}
