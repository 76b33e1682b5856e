package graphtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// leave writes a graph to the test's artifact directory, if it has one, as graph.txt,
// graph.dot and graph.mmd. The second graph of a test becomes graph-2.txt and so on.
func leave(t T, g *servicegraph.Graph) {
	t.Helper()
	keeper, ok := t.(interface{ ArtifactDir() string })
	if !ok {
		return
	}
	dir := keeper.ArtifactDir()
	for _, f := range []struct {
		extension string
		renderer  render.Renderer
	}{{"txt", render.Table{}}, {"dot", render.DOT{Style: render.Style{SelfEdges: true}}}, {"mmd", render.Mermaid{}}} {
		if err := writeNew(dir, f.extension, f.renderer, g); err != nil {
			t.Errorf("keeping the graph: %v", err)
		}
	}
}

// writeNew writes a graph to the first of these files that does not exist yet.
func writeNew(dir, extension string, r render.Renderer, g *servicegraph.Graph) error {
	for n := 1; ; n++ {
		name := "graph." + extension
		if n > 1 {
			name = fmt.Sprintf("graph-%d.%s", n, extension)
		}
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		return errors.Join(r.Render(f, g), f.Close())
	}
}
