package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tempograph/tempograph/servicegraph"
)

// Markdown writes what [Table] shows as tables of GitHub's Markdown, for issues,
// pull requests and post-mortems. From 1 % of errors on, their share is marked ▲,
// from 5 % on ●.
//
// Names are written as code, so that none of them is a link, an image, a mention
// of a user, or markup of any kind.
type Markdown struct{ Style }

// markdownWidth is the number of columns a node's name may take.
const markdownWidth = 60

// Render writes g to w.
func (m Markdown) Render(w io.Writer, g *servicegraph.Graph) error {
	out := bufio.NewWriter(w)
	m.writeHeading(out, g)
	m.writeEdges(out, g)
	writeMarkdownEntries(out, g)
	for i, m := range remarks(g.Report()) {
		if i == 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "- %s: %s\n", plural(float64(m.n), m.what), m.why)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing Markdown: %w", err)
	}
	return nil
}

func (m Markdown) writeHeading(out io.Writer, g *servicegraph.Graph) {
	of := ""
	if m.Title != "" {
		of = " of " + code(shorten(visible(m.Title), 100))
	}
	fmt.Fprintf(out, "Service graph%s: %s\n", of, totals(g))
}

func (m Markdown) writeEdges(out io.Writer, g *servicegraph.Graph) {
	if g.NumEdges() == 0 {
		fmt.Fprint(out, "\nNo calls between services.\n")
		return
	}
	rows := [][]string{
		{"Caller", "", "Callee", "Calls", "Rate", "Errors", "p50", "p95", "p99"},
		{":--", ":-:", ":--", "--:", "--:", "--:", "--:", "--:", "--:"},
	}
	for e := range g.Edges() {
		l, _, _ := e.Latency()
		rows = append(rows, []string{
			code(nodeName(e.ID.From, markdownWidth)), arrow(e.ID.Kind), code(nodeName(e.ID.To, markdownWidth)),
			count(e.Calls), rate(g, e.Calls), m.Level(e.Errors, e.Calls).mark() + percent(e.Errors, e.Calls),
			quantile(l, 0.50), quantile(l, 0.95), quantile(l, 0.99),
		})
	}
	writeMarkdownTable(out, rows, 3)
}

func writeMarkdownEntries(out io.Writer, g *servicegraph.Graph) {
	rows := [][]string{{"Entry", "Requests"}, {":--", "--:"}}
	for n := range g.Nodes() {
		if n.Entries > 0 {
			rows = append(rows, []string{code(nodeName(n.ID, markdownWidth)), count(n.Entries)})
		}
	}
	if len(rows) > 2 {
		writeMarkdownTable(out, rows, 1)
	}
}

// writeMarkdownTable writes an empty line and a table that is aligned in the text,
// too: the first left columns to the left, the others to the right.
func writeMarkdownTable(out io.Writer, rows [][]string, left int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], width(cell))
		}
	}
	for i, row := range rows {
		if i == 0 {
			fmt.Fprintln(out)
		}
		for j, cell := range row {
			pad := strings.Repeat(" ", widths[j]-width(cell))
			if j < left {
				fmt.Fprint(out, "| ", cell, pad, " ")
			} else {
				fmt.Fprint(out, "| ", pad, cell, " ")
			}
		}
		fmt.Fprintln(out, "|")
	}
}

// code returns s as a span of code that can stand in a table. With characters in
// it that end a span or a cell, it is HTML, and nothing in it is left to mean
// anything to Markdown.
func code(s string) string {
	if !strings.ContainsAny(s, "`|\\") {
		return "`" + s + "`"
	}
	var b strings.Builder
	for _, r := range s {
		if r > unicode.MaxASCII || r == ' ' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return "<code>" + b.String() + "</code>"
}
