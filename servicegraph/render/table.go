package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tempograph/tempograph/servicegraph"
)

// Table writes the edges as a table for terminals, one line each in the order of
// the graph, self edges included: calls, calls per second over the time that the
// spans cover, the share of errors, and quantiles of the latency (see [DOT]).
// Below it are the nodes that requests enter, the totals, and what the report
// says to be careful about.
//
// A line is at most 110 columns wide, mostly less than 80. A dashed arrow is
// a message, a wavy one goes through hidden nodes.
type Table struct{}

// nameWidth is the number of columns a node's name may take.
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
	rows := [][]string{{"SRC", "→", "DST", "CALLS", "RATE", "ERR", "P50", "P95", "P99"}}
	for e := range g.Edges() {
		l, _, _ := e.Latency()
		rows = append(rows, []string{
			tableName(e.ID.From), arrow(e.ID.Kind), tableName(e.ID.To),
			count(e.Calls), rate(g, e.Calls), percent(e.Errors, e.Calls),
			quantile(l, 0.50), quantile(l, 0.95), quantile(l, 0.99),
		})
	}
	writeColumns(out, rows, 3)
	fmt.Fprintln(out)
}

// arrow shows the kind of an edge.
func arrow(k servicegraph.EdgeKind) string {
	switch k {
	case servicegraph.EdgeMessage:
		return "⇢"
	case servicegraph.EdgeBridged:
		return "⇝"
	}
	return "→"
}

// writeColumns aligns the first left columns to the left, the others to the right.
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
	fmt.Fprintln(out, totals(g))
	for _, m := range remarks(g.Report()) {
		fmt.Fprintf(out, "%s: %s\n", plural(float64(m.n), m.what), m.why)
	}
}

func tableName(id servicegraph.NodeID) string { return nodeName(id, nameWidth) }

// minNamespace is the number of columns below which a namespace is not cut before the
// name behind it.
const minNamespace = 4

// nodeName returns namespace/name and, unless it is a service, the type, in at
// most max columns. Where they do not fit, the namespace is cut first, which many nodes
// share.
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

// leftToRightMark, after a name in Hebrew or Arabic, keeps a terminal that sorts
// the writing direction out from reversing the arrow and the numbers behind it.
const leftToRightMark = "\u200e"

func rightToLeft(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}
