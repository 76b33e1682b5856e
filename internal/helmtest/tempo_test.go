package helmtest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tempograph/tempograph/internal/child"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// envTempo3 is the environment variable that names a program of Tempo 3. The tests do not build
// Tempo 3.
const envTempo3 = "TEMPO3_BIN"

// TestTempoAcceptsRendered gives the rendered configuration to the Tempo of the chart's version, and
// makes mistakes in the values that this Tempo must refuse.
func TestTempoAcceptsRendered(t *testing.T) {
	for _, i := range charts(t, "tempo-distributed") {
		t.Run(i.String(), func(t *testing.T) {
			version, _, _ := strings.Cut(i.load(t).Metadata.AppVersion, ".")
			program := tempo(t, version)
			right := i.values(t)
			if err := verify(t, program, write(t, i.render(t, right).file(t, "tempo.yaml"))); err != nil {
				t.Error(err)
			}
			for _, c := range []struct{ right, wrong string }{
				{"remote_write:", "remoteWrite:"},
				{"metrics_generator:\n      processors:", "metrics-generator:\n      processors:"},
				{"defaults:\n    metrics_generator:\n      processors:", "metrics_generator_processors:"}, // the flat format of Tempo before 2.3
			} {
				wrong := strings.Replace(right, c.right, c.wrong, 1)
				if wrong == right {
					t.Errorf("%s does not have %q", i.file, c.right)
				}
				if verify(t, program, write(t, i.render(t, wrong).file(t, "tempo.yaml"))) == nil {
					t.Errorf("Tempo accepts %q in place of %q", c.wrong, c.right)
				}
			}
		})
	}
}

// TestConfigurationArrives checks that the parts of the values that are configuration of Tempo are
// in the rendered configuration: a chart that copies only certain keys of a part silently drops the
// others.
func TestConfigurationArrives(t *testing.T) {
	for _, i := range charts(t, "tempo-distributed") {
		var values struct {
			Overrides, Ingest any
			MetricsGenerator  struct{ Config any } `yaml:"metricsGenerator"`
		}
		var config map[string]any
		if err := yaml.Unmarshal([]byte(i.values(t)), &values); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(i.render(t, i.values(t)).file(t, "tempo.yaml")), &config); err != nil {
			t.Fatal(err)
		}
		for key, part := range map[string]any{"overrides": values.Overrides, "ingest": values.Ingest, "metrics_generator": values.MetricsGenerator.Config} {
			for _, problem := range missing(part, config[key], key) {
				t.Errorf("%s: %s: %s", i.file, i, problem)
			}
		}
	}
	got := missing(map[string]any{"a": 1, "b": map[string]any{"c": 2}, "d": []any{3}}, map[string]any{"a": 1, "b": map[string]any{}, "d": []any{4}}, "at")
	if want := []string{"at.b.c is <nil>, want 2", "at.d is [4], want [3]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// missing returns the keys of a part of the values that the configuration lacks.
func missing(part, config any, at string) (problems []string) {
	want, ok := part.(map[string]any)
	if !ok {
		if part != nil && !reflect.DeepEqual(part, config) {
			problems = append(problems, fmt.Sprintf("%s is %v, want %v", at, config, part))
		}
		return problems
	}
	got, _ := config.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		problems = append(problems, missing(want[key], got[key], at+"."+key)...)
	}
	return problems
}

// TestTempo3AcceptsCompose checks that Tempo 3 accepts the configuration in Docker Compose, which
// is also in the Kubernetes manifests: a user who upgrades Tempo need not change it.
func TestTempo3AcceptsCompose(t *testing.T) {
	if err := verify(t, tempo(t, "3"), filepath.Join(deploy, "compose/tempo.yaml")); err != nil {
		t.Error(err)
	}
}

// tempo returns the program of a version of Tempo. It skips the test if there is none.
func tempo(t *testing.T, version string) (program string) {
	t.Helper()
	switch version {
	case "2":
		program, err := tempotest.Build(t.Context())
		if err != nil {
			child.Unavailable(t, err)
		}
		return program
	case "3":
		program := os.Getenv(envTempo3)
		if program == "" {
			t.Skip("no Tempo 3 has read the configuration: set " + envTempo3 + " to the path of one")
		}
		out, err := exec.CommandContext(t.Context(), program, "-version").CombinedOutput()
		if err != nil || !strings.Contains(string(out), " version 3.") && !strings.Contains(string(out), " version v3.") {
			t.Fatalf("%s: %s is no Tempo 3: %v\n%s", envTempo3, program, err, out)
		}
		return program
	}
	t.Fatalf("no program of Tempo %s is known", version)
	return ""
}

// verify returns an error if Tempo warns of a configuration or refuses it.
func verify(t *testing.T, program, file string) error {
	out, err := exec.CommandContext(t.Context(), program, "-config.verify=true", "-config.file="+file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}
