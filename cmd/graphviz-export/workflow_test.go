package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestWorkflow runs those steps of the example workflow that are commands, with stand-ins for the
// programs go and gh. The stand-in for the integration tests writes HotROD's traces. The graph of
// the main branch is first the example without mysql, and then the graph of the traces themselves.
func TestWorkflow(t *testing.T) {
	text, err := os.ReadFile("../../examples/ci/service-graph.yml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct{ Steps []workflowStep }
	}
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	traces, err := filepath.Abs(hotrod)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, base, comment string
		failing             string // the step that fails
	}{
		{"changes", `zcat "$BEFORE" > base/graph.json`, "new edge | `customer → mysql`", "compare"},
		{"no change", `cp graph.json base/graph.json`, "**Service graph: no change.**", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, bin := t.TempDir(), t.TempDir()
			writeScripts(t, bin, map[string]string{
				"go": `case "$1" in test) mkdir traces && cp "$TRACES" traces/;; esac`,
				"gh": `case "$1 $2" in
"run list") echo 7;;
"run download") test "$3" = 7 && mkdir base && ` + c.base + `;;
"pr comment") test "$3" = 12 && while [ "$1" != --body-file ]; do shift; done && cp "$2" comment.md;;
esac`,
			})
			ran, failed := 0, ""
			env := append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TRACES="+traces, "BEFORE="+filepath.Join(filepath.Dir(traces), "../ci/before.json.gz"))
			for _, step := range workflow.Jobs["diff"].Steps {
				if step.Run == "" {
					continue
				}
				out, err := step.run(dir, env)
				if _, exited := errors.AsType[*exec.ExitError](err); err != nil && (!exited || step.Name != c.failing) {
					t.Fatalf("step %s: %v\n%s", step.Name, err, out)
				}
				if err != nil {
					failed = step.Name
				}
				ran++
			}
			if failed != c.failing || ran < 5 {
				t.Errorf("%d steps ran, and %q failed, want %q", ran, failed, c.failing)
			}
			comment, err := os.ReadFile(filepath.Join(dir, "comment.md"))
			if err != nil || !strings.Contains(string(comment), c.comment) {
				t.Errorf("the comment lacks %q: %v\n%s", c.comment, err, comment)
			}
			for _, name := range []string{"graph.svg", "diff.html"} {
				if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// writeScripts writes programs, which are scripts of a shell, by name.
func writeScripts(t *testing.T, dir string, scripts map[string]string) {
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
}

// A workflowStep is a step of a job of GitHub.
type workflowStep struct {
	Name, Run string
	Env       map[string]string
}

// run runs the script of the step as GitHub does. Each variable of the step is 12, in place of an
// expression that GitHub evaluates.
func (s workflowStep) run(dir string, env []string) ([]byte, error) {
	cmd := exec.Command("bash", "-eo", "pipefail", "-c", s.Run)
	cmd.Dir, cmd.Env = dir, slices.Clone(env)
	for name := range s.Env {
		cmd.Env = append(cmd.Env, name+"=12")
	}
	return cmd.CombinedOutput()
}
