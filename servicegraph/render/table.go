package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tempograph/tempograph/servicegraph"
)

// Table writes a table of the edges for terminals, self edges included, in the order of
// the graph. A line has the calls, the rate over the time range of the spans, the
// percentage of failed calls, and quantiles of the latency (see [DOT]). All rates are in the
// unit that suits the busiest edge. Below the table are the entry nodes, a summary, and the
// warnings of the report.
//
// A line is at most 110 columns wide, most lines are narrower than 80. A dashed arrow
// is a message, a wavy arrow goes through hidden nodes.
type Table struct{}

// nameWidth is the largest width of a name, in columns.
const nameWidth = 28

// Render writes g to w.
func (Table) Render(w io.Writer, g *servicegraph.Graph) error {
	out := bufio.NewWriter(w)
	writeEdges(out, g)
	writeEntries(out, g)
	writeFooter(out, g)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing table: %w", err)
	}
	return nil
}

func writeEdges(out io.Writer, g *servicegraph.Graph) {
	if g.NumEdges() == 0 {
		fmt.Fprint(out, "No calls between services.\n\n")
		return
	}
	rate := columnRate(g)
	rows := [][]string{{"SRC", "→", "DST", "CALLS", "RATE", "ERR", "P50", "P95", "P99"}}
	for e := range g.Edges() {
		l, _, _ := e.Latency()
		rows = append(rows, []string{
			tableName(e.ID.From), arrow(e.ID.Kind), tableName(e.ID.To),
			count(e.Calls), rate(e.Calls), percent(e.Errors, e.Calls),
			quantile(l, 0.50), quantile(l, 0.95), quantile(l, 0.99),
		})
	}
	writeColumns(out, rows, 3)
	fmt.Fprintln(out)
}

// columnRate returns a function that formats numbers of calls of an edge as rates, all in
// the unit that suits the busiest edge, so that a reader can compare them.
func columnRate(g *servicegraph.Graph) func(calls float64) string {
	most := 0.0
	for e := range g.Edges() {
		most = max(most, e.Calls)
	}
	perSecond, known := g.Rate(most)
	if !known {
		return func(float64) string { return unknown }
	}
	unit := periodOf(perSecond)
	return func(calls float64) string {
		perSecond, _ := g.Rate(calls)
		return unit.rate(perSecond)
	}
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
func writeColumns(out io.Writer, rows [][]string, left int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], width(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-width(cell))
			switch {
			case i == 0:
				fmt.Fprint(out, cell, pad)
			case i < left:
				fmt.Fprint(out, " ", cell, pad)
			default:
				fmt.Fprint(out, "  ", pad, cell)
			}
		}
		fmt.Fprintln(out)
	}
}

func writeEntries(out io.Writer, g *servicegraph.Graph) {
	var rows [][]string
	for n := range g.Nodes() {
		if n.Entries > 0 {
			rows = append(rows, []string{"Entry", tableName(n.ID), plural(n.Entries, "request")})
		}
	}
	if len(rows) > 0 {
		writeColumns(out, rows, 2)
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

// minNamespace is the smallest width of a shortened namespace, in columns. Where less
// room is left, the whole text is shortened in the middle instead.
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
