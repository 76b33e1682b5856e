package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tempograph/tempograph/servicegraph"
)

// Table writes a table of the edges for terminals, self edges included, with the columns
// and in the order of the style. Below the table are the entry nodes, a summary, and the
// warnings of the report.
//
// The percentage of failed calls is marked ▲ from 1 % on and ● from 5 % on, unless the style has
// other thresholds, and ○ if it is a warning at most because the callers recovered. With the
// default columns, a line is at most 120 columns wide, and most lines are narrower than 80. A
// dashed arrow is a message, a wavy arrow goes through hidden nodes.
type Table struct {
	Style
	Color bool // color nodes and edges with a level above Healthy, with the control sequences of terminals
}

// nameWidth is the largest width of a name, in columns.
const nameWidth = 28

// Render writes g to w.
func (t Table) Render(w io.Writer, g *servicegraph.Graph) error {
	out := bufio.NewWriter(w)
	t.writeEdges(out, g)
	t.writeEntries(out, g)
	writeFooter(out, g)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing table: %w", err)
	}
	return nil
}

func (t Table) writeEdges(out io.Writer, g *servicegraph.Graph) {
	if g.NumEdges() == 0 {
		fmt.Fprint(out, "No calls between services.\n\n")
		return
	}
	edges, shown, values := t.edgeTable(g)
	heading := []cell{{text: "SRC"}, {text: "→"}, {text: "DST"}}
	for _, c := range shown {
		heading = append(heading, cell{text: c.table})
	}
	rows := [][]cell{heading}
	for i, e := range edges {
		level := t.EdgeLevel(e)
		ends := []cell{{text: tableName(e.ID.From)}, {text: arrow(e.ID.Kind)}, {tableName(e.ID.To), level}}
		rows = append(rows, append(ends, values[i]...))
	}
	t.writeColumns(out, rows, 3)
	fmt.Fprintln(out)
}

// arrow returns the arrow for a kind of edge.
func arrow(k servicegraph.EdgeKind) string {
	switch k {
	case servicegraph.EdgeMessage:
		return "⇢"
	case servicegraph.EdgeBridged:
		return "⇝"
	}
	return "→"
}

// writeColumns writes a table: the first left columns aligned to the left, the others
// to the right.
func (t Table) writeColumns(out io.Writer, rows [][]cell, left int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], width(c.text))
		}
	}
	for _, row := range rows {
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-width(c.text))
			text := t.colored(c)
			switch {
			case i == 0:
				fmt.Fprint(out, text, pad)
			case i < left:
				fmt.Fprint(out, " ", text, pad)
			default:
				fmt.Fprint(out, "  ", pad, text)
			}
		}
		fmt.Fprintln(out)
	}
}

// colored returns the text of a cell, in the color of its level on a terminal with colors.
func (t Table) colored(c cell) string {
	if !t.Color || c.level == Healthy {
		return c.text
	}
	return [...]string{Warning: "\x1b[33m", Failing: "\x1b[1;31m"}[c.level] + c.text + "\x1b[0m"
}

func (t Table) writeEntries(out io.Writer, g *servicegraph.Graph) {
	var rows [][]cell
	for n := range g.Nodes() {
		if n.Entries > 0 {
			rows = append(rows, []cell{{text: "Entry"}, {text: tableName(n.ID)}, {text: plural(n.Entries, "request")}})
		}
	}
	if len(rows) > 0 {
		t.writeColumns(out, rows, 2)
		fmt.Fprintln(out)
	}
}

func writeFooter(out io.Writer, g *servicegraph.Graph) {
	fmt.Fprintln(out, summary(g))
	for _, remark := range Remarks(g) {
		fmt.Fprintln(out, remark)
	}
}

func tableName(id servicegraph.NodeID) string { return nodeName(id, nameWidth) }

// minNamespace is the smallest width of a shortened namespace, in columns. If less room is left,
// the whole text is shortened in the middle instead.
const minNamespace = 4

// nodeName returns namespace/name, and the type unless the node is a service, in at
// most max columns. A text that does not fit loses part of the namespace first, because
// many nodes share a namespace.
func nodeName(id servicegraph.NodeID, max int) string {
	var kind string
	if id.Type != servicegraph.TypeService {
		kind = " [" + shorten(visible(string(id.Type)), 10) + "]"
	}
	room := max - width(kind)
	name := visible(id.String())
	if left := room - width("/"+visible(id.Name)); id.Namespace != "" && left >= minNamespace {
		name = shorten(visible(id.Namespace), left) + "/" + visible(id.Name)
	}
	name = shorten(name, room) + kind
	if strings.ContainsFunc(name, rightToLeft) {
		name += leftToRightMark
	}
	return name
}

// leftToRightMark follows a name in Hebrew or Arabic. Without it, a terminal that
// supports both writing directions would reverse the arrow and the numbers after the
// name.
const leftToRightMark = "\u200e"

func rightToLeft(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}
