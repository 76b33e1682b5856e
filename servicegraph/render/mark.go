package render

import "github.com/tempograph/tempograph/servicegraph"

// Marks replace what an image shows of the nodes and edges of a graph, for images of something
// other than failed calls, such as the difference to another graph. Without a mark, a node or
// an edge has its usual numbers and is healthy. Only images have marks; the formats of tables
// and of data ignore them.
type Marks struct {
	Nodes map[servicegraph.NodeID]Mark
	Edges map[servicegraph.EdgeID]Mark
}

// A Mark is what an image shows of a node or an edge.
type Mark struct {
	Level Level
	Text  string // in place of all numbers
	// Tooltip is put before the measurements in the tooltip; it may have several lines.
	Tooltip string
	Width   float64 // of the line of an edge; 0 means that of the calls
}

// marked changes a caption as the mark says.
func (m Mark) marked(c Caption) Caption {
	c.Level, c.Volume, c.Mark, c.Errors, c.Latency, c.Slow = m.Level, visible(m.Text), "", "", "", false
	if m.Tooltip != "" {
		c.Tooltip = m.Tooltip + "\n" + c.Tooltip
	}
	if m.Width > 0 {
		c.Width = m.Width
	}
	return c
}

// levelOfNode returns the level of a node: that of its mark, or else that of its errors.
func (s Style) levelOfNode(g *servicegraph.Graph, n servicegraph.Node) Level {
	if s.Marks != nil {
		return s.Marks.Nodes[n.ID].Level
	}
	return s.NodeLevel(g, n)
}

// levelOfEdge returns the level of an edge: that of its mark, or else that of its errors.
func (s Style) levelOfEdge(e servicegraph.Edge) Level {
	if s.Marks != nil {
		return s.Marks.Edges[e.ID].Level
	}
	return s.EdgeLevel(e)
}
