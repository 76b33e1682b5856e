// Package report writes a service graph as an interactive HTML report: a diagram with pan
// and zoom, tables of services and calls, search, filters, and details of the selected
// service or call. A report is one file. It loads and sends nothing, and its
// Content-Security-Policy enforces this.
//
// A [render.Renderer] of SVG, such as the one of package draw, draws the diagram. The
// report relies on the following properties of the SVG:
//
//   - The groups of nodes and edges have the attributes data-node and data-edge, with the
//     position of the node or edge in Graph.Nodes or Graph.Edges of the drawn graph.
//   - The SVG has its own colors for dark pages, under prefers-color-scheme: dark and
//     [data-theme="dark"].
//   - The heading is a group with the class heading. The report hides the heading and
//     shows its lines below the diagram.
//   - Groups have no transforms, so their coordinates are those of the SVG.
//
// With [HTML.Parts], the report computes layouts itself: when the reader filters the graph, hides
// namespaces or shows the surroundings of a node, the report lays out the nodes that remain. The
// report contains Graphviz, as WebAssembly in a worker. In a browser without WebAssembly, filters
// only hide nodes and edges, and the layout stays.
//
// # Live reports
//
// A server can keep a report up to date. With [HTML.Live], the report listens to the
// server-sent events of ./events, relative to the URL of the report:
//
//   - A message announces a version of the graph, which may be any text. If the version
//     differs from the last one, the report fetches ./fragment and shows it. The response
//     is the output of [HTML.Fragment]. The selection, the search and the view stay.
//   - An event named "problem" has a line of text for the user, such as the reason why
//     there is no new version. The next message removes the line, so the server repeats a
//     problem that persists after each message. An event named "waiting" does the same for
//     a line that is not a problem.
//
// With [HTML.Windows] or [HTML.CanClear], the report sends commands as JSON: a POST of
// {"window": "5m"} or {"clear": true} to ./control. The request has the header
// Tempograph-Control, which pages of other sites cannot send, so the server should refuse
// requests without it. An answer without the status 2xx has a line of text for the user.
//
// When the connection is lost, the report shows a note and reconnects.
package report

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"

	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// HTML writes a graph as an interactive HTML report. It is safe for concurrent use if SVG
// is. Names from traces become text, never markup, and the Content-Security-Policy would
// not let a script in a name run.
type HTML struct {
	Style render.Style // the default title is "Service graph"

	// TraceURL is the http or https URL of a trace, with {traceID} in place of the trace
	// id. Empty: trace ids are not links.
	TraceURL string

	// SVG draws the diagram and should have the same style. Nil: the report has only the
	// tables.
	SVG render.Renderer

	// Parts writes the parts of the diagram, in the JSON that package draw documents, so that the
	// report can lay out a filtered graph without a server. This needs Graphviz, which adds 0.6 MB
	// to the report. Nil: filters only hide parts of the diagram.
	Parts render.Renderer

	// MaxNodes and MaxEdges limit the graphs that are drawn completely; 0 means 150 nodes and 300
	// edges, the limits of package draw. Namespaces of a larger graph are collapsed, and the
	// diagram shows the most important part of the result, at most 80 nodes and 160 edges: see
	// [render.Style.Overview]. The report says so. The tables are always complete. A click on a
	// namespace shows its nodes.
	MaxNodes, MaxEdges int

	// Reach has texts about what the failure of a node reaches, such as "7 of 9 entries, 64% of
	// requests", and EdgeReach has such texts for edges. The panel of a node or an edge shows its
	// text. Without a text, the panel has no such row.
	Reach     map[servicegraph.NodeID]string
	EdgeReach map[servicegraph.EdgeID]string

	// Live makes the report listen to its server: see the package documentation.
	Live bool

	// Windows are the ranges of time that a live report offers, such as "5m" and "all", and
	// Window is the current one. With CanClear, a live report offers to clear the graph.
	// The report sends the choice to its server.
	Windows  []string
	Window   string
	CanClear bool
}

// Formats returns the formats of this package.
func Formats(html HTML) []render.Format {
	return []render.Format{
		{Name: "html", Extensions: []string{".html", ".htm"}, Description: "interactive HTML report: diagram, search, tables; one file", MediaType: "text/html", Renderer: html},
	}
}

//go:embed page/page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

//go:embed page/page.css
var style string

// graphviz is the library that computes layouts in the report, compressed. See
// page/library/README.md.
//
//go:embed page/library/viz-global.js.gz
var graphviz []byte

// Render writes the report of g to w.
func (h HTML) Render(w io.Writer, g *servicegraph.Graph) error {
	c, err := h.content(g)
	if err != nil {
		return err
	}
	data, err := json.Marshal(c.Data) // Marshal escapes <, > and &, so the data cannot end the script element
	if err != nil {
		return fmt.Errorf("encoding the data of the report: %w", err)
	}
	policy, err := h.policy(c)
	if err != nil {
		return err
	}
	parts, library := "", ""
	if c.Parts != nil {
		if parts, err = compressed(c.Parts); err != nil {
			return err
		}
		library = base64.StdEncoding.EncodeToString(graphviz)
	}
	err = pageTemplate.Execute(w, map[string]any{
		"Title":   c.Data.Title,
		"Policy":  policy,
		"Style":   template.CSS(style),
		"Script":  template.JS(script),
		"Data":    template.JS(data),
		"Diagram": template.HTML(c.SVG),
		"Live":    h.Live,
		"Warn":    render.PercentText(cmp.Or(h.Style.Warn, 0.01), 1), // the defaults of package render
		"Error":   render.PercentText(cmp.Or(h.Style.Error, 0.05), 1),
		"Parts":   template.HTML(parts),
		"Library": template.HTML(library),
	})
	if err != nil {
		return fmt.Errorf("writing HTML: %w", err)
	}
	return nil
}

