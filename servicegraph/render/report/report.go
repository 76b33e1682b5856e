// Package report writes a service graph as a page of HTML to look around in: the
// picture, with pan and zoom, and tables of services and calls beside it, with
// search, filters, and the details of what is selected. A page is one file. It
// fetches nothing, sends nothing, and its Content-Security-Policy holds it to that.
//
// The page is drawn by a [render.Renderer] of SVG, such as that of package draw.
// What it needs to know of the picture are attributes: the groups of nodes and edges
// have data-node and data-edge, the position of the node or edge in the graph that
// was drawn, in the order of Graph.Nodes and Graph.Edges. Colours for dark pages are
// the picture's own, under prefers-color-scheme: dark and [data-theme="dark"]. The lines
// of a group of class heading are shown by the page, beside the picture. Groups have no
// transforms: their coordinates are those of the picture.
//
// # Live pages
//
// A server can keep a page up to date. With [HTML.Live], the page listens to the
// server-sent events of ./events, relative to its own URL:
//
//   - A message says that there is news; its data is a version, any text. If it is
//     another version than the page has seen last, the page fetches ./fragment and
//     shows that: the answer is what [HTML.Fragment] writes. What is selected,
//     searched for and looked at stays.
//   - An event named "problem" carries a line to show to the user, such as why there
//     are no news. The next message takes it away, so one that is to stay is sent
//     again behind it. One named "waiting" does the same for a line that is no problem.
//
// When the connection is lost, the page says so, and connects again.
package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"sort"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// HTML writes a graph as a page. It is safe for concurrent use if SVG is. Names from
// traces are text on the page and never markup, and the policy of the page would not let
// them run.
type HTML struct {
	Style render.Style // what the page says of the graph; without a title it is "Service graph"

	// TraceURL is where a trace can be looked at, with {traceID} in place of its
	// id; http or https. Empty: the ids of traces are no links.
	TraceURL string

	// SVG draws the picture, in the same look. Nil: the page has the tables alone.
	SVG render.Renderer

	// MaxNodes and MaxEdges are the largest graph that is drawn whole; 0 for 250 nodes
	// and 500 edges, which is what package draw takes. Of a larger graph the busiest part
	// is drawn, no more than 80 nodes and 160 edges, because that can be read; the page
	// says so, and the tables have all of it.
	MaxNodes, MaxEdges int

	// Live makes the page listen to the server that it came from; see the package.
	Live bool
}

// Formats returns the formats of this package, written as html says.
func Formats(html HTML) []render.Format {
	return []render.Format{
		{Name: "html", Extensions: []string{".html", ".htm"}, Description: "page to look around in: picture, search, tables; one file", Renderer: html},
	}
}

//go:embed page/page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

//go:embed page/page.css
var style string

// Render writes the page of g to w.
func (h HTML) Render(w io.Writer, g *servicegraph.Graph) error {
	c, err := h.content(g)
	if err != nil {
		return err
	}
	data, err := json.Marshal(c.Data) // escapes <, > and &: it cannot end its element
	if err != nil {
		return fmt.Errorf("encoding the data of the page: %w", err)
	}
	policy, err := h.policy(c.SVG)
	if err != nil {
		return err
	}
	err = pageTemplate.Execute(w, map[string]any{
		"Title":   c.Data.Title,
		"Policy":  policy,
		"Style":   template.CSS(style),
		"Script":  template.JS(script),
		"Data":    template.JS(data),
		"Picture": template.HTML(c.SVG),
		"Live":    h.Live,
	})
	if err != nil {
		return fmt.Errorf("writing HTML: %w", err)
	}
	return nil
}

// Fragment writes what a live page needs to show g in place of the graph that it
// shows: JSON, with the picture in it.
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

// A content is what is different from graph to graph.
type content struct {
	SVG  string `json:"svg"` // empty: no picture
	Data data   `json:"data"`
}

func (h HTML) content(g *servicegraph.Graph) (content, error) {
	if err := CheckTraceURL(h.TraceURL); err != nil {
		return content{}, err
	}
	if h.SVG == nil {
		d, err := h.data(g, nil)
		return content{Data: d}, err
	}
	part := h.drawn(g)
	var svg bytes.Buffer
	if err := h.SVG.Render(&svg, part); err != nil {
		return content{}, err
	}
	d, err := h.data(g, part)
	_, picture, found := strings.Cut(svg.String(), "<svg") // what is before it is for files
	if !found {
		return content{}, fmt.Errorf("the picture is no SVG")
	}
	return content{SVG: "<svg" + picture, Data: d}, err
}

// drawn returns the part of g that fits into the picture.
func (h HTML) drawn(g *servicegraph.Graph) *servicegraph.Graph {
	nodes, edges := h.MaxNodes, h.MaxEdges
	if nodes == 0 {
		nodes = 250
	}
	if edges == 0 {
		edges = 500
	}
	if g.NumNodes() <= nodes && g.NumEdges() <= edges {
		return g
	}
	return busiest(g, min(nodes, partNodes), min(edges, partEdges))
}

// How much is drawn of a graph that is too large.
const (
	partNodes = 80
	partEdges = 160
)

// busiest returns the part of g with the busiest edges, as many as can be had with so
// many nodes and edges, and what else there is between their ends. The busiest nodes
// would not do: in a large graph hardly any of them calls another.
func busiest(g *servicegraph.Graph, nodes, edges int) *servicegraph.Graph {
	edges = min(edges, g.NumEdges())
	tooMany := sort.Search(edges, func(n int) bool { return g.TopEdges(n+1).NumNodes() > nodes })
	if tooMany == 0 {
		return g.Top(nodes)
	}
	part := g.TopEdges(tooMany)
	whole := g.Filter(func(n servicegraph.Node) bool {
		_, is := part.Node(n.ID)
		return is
	})
	return whole.TopEdges(edges)
}

// CheckTraceURL returns an error for what [HTML].TraceURL does not take: what would be
// no link, or one that does more than to lead somewhere.
func CheckTraceURL(tmpl string) error {
	if tmpl == "" {
		return nil
	}
	if !strings.Contains(tmpl, "{traceID}") {
		return fmt.Errorf("trace URL %q: want {traceID} where the id of a trace belongs", tmpl)
	}
	u, err := url.Parse(strings.ReplaceAll(tmpl, "{traceID}", "0"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("trace URL %q: want http://… or https://…", tmpl)
	}
	return nil
}

// policy returns the Content-Security-Policy of the page: nothing but its own
// script and styles, by their hashes, and the styles of the picture.
func (h HTML) policy(svg string) (string, error) {
	styles := source(style)
	inside, err := stylesIn(svg)
	if err != nil {
		return "", fmt.Errorf("reading the picture: %w", err)
	}
	for _, s := range inside {
		styles += " " + source(s)
	}
	policy := "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; script-src " + source(script) + "; style-src " + styles
	if h.Live {
		policy += "; connect-src 'self'"
	}
	return policy, nil
}

// source returns a text of script or style as a policy allows it.
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// stylesIn returns the style sheets in a picture.
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
