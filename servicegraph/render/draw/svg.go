package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// fonts are those as wide as Helvetica, in whose widths the text was measured.
const fonts = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif"

// contents is what a picture shows.
type contents struct {
	texts map[string]int // number of texts of each node, by its id
	edges []int          // number of texts of each edge
}

// finish makes a document of what Graphviz has written, with a title and a
// description for those who cannot see it, tooltips as browsers expect them, and
// fonts that exist. It also returns what is in it.
//
// It copies most of the text rather than encode it anew, because encoding/xml
// would move the namespaces to every element.
func finish(svg []byte, title, description string) ([]byte, contents, error) {
	if title == "" {
		title = "Service graph"
	}
	var out []byte
	drawn := contents{texts: make(map[string]int)}
	element := "" // class of the element of the graph we are in: node, edge, cluster
	node := ""    // its id, if it is a node
	tooltip := 0  // where its tooltip belongs
	name := false // in Graphviz's own title, which is the name in DOT

	dec := xml.NewDecoder(bytes.NewReader(svg))
	for {
		begin := dec.InputOffset()
		token, err := dec.RawToken()
		if err == io.EOF {
			return out, drawn, nil
		}
		if err != nil {
			return nil, contents{}, fmt.Errorf("reading graphviz's SVG: %w", err)
		}
		raw := svg[begin:dec.InputOffset()]

		switch t := token.(type) {
		case xml.Directive, xml.Comment: // a DTD on the web, remarks
			continue
		case xml.CharData:
			if name || bytes.Equal(raw, []byte("\n")) && bytes.HasSuffix(out, raw) {
				continue
			}
		case xml.StartElement:
			switch t.Name.Local {
			case "svg":
				out = append(out, `<svg role="img" font-family="`+fonts+`"`...)
				out = append(out, bytes.TrimPrefix(raw, []byte("<svg"))...)
				out = append(out, "\n"+textElement("title", title)+"\n"+textElement("desc", description)...)
				continue
			case "g":
				switch class := attr(t, "class"); class {
				case "node":
					element, node = class, attr(t, "id")
					drawn.texts[node] = 0
				case "edge":
					element = class
					drawn.edges = append(drawn.edges, 0)
				case "graph", "cluster":
					element = class
				}
			case "title":
				name, tooltip = true, len(out)
				continue
			case "a": // carries the tooltip, and no link
				out = slices.Insert(out, tooltip, []byte(textElement("title", attr(t, "title")))...)
				continue
			case "text":
				switch element {
				case "node":
					drawn.texts[node]++
				case "edge":
					drawn.edges[len(drawn.edges)-1]++
				}
				raw = bytes.Replace(raw, []byte(` font-family="`+attr(t, "font-family")+`"`), nil, 1)
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "title":
				name = false
				continue
			case "a":
				continue
			}
		}
		out = append(out, raw...)
	}
}

// verify makes sure that the picture shows all of g. It is needed because
// Graphviz, where it fails, mostly keeps that to itself and leaves something out.
func (c contents) verify(dot render.DOT, g *servicegraph.Graph) error {
	if len(c.texts) == 0 && g.NumNodes() > 0 {
		return errors.New("graphviz wrote no picture")
	}
	for n := range g.Nodes() {
		if id := render.NodeID(n.ID); c.texts[id] == 0 {
			return fmt.Errorf("graphviz left out node %s", id)
		}
	}
	edges := 0
	for e := range g.Edges() {
		if dot.SelfEdges || e.ID.From != e.ID.To {
			edges++
		}
	}
	if len(c.edges) != edges {
		return fmt.Errorf("graphviz drew %d of %d edges", len(c.edges), edges)
	}
	if !dot.WithoutEdgeText && slices.Contains(c.edges, 0) {
		return errors.New("graphviz left out the text of an edge")
	}
	return nil
}

// attr returns the value of an attribute, whatever its namespace.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// textElement returns an element that holds a text. What XML cannot hold becomes
// U+FFFD.
func textElement(name, text string) string {
	var b bytes.Buffer
	b.WriteString("<" + name + ">")
	xml.EscapeText(&b, []byte(text)) // cannot fail: a Buffer takes everything
	b.WriteString("</" + name + ">")
	return b.String()
}
