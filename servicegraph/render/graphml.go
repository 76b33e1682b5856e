package render

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// GraphML writes the graph in the XML that Gephi, yEd, Cytoscape, igraph and
// NetworkX read. The namespace of a node is a data element, as the type is, and not a
// nested graph, because most readers do not support nested graphs.
//
// Data elements have the units of [CSV]. A value that was not measured has no element. Times are in
// RFC 3339. Names are complete; characters without a glyph are escaped. The id of a node is derived
// from the name and differs from the name.
type GraphML struct{}

// Render writes g to w.
func (GraphML) Render(w io.Writer, g *servicegraph.Graph) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, xml.Header, `<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">`, "\n")
	writeKeys(out, "graph", graphKeys)
	writeKeys(out, "node", nodeKeys)
	writeKeys(out, "edge", edgeKeys)
	fmt.Fprint(out, "<graph id=\"servicegraph\" edgedefault=\"directed\">\n")
	writeReport(out, g)
	names := newIdents()
	for n := range g.Nodes() {
		fmt.Fprintf(out, "<node id=%q>\n", names.node(n.ID))
		writeNodeData(out, n, nodeMeasures(g, n))
		fmt.Fprint(out, "</node>\n")
	}
	i := 0
	for e := range g.Edges() {
		fmt.Fprintf(out, "<edge id=\"e%d\" source=%q target=%q>\n", i, names.node(e.ID.From), names.node(e.ID.To))
		writeEdgeData(out, e, edgeMeasures(g, e))
		fmt.Fprint(out, "</edge>\n")
		i++
	}
	fmt.Fprint(out, "</graph>\n</graphml>\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing GraphML: %w", err)
	}
	return nil
}

func writeReport(out io.Writer, g *servicegraph.Graph) {
	first, last := "", ""
	if from, to := g.TimeRange(); !from.IsZero() && !to.IsZero() {
		first, last = from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano)
	}
	r := g.Report()
	writeData(out, "graph", graphKeys, first, last, float64(r.Traces), float64(r.Spans), float64(r.LeftOutTraces), visible(r.Limited), float64(r.LeftOutNodes), float64(r.LeftOutEdges))
}

func writeNodeData(out io.Writer, n servicegraph.Node, m measures) {
	namespace, selfTime := "", millis(n.SelfTime)
	if n.ID.Namespace != "" {
		namespace = visible(n.ID.Namespace)
	}
	if n.ID.Type != servicegraph.TypeService && n.ID.Type != servicegraph.TypeGroup {
		selfTime = math.NaN() // the node has no spans
	}
	writeData(out, "node", nodeKeys, visible(n.ID.String()), namespace, visible(n.ID.Name), visible(string(n.ID.Type)),
		n.Entries, n.Requests.Calls, n.Requests.Errors, m.errorRate, m.perSecond, m.p50, m.p95, m.p99, m.max, selfTime)
}

func writeEdgeData(out io.Writer, e servicegraph.Edge, m measures) {
	writeData(out, "edge", edgeKeys, visible(string(e.ID.Kind)), e.Calls,
		e.Calls, e.Errors, m.errorRate, m.perSecond, m.p50, m.p95, m.p99, m.max, e.Recovered, e.Retries)
}

// A graphKey declares a data element: a name and the type of the value. Many readers
// show the element named label, and use weight as the thickness of an edge.
type graphKey struct{ name, kind string }

var (
	graphKeys = []graphKey{
		{"first", "string"}, {"last", "string"},
		{"traces", "long"}, {"spans", "long"}, {"left_out_traces", "long"}, {"limited", "string"}, {"left_out_nodes", "long"}, {"left_out_edges", "long"},
	}
	nodeKeys = []graphKey{
		{"label", "string"}, {"namespace", "string"}, {"name", "string"}, {"type", "string"},
		{"entries", "double"}, {"calls", "double"}, {"errors", "double"}, {"error_rate", "double"}, {"calls_per_second", "double"},
		{"p50_ms", "double"}, {"p95_ms", "double"}, {"p99_ms", "double"}, {"max_ms", "double"}, {"self_time_ms", "double"},
	}
	edgeKeys = []graphKey{
		{"kind", "string"}, {"weight", "double"},
		{"calls", "double"}, {"errors", "double"}, {"error_rate", "double"}, {"calls_per_second", "double"},
		{"p50_ms", "double"}, {"p95_ms", "double"}, {"p99_ms", "double"}, {"max_ms", "double"}, {"recovered", "double"}, {"retries", "double"},
	}
)

// writeKeys declares the data elements of an owner: graph, node or edge.
func writeKeys(out io.Writer, owner string, keys []graphKey) {
	for _, k := range keys {
		fmt.Fprintf(out, "<key id=\"%s_%s\" for=\"%[1]s\" attr.name=\"%[2]s\" attr.type=\"%[3]s\"/>\n", owner, k.name, k.kind)
	}
}

// writeData writes the data elements of an owner. A value is a string or a float64,
// one for each key. Empty strings and NaN are left out.
func writeData(out io.Writer, owner string, keys []graphKey, values ...any) {
	for i, k := range keys {
		switch v := values[i].(type) {
		case string:
			if v != "" {
				fmt.Fprintf(out, "  <data key=\"%s_%s\">", owner, k.name)
				xml.EscapeText(out, []byte(v))
				fmt.Fprint(out, "</data>\n")
			}
		case float64:
			if !math.IsNaN(v) {
				fmt.Fprintf(out, "  <data key=\"%s_%s\">%s</data>\n", owner, k.name, plain(v))
			}
		}
	}
}
