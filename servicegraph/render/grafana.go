package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/tempograph/tempograph/servicegraph"
)

// Grafana writes the two data frames of Grafana's node graph panel, nodes and edges.
// The output is a JSON array of frames in the format of Grafana's API, which a data
// source returns, and which the TestData data source accepts as raw frames.
//
// A node shows the 95th percentile of the latency and the number of incoming requests;
// the ring around the node shows the ratio of failed requests. The name, the namespace
// and the type are below the node. An edge shows the same numbers when the pointer is on
// it; the width, dashes and color of the line are those of [DOT]. A click shows all other
// numbers, and the ids of the slowest trace and of a failed trace.
type Grafana struct{ Style }

// A frame is a data frame, a table of columns of equal length.
type frame struct {
	Schema frameSchema `json:"schema"`
	Data   frameData   `json:"data"`
}

type frameSchema struct {
	Name   string       `json:"name"`
	Meta   frameMeta    `json:"meta"`
	Fields []frameField `json:"fields"`
}

type frameMeta struct {
	Visualisation string `json:"preferredVisualisationType"`
}

type frameField struct {
	Name   string      `json:"name"`
	Type   string      `json:"type"` // string or number
	Config frameConfig `json:"config"`
}

type frameConfig struct {
	Title string      `json:"displayName,omitempty"`
	Unit  string      `json:"unit,omitempty"`
	Color *frameColor `json:"color,omitempty"`
}

type frameColor struct {
	Mode  string `json:"mode"`
	Fixed string `json:"fixedColor"`
}

type frameData struct {
	Values [][]any `json:"values"`
}

// Render writes g to w.
func (x Grafana) Render(w io.Writer, g *servicegraph.Graph) error {
	var out bytes.Buffer
	separator := "[\n"
	for _, f := range []frame{nodesFrame(g), x.edgesFrame(g)} {
		data, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("encoding data frames: %w", err)
		}
		out.WriteString(separator)
		out.Write(data)
		separator = ",\n"
	}
	out.WriteString("\n]\n")
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("writing data frames: %w", err)
	}
	return nil
}

func nodesFrame(g *servicegraph.Graph) frame {
	f := newFrame("nodes", []frameField{
		textField("id", ""), textField("title", ""), textField("subtitle", ""),
		numberField("mainstat", "p95", "ms"), numberField("secondarystat", "Requests", "calls"),
		arcField("arc__errors", "Errors", colorFailLine), arcField("arc__ok", "OK", colorLine), arcField("arc__idle", "No incoming calls", "#d5dae1"),
		textField("detail__namespace", "Namespace"), textField("detail__type", "Type"),
		numberField("detail__entries", "From outside", "calls"), numberField("detail__errors", "Errors", "calls"),
		numberField("detail__rate", "Rate", "calls/s"),
		numberField("detail__p50", "p50", "ms"), numberField("detail__p99", "p99", "ms"), numberField("detail__max", "Slowest", "ms"),
	}, g.NumNodes())
	for n := range g.Nodes() {
		m := nodeMeasures(g, n)
		failed, ok, idle := 0.0, 0.0, 1.0
		if n.Requests.Calls > 0 {
			failed, ok, idle = m.errorRate, 1-m.errorRate, 0
		}
		kind, namespace := grafanaName(string(n.ID.Type)), ""
		subtitle := kind
		if n.ID.Namespace != "" {
			namespace = grafanaName(n.ID.Namespace)
			subtitle = namespace + " · " + kind
		}
		f.add(NodeID(n.ID), grafanaName(n.ID.Name), subtitle,
			m.p95, n.Requests.Calls,
			failed, ok, idle,
			namespace, kind,
			n.Entries, n.Requests.Errors,
			m.perSecond,
			m.p50, m.p99, m.max)
	}
	return f
}

func (x Grafana) edgesFrame(g *servicegraph.Graph) frame {
	f := newFrame("edges", []frameField{
		textField("id", ""), textField("source", ""), textField("target", ""),
		numberField("mainstat", "p95", "ms"), numberField("secondarystat", "Calls", "calls"),
		numberField("thickness", "", ""), textField("color", ""), textField("strokeDasharray", ""),
		textField("detail__kind", "Kind"), numberField("detail__errors", "Errors", "calls"), numberField("detail__error_rate", "Error rate", "%"),
		numberField("detail__rate", "Rate", "calls/s"),
		numberField("detail__p50", "p50", "ms"), numberField("detail__p99", "p99", "ms"), numberField("detail__max", "Slowest", "ms"),
		textField("detail__slowest_trace", "Slowest trace"), textField("detail__failed_trace", "Failed trace"),
	}, g.NumEdges())
	for e := range g.Edges() {
		m := edgeMeasures(g, e)
		from, to, kind := NodeID(e.ID.From), NodeID(e.ID.To), grafanaName(string(e.ID.Kind))
		f.add(from+" > "+to+" "+encode(string(e.ID.Kind)), from, to,
			m.p95, e.Calls,
			math.Round(100*lineWidth(e.Calls))/100, x.edgeColor(e), grafanaDashes(e.ID.Kind),
			kind, e.Errors, 100*m.errorRate,
			m.perSecond,
			m.p50, m.p99, m.max,
			firstTrace(e.Slowest), firstTrace(e.Failed))
	}
	return f
}

func newFrame(name string, fields []frameField, rows int) frame {
	f := frame{Schema: frameSchema{name, frameMeta{"nodeGraph"}, fields}}
	f.Data.Values = make([][]any, len(fields))
	for i := range fields {
		f.Data.Values[i] = make([]any, 0, rows)
	}
	return f
}

// add appends a row. NaN and the empty string become null.
func (f *frame) add(row ...any) {
	for i, v := range row {
		if n, ok := v.(float64); ok && math.IsNaN(n) || v == "" {
			v = nil
		}
		f.Data.Values[i] = append(f.Data.Values[i], v)
	}
}

func textField(name, title string) frameField {
	return frameField{name, "string", frameConfig{Title: title}}
}

func numberField(name, title, unit string) frameField {
	return frameField{name, "number", frameConfig{Title: title, Unit: unit}}
}

// arcField returns the field for one segment of the ring around a node. The segments
// of a node add up to 1.
func arcField(name, title, color string) frameField {
	return frameField{name, "number", frameConfig{Title: title, Color: &frameColor{"fixed", color}}}
}

// grafanaName returns a name that is short enough for the panel, which shortens no
// name.
func grafanaName(name string) string { return shorten(visible(name), 200) }

// edgeColor returns the color of an edge, or the empty string for the default of the
// panel.
func (x Grafana) edgeColor(e servicegraph.Edge) string {
	return [...]string{"", colorWarnLine, colorFailLine}[x.EdgeLevel(e)]
}

func grafanaDashes(k servicegraph.EdgeKind) string {
	switch k {
	case servicegraph.EdgeMessage:
		return "6 4"
	case servicegraph.EdgeBridged:
		return "1 4"
	}
	return ""
}

func firstTrace(list []servicegraph.Exemplar) string {
	if len(list) == 0 {
		return ""
	}
	return list[0].TraceID.String()
}
