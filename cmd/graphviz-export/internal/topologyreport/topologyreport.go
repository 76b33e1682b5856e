// Package topologyreport writes the layers, cycles, single points of failure and blast radii of a
// graph.
package topologyreport

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/entryreach"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/plaintable"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// A Report has the answers to all questions about a graph. The names of the nodes are those of
// servicegraph.NodeID.String, with the type where it is not a service.
type Report struct {
	Basis        string        `json:"basis"` // what the answers rest on
	Entries      []string      `json:"entries"`
	Layers       [][]string    `json:"layers"`
	Cycles       []cycle       `json:"cycles"`
	SinglePoints []singlePoint `json:"singlePoints"`
	Articulation []string      `json:"articulationPoints"`
	Nodes        []position    `json:"nodes"`
	Calls        []callReach   `json:"calls"`

	Exact string `json:"exact"` // what the exact numbers rest on; empty if there are none
}

type cycle struct {
	Nodes   []string `json:"nodes"`
	Closing []call   `json:"closing"`
}

type call struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type singlePoint struct {
	Entry   string   `json:"entry"`
	Node    string   `json:"node"`
	CutsOff []string `json:"cutsOff"`
}

type position struct {
	Node        string  `json:"node"`
	Depth       int     `json:"depth"` // number of calls from the nearest entry; -1 if no entry reaches the node
	Layer       int     `json:"layer"`
	FanIn       int     `json:"fanIn"`
	FanOut      int     `json:"fanOut"`
	Betweenness float64 `json:"betweenness"`
	radius
}

// A callReach is the blast radius of all calls between two nodes.
type callReach struct {
	call
	radius
}

// A radius is the blast radius of a failure.
type radius struct {
	Entries    []string `json:"entries"`         // entries that the failure can reach
	Requests   *float64 `json:"requestsAtMost"`  // entry requests that the failure can reach; null if the graph has no entry requests
	Share      *float64 `json:"shareAtMost"`     // fraction of all entry requests, from 0 to 1; null if the graph has no entry requests
	OfEntries  int      `json:"ofEntries"`       // the number of all entries
	OfRequests float64  `json:"ofEntryRequests"` // the number of all entry requests

	// The same numbers, counted in the traces; null if the traces are not held.
	ExactEntries  []string `json:"exactEntries"`
	ExactRequests *float64 `json:"exactRequests"`
	ExactShare    *float64 `json:"exactShare"`
}

// radiusOf returns an upper bound, and the exact numbers if they are known.
func radiusOf(most topology.Impact, exact *topology.Impact) radius {
	r := radius{Entries: graphtext.Labels(most.Entries), OfEntries: most.Of, OfRequests: most.Total}
	if most.Total > 0 {
		share := most.Share()
		r.Requests, r.Share = &most.Requests, &share
	}
	if exact != nil {
		if most.Total == 0 { // the graph has no entry requests
			r.OfEntries, r.OfRequests = exact.Of, exact.Total
		}
		share := exact.Share()
		r.ExactEntries, r.ExactRequests, r.ExactShare = graphtext.Labels(exact.Entries), &exact.Requests, &share
	}
	return r
}

// cells returns the cells of a row below radiusHeads.
func (r radius) cells() []string {
	most, share := "–", "–"
	if r.Requests != nil {
		most, share = "≤ "+quantity.Number(int64(*r.Requests+.5)), fmt.Sprintf("≤ %.3g%%", 100**r.Share)
	}
	if r.ExactRequests == nil {
		return []string{of(len(r.Entries), r.OfEntries), most, share}
	}
	return []string{of(len(r.ExactEntries), r.OfEntries), quantity.Number(int64(*r.ExactRequests + .5)), fmt.Sprintf("%.3g%%", 100**r.ExactShare), most}
}

func of(some, all int) string { return quantity.Number(some) + " of " + quantity.Number(all) }

func radiusHeads(exact bool) []string {
	if exact {
		return []string{"ENTRIES", "REQUESTS", "SHARE", "AT MOST"}
	}
	return []string{"ENTRIES", "REQUESTS", "SHARE"}
}

