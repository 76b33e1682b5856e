package servicegraph_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestExplain runs every file of testdata/explain: spans, a line "FROM TO", and
// what Explain says of the two.
func TestExplain(t *testing.T) {
	files, err := filepath.Glob("testdata/explain/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) != 2 || archive.Files[0].Name != "spans" || len(archive.Comment) == 0 {
				t.Fatal("want a reason, the section spans and one named after the two services")
			}
			from, to, ok := strings.Cut(archive.Files[1].Name, " to ")
			if !ok {
				t.Fatalf("section %q, want FROM to TO", archive.Files[1].Name)
			}
			b := sg.NewBuilder(sg.Config{})
			for _, s := range mustParse(t, string(archive.Files[0].Data)) {
				b.Add(s)
			}
			got := strings.NewReplacer(hexNames(archive)...).Replace(b.Explain(service(from), service(to)).String())
			if os.Getenv("GRAPHTEST_UPDATE") != "" {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// hexNames pairs the ids of the spans, as hexadecimal digits, with their names in
// the scenario.
func hexNames(archive *txtar.Archive) (pairs []string) {
	for line := range strings.Lines(string(archive.Files[0].Data)) {
		if words := strings.Fields(line); len(words) > 2 {
			name, _, _ := strings.Cut(words[2], "<")
			trace, span := parseID(name)
			traceName, spanName, found := strings.Cut(name, ":")
			if !found {
				traceName, spanName = "trace", name
			}
			pairs = append(pairs, trace.String(), traceName, span.String(), spanName)
		}
	}
	return pairs
}
