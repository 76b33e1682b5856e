package render

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tempograph/tempograph/servicegraph"
)

// DOT writes the graph in the language of Graphviz, to be laid out by its
// program dot, from left to right.
//
// A node is a card with its name, the requests that entered it, the share of
// errors if there are any, and the 95th percentile of its latency. A cylinder is
// a database, an arrow-shaped card a queue, a double border a group of nodes, a
// dashed one a peer without spans of its own. Namespaces are boxes around their
// nodes.
//
// An edge shows its calls, the share of errors if there are any, and, as its
// EdgeText says, the 50th, 95th and 99th percentile of the latency that the caller saw, or that the
// callee saw where no caller has a span. Its width grows with the logarithm of
// the calls. A dashed edge is a message, a dotted one goes through hidden nodes.
// Calls are a rate where the graph has rates: from ten traces and a second on.
//
// What a picture has no room for is in the tooltips: full names (up to 10 kB),
// the latency of both sides, calls per second. The heading says where the graph
// comes from, what was left out, and what the report says to be careful about.
type DOT struct{ Style }

// Grey while all is well, so that trouble stands out. The text has a contrast
// to its background of at least 4.5, a line of at least 3 (WCAG 1.4.3, 1.4.11).
const (
	ink   = "#1c2430"
	muted = "#616b7f"
	line  = "#7c899b" // of edges and cards
)

// A severity is how a level looks in DOT.
type severity struct {
	level    Level
	text     string // colour of the percentage
	line     string // attributes of an edge
	outlined string // attributes of a card
}