// Of returns the answers about a graph. The reach is nil if the traces are not held.
func Of(g *servicegraph.Graph, reach *topology.Reach) Report {
	t := topology.New(g, topology.Calls)
	a := Report{
		Basis:        graphtext.Summary(g),
		Entries:      graphtext.Labels(t.Entries()),
		Articulation: graphtext.Labels(t.ArticulationPoints()),
		Layers:       [][]string{}, Cycles: []cycle{}, SinglePoints: []singlePoint{}, Nodes: []position{}, Calls: []callReach{},
	}
	for _, layer := range t.Layers() {
		a.Layers = append(a.Layers, graphtext.Labels(layer))
	}
	for _, c := range t.Cycles() {
		out := cycle{Nodes: graphtext.Labels(c.Nodes)}
		for _, closing := range c.Closing {
			out.Closing = append(out.Closing, call{graphtext.Label(closing.From), graphtext.Label(closing.To)})
		}
		a.Cycles = append(a.Cycles, out)
	}
	for _, p := range t.SinglePoints() {
		a.SinglePoints = append(a.SinglePoints, singlePoint{graphtext.Label(p.Entry), graphtext.Label(p.Node), graphtext.Labels(p.CutsOff)})
	}
	exact := func(impact func(*topology.Reach) topology.Impact) *topology.Impact {
		if reach == nil {
			return nil
		}
		i := impact(reach)
		return &i
	}
	for _, p := range t.Positions() {
		counted := exact(func(r *topology.Reach) topology.Impact { return r.BlastRadius(p.Node) })
		a.Nodes = append(a.Nodes, position{graphtext.Label(p.Node), p.Depth, p.Layer, p.FanIn, p.FanOut, p.Betweenness, radiusOf(p.Impact, counted)})
	}
	for _, c := range t.CallImpacts() {
		counted := exact(func(r *topology.Reach) topology.Impact { return r.BlastRadiusOfCall(c.Call) })
		a.Calls = append(a.Calls, callReach{call{graphtext.Label(c.From), graphtext.Label(c.To)}, radiusOf(c.Impact, counted)})
	}
	if reach != nil {
		a.Exact = entryreach.Basis(reach)
		slices.SortStableFunc(a.Nodes, func(x, y position) int { return cmp.Compare(*y.ExactRequests, *x.ExactRequests) })
		slices.SortStableFunc(a.Calls, func(x, y callReach) int { return cmp.Compare(*y.ExactRequests, *x.ExactRequests) })
	}
	return a
}

// WriteJSON writes the answers for programs.
func (a Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(a)
}

// WriteText writes the answers for people, the first n of each long list; n = 0 means all of
// them.
func (a Report) WriteText(w io.Writer, n int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Entries  %s\n", console.OneLine(cmp.Or(strings.Join(a.Entries, ", "), "none")))
	b.WriteString("\nLayers\n")
	for i, layer := range a.Layers {
		fmt.Fprintf(&b, "  %d  %s\n", i, console.OneLine(strings.Join(layer, ", ")))
	}
	b.WriteString("\nCycles\n")
	if len(a.Cycles) == 0 {
		b.WriteString("  none\n")
	}
	for _, c := range a.Cycles {
		var closing []string
		for _, c := range c.Closing {
			closing = append(closing, c.From+" → "+c.To)
		}
		fmt.Fprintf(&b, "  %s; closed by %s\n", console.OneLine(strings.Join(c.Nodes, ", ")), console.OneLine(strings.Join(closing, ", ")))
	}
	b.WriteString("\nSingle points of failure: without NODE, ENTRY cannot reach the nodes in CUTS OFF\n")
	if len(a.SinglePoints) == 0 {
		b.WriteString("  none\n")
	}
	points := plaintable.First(a.SinglePoints, n)
	rows := [][]string{{"ENTRY", "NODE", "CUTS OFF"}}
	for _, p := range points {
		cut := p.CutsOff
		if len(cut) > 5 {
			cut = append(cut[:5:5], "and "+quantity.Number(len(p.CutsOff)-5)+" more")
		}
		rows = append(rows, []string{p.Entry, p.Node, strings.Join(cut, ", ")})
	}
	if len(points) > 0 {
		plaintable.Write(&b, rows, 3)
	}
	plaintable.More(&b, len(a.SinglePoints)-len(points))

	if a.Exact != "" {
		b.WriteString("\nBlast radius: the entries and entry requests that use NODE; AT MOST is the upper bound according to the graph\n")
	} else {
		b.WriteString("\nBlast radius: the entries that a failure of NODE can reach, and an upper bound for the entry requests\n")
	}
	heads := radiusHeads(a.Exact != "")
	rows = [][]string{append(append([]string{"NODE"}, heads...), "DEPTH", "LAYER", "IN", "OUT", "BETWEENNESS")}
	nodes := plaintable.First(a.Nodes, n)
	for _, p := range nodes {
		depth := fmt.Sprint(p.Depth)
		if p.Depth < 0 {
			depth = "–"
		}
		rows = append(rows, append(append([]string{p.Node}, p.cells()...), depth, fmt.Sprint(p.Layer), fmt.Sprint(p.FanIn), fmt.Sprint(p.FanOut), fmt.Sprintf("%.4g", p.Betweenness)))
	}
	plaintable.Write(&b, rows, 1)
	plaintable.More(&b, len(a.Nodes)-len(nodes))
	if calls := plaintable.First(a.Calls, n); len(calls) > 0 {
		b.WriteString("\nBlast radius of the failure of all calls from one node to another\n")
		rows = [][]string{append([]string{"CALLS"}, heads...)}
		for _, c := range calls {
			rows = append(rows, append([]string{c.From + " → " + c.To}, c.cells()...))
		}
		plaintable.Write(&b, rows, 1)
		plaintable.More(&b, len(a.Calls)-len(calls))
	}
	if len(a.Articulation) > 0 {
		fmt.Fprintf(&b, "\nThe graph falls apart if any one of these nodes is removed: %s\n", console.OneLine(strings.Join(a.Articulation, ", ")))
	}
	fmt.Fprintf(&b, "\nFrom the graph of %s. ", a.Basis)
	if a.Exact != "" {
		fmt.Fprintf(&b, "REQUESTS and SHARE are %s.\n", a.Exact)
	} else {
		b.WriteString("The graph shows which nodes can be reached, not which nodes each request needs.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
