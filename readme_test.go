package tempograph_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeSnippets compiles the Go snippets of the README. The test makes each snippet the body
// of a function. The parameters of the function are the variables that the README assumes.
func TestReadmeSnippets(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	snippets := regexp.MustCompile("(?s)\n```go\n(.*?)\n```\n").FindAllSubmatch(readme, -1)
	if len(snippets) != 4 {
		t.Fatalf("%d snippets, want 4: set up, fetch and build, render, check", len(snippets))
	}
	var code strings.Builder
	code.WriteString(`package readme

import (
	"context"
	"io"
	"os"

	"github.com/tempograph/tempograph/otelsetup"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	"github.com/tempograph/tempograph/tempoclient"
)

var _ = os.Stdout

func setUp(ctx context.Context) error {
` + string(snippets[0][1]) + `
	return nil
}

func fetch(ctx context.Context) error {
` + string(snippets[1][1]) + `
	_ = g
	return nil
}

func draws(file io.Writer, g *servicegraph.Graph) error {
` + string(snippets[2][1]) + `
}

func checks(t graphtest.T, g *servicegraph.Graph) {
` + string(snippets[3][1]) + `
}
`)
	// An overlay adds a package to the module without writing to the source tree.
	dir := t.TempDir()
	source := filepath.Join(dir, "readme.go")
	if err := os.WriteFile(source, []byte(code.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "internal", "readme", "readme.go"): source}})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-overlay", overlayFile, "./internal/readme").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
