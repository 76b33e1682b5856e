package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuestions runs the commands of docs/questions.md. Their output must be the output on the
// page, and their images must be the images beside the page. With GRAPHTEST_UPDATE=1 it writes the
// page and the images.
func TestQuestions(t *testing.T) {
	const page, images = "../../docs/questions.md", "../../docs/questions"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(root, "examples"), filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	update := os.Getenv("GRAPHTEST_UPDATE") != ""
	var out strings.Builder
	commands, inside := 0, false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "```") {
			inside = line == "```console\n"
		}
		command, found := strings.CutPrefix(line, "$ ")
		if !inside || !found {
			if !inside || line == "```console\n" {
				out.WriteString(line)
			}
			continue
		}
		commands++
		cmd := exec.Command("bash", "-c", command)
		cmd.Dir = dir
		result, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", command, err, result)
		}
		out.WriteString(line)
		out.Write(result)
	}
	if commands < 4 {
		t.Errorf("the page has %d commands, want at least 4", commands)
	}
	if got := out.String(); got != string(text) {
		if update {
			err = os.WriteFile(page, []byte(got), 0o666)
		} else {
			t.Errorf("%s is stale: GRAPHTEST_UPDATE=1 go test -run TestQuestions ./cmd/graphviz-export writes it; now\n%s", page, got)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	if err != nil || len(drawn) == 0 {
		t.Fatalf("the commands draw no image: %v", err)
	}
	for _, file := range drawn {
		want := filepath.Join(images, filepath.Base(file))
		image, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if update {
			if err := os.MkdirAll(images, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(want, image, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := os.ReadFile(want); err != nil || !bytes.Equal(kept, image) {
			t.Errorf("%s is stale: %v", want, err)
		}
	}
}
