package render

import (
	"fmt"
	"io"

	"github.com/tempograph/tempograph/servicegraph"
)

// JSON writes the graph in the versioned JSON of package servicegraph, and a newline.
// [servicegraph.ReadJSON] reads it.
type JSON struct{}

// Render writes g to w.
func (JSON) Render(w io.Writer, g *servicegraph.Graph) error {
	data, err := g.MarshalJSON()
	if err != nil {
		return fmt.Errorf("encoding JSON: %w", err)
	}
	if _, err := w.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}
