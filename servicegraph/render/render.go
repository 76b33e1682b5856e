// Package render writes service graphs as text: DOT and Mermaid diagrams, tables for
// terminals and in Markdown, CSV, GraphML, data frames for Grafana, and JSON. This
// package computes no layout; package draw makes images.
//
// A [Renderer] writes one graph in one format. A renderer is a struct whose fields are
// options; the zero value has the defaults. Renderers only read the graph, keep no
// state and are safe for concurrent use. Equal graphs give equal bytes.
//
// A [Format] is a renderer with a name, file extensions and a line of help, for programs that offer
// a choice of formats. There is no global registry: a program joins the lists of the packages that
// it uses:
//
//	formats := slices.Concat(render.Formats(render.Style{}), draw.Formats(draw.Options{}, 2))
//
// and a program without package draw does not link a layout engine.
//
// Names come from spans and are untrusted. Each format escapes them, characters without
// a glyph become escapes (\n, \u202e, \xff), and a very long name is shortened in the
// middle.
//
// A value that was not measured is shown as "–", never as zero.
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

// A Renderer writes a graph to w in one format. Render returns the first error of w,
// and the output is then incomplete.
type Renderer interface {
	Render(w io.Writer, g *servicegraph.Graph) error
}

// A Format is a way to write a graph that a program offers to users.
type Format struct {
	Name        string   // the user types it: "dot"
	Aliases     []string // other words for the name; none in most formats
	Extensions  []string // of file names, in lower case and with the dot: ".dot"; none if another format has the extension
	Description string   // one line of help, without a period
	Binary      bool     // not suitable for a terminal
	MediaType   string   // without parameters: "text/vnd.graphviz"; text is UTF-8
	Renderer    Renderer
}

// Formats returns the formats of this package. The style applies to those that have
// one.
func Formats(style Style) []Format {
	return []Format{
		{Name: "dot", Extensions: []string{".dot", ".gv"}, Description: "Graphviz DOT, for dot and xdot", MediaType: "text/vnd.graphviz", Renderer: DOT{style}},
		{Name: "mermaid", Extensions: []string{".mmd", ".mermaid"}, Description: "Mermaid flowchart, for GitHub, GitLab and wikis", MediaType: "text/vnd.mermaid", Renderer: Mermaid{style}},
		{Name: "markdown", Extensions: []string{".md", ".markdown"}, Description: "Markdown tables, for issues and pull requests", MediaType: "text/markdown", Renderer: Markdown{style}},
		{Name: "csv", Extensions: []string{".csv"}, Description: "edges as comma-separated values, for spreadsheets", MediaType: "text/csv", Renderer: CSV{}},
		{Name: "graphml", Extensions: []string{".graphml"}, Description: "GraphML, for Gephi, yEd, Cytoscape and NetworkX", MediaType: "application/graphml+xml", Renderer: GraphML{}},
		{Name: "grafana", Description: "data frames for Grafana's node graph panel, in JSON", MediaType: "application/json", Renderer: Grafana{style}},
		{Name: "json", Extensions: []string{".json"}, Description: "nodes, edges and report, for programs", MediaType: "application/json", Renderer: JSON{}},
		{Name: "txt", Aliases: []string{"table"}, Extensions: []string{".txt"}, Description: "table of the edges, for terminals", MediaType: "text/plain", Renderer: Table{Style: style}},
	}
}

// ByName returns the format with the given name or alias. The error lists all names.
func ByName(formats []Format, name string) (Format, error) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name || slices.Contains(f.Aliases, name) })
	if i < 0 {
		names := make([]string, len(formats))
		for j, f := range formats {
			names[j] = f.Name
		}
		return Format{}, fmt.Errorf("unknown format %q: want %s%s", name, list(names), suggest.DidYouMean(name, names))
	}
	return formats[i], nil
}

// ByFileName returns the format for the extension of a file name. Upper and lower case
// are equal. The error lists all extensions.
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

// list joins words with commas and an "or": "a, b or c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
