package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/mermaidtext"
)

// Mermaid writes the graph as a Mermaid flowchart. GitHub, GitLab and many wikis draw
// the flowchart of a code block marked "mermaid".
//
// Nodes and edges have the text of [DOT]. A service is a box, a database a cylinder, a
// queue a flag, a group a box with double sides; a dashed border is an uninstrumented
// dependency. A namespace is a box around its nodes; in a graph of more than 20 nodes, each
// node names its namespace instead, because Mermaid fails on some larger graphs with boxes.
// A dotted edge is a message, or a call through hidden nodes, which is labeled "bridged".
// Self edges are drawn. The title has the time range, and the description, for screen
// readers, the warnings of the report.
//
// Of a graph with more than 100 nodes or 200 edges, the part that matters most is written,
// about 80 nodes and 160 edges: see [Style.Part]. Mermaid refuses to draw more than 50,000
// characters, and sites do not let a diagram raise this limit, so a part with long names
// can be smaller. The title has the numbers of nodes and edges left out.
//
// Only these fields of the style have an effect: Title, TopDown, Warn, Error and
// EdgeText.
type Mermaid struct{ Style }

const (
	mermaidNodes = 100
	mermaidEdges = 200
	mermaidSize  = 50_000 // Mermaid's setting maxTextSize; its maxEdges is 500
)

// Render writes g to w.
func (m Mermaid) Render(w io.Writer, g *servicegraph.Graph) error {
	shown := g
	if g.NumNodes() > mermaidNodes || g.NumEdges() > mermaidEdges {
		shown = m.part(g, limits{80, mermaidNodes, 160, mermaidEdges})
	}
	text := m.document(shown)
	for n, e := shown.NumNodes(), shown.NumEdges(); len(text) > mermaidSize; {
		n, e = n*9/10, e*9/10
		shown = m.part(g, limits{n, n, e, e})
		text = m.document(shown)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("writing Mermaid: %w", err)
	}
	return nil
}

func (m Mermaid) document(g *servicegraph.Graph) []byte {
	out := new(bytes.Buffer)
	fmt.Fprintf(out, "---\ntitle: %s\n---\nflowchart %s\n", m.title(g), m.direction())
	fmt.Fprintf(out, "  accDescr: %s\n", description(g))
	names := newIdents()
	classes := m.writeNodes(out, g, names)
	lines := m.writeEdges(out, g, names)
	classes.write(out)
	lines.write(out)
	return out.Bytes()
}

// writeNodes writes the nodes and returns their classes. In a small graph, the nodes of a
// namespace are in a subgraph.
func (m Mermaid) writeNodes(out io.Writer, g *servicegraph.Graph, names *idents) *classes {
	captions, classes := m.Captions(g), new(classes)
	boxed := g.NumNodes() <= boxedNodes
	namespace := ""
	for n := range g.Nodes() {
		if boxed && n.ID.Namespace != namespace {
			if namespace != "" {
				fmt.Fprint(out, "  end\n")
			}
			namespace = n.ID.Namespace
			box := names.unique("namespace", namespace)
			fmt.Fprintf(out, "  subgraph %s[\"%s\"]\n", box, mermaidName(namespace))
			classes.box = append(classes.box, box)
		}
		caption := captions.Node(n)
		writeMermaidNode(out, names.node(n.ID), n, caption, boxed)
		classes.add(names.node(n.ID), n.ID.Type, caption.Level)
	}
	if namespace != "" {
		fmt.Fprint(out, "  end\n")
	}
	return classes
}

// writeEdges writes the edges, and returns those to color.
func (m Mermaid) writeEdges(out io.Writer, g *servicegraph.Graph, names *idents) *edgeLines {
	captions, lines := m.Captions(g), new(edgeLines)
	i := 0
	for e := range g.Edges() {
		caption := captions.Edge(e)
		fmt.Fprintf(out, "  %s %s|\"%s\"| %s\n", names.node(e.ID.From), mermaidArrow(e.ID.Kind), mermaidEdgeText(e, caption), names.node(e.ID.To))
		lines.add(i, caption.Level)
		i++
	}
	return lines
}

// title returns the title as a YAML string. Every JSON string is a YAML string.
func (m Mermaid) title(g *servicegraph.Graph) string {
	var parts []string
	if m.Title != "" {
		parts = append(parts, shorten(visible(m.Title), 100))
	}
	parts = append(parts, timeRange(g))
	if counts := spanCounts(g); len(counts) > 0 && !strings.Contains(m.Title, counts[0]) {
		parts = append(parts, counts[0]) // the number of traces, which a title that tells of a limit already has
	}
	if r := g.Report(); r.LeftOutNodes+r.LeftOutEdges > 0 {
		parts = append(parts, fmt.Sprintf("not shown: %s, %s", plural(float64(r.LeftOutNodes), "node"), plural(float64(r.LeftOutEdges), "edge")))
	}
	s, _ := json.Marshal(strings.Join(parts, " · ")) // a string has no error
	return string(s)
}

