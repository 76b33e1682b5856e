package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// DOT writes the graph in the language of Graphviz, for the layout program dot.
//
// A node is a card with the name, the number of incoming requests, the percentage of
// failed requests if there are any, and the 95th percentile of the latency. A cylinder
// is a database, an arrow-shaped card a queue, a double border a group of nodes, and a
// dashed border an uninstrumented dependency. A namespace is a box around its nodes; in a
// graph of more than 20 nodes, each card names its namespace instead.
//
// An edge shows the calls, the percentage of failed calls if there are any, and, if EdgeText
// selects them, the 50th, 95th and 99th percentile of the latency. The latency is the latency that
// callers measured, or, if no caller has a span, that callees measured. The width of the line grows
// with the logarithm of the calls. A dashed edge is a message, a dotted edge goes through hidden
// nodes. Calls are shown as a rate if the graph has at least ten traces and spans at least one
// second. In a graph of more than 100 edges, only edges with a warning or an error have text.
// Without the limits on boxes and on texts, many versions of dot fail on some large graphs, or lose
// edges.
//
// Tooltips show data for which an image has no room: full names (up to 10 kB), the latency
// of both sides, and the rate. The heading shows the origin of the graph, the number of
// nodes and edges that were left out, and the warnings of the report.
type DOT struct{ Style }

// A severity holds the colors of a level in DOT.
type severity struct {
	level Level
	text  string // color of the percentage
	edge  string // attributes of an edge
	card  string // attributes of a card
}

func severityOf(l Level) severity {
	switch l {
	case Healthy:
		return severity{text: colorMuted}
	case Warning:
		return newSeverity(l, colorWarnText, colorWarnLine, colorWarnFill)
	case Good:
		return newSeverity(l, colorGoodText, colorGoodLine, colorGoodFill)
	case Past:
		past := newSeverity(l, colorMuted, colorLine, colorPastFill)
		past.edge += ` style="dashed"`
		return past
	default:
		return newSeverity(l, colorFailText, colorFailLine, colorFailFill)
	}
}

func newSeverity(l Level, text, line, fill string) severity {
	return severity{
		level: l,
		text:  text,
		edge:  fmt.Sprintf(` color="%s"`, line),
		card:  fmt.Sprintf(` color="%s" fillcolor="%s" penwidth="1.6"`, line, fill),
	}
}

// Render writes g to w.
func (d DOT) Render(w io.Writer, g *servicegraph.Graph) error {
	out := bufio.NewWriter(w)
	d.writeGraph(out, g)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing DOT: %w", err)
	}
	return nil
}

func (d DOT) writeGraph(out io.Writer, g *servicegraph.Graph) {
	// The font is a single name whose character widths Graphviz knows. Graphviz does
	// not understand a list of fonts: it measures in Times, and the text overflows the
	// card.
	fmt.Fprintf(out, `digraph servicegraph {
graph [rankdir=%s fontname="Helvetica" fontsize=10 bgcolor="#ffffff" pad="0.3" nodesep="0.35" ranksep="0.6" labelloc=t labeljust=l label=<%s>];
node [fontname="Helvetica" fontsize=10 color="%s" fillcolor="#ffffff"];
edge [fontname="Helvetica" fontsize=9 color="%s" arrowsize="0.7"];
`, d.direction(), d.heading(g), colorLine, colorLine)

	captions := d.Captions(g)
	if g.NumNodes() <= boxedNodes {
		writeNodes(out, g, captions)
	} else {
		for n := range g.Nodes() {
			writeNode(out, n, captions.Node(n), n.ID.Namespace)
		}
	}
	for e := range g.Edges() {
		if d.SelfEdges || e.ID.From != e.ID.To {
			caption := captions.Edge(e)
			text := d.EdgeText != EdgeNone && (g.NumEdges() <= dotEdgeTexts || caption.Level != Healthy)
			writeEdge(out, e, caption, text)
		}
	}
	fmt.Fprint(out, "}\n")
}

