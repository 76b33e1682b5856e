package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/pathreport"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// colorCritical is the value of --color for images of the critical path.
const colorCritical = "critical"

// A node or an edge is orange from shareWarning on, and red from shareFailing on. Both are
// fractions of the time of all requests.
const (
	shareWarning = 0.05
	shareFailing = 0.20
)

// startColoring returns the collector of the critical paths that the colors of images show. It
// returns nil if the colors show errors.
func (e *export) startColoring(src source.Source, targets []target) (*critpath.Collector, error) {
	if e.color.value != colorCritical {
		return nil, nil
	}
	if src.Graph != nil {
		return nil, exit.Usagef("--color critical needs traces, and Prometheus holds series: read a file or Tempo")
	}
	for _, t := range targets {
		if !slices.Contains([]string{"svg", "png", "dot"}, t.format.Name) {
			return nil, exit.Usagef("--color critical applies to svg, png and dot, not to %s: see graphviz-export critical", t.format.Name)
		}
	}
	return critpath.NewCollector(critpath.Config{Spans: heldPaths(e.held)}), nil
}

// colorCritical makes the colors of an image show how much of the time of all requests each node
// and edge takes on the critical path.
func (e *export) colorCritical(style *render.Style, g *servicegraph.Graph) {
	r := e.paths
	marks := &render.Marks{
		Nodes: make(map[servicegraph.NodeID]render.Mark), Edges: make(map[servicegraph.EdgeID]render.Mark),
		Meaning: map[render.LegendKind]string{
			render.LegendWarning: render.PercentText(shareWarning, 1) + " or more of the time of all requests",
			render.LegendFailing: render.PercentText(shareFailing, 1) + " or more of the time of all requests",
			render.LegendWidth:   "wider: more time within the calls",
		},
	}
	placed := time.Duration(0)
	for n := range g.Nodes() {
		marks.Nodes[n.ID] = render.Mark{Text: "not on the path"}
	}
	for e := range g.Edges() {
		marks.Edges[e.ID] = render.Mark{Text: "not on the path", Width: 1}
	}
	for _, n := range r.Nodes {
		if _, ok := g.Node(n.Node); ok {
			placed += n.Time.All
			marks.Nodes[n.Node] = markOfShare(n.Time.All, r)
		}
	}
	for _, c := range r.Calls {
		for _, kind := range []servicegraph.EdgeKind{servicegraph.EdgeRequest, servicegraph.EdgeBridged} {
			id := servicegraph.EdgeID{From: c.From, To: c.To, Kind: kind}
			if _, ok := g.Edge(id); ok && c.Time.All > 0 {
				marks.Edges[id] = markOfShare(c.Time.All, r)
			}
		}
	}
	style.Marks = marks
	style.Notes = append(slices.Clone(style.Notes), fmt.Sprintf("share of the time on the critical paths of %s, %s in total", quantity.Of(r.Traces, "trace"), render.DurationText(r.Time)))
	if left := r.Time - placed; r.Time > 0 && float64(left) >= 0.001*float64(r.Time) {
		style.Notes = append(style.Notes, pathreport.Share(left, r.Time)+" of the time is that of nodes that the image does not show")
	}
	if r.Rootless+r.Early > 0 {
		style.Notes = append(style.Notes, pathreport.Basis(r, g.Report()))
	}
}

// markOfShare returns the mark of a node or an edge where the critical paths of all requests spent
// the time t.
func markOfShare(t time.Duration, r critpath.Report) render.Mark {
	share := float64(t) / max(float64(r.Time), 1)
	m := render.Mark{
		Text: pathreport.Share(t, r.Time) + " of time", Width: 1 + 4.5*share,
		Tooltip: fmt.Sprintf("%s of the time of all requests, %s for each request", pathreport.Share(t, r.Time), pathreport.PerRequest(t, r)),
	}
	switch {
	case share >= shareFailing:
		m.Level = render.Failing
	case share >= shareWarning:
		m.Level = render.Warning
	}
	if glyph := m.Level.Glyph(); glyph != "" {
		m.Text = glyph + " " + m.Text
	}
	return m
}
