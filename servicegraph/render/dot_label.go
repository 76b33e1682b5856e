package render

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tempograph/tempograph/servicegraph"
)

// The HTML-like labels of Graphviz.

// heading returns the label of the graph.
func (d DOT) heading(g *servicegraph.Graph) string {
	rows := d.Heading(g, g)
	if marks := d.marksLine(g); marks != "" {
		rows = slices.Insert(rows, min(2, len(rows)), marks)
	}
	for i := range rows {
		rows[i] = font(colorMuted, 10, text(rows[i]))
	}
	if d.Title != "" {
		rows = slices.Insert(rows, 0, font(colorInk, 16, "<B>"+text(shorten(visible(d.Title), 100))+"</B>"))
	}
	return column("LEFT", rows...)
}

// card returns the label of a node: the namespace, if there is one to show; the name and a
// tag; the numbers.
func card(namespace, name, tag string, numbers []string) string {
	title := []string{font(colorInk, 13, "<B>"+name+"</B>")}
	if tag != "" {
		title = append(title, font(colorMuted, 10, tag))
	}
	rows := []string{row("LEFT", "RIGHT", title...), row("LEFT", "RIGHT", numbers...)}
	if namespace != "" {
		rows = slices.Insert(rows, 0, font(colorMuted, 9, namespace))
	}
	return column("LEFT", rows...)
}

// edgeLabel returns the label of an edge. The last row is empty: without it, dot would
// put the text on the line.
func edgeLabel(e servicegraph.Edge, c Caption, s severity) string {
	first := []string{font(colorInk, 10, "<B>"+text(c.Volume)+"</B>")}
	if e.Errors > 0 && c.Errors != "" {
		first = append(first, s.percentage(c))
	}
	align := "CENTER"
	if len(first) > 1 {
		align = "RIGHT"
	}
	rows := []string{row(align, "LEFT", first...)}
	if c.Latency != "" {
		rows = append(rows, font(colorMuted, 9, text(c.Latency)))
	}
	return column("CENTER", append(rows, "")...)
}

// percentage returns a percentage of failed calls, in the colors of the severity.
func (s severity) percentage(c Caption) string {
	t := text(c.Mark + c.Errors + " err")
	if s.level != Healthy {
		t = "<B>" + t + "</B>"
	}
	return font(s.text, 10, t)
}

// font returns HTML in a color and a size.
func font(color string, size int, html string) string {
	return fmt.Sprintf(`<FONT COLOR="%s" POINT-SIZE="%d">%s</FONT>`, color, size, html)
}

// row returns a table of one row. The alignments are those of the first and the last
// cell. The gaps between cells are cells, because Graphviz and browsers drop spaces at
// the ends of a text, each in its own way. A gap has a height, because Graphviz 12
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

// column returns a table of one column.
func column(align string, cells ...string) string {
	begin := `<TR><TD ALIGN="` + align + `">`
	return `<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">` + begin +
		strings.Join(cells, `</TD></TR>`+begin) + `</TD></TR></TABLE>`
}

// cardText returns a name as HTML, shortened to fit on a card. Graphviz without fonts
// underestimates the width of East Asian characters by a sixth; spaces make up for it.
func cardText(name string) string {
	name = shorten(visible(name), 40)
	wide := width(name) - utf8.RuneCountInString(name)
	return text(name) + strings.Repeat("&#160;", (max(wide, 0)+2)/3)
}

// text returns s as the text of a label. Backslashes are doubled, because Graphviz
// replaces escapes such as \N, the name of the node, in labels as well.
func text(s string) string {
	return strings.ReplaceAll(html.EscapeString(s), `\`, `\\`)
}
