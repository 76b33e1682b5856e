package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tempograph/tempograph/servicegraph"
)

// Markdown writes the content of [Table] as GitHub Markdown tables, for issues, pull
// requests and post-mortems, with the same marks.
//
// Names are written as code, so that no name becomes a link, an image, a mention of a
// user, or other markup.
type Markdown struct{ Style }

// markdownWidth is the largest width of a name, in columns.
const markdownWidth = 60

// Render writes g to w.
func (m Markdown) Render(w io.Writer, g *servicegraph.Graph) error {
	out := bufio.NewWriter(w)
	m.writeHeading(out, g)
	m.writeEdges(out, g)
	writeMarkdownEntries(out, g)
	for i, remark := range Remarks(g) {
		if i == 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "- %s\n", remark)
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
	fmt.Fprintf(out, "Service graph%s: %s\n", of, summary(g))
}

func (m Markdown) writeEdges(out io.Writer, g *servicegraph.Graph) {
	if g.NumEdges() == 0 {
		fmt.Fprint(out, "\nNo calls between services.\n")
		return
	}
	edges, shown, values := m.edgeTable(g)
	heading, rule := []string{"Caller", "", "Callee"}, []string{":--", ":-:", ":--"}
	for _, c := range shown {
		heading, rule = append(heading, c.markdown), append(rule, "--:")
	}
	rows := [][]string{heading, rule}
	for i, e := range edges {
		row := []string{code(nodeName(e.ID.From, markdownWidth)), arrow(e.ID.Kind), code(nodeName(e.ID.To, markdownWidth))}
		for _, c := range values[i] {
			row = append(row, c.text)
		}
		rows = append(rows, row)
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

// writeMarkdownTable writes an empty line and a table. The source text is aligned as
// well: the first left columns to the left, the others to the right.
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

// code returns s as inline code for a table cell. If s contains a character that would end the code
// or the cell, the result is HTML in which every special character of Markdown is a character
// reference.
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
