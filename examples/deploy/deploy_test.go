// Package deploy_test checks the files of this directory with doctor, and with the servers that
// read the files.
package deploy_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tempograph/tempograph/internal/child"
	"github.com/tempograph/tempograph/internal/collectortest"
	"github.com/tempograph/tempograph/internal/promtest"
	"github.com/tempograph/tempograph/otelsetup/configcheck"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

func TestDoctorFindsNoMistake(t *testing.T) {
	checked := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		checked++
		result, err := configcheck.Check(path, text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, f := range result.Findings {
			t.Errorf("%s:%d: %s: %s", path, f.Line, f.Severity, f.Problem)
		}
		return nil
	})
	if err != nil || checked < 12 {
		t.Errorf("checked %d files, want at least 12: %v", checked, err)
	}
}

// TestDoctorFindsEachMistake: doctor finds the mistakes that the comments in the files warn of.
func TestDoctorFindsEachMistake(t *testing.T) {
	for _, test := range []struct{ file, right, wrong string }{
		{"helm/tempo-2.9.yaml", "metricsGenerator:", "metrics_generator:"},
		{"helm/tempo-3.yaml", "\noverrides:", "\nglobal_overrides:"},
		{"helm/prometheus.yaml", "    - web.enable-remote-write-receiver\n", ""},
		{"helm/collector.yaml", "exporters: [otlp]", "exporters: [debug]"},
		{"compose/collector.yaml", "tempo:4317", "tempo:4318"},
		{"compose/tempo.yaml", "[service-graphs, span-metrics]", "[]"},
		{"compose/compose.yaml", "      - --web.enable-remote-write-receiver\n", ""},
		{"compose/datasources.yaml", "datasourceUid: prometheus", "datasourceUid: mimir"},
		{"kubernetes/config.yaml", "prometheus:9090/api/v1/write", "prometheus:9090/write"},
		{"kubernetes/prometheus.yaml", "            - --web.enable-remote-write-receiver\n", ""},
	} {
		text, err := os.ReadFile(test.file)
		if err != nil {
			t.Fatal(err)
		}
		broken := strings.Replace(string(text), test.right, test.wrong, 1)
		if broken == string(text) {
			t.Errorf("%s does not have %q", test.file, test.right)
		}
		if result, err := configcheck.Check(test.file, []byte(broken)); err != nil || len(result.Findings) == 0 {
			t.Errorf("%s with %q in place of %q: no finding, %v", test.file, test.wrong, test.right, err)
		}
	}
}

// config returns the text of a configuration in Docker Compose, and requires that the manifests
// of Kubernetes have the same.
func config(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("compose", name))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile("kubernetes/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Data map[string]string }
	if err := yaml.Unmarshal(manifest, &m); err != nil {
		t.Fatal(err)
	}
	if m.Data[name] != string(text) {
		t.Errorf("kubernetes/config.yaml has another %s than compose:\n%s", name, m.Data[name])
	}
	return string(text)
}

func TestServersAcceptTheirConfiguration(t *testing.T) {
	prometheus, tempo, collector := config(t, "prometheus.yaml"), "compose/tempo.yaml", "compose/collector.yaml"
	config(t, "tempo.yaml")
	config(t, "collector.yaml")
	config(t, "datasources.yaml")

	if out, err := promtest.CheckConfig(t, "compose/prometheus.yaml"); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	promtest.Start(t, promtest.Config{File: prometheus}) // Prometheus does not start with an invalid file
	if out, err := collectortest.Validate(t, collector); err != nil {
		t.Errorf("the Collector: %v\n%s", err, out)
	}
	program, err := tempotest.Build(t.Context())
	if err != nil {
		child.Unavailable(t, err)
	}
	if out, err := verify(t, program, tempo); err != nil {
		t.Errorf("Tempo: %v\n%s", err, out)
	}
}

// verify returns the output of Tempo's own check of a configuration, and an error if Tempo warns
// about the configuration or refuses it.
func verify(t *testing.T, program, file string) (output string, err error) {
	out, err := exec.CommandContext(t.Context(), program, "-config.verify=true", "-config.file="+file).CombinedOutput()
	return string(out), err
}
