package tempograph_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocImagesAreMadeByTests: every image in the README and the documentation exists, and a test
// makes the image. The test's code names the file, or the directory for a directory of images.
func TestDocImagesAreMadeByTests(t *testing.T) {
	var tests strings.Builder
	for _, pattern := range []string{"cmd/graphviz-export/*_test.go", "internal/browsertest/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(text)
		}
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	images := 0
	for _, page := range append(pages, "README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`!\[[^\]]*\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
			images++
			file := filepath.Join(filepath.Dir(page), found[1])
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", page, err)
			}
			name := strings.TrimPrefix(filepath.ToSlash(file), "docs/")
			if dir, _, _ := strings.Cut(name, "/"); !strings.Contains(tests.String(), name) && !(dir != name && strings.Contains(tests.String(), dir)) {
				t.Errorf("%s: no test makes %s", page, file)
			}
		}
	}
	if images < 5 {
		t.Errorf("found %d images, want 5 or more", images)
	}
}
