package report

import (
	"cmp"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// data is the input of the script, as JSON. Texts are ready for display: the script formats
// no numbers and no names. Nodes and edges refer to each other by their positions in the
// graph.
type data struct {
	Title    string   `json:"title"`
	Facts    string   `json:"facts"`           // the origin of the graph
	About    []string `json:"about"`           // the meaning of the numbers, and facts that no diagram shows
	Remarks  []string `json:"remarks"`         // why the graph is incomplete or uncertain
	Undrawn  string   `json:"undrawn"`         // what the diagram leaves out; empty: nothing
	TraceURL string   `json:"traceURL"`        // with {traceID} in place of the trace id; empty: no links
	Mermaid  string   `json:"mermaid"`         // the graph as a flowchart
	Nodes    []node   `json:"nodes"`           //
	Edges    []edge   `json:"edges"`           //
	Drawn    *drawn   `json:"drawn,omitempty"` // the part of the graph in the diagram; nil: all of it
	TopDown  bool     `json:"topDown"`         // callers are above their callees
	Limits   limits   `json:"limits"`          //
	Windows  []string `json:"windows"`         // see HTML
	Window   string   `json:"window"`          //
	CanClear bool     `json:"canClear"`        //
}

// limits are the numbers of nodes and edges up to which everything is drawn, and the size of
// the part that is drawn otherwise.
type limits struct {
	Nodes     int `json:"nodes"`
	Edges     int `json:"edges"`
	PartNodes int `json:"partNodes"`
	PartEdges int `json:"partEdges"`
}

// drawn has the positions in the graph of the nodes and edges of the diagram, in the order
// of the diagram. The position of a collapsed namespace is -1 minus the position in Groups,
// and an edge from or to one has the position -1.
type drawn struct {
	Nodes  []int   `json:"nodes"`
	Edges  []int   `json:"edges"`
	Groups []group `json:"groups,omitempty"`
}

// A group is a namespace that is one card in the diagram.
type group struct {
	Name  string `json:"name"`
	State string `json:"state"` // ok, warn or error
}

// A measure is a value to sort by, and its text. It is nil if the value was not measured.
type measure []any

// side has the measurements of one side of a call, or of a node.
type side struct {
	Calls  measure `json:"calls"`
	Errors measure `json:"errors"` // sorted by the error rate; the third value is the number of errors
	P50    measure `json:"p50"`    // sorted by nanoseconds
	P95    measure `json:"p95"`
	P99    measure `json:"p99"`
}

// A fact is a name and a value to show in the details of a node or an edge.
type fact [2]string

type node struct {
	ID        string  `json:"id"`             // see render.NodeID
	Name      string  `json:"name"`           //
	Namespace string  `json:"ns,omitempty"`   //
	Full      string  `json:"full,omitempty"` // namespace and name, if Namespace or Name is shortened
	Type      string  `json:"type"`           //
	State     string  `json:"state"`          // ok, warn or error
	Mark      string  `json:"mark,omitempty"` // before the errors: see render.Style.EdgeMark
	Rank      int     `json:"rank"`           // by importance, from 0
	Rate      measure `json:"rate"`           //
	side
	Facts []fact `json:"facts,omitempty"`
}

type edge struct {
	From        int        `json:"from"`
	To          int        `json:"to"`
	Kind        string     `json:"kind"`
	State       string     `json:"state"` // ok, warn or error
	Mark        string     `json:"mark,omitempty"`
	Rank        int        `json:"rank"` // by importance, from 0
	Calls       measure    `json:"calls"`
	Rate        measure    `json:"rate"`
	Errors      measure    `json:"errors"`
	LatencySide string     `json:"latencySide,omitempty"` // side of the latency in the tables, "caller" or "callee": see servicegraph.Edge.Latency
	Caller      *side      `json:"caller,omitempty"`
	Callee      *side      `json:"callee,omitempty"`
	Gap         *side      `json:"gap,omitempty"` // network time or queue time, without calls and errors
	Facts       []fact     `json:"facts,omitempty"`
	Slowest     []exemplar `json:"slowest,omitempty"`
	Failed      []exemplar `json:"failed,omitempty"`
}

type exemplar struct {
	Trace string `json:"trace"`
	Took  string `json:"took"`
}

const (
	nameWidth = 60   // columns of a name in the report
	fullWidth = 2000 // columns of a name in a tooltip and in the search
)

// data returns the data of g. The diagram shows part of overview, which is g with collapsed
// namespaces; nil means that there is no diagram.
func (h HTML) data(g, overview, part *servicegraph.Graph) (data, error) {
	var mermaid strings.Builder
	if err := (render.Mermaid{Style: h.Style}).Render(&mermaid, g); err != nil {
		return data{}, err
	}
	heading := h.Style.Heading(g, g)
	d := data{
		Title:    render.NameText(cmp.Or(h.Style.Title, "Service graph"), 200),
		Facts:    heading[0],
		About:    heading[1:],
		Remarks:  append(h.notes(), render.Remarks(g)...),
		TraceURL: h.TraceURL,
		Mermaid:  mermaid.String(),
		Nodes:    make([]node, 0, g.NumNodes()),
		Edges:    make([]edge, 0, g.NumEdges()),
		TopDown:  h.Style.TopDown,
		Limits:   h.limits(),
		Windows:  h.Windows,
		Window:   h.Window,
		CanClear: h.CanClear,
	}
	nodeAt := make(map[servicegraph.NodeID]int, g.NumNodes())
	units := h.Style.Scale(g)
	for n := range g.Nodes() {
		nodeAt[n.ID] = len(d.Nodes)
		d.Nodes = append(d.Nodes, h.node(g, n, units))
	}
	edgeAt := make(map[servicegraph.EdgeID]int, g.NumEdges())
	for e := range g.Edges() {
		edgeAt[e.ID] = len(d.Edges)
		d.Edges = append(d.Edges, h.edge(g, e, nodeAt, units))
	}
	nodes, edges := h.Style.Order(g)
	for rank, id := range nodes {
		d.Nodes[nodeAt[id]].Rank = rank
	}
	for rank, id := range edges {
		d.Edges[edgeAt[id]].Rank = rank
	}
	if part != nil && part != g {
		d.Undrawn = h.undrawn(g, overview, part)
		d.Drawn = &drawn{Nodes: []int{}, Edges: []int{}}
		for n := range part.Nodes() {
			at, known := nodeAt[n.ID]
			if !known {
				d.Drawn.Groups = append(d.Drawn.Groups, group{Name: render.NameText(n.ID.Name, nameWidth), State: h.Style.NodeLevel(n).String()})
				at = -len(d.Drawn.Groups)
			}
			d.Drawn.Nodes = append(d.Drawn.Nodes, at)
		}
		for e := range part.Edges() {
			at, known := edgeAt[e.ID]
			if !known {
				at = -1
			}
			d.Drawn.Edges = append(d.Drawn.Edges, at)
		}
	}
	return d, nil
}

// notes returns the notes of the style, in a list that is not nil.
func (h HTML) notes() []string {
	list := []string{}
	for _, note := range h.Style.Notes {
		list = append(list, render.NameText(note, fullWidth))
	}
	return list
}

// undrawn returns sentences about the part of g in the diagram.
func (h HTML) undrawn(g, overview, part *servicegraph.Graph) string {
	text := ""
	for _, sentence := range []string{h.Style.Collapsed(g, overview), h.Style.Drawn(overview, part)} {
		if sentence != "" {
			text += strings.ToUpper(sentence[:1]) + sentence[1:] + ". "
		}
	}
	return text + "The tables are complete."
}