const (
	boxedNodes   = 20  // nodes in a graph with boxes around its namespaces
	dotEdgeTexts = 100 // edges in a graph with text on all edges
)

// writeNodes writes the nodes. The nodes of a namespace are in a cluster.
func writeNodes(out io.Writer, g *servicegraph.Graph, captions Captions) {
	namespace := ""
	for n := range g.Nodes() { // sorted by namespace, nodes without a namespace first
		if n.ID.Namespace != namespace {
			if namespace != "" {
				fmt.Fprint(out, "}\n")
			}
			namespace = n.ID.Namespace
			fmt.Fprintf(out, `subgraph %s {
style="rounded,filled" color="#e4e7ec" fillcolor="#f8f9fb" penwidth=1 margin=12 tooltip=%s fontcolor="%s" label=<<B>%s</B>>
`, quote(identifier("cluster_"+encode(namespace))), quote("namespace "+shorten(visible(namespace), 2000)), colorMuted, cardText(namespace))
		}
		writeNode(out, n, captions.Node(n), "")
	}
	if namespace != "" {
		fmt.Fprint(out, "}\n")
	}
}

// writeNode writes a node. The namespace is written above the name; empty: nothing.
func writeNode(out io.Writer, n servicegraph.Node, c Caption, namespace string) {
	s := severityOf(c.Level)
	numbers := []string{font(colorMuted, 10, text(c.Volume))}
	if n.Requests.Errors > 0 && c.Errors != "" {
		numbers = append(numbers, s.percentage(c))
	}
	if c.Latency != "" {
		numbers = append(numbers, font(colorMuted, 10, "p95 "+text(c.Latency)))
	}
	if namespace != "" {
		namespace = cardText(namespace)
	}
	id := NodeID(n.ID)
	fmt.Fprintf(out, "%s [id=%s %s%s label=<%s> tooltip=%s];\n",
		quote(id), quote(id), dotShape(n.ID.Type), s.card, card(namespace, cardText(n.ID.Name), text(c.Tag), numbers), quote(c.Tooltip))
}

// dotShape returns the attributes that distinguish the types of nodes.
func dotShape(t servicegraph.NodeType) string {
	switch t {
	case servicegraph.TypeService:
		return `shape=box style="rounded,filled" margin="0.1,0.05"`
	case servicegraph.TypeDatabase:
		return `shape=cylinder style="filled" margin="0.1,0.07"`
	case servicegraph.TypeQueue:
		return `shape=cds style="filled" margin="0.15,0.12"`
	case servicegraph.TypeGroup:
		return `shape=box style="filled" peripheries=2 margin="0.1,0.05"`
	default:
		return `shape=box style="rounded,filled,dashed" margin="0.1,0.05"`
	}
}

func writeEdge(out io.Writer, e servicegraph.Edge, c Caption, text bool) {
	s := severityOf(c.Level)
	style := ""
	switch e.ID.Kind {
	case servicegraph.EdgeMessage:
		style = " style=dashed"
	case servicegraph.EdgeBridged:
		style = " style=dotted"
	}
	label := ""
	if text {
		label = " label=<" + edgeLabel(e, c, s) + ">"
	}
	fmt.Fprintf(out, "%s -> %s [penwidth=%q%s%s%s tooltip=%s];\n",
		quote(NodeID(e.ID.From)), quote(NodeID(e.ID.To)), trim(c.Width, 2), s.edge, style, label, quote(c.Tooltip))
}

// quote returns s as a DOT string. The string must be a tooltip or contain no
// backslash, because Graphviz replaces escapes such as \N twice in tooltips. A line
// feed becomes a line break; Graphviz shows everything else unchanged.
func quote(s string) string {
	return `"` + quoter.Replace(s) + `"`
}

var quoter = strings.NewReplacer(`\`, `\\\\`, `"`, `\"`, "\n", `\n`, "&", "&amp;")
