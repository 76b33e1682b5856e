package deploy_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tempograph/tempograph/internal/child"
	"github.com/tempograph/tempograph/internal/collectortest"
	"github.com/tempograph/tempograph/internal/promtest"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

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

// TestServersAcceptHelmValues: the servers accept those parts of the Helm values that are their own
// configuration. The module internal/helmtest renders the charts with the values.
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
	promtest.Start(t, promtest.Config{NoReceiver: true, Args: flags}) // Prometheus does not start with an unknown flag

	// The chart merges default configuration into the values, such as a receiver for OTLP.
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