// description describes the graph in sentences, with the warnings of the report.
func description(g *servicegraph.Graph) string {
	numbers := "calls"
	switch scale := (Style{}).Scale(g); {
	case scale.timed:
		numbers = "calls, errors, and latency p50 · p95 · p99 measured by the caller, else by the callee; dotted edges are messages"
	case scale.judged:
		numbers = "calls and errors"
	}
	from := ""
	if counts := spanCounts(g); len(counts) > 0 {
		from = " from " + counts[0]
	}
	s := fmt.Sprintf("Service graph of %s and %s%s, %s. Edges show %s.",
		plural(float64(g.NumNodes()), "node"), plural(float64(g.NumEdges()), "edge"), from, timeRange(g), numbers)
	for _, remark := range Remarks(g) {
		s += " " + remark + "."
	}
	return s
}

// writeMermaidNode writes a node. If the node is not in a box, its text has the namespace.
func writeMermaidNode(out io.Writer, id string, n servicegraph.Node, c Caption, boxed bool) {
	left, right := mermaidShape(n.ID.Type)
	var lines []string
	if n.ID.Namespace != "" && !boxed {
		lines = append(lines, mermaidName(n.ID.Namespace)+mermaidtext.Quote("/"))
	}
	lines = append(lines, mermaidtext.Quote(c.Name))
	for _, line := range mermaidNumbers(n, c) {
		lines = append(lines, mermaidtext.Quote(line))
	}
	if n.ID.Namespace != "" && boxed {
		fmt.Fprint(out, "  ")
	}
	fmt.Fprintf(out, "  %s%s\"%s\"%s\n", id, left, strings.Join(lines, "<br/>"), right)
}

// mermaidNumbers returns the tag and the numbers of a node in two short lines, because
// Mermaid breaks a long line at any character.
func mermaidNumbers(n servicegraph.Node, c Caption) []string {
	first := c.Volume
	if c.Tag != "" {
		first = c.Tag + " · " + first
	}
	var second []string
	if n.Requests.Errors > 0 && c.Errors != "" {
		second = append(second, c.Mark+c.Errors+" err")
	}
	if c.Latency != "" {
		second = append(second, "p95 "+c.Latency)
	}
	if len(second) == 0 {
		return []string{first}
	}
	return []string{first, strings.Join(second, " · ")}
}

func mermaidEdgeText(e servicegraph.Edge, c Caption) string {
	first := c.Volume
	if e.ID.Kind == servicegraph.EdgeBridged {
		first = "bridged · " + first
	}
	if e.Errors > 0 {
		first += " · " + c.Mark + c.Errors + " err"
	}
	if c.Latency == "" {
		return mermaidtext.Quote(first)
	}
	return mermaidtext.Quote(first) + "<br/>" + mermaidtext.Quote(c.Latency)
}

func mermaidShape(t servicegraph.NodeType) (left, right string) {
	switch t {
	case servicegraph.TypeDatabase:
		return "[(", ")]"
	case servicegraph.TypeQueue:
		return ">", "]"
	case servicegraph.TypeGroup:
		return "[[", "]]"
	default:
		return "[", "]"
	}
}

func mermaidArrow(k servicegraph.EdgeKind) string {
	if k == servicegraph.EdgeRequest {
		return "-->"
	}
	return "-.->"
}

// classes collects namespaces and nodes whose style differs from that of a healthy
// service.
type classes struct{ box, peer, warn, fail []string }

func (c *classes) add(id string, t servicegraph.NodeType, l Level) {
	switch t {
	case servicegraph.TypeService, servicegraph.TypeDatabase, servicegraph.TypeQueue, servicegraph.TypeGroup:
	default:
		c.peer = append(c.peer, id)
	}
	switch l {
	case Warning:
		c.warn = append(c.warn, id)
	case Failing:
		c.fail = append(c.fail, id)
	}
}

func (c *classes) write(out io.Writer) {
	for _, class := range []struct {
		name, style string
		nodes       []string
	}{
		{"box", "fill:#7f7f7f14,stroke:#7f7f7f66", c.box}, // for light and dark backgrounds
		{"peer", "stroke-dasharray:5 3", c.peer},
		{"warn", "fill:" + colorWarnFill + ",stroke:" + colorWarnLine + ",stroke-width:2px,color:" + colorInk, c.warn},
		{"fail", "fill:" + colorFailFill + ",stroke:" + colorFailLine + ",stroke-width:2px,color:" + colorInk, c.fail},
	} {
		if len(class.nodes) > 0 {
			fmt.Fprintf(out, "  classDef %s %s\n  class %s %s\n", class.name, class.style, strings.Join(class.nodes, ","), class.name)
		}
	}
}

// edgeLines collects the positions of the edges that are marked.
type edgeLines struct{ warn, fail []string }

func (l *edgeLines) add(i int, level Level) {
	switch level {
	case Warning:
		l.warn = append(l.warn, fmt.Sprint(i))
	case Failing:
		l.fail = append(l.fail, fmt.Sprint(i))
	}
}

func (l *edgeLines) write(out io.Writer) {
	for _, style := range []struct {
		color string
		edges []string
	}{{colorWarnLine, l.warn}, {colorFailLine, l.fail}} {
		if len(style.edges) > 0 {
			fmt.Fprintf(out, "  linkStyle %s stroke:%s,stroke-width:2px\n", strings.Join(style.edges, ","), style.color)
		}
	}
}

// mermaidName returns a name as the text of a label, at most as wide as on a card.
func mermaidName(name string) string { return mermaidtext.Quote(shorten(visible(name), 40)) }
