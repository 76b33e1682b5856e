package render_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// The program dot lays out our DOT of systems of any size, without an error or a warning,
// and loses no edge.
func TestDotLaysOutLargeGraphs(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("dot is not installed")
	}
	step := 1
	if testing.Short() {
		step = 6
	}
	drawn := 0
	check := func(g *servicegraph.Graph) {
		var text, out, stderr bytes.Buffer
		if err := (render.DOT{}).Render(&text, g); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(dot, "-Tplain")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = &text, &out, &stderr
		if err := cmd.Run(); err != nil || stderr.Len() > 0 {
			t.Errorf("%d nodes and %d edges: %v: %s", g.NumNodes(), g.NumEdges(), err, stderr.String())
		}
		want := 0
		for e := range g.Edges() {
			if e.ID.From != e.ID.To {
				want++
			}
		}
		if got := strings.Count(out.String(), "\nedge "); got != want {
			t.Errorf("%d nodes: %d of %d edges", g.NumNodes(), got, want)
		}
		drawn++
	}
	for _, services := range []int{8, 16, 40, 80, 200} {
		whole, err := systems.New(systems.Config{Services: services, Failing: true, Seed: uint64(services), Requests: 400}).Graph()
		if err != nil {
			t.Fatal(err)
		}
		for n := min(10, whole.NumNodes()); n <= whole.NumNodes(); n += 3 * step {
			check(whole.Top(n))
		}
		i := 0
		for n := range whole.Nodes() {
			if i++; i%(2*step) == 0 && n.ID.Type == servicegraph.TypeService {
				check(whole.Focus(func(m servicegraph.Node) bool { return m.ID == n.ID }))
			}
		}
	}
	t.Logf("dot laid out %d graphs", drawn)
}
