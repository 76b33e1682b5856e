package live

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// The JSON of the node graph API data source of Grafana: fields first describes the columns, and
// data then has the rows.

type nodeGraphField struct {
	FieldName   string `json:"field_name"`
	Type        string `json:"type"`
	DisplayName string `json:"displayName,omitempty"`
	Color       string `json:"color,omitempty"`
}

var nodeGraphFields = map[string][]nodeGraphField{
	"nodes_fields": {
		{FieldName: "id", Type: "string"},
		{FieldName: "title", Type: "string", DisplayName: "Name"},
		{FieldName: "subTitle", Type: "string", DisplayName: "Type"},
		{FieldName: "mainStat", Type: "string", DisplayName: "p95"},
		{FieldName: "secondaryStat", Type: "string", DisplayName: "Requests"},
		{FieldName: "arc__ok", Type: "number", Color: "green", DisplayName: "Succeeded"},
		{FieldName: "arc__failed", Type: "number", Color: "red", DisplayName: "Failed"},
	},
	"edges_fields": {
		{FieldName: "id", Type: "string"},
		{FieldName: "source", Type: "string"},
		{FieldName: "target", Type: "string"},
		{FieldName: "mainStat", Type: "string", DisplayName: "Calls"},
		{FieldName: "secondaryStat", Type: "string", DisplayName: "Errors, p95"},
	},
}

type nodeGraph struct {
	Nodes []nodeGraphNode `json:"nodes"`
	Edges []nodeGraphEdge `json:"edges"`
}

type nodeGraphNode struct {
	ID            string  `json:"id"`
	Title         string  `json:"title"`
	SubTitle      string  `json:"subTitle"`
	MainStat      string  `json:"mainStat"`
	SecondaryStat string  `json:"secondaryStat"`
	OK            float64 `json:"arc__ok"`
	Failed        float64 `json:"arc__failed"`
}

type nodeGraphEdge struct {
	ID            string `json:"id"`
	Source        string `json:"source"`
	Target        string `json:"target"`
	MainStat      string `json:"mainStat"`
	SecondaryStat string `json:"secondaryStat"`
}

// nodeGraphOf returns the rows for a graph.
func nodeGraphOf(g *servicegraph.Graph) nodeGraph {
	out := nodeGraph{Nodes: []nodeGraphNode{}, Edges: []nodeGraphEdge{}}
	ids := make(map[servicegraph.NodeID]string)
	for n := range g.Nodes() {
		ids[n.ID] = fmt.Sprintf("n%d", len(ids)) // names of different types can be the same
		failed := n.Requests.ErrorRate()
		out.Nodes = append(out.Nodes, nodeGraphNode{
			ID: ids[n.ID], Title: render.NameText(n.ID.String(), 100), SubTitle: string(n.ID.Type),
			MainStat:      latencyText(n.Requests.Latency),
			SecondaryStat: render.CountText(n.Requests.Calls),
			OK:            1 - failed, Failed: failed,
		})
	}
	for e := range g.Edges() {
		latency, _, _ := e.Latency()
		out.Edges = append(out.Edges, nodeGraphEdge{
			ID: fmt.Sprintf("e%d", len(out.Edges)), Source: ids[e.ID.From], Target: ids[e.ID.To],
			MainStat:      render.CountText(e.Calls),
			SecondaryStat: render.PercentText(e.Errors, e.Calls) + ", " + latencyText(latency),
		})
	}
	return out
}

// latencyText returns the 95th percentile, "–" if it was not measured.
func latencyText(l servicegraph.Latency) string {
	if l.Count() == 0 {
		return "–"
	}
	return render.DurationText(max(l.Quantile(0.95), time.Nanosecond))
}

// writeJSON writes a document that must not be cached.
func writeJSON(w http.ResponseWriter, v any) {
	doc, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, "application/json", inert, doc)
}
