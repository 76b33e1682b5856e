package servicegraph_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// runScenarios runs every txtar file of testdata/DIR as a subtest. A file has a comment
// that gives the reason for the case, and at least two sections: the last one is the
// expected result of make for the others. GRAPHTEST_UPDATE=1 writes the actual results
// into the files.
func runScenarios(t *testing.T, dir string, make func(t *testing.T, given []txtar.File, last string) string) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n := len(archive.Files) - 1
			if n < 1 || len(archive.Comment) == 0 {
				t.Fatal("want a reason and two sections at least")
			}
			last := &archive.Files[n]
			got := make(t, archive.Files[:n], last.Name)
			if os.Getenv("GRAPHTEST_UPDATE") != "" {
				last.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(last.Data), got); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", last.Name, diff)
			}
		})
	}
}

// section returns the text of section i, which must have the given name.
func section(t *testing.T, given []txtar.File, i int, name string) string {
	t.Helper()
	if i < 0 || i >= len(given) || given[i].Name != name {
		t.Fatalf("want the section %s in place %d", name, i+1)
	}
	return string(given[i].Data)
}
