package imagecheck

import (
	"strings"
	"testing"
)

const head = `<svg width="400" height="200">`

func nodeSVG(id, x, y string) string {
	return `<g class="node service ok" data-node="` + id + `"><rect class="card" x="` + x + `" y="` + y + `" width="40" height="40"/></g>`
}

func edgeSVG(id, from, to, d string) string {
	return `<g class="edge request ok" data-edge="` + id + `" data-from="` + from + `" data-to="` + to + `"><path class="line" d="` + d + `"/></g>`
}

func labelSVG(edge, x, y string) string {
	return `<g class="label ok" data-edge="` + edge + `"><rect class="plate" x="` + x + `" y="` + y + `" width="20" height="10"/><text x="0" y="0" font-size="9">1</text></g>`
}

// TestMeasure: Measure counts each fault of an image, and finds no fault in an image without
// faults.
func TestMeasure(t *testing.T) {
	nodes := nodeSVG("0", "0", "0") + nodeSVG("1", "300", "0") + nodeSVG("2", "0", "100") + nodeSVG("3", "300", "100")
	flat := edgeSVG("0", "0", "1", "M40 20C100 20 200 20 300 20")
	low := edgeSVG("1", "2", "3", "M40 120C100 120 200 120 300 120")
	for _, test := range []struct {
		name, parts string
		want        Result
	}{
		{"no fault", flat + low + labelSVG("0", "150", "15") + labelSVG("1", "150", "115"), Result{Edges: 2, Labels: 2}},
		{"a foreign edge through a label", flat + low + labelSVG("0", "150", "115"), Result{Edges: 2, Labels: 1, Hit: 1, Misplaced: 1}},
		{"a label nearer to a foreign edge", flat + low + labelSVG("0", "150", "90"), Result{Edges: 2, Labels: 1, Misplaced: 1}},
		{"a label over a node", flat + labelSVG("0", "30", "15"), Result{Edges: 1, Labels: 1, OverNode: 1}},
		{"labels over each other", flat + labelSVG("0", "150", "15") + labelSVG("0", "155", "15"), Result{Edges: 1, Labels: 2, OverLabel: 1}},
		{"edges that cross", edgeSVG("0", "0", "3", "M40 20C90 20 200 110 300 120") + edgeSVG("1", "2", "1", "M40 120C40 120 300 20 300 20"), Result{Edges: 2, Crossings: 1}},
		{"an edge through a node", edgeSVG("0", "0", "1", "M40 20C40 140 300 140 300 20") + nodeSVG("4", "150", "80"), Result{Edges: 1, Through: 1}},
	} {
		got, err := Measure(strings.NewReader(head + nodes + test.parts + "</svg>"))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		test.want.Width, test.want.Height, test.want.Nodes = 400, 200, 4+strings.Count(test.parts, `"node `)
		if got != test.want {
			t.Errorf("%s: %#v, want %#v", test.name, got, test.want)
		}
	}
	if _, err := Measure(strings.NewReader(head + edgeSVG("0", "0", "1", "M1 2L3 4") + "</svg>")); err == nil {
		t.Error("a path without curves is accepted")
	}
}
