// Package grafana tests the dashboard and the data sources in this directory.
package grafana

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/tempograph/tempograph/internal/promtest"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph/remotewrite"
)

const file = "dashboards/service-graph.json"

// TestDashboardSchema: the dashboard has only fields that Grafana's SDK knows.
func TestDashboardSchema(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard.Dashboard
	if err := d.UnmarshalJSONStrict(text); err != nil && err.Error() != "" { // the SDK returns an empty list of errors
		t.Errorf("%s: %v", file, err)
	}
	if err := d.Validate(); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

// panels returns the expressions for Prometheus by the titles of the panels.
func panels(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct {
				Expr       string
				QueryType  string
				Datasource struct{ Type, UID string }
			}
		}
		Templating struct {
			List []struct{ Name, Type, Query string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]string)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			switch target.Datasource.Type {
			case "prometheus":
				found[p.Title] = append(found[p.Title], target.Expr)
			case "tempo":
				if target.QueryType != "serviceMap" {
					t.Errorf("%s: query type %s of Tempo", p.Title, target.QueryType)
				}
			default:
				t.Errorf("%s: data source %s", p.Title, target.Datasource.Type)
			}
		}
	}
	for _, v := range d.Templating.List {
		if query, ok := strings.CutPrefix(v.Query, "label_values("); ok {
			metric, label, _ := strings.Cut(strings.TrimSuffix(query, ")"), ", ")
			found["variable "+v.Name] = []string{"group by (" + label + ") (" + metric + ")"}
		}
	}
	return found
}

// TestQueries runs every query of the dashboard against a real Prometheus, to which the series of a
// graph are written.
func TestQueries(t *testing.T) {
	server := promtest.Start(t, promtest.Config{})
	call := 0
	id := servicegraph.EdgeID{From: servicegraph.NodeID{Name: "web", Type: servicegraph.TypeService}, To: servicegraph.NodeID{Name: "cart", Type: servicegraph.TypeService}, Kind: servicegraph.EdgeRequest}
	collector := promgraph.NewCollector(func() *servicegraph.Graph {
		call++
		latency := servicegraph.NewLatency([]servicegraph.LatencyBucket{{Above: 50 * time.Millisecond, UpTo: 60 * time.Millisecond, Count: 10}}, 0)
		stats := servicegraph.Stats{Calls: 10, Errors: 1, Latency: latency}
		g, err := servicegraph.NewGraph(nil, []servicegraph.Edge{{ID: id, Calls: 10, Errors: 1, Caller: stats, Callee: stats}}, servicegraph.Report{})
		if err != nil {
			panic(err)
		}
		return g
	}, promgraph.Config{})
	writer, err := remotewrite.New(collector.Series, remotewrite.Config{URL: server.RemoteWriteURL(), Interval: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		writer.Run(t.Context()) // ends before the cleanup of the test stops Prometheus
	}()
	t.Cleanup(func() { <-done })

	c, err := api.NewClient(api.Config{Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	client := v1.NewAPI(c)
	variables := strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h", "$client", ".*", "$server", ".*")
	all := panels(t)
	if len(all) < 8 {
		t.Errorf("only %d panels and variables with queries", len(all))
	}
	for title, expressions := range all {
		for _, e := range expressions {
			e = variables.Replace(e)
			var result model.Value
			for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
				result, _, _, err = client.Query(t.Context(), e, time.Now())
				if err != nil {
					t.Fatalf("%s: %s: %v", title, e, err)
				}
				if v, ok := result.(model.Vector); ok && len(v) > 0 && v[0].Value == v[0].Value || time.Now().After(deadline) {
					break
				}
			}
			if v, ok := result.(model.Vector); !ok || len(v) == 0 {
				t.Errorf("%s: %s gives nothing", title, e)
			}
		}
	}
}

// TestProvisioning: the dashboard and the data sources refer to each other by uids that exist.
func TestProvisioning(t *testing.T) {
	text, err := os.ReadFile("datasources/datasources.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var provisioned struct {
		Datasources []struct {
			UID, Type string
			JSONData  struct {
				ServiceMap struct {
					DatasourceUID string `yaml:"datasourceUid"`
				} `yaml:"serviceMap"`
				Exemplars []struct {
					Name          string
					DatasourceUID string `yaml:"datasourceUid"`
				} `yaml:"exemplarTraceIdDestinations"`
			} `yaml:"jsonData"`
		}
	}
	if err := yaml.Unmarshal(text, &provisioned); err != nil {
		t.Fatal(err)
	}
	types := make(map[string]string)
	for _, d := range provisioned.Datasources {
		types[d.UID] = d.Type
	}
	for _, d := range provisioned.Datasources {
		switch d.Type {
		case "tempo":
			if types[d.JSONData.ServiceMap.DatasourceUID] != "prometheus" {
				t.Errorf("Tempo's service map refers to %q", d.JSONData.ServiceMap.DatasourceUID)
			}
		case "prometheus":
			if len(d.JSONData.Exemplars) != 1 || d.JSONData.Exemplars[0].Name != "traceID" || types[d.JSONData.Exemplars[0].DatasourceUID] != "tempo" {
				t.Errorf("exemplars of Prometheus: %+v", d.JSONData.Exemplars)
			}
		}
	}
}