func severityOf(l Level) severity {
	switch l {
	case Healthy:
		return severity{text: muted}
	case Warning:
		return severity{l, "#8a5200", ` color="#b86e00"`, ` color="#b86e00" fillcolor="#fdf3e1" penwidth="1.6"`}
	default:
		return severity{l, "#9d1f2a", ` color="#c62b36"`, ` color="#c62b36" fillcolor="#fdecec" penwidth="1.6"`}
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
	// The font is this single name because Graphviz knows how wide it is: of a
	// list of fonts it knows nothing, measures in Times, and the text leaves its
	// card.
	fmt.Fprintf(out, `digraph servicegraph {
graph [rankdir=%s fontname="Helvetica" fontsize=10 bgcolor="#ffffff" pad="0.3" nodesep="0.35" ranksep="0.6" labelloc=t labeljust=l label=<%s>];
node [fontname="Helvetica" fontsize=10 color="%s" fillcolor="#ffffff"];
edge [fontname="Helvetica" fontsize=9 color="%s" arrowsize="0.7"];
`, d.direction(), d.heading(g), line, line)

	captions := d.Captions(g)
	namespace := ""
	for n := range g.Nodes() { // sorted by namespace, those without one first
		if n.ID.Namespace != namespace {
			if namespace != "" {
				fmt.Fprint(out, "}\n")
			}
			namespace = n.ID.Namespace
			fmt.Fprintf(out, `subgraph %s {
style="rounded,filled" color="#e4e7ec" fillcolor="#f8f9fb" penwidth=1 margin=12 tooltip=%s fontcolor="%s" label=<<B>%s</B>>
`, quote(identifier("cluster_"+encode(namespace))), quote("namespace "+shorten(visible(namespace), 2000)), muted, cardText(namespace))
		}
		writeNode(out, n, captions.Node(n))
	}
	if namespace != "" {
		fmt.Fprint(out, "}\n")
	}

	for e := range g.Edges() {
		if d.SelfEdges || e.ID.From != e.ID.To {
			d.writeEdge(out, e, captions.Edge(e))
		}
	}
	fmt.Fprint(out, "}\n")
}

// heading returns the HTML label of the graph.
func (d DOT) heading(g *servicegraph.Graph) string {
	rows := d.Heading(g)
	for i := range rows {
		rows[i] = font(muted, 10, text(rows[i]))
	}
	if d.Title != "" {
		rows = slices.Insert(rows, 0, font(ink, 16, "<B>"+text(shorten(visible(d.Title), 100))+"</B>"))
	}
	return column("LEFT", rows...)
}

func writeNode(out io.Writer, n servicegraph.Node, c Caption) {
	s := severityOf(c.Level)
	numbers := []string{font(muted, 10, text(c.Volume))}
	if n.Requests.Errors > 0 {
		numbers = append(numbers, s.share(c.Errors))
	}
	if c.Latency != "" {
		numbers = append(numbers, font(muted, 10, "p95 "+text(c.Latency)))
	}
	id := NodeID(n.ID)
	fmt.Fprintf(out, "%s [id=%s %s%s label=<%s> tooltip=%s];\n",
		quote(id), quote(id), shape(n.ID.Type), s.outlined, card(cardText(n.ID.Name), text(c.Tag), numbers), quote(c.Tooltip))
}

// shape returns the attributes that tell the types of nodes apart.
func shape(t servicegraph.NodeType) string {
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

// card returns the HTML label of a node: the name with a mark beside it, and the
// numbers below.
func card(name, mark string, numbers []string) string {
	title := []string{font(ink, 13, "<B>"+name+"</B>")}
	if mark != "" {
		title = append(title, font(muted, 10, mark))
	}
	return column("LEFT", row("LEFT", "RIGHT", title...), row("LEFT", "RIGHT", numbers...))
}

func (d DOT) writeEdge(out io.Writer, e servicegraph.Edge, c Caption) {
	s := severityOf(c.Level)
	style := ""
	switch e.ID.Kind {
	case servicegraph.EdgeMessage:
		style = " style=dashed"
	case servicegraph.EdgeBridged:
		style = " style=dotted"
	}
	label := ""
	if d.EdgeText != EdgeNone {
		label = " label=<" + edgeText(e, c, s) + ">"
	}
	fmt.Fprintf(out, "%s -> %s [penwidth=%q%s%s%s tooltip=%s];\n",
		quote(NodeID(e.ID.From)), quote(NodeID(e.ID.To)), trim(LineWidth(e.Calls), 2), s.line, style, label, quote(c.Tooltip))
}

// edgeText returns the HTML label of an edge. The last, empty row keeps the text
// off the line, on which dot would set it otherwise.
func edgeText(e servicegraph.Edge, c Caption, s severity) string {
	first := []string{font(ink, 10, "<B>"+text(c.Volume)+"</B>")}
	if e.Errors > 0 {
		first = append(first, s.share(c.Errors))
	}
	align := "CENTER"
	if len(first) > 1 {
		align = "RIGHT"
	}
	rows := []string{row(align, "LEFT", first...)}
	if c.Latency != "" {
		rows = append(rows, font(muted, 9, text(c.Latency)))
	}
	return column("CENTER", append(rows, "")...)
}

// share returns a share of errors, in the look of the severity.
func (s severity) share(errors string) string {
	t := text(s.level.mark() + errors + " err")
	if s.level != Healthy {
		t = "<B>" + t + "</B>"
	}
	return font(s.text, 10, t)
}

// font returns HTML in a colour and size.
func font(color string, size int, html string) string {
	return fmt.Sprintf(`<FONT COLOR="%s" POINT-SIZE="%d">%s</FONT>`, color, size, html)
}

// row returns pieces of HTML beside each other, the first and the last aligned
// as told. The gaps are cells, because Graphviz and browsers drop spaces at the
// ends of a text, each in their own way. They have a height, because Graphviz 12
// aborts at an empty cell without one.
func row(first, last string, cells ...string) string {
	var b strings.Builder
	b.WriteString(`<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>`)
	for i, cell := range cells {
		align := "CENTER"
		switch {
		case i == 0:
			align = first
		case i == len(cells)-1:
			align = last
		}
		if i > 0 {
			b.WriteString(`<TD WIDTH="8" HEIGHT="1"></TD>`)
		}
		fmt.Fprintf(&b, `<TD ALIGN="%s">%s</TD>`, align, cell)
	}
	b.WriteString(`</TR></TABLE>`)
	return b.String()
}

// column returns pieces of HTML below each other.
func column(align string, cells ...string) string {
	begin := `<TR><TD ALIGN="` + align + `">`
	return `<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">` + begin +
		strings.Join(cells, `</TD></TR>`+begin) + `</TD></TR></TABLE>`
}

// cardText returns a name as HTML that fits on a card. Where Graphviz has no
// fonts to measure with, it takes East Asian characters for a sixth narrower than
// they are; spaces make up for that.
func cardText(name string) string {
	name = shorten(visible(name), 40)
	wide := width(name) - utf8.RuneCountInString(name)
	return text(name) + strings.Repeat("&#160;", (max(wide, 0)+2)/3)
}

// text returns s as the text of an HTML label, in which Graphviz still replaces
// \N by the name of the node, and the like.
func text(s string) string {
	return strings.ReplaceAll(html.EscapeString(s), `\`, `\\`)
}

// quote returns s as a DOT string that is a tooltip or has no backslashes. A line
// feed becomes a line break of Graphviz; everything else comes out as it went in.
// In tooltips Graphviz replaces \N and the like twice.
func quote(s string) string {
	return `"` + quoter.Replace(s) + `"`
}

var quoter = strings.NewReplacer(`\`, `\\\\`, `"`, `\"`, "\n", `\n`, "&", "&amp;")
