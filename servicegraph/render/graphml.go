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
// NetworkX read. The namespaces of nodes are data like their types, not nested
// graphs, which most readers do not take.
//
// Data have the units of [CSV]; what was not measured is left out. The time is in
// RFC 3339. Names are in full, characters without a glyph shown as escapes; the
// ids of nodes are made of them but not the same.
type GraphML struct{}

// Render writes g to w.
func (GraphML) Render(w io.Writer, g *servicegraph.Graph) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, xml.Header, `<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">`, "\n")
	for _, owner := range []struct {
		name string
		keys []graphKey
	}{{"graph", graphKeys}, {"node", nodeKeys}, {"edge", edgeKeys}} {
		for _, k := range owner.keys {
			fmt.Fprintf(out, "<key id=\"%s_%s\" for=\"%[1]s\" attr.name=\"%[2]s\" attr.type=\"%[3]s\"/>\n", owner.name, k.name, k.kind)
		}
	}
	fmt.Fprint(out, "<graph id=\"servicegraph\" edgedefault=\"directed\">\n")
	r := g.Report()
	first, last := "", ""
	if from, to := g.TimeRange(); !from.IsZero() && !to.IsZero() {
		first, last = from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano)
	}
	writeData(out, "graph", graphKeys, first, last, float64(r.Traces), float64(r.Spans), float64(r.LeftOutNodes), float64(r.LeftOutEdges))

	names := newIdents()
	for n := range g.Nodes() {
		m := measureNode(g, n)
		namespace, selfTime := "", millis(n.SelfTime)
		if n.ID.Namespace != "" {
			namespace = visible(n.ID.Namespace)
		}
		if n.ID.Type != servicegraph.TypeService && n.ID.Type != servicegraph.TypeGroup {
			selfTime = math.NaN() // it has no spans
		}
		fmt.Fprintf(out, "<node id=%q>\n", names.node(n.ID))
		writeData(out, "node", nodeKeys, visible(n.ID.String()), namespace, visible(n.ID.Name), visible(string(n.ID.Type)),
			n.Entries, n.Requests.Calls, n.Requests.Errors, m.errorRate, m.perSecond, m.p50, m.p95, m.p99, m.max, selfTime)
		fmt.Fprint(out, "</node>\n")
	}
	i := 0
	for e := range g.Edges() {
		m := measureEdge(g, e)
		fmt.Fprintf(out, "<edge id=\"e%d\" source=%q target=%q>\n", i, names.node(e.ID.From), names.node(e.ID.To))
		writeData(out, "edge", edgeKeys, visible(string(e.ID.Kind)), e.Calls,
			e.Calls, e.Errors, m.errorRate, m.perSecond, m.p50, m.p95, m.p99, m.max, e.Recovered, e.Retries)
		fmt.Fprint(out, "</edge>\n")
		i++
	}
	fmt.Fprint(out, "</graph>\n</graphml>\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing GraphML: %w", err)
	}
	return nil
}

// A graphKey declares a datum. Many readers show the one with the name label, and
// take weight for the thickness of an edge.
type graphKey struct{ name, kind string }

var (
	graphKeys = []graphKey{
		{"first", "string"}, {"last", "string"},
		{"traces", "long"}, {"spans", "long"}, {"left_out_nodes", "long"}, {"left_out_edges", "long"},
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

// writeData writes values, a string or a float64 for each key, without those that
// are empty or unknown.
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
