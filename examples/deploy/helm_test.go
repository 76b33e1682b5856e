package deploy_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tempograph/tempograph/internal/child"
	"github.com/tempograph/tempograph/internal/collectortest"
	"github.com/tempograph/tempograph/internal/promtest"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// The values that the charts document, as far as the files in helm use them: the kind of YAML node, or
// the values that a schema permits. A test has no network to get the charts, and Helm ignores a value that a
// chart does not know, so that a list of values shows more than a rendered chart.
var (
	tempoValues = map[string]string{
		"traces.otlp.grpc.enabled":                     "true|false",
		"traces.otlp.http.enabled":                     "true|false",
		"metricsGenerator.enabled":                     "true|false",
		"metricsGenerator.config.storage.path":         "text",
		"metricsGenerator.config.storage.remote_write": "list",
		"overrides": "mapping", // of Tempo's own configuration
	}
	chartValues = map[string][]map[string]string{
		"tempo-2.9.yaml":  {tempoValues},
		"tempo-3.yaml":    {tempoValues, {"ingest": "mapping"}}, // of Tempo's own configuration
		"prometheus.yaml": {{"server.extraFlags": "list"}},
		"collector.yaml": {{
			"mode":             "daemonset|deployment|statefulset", // of values.schema.json
			"image.repository": "text",
			"config":           "mapping", // of the Collector's own configuration
		}},
	}
)

func TestHelmValues(t *testing.T) {
	files, err := filepath.Glob("helm/*.yaml")
	if err != nil || len(files) != len(chartValues) {
		t.Errorf("%d files of values, and the values of %d are known: %v", len(files), len(chartValues), err)
	}
	for _, file := range files {
		known := make(map[string]string)
		for _, values := range chartValues[filepath.Base(file)] {
			for path, kind := range values {
				known[path] = kind
			}
		}
		used := make(map[string]bool)
		checkValues(t, file, values[yaml.Node](t, file).Content[0], "", known, used)
		for path := range known {
			if !used[path] {
				t.Errorf("%s does not use %s", file, path)
			}
		}
	}
}

// checkValues checks a mapping of values against those that are known.
func checkValues(t *testing.T, file string, mapping *yaml.Node, parent string, known map[string]string, used map[string]bool) {
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		path := strings.TrimPrefix(parent+"."+key.Value, ".")
		kind, ok := known[path]
		used[path] = true
		switch {
		case !ok && value.Kind == yaml.MappingNode:
			checkValues(t, file, value, path, known, used)
		case !ok:
			t.Errorf("%s:%d: the chart has no value %s", file, key.Line, path)
		case kind == "mapping" && value.Kind == yaml.MappingNode, kind == "list" && value.Kind == yaml.SequenceNode, kind == "text" && value.Tag == "!!str":
		case !slices.Contains(strings.Split(kind, "|"), value.Value):
			t.Errorf("%s:%d: %s is not a %s", file, key.Line, path, kind)
		}
	}
}

// values reads a file of values.
func values[T any](t *testing.T, file string) (v T) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The parts of the servers' own configurations in the values are accepted by the servers.
func TestServersAcceptHelmValues(t *testing.T) {
	write := func(config any) string {
		t.Helper()
		text, err := yaml.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}

	var flags []string
	for _, f := range values[struct {
		Server struct {
			ExtraFlags []string `yaml:"extraFlags"`
		}
	}](t, "helm/prometheus.yaml").Server.ExtraFlags {
		flags = append(flags, "--"+f) // as the chart does
	}
	promtest.Start(t, promtest.Config{NoReceiver: true, Args: flags}) // it does not start with an unknown flag

	// The chart merges its own configuration with the values: among others, a receiver for OTLP.
	collector := values[struct{ Config map[string]any }](t, "helm/collector.yaml").Config
	collector["receivers"] = map[string]any{"otlp": map[string]any{"protocols": map[string]any{"grpc": nil}}}
	traces := collector["service"].(map[string]any)["pipelines"].(map[string]any)["traces"].(map[string]any)
	traces["receivers"] = []string{"otlp"}
	if out, err := collectortest.Validate(t, write(collector)); err != nil {
		t.Errorf("the Collector: %v\n%s", err, out)
	}

	program, err := tempotest.Build(t.Context())
	if err != nil {
		child.Unavailable(t, err)
	}
	tempo := values[struct {
		Overrides        any
		MetricsGenerator struct{ Config any } `yaml:"metricsGenerator"`
	}](t, "helm/tempo-2.9.yaml")
	if out, err := verify(t, program, write(map[string]any{"overrides": tempo.Overrides, "metrics_generator": tempo.MetricsGenerator.Config})); err != nil {
		t.Errorf("Tempo: %v\n%s", err, out)
	}
	if _, err := verify(t, program, write(map[string]any{"overrides": tempo.Overrides, "metricsGenerator": tempo.MetricsGenerator.Config})); err == nil {
		t.Error("Tempo's own check does not see a key of the chart in its configuration")
	}
}
