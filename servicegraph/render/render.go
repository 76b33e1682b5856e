// Package render writes service graphs as text: DOT and Mermaid to be drawn by
// others, tables for terminals and in Markdown, CSV, GraphML, data frames for
// Grafana, and JSON. Nothing here computes a layout; package draw, below this one,
// makes pictures.
//
// A [Renderer] writes one graph in one format. Renderers are structs whose
// fields are their options; the zero value is the usual form. They only read the
// graph, keep no state and are safe for concurrent use. Equal graphs give equal
// bytes.
//
// A [Format] is a renderer with the name, the file extensions and the line of
// help that a program offers it under. There is no global registry: a program
// joins the lists it wants,
//
//	formats := slices.Concat(render.Formats(render.Style{}), draw.Formats(draw.Options{}))
//
// and one that lists only the text formats does not link a layout engine.
//
// Names come from the spans and are not to be trusted: they are escaped for each
// format, characters without a glyph are shown as escapes (\n, \u202e, \xff), and
// a very long name is shortened in the middle.
//
// A value that nobody measured is shown as "–", never as a zero.
package render

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
)

// A Renderer writes a graph to w in one format. It returns the first error of
// w; what was written before it is not a complete document.
type Renderer interface {
	Render(w io.Writer, g *servicegraph.Graph) error
}

// A Format is one way to write a graph, as a program offers it to its users.
type Format struct {
	Name        string   // what the user types: "dot"
	Extensions  []string // of file names, lower case and with the dot: ".dot"; none if others have better claims to it
	Description string   // one line of help, without a full stop
	Binary      bool     // not fit for a terminal
	Renderer    Renderer
}

// Formats returns the formats of this package, in a look as far as they have one.
func Formats(look Style) []Format {
	return []Format{
		{Name: "dot", Extensions: []string{".dot", ".gv"}, Description: "Graphviz DOT, for dot and xdot", Renderer: DOT{look}},
		{Name: "mermaid", Extensions: []string{".mmd", ".mermaid"}, Description: "Mermaid flowchart, drawn by GitHub, GitLab and wikis", Renderer: Mermaid{look}},
		{Name: "markdown", Extensions: []string{".md", ".markdown"}, Description: "Markdown tables, for issues and pull requests", Renderer: Markdown{look}},
		{Name: "csv", Extensions: []string{".csv"}, Description: "edges as comma-separated values, for spreadsheets", Renderer: CSV{}},
		{Name: "graphml", Extensions: []string{".graphml"}, Description: "GraphML, for Gephi, yEd, Cytoscape and NetworkX", Renderer: GraphML{}},
		{Name: "grafana", Description: "data frames for Grafana's node graph panel, in JSON", Renderer: Grafana{look}},
		{Name: "json", Extensions: []string{".json"}, Description: "nodes, edges and report, for programs", Renderer: JSON{}},
		{Name: "txt", Extensions: []string{".txt"}, Description: "table of the edges, for terminals", Renderer: Table{}},
	}
}

// ByName returns the format with the given name. The error lists the names
// there are.
func ByName(formats []Format, name string) (Format, error) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		names := make([]string, len(formats))
		for j, f := range formats {
			names[j] = f.Name
		}
		return Format{}, fmt.Errorf("unknown format %q: want %s%s", name, list(names), suggest.DidYouMean(name, names))
	}
	return formats[i], nil
}

// ByFileName returns the format that the extension of a file name stands for,
// in upper or lower case. The error lists the extensions there are.
func ByFileName(formats []Format, name string) (Format, error) {
	ext := strings.ToLower(filepath.Ext(name))
	var known []string
	for _, f := range formats {
		if slices.Contains(f.Extensions, ext) {
			return f, nil
		}
		known = append(known, f.Extensions...)
	}
	if ext == "" {
		return Format{}, fmt.Errorf("file name %q has no extension: want %s", name, list(known))
	}
	return Format{}, fmt.Errorf("unknown extension %q of %q: want %s", ext, name, list(known))
}

// list joins words as English does: "a, b or c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