// Fragment writes the JSON with which a live report replaces its graph by g: the diagram and
// the data of the tables.
func (h HTML) Fragment(w io.Writer, g *servicegraph.Graph) error {
	c, err := h.content(g)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(w).Encode(c); err != nil {
		return fmt.Errorf("writing a fragment: %w", err)
	}
	return nil
}

// A content is the part of a report that depends on the graph.
type content struct {
	SVG   string          `json:"svg"` // empty: no diagram
	Data  data            `json:"data"`
	Parts json.RawMessage `json:"parts,omitempty"`
}

func (h HTML) content(g *servicegraph.Graph) (content, error) {
	if err := CheckTraceURL(h.TraceURL); err != nil {
		return content{}, err
	}
	if h.SVG == nil {
		d, err := h.data(g, nil, nil)
		return content{Data: d}, err
	}
	overview, part := h.drawn(g)
	var svg bytes.Buffer
	if err := h.SVG.Render(&svg, part); err != nil {
		return content{}, err
	}
	d, err := h.data(g, overview, part)
	_, element, found := strings.Cut(svg.String(), "<svg") // an XML declaration may come before
	if !found {
		return content{}, fmt.Errorf("the diagram is not SVG")
	}
	if err != nil {
		return content{}, err
	}
	c := content{SVG: "<svg" + element, Data: d}
	if h.Parts != nil {
		var parts bytes.Buffer
		if err := h.Parts.Render(&parts, g); err != nil {
			return content{}, err
		}
		c.Parts = parts.Bytes()
	}
	return c, nil
}

// drawn returns g with collapsed namespaces, if g is too large to be drawn completely, and the part
// of that graph in the diagram.
func (h HTML) drawn(g *servicegraph.Graph) (overview, part *servicegraph.Graph) {
	l := h.limits()
	if g.NumNodes() <= l.Nodes && g.NumEdges() <= l.Edges {
		return g, g
	}
	return h.Style.Overview(g, min(l.Nodes, l.PartNodes), min(l.Edges, l.PartEdges))
}

// limits returns the limits of the diagram.
func (h HTML) limits() limits {
	return limits{Nodes: cmp.Or(h.MaxNodes, 150), Edges: cmp.Or(h.MaxEdges, 300), PartNodes: partNodes, PartEdges: partEdges}
}

// The largest part of a graph that is drawn if the graph exceeds the limits.
const (
	partNodes = 80
	partEdges = 160
)

// CheckTraceURL returns an error if [HTML].TraceURL cannot be the given text: {traceID} is
// missing, or the text is not an http or https URL.
func CheckTraceURL(tmpl string) error {
	if tmpl == "" {
		return nil
	}
	if !strings.Contains(tmpl, "{traceID}") {
		return fmt.Errorf("trace URL %q: want {traceID} in place of the trace id", redact.URL(tmpl))
	}
	u, err := url.Parse(strings.ReplaceAll(tmpl, "{traceID}", "0"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("trace URL %q: want http://… or https://…", redact.URL(tmpl))
	}
	return nil
}

// policy returns the Content-Security-Policy of the report. It allows, by their hashes, only
// the script and the style sheet of the report and the style sheets of the diagram, and, if
// the report has Graphviz, a worker that runs WebAssembly. The worker has the same policy.
func (h HTML) policy(c content) (string, error) {
	styles := source(style)
	inside, err := stylesIn(c.SVG)
	if err != nil {
		return "", fmt.Errorf("reading the diagram: %w", err)
	}
	for _, s := range inside {
		styles += " " + source(s)
	}
	policy := "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; script-src " + source(script)
	if c.Parts != nil { // Graphviz is WebAssembly in a worker, whose script the report makes
		policy += " 'wasm-unsafe-eval'; worker-src blob:"
	}
	policy += "; style-src " + styles
	if h.Live {
		policy += "; connect-src 'self'"
	}
	return policy, nil
}

// compressed returns a text as the report reads it: compressed by gzip, in base64.
func compressed(text []byte) (string, error) {
	var b bytes.Buffer
	encoder := base64.NewEncoder(base64.StdEncoding, &b)
	w := gzip.NewWriter(encoder)
	if _, err := w.Write(text); err != nil {
		return "", fmt.Errorf("compressing: %w", err)
	}
	if err := errors.Join(w.Close(), encoder.Close()); err != nil {
		return "", fmt.Errorf("compressing: %w", err)
	}
	return b.String(), nil
}

// source returns the notation of a policy for a script or a style sheet.
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// stylesIn returns the style sheets in an SVG.
func stylesIn(svg string) (styles []string, err error) {
	dec := xml.NewDecoder(strings.NewReader(svg))
	inside := false
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return styles, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if inside = t.Name.Local == "style"; inside {
				styles = append(styles, "")
			}
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				styles[len(styles)-1] += string(t)
			}
		}
	}
}
