package draw

import (
	"fmt"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// Each of several unconnected chains is wrapped separately, into lines of about equal length.
func TestChainsAreWrappedApart(t *testing.T) {
	for _, topDown := range []bool{false, true} {
		traffic := &rendertest.Traffic{Window: time.Minute}
		for chain := range 4 {
			for i := range 12 {
				traffic.Call(fmt.Sprintf("chain%d-%02d", chain, i), fmt.Sprintf("chain%d-%02d", chain, i+1), rendertest.Load{Calls: 20, Typical: time.Second})
			}
		}
		g := traffic.Graph(t)
		o := Options{Style: render.Style{TopDown: topDown}}
		r := measure(t, o, g)
		if r.Nodes != g.NumNodes() || r.Edges != g.NumEdges() || r.Faults() > 0 || r.Through > 0 || r.Crossings > 0 {
			t.Errorf("%d nodes, %d edges, %d through nodes, %d crossings, %v", r.Nodes, r.Edges, r.Through, r.Crossings, r)
		}
		if ratio := r.Width / r.Height; ratio < 1 || ratio > 2.4 || r.Width > 2000 {
			t.Errorf("top down %v: %.0f × %.0f pixels", topDown, r.Width, r.Height)
		}
	}
}

func TestLinesOfAChainAreAboutEquallyLong(t *testing.T) {
	var possible []cut
	for i := range 12 {
		possible = append(possible, cut{at: 100 * float64(i+1), lanes: 1})
	}
	cuts, ok := choose(possible, 1300, 620) // at most 6 of 13 cards in a line
	if !ok || len(cuts) != 2 {
		t.Fatalf("cuts at %v, want 2", cuts)
	}
	for i, length := range []float64{cuts[0].at, cuts[1].at - cuts[0].at, 1300 - cuts[1].at} {
		if length < 400 || length > 500 {
			t.Errorf("line %d has %.0f pixels, want 400 or 500", i, length)
		}
	}
}
